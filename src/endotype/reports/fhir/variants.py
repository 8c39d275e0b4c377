"""Carried variants as the guide's Variant, Genotype, MolecularConsequence and DiagnosticImplication."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from endotype.annotation.severity import clinical_words
from endotype.cohort.assembly import accessions, bare_name, canonical_assembly
from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, answer, concept, guide, loinc, own
from endotype.reports.fhir.parts import Draft, Row, coded, missing, number, observation, present, span, words
from endotype.reports.language import _, known
from endotype.reports.text import words as spelled
from endotype.reports.vocabulary import mode_of_inheritance

CLINICAL_SOURCE = "clinical_significance"

_NAMED_SEQUENCE = re.compile(
    r"(?:N[CGMPRTW]_\d+\.\d+|ENS[A-Z]*[GPT]\d+(?:\.\d+)?|LRG_\d+(?:[pt]\d+)?):[cgmnp]\.\S+"
)
"""HGVS of a sequence that has an accession. A name on another sequence is kept as text, without a code."""

_HGNC = re.compile(r"HGNC:\d+")


def add_variant(draft: Draft, item: Row, secondary: bool = False) -> Element:
    """Add all that a report says of one carried variant; return the reference of its Variant.

    Args:
        draft: the bundle.
        item: a variant as the report's chapters have it.
        secondary: it is a finding that nobody looked for.
    """
    variant = _variant(draft, item, secondary)
    draft.variants[item["variant_id"], "germline"] = variant
    key = item["variant_id"]
    if item.get("genotype"):
        observation(
            draft,
            "Genotype",
            key,
            loinc("84413-4", "genotype"),
            profile="genotype",
            value={"valueCodeableConcept": concept(item["genotype"])},
            derived_from=[variant],
            components=gene(item),
        )
    _consequence(draft, item, variant)
    _clinical_record(draft, item, variant)
    _classification(draft, item, variant)
    return variant


def add_bare_variant(draft: Draft, variant_id: str) -> Element | None:
    """A Variant of which the report says no more than its id; ``None`` when that isn't one of an allele."""
    found = re.fullmatch(r"(.+):(\d+):([ACGTN]+):([ACGTN]+)", variant_id)
    if found is None:
        return None
    place = {"chrom": found[1], "pos": int(found[2]), "ref": found[3], "alt": found[4]}
    reference = observation(
        draft,
        "Variant",
        variant_id,
        loinc("69548-6", "variant"),
        profile="variant",
        value={"valueCodeableConcept": answer(codes.PRESENT)},
        components=[*location(draft, place), coded(_SOURCE_CLASS, answer(codes.GERMLINE))],
        notes=[_("Carried, but not among the variants that the report lists.")],
    )
    draft.variants[variant_id, "germline"] = reference
    return reference


def add_no_call(draft: Draft, row: Row) -> None:
    """A known pathogenic allele at a site without a usable genotype: neither present nor absent."""
    reason = _("No usable genotype at this site: the allele may be there or not.")
    observation(
        draft,
        "VariantNoCall",
        f"{row['variant_id']}\0{row.get('gene') or ''}",
        loinc("69548-6", "variant"),
        profile="variant",
        value={"dataAbsentReason": codes.absent(reason)},
        components=[words(own("variant-id"), row["variant_id"]), *gene(row)],
    )


def add_joint_change(draft: Draft, change: Row) -> None:
    """A change of a protein that several variants of one copy of a gene make together."""
    members = [
        draft.variants.get((variant, "germline"), {"display": variant}) for variant in change["variants"]
    ]
    place = [change.get("transcript") or "", change["haplotype"], change.get("amino_acid_change") or ""]
    key = "\0".join([*change["variants"], *place])
    assumed = change["phase"] != "known"
    observation(
        draft,
        "JointChange",
        key,
        guide("molecular-consequence"),
        profile="molecular-consequence",
        derived_from=members,
        components=[
            coded(_TRANSCRIPT, _sequence(change.get("transcript"))),
            *_terms(change.get("consequence")),
            words(own("joint-amino-acid-change"), change.get("amino_acid_change")),
        ],
        notes=[_("That the variants lie on one copy of the gene is assumed, not known.")] if assumed else [],
    )
    if not assumed and len(members) > 1:
        observation(
            draft,
            "Phase",
            key,
            loinc("82120-7", "allelic phase"),
            profile="sequence-phase-relationship",
            value={"valueCodeableConcept": concept("Cis", codes.PHASE, "Cis")},
            derived_from=members,
        )


def gene(row: Row) -> list[Element]:
    """The gene: its symbol, and its HGNC id where the annotation has one."""
    symbol = row.get("gene")
    if not symbol:
        return []
    known = next((v for v in (row.get("hgnc_id"), row.get("gene_id")) if v and _HGNC.fullmatch(v)), None)
    return present(coded(loinc("48018-6", "gene"), concept(symbol, codes.HGNC, known, known and symbol)))


