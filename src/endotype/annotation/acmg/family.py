"""PS2, PM6, PM3, BP2, PP1, BS4: what patients' parents and relatives say.

Points for de novo variants and for variants in trans as ClinGen SVI gives them (PS2 and PM6, version 1.1;
PM3, version 1.0): 0.5 is supporting, 1 moderate, 2 strong, 4 very strong. Segregation as Jarvik & Browning
2016 (doi:10.1016/j.ajhg.2016.04.003): the chance that a neutral variant follows the disease is a half per
meiosis; at most 1/8 is supporting, 1/16 moderate, 1/32 strong in one family, and twice that in several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from endotype.annotation.acmg.criteria import Finding, met, not_evaluable, not_met
from endotype.message import N_

if TYPE_CHECKING:
    from endotype.annotation.acmg.candidate import Candidate, Context


class Carrier(NamedTuple):
    """A patient with the variant: a row of ``inheritance.parquet``."""

    patient: str
    zygosity: str
    origin: str
    parents: int
    confirmed: bool | None
    affected: bool | None


class Partner(NamedTuple):
    """Another variant of the same patient and gene: a row of ``compound.parquet``.

    ``kind`` is ``pathogenic``, ``likely_pathogenic`` or null: by the clinical source, else by the criteria
    that the other variant meets without any partner (``by_criteria``).
    """

    patient: str
    variant_id: str
    phase: str
    kind: str | None
    by_criteria: bool = False


class Segregation(NamedTuple):
    """How the variant and the disease go together in one family."""

    family: str
    affected_carriers: int
    affected_noncarriers: int
    unaffected_carriers: int
    meioses: int


@dataclass(frozen=True)
class Family:
    """The inheritance tables by variant and gene (symbol, else id); segregation by variant.

    A table that the run does not have is null, and the criteria that need it are not evaluable.
    """

    carriers: Mapping[tuple[str, str], Sequence[Carrier]] | None = None
    partners: Mapping[tuple[str, str], Sequence[Partner]] | None = None
    segregation: Mapping[str, Sequence[Segregation]] | None = None
    affected: frozenset[str] = field(default_factory=frozenset)


_DE_NOVO_POINTS = {
    "specific": (2.0, 1.0),
    "consistent": (1.0, 0.5),
    "heterogeneous": (0.5, 0.25),
}
"""Points of a de novo variant with and without confirmed parents, by how well the phenotype fits the gene."""

_LEVELS = ((4.0, "very_strong"), (2.0, "strong"), (1.0, "moderate"), (0.5, "supporting"))


def _strength(points: float) -> str | None:
    return next((strength for least, strength in _LEVELS if points >= least), None)


def _carriers(v: Candidate, c: Context) -> Sequence[Carrier] | None:
    if c.family is None or c.family.carriers is None:
        return None
    return c.family.carriers.get((v.variant_id, v.gene or v.gene_id or ""), ())


def ps2(v: Candidate, c: Context) -> Finding:
    """De novo in an affected patient, both parents confirmed."""
    return _de_novo("PS2", True, v, c)


def pm6(v: Candidate, c: Context) -> Finding:
    """De novo in an affected patient, the parents assumed; counted with PS2 where that is met."""
    return _de_novo("PM6", False, v, c)


def _de_novo(name: str, confirmed: bool, v: Candidate, c: Context) -> Finding:
    carriers = _carriers(v, c)
    if carriers is None:
        return not_evaluable(name, "The run has no pedigree to trace variants in.")
    if v.facts.inheritance == {"AR"}:
        return not_met(name, "A new variant alone does not explain a recessive disease.")
    both = [x for x in carriers if x.parents >= 2]
    if not both:
        return not_evaluable(name, "No carrier has both parents genotyped.", None, "inheritance")
    new = [x for x in both if x.origin == "de_novo"]
    if not new:
        return not_met(
            name, "The variant is de novo in no carrier.", {"carriers": len(carriers)}, "inheritance"
        )
    ill = [x for x in new if x.affected]
    if not ill:
        if any(x.affected is None for x in new):
            return not_evaluable(name, "Whether the carrier is affected is not known.", None, "inheritance")
        return not_met(name, "The variant is de novo in unaffected carriers only.", None, "inheritance")
    sure = sum(1 for x in ill if x.confirmed)
    assumed = len(ill) - sure
    if confirmed and not sure:
        return not_met(
            name, "The parents of no affected carrier are confirmed.", {"assumed": assumed}, "inheritance"
        )
    if not confirmed and sure:
        return not_met(
            name, "The de novo carriers are counted under PS2.", {"confirmed": sure}, "inheritance"
        )
    with_parents, without = _DE_NOVO_POINTS[c.settings.de_novo_phenotype]
    points = sure * with_parents + assumed * without
    numbers: dict[str, object] = {
        "confirmed": sure, "assumed": assumed, "points": points, "phenotype": c.settings.de_novo_phenotype,
    }  # fmt: skip
    text = f"De novo in {sure} affected patients with confirmed parents and {assumed} with assumed ones"
    if (strength := _strength(points)) is None:
        reason = f"{text}: {points:g} points, 0.5 are needed (phenotype {c.settings.de_novo_phenotype})."
        return not_met(name, reason, numbers, "inheritance")
    reason = N_(
        "De novo in {sure} affected patients with confirmed parents and {assumed} with assumed ones: "
        "{points:g} points (phenotype {phenotype})."
    ).format(sure=sure, assumed=assumed, points=points, phenotype=c.settings.de_novo_phenotype)
    return met(name, strength, reason, numbers, "inheritance")


def _partners(v: Candidate, c: Context) -> Sequence[Partner] | None:
    if c.family is None or c.family.partners is None:
        return None
    return c.family.partners.get((v.variant_id, v.gene or v.gene_id or ""), ())


def pm3(v: Candidate, c: Context) -> Finding:
    """In trans with a (likely) pathogenic allele of a recessive gene, in an affected patient.

    That allele is established by the clinical source, or (likely) pathogenic by its own criteria, PM3 and
    BP2 left out: two variants never lift each other. One patient counts once, by the best of the partners:
    trans 1, phase unknown 0.5 (likely pathogenic 0.25). A homozygous patient counts 0.5, all of them at
    most 1.
    """
    if "AR" not in v.facts.inheritance:
        if v.facts.inheritance:
            return not_met("PM3", f"{v.name} does not cause recessive disease.", None, "genes", v.facts.row)
        return not_evaluable("PM3", f"How disease of {v.name} is inherited is not known here.", None, "genes")
    carriers, partners = _carriers(v, c), _partners(v, c)
    if carriers is None or partners is None:
        return not_evaluable("PM3", "Carriers and compound heterozygotes were not traced.")
    ill = {x.patient for x in carriers if x.affected}
    if not ill:
        if any(x.affected is None for x in carriers) or not carriers:
            return not_evaluable("PM3", "No carrier is known to be affected.", None, "inheritance")
        return not_met("PM3", "No carrier is affected.", {"carriers": len(carriers)}, "inheritance")
    best: dict[str, float] = {}
    for p in partners:
        if p.patient in ill and p.kind:
            worth = {"trans": 1.0, "unknown": 0.25 if p.kind == "likely_pathogenic" else 0.5}.get(
                p.phase, 0.0
            )
            best[p.patient] = max(best.get(p.patient, 0.0), worth)
    homozygous = sum(1 for x in carriers if x.patient in ill and x.zygosity == "homozygous")
    points = sum(best.values()) + min(0.5 * homozygous, 1.0)
    numbers: dict[str, object] = {
        "points": points, "homozygous": homozygous,
        "with_pathogenic_partner": sum(1 for worth in best.values() if worth > 0),
        "partners_by_criteria": sorted(
            {p.variant_id for p in partners if p.by_criteria and p.patient in ill}
        ),
    }  # fmt: skip
    if (strength := _strength(points)) is None:
        reason = "No affected carrier is homozygous or has a (likely) pathogenic allele in trans."
        if points:
            reason = (
                f"Affected carriers with a second pathogenic allele make {points:g} points; 0.5 are needed."
            )
        return not_met("PM3", reason, numbers, "compound")
    reason = N_(
        "Affected carriers with a second pathogenic allele, or homozygous, make {points:g} points."
    ).format(points=points)
    return met("PM3", strength, reason, numbers, "compound")


def bp2(v: Candidate, c: Context) -> Finding:
    """In cis with an established pathogenic allele, which then explains the disease by itself."""
    partners = _partners(v, c)
    if partners is None:
        return not_evaluable("BP2", "Compound heterozygotes were not traced.")
    established = [p for p in partners if p.kind == "pathogenic" and not p.by_criteria]
    cis = [p for p in established if p.phase == "cis"]
    if cis:
        reason = f"The variant is in cis with {cis[0].variant_id}, established as pathogenic."
        numbers: dict[str, object] = {"patients": len({p.patient for p in cis}), "partner": cis[0].variant_id}
        return met("BP2", "supporting", reason, numbers, "compound")
    if any(p.phase == "unknown" for p in established):
        return not_evaluable(
            "BP2", "The phase to an established pathogenic allele is unknown.", None, "compound"
        )
    return not_met("BP2", "The variant is in cis with no established pathogenic allele.", None, "compound")


_PP1 = ((5, 4, "strong"), (4, 3, "moderate"), (3, 2, "supporting"))
"""Meioses needed in one family, and in several together."""


def pp1(v: Candidate, c: Context) -> Finding:
    """Segregates with the disease."""
    families = _families(v, c)
    if isinstance(families, str):
        return not_evaluable("PP1", families)
    numbers = _segregation_numbers(families)
    if numbers["affected_without"]:
        return not_met("PP1", "Affected relatives do not carry the variant.", numbers, "segregation")
    informative = [f for f in families if f.meioses > 0]
    meioses, several = sum(f.meioses for f in informative), len(informative) > 1
    for one, many, strength in _PP1:
        if meioses >= (many if several else one):
            reason = (
                f"The variant follows the disease through {meioses} meioses of {len(informative)} families."
            )
            return met("PP1", strength, reason, numbers, "segregation")
    reason = f"Only {meioses} informative meioses; {2 if several else 3} are needed."
    return not_met("PP1", reason, numbers, "segregation")


def bs4(v: Candidate, c: Context) -> Finding:
    """Affected relatives without the variant: one is supporting (it may be a phenocopy), two are strong."""
    families = _families(v, c)
    if isinstance(families, str):
        return not_evaluable("BS4", families)
    numbers = _segregation_numbers(families)
    without = sum(f.affected_noncarriers for f in families)
    if not without:
        return not_met(
            "BS4", "Every affected relative who was tested carries the variant.", numbers, "segregation"
        )
    reason = f"{without} affected relatives do not carry the variant."
    return met("BS4", "strong" if without > 1 else "supporting", reason, numbers, "segregation")


def _families(v: Candidate, c: Context) -> Sequence[Segregation] | str:
    """Families in which the variant's segregation could be seen, or why there are none."""
    if c.family is None or c.family.segregation is None:
        return "The run has no pedigree with affected relatives."
    families = [
        f
        for f in c.family.segregation.get(v.variant_id, ())
        if f.affected_carriers and f.affected_carriers + f.affected_noncarriers > 1
    ]
    return families or "No family has the variant and at least two affected members who were tested."


def _segregation_numbers(families: Sequence[Segregation]) -> dict[str, object]:
    return {
        "families": len(families),
        "meioses": sum(f.meioses for f in families),
        "affected_with": sum(f.affected_carriers for f in families),
        "affected_without": sum(f.affected_noncarriers for f in families),
        "unaffected_with": sum(f.unaffected_carriers for f in families),
    }
