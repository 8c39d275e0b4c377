"""What is wrong with a design, found and named before anything is tested.

A trait that can't be tested and a covariate that can't be used are listed with the reason, strata in which
everybody is a case (or nobody is) with the combination of covariates that makes them. Only values that are
no numbers end the run: they come from a fault upstream, and leaving them out would hide it.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from endotype.association.design import Design
from endotype.errors import InputError, Problem, visible

FAULT_COLUMNS = {"trait": "str", "kind": "str", "columns": "str", "effect": "str", "detail": "str"}
"""Columns of a table of faults. ``trait`` is empty where the fault is of all; ``columns`` are joined by
``; ``; ``effect`` is ``trait_not_assessed``, ``covariate_dropped`` or ``warning`` (nothing was changed)."""

MAX_LEVELS = 10
"""A covariate with more distinct values than this makes no strata."""

MIN_EXPECTED = 5
"""Fewest cases (and controls) expected in a stratum before their absence is worth a warning."""

_CONTRIBUTES = 1e-4
_REFERENCE = "(reference)"


def require_finite(frame: pd.DataFrame, columns: list[str], source: str = "the design") -> None:
    """See that no value is infinite; NaN means missing and is allowed.

    Args:
        frame: column ``patient``, and float columns.
        columns: that are looked at.
        source: what the message calls the frame.

    Raises:
        InputError: it lists the people, at most ten a column, and how many more there are.
    """
    problems: list[Problem] = []
    for name in columns:
        values = frame[name].to_numpy("float64", na_value=np.nan)
        bad = np.flatnonzero(np.isinf(values))
        for i in bad[:10]:
            found = f"{values[i]} of {visible(str(frame['patient'].iloc[i]))}"
            problems.append(Problem(source, None, name, found, "a finite number, or nothing"))
        if len(bad) > 10:
            problems.append(
                Problem(source, None, name, f"{len(bad) - 10} more infinite values", "finite numbers")
            )
    if problems:
        raise InputError(problems)


def find_faults(design: Design) -> pd.DataFrame:
    """All faults of a design that don't end the run.

    Returns:
        :data:`FAULT_COLUMNS`. Kinds: ``trait`` (constant, fewer than ten cases, nobody with all data),
        ``covariate`` (constant, often missing), ``collinear`` (with the combination that it is),
        ``separating``, and ``stratum``: a level of a covariate, or a pair of levels, with cases only or
        controls only although both would be expected.

    Raises:
        InputError: an infinite value.
    """
    info = design.info
    numeric = [c for c in design.frame.columns if c not in ("patient", "in_analysis")]
    require_finite(design.frame, numeric)
    rows = [
        ("", _kind(reason), name, "covariate_dropped", _detail(design, name, reason))
        for name, reason in info["covariates"]["dropped"].items()
    ]
    rows += [(t, "trait", t, "trait_not_assessed", reason) for t, reason in info["not_assessed"].items()]
    for name in design.traits:
        dropped = info["traits"][name]["dropped"]
        rows += [
            (name, _kind(reason), column, "covariate_dropped", reason) for column, reason in dropped.items()
        ]
        trait = design.trait(name)
        cases = (
            trait.event if trait.kind == "cox" else trait.values == 1 if trait.kind == "logistic" else None
        )
        if cases is not None:
            factors = _factors(design.frame.iloc[trait.rows], info["covariates"]["kept"])
            words = ("events", "people without event") if trait.kind == "cox" else ("cases", "controls")
            for columns, detail in strata_of_one_outcome(factors, cases, words):
                rows.append((name, "stratum", "; ".join(columns), "warning", detail))
    return pd.DataFrame(rows, columns=list(FAULT_COLUMNS)).astype(FAULT_COLUMNS)


def name_faults(design: Design) -> Design:
    """The design with the rows of :func:`find_faults` under ``info["faults"]``."""
    return Design(design.frame, design.info | {"faults": find_faults(design).to_dict("records")})


def strata_of_one_outcome(
    factors: dict[str, pd.Series], cases: np.ndarray, words: tuple[str, str] = ("cases", "controls")
) -> list[tuple[tuple[str, ...], str]]:
    """Levels, and pairs of levels, of factors in which everybody is a case, or nobody is.

    A pair is listed only where neither of its levels is, and any stratum only where at least
    :data:`MIN_EXPECTED` people of the other outcome would be expected in it.

    Args:
        factors: levels as text, by the name of the factor; (n,) each.
        cases: bool (n,).
        words: for cases and for controls.

    Returns:
        Names of the factors, and a sentence.
    """
    share = cases.mean() if len(cases) else 0.0
    found: list[tuple[tuple[str, ...], str]] = []
    known: set[tuple[str, str]] = set()
    for size in (1, 2):
        for names in combinations(factors, size):
            keys = [factors[name].to_numpy() for name in names]
            counts = pd.DataFrame({"case": cases}).groupby(keys, sort=True)["case"].agg(["size", "sum"])
            for level, n, n_cases in zip(counts.index, counts["size"], counts["sum"], strict=True):
                levels = tuple(zip(names, level if isinstance(level, tuple) else (level,), strict=True))
                if 0 < n_cases < n or any(one in known for one in levels):
                    continue
                if n * (1 - share if n_cases else share) < MIN_EXPECTED:
                    continue
                if size == 1:
                    known.add(levels[0])
                where = " and ".join(f"{name} = {value}" for name, value in levels)
                found.append((names, f"{where}: all {n} people are {words[0 if n_cases else 1]}"))
    return found


def combination(covariates: pd.DataFrame, name: str, others: list[str]) -> str:
    """How a collinear covariate is made of others: ``a = 2 b + 0.5 c - 3``, four digits each.

    Args:
        covariates: complete float columns.
        name: of the collinear one.
        others: columns that it is a combination of, together with a constant.
    """
    matrix = np.column_stack([covariates[others].to_numpy(float), np.ones(len(covariates))])
    target = covariates[name].to_numpy(float)
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1
    coefficients = np.linalg.lstsq(matrix / scale, target, rcond=None)[0]
    size = np.linalg.norm(target)
    parts = [
        (value / s, other)
        for value, s, other in zip(coefficients, scale, [*others, ""], strict=True)
        if abs(value) > _CONTRIBUTES * size
    ]
    text = ""
    for value, other in parts:
        sign = "-" if value < 0 else "+" if text else ""
        factor = "" if other and f"{abs(value):.4g}" == "1" else f"{abs(value):.4g}"
        text += f" {sign} " if text else sign
        text += " ".join(filter(None, [factor, other]))
    return f"{name} = {text or '0'}"


def _kind(reason: str) -> str:
    if reason.startswith("collinear"):
        return "collinear"
    if reason.startswith(("separates", "a group without events")):
        return "separating"
    return "covariate"


def _detail(design: Design, name: str, reason: str) -> str:
    if _kind(reason) != "collinear":
        return reason
    kept = design.info["covariates"]["kept"]
    complete = design.frame[design.frame["in_analysis"]].dropna(subset=[*kept, name])
    # The reason names the covariates; a name may hold ", ", so each is looked for.
    others = [c for c in kept if c in reason.removeprefix("collinear with ")]
    return f"{reason}: {combination(complete, name, others)}"


def _factors(people: pd.DataFrame, covariates: list[str]) -> dict[str, pd.Series]:
    """Covariates with few levels; indicators ``name.level`` that exclude each other are one factor."""
    few = {c: people[c] for c in covariates if people[c].nunique() <= MAX_LEVELS}
    groups: dict[str, list[str]] = {}
    for column, values in few.items():
        prefix, dot, _ = column.rpartition(".")
        indicator = bool(dot) and set(values.dropna()) <= {0.0, 1.0}
        groups.setdefault(prefix if indicator else column, []).append(column)
    factors: dict[str, pd.Series] = {}
    for name, columns in groups.items():
        if columns == [name]:
            factors[name] = few[name].map(lambda value: f"{value:g}").astype("str")
            continue
        levels = pd.Series(_REFERENCE, index=people.index, dtype="str")
        for column in columns:
            levels[people[column] == 1] = column.removeprefix(f"{name}.")
        factors[name] = levels
    return factors
