# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, other signals, and the end of the interpreter, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import support
from conftest import Demo

PRELUDE = """
import os, signal, sys, threading, time
sys.path.insert(0, {tests!r})
import support, vmkit
store = vmkit.ImageStore({store!r})
image = store.resolve({reference!r})
backend = vmkit.QemuBackend(runtime_directory=vmkit.container.runtime_folder())
def container():
    return vmkit.Container(image, store=store, backend=backend, kernel=support.kernel(),
                           folder={folder!r})
def ready():
    print("ready", flush=True)
"""


def start(demo: Demo, folder: Path, program: str) -> subprocess.Popen[str]:
    prelude = PRELUDE.format(
        tests=os.path.dirname(support.__file__),
        store=str(demo.store.root),
        reference=demo.reference,
        folder=str(folder),
    )
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", prelude + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if line != "ready\n":
        raise AssertionError(process.communicate(timeout=60))
    return process


WAITS = {
    "process": "box.exec('sleep', '1000').wait()",
    "read": "box.exec('sleep', '1000').stdout.read()",
    "run": "box.run('sleep', '1000')",
    "machine": "box.wait()",
    "event": "next(box.events())",
    "probe": "box.wait_ready(vmkit.Probe(action=vmkit.TcpProbe(port=1)))",
}


def test_interrupts(demo: Demo, tmp_path: Path) -> None:
    """Each long call ends soon with KeyboardInterrupt, and the container goes on."""
    waits = ", ".join(f"lambda: {wait}" for wait in WAITS.values())
    program = f"""
with container() as box:
    for wait in [{waits}]:
        try:
            ready()
            wait()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        assert box.run("true").returncode == 0
print("done", flush=True)
"""
    process = start(demo, tmp_path / "box", program)
    assert process.stdout is not None
    for name in WAITS:
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n", name
        assert time.monotonic() - began < 2, name
        assert process.stdout.readline() in ("ready\n", "done\n"), name
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")
    assert not (tmp_path / "box").exists()


def test_a_handler_that_returns_ends_no_call(demo: Demo, tmp_path: Path) -> None:
    program = """
signal.signal(signal.SIGUSR1, lambda number, frame: print("handled", flush=True))
with container() as box:
    process = box.exec("sleep", "1")
    ready()
    assert process.wait() == 0
"""
    process = start(demo, tmp_path / "box", program)
    assert process.stdout is not None
    time.sleep(0.2)
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "handled\n"
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")


ENDS = {
    "a container that runs": "box = container(); box.start(); ready()",
    "a subscription": """
box = container()
subscription = box.on_event(lambda event: None)
box.start(); ready()
""",
    "daemon threads in calls": """
box = container()
box.start()
process = box.exec("sleep", "1000")
for wait in (process.wait, box.wait, lambda: process.stdout.read(), lambda: next(box.events())):
    threading.Thread(target=wait, daemon=True).start()
time.sleep(0.3)
ready()
""",
    "an exception": "box = container(); box.start(); ready(); raise SystemExit(0)",
    "a cycle": """
box = container(); box.start()
class Cycle: pass
cycle = Cycle(); cycle.box = box; cycle.self = cycle
cycle.events = box.on_event(lambda event, cycle=cycle: None)
ready()
""",
}


@pytest.mark.parametrize("what", ENDS)
def test_the_interpreter_ends_with(what: str, demo: Demo, tmp_path: Path) -> None:
    process = start(demo, tmp_path / "box", ENDS[what])
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Fatal" not in errors and "terminate" not in errors
    assert not (tmp_path / "box").exists()


def test_nothing_outlives_a_killed_program(demo: Demo, tmp_path: Path) -> None:
    program = """
box = container()
box.start()
print(box.diagnostics.process_id, flush=True)
time.sleep(1000)
"""
    process = start(demo, tmp_path / "box", "ready()\n" + program)
    assert process.stdout is not None
    machine = int(process.stdout.readline())
    process.kill()
    process.communicate()
    for _ in range(500):
        if not Path(f"/proc/{machine}").exists():
            break
        time.sleep(0.02)
    assert not Path(f"/proc/{machine}").exists()
