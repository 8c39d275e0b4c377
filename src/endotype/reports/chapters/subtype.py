"""The chapter on the subtype."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

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
    yes_or_no,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.language import N_, _, known, ngettext, sentences
from endotype.reports.text import (
    feature_name,
    number,
    percent,
    percentile,
    probability,
    shorten,
    words,
)


def subtype(context: Context) -> list[Block]:
    """The call, what it rests on, and the patient's place in the cohort."""
    chapter = context.report["subtype"]
    blocks = [text(chapter["statement"])]
    blocks += [text(known(warning), "notice") for warning in chapter.get("warnings", [])]
    if chapter.get("unusable"):
        blocks.append(text(_("Not used: {what}", what=shorten(known(chapter["unusable"]), 400))))
    if chapter["posteriors"]:
        limit = chapter["posterior_limit"]
        caption = posteriors_caption(chapter)
        rows = []
        for entry in chapter["posteriors"]:
            shown = probability(entry["posterior"])
            colour = context.colours.get(entry["subtype"], svg.GREY)
            bar = svg.bar(entry["posterior"], shown, colour, [limit])
            picture = drawing(bar, f"{entry['subtype']} {shown}", 360)
            rows.append([cell(strong(entry["subtype"])), cell(picture), cell(shown)])
        columns = [(_("Subtype"), 12), (_("Posterior probability"), 74), ("", 14)]
        blocks.append(table(columns, rows, caption))
        blocks.append(text(fit_sentences(chapter), "muted"))
    blocks += _features(chapter, context)
    if chapter["position"]:
        place = place_picture(chapter["position"], context.colours)
        blocks += [
            heading(_("Place among the subtypes")),
            {"kind": "picture", "svg": str(place), "alt": _(PLACE_TITLE), "width": 300},
            text(place_sentences(chapter["position"]), "muted"),
        ]
    return blocks + [
        text(sentences(survival_sentence(s, chapter["subtype"]), _(NO_FORECAST))) for s in chapter["survival"]
    ]


SUBTYPE_SHOWN = frozenset(
    {
        *("status", "statement", "claim", "call", "subtype", "reason", "posterior", "second_subtype"),
        *("second_posterior", "typicality", "typicality_limit", "posterior_limit", "n_in_subtype"),
        *("posteriors", "compared_with", "features", "survival", "position"),
        *("name", "information", "information_limit", "ancestry", "unusable", "warnings"),
    }
)


PLACE_TITLE = N_("Place of the patient among the subtypes")
NO_FORECAST = N_("A description of the group, not a forecast for this patient.")


def posteriors_caption(chapter: Row) -> str:
    """What the bars of the posterior probabilities show."""
    caption = _(
        "Posterior probability of each subtype (dashed line: limit of a call, {limit}).",
        limit=chapter["posterior_limit"],
    )
    if chapter["reason"] != "atypical":
        return caption
    return sentences(
        caption, _("It compares the subtypes with each other and doesn’t say that any of them fits.")
    )


def fit_sentences(chapter: Row) -> str:
    """How well the patient fits, and how much of what tells the subtypes apart was seen."""
    typicality = _(
        "Typicality {typicality} (limit {limit}): the share of the members of the most probable subtype who "
        "fit it no better than this patient.",
        typicality=number(chapter["typicality"], 2),
        limit=chapter["typicality_limit"],
    )
    information = ancestry = None
    if chapter.get("information") is not None and chapter.get("information_limit") is not None:
        information = _(
            "Information {share}\u00a0% (limit {limit}\u00a0%): the share of what tells the subtypes apart "
            "that was seen.",
            share=round(100 * chapter["information"]),
            limit=round(100 * chapter["information_limit"]),
        )
    if chapter.get("ancestry") == "not_assessed":
        ancestry = _("Whether the patient’s ancestry is in the range of the model was not assessed.")
    return sentences(typicality, information, ancestry)


def place_picture(position: Row, colours: Mapping[str, str]) -> Markup:
    """The patient among the outlines of the subtypes."""
    axes = [
        _("axis {n} ({share:.0f}\u00a0% of the variation)", n=n, share=100 * share)
        for n, share in enumerate(position["share"][:2], start=1)
    ]
    return svg.place_among(position, colours, _(PLACE_TITLE), (axes[0], axes[1]))


