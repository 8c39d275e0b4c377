"""From features to a frozen model: adjust, set aside, choose k, name, calibrate, describe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.files import read_json, write_json
from endotype.subtypes.adjustment import (
    Confounder,
    FeatureScale,
    design_matrix,
    find_confounders,
    fit_scale,
    model_values,
)
from endotype.subtypes.features import CARRIER_VIEW
from endotype.subtypes.mixture import Data, Mixture
from endotype.subtypes.model import MIN_OBSERVED, SubtypeModel, save_model
from endotype.subtypes.outcome import compare_outcome
from endotype.subtypes.selection import Candidate, Settings, choose, set_aside
from endotype.tables import read_parquet, write_parquet

MIN_CARRIERS = 5
"""Carriers in the training set that a carrier feature needs to be modelled."""

PROFILE_COLUMNS = [
    "subtype",
    "feature",
    "n",
    "mean_or_rate",
    "cohort_mean_or_rate",
    "standardised_difference",
]


@dataclass(frozen=True)
class Cohort:
    """Tables of the training patients, indexed by patient, with the same rows."""

    features: pd.DataFrame
    clinical: pd.DataFrame
    ancestry: pd.DataFrame


@dataclass(frozen=True)
class Discovery:
    """A model, what it was chosen from, and the groups of the patients it was fitted to.

    ``labels`` has -1 for training patients that were set aside.
    """

    model: SubtypeModel
    labels: np.ndarray
    candidates: list[Candidate]
    left_out: dict[str, str]


def discover_subtypes(
    features: str | Path,
    features_info: str | Path,
    clinical: str | Path,
    dictionary: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    ancestry: str | Path,
    settings: Settings,
    out_dir: str | Path,
) -> None:
    """Write ``model.json``, ``selection.json`` and ``profile.parquet`` to ``out_dir``.

    Patients learn the model if they are in the statistics of the cohort (``in_statistics`` of the sample
    QC) and have at least half of the features. One BLAS thread: the bytes must not depend on the machine's
    load.
    """
    info = read_json(features_info)["features"]
    described = read_json(dictionary)
    cohort = _training_cohort(features, clinical, people, sample_qc, ancestry)
    with threadpool_limits(1):
        found = discover(cohort, info, described, settings)
    names = found.model.subtypes
    out = Path(out_dir)
    save_model(found.model, out / "model.json")
    write_parquet(
        profile(cohort.features, [f["name"] for f in info], found.labels, names), out / "profile.parquet"
    )
    outcomes = {
        name: _outcome(cohort.clinical, columns, found.labels, names, settings)
        for name, columns in sorted(described.get("outcomes", {}).items())
    }
    write_json(out / "selection.json", _selection(found, cohort, outcomes, settings))


def discover(
    cohort: Cohort, info: list[dict[str, str]], dictionary: dict[str, Any], settings: Settings
) -> Discovery:
    """Find the subtypes of a cohort; pure but for the seed in ``settings``.

    Args:
        cohort: training patients.
        info: ``features.json``.
        dictionary: ``dictionary.json``.
        settings: config section ``subtypes``.
    """
    confounders = find_confounders(dictionary, cohort.clinical, cohort.ancestry)
    design = design_matrix(confounders, cohort.clinical, cohort.ancestry)
    scales, left_out = _scales(cohort.features, info, design)
    columns = [model_values(s, _numbers(cohort.features[s.name]), design) for s in scales]
    values = np.column_stack(columns) if columns else np.empty((len(cohort.features), 0))
    data = Data.of(values, np.array([s.kind == "bernoulli" for s in scales], bool))

    aside = set_aside(data)
    kept = data.rows(~aside)
    mixture, candidates = choose(kept, settings)
    mixture = _by_size(mixture, kept)
    labels = np.full(data.n, -1)
    labels[~aside] = mixture.labels(kept)
    model = SubtypeModel(
        confounders=tuple(confounders),
        features=tuple(scales),
        mixture=mixture,
        calibration=_calibrate(mixture, kept, settings.typicality_alpha),
        call_probability=settings.call_probability,
        typicality_alpha=settings.typicality_alpha,
        min_observed=MIN_OBSERVED,
        n_training=kept.n,
    )
    return Discovery(model, labels, candidates, left_out)


def profile(
    features: pd.DataFrame, names: list[str], labels: np.ndarray, subtypes: list[str]
) -> pd.DataFrame:
    """Recorded values of each subtype beside those of all training patients; no rows without subtypes.

    The standardised difference is (mean of the subtype - mean of all) / standard deviation of all.
    """
    rows = []
    for index, subtype in enumerate(subtypes):
        for name in names:
            values = _numbers(features[name])
            everyone = values[(labels >= 0) & np.isfinite(values)]
            members = values[(labels == index) & np.isfinite(values)]
            mean, cohort_mean = (float(v.mean()) if v.size else None for v in (members, everyone))
            spread = float(everyone.std()) if everyone.size else 0.0
            difference = (
                (mean - cohort_mean) / spread
                if mean is not None and cohort_mean is not None and spread
                else None
            )
            rows.append((subtype, name, len(members), mean, cohort_mean, difference))
    types = ["str", "str", "int64", "float64", "float64", "float64"]
    return pd.DataFrame(rows, columns=PROFILE_COLUMNS).astype(dict(zip(PROFILE_COLUMNS, types, strict=True)))


def _training_cohort(
    features: str | Path,
    clinical: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    ancestry: str | Path,
) -> Cohort:
    table = read_parquet(features).set_index("patient")
    qc = read_parquet(sample_qc, ["patient", "in_statistics"])
    eligible = set(qc.loc[qc["in_statistics"].fillna(False).to_numpy(bool), "patient"])
    eligible &= set(read_parquet(people, ["patient"])["patient"])
    observed = table.notna().mean(axis=1) if table.shape[1] else pd.Series(1.0, index=table.index)
    chosen = table.index[table.index.isin(eligible) & (observed >= MIN_OBSERVED)].sort_values()
    return Cohort(
        table.loc[chosen],
        read_parquet(clinical).set_index("patient").reindex(chosen),
        read_parquet(ancestry).set_index("patient").reindex(chosen),
    )


def _scales(
    features: pd.DataFrame, info: list[dict[str, str]], design: np.ndarray
) -> tuple[list[FeatureScale], dict[str, str]]:
    scales: list[FeatureScale] = []
    left_out: dict[str, str] = {}
    for feature in info:
        values = _numbers(features[feature["name"]])
        carriers = int(np.nansum(values))
        if feature["view"] == CARRIER_VIEW and carriers < MIN_CARRIERS and np.isfinite(values).any():
            left_out[feature["name"]] = f"{carriers} carriers in the training set, fewer than {MIN_CARRIERS}"
            continue
        scale = fit_scale(feature["name"], feature["view"], feature["kind"], values, design)
        if isinstance(scale, str):
            left_out[feature["name"]] = scale
        else:
            scales.append(scale)
    return scales, left_out


def _numbers(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=float, na_value=np.nan)


def _by_size(mixture: Mixture, data: Data) -> Mixture:
    """Groups from the largest to the smallest; ties by share, then by location."""
    sizes = np.bincount(mixture.labels(data), minlength=mixture.k)
    keys = [
        (-int(sizes[g]), -float(mixture.weights[g]), mixture.location[g].tolist()) for g in range(mixture.k)
    ]
    return mixture.reordered(np.array(sorted(range(mixture.k), key=keys.__getitem__)))


def _calibrate(mixture: Mixture, data: Data, alpha: float) -> tuple[np.ndarray, ...]:
    labels = mixture.labels(data)
    own = mixture.strangeness(data)[np.arange(data.n), labels]
    needed = 1 / alpha - 1
    groups = [own[labels == g] for g in range(mixture.k)]
    return tuple(np.sort(scores if len(scores) >= needed else own) for scores in groups)


def _outcome(
    clinical: pd.DataFrame, columns: dict[str, str], labels: np.ndarray, names: list[str], settings: Settings
) -> dict[str, Any]:
    kept = labels >= 0
    time, event = (_numbers(clinical[columns[part]])[kept] for part in ("time", "event"))
    entry = _numbers(clinical[columns["entry"]])[kept] if "entry" in columns else None
    return compare_outcome(
        time, event, labels[kept], names, settings.outcome_permutations, settings.seed, entry
    )


def _selection(
    found: Discovery, cohort: Cohort, outcomes: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    model = found.model
    chosen = next(c for c in found.candidates if c.k == model.mixture.k)
    if chosen.k > 1:
        reason = f"{chosen.k} groups: the lowest BIC of those that passed every test"
    elif len(found.candidates) == 1:
        reason = (
            f"no groups were looked for: there are {model.n_training} patients and "
            f"{len(model.features)} features"
        )
    else:
        reason = "no number of groups above one passed every test"
    return {
        "k": chosen.k,
        "reason": reason,
        "n_patients": model.n_training,
        "n_set_aside": int((found.labels < 0).sum()),
        "settings": asdict(settings),
        "candidates": [asdict(c) for c in found.candidates],
        "features": {"used": [f.name for f in model.features], "left_out": found.left_out},
        "subtypes": [
            {"subtype": name, "n": int((found.labels == g).sum()), "share": float(model.mixture.weights[g])}
            for g, name in enumerate(model.subtypes)
        ],
        "confounding": _confounding(list(model.confounders), cohort, found.labels, len(model.subtypes)),
        "outcomes": outcomes,
    }


def _confounding(
    confounders: list[Confounder], cohort: Cohort, labels: np.ndarray, k: int
) -> dict[str, float | None]:
    """Share of each confounder's variance that lies between subtypes (eta squared); null without subtypes."""
    design = design_matrix(confounders, cohort.clinical, cohort.ancestry)
    result: dict[str, float | None] = {}
    for confounder, column in zip(confounders, design.T, strict=True):
        seen = np.isfinite(column) & (labels >= 0)
        x, groups = column[seen], labels[seen]
        total = float(((x - x.mean()) ** 2).sum()) if x.size else 0.0
        between = sum(
            float((groups == g).sum() * (x[groups == g].mean() - x.mean()) ** 2)
            for g in range(k)
            if (groups == g).any()
        )
        result[confounder.name] = between / total if k and total > 0 else None
    return result
