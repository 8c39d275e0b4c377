"""Whether two heterozygous variants of one gene are on one copy of it (cis) or on both (trans).

Evidence in the order of its weight: one call ``1/2``, the trio, a phase set of the caller, the reads. What
none of them tells is ``unknown``, never trans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pysam

from endotype.annotation.inheritance.calls import Call
from endotype.annotation.inheritance.reads import count_fragments, judge
from endotype.cohort.coverage_files import open_alignment

COLUMNS = ["patient", "gene", "gene_id", "variant_1", "variant_2", "phase", "phase_source", "detail"]


@dataclass(frozen=True)
class PhaseRules:
    """When evidence counts.

    Attributes:
        whole_contig: phased calls without a phase set belong to one per contig. The user declares that: a
            ``|`` alone doesn't say how far the phase holds.
        max_distance: bases between two variants whose reads are looked at.
        min_fragments: fragments that must agree.
        max_conflicting: largest share of fragments that may disagree.
    """

    whole_contig: bool = False
    max_distance: int = 1000
    min_fragments: int = 3
    max_conflicting: float = 0.1


def het_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Pairs of heterozygous candidates of one patient in one gene.

    Args:
        rows: ``patient gene gene_id variant zygosity``; ``variant`` is a number in genome order.

    Returns:
        ``patient gene gene_id first second``, by patient, gene and variants; ``gene_id`` may be null.
    """
    het = rows[rows["zygosity"] == "heterozygous"].fillna({"gene_id": ""})
    carried: dict[tuple[str, str, str], set[int]] = {}
    columns = ("patient", "gene", "gene_id", "variant")
    for patient, gene, gene_id, variant in zip(*(het[c].tolist() for c in columns), strict=True):
        carried.setdefault((patient, gene, gene_id), set()).add(variant)
    pairs = [
        (patient, gene, gene_id or None, first, second)
        for (patient, gene, gene_id), variants in sorted(carried.items())
        for first, second in combinations(sorted(variants), 2)
    ]
    return pd.DataFrame(pairs, columns=["patient", "gene", "gene_id", "first", "second"])


class Answer(NamedTuple):
    """``trans`` ``cis`` or ``unknown``; the evidence that settled it, and what it was."""

    phase: str = "unknown"
    source: str | None = None
    detail: str | None = None


def by_trio(first: str, second: str) -> Answer:
    """Phase by the origins of the two alleles; a new one says nothing of the other."""
    parents = ("maternal", "paternal")
    if first not in parents or second not in parents:
        return Answer()
    if first == second:
        return Answer("cis", "trio", f"both {first}")
    return Answer("trans", "trio", f"{first} and {second}")


def by_calls(first: Call, second: Call, rules: PhaseRules) -> Answer:
    """Phase by the calls themselves: one ``1/2``, or two in one phase set."""
    if first.site and first.site == second.site and first.others == 1 and second.others == 1:
        return Answer("trans", "genotype", "two different alleles at one site")
    if not (first.phased and second.phased) or {first.alleles.count(1), second.alleles.count(1)} != {1}:
        return Answer()
    if first.phase_set != second.phase_set:
        return Answer(detail="in different phase sets")
    if first.phase_set is None and not rules.whole_contig:
        return Answer(detail="phased calls without a phase set")
    phase = "cis" if first.alleles.index(1) == second.alleles.index(1) else "trans"
    return Answer(phase, "phase_set", first.phase_set or "the whole contig, as configured")


def phase_pairs(
    pairs: pd.DataFrame,
    variants: pd.DataFrame,
    origins: Mapping[tuple[str, int], str],
    calls: Mapping[tuple[int, str], Call],
    alignments: Mapping[str, Sequence[str]],
    fasta: str | Path | None,
    rules: PhaseRules,
) -> pd.DataFrame:
    """The phase of every pair.

    Args:
        pairs: of :func:`het_pairs`.
        variants: ``variant_id chrom pos ref alt`` by number.
        origins: (patient, variant) -> origin.
        calls: (variant, patient) -> call, where one was read.
        alignments: patient -> BAM or CRAM files.
        fasta: reference of the CRAM files.
        rules: when evidence counts.

    Returns:
        ``compound.parquet``: the columns :data:`COLUMNS`.
    """
    rows = []
    columns = ("gene", "gene_id", "first", "second")
    for patient, group in pairs.groupby("patient", sort=False):
        person = str(patient)
        with ExitStack() as stack:
            reads: list[pysam.AlignmentFile] | None = None
            for gene, gene_id, first, second in zip(*(group[c].tolist() for c in columns), strict=True):
                answer = by_trio(origins[person, first], origins[person, second])
                ours, theirs = calls.get((first, person)), calls.get((second, person))
                if answer.phase == "unknown" and ours and theirs:
                    answer = by_calls(ours, theirs, rules)
                places = _variant(variants, first), _variant(variants, second)
                if answer.phase == "unknown" and _are_near(*places, rules.max_distance):
                    if reads is None:
                        paths = alignments.get(person, ())
                        reads = [stack.enter_context(open_alignment(path, fasta)) for path in paths]
                    answer = by_reads(reads, *places, rules) or answer
                ids = variants["variant_id"].iloc[[first, second]]
                rows.append((person, gene, gene_id, *ids, answer.phase, answer.source, answer.detail))
    return pd.DataFrame(rows, columns=COLUMNS).astype("str")


def by_reads(
    alignments: Sequence[pysam.AlignmentFile],
    first: tuple[str, int, str, str],
    second: tuple[str, int, str, str],
    rules: PhaseRules,
) -> Answer | None:
    """Phase by the first alignment that tells it; what the last one shows where none does."""
    answer = None
    for alignment in alignments:
        counts = count_fragments(alignment, first, second)
        phase = judge(counts, rules.min_fragments, rules.max_conflicting)
        detail = (
            f"fragments with both {counts.both}, the first alone {counts.first_only}, "
            f"the second alone {counts.second_only}, neither {counts.neither}"
        )
        answer = Answer(phase, None if phase == "unknown" else "reads", detail)
        if phase != "unknown":
            break
    return answer


def settled(first: str, second: str) -> bool:
    """Whether the trio alone tells the phase of two alleles of these origins."""
    return by_trio(first, second).phase != "unknown"


def _variant(variants: pd.DataFrame, n: int) -> tuple[str, int, str, str]:
    row = variants.iloc[n]
    return str(row["chrom"]), int(row["pos"]), str(row["ref"]), str(row["alt"])


def _are_near(a: tuple[str, int, str, str], b: tuple[str, int, str, str], limit: int) -> bool:
    return a[0] == b[0] and abs(a[1] - b[1]) <= limit
