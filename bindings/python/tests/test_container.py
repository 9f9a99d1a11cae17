# SPDX-License-Identifier: Apache-2.0
"""Containers on real machines."""

from __future__ import annotations

import gc
import io
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import support
from conftest import Demo

import vmkit
from vmkit.agent import (
    AttachOptions,
    AttributeChange,
    CopyOptions,
    FileKind,
    OutputOptions,
    RemoveOptions,
    ResourceLimits,
    WriteOptions,
)
from vmkit.container import (
    ContainerEvent,
    HealthState,
    KernelFeature,
    PortMapping,
    RecordState,
    kernel_features,
    missing_requirements,
    parse_port_mapping,
)


def test_run(box: vmkit.Container) -> None:
    result = box.run("cat", "/etc/os-release")
    assert result.returncode == 0
    assert "Debian" in result.stdout and result.stderr == ""
    assert result.args == ["cat", "/etc/os-release"]
    result = box.run(
        "sh",
        "-c",
        "echo $X; pwd; id -u >&2; exit 3",
        env={"X": "a b"},
        working_directory="/tmp",
        user="65534",
    )
    assert (result.returncode, result.stdout, result.stderr) == (3, "a b\n/tmp\n", "65534\n")
    raw = box.run("cat", input=bytes(range(256)), text=False)
    assert raw.stdout == bytes(range(256))
    assert box.run("cat", input="ä\n").stdout == "ä\n"
    assert box.run("sh", "-c", "kill -9 $$").returncode == -9
    with pytest.raises(subprocess.CalledProcessError) as caught:
        box.run("sh", "-c", "echo why >&2; exit 4", check=True)
    assert (caught.value.returncode, caught.value.stderr) == (4, "why\n")
    with pytest.raises(FileNotFoundError):
        box.run("no-such-program")


def test_run_ends_at_its_timeout(box: vmkit.Container) -> None:
    with pytest.raises(TimeoutError):
        box.run("sleep", "1000", timeout=0.2)
    deadline = 50
    while any("1000" in process.command for process in box.top()) and deadline:
        deadline -= 1
    assert deadline


def test_process_as_popen(box: vmkit.Container) -> None:
    with box.exec(
        "sh", "-c", "read x; echo got $x; echo bad >&2", stdin=vmkit.Stdio.pipe
    ) as process:
        assert process.pid > 0 and process.poll() is None and process.returncode is None
        assert process.communicate(b"this\n", timeout=20) == (b"got this\n", b"bad\n")
        assert process.returncode == process.wait() == 0
        assert process.status == vmkit.ExitStatus()
    process.close()
    with pytest.raises(vmkit.FailedPreconditionError, match="Process is closed"):
        process.send_signal("HUP")

    with box.exec(
        "sh", "-c", "trap 'echo hup; exit 5' HUP; echo ready; while :; do sleep 0.1; done"
    ) as process:
        lines = process.lines()
        assert next(lines) == "ready"
        process.send_signal("HUP")
        assert list(lines) == ["hup"]
        assert process.wait(timeout=20) == 5
        process.terminate()  # it has ended: nothing happens

    with box.exec("sleep", "1000") as process:
        with pytest.raises(vmkit.TimeoutError):
            process.wait(timeout=0.1)
        process.kill()


def test_terminal(box: vmkit.Container) -> None:
    with box.exec(
        "sh", "-c", "stty size", terminal=vmkit.TerminalSize(rows=31, columns=77)
    ) as shell:
        assert list(shell.lines()) == ["31 77"]
        assert shell.stderr is None


def test_attach(box: vmkit.Container) -> None:
    kept = OutputOptions(after_reading=True)
    process = box.exec("sh", "-c", "echo one; echo two", kept_output=kept)
    assert list(process.lines()) == ["one", "two"]
    process.wait()
    assert process.handle in [known.handle for known in box.processes()]
    again = box.attach(process.handle, AttachOptions(stdout_offset=4, follow=False))
    assert list(again.lines()) == ["two"]
    assert again.stdout_offset == 8
    again.forget()


def test_output_can_be_read_with_a_timeout(box: vmkit.Container) -> None:
    with box.exec("sh", "-c", "read x", stdin=vmkit.Stdio.pipe) as process:
        assert process.stdout is not None
        raw = process.stdout.raw
        assert isinstance(raw, vmkit.base.ByteStream)
        raw.timeout = 0.05
        with pytest.raises(TimeoutError):
            process.stdout.read(1)


