"""The variants a patient carries that a reader should know of, and why each is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from endotype.annotation.knowledge.vocabulary import review_stars
from endotype.annotation.severity import clinical_words, is_pathogenic
from endotype.cohort.assembly import Region, bare_name, sex_chromosome
from endotype.reports.claims import Claim, Confidence, Evidence, Input, Value, claim_id
from endotype.reports.coverage import seen_sentence
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.interpretation import CLASSIFICATION, PATHOGENIC_CLASSES, class_words
from endotype.reports.text import POINTS, STARS, number, plural, shorten, words
from endotype.variants.plink import MISSING

FILE = "annotation/variants.parquet"
CLINICAL_SOURCE = "clinical_significance"

GROUPS = ("pathogenic", "classified_pathogenic", "predicted_damaging", "other_clinical")
"""Order of findings: (likely) pathogenic by the clinical source; by ACMG/AMP criteria; predicted to break a
gene; rare with another clinical record."""


PATHOGENIC_GROUPS = GROUPS[:2]


def significance_group(significance: str) -> str:
    """``pathogenic``, ``benign``, ``uncertain`` or ``other`` for a clinical significance of ClinVar's."""
    if is_pathogenic(significance):
        return "pathogenic"
    first = clinical_words(significance)[0].casefold()
    if first in ("benign", "likely_benign"):
        return "benign"
    if first.startswith(("uncertain_significance", "conflicting", "not_provided", "no_")):
        return "uncertain"
    return "other"


def zygosity(dosage: int, chrom: str, pos: int, sex: str, par: Sequence[Region]) -> str:
    """How a non-missing call of one or two alternate alleles is read, given chromosome and sex.

    One PLINK dosage can't tell haploid from homozygous; the contig and the sex can.
    """
    kind = sex_chromosome(chrom)
    in_par = any(bare_name(chrom) == r.chrom and r.start <= pos <= r.end for r in par)
    haploid = kind in ("Y", "MT") or (kind == "X" and sex == "male")
    if haploid and not in_par:
        if dosage == 1:
            return "mixed call on a haploid chromosome"
        return "homoplasmic" if kind == "MT" else "hemizygous"
    if dosage == 2 and kind == "X" and sex not in ("male", "female") and not in_par:
        return "homozygous or hemizygous"
    return "heterozygous" if dosage == 1 else "homozygous"


def findings_section(
    record: PatientRecord, cohort: Cohort, aside: Collection[int] = ()
) -> tuple[Row, list[Claim]]:
    """The variants chapter and its claims.

    Args:
        record: the patient.
        cohort: what all patients share.
        aside: positions in ``Cohort.variants`` that belong to the chapter of secondary findings.
    """
    reason = _why_not_assessed(record, cohort)
    if reason:
        return _empty("not_assessed", f"Not assessed: {reason}"), []
    assert record.dosages is not None
    counts: Counter[str] = Counter(benign=0, common=0)
    items: list[Row] = []
    no_call: list[Row] = []
    for position in np.flatnonzero(record.dosages != 0):
        variant = cohort.variant_rows[position]
        group = variant_group(variant, cohort)
        if group is None or position in aside:
            continue
        if record.dosages[position] == MISSING:
            if group in PATHOGENIC_GROUPS:
                no_call.append({"variant_id": variant["variant_id"], "gene": variant["gene"]})
        elif group == "benign":
            counts["benign"] += 1
        elif group not in PATHOGENIC_GROUPS and not _is_rare(variant, cohort):
            counts["common"] += 1
        else:
            items.append(carried_item(variant, int(record.dosages[position]), group, record, cohort))
    note_inheritance(items, record)
    items.sort(key=lambda item: GROUPS.index(item["group"]))
    claims = [variant_claim(item, record, cohort) for item in items]
    for item, claim in zip(items, claims, strict=True):
        item["claim"] = claim.id
    n_reportable = sum(item["group"] != "other_clinical" for item in items)
    section = _empty("present" if items else "absent", _statement(n_reportable, record, cohort))
    shown = {item["variant_id"] for item in items if item["group"] != "other_clinical"}
    apart = [{p["variant_1"], p["variant_2"]} for p in record.pairs if p["phase"] == "trans"]
    joint = [
        change
        for change in record.joint_changes
        if shown & set(change["variants"]) and not any(pair <= set(change["variants"]) for pair in apart)
    ]
    section |= {"items": items, "no_call": no_call, "joint_changes": joint}
    section["counts"] = {"listed": len(items), "reportable": n_reportable, **counts, "no_call": len(no_call)}
    return section, claims


