# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import time

import pytest
from conftest import Demo

import vmkit
import vmkit.aio


def test_a_container(demo: Demo) -> None:
    async def main() -> None:
        box = vmkit.aio.Container(demo.container())
        events: list[str] = []

        async def follow() -> None:
            async for event in box.events():
                events.append(event.type)

        following = asyncio.create_task(follow())
        async with box:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            results = await asyncio.gather(
                *(box.run("sh", "-c", f"sleep 1; echo {i}") for i in range(3))
            )
            assert [result.stdout for result in results] == ["0\n", "1\n", "2\n"]
            assert ticks > 20
            ticking.cancel()

            process = await box.exec("sh", "-c", "echo a; echo b")
            assert [line async for line in process.lines()] == ["a", "b"]
            assert await process.wait() == 0 and process.pid > 0
            assert (await box.statistics()).memory.usage > 0
            assert await vmkit.aio.call(box.files.read, "/etc/hostname")
            with pytest.raises(vmkit.NotFoundError):
                await box.run("no-such-program")
        await following
        assert events[-1] == "ended"

    asyncio.run(main())


def test_cancelling_stops_the_call(demo: Demo) -> None:
    async def main() -> None:
        async with vmkit.aio.Container(demo.container()) as box:
            began = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(box.run("sleep", "1000"), 0.3)
            assert time.monotonic() - began < 5
            assert not any("1000" in process.command for process in box.sync.top())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(box.wait(), 0.1)
            process = await box.exec("sleep", "1000")
            with pytest.raises(asyncio.TimeoutError):
                async with asyncio.timeout(0.1) if hasattr(asyncio, "timeout") else Never():
                    async for _ in process.lines():
                        pass
            assert (await box.run("true")).returncode == 0

    asyncio.run(main())


class Never:
    """asyncio.timeout came with Python 3.11."""

    async def __aenter__(self) -> None:
        raise asyncio.TimeoutError

    async def __aexit__(self, *args: object) -> None: ...


def test_call_passes_results_and_errors(demo: Demo) -> None:
    async def main() -> None:
        report = await vmkit.aio.call(demo.store.verify)
        assert report.clean
        with pytest.raises(vmkit.NotFoundError):
            await vmkit.aio.call(vmkit.push, demo.client, demo.store, "localhost/none:1")

    asyncio.run(main())
