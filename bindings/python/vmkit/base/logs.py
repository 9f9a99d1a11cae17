# SPDX-License-Identifier: Apache-2.0
"""The library's log and Python's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import LogRecord, LogSink


def log_to(logger: logging.Logger) -> LogSink:
    """A ``log=`` callable that passes the library's records on to Python's logging.

    Example::

        backend = vmkit.vm.QemuBackend(log=vmkit.log_to(logging.getLogger("vmkit")))
    """

    def write(record: LogRecord) -> None:
        fields = "".join(f" {key}={value}" for key, value in record.fields.items())
        level = getattr(logging, record.level.name.upper())
        logger.log(level, "%s: %s%s", record.module, record.message, fields)

    return write
