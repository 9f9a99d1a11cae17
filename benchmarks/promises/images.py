# SPDX-License-Identifier: Apache-2.0
"""Pulling from a registry on this machine, and the image store."""
import contextlib
import shutil
import socket
import subprocess
import time
import urllib.request

from .measuring import dev_image, need, timed

subject = "images"


def measures():
    return [pull, store]


class Registry:
    """docker-registry with the development image, on loopback, for as long as the block lasts."""

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % probe.getsockname()[1]
        config = self.bench.work / "registry.yml"
        config.write_text("version: 0.1\nlog: {level: error}\n"
                          f"storage: {{filesystem: {{rootdirectory: {self.bench.work}/registry}}}}\n"
                          f"http: {{addr: '{address}'}}\n")
        self.server = subprocess.Popen(["docker-registry", "serve", config],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{address}/v2/").close()
                break
            except OSError:
                time.sleep(0.1)
        self.name = f"{address}/dev:1"
        subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false",
                        f"oci:{dev_image(self.bench.inputs)[0]}:dev", f"docker://{self.name}"],
                       check=True)
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.bench.work / "registry")

    def cpu_ms(self):
        """What it has computed so far."""
        with open(f"/proc/{self.server.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 10  # clock ticks of 10 ms


def pull(bench):
    need("docker-registry", "skopeo")
    with Registry(bench) as registry:
        own, skopeo_store = bench.work / "pulled", bench.work / "skopeo"

        def fresh(step, folder=own):
            """One of pull_image's steps; both sides of the connection count as its CPU time."""
            shutil.rmtree(folder, ignore_errors=True)
            return again(step, folder)

        def again(step, folder=own):
            before = registry.cpu_ms()
            result = bench.program("pull_image", step, folder, registry.name)
            result["cpu_ms"] += registry.cpu_ms() - before
            return result

        def skopeo():
            shutil.rmtree(skopeo_store, ignore_errors=True)
            return timed(["skopeo", "copy", "--quiet", "--src-tls-verify=false",
                          f"docker://{registry.name}", f"oci:{skopeo_store}:dev"])

        # In this order: the unpack alone takes what the pull has left.
        peer, pulled, unpacked, both = bench.in_turns(
            skopeo, lambda: fresh("pull"), lambda: again("unpack"),
            lambda: fresh("unpack", bench.work / "both"))
    bench.ratio(subject, "pull an image", {**pulled, "ms": pulled["wall_ms"]}, "skopeo copy", peer,
                0.6)
    bench.row(subject, "peak memory of the pull", pulled["peak_mib"], 64, "MiB")
    slower = max(pulled, unpacked, key=lambda one: one["ms"])
    bench.ratio(subject, "pull and unpack at once", both, "the slower of the two", slower, 1.15)
    bench.rows[-1].note = (f"CPU alone {pulled['cpu_ms']:.0f} + {unpacked['cpu_ms']:.0f}, "
                           f"at once {both['cpu_ms']:.0f} ms, the registry's included")
    bench.row(subject, "peak memory of pull and unpack", both["peak_mib"], 128, "MiB")


def store(bench):
    result = bench.program("bench_store", "1000")
    bench.row(subject, "list 1,000 images, a process's first time", result["cold_list_ms"], 20, "ms")
    bench.row(subject, "list 1,000 images again", result["list_ms"], 20, "ms")
    bench.row(subject, "resolve one of 1,000 images", result["resolve_ms"], 1, "ms")