def test_files(box: vmkit.Container, tmp_path: Path) -> None:
    files = box.files
    files.make_directory("/tmp/f/g", parents=True)
    files.write("/tmp/f/a", b"abc", 0o600)
    assert files.read("/tmp/f/a") == b"abc"
    assert files.write_from(io.BytesIO(b"def"), "/tmp/f/a", WriteOptions(append=True)) == 3
    with files.open("/tmp/f/a", 1) as file:
        assert file.read() == b"bcdef"
    files.make_symlink("a", "/tmp/f/link")
    files.make_hard_link("/tmp/f/a", "/tmp/f/hard")
    assert files.lstat("/tmp/f/link").kind is FileKind.symlink
    assert files.stat("/tmp/f/link").size == 6
    files.set_attributes("/tmp/f/a", AttributeChange(permissions=0o640))
    assert files.stat("/tmp/f/hard").permissions == 0o640
    files.rename("/tmp/f/hard", "/tmp/f/other")
    assert {entry.path for entry in files.list("/tmp/f")} == {"a", "link", "other", "g"}

    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "x").write_bytes(b"x" * 100_000)
    seen: list[vmkit.Progress] = []
    assert files.copy_in(tmp_path / "tree", "/tmp/f", progress=seen.append).entries == 2
    assert seen[-1].phase == "copy in"
    files.copy_out("/tmp/f/tree", tmp_path / "back", CopyOptions())
    assert (tmp_path / "back" / "x").read_bytes() == b"x" * 100_000
    with files.read_tree("/tmp/f/tree") as tree:
        assert files.write_tree(tree, "/tmp/f/copied").bytes == 100_000
    files.remove("/tmp/f", recursive=True)
    files.remove("/tmp/f", ignore_missing=True)
    with pytest.raises(FileNotFoundError):
        files.read("/tmp/f/a")
    assert RemoveOptions() == RemoveOptions(recursive=False)


SERVER = """
use IO::Socket::INET;
$| = 1;
my $server = IO::Socket::INET->new(LocalPort => 7000, Listen => 5) or die;
print "up\n";
while (my $client = $server->accept) { print $client uc(<$client>); close $client; }
"""


def test_forward(box: vmkit.Container) -> None:
    server = box.exec("perl", "-e", SERVER)
    assert next(server.lines()) == "up"
    guest = vmkit.Endpoint.tcp(7000)
    with box.open_connection(guest) as connection:
        connection.write(b"hello\n")
        assert io.BufferedReader(connection).readline() == b"HELLO\n"
    with box.forward(vmkit.Endpoint.tcp(0), guest) as forward:
        assert str(forward.target) == "127.0.0.1:7000"
        with socket.create_connection(("127.0.0.1", forward.listening.port), 20) as client:
            client.sendall(b"through\n")
            assert client.makefile("rb").readline() == b"THROUGH\n"
    forward.close()
    box.wait_ready(vmkit.Probe(action=vmkit.TcpProbe(port=7000)), timeout=20)
    with pytest.raises(TimeoutError):
        box.wait_ready(vmkit.Probe(action=vmkit.TcpProbe(port=7001)), timeout=0.3)
    box.wait_ready(
        vmkit.Probe(action=vmkit.ExecProbe(process=vmkit.container.ProcessOptions(args=["true"]))),
        timeout=20,
    )
    server.kill()
    server.close()


def test_statistics(box: vmkit.Container) -> None:
    assert box.statistics().memory.usage > 0
    assert box.machine_statistics().resident_memory > 0
    box.set_limits(ResourceLimits(pids_max=1000))
    assert box.statistics().pids.limit == 1000
    assert any(process.pid == 1 for process in box.top())
    assert box.timeline.boot > 0
    assert box.kernel_release and box.console_tail(5) is not None
    assert box.diagnostics.process_id
    assert box.health.state is HealthState.none
    assert "running" in repr(box)


def test_threads_run_meanwhile(box: vmkit.Container) -> None:
    process = box.exec("sleep", "1")
    ticks = 0
    done = threading.Event()

    def wait() -> None:
        process.wait(timeout=20)
        done.set()

    threading.Thread(target=wait).start()
    while not done.wait(0.01):
        ticks += 1
    assert ticks > 10


def test_life(demo: Demo) -> None:
    events: list[ContainerEvent] = []
    box = demo.container(hostname="life")
    assert box.state == vmkit.MachineState.created
    with pytest.raises(vmkit.FailedPreconditionError):
        box.run("true")
    stream = box.events()
    with box.on_event(events.append):
        with box:
            assert box.run("hostname").stdout == "life\n"
            box.pause()
            assert "paused" in repr(box)
            box.resume()
            files = box.files
            process = box.exec("sleep", "1000")
            box.stop(0)
            assert box.wait().reason is vmkit.vm.MachineEventReason.guest_stopped
        assert box.closed
        box.close()
    for use in (lambda: box.run("true"), lambda: box.state, lambda: files.list("/")):
        with pytest.raises(vmkit.FailedPreconditionError, match="Container is closed"):
            use()
    with pytest.raises(vmkit.UnavailableError):
        process.send_signal(9)
    assert "closed" in repr(box)
    assert not box.folder.exists()
    types = [event.type for event in stream]
    assert types[-1] == "ended" and {"started", "ready", "paused", "exit"} <= set(types)
    assert {event.type for event in events} == set(types)
    stream.close()


