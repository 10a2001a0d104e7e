"""The names of `core.frames.tables.compression` for the sources of frames."""

from core.frames.tables.compression import (
    BrokenStreamError,
    ByteStream,
    compression_of,
    head_of,
    open_bytes,
    plain_suffix,
)

__all__ = [
    "BrokenStreamError",
    "ByteStream",
    "compression_of",
    "head_of",
    "open_bytes",
    "plain_suffix",
]
