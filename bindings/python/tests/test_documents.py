# SPDX-License-Identifier: Apache-2.0
"""What people read: the README's programs and the examples, run as they stand; docstrings."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import support
from conftest import Demo

import vmkit
import vmkit.aio

README = support.ROOT / "bindings" / "python" / "README.md"
EXAMPLES = support.ROOT / "examples" / "python"


@pytest.fixture
def home(demo: Demo, tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has fetched a kernel and pulled the image."""
    data = tmp_path / "data" / "vmkit"
    kernel = support.kernel()
    place = data / "kernel" / support.ARCHITECTURE
    place.mkdir(parents=True)
    assert kernel.image is not None and kernel.modules is not None
    (place / "vmlinuz").symlink_to(kernel.image)
    (place / "modules").symlink_to(Path(kernel.modules).parent)
    (data / "store").symlink_to(demo.store.root)
    return {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}


def run(environment: dict[str, str], *arguments: str | Path) -> str:
    result = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=100
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    return result.stdout


def programs() -> list[str]:
    found = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(found) == 3
    return found


def test_quick_start(home: dict[str, str], demo: Demo, tmp_path: Path) -> None:
    first, quick_start, asynchronous = programs()
    (tmp_path / "first.py").write_text(
        first.replace("docker.io/library/python:3.12-slim", demo.reference).replace(
            '"python3", "-V"', '"perl", "-v"'
        )
    )
    assert "perl" in run(home, tmp_path / "first.py")
    (tmp_path / "quick.py").write_text(quick_start)
    output = run(home, tmp_path / "quick.py", demo.reference)
    assert "line 3\n" in output and "Debian" in output and "booted in" in output
    (tmp_path / "asynchronous.py").write_text(asynchronous)
    assert run(home, tmp_path / "asynchronous.py", demo.reference) == "['0', '1', '2']\n"


def test_example_run(home: dict[str, str], demo: Demo) -> None:
    assert "Debian" in run(home, EXAMPLES / "run.py", demo.reference, "cat", "/etc/os-release")


def test_example_pull(home: dict[str, str], demo: Demo, tmp_path: Path) -> None:
    example = EXAMPLES / "pull_with_progress.py"
    output = run(home, example, "--plain-http", demo.reference, tmp_path / "store")
    assert output.splitlines()[-1] == demo.image.descriptor.digest
    assert output.count("pull sha256:") >= 2


def test_example_clone(home: dict[str, str], demo: Demo, tmp_path: Path) -> None:
    output = run(home, EXAMPLES / "clone_a_hundred.py", demo.reference, tmp_path / "clones")
    assert "100 clones (" in output and "Debian" in output
    assert len(list((tmp_path / "clones").iterdir())) == 100


def test_example_snapshot(home: dict[str, str], demo: Demo, tmp_path: Path) -> None:
    output = run(home, EXAMPLES / "snapshot.py", demo.reference, tmp_path / "box")
    assert output == "a day's work\n"


def test_example_share(home: dict[str, str], demo: Demo) -> None:
    output = run(home, EXAMPLES / "share_a_folder.py", demo.reference, EXAMPLES)
    assert output.startswith(f"{len(list(EXAMPLES.iterdir()))} files\n")
    assert "Read-only file system" in output


def test_example_forward(home: dict[str, str], demo: Demo) -> None:
    assert run(home, EXAMPLES / "forward_a_port.py", demo.reference) == "HELLO\n"


def test_every_example_is_tested() -> None:
    tested = inspect.getsource(sys.modules[__name__])
    for example in EXAMPLES.glob("*.py"):
        assert f'"{example.name}"' in tested


MODULES = [
    vmkit,
    vmkit.agent,
    vmkit.aio,
    vmkit.archive,
    vmkit.base,
    vmkit.container,
    vmkit.disk,
    vmkit.errors,
    vmkit.ext4,
    vmkit.oci,
    vmkit.rootfs,
    vmkit.vm,
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_everything_has_a_docstring(module: ModuleType) -> None:
    assert module.__doc__
    for name in getattr(module, "__all__", dir(module)):
        thing = getattr(module, name)
        if name.startswith("_") or not getattr(thing, "__module__", "").startswith("vmkit"):
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert thing.__doc__ and len(thing.__doc__) > 10, name
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if inspect.isfunction(value) and not member.startswith("_"):
                    assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"
