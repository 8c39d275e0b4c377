"""Normalisation of one shard: split, check against the reference, left-align, merge duplicates.

A shard owns the variants whose *normalised* position lies in its window. It reads a margin around the
window, because left alignment moves indels, so that every variant comes out of exactly one shard, in order,
whatever the size of the shards. Every input allele is accounted for::

    alleles in = rejected + merged into a duplicate + joined across files + variants out

An allele of a record is rejected, never repaired, when its REF isn't the reference's or it isn't a
sequence; the genotypes at the alleles beside it stay as they are.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pysam

from endotype import bcftools
from endotype.errors import input_error
from endotype.files import atomic_path, write_json
from endotype.tables import read_parquet, write_tsv

MARGIN = 5_000
"""Base pairs read on both sides of a window; an indel that moves further than this is rejected."""

ORIGINAL = "ENDOTYPE_ORIGINAL"
WRITTEN_AT = "ENDOTYPE_WRITTEN_AT"

REJECT_COLUMNS = ["file", "chrom", "pos", "id", "ref", "alt", "reason", "detail"]

REASONS = {
    "no_alternate_allele": "the record names no alternate allele: it is not a variant",
    "spanning_deletion": "'*' says that a deletion beside it covers the site; it is no variant of its own",
    "non_ref_placeholder": "'<NON_REF>' or '<*>' stands for any other allele; it is no variant",
    "symbolic_allele": "symbolic alleles and breakends are structural variants, not assessed here",
    "ref_not_acgt": "REF holds other letters than A, C, G, T",
    "alt_not_acgt": "ALT holds other letters than A, C, G, T",
    "alt_equals_ref": "ALT is REF",
    "beyond_contig": "the record reaches over the end of the contig in the reference",
    "ref_mismatch": "REF is not what the reference has there",
    "shift_exceeds_margin": f"left alignment moves it by more than {MARGIN} bp",
}
"""Every reason of ``rejects.tsv`` and what it means."""

pysam.set_verbosity(0)  # htslib would complain of temporary files that need no index

_SEQUENCE = re.compile(r"[ACGT]+")


@dataclass
class ShardCounts:
    """What happened to the alleles that one shard owns."""

    records_in: int = 0
    alleles_in: int = 0
    multiallelic_records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    left_aligned: int = 0
    duplicates_merged: int = 0
    genotypes_in_conflict: int = 0
    joined_across_files: int = 0
    variants_out: int = 0


@dataclass(frozen=True)
class Window:
    """A shard of the genome: 1-based, both ends included."""

    chrom: str
    start: int
    end: int

    def owns(self, pos: int) -> bool:
        """Whether a 1-based position lies in the window."""
        return self.start <= pos <= self.end


def parse_region(text: str) -> Window:
    """``CHROM:START-END``, 1-based, both ends included.

    Raises:
        InputError: it is written otherwise.
    """
    match = re.fullmatch(r"(.+):(\d+)-(\d+)", text)
    if match is None or int(match[2]) > int(match[3]):
        raise input_error("--region", f"'{text}'", "CHROM:START-END")
    return Window(match[1], int(match[2]), int(match[3]))


def normalise_region(
    paths: Sequence[str],
    names: Sequence[str] | None,
    region: str,
    fasta: str | None,
    out: str | Path,
    rejects: str | Path,
    counts: str | Path,
    people: str | Path | None = None,
) -> ShardCounts:
    """:func:`normalise_shard` for the genotyped of ``people`` (a Parquet table), or all samples of the files.

    Raises:
        InputError: ``names`` and ``paths`` differ in number, or the region can't be read.
    """
    if names is not None and len(names) != len(paths):
        raise input_error("--name", f"{len(names)} names", f"one for each of the {len(paths)} files")
    everyone: set[str] = set()
    if people is not None:
        table = read_parquet(people, ["patient", "in_genotypes"])
        everyone = set(table.loc[table["in_genotypes"], "patient"])
    else:
        for path in paths:
            with pysam.VariantFile(path) as variants:
                everyone |= set(variants.header.samples)
    inputs = list(zip(paths, names or paths, strict=True))
    return normalise_shard(inputs, parse_region(region), fasta, sorted(everyone), out, rejects, counts)


def normalise_shard(
    inputs: Sequence[tuple[str, str]],
    window: Window,
    fasta: str | None,
    patients: Sequence[str],
    out: str | Path,
    rejects: str | Path,
    counts: str | Path,
) -> ShardCounts:
    """Write the normalised variants of one window.

    Args:
        inputs: (path of an indexed BCF of :mod:`endotype.variants.ingest`, name to show in ``rejects``).
            Files with the same patients are joined end to end, files with other patients side by side.
        window: which normalised positions to write.
        fasta: the reference; ``None`` leaves out the check of REF and left alignment.
        patients: sample order of the output.
        out: BCF of biallelic, sorted, distinct variants with all FORMAT fields, and ``out.csi``.
        rejects: TSV of alleles that were set aside, with the reason.
        counts: JSON of the returned counts.

    Returns:
        What happened to each allele. Genotypes at a split multiallelic site count one allele each:
        ``1/2`` becomes ``1/0`` and ``0/1``; INFO/ENDOTYPE_ORIGINAL names the record it came from.
    """
    tally = ShardCounts()
    rows: list[dict[str, object]] = []
    with atomic_path(out) as final, tempfile.TemporaryDirectory(dir=final.parent) as folder:
        normalised: list[str] = []
        for number, (path, name) in enumerate(inputs):
            if _has_contig(path, window.chrom):
                target = f"{folder}/{number}.bcf"
                _normalise_file(path, name, window, fasta, f"{folder}/{number}", target, tally, rows)
                normalised.append(target)
        joined = _join(normalised, inputs, patients, folder, tally)
        if joined is None:
            _write_empty(patients, inputs, final)
        else:
            tally.variants_out = _count_records(joined)
            Path(joined).replace(final)
        bcftools.run("index", "-f", "-o", f"{folder}/index.csi", str(final))
        Path(folder, "index.csi").replace(f"{out}.csi")
    write_tsv(pd.DataFrame(rows, columns=REJECT_COLUMNS), rejects)
    write_json(counts, {**vars(tally), "rejected": dict(sorted(tally.rejected.items()))})
    return tally


def _has_contig(path: str, chrom: str) -> bool:
    with pysam.VariantFile(path) as variants:
        return chrom in variants.header.contigs


def _has_format(path: str, key: str) -> bool:
    with pysam.VariantFile(path) as variants:
        return key in variants.header.formats


def _normalise_file(
    path: str,
    name: str,
    window: Window,
    fasta: str | None,
    stem: str,
    out: str,
    tally: ShardCounts,
    rows: list[dict[str, object]],
) -> None:
    """Split, check, left-align and deduplicate the records of one file that the window can own."""
    low, high = max(1, window.start - MARGIN), window.end + MARGIN
    with pysam.VariantFile(path) as variants:
        for record in variants.fetch(window.chrom, max(0, window.start - 1), window.end):
            if window.owns(record.pos):
                tally.records_in += 1
                alleles = len(record.alts or ()) or 1
                tally.alleles_in += alleles
                tally.multiallelic_records += alleles > 1
    split, checked, aligned = f"{stem}.split.bcf", f"{stem}.checked.bcf", f"{stem}.aligned.bcf"
    view = f"view --no-version -r {window.chrom}:{low}-{high} --regions-overlap pos -Ou"
    norm = f"norm --no-version -m -any --multi-overlaps 0 --old-rec-tag {ORIGINAL}"
    if _has_format(path, "AD"):
        norm += " --keep-sum AD"
    bcftools.pipe([[*view.split(), path], [*norm.split(), "-Ob1", "-o", split, "-"]])
    reference = _reference(fasta, window.chrom, low, high)
    with pysam.VariantFile(split) as source, pysam.VariantFile(checked, "wb1", header=source.header) as sink:
        for record in source:
            reason, detail = _fault(record, reference, low)
            if not reason:
                sink.write(record)
            elif window.owns(record.pos):
                tally.rejected[reason] += 1
                rows.append(_reject(record, name, reason, detail))
    if fasta is None:
        aligned = checked
    else:
        marked = f"{stem}.marked.bcf"
        _mark_origin(checked, marked)
        bcftools.run("norm", "--no-version", "-f", fasta, "-c", "e", "-Ob1", "-o", aligned, marked)
    with pysam.VariantFile(aligned) as source, pysam.VariantFile(out, "wb1", header=source.header) as sink:
        owned = _owned(source, window, name, tally, rows)
        for record in _merge_duplicates(owned, tally):
            sink.write(record)
    bcftools.run("index", "-f", out)


def _reference(fasta: str | None, chrom: str, low: int, high: int) -> str | None:
    """Reference bases from ``low`` on, upper case, with room for long REF alleles."""
    if fasta is None:
        return None
    with pysam.FastaFile(fasta) as reference:
        return reference.fetch(chrom, low - 1, high + 100_000).upper()


def _fault(record: pysam.VariantRecord, reference: str | None, low: int) -> tuple[str, str]:
    """The reason (and detail) why a biallelic record can't be used, or two empty strings."""
    ref = (record.ref or "").upper()
    alt = record.alts[0] if record.alts else "."
    if alt == ".":
        return "no_alternate_allele", ""
    if alt == "*":
        return "spanning_deletion", ""
    if alt in ("<NON_REF>", "<*>", "<X>"):
        return "non_ref_placeholder", alt
    if alt.startswith("<") or "[" in alt or "]" in alt:
        return "symbolic_allele", alt
    if not _SEQUENCE.fullmatch(ref):
        return "ref_not_acgt", ""
    if not _SEQUENCE.fullmatch(alt.upper()):
        return "alt_not_acgt", ""
    if alt.upper() == ref:
        return "alt_equals_ref", ""
    if reference is not None:
        at = record.pos - low
        there = reference[at : at + len(ref)]
        if len(there) < len(ref):
            return "beyond_contig", ""
        if there != ref:
            return "ref_mismatch", f"reference has {there[:30]}"
    if record.ref != ref or alt != alt.upper():
        record.alleles = (ref, alt.upper())
    return "", ""


