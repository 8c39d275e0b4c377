"""From features to a frozen model: adjust, set aside, choose k, name, calibrate, describe."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.errors import input_error
from endotype.files import atomic_path, read_json, sha256_file, write_json
from endotype.subtypes.adjustment import principal_components
from endotype.subtypes.freeze import freeze_groups
from endotype.subtypes.learn import learn
from endotype.subtypes.mixture import Data, Mixture
from endotype.subtypes.model import Limits, SubtypeModel, save_model, subtype_names
from endotype.subtypes.network_selection import select_networks
from endotype.subtypes.profile import profile
from endotype.subtypes.reference_range import feature_ranges, fit_ancestry
from endotype.subtypes.selection import Selection, Settings, select, set_aside
from endotype.subtypes.selection_record import record_labels, record_selection
from endotype.subtypes.training import Cohort, training_cohort
from endotype.subtypes.transform import fit_transform
from endotype.tables import write_parquet


@dataclass(frozen=True)
class Discovery:
    """A model, what it was chosen from, and the groups of the patients it was fitted to.

    Attributes:
        model: the frozen model.
        labels: group of each training patient, -1 for those who were set aside.
        kept: positions of those who weren't, in the order of ``selection``.
        selection: every k that was tried.
        left_out: feature -> why it isn't used.
    """

    model: SubtypeModel
    labels: np.ndarray
    kept: np.ndarray
    selection: Selection
    left_out: dict[str, str]


@dataclass(frozen=True)
class Sources:
    """Files of a run that subtypes are learnt from."""

    features: str | Path
    features_info: str | Path
    clinical: str | Path
    dictionary: str | Path
    people: str | Path
    sample_qc: str | Path
    ancestry: str | Path


def discover_subtypes(
    sources: Sources,
    settings: Settings,
    out_dir: str | Path,
    labels: str | None = None,
    learn_labels: bool = False,
    unclassified: tuple[str, ...] = (),
    threads: int = 1,
) -> None:
    """Write ``model.json``, ``selection.json``, ``profile.parquet`` and ``consensus.npz`` to ``out_dir``.

    One BLAS thread: the bytes must not depend on the machine's load.

    Args:
        sources: what to read.
        settings: config section ``subtypes``.
        out_dir: where to write.
        labels: clinical column of published classes; compared with what is found, or learnt.
        learn_labels: learn them instead of looking for subtypes.
        unclassified: labels that stand for patients without a class.
        threads: fits at a time; the result doesn't depend on it.

    Raises:
        InputError: no such column of labels, or labels that can't be learnt.
    """
    info, dictionary = read_json(sources.features_info), read_json(sources.dictionary)
    cohort = training_cohort(
        sources.features, sources.clinical, sources.people, sources.sample_qc, sources.ancestry
    )
    if labels is not None and labels not in cohort.clinical.columns:
        raise input_error(sources.clinical, f"no column {labels}", "the column that subtypes.labels names")
    published = None if labels is None else cohort.clinical[labels]
    out = Path(out_dir)
    provenance = {name: sha256_file(path) for name, path in sorted(vars(sources).items())}
    with threadpool_limits(1):
        if learn_labels and published is not None:
            model, left_out = learn(
                cohort, info, dictionary, published, unclassified, settings, str(sources.clinical)
            )
            names, codes = list(model.names), _codes(published, list(model.names))
            consensus = np.empty((0, 0), np.float32), np.empty(0, np.int64)
            record = record_labels(model, cohort, dictionary, codes, left_out, settings)
        else:
            found = discover(cohort, info, dictionary, settings, threads)
            model, names, codes = found.model, found.model.subtypes, found.labels
            consensus = _consensus(found)
            record = record_selection(found, cohort, dictionary, published, settings)
    save_model(replace(model, provenance={"inputs": provenance, "seed": settings.seed}), out / "model.json")
    write_parquet(profile(cohort.features, info["features"], codes, names), out / "profile.parquet")
    write_json(out / "selection.json", record)
    _write_consensus(out / "consensus.npz", consensus[0], cohort.features.index.to_numpy()[consensus[1]])


def discover(
    cohort: Cohort,
    info: dict[str, Any],
    dictionary: dict[str, Any],
    settings: Settings,
    threads: int = 1,
) -> Discovery:
    """Find the subtypes of a cohort; pure but for the seed in ``settings``.

    BLAS must be held to one thread by the caller.

    Args:
        cohort: training patients.
        info: ``features.json``.
        dictionary: ``dictionary.json``.
        settings: config section ``subtypes``.
        threads: fits at a time.

    Raises:
        InputError: fusion of fewer than two views.
    """
    transform, left_out = fit_transform(cohort.features, cohort.clinical, cohort.ancestry, info, dictionary)
    data = transform.data(cohort.features, cohort.clinical, cohort.ancestry)
    kept = np.flatnonzero(~set_aside(data))
    part = data.rows(kept)
    if settings.engine == "mixture" or not transform.columns:
        selection = select(part, settings, threads)
    else:
        try:
            selection = select_networks(part, transform.views, settings.engine, settings)
        except ValueError as error:
            raise input_error(
                "subtypes.engine", f"{settings.engine}: {error}", "views that it can join"
            ) from None
    selection = replace(selection, mixture=_by_size(selection.mixture, part))
    labels = np.full(data.n, -1)
    labels[kept] = selection.mixture.labels(part)
    frozen = freeze_groups(selection.mixture, part, settings.typicality_alpha, settings.seed)
    model = SubtypeModel(
        names=tuple(subtype_names(selection.mixture.k)),
        transform=transform,
        mixture=selection.mixture,
        factors=frozen.factors,
        conformal=frozen.conformal,
        limits=Limits(settings.call_probability, settings.typicality_alpha, settings.min_information),
        n_training=part.n,
        ranges=feature_ranges(cohort.features, info["features"], transform.features),
        ancestry=fit_ancestry(cohort.ancestry, principal_components(cohort.ancestry), settings.seed),
    )
    return Discovery(model, labels, kept, selection, left_out)


def _codes(labels: pd.Series, names: list[str]) -> np.ndarray:
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(str(label), -1) if pd.notna(label) else -1 for label in labels], np.int64)


def _consensus(found: Discovery) -> tuple[np.ndarray, np.ndarray]:
    """The matrix, and positions of its patients among the training patients; empty for one group."""
    if found.selection.consensus is None:
        return np.empty((0, 0), np.float32), np.empty(0, np.int64)
    return found.selection.consensus.matrix, found.kept[found.selection.consensus.patients]


def _write_consensus(path: Path, matrix: np.ndarray, patients: np.ndarray) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, matrix=matrix, patients=patients.astype(str))
    with atomic_path(path) as temporary:
        Path(temporary).write_bytes(content.getvalue())


def _by_size(mixture: Mixture, data: Data) -> Mixture:
    """Groups from the largest to the smallest; ties by share, then by location."""
    sizes = np.bincount(mixture.labels(data), minlength=mixture.k)
    keys = [
        (-int(sizes[g]), -float(mixture.weights[g]), mixture.location[g].tolist()) for g in range(mixture.k)
    ]
    return mixture.reordered(np.array(sorted(range(mixture.k), key=keys.__getitem__)))
