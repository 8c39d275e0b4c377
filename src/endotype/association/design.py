"""Who is analysed, for which traits, adjusted for what: decided once, written down, used by every test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.association.covariates import choose_covariates, one_hot
from endotype.association.rank_normal import transform_traits
from endotype.association.relatives import drop_relatives
from endotype.errors import InputError, Problem, input_error, nearest
from endotype.files import read_json
from endotype.tables import read_parquet

MIN_CASES = 10
"""Fewest cases, and fewest controls, of a binary trait that is tested; also the fewest events."""
MIN_SPARE = 10
"""Fewest people beyond the number of covariates for a trait that is tested."""
MAX_MISSING_COVARIATE = 0.2
"""A covariate missing for more of the people than this is dropped rather than the people."""

RESERVED_TRAITS = ("design", "genes", "loci", "summary", "patient", "in_analysis")
"""Names that a trait can't have: they are files and columns of this stage."""


@dataclass(frozen=True)
class Trait:
    """What one model needs of one trait.

    Attributes:
        kind: ``linear``, ``logistic`` or ``cox``.
        rows: int64 (n,), rows of the design (people) in the model, ascending.
        values: float64 (n,), the trait, 0/1 for a binary one, the time for a time to event.
        event: bool (n,), for a time to event only.
        covariates: float64 (n, c), complete, of full rank with an intercept.
        names: of the covariates.
        entry: float64 (n,), of a time to event: when observation began (left truncation); None: with the
            clock.
    """

    name: str
    kind: str
    rows: np.ndarray
    values: np.ndarray
    event: np.ndarray | None
    covariates: np.ndarray
    names: tuple[str, ...]
    entry: np.ndarray | None = None


@dataclass(frozen=True)
class Design:
    """People, traits and covariates of an analysis.

    Attributes:
        frame: one row a person; ``patient``, traits (``NAME``, or ``NAME.time``,
            ``NAME.event`` and, with late entry, ``NAME.entry``),
            covariates, and ``in_analysis``.
        info: what ``design.json`` holds; see :func:`describe`.
    """

    frame: pd.DataFrame
    info: dict[str, Any]

    @property
    def traits(self) -> list[str]:
        """Traits that can be tested, sorted."""
        return sorted(self.info["traits"])

    def trait(self, name: str) -> Trait:
        """The data of one trait's model.

        Raises:
            InputError: no such trait, or it can't be tested.
        """
        if name in self.info["not_assessed"]:
            raise input_error(
                "the design", f"trait '{name}': {self.info['not_assessed'][name]}", "a testable trait"
            )
        if name not in self.info["traits"]:
            raise input_error(
                "the design",
                f"no trait '{name}'",
                "one of " + ", ".join(self.traits),
                nearest(name, self.traits),
            )
        info = self.info["traits"][name]
        names = info["covariates"]
        values, event, entry = _trait_values(self.frame, name, info["type"])
        rows = _complete(self.frame, values, event, entry, self.info["covariates"]["kept"])
        return Trait(
            name,
            info["type"],
            rows,
            values[rows],
            None if event is None else event[rows] == 1,
            self.frame[names].to_numpy("float64", na_value=np.nan)[rows].reshape(len(rows), len(names)),
            tuple(names),
            None if entry is None else entry[rows],
        )


@dataclass
class Excluded:
    """Who is left out of the analysis, and why; the first reason counts."""

    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, patients: Sequence[str], reason: str) -> None:
        """Leave out people who are not left out already."""
        for patient in patients:
            self.reasons.setdefault(patient, reason)

    def counts(self) -> dict[str, int]:
        """People by reason."""
        return {
            str(k): int(v)
            for k, v in pd.Series(list(self.reasons.values()), dtype="str").value_counts().items()
        }


def read_design(table: str | Path, info: str | Path) -> Design:
    """Read what :func:`~endotype.association.prepare.prepare_design` wrote."""
    return Design(read_parquet(table), read_json(info))


