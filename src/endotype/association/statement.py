"""One line that says what was done about missing data, relatives and multiple testing."""

from __future__ import annotations

from typing import Any

STATEMENT = "statement"
"""Key of the metadata of a result, and of the summary, that holds the line."""

DOSAGE_CODING = (
    "Effects are per copy of the effect allele, the alternate allele of the calls. On X, Y and MT a haploid "
    "call counts as two copies if it carries the allele, else none: an allele on the X of a man has twice "
    "the effect of one on the two of a woman (X inactivation)."
)
"""What a dosage is, also on the sex chromosomes: the genotype store writes haploid calls as homozygous."""

EFFECTS = {
    "linear": "beta is in units of the trait.",
    "logistic": "beta is a log odds ratio.",
    "cox": "beta is a log hazard ratio.",
}

MISSING_GENOTYPES = {
    "drop": "people without a called genotype were left out of that variant's test, exactly",
    "mean": "missing genotypes were replaced by the mean of the called",
}


def statement(
    info: dict[str, Any],
    trait: str,
    *,
    alpha: float,
    missing: str = "drop",
    loco: str | None = None,
) -> str:
    """The line that goes with every result of a trait.

    Args:
        info: of the design.
        trait: a testable one.
        alpha: family-wise error rate over all traits.
        missing: ``drop`` or ``mean``, what single-variant tests do with missing genotypes.
        loco: what the predictions of a whole-genome model were matched by, where they were an offset.
    """
    samples, model = info["samples"], info["traits"][trait]
    incomplete = samples["in_analysis"] - model["n"]
    needed = ["the trait", "a covariate", *(["a prediction"] if loco else [])]
    parts = [
        f"Missing data: {MISSING_GENOTYPES[missing]}; {incomplete} of {samples['in_analysis']} people were "
        f"left out for want of {', '.join(needed[:-1])} or {needed[-1]}.",
        f"Relatedness: {_relatedness(info)}"
        + (f"; predictions of REGENIE's first step were offsets (matched by {loco})." if loco else "."),
        f"Multiple testing: p-values are not adjusted; significance is Bonferroni's, {alpha:g} over the "
        f"variants (and again over the genes) of {_count(len(info['traits']), 'trait')}, a gene being judged "
        "by one p-value over all its masks and tests; no genomic control was applied.",
    ]
    if "transformation" in model:
        parts.append(f"Trait: {model['transformation']}.")
    if "split" in info:
        split = info["split"]
        parts.append(
            f"Split: the {split['part']} part, {split['n_' + split['part']]} of "
            f"{split['n_discovery'] + split['n_replication']} people, by hash of patient id "
            f"with salt '{split['salt']}'."
        )
    return " ".join(parts)


def _relatedness(info: dict[str, Any]) -> str:
    if "reconciliation" in info:  # from sheets, which don't say who is related to whom
        return "not assessed; everybody in the sheets was kept"
    n = len(info["samples"]["relatives_left_out"])
    return f"{_count(n, 'close relative')} left out before the tests"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