def _reject(record: pysam.VariantRecord, name: str, reason: str, detail: str) -> dict[str, object]:
    alt = record.alts[0] if record.alts else "."
    values = (name, record.chrom, record.pos, record.id or ".", record.ref, alt, reason, detail)
    return dict(zip(REJECT_COLUMNS, values, strict=True))


def _mark_origin(source_path: str, out: str) -> None:
    """Give every record an INFO tag with the position it was written at."""
    with pysam.VariantFile(source_path) as source:
        source.header.add_line(
            f'##INFO=<ID={WRITTEN_AT},Number=1,Type=Integer,Description="Position before left alignment">'
        )
        with pysam.VariantFile(out, "wb1", header=source.header) as sink:
            for record in source:
                record.info[WRITTEN_AT] = record.pos
                sink.write(record)


def _owned(
    records: Iterator[pysam.VariantRecord],
    window: Window,
    name: str,
    tally: ShardCounts,
    rows: list[dict[str, object]],
) -> Iterator[pysam.VariantRecord]:
    """The records whose normalised position is the window's."""
    for record in records:
        origin = _info(record, WRITTEN_AT, record.pos)
        if origin - record.pos > MARGIN:
            # The shard that owns the new place may not have read as far as the old one.
            if window.owns(origin):
                tally.rejected["shift_exceeds_margin"] += 1
                rows.append(_reject(record, name, "shift_exceeds_margin", f"from {origin}"))
        elif window.owns(record.pos):
            tally.left_aligned += origin != record.pos
            if WRITTEN_AT in record.info:
                del record.info[WRITTEN_AT]
            yield record


