"""The chapter on variants."""

from __future__ import annotations

from endotype.reports.blocks import (
    Block,
    Cell,
    cell,
    chip,
    code,
    strong,
    sub,
    table,
    text,
)
from endotype.reports.chapters.context import Context, failed
from endotype.reports.inputs import Row
from endotype.reports.interpretation import ORIGIN_WORDS
from endotype.reports.language import _, known, ngettext, sentences
from endotype.reports.text import (
    confidence_number,
    listed,
    number,
    reasons_listed,
    shorten,
    words,
)
from endotype.reports.vocabulary import mode_of_inheritance


def variants(context: Context) -> list[Block]:
    """Carried variants, why each is listed, and the criteria behind its class."""
    chapter = context.report["variants"]
    blocks = [text(chapter["statement"]), *failed(context)]
    serious = [item for item in chapter["items"] if item["group"] != "other_clinical"]
    other = [item for item in chapter["items"] if item["group"] == "other_clinical"]
    if serious:
        blocks.append(variant_table(serious, context))
        for item in serious:
            blocks += _why_listed(item)
    blocks += [_joint(change) for change in chapter["joint_changes"]]
    if other:
        columns = [(_("Gene and change"), 40), (_("Genotype"), 18), (_("Clinical source"), 27)]
        columns.append((_("Frequency"), 15))
        rows = [_variant(item, context) for item in other]
        blocks.append(
            table(
                columns,
                [[r[0], r[1], r[2], r[4]] for r in rows],
                _("Rare variants with another clinical record"),
            )
        )
    if chapter["status"] != "not_assessed":
        blocks.append(text(left_out(chapter), "muted"))
    return [block for block in blocks if block.get("text") != ""]


VARIANTS_SHOWN = frozenset({"status", "statement", "items", "joint_changes", "counts", "no_call"})


def variant_table(items: list[Row], context: Context) -> Block:
    """Listed variants with what is known of each."""
    columns = [(_("Gene and change"), 25), (_("Genotype"), 17), (_("Clinical source"), 19)]
    columns += [(_("ACMG/AMP criteria"), 18), (_("Frequency"), 11), (_("Confidence"), 15)]
    return table(columns, [_variant(item, context) for item in items])


def _variant(item: Row, context: Context) -> list[Cell]:
    name = (item["hgvs_p"] or item["hgvs_c"] or "").rpartition(":")[2]
    clinical: Cell = cell(_("absent") if item["clinical_status"] == "absent" else _("not assessed"))
    if item["clinical_significance"]:
        stars = item["review_stars"]
        clinical = cell(
            words(item["clinical_significance"]),
            None if stars is None else sub(_("{n:.0f} of 4 review stars", n=stars)),
            sub(shorten(words(item["condition"]), 90)) if item["condition"] else None,
        )
    frequency = {"present": number(item["population_af"]), "absent": _("absent")}
    return [
        cell(
            strong(f"{item['gene'] or _('no gene')} {shorten(name, 28)}".strip()),
            sub(words(item["consequence"] or "consequence not assessed")),
            code(shorten(item["hgvs_c"], 60)) if item["hgvs_c"] else None,
            code(shorten(item["variant_id"], 60)),
        ),
        cell(
            words(item["zygosity"]),
            code(shorten(item["genotype"], 30)),
            sub(_(ORIGIN_WORDS[item["origin"]])) if item["origin"] in ORIGIN_WORDS else None,
            sub(item["inheritance_note"]) if item["inheritance_note"] else None,
        ),
        clinical,
        _class(item["classification"]),
        cell(
            frequency.get(item["population_status"], _("not assessed")),
            sub(_("cohort {number}", number=number(item["cohort_af"]))),
        ),
        _confidence(context.claims[item["claim"]]),
    ]


def _class(row: Row | None) -> Cell:
    if row is None:
        return cell(_("not classified"))
    counted = [c["criterion"] for c in row["criteria"] if c["counted"]]
    return cell(
        words(row["class"]),
        sub(points_text(row["points"], counted)),
        None if row["agree"] else sub(_("rules of 2015: {name}", name=words(row["class_2015"]))),
        sub(_("set by a curator; by the criteria: {name}", name=words(row["class_points"])))
        if row["override"]
        else None,
    )