def location(draft: Draft, row: Row) -> list[Element]:
    """Assembly, sequence, 1-based first and last base of REF, and both alleles as a VCF has them."""
    assembly = canonical_assembly(draft.assembly)
    accession = accession_of(draft.assembly, row["chrom"])
    named = concept(row["chrom"], codes.REFSEQ, accession)
    return present(
        coded(
            loinc("62374-4", "reference assembly"),
            concept(draft.assembly, codes.LOINC, codes.ASSEMBLIES.get(assembly or "")),
        ),
        coded(loinc("48013-7", "genomic reference sequence"), named),
        coded(loinc("92822-6", "coordinate system"), answer(codes.ONE_BASED)),
        span(loinc("81254-5", "start and end"), row["pos"], row["pos"] + len(row["ref"]) - 1),
        words(loinc("69547-8", "reference allele"), row["ref"]),
        words(loinc("69551-0", "alternate allele"), row["alt"]),
    )


@cache
def accession_of(assembly: str, chrom: str) -> str | None:
    """RefSeq's accession of a chromosome of GRCh37 or GRCh38; ``None`` for any other sequence."""
    known, bare = canonical_assembly(assembly), bare_name(chrom)
    if bare == "MT":
        # hg19 may have another mitochondrion than the rCRS of both assemblies; the name doesn't tell which.
        return None if known is None or "hg19" in assembly.casefold() else "NC_012920.1"
    return next(
        (
            name
            for name, accession in accessions().items()
            if name.startswith("NC_") and (accession.assembly, accession.chrom) == (known, bare)
        ),
        None,
    )


_SOURCE_CLASS = loinc("48002-0", "genomic source class")
_TRANSCRIPT = loinc("51958-7", "transcript")


def _variant(draft: Draft, item: Row, secondary: bool) -> Element:
    claim = draft.claims.get(item.get("claim") or "")
    origin = item.get("origin")
    parent = codes.PARENTS.get(origin or "")
    zygosity = item.get("zygosity")
    components = [
        *location(draft, item),
        *gene(item),
        coded(
            loinc("53034-5", "allelic state"),
            concept(spelled(zygosity or ""), codes.LOINC, codes.ALLELIC_STATES.get(zygosity or "")),
        ),
        coded(_SOURCE_CLASS, answer(codes.DE_NOVO if origin == "de_novo" else codes.GERMLINE)),
        coded(loinc("94186-4", "variant inheritance"), answer(parent) if parent else None),
        *names(draft, item),
        _clinical_id(draft, item),
        number(loinc("82121-5", "allelic read depth"), item.get("alt_depth"), "1"),
        _population_frequency(item),
        number(own("cohort-allele-frequency"), item.get("cohort_af")),
        words(own("variant-id"), item["variant_id"]),
        *[words(own("listed-because"), reason) for reason in item.get("reasons", [])],
        words(own("inheritance-note"), item.get("inheritance_note")),
    ]
    if origin and not parent and origin not in ("de_novo", "unknown"):
        components.append(words(own("origin"), spelled(origin)))
    mark = {"url": codes.SECONDARY_FINDING, "valueCodeableConcept": concept(_("secondary finding"))}
    return observation(
        draft,
        "Variant",
        item["variant_id"],
        loinc("69548-6", "variant"),
        claim=claim,
        profile="variant",
        value={"valueCodeableConcept": answer(codes.PRESENT)},
        components=components,
        extensions=[mark] if secondary else [],
    )


def names(draft: Draft, item: Row) -> list[Element]:
    """HGVS names: coded where the sequence has an accession, and always as the report writes them.

    A genomic name on a chromosome of GRCh37 or GRCh38 gets that chromosome's accession.
    """
    parts = []
    for field, code, label in _NAMES:
        name = item.get(field)
        if not name:
            continue
        full = name
        if field == "hgvs_g" and (accession := accession_of(draft.assembly, item["chrom"])):
            full = f"{accession}:{name.rpartition(':')[2]}"
        if _NAMED_SEQUENCE.fullmatch(full):
            parts.append(coded(loinc(code, label), concept(name, codes.HGVS, full)))
        else:
            parts.append(words(own(field.replace("_", "-"), label), name))
    return present(*parts)


_NAMES = (
    ("hgvs_g", "81290-9", "genomic HGVS"),
    ("hgvs_c", "48004-6", "coding HGVS"),
    ("hgvs_p", "48005-3", "protein HGVS"),
)


def _clinical_id(draft: Draft, item: Row) -> Element | None:
    if not item.get("clinical_id"):
        return None
    system = codes.CLINVAR if _is_clinvar(draft) and item["clinical_id"].isdigit() else None
    return coded(loinc("81252-9", "variant code"), concept(item["clinical_id"], system, item["clinical_id"]))


def _is_clinvar(draft: Draft) -> bool:
    """Whether record numbers are ClinVar's: a simulated source only has its form."""
    return (
        not draft.simulated and "clinvar" in str(draft.knowledge.get(CLINICAL_SOURCE, {}).get("file")).lower()
    )


def _population_frequency(item: Row) -> Element | None:
    code = loinc("92821-8", "population allele frequency")
    status = item.get("population_status")
    if item.get("population_af") is not None:
        return number(code, item["population_af"])
    if status == "absent":
        reason = _("The population source doesn't list the allele: no frequency, not one of zero.")
        return missing(code, reason)
    return missing(code, _("Not assessed."), "not-performed") if status == "not_assessed" else None


