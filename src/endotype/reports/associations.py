"""Which of the cohort's significant loci the patient carries: context for the findings, not a prediction."""

from __future__ import annotations

import math

from endotype.reports.claims import Claim, Confidence, Input, Value, claim_id
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, ngettext
from endotype.reports.text import number, p_value, shorten
from endotype.variants.plink import MISSING

FILE = "association/loci.parquet"
_LIMITS = (
    N_("An association in this cohort, not replicated; the variant tested may only mark the causal one."),
    N_("The effect is an average over people; it doesn't predict this patient."),
)


def association_section(record: PatientRecord, cohort: Cohort) -> tuple[Row, list[Claim]]:
    """The association chapter and its claims; sets of the user's are of the cohort, not of a patient."""
    if record.dosages is None:
        statement = _("Not assessed: there are no germline genotypes of this person in the run.")
        return _section("not_assessed", statement), []
    loci = [row for row in cohort.loci if row["kind"] != "set" and not _is_withheld(row, record, cohort)]
    if not loci:
        return _section("absent", _("No locus reached significance for any trait of this cohort.")), []
    items, claims, no_call = [], [], []
    for locus in loci:
        alleles = _alleles_carried(locus, record, cohort)
        if alleles is None:
            no_call.append({"trait": locus["trait"], "id": locus["id"]})
        elif alleles > 0:
            item = _item(locus, alleles, cohort)
            claim = _claim(item, record)
            claims.append(claim)
            items.append({"claim": claim.id, **item})
    counts = {"carried": len(items), "unknown": len(no_call)}
    statement = ngettext(
        "Of {n:,} locus significant in this cohort, the patient carries the effect allele at {carried}.",
        "Of {n:,} loci significant in this cohort, the patient carries the effect allele at {carried}.",
        len(loci),
        **counts,
    )
    if no_call:
        statement = ngettext(
            "Of {n:,} locus significant in this cohort, the patient carries the effect allele at {carried}; "
            "at {unknown} there is no usable genotype.",
            "Of {n:,} loci significant in this cohort, the patient carries the effect allele at {carried}; "
            "at {unknown} there is no usable genotype.",
            len(loci),
            **counts,
        )
    section = _section("present" if items else "absent", statement) | {"items": items, "no_call": no_call}
    section["n_loci"] = len(loci)
    return section, claims


def _is_withheld(locus: Row, record: PatientRecord, cohort: Cohort) -> bool:
    """Whether carrying the locus could say something that the patient didn't agree to."""
    if locus["id"] in record.withheld:
        return True
    listed = record.withholds and locus["kind"] == "gene"
    return listed and cohort.secondary_rule(locus["gene"], None) is not None


def _section(status: str, statement: str) -> Row:
    return {"status": status, "statement": statement, "items": [], "no_call": [], "n_loci": 0}


def _alleles_carried(locus: Row, record: PatientRecord, cohort: Cohort) -> int | None:
    """Effect alleles of a lead variant, or counted alleles of a gene; ``None`` where no genotype was read."""
    assert record.dosages is not None
    if locus["kind"] == "gene":
        dosages = record.dosages[cohort.gene_variants.get((locus["gene"], locus["mask"]), [])]
        called = dosages[dosages != MISSING]
        return int(called.sum()) if called.size else None
    position = cohort.variant_position.get(locus["id"])
    if position is None or record.dosages[position] == MISSING:
        return None
    dosage = int(record.dosages[position])
    return dosage if locus["effect_allele"] == cohort.variant_rows[position]["alt"] else 2 - dosage


def _item(locus: Row, alleles: int, cohort: Cohort) -> Row:
    names = [
        "trait",
        "kind",
        "id",
        "gene",
        "chrom",
        "pos",
        "effect_allele",
        "eaf",
        "beta",
        "se",
        "neg_log10_p",
        "n",
    ]
    return {name: locus[name] for name in names} | {
        "alleles": alleles,
        "effect": effect_text(locus["trait"], locus["beta"], locus["se"], cohort.dictionary),
    }


def effect_text(trait: str, beta: float | None, se: float | None, dictionary: Row) -> str:
    """An effect per allele with its 95 % interval, on the scale of the trait.

    Numbers: difference in the trait's unit, or in standard deviations after a transformation. Binary: odds
    ratio. Time to event: hazard ratio.
    """
    if beta is None or se is None:
        return _("not estimated")
    low, high = beta - 1.96 * se, beta + 1.96 * se
    column = dictionary["columns"].get(trait, {})
    ratio = ""
    if trait in dictionary["outcomes"]:
        ratio = _("hazard ratio")
    elif column.get("type") == "binary":
        ratio = _("odds ratio")
    if ratio and max(abs(low), abs(high)) > 50:
        return _("{ratio} not estimable", ratio=ratio)
    if ratio:
        middle, lower, upper = (number(math.exp(edge)) for edge in (beta, low, high))
        said = f"{ratio} {middle}"
    else:
        lower, upper = number(low), number(high)
        unit = _("SD") if column.get("transform") else column.get("unit")
        said = f"{'+' if beta > 0 else ''}{number(beta)} {unit or ''}".rstrip()
    return _("{effect} ({low} to {high}) per allele", effect=said, low=lower, high=upper)


def _claim(item: Row, record: PatientRecord) -> Claim:
    n, gene = item["alleles"], item["gene"]
    place = {"allele": shorten(item["effect_allele"] or ""), "locus": shorten(item["id"]), "gene": gene}
    if item["kind"] == "gene":
        what = ngettext(
            "{n:,} rare altering allele of {gene}", "{n:,} rare altering alleles of {gene}", n, **place
        )
    elif gene:
        what = ngettext(
            "{n:,} copy of {allele} at {locus} near {gene}",
            "{n:,} copies of {allele} at {locus} near {gene}",
            n,
            **place,
        )
    else:
        what = ngettext(
            "{n:,} copy of {allele} at {locus}", "{n:,} copies of {allele} at {locus}", n, **place
        )
    return Claim(
        id=claim_id("association", record.patient, f"{item['trait']} {item['kind']} {item['id']}"),
        subject=record.patient,
        type="association",
        text=_(
            "Carries {what}, associated in this cohort with {trait}: {effect}, p = {p}, n = {n:,}.",
            what=what,
            trait=item["trait"],
            effect=item["effect"],
            p=p_value(item["neg_log10_p"]),
            n=item["n"],
        ),
        value=Value(item["alleles"], "copies of the effect allele"),
        confidence=Confidence("likely", item["neg_log10_p"], N_("−log10 p in this cohort")),
        input=(
            Input(
                FILE,
                f"{item['trait']} {item['kind']} {item['id']}",
                chrom=item["chrom"] if item["kind"] == "variant" else None,
                pos=item["pos"] if item["kind"] == "variant" else None,
            ),
        ),
        limits=tuple(map(_, _LIMITS)),
    )
