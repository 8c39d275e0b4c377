"""What ties a patient to a gene: a variant that is carried, the subtype, or an associated locus.

All three functions return :data:`LINK_COLUMNS`, one row per patient, gene and finding. ``weight``, from 0
to 1, says how much of a source's reliability the link passes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, hypergeom

from endotype.variants.plink import MISSING, GenotypeStore

LINK_COLUMNS = {
    "patient": "str", "gene": "str", "link": "str", "weight": "float64", "effect": "str", "variant_id": "str",
    "detail": "str", "posterior": "float64", "log_odds": "float64", "log_odds_se": "float64",
}  # fmt: skip
"""``effect`` on the gene: ``loss`` or ``unknown``. The last three are there for subtype links alone."""

LINKS = ("carried_variant", "subtype", "association")
MAX_FDR = 0.05
MIN_CARRIERS = 3
"""Carriers among called patients that a gene needs to be tested for enrichment in a subtype."""

PHASE_UNKNOWN = 0.5
"""Weight of two heterozygous variants of a recessive gene, which may lie on one chromosome."""

Phases = Mapping[tuple[str, frozenset[str]], str]
"""(patient, two variants of a gene) -> ``trans``, ``cis`` or ``unknown``; a pair not there is unknown too."""

CARRIER_X = 0.5
"""Weight of one copy of an X-linked gene where there are two."""

NEAREST_GENE = 0.5
"""Weight of the gene nearest to a locus, carried twice: the nearest gene is often not the one that acts."""


def link_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows as a table of :data:`LINK_COLUMNS`; columns that a row lacks are null."""
    table = pd.DataFrame(rows, columns=list(LINK_COLUMNS))
    return table.astype(LINK_COLUMNS)


def carried_variant_links(
    carriers: pd.DataFrame, inheritance: dict[str, str], phases: Phases = MappingProxyType({})
) -> pd.DataFrame:
    """Damaging variants that a patient carries, weighed by zygosity and inheritance.

    A recessive gene (AR) needs a homozygous variant or two heterozygous ones on both of its copies. Several
    on one copy, or one alone, are no link; of unknown phase they count for half.

    Args:
        carriers: of :func:`endotype.targets.carriers.find_carriers`.
        inheritance: of the genes: AD, AR, XL, MT or unknown.
        phases: of pairs of heterozygous variants, as far as known.
    """
    damaging = carriers[carriers["damaging"].to_numpy(bool)]
    damaging = damaging.assign(order=(damaging["impact"] != "HIGH").astype(int))
    damaging = damaging.sort_values(
        ["patient", "gene", "dosage", "order", "variant_id"], ascending=[True, True, False, True, True]
    )
    rows: list[dict[str, object]] = []
    for (patient, gene), group in damaging.groupby(["patient", "gene"], sort=True):
        mode = inheritance.get(str(gene), "unknown")
        first = group.iloc[0]
        phase = _phase(str(patient), group["variant_id"].tolist(), phases)
        weight, zygosity = _zygosity(int(first["dosage"]), len(group), mode, phase)
        if weight == 0:
            continue
        more = (
            ""
            if len(group) == 1
            else f" and {len(group) - 1} more ({', '.join(group['variant_id'].iloc[1:4])})"
        )
        effect = first["consequence"] if pd.notna(first["consequence"]) else "clinically significant"
        rows.append(
            {
                "patient": patient,
                "gene": gene,
                "link": "carried_variant",
                "weight": weight,
                "effect": "loss" if first["impact"] == "HIGH" else "unknown",
                "variant_id": first["variant_id"],
                "detail": f"Carries {first['variant_id']} ({effect}){more}, {zygosity}; inheritance {mode}.",
            }
        )
    return link_table(rows)


def _phase(patient: str, variants: list[str], phases: Phases) -> str:
    """``trans`` when two of the variants are, ``cis`` when all are known to be together, else ``unknown``."""
    known = {phases.get((patient, frozenset(pair)), "unknown") for pair in combinations(variants, 2)}
    return "trans" if "trans" in known else "cis" if known == {"cis"} else "unknown"


def _zygosity(copies: int, n_variants: int, mode: str, phase: str) -> tuple[float, str]:
    """Weight of the link and the word for what is carried; weight 0 is no link."""
    if copies == 2:
        return 1.0, "homozygous or hemizygous"
    if mode == "AR":
        if n_variants < 2 or phase == "cis":
            return 0.0, ""
        if phase == "trans":
            return 1.0, "heterozygous variants on both copies of the gene"
        return PHASE_UNKNOWN, "two heterozygous variants of unknown phase"
    if mode == "XL":
        return CARRIER_X, "heterozygous carrier of an X-linked gene"
    return 1.0, "heterozygous"


