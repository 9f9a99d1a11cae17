# SPDX-License-Identifier: Apache-2.0
"""What the tests run on: a kernel, an image, and a registry, all real."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vmkit

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
ARCHITECTURE = vmkit.Platform.host().architecture


def required(path: Path, made_by: str) -> Path:
    """`path`, which must be there: a missing one fails the tests."""
    if not path.exists():
        raise FileNotFoundError(f"missing: {path}; made by {made_by}")
    return path


def kernel() -> vmkit.Kernel:
    """Debian's cloud kernel."""
    image = BUILD / "kernel" / ARCHITECTURE / "vmlinuz"
    return vmkit.default_kernel(image=required(image, "scripts/fetch-kernel build/kernel"))


def demo_layout() -> Path:
    """The two-layer Debian image: an OCI layout with the tag "demo"."""
    return required(BUILD / "demo" / "image", "scripts/make-demo-image build/demo/image")


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A docker-registry on loopback: its address."""
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\n"
        "log: {level: info, accesslog: {disabled: true}}\n"
        "storage:\n"
        "  delete: {enabled: true}\n"
        f"  filesystem: {{rootdirectory: {folder / 'storage'}}}\n"
        "http:\n  addr: 127.0.0.1:0\n  secret: test\n"
    )
    program = shutil.which("docker-registry")
    if program is None:
        raise FileNotFoundError("docker-registry is not installed: scripts/install-deps")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", config], stdout=output, stderr=output)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(10)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())
        if found:
            return found.group(1)
        time.sleep(0.02)
    raise RuntimeError(f"the registry did not start: {log.read_text()}")


def plain_client(address: str) -> vmkit.RegistryClient:
    """Speaks plain HTTP to that registry only."""
    return vmkit.RegistryClient(hosts={address: vmkit.RegistryHostOptions(plain_http=True)})
