"""Rows of the consequences that a VCF or BCF carries, as it came from the user or as a normalised shard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from endotype import bcftools
from endotype.annotation.imported.alleles import match_alleles
from endotype.annotation.imported.entries import TAKEN, Parts, row_maker, split_entries
from endotype.annotation.imported.header import Annotation, find_annotations
from endotype.annotation.imported.place import Placed, Placer
from endotype.annotation.imported.table import Counts, Row
from endotype.errors import input_error
from endotype.variants.split import ORIGINAL

Haplotypes = Mapping[tuple[str, int], Sequence[str]]
"""Contig and position -> csq's entries there that stand for several records together."""


@dataclass(frozen=True)
class _Record:
    """A record, and the alleles of the site as the annotating program saw them.

    ``site_alts[own[i]]`` is the i-th ALT of the record.
    """

    number: int
    chrom: str
    pos: int
    ref: str
    alts: list[str]
    site_pos: int
    site_ref: str
    site_alts: list[str]
    own: list[int]


def read_vcf(path: str | Path, placer: Placer, counts: Counts) -> Iterator[Row]:
    """Rows of every annotation field of a VCF or BCF, in the order of the file.

    Every entry makes a row for the ALT it is of, or is counted under the reason why not. In a normalised
    shard an entry is taken for the ALT of its record alone: the field was copied to all parts of a site.

    Raises:
        InputError: no such file, no VCF, or a VCF without an annotation field.
    """
    if not Path(path).is_file():
        raise input_error(path, "no such file", "a VCF or BCF file")
    try:
        header = bcftools.output("view", "--no-version", "-h", str(path))
    except bcftools.BcftoolsError:
        raise input_error(path, "a file without a VCF header", "a VCF or BCF file") from None
    annotations = find_annotations(header)
    if not annotations:
        expected = "a field of Ensembl VEP (CSQ), SnpEff (ANN) or bcftools csq (BCSQ), with its parts"
        raise input_error(path, "a header that declares no annotation field", expected)
    for annotation in annotations:
        rest = [part for part in annotation.parts if part not in TAKEN[annotation.kind]]
        if rest:
            counts.fields_not_taken[annotation.name] = [part for part in rest if ".pos" not in part]
    tags = [annotation.name for annotation in annotations]
    if f"##INFO=<ID={ORIGINAL}," in header:
        tags.append(ORIGINAL)
    haplotypes = _haplotypes(path, annotations)
    for number, cells in enumerate(_query(path, tags), start=1):
        chrom, pos, ref, alt, *values = cells
        original = values.pop() if len(values) > len(annotations) else "."
        record = _record(number, chrom, int(pos), ref.upper(), alt.upper().split(","), original)
        counts.records += 1
        placed = [placer(chrom, record.pos, record.ref, a) for a in record.alts]
        for annotation, value in zip(annotations, values, strict=True):
            if value != ".":
                yield from _rows(record, placed, annotation, value, haplotypes, counts)


def _query(path: str | Path, tags: Sequence[str]) -> Iterator[list[str]]:
    """Contig, position, alleles and INFO fields of every record, as text."""
    form = "\\t".join(["%CHROM", "%POS", "%REF", "%ALT", *(f"%INFO/{tag}" for tag in tags)]) + "\\n"
    try:
        with bcftools.stream("query", "-o", "/dev/stdout", "-f", form, str(path)) as stream:
            for line in stream:
                yield line.decode("utf-8", "replace").rstrip("\n").split("\t")
    except bcftools.BcftoolsError as error:
        found = f"a damaged file ({str(error).splitlines()[-1]})"
        raise input_error(path, found, "a whole VCF or BCF file") from None


def _record(number: int, chrom: str, pos: int, ref: str, alts: list[str], original: str) -> _Record:
    """``original`` is ``chrom|pos|ref|alt,alt|i`` of a split record, else ``.``."""
    whole = re.fullmatch(r"[^|]*\|(\d+)\|([^|]+)\|([^|]+)\|(\d+)", original)
    if whole and len(alts) == 1:
        site = whole[3].upper().split(",")
        return _Record(
            number, chrom, pos, ref, alts, int(whole[1]), whole[2].upper(), site, [int(whole[4]) - 1]
        )
    return _Record(number, chrom, pos, ref, alts, pos, ref, alts, list(range(len(alts))))


def _rows(
    record: _Record,
    placed: Sequence[Placed],
    annotation: Annotation,
    value: str,
    haplotypes: Haplotypes,
    counts: Counts,
) -> Iterator[Row]:
    entries = split_entries(value, len(annotation.parts), annotation.kind)
    counts.entries += len(entries)
    if annotation.kind == "bcsq":
        parts, places = _local(record, entries, annotation, haplotypes, counts)
    else:
        parts, places = _by_allele(record, entries, annotation, counts)
    make = row_maker(annotation)
    for entry, of in zip(parts, places, strict=True):
        mine = [record.own.index(place) for place in of if place in record.own]
        if all(one.reason for one in placed):  # none can be named, by whatever allele they are meant
            mine = list(range(len(placed)))
        if not mine:
            counts.set_aside["of_another_allele_of_the_site"] += 1
            continue
        reasons = {placed[i].reason for i in mine}
        if "" not in reasons:
            counts.set_aside[min(reasons)] += 1
            continue
        row = make(entry, counts)
        if isinstance(row, str):
            counts.set_aside[row] += 1
            continue
        counts.entries_used += 1
        row |= {"source": annotation.source, "source_field": annotation.name, "source_row": record.number}
        for i in mine:
            if not placed[i].reason:
                counts.rows += 1
                yield row | _name(placed[i])


