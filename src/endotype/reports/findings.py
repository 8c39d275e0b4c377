"""The variants a patient carries that a reader should know of, and why each is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from endotype import visible
from endotype.annotation.knowledge.vocabulary import review_stars
from endotype.annotation.severity import clinical_words, is_pathogenic
from endotype.cohort.assembly import Region, bare_name, sex_chromosome
from endotype.reports.claims import Claim, Confidence, Evidence, Input, Value, claim_id
from endotype.reports.coverage import seen_sentence
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.interpretation import CLASSIFICATION, PATHOGENIC_CLASSES, class_words
from endotype.reports.language import N_, _, ngettext, sentences
from endotype.reports.text import POINTS, STARS, listed, number, reasons_listed, shorten, words
from endotype.variants.plink import MISSING

FILE = "annotation/variants.parquet"
CLINICAL_SOURCE = "clinical_significance"
EXACT_ALLELE = N_("exact allele")
"""How a record of a source was found to be about a variant."""

GROUPS = ("pathogenic", "classified_pathogenic", "predicted_damaging", "other_clinical")
"""Order of findings: (likely) pathogenic by the clinical source; by ACMG/AMP criteria; predicted to break a
gene; rare with another clinical record."""


PATHOGENIC_GROUPS = GROUPS[:2]

MIXED_CALL = "mixed call on a haploid chromosome"
"""How a call of two alleles is read where there is one chromosome."""


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
            return MIXED_CALL
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
        return _empty("not_assessed", reason), []
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
        return _("Not assessed: there are no germline genotypes of this person in the run.")
    if cohort.n_variants == 0:
        return _("Not assessed: no variant of the cohort passed the filters, so no genotype could be read.")
    if not cohort.has_consequences and not cohort.has_clinical:
        return _(
            "Not assessed: the run had neither gene models nor a source of clinical significance to judge "
            "variants by."
        )
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
    kinds = [_("recorded as pathogenic")] * cohort.has_clinical
    if cohort.has_consequences:
        kinds += [_("(likely) pathogenic by ACMG/AMP criteria"), _("predicted to damage a gene")]
    values = {
        "of": ngettext("{n:,} variant", "{n:,} variants", cohort.n_variants),
        "kinds": kinds[-1]
        if len(kinds) == 1
        else _("{some}, or {other}", some=listed(kinds[:-1]), other=kinds[-1]),
    }
    if n_reportable:
        statement = ngettext(
            "Of {of} of the cohort that passed the filters, {n} is carried and {kinds}.",
            "Of {of} of the cohort that passed the filters, {n} are carried and {kinds}.",
            n_reportable,
            **values,
        )
    else:
        statement = _(
            "Of {of} of the cohort that passed the filters, none that is carried is {kinds}.", **values
        )
    apart = excluded = None
    if cohort.secondary is not None:
        apart = _(
            "Genes that only {name} names were left to the chapter on secondary findings.",
            name=cohort.secondary.name,
        )
    if not n_reportable:
        seen = seen_sentence(record.coverage)
        excluded = _("This doesn't exclude a genetic cause: {seen}", seen=seen)
    return sentences(statement, apart, excluded)


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
    reasons = [_(_REASONS[group])]
    if group in PATHOGENIC_GROUPS and variant["impact"] == "HIGH":
        reasons.append(_("predicted to truncate or abolish the gene's product"))
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


_REASONS = {
    "pathogenic": N_("listed as pathogenic or likely pathogenic by the clinical source"),
    "classified_pathogenic": N_("pathogenic or likely pathogenic by ACMG/AMP criteria"),
    "predicted_damaging": N_("rare, and predicted to truncate or abolish the gene's product"),
    "other_clinical": N_("rare, and the clinical source has a record of it"),
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
            note = _("recessive disease; both alleles are altered")
        elif alleles[item["gene"]] == 1:
            note = _("recessive disease; one altered allele is a carrier state")
        else:
            others = [o["variant_id"] for o in serious if o["gene"] == item["gene"] and o is not item]
            found = {phases.get(frozenset((item["variant_id"], other))) for other in others}
            if "trans" in found:
                note = _(
                    "recessive disease; several altered alleles, on both copies of the gene "
                    "(compound heterozygous)"
                )
            elif found == {"cis"}:
                note = _(
                    "recessive disease; several altered alleles, all on one copy of the gene: a carrier state"
                )
            else:
                note = _(
                    "recessive disease; several altered alleles, on one copy of the gene or on both: "
                    "phase unknown"
                )
        item["inheritance_note"] = note


def variant_claim(item: Row, record: PatientRecord, cohort: Cohort) -> Claim:
    """The claim of one listed variant."""
    where = item["gene"] or f"{item['chrom']}:{item['pos']:,}"
    said = [f"{where} {change_of(item)}", words(item["zygosity"])]
    if item["origin"] == "de_novo":
        said.append(_("new in this person"))
    if item["consequence"]:
        said.append(words(item["consequence"]))
    said = [listed(said)]
    evidence: list[Evidence] = []
    limits: list[str] = []
    if item["clinical_significance"]:
        stars, significance = item["review_stars"], words(item["clinical_significance"])
        if stars is None:
            said.append(_("clinical source: {significance}", significance=significance))
        else:
            said.append(
                _(
                    "clinical source: {significance} ({stars} of 4 review stars)",
                    significance=significance,
                    stars=stars,
                )
            )
        name = item["clinical_id"] or item["variant_id"]
        evidence.append(cohort.evidence(CLINICAL_SOURCE, name, EXACT_ALLELE))
    place = {name: item[name] for name in ("chrom", "pos", "ref", "alt", "genotype")}
    inputs = [Input(FILE, item["variant_id"], **place)]
    if classified := item["classification"]:
        said.append(_("ACMG/AMP criteria: {classes}", classes=class_words(classified)))
        inputs.append(Input(CLASSIFICATION, f"{item['variant_id']} {item['gene_id']}", **place))
        limits += _doubts(classified)
    confidence = _confidence(item)
    if item["group"] == "predicted_damaging":
        limits.append(
            _("Predicted from the gene model alone; no clinical evidence was found for this allele.")
        )
    if item["inheritance_note"]:
        note = f"{item['inheritance_note'][0].upper()}{item['inheritance_note'][1:]}"
        limits.append(_("{sentence}.", sentence=note))
    if item["population_status"] == "not_assessed":
        limits.append(_("Its frequency in a reference population wasn't assessed."))
    if item["zygosity"] == MIXED_CALL:
        limits.append(
            _("The call shows two alleles where one is expected: an artefact or mosaicism is possible.")
        )
    limits.append(_("Not confirmed by a second method."))
    if item["population_status"] == "present":
        frequency = f"AF {number(item['population_af'])}"
        evidence.append(cohort.evidence("population_frequency", frequency, EXACT_ALLELE))
    return Claim(
        id=claim_id("variant", record.patient, item["variant_id"]),
        subject=record.patient,
        type="variant",
        text=_("{sentence}.", sentence=reasons_listed(said)),
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
        value=Value(visible.words(_verdict(item)) or None, None),
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
        if item["group"] == "classified_pathogenic":
            said = words(item["clinical_significance"])
            others.append(_("{significance} by the clinical source", significance=said))
        else:
            others.append(_("{name} by the ACMG/AMP criteria", name=words(classified["class"])))
    if classified["agree"] is False and classified["class_2015"]:
        others.append(_("{name} by the rules of 2015", name=words(classified["class_2015"])))
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
        doubts.append(
            _("Set by {who} on {when}, not by the criteria alone: {why}", who=who, when=when, why=why)
        )
    if classified["agree"] is False:
        other = words(classified["class_2015"])
        doubts.append(_("The rules of 2015 give another class than the points: {name}.", name=other))
    if classified["clinvar_agrees"] is False:
        doubts.append(_("The clinical source and the criteria disagree."))
    return doubts


def _confidence(item: Row) -> Confidence:
    """That the variant matters for health: review stars decide, then criteria; a prediction is uncertain."""
    stars = item["review_stars"]
    if item["group"] == "classified_pathogenic":
        return Confidence("likely", item["classification"]["points"], POINTS)
    if item["group"] == "predicted_damaging" or item["clinical_significance"] is None:
        return Confidence("uncertain", None, N_("predicted consequence only"))
    word = "uncertain"
    if item["group"] == "pathogenic" and stars:
        certain = "likely_pathogenic" not in map(str.casefold, clinical_words(item["clinical_significance"]))
        word = "established" if stars >= 2 and certain else "likely"
    return Confidence(word, stars, STARS)
