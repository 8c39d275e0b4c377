"""The calls of chosen variants and people as the normalised BCF shards have them: phase, depth, quality."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.variants.bcf import Header, open_bcf, open_region
from endotype.variants.bcf_kernels import END_OF_VECTOR, POS, scan
from endotype.variants.bcf_record import Record, is_missing, parse_alleles, parse_record
from endotype.variants.csi import record_counts
from endotype.variants.split import OTHER, source_of

MAX_GAP = 100_000
"""Variants farther apart than this are looked up one by one; nearer ones are read in one go."""

_NO_FIELDS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Call:
    """One call of one variant.

    Attributes:
        alleles: 0, 1, or -1 where not called or another ALT; one of each copy.
        phased: written with ``|``.
        phase_set: what its phase is relative to: PS, or PID of GATK (``alleles`` are then those of PGT);
            ``None`` where the record doesn't say.
        site: the multiallelic record it was split from, else empty.
        others: how many of its alleles are another ALT of that record.
        depth, quality, ref_reads, alt_reads: ``None`` where not given.
    """

    alleles: tuple[int, ...]
    phased: bool
    phase_set: str | None
    site: str
    others: int
    depth: int | None
    quality: int | None
    ref_reads: int | None
    alt_reads: int | None


def read_calls(
    shards: Sequence[str | Path], variants: pd.DataFrame, wanted: Mapping[int, Sequence[str]]
) -> dict[tuple[int, str], Call]:
    """Read some calls.

    Args:
        shards: normalised, split and indexed BCF files. One called ``..._START_END.bcf`` is asked for the
            variants of that window alone, one of another name for all.
        variants: ``chrom pos ref alt``.
        wanted: row of ``variants`` -> patients.

    Returns:
        (row, patient) -> call. What no shard has is not there.

    Raises:
        InputError: a shard has no index.
    """
    found: dict[tuple[int, str], Call] = {}
    chosen = variants.iloc[sorted(wanted)]
    for shard in shards:
        index = Path(f"{shard}.csi")
        if not index.is_file():
            raise input_error(index, "no such file", "the index of the BCF beside it")
        with open_bcf(shard) as reader:
            header = reader.header
        counts = record_counts(index, header.contigs)
        start, end = _window(shard)
        place = {patient: i for i, patient in enumerate(header.samples)}
        for chrom, rows in chosen.groupby("chrom", sort=False):
            rows = rows[(rows["pos"] >= start) & (rows["pos"] <= end)]
            if rows.empty or (counts is not None and chrom not in counts):
                continue
            for record, row in _records(shard, index, str(chrom), rows):
                for patient in wanted[row]:
                    if patient in place:
                        found[row, patient] = _call(record, place[patient])
    return found


def _window(shard: str | Path) -> tuple[int, int]:
    named = re.search(r"_(\d+)_(\d+)\.bcf$", Path(shard).name)
    return (int(named[1]), int(named[2])) if named else (1, 2**31 - 1)


def _records(shard: str | Path, index: Path, chrom: str, rows: pd.DataFrame) -> Iterator[tuple[Record, int]]:
    """The records of some variants of one contig, with their rows, read in stretches."""
    rows = rows.sort_values("pos", kind="stable")
    pos = rows["pos"].to_numpy()
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(pos) > MAX_GAP) + 1):
        stretch = rows.iloc[part]
        alleles = zip(stretch["pos"], stretch["ref"], stretch["alt"], strict=True)
        keys = {key: int(str(row)) for key, row in zip(alleles, stretch.index, strict=True)}
        last = int(pos[part[-1]])
        with open_region(shard, index, chrom, int(pos[part[0]]), last) as (header, blocks):
            rid = header.contig(chrom)
            for block in blocks:
                core, _, _ = scan(block.data, block.offsets, len(header.samples), _NO_FIELDS)
                there = core[:, 0] == rid
                for i in np.flatnonzero(there & np.isin(core[:, POS] + 1, pos[part])):
                    yield from _matching(block.data, block.offsets[i : i + 2], header, keys)
                if not there[-1] or core[-1, POS] >= last:
                    break


def _matching(
    data: np.ndarray, bounds: np.ndarray, header: Header, keys: Mapping[tuple[int, str, str], int]
) -> Iterator[tuple[Record, int]]:
    raw = data[bounds[0] : bounds[1]].tobytes()
    pos = int(np.frombuffer(raw, "<i4", 1, 12)[0]) + 1
    _, alleles = parse_alleles(raw)
    if len(alleles) == 2 and (row := keys.get((pos, alleles[0], alleles[1]))) is not None:
        yield parse_record(raw, header), row


def _call(record: Record, sample: int) -> Call:
    formats = record.formats
    codes = [int(v) for v in formats["GT"][sample] if v != END_OF_VECTOR] if "GT" in formats else []
    alleles = tuple((code >> 1) - 1 if code >= 0 else -1 for code in codes)
    phased = len(codes) > 1 and codes[1] >= 0 and bool(codes[1] & 1)
    phase_set, site = _value(formats, "PS", sample), source_of(record)
    others = _number(formats, OTHER, sample) or 0
    physical = _value(formats, "PID", sample)
    haplotype = re.fullmatch(r"([01])\|([01])", _value(formats, "PGT", sample) or "")
    if (
        not phased
        and physical
        and haplotype
        and not site
        and sum(map(int, haplotype.groups())) == sum(alleles)
    ):
        alleles, phased = (int(haplotype[1]), int(haplotype[2])), True
        phase_set = f"PID {physical}"
    depths = formats.get("AD")
    reads = [_integer(depths, sample, i) for i in range(2)] if depths is not None else [None, None]
    return Call(
        alleles, phased, phase_set, site, others,
        _number(formats, "DP", sample), _number(formats, "GQ", sample), reads[0], reads[1],
    )  # fmt: skip


def _value(formats: Mapping[str, np.ndarray], name: str, sample: int) -> str | None:
    """The first value of a field as text."""
    values = formats.get(name)
    if values is None:
        return None
    if values.dtype == np.uint8:
        text = values[sample].tobytes().rstrip(b"\0").decode("utf-8", "replace")
        return None if text in ("", ".") else text
    number = _integer(values, sample, 0)
    return None if number is None else str(number)


def _number(formats: Mapping[str, np.ndarray], name: str, sample: int) -> int | None:
    values = formats.get(name)
    return None if values is None or values.dtype == np.uint8 else _integer(values, sample, 0)


def _integer(values: np.ndarray, sample: int, i: int) -> int | None:
    """One value, a fraction cut off; ``None`` where it is missing."""
    if i >= values.shape[1] or values.dtype == np.uint8 or is_missing(values[sample, i : i + 1])[0]:
        return None
    if values.dtype == np.uint32:
        value = float(values[sample, i : i + 1].view(np.float32)[0])
        return int(value) if np.isfinite(value) else None
    return int(values[sample, i])
