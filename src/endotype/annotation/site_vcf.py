"""Sites VCFs of knowledge (ClinVar, gnomAD) as tables of one row per allele.

The alleles are split, checked against the reference, left-aligned by ``bcftools norm`` and sorted, so that
they can be joined with a cohort that went through the same. Every allele of the file is kept or counted
under the reason why not. Nothing is held in memory: alleles stream through Arrow batches into DuckDB.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pysam

from endotype import bcftools
from endotype.annotation.database import arrow_batches, ordered_duckdb
from endotype.annotation.reference import Reference, match_contigs
from endotype.annotation.site_formats import Fields, SiteFormat
from endotype.cohort.assembly import canonical_assembly
from endotype.errors import InputError, Problem, input_error
from endotype.files import atomic_path, sha256_file

_BATCH_ALLELES = 100_000
_ALLELE = pa.schema(
    {
        **{"row": pa.int64(), "contig": pa.int32(), "chrom": pa.string()},
        **{"pos": pa.int64(), "ref": pa.string(), "alt": pa.string()},
    }
)
_MIN_CHECKED, _MAX_MISMATCH = 20, 0.5
"""With another assembly about three of four reference alleles disagree by chance, with the same few do."""


@dataclass
class SiteCounts:
    """Records and alleles of a sites VCF: ``alleles_in = kept + sum(dropped.values())``.

    ``without_value`` counts kept alleles whose value can't be used (a frequency among no alleles).
    """

    records_in: int = 0
    alleles_in: int = 0
    kept: int = 0
    left_aligned: int = 0
    without_value: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def empty_sites(form: SiteFormat, out: str | Path) -> None:
    """Write the table of a source that was not given: the right columns and no rows."""
    with atomic_path(out) as temporary:
        pq.write_table(_schema(form).empty_table(), temporary, compression="zstd")


def load_sites(
    vcf: str | Path, form: SiteFormat, out: str | Path, assembly: str, fasta: str | Path | None = None
) -> dict[str, Any]:
    """Turn a sites VCF into a Parquet table ``chrom pos ref alt`` + ``form.columns``, one row per allele.

    Rows are sorted by contig (as the reference has them, else by first appearance), pos, ref and alt; contigs
    are named as in the reference. Without a reference nothing is checked against it or left-aligned.

    Args:
        vcf: VCF or BCF, any compression; contig lines and an index are not needed.
        form: ``CLINICAL`` or ``FREQUENCY``.
        out: the Parquet file.
        assembly: the run's assembly; a known other one in ``##reference`` is an error.
        fasta: indexed reference.

    Returns:
        The entry for ``knowledge.json``: file name, sha256, version and counts.

    Raises:
        InputError: no such file, no VCF, tags that are missing, words that are not known, another assembly.
    """
    counts = SiteCounts()
    with tempfile.TemporaryDirectory() as folder:
        header = _read_header(vcf, form, assembly, folder)
        raw, alleles = f"{folder}/records.tsv", f"{folder}/alleles.parquet"
        indels, aligned = f"{folder}/indels.vcf", f"{folder}/aligned.tsv"
        columns = ["%CHROM", "%POS", "%ID", "%REF", "%ALT", *(f"%INFO/{tag}" for tag in header.tags)]
        try:
            bcftools.run("query", "-f", "\\t".join(columns) + "\\n", "-o", raw, str(vcf))
        except bcftools.BcftoolsError as error:
            raise input_error(vcf, f"a damaged file ({str(error).splitlines()[-1]})", "VCF or BCF") from None
        if fasta is None:
            _write_alleles(_read_alleles(raw, form, header.tags, None, counts, vcf), form, alleles)
            Path(aligned).touch()
        else:
            with Reference(fasta) as reference:
                found = _read_alleles(raw, form, header.tags, reference, counts, vcf)
                _write_alleles(found, form, alleles, indels, reference.lengths)
            _left_align(indels, str(fasta), aligned)
        _write_sorted(alleles, aligned, form, out, folder, counts)
    return {
        "status": "loaded",
        "file": Path(vcf).name,
        "sha256": sha256_file(vcf),
        "version": header.version,
        "assembly": header.reference,
        "records_in": counts.records_in,
        "alleles_in": counts.alleles_in,
        "kept": counts.kept,
        "left_aligned": counts.left_aligned,
        "without_value": counts.without_value,
        "dropped": dict(sorted(counts.dropped.items())),
    }


@dataclass(frozen=True)
class _Header:
    tags: tuple[str, ...]
    version: str | None
    reference: str | None


def _read_header(vcf: str | Path, form: SiteFormat, assembly: str, folder: str) -> _Header:
    if not Path(vcf).is_file():
        raise input_error(vcf, "no such file", "a VCF or BCF file")
    alone = f"{folder}/header.vcf"
    try:
        bcftools.run("view", "--no-version", "-h", "-o", alone, str(vcf))
    except bcftools.BcftoolsError:
        raise input_error(vcf, "a file without a VCF header", "a VCF or BCF file") from None
    with pysam.VariantFile(alone) as variants:
        tags = tuple(tag for tag in form.tags if tag in variants.header.info)
        lines = {r.key: r.value for r in variants.header.records if r.type == "GENERIC"}
    if not any(set(choice) <= set(tags) for choice in form.required):
        expected = " or ".join(" and ".join(choice) for choice in form.required)
        raise input_error(vcf, "a header without the INFO tags", f"INFO/{expected}")
    version = " ".join(filter(None, (lines.get("source"), lines.get("fileDate")))) or None
    # Some files have a path there; only its last part is of the content.
    reference = Path(lines.get("reference") or "").name or None
    theirs, ours = canonical_assembly(reference or ""), canonical_assembly(assembly)
    if theirs and ours and theirs != ours:
        raise input_error(vcf, f"variants of {theirs}", f"variants of {ours}, the assembly of this run")
    return _Header(tags, version, reference)


def _read_alleles(
    raw: str,
    form: SiteFormat,
    tags: Fields,
    reference: Reference | None,
    counts: SiteCounts,
    vcf: str | Path,
) -> Iterator[tuple[object, ...]]:
    """The usable alleles of the records in a TSV file, as rows of ``_ALLELE`` + ``form.columns``."""
    place = _contig_places(reference)
    texts: set[str] = set()
    at_tag = [tags.index(tag) if tag in tags else None for tag in form.tags]
    checked = 0
    with Path(raw).open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for line in stream:
            source_chrom, pos_text, name, ref, alts, *info = line.rstrip("\r\n").split("\t")
            contig, chrom = place(source_chrom)
            pos, ref, alleles = int(pos_text), ref.upper(), alts.upper().split(",")
            fields = ["." if i is None else info[i] for i in at_tag]
            counts.records_in += 1
            for i, alt in enumerate(alleles):
                counts.alleles_in += 1
                if chrom is None:
                    counts.dropped["contig_not_in_reference"] += 1
                    continue
                reason = _fault(chrom, pos, ref, alt, reference)
                checked += reason in ("", "ref_mismatch")
                values = reason or form.read_allele(fields, name, i, len(alleles))
                if isinstance(values, str):
                    counts.dropped[values] += 1
                    continue
                if isinstance(values[0], str):
                    texts.add(values[0])
                counts.without_value += values[0] is None
                yield counts.alleles_in, contig, chrom, pos, ref, alt, *values
    mismatches = counts.dropped["ref_mismatch"]
    if checked >= _MIN_CHECKED and mismatches > _MAX_MISMATCH * checked:
        raise input_error(
            vcf,
            f"{mismatches} of {checked} reference alleles that disagree with the reference FASTA",
            "variants of the same assembly as the reference",
        )
    faults = form.check(sorted(texts))
    if faults:
        raise InputError([Problem(str(vcf), None, form.tags[0], *fault) for fault in faults])


def _contig_places(reference: Reference | None) -> Callable[[str], tuple[int, str | None]]:
    """From a source's contig to its place in the order and its name in the reference, or ``None``."""
    order = {} if reference is None else {name: i for i, name in enumerate(reference.lengths)}

    @cache
    def place(source: str) -> tuple[int, str | None]:
        if reference is None:
            return order.setdefault(source, len(order)), source
        name = match_contigs([source], order).get(source)
        return (-1, None) if name is None else (order[name], name)

    return place


