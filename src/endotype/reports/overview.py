"""The cohort at a glance: ``reports/index.html`` and the same data as ``reports/cohort.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from endotype.axes import group_colours
from endotype.errors import input_error
from endotype.files import read_json, write_json, write_text
from endotype.reports import svg
from endotype.reports.flow import flows, no_call_words
from endotype.reports.html import render
from endotype.reports.inputs import Cohort, Row, read_cohort
from endotype.reports.language import N_, _, between_sentences, in_language, known, ngettext
from endotype.reports.methods import run_identity
from endotype.reports.page_assessment import assessment_chapter
from endotype.reports.page_hits import hit_table, n_variants
from endotype.reports.page_island import content_policy, island
from endotype.reports.page_manhattan import manhattan_data
from endotype.reports.page_markup import code, link, rich
from endotype.reports.page_patients import patient_table
from endotype.reports.page_provenance import provenance_chapter
from endotype.reports.page_table import ROWS_PER_PAGE
from endotype.reports.page_targets import TargetCounts, target_table
from endotype.reports.page_words import page_words
from endotype.reports.private import own_folder, private_files
from endotype.reports.subtype_pictures import subtype_pictures
from endotype.reports.text import clean, number, plain, words
from endotype.reports.trait_pictures import trait_pictures
from endotype.tables import read_parquet

SCHEMA_VERSION = "1.1"

MAX_ATTENTION = 12
"""Patients of one kind that the box of those who need attention names; the table of patients has all."""

STYLES = ("style.css", "cohort.css")
SCRIPTS = ("page_words.js", "page_table.js", "page_manhattan.js", "page_start.js")
"""Files of ``templates/`` that are part of the page, in this order."""


def write_index(results: str | Path, config: str | Path) -> None:
    """Write ``reports/index.html`` and ``reports/cohort.json`` from the patients' reports.

    Args:
        results: the results folder, all reports written.
        config: the configuration with defaults filled in, as JSON.

    Raises:
        InputError: a result or a patient's report is missing.
    """
    results, settings = Path(results), read_json(config)
    private = settings["reports"]["private"]
    cohort = read_cohort(results, settings)
    with private_files(private), in_language(settings["reports"]["language"]):
        own_folder(results / "reports", private)
        _write(results, cohort)


def _write(results: Path, cohort: Cohort) -> None:
    patients, counted = [], TargetCounts()
    for patient in cohort.people["patient"]:
        report = _report(results, patient)
        patients.append(_summary(report))
        counted.add(report)
    variant_flow = dict(read_json(results / "variants/flow.json"))
    names = list(group_colours(cohort.subtype_sizes))
    content: Row = {
        "schema_version": SCHEMA_VERSION,
        "run": plain(run_identity(cohort)),
        "counts": _cohort_counts(patients),
        "flow": {
            "people": _counts(cohort.preflight.get("counts", {})),
            "variants": _counts(variant_flow),
        },
        "patients": patients,
        "subtypes": {
            "sizes": cohort.subtype_sizes,
            "profile": cohort.profile,
            "survival": _survival(cohort),
        },
        "targets": {"assessed": counted.assessed(names), "entries": counted.entries(names)},
        "loci": cohort.loci,
    }
    write_json(results / "reports/cohort.json", content)
    write_text(results / "reports/index.html", index_page(results, cohort, content, variant_flow))


def index_page(results: Path, cohort: Cohort, content: Row, variant_flow: Row) -> str:
    """The page of a cohort.

    Args:
        results: the results folder, for pictures and provenance.
        cohort: what all patients share.
        content: of ``cohort.json``.
        variant_flow: ``variants/flow.json``.
    """
    counts, patients = content["counts"], content["patients"]
    colours = group_colours(cohort.subtype_sizes)
    n_tumours = cohort.preflight.get("counts", {}).get("tumours", 0)
    pictures = subtype_pictures(results)
    associations = trait_pictures(results, cohort)
    manhattan = manhattan_data(results)
    tables = {
        "patients": patient_table(patients, colours, bool(cohort.has_germline or n_tumours)),
        "targets": target_table(content["targets"]["entries"], content["targets"]["assessed"], colours),
        "hits": hit_table(
            cohort.loci,
            manhattan,
            {(r["trait"], r.get("lead")): f"#region-{i}" for i, r in enumerate(associations["regions"])},
        ),
    }
    style, script = (_own(names) for names in (STYLES, SCRIPTS))
    return render(
        "index.html",
        style=style,
        script=script,
        content_policy=content_policy(script, style),
        run=content["run"],
        counts=counts,
        has_germline=cohort.has_germline,
        n_tested=_n_tested(cohort),
        n_tumours=n_tumours,
        flow=content["flow"],
        flow_plots=_flow_plots(cohort, counts, variant_flow),
        quality=_quality(results),
        attention=_attention(patients),
        no_call=_no_call(counts),
        gap=between_sentences(),
        rich=rich,
        link=link,
        code=code,
        page_words=island(page_words()),
        division=_division(results),
        subtype_sizes=cohort.subtype_sizes,
        assessment=assessment_chapter(results, cohort),
        tables=tables,
        islands={name: island(table.data()) for name, table in tables.items()},
        per_page=ROWS_PER_PAGE,
        targets_assessed=sum(content["targets"]["assessed"].values()),
        colours=colours,
        n_loci=len(cohort.loci),
        n_unlisted=max(0, manhattan["n_hits"] - n_variants(tables["hits"])),
        ancestry=_ancestry_plot(results, cohort, patients, colours),
        pictures=[p for p in pictures if p["name"].partition(".")[0] != "survival"],
        survival=[p for p in pictures if p["name"].partition(".")[0] == "survival"],
        associations=associations,
        manhattan=manhattan,
        points=island(manhattan),
        not_assessed=_not_assessed(cohort),
        provenance=provenance_chapter(results, cohort.config),
    )


@cache
def _own(names: Sequence[str]) -> Markup:
    """Files of this package, one after the other: never text of a patient, so embedded as they stand."""
    folder = files("endotype.reports") / "templates"
    return Markup("".join((folder / name).read_text(encoding="utf-8") for name in names))


def _division(results: Path) -> str | None:
    """Why the cohort is divided as it is, as the stage that did it says."""
    reason = plain(read_json(results / "subtypes/selection.json").get("reason"))
    return reason and known(reason)


def _quality(results: Path) -> list[Row]:
    """Measures of the quality page that somebody has, with how many are beyond a limit."""
    path = results / "reports/qc.json"
    if not path.is_file():
        return []
    names = ("label", "n", "median", "min", "max", "n_fail", "n_warn", "n_not_assessed")
    return [
        plain({name: measure.get(name) for name in names} | {"label": known(measure["label"])})
        for measure in read_json(path).get("measures", [])
        if measure.get("n")
    ]


def _report(results: Path, patient: str) -> Row:
    path = results / "reports" / patient / "report.json"
    if not path.is_file():
        raise input_error(
            path, "no such file", "a report of every patient", "write the reports of all batches first"
        )
    return dict(read_json(path))


def _summary(report: Row) -> Row:
    """One line of the index. Findings and targets are null where they weren't assessed, never zero."""
    targets = report["targets"]["items"]
    indicated = next((t for t in targets if t["action"] == "indicated"), None)
    variants_assessed = report["variants"]["status"] != "not_assessed"
    return {
        "patient": report["patient"]["id"],
        "status": report["patient"]["status"],
        "quality": report["quality"]["verdict"],
        "quality_reasons": [known(reason) for reason in report["quality"]["reasons"]],
        "subtype": report["subtype"]["subtype"],
        "posterior": report["subtype"]["posterior"],
        "no_call_reason": report["subtype"]["reason"],
        "n_findings": report["variants"]["counts"]["reportable"] if variants_assessed else None,
        "n_targets": None
        if report["targets"]["status"] == "not_assessed"
        else sum(t["action"] != "druggable" for t in targets),
        "n_warnings": sum(t["action"] == "contraindicated" for t in targets),
        "top_target": indicated and {name: indicated[name] for name in ("intervention", "gene", "tier")},
    }


