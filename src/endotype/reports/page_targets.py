"""Targets of the cohort by subtype: how many patients of each have an entry of the target table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from endotype.reports.inputs import Row
from endotype.reports.language import N_, _
from endotype.reports.page_table import Cell, Column, Table
from endotype.reports.text import percent, shorten, words

_KEYS = ("intervention", "gene", "tier", "action", "link")
LINK_WORDS = {
    "carried_variant": N_("a carried variant"),
    "subtype": N_("the subtype"),
    "association": N_("an association of this cohort"),
}


class TargetCounts:
    """Counts the entries of patients' reports, one report at a time, so that none has to be kept."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[tuple[str, ...], str | None]] = Counter()
        self._assessed: Counter[str | None] = Counter()

    def add(self, report: Row) -> None:
        """Count one patient once for each different entry; nobody whose targets weren't assessed."""
        if report["targets"]["status"] == "not_assessed":
            return
        subtype = report["subtype"]["subtype"]
        self._assessed[subtype] += 1
        for entry in {tuple(str(item[key]) for key in _KEYS) for item in report["targets"]["items"]}:
            self._counts[entry, subtype] += 1

    def assessed(self, subtypes: Iterable[str]) -> Row:
        """Patients whose targets were assessed, by subtype; ``no_subtype`` is those without one."""
        return {name: self._assessed[name] for name in subtypes} | {"no_subtype": self._assessed[None]}

    def entries(self, subtypes: Sequence[str]) -> list[Row]:
        """Rows of ``intervention gene tier action link n by_subtype no_subtype``, by tier, then by number."""
        rows = []
        for entry in sorted({entry for entry, _subtype in self._counts}):
            by_subtype = {name: self._counts[entry, name] for name in subtypes}
            rest = self._counts[entry, None]
            row = dict(zip(_KEYS, entry, strict=True))
            rows.append(
                row | {"n": sum(by_subtype.values()) + rest, "by_subtype": by_subtype, "no_subtype": rest}
            )
        return sorted(rows, key=lambda row: (row["tier"], -row["n"]))


def target_table(entries: Sequence[Row], assessed: Row, colours: Mapping[str, str]) -> Table:
    """The table of targets, with a column for each subtype.

    Args:
        entries: of :meth:`TargetCounts.entries`.
        assessed: of :meth:`TargetCounts.assessed`; what percentages are of.
        colours: of the subtypes, in their order.
    """
    columns = [
        Column(_("Intervention")),
        Column(_("Gene")),
        Column(_("Tier"), choice=_("Tier")),
        Column(_("Action"), choice=_("Action")),
        Column(_("Rests on"), choice=_("Rests on")),
        Column(_("Patients"), numeric=True),
        *(Column(name, numeric=True) for name in colours),
        Column(_("No subtype"), numeric=True),
    ]
    rows = [_cells(row, assessed, list(colours)) for row in entries]
    return Table("targets", _("targets"), columns, rows)


def _cells(row: Row, assessed: Row, subtypes: Sequence[str]) -> list[Cell]:
    link = _(LINK_WORDS[row["link"]]) if row["link"] in LINK_WORDS else words(row["link"])
    action = row["action"]
    warns = action == "contraindicated"
    return [
        Cell(shorten(row["intervention"], 60), key=row["intervention"]),
        Cell(shorten(row["gene"]), key=row["gene"]),
        Cell(row["tier"], key=row["tier"], group=row["tier"]),
        Cell("" if warns else words(action), chip=action if warns else "", key=action, group=words(action)),
        Cell(link, key=link, group=link),
        Cell(f"{row['n']:,}", key=row["n"]),
        *(_share(row["by_subtype"].get(name, 0), assessed[name]) for name in subtypes),
        _share(row["no_subtype"], assessed["no_subtype"]),
    ]


def _share(n: int, of: int) -> Cell:
    """A number with its share; an empty group has none."""
    if not of:
        return Cell(note=_("nobody"))
    if not n:
        return Cell(note=_("none"), key=n)
    return Cell(f"{n:,}", _("of {of:,} ({share})", of=of, share=percent(n / of)), key=n)