def _why_not_assessed(record: PatientRecord, cohort: Cohort) -> str:
    if record.dosages is None:
        return "there are no germline genotypes of this person in the run."
    if cohort.n_variants == 0:
        return "no variant of the cohort passed the filters, so no genotype could be read."
    if not cohort.has_consequences and not cohort.has_clinical:
        return "the run had neither gene models nor a source of clinical significance to judge variants by."
    return ""


def _empty(status: str, statement: str) -> Row:
    counts = {"listed": 0, "reportable": 0, "benign": 0, "common": 0, "no_call": 0}
    return {
        "status": status,
        "statement": statement,
        "items": [],
        "no_call": [],
        "joint_changes": [],
        "counts": counts,
    }


def _statement(n_reportable: int, record: PatientRecord, cohort: Cohort) -> str:
    kinds = ["recorded as pathogenic"] * cohort.has_clinical
    if cohort.has_consequences:
        kinds += ["(likely) pathogenic by ACMG/AMP criteria", "predicted to damage a gene"]
    looked_at = f"Of {plural(cohort.n_variants, 'variant')} of the cohort that passed the filters"
    carried = "none that is carried is"
    if n_reportable:
        carried = f"{n_reportable} {'is' if n_reportable == 1 else 'are'} carried and"
    statement = f"{looked_at}, {carried} {', or '.join(filter(None, [', '.join(kinds[:-1]), kinds[-1]]))}."
    if cohort.secondary is not None:
        statement += (
            f" Genes that only {cohort.secondary.name} names were left to the chapter on secondary findings."
        )
    if n_reportable:
        return statement
    return f"{statement} This doesn't exclude a genetic cause: {seen_sentence(record.coverage)}"


def variant_group(variant: Row, cohort: Cohort) -> str | None:
    """Why a carried variant would be listed: one of :data:`GROUPS`; else ``benign``, or ``None``."""
    clinical = variant["clinical_significance"]
    known = significance_group(clinical) if clinical else None
    if known == "pathogenic":
        return "pathogenic"
    classified = cohort.interpretation.of(variant["variant_id"], variant["gene_id"])
    if classified and classified["class"] in PATHOGENIC_CLASSES:
        return "classified_pathogenic"
    if known == "benign":
        return "benign"
    if variant["damaging"]:
        return "predicted_damaging"
    return "other_clinical" if known else None


def _is_rare(variant: Row, cohort: Cohort) -> bool:
    limit = cohort.config["association"]["gene_max_frequency"]
    frequency = variant["population_af"] if variant["population_af"] is not None else variant["cohort_af"]
    return frequency is None or frequency < limit


