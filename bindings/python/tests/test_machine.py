# SPDX-License-Identifier: Apache-2.0
"""Machines, and the agent in them, without a Container."""

from __future__ import annotations

from pathlib import Path

import pytest
import support
from conftest import Demo

import vmkit
from vmkit.agent import (
    Client,
    ContainerSpec,
    InitramfsOptions,
    PowerOff,
    ProcessSpec,
    RootMount,
    build_initramfs,
    changed_capabilities,
    compile_seccomp,
    default_capabilities,
    default_seccomp_filter,
    signal_number,
)
from vmkit.vm import (
    Disk,
    Feature,
    KernelBoot,
    MachineConfig,
    MachineEventReason,
    Port,
    host_resources,
    memory_status,
    recommended_size,
)


def config_of(demo: Demo, disk: Path) -> MachineConfig:
    """A machine with an agent, whose root is a clone of the demo image's disk."""
    kernel = support.kernel()
    cached = vmkit.disk_cache(demo.store).list()[0]
    vmkit.disk.clone(cached.path, disk)
    options = InitramfsOptions(modules_directory=kernel.modules)
    return MachineConfig(
        name="plain",
        memory="256MiB",
        boot=KernelBoot(image=kernel.image, initrd=build_initramfs(options)),
        disks=[Disk(path=disk, identifier="root")],
        ports=[Port(name=vmkit.agent.PORT_NAME)],
    )


def test_machine_and_agent(demo: Demo, tmp_path: Path) -> None:
    config = config_of(demo, tmp_path / "disk.ext4")
    assert demo.backend.validate(config) == []
    with demo.backend.create(config) as machine:
        assert machine.state.name == "created"
        assert machine.config.disks == [Disk(path=tmp_path / "disk.ext4", identifier="root")]
        events = machine.events()
        machine.start()
        with Client(machine, timeout=60) as client:
            assert client.info.kernel_release and client.failure is None
            client.create_container(ContainerSpec(root=RootMount(serial="root")))
            client.configure()
            with client.spawn(ProcessSpec(args=["/bin/echo", "hello"])) as process:
                assert process.stdout is not None and process.stdout.read() == b"hello\n"
            assert client.files.read("/etc/hostname", "1KiB") is not None
            assert client.probe("1MiB", "1MiB") > 0
            client.freeze(10)
            client.thaw()
            machine.pause()
            assert machine.state.name == "paused"
            machine.save(tmp_path / "memory")
            machine.resume()
            client.power_off(PowerOff(signal=15, grace=1))
            assert machine.wait(timeout=30).reason is MachineEventReason.guest_stopped
        with pytest.raises(vmkit.FailedPreconditionError, match="Client is closed"):
            client.top()
    assert (tmp_path / "memory").stat().st_size > 0
    reasons = [event.reason for event in events]
    assert reasons[0] is MachineEventReason.start_requested
    assert reasons[-1] is MachineEventReason.guest_stopped
    machine.close()
    with pytest.raises(vmkit.FailedPreconditionError, match="Machine is closed"):
        machine.start()


def test_a_machine_that_crashes_tells_why(demo: Demo) -> None:
    config = MachineConfig(boot=KernelBoot(image=support.kernel().image), memory="128MiB")
    with demo.backend.create(config) as machine:
        machine.start()
        last = machine.wait(timeout=60)
        assert last.reason is MachineEventReason.guest_crashed
        assert isinstance(last.error, vmkit.Error) and "panic" in str(last.error)
        assert machine.console_tail()


def test_capabilities(demo: Demo) -> None:
    capabilities = demo.backend.capabilities()
    assert capabilities.can(Feature.machines) and capabilities.version
    assert {status.feature for status in capabilities.features} == set(Feature)
    other = vmkit.VzBackend().capabilities()
    assert not other.can(Feature.machines) and other.status(Feature.machines).reason
    with pytest.raises(NotImplementedError):
        demo.backend.new_machine_identifier()
    assert demo.backend.orphans() == []
    assert demo.backend.name == "qemu"


def test_host() -> None:
    resources = host_resources()
    assert resources.processors >= 1
    size = recommended_size(resources)
    assert size.memory % vmkit.MiB == 0
    assert not memory_status("1MiB").available


def test_isolation() -> None:
    assert signal_number("TERM") == 15 and signal_number("NONE") is None
    more = changed_capabilities(default_capabilities(), add=["NET_ADMIN"], drop=["CHOWN"])
    assert "NET_ADMIN" in more and "CHOWN" not in more
    assert len(default_seccomp_filter().program) % 8 == 0
    profile = '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}'
    assert compile_seccomp(profile).program
    with pytest.raises(ValueError):
        compile_seccomp("{}")
    with pytest.raises(vmkit.InvalidArgumentError):
        vmkit.agent.check(ContainerSpec(root=RootMount(serial="")))
