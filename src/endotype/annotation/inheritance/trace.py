"""The inheritance tables of a run: from whom, in which phase, and does it fit the gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.annotation.inheritance.calls import read_calls
from endotype.annotation.inheritance.candidates import Candidates, Limits, find_candidates
from endotype.annotation.inheritance.carriers import find_carriers
from endotype.annotation.inheritance.certainty import TYPES as CERTAINTY_TYPES
from endotype.annotation.inheritance.certainty import DeNovoRules, judge_de_novo
from endotype.annotation.inheritance.family import Family, read_family
from endotype.annotation.inheritance.fit import fit_table
from endotype.annotation.inheritance.origin import ORIGINS
from endotype.annotation.inheritance.phase import PhaseRules, het_pairs, phase_pairs, settled
from endotype.files import write_json
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import MISSING, open_store

TYPES = {
    **dict.fromkeys(
        ("patient", "variant_id", "gene", "gene_id", "zygosity", "origin", "origin_reason"), "str"
    ),
    "parents": "int64",
    **dict.fromkeys(("parentage_confirmed", "affected"), "boolean"),
    **dict.fromkeys(("father_dosage", "mother_dosage"), "Int64"),
    **CERTAINTY_TYPES,
}
"""Columns of ``inheritance.parquet``."""


@dataclass(frozen=True)
class Sources:
    """The files of one run.

    Attributes:
        variants: ``annotation/variants.parquet``.
        prefix: the genotype store.
        people: ``cohort/people.parquet``.
        genes: ``annotation/genes.parquet``, for the mode of inheritance.
        assembly: names the pseudoautosomal regions.
        pedigree: PED file; without it every origin is unknown.
        relatedness: ``variants/relatedness.parquet``; without it no parentage is confirmed.
        shards: normalised BCF files with their indexes; without them there are no phase sets, and every new
            variant is of low certainty.
        samples: ``cohort/samples.parquet``, for the alignments; without it no reads are looked at.
        fasta: reference of CRAM files.
    """

    variants: str | Path
    prefix: str | Path
    people: str | Path
    genes: str | Path
    assembly: str = "unspecified"
    pedigree: str | Path | None = None
    relatedness: str | Path | None = None
    shards: Sequence[str | Path] = ()
    samples: str | Path | None = None
    fasta: str | Path | None = None


@dataclass(frozen=True)
class Rules:
    """What is rare, what is certain, what settles the phase."""

    limits: Limits = field(default_factory=Limits)
    de_novo: DeNovoRules = field(default_factory=DeNovoRules)
    phase: PhaseRules = field(default_factory=PhaseRules)


def trace_inheritance(sources: Sources, rules: Rules, out: str | Path) -> dict[str, int]:
    """Write ``inheritance.parquet compound.parquet fit.parquet segregation.parquet inheritance.json``.

    Args:
        sources: the files of one run.
        rules: see there.
        out: folder of the tables.

    Returns:
        The counts of ``inheritance.json``.

    Raises:
        InputError: tables of different runs, a faulty pedigree, a shard without an index, an alignment that
            can't be read.
    """
    store = open_store(sources.prefix)
    family = read_family(store, sources.people, sources.pedigree, sources.relatedness)
    candidates = find_candidates(sources.variants, store, rules.limits)
    found = find_carriers(store, family, candidates, sources.assembly, str(sources.pedigree))
    carriers = found.rows
    pairs = het_pairs(carriers.merge(candidates.genes, on="variant", sort=False))
    origins = {(p, v): o for p, v, o in carriers[["patient", "variant", "origin"]].itertuples(index=False)}
    wanted = _wanted(carriers, pairs, origins, family)
    calls = read_calls(sources.shards, candidates.variants, wanted)
    carriers = carriers.join(judge_de_novo(carriers, calls, family, rules.de_novo))
    alignments = _alignments(sources.samples)
    compound = phase_pairs(pairs, candidates.variants, origins, calls, alignments, sources.fasta, rules.phase)
    table = _table(carriers, candidates, family)
    fit = fit_table(
        table.assign(in_healthy_parent=_in_healthy_parent(table, family)), compound, _modes(sources.genes)
    )
    counts = {
        **candidates.counts,
        "carriers": len(carriers),
        "calls_that_do_not_fit_the_sex": found.n_misfits,
        **{f"origin_{word}": int((carriers["origin"] == word).sum()) for word in ORIGINS},
        "compound_pairs": len(compound),
        **{f"phase_{word}": int((compound["phase"] == word).sum()) for word in ("trans", "cis", "unknown")},
        "calls_wanted": sum(map(len, wanted.values())),
        "calls_read": len(calls),
    }
    folder = Path(out)
    write_parquet(table, folder / "inheritance.parquet")
    write_parquet(compound, folder / "compound.parquet")
    write_parquet(fit, folder / "fit.parquet")
    write_parquet(found.segregation, folder / "segregation.parquet")
    write_json(folder / "inheritance.json", counts)
    return counts


def _wanted(
    carriers: pd.DataFrame, pairs: pd.DataFrame, origins: Mapping[tuple[str, int], str], family: Family
) -> dict[int, list[str]]:
    """The calls that phase and certainty need: variant -> patients."""
    wanted: dict[int, set[str]] = {}
    for patient, first, second in pairs[["patient", "first", "second"]].itertuples(index=False):
        if not settled(origins[patient, first], origins[patient, second]):
            wanted.setdefault(first, set()).add(patient)
            wanted.setdefault(second, set()).add(patient)
    new = carriers[carriers["origin"] == "de_novo"]
    for variant, person in new[["variant", "person"]].itertuples(index=False):
        for parent in (family.father[person], family.mother[person]):
            if parent >= 0:
                wanted.setdefault(variant, set()).add(family.patients[parent])
    return {variant: sorted(people) for variant, people in wanted.items()}


def _alignments(samples: str | Path | None) -> dict[str, list[str]]:
    """Patient -> the alignments that the sheet names."""
    if samples is None:
        return {}
    table = read_parquet(samples, ["patient", "alignment"])
    found: dict[str, list[str]] = {}
    for patient, path in table.drop_duplicates().itertuples(index=False):
        if path:
            found.setdefault(patient, []).append(path)
    return found


def _table(carriers: pd.DataFrame, candidates: Candidates, family: Family) -> pd.DataFrame:
    """``inheritance.parquet``, by variant, person and gene."""
    frame = carriers.merge(candidates.genes, on="variant", sort=False)
    frame = frame.sort_values(["variant", "person", "gene"], kind="stable", ignore_index=True)
    frame["variant_id"] = candidates.variants["variant_id"].to_numpy()[frame["variant"]]
    person = frame["person"].to_numpy()
    frame["parents"] = ((family.father >= 0).astype(np.int64) + (family.mother >= 0))[person]
    affected = [family.affected.get(patient) for patient in family.patients]
    frame["affected"] = pd.array([affected[p] for p in person], dtype="boolean")
    frame["parentage_confirmed"] = pd.array([family.parentage.get(p) for p in person], dtype="boolean")
    for column in ("zygosity", "origin_reason"):
        frame[column] = frame[column].mask(frame[column] == "")
    for column in ("father_dosage", "mother_dosage"):
        frame[column] = frame[column].astype("Int64").mask(frame[column] == MISSING)
    return frame[list(TYPES)].astype(TYPES)


def _in_healthy_parent(table: pd.DataFrame, family: Family) -> np.ndarray:
    """Most copies of each allele in a parent who is recorded as unaffected, int64 (n,)."""
    place = {patient: i for i, patient in enumerate(family.patients)}
    healthy = np.array([family.affected.get(patient) is False for patient in family.patients], bool)
    person = np.array([place[patient] for patient in table["patient"]], np.int64)
    most = np.zeros(len(table), np.int64)
    for parents, column in ((family.father, "father_dosage"), (family.mother, "mother_dosage")):
        copies = table[column].fillna(0).to_numpy(np.int64)
        is_healthy = (parents[person] >= 0) & healthy[parents[person]]
        most = np.maximum(most, np.where(is_healthy, copies, 0))
    return most


def _modes(genes: str | Path) -> dict[tuple[str, str], str]:
    """(gene, gene id) -> mode of inheritance, of the genes that have one."""
    table = read_parquet(genes, ["gene", "gene_id", "inheritance"])
    return {
        (gene, gene_id if isinstance(gene_id, str) else ""): mode
        for gene, gene_id, mode in table.itertuples(index=False)
        if isinstance(mode, str)
    }
