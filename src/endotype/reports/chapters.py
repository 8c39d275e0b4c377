"""The chapters of a report as blocks: the same words and tables as the page has, for other forms."""

from __future__ import annotations

from dataclasses import dataclass

from endotype.reports import svg
from endotype.reports.blocks import (
    Block,
    Cell,
    cell,
    chip,
    code,
    drawing,
    heading,
    source,
    strong,
    sub,
    table,
    text,
)
from endotype.reports.inputs import Row
from endotype.reports.interpretation import ORIGIN_WORDS
from endotype.reports.text import (
    confidence_number,
    feature_name,
    number,
    p_value,
    percent,
    percentile,
    plural,
    probability,
    shorten,
    words,
)


@dataclass(frozen=True)
class Context:
    """A report, its claims by id and the colours of its subtypes."""

    report: Row
    claims: dict[str, Row]
    colours: dict[str, str]


SHARES = ("call_rate", "contamination", "het_rate")
"""Measures of quality that are shares, shown in percent."""

FAILED = "The genotypes failed quality control: nothing in this chapter is more than uncertain."


def variants(context: Context) -> list[Block]:
    """Carried variants, why each is listed, and the criteria behind its class."""
    chapter = context.report["variants"]
    blocks = [text(chapter["statement"]), *_failed(context)]
    serious = [item for item in chapter["items"] if item["group"] != "other_clinical"]
    other = [item for item in chapter["items"] if item["group"] == "other_clinical"]
    if serious:
        columns = [("Gene and change", 25), ("Genotype", 17), ("Clinical source", 19)]
        columns += [("ACMG/AMP criteria", 18), ("Frequency", 11), ("Confidence", 15)]
        blocks.append(table(columns, [_variant(item, context) for item in serious]))
        for item in serious:
            blocks += _why_listed(item)
    blocks += [_joint(change) for change in chapter["joint_changes"]]
    if other:
        columns = [("Gene and change", 40), ("Genotype", 18), ("Clinical source", 27), ("Frequency", 15)]
        rows = [_variant(item, context) for item in other]
        blocks.append(
            table(
                columns,
                [[r[0], r[1], r[2], r[4]] for r in rows],
                "Rare variants with another clinical record",
            )
        )
    if chapter["status"] != "not_assessed":
        blocks.append(text(_left_out(chapter), "muted"))
    return [block for block in blocks if block.get("text") != ""]


VARIANTS_SHOWN = frozenset({"status", "statement", "items", "joint_changes", "counts", "no_call"})


def _variant(item: Row, context: Context) -> list[Cell]:
    name = (item["hgvs_p"] or item["hgvs_c"] or "").rpartition(":")[2]
    clinical: Cell = cell("absent" if item["clinical_status"] == "absent" else "not assessed")
    if item["clinical_significance"]:
        stars = item["review_stars"]
        clinical = cell(
            words(item["clinical_significance"]),
            None if stars is None else sub(f"{stars} of 4 review stars"),
            sub(shorten(words(item["condition"]), 90)) if item["condition"] else None,
        )
    frequency = {"present": number(item["population_af"]), "absent": "absent"}
    return [
        cell(
            strong(f"{item['gene'] or 'no gene'} {shorten(name, 28)}".strip()),
            sub(words(item["consequence"] or "consequence not assessed")),
            code(shorten(item["hgvs_c"], 60)) if item["hgvs_c"] else None,
            code(shorten(item["variant_id"], 60)),
        ),
        cell(
            item["zygosity"],
            code(shorten(item["genotype"], 30)),
            sub(ORIGIN_WORDS[item["origin"]]) if item["origin"] in ORIGIN_WORDS else None,
            sub(item["inheritance_note"]) if item["inheritance_note"] else None,
        ),
        clinical,
        _class(item["classification"]),
        cell(
            frequency.get(item["population_status"], "not assessed"),
            sub(f"cohort {number(item['cohort_af'])}"),
        ),
        _confidence(context.claims[item["claim"]]),
    ]


def _class(row: Row | None) -> Cell:
    if row is None:
        return cell("not classified")
    counted = [c["criterion"] for c in row["criteria"] if c["counted"]]
    return cell(
        words(row["class"]),
        sub(f"{row['points']} points" + (f": {', '.join(counted)}" if counted else "")),
        None if row["agree"] else sub(f"rules of 2015: {words(row['class_2015'])}"),
        sub(f"set by a curator; by the criteria: {words(row['class_points'])}") if row["override"] else None,
    )


def _confidence(claim: Row) -> Cell:
    return cell(chip(claim["confidence"]["word"]), sub(confidence_number(claim["confidence"])))