def _merge_duplicates(
    records: Iterator[pysam.VariantRecord], tally: ShardCounts
) -> Iterator[pysam.VariantRecord]:
    """One record per (position, REF, ALT); a call that two records disagree on becomes missing."""
    at: dict[tuple[str, str], pysam.VariantRecord] = {}
    position = -1
    for record in records:
        if record.pos != position:
            yield from _in_allele_order(at)
            at, position = {}, record.pos
        key = (str(record.ref), str((record.alts or ("",))[0]))
        if key in at:
            tally.duplicates_merged += 1
            tally.genotypes_in_conflict += _merge_into(at[key], record)
        else:
            at[key] = record
    yield from _in_allele_order(at)


def _in_allele_order(
    at: dict[tuple[str, str], pysam.VariantRecord],
) -> Iterator[pysam.VariantRecord]:
    for key in sorted(at):
        yield at[key]


def _merge_into(first: pysam.VariantRecord, second: pysam.VariantRecord) -> int:
    """Complete the calls of ``first`` by those of ``second``; return how many contradict each other.

    The rest of a FORMAT entry stays that of ``first``. An allele that a multiallelic record names twice
    (``1/2`` with equal ALTs) comes here as ``1/0`` and ``0/1`` of one record: it is homozygous.
    """
    conflicts = 0
    same_record = _source_record(first) is not None and _source_record(first) == _source_record(second)
    for name in first.samples:
        a, b = first.samples[name]["GT"], second.samples[name]["GT"]
        if a is None or b is None or None in b or a == b:
            continue
        if None in a:
            _set_call(first.samples[name], b, second.samples[name].phased)
        elif same_record and len(a) == len(b):
            _set_call(first.samples[name], tuple(max(x, y) for x, y in zip(a, b, strict=True)), True)
        elif sorted(a) != sorted(b):
            conflicts += 1
            _set_call(first.samples[name], (None,) * len(a), False)
    return conflicts


