# SPDX-License-Identifier: Apache-2.0
"""What all modules share: errors, digests, sizes, stopping, streams, logs."""

from vmkit.base.hashing import Hasher, digest_of
from vmkit.base.logs import log_to
from vmkit.base.records import (
    Architecture,
    DigestAlgorithm,
    LogLevel,
    Progress,
    ProgressUnit,
)
from vmkit.base.stop import ProgressCallback, Stop, StopCallback, StopSource, StopToken
from vmkit.base.streams import BinaryInput, BinaryOutput, ByteStream, NativeFunction, SinkWriter
from vmkit.base.types import (
    EPOCH,
    Digest,
    GiB,
    KiB,
    LogRecord,
    LogSink,
    MiB,
    Path,
    Seconds,
    Size,
    StrPath,
    TiB,
    datetime,
    format_size,
    host_architecture,
    parse_size,
    timedelta,
)

__all__ = [
    "EPOCH",
    "Architecture",
    "BinaryInput",
    "BinaryOutput",
    "ByteStream",
    "Digest",
    "DigestAlgorithm",
    "GiB",
    "Hasher",
    "KiB",
    "LogLevel",
    "LogRecord",
    "LogSink",
    "MiB",
    "NativeFunction",
    "Path",
    "Progress",
    "ProgressCallback",
    "ProgressUnit",
    "Seconds",
    "SinkWriter",
    "Size",
    "Stop",
    "StopCallback",
    "StopSource",
    "StopToken",
    "StrPath",
    "TiB",
    "datetime",
    "digest_of",
    "format_size",
    "host_architecture",
    "log_to",
    "parse_size",
    "timedelta",
]