_BASES = re.compile("[ACGT]+")


def _fault(chrom: str, pos: int, ref: str, alt: str, reference: Reference | None) -> str:
    """Why an allele can't be joined with a cohort; empty when it can."""
    if alt == ".":
        return "no_alternate_allele"
    if not _BASES.fullmatch(alt):
        return "symbolic_allele" if re.search(r"[]<>*[.]", alt) else "not_acgt"
    if not _BASES.fullmatch(ref):
        return "not_acgt"
    if ref == alt:
        return "alt_equals_ref"
    if reference is not None:
        if pos < 1 or pos + len(ref) - 1 > reference.lengths[chrom]:
            return "beyond_reference"
        if reference.bases(chrom, pos, len(ref)) != ref:
            return "ref_mismatch"
    return ""


def _write_alleles(
    alleles: Iterator[tuple[object, ...]],
    form: SiteFormat,
    out: str,
    indels: str | None = None,
    contigs: Mapping[str, int] | None = None,
) -> None:
    """Write alleles as Parquet, and those longer than one base also as a VCF whose ID is the row number."""
    schema = pa.schema([*_ALLELE, *form.columns])
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(pq.ParquetWriter(out, schema))
        vcf = None
        if indels is not None:
            vcf = stack.enter_context(Path(indels).open("w", encoding="utf-8", newline="\n"))
            vcf.write("##fileformat=VCFv4.3\n")
            for name, length in (contigs or {}).items():
                vcf.write(f"##contig=<ID={name},length={length}>\n")
            vcf.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        while batch := list(itertools.islice(alleles, _BATCH_ALLELES)):
            arrays = [pa.array(c, f.type) for c, f in zip(zip(*batch, strict=True), schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            if vcf is not None:
                for row, _, chrom, pos, ref, alt, *_ in batch:
                    if len(str(ref)) + len(str(alt)) > 2:
                        vcf.write(f"{chrom}\t{pos}\t{row}\t{ref}\t{alt}\t.\t.\t.\n")


def _left_align(indels: str, fasta: str, out: str) -> None:
    bcftools.pipe(
        [
            ["norm", "--no-version", "-f", fasta, "-c", "e", "-Ou", indels],
            ["query", "-f", "%ID\\t%POS\\t%REF\\t%ALT\\n", "-o", out, "-"],
        ]
    )


def _schema(form: SiteFormat) -> pa.Schema:
    return pa.schema([f for f in _ALLELE if f.name not in ("row", "contig")] + list(form.columns))


def _write_sorted(
    alleles: str, aligned: str, form: SiteFormat, out: str | Path, folder: str, counts: SiteCounts
) -> None:
    """Put the left-aligned alleles in their places, sort, and keep one row of each allele."""
    with ordered_duckdb(folder) as con:
        query = f"""
            WITH aligned AS (
                SELECT * FROM read_csv($aligned, auto_detect = false, header = false, delim = '\t',
                    quote = '', columns = {{row: 'BIGINT', pos: 'BIGINT', ref: 'VARCHAR', alt: 'VARCHAR'}})
            ), placed AS (
                SELECT a.* REPLACE (
                    coalesce(n.pos, a.pos) AS pos,
                    coalesce(n.ref, a.ref) AS ref,
                    coalesce(n.alt, a.alt) AS alt
                ), coalesce(n.pos <> a.pos, false) AS moved
                FROM read_parquet($alleles) a LEFT JOIN aligned n USING (row)
            )
            SELECT *, row_number() OVER (PARTITION BY contig, pos, ref, alt ORDER BY {form.prefer}) AS nth
            FROM placed ORDER BY contig, pos, ref, alt, nth"""
        parameters = {"aligned": aligned, "alleles": alleles}
        schema = _schema(form)
        with atomic_path(out) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for batch in arrow_batches(con, query, parameters, _BATCH_ALLELES):
                table = pa.Table.from_batches([batch])
                counts.left_aligned += pc.sum(table["moved"]).as_py() or 0
                first = table.filter(pc.equal(table["nth"], 1))
                counts.dropped["duplicate_allele"] += len(table) - len(first)
                counts.kept += len(first)
                writer.write_table(first.select(schema.names).cast(schema))
    counts.dropped += Counter()  # removes reasons that did not occur