def subtype_enrichment(carriers: pd.DataFrame, called: pd.Series, genes: list[str]) -> pd.DataFrame:
    """Genes whose damaging carriers are more frequent in a subtype than among other called patients.

    One-sided Fisher test with mid-p, Benjamini-Hochberg over all genes and subtypes tested. The odds ratio
    has 0.5 added to every cell (Haldane), its standard error is Woolf's. Where carrying such variants was
    itself a feature of the subtypes, the p-value describes them and is no independent evidence for them.

    Args:
        carriers: of :func:`endotype.targets.carriers.find_carriers`.
        called: subtype of each called and genotyped patient, indexed by patient.
        genes: genes to test.

    Returns:
        Columns ``gene subtype n_carriers n_members other_carriers n_others odds_ratio log_odds_se p fdr``.
    """
    names = [
        "gene",
        "subtype",
        "n_carriers",
        "n_members",
        "other_carriers",
        "n_others",
        "odds_ratio",
        "log_odds_se",
        "p",
    ]
    damaging = carriers[carriers["damaging"].to_numpy(bool)]
    rows: list[tuple[object, ...]] = []
    for gene in genes:
        carries = called.index.isin(damaging.loc[damaging["gene"] == gene, "patient"])
        if carries.sum() < MIN_CARRIERS:
            continue
        for subtype in sorted(called.unique()):
            member = (called == subtype).to_numpy(bool)
            a, b = int((carries & member).sum()), int((~carries & member).sum())
            c, d = int((carries & ~member).sum()), int((~carries & ~member).sum())
            law = hypergeom(len(called), int(carries.sum()), int(member.sum()))
            p = float(law.sf(a) + 0.5 * law.pmf(a))
            odds_ratio = (a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5))
            se = float(sum(1 / (cell + 0.5) for cell in (a, b, c, d)) ** 0.5)
            rows.append((gene, subtype, a, a + b, c, c + d, odds_ratio, se, min(p, 1.0)))
    table = pd.DataFrame(rows, columns=names)
    table["fdr"] = false_discovery_control(table["p"].to_numpy(float)) if len(table) else np.empty(0)
    return table


def subtype_links(assignments: pd.DataFrame, enrichment: pd.DataFrame) -> pd.DataFrame:
    """Genes enriched in the subtype a patient was called to; weight = posterior x (1 - 1 / odds ratio)."""
    found = enrichment[(enrichment["fdr"] < MAX_FDR) & (enrichment["odds_ratio"] > 1)]
    called = assignments[(assignments["call"] == "called").to_numpy(bool)]
    rows: list[dict[str, object]] = []
    for row in called[["patient", "subtype", "posterior"]].merge(found, on="subtype").to_dict("records"):
        ratio, posterior = row["odds_ratio"], row["posterior"]
        rows.append(
            {
                "patient": row["patient"],
                "gene": row["gene"],
                "link": "subtype",
                "weight": posterior * (1 - 1 / ratio),
                "effect": "unknown",
                "detail": f"{row['n_carriers']} of {row['n_members']} members of {row['subtype']} carry a "
                f"damaging variant of {row['gene']}, {row['other_carriers']} of {row['n_others']} others do "
                f"(odds ratio {ratio:.1f}, false discovery rate {row['fdr']:.2g}); posterior "
                f"{_probability(posterior)}.",
                "posterior": posterior,
                "log_odds": float(np.log(ratio)),
                "log_odds_se": row["log_odds_se"],
            }
        )
    return link_table(rows)


def _probability(p: float) -> str:
    return "over 0.99" if p > 0.99 else f"{p:.2f}"


def association_links(
    loci: pd.DataFrame, carriers: pd.DataFrame, store: GenotypeStore, usable: np.ndarray, genes: set[str]
) -> pd.DataFrame:
    """Significant loci whose allele the patient carries.

    A gene-burden locus counts for carriers of any rare damaging or protein-changing variant of the gene,
    with weight 1; a variant locus for its nearest gene, with :data:`NEAREST_GENE` x copies of the effect
    allele / 2.

    Args:
        loci: ``association/loci.parquet``.
        carriers: of :func:`endotype.targets.carriers.find_carriers`.
        store, usable: genotypes, and whose may be used.
        genes: genes that have targets.
    """
    rows: list[dict[str, object]] = []
    row_of = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    people = store.people["iid"].to_numpy()
    first = carriers.sort_values(["patient", "variant_id"]).drop_duplicates(["patient", "gene"])
    for locus in loci[loci["gene"].isin(genes).to_numpy(bool)].to_dict("records"):
        gene, trait = locus["gene"], f"{locus['trait']} (−log10 p {locus['neg_log10_p']:.1f})"
        if locus["kind"] == "gene":
            for carrier in first[first["gene"] == gene].to_dict("records"):
                variant = carrier["variant_id"]
                detail = f"Carries {variant}; rare variants of {gene} are associated with {trait}."
                rows.append(_association(carrier["patient"], gene, 1.0, "loss", variant, detail))
            continue
        if locus["id"] not in row_of.index:
            continue
        row = int(row_of[locus["id"]])
        dosage = store.dosages(np.array([row]))[0].astype(int)
        if locus["effect_allele"] == store.variants["ref"].iloc[row]:
            dosage = np.where(dosage == MISSING, MISSING, 2 - dosage)
        for person in np.flatnonzero((dosage > 0) & usable):
            copies = int(dosage[person])
            detail = (
                f"Carries {copies} of 2 copies of {locus['effect_allele']} at {locus['id']}, "
                f"associated with {trait}; {gene} is the nearest gene."
            )
            weight = NEAREST_GENE * copies / 2
            rows.append(_association(people[person], gene, weight, "unknown", locus["id"], detail))
    return link_table(rows)


def _association(
    patient: str, gene: str, weight: float, effect: str, variant_id: str, detail: str
) -> dict[str, object]:
    return {
        "patient": patient,
        "gene": gene,
        "link": "association",
        "weight": weight,
        "effect": effect,
        "variant_id": variant_id,
        "detail": detail,
    }
