"""Who and what went in, what left at each step and why, and what was used: the CONSORT diagram of a run.

Three flows are counted: people, variants and genotypes. Every number comes from a table that an earlier
stage wrote; here they are only put side by side, and must add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from endotype.reports.language import N_, _
from endotype.reports.text import clean, words

MASKS = {
    "quality": N_("genotype quality too low"),
    "depth": N_("too few reads"),
    "balance": N_("alleles out of balance"),
}
"""The rules that make a genotype missing, in the order in which they are tried."""

MAX_REASONS = 10
"""Reasons that one step names; the rest are counted together."""


@dataclass(frozen=True)
class Part:
    """How many of a step are of one kind.

    Raises:
        ValueError: a negative count. More would have left than there were.
    """

    label: str
    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"{self.count} {self.label}: a count is never negative")


@dataclass(frozen=True)
class Step:
    """A box of the diagram.

    Attributes:
        name: of the box, unique in its flow.
        label: what is counted, in words.
        count: how many.
        leaving: those that go no further, by reason; nobody is counted twice.
        parts: some of those in the box, by kind, as a remark: they needn't be all, and may overlap.
        conserved: whether what stays is the count of the next step. Not so where the unit changes: a record
            may hold several alleles.
    """

    name: str
    label: str
    count: int
    leaving: tuple[Part, ...] = ()
    parts: tuple[Part, ...] = ()
    conserved: bool = True

    @property
    def n_leaving(self) -> int:
        """How many go no further."""
        return sum(part.count for part in self.leaving)


@dataclass(frozen=True)
class Flow:
    """Steps in their order. What stays of each is the next, or there is no such flow.

    Raises:
        ValueError: the counts do not add up. That is a fault of ours, never of the input.
    """

    title: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        for step, following in zip(self.steps, self.steps[1:], strict=False):
            left = step.count - step.n_leaving
            if step.conserved and left != following.count:
                raise ValueError(
                    f"{self.title}: of {step.count} ({step.label}) {step.n_leaving} leave, so {left} should "
                    f"be left, but there are {following.count} ({following.label})"
                )

    def graph(self) -> dict[str, Any]:
        """The flow as ``nodes`` (``id kind label count [parts]``) and ``edges`` (``source target count``).

        ``kind`` is ``step`` or ``exit``. The edges out of a step add up to its count, unless the unit
        changes between two steps; such an edge has ``unit_changes`` and the count of its target.
        """
        nodes: list[dict[str, Any]] = []
        edges: list[dict[str, Any]] = []
        for i, step in enumerate(self.steps):
            parts = [{"label": part.label, "count": part.count} for part in step.parts]
            nodes.append(
                {"id": step.name, "kind": "step", "label": step.label, "count": step.count, "parts": parts}
            )
            for j, part in enumerate(step.leaving):
                name = f"{step.name}.exit{j + 1}"
                nodes.append({"id": name, "kind": "exit", "label": part.label, "count": part.count})
                edges.append({"source": step.name, "target": name, "count": part.count})
            if i + 1 < len(self.steps):
                following = self.steps[i + 1]
                edge = {"source": step.name, "target": following.name, "count": following.count}
                edges.append(edge if step.conserved else edge | {"unit_changes": True})
        return {"title": self.title, "nodes": nodes, "edges": edges}


def consort(
    flow: Mapping[str, Any],
    people: pd.DataFrame,
    sample_qc: pd.DataFrame,
    metrics: pd.DataFrame,
    sites: pd.DataFrame,
    ancestry: Mapping[str, Any],
    traits: Mapping[str, set[str]],
) -> dict[str, Flow]:
    """The flows ``people``, ``variants`` and ``genotypes`` of a run.

    Args:
        flow: ``variants/flow.json``.
        people: ``cohort/people.parquet``.
        sample_qc: ``variants/sample_qc.parquet``; columns ``patient verdict in_statistics``.
        metrics: ``variants/sample_metrics.parquet``; columns ``patient metric verdict``.
        sites: ``variants/variant_qc.parquet`` summed by its columns ``kept`` and ``reason``: columns
            ``n_variants n_called n_missing n_masked_quality n_masked_depth n_masked_balance``.
        ancestry: ``variants/ancestry.json``.
        traits: trait -> the people for whom it is recorded.

    Raises:
        ValueError: the counts do not add up.
    """
    _same(
        "variants after normalisation", flow["variants_normalised"], "variant_qc", sites["n_variants"].sum()
    )
    return {
        "people": Flow(_("People"), _people(people, sample_qc, metrics, traits)),
        "variants": Flow(_("Variants"), _variants(flow, sites, ancestry)),
        "genotypes": Flow(_("Genotypes"), _genotypes(flow, sites)),
    }


def _people(
    people: pd.DataFrame, sample_qc: pd.DataFrame, metrics: pd.DataFrame, traits: Mapping[str, set[str]]
) -> tuple[Step, ...]:
    has_genotypes = people["in_genotypes"].to_numpy(bool)
    genotyped = set(people.loc[has_genotypes, "patient"])
    if genotyped != set(sample_qc["patient"]):
        odd = sorted(genotyped ^ set(sample_qc["patient"]))
        raise ValueError(f"people.parquet and sample_qc.parquet disagree on who has genotypes: {odd[:5]}")
    good = sample_qc[sample_qc["in_statistics"].to_numpy(bool)]
    recorded = people.set_index("patient")["in_clinical"].astype(bool)
    complete = {patient for patient in good["patient"] if recorded[patient]}
    return (
        Step(
            "people",
            _("people of the sheets and the clinical table"),
            len(people),
            _parts({_("no genotypes in the run"): int((~has_genotypes).sum())}),
        ),
        Step(
            "genotyped",
            _("people with genotypes"),
            len(genotyped),
            _parts(_failures(sample_qc, metrics)),
        ),
        Step(
            "in_statistics",
            _("people in cohort statistics"),
            len(good),
            _parts({_("no clinical record"): len(good) - len(complete)}),
            parts=_parts(
                {
                    _("passed with remarks"): int((good["verdict"] == "warn").sum()),
                    _("passed every check"): int((good["verdict"] == "pass").sum()),
                }
            ),
        ),
        Step(
            "with_record",
            _("people with genotypes and a clinical record"),
            len(complete),
            parts=_parts(
                {
                    _("with {trait} recorded", trait=words(name)): len(known & complete)
                    for name, known in traits.items()
                },
                also_none=True,
            ),
        ),
    )


def _failures(sample_qc: pd.DataFrame, metrics: pd.DataFrame) -> Counter[str]:
    """Why people are out of the statistics; whoever fails several checks is counted once, under all."""
    out = sample_qc[~sample_qc["in_statistics"].to_numpy(bool)]
    failed = metrics[metrics["verdict"] == "fail"].groupby("patient")["metric"].apply(list)
    reasons: Counter[str] = Counter()
    for patient in out["patient"]:
        names = sorted(set(failed.get(patient, [])))
        reasons[_(" and ").join(map(words, names)) if names else _("another reason")] += 1
    return reasons


def _variants(flow: Mapping[str, Any], sites: pd.DataFrame, ancestry: Mapping[str, Any]) -> tuple[Step, ...]:
    kept = sites["kept"].to_numpy(bool)
    filtered = sites[~kept].groupby("reason")["n_variants"].sum()
    n_kept = int(sites.loc[kept, "n_variants"].sum())
    _same("variants kept", flow["variants_kept"], "variant_qc", n_kept)
    _same("variants filtered", flow["variants_filtered"], "variant_qc", _as_counts(filtered))
    set_aside = {
        **flow["alleles_rejected"],
        _("on contigs that the reference doesn't have"): flow["outside_reference"],
        _("structural: kept in a file of their own"): flow["structural"],
        _("no alternate allele: count for call rates only"): flow["monomorphic"],
        _("reference blocks: tell unchanged from not covered"): flow["reference_blocks"],
        _("the same variant again: merged"): flow["duplicates_merged"],
        _("the same variant in another file: joined"): flow["joined_across_files"],
    }
    steps = [
        Step(
            "records",
            _("records read"),
            flow["records_in"],
            parts=_parts({_("with several alternate alleles"): flow["multiallelic_records"]}),
            conserved=False,
        ),
        Step("alleles", _("alleles of these records"), flow["alleles_in"], _parts(set_aside)),
        Step(
            "normalised",
            _("normalised variants"),
            flow["variants_normalised"],
            _parts(flow["variants_filtered"]),
            parts=_parts({_("moved to the left"): flow["alleles_left_aligned"]}),
        ),
    ]
    in_pca = int(ancestry.get("n_variants", 0))
    rest = _parts({_("rare, or correlated with a neighbour"): n_kept - in_pca}) if in_pca else ()
    steps.append(Step("kept", _("variants kept"), n_kept, rest))
    if in_pca:
        steps.append(Step("in_pca", _("variants that ancestry is computed from"), in_pca))
    return tuple(steps)


def _genotypes(flow: Mapping[str, Any], sites: pd.DataFrame) -> tuple[Step, ...]:
    """Genotypes of normalised variants. A genotype is one person at one variant."""
    total = {name: int(sites[name].sum()) for name in sites.columns if name.startswith("n_")}
    masked = {rule: total[f"n_masked_{rule}"] for rule in MASKS}
    _same("genotypes masked", {rule: flow["genotypes_masked"][rule] for rule in MASKS}, "variant_qc", masked)
    # A call on Y in somebody who has none can be masked, but is not one that is missing.
    not_called = max(total["n_missing"] - sum(masked.values()), 0)
    called = total["n_called"] + sum(masked.values())
    used = int(sites.loc[sites["kept"].to_numpy(bool), "n_called"].sum())
    made_missing = {
        _("half calls, one allele unknown"): flow["half_calls"],
        _("calls of a ploidy that doesn't fit"): flow["genotypes_masked"]["ploidy"],
        _("contradicted by a duplicate"): flow["genotypes_in_conflict"],
    }
    return (
        Step(
            "genotypes",
            _("genotypes of normalised variants"),
            called + not_called,
            _parts({_("not called"): not_called}),
            parts=_parts({_("{what}: not called", what=what): n for what, n in made_missing.items() if n}),
        ),
        Step(
            "called",
            _("genotypes called"),
            called,
            _parts({_(MASKS[rule]): n for rule, n in masked.items()}),
            parts=_parts({_("filled from reference blocks"): flow["filled_from_blocks"]}),
        ),
        Step(
            "trusted",
            _("genotypes that passed"),
            total["n_called"],
            _parts({_("at variants that were filtered"): total["n_called"] - used}),
        ),
        Step("used", _("genotypes used"), used),
    )


def _parts(counts: Mapping[str, int], also_none: bool = False) -> tuple[Part, ...]:
    """Most first. Reasons that nothing left for aren't named; beyond ten, the rest is one."""
    found = [
        Part(clean(words(str(name))), int(count)) for name, count in counts.items() if count or also_none
    ]
    found.sort(key=lambda part: (-part.count, part.label))
    if len(found) <= MAX_REASONS:
        return tuple(found)
    rest = found[MAX_REASONS - 1 :]
    return (
        *found[: MAX_REASONS - 1],
        Part(_("{n} other reasons", n=len(rest)), sum(part.count for part in rest)),
    )


def _as_counts(table: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in table.items() if count}


def _same(what: str, here: object, where: str, there: object) -> None:
    """Two sources of one count must agree."""
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        same = {k: v for k, v in here.items() if v} == {k: v for k, v in there.items() if v}
    else:
        same = here == there
    if not same:
        raise ValueError(f"{what}: flow.json has {here}, {where} has {there}")
