# SPDX-License-Identifier: Apache-2.0
"""Reading ext4 images."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.disk.image_file import ImageFile
from vmkit.errors import NotFoundError
from vmkit.ext4.records import LastSymlink, ReaderOptions

if TYPE_CHECKING:
    from vmkit.base.types import StrPath
    from vmkit.ext4.records import FileExtent, FileStatus, ImageInfo, Xattr


class Reader:
    """Reads any ext4 image, whoever made it, without a kernel and without writing to it. Inodes are
    int. Images are taken for hostile.

    Example::

        with ext4.Reader("disk.ext4") as disk:
            print(disk.read_file("/etc/os-release").decode())
    """

    __slots__ = ("_device", "_handle")

    def __init__(self, image: StrPath | ImageFile, options: ReaderOptions | None = None) -> None:
        self._device = None if isinstance(image, ImageFile) else ImageFile(image)
        device = image if self._device is None else self._device
        self._handle = _vmkit.open_reader(device, options or ReaderOptions())

    def close(self) -> None:
        """Lets go of the image. May be called again."""
        self._handle.close()
        if self._device is not None:
            self._device.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def info(self) -> ImageInfo:
        """What the superblock tells."""
        return self._handle.info()

    @property
    def root(self) -> int:
        """The inode of "/"."""
        return self._handle.root()

    def lookup(self, folder: int, name: str) -> int | None:
        """The inode of a name in a folder."""
        return self._handle.lookup(folder, name)

    def resolve(self, path: str, last: LastSymlink = LastSymlink.follow) -> int | None:
        """Where `path` leads, taken from the root; None if something is missing."""
        return self._handle.resolve(path, last)

    def stat(self, inode: int) -> FileStatus:
        """What stat(2) tells."""
        return self._handle.stat(inode)

    def entries(self, folder: int) -> list[tuple[str, int]]:
        """Names and inodes of a folder, without "." and ".."."""
        return self._handle.entries(folder)

    def symlink_target(self, symlink: int) -> str:
        """Where it points to."""
        return self._handle.symlink_target(symlink)

    def xattrs(self, inode: int) -> list[Xattr]:
        """Ordered by name."""
        return self._handle.xattrs(inode)

    def extents(self, file: int) -> list[FileExtent]:
        """The pieces of a regular file, in order."""
        return self._handle.extents(file)

    def read(self, file: int, offset: int = 0, length: int = 1 << 30) -> bytes:
        """At most `length` bytes (1 GiB) of a regular file."""
        return self._handle.read(file, offset, length)

    def read_file(self, path: str) -> bytes:
        """The content of the file at a path. Raises NotFoundError."""
        inode = self.resolve(path)
        if inode is None:
            raise NotFoundError(f"{path} is not in the image")
        return self.read(inode)