def carried_item(variant: Row, dosage: int, group: str, record: PatientRecord, cohort: Cohort) -> Row:
    """A variant with one or two alternate alleles as a report lists it; ``claim`` is still empty."""
    sex = (record.quality or {}).get("inferred_sex")
    if sex not in ("male", "female"):
        sex = record.person["sex"]
    read_as = zygosity(dosage, variant["chrom"], variant["pos"], sex, cohort.par)
    gene = cohort.genes.get(variant["gene"] or "", {})
    classified = cohort.interpretation.of(variant["variant_id"], variant["gene_id"])
    reasons = {
        "pathogenic": ["listed as pathogenic or likely pathogenic by the clinical source"],
        "classified_pathogenic": ["pathogenic or likely pathogenic by ACMG/AMP criteria"],
        "predicted_damaging": ["rare, and predicted to truncate or abolish the gene's product"],
        "other_clinical": ["rare, and the clinical source has a record of it"],
    }[group]
    if group in PATHOGENIC_GROUPS and variant["impact"] == "HIGH":
        reasons.append("predicted to truncate or abolish the gene's product")
    shown = {name: variant[name] for name in _SHOWN}
    return shown | {
        "claim": "",
        "group": group,
        "allele_count": dosage,
        "zygosity": read_as,
        "genotype": _genotype(variant, dosage, read_as),
        "review_stars": review_stars(variant["review_status"]) if variant["clinical_significance"] else None,
        "inheritance": gene.get("inheritance"),
        "disease": gene.get("disease"),
        "reasons": reasons,
        "classification": classified,
        "origin": record.origins.get(variant["variant_id"]),
        "inheritance_note": None,
    }


_SHOWN = [
    *["variant_id", "chrom", "pos", "ref", "alt", "gene", "gene_id", "transcript", "consequence"],
    *["consequence_status", "impact", "hgvs_g", "hgvs_c", "hgvs_p", "hgvs_status"],
    *["population_af", "population_status"],
    *["cohort_af", "clinical_status", "clinical_significance", "review_status", "condition", "clinical_id"],
]


def _genotype(variant: Row, dosage: int, read_as: str) -> str:
    if read_as in ("hemizygous", "homoplasmic"):
        return str(variant["alt"])
    return f"{variant['alt'] if dosage == 2 else variant['ref']}/{variant['alt']}"


def note_inheritance(items: list[Row], record: PatientRecord) -> None:
    """Say of recessive genes whether one or two alleles are altered: one alone is a carrier state."""
    phases = {frozenset((pair["variant_1"], pair["variant_2"])): pair["phase"] for pair in record.pairs}
    serious = [item for item in items if item["group"] != "other_clinical" and item["inheritance"] == "AR"]
    alleles: Counter[str] = Counter()
    for item in serious:
        alleles[item["gene"]] += 2 if item["zygosity"] != "heterozygous" else 1
    for item in serious:
        if item["zygosity"] != "heterozygous":
            note = "recessive disease; both alleles are altered"
        elif alleles[item["gene"]] == 1:
            note = "recessive disease; one altered allele is a carrier state"
        else:
            others = [o["variant_id"] for o in serious if o["gene"] == item["gene"] and o is not item]
            known = {phases.get(frozenset((item["variant_id"], other))) for other in others}
            note = "recessive disease; several altered alleles, "
            if "trans" in known:
                note += "on both copies of the gene (compound heterozygous)"
            elif known == {"cis"}:
                note += "all on one copy of the gene: a carrier state"
            else:
                note += "on one copy of the gene or on both: phase unknown"
        item["inheritance_note"] = note