def _info(record: pysam.VariantRecord, key: str, default: Any) -> Any:
    """An INFO value, or the default; ``info.get`` raises where the header does not know the key."""
    return record.info[key] if key in record.info else default  # noqa: SIM401


def _source_record(record: pysam.VariantRecord) -> str | None:
    """The multiallelic record that a split one came from, without the number of the allele."""
    original = _info(record, ORIGINAL, None)
    return None if original is None else str(original).rpartition("|")[0]


def _set_call(sample: pysam.VariantRecordSample, call: tuple[int | None, ...], phased: bool) -> None:
    sample["GT"] = call
    sample.phased = phased


def _join(
    paths: list[str],
    inputs: Sequence[tuple[str, str]],
    patients: Sequence[str],
    folder: str,
    tally: ShardCounts,
) -> str | None:
    """All files of a shard as one BCF with the cohort's samples in order; ``None`` when there is none."""
    if not paths:
        return None
    by_samples: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        with pysam.VariantFile(path) as variants:
            by_samples.setdefault(tuple(variants.header.samples), []).append(path)
    groups = [
        _concatenate(group, f"{folder}/group{i}.bcf", tally) for i, group in enumerate(by_samples.values())
    ]
    everyone = f"{folder}/patients.txt"
    Path(everyone).write_text("".join(f"{p}\n" for p in patients), encoding="utf-8")
    out = f"{folder}/joined.bcf"
    if len(groups) == 1 and next(iter(by_samples)) == tuple(patients):
        return groups[0]
    if len(groups) == 1:
        merged = groups[0]
    else:
        before = sum(map(_count_records, groups))
        plain = [_without_info(group) for group in groups]
        merged = f"{folder}/merged.bcf"
        bcftools.run("merge", "--no-version", "-m", "none", "-Ob1", "-o", merged, *plain)
        tally.joined_across_files += before - _count_records(merged)
    present = {name for names in by_samples for name in names}
    if present != set(patients):
        merged = _with_missing_patients(merged, patients, folder)
    bcftools.run("view", "--no-version", "--no-update", "-S", everyone, "-Ob1", "-o", out, merged)
    return out


def _concatenate(paths: list[str], out: str, tally: ShardCounts) -> str:
    if len(paths) == 1:
        return paths[0]
    together = out.replace(".bcf", ".overlapping.bcf")
    bcftools.run("concat", "--no-version", "-a", "-Ob1", "-o", together, *paths)
    with pysam.VariantFile(together) as source, pysam.VariantFile(out, "wb1", header=source.header) as sink:
        for record in _merge_duplicates(source, tally):
            sink.write(record)
    bcftools.run("index", "-f", out)
    return out


def _without_info(path: str) -> str:
    """The file without INFO: cohort counts of the parts are wrong for the whole, and headers clash."""
    out = path.replace(".bcf", ".plain.bcf")
    bcftools.run("annotate", "--no-version", "-x", "INFO", "-Ob1", "-o", out, path)
    bcftools.run("index", "-f", out)
    return out


def _with_missing_patients(path: str, patients: Sequence[str], folder: str) -> str:
    """Add the patients whose files don't have this contig, with missing calls."""
    with pysam.VariantFile(path) as variants:
        absent = [p for p in patients if p not in set(variants.header.samples)]
        contigs = [(c.name, c.length) for c in variants.header.contigs.values()]
    empty = f"{folder}/absent.bcf"
    _write_header_only(absent, contigs, empty)
    bcftools.run("index", "-f", empty)
    if not Path(path + ".csi").exists():
        bcftools.run("index", "-f", path)
    out = f"{folder}/complete.bcf"
    bcftools.run("merge", "--no-version", "-m", "none", "-Ob1", "-o", out, path, empty)
    return out


def _write_empty(patients: Sequence[str], inputs: Sequence[tuple[str, str]], out: str | Path) -> None:
    contigs: dict[str, int | None] = {}
    for path, _ in inputs:
        with pysam.VariantFile(path) as variants:
            contigs |= {c.name: c.length for c in variants.header.contigs.values()}
    _write_header_only(patients, list(contigs.items()), out)


def _write_header_only(
    samples: Sequence[str], contigs: Sequence[tuple[str, int | None]], out: str | Path
) -> None:
    header = pysam.VariantHeader()
    for name, length in contigs:
        header.contigs.add(name, **({"length": length} if length else {}))
    header.add_line('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
    header.add_samples(list(samples))
    pysam.VariantFile(str(out), "wb1", header=header).close()


def _count_records(path: str) -> int:
    with pysam.VariantFile(path) as variants:
        return sum(1 for _ in variants)
