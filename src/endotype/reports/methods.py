"""How the report was made: versions, settings, and where they are recorded."""

from __future__ import annotations

import hashlib
from functools import cache

import endotype
from endotype.cohort.assembly import RESOURCES
from endotype.files import read_json, to_json
from endotype.reports.inputs import Cohort, Row, knowledge_sources

_SETTINGS = {
    ("variants", "pass_filters"): "FILTER values of a site that is used",
    ("variants", "min_genotype_quality"): "lowest genotype quality that is used",
    ("variants", "min_depth"): "fewest reads at a genotype that is used",
    ("variants", "min_call_rate"): "lowest call rate of a site that is used",
    ("variants", "min_hwe_p"): "lowest p of the test for too many heterozygotes of a site that is used",
    ("sample_qc", "min_call_rate"): "lowest call rate of a person",
    ("sample_qc", "max_contamination"): "highest contamination of a person",
    ("sample_qc", "max_kinship"): "kinship above which one of a pair is kept out of statistics",
    ("association", "alpha"): "family-wise error rate over all traits (Bonferroni)",
    ("association", "gene_max_frequency"): "frequency under which a variant is rare",
    ("subtypes", "call_probability"): "lowest posterior probability of a subtype call",
    ("subtypes", "typicality_alpha"): "lowest typicality of a subtype call",
    ("targets", "draws"): "draws behind a rank interval",
}

_STATEMENTS = [
    "Variants were split by allele, left-aligned when a reference was given, and merged over files.",
    "Clinical significance and population frequency were joined by exact allele. "
    "An allele that a source doesn't list has no frequency, not a frequency of zero.",
    "Each gene is described by the transcript on which the variant's consequence is most severe.",
    "Subtypes come from a mixture model of the cohort's features, frozen and applied to each patient alone.",
    "Survival is a Kaplan–Meier estimate in this cohort, read at the median time recorded.",
    "Targets are ordered by tier, then by score; rank intervals hold 90 % of random draws.",
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
        {"key": f"{group}.{key}", "value": cohort.config[group][key], "meaning": meaning}
        for (group, key), meaning in _SETTINGS.items()
    ]
    return {"statements": _STATEMENTS, "settings": settings, "accuracy": measured_accuracy()}


@cache
def measured_accuracy() -> Row:
    """How well the program did where the truth is known: ``resources/accuracy.json``, with its version."""
    return dict(read_json(RESOURCES / "accuracy.json"))