def variant_claim(item: Row, record: PatientRecord, cohort: Cohort) -> Claim:
    """The claim of one listed variant."""
    where = item["gene"] or f"{item['chrom']}:{item['pos']:,}"
    text = f"{where} {change_of(item)}, {item['zygosity']}"
    if item["origin"] == "de_novo":
        text += ", new in this person"
    if item["consequence"]:
        text += f", {words(item['consequence'])}"
    evidence: list[Evidence] = []
    limits: list[str] = []
    if item["clinical_significance"]:
        stars = item["review_stars"]
        text += f"; clinical source: {words(item['clinical_significance'])}"
        text += f" ({stars} of 4 review stars)" if stars is not None else ""
        name = item["clinical_id"] or item["variant_id"]
        evidence.append(cohort.evidence(CLINICAL_SOURCE, name, "exact allele"))
    place = {name: item[name] for name in ("chrom", "pos", "ref", "alt", "genotype")}
    inputs = [Input(FILE, item["variant_id"], **place)]
    if classified := item["classification"]:
        text += f"; ACMG/AMP criteria: {class_words(classified)}"
        inputs.append(Input(CLASSIFICATION, f"{item['variant_id']} {item['gene_id']}", **place))
        limits += _doubts(classified)
    confidence = _confidence(item)
    if item["group"] == "predicted_damaging":
        limits.append("Predicted from the gene model alone; no clinical evidence was found for this allele.")
    if item["inheritance_note"]:
        limits.append(f"{item['inheritance_note'][0].upper()}{item['inheritance_note'][1:]}.")
    if item["population_status"] == "not_assessed":
        limits.append("Its frequency in a reference population wasn't assessed.")
    if item["zygosity"] == "mixed call on a haploid chromosome":
        limits.append(
            "The call shows two alleles where one is expected: an artefact or mosaicism is possible."
        )
    limits.append("Not confirmed by a second method.")
    if item["population_status"] == "present":
        frequency = f"AF {number(item['population_af'])}"
        evidence.append(cohort.evidence("population_frequency", frequency, "exact allele"))
    return Claim(
        id=claim_id("variant", record.patient, item["variant_id"]),
        subject=record.patient,
        type="variant",
        text=text + ".",
        confidence=confidence,
        evidence=tuple(evidence),
        input=(
            *inputs,
            Input("variants/genotypes.bed", f"{item['variant_id']} {record.patient}", **place),
            *(
                Input(sample["file"], sample["sample"], sample["sha256"], **place)
                for sample in record.samples
            ),
        ),
        limits=tuple(limits),
        value=Value(words(_verdict(item)) or None, None),
        alternatives=_alternatives(item),
    )


def _verdict(item: Row) -> str:
    """What the claim says of the variant, in one word of the group that it is listed for."""
    if item["group"] == "classified_pathogenic":
        return str(item["classification"]["class"])
    if item["group"] == "predicted_damaging":
        return "predicted damaging"
    return str(item["clinical_significance"] or "")


def _alternatives(item: Row) -> tuple[str, ...]:
    """What else is said of the variant: the class by the other scheme, and by the other judge."""
    classified = item["classification"]
    if not classified:
        return ()
    others = []
    if item["clinical_significance"] and classified["clinvar_agrees"] is False:
        judge, said = ("the clinical source", item["clinical_significance"])
        if item["group"] != "classified_pathogenic":
            judge, said = ("the ACMG/AMP criteria", classified["class"])
        others.append(f"{words(said)} by {judge}")
    if classified["agree"] is False and classified["class_2015"]:
        others.append(f"{words(classified['class_2015'])} by the rules of 2015")
    return tuple(others)


def change_of(item: Row) -> str:
    """The shortest telling name of a change: of the protein, else of the transcript, else of the genome."""
    name = item["hgvs_p"] or item["hgvs_c"]
    return shorten(name.rpartition(":")[2] if name else item["variant_id"])


def _doubts(classified: Row) -> list[str]:
    """What a reader of a class must know beside it."""
    doubts = []
    if classified["override"]:
        who, when, why = (classified[f"override_{word}"] for word in ("who", "when", "why"))
        doubts.append(f"Set by {who} on {when}, not by the criteria alone: {why}")
    if classified["agree"] is False:
        other = words(classified["class_2015"])
        doubts.append(f"The rules of 2015 give another class than the points: {other}.")
    if classified["clinvar_agrees"] is False:
        doubts.append("The clinical source and the criteria disagree.")
    return doubts


def _confidence(item: Row) -> Confidence:
    """That the variant matters for health: review stars decide, then criteria; a prediction is uncertain."""
    stars = item["review_stars"]
    if item["group"] == "classified_pathogenic":
        return Confidence("likely", item["classification"]["points"], POINTS)
    if item["group"] == "predicted_damaging" or item["clinical_significance"] is None:
        return Confidence("uncertain", None, "predicted consequence only")
    word = "uncertain"
    if item["group"] == "pathogenic" and stars:
        certain = "likely_pathogenic" not in map(str.casefold, clinical_words(item["clinical_significance"]))
        word = "established" if stars >= 2 and certain else "likely"
    return Confidence(word, stars, STARS)