def points_text(points: int, counted: list[str]) -> str:
    """Points of a class, and the criteria that they come from."""
    if not counted:
        return _("{n} points", n=points)
    return _("{n} points: {criteria}", n=points, criteria=listed(counted))


def _confidence(claim: Row) -> Cell:
    return cell(chip(claim["confidence"]["word"]), sub(confidence_number(claim["confidence"])))


def _why_listed(item: Row) -> list[Block]:
    said = sentences(
        _(
            "{variant} is listed because it is {reasons}.",
            variant=item["gene"] or shorten(item["variant_id"]),
            reasons=reasons_listed(item["reasons"]),
        ),
        disease_sentence(item),
    )
    blocks = [text(said, "muted")]
    criteria = (item["classification"] or {}).get("criteria", [])
    if criteria:
        blocks.append({"kind": "list", "items": [_criterion(c) for c in criteria]})
    return blocks


def disease_sentence(item: Row) -> str | None:
    """The disease of a gene and how it is inherited, by the gene table."""
    if not item["disease"]:
        return None
    disease = shorten(words(item["disease"]), 120)
    if item["inheritance"]:
        disease = _("{disease} ({mode})", disease=disease, mode=mode_of_inheritance(item["inheritance"]))
    return _("Gene and disease: {disease}.", disease=disease)


def _criterion(c: Row) -> str:
    line = _(
        "{criterion} ({strength}): {reason}",
        criterion=c["criterion"],
        strength=strength_text(c),
        reason=shorten(known(c["reason"]), 300),
    )
    if not c["source"]:
        return line
    return f"{line} [{criterion_source(c)}]"


def strength_text(c: Row) -> str:
    """How strong a criterion is, and whether it counts."""
    if c["counted"]:
        return words(c["strength"])
    return _(
        "{strength}, not counted: another criterion already uses this evidence", strength=words(c["strength"])
    )


def criterion_source(c: Row) -> str:
    """The table that a criterion rests on, and the row in it."""
    source = shorten(c["source"], 60)
    return source if c["source_row"] is None else _("{source}, row {n}", source=source, n=c["source_row"])


def _joint(change: Row) -> Block:
    where, what = joint_sentence(change)
    said = _("{gene}: {text}", gene=change["gene"] or change["transcript"], text=where)
    return text(_("{text} ({variants}).", text=said, variants=what))


def joint_sentence(change: Row) -> tuple[str, str]:
    """What several variants of one gene do together, and which variants those are."""
    result = words(change["consequence"])
    if change["amino_acid_change"]:
        result = listed([result, shorten(change["amino_acid_change"])])
    values = {"n": len(change["variants"]), "consequence": result}
    if change["phase"] == "known":
        said = _("{n} variants lie on one copy of the gene and are read together: {consequence}", **values)
    else:
        said = _(
            "{n} variants may lie on one copy of the gene (phase not known) and are read together: "
            "{consequence}",
            **values,
        )
    return said, shorten(", ".join(change["variants"]), 120)


def left_out(chapter: Row) -> str:
    """What of the carried variants isn't listed, and of which allele frequencies are."""
    counts = chapter["counts"]
    left, unknown, frequencies = [], None, None
    if counts["benign"]:
        left.append(
            ngettext(
                "{n:,} carried variant recorded as benign or likely benign",
                "{n:,} carried variants recorded as benign or likely benign",
                counts["benign"],
            )
        )
    if counts["common"]:
        left.append(
            ngettext(
                "{n:,} carried variant too common to be listed",
                "{n:,} carried variants too common to be listed",
                counts["common"],
            )
        )
    if counts["no_call"]:
        unknown = ngettext(
            "No usable genotype at {n:,} site with a known pathogenic allele.",
            "No usable genotype at {n:,} sites with a known pathogenic allele.",
            counts["no_call"],
        )
    if chapter["items"]:
        frequencies = _(
            "Frequencies are of the alternate allele: in the reference population, and in this cohort."
        )
    what = (
        left[0] if len(left) == 1 else _("{some}, and {other}", some=left[0], other=left[1]) if left else ""
    )
    return sentences(_("Not listed: {what}.", what=what) if left else None, unknown, frequencies)
