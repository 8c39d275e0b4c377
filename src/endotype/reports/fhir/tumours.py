"""Tumours: a Specimen each, their listed mutations as somatic Variants, and their mutational burden."""

from __future__ import annotations

from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, answer, concept, loinc, own
from endotype.reports.fhir.parts import Draft, Row, coded, number, observation, words
from endotype.reports.fhir.variants import gene, location
from endotype.reports.language import _, known
from endotype.reports.text import words as spelled


def add_tumour(draft: Draft, tumour: Row) -> None:
    """Add one tumour. Mutations that the report only counts are counted here too."""
    name = tumour["tumour"]
    resource = {
        "resourceType": "Specimen",
        "identifier": [{"system": codes.TUMOUR_IDS, "value": f"{draft.patient} {name}"}],
        "type": concept(_("Tumour").lower()),
        "subject": draft.subject,
    }
    specimen = draft.add("Specimen", name, resource)
    for mutation in tumour["mutations"]:
        _add_mutation(draft, name, mutation, specimen)
    burden = tumour.get("mutations_per_megabase")
    unit = {"unit": "mutations per megabase", "system": codes.UCUM, "code": "1/1000000"}
    reason = _("The number of callable bases isn't known.")
    observation(
        draft,
        "TumourBurden",
        name,
        loinc("94076-7", "mutations per megabase"),
        value={"dataAbsentReason": codes.absent(reason)}
        if burden is None
        else {"valueQuantity": {"value": burden} | unit},
        components=[
            number(own("mutations"), tumour["n_mutations"]),
            number(own("mutations-not-listed"), tumour["n_more"]),
            words(own("hypermutation"), spelled(tumour["hypermutation"])),
            *[words(own("not-assessed"), known(topic)) for topic in tumour["not_assessed"]],
        ],
        notes=[known(tumour["verdict"])],
        specimen=specimen,
    )


def _add_mutation(draft: Draft, tumour: str, mutation: Row, specimen: Element) -> None:
    variant_id = mutation["variant_id"]
    parts = variant_id.rsplit(":", 3)
    place: list[Element] = []
    if len(parts) == 4 and parts[1].isdigit():
        row = {"chrom": parts[0], "pos": int(parts[1]), "ref": parts[2], "alt": parts[3]}
        place = location(draft, row)
    reference = observation(
        draft,
        "Mutation",
        f"{tumour}\0{variant_id}",
        loinc("69548-6", "variant"),
        profile="variant",
        value={"valueCodeableConcept": answer(codes.PRESENT)},
        components=[
            *place,
            *gene(mutation),
            coded(loinc("48002-0", "genomic source class"), _source_class(mutation)),
            words(own("hgvs-p", "protein change"), mutation.get("protein_change")),
            number(loinc("81258-6", "allele fraction"), mutation.get("vaf"), "1"),
            number(loinc("82121-5", "allelic read depth"), mutation.get("alt_reads"), "1"),
            number(own("read-depth"), mutation.get("depth")),
            words(own("consequence"), spelled(mutation["classification"])),
            words(own("variant-id"), variant_id),
        ],
        specimen=specimen,
    )
    draft.variants.setdefault((variant_id, "somatic"), reference)


def _source_class(mutation: Row) -> Element:
    """Somatic where the calls say so; any other word of theirs without a code."""
    status = mutation["status"]
    return answer(codes.SOMATIC) if status == "somatic" else concept(spelled(status))
