# SPDX-License-Identifier: Apache-2.0
"""Machines beside QEMU and the bare kernel, and the agent beside what it adds to."""
from .measuring import Skip, dev_image

subject = "machines"


def measures():
    return [boot, backend, agent]


def kernel(bench):
    """The kernel and its modules, as the programs take them."""
    folder = bench.inputs / "kernel" / bench.architecture
    image = folder / "vmlinuz"
    modules = sorted((folder / "modules").glob("*"))
    if not image.exists() or not modules:
        raise Skip(f"there is no kernel in {folder}")
    return image, modules[0]


def boot(bench):
    result = bench.program("bench_boot", *kernel(bench), str(bench.boots))
    accelerator = result["accelerator"]
    bench.row(subject, f"start to the agent's answer ({accelerator})",
              result["difference_median_ms"], 150, "ms more than the bare kernel",
              ours_ms=result["agent_median_ms"], peer_ms=result["bare_median_ms"],
              peer="the bare kernel to a trivial /init",
              note=f"medians of {result['count']}; the least differ by "
                   f"{result['difference_min_ms']:.0f} ms")
    bench.row(subject, f"restore to the agent's answer ({accelerator})", result["restored_ratio"],
              0.35, "× a cold boot", ours_ms=result["restored_median_ms"],
              peer_ms=result["agent_median_ms"], peer="a cold boot")


def backend(bench):
    result = bench.program("bench_machines", *kernel(bench), str(bench.boots))
    start, event = result["start_ms"], result["event_ms"]
    bench.row(subject, "start to QEMU running", start["added"], 60, "ms more than QEMU alone",
              ours_ms=start["machine"], peer_ms=start["plain"], peer="QEMU alone")
    bench.row(subject, "QEMU killed, until the event", event["killed"], 20, "ms")
    bench.row(subject, "pause, until the event", event["paused"], 20, "ms")
    bench.row(subject, "our memory for an idle machine", result["idle_kib_each"] / 1024, 2, "MiB")


def agent(bench):
    disk = bench.work / "root.ext4"
    bench.program("unpack_layers", disk, *dev_image(bench.inputs)[1])
    result = bench.program("bench_agent", *kernel(bench), disk, str(bench.boots))
    disk.unlink()
    for way, name in (("out", "from the guest"), ("in", "to the guest")):
        bench.row(subject, f"bytes {name}", result[f"{way}_mib_s"]["stream_ratio"], 0.8,
                  "× the raw port", at_least=True,
                  note="{stream:.0f} : {raw:.0f} MiB/s".format(**result[f"{way}_mib_s"]))
    exec_ms = result["exec_ms"]
    bench.row(subject, "exec of /bin/true", exec_ms["ratio"], 3, "× a shell's in the guest",
              ours_ms=exec_ms["agent"], peer_ms=exec_ms["shell"], peer="a shell in the guest")
    bench.row(subject, "the agent's memory", result["agent"]["resident_kib"] / 1024, 4, "MiB")
    bench.row(subject, "the agent's size", bench.agent_program.stat().st_size / 2**20, 2, "MiB")
