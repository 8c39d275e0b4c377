"""Which covariates a trait can be adjusted for, and why the others can't be used.

A covariate is dropped with its reason, never silently: one that does not vary, one that is a combination of
others (named), one that separates the cases from the controls, so that no finite estimate exists.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.association.separation import separating_columns

_COLLINEAR = 1e-8
_CONTRIBUTES = 1e-4


def one_hot(name: str, column: pd.Series, levels: list[str]) -> pd.DataFrame:
    """Indicator columns ``name.level`` for all levels seen but the most frequent one.

    Args:
        name: of the covariate.
        column: text, null where missing (the indicators are then null too).
        levels: order of the columns; among equally frequent levels the first is the reference.
    """
    seen = [level for level in levels if (column == level).any()]
    seen += sorted(set(column.dropna()) - set(levels))
    reference = max(seen, key=lambda level: int((column == level).sum()), default=None)
    return pd.DataFrame(
        {
            f"{name}.{level}": (column == level).astype("float64").where(column.notna())
            for level in seen
            if level != reference
        },
        index=column.index,
    )


def choose_covariates(
    covariates: pd.DataFrame, cases: np.ndarray | None = None, *, controls_matter: bool = True
) -> tuple[list[str], dict[str, str]]:
    """The covariates that can stand in one model together with an intercept, and why the others can't.

    Args:
        covariates: complete float columns of the people in the model; earlier columns have precedence.
        cases: bool, for binary and time-to-event traits.
        controls_matter: false for a time to event, where only a group *without* events is no use.

    Returns:
        Names kept, in order, and the reason of each one dropped.
    """
    kept: list[str] = []
    dropped: dict[str, str] = {}
    basis = np.ones((len(covariates), 1)) / np.sqrt(max(len(covariates), 1))
    for name in covariates.columns:
        values = covariates[name].to_numpy(float)
        if values.size == 0 or np.all(values == values[0]):
            dropped[name] = "constant"
            continue
        if cases is not None and _separates(values, cases, controls_matter):
            dropped[name] = (
                "separates the cases from the controls" if controls_matter else ("a group without events")
            )
            continue
        centred = values - values.mean()
        centred /= np.linalg.norm(centred)
        left = centred - basis @ (basis.T @ centred)
        left -= basis @ (basis.T @ left)
        if left @ left < _COLLINEAR:
            dropped[name] = "collinear with " + ", ".join(_combination(covariates[kept], centred))
            continue
        basis = np.column_stack([basis, left / np.linalg.norm(left)])
        kept.append(name)
    if cases is not None and controls_matter:
        dropped |= _drop_separating(covariates, kept, cases)
    return kept, dropped


def _drop_separating(covariates: pd.DataFrame, kept: list[str], cases: np.ndarray) -> dict[str, str]:
    """Take covariates out of ``kept`` until those left don't separate together, the latest first."""
    dropped: dict[str, str] = {}
    while together := separating_columns(covariates[kept].to_numpy(float), cases):
        names = [kept[i] for i in together]
        with_others = f" together with {', '.join(names[:-1])}" if names[1:] else ""
        dropped[names[-1]] = f"separates the cases from the controls{with_others}"
        kept.remove(names[-1])
    return dropped


def _separates(values: np.ndarray, cases: np.ndarray, controls_matter: bool) -> bool:
    levels = np.unique(values)
    if len(levels) == 2:
        shares = [cases[values == level].mean() for level in levels]
        return min(shares) == 0 or (controls_matter and max(shares) == 1)
    if not controls_matter or cases.all() or not cases.any():
        return False
    in_cases, in_controls = values[cases], values[~cases]
    return bool(in_cases.min() > in_controls.max() or in_cases.max() < in_controls.min())


def _combination(kept: pd.DataFrame, centred: np.ndarray) -> list[str]:
    """Names of the covariates that make up a collinear one."""
    matrix = kept.to_numpy(float)
    matrix = matrix - matrix.mean(axis=0)
    matrix /= np.linalg.norm(matrix, axis=0)
    coefficients = np.linalg.lstsq(matrix, centred, rcond=None)[0]
    return [name for name, value in zip(kept.columns, coefficients, strict=True) if abs(value) > _CONTRIBUTES]
