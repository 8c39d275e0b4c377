"""The stage: from the results of earlier stages to ``targets/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.files import read_json, sha256_file, write_json
from endotype.tables import read_parquet, write_parquet
from endotype.targets.assertions import ASSERTION_KINDS, read_assertions
from endotype.targets.carriers import ANNOTATION_COLUMNS, find_carriers, gene_variants
from endotype.targets.credible import read_credible_sets
from endotype.targets.diseases import read_diseases
from endotype.targets.evidence import (
    assertion_evidence,
    druggable_evidence,
    gene_evidence,
    table_evidence,
)
from endotype.targets.findings import (
    burden_findings,
    germline_findings,
    read_alterations,
    read_hotspots,
    tumour_findings,
)
from endotype.targets.links import (
    association_links,
    carried_variant_links,
    subtype_enrichment,
    subtype_links,
    tumour_variant_links,
)
from endotype.targets.match import match_evidence
from endotype.targets.patients import Seen, patient_table, summary
from endotype.targets.rank import rank
from endotype.targets.table import read_targets
from endotype.variants.plink import open_store

SOURCE_KINDS = (*ASSERTION_KINDS, "dgidb", "clingen", "gencc", "constraint")
"""Kinds of sources of the knowledge store that this stage reads."""


@dataclass(frozen=True)
class Results:
    """Where the results of earlier stages are, and the target table."""

    assignments: str | Path
    annotation: str | Path
    bfile: str | Path
    loci: str | Path
    genes: str | Path
    people: str | Path
    sample_qc: str | Path
    targets: str | Path | None = None
    compound: str | Path | None = None
    classification: str | Path | None = None
    somatic: str | Path | None = None
    tumours: str | Path | None = None
    clinical: str | Path | None = None
    knowledge: str | Path | None = None
    """``annotation/knowledge.json``; the tables of the store are beside it."""


@dataclass(frozen=True)
class Settings:
    """What the configuration says of targets."""

    draws: int = 1000
    disease: Sequence[str] = ()
    disease_column: str | None = None
    diseases: str | Path | None = None
    hotspots: str | Path | None = None
    alterations: str | Path | None = None
    credible_sets: str | Path | None = None
    source_weights: Mapping[str, float] = field(default_factory=dict)


def rank_targets(results: Results, settings: Settings, seed: int, out: str | Path) -> None:
    """Write ``targets.parquet``, ``evidence.parquet``, ``patients.parquet`` and ``summary.json``.

    Genotypes of patients that failed the sample QC are not used. Enrichment of a gene in a subtype is
    looked for among called patients that are in the statistics of the cohort. What isn't given is not
    assessed, and every patient's row says so.

    Raises:
        InputError: faults of the tables that a user writes.
    """
    table = read_targets(results.targets)
    sources = _sources(results.knowledge)
    store_of_knowledge = Path(results.knowledge).parent if results.knowledge is not None else Path()
    assertions = read_assertions(store_of_knowledge, sources)
    hotspots = read_hotspots(settings.hotspots)
    credible = read_credible_sets(settings.credible_sets)
    diseases = read_diseases(settings.diseases)
    people = read_parquet(results.people, ["patient"])["patient"].sort_values(ignore_index=True)
    stated = {
        patient: diseases.names(names)
        for patient, names in _stated(people, results.clinical, settings).items()
    }
    of_table = set(table["gene"])
    wanted = of_table | set(assertions["gene"])

    # Germline.
    store = open_store(results.bfile)
    qc = read_parquet(results.sample_qc, ["patient", "verdict", "in_statistics"])
    sound = set(qc.loc[(qc["verdict"] != "fail").to_numpy(bool), "patient"]) & set(people)
    usable = store.people["iid"].isin(sound).to_numpy(bool)
    effects = read_parquet(results.annotation, ANNOTATION_COLUMNS)
    classes = (
        None
        if results.classification is None
        else read_parquet(results.classification, ["variant_id", "gene", "class"])
    )
    carriers = find_carriers(store, gene_variants(effects, wanted, store.n_people, classes), usable)
    genes = read_parquet(results.genes)
    modes = genes[["gene", "inheritance"]].dropna()
    inheritance = dict(zip(modes["gene"], modes["inheritance"], strict=True))

    # Tumours.
    somatic = None if results.somatic is None else read_parquet(results.somatic)
    tumours = None if results.tumours is None else read_parquet(results.tumours)
    found = [germline_findings(carriers, inheritance)]
    if somatic is not None:
        found.append(tumour_findings(somatic[somatic["patient"].isin(people)], hotspots))
    if tumours is not None:
        found.append(burden_findings(tumours[tumours["patient"].isin(people)]))
    if settings.alterations is not None:
        given = read_alterations(settings.alterations)
        found.append(given[given["patient"].isin(people)])
    findings = pd.concat(found, ignore_index=True)

    # Subtypes and associations.
    calls = read_parquet(results.assignments)
    calls = calls[calls["patient"].isin(people).to_numpy(bool)]
    assessed = bool((effects["consequence_status"] == "assessed").any())
    of_tumour = tumour_variant_links(findings[findings["gene"].isin(of_table).to_numpy(bool)])
    enrichment = subtype_enrichment(
        _carriers_of_any(carriers, findings),
        _counted(calls, qc, sound, tumours),
        sorted(of_table) if assessed or len(of_tumour) else [],
    )
    by_subtype, subtypes = subtype_links(calls, enrichment)
    links = pd.concat(
        [
            carried_variant_links(
                carriers[carriers["gene"].isin(of_table).to_numpy(bool)],
                inheritance,
                {} if results.compound is None else _phases(results.compound),
            ),
            of_tumour,
            by_subtype,
            association_links(read_parquet(results.loci), carriers, store, usable, of_table, credible),
        ],
        ignore_index=True,
    )

    # Evidence.
    sha256 = None if results.targets is None else sha256_file(results.targets)
    evidence = pd.concat(
        [
            table_evidence(table, links, diseases, stated, sha256),
            assertion_evidence(match_evidence(findings, assertions, diseases, stated), sources),
            druggable_evidence(findings, store_of_knowledge, sources),
            gene_evidence(findings, genes, sources),
        ],
        ignore_index=True,
    )
    ranked = rank(evidence, subtypes, settings.draws, seed, settings.source_weights)
    seen = Seen(
        sources=bool(len(table) or len(assertions)),
        table=results.targets is not None,
        genotyped=frozenset(store.people["iid"][usable]) if assessed else frozenset(),
        with_tumour=frozenset() if tumours is None else frozenset(tumours["patient"]),
        without_gene=_without_gene(somatic),
        with_burden=frozenset(findings.loc[findings["feature"] == "Mutational Burden", "patient"]),
        alterations=settings.alterations is not None,
        hotspots=hotspots is not None,
        stated=frozenset(patient for patient, names in stated.items() if names),
        calls=calls,
    )
    patients = patient_table(people, ranked, findings, seen)
    folder = Path(out)
    write_parquet(ranked.targets, folder / "targets.parquet")
    write_parquet(ranked.evidence, folder / "evidence.parquet")
    write_parquet(patients, folder / "patients.parquet")
    write_json(
        folder / "summary.json",
        summary(
            patients, ranked, assertions, sources,
            {"rows": len(table), "sha256": sha256} if results.targets is not None else None,
            {"draws": settings.draws, "seed": seed, "source_weights": dict(settings.source_weights)},
        ),
    )  # fmt: skip


def _sources(knowledge: str | Path | None) -> dict[str, Mapping[str, Any]]:
    """Sources of the store that this stage reads, by name."""
    if knowledge is None:
        return {}
    entries = read_json(knowledge)["sources"]
    return {name: entry for name, entry in entries.items() if entry.get("kind") in SOURCE_KINDS}


def _stated(people: pd.Series, clinical: str | Path | None, settings: Settings) -> dict[str, list[str]]:
    """Patient -> what the disease is called: by the clinical column where it is filled, else the setting."""
    stated = {patient: list(settings.disease) for patient in people}
    if settings.disease_column is None:
        return stated
    table = None if clinical is None else read_parquet(clinical)
    if table is None or settings.disease_column not in table:
        names = "" if table is None else ", ".join(map(str, table.columns))
        there = "no clinical table" if table is None else f"the columns {names}"
        raise input_error("targets.disease_column", there, f"a clinical column {settings.disease_column!r}")
    filled = table.dropna(subset=settings.disease_column)
    for patient, value in zip(filled["patient"], filled[settings.disease_column], strict=True):
        if patient in stated:
            stated[patient] = [str(value)]
    return stated


def _phases(compound: str | Path) -> dict[tuple[str, frozenset[str]], str]:
    pairs = read_parquet(compound, ["patient", "variant_1", "variant_2", "phase"])
    rows = pairs.itertuples(index=False, name=None)
    return {(patient, frozenset((a, b))): phase for patient, a, b, phase in rows}


def _carriers_of_any(carriers: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Who carries a change that matters, of the germline or of the tumour: ``patient gene damaging``."""
    tumour = findings[findings["feature"].isin(["Somatic Variant", "Copy Number", "Rearrangement"])]
    return pd.concat(
        [
            carriers[["patient", "gene", "damaging"]],
            tumour[["patient", "gene", "matters"]].rename(columns={"matters": "damaging"}),
        ],
        ignore_index=True,
    )


def _counted(
    calls: pd.DataFrame, qc: pd.DataFrame, sound: set[str], tumours: pd.DataFrame | None
) -> pd.Series:
    """Subtypes of the called patients among whom enrichment is looked for, indexed by patient.

    Those are genotyped and in the statistics; in a cohort of tumours without genotypes, those with a tumour.
    """
    counted = set(qc.loc[qc["in_statistics"].fillna(False).to_numpy(bool), "patient"]) & sound
    if not counted and tumours is not None:
        counted = set(tumours["patient"])
    rows = calls[(calls["call"] == "called").to_numpy(bool) & calls["patient"].isin(counted).to_numpy(bool)]
    return rows.set_index("patient")["subtype"]


def _without_gene(somatic: pd.DataFrame | None) -> dict[str, int]:
    """Patient -> tumour variants of which no gene is known."""
    if somatic is None:
        return {}
    rows = somatic[
        somatic["status"].isin(["somatic", "somatic_or_germline"]) & (somatic["gene"].fillna("") == "")
    ]
    sizes = rows.groupby("patient").size()
    return {str(patient): int(n) for patient, n in zip(sizes.index, np.asarray(sizes), strict=True)}