def _name(placed: Placed) -> Row:
    chrom, pos, ref, alt, _ = placed
    return {"variant_id": f"{chrom}:{pos}:{ref}:{alt}", "chrom": chrom, "pos": pos, "ref": ref, "alt": alt}


def _by_allele(
    record: _Record, entries: list[list[str]], annotation: Annotation, counts: Counts
) -> tuple[list[Parts], list[list[int]]]:
    """The entries of VEP and SnpEff, and the ALT of the site that each means."""
    whole = [entry for entry in entries if len(entry) == len(annotation.parts)]
    if len(whole) < len(entries):
        counts.set_aside["wrong_number_of_parts"] += len(entries) - len(whole)
    parts = [dict(zip(annotation.parts, entry, strict=True)) for entry in whole]
    numbers = [part.get("allele_num", "") for part in parts]
    if all(n.isdecimal() and 1 <= int(n) <= len(record.site_alts) for n in numbers):
        return list(parts), [[int(n) - 1] for n in numbers]
    written = [part.get("allele", "").upper() for part in parts]
    found = match_alleles(record.site_ref, record.site_alts, written, annotation.kind == "snpeff")
    if found is None:
        counts.set_aside["ambiguous_allele"] += len(parts)
        return [], []
    if not any(place is not None for place in found) and _is_alone(record, written):
        counts.notes["allele_written_otherwise"] += len(parts)
        return list(parts), [[0]] * len(parts)
    return list(parts), [[] if place is None else [place] for place in found]


def _is_alone(record: _Record, written: Sequence[str]) -> bool:
    """Whether an indel is the one ALT of a site, and all entries are of one allele.

    Then they are of this one, even where it was moved to the left since.
    """
    alone = len(record.site_alts) == 1 and len(set(written)) == 1
    return alone and len(record.site_ref) != len(record.site_alts[0])


def _local(
    record: _Record,
    entries: list[list[str]],
    annotation: Annotation,
    haplotypes: Haplotypes,
    counts: Counts,
) -> tuple[list[Parts], list[list[int]]]:
    """The entries of csq, references to other records resolved, and the ALTs that each is of.

    An entry says its allele by the change of the DNA; one that names no change (an intron) is of all ALTs.
    """
    parts: list[Parts] = []
    for entry in entries:
        if not entry[0].startswith("@"):
            parts.append(dict(zip(annotation.parts, entry, strict=False)))
        elif found := _resolve(record, entry[0], annotation, haplotypes):
            counts.notes["haplotype_reference_resolved"] += 1
            counts.entries += len(found) - 1  # one reference may stand for several transcripts
            parts += found
        else:
            counts.set_aside["haplotype_reference_not_found"] += 1
    changes = [part.get("dna_change") or "" for part in parts]
    places = [_alts_of(record, change) for change in changes]
    if not any(places) and _is_alone(record, changes) and "+" not in changes[0]:
        counts.notes["allele_written_otherwise"] += len(parts)
        places = [[0]] * len(parts)
    return parts, places


def _alts_of(record: _Record, change: str) -> list[int]:
    changes = [f"{record.site_pos}{record.site_ref}>{alt}" for alt in record.site_alts]
    named = [i for i, one in enumerate(changes) if one in change.upper().split("+")]
    return named if change else list(range(len(changes)))


def _resolve(record: _Record, reference: str, annotation: Annotation, haplotypes: Haplotypes) -> list[Parts]:
    pos = reference.removeprefix("@")
    there = haplotypes.get((record.chrom, int(pos)), ()) if pos.isdecimal() else ()
    parts = [dict(zip(annotation.parts, entry.split("|"), strict=False)) for entry in there]
    return [part for part in parts if _alts_of(record, part.get("dna_change", ""))]


def _haplotypes(path: str | Path, annotations: Sequence[Annotation]) -> dict[tuple[str, int], list[str]]:
    """csq's entries of several records together, where any record of the file refers to one."""
    found: dict[tuple[str, int], list[str]] = {}
    is_referred_to = False
    names = [annotation.name for annotation in annotations if annotation.kind == "bcsq"]
    for chrom, pos, _, _, *values in _query(path, names) if names else ():
        for value in values:
            is_referred_to |= "@" in value
            if "+" in value:
                joined = [entry for entry in value.split(",") if "+" in entry.rpartition("|")[2]]
                found.setdefault((chrom, int(pos)), []).extend(joined)
    return found if is_referred_to else {}
