"""All sources of knowledge, made ready once: tables that join by allele or gene, and where they are from."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.annotation.annotate import COLUMNS as VARIANT_COLUMNS
from endotype.annotation.gene_model import Gene, gene_frame, read_gene_model
from endotype.annotation.knowledge import clinvar, gnomad
from endotype.annotation.knowledge.coverage import coverage_batches, is_bed, merged, open_coverage
from endotype.annotation.knowledge.described import open_source, place_batches
from endotype.annotation.knowledge.gene_names import GeneNames, MappingCounts
from endotype.annotation.knowledge.gene_sources import map_genes, one_gene_row, read_rows, to_table
from endotype.annotation.knowledge.gene_table import add_gene_sources, join_genes, read_gene_table
from endotype.annotation.knowledge.records import SOURCE_ROW, RecordFile, open_vcf
from endotype.annotation.knowledge.sites import SiteCounts, empty_table, site_schema, write_sites
from endotype.annotation.reference import Reference, indexed_fasta, match_contigs
from endotype.cohort.assembly import canonical_assembly, guess_assembly
from endotype.cohort.knowledge_files import GENE_COLUMNS
from endotype.cohort.knowledge_kinds import KINDS, SCORE_KINDS, VALIDITY_KINDS, Column
from endotype.cohort.knowledge_sources import Source, is_date, own_source
from endotype.errors import InputError, Problem, input_error
from endotype.files import sha256_file, write_json
from endotype.tables import write_arrow, write_parquet

NOT_ASSESSED: dict[str, Any] = {"status": "not_assessed"}

_FORMS: Mapping[str, tuple[Sequence[Column], Callable[[RecordFile], Iterator[pa.Table]], str]] = {
    "clinvar": (clinvar.COLUMNS, clinvar.clinical_batches, clinvar.PREFER),
    "gnomad": (gnomad.COLUMNS, gnomad.frequency_batches, gnomad.PREFER),
}
_OWN = ("clinvar", "gnomad")


def build_knowledge(
    out: str | Path,
    assembly: str,
    clinical_significance: str | Path | None = None,
    population_frequency: str | Path | None = None,
    genes: str | Path | None = None,
    gff: str | Path | None = None,
    fasta: str | Path | None = None,
    sources: Sequence[Source] = (),
    max_age_days: int | None = None,
    as_of: str | None = None,
) -> None:
    """Write the tables of all sources, and ``knowledge.json`` with their versions and counts.

    The tables are ``clinical_significance.parquet``, ``population_frequency.parquet``, ``genes.parquet`` and
    one for each of ``sources``, named after it. Of the first three, one that isn't given leaves a table
    without rows, and ``not_assessed`` in ``knowledge.json``.

    Age is counted to ``as_of``, else to the date of the newest source: never to today, so that the same
    files give the same store. A source older than ``max_age_days`` is a warning, here and in the store.

    Args:
        out: the folder.
        assembly: name of the run's assembly.
        clinical_significance: sites VCF as ClinVar publishes it.
        population_frequency: sites VCF as gnomAD publishes it.
        genes: gene table, TSV.
        gff: gene model, GFF3.
        fasta: reference that the cohort was normalised against; without one alleles are joined as written.
        sources: further sources, or the first two with version, date and licence.
        max_age_days: age from which a source is warned of; ``None`` for never.
        as_of: date ``YYYY-MM-DD`` that ages are counted to.

    Raises:
        InputError: a source can't be used.
    """
    out = Path(out)
    if as_of is not None and not is_date(as_of):
        raise input_error("--as-of", as_of, "a date YYYY-MM-DD")
    given = _all_sources(clinical_significance, population_frequency, sources)
    entries: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        indexed = None if fasta is None else stack.enter_context(indexed_fasta(fasta))
        lengths: dict[str, int] = {}
        if indexed is not None:
            with Reference(indexed) as reference:
                lengths = reference.lengths
        digest = reference_digest(lengths) if lengths else None
        for kind in _OWN:
            own = own_source(kind, "")
            if own.name not in given:
                empty_table(out / f"{own.name}.parquet", site_schema("allele", _FORMS[kind][0]))
                entries[own.name] = NOT_ASSESSED
        for source in given.values():
            if source.key in ("allele", "position", "region"):
                place = _build_place(source, out, assembly, indexed, lengths)
                entries[source.name] = place | {"reference_digest": digest}
    of_genes = [s for s in given.values() if s.key in ("gene", "disease")]
    entries |= _build_genes(genes, gff, lengths, of_genes, out)
    dates = sorted(e["date"] for e in entries.values() if e.get("date"))
    as_of = as_of or (dates[-1] if dates else None)
    warnings = _ages(entries, max_age_days, as_of)
    for warning in warnings:
        print(f"endotype: warning: {warning}", file=sys.stderr)
    reference_entry = (
        NOT_ASSESSED if fasta is None else _file(fasta) | {"digest": digest, "contigs": len(lengths)}
    )
    store = {"assembly": assembly, "reference": reference_entry, "sources": entries}
    write_json(out / "knowledge.json", store | {"as_of": as_of, "warnings": warnings})


def reference_digest(lengths: Mapping[str, int]) -> str:
    """SHA-256 over the lines ``name TAB length`` of a reference's sequences, in its order.

    It tells one assembly, or set of contigs, from another, and costs nothing. It doesn't look at the bases:
    that is what the file's own sha256, beside it in ``knowledge.json``, is for.
    """
    text = "".join(f"{name}\t{length}\n" for name, length in lengths.items())
    return hashlib.sha256(text.encode()).hexdigest()


def _all_sources(
    clinical: str | Path | None, frequency: str | Path | None, sources: Sequence[Source]
) -> dict[str, Source]:
    """Every source by name.

    Raises:
        InputError: one is given twice, or a score is called as another column.
    """
    given = [own_source(k, str(p)) for k, p in zip(_OWN, (clinical, frequency), strict=True) if p is not None]
    by_name: dict[str, Source] = {}
    for source in [*given, *sources]:
        if source.name in by_name:
            raise input_error(source.paths[0], f"{source.name} a second time", "each source once")
        by_name[source.name] = source
        taken = [c.name for c in source.columns if source.kind in SCORE_KINDS and c.name in VARIANT_COLUMNS]
        if taken:
            found, expected = f"a score called {taken[0]}", "a name that no column of variants.parquet has"
            raise input_error(source.paths[0], found, expected)
    return by_name


# -- sources by place ----------------------------------------------------------------------------------------


def _build_place(
    source: Source, out: Path, assembly: str, fasta: Path | None, lengths: Mapping[str, int]
) -> dict[str, Any]:
    """Write the table of a source by allele, position or region; its entry for ``knowledge.json``."""
    files = [_open(source, path, assembly) for path in source.paths]
    for file in files:
        check_assembly(source, file, assembly, lengths)
    counts = SiteCounts()
    columns: Sequence[Column] = source.columns
    prefer = SOURCE_ROW
    if source.kind in _FORMS:
        columns, _, prefer = _FORMS[source.kind]
    elif columns and columns[0].combine in ("max", "min"):
        order = "DESC" if columns[0].combine == "max" else "ASC"
        prefer = f'"{columns[0].name}" {order} NULLS LAST, {SOURCE_ROW}'
    records: list[int] = []
    table = out / f"{source.name}.parquet"
    with tempfile.TemporaryDirectory() as folder:
        write_sites(
            _batches(source, files, assembly, records, counts),
            source.key, columns, table, counts, source.paths[0], folder, fasta, prefer,
        )  # fmt: skip
    if source.kind == "coverage":
        write_arrow(merged(pq.read_table(table)), table)
    how = {c.name: c.combine for c in columns}
    return _entry(source, files, records, list(how)) | counts.entry() | {"combine": how}


def _open(source: Source, path: str, assembly: str) -> RecordFile:
    if source.kind == "coverage" and not is_bed(path):
        return open_coverage(path)
    if source.kind in _FORMS:
        return open_vcf(path)
    return open_source(source, path, assembly)


def _batches(
    source: Source, files: Sequence[RecordFile], assembly: str, records: list[int], counts: SiteCounts
) -> Iterator[pa.Table]:
    """The rows of all files of a source, ``source_row`` counted on from file to file."""
    before = 0
    for file in files:
        if source.kind in _FORMS:
            batches = _FORMS[source.kind][1](file)
        elif source.kind == "coverage" and not is_bed(file.path):
            batches = coverage_batches(source, file)
        else:
            batches = place_batches(source, file, assembly)
        last = 0
        for batch in batches:
            rows = batch[SOURCE_ROW]
            if len(rows):
                last = int(rows[-1].as_py())
            if before:
                i = batch.schema.get_field_index(SOURCE_ROW)
                batch = batch.set_column(i, SOURCE_ROW, pa.compute.add(rows, before))
            counts.records_in = before + last
            yield batch
        records.append(last)
        before += last


def check_assembly(source: Source, file: RecordFile, assembly: str, lengths: Mapping[str, int]) -> None:
    """Refuse a file of another assembly: by what the user or its header says, or by its contigs' lengths.

    Raises:
        InputError: it is of another one.
    """
    ours = canonical_assembly(assembly)
    claims = [source.assembly or "", file.assembly or "", guess_assembly(file.contigs) or ""]
    for claim in claims:
        theirs = canonical_assembly(claim)
        if theirs and ours and theirs != ours:
            raise input_error(
                file.path, f"variants of {theirs}", f"variants of {ours}, the assembly of this run"
            )
    problems = []
    for name, mine in match_contigs(file.contigs, lengths).items():
        if file.contigs[name] != lengths[mine]:
            found = f"contig {name} of {file.contigs[name]:,} bases"
            problems.append(
                Problem(file.path, None, "contig", found, f"{lengths[mine]:,}, as in the reference")
            )
    # A reference may be an excerpt: one whose contigs are all shorter is no other assembly.
    if problems and not all(
        file.contigs[n] > lengths[m] for n, m in match_contigs(file.contigs, lengths).items()
    ):
        raise InputError(problems[:20])


def _entry(
    source: Source, files: Sequence[RecordFile], records: Sequence[int], columns: Sequence[str]
) -> dict[str, Any]:
    """What ``knowledge.json`` says of a source but for its counts."""
    described = [
        _file_facts(file.path) | {"records": n, "form": file.how_to_read()}
        for file, n in zip(files, records, strict=True)
    ]
    date = source.date or next((f.date for f in files if f.date), None)
    if len(described) == 1:
        whole = described[0]
    else:
        lines = "".join(f"{d['sha256']}  {d['file']}\n" for d in described)
        whole = {
            "file": f"{described[0]['file']} and {len(described) - 1} more",
            "sha256": hashlib.sha256(lines.encode()).hexdigest(),
            "size": sum(d["size"] for d in described),
        }
    return {
        "status": "loaded",
        "kind": source.kind,
        "key": source.key,
        "label": KINDS[source.kind].label,
        "file": whole["file"],
        "sha256": whole["sha256"],
        "size": whole["size"],
        "files": described,
        "version": source.version or next((f.version for f in files if f.version), None),
        "date": date,
        "licence": source.licence,
        "assembly": source.assembly or next((f.assembly for f in files if f.assembly), None),
        "table": f"{source.name}.parquet",
        "columns": list(columns),
        "joined": source.joined,
    }


def _file_facts(path: str | Path) -> dict[str, Any]:
    return {"file": Path(path).name, "sha256": sha256_file(path), "size": Path(path).stat().st_size}


# -- genes ---------------------------------------------------------------------------------------------------


def _build_genes(
    genes: str | Path | None,
    gff: str | Path | None,
    lengths: Mapping[str, int],
    sources: Sequence[Source],
    out: Path,
) -> dict[str, Any]:
    """Write ``genes.parquet`` and the tables of all gene-level sources; their entries."""
    table = _no_rows([*GENE_COLUMNS, "table_row"]) if genes is None else read_gene_table(genes)
    genome = None if gff is None else read_gene_model(gff)
    model = _no_rows(Gene._fields) if genome is None else gene_frame(genome)
    # Genes are where variants are: on the contigs of the reference, under the names that it has for them.
    names = {name: match_contigs([name], lengths).get(name, name) for name in model["chrom"].unique()}
    model["chrom"] = model["chrom"].map(names).astype("str")
    entries: dict[str, Any] = {}
    read = {s.name: _read_gene_source(s) for s in sources}
    hgnc = next((read[s.name][0] for s in sources if s.kind == "hgnc"), None)
    by_hgnc = None if hgnc is None else GeneNames(_named(model), hgnc)
    joined, counts = join_genes(table, model, by_hgnc)
    finder = GeneNames(joined, hgnc)
    mapped: dict[str, pd.DataFrame] = {}
    for source in sources:
        frame, n, files, records = read[source.name]
        mapping, dropped = MappingCounts(), Counter[str]()
        n_rows = len(frame)
        if source.key == "gene":
            frame = map_genes(frame, finder, mapping)
        frame = one_gene_row(source, frame, files, dropped)
        write_arrow(to_table(source, frame), out / f"{source.name}.parquet")
        mapped[source.name] = frame
        entries[source.name] = _entry(source, files, records, [c.name for c in source.columns]) | {
            "records_in": n,
            "rows_in": n_rows,
            "kept": len(frame),
            "dropped": dict(sorted((+dropped).items())),
            **(mapping.entry() if source.key == "gene" else {}),
        }
    of_kind = {kind: [(s.name, mapped[s.name]) for s in sources if s.kind == kind] for kind in KINDS}
    joined = add_gene_sources(
        joined,
        next(iter(of_kind["constraint"]), None),
        next(iter(of_kind["dosage"]), None),
        [pair for kind in VALIDITY_KINDS for pair in of_kind[kind]],
    )
    write_parquet(joined, out / "genes.parquet")
    facts = {"kind": "genes", "key": "gene", "table": "genes.parquet", "version": None, "date": None}
    entries["genes"] = NOT_ASSESSED if genes is None else _file(genes) | facts | counts
    if gff is None or genome is None:
        entries["gene_model"] = NOT_ASSESSED
    else:
        entries["gene_model"] = _file(gff) | genome.summary()
    return entries


def _named(model: pd.DataFrame) -> pd.DataFrame:
    """The gene model with the synonyms of its genes as aliases."""
    return model.assign(aliases=model["synonyms"]) if "synonyms" in model else model


def _read_gene_source(source: Source) -> tuple[pd.DataFrame, int, list[RecordFile], list[int]]:
    files = [open_source(source, path, "") for path in source.paths]
    records: list[int] = []
    parts = []
    for file in files:
        frame, n = read_rows(replace(source, paths=(file.path,)), [file])
        frame[SOURCE_ROW] += sum(records)
        records.append(n)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True), sum(records), files, records


def _no_rows(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns), dtype="str")


def _file(path: str | Path) -> dict[str, Any]:
    return {"status": "loaded"} | _file_facts(path)


# -- age -----------------------------------------------------------------------------------------------------


def _ages(entries: dict[str, Any], max_age_days: int | None, as_of: str | None) -> list[str]:
    """Give each dated source its age in days, and list those that are too old or have no date."""
    warnings = []
    for name, entry in sorted(entries.items()):
        if entry["status"] != "loaded" or "date" not in entry:
            continue
        age = None
        if entry["date"] and as_of:
            age = (datetime.date.fromisoformat(as_of) - datetime.date.fromisoformat(entry["date"])).days
        entries[name] = entry | {"age_days": age}
        if max_age_days is None or name == "genes":
            continue
        if age is None:
            warnings.append(f"{name} ({entry['file']}) has no date: its age is not known")
        elif age > max_age_days:
            warnings.append(
                f"{name} ({entry['file']}) is old: of {entry['date']}, {age} days before {as_of} "
                f"(the limit is {max_age_days})"
            )
    return warnings