def _consequence(draft: Draft, item: Row, variant: Element) -> None:
    if not item.get("consequence"):
        return
    observation(
        draft,
        "MolecularConsequence",
        item["variant_id"],
        guide("molecular-consequence"),
        profile="molecular-consequence",
        derived_from=[variant],
        components=[
            coded(_TRANSCRIPT, _sequence(item.get("transcript"))),
            *[part for part in names(draft, item) if not _is_genomic(part)],
            *_terms(item["consequence"]),
            words(own("impact"), item.get("impact")),
        ],
    )


def _is_genomic(part: Element) -> bool:
    return part["code"]["coding"][0]["code"] in ("81290-9", "hgvs-g")


def _sequence(name: str | None) -> Element | None:
    if not name:
        return None
    return concept(name, codes.REFSEQ, name if re.fullmatch(r"[NX][MR]_\d+\.\d+", name) else None)


def _terms(consequence: str | None) -> list[Element]:
    terms = (consequence or "").split("&") if consequence else []
    code = guide("feature-consequence")
    return present(
        *[
            coded(code, concept(spelled(term), codes.SEQUENCE_ONTOLOGY, codes.CONSEQUENCES.get(term)))
            for term in terms
        ]
    )


def _clinical_record(draft: Draft, item: Row, variant: Element) -> None:
    """What the clinical source says, in its own words, with its stars."""
    text = item.get("clinical_significance")
    if not text:
        return
    source = draft.knowledge.get(CLINICAL_SOURCE, {})
    stars = item.get("review_stars")
    components = [
        _significance(text),
        coded(
            loinc("93044-6", "level of evidence"),
            concept(_("{n:.0f} of 4 review stars", n=stars), codes.CLINVAR_STARS, codes.STARS.get(stars))
            if stars is not None
            else None,
        ),
        words(own("review-status"), item.get("review_status")),
        coded(guide("knowledge-base"), concept(_source_name(source))),
        *_disease(item, item.get("condition")),
    ]
    observation(
        draft,
        "ClinicalRecord",
        item["variant_id"],
        guide("diagnostic-implication"),
        profile="diagnostic-implication",
        derived_from=[variant],
        components=components,
    )


def _classification(draft: Draft, item: Row, variant: Element) -> None:
    """The class by ACMG/AMP criteria: those met, points, and the class by the rules of 2015."""
    row = item.get("classification")
    if not row:
        return
    counts = {name: row[name] for name in ("n_met", "n_not_met", "n_not_evaluable")}
    count = _("{n_met} criteria met, {n_not_met} not met, {n_not_evaluable} not evaluable", **counts)
    components = [
        _significance(row["class"]),
        *_disease(item, item.get("disease")),
        {"code": own("acmg-points"), "valueInteger": row["points"]},
        coded(own("class-by-rules-of-2015"), concept(spelled(row["class_2015"]))),
        words(own("acmg-criteria-counts"), count),
        *[_criterion(criterion) for criterion in row["criteria"]],
    ]
    notes = []
    if row.get("override"):
        who, when, why = (row[f"override_{word}"] for word in ("who", "when", "why"))
        notes.append(
            _("Set by {who} on {when}, not by the criteria alone: {why}", who=who, when=when, why=why)
        )
    observation(
        draft,
        "Classification",
        item["variant_id"],
        guide("diagnostic-implication"),
        profile="diagnostic-implication",
        derived_from=[variant],
        components=components,
        notes=notes,
    )


def _criterion(row: Row) -> Element:
    values = {"criterion": row["criterion"], "strength": spelled(row["strength"]), "n": row["points"]}
    values["reason"] = known(row["reason"])
    if row["counted"]:
        text = _("{criterion} ({strength}, {n} points): {reason}", **values)
    else:
        text = _("{criterion} ({strength}, {n} points, not counted): {reason}", **values)
    return {"code": own("acmg-criterion-met"), "valueString": text}


def _significance(text: str) -> Element:
    """The words as they stand; a code only for exactly one of the five classes."""
    terms = {word.casefold().replace(" ", "_") for word in clinical_words(text)}
    pair = codes.SIGNIFICANCE.get(terms.pop()) if len(terms) == 1 else None
    code = loinc("53037-8", "clinical significance")
    return {"code": code, "valueCodeableConcept": concept(spelled(text), codes.LOINC, *(pair or (None,)))}


def _disease(item: Row, disease: str | None) -> list[Element]:
    mode = item.get("inheritance")
    hpo = codes.INHERITANCE.get(mode or "", (None, None))
    return present(
        coded(loinc("81259-4", "predicted phenotype"), concept(spelled(disease)) if disease else None),
        coded(guide("condition-inheritance"), concept(mode_of_inheritance(mode or ""), codes.HPO, *hpo))
        if hpo[0]
        else None,
    )


def _source_name(source: Any) -> str:
    named = [source.get("file") or source.get("source") or _("clinical source")]
    return ", ".join([*named, *([source["version"]] if source.get("version") else [])])
