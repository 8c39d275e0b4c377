"""BCF as blocks of raw records: read, look into, write, index.

A record stays the bytes it is in the file until something in it must change, so that a cohort of thousands of
samples is read at the speed of decompression. Format: VCF specification 4.3, section 6.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from endotype import bcftools
from endotype.variants.bcf_kernels import record_offsets
from endotype.variants.bgzf import BgzfWriter, DamagedError, inflate
from endotype.variants.csi import IndexBuilder, first_offset

BLOCK_BYTES = 1 << 22
"""Records are handed on in blocks of about this many bytes."""

_MAGIC = b"BCF\2"


@dataclass(frozen=True)
class Field:
    """How the header declares an INFO or FORMAT field."""

    number: str
    type: str


@dataclass(frozen=True)
class Header:
    """A BCF header.

    Attributes:
        text: the VCF header, every line with its end, up to and with the ``#CHROM`` line.
        contigs: names by the number that records carry.
        keys: FILTER, INFO and FORMAT names by the number that records carry.
        info, formats: declared fields.
        samples: sample names in the order of the records.
    """

    text: str
    contigs: dict[int, str]
    keys: dict[int, str]
    info: dict[str, Field]
    formats: dict[str, Field]
    samples: tuple[str, ...]

    def key(self, name: str) -> int:
        """The number of a FILTER, INFO or FORMAT name, -1 when the header doesn't have it."""
        return next((number for number, known in self.keys.items() if known == name), -1)

    def contig(self, name: str) -> int:
        """The number of a contig, -1 when the header doesn't have it."""
        return next((number for number, known in self.contigs.items() if known == name), -1)

    def with_fields(self, kind: str, fields: dict[str, tuple[Field, str]]) -> Header:
        """The header with fields (INFO or FORMAT) declared so; numbers that are in use stay.

        Args:
            kind: ``INFO`` or ``FORMAT``.
            fields: name -> declaration and description.
        """
        *meta, columns = self.text.splitlines()
        free = max(self.keys) + 1
        for name, (field, description) in fields.items():
            number = self.key(name)
            if number < 0:
                number, free = free, free + 1
            new = (
                f"##{kind}=<ID={name},Number={field.number},Type={field.type},"
                f'Description="{description}",IDX={number}>'
            )
            old = re.compile(rf"##{kind}=<ID={re.escape(name)}[,>]")
            place = next((i for i, line in enumerate(meta) if old.match(line)), len(meta))
            meta[place : place + 1] = [new]  # in its place: lines without IDX are numbered by their order
        return parse_header("\n".join([*meta, columns]) + "\n")

    def with_line(self, line: str) -> Header:
        """The header with one more ``##`` line of another kind, after the first, unless it has it."""
        first, *rest = self.text.splitlines()
        return self if line in rest else parse_header("\n".join([first, line, *rest]) + "\n")

    def with_samples(self, samples: Sequence[str]) -> Header:
        """The header with other sample names."""
        *meta, columns = self.text.splitlines()
        fixed = columns.split("\t")[:8] + (["FORMAT"] if samples else [])
        return parse_header("\n".join([*meta, "\t".join([*fixed, *samples])]) + "\n")

    def with_contigs(self, names: dict[str, str]) -> Header:
        """The header with contigs renamed (old -> new)."""
        lines = [
            re.sub(r"([<,]ID=)([^,>]+)", lambda m: m[1] + names.get(m[2], m[2]), line, count=1)
            if line.startswith("##contig=<")
            else line
            for line in self.text.splitlines()
        ]
        return parse_header("\n".join(lines) + "\n")


def parse_header(text: str) -> Header:
    """Read the header of a BCF; the numbers follow the order of the lines or their ``IDX``."""
    contigs: dict[int, str] = {}
    keys: dict[int, str] = {0: "PASS"}
    fields: dict[str, dict[str, Field]] = {"INFO": {}, "FORMAT": {}}
    samples: tuple[str, ...] = ()
    numbers = {"PASS": 0}
    for line in text.splitlines():
        if line.startswith("#CHROM"):
            samples = tuple(line.split("\t")[9:])
            continue
        match = re.match(r"##(contig|FILTER|INFO|FORMAT)=<(.*)>\s*$", line)
        name = match and re.search(r"(?:^|,)ID=([^,]+)", match[2])
        if not match or not name:
            continue
        given = re.search(r",IDX=(\d+)$", match[2])
        if match[1] == "contig":
            number = int(given[1]) if given else len(contigs)
            contigs[number] = name[1]
            continue
        if name[1] not in numbers:
            numbers[name[1]] = int(given[1]) if given else max(numbers.values()) + 1
            keys[numbers[name[1]]] = name[1]
        if match[1] in fields:
            count = re.search(r"(?:^|,)Number=([^,]+)", match[2])
            kind = re.search(r"(?:^|,)Type=([^,]+)", match[2])
            fields[match[1]][name[1]] = Field(count[1] if count else ".", kind[1] if kind else "String")
    return Header(text, contigs, keys, fields["INFO"], fields["FORMAT"], samples)


@dataclass(frozen=True)
class Block:
    """Whole records: ``data`` uint8, ``offsets`` int64 (n + 1,), where each begins and the last ends."""

    data: np.ndarray
    offsets: np.ndarray


