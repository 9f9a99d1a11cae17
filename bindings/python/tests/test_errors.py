# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import builtins
import errno
import pickle
from pathlib import Path

import pytest

import vmkit
from vmkit import errors
from vmkit.disk import clone


def test_every_code_has_a_class() -> None:
    for code in vmkit.Errc:
        error = errors.from_native(code.value, "text", ("http", 404))
        assert type(error) is not vmkit.Error
        assert (error.code, str(error)) == (code, "text")
        assert (error.domain, error.native_code) == (vmkit.ErrorDomain.http, 404)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.native_code) == (type(error), "text", 404)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (vmkit.InvalidArgumentError, ValueError),
        (vmkit.NotFoundError, FileNotFoundError),
        (vmkit.NotFoundError, LookupError),
        (vmkit.AlreadyExistsError, FileExistsError),
        (vmkit.PermissionDeniedError, PermissionError),
        (vmkit.UnauthenticatedError, PermissionError),
        (vmkit.FailedPreconditionError, RuntimeError),
        (vmkit.UnsupportedError, NotImplementedError),
        (vmkit.UnavailableError, ConnectionError),
        (vmkit.TimeoutError, builtins.TimeoutError),
        (vmkit.ResourceExhaustedError, OSError),
        (vmkit.DataCorruptionError, ValueError),
        (vmkit.IoError, OSError),
    ],
)
def test_classes_are_built_in_ones_too(
    kind: type[vmkit.Error], builtin: type[BaseException]
) -> None:
    assert issubclass(kind, builtin)


def test_errors_of_the_library(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        clone(tmp_path / "missing", tmp_path / "target")
    error = caught.value
    assert isinstance(error, vmkit.NotFoundError)
    assert "missing" in str(error)
    assert (error.domain, error.native_code) == (vmkit.ErrorDomain.posix, errno.ENOENT)
    assert error.errno == errno.ENOENT
    with pytest.raises(ValueError, match="lower"):
        vmkit.Reference("registry.example/UPPER")
    with pytest.raises(TypeError):
        vmkit.Reference(1)  # type: ignore[arg-type]
