# SPDX-License-Identifier: Apache-2.0
"""Making and changing ext4 images."""

from __future__ import annotations

import io
from types import TracebackType
from typing import TYPE_CHECKING, Any

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.disk.image_file import ImageFile
from vmkit.disk.records import ImageFileAccess
from vmkit.ext4.records import Attributes, CommitMode, DeviceNumber, FormatOptions, LastSymlink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmkit.base.types import Seconds, Size, StrPath
    from vmkit.ext4.records import FileType, Xattr


class FileWriter(io.RawIOBase):
    """Writes at the end of one file of a Filesystem. One at a time: close it before the next.

    Example::

        with filesystem.make_file(filesystem.root, "hello") as file:
            file.write(b"hello\\n")
    """

    def __init__(self, handle: _vmkit.FileWriter) -> None:
        self._handle = handle

    @property
    def inode(self) -> int:
        """Of the file."""
        return self._handle.inode()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """More of the content; returns how many bytes that are."""
        view = memoryview(data).cast("B")
        self._handle.write(view)
        return view.nbytes

    def skip(self, length: int) -> None:
        """Goes on `length` bytes further: a hole."""
        self._handle.skip(length)

    def close(self) -> None:
        if not self.closed:
            try:
                if not self._handle.closed:
                    self._handle.finish()
            finally:
                self._handle.close()
                super().close()


class Filesystem:
    """An ext4 file system in an image, made or changed in user space. Inodes are int. File data is
    written as it arrives, metadata at `commit`: without one, nothing has changed.

    Example::

        with ImageFile.create("data.ext4", "1GiB") as image:
            with Filesystem.format(image, FormatOptions(size="1GiB", hash_seed=os.urandom(16))) as filesystem:
                with filesystem.make_file(filesystem.root, "hello") as file:
                    file.write(b"hello\\n")
                filesystem.commit()
            image.publish()
    """

    __slots__ = ("_device", "_handle")

    def __init__(self, image: StrPath | ImageFile) -> None:
        """Loads the file system of an image, to change it."""
        self._device: ImageFile | None = None
        if not isinstance(image, ImageFile):
            image = self._device = ImageFile(image, ImageFileAccess.read_write)
        self._handle = _vmkit.open_filesystem(image)

    @classmethod
    def format(cls, image: ImageFile, options: FormatOptions) -> Filesystem:
        """Starts an empty file system; all that is in the image is discarded."""
        self = cls.__new__(cls)
        self._device = None
        self._handle = _vmkit.format_filesystem(image, options)
        return self

    def close(self) -> None:
        """Lets go of the image; what was not committed is lost. May be called again."""
        self._handle.close()
        if self._device is not None:
            self._device.close()

    def __enter__(self) -> Filesystem:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def root(self) -> int:
        """The inode of "/"."""
        return self._handle.root()

    def lookup(self, directory: int, name: str) -> int | None:
        """The inode of a name in a directory."""
        return self._handle.lookup(directory, name)

    def resolve(self, path: str, last: LastSymlink = LastSymlink.follow) -> int | None:
        """Where `path` leads, taken from the root; None if something is missing."""
        return self._handle.resolve(path, last)

    def type(self, inode: int) -> FileType:
        """What it is."""
        return self._handle.type(inode)

    def attributes(self, inode: int) -> Attributes:
        """Permissions, owner and times."""
        return self._handle.attributes(inode)

    def link_count(self, inode: int) -> int:
        """The names of a file."""
        return self._handle.link_count(inode)

    def symlink_target(self, symlink: int) -> str:
        """Where it points to."""
        return self._handle.symlink_target(symlink)

    def entries(self, directory: int) -> list[tuple[str, int]]:
        """Names and inodes of a directory, without "." and ".."."""
        return self._handle.entries(directory)

    def size(self, inode: int) -> int:
        """The bytes of a file, or of a symlink's target."""
        return self._handle.size(inode)

    def device(self, inode: int) -> DeviceNumber:
        """Of a device; zero for all others."""
        return self._handle.device(inode)

    def read(self, file: int, offset: int = 0, length: int = 1 << 30) -> bytes:
        """At most `length` bytes (1 GiB) of a regular file."""
        return self._handle.read(file, offset, length)

    def make_directory(
        self, parent: int, name: str, attributes: Attributes = Attributes(permissions=0o755)
    ) -> int:
        """A new directory."""
        return self._handle.make_directory(parent, name, attributes)

    def make_directories(
        self, path: str, attributes: Attributes = Attributes(permissions=0o755)
    ) -> int:
        """`mkdir -p`: the directory that `path` leads to."""
        return self._handle.make_directories(path, attributes)

    def make_symlink(
        self,
        parent: int,
        name: str,
        target: str,
        attributes: Attributes = Attributes(permissions=0o777),
    ) -> int:
        """A new symlink."""
        return self._handle.make_symlink(parent, name, target, attributes)

    def make_special(
        self,
        parent: int,
        name: str,
        type: FileType,
        device: DeviceNumber = DeviceNumber(),
        attributes: Attributes = Attributes(permissions=0o644),
    ) -> int:
        """A device, fifo or socket."""
        return self._handle.make_special(parent, name, type, device, attributes)

    def make_file(
        self, parent: int, name: str, attributes: Attributes = Attributes(permissions=0o644)
    ) -> FileWriter:
        """A regular file, empty until its writer is used."""
        return FileWriter(self._handle.make_file(parent, name, attributes))

    def replace_content(self, file: int) -> FileWriter:
        """Writes the content of a file anew, from its beginning."""
        return FileWriter(self._handle.replace_content(file))

    def append_to(self, file: int) -> FileWriter:
        """Goes on at the end of a file."""
        return FileWriter(self._handle.append_to(file))

    def link(self, directory: int, name: str, target: int) -> None:
        """Another name for `target`, which is not a directory."""
        self._handle.link(directory, name, target)

    def remove(self, directory: int, name: str) -> None:
        """Removes one name; a directory with everything below."""
        self._handle.remove(directory, name)

    def rename(self, source: int, name: str, target: int, new_name: str) -> None:
        """rename(2): gives what is `name` in `source` the name `new_name` in `target`."""
        self._handle.rename(source, name, target, new_name)

    def set_attributes(self, inode: int, attributes: Attributes) -> None:
        """Replaces permissions, owner and times."""
        self._handle.set_attributes(inode, attributes)

    def xattrs(self, inode: int) -> list[Xattr]:
        """In order of their names."""
        return self._handle.xattrs(inode)

    def set_xattrs(self, inode: int, xattrs: Sequence[Xattr]) -> None:
        """Replaces all extended attributes."""
        self._handle.set_xattrs(inode, list(xattrs))

    @property
    def inode_count(self) -> int:
        """Inodes in use, "/" and lost+found included."""
        return self._handle.inode_count()

    def commit(
        self,
        mode: CommitMode = CommitMode.atomic,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Writes all that changed, and flushes the image."""
        self._handle.commit(mode, call_options(timeout, stop, progress))

    def resize(
        self,
        size: Size,
        mode: CommitMode = CommitMode.atomic,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Commits, and then gives image and file another size."""
        self._handle.resize(size, mode, call_options(timeout, stop, progress))

    @property
    def least_size(self) -> int:
        """To what `resize` can shrink the image."""
        return self._handle.least_size()
