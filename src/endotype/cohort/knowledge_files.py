"""Checks of the knowledge that a run is given: readable files, of the same genome, with known words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from endotype.cohort.assembly import bare_name
from endotype.cohort.builds import Genome, check_build
from endotype.cohort.compression import compression_of
from endotype.cohort.contigs import map_contigs
from endotype.cohort.findings import Findings
from endotype.cohort.knowledge_kinds import KINDS
from endotype.cohort.knowledge_sources import describe_sources
from endotype.cohort.reference import Reference
from endotype.cohort.variant_file import VariantFile, inspect
from endotype.errors import nearest, visible
from endotype.tables import TextTable, read_text_table

GENE_COLUMNS = ["gene", "gene_id", "aliases", "mechanism", "inheritance", "disease", "lof_mechanism"]
TARGET_COLUMNS = [
    "gene", "intervention", "action", "tier", "level", "direction", "requires",
    "reliability", "source", "source_version", "source_record",
]  # fmt: skip

GENE_WORDS = {"inheritance": ["AD", "AR", "XL", "MT", "unknown"], "lof_mechanism": ["yes", "no", "unknown"]}
TARGET_WORDS = {
    "action": ["indicated", "contraindicated"],
    "tier": ["R1", "1", "2", "3", "3B", "4", "R2"],
    "level": ["A", "B", "C", "D", "E"],
    "direction": ["loss", "gain", "any"],
    "requires": ["carried_variant", "tumour_variant", "subtype", "association", "any"],
}


def check_knowledge(
    paths: Mapping[str, Any],
    genome: Genome,
    reference: Reference | None,
    cohort: set[str],
    findings: Findings,
) -> None:
    """Check every knowledge file that is given.

    Args:
        paths: the ``knowledge`` section of the configuration.
        genome: the genome of the run.
        reference: its FASTA, if there is one.
        cohort: contigs that the cohort has records on.
        findings: where to note problems.
    """
    for key in ("clinical_significance", "population_frequency"):
        if (path := paths[key]) and (file := findings.attempt(inspect, path, needs_samples=False)):
            _check_source(file, genome, reference, cohort, findings)
    if described := paths.get("sources"):
        _check_described(described, paths, genome, reference, cohort, findings)
    if path := paths["genes"]:
        _check_table(path, GENE_COLUMNS, GENE_WORDS, {}, findings)
    if path := paths["targets"]:
        _check_table(path, TARGET_COLUMNS, TARGET_WORDS, {"reliability": _share}, findings)


def _check_described(
    described: object,
    paths: Mapping[str, Any],
    genome: Genome,
    reference: Reference | None,
    cohort: set[str],
    findings: Findings,
) -> None:
    """Check further sources: what is said of them, that their files are whole, and the build of VCFs.

    Whether a table has its columns is found when it is read: the header of some stands behind a preface.
    """
    sources = findings.attempt(describe_sources, described, "knowledge: sources") or []
    for source in sources:
        if source.kind in ("clinvar", "gnomad") and paths.get(source.name):
            findings.problem(
                source.paths[0], None, source.name, "a second time", f"knowledge: {source.name}, or a source"
            )
        for path in source.paths:
            if findings.attempt(compression_of, path, KINDS[source.kind].label) is None:
                continue
            if source.kind in ("clinvar", "gnomad", "spliceai") and (
                file := findings.attempt(inspect, path, needs_samples=False)
            ):
                _check_source(file, genome, reference, cohort, findings)


def _check_source(
    file: VariantFile, genome: Genome, reference: Reference | None, cohort: set[str], findings: Findings
) -> None:
    findings.warnings += file.warnings
    n_before = len(findings.problems)
    mapped = map_contigs(file, reference, genome.excerpt, findings)
    check_build(mapped.file, genome, reference, findings, mapped.different)
    if other := next((old for old, new in mapped.renames.items() if bare_name(old) != bare_name(new)), None):
        findings.problem(
            file.path,
            None,
            "contig",
            f"{visible(other)}, which is {mapped.renames[other]} of the reference",
            "contig names that mean the same chromosome",
            "rename the contigs with bcftools annotate --rename-chrs",
        )
    if (
        len(findings.problems) > n_before
        or reference
        or not (cohort and file.has_records and file.contigs_known)
    ):
        return
    alike = [(name, c) for name in file.contigs for c in cohort if bare_name(name) == bare_name(c)]
    if alike and not set(file.contigs) & cohort:
        findings.problem(
            file.path,
            None,
            "contig",
            f"contigs {', '.join(file.contigs[:3])}",
            f"the contig names of the cohort ({', '.join(sorted(cohort)[:3])})",
            f"the names differ by the prefix chr ({alike[0][0]} is {alike[0][1]}): "
            "rename the contigs with bcftools annotate --rename-chrs",
        )


def _share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _check_table(
    path: str,
    columns: list[str],
    words: Mapping[str, list[str]],
    numbers: Mapping[str, Callable[[str], bool]],
    findings: Findings,
) -> None:
    """Check that a knowledge table has its columns, and known words in those with a vocabulary."""
    table = findings.attempt(read_text_table, path)
    if table is None:
        return
    header: list[Any] = list(table.rows.columns)
    for name in table.duplicate_columns:
        findings.problem(path, 1, name, f"the column {visible(name)} twice", "each column once")
    for line, cells in table.ragged:
        findings.problem(path, line, "", f"{cells} cells", f"{len(header)} cells, as in the header")
    for name in [name for name in columns if name not in header]:
        word = nearest(name, [h for h in header if h not in columns])
        findings.problem(
            path,
            1,
            name,
            f"the columns {visible(', '.join(header))}",
            f"a column '{name}'",
            f"did you mean it by {visible(word)}?" if word else "",
        )
    if table.duplicate_columns or any(name not in header for name in columns):
        return
    for line, text in _cells(table, "gene"):
        if not text.strip():
            findings.problem(path, line, "gene", visible(text), "a gene symbol")
    for name, known in words.items():
        for line, text in _cells(table, name):
            if text not in known:
                word = nearest(text, known)
                suggestion = f"did you mean {word}?" if word else ""
                findings.problem(path, line, name, visible(text), f"one of {', '.join(known)}", suggestion)
    for name, is_sound in numbers.items():
        for line, text in _cells(table, name):
            if not is_sound(text):
                findings.problem(path, line, name, visible(text), "a number from 0 to 1")


def _cells(table: TextTable, name: str) -> list[tuple[int, str]]:
    return [(int(str(line)), str(text)) for line, text in table.rows[name].items()]