def test_the_garbage_collector_ends_it(demo: Demo) -> None:
    box = demo.container()
    box.start()
    folder = box.folder
    pid = box.diagnostics.process_id
    assert pid is not None and Path(f"/proc/{pid}").exists()
    del box
    gc.collect()
    assert not folder.exists()


def test_handlers_that_raise_are_reported(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[BaseException | None] = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: reported.append(report.exc_value))
    raised = KeyError("mine")

    def handler(event: ContainerEvent) -> None:
        raise raised

    with demo.container() as box, box.on_event(handler):
        box.pause()
        box.resume()
    assert raised in reported


def test_keep_snapshot_and_commit(demo: Demo, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    with demo.container(folder=folder, keep=True) as box:
        box.files.write("/root/first", b"1")
        box.clone_disk(tmp_path / "copy.ext4")
    [record] = vmkit.list_containers(tmp_path)
    assert record.kept and record.state is RecordState.ended and not record.in_use
    with vmkit.ext4.Reader(tmp_path / "copy.ext4") as disk:
        assert disk.read_file("/root/first") == b"1"

    snapshots = vmkit.Snapshots(box.disk)
    snapshots.create("one")
    options = vmkit.ContainerOptions(
        image=demo.image,
        store=demo.store,
        folder=folder,
        backend=demo.backend,
        kernel=support.kernel(),
        keep=True,
    )
    with vmkit.Container.open(options) as box:
        assert box.run("cat", "/root/first").stdout == "1"
        box.files.write("/root/second", b"2")
    committed = vmkit.commit(demo.store, demo.image, box.disk, "localhost/committed:1")
    assert committed.changes.written > 0
    snapshots.restore("one")
    assert snapshots.current == "one" and [entry.name for entry in snapshots] == ["one"]
    with vmkit.ext4.Reader(box.disk) as disk:
        assert disk.resolve("/root/second") is None
        with pytest.raises(FileNotFoundError):
            disk.read_file("/root/second")
    box = vmkit.Container.create(options) if not folder.exists() else vmkit.Container.open(options)
    box.remove()
    assert not folder.exists()
    with demo.container() as fresh, pytest.raises(FileNotFoundError):
        fresh.files.read("/root/second")
    demo.store.remove("localhost/committed:1")


def test_by_name_with_defaults(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(vmkit.NotFoundError, match="is not in the store"):
        vmkit.Container(demo.reference, pull="never")
    with pytest.raises(vmkit.NotFoundError, match="no kernel at .*fetch-kernel"):
        vmkit.Container(demo.reference, client=demo.client)
    kernel = support.kernel()
    place = vmkit.data_folder() / "kernel" / support.ARCHITECTURE
    place.mkdir(parents=True)
    assert kernel.image is not None and kernel.modules is not None
    (place / "vmlinuz").symlink_to(kernel.image)
    (place / "modules").symlink_to(Path(kernel.modules).parent)
    volume = vmkit.VolumeMount(volume="data", target="/data")
    host = vmkit.HostMount(path=tmp_path, target="/host", read_only=True)
    with vmkit.Container(
        demo.reference, volume_mounts=[volume], host_mounts=[host], ports=["0:8000"], network=True
    ) as box:
        box.run("sh", "-c", "echo kept >/data/file", check=True)
        assert box.run("ls", "/host").stdout.split() == ["vmkit"]
        assert box.ports[0].guest.port == 8000 and box.ports[0].host.port > 0
    volumes = vmkit.Volumes(vmkit.default_store().root / "volumes")
    assert [info.name for info in volumes] == ["data"]
    with vmkit.ext4.Reader(volumes.image("data")) as disk:
        assert disk.read_file("/data/file") == b"kept\n"
    volumes.remove("data")
    assert volumes.create("new", "64MiB").size == 64 * vmkit.MiB and volumes.find("none") is None


def test_kernel() -> None:
    features = kernel_features(support.kernel())
    assert features.may_have(KernelFeature.virtio_blk) and features.release
    assert missing_requirements(support.kernel()) == []


def test_ports() -> None:
    mapping = parse_port_mapping("8080:80")
    assert mapping == PortMapping(host=vmkit.Endpoint.tcp(8080), guest=vmkit.Endpoint.tcp(80))
    with pytest.raises(ValueError):
        parse_port_mapping("many")