def _why_listed(item: Row) -> list[Block]:
    said = (
        f"{item['gene'] or shorten(item['variant_id'])} is listed because it is {'; '.join(item['reasons'])}."
    )
    if item["disease"]:
        said += f" Gene and disease: {shorten(words(item['disease']), 120)}"
        said += f" ({item['inheritance']})." if item["inheritance"] else "."
    blocks = [text(said, "muted")]
    criteria = (item["classification"] or {}).get("criteria", [])
    if criteria:
        lines = []
        for c in criteria:
            counted = "" if c["counted"] else ", not counted: another criterion already uses this evidence"
            line = f"{c['criterion']} ({words(c['strength'])}{counted}): {shorten(c['reason'], 300)}"
            if c["source"]:
                row = "" if c["source_row"] is None else f", row {c['source_row']}"
                line += f" [{shorten(c['source'], 60)}{row}]"
            lines.append(line)
        blocks.append({"kind": "list", "items": lines})
    return blocks


def _joint(change: Row) -> Block:
    phase = "lie on one copy of the gene"
    if change["phase"] != "known":
        phase = "may lie on one copy of the gene (phase not known)"
    said = (
        f"{change['gene'] or change['transcript']}: {len(change['variants'])} variants {phase} and are read "
    )
    said += f"together: {words(change['consequence'])}"
    if change["amino_acid_change"]:
        said += f", {shorten(change['amino_acid_change'])}"
    return text(f"{said} ({shorten(', '.join(change['variants']), 120)}).")


def _left_out(chapter: Row) -> str:
    counts, said = chapter["counts"], []
    left = []
    if counts["benign"]:
        left.append(f"{plural(counts['benign'], 'carried variant')} recorded as benign or likely benign")
    if counts["common"]:
        left.append(f"{plural(counts['common'], 'carried variant')} too common to be listed")
    if left:
        said.append(f"Not listed: {', and '.join(left)}.")
    if counts["no_call"]:
        said.append(
            f"No usable genotype at {plural(counts['no_call'], 'site')} with a known pathogenic allele."
        )
    if chapter["items"]:
        said.append(
            "Frequencies are of the alternate allele: in the reference population, and in this cohort."
        )
    return " ".join(said)


def tumours(context: Context) -> list[Block]:
    """Each tumour with its mutations."""
    chapter = context.report["tumours"]
    blocks = [text(chapter["statement"])]
    for tumour in chapter["items"]:
        blocks += [heading(tumour["tumour"]), text(tumour["verdict"])]
        if tumour["mutations"]:
            columns = [("Gene and change", 40), ("Kind", 24), ("Reads with the change", 18)]
            blocks.append(
                table([*columns, ("Patients of the cohort", 18)], [_mutation(m) for m in tumour["mutations"]])
            )
        said = (
            "Mutations that change a protein, by how many patients of the cohort have one in the same gene: "
            "long genes are mutated often by chance, so the order doesn’t say which matters."
            if tumour["mutations"]
            else "No mutation that is known to change a protein is in the calls."
        )
        if tumour["n_more"]:
            said += f" {plural(tumour['n_more'], 'more mutation')} of this kind not listed."
        if tumour["not_assessed"]:
            said += f" Not assessed: {', '.join(tumour['not_assessed'])}."
        blocks.append(text(said, "muted"))
    return blocks


LISTED = frozenset({"status", "statement", "items"})


def _mutation(m: Row) -> list[Cell]:
    reads = cell("not assessed")
    if m["vaf"] is not None:
        counted = m["alt_reads"] is not None and m["depth"] is not None
        reads = cell(
            percent(m["vaf"]), sub(f"{number(m['alt_reads'])} of {number(m['depth'])}") if counted else None
        )
    return [
        cell(
            strong(f"{m['gene'] or 'no gene'} {shorten(m['protein_change'] or '')}".strip()),
            code(shorten(m["variant_id"], 48)),
        ),
        cell(
            words(m["classification"]),
            sub("somatic or germline") if m["status"] == "somatic_or_germline" else None,
        ),
        reads,
        cell(number(m["n_patients"])),
    ]


def targets(context: Context) -> list[Block]:
    """Entries of the target table that fit, with rank and evidence."""
    chapter = context.report["targets"]
    items, blocks = chapter["items"], [text(chapter["statement"])]
    if not items:
        return blocks
    columns = [
        ("Intervention", 27),
        ("Tier", 7),
        ("Rests on", 32),
        ("Rank, 90 % interval", 19),
        ("Confidence", 15),
    ]
    blocks.append(table(columns, [_target(item, len(items), context) for item in items]))
    blocks.append(
        text(
            "Tier R1 is resistance or harm, shown first; 1 is the strongest evidence, 4 the weakest. "
            "“Indicated” and “contraindicated” are the words of the table of targets that the run was given, "
            "not advice for this patient.",
            "muted",
        )
    )
    return blocks


