# SPDX-License-Identifier: Apache-2.0
"""The files in a guest."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.agent.file_records import (
    AttributeChange,
    CopyOptions,
    CopyResult,
    RemoveOptions,
    TreeEntry,
    WriteOptions,
)
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.base.streams import reader

if TYPE_CHECKING:
    from vmkit.base.streams import BinaryInput
    from vmkit.base.types import Seconds, Size, StrPath


class Files:
    """The files of a container while it runs: ``box.files``. Thread-safe. Paths in the guest are
    absolute and text; they cannot lead out of the container's root.

    Example::

        box.files.write("/etc/motd", b"hello\\n")
        print(box.files.read("/etc/motd"))
    """

    __slots__ = ("_get",)

    def __init__(self, get: Callable[[], _vmkit.Files]) -> None:
        self._get = get

    def copy_in(
        self,
        source: StrPath,
        destination: str,
        options: CopyOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CopyResult:
        """Copies a file or a tree from the host into the guest; where to, as `docker cp` decides.

        Example::

            box.files.copy_in("src", "/srv/project")
        """
        call = call_options(timeout, stop, progress)
        return self._get().copy_in(source, destination, options or CopyOptions(), call)

    def copy_out(
        self,
        source: str,
        destination: StrPath,
        options: CopyOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CopyResult:
        """The other way, under the same rules. The guest is not trusted.

        Example::

            box.files.copy_out("/srv/project/result", "result")
        """
        call = call_options(timeout, stop, progress)
        return self._get().copy_out(source, destination, options or CopyOptions(), call)

    def read_tree(
        self,
        source: str,
        options: CopyOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> io.BufferedReader:
        """A file or tree of the guest as a stream for `write_tree` of another container.

        Example::

            with one.files.read_tree("/data") as tree:
                other.files.write_tree(tree, "/data")
        """
        call = call_options(timeout, stop)
        return reader(self._get().read_tree(source, options or CopyOptions(), call))

    def write_tree(
        self,
        tree: BinaryInput,
        destination: str,
        name: str = "",
        options: CopyOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CopyResult:
        """Makes the tree of a stream as `copy_in` does; `name` is what its root is called in a
        destination that is a folder."""
        call = call_options(timeout, stop, progress)
        return self._get().write_tree(tree, destination, name, options or CopyOptions(), call)

    def open(
        self,
        path: str,
        offset: int = 0,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> io.BufferedReader:
        """The content of a regular file, from `offset` on. Writing: `write`, `write_from`.

        Example::

            with box.files.open("/var/log/app") as file:
                for line in file: ...
        """
        return reader(self._get().open_read(path, offset, call_options(timeout, stop)))

    def read(
        self,
        path: str,
        limit: Size = "16MiB",
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> bytes:
        """All of a file that is not longer than `limit`."""
        return self._get().read(path, limit, call_options(timeout, stop))

    def write(
        self,
        path: str,
        content: bytes,
        permissions: int = 0o644,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Replaces or makes a file: whoever looks sees the old or the new content, whole."""
        self._get().write(path, content, permissions, call_options(timeout, stop))

    def write_from(
        self,
        content: BinaryInput,
        path: str,
        options: WriteOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> int:
        """Writes into a file as it is, all of a binary file up to its end.

        Example::

            with open("more.log", "rb") as source:
                box.files.write_from(source, "/var/log/app", WriteOptions(append=True))
        """
        call = call_options(timeout, stop)
        return self._get().write_from(content, path, options or WriteOptions(), call)

    def stat(
        self, path: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> TreeEntry:
        """What a path leads to."""
        return self._get().stat(path, call_options(timeout, stop))

    def lstat(
        self, path: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> TreeEntry:
        """The same of the path itself, if it is a symlink."""
        return self._get().lstat(path, call_options(timeout, stop))

    def list(
        self, path: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> list[TreeEntry]:
        """What is in a folder, in no order. Example: ``[e.path for e in box.files.list("/")]``."""
        return self._get().list(path, call_options(timeout, stop))

    def make_directory(
        self,
        path: str,
        permissions: int = 0o755,
        parents: bool = False,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Makes a folder; with `parents` also those above, and it may exist."""
        self._get().make_directory(path, permissions, parents, call_options(timeout, stop))

    def remove(
        self,
        path: str,
        *,
        recursive: bool = False,
        ignore_missing: bool = False,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Removes a file or, with `recursive`, a folder with everything in it."""
        options = RemoveOptions(recursive=recursive, ignore_missing=ignore_missing)
        self._get().remove(path, options, call_options(timeout, stop))

    def rename(
        self, old: str, new: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Also replaces a file, or an empty folder, at `new`."""
        self._get().rename(old, new, call_options(timeout, stop))

    def set_attributes(
        self,
        path: str,
        change: AttributeChange,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Changes permissions, owner or time. Example: ``AttributeChange(permissions=0o600)``."""
        self._get().set_attributes(path, change, call_options(timeout, stop))

    def make_symlink(
        self, target: str, path: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """A symlink at `path`; `target` is kept as it is."""
        self._get().make_symlink(target, path, call_options(timeout, stop))

    def make_hard_link(
        self, existing: str, path: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Another name for a file."""
        self._get().make_hard_link(existing, path, call_options(timeout, stop))
