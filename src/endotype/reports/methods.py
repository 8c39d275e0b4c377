"""How the report was made: versions, settings, and where they are recorded."""

from __future__ import annotations

import hashlib
from functools import cache

import endotype
from endotype.cohort.assembly import RESOURCES
from endotype.files import read_json, to_json
from endotype.reports.inputs import Cohort, Row, knowledge_sources
from endotype.reports.language import N_, _, known

_SETTINGS = {
    ("variants", "pass_filters"): N_("FILTER values of a site that is used"),
    ("variants", "min_genotype_quality"): N_("lowest genotype quality that is used"),
    ("variants", "min_depth"): N_("fewest reads at a genotype that is used"),
    ("variants", "min_call_rate"): N_("lowest call rate of a site that is used"),
    ("variants", "min_hwe_p"): N_("lowest p of the test for too many heterozygotes of a site that is used"),
    ("sample_qc", "min_call_rate"): N_("lowest call rate of a person"),
    ("sample_qc", "max_contamination"): N_("highest contamination of a person"),
    ("sample_qc", "max_kinship"): N_("kinship above which one of a pair is kept out of statistics"),
    ("association", "alpha"): N_("family-wise error rate over all traits (Bonferroni)"),
    ("association", "gene_max_frequency"): N_("frequency under which a variant is rare"),
    ("subtypes", "call_probability"): N_("lowest posterior probability of a subtype call"),
    ("subtypes", "typicality_alpha"): N_("lowest typicality of a subtype call"),
    ("targets", "draws"): N_("draws behind a rank interval"),
}

_STATEMENTS = [
    N_("Variants were split by allele, left-aligned when a reference was given, and merged over files."),
    N_(
        "Clinical significance and population frequency were joined by exact allele. "
        "An allele that a source doesn't list has no frequency, not a frequency of zero."
    ),
    N_("Each gene is described by the transcript on which the variant's consequence is most severe."),
    N_(
        "Subtypes come from a mixture model of the cohort's features, frozen and applied to each patient "
        "alone."
    ),
    N_("Survival is a Kaplan–Meier estimate in this cohort, read at the median time recorded."),
    N_("Targets are ordered by tier, then by score; rank intervals hold 90 % of random draws."),
]


def run_identity(cohort: Cohort) -> Row:
    """Which run made the report, by content: no clock, no path."""
    return {
        **config_identity(cohort.config),
        "knowledge": knowledge_sources(cohort.knowledge),
        "n_people": len(cohort.people),
        "n_variants": cohort.n_variants,
    }


def config_identity(config: Row) -> Row:
    """What the configuration alone says of a run: its name, its assembly, and its hash."""
    name = config["run"]["name"]
    return {
        "name": name,
        "simulated": "simulated" in name.lower(),
        "language": config["reports"]["language"],
        "assembly": config["reference"]["assembly"],
        "endotype_version": endotype.__version__,
        "config_sha256": hashlib.sha256(to_json(config).encode("utf-8")).hexdigest(),
    }


def methods_section(cohort: Cohort) -> Row:
    """The methods chapter."""
    settings = [
        {"key": f"{group}.{key}", "value": cohort.config[group][key], "meaning": _(meaning)}
        for (group, key), meaning in _SETTINGS.items()
    ]
    return {
        "statements": [_(text) for text in _STATEMENTS],
        "settings": settings,
        "accuracy": _translated(measured_accuracy()),
    }


def _translated(accuracy: Row) -> Row:
    items = [
        item | {name: item[name] and known(item[name]) for name in ("what", "unit", "where")}
        for item in accuracy["items"]
    ]
    return accuracy | {"statement": known(accuracy["statement"]), "items": items}


@cache
def measured_accuracy() -> Row:
    """How well the program did where the truth is known: ``resources/accuracy.json``, with its version."""
    return dict(read_json(RESOURCES / "accuracy.json"))