class BcfReader:
    """Header and blocks of records of a BCF stream, BGZF or not compressed.

    Raises:
        DamagedError: not a BCF, or the stream breaks off.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        head = stream.read(4)
        if head[:2] == b"\x1f\x8b":
            chunks: Iterator[bytes | bytearray] = (data for _, data in inflate(_Rejoined(head, stream)))
        else:
            chunks = _prefixed(head, iter(lambda: stream.read(1 << 20), b""))
        self._chunks = chunks
        self._pending = bytearray()
        if self._take(5)[:4] != _MAGIC:
            raise DamagedError("not a BCF file")
        length = struct.unpack("<I", self._take(4))[0]
        self.header = parse_header(self._take(length).rstrip(b"\0").decode("utf-8", "replace"))

    def blocks(self) -> Iterator[Block]:
        """The records, in blocks of about ``BLOCK_BYTES``."""
        return _blocks(self._chunks, self._pending)

    def _take(self, size: int) -> bytes:
        while len(self._pending) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise DamagedError("not a BCF file, or one that is cut off in its header")
            self._pending += chunk
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken


class _Rejoined:
    """A stream with bytes put back at its start."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head, self._rest = head, stream

    def read(self, size: int, /) -> bytes:
        """Bytes, the head first."""
        head, self._head = self._head, b""
        return head + self._rest.read(size - len(head))


def _prefixed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes | bytearray]:
    yield first
    yield from rest


def _blocks(chunks: Iterator[bytes | bytearray], pending: bytearray) -> Iterator[Block]:
    wanted = BLOCK_BYTES
    while True:
        more = True
        while len(pending) < wanted:
            chunk = next(chunks, None)
            if chunk is None:
                more = False
                break
            pending += chunk
        data = np.frombuffer(bytearray(pending), np.uint8)
        offsets = record_offsets(data)
        if len(offsets) > 1:
            del pending[: int(offsets[-1])]
            yield Block(data, offsets)
            wanted = BLOCK_BYTES
        elif more:
            wanted = 2 * len(pending)  # one record is larger than a block
        if not more:
            if pending:
                raise DamagedError("the last record is cut off")
            return


@contextmanager
def open_bcf(path: str | Path) -> Iterator[BcfReader]:
    """Read a BCF file from its start."""
    with Path(path).open("rb") as stream:
        yield BcfReader(stream)


@contextmanager
def open_region(
    path: str | Path,
    index: str | Path,
    chrom: str | None,
    start: int,
    end: int,
    samples: str | Path | None = None,
) -> Iterator[tuple[Header, Iterator[Block]]]:
    """Records of an indexed VCF or BCF that may have POS in ``start .. end`` (1-based, both included).

    Args:
        path: bgzip VCF or BCF.
        index: its .csi or .tbi, wherever it is.
        chrom: a contig of the header, or ``None`` for no records at all.
        samples: a file with one sample name a line: cut to these, in this order; ``None`` keeps all.

    Blocks may hold records before ``start`` and after ``end``. A VCF is turned to BCF by bcftools in a
    process beside this one; a BCF is read here.
    """
    if samples is None and is_bcf(path):
        with Path(path).open("rb") as stream:
            reader = BcfReader(stream)
            rid = reader.header.contig(chrom) if chrom is not None else -1
            offset = first_offset(index, rid, start, end)
            yield reader.header, _from_offset(stream, offset) if offset is not None else iter(())
        return
    view = ["view", "--no-version", "--no-update"]
    view += ["-r", f"{chrom}:{start}-{end}", "--regions-overlap", "pos"] if chrom is not None else ["-h"]
    view += ["-S", str(samples)] if samples is not None else []
    with bcftools.stream(*view, "-Ou", f"{path}##idx##{index}") as output:
        reader = BcfReader(output)
        yield reader.header, reader.blocks()


def _from_offset(stream: IO[bytes], offset: int) -> Iterator[Block]:
    stream.seek(offset >> 16)
    chunks = (data for _, data in inflate(stream, offset >> 16))
    first = next(chunks, b"")
    return _blocks(chunks, bytearray(first[offset & 0xFFFF :]))


def is_bcf(path: str | Path) -> bool:
    """Whether a file is a compressed BCF."""
    with Path(path).open("rb") as stream:
        try:
            return next(inflate(stream))[1][:4] == _MAGIC
        except (DamagedError, StopIteration):
            return False


class BcfWriter:
    """Writes records to a BGZF BCF and its .csi index.

    Args:
        stream: the open file.
        header: what the records refer to.
    """

    def __init__(self, stream: IO[bytes], header: Header) -> None:
        self._out = BgzfWriter(stream)
        text = header.text.encode() + b"\0"
        self._out.write(_MAGIC + b"\2" + struct.pack("<I", len(text)) + text)
        self._index = IndexBuilder(max(header.contigs, default=-1) + 1)
        self.n_records = 0

    def write(self, record: bytes | memoryview, rid: int, start: int, end: int) -> None:
        """Append one record that covers the 0-based, half-open ``start .. end`` of contig number ``rid``."""
        before = self._out.tell()
        self._out.write(record)
        self._index.add(rid, start, end, before, self._out.tell())
        self.n_records += 1

    def finish(self, index: str | Path) -> None:
        """End the file and write its index."""
        self._out.close()
        Path(index).write_bytes(self._index.to_bytes())


@contextmanager
def writing(path: str | Path, header: Header, index: str | Path) -> Iterator[BcfWriter]:
    """A BCF that is written while the block lasts, and its index when it ends without an error."""
    with Path(path).open("wb") as stream:
        writer = BcfWriter(stream, header)
        yield writer
        writer.finish(index)
