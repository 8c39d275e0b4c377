"""Whether what a patient has of a gene fits the way the gene's disease is inherited.

The question is of genotypes and parents alone: whether the patient is ill isn't asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

COLUMNS = ["patient", "gene", "gene_id", "model", "consistent", "sentence", "variants"]


@dataclass(frozen=True)
class Carried:
    """A candidate of a patient.

    Attributes:
        variant_id: of the candidate.
        zygosity, origin: as in ``inheritance.parquet``; an empty zygosity is not known.
        in_healthy_parent: copies in that parent recorded as unaffected who has most of them, as the store
            has it: 2 is no copy without the allele.
    """

    variant_id: str
    zygosity: str
    origin: str
    in_healthy_parent: int = 0


@dataclass(frozen=True)
class Fit:
    """One model and whether it is fulfilled: true, false, or ``None`` where that can't be told."""

    model: str
    consistent: bool | None
    sentence: str
    variants: tuple[str, ...]


def fits(mode: str, carried: list[Carried], pairs: list[tuple[str, str, str]]) -> list[Fit]:
    """Every model that the variants of one patient in one gene speak to.

    Args:
        mode: the gene's mode of inheritance, ``AD`` ``AR`` ``XL`` ``MT`` ``unknown``.
        carried: the candidates.
        pairs: (variant, variant, phase) of the heterozygous ones.
    """
    models = {"AD": _dominant, "AR": _recessive, "XL": _x_linked, "MT": _mitochondrial}.get(mode, _unknown)
    found = list(models(carried, pairs))
    told = {variant for fit in found for variant in fit.variants}
    for c in carried:
        if c.variant_id not in told:
            zygosity = c.zygosity or "zygosity unknown"
            sentence = f"One variant ({zygosity}), which the mode {mode} of the gene says nothing about."
            found.append(Fit(f"{mode} {zygosity}", None, sentence, (c.variant_id,)))
    return found


def _of(carried: list[Carried], zygosity: str) -> list[Carried]:
    return [c for c in carried if c.zygosity == zygosity]


_BUT_PARENT = ", but a parent recorded as unaffected has "


def _dominant(carried: list[Carried], _: list[tuple[str, str, str]]) -> Iterator[Fit]:
    for c in carried:
        ids = (c.variant_id,)
        if c.origin == "de_novo":
            sentence = "One new variant that neither parent has, as dominant disease can arise."
            yield Fit("AD de novo", True, sentence, ids)
        elif c.zygosity in ("heterozygous", "homozygous"):
            healthy = f"{_BUT_PARENT}it too" if c.in_healthy_parent else ""
            sentence = f"One {c.zygosity} variant, where dominant disease needs one copy{healthy}."
            yield Fit(f"AD {c.zygosity}", not healthy, sentence, ids)


def _no_intact_copy(carried: Carried, model: str, place: str) -> Fit:
    healthy = f"{_BUT_PARENT}no copy without it" if carried.in_healthy_parent == 2 else ""
    sentence = f"One variant on {place} disease needs{healthy}."
    return Fit(model, not healthy, sentence, (carried.variant_id,))


def _recessive(carried: list[Carried], pairs: list[tuple[str, str, str]]) -> Iterator[Fit]:
    for c in _of(carried, "homozygous"):
        yield _no_intact_copy(c, "AR homozygous", "both copies, as recessive")
    outcomes = {
        "trans": (True, "Two heterozygous variants, one on each copy, as recessive disease needs."),
        "cis": (False, "Two heterozygous variants on the same copy, so the other copy is intact."),
        "unknown": (None, "Two heterozygous variants, phase unknown: perhaps an intact copy is left."),
    }
    for first, second, phase in pairs:
        consistent, sentence = outcomes[phase]
        label = "phase unknown" if phase == "unknown" else phase
        yield Fit(f"AR compound ({label})", consistent, sentence, (first, second))
    if len(het := _of(carried, "heterozygous")) == 1 and not _of(carried, "homozygous"):
        sentence = "One heterozygous variant and no second one was found, where recessive disease needs two."
        yield Fit("AR heterozygous", False, sentence, (het[0].variant_id,))


