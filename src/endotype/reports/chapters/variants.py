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
from endotype.reports.text import (
    confidence_number,
    number,
    plural,
    shorten,
    words,
)


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


def variant_table(items: list[Row], context: Context) -> Block:
    """Listed variants with what is known of each."""
    columns = [("Gene and change", 25), ("Genotype", 17), ("Clinical source", 19)]
    columns += [("ACMG/AMP criteria", 18), ("Frequency", 11), ("Confidence", 15)]
    return table(columns, [_variant(item, context) for item in items])


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
