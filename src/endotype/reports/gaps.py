"""What a report does not cover, and why. "Not assessed" is never "negative"."""

from __future__ import annotations

from endotype.reports.coverage import WELL_SEEN, poorly_seen
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.text import feature_name, plain, plural, shorten

NEVER_ASSESSED = {
    "structural variants, copy number, repeat expansions": "The workflow reads small variants only.",
    "mosaic and low-level variants": "Genotypes are read as germline calls with one or two alleles.",
    "sites outside the variant files": "A site that no file lists can be unchanged or not sequenced.",
    "drug metabolism genotypes": "Not computed by this version of the workflow.",
}
"""Topics that no run of this version covers."""


def gaps(record: PatientRecord, cohort: Cohort, sections: Row) -> list[Row]:
    """Rows of ``topic reason``: of the patient first, then of the run, then of the method.

    Args:
        record: the patient.
        cohort: what all patients share.
        sections: the other chapters by name.
    """
    rows = [*_of_patient(record, cohort, sections), *_of_run(cohort), *NEVER_ASSESSED.items()]
    return [{"topic": topic, "reason": reason} for topic, reason in dict(rows).items()]


def _of_patient(record: PatientRecord, cohort: Cohort, sections: Row) -> list[tuple[str, str]]:
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
    if record.dosages is not None:
        found += _coverage(record, cohort)
    if record.features and (missing := [k for k, v in record.features.items() if v is None]):
        names = ", ".join(feature_name(name) for name in missing[:MAX_NAMES])
        more = f" and {len(missing) - MAX_NAMES} more" if len(missing) > MAX_NAMES else ""
        reason = f"{len(missing)} of {len(record.features)} have no value: {names}{more}."
        found.append(("features of the subtypes", reason))
    return found


def _coverage(record: PatientRecord, cohort: Cohort) -> list[tuple[str, str]]:
    """Genes of which less than :data:`WELL_SEEN` was seen, those of the run's own tables first."""
    if not record.coverage:
        reason = "No file says which bases could be seen, so that a gene without a finding is not negative."
        return [("coverage of genes", reason)]
    poor = poorly_seen(record.coverage)
    if not poor:
        return []
    poor.sort(
        key=lambda row: (row["gene"] not in cohort.genes, row["n_callable"] / row["n_coding"], row["gene"])
    )
    names = [
        f"{row['gene']} ({row['n_callable']:,} of {row['n_coding']:,} coding bases seen)"
        for row in poor[:MAX_NAMES]
    ]
    more = f", and {len(poor) - MAX_NAMES:,} more" if len(poor) > MAX_NAMES else ""
    share = f"Under {WELL_SEEN:.0%} of the coding bases could be seen in {len(poor):,} of "
    reason = f"{share}{plural(len(record.coverage), 'gene')}: {', '.join(names)}{more}."
    return [("genes that were not seen whole", reason)]


_TOPICS = {
    "quality": "genotype quality",
    "variants": "carried variants",
    "tumours": "mutations of a tumour",
    "targets": "targets",
    "subtype": "subtype",
    "associations": "carried association loci",
    "clinical": "clinical values",
    "polygenic_scores": "polygenic scores",
    "secondary_findings": "secondary findings",
    "changes": "changes since the last report",
}

MAX_NAMES = 10
"""Genes or features that a reason names; the rest is counted."""


def _of_run(cohort: Cohort) -> list[tuple[str, str]]:
    """What the input check wrote down as not assessed, and traits that couldn't be tested."""
    found = [(str(topic), str(reason)) for topic, reason in cohort.preflight.get("not_assessed", {}).items()]
    found += _knowledge(cohort)
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


def _knowledge(cohort: Cohort) -> list[tuple[str, str]]:
    """Sources that weren't given, and those older than ``knowledge.max_age_days``."""
    found = []
    limit = cohort.config["knowledge"].get("max_age_days")
    for name, entry in sorted(cohort.knowledge.get("sources", {}).items()):
        if not entry.get("sha256"):
            found.append((f"knowledge: {name}", "The run was given no such source."))
        elif limit is not None and name not in _AGELESS:
            age = entry.get("age_days")
            if age is None:
                found.append((f"knowledge: {name}", "Its date isn't known, so it can be out of date."))
            elif age > limit:
                days = f"It was {plural(age, 'day')} old; the limit of this run is {limit:,}."
                found.append((f"knowledge: {name}", f"{days} What was learnt since isn't in this report."))
    return found


_AGELESS = ("genes", "gene_model")
"""Sources that aren't dated: the user's own table and the gene model."""
