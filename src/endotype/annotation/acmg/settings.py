"""What can be set of the classification, and thresholds of single genes.

Defaults are general: a disease whose frequency, penetrance and mechanism are known deserves its own
thresholds, and an expert panel's specification for a gene is worth more than any of these numbers. They go
into the table of :func:`read_thresholds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from endotype.annotation.acmg.criteria import CRITERIA, POINTS
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.tables import read_text_table, require_columns

SCHEMES = ("points", "rules_2015")
DE_NOVO_PHENOTYPES = ("specific", "consistent", "heterogeneous")


@dataclass(frozen=True)
class Settings:
    """Every number that the criteria use unless a gene has its own.

    Attributes:
        scheme: which of the two classes is the class: ``points`` or ``rules_2015``.
        missense_score: the one tool whose score of missense variants counts, chosen before the data are seen;
            a tool of ``resources/acmg/predictors.tsv``, or null for none.
        splice_score: likewise for splicing.
        missense_column, splice_column: where the variants table has them, if not under the tool's name.
        conservation_column, conservation_max: a score above which BP7 is not given; null: not asked for.
        strongest_prediction: PP3 and BP4 count at most that much.
        min_alleles: alleles that the population source must have counted (Ghosh et al. 2018).
        ba1_frequency, bs1_frequency: above which the criterion is met.
        pm2_frequency, pm2_frequency_recessive: up to which PM2 is met.
        bs2_homozygotes: of a recessive gene, in the population, from which BS2 is met.
        known_min_stars: ClinVar stars from which a (likely) pathogenic allele is an established one.
        pp2_missense_z: gnomAD's z from which a gene tolerates little missense.
        gene_min_known: established alleles a gene must have before shares of them mean anything (PP2, BP1).
        pp2_missense_share, bp1_truncating_share: shares from which the mechanism is called missense or
            truncation.
        ps4_trait: the binary trait of the cohort that is the gene's disease; null: PS4 is not evaluated.
        ps4_odds_ratio, ps4_max_p, ps4_min_alleles: PS4 needs an odds ratio above, a p-value up to, and that
            many alternate alleles among cases.
        de_novo_phenotype: how well the patients' phenotype fits the gene, which decides the points of a de
            novo variant (ClinGen SVI on PS2 and PM6): ``specific``, ``consistent`` or ``heterogeneous``.
    """

    scheme: str = "points"
    missense_score: str | None = "revel"
    splice_score: str | None = "spliceai"
    missense_column: str | None = None
    splice_column: str | None = None
    conservation_column: str | None = None
    conservation_max: float | None = None
    strongest_prediction: str = "strong"
    min_alleles: int = 2000
    ba1_frequency: float = 0.05
    bs1_frequency: float = 0.01
    pm2_frequency: float = 0.0
    pm2_frequency_recessive: float = 0.0001
    bs2_homozygotes: int = 5
    known_min_stars: int = 2
    pp2_missense_z: float = 3.09
    gene_min_known: int = 10
    pp2_missense_share: float = 0.5
    bp1_truncating_share: float = 0.9
    ps4_trait: str | None = None
    ps4_odds_ratio: float = 5.0
    ps4_max_p: float = 5e-8
    ps4_min_alleles: int = 5
    de_novo_phenotype: str = "heterogeneous"

    def __post_init__(self) -> None:
        for name, allowed in _WORDS.items():
            if getattr(self, name) not in allowed:
                raise input_error(
                    f"acmg setting {name}", visible(str(getattr(self, name))), "one of " + ", ".join(allowed)
                )
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise input_error(f"acmg setting {name}", str(getattr(self, name)), "a number from 0 to 1")
        if self.conservation_column is not None and self.conservation_max is None:
            raise input_error(
                "acmg setting conservation_max", "nothing", "the score above which BP7 is not given"
            )


_WORDS = {
    "scheme": SCHEMES,
    "strongest_prediction": ("supporting", "moderate", "strong", "very_strong"),
    "de_novo_phenotype": DE_NOVO_PHENOTYPES,
}
_SHARES = (
    *("ba1_frequency", "bs1_frequency", "pm2_frequency", "pm2_frequency_recessive", "ps4_max_p"),
    *("pp2_missense_share", "bp1_truncating_share"),
)


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from a mapping; what it leaves out is the default.

    Raises:
        InputError: an unknown name, or a value of another type.
    """
    known = {f.name: f for f in fields(Settings)}
    problems = []
    taken: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            problems.append(
                Problem("acmg settings", None, name, visible(name), "a known setting", nearest(name, known))
            )
            continue
        default = known[name].default
        number = isinstance(value, int | float) and not isinstance(value, bool)
        numeric = isinstance(default, int | float) or name == "conservation_max"
        optional = default is None or name in ("missense_score", "splice_score")
        whole = isinstance(default, int)
        if value is None and not optional:
            problems.append(Problem("acmg settings", None, name, "null", "a value"))
        elif value is not None and numeric and not (number and (not whole or float(value).is_integer())):
            problems.append(
                Problem(
                    "acmg settings",
                    None,
                    name,
                    visible(str(value)),
                    "a whole number" if whole else "a number",
                )
            )
        elif value is not None and not numeric and not isinstance(value, str):
            problems.append(Problem("acmg settings", None, name, visible(str(value)), "text"))
        else:
            taken[name] = value
    if problems:
        raise InputError(problems)
    return Settings(**taken)


