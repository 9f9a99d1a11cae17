# SPDX-License-Identifier: Apache-2.0
"""Layers to disks, and copies of disks."""
import os
import shutil
import subprocess

from .measuring import Clock, Skip, best, dev_image, need, timed

subject = "disks"


def measures():
    return [gzip_layers, zstd_layers, plain_tar, small_files, fresh_image, clone, updated_image]


def unpack(bench, *layers, check=False):
    """Unpacks the layers into a disk, once."""
    target = bench.work / "vmkit.ext4"
    target.unlink(missing_ok=True)
    result = bench.program("unpack_layers", target, *layers)
    if check:
        subprocess.run(["e2fsck", "-fn", target], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    result["allocated"] = target.stat().st_blocks * 512
    target.unlink()
    return result


def gzip_layers(bench):
    need("igzip", "umoci", "mke2fs", "e2fsck")
    image, layers = dev_image(bench.inputs)
    unpack(bench, *layers, check=True)

    def umoci():
        bundle, disk = bench.work / "bundle", bench.work / "peer.ext4"
        rootless = [] if os.geteuid() == 0 else ["--rootless"]
        taken = timed(["umoci", "unpack", *rootless, "--image", f"{image}:dev", bundle],
                      ["mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d",
                       bundle / "rootfs", disk, "2G"])
        shutil.rmtree(bundle)
        disk.unlink()
        return taken

    ours, igzip, gzip, peer = bench.in_turns(
        lambda: unpack(bench, *layers), lambda: timed(*[["igzip", "-dc", one] for one in layers]),
        lambda: timed(*[["gzip", "-dc", one] for one in layers]), umoci)
    what = "unpack both gzip layers to a disk"
    bench.ratio(subject, what, ours, "igzip -dc", igzip, 1)
    bench.ratio(subject, what, ours, "gzip -dc", gzip, 1)
    bench.ratio(subject, what, ours, "umoci unpack + mke2fs -d", peer, 1 / 6)
    bench.row(subject, "peak memory of that unpack", ours["peak_kib"] / 1024,
              96 + 600 * ours["entries"] / 2**20, "MiB")


def tars(bench):
    """The two layers uncompressed."""
    for source, name in zip(dev_image(bench.inputs)[1], ("1.tar", "2.tar")):
        target = bench.work / name
        if not target.exists():
            with target.open("wb") as out:
                subprocess.run(["gzip", "-dc", source], check=True, stdout=out)
        yield target


def zstd_layers(bench):
    need("zstd")
    compressed = []
    for source in tars(bench):
        compressed.append(source.with_suffix(".tar.zst"))
        subprocess.run(["zstd", "-q", "-f", "-T0", source, "-o", compressed[-1]], check=True)
    ours, peer = bench.in_turns(lambda: unpack(bench, *compressed),
                                lambda: timed(*[["zstd", "-qdc", one] for one in compressed]))
    bench.ratio(subject, "unpack both zstd layers to a disk", ours, "zstd -dc", peer, 1.3)
    for one in compressed:
        one.unlink()


def plain_tar(bench):
    _, tar = tars(bench)
    out = bench.work / "peer.out"

    def cat():
        with out.open("wb") as sink, Clock() as clock:
            subprocess.run(["cat", tar], check=True, stdout=sink)
        out.unlink()
        return clock.result()

    def tar2ext4():
        taken = timed(["tar2ext4", "-i", tar, "-o", out])
        out.unlink()
        return taken

    what = "an uncompressed tar to a disk"
    ours, copy = bench.in_turns(lambda: unpack(bench, tar), cat)
    bench.ratio(subject, what, ours, "cat tar > file", copy, 3)
    need("tar2ext4")
    ours, peer = bench.in_turns(lambda: unpack(bench, tar), tar2ext4)
    bench.ratio(subject, what, ours, "tar2ext4", peer, 1.3)


def make_small_files(path, count):
    """A tar of so many files of 100 bytes, a hundred in a folder."""
    template = bytearray(512)
    template[100:108], template[108:116], template[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    template[124:136], template[136:148], template[148:156] = b"%011o\0" % 100, b"%011o\0" % 10**9, b" " * 8
    template[156:157], template[257:265] = b"0", b"ustar\00000"
    base = sum(template)
    body = b"x" * 100 + bytes(412)
    with path.open("wb", 1 << 20) as out:
        for number in range(count):
            name = b"usr/share/folder-%04d/file-%06d.txt" % (number // 100, number)
            header = bytearray(template)
            header[:len(name)] = name
            header[148:155] = b"%06o\0" % (base + sum(name))
            out.write(header + body)
        out.write(bytes(1024))


def small_files(bench):
    few, many = bench.work / "few.tar", bench.work / "many.tar"
    make_small_files(few, 100_000)
    make_small_files(many, 400_000)
    one, four = bench.in_turns(lambda: unpack(bench, few), lambda: unpack(bench, many))
    bench.ratio(subject, "400,000 small files to a disk", four, "100,000 of them", one, 4.4)
    each = (four["peak_kib"] - one["peak_kib"]) * 1024 / (four["entries"] - one["entries"])
    bench.row(subject, "memory of an entry", each, 600, "bytes")
    few.unlink()
    many.unlink()


def fresh_image(bench):
    empty = bench.work / "empty.tar"
    empty.write_bytes(bytes(1024))
    bench.row(subject, "disk space of a fresh 64 GiB image",
              unpack(bench, empty)["allocated"] / 2**20, 2, "MiB")


class Mounted:
    """A file system in a file, for as long as the block lasts."""

    def __init__(self, bench, kind, size):
        self.work, self.kind, self.size = bench.work, kind, size

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("mounting needs root")
        need(f"mkfs.{self.kind}")
        self.file, self.path = self.work / f"{self.kind}.img", self.work / self.kind
        with self.file.open("wb") as out:
            out.truncate(self.size)
        subprocess.run([f"mkfs.{self.kind}", "-q", self.file], check=True,
                       stdout=subprocess.DEVNULL)
        self.path.mkdir()
        subprocess.run(["mount", "-o", "loop", self.file, self.path], check=True)
        return self.path

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)
        self.path.rmdir()
        self.file.unlink()


def clone(bench):
    for kind in ("xfs", "btrfs"):
        with Mounted(bench, kind, 14 << 30) as folder:
            source, target = folder / "source.img", folder / "target.img"
            with source.open("wb") as out:
                for _ in range(10 << 10):
                    out.write(b"vmkit" * 209715 + b"!")
                os.fsync(out.fileno())

            def measure():
                target.unlink(missing_ok=True)
                return bench.program("clone_disk", source, target)

            taken, = bench.in_turns(measure)
            bench.row(subject, f"copy-on-write clone of a 10 GB disk, {kind}", taken["ms"], 10,
                      "ms")


def updated_image(bench):
    """A third layer of 1 MB changes; the disk of the two below it is there."""
    layers = dev_image(bench.inputs)[1]
    tops = []
    for run in range(bench.runs + 1):
        (bench.work / "top").write_bytes(os.urandom(10**6))
        tops.append(bench.work / f"top-{run}.tar")
        subprocess.run(["tar", "--create", "--file", tops[-1], "-C", bench.work, "top"], check=True)
    for kind in ("xfs", "btrfs"):
        with Mounted(bench, kind, 4 << 30) as folder:
            cache = folder / "cache"
            cache.mkdir()
            bench.program("unpack_layers", cache, *layers, tops[0])
            taken, space = [], []
            for top in tops[1:]:
                before = free_space(folder)
                taken.append(bench.program("unpack_layers", cache, *layers, top))
                assert taken[-1]["reused_layers"] == 2
                space.append(before - free_space(folder))
            bench.row(subject, f"an image whose top layer of 1 MB changed, {kind}",
                      best(taken)["ms"], 100, "ms")
            bench.row(subject, f"its new disk space, {kind}", max(space) / 2**20, 8, "MiB")


def free_space(folder):
    subprocess.run(["sync", "--file-system", folder], check=True)
    status = os.statvfs(folder)
    return status.f_bfree * status.f_frsize
