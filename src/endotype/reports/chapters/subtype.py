"""The chapter on the subtype."""

from __future__ import annotations

from endotype.reports import svg
from endotype.reports.blocks import (
    Block,
    Cell,
    cell,
    drawing,
    heading,
    strong,
    sub,
    table,
    text,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.text import (
    feature_name,
    number,
    percent,
    percentile,
    plural,
    probability,
    shorten,
    words,
)


def subtype(context: Context) -> list[Block]:
    """The call, what it rests on, and the patient's place in the cohort."""
    chapter = context.report["subtype"]
    blocks = [text(chapter["statement"])]
    blocks += [text(warning, "notice") for warning in chapter.get("warnings", [])]
    if chapter.get("unusable"):
        blocks.append(text(f"Not used: {shorten(chapter['unusable'], 400)}"))
    if chapter["posteriors"]:
        limit = chapter["posterior_limit"]
        caption = f"Posterior probability of each subtype (dashed line: limit of a call, {limit})."
        if chapter["reason"] == "atypical":
            caption += " It compares the subtypes with each other and doesn’t say that any of them fits."
        rows = []
        for entry in chapter["posteriors"]:
            shown = probability(entry["posterior"])
            colour = context.colours.get(entry["subtype"], svg.GREY)
            bar = svg.bar(entry["posterior"], shown, colour, [limit])
            picture = drawing(bar, f"{entry['subtype']} {shown}", 360)
            rows.append([cell(strong(entry["subtype"])), cell(picture), cell(shown)])
        blocks.append(table([("Subtype", 12), ("Posterior probability", 74), ("", 14)], rows, caption))
        said = (
            f"Typicality {number(chapter['typicality'], 2)} (limit {chapter['typicality_limit']}): the share "
        )
        said += "of the members of the most probable subtype who fit it no better than this patient."
        blocks.append(text(said + _known(chapter), "muted"))
    blocks += _features(chapter, context)
    if chapter["position"]:
        share = round(100 * sum(chapter["position"]["share"]))
        title = "Place of the patient among the subtypes"
        place = svg.place_among(chapter["position"], context.colours, title)
        blocks += [
            heading("Place among the subtypes"),
            {"kind": "picture", "svg": str(place), "alt": title, "width": 300},
            text(
                "Black dot: the patient, on the two axes along which the features of the cohort differ "
                f"most; {share} % of the differences can be seen in them. Inner outlines hold about half of "
                "a subtype’s people, outer ones about 90 %. The call is made from all features, not from "
                "this picture.",
                "muted",
            ),
        ]
    return blocks + [text(_survival(s, chapter["subtype"])) for s in chapter["survival"]]


SUBTYPE_SHOWN = frozenset(
    {
        *("status", "statement", "claim", "call", "subtype", "reason", "posterior", "second_subtype"),
        *("second_posterior", "typicality", "typicality_limit", "posterior_limit", "n_in_subtype"),
        *("posteriors", "compared_with", "features", "survival", "position"),
        *("name", "information", "information_limit", "ancestry", "unusable", "warnings"),
    }
)


def _known(chapter: Row) -> str:
    """How much of what tells the subtypes apart was seen, where the model says so."""
    said = ""
    if chapter.get("information") is not None:
        said += f" Information {percent(chapter['information'], 2)}"
        if chapter.get("information_limit") is not None:
            said += f" (limit {percent(chapter['information_limit'], 2)})"
        said += ": the share of what tells the subtypes apart that was seen."
    if chapter.get("ancestry") == "not_assessed":
        said += " Whether the patient’s ancestry is in the range of the model was not assessed."
    return said


def _features(chapter: Row, context: Context) -> list[Block]:
    if not chapter["features"]:
        return []
    near = chapter["compared_with"]
    columns = [("Feature", 28), ("Patient", 14), ("Place in the cohort", 40)]
    columns += [(f"Mean of {near}", 18)] if near else []
    caption = "What the call rests on" if chapter["call"] == "called" else "Features of the subtype model"
    legend = (
        "Pale bar: 95 % of the cohort; darker bar: its middle half; line: median. Black dot: the patient."
    )
    if near:
        legend += f" Diamond: mean of {near}; line of its colour: its middle half."
    rows = [_feature(f, near, context)[: len(columns)] for f in chapter["features"]]
    return [table(columns, rows, caption), text(legend, "muted")]


def _feature(f: Row, near: str | None, context: Context) -> list[Cell]:
    value = "not recorded"
    if f["value"] is not None:
        value = ("yes" if f["value"] else "no") if f["is_rate"] else number(f["value"])
        value += f" {shorten(f['unit'], 12)}" if f["unit"] and not f["is_rate"] else ""
    place: Cell = []
    if f["quantiles"] and not f["is_rate"]:
        title = f"{feature_name(f['feature'])} in the cohort"
        colour = context.colours.get(near or "", svg.GREY)
        strip = svg.cohort_strip(
            f["value"], f["quantiles"], title, f["subtype_mean"], colour, f["subtype_half"]
        )
        known = (
            None
            if f["percentile"] is None
            else f"{percentile(f['percentile'])} percentile of {number(f['n'])}"
        )
        place = cell(drawing(strip, f"{title}: {known or value}", 190), sub(known) if known else None)
    elif f["is_rate"]:
        place = cell(f"{f['n']} known")
    show = (lambda v: percent(v, 2)) if f["is_rate"] else number
    return [
        cell(feature_name(f["feature"]), sub(shorten(f["description"], 120)) if f["description"] else None),
        cell(value),
        place,
        cell(show(f["subtype_mean"]), sub(f"cohort {show(f['cohort_mean'])}")),
    ]


def _survival(s: Row, name: str) -> str:
    unit = f" {s['unit']}" if s["unit"] else ""
    said = f"Outcome {words(s['outcome'])}: {round(100 * s['estimate'])} % of {name} without the event at "
    said += f"{number(s['time'])}{unit}"
    if s["low"] is not None:
        said += f" (95 % interval {round(100 * s['low'])} to {round(100 * s['high'])} %)"
    said += f"; {plural(s['events'], 'event')} in {plural(s['n'], 'person', 'people')}. Whole cohort: "
    said += f"{round(100 * s['cohort_estimate'])} % of {plural(s['cohort_n'], 'person', 'people')}. "
    return said + "A description of the group, not a forecast for this patient."
