# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, as exceptions.

Every error of the library is an :class:`Error` with a :class:`Errc`; each code has a class of its
own, which derives from the built-in exception that fits, too::

    try:
        box.files.read("/etc/missing")
    except FileNotFoundError as error:      # or vmkit.NotFoundError, or vmkit.Error
        print(error, error.code, error.native_code)
"""

from __future__ import annotations

import builtins
import enum


class Errc(enum.Enum):
    """What went wrong, as a program can act on it. The numbers are stable.

    Example::

        if error.code is vmkit.Errc.unavailable:
            retry()
    """

    invalid_argument = 1
    """The input of the call is wrong in itself."""
    not_found = 2
    """The named thing does not exist."""
    already_exists = 3
    """The named thing exists and would be overwritten."""
    permission_denied = 4
    """Known, but not allowed."""
    unauthenticated = 5
    """Credentials are missing or were refused."""
    failed_precondition = 6
    """The object is in a state that does not allow the call; also: it is closed."""
    unsupported = 7
    """This host, build or peer cannot do it; the message says why."""
    unavailable = 8
    """A peer is not there now; a later try may work."""
    timeout = 9
    """A deadline or a watchdog ended the call."""
    cancelled = 10
    """The caller's StopToken ended the call."""
    resource_exhausted = 11
    """Disk, memory, descriptors or a limit set by the caller ran out."""
    data_corruption = 12
    """Bytes contradict their digest, size, format or checksum."""
    io = 13
    """The operating system failed a read, write or other call."""
    internal = 14
    """A mistake inside vmkit: please report it."""


class ErrorDomain(enum.Enum):
    """Whose numbers :attr:`Error.native_code` are.

    Example::

        if error.domain is vmkit.ErrorDomain.http and error.native_code == 429: ...
    """

    posix = "posix"
    http = "http"
    curl = "curl"
    openssl = "openssl"
    libarchive = "libarchive"
    vz = "vz"
    qmp = "qmp"


class Error(Exception):
    """The base of all errors of vmkit.

    Messages are lower case, name the thing, say what was expected and found and, where there is
    one, the way out; they never hold a secret.

    Example::

        except vmkit.Error as error:
            print(error.code.name, error)
    """

    code: Errc = Errc.internal
    """What went wrong; each subclass stands for one."""
    domain: ErrorDomain | None = None
    """Whose number `native_code` is."""
    native_code: int | None = None
    """The number that a lower layer gave: an errno, an HTTP status, …"""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(Error, ValueError):
    """The input of a call is wrong in itself. Example: ``vmkit.Reference("UPPER")``."""

    code = Errc.invalid_argument


class NotFoundError(Error, FileNotFoundError, LookupError):
    """A named thing does not exist. Example: ``box.run("no-such-program")``."""

    code = Errc.not_found


class AlreadyExistsError(Error, FileExistsError):
    """A named thing exists and would be overwritten. Example: a disk cloned over another."""

    code = Errc.already_exists


class PermissionDeniedError(Error, PermissionError):
    """Known, but not allowed. Example: a folder of the host that may not be read."""

    code = Errc.permission_denied


class UnauthenticatedError(Error, PermissionError):
    """Credentials are missing or were refused. Example: pulling a private image."""

    code = Errc.unauthenticated


class FailedPreconditionError(Error, RuntimeError):
    """The object is in a state that does not allow the call. Example: use after ``close()``."""

    code = Errc.failed_precondition


class UnsupportedError(Error, NotImplementedError):
    """This host, build or peer cannot do it. Example: ``CloneMode.require_cow`` on ext4."""

    code = Errc.unsupported


class UnavailableError(Error, ConnectionError):
    """A peer is not there now. Example: a registry that cannot be reached."""

    code = Errc.unavailable


class TimeoutError(Error, builtins.TimeoutError):
    """The ``timeout`` of a call is over. Example: ``process.wait(timeout=1)``."""

    code = Errc.timeout


class CancelledError(Error):
    """The StopToken of a call ended it. Example: ``vmkit.pull(…, stop=source)``."""

    code = Errc.cancelled


class ResourceExhaustedError(Error, OSError):
    """Disk, memory or a limit ran out. Example: an image that is larger than its disk."""

    code = Errc.resource_exhausted


class DataCorruptionError(Error, ValueError):
    """Bytes contradict their digest, size or format. Example: a damaged blob."""

    code = Errc.data_corruption


class IoError(Error, OSError):
    """The operating system failed a call. Example: a read from a broken disk."""

    code = Errc.io


class InternalError(Error, RuntimeError):
    """A mistake inside vmkit: please report it. Example: none that we know."""

    code = Errc.internal


_CLASSES: dict[int, type[Error]] = {
    error.code.value: error
    for error in (
        InvalidArgumentError,
        NotFoundError,
        AlreadyExistsError,
        PermissionDeniedError,
        UnauthenticatedError,
        FailedPreconditionError,
        UnsupportedError,
        UnavailableError,
        TimeoutError,
        CancelledError,
        ResourceExhaustedError,
        DataCorruptionError,
        IoError,
        InternalError,
    )
}


def from_native(code: int, message: str, native: tuple[str, int] | None) -> Error:
    """For the extension: the exception for an error of the library."""
    error = _CLASSES[code](message)
    if native is not None:
        error.domain = ErrorDomain(native[0])
        error.native_code = native[1]
        if isinstance(error, OSError) and error.domain is ErrorDomain.posix:
            error.errno = error.native_code
    return error
