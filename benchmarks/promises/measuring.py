# SPDX-License-Identifier: Apache-2.0
"""Runs commands by turns, times them, and collects the rows of the report."""
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path


class Skip(Exception):
    """What is to be measured cannot be measured here."""


@dataclasses.dataclass
class Row:
    """One promise: `value` must not exceed `bar`, or not fall below it where `at_least`."""

    subject: str
    what: str
    value: float | None
    bar: float
    unit: str
    at_least: bool = False
    ours_ms: float | None = None
    peer_ms: float | None = None
    peer: str = ""
    note: str = ""  # what helps to judge the number; of a row without a value, why there is none

    @property
    def met(self):
        if self.value is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar


def cpu_seconds():
    """Of the children that have been waited for."""
    times = os.times()
    return times.children_user + times.children_system


class Clock:
    """Wall and CPU time of what happens in its block, in milliseconds."""

    def __enter__(self):
        self._start, self._cpu = time.monotonic(), cpu_seconds()
        return self

    def __exit__(self, *_):
        self.ms = (time.monotonic() - self._start) * 1000
        self.cpu_ms = (cpu_seconds() - self._cpu) * 1000

    def result(self):
        return {"ms": self.ms, "cpu_ms": self.cpu_ms}


def timed(*commands):
    """Times commands, run one after the other."""
    with Clock() as clock:
        for command in commands:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    return clock.result()


def need(*names):
    for name in names:
        if not shutil.which(name):
            raise Skip(f"{name} is missing")


def take_memory():
    """Makes a virtual machine get memory from its host, and free it again.

    Where it gives free pages back (the balloon's free page reporting), the first use of each page
    costs as much as several copies of it: who writes the most would pay for that, and not always.
    """
    os.sync()  # nor is what others have written written back at the next one's cost
    subprocess.run([sys.executable, "-c", "b'x' * (3 << 30)"], check=True)


def best(results):
    """The quickest of several runs, with the least CPU time of all."""
    result = dict(min(results, key=lambda one: one["ms"]))
    result["cpu_ms"] = min(one["cpu_ms"] for one in results)
    return result


class Bench:
    """What all measurements share: where the programs are, where to write, the rows so far."""

    def __init__(self, build, inputs, work, runs):
        self.build, self.inputs, self.work, self.runs = build, inputs, work, runs
        self.rows = []

    def program(self, name, *arguments):
        """What one of our programs prints, as an object, with its times."""
        with Clock() as clock:
            done = subprocess.run([self.build / "benchmarks" / name, *arguments], check=True,
                                  stdout=subprocess.PIPE, text=True)
        result = json.loads(done.stdout)
        result["wall_ms"] = clock.ms  # with the start of the process
        result.setdefault("ms", result.get("total_ms", clock.ms))
        result.setdefault("cpu_ms", clock.cpu_ms)
        return result

    def in_turns(self, *measures):
        """The best of each, by turns, so that what else the machine does hits them alike."""
        results = [[] for _ in measures]
        for _ in range(self.runs):
            for measure, runs in zip(measures, results):
                take_memory()
                runs.append(measure())
        return [best(runs) for runs in results]

    def row(self, subject, what, value, bar, unit, **more):
        self.rows.append(Row(subject, what, value, bar, unit, **more))

    def ratio(self, subject, what, ours, peer_name, peer, bar):
        """A row about the ratio of two times."""
        self.row(subject, what, ours["ms"] / peer["ms"], bar, f"× {peer_name}", ours_ms=ours["ms"],
                 peer_ms=peer["ms"], peer=peer_name,
                 note=f"CPU {ours['cpu_ms']:.0f} : {peer['cpu_ms']:.0f} ms")


def dev_image(inputs):
    """The Debian development image, its layers as files."""
    image = Path(inputs) / "dev-image"
    read = lambda digest: json.loads((image / "blobs" / digest.replace(":", "/")).read_text())
    index = json.loads((image / "index.json").read_text())
    layers = read(index["manifests"][0]["digest"])["layers"]
    return image, [image / "blobs" / layer["digest"].replace(":", "/") for layer in layers]
