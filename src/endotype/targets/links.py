"""What ties a patient to a gene: a variant of the tumour or carried, the subtype, an associated locus.

All functions return :data:`LINK_COLUMNS`, one row per patient, gene and finding. ``weight``, from 0
to 1, says how much of a source's reliability the link passes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, hypergeom

from endotype.message import N_
from endotype.targets.findings import COPY_NUMBER, FUSION, SOMATIC
from endotype.targets.match import CLONAL, NO_FRACTION, UNKNOWN_EFFECT
from endotype.variants.plink import MISSING, GenotypeStore

LINK_COLUMNS = {
    "patient": "str", "gene": "str", "link": "str", "weight": "float64", "effect": "str", "variant_id": "str",
    "alteration": "str", "detail": "str", "fraction": "float64", "fraction_count": "float64",
    "fraction_gain": "float64", "input_file": "str", "input_line": "Int64",
}  # fmt: skip
"""``effect`` on the gene: ``loss``, ``gain`` or ``unknown``. ``fraction``: a share that the weight is to be
multiplied by, of ``fraction_count`` observations, times ``fraction_gain`` and cut at 1; null for none."""

LINKS = ("tumour_variant", "carried_variant", "subtype", "association")
MAX_FDR = 0.05
MIN_CARRIERS = 3
"""Carriers among called patients that a gene needs to be tested for enrichment in a subtype."""

PHASE_UNKNOWN = 0.5
"""Weight of two heterozygous variants of a recessive gene, which may lie on one chromosome."""

Phases = Mapping[tuple[str, frozenset[str]], str]
"""(patient, two variants of a gene) -> ``trans``, ``cis`` or ``unknown``; a pair not there is unknown too."""

CARRIER_X = 0.5
"""Weight of one copy of an X-linked gene where there are two."""

CREDIBLE_COUNT = 20.0
"""Observations that a posterior inclusion probability is taken to rest on."""

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
                "detail": N_("Carries {variants}, {zygosity}; inheritance {mode}.").format(
                    variants=f"{first['variant_id']} ({effect}){more}", zygosity=zygosity, mode=mode
                ),
            }
        )
    return link_table(rows)


def tumour_variant_links(findings: pd.DataFrame) -> pd.DataFrame:
    """Variants, copy numbers and fusions of tumours, one link each.

    A change whose effect isn't known counts for half; a variant by the share of the tumour's cells that carry
    it, which is taken as twice its allele fraction.

    Args:
        findings: of :mod:`endotype.targets.findings`.
    """
    rows = findings[findings["feature"].isin([SOMATIC, COPY_NUMBER, FUSION]).to_numpy(bool)]
    fraction = rows["fraction"].to_numpy(float)
    unknown = (rows["feature"] == SOMATIC).to_numpy(bool) & ~np.isfinite(fraction)
    weight = rows["weight"].to_numpy(float) * np.where(rows["matters"].to_numpy(bool), 1.0, UNKNOWN_EFFECT)
    table = rows[
        ["patient", "gene", "effect", "detail", "fraction", "fraction_count", "input_file", "input_line"]
    ].assign(
        link="tumour_variant",
        weight=weight * np.where(unknown, NO_FRACTION, 1.0),
        alteration=rows["alteration"].where(rows["alteration"] != "", rows["alteration_type"]),
        variant_id=rows["variant_id"].where(rows["variant_id"] != ""),
        fraction_gain=CLONAL,
    )
    return table[list(LINK_COLUMNS)].astype(LINK_COLUMNS).reset_index(drop=True)


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


@dataclass(frozen=True)
class Subtypes:
    """What subtype links rest on.

    Attributes:
        posterior: of called patients, indexed by patient, one column a subtype.
        gains: gene -> (subtype, log odds ratio, its error) of each subtype that the gene is enriched in.
    """

    posterior: pd.DataFrame
    gains: Mapping[str, tuple[tuple[str, float, float], ...]]

    def weights(self, gene: str) -> pd.Series:
        """Of each patient the sum over the gene's subtypes of posterior x (1 - 1 / odds ratio)."""
        weights = pd.Series(0.0, index=self.posterior.index)
        for name, odds, _ in self.gains[gene]:
            if name in self.posterior:
                weights += self.posterior[name] * -np.expm1(-odds)
        return weights


