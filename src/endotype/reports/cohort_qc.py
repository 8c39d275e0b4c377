"""The quality of a cohort on one page, ``reports/qc.html``, and its numbers, ``reports/qc.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from endotype.config import schema
from endotype.files import read_json, write_json, write_text
from endotype.reports.consort import MASKS, Flow, consort
from endotype.reports.consort_plot import consort_plot
from endotype.reports.html import render
from endotype.reports.language import N_, _, between_sentences, in_language, known
from endotype.reports.methods import config_identity
from endotype.reports.page_markup import code, emphasis, link, rich
from endotype.reports.private import own_folder, private_files
from endotype.reports.qc_figures import (
    BY_DEPTH,
    Figure,
    ancestry_figures,
    disagrees,
    metric_figure,
    relatedness_figure,
    roh_figure,
    sex_figures,
)
from endotype.reports.qc_inputs import QcTables, read_qc_tables
from endotype.reports.qc_metrics import CHAPTERS, VERDICTS, Metric, flagged, metrics_of, summary
from endotype.reports.text import number, plain, words

Row = dict[str, Any]

SCHEMA_VERSION = "1.0"
MAX_FLAGGED = 400
"""People that the table of the page names; ``qc.json`` has all."""

LIMIT_BY = {"ancestry": N_("by ancestry"), "sex": N_("by sex")}
"""What a limit that differs between people allows for."""

MAX_PAIRS = 100
MAX_TRIOS = 100
SETTINGS = ("variants", "sample_qc")
"""Sections of the configuration that the page explains."""

_LIMIT_OF_MASK = {"quality": "min_genotype_quality", "depth": "min_depth", "balance": "min_allele_balance"}


def write_qc_page(results: str | Path, config: str | Path) -> None:
    """Write ``reports/qc.html`` and ``reports/qc.json``.

    Args:
        results: the results folder; the stages cohort and variants are done.
        config: the configuration with defaults filled in, as JSON.

    Raises:
        InputError: a result is missing.
        ValueError: counts of different tables do not add up. That is a fault of ours.
    """
    results, settings = Path(results), read_json(config)
    private = settings["reports"]["private"]
    tables = read_qc_tables(results, settings)
    with private_files(private), in_language(settings["reports"]["language"]):
        own_folder(results / "reports", private)
        flows = _flows(tables)
        data = qc_data(tables, flows)
        write_json(results / "reports/qc.json", data)
        write_text(results / "reports/qc.html", qc_page(tables, flows, data))


def qc_data(tables: QcTables, flows: Mapping[str, Flow]) -> Row:
    """The content of ``qc.json``: all counts, the summary of each measure, and whoever is flagged."""
    measures = [summary(metric, _rows(tables, metric)) for metric in metrics_of(tables.metrics)]
    pairs = tables.relatedness
    data = {
        "schema_version": SCHEMA_VERSION,
        "run": config_identity(tables.config),
        "consort": {name: flow.graph() for name, flow in flows.items()},
        "verdicts": {w: int((tables.sample_qc["verdict"] == w).sum()) for w in VERDICTS},
        "measures": measures,
        "flagged": flagged(tables.metrics, tables.sample_qc),
        "site_filters": _site_filters(tables),
        "genotype_filters": _genotype_filters(tables),
        "variant_kinds": _variant_kinds(tables),
        "relatedness": {
            "assessed": bool(tables.ancestry_info.get("relatedness_assessed", True)),
            "pairs": _pair_counts(pairs),
            "to_check": _pair_rows(pairs[disagrees(pairs) | (pairs["relationship"] == "duplicate")]),
        },
        "sex": _sex_counts(tables.sample_qc),
        "ancestry": tables.ancestry_info,
        "populations": _populations(tables.ancestry),
        "mendelian": _trios(tables.metrics),
        "settings": _settings(tables.config),
    }
    return dict(plain(data))


def qc_page(tables: QcTables, flows: Mapping[str, Flow], data: Row) -> str:
    """``qc.json`` as a page, with the plots."""
    return render(
        "qc.html",
        run=data["run"],
        data=data,
        diagrams=[{"title": flow.title, "plot": consort_plot(flow)} for flow in flows.values()],
        steps={name: {step.name: step.count for step in flow.steps} for name, flow in flows.items()},
        measures=_measure_rows(tables, data),
        chapters=_chapters(tables, data),
        max_flagged=MAX_FLAGGED,
        max_pairs=MAX_PAIRS,
        max_trios=MAX_TRIOS,
        populations=_population_words(data["populations"]),
        fst=_(", ").join(_fst_words(row) for row in data["ancestry"].get("fst") or []),
        fst_symbol=Markup("F<sub>ST</sub>"),
        gap=between_sentences(),
        rich=rich,
        link=link,
        code=code,
        emphasis=emphasis,
    )


def _flows(tables: QcTables) -> dict[str, Flow]:
    return consort(
        tables.flow,
        tables.people,
        tables.sample_qc,
        tables.metrics,
        tables.sites,
        tables.ancestry_info,
        tables.traits,
    )


def _rows(tables: QcTables, metric: Metric) -> pd.DataFrame:
    return tables.metrics[tables.metrics["metric"] == metric.name]


def _measure_rows(tables: QcTables, data: Row) -> list[Row]:
    """The table of all measures: numbers as text in their units."""
    rows = []
    for metric, counts in zip(metrics_of(tables.metrics), data["measures"], strict=True):
        lower, upper = counts["lower"], counts["upper"]
        differs = metric.limit_by == "sex" or any(
            edge is not None and edge[0] != edge[1] for edge in (lower, upper)
        )
        limit = metric.limit(lower and lower[0], upper and upper[1])
        has_values = metric.pooled and counts["median"] is not None
        spread = metric.limit(counts["q1"], counts["q3"]) if has_values else ""
        rows.append(
            {
                **counts,
                "chapter": metric.chapter,
                "median_shown": metric.shown(counts["median"]) if has_values else "",
                "spread": spread,
                "limit": _(LIMIT_BY[metric.limit_by]) if differs else limit,
            }
        )
    return rows


def _chapters(tables: QcTables, data: Row) -> list[Row]:
    """Chapters of plots: ``id title figures notes``; those with nothing to say are left out."""
    metrics = metrics_of(tables.metrics)
    ancestry = ancestry_figures(tables.ancestry, data["ancestry"].get("share_of_variance", []))
    related = relatedness_figure(tables.relatedness)
    runs = roh_figure(tables.roh, tables.sample_qc, tables.metrics)
    sex = sex_figures(tables.sample_qc, tables.metrics)
    extra: dict[str, list[Figure]] = {
        "sex": sex,
        "relatedness": [related] if related else [],
        "ancestry": ancestry,
        "roh": [runs] if runs else [],
    }
    # These are seen in other figures, two at a time.
    drawn = {"sex", "relatedness"}
    if any(figure.title == _(BY_DEPTH) and not figure.notes for figure in sex):
        drawn |= {"x_depth_ratio", "y_depth_ratio"}
    chapters = []
    for name, title in CHAPTERS.items():
        figures, notes = list(extra.get(name, [])), []
        for metric in metrics:
            if metric.chapter != name:
                continue
            figure = metric_figure(metric, _rows(tables, metric))
            if figure.plot is not None and metric.name not in drawn:
                figures.append(figure)
            else:
                notes.append({"label": metric.label, "sentences": figure.notes})
        if figures or notes or name in ("relatedness", "ancestry"):
            chapters.append({"id": name, "title": _(title), "figures": figures, "notes": notes})
    return chapters


def _site_filters(tables: QcTables) -> list[Row]:
    total = tables.flow["variants_normalised"]
    return [
        {"filter": name, "n": n, "share": n / total if total else None}
        for name, n in sorted(tables.flow["variants_filtered"].items(), key=lambda item: (-item[1], item[0]))
    ]


def _genotype_filters(tables: QcTables) -> list[Row]:
    """Each rule with its limit, how many genotypes it made missing, and the share of those called.

    The last two rules bear on calls of records, before their alleles are split: there is no share.
    """
    counts = {rule: int(tables.sites[f"n_masked_{rule}"].sum()) for rule in MASKS}
    called = int(tables.sites["n_called"].sum()) + sum(counts.values())
    rows = [
        {
            "rule": rule,
            "meaning": _(MASKS[rule]),
            "limit": tables.config["variants"].get(_LIMIT_OF_MASK[rule]),
            "n": n,
            "share": n / called if called else None,
        }
        for rule, n in counts.items()
    ]
    of_records = {
        "ploidy": (_("ploidy that doesn't fit"), tables.flow["genotypes_masked"]["ploidy"]),
        "half_call": (_("half call: one allele unknown"), tables.flow["half_calls"]),
    }
    return rows + [
        {"rule": rule, "meaning": meaning, "limit": None, "n": n, "share": None}
        for rule, (meaning, n) in of_records.items()
    ]


def _variant_kinds(tables: QcTables) -> list[Row]:
    return [
        {"kind": words(row["kind"]), "n": int(row["n_variants"]), "n_singleton": int(row["n_singleton"])}
        for row in tables.kinds.to_dict("records")
    ]


def _pair_counts(pairs: pd.DataFrame) -> list[Row]:
    """Pairs by what the genotypes say and what was declared, closest first."""
    declared = pairs["declared"].fillna("").astype(str)
    counts = Counter(zip(pairs["relationship"].astype(str), declared, strict=True))
    kinship = pairs.groupby("relationship")["kinship"].mean().fillna(0.0)
    order = sorted(counts, key=lambda key: (-float(kinship[key[0]]), key))
    return [{"found": found, "declared": said, "n": counts[found, said]} for found, said in order]


def _pair_rows(pairs: pd.DataFrame) -> list[Row]:
    names = ["patient_a", "patient_b", "kinship", "relationship", "declared"]
    ordered = pairs.sort_values(["kinship", "patient_a", "patient_b"], ascending=[False, True, True])
    return [plain(row) for row in ordered[names].to_dict("records")]


def _sex_counts(sample_qc: pd.DataFrame) -> list[Row]:
    counts = Counter(zip(sample_qc["declared_sex"], sample_qc["inferred_sex"], strict=True))
    return [{"declared": a, "inferred": b, "n": n} for (a, b), n in sorted(counts.items())]


def _populations(ancestry: pd.DataFrame) -> Row:
    """People by population; empty without a reference panel."""
    if "population" not in ancestry.columns:
        return {}
    return {
        str(name): int(n) for name, n in ancestry["population"].dropna().value_counts().sort_index().items()
    }


def _population_words(populations: Row) -> str:
    if not populations:
        return ""
    listed = _(", ").join(f"{name} {number(n)}" for name, n in populations.items())
    return _("Populations are those of the reference panel: {populations}.", populations=listed)


def _fst_words(row: Row) -> str:
    if row["se"] is None:
        return _("{a} and {b} {fst:.4f}", a=row["a"], b=row["b"], fst=row["fst"])
    return _(
        "{a} and {b} {fst:.4f} (standard error {se:.4f})",
        a=row["a"],
        b=row["b"],
        fst=row["fst"],
        se=row["se"],
    )


def _trios(metrics: pd.DataFrame) -> list[Row]:
    """Children whose declared parents were compared with them, most errors first."""
    rows = metrics[(metrics["metric"] == "mendelian_errors") & metrics["value"].notna()]
    ordered = rows.sort_values(["value", "patient"], ascending=[False, True])
    found = [plain(row) for row in ordered[["patient", "value", "verdict", "explanation"]].to_dict("records")]
    return [row | {"explanation": row["explanation"] and known(row["explanation"])} for row in found]


def _settings(config: Row) -> list[Row]:
    """Every setting of the two sections that bear on quality, with its meaning."""
    meanings = schema("config")["properties"]
    return [
        {
            "key": f"{section}.{key}",
            "value": value,
            "meaning": _(meanings[section]["properties"].get(key, {}).get("description", "")),
        }
        for section in SETTINGS
        for key, value in config[section].items()
    ]