def build_design(
    clinical: pd.DataFrame,
    dictionary: dict[str, Any],
    people: pd.DataFrame,
    sample_qc: pd.DataFrame,
    relatedness: pd.DataFrame,
    ancestry: pd.DataFrame,
    *,
    max_kinship: float,
    n_components: int,
) -> Design:
    """The design of a cohort, from the tables of the stages before; columns as in docs/results.md."""
    patients = sample_qc["patient"].astype("str").reset_index(drop=True)
    records = clinical.set_index("patient").reindex(patients)
    traits, kinds, problems = _trait_columns(records, dictionary)
    if problems:
        raise InputError(problems)
    covariates, notes = _covariate_columns(records, dictionary, people, sample_qc, ancestry, n_components)
    overlap = sorted(set(traits.columns) & set(covariates.columns))
    if overlap:
        raise input_error("dictionary", f"'{overlap[0]}' as a trait and as a covariate", "different names")

    excluded = Excluded()
    in_clinical = set(clinical["patient"])
    excluded.add([p for p in patients if p not in in_clinical], "no clinical record")
    in_statistics = sample_qc["in_statistics"].fillna(False).to_numpy(bool)
    excluded.add([p for p, good in zip(patients, in_statistics, strict=True) if not good], "sample quality")
    n_traits = dict(zip(patients, traits.notna().sum(axis=1), strict=True))
    candidates = [p for p in patients if p not in excluded.reasons]
    relatives = drop_relatives(candidates, relatedness, max_kinship, n_traits)
    excluded.add(sorted(relatives), "closely related to another person")

    frame = pd.concat([patients.rename("patient"), traits, covariates], axis=1)
    frame["in_analysis"] = np.array([p not in excluded.reasons for p in patients], bool)
    info = describe(frame, kinds, list(covariates.columns), notes)
    info["samples"] |= {
        "excluded": excluded.counts(),
        "relatives_left_out": [{"patient": p, "relative": r} for p, r in sorted(relatives.items())],
    }
    transformed = [
        name
        for name in info["traits"]
        if dictionary["columns"].get(name, {}).get("transform") == "rank_normal"
    ]
    return transform_traits(Design(frame, info), transformed)


def describe(
    frame: pd.DataFrame, kinds: dict[str, str], covariates: list[str], notes: list[str] | None = None
) -> dict[str, Any]:
    """Which covariates are used and which traits can be tested, with the reasons: the ``design.json``.

    Args:
        frame: as :attr:`Design.frame`.
        kinds: ``linear``, ``logistic``, ``cox``, or a reason why not, by trait.
        covariates: names of covariate columns, those with precedence first.
        notes: sentences to keep.

    Returns:
        ``samples`` (counts), ``covariates`` (``kept``, and ``dropped`` with reasons), ``traits`` (by name:
        ``type n n_cases n_controls covariates dropped``), ``not_assessed`` (reason by trait), ``notes``.
    """
    analysed = frame["in_analysis"].to_numpy(bool)
    kept, dropped = [], {}
    for name in covariates:
        missing = int(frame.loc[analysed, name].isna().sum())
        if missing > MAX_MISSING_COVARIATE * analysed.sum():
            dropped[name] = f"missing for {missing} of {int(analysed.sum())} people"
        else:
            kept.append(name)
    complete = analysed & frame[kept].notna().all(axis=1).to_numpy(bool)
    kept, unusable = choose_covariates(frame.loc[complete, kept])
    info: dict[str, Any] = {
        "samples": {
            "in_genotypes": len(frame),
            "in_analysis": int(analysed.sum()),
            "with_all_covariates": int(complete.sum()),
            "excluded": {},
            "relatives_left_out": [],
        },
        "covariates": {"kept": kept, "dropped": dropped | unusable},
        "traits": {},
        "not_assessed": {},
        "notes": list(notes or []),
    }
    for name, kind in kinds.items():
        found = _describe_trait(frame, name, kind, kept)
        info["not_assessed" if isinstance(found, str) else "traits"][name] = found
    return info


def _describe_trait(frame: pd.DataFrame, name: str, kind: str, covariates: list[str]) -> dict[str, Any] | str:
    """What the design says of one trait, or why it can't be tested."""
    if kind not in ("linear", "logistic", "cox"):
        return kind
    values, event, entry = _trait_values(frame, name, kind)
    rows = _complete(frame, values, event, entry, covariates)
    if len(rows) == 0:
        analysed = frame["in_analysis"].to_numpy(bool)
        if np.isfinite(values[analysed]).any():
            return "nobody has both the trait and all covariates"
        return "all values are missing" if analysed.any() else "nobody is in the analysis"
    n = len(rows)
    status = values[rows] if kind == "logistic" else None if event is None else event[rows]
    counts: dict[str, int] = {}
    if status is not None:
        n_cases = int(status.sum())
        counts = {"n_cases": n_cases, "n_controls": n - n_cases}
        if kind == "logistic" and min(counts.values()) == 0:
            return f"all {n} people are {'cases' if n_cases else 'controls'}"
        few = {"n_cases": "events"} if kind == "cox" else {"n_cases": "cases", "n_controls": "controls"}
        for key, word in few.items():
            if counts[key] < MIN_CASES:
                return f"{counts[key]} {word}; at least {MIN_CASES} are needed"
    if kind != "logistic" and np.all(values[rows] == values[rows[0]]):
        return f"constant: all {n} values are the same"
    chosen, dropped = choose_covariates(
        frame.loc[rows, covariates], None if status is None else status == 1, controls_matter=kind != "cox"
    )
    if n - len(chosen) - 1 < MIN_SPARE:
        return f"{n} people and {len(chosen)} covariates; at least {MIN_SPARE} more people are needed"
    return {"type": kind, "n": n, **counts, "covariates": chosen, "dropped": dropped}