def _target(item: Row, n: int, context: Context) -> list[Cell]:
    word = context.claims[item["claim"]]["confidence"]["word"]
    rank = f"{number(item['rank'])} of {n}"
    if item["rank_low"] != item["rank_high"]:
        rank += f" ({number(item['rank_low'])} to {number(item['rank_high'])})"
    picture = drawing(
        svg.interval(item["rank_low"], item["rank_high"], item["rank"], n, rank), f"rank {rank}", 85
    )
    named = f"Source: {item['source'] or 'not named'} {item['source_version'] or ''}".strip()
    return [
        cell(strong(shorten(item["intervention"], 80)), chip(item["action"]), sub(f"gene {item['gene']}")),
        cell(str(item["tier"])),
        cell(
            words(item["link"]),
            sub(shorten(words(item["detail"]), 240)) if item["detail"] else None,
            sub(named),
            source(item["source_record"]) if item["source_record"] else None,
        ),
        cell(picture if n > 1 else None, sub(rank)),
        cell(
            chip(word),
            sub(f"in the first 3 with probability {probability(item['probability_top3'])}")
            if n > 3
            else None,
        ),
    ]


def subtype(context: Context) -> list[Block]:
    """The call, what it rests on, and the patient's place in the cohort."""
    chapter = context.report["subtype"]
    blocks = [text(chapter["statement"])]
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
        blocks.append(text(said, "muted"))
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
                "a subtype’s people, outer ones about 90 %. The call is made from all features, not from this "
                "picture.",
                "muted",
            ),
        ]
    return blocks + [text(_survival(s, chapter["subtype"])) for s in chapter["survival"]]


SUBTYPE_SHOWN = frozenset(
    {
        *("status", "statement", "claim", "call", "subtype", "reason", "posterior", "second_subtype"),
        *("second_posterior", "typicality", "typicality_limit", "posterior_limit", "n_in_subtype"),
        *("posteriors", "compared_with", "features", "survival", "position"),
    }
)


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


def associations(context: Context) -> list[Block]:
    """Significant loci of the cohort that the patient carries."""
    chapter = context.report["associations"]
    blocks = [text(chapter["statement"]), *_failed(context)]
    if not chapter["items"]:
        return blocks
    columns = [("Trait", 18), ("Locus", 28), ("Carries", 18), ("Effect (95 % interval)", 22), ("p, n", 14)]
    rows = []
    for item in chapter["items"]:
        locus = cell(code(shorten(item["id"], 48)), sub(f"near {item['gene']}") if item["gene"] else None)
        if item["kind"] == "gene":
            locus = cell(f"gene {item['gene']}", sub("rare altering variants together"))
        carried = plural(item["alleles"], "allele")
        carried += f" {shorten(item['effect_allele'], 16)}" if item["effect_allele"] else ""
        rows.append(
            [
                cell(words(item["trait"])),
                locus,
                cell(carried, None if item["eaf"] is None else sub(f"frequency {number(item['eaf'])}")),
                cell(item["effect"]),
                cell(p_value(item["neg_log10_p"]), sub(f"n = {number(item['n'])}")),
            ]
        )
    said = "Context from this cohort, not replicated elsewhere. Effects are averages over people and don’t "
    return [*blocks, table(columns, rows), text(f"{said}predict a patient.", "muted")]


ASSOCIATIONS_SHOWN = frozenset({"status", "statement", "items", "n_loci", "no_call"})

_ROLES = (
    (("trait",), "Tested for association"),
    (("covariate", "confounder"), "Adjusted for"),
    (("outcome",), "Outcomes"),
    (("feature",), "Features of the subtypes"),
    (("label",), "Known classes"),
)


def clinical(context: Context) -> list[Block]:
    """The patient's clinical values by what they were used for."""
    chapter = context.report["clinical"]
    blocks = [text(chapter["statement"])]
    shown = {role for roles, _ in _ROLES for role in roles}
    further = tuple(sorted({item["role"] for item in chapter["items"]} - shown))
    for roles, title in (*_ROLES, (further, "Other values")):
        rows = [_value(item) for item in chapter["items"] if item["role"] in roles]
        if rows:
            blocks.append(table([(title, 46), ("Patient", 29), ("Percentile", 25)], rows))
    if chapter["items"]:
        said = (
            "Percentile: place among the people of this cohort who have a value. It is not a reference range."
        )
        blocks.append(text(said, "muted"))
    return blocks