def place_sentences(position: Row) -> str:
    """What the picture of the patient's place shows, and what it doesn't."""
    return sentences(
        _(
            "Black dot: the patient, on the two axes along which the features of the cohort differ most; "
            "{share}\u00a0% of the differences can be seen in them.",
            share=round(100 * sum(position["share"])),
        ),
        _("Inner outlines hold about half of a subtype’s people, outer ones about 90\u00a0%."),
        _("The call is made from all features, not from this picture."),
    )


def features_legend(near: str | None) -> str:
    """What the strips of the features show."""
    return sentences(
        _(
            "Pale bar: 95\u00a0% of the cohort; darker bar: its middle half; line: median. Black dot: the "
            "patient."
        ),
        near and _("Diamond: mean of {group}; line of its colour: its middle half.", group=near),
    )


def _features(chapter: Row, context: Context) -> list[Block]:
    if not chapter["features"]:
        return []
    near = chapter["compared_with"]
    columns = [(_("Feature"), 28), (_("Patient"), 14), (_("Place in the cohort"), 40)]
    columns += [(_("Mean of {group}", group=near), 18)] if near else []
    called = chapter["call"] == "called"
    caption = _("What the call rests on") if called else _("Features of the subtype model")
    rows = [_feature(f, near, context)[: len(columns)] for f in chapter["features"]]
    return [table(columns, rows, caption), text(features_legend(near), "muted")]


def _feature(f: Row, near: str | None, context: Context) -> list[Cell]:
    value = _("not recorded")
    if f["value"] is not None:
        value = yes_or_no(f["value"]) if f["is_rate"] else number(f["value"])
        value += f" {shorten(f['unit'], 12)}" if f["unit"] and not f["is_rate"] else ""
    place: Cell = []
    if f["quantiles"] and not f["is_rate"]:
        title = _("{feature} in the cohort", feature=feature_name(f["feature"]))
        colour = context.colours.get(near or "", svg.GREY)
        strip = svg.cohort_strip(
            f["value"], f["quantiles"], title, f["subtype_mean"], colour, f["subtype_half"]
        )
        rank = None
        if f["percentile"] is not None:
            rank = _("{place} percentile of {n}", place=percentile(f["percentile"]), n=number(f["n"]))
        alt = _("{name}: {text}", name=title, text=rank or value)
        place = cell(drawing(strip, alt, 190), sub(rank) if rank else None)
    elif f["is_rate"]:
        place = cell(_("{n} known", n=f["n"]))
    show = (lambda v: percent(v, 2)) if f["is_rate"] else number
    return [
        cell(feature_name(f["feature"]), sub(shorten(f["description"], 120)) if f["description"] else None),
        cell(value),
        place,
        cell(show(f["subtype_mean"]), sub(_("cohort {number}", number=show(f["cohort_mean"])))),
    ]


def survival_sentence(s: Row, name: str) -> str:
    """How the people of a subtype fared beside the whole cohort."""
    people = ngettext("{n:,} person", "{n:,} people", s["n"])
    values = {
        "outcome": words(s["outcome"]),
        "share": round(100 * s["estimate"]),
        "group": name,
        "time": f"{number(s['time'])} {s['unit'] or ''}".rstrip(),
        "events": ngettext("{n:,} event in {people}", "{n:,} events in {people}", s["events"], people=people),
    }
    if s["low"] is None:
        of_group = _(
            "Outcome {outcome}: {share}\u00a0% of {group} without the event at {time}; {events}.", **values
        )
    else:
        of_group = _(
            "Outcome {outcome}: {share}\u00a0% of {group} without the event at {time} (95\u00a0% interval "
            "{low} to {high}\u00a0%); {events}.",
            low=round(100 * s["low"]),
            high=round(100 * s["high"]),
            **values,
        )
    return sentences(
        of_group,
        ngettext(
            "Whole cohort: {share}\u00a0% of {n:,} person.",
            "Whole cohort: {share}\u00a0% of {n:,} people.",
            s["cohort_n"],
            share=round(100 * s["cohort_estimate"]),
        ),
    )
