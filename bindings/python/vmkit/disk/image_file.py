# SPDX-License-Identifier: Apache-2.0
"""Disk images in files."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import Stop, call_options
from vmkit.disk.records import ImageFileAccess

if TYPE_CHECKING:
    from vmkit.base.types import Path, Seconds, Size, StrPath


class ImageFile:
    """A raw disk image in a file. As long as it is open, locks keep others from writing it.

    Example::

        with ImageFile.create("data.img", "1GiB") as image:
            image.write_at(0, b"hello")
            image.publish()
    """

    __slots__ = ("_handle",)

    def __init__(self, path: StrPath, access: ImageFileAccess = ImageFileAccess.read_only) -> None:
        """Opens an existing image."""
        self._handle = _vmkit.open_image_file(path, access)

    @classmethod
    def _of(cls, handle: _vmkit.ImageFile) -> ImageFile:
        self = cls.__new__(cls)
        self._handle = handle
        return self

    @classmethod
    def create(cls, target: StrPath, size: Size) -> ImageFile:
        """A new, empty image, which appears at `target` only with `publish`."""
        return cls._of(_vmkit.create_image_file(target, size))

    @classmethod
    def create_clone(cls, target: StrPath, source: StrPath) -> ImageFile | None:
        """A new image with the blocks of `source`; None where the file system cannot clone."""
        handle = _vmkit.create_image_clone(target, source)
        return None if handle is None else cls._of(handle)

    def publish(self) -> None:
        """Flushes a new image and gives it its name, atomically."""
        self._handle.publish()

    def publish_clone(self, target: StrPath) -> bool:
        """Gives the present content to a file of its own; False where the file system cannot."""
        return self._handle.publish_clone(target)

    @property
    def size(self) -> int:
        """In bytes."""
        return self._handle.size()

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the image; the range lies within it."""
        return self._handle.read_at(offset, length)

    def write_at(self, offset: int, data: bytes) -> None:
        """Writes bytes; the range lies within the image."""
        self._handle.write_at(offset, data)

    def discard(self, offset: int, length: int) -> None:
        """Makes the range read as zero and gives its space back."""
        self._handle.discard(offset, length)

    def resize(self, size: Size) -> None:
        """Grows (with zeros) or shrinks the image."""
        self._handle.resize(size)

    def flush(self) -> None:
        """Returns when all that was written is on stable storage."""
        self._handle.flush()

    def close(self) -> None:
        """Ends the locks; of an image that was not published nothing stays. May be called again."""
        self._handle.close()

    def __enter__(self) -> ImageFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class ImageFolder:
    """A folder of disk images that several processes share.

    Example::

        with ImageFolder("disks").lock("one.ext4"):
            make("disks/one.ext4")
    """

    __slots__ = ("_handle",)

    def __init__(self, path: StrPath) -> None:
        """Makes the folder if it is missing, and removes what killed processes left in it."""
        self._handle = _vmkit.open_image_folder(path)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._handle.path()

    def lock(
        self, name: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> ImageFolderLock:
        """The right to make the image `name`; waits for it."""
        return ImageFolderLock(self._handle.lock(name, call_options(timeout, stop)))


class ImageFolderLock:
    """Held until its end. Made by `ImageFolder.lock`. Example: see there."""

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.ImageFolderLock) -> None:
        self._handle = handle

    def close(self) -> None:
        """Gives it to the next. May be called again."""
        self._handle.close()

    def __enter__(self) -> ImageFolderLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
