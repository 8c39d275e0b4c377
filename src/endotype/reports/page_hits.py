"""The strongest associations of all traits, as one table that can be searched and sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from endotype.reports.inputs import Row
from endotype.reports.language import N_, _
from endotype.reports.page_table import Cell, Column, Table
from endotype.reports.text import number, p_value, shorten, words

MAX_FURTHER = 1000
"""Significant variants beside the leads of their loci that are listed, the strongest."""

FLANK = 250_000
"""Base pairs on either side of a variant that the chart is turned to."""

KINDS = {
    "variant": N_("lead variant"),
    "gene": N_("rare variants of a gene"),
    "set": N_("set of variants"),
}

FURTHER = N_("further significant variant")


def _columns() -> tuple[Column, ...]:
    return (
        Column(_("Trait"), choice=_("Trait")),
        Column(_("Variant, gene or set"), code=True),
        Column(_("Kind"), choice=_("Kind")),
        Column(_("Gene")),
        Column(_("Beta (standard error)"), numeric=True),
        Column("p", numeric=True),
        Column("n", numeric=True),
        Column(_("See")),
    )


def hit_table(loci: Sequence[Row], manhattan: Row, close_ups: Mapping[tuple[str, str], str]) -> Table:
    """The table of associations: loci in their order, then the further significant variants of each trait.

    Args:
        loci: rows of ``association/loci.parquet``.
        manhattan: of :func:`~endotype.reports.page_manhattan.manhattan_data`.
        close_ups: trait and lead -> where on the page its regional plot is.
    """
    charts = {trait["trait"]: trait for trait in manhattan["traits"]}
    rows = [_locus(locus, charts, close_ups) for locus in loci]
    leads = {(locus["trait"], locus["id"]) for locus in loci}
    further = [
        (trait["trait"], hit)
        for trait in charts.values()
        for hit in _hits(trait["hits"])
        if (trait["trait"], hit["id"]) not in leads
    ]
    further.sort(key=lambda pair: (-pair[1]["y"], pair[0], pair[1]["id"]))
    rows += [_further(trait, hit) for trait, hit in further[:MAX_FURTHER]]
    return Table("hits", _("associations"), _columns(), rows)


def n_variants(table: Table) -> int:
    """Rows of the table that are single variants."""
    return sum(row[2].text in (_(KINDS["variant"]), _(FURTHER)) for row in table.rows)


def _hits(hits: Row) -> list[Row]:
    names = sorted(hits)
    return [dict(zip(names, values, strict=True)) for values in zip(*(hits[n] for n in names), strict=True)]


def _locus(locus: Row, charts: Mapping[str, Row], close_ups: Mapping[tuple[str, str], str]) -> list[Cell]:
    kind = _(KINDS[locus["kind"]]) if locus["kind"] in KINDS else words(locus["kind"])
    return [
        _trait(locus["trait"]),
        Cell(shorten(locus["id"], 48), key=locus["id"]),
        Cell(kind, key=kind, group=kind),
        Cell(shorten(locus["gene"] or "–"), key=locus["gene"]),
        _effect(locus["beta"], locus["se"]),
        _p(locus["neg_log10_p"]),
        _n(locus["n"]),
        _see(locus, charts, close_ups.get((locus["trait"], locus["id"]), "")),
    ]


def _further(trait: str, hit: Row) -> list[Cell]:
    kind = Cell(_(FURTHER), key=_(FURTHER), group=_(FURTHER))
    cells = [_trait(trait), Cell(shorten(hit["id"], 48), key=hit["id"]), kind]
    cells += [Cell("–"), _effect(hit.get("beta"), hit.get("se")), _p(hit["y"]), _n(None)]
    return [*cells, Cell(zoom=(trait, _region(hit["chrom"], hit["pos"])))]


def _trait(name: str) -> Cell:
    return Cell(words(name), key=name, group=words(name))


def _effect(beta: float | None, se: float | None) -> Cell:
    return Cell(number(beta), f"({number(se)})", key=beta)


def _p(neg_log10_p: float | None) -> Cell:
    return Cell(p_value(neg_log10_p), key=None if neg_log10_p is None else -neg_log10_p)


def _n(n: int | None) -> Cell:
    return Cell(number(n), key=n)


def _see(locus: Row, charts: Mapping[str, Row], close_up: str) -> Cell:
    chart = charts.get(locus["trait"])
    drawn = chart is not None and any(c[0] == locus["chrom"] for c in chart["chromosomes"])
    zoom = None
    if drawn and locus["pos"] is not None:
        zoom = (locus["trait"], _region(locus["chrom"], locus["pos"]))
    return Cell(_("close up") if close_up else "", link=close_up, zoom=zoom)


def _region(chrom: str, pos: int) -> str:
    return f"{chrom}:{max(int(pos) - FLANK, 1)}-{int(pos) + FLANK}"