def _trait_values(
    frame: pd.DataFrame, name: str, kind: str
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Values of a trait; of a time to event also the event and, where it has one, the entry."""
    if kind != "cox":
        return frame[name].to_numpy("float64", na_value=np.nan), None, None
    parts = [f"{name}.{part}" for part in ("time", "event", "entry")]
    time, event, entry = (
        frame[part].to_numpy("float64", na_value=np.nan) if part in frame else None for part in parts
    )
    assert time is not None
    return time, event, entry


def _complete(
    frame: pd.DataFrame,
    values: np.ndarray,
    event: np.ndarray | None,
    entry: np.ndarray | None,
    covariates: list[str],
) -> np.ndarray:
    """Rows of the people in the analysis with the trait and all covariates.

    Nobody is followed before she enters: an end that is not after the entry is no observation.
    """
    use = frame["in_analysis"].to_numpy(bool) & np.isfinite(values)
    if event is not None:
        use &= np.isfinite(event)
    if entry is not None:
        with np.errstate(invalid="ignore"):
            use &= entry < values
    return np.flatnonzero(use & frame[covariates].notna().all(axis=1).to_numpy(bool))


def _trait_columns(
    records: pd.DataFrame, dictionary: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, str], list[Problem]]:
    """Columns of traits and outcomes as numbers, the model of each, and names that can't be used."""
    columns: dict[str, pd.Series] = {}
    kinds: dict[str, str] = {}
    for name, entry in sorted(dictionary["columns"].items()):
        if entry["role"] != "trait":
            continue
        if entry["type"] == "category":
            kinds[name] = "a category with more than two values is not tested"
        else:
            columns[name] = _numbers(records, name)
            kinds[name] = "logistic" if entry["type"] == "binary" else "linear"
    for name, outcome in sorted(dictionary.get("outcomes", {}).items()):
        columns[f"{name}.time"] = _numbers(records, outcome["time"])
        columns[f"{name}.event"] = _numbers(records, outcome["event"])
        if outcome.get("entry"):
            columns[f"{name}.entry"] = _numbers(records, outcome["entry"])
        kinds[name] = "cox"
    problems = [
        Problem(
            "dictionary",
            None,
            name,
            f"a trait named '{name}'",
            "a name that is no file of the results",
            name + "_trait",
        )
        for name in kinds
        if name in RESERVED_TRAITS or name.endswith(".genes")
    ]
    return pd.DataFrame(columns, index=records.index).reset_index(drop=True), kinds, problems


def _covariate_columns(
    records: pd.DataFrame,
    dictionary: dict[str, Any],
    people: pd.DataFrame,
    sample_qc: pd.DataFrame,
    ancestry: pd.DataFrame,
    n_components: int,
) -> tuple[pd.DataFrame, list[str]]:
    """Numeric covariates: clinical ones by name, then sex and principal components; and notes on them."""
    parts: list[pd.DataFrame] = []
    notes: list[str] = []
    for name, entry in sorted(dictionary["columns"].items()):
        if entry["role"] not in ("covariate", "confounder"):
            continue
        if entry["type"] == "category":
            parts.append(one_hot(name, records[name], list(entry.get("values") or [])))
        else:
            parts.append(_numbers(records, name).to_frame())
    taken = {column for part in parts for column in part.columns}
    sex = _sex(people, sample_qc)
    sex.index = records.index
    parts.append(sex.to_frame("sex" if "sex" not in taken else "declared_sex"))

    components = [c for c in ancestry.columns if c != "patient" and c.startswith("pc")][:n_components]
    scores = ancestry.set_index("patient")[components].reindex(records.index).astype("float64")
    components = [c for c in components if scores[c].notna().any()]
    if len(components) < n_components:
        notes.append(f"{len(components)} of {n_components} principal components are available")
    parts.append(scores[components].rename(columns=lambda c: c if c not in taken else f"genetic_{c}"))
    return pd.concat(parts, axis=1).reset_index(drop=True), notes


def _sex(people: pd.DataFrame, sample_qc: pd.DataFrame) -> pd.Series:
    """1 for male, 0 for female: as declared, or as inferred where nothing was declared."""
    declared = sample_qc["patient"].map(people.set_index("patient")["sex"])
    code = {"male": 1.0, "female": 0.0}
    return declared.map(code).astype("float64").fillna(sample_qc["inferred_sex"].map(code).astype("float64"))


def _numbers(records: pd.DataFrame, name: str) -> pd.Series:
    return pd.Series(
        records[name].to_numpy("float64", na_value=np.nan), index=records.index, name=name, dtype="float64"
    )
