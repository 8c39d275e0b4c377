"""One line that says what was done about missing data, relatives and multiple testing."""

from __future__ import annotations

from typing import Any

from endotype.message import N_

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
    "drop": N_("people without a called genotype were left out of that variant's test, exactly"),
    "mean": N_("missing genotypes were replaced by the mean of the called"),
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
    traits = N_("1 trait") if len(info["traits"]) == 1 else N_("{n!s} traits").format(n=len(info["traits"]))
    parts = [
        _missing(samples, model, MISSING_GENOTYPES[missing], loco),
        _relatedness(info, loco),
        N_(
            "Multiple testing: p-values are not adjusted; significance is Bonferroni's, {alpha:g} over the "
            "variants (and again over the genes) of {traits}, a gene being judged by one p-value over all "
            "its masks and tests; no genomic control was applied."
        ).format(alpha=alpha, traits=traits),
    ]
    if "transformation" in model:
        parts.append(N_("Trait: {transformation}.").format(transformation=model["transformation"]))
    if "split" in info:
        split = info["split"]
        parts.append(
            N_(
                "Split: the {part!s} part, {n!s} of {total!s} people, by hash of patient id with salt "
                "'{salt}'."
            ).format(
                part=split["part"],
                n=split["n_" + split["part"]],
                total=split["n_discovery"] + split["n_replication"],
                salt=split["salt"],
            )
        )
    return " ".join(parts)


def _missing(samples: dict[str, Any], model: dict[str, Any], genotypes: str, loco: str | None) -> str:
    return N_(
        "Missing data: {genotypes}; {n!s} of {total!s} people were left out for want of {needed}."
    ).format(
        genotypes=genotypes,
        n=samples["in_analysis"] - model["n"],
        total=samples["in_analysis"],
        needed=N_("the trait, a covariate or a prediction") if loco else N_("the trait or a covariate"),
    )


def _relatedness(info: dict[str, Any], loco: str | None) -> str:
    if "reconciliation" in info:  # from sheets, which don't say who is related to whom
        done = N_("not assessed; everybody in the sheets was kept")
    else:
        n = len(info["samples"]["relatives_left_out"])
        one = N_("{n!s} close relative left out before the tests")
        done = (one if n == 1 else N_("{n!s} close relatives left out before the tests")).format(n=n)
    if not loco:
        return N_("Relatedness: {done}.").format(done=done)
    return N_(
        "Relatedness: {done}; predictions of REGENIE's first step were offsets (matched by {loco})."
    ).format(done=done, loco=loco)
