"""What a report does not cover, and why. "Not assessed" is never "negative"."""

from __future__ import annotations

from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.text import plain, plural, shorten

NEVER_ASSESSED = {
    "structural variants, copy number, repeat expansions": "The workflow reads small variants only.",
    "mosaic and low-level variants": "Genotypes are read as germline calls with one or two alleles.",
    "sites outside the variant files": "A site that no file lists may be unchanged or not sequenced.",
    "drug metabolism genotypes and polygenic scores": "Not computed by this version of the workflow.",
}
"""Topics that no run of this version covers."""


def gaps(record: PatientRecord, cohort: Cohort, sections: Row) -> list[Row]:
    """Rows of ``topic reason``: of the patient first, then of the run, then of the method.

    Args:
        record: the patient.
        cohort: what all patients share.
        sections: the other chapters by name.
    """
    rows = [*_of_patient(record, sections), *_of_run(cohort), *NEVER_ASSESSED.items()]
    return [{"topic": topic, "reason": reason} for topic, reason in dict(rows).items()]


def _of_patient(record: PatientRecord, sections: Row) -> list[tuple[str, str]]:
    found = []
    for name, topic in _TOPICS.items():
        if sections[name]["status"] == "not_assessed":
            reason = sections[name]["statement"].removeprefix("Not assessed: ")
            found.append((topic, reason[:1].upper() + reason[1:]))
    no_call = sections["variants"]["no_call"]
    if no_call:
        names = ", ".join(f"{row['gene'] or 'no gene'} {shorten(row['variant_id'])}" for row in no_call[:5])
        more = f" and {len(no_call) - 5} more" if len(no_call) > 5 else ""
        sites = plural(len(no_call), "site")
        reason = f"No usable genotype at {sites} with a known pathogenic allele: {names}{more}."
        found.append(("known pathogenic alleles at sites without a genotype", reason))
    if record.quality is not None and record.quality.get("contamination") is None:
        found.append(("contamination", "The variant files hold no allele depths to estimate it from."))
    return found


_TOPICS = {
    "quality": "genotype quality",
    "variants": "carried variants",
    "tumours": "mutations of a tumour",
    "targets": "targets",
    "subtype": "subtype",
    "associations": "carried association loci",
    "clinical": "clinical values",
}


def _of_run(cohort: Cohort) -> list[tuple[str, str]]:
    """What the input check wrote down as not assessed, and traits that couldn't be tested."""
    found = [(str(topic), str(reason)) for topic, reason in cohort.preflight.get("not_assessed", {}).items()]
    if cohort.has_germline and not cohort.ancestry.get("relatedness_assessed", True):
        found.append(("relatedness", "Too few independent variants to tell relatives from strangers."))
    traits = cohort.association_summary.get("traits", {})
    for trait, entry in sorted(traits.items()):
        if entry.get("assessed") is False:
            reason = entry["reason"] if cohort.has_germline else "Nobody of the cohort has germline calls."
            found.append((f"association with {trait}", reason))
        elif entry.get("genes", {}).get("assessed") is False:
            found.append(("association of genes", entry["genes"]["reason"]))
    return [(plain(topic), plain(reason)) for topic, reason in found]
