"""What a report does not cover, and why. "Not assessed" is never "negative"."""

from __future__ import annotations

from endotype.reports.coverage import WELL_SEEN, poorly_seen
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, known, ngettext, sentences
from endotype.reports.text import feature_name, listed, plain, shorten

NEVER_ASSESSED = {
    N_("structural variants, copy number, repeat expansions"): N_("The workflow reads small variants only."),
    N_("mosaic and low-level variants"): N_("Genotypes are read as germline calls with one or two alleles."),
    N_("sites outside the variant files"): N_("A site that no file lists can be unchanged or not sequenced."),
    N_("drug metabolism genotypes"): N_("Not computed by this version of the workflow."),
}
"""Topics that no run of this version covers."""


def gaps(record: PatientRecord, cohort: Cohort, sections: Row) -> list[Row]:
    """Rows of ``topic reason``: of the patient first, then of the run, then of the method.

    Topics are English in every language, so that reports can be compared; who shows one translates it.

    Args:
        record: the patient.
        cohort: what all patients share.
        sections: the other chapters by name.
    """
    never = [(topic, _(reason)) for topic, reason in NEVER_ASSESSED.items()]
    rows = [*_of_patient(record, cohort, sections), *_of_run(cohort), *never]
    return [{"topic": topic, "reason": reason} for topic, reason in dict(rows).items()]


def _of_patient(record: PatientRecord, cohort: Cohort, sections: Row) -> list[tuple[str, str]]:
    found = []
    for name, topic in _TOPICS.items():
        if sections[name]["status"] == "not_assessed":
            reason = sections[name]["statement"].removeprefix(_("Not assessed: "))
            found.append((topic, reason[:1].upper() + reason[1:]))
    no_call = sections["variants"]["no_call"]
    if no_call:
        names = [f"{row['gene'] or _('no gene')} {shorten(row['variant_id'])}" for row in no_call]
        reason = ngettext(
            "No usable genotype at {n:,} site with a known pathogenic allele: {names}.",
            "No usable genotype at {n:,} sites with a known pathogenic allele: {names}.",
            len(no_call),
            names=_some(names, 5),
        )
        found.append((N_("known pathogenic alleles at sites without a genotype"), reason))
    if record.quality is not None and record.quality.get("contamination") is None:
        reason = _("The variant files hold no allele depths to estimate it from.")
        found.append((N_("contamination"), reason))
    if record.dosages is not None:
        found += _coverage(record, cohort)
    if record.features and (missing := [k for k, v in record.features.items() if v is None]):
        reason = _(
            "{missing} of {n} have no value: {names}.",
            missing=len(missing),
            n=len(record.features),
            names=_some([feature_name(name) for name in missing], MAX_NAMES),
        )
        found.append((N_("features of the subtypes"), reason))
    return found


def _some(names: list[str], limit: int) -> str:
    """The first names; the rest is counted."""
    if len(names) <= limit:
        return listed(names)
    return _("{names} and {n:,} more", names=listed(names[:limit]), n=len(names) - limit)


def _coverage(record: PatientRecord, cohort: Cohort) -> list[tuple[str, str]]:
    """Genes of which less than :data:`WELL_SEEN` was seen, those of the run's own tables first."""
    if not record.coverage:
        reason = _(
            "No file says which bases could be seen, so that a gene without a finding is not negative."
        )
        return [(N_("coverage of genes"), reason)]
    poor = poorly_seen(record.coverage)
    if not poor:
        return []
    poor.sort(
        key=lambda row: (row["gene"] not in cohort.genes, row["n_callable"] / row["n_coding"], row["gene"])
    )
    names = [
        _(
            "{gene} ({seen:,} of {n:,} coding bases seen)",
            gene=row["gene"],
            seen=row["n_callable"],
            n=row["n_coding"],
        )
        for row in poor
    ]
    reason = ngettext(
        "Under {share:.0%} of the coding bases could be seen in {poor:,} of {n:,} gene: {names}.",
        "Under {share:.0%} of the coding bases could be seen in {poor:,} of {n:,} genes: {names}.",
        len(record.coverage),
        share=WELL_SEEN,
        poor=len(poor),
        names=_some(names, MAX_NAMES),
    )
    return [(N_("genes that were not seen whole"), reason)]


_TOPICS = {
    "quality": N_("genotype quality"),
    "variants": N_("carried variants"),
    "tumours": N_("mutations of a tumour"),
    "targets": N_("targets"),
    "subtype": N_("subtype"),
    "associations": N_("carried association loci"),
    "clinical": N_("clinical values"),
    "polygenic_scores": N_("polygenic scores"),
    "secondary_findings": N_("secondary findings"),
    "changes": N_("changes since the last report"),
}

MAX_NAMES = 10
"""Genes or features that a reason names; the rest is counted."""


def _of_run(cohort: Cohort) -> list[tuple[str, str]]:
    """What the input check wrote down as not assessed, and traits that couldn't be tested."""
    checked = cohort.preflight.get("not_assessed", {})
    found = [(str(topic), known(str(reason))) for topic, reason in checked.items()]
    found += _knowledge(cohort)
    if cohort.has_germline and not cohort.ancestry.get("relatedness_assessed", True):
        reason = _("Too few independent variants to tell relatives from strangers.")
        found.append((N_("relatedness"), reason))
    traits = cohort.association_summary.get("traits", {})
    for trait, entry in sorted(traits.items()):
        if entry.get("assessed") is False:
            reason = known(str(entry["reason"]))
            if not cohort.has_germline:
                reason = _("Nobody of the cohort has germline calls.")
            found.append((N_("association with {trait}").format(trait=trait), reason))
        elif entry.get("genes", {}).get("assessed") is False:
            found.append((N_("association of genes"), known(str(entry["genes"]["reason"]))))
    return [(plain(topic), plain(reason)) for topic, reason in found]


def _knowledge(cohort: Cohort) -> list[tuple[str, str]]:
    """Sources that weren't given, and those older than ``knowledge.max_age_days``."""
    found = []
    limit = cohort.config["knowledge"].get("max_age_days")
    for name, entry in sorted(cohort.knowledge.get("sources", {}).items()):
        topic = N_("knowledge: {source}").format(source=name)
        if not entry.get("sha256"):
            found.append((topic, _("The run was given no such source.")))
        elif limit is not None and name not in _AGELESS:
            age = entry.get("age_days")
            if age is None:
                found.append((topic, _("Its date isn't known, so it can be out of date.")))
            elif age > limit:
                old = ngettext(
                    "It was {n:,} day old; the limit of this run is {limit:,}.",
                    "It was {n:,} days old; the limit of this run is {limit:,}.",
                    age,
                    limit=limit,
                )
                found.append((topic, sentences(old, _("What was learnt since isn't in this report."))))
    return found


_AGELESS = ("genes", "gene_model")
"""Sources that aren't dated: the user's own table and the gene model."""
