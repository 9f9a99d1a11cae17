# SPDX-License-Identifier: Apache-2.0
"""Disks, ext4 images, layers and archives, without a machine."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from conftest import Demo

import vmkit
from vmkit.archive import (
    Compression,
    CompressOptions,
    Compressor,
    DecompressOptions,
    TarEntry,
    TarPiece,
    TarReader,
    TarWriter,
    decompress,
    detect_compression,
)
from vmkit.disk import (
    CloneOptions,
    ImageFile,
    ImageFileAccess,
    ImageFolder,
    clone,
    exclude_from_backup,
    require_free_space,
    usage,
)
from vmkit.ext4 import (
    Attributes,
    CommitMode,
    Filesystem,
    FileType,
    FormatOptions,
    LastSymlink,
    Reader,
    Xattr,
)
from vmkit.rootfs import Cache, DiffOptions, PruneOptions, chain_id, diff, export_tar, unpack


def make_filesystem(path: Path) -> None:
    """With a file, a folder, a link and a hole."""
    with ImageFile.create(path, "16MiB") as image:
        with Filesystem.format(
            image, FormatOptions(size="16MiB", hash_seed=b"s" * 16, label="test")
        ) as filesystem:
            etc = filesystem.make_directory(filesystem.root, "etc")
            with filesystem.make_file(etc, "hello") as file:
                file.write(b"hello\n")
            filesystem.make_symlink(filesystem.root, "link", "etc/hello")
            deep = filesystem.make_directories("/a/b/c")
            with filesystem.make_file(deep, "sparse", Attributes(permissions=0o600)) as file:
                file.skip(1 << 20)
                file.write(b"end")
            filesystem.set_xattrs(etc, [Xattr(name="user.x", value=b"\0\xff")])
            filesystem.commit()
            assert not path.exists()
            image.publish()


def test_ext4(tmp_path: Path) -> None:
    path = tmp_path / "image.ext4"
    make_filesystem(path)
    subprocess.run(["e2fsck", "-fn", path], check=True, capture_output=True)
    with Reader(path) as disk:
        assert disk.info.label == "test" and disk.info.clean
        assert disk.read_file("/link") == b"hello\n"
        sparse = disk.resolve("/a/b/c/sparse")
        assert sparse is not None
        status = disk.stat(sparse)
        assert (status.size, status.attributes.permissions) == ((1 << 20) + 3, 0o600)
        assert disk.read(sparse, (1 << 20) - 1) == b"\0end"
        assert [extent.kind.name for extent in disk.extents(sparse)] == ["hole", "data"]
        etc = disk.lookup(disk.root, "etc")
        assert etc is not None and disk.xattrs(etc) == [Xattr(name="user.x", value=b"\0\xff")]
        assert dict(disk.entries(disk.root)).keys() == {"etc", "link", "a", "lost+found"}
        link = disk.resolve("link", LastSymlink.keep)
        assert link is not None and disk.symlink_target(link) == "etc/hello"
    with pytest.raises(vmkit.FailedPreconditionError, match="Reader is closed"):
        disk.info  # noqa: B018


def test_ext4_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "image.ext4"
    make_filesystem(path)
    with Filesystem(path) as filesystem:
        etc = filesystem.resolve("/etc")
        assert etc is not None and filesystem.type(etc) is FileType.directory
        hello = filesystem.lookup(etc, "hello")
        assert hello is not None
        with filesystem.append_to(hello) as file:
            file.write(b"more\n")
            with pytest.raises(vmkit.FailedPreconditionError):
                filesystem.append_to(hello)
        filesystem.link(filesystem.root, "again", hello)
        assert filesystem.link_count(hello) == 2 and filesystem.size(hello) == 11
        filesystem.rename(filesystem.root, "again", etc, "hallo")
        filesystem.remove(filesystem.root, "a")
        filesystem.commit(CommitMode.atomic)
        filesystem.resize("32MiB")
        assert filesystem.least_size < 32 * vmkit.MiB
    subprocess.run(["e2fsck", "-fn", path], check=True, capture_output=True)
    with Reader(path) as disk:
        assert disk.read_file("/etc/hallo") == b"hello\nmore\n"


def test_a_writer_outlives_its_names(tmp_path: Path) -> None:
    with ImageFile.create(tmp_path / "x", "16MiB") as image:
        filesystem = Filesystem.format(image, FormatOptions(size="16MiB", hash_seed=b"s" * 16))
        writer = filesystem.make_file(filesystem.root, "file")
        filesystem.close()
        image.close()
        writer.write(b"still there")
        writer.close()
        writer.close()
    with pytest.raises(vmkit.FailedPreconditionError, match="Filesystem is closed"):
        filesystem.commit()


def test_image_file(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with ImageFile.create(path, 4096) as image:
        image.write_at(10, b"abc")
        image.publish()
        assert image.size == 4096 and image.read_at(9, 5) == b"\0abc\0"
        for offset, length in ((4096, 1), (0, 4097), (1 << 63, 1 << 63)):
            with pytest.raises(vmkit.InvalidArgumentError):
                image.read_at(offset, length)
        with pytest.raises(vmkit.FailedPreconditionError):
            ImageFile(path, ImageFileAccess.read_write)
        image.discard(0, 4096)
        image.resize(8192)
        image.flush()
        assert image.read_at(0, 8192) == bytes(8192)
    image.close()
    with ImageFile(path) as image:
        assert image.size == 8192
    folder = ImageFolder(tmp_path / "folder")
    with folder.lock("one"), pytest.raises(TimeoutError):
        folder.lock("one", timeout=0.05)
    assert folder.path == tmp_path / "folder"
    require_free_space(tmp_path, 1)
    with pytest.raises(OSError):
        require_free_space(tmp_path, 1 << 60)
    assert exclude_from_backup(path) in (True, False)


def test_clones_and_snapshots(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with ImageFile.create(disk, 1 << 20) as image:
        image.write_at(0, b"one")
        image.publish()
    seen: list[vmkit.Progress] = []
    method = clone(disk, tmp_path / "copy", CloneOptions(durable=False), progress=seen.append)
    assert isinstance(method, vmkit.CloneMethod)
    with pytest.raises(FileExistsError):
        clone(disk, tmp_path / "copy")
    report = usage([disk, tmp_path / "copy"])
    assert [entry.size for entry in report.disks] == [1 << 20] * 2 and report.total > 0
    snapshots = vmkit.Snapshots(disk)
    snapshots.create("first")
    with ImageFile(disk, ImageFileAccess.read_write) as image:
        image.write_at(0, b"two")
    snapshots.create("second")
    assert [(entry.name, entry.parent) for entry in snapshots] == [
        ("first", ""),
        ("second", "first"),
    ]
    snapshots.restore("first")
    snapshots.fork("second", tmp_path / "forked")
    assert (disk.read_bytes()[:3], (tmp_path / "forked").read_bytes()[:3]) == (b"one", b"two")
    snapshots.remove("second")
    assert len(snapshots.list()) == 1


def test_layers_to_disk_and_back(demo: Demo, tmp_path: Path) -> None:
    given = vmkit.image_layers(demo.image, demo.store)
    assert chain_id(demo.image.config.diff_ids) == chain_id([layer.diff_id for layer in given])
    path = tmp_path / "disk.ext4"
    seen: list[vmkit.Progress] = []
    result = unpack(given, path, progress=seen.append)
    assert result.entries > 100 and {report.phase for report in seen} == {"unpack"}
    with Reader(path) as disk:
        with (tmp_path / "disk.tar").open("wb") as target:
            exported = export_tar(disk, target)
        with tarfile.open(tmp_path / "disk.tar") as tar:
            assert len(tar.getmembers()) == exported.entries

        clone(path, tmp_path / "changed.ext4")
        with Filesystem(tmp_path / "changed.ext4") as filesystem:
            with filesystem.make_file(filesystem.root, "new") as file:
                file.write(b"new")
            filesystem.commit()
        layer = io.BytesIO()
        with Reader(tmp_path / "changed.ext4") as changed:
            changes = diff(disk, changed, layer, DiffOptions())
        assert changes.removed == 0
        layer.seek(0)
        with tarfile.open(fileobj=layer) as tar:
            assert "new" in [name.removeprefix("./") for name in tar.getnames()]


def test_layers_of_python(tmp_path: Path) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("hello")
        entry.size = 2
        archive.addfile(entry, io.BytesIO(b"hi"))
    layer = vmkit.rootfs.Layer(
        diff_id=vmkit.base.digest_of(tar.getvalue()),
        open=lambda: io.BytesIO(gzip.compress(tar.getvalue())),
    )
    cache = Cache(tmp_path / "cache")
    disk = cache.get_or_unpack([layer])
    assert disk.unpacked is not None and disk.unpacked.entries == 1
    with Reader(disk.path) as reader:
        assert reader.read_file("/hello") == b"hi"
    again = cache.find(chain_id([layer.diff_id]))
    assert again is not None and again.path == disk.path and again.unpacked is None
    assert [entry.path for entry in cache] == [disk.path] and cache.usage().total > 0
    # A lease keeps the disk.
    everything = PruneOptions(unwanted=lambda entry: True)
    assert cache.prune(everything).removed == []
    disk.lease.close()
    again.lease.close()
    assert [entry.path for entry in cache.prune(everything).removed] == [disk.path]

    def fail() -> io.BytesIO:
        raise KeyError("no layer")

    broken = vmkit.rootfs.Layer(diff_id=layer.diff_id, open=fail)
    with pytest.raises(KeyError, match="no layer"):
        unpack([broken], tmp_path / "broken.ext4")
    assert not (tmp_path / "broken.ext4").exists()


def test_compression() -> None:
    data = b"some text " * 10_000
    for kind in Compression:
        target = io.BytesIO()
        with Compressor(target, CompressOptions(compression=kind)) as sink:
            sink.write(data)
        packed = target.getvalue()
        assert detect_compression(packed[:4]) is kind
        assert decompress(io.BytesIO(packed)).read() == data
    with pytest.raises(vmkit.ResourceExhaustedError):
        decompress(io.BytesIO(packed), DecompressOptions(output_limit="1KiB")).read()

    class Failing:
        def read(self, size: int) -> bytes:
            raise KeyError("reader")

    with pytest.raises(KeyError, match="reader"):
        decompress(Failing()).read()


def test_tar() -> None:
    target = io.BytesIO()
    tar = TarWriter(target)
    tar.add(TarEntry(path="a", size=3, permissions=0o644))
    tar.write(b"abc")
    pieces = [TarPiece(offset=1 << 20, length=3)]
    tar.add(TarEntry(path="sparse", size=(1 << 20) + 10), pieces)
    tar.write(b"end")
    tar.finish()
    target.seek(0)
    reader = TarReader(target)
    assert reader.read(next(reader)) == b"abc"
    entry = next(reader)
    assert (entry.path, entry.size) == ("sparse", (1 << 20) + 10)
    assert list(reader.blocks()) == [(1 << 20, b"end")]
    with pytest.raises(StopIteration):
        next(reader)
