"""The clinical table: traits with planted causes, traits without, markers of endotypes, and dirt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.simulation.parameters import Parameters
from endotype.simulation.plan import ENDOTYPES, Cast

N_MARKERS = 8
MARKERS = tuple(f"marker_{i}" for i in range(1, N_MARKERS + 1))
SITES = ("north", "south", "west")
NULL_TRAITS = ("null_trait", "null_status")

# Sign of each marker's shift in each endotype, and of the site's in sites two and three.
_PROFILES = np.array(
    [
        [1, 1, 1, 0, 0, 0, -1, 0],
        [-1, 0, 0, 1, 1, 1, 0, 0],
        [0, -1, 0, -1, 0, 0, 1, 1],
    ],
    float,
)
_SITE_SHIFTS = np.array([[0.0] * 8, [0.9, 0, 0.9, 0, 0.9, 0, 0.9, 0], [0, -0.8, 0, -0.8, 0, -0.8, 0, -0.8]])

_NOTES = (
    "",
    "",
    "",
    "seen at the clinic, no complaints",
    "mother had heart trouble; denies smoking",
    "<script>alert(1)</script>",
    "=1+1",
    "{{7*7}}",
    'said "fine"; <img src=x onerror=alert(2)>',
    "right\u202eto-left\u200b text",
    "患者自述无不适",
)

_DIRT = {
    "number": ("not done", "12,5", "??", "<0.5", "=1+1", "1e999", "-9999", "high"),
    "binary": ("maybe", "3", "positive?", "-"),
    "category": ("nroth", "?", "7"),
}


@dataclass(frozen=True)
class ClinicalTable:
    """The clinical table as text, and what was done to it.

    ``rows`` has one row per person of the table, all cells text. ``dirty`` lists cells that no reader can
    take at face value: 1-based line of the file, patient, column and text. ``missing`` counts empty cells by
    column. ``endotype_of`` has the endotype of each person who is in the table alone, as an index of
    ``ENDOTYPES``.
    """

    rows: pd.DataFrame
    dirty: list[dict[str, Any]]
    missing: dict[str, int]
    endotype_of: dict[str, int]


def dictionary() -> dict[str, Any]:
    """The clinical dictionary of the table."""

    def marker() -> dict:
        return {"type": "number", "unit": "sd", "range": [-30, 30], "role": "feature"}

    return {
        "missing": ["", "NA"],
        "columns": {
            "patient": {"role": "identifier"},
            "age": {"type": "number", "unit": "years", "range": [18, 100], "role": "covariate"},
            "bmi": {"type": "number", "unit": "kg/m2", "range": [10, 70], "role": "covariate"},
            "site": {
                "type": "category",
                "values": list(SITES),
                "role": "confounder",
                "description": "where the markers were measured",
            },
            "lipid_level": {"type": "number", "unit": "mmol/L", "range": [0.5, 15], "role": "trait"},
            "airway_disease": {"type": "binary", "role": "trait"},
            "null_trait": {"type": "number", "unit": "units", "range": [0, 200], "role": "trait"},
            "null_status": {"type": "binary", "role": "trait"},
            **{name: marker() for name in MARKERS},
            "follow_up_years": {"type": "number", "unit": "years", "range": [0, 60], "role": "outcome"},
            "died": {"type": "binary", "role": "outcome"},
            "notes": {"role": "ignore"},
        },
        "outcomes": {"survival": {"time": "follow_up_years", "event": "died"}},
    }


def draw_clinical(
    cast: Cast,
    dosages: Mapping[str, list[tuple[np.ndarray, float]]],
    burden: np.ndarray,
    parameters: Parameters,
) -> ClinicalTable:
    """Draw everybody's clinical record.

    Args:
        cast: the genotyped people.
        dosages: per trait, the (dosage, effect) pairs of its causal variants; dosages of shape (patients,).
        burden: copies of rare damaging alleles of the burden gene, (patients,).
        parameters: effects and rates.
    """
    random = parameters.stream("phenotypes")
    n = parameters.patients
    # People who are only in the table come last; they have no genotype and so the mean genetic effect.
    total = n + parameters.only_clinical
    endotype = np.concatenate([cast.endotype, random.integers(0, len(ENDOTYPES), total - n)])
    population = np.concatenate([cast.population, random.integers(0, 3, total - n)])
    structure = parameters.population_shift * (population - 1.0)

    def genetic(trait: str) -> np.ndarray:
        sums = sum(((d - d.mean()) * effect for d, effect in dosages[trait]), np.zeros(n))
        return np.concatenate([sums, np.zeros(total - n)])

    age = random.normal(56, 12, total).clip(18, 95).round()
    bmi = random.normal(26.5, 4, total).clip(14, 60)
    site = random.choice(len(SITES), total, p=[0.4, 0.35, 0.25])
    carried = np.concatenate([burden, np.zeros(total - n)])

    lipid = genetic("lipid_level") + parameters.burden_effect * carried + structure
    lipid += 0.01 * (age - 56) + random.normal(0, 1, total)
    log_odds = -0.1 + genetic("airway_disease") + 0.02 * (age - 56) + 0.5 * structure
    airway = random.random(total) < 1 / (1 + np.exp(-log_odds))
    time, died = _survival(genetic("survival"), endotype, age, parameters, random)
    null_trait = 100 + 12 * (structure + random.normal(0, 1, total))
    null_status = random.random(total) < 0.4
    markers = _markers(endotype, site, parameters, random)

    rows = pd.DataFrame(
        {
            "patient": [*cast.patients, *(f"P{i + 1:04d}" for i in range(n, total))],
            "age": [f"{v:.0f}" for v in age],
            "bmi": [f"{v:.1f}" for v in bmi],
            "site": [SITES[s] for s in site],
            "lipid_level": [f"{v:.3f}" for v in (5.5 + 0.8 * lipid).clip(0.6, 14.9)],
            "airway_disease": ["yes" if v else "no" for v in airway],
            "null_trait": [f"{v:.2f}" for v in null_trait.clip(0, 200)],
            "null_status": ["1" if v else "0" for v in null_status],
            **{name: [f"{v:.3f}" for v in markers[:, i]] for i, name in enumerate(MARKERS)},
            "follow_up_years": [f"{v:.3f}" for v in time],
            "died": ["1" if v else "0" for v in died],
            "notes": random.choice(_NOTES, total),
        },
        dtype="str",
    )
    rows = rows.drop(index=cast.only_genotyped).reset_index(drop=True)
    missing = _make_holes(rows, parameters, random)
    dirty = _make_dirt(rows, parameters, random)
    alone = {f"P{i + 1:04d}": int(endotype[i]) for i in range(n, total)}
    return ClinicalTable(rows, dirty, missing, alone)


def _survival(
    genetic: np.ndarray,
    endotype: np.ndarray,
    age: np.ndarray,
    parameters: Parameters,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Weibull times with proportional hazards (Bender et al. 2005), censored between 3 and 15 years."""
    hazards = np.array([*parameters.endotype_hazards, 1.0])  # the last one is for the atypical, numbered -1
    log_hazard = np.log(hazards[endotype]) + genetic + 0.02 * (age - 56)
    time = 11.0 * (random.exponential(size=len(age)) / np.exp(log_hazard)) ** (1 / 1.3)
    censored = random.uniform(3, 15, len(age))
    return np.minimum(time, censored).clip(0.01), time <= censored


