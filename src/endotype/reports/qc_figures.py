"""The figures of the quality page: which table goes into which plot, with its legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from endotype.reports.language import N_, _
from endotype.reports.qc_metrics import Metric, summary
from endotype.reports.qc_plots import COLOURS, FAIL, PASS, WARN, Group, mark, palette, scatter, strip
from endotype.reports.text import clean, number, words
from endotype.variants.sample_qc import pedigree_disagrees

Row = dict[str, Any]

KINSHIP_LEVELS = (
    (0.354, N_("duplicate or identical twin")),
    (0.177, N_("first degree")),
    (0.0884, N_("second degree")),
    (0.0442, N_("third degree")),
)
"""Kinship above which a pair is this close (Manichaikul and others 2010)."""

_RELATIONSHIPS = {
    "duplicate": (FAIL, "diamond"),
    "parent_child": (COLOURS[0], "triangle"),
    "full_sibling": (COLOURS[2], "square"),
    "second_degree": (COLOURS[4], "circle"),
    "third_degree": (COLOURS[6], "inverted"),
    "unrelated": (COLOURS[5], "circle"),
}
_SEX_MARKS = {
    "female": (COLOURS[3], "circle"),
    "male": (COLOURS[0], "square"),
    "unknown": (COLOURS[6], "diamond"),
}
_DECLARED = {
    "female": N_("declared female"),
    "male": N_("declared male"),
    "unknown": N_("sex not declared"),
}
_MAX_POPULATIONS = 40
BY_DEPTH = N_("X and Y by depth")
"""Title of the figure that shows the depths of both sex chromosomes."""


@dataclass(frozen=True)
class Figure:
    """A plot with what stands around it.

    Attributes:
        title: above it.
        plot: ``None`` where the measure wasn't assessed; ``notes`` say why.
        legend: mark and text of each group.
        notes: sentences below it.
        n_warn, n_fail: how many people the measure flags.
        limits_differ: between people, because ancestry is allowed for.
    """

    title: str
    plot: Markup | None
    legend: Sequence[tuple[Markup, str]] = ()
    notes: Sequence[str] = ()
    n_warn: int = 0
    n_fail: int = 0
    limits_differ: bool = False


def metric_figure(metric: Metric, rows: pd.DataFrame) -> Figure:
    """The strip of one measure, from its rows of ``sample_metrics.parquet``."""
    there = rows[np.isfinite(rows["value"].to_numpy(float))]
    unit = 100.0 if metric.share else 1.0
    plot = None
    if len(there):
        plot = strip(
            unit * there["value"].to_numpy(float),
            there["verdict"].tolist(),
            there["patient"].tolist(),
            (unit * there["lower"].to_numpy(float), unit * there["upper"].to_numpy(float)),
            metric.axis,
            metric.label,
            "%" if metric.share else "",
        )
    counts = summary(metric, rows)
    notes = [metric.meaning] if metric.meaning else []
    notes += not_assessed(counts)
    differ = any(edge and edge[0] < edge[1] for edge in (counts["lower"], counts["upper"]))
    return Figure(metric.label, plot, (), notes, counts["n_warn"], counts["n_fail"], differ)


def not_assessed(counts: Row) -> list[str]:
    """Sentences on the people whom a measure says nothing of, from its :func:`summary`."""
    told = []
    for reason in counts["not_assessed"][:3]:
        text = reason["reason"] or _("Not assessed: no reason was recorded.")
        if reason["n"] != counts["n"]:
            text = _(
                "{reason} ({n} of {total} people).",
                reason=text.rstrip("。").removesuffix("."),
                n=number(reason["n"]),
                total=number(counts["n"]),
            )
        told.append(text if text.endswith((".", "。")) else text + ".")
    if more := counts["not_assessed"][3:]:
        n = sum(reason["n"] for reason in more)
        told.append(
            _(
                "Not assessed for {reasons} other reasons ({n} people).",
                reasons=number(len(more)),
                n=number(n),
            )
        )
    return told


def sex_figures(sample_qc: pd.DataFrame, metrics: pd.DataFrame) -> list[Figure]:
    """X against Y: by heterozygosity and calls, and by depth. Empty where neither could be seen."""
    by_metric = metrics.pivot_table(index="patient", columns="metric", values="value", aggfunc="first")
    verdict = metrics[metrics["metric"] == "sex"].set_index("patient")["verdict"]
    table = sample_qc.assign(
        x_depth_ratio=_column(by_metric, "x_depth_ratio", sample_qc["patient"]),
        y_depth_ratio=_column(by_metric, "y_depth_ratio", sample_qc["patient"]),
        sex_verdict=verdict.reindex(sample_qc["patient"]).to_numpy(),
    )
    figures = []
    choices = (
        (
            _("X and Y by genotypes"),
            ("x_inbreeding", _("inbreeding coefficient F on X")),
            ("y_call_rate", _("call rate on Y")),
        ),
        (
            _(BY_DEPTH),
            ("x_depth_ratio", _("depth of X / autosomes")),
            ("y_depth_ratio", _("depth of Y / autosomes")),
        ),
    )
    for title, (x, x_label), (y, y_label) in choices:
        shown = table[[x, y]].astype(float)
        if not shown.notna().all(axis=1).any():
            continue
        groups = []
        for sex, (colour, shape) in _SEX_MARKS.items():
            rows = (table["declared_sex"] == sex).to_numpy(bool)
            groups.append(_group(_(_DECLARED[sex]), colour, shape, shown[rows], x, y))
        for word, label, colour in (
            ("warn", _("the sex is in doubt"), WARN),
            ("fail", _("not as declared"), FAIL),
        ):
            rows = (table["sex_verdict"] == word).to_numpy(bool)
            groups.append(_group(label, colour, "cross", shown[rows], x, y))
        odd = table[table["sex_verdict"].isin(["warn", "fail"])].dropna(subset=[x, y])
        labels = [(float(r[x]), float(r[y]), r["patient"]) for r in odd.to_dict("records")]
        plot = scatter(groups, (x_label, y_label), title, labels=labels, include=((0.0, 1.0), (0.0, 0.5)))
        n_absent = int(shown.isna().any(axis=1).sum())
        notes = (
            [_("{n} people aren't shown: X or Y wasn't measured in them.", n=number(n_absent))]
            if n_absent
            else []
        )
        figures.append(Figure(title, plot, _legend(groups), notes))
    return figures


def relatedness_figure(pairs: pd.DataFrame) -> Figure | None:
    """Kinship of the related pairs against the share of sites where they share no allele."""
    if pairs.empty:
        return None
    table = pairs.assign(ibs0=pairs["n_ibs0"] / pairs["n_sites"].where(pairs["n_sites"] > 0))
    groups = []
    others = sorted(set(table["relationship"]) - _RELATIONSHIPS.keys())
    marks = _RELATIONSHIPS | dict.fromkeys(others, (COLOURS[7], "circle"))
    for name, (colour, shape) in marks.items():
        rows = table[table["relationship"] == name]
        groups.append(_group(clean(words(str(name))), colour, shape, rows, "ibs0", "kinship"))
    odd = table[disagrees(table)]
    groups.append(_group(_("not as declared"), FAIL, "cross", odd, "ibs0", "kinship"))
    named = pd.concat([table[table["relationship"] == "duplicate"], odd]).drop_duplicates(
        ["patient_a", "patient_b"]
    )
    labels = [
        (float(r["ibs0"]), float(r["kinship"]), f"{r['patient_a']}–{r['patient_b']}")
        for r in named.to_dict("records")
    ]
    axes = (_("share of sites with no allele in common (IBS0)"), _("kinship coefficient"))
    levels = [(kinship, _(word)) for kinship, word in KINSHIP_LEVELS]
    plot = scatter(groups, axes, _("Relatedness"), levels, labels, include=((0.0, 0.01), (0.0, 0.5)))
    return Figure(_("Related pairs"), plot, _legend(groups))


def disagrees(pairs: pd.DataFrame) -> np.ndarray:
    """Bool per pair: a relationship was declared, and the genotypes contradict it."""
    declared = pairs["declared"].fillna("").astype(str)
    found = pairs["relationship"].astype(str)
    return np.array(
        [bool(d) and pedigree_disagrees(f, d) for f, d in zip(found, declared, strict=True)], bool
    )


def ancestry_figures(ancestry: pd.DataFrame, share: Sequence[float]) -> list[Figure]:
    """Principal components 1 and 2, 3 and 4; empty where there are none."""
    components = [name for name in (f"pc{k}" for k in range(1, 5)) if name in ancestry.columns]
    components = [name for name in components if ancestry[name].notna().any()]
    figures = []
    for x, y in list(pairwise(components))[::2]:
        groups = _population_groups(ancestry, x, y)
        labels = [_component(name, share) for name in (x, y)]
        title = _("{x} and {y}", x=x.upper(), y=y.upper())
        plot = scatter(groups, (labels[0], labels[1]), _("Genetic ancestry, {title}", title=title))
        figures.append(Figure(title, plot, _legend(groups)))
    return figures


def roh_figure(roh: pd.DataFrame, sample_qc: pd.DataFrame, metrics: pd.DataFrame) -> Figure | None:
    """Number of runs against their total length: many short ones, an old bottleneck; few long, close kin."""
    assessed = metrics[(metrics["metric"] == "roh") & metrics["value"].notna()]
    people = sample_qc.loc[sample_qc["patient"].isin(assessed["patient"]), "patient"]
    if people.empty:
        return None
    by_patient = roh.groupby("patient")["kb"].agg(["count", "sum"]).reindex(people).fillna(0.0)
    table = pd.DataFrame(
        {"runs": by_patient["count"].to_numpy(float), "mb": by_patient["sum"].to_numpy(float) / 1000}
    )
    odd = set(assessed.loc[assessed["verdict"].isin(["warn", "fail"]), "patient"])
    marked = people.isin(odd).to_numpy(bool)
    groups = [
        _group(_("people"), PASS, "circle", table[~marked], "mb", "runs"),
        _group(_("flagged"), WARN, "triangle", table[marked], "mb", "runs"),
    ]
    places = table.loc[marked, ["mb", "runs"]].to_numpy(float).tolist()
    labels = [(mb, runs, name) for (mb, runs), name in zip(places, people[marked], strict=True)]
    axes = (_("total length of runs (Mb)"), _("number of runs"))
    plot = scatter(groups, axes, _("Runs of homozygosity"), labels=labels, include=((0.0, 1.0), (0.0, 1.0)))
    return Figure(_("Number and length of runs"), plot, _legend(groups) if marked.any() else ())


def _population_groups(ancestry: pd.DataFrame, x: str, y: str) -> list[Group]:
    """A group for each population, then the same of those whom the axes weren't fitted on, hollow."""
    assigned = ancestry["population"] if "population" in ancestry.columns else [None] * len(ancestry)
    population = pd.Series([name if isinstance(name, str) else "" for name in assigned], ancestry.index)
    names = sorted(set(population) - {""})[:_MAX_POPULATIONS]
    fitted = ancestry["used_for_fit"].to_numpy(bool)
    plain = _("people") if not names else _("no population assigned")
    groups = []
    for hollow in (False, True):
        for i, name in enumerate([*names, ""]):
            colour, shape = palette(i) if name else (PASS, "circle")
            # Populations beyond the last that has a mark of its own are drawn with those that have none.
            here = population == name if name else ~population.isin(names)
            rows = here.to_numpy(bool) & (fitted != hollow)
            label = clean(name) or plain
            if hollow:
                label = _("{group}, projected only", group=label)
            groups.append(_group(label, colour, shape, ancestry[rows], x, y, hollow))
    return groups


def _component(name: str, share: Sequence[float]) -> str:
    k = int(name.removeprefix("pc")) - 1
    if k >= len(share):
        return name.upper()
    return _("PC{i} ({share:.1f} % of variance)", i=k + 1, share=100 * share[k])


def _group(
    name: str, colour: str, shape: str, rows: pd.DataFrame, x: str, y: str, hollow: bool = False
) -> Group:
    return Group(name, colour, shape, rows[x].to_numpy(float), rows[y].to_numpy(float), hollow)


def _legend(groups: Sequence[Group]) -> list[tuple[Markup, str]]:
    return [(mark(group), f"{group.name} ({number(group.n_shown)})") for group in groups if group.n_shown]


def _column(by_metric: pd.DataFrame, name: str, patients: pd.Series) -> np.ndarray:
    if name not in by_metric.columns:
        return np.full(len(patients), np.nan)
    return by_metric[name].reindex(patients).to_numpy(float)
