# SPDX-License-Identifier: Apache-2.0
"""Layers while they are being pulled."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from vmkit.base.stop import Stop, call_options
from vmkit.base.streams import reader

if TYPE_CHECKING:
    from vmkit import _vmkit
    from vmkit.oci.documents import Descriptor


class ArrivingLayers:
    """What PullOptions.consume gets: good during that call only.

    Example::

        def consume(image, arriving):
            for layer in image.manifest.layers:
                with arriving.open(layer) as file: read(file)
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.ArrivingLayers) -> None:
        self._handle = handle

    def open(self, layer: Descriptor, *, stop: Stop | None = None) -> io.BufferedReader:
        """The bytes of a layer from the beginning; reading waits for those that are still to come.
        Until the end was read nothing is sure about them."""
        return reader(self._handle.open(layer, call_options(None, stop)))