def _value(item: Row) -> list[Cell]:
    place = "–"
    if item["percentile"] is not None:
        place = f"{percentile(item['percentile'])} of {number(item['n'])}"
    name = cell(words(item["name"]), sub(shorten(item["description"], 120)) if item["description"] else None)
    return [name, _clinical_value(item), cell(place)]


def _clinical_value(item: Row) -> Cell:
    value = item["value"]
    if item["status"] == "missing":
        return cell("not recorded")
    if item["status"] == "set aside":
        aside = item["set_aside"]
        said = f"found “{shorten(aside['found'], 60)}”; expected {shorten(aside['expected'], 80)}"
        return cell(chip("set aside"), sub(said))
    if isinstance(value, bool):
        return cell("yes" if value else "no")
    if isinstance(value, int | float):
        return cell(f"{number(value, 4)} {item['unit'] or ''}".strip())
    return cell(shorten(str(value), 80))


def quality(context: Context) -> list[Block]:
    """Every measure with its limit, and the relatives."""
    chapter = context.report["quality"]
    verdict = chapter["verdict"] or "not assessed"
    blocks = [text(f"{verdict.capitalize()}. {chapter['statement']}", "alarm" if verdict == "fail" else "")]
    if chapter["metrics"]:
        columns = [("Measure", 40), ("Patient", 14), ("Limit", 20), ("Cohort median", 14), ("Verdict", 12)]
        rows = [_metric(metric) for metric in chapter["metrics"]]
        sex = chapter["sex"]
        rows.append(
            [
                cell("Sex", sub("Declared sex against the X and Y genotypes.")),
                cell(words(sex["inferred"] or "not assessed")),
                cell(f"declared {sex['declared']}"),
                cell(""),
                cell(chip(sex["verdict"])),
            ]
        )
        blocks.append(table(columns, rows))
    if chapter["relatives"]:
        columns = [("Person", 25), ("Relationship from genotypes", 30), ("Kinship", 15), ("Pedigree", 30)]
        rows = [
            [cell(r["patient"]), cell(r["relationship"]), cell(number(r["kinship"])), cell(r["declared"])]
            for r in chapter["relatives"]
        ]
        blocks.append(table(columns, rows, "Related people in the cohort"))
    elif chapter["relatives_status"] == "absent":
        blocks.append(text("No relative up to the third degree was found in the cohort.", "muted"))
    elif chapter["status"] == "assessed":
        blocks.append(text("Relatedness was not assessed: too few independent variants.", "muted"))
    return blocks


QUALITY_SHOWN = frozenset(
    {
        *("status", "statement", "verdict", "reasons", "metrics", "relatives", "relatives_status"),
        *("sex", "in_statistics", "claims"),
    }
)


def _metric(metric: Row) -> list[Cell]:
    show = percent if metric["name"] in SHARES else number
    return [
        cell(metric["label"], sub(metric["explanation"])),
        cell(show(metric["value"])),
        cell(metric["threshold"] or "none"),
        cell(show(metric["cohort_median"])),
        cell(chip(metric["verdict"])),
    ]


def not_assessed(context: Context) -> list[Block]:
    """What the report can say nothing about."""
    rows = [[cell(words(gap["topic"])), cell(gap["reason"])] for gap in context.report["not_assessed"]]
    said = "What this report can say nothing about. None of it is negative."
    return [text(said), table([("Topic", 35), ("Why", 65)], rows)]


def methods(context: Context) -> list[Block]:
    """How the report was made, from which sources, with which settings."""
    chapter, run = context.report["methods"], context.report["run"]
    known = [
        [
            cell(words(s["source"])),
            cell(code(s["file"] or "not named")),
            cell(s["version"] or "not stated"),
            cell(code((s["sha256"] or "")[:16])),
        ]
        for s in run["knowledge"]
    ]
    columns = [("Source", 25), ("File", 30), ("Version", 25), ("SHA-256", 20)]
    settings = [[cell(s["meaning"], code(s["key"])), cell(_setting(s["value"]))] for s in chapter["settings"]]
    return [
        {"kind": "list", "items": chapter["statements"]},
        table(columns, known, "Knowledge sources")
        if known
        else text("No knowledge source was given to this run."),
        table([("Setting", 70), ("Value", 30)], settings, "Settings"),
    ]


METHODS_SHOWN = frozenset({"statements", "settings"})


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _failed(context: Context) -> list[Block]:
    return [text(FAILED, "alarm")] if context.report["quality"]["verdict"] == "fail" else []