def subtype_links(assignments: pd.DataFrame, enrichment: pd.DataFrame) -> tuple[pd.DataFrame, Subtypes]:
    """Genes enriched in the subtype a patient was called to; patients without a call get none.

    The weight is the sum, over all subtypes that the gene is enriched in, of posterior x (1 - 1 / odds
    ratio). Without columns ``p_{subtype}`` the rest of the posterior is that of no subtype.

    Returns:
        The links, of weight 1, and what the weight is made of.
    """
    found = enrichment[(enrichment["fdr"] < MAX_FDR) & (enrichment["odds_ratio"] > 1)]
    called = assignments[(assignments["call"] == "called").to_numpy(bool)]
    gains: dict[str, tuple[tuple[str, float, float], ...]] = {}
    for row in found.sort_values(["gene", "subtype"]).to_dict("records"):
        gains[row["gene"]] = (
            *gains.get(row["gene"], ()),
            (row["subtype"], float(np.log(row["odds_ratio"])), float(row["log_odds_se"])),
        )
    subtypes = Subtypes(_posterior(called), gains)
    rows: list[dict[str, object]] = []
    for row in called[["patient", "subtype", "posterior"]].merge(found, on="subtype").to_dict("records"):
        rows.append(
            {
                "patient": row["patient"],
                "gene": row["gene"],
                "link": "subtype",
                "weight": 1.0,
                "effect": "unknown",
                "detail": N_(
                    "{n_carriers} of {n_members} members of {subtype} carry a damaging variant of {gene}, "
                    "{other_carriers} of {n_others} others do (odds ratio {odds_ratio:.1f}, false discovery "
                    "rate {fdr:.2g}); posterior {probability}."
                ).format(
                    n_carriers=row["n_carriers"],
                    n_members=row["n_members"],
                    subtype=row["subtype"],
                    gene=row["gene"],
                    other_carriers=row["other_carriers"],
                    n_others=row["n_others"],
                    odds_ratio=row["odds_ratio"],
                    fdr=row["fdr"],
                    probability=_probability(row["posterior"]),
                ),
            }
        )
    return link_table(rows), subtypes


def _posterior(called: pd.DataFrame) -> pd.DataFrame:
    """Posteriors of all subtypes; where only that of the call is known, of the call and of the rest."""
    names = [name for name in called.columns if name.startswith("p_")]
    if names:
        table = called.set_index("patient")[names]
        return table.rename(columns=lambda name: name.removeprefix("p_"))
    subtypes = sorted(called["subtype"].unique())
    values = called["posterior"].to_numpy(float)[:, None]
    table = pd.DataFrame(
        np.where(called["subtype"].to_numpy(object)[:, None] == np.array(subtypes, object), values, 0.0),
        index=called["patient"],
        columns=subtypes,
    )
    return table.assign(**{"": 1 - table.sum(axis=1)})


def _probability(p: float) -> str:
    return N_("over 0.99") if p > 0.99 else f"{p:.2f}"


