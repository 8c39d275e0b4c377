"""BGZF, the blocked gzip of BCF: blocks in, blocks out, through libdeflate.

Blocks are independent, so a file can be entered at any of them (SAM specification, section 4.1). libdeflate
writes the same bytes on every processor.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Protocol

import deflate

BLOCK = 0xFF00
"""Bytes of data in a block, as htslib writes them."""

EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

LEVEL = 1
"""Shards are read a few times and can be made again: speed counts for more than size."""

_HEAD = struct.Struct("<4BI2BH2B2H")
_TAIL = struct.Struct("<2I")
_READ = 1 << 20


class DamagedError(ValueError):
    """The stream breaks off or isn't what it should be."""


class Readable(Protocol):
    """What can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def inflate(stream: Readable, offset: int = 0) -> Iterator[tuple[int, bytes | bytearray]]:
    """The blocks of a BGZF stream: (place of the block in the file, its data).

    Args:
        stream: at the start of a block, and at byte ``offset`` of its file.

    Raises:
        DamagedError: the stream ends within a block, a checksum is wrong, or the end block is missing.
    """
    data, at, last_empty = b"", 0, False
    while True:
        if len(data) - at < 18 or len(data) - at < _block_size(data, at):
            more = stream.read(_READ)
            offset += at
            data, at = data[at:] + more, 0
            if not data:
                break
            if len(data) < 18 or len(data) < _block_size(data, 0):
                if more:
                    continue
                raise DamagedError("the file ends within a compressed block: it is cut off")
        size = _block_size(data, at)
        extra = struct.unpack_from("<H", data, at + 10)[0]
        checksum, length = _TAIL.unpack_from(data, at + size - 8)
        block: bytes | bytearray = b""
        if length:
            try:
                block = deflate.deflate_decompress(data[at + 12 + extra : at + size - 8], length)
            except deflate.DeflateError:
                raise DamagedError("a compressed block can't be read: the file is damaged") from None
            if len(block) != length or deflate.crc32(block) != checksum:
                raise DamagedError("a compressed block has a wrong checksum: the file is damaged")
        last_empty = length == 0
        yield offset + at, block
        at += size
    if not last_empty:
        raise DamagedError("the end block is missing: the file is cut off")


def _block_size(data: bytes, at: int) -> int:
    """Size of the block that begins at ``at``; its header is complete."""
    if data[at : at + 4] != b"\x1f\x8b\x08\x04":
        raise DamagedError("not a BGZF block: the file is damaged")
    extra = struct.unpack_from("<H", data, at + 10)[0]
    field, end = at + 12, at + 12 + extra
    while field + 4 <= min(end, len(data)):
        if data[field : field + 2] == b"BC":
            return int(struct.unpack_from("<H", data, field + 4)[0]) + 1
        field += 4 + struct.unpack_from("<H", data, field + 2)[0]
    raise DamagedError("a gzip block without BGZF's size field")


class BgzfWriter:
    """Compresses a stream of bytes; knows the virtual offset of what comes next."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._pending = bytearray()
        self._written = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append data."""
        self._pending += data
        if len(self._pending) >= BLOCK:
            whole = len(self._pending) - len(self._pending) % BLOCK
            view = bytes(self._pending[:whole])
            del self._pending[:whole]
            for start in range(0, whole, BLOCK):
                self._block(view[start : start + BLOCK])

    def tell(self) -> int:
        """Virtual offset of the next byte: place of its block, shifted by 16, plus its place in the block."""
        return self._written << 16 | len(self._pending)

    def close(self) -> None:
        """Write what is pending and the end block; the stream stays open."""
        if self._pending:
            self._block(bytes(self._pending))
            self._pending.clear()
        self._stream.write(EOF_BLOCK)

    def _block(self, data: bytes) -> None:
        packed = deflate.deflate_compress(data, LEVEL)
        size = len(packed) + 26
        head = _HEAD.pack(31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, size - 1)
        self._stream.write(head + packed + _TAIL.pack(deflate.crc32(data), len(data)))
        self._written += size

    def __enter__(self) -> BgzfWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