def _markers(
    endotype: np.ndarray, site: np.ndarray, parameters: Parameters, random: np.random.Generator
) -> np.ndarray:
    """Markers, (people, 8): unit noise, the endotype's profile, the site's shift.

    The atypical stand near no profile: each is moved far along two markers that the endotypes leave alone or
    move the other way, a different pair for each.
    """
    values = random.normal(0, 1, (len(endotype), N_MARKERS)) + _SITE_SHIFTS[site]
    typical = endotype >= 0
    values[typical] += parameters.marker_shift * _PROFILES[endotype[typical]]
    for number, person in enumerate(np.flatnonzero(~typical)):
        profile = _PROFILES[number % len(_PROFILES)]
        away = np.argsort(np.abs(profile), kind="stable")[:2]
        values[person] += parameters.marker_shift * profile
        values[person, away] -= parameters.atypical_shift
    return values


def _make_holes(rows: pd.DataFrame, parameters: Parameters, random: np.random.Generator) -> dict[str, int]:
    """Empty some cells, half of them by the word ``NA``; outcomes stay complete."""
    missing = {}
    for column in ("age", "bmi", "lipid_level", "airway_disease", "null_trait", "null_status", *MARKERS):
        rate = parameters.missing_cells * (0.25 if column == "age" else 1.0)
        holes = np.flatnonzero(random.random(len(rows)) < rate)
        rows.loc[holes, column] = [("", "NA")[k] for k in random.integers(0, 2, len(holes))]
        missing[column] = len(holes)
    return missing


def _make_dirt(
    rows: pd.DataFrame, parameters: Parameters, random: np.random.Generator
) -> list[dict[str, Any]]:
    """Spoil some cells that have a value; return where and with what, in the order of the file."""
    columns = dictionary()["columns"]
    dirty = []
    for column in (
        "age",
        "bmi",
        "site",
        "lipid_level",
        "airway_disease",
        "null_trait",
        "null_status",
        *MARKERS,
    ):
        whole = ~rows[column].isin(["", "NA"]).to_numpy()
        for index in np.flatnonzero(whole & (random.random(len(rows)) < parameters.dirty_cells)):
            found = str(random.choice(_DIRT[columns[column]["type"]]))
            rows.loc[index, column] = found
            dirty.append(
                {"row": int(index) + 2, "patient": rows["patient"][index], "column": column, "found": found}
            )
    return sorted(dirty, key=lambda cell: (cell["row"], cell["column"]))