class Threshold(NamedTuple):
    """What one gene asks of one criterion; ``row`` is the line of the table."""

    value: str
    strength: str
    source: str
    row: int

    @property
    def number(self) -> float:
        """The threshold as a number."""
        return float(self.value)


Thresholds = Mapping[tuple[str, str, str], tuple[Threshold, ...]]
"""Thresholds by gene, criterion and property; the strongest first."""

THRESHOLD_COLUMNS = ["gene", "criterion", "property", "threshold", "strength", "source"]

PROPERTIES = {
    "frequency": ("BA1", "BS1", "PM2"),
    "homozygotes": ("BS2",),
    "heterozygotes": ("BS2",),
    "protein_positions": ("PM1",),
    "score": ("PP3", "BP4"),
    "missense_z": ("PP2",),
    "last_position": ("PVS1",),
    "applies": tuple(CRITERIA),
}
"""What a threshold can be about, and the criteria that know it."""


def read_thresholds(path: str | Path | None) -> Thresholds:
    """Read the table of thresholds of single genes; no path, or no rows: none.

    Columns: ``gene`` (symbol or id), ``criterion``, ``property``, ``threshold``, ``strength`` (empty: the
    criterion's own), ``source``. Properties: ``frequency`` (BA1, BS1: met above it; PM2: met up to it),
    ``homozygotes`` and ``heterozygotes`` (BS2: met from that many), ``protein_positions`` (PM1: ``181-937``),
    ``score`` (PP3: met from it on; BP4: met up to it), ``missense_z`` (PP2), ``last_position`` (PVS1: not
    beyond that residue), ``applies`` (any: ``no`` takes the criterion out of use for the gene, ``yes``
    asserts of PVS1 that loss of function causes disease, of PP2 that missense does, of BP1 that only
    truncation does).

    Raises:
        InputError: with every fault of the table.
    """
    if path is None:
        return {}
    table = read_text_table(path)
    require_columns(table, THRESHOLD_COLUMNS)
    problems: list[Problem] = [
        Problem(table.path, line, "", f"{cells} cells", f"{table.rows.shape[1]} cells, as in the header")
        for line, cells in table.ragged
    ]
    found: dict[tuple[str, str, str], list[Threshold]] = {}
    for line, row in zip(table.rows.index, table.rows.to_dict("records"), strict=True):
        cells = {name: str(row[name]).strip() for name in THRESHOLD_COLUMNS}
        wrong = list(_threshold_problems(table.path, int(line), cells))
        problems += wrong
        if not wrong:
            key = (cells["gene"], cells["criterion"], cells["property"])
            strength = cells["strength"] or CRITERIA[cells["criterion"]].strength
            found.setdefault(key, []).append(
                Threshold(cells["threshold"], strength, cells["source"], int(line))
            )
    if problems:
        raise InputError(problems)
    return {key: tuple(sorted(rows, key=lambda t: -POINTS[t.strength])) for key, rows in found.items()}


def _threshold_problems(path: str, line: int, cells: Mapping[str, str]) -> list[Problem]:
    problems = []

    def problem(column: str, expected: str, choices: tuple[str, ...] = ()) -> None:
        problems.append(
            Problem(path, line, column, visible(cells[column]), expected, nearest(cells[column], choices))
        )

    for column in ("gene", "source"):
        if not cells[column]:
            problem(column, "a gene" if column == "gene" else "who says so")
    criterion, about, value = cells["criterion"], cells["property"], cells["threshold"]
    if criterion not in CRITERIA:
        problem("criterion", "an ACMG/AMP criterion", tuple(CRITERIA))
    elif about not in PROPERTIES:
        problem("property", "one of " + ", ".join(PROPERTIES), tuple(PROPERTIES))
    elif criterion not in PROPERTIES[about]:
        problem("property", f"a property that {criterion} knows")
    elif about == "applies":
        if value not in ("yes", "no"):
            problem("threshold", "yes or no", ("yes", "no"))
    elif about == "protein_positions":
        if not _is_range(value):
            problem("threshold", "a range of residues such as 181-937")
    elif not _is_number(value) or (about == "frequency" and not 0 <= float(value) <= 1):
        problem("threshold", "a frequency from 0 to 1" if about == "frequency" else "a number")
    if cells["strength"] and cells["strength"] not in POINTS:
        problem("strength", "one of " + ", ".join(POINTS), tuple(POINTS))
    return problems


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _is_range(text: str) -> bool:
    first, _, last = text.partition("-")
    return first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)