def _x_linked(carried: list[Carried], _: list[tuple[str, str, str]]) -> Iterator[Fit]:
    for c in carried:
        ids = (c.variant_id,)
        if c.zygosity == "hemizygous":
            yield _no_intact_copy(c, "XL hemizygous", "the only copy, as X-linked")
        elif c.zygosity == "homozygous":
            yield _no_intact_copy(c, "XL homozygous", "both copies, as X-linked")
        elif c.zygosity == "heterozygous":
            sentence = "One heterozygous variant: whether a carrier falls ill depends on the disease."
            yield Fit("XL heterozygous", None, sentence, ids)
        if c.origin == "de_novo":
            yield Fit("XL de novo", True, "One new variant, as X-linked disease can arise.", ids)


def _mitochondrial(carried: list[Carried], _: list[tuple[str, str, str]]) -> Iterator[Fit]:
    sentence = "One mitochondrial variant; what share of the mitochondria has it was not assessed."
    for c in _of(carried, "hemizygous"):
        yield Fit("MT", True, sentence, (c.variant_id,))


def _unknown(carried: list[Carried], pairs: list[tuple[str, str, str]]) -> Iterator[Fit]:
    open_question = "; how the gene's disease is inherited is not known."
    for c in carried:
        ids = (c.variant_id,)
        if c.origin == "de_novo":
            yield Fit("unknown de novo", None, f"One new variant that neither parent has{open_question}", ids)
        elif c.zygosity:
            yield Fit(f"unknown {c.zygosity}", None, f"One {c.zygosity} variant{open_question}", ids)
    for first, second, phase in pairs:
        place = {"trans": "one on each copy", "cis": "on the same copy"}.get(phase, "phase unknown")
        label = "phase unknown" if phase == "unknown" else phase
        sentence = f"Two heterozygous variants, {place}{open_question}"
        yield Fit(f"unknown compound ({label})", None, sentence, (first, second))


def fit_table(rows: pd.DataFrame, compound: pd.DataFrame, modes: dict[tuple[str, str], str]) -> pd.DataFrame:
    """``fit.parquet``: one row per patient, gene and model.

    Args:
        rows: ``patient gene gene_id variant_id zygosity origin in_healthy_parent`` of all candidates.
        compound: ``compound.parquet``.
        modes: (gene, gene id, empty without one) -> mode of inheritance.
    """
    key = ["patient", "gene", "gene_id"]
    pairs: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {}
    chosen = compound[[*key, "variant_1", "variant_2", "phase"]].fillna({"gene_id": ""})
    for patient, gene, gene_id, first, second, phase in chosen.itertuples(index=False):
        pairs.setdefault((patient, gene, gene_id), []).append((first, second, phase))
    found = []
    filled = rows.fillna({"gene_id": "", "zygosity": ""})
    cells = (*key, "variant_id", "zygosity", "origin", "in_healthy_parent")
    carried: dict[tuple[str, str, str], list[Carried]] = {}
    for patient, gene, gene_id, *carrier in zip(*(filled[c].tolist() for c in cells), strict=True):
        carried.setdefault((patient, gene, gene_id), []).append(Carried(*carrier))
    for place, variants in sorted(carried.items()):
        patient, gene, gene_id = place
        mode = modes.get((gene, gene_id)) or modes.get((gene, ""), "unknown")
        found += [
            (patient, gene, gene_id or None, f.model, f.consistent, f.sentence, "|".join(f.variants))
            for f in fits(mode, variants, pairs.get(place, []))
        ]
    frame = pd.DataFrame(found, columns=COLUMNS)
    texts = [c for c in COLUMNS if c != "consistent"]
    return frame.astype(dict.fromkeys(texts, "str") | {"consistent": "boolean"})
