"""Which of the cohort's significant loci the patient carries: context for the findings, not a prediction."""

from __future__ import annotations

import math

from endotype.reports.claims import Claim, Confidence, Input, Value, claim_id
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.text import number, p_value, plural, shorten
from endotype.variants.plink import MISSING

FILE = "association/loci.parquet"
_LIMITS = (
    "An association in this cohort, not replicated; the variant tested may only mark the causal one.",
    "The effect is an average over people; it doesn't predict this patient.",
)


def association_section(record: PatientRecord, cohort: Cohort) -> tuple[Row, list[Claim]]:
    """The association chapter and its claims; sets of the user's are of the cohort, not of a patient."""
    if record.dosages is None:
        return _section(
            "not_assessed", "Not assessed: there are no germline genotypes of this person in the run."
        ), []
    loci = [row for row in cohort.loci if row["kind"] != "set" and not _is_withheld(row, record, cohort)]
    if not loci:
        return _section("absent", "No locus reached significance for any trait of this cohort."), []
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
    statement = (
        f"Of {plural(len(loci), 'locus', 'loci')} significant in this cohort, "
        f"the patient carries the effect allele at {len(items)}"
    )
    statement += f"; at {len(no_call)} there is no usable genotype." if no_call else "."
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
        return "not estimated"
    low, high = beta - 1.96 * se, beta + 1.96 * se
    column = dictionary["columns"].get(trait, {})
    ratio = (
        "hazard ratio"
        if trait in dictionary["outcomes"]
        else "odds ratio"
        if column.get("type") == "binary"
        else ""
    )
    if ratio:
        if max(abs(low), abs(high)) > 50:
            return f"{ratio} not estimable"
        middle, lower, upper = (number(math.exp(edge)) for edge in (beta, low, high))
        return f"{ratio} {middle} ({lower} to {upper}) per allele"
    sign = "+" if beta > 0 else ""
    word = "SD" if column.get("transform") else column.get("unit")
    unit = f" {word}" if word else ""
    return f"{sign}{number(beta)}{unit} ({number(low)} to {number(high)}) per allele"


def _claim(item: Row, record: PatientRecord) -> Claim:
    if item["kind"] == "gene":
        what = f"{plural(item['alleles'], 'rare altering allele')} of {item['gene']}"
    else:
        near = f" near {item['gene']}" if item["gene"] else ""
        what = f"{plural(item['alleles'], 'copy', 'copies')} of {shorten(item['effect_allele'] or '')} at "
        what += f"{shorten(item['id'])}{near}"
    return Claim(
        id=claim_id("association", record.patient, f"{item['trait']} {item['kind']} {item['id']}"),
        subject=record.patient,
        type="association",
        text=f"Carries {what}, associated in this cohort with {item['trait']}: {item['effect']}, "
        f"p = {p_value(item['neg_log10_p'])}, n = {item['n']:,}.",
        value=Value(item["alleles"], "copies of the effect allele"),
        confidence=Confidence("likely", item["neg_log10_p"], "−log10 p in this cohort"),
        input=(
            Input(
                FILE,
                f"{item['trait']} {item['kind']} {item['id']}",
                chrom=item["chrom"] if item["kind"] == "variant" else None,
                pos=item["pos"] if item["kind"] == "variant" else None,
            ),
        ),
        limits=_LIMITS,
    )
