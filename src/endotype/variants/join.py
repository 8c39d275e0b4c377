"""Normalised files of one shard as one: end to end, side by side, with what gVCFs say between variants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam

from endotype import bcftools
from endotype.variants.bcf import Header, parse_header
from endotype.variants.bcf_kernels import END_OF_VECTOR, MISSING_INT
from endotype.variants.bcf_record import (
    FLOAT_END,
    FLOAT_MISSING,
    Record,
    counted,
    encode_record,
    padded,
    parse_record,
)
from endotype.variants.gvcf import BlockLookup
from endotype.variants.split import OTHER

AT_ONCE = 200
"""Files that are merged in one step: each takes an open file."""


def join_files(paths: Sequence[str | Path], patients: Sequence[str], folder: str) -> str | None:
    """All files of a shard as one BCF with the cohort's patients in order; ``None`` when there is none.

    Files with the same patients are put end to end, those with others side by side, where a variant that a
    file doesn't have is missing in its patients.
    """
    by_samples: dict[tuple[str, ...], list[str]] = {}
    for path in map(str, paths):
        with pysam.VariantFile(path) as variants:
            by_samples.setdefault(tuple(variants.header.samples), []).append(path)
    groups = [_end_to_end(group, f"{folder}/group{i}.bcf") for i, group in enumerate(by_samples.values())]
    if not groups:
        return None
    absent = [p for p in patients if p not in {name for names in by_samples for name in names}]
    if absent:
        groups.append(_without_records(absent, groups[0], f"{folder}/absent.bcf"))
    merged = _side_by_side(groups, folder)
    with pysam.VariantFile(merged) as variants:
        if list(variants.header.samples) == list(patients):
            return merged
    order, out = Path(folder, "patients.txt"), f"{folder}/joined.bcf"
    order.write_text("".join(f"{p}\n" for p in patients), encoding="utf-8")
    bcftools.run("view", "--no-version", "--no-update", "-S", str(order), "-Ob1", "-o", out, merged)
    return out


def _end_to_end(paths: list[str], out: str) -> str:
    if len(paths) == 1:
        return paths[0]
    bcftools.run("concat", "--no-version", "-a", "-Ob1", "-o", out, *paths)
    bcftools.run("index", "-f", "-c", out)
    return out


def _side_by_side(groups: list[str], folder: str) -> str:
    """Merge files of different patients; INFO is left out: counts of the parts are wrong for the whole."""
    if len(groups) == 1:
        return groups[0]
    level = [_without_info(group, f"{folder}/plain{i}.bcf") for i, group in enumerate(groups)]
    step = 0
    while len(level) > 1:
        chunks = [level[i : i + AT_ONCE] for i in range(0, len(level), AT_ONCE)]
        level = [_merge(chunk, f"{folder}/merged{step}.{i}.bcf") for i, chunk in enumerate(chunks)]
        step += 1
    return level[0]


def _merge(paths: list[str], out: str) -> str:
    if len(paths) == 1:
        return paths[0]
    bcftools.run("merge", "--no-version", "-m", "none", "-Ob1", "-o", out, *paths)
    bcftools.run("index", "-f", "-c", out)
    return out


def _without_info(path: str, out: str) -> str:
    bcftools.run("annotate", "--no-version", "-x", "INFO", "-Ob1", "-o", out, path)
    bcftools.run("index", "-f", "-c", out)
    return out


def _without_records(patients: Sequence[str], like: str, out: str) -> str:
    header = pysam.VariantHeader()
    with pysam.VariantFile(like) as variants:
        for contig in variants.header.contigs.values():
            header.contigs.add(contig.name, **({"length": contig.length} if contig.length else {}))
    header.add_line('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
    header.add_samples(list(patients))
    pysam.VariantFile(out, "wb1", header=header).close()
    bcftools.run("index", "-f", "-c", out)
    return out


def empty_header(patients: Sequence[str], headers: Sequence[Header]) -> Header:
    """A header for no records: the contigs of some others."""
    return (
        union_header(headers, patients)
        if headers
        else parse_header(
            "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        ).with_samples(patients)
    )


def union_header(headers: Sequence[Header], patients: Sequence[str]) -> Header:
    """One header that declares what any of some headers declares; where they differ, as the first does."""
    lines: dict[str, str] = {}
    for header in headers:
        for line in header.text.splitlines()[:-1]:
            name = re.match(r"##(\w+)=<(?:.*?,)?ID=([^,>]+)", line)
            key = f"{name[1]} {name[2]}" if name else line
            lines.setdefault("fileformat" if line.startswith("##fileformat") else key, line)
    text = [re.sub(r",IDX=\d+>\s*$", ">", line) for line in lines.values()]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    first = [line for line in text if line.startswith("##fileformat")] or ["##fileformat=VCFv4.2"]
    rest = [line for line in text if not line.startswith("##fileformat")]
    return parse_header("\n".join([*first, *rest, columns]) + "\n").with_samples(patients)


def with_everyone(record: Record, samples: Sequence[str], patients: Sequence[str]) -> Record:
    """The record for other people: whoever it doesn't have is missing."""
    if list(samples) == list(patients):
        return record
    place = {sample: number for number, sample in enumerate(samples)}
    rows = np.array([place.get(patient, -1) for patient in patients])
    formats = {}
    for name, values in record.formats.items():
        more = values[rows]
        gone = _missing_row(values, name == "GT")
        more[rows < 0] = gone
        formats[name] = more
    return replace(record, formats=formats, n_samples=len(patients))


def _missing_row(values: np.ndarray, genotype: bool) -> np.ndarray:
    if genotype:
        return np.zeros(values.shape[1], values.dtype)
    missing, end = {
        np.dtype("i4"): (MISSING_INT, END_OF_VECTOR),
        np.dtype("u4"): (FLOAT_MISSING, FLOAT_END),
    }.get(values.dtype, (ord("."), 0))
    row = np.full(values.shape[1], end, values.dtype)
    row[:1] = missing
    return row


def fill_from_blocks(data: bytes, header: Header, lookup: BlockLookup) -> tuple[bytes, int]:
    """Make a missing call the reference where a block of the patient's gVCF says so.

    Args:
        data: one normalised record.
        lookup: its patients are the header's samples.

    Returns:
        The record, with the block's depth and quality as DP and GQ, and how many calls were filled.
    """
    record = parse_record(data, header)
    calls = record.formats.get("GT")
    if calls is None:
        return data, 0
    missing = ((calls == END_OF_VECTOR) | (calls < 2)).all(axis=1)
    if OTHER in record.formats:
        missing &= record.formats[OTHER][:, 0] <= 0
    if not missing.any():
        return data, 0
    covered, depth, quality = lookup.covering(
        record.chrom, record.pos, record.pos + len(record.alleles[0]) - 1
    )
    fill = missing & covered
    if not fill.any():
        return data, 0
    formats = dict(record.formats)
    calls = padded(calls.copy(), 2)
    calls[fill], calls[fill, :2] = END_OF_VECTOR, 2
    formats["GT"] = calls
    for name, values in (("DP", depth), ("GQ", quality)):
        if name in header.formats and formats.get(name, np.zeros(0, np.int32)).dtype == np.int32:
            column = formats.get(name, np.full((record.n_samples, 1), MISSING_INT, np.int32)).copy()
            column[fill, 0] = np.where(values[fill] >= 0, values[fill], MISSING_INT)
            formats[name] = column
    return encode_record(counted(replace(record, formats=formats)), header), int(fill.sum())