def _cohort_counts(patients: Sequence[Row]) -> Row:
    called = sum(p["subtype"] is not None for p in patients)
    quality = Counter(p["quality"] or "not assessed" for p in patients)
    return {
        "people": len(patients),
        "quality": {word: n for word in _QUALITY_WORDS if (n := quality[word])},
        "subtype_called": called,
        "no_call": dict(
            sorted(
                Counter(
                    p["no_call_reason"] or "not_assessed" for p in patients if p["subtype"] is None
                ).items()
            )
        ),
        "with_findings": _n_with(patients, "n_findings"),
        "with_targets": _n_with(patients, "n_targets"),
    }


def _no_call(counts: Row) -> str:
    """How many have no subtype, and why; empty where everybody has one."""
    n = counts["people"] - counts["subtype_called"]
    if not n:
        return ""
    return ngettext(
        "{n:,} of {people} has no subtype: {reasons}.",
        "{n:,} of {people} have no subtype: {reasons}.",
        n,
        people=ngettext("{n:,} person", "{n:,} people", counts["people"]),
        reasons=_(", ").join(
            _("{n} {reason}", n=number(m), reason=no_call_words(reason))
            for reason, m in counts["no_call"].items()
        ),
    )


def _n_tested(cohort: Cohort) -> int:
    """How many traits were tested for association."""
    traits = cohort.association_summary.get("traits", {}).values()
    return sum(entry.get("assessed") is not False for entry in traits)