def association_links(
    loci: pd.DataFrame,
    carriers: pd.DataFrame,
    store: GenotypeStore,
    usable: np.ndarray,
    genes: set[str],
    credible: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Significant loci whose allele the patient carries.

    A gene-burden locus counts for carriers of any rare damaging or protein-changing variant of the gene,
    with weight 1; a variant locus for its nearest gene, with :data:`NEAREST_GENE` x copies of the effect
    allele / 2. Where a credible set of the trait holds the locus' lead variant, the set stands for the
    locus: for each of its genes, sum over its variants of probability x copies / 2.

    Args:
        loci: ``association/loci.parquet``.
        carriers: of :func:`endotype.targets.carriers.find_carriers`.
        store, usable: genotypes, and whose may be used.
        genes: genes that have targets.
        credible: of :func:`endotype.targets.credible.read_credible_sets`.
    """
    rows: list[dict[str, object]] = []
    row_of = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    people = store.people["iid"].to_numpy()
    first = carriers.sort_values(["patient", "variant_id"]).drop_duplicates(["patient", "gene"])
    sets = _sets_of_leads(credible, loci)
    for locus in loci.to_dict("records"):
        trait = f"{locus['trait']} (−log10 p {locus['neg_log10_p']:.1f})"
        members = sets.get((locus["trait"], locus["id"]))
        if members is not None:
            rows += _credible_rows(members[members["gene"].isin(genes)], trait, row_of, store, usable, people)
            continue
        gene = locus["gene"]
        if gene not in genes:
            continue
        if locus["kind"] == "gene":
            for carrier in first[first["gene"] == gene].to_dict("records"):
                variant = carrier["variant_id"]
                detail = N_("Carries {variant}; rare variants of {gene} are associated with {trait}.").format(
                    variant=variant, gene=gene, trait=trait
                )
                rows.append(_association(carrier["patient"], gene, 1.0, "loss", variant, detail))
            continue
        if locus["id"] not in row_of.index:
            continue
        dosage = _copies(store, int(row_of[locus["id"]]), locus["effect_allele"])
        for person in np.flatnonzero((dosage > 0) & usable):
            copies = int(dosage[person])
            detail = N_(
                "Carries {copies} of 2 copies of {allele} at {locus}, associated with {trait}; {gene} is the "
                "nearest gene."
            ).format(copies=copies, allele=locus["effect_allele"], locus=locus["id"], trait=trait, gene=gene)
            weight = NEAREST_GENE * copies / 2
            rows.append(_association(people[person], gene, weight, "unknown", locus["id"], detail))
    return link_table(rows)


def _sets_of_leads(credible: pd.DataFrame | None, loci: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """(trait, lead variant) -> the credible set that holds it."""
    if credible is None:
        return {}
    leads = set(zip(loci["trait"], loci["id"], strict=True))
    sets = {}
    for _, members in credible.groupby(["trait", "set"], sort=True):
        for key in zip(members["trait"], members["variant_id"], strict=True):
            if key in leads:
                sets[key] = members
    return sets


def _copies(store: GenotypeStore, row: int, effect_allele: str) -> np.ndarray:
    dosage = store.dosages(np.array([row]))[0].astype(int)
    if effect_allele == store.variants["ref"].iloc[row]:
        dosage = np.where(dosage == MISSING, MISSING, 2 - dosage)
    return dosage


def _credible_rows(
    members: pd.DataFrame,
    trait: str,
    row_of: pd.Series,
    store: GenotypeStore,
    usable: np.ndarray,
    people: np.ndarray,
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for gene, variants in members.groupby("gene", sort=True):
        there = variants[variants["variant_id"].isin(row_of.index)]
        share = np.zeros(len(people))
        for variant, allele, pip in zip(
            there["variant_id"], there["effect_allele"], there["pip"], strict=True
        ):
            copies = _copies(store, int(row_of[variant]), allele)
            share += pip * np.where(copies > 0, copies, 0) / 2
        if there.empty:
            continue
        lead = there.sort_values(["pip", "variant_id"], ascending=[False, True])["variant_id"].iloc[0]
        for person in np.flatnonzero((share > 0) & usable):
            detail = N_(
                "Carries alleles of the credible set of {trait}; their summed probability for {gene}, by "
                "copies, is {share:.2f}."
            ).format(trait=trait, gene=gene, share=share[person])
            link = _association(people[person], str(gene), 1.0, "unknown", lead, detail)
            fraction = {"fraction": min(float(share[person]), 1.0), "fraction_count": CREDIBLE_COUNT}
            rows.append(link | fraction | {"fraction_gain": 1.0})
    return rows


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