def _n_with(patients: Sequence[Row], name: str) -> int | None:
    """How many have some; ``None`` where it was assessed in nobody."""
    known = [p[name] for p in patients if p[name] is not None]
    return sum(n > 0 for n in known) if known else None


FAILED = N_("failed quality control")
_QUALITY_WORDS = ("pass", "warn", "fail", "not assessed")


def _flow_plots(cohort: Cohort, counts: Row, variant_flow: Row) -> list[Row]:
    diagrams = flows(cohort, counts, variant_flow)
    return [{"title": title, "plot": svg.flow(steps, title)} for title, steps in diagrams.items()]


def _attention(patients: Sequence[Row]) -> list[Row]:
    """Groups of patients that someone should look at first: ``title patients n_more``, none of them empty."""
    groups = {
        _("Genotypes failed quality control"): [p for p in patients if p["quality"] == "fail"],
        _("Genotypes passed with remarks"): [p for p in patients if p["quality"] == "warn"],
        _("Warned against an intervention"): [p for p in patients if p["n_warnings"]],
    }
    return [
        {"title": title, "patients": found[:MAX_ATTENTION], "n_more": len(found[MAX_ATTENTION:])}
        for title, found in groups.items()
        if found
    ]


def _counts(value: object, name: str = "") -> list[Row]:
    """The numbers of a nested mapping as rows of ``name count``, in the order they were written."""
    if isinstance(value, dict):
        return [
            row
            for key, item in value.items()
            for row in _counts(
                item,
                _("{name}: {part}", name=name, part=words(str(key))) if name else words(str(key)),
            )
        ]
    if isinstance(value, int) and not isinstance(value, bool):
        return [{"name": clean(name), "count": value}]
    return []


def _survival(cohort: Cohort) -> Row:
    names = ("group", "n", "events", "time", "estimate", "low", "high")
    return {
        outcome: [plain({name: getattr(group, name) for name in names}) for group in groups]
        for outcome, groups in cohort.survival.items()
    }


def _ancestry_plot(
    results: Path, cohort: Cohort, patients: Sequence[Row], colours: dict[str, str]
) -> Row | None:
    """First two principal components, coloured by subtype; a failed sample is red whatever its subtype."""
    table = read_parquet(results / "variants/ancestry.parquet")
    axes = [name for name in ("pc1", "pc2") if name in table.columns]
    table = table.dropna(subset=axes)
    if len(axes) < 2 or table.empty:
        return None
    by_patient = {p["patient"]: p for p in patients}
    other = _("no call") if colours else _("people")
    group = pd.Series([_colour_group(by_patient.get(patient, {}), other) for patient in table["patient"]])
    legend = [(other, svg.GREY), *colours.items(), (_(FAILED), "#b3261e")]
    present = [(name, colour, (group == name).to_numpy()) for name, colour in legend if (group == name).any()]
    share = cohort.ancestry.get("share_of_variance", [])
    labels = tuple(
        _("PC{i} ({share:.1f} % of variance)", i=i + 1, share=100 * share[i])
        if i < len(share)
        else f"PC{i + 1}"
        for i in range(2)
    )
    plot = svg.scatter(
        table["pc1"].to_numpy(float),
        table["pc2"].to_numpy(float),
        present,
        (labels[0], labels[1]),
        _("Genetic ancestry"),
    )
    return {"plot": plot, "legend": [(name, colour, int(mask.sum())) for name, colour, mask in present]}


def _colour_group(patient: Row, other: str) -> str:
    if patient.get("quality") == "fail":
        return _(FAILED)
    return patient.get("subtype") or other


def _not_assessed(cohort: Cohort) -> list[Row]:
    entries = cohort.preflight.get("not_assessed", {})
    return [
        {"topic": clean(str(topic)), "reason": known(clean(str(reason)))}
        for topic, reason in sorted(entries.items())
    ]
