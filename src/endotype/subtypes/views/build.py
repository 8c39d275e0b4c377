"""The patient x feature table that subtypes are looked for in, before any adjustment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.files import read_json, write_json
from endotype.subtypes.views.carriers import ANNOTATION_COLUMNS, carrier_view
from endotype.subtypes.views.clinical import clinical_view
from endotype.subtypes.views.feature import View
from endotype.subtypes.views.matrix import matrix_view
from endotype.subtypes.views.polygenic import score_view
from endotype.subtypes.views.settings import paths_of
from endotype.subtypes.views.tumour import SOMATIC_COLUMNS, burden_view, driver_view, log_burden
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import open_store

DEFAULT_VIEWS: list[dict[str, Any]] = [{"source": "clinical"}, {"source": "carriers"}]
BURDEN = "log_tumour_burden"
"""Column that holds the burden of mutations where it is a confounder."""


@dataclass(frozen=True)
class ViewFiles:
    """Where views are read from; ``None`` where a run has no such file."""

    clinical: str | Path
    dictionary: str | Path
    people: str | Path
    sample_qc: str | Path
    bfile: str | Path
    annotation: str | Path
    genes: str | Path
    somatic: str | Path | None = None
    tumours: str | Path | None = None


def build_features(
    files: ViewFiles,
    out_dir: str | Path,
    views: Sequence[Mapping[str, Any]] = DEFAULT_VIEWS,
    burden_is_confounder: bool = False,
    assembly: str | None = None,
) -> None:
    """Write ``features.parquet`` and ``features.json`` to ``out_dir``.

    Genotypes of patients whose verdict is ``fail`` are not looked at.

    Args:
        files: of the run.
        out_dir: where to write.
        views: config list ``subtypes.views``, defaults filled in.
        burden_is_confounder: add the burden of tumour mutations as a column :data:`BURDEN`, which is no
            feature.
        assembly: of the run, which scoring files must be of.

    Raises:
        InputError: two features would have the same name, or a matrix has faults.
    """
    patients = pd.Index(read_parquet(files.people, ["patient"])["patient"].sort_values(), name="patient")
    built = [_view(dict(view), files, patients, assembly) for view in views]
    features = [feature for view in built for feature in view.features]
    names = ["patient", BURDEN, *[f.name for f in features]]
    names += [f"{f.name}={level}" for f in features for level in f.levels or ()]
    if clash := sorted({n for n in names if names.count(n) > 1}):
        raise input_error(
            files.dictionary, f"several features named {', '.join(clash)}", "one feature of a name"
        )
    values = {
        feature.name: _typed(feature.kind, column)
        for view in built
        for feature, column in zip(view.features, view.columns, strict=True)
    }
    confounders = []
    if burden_is_confounder and files.tumours is not None:
        values[BURDEN] = log_burden(read_parquet(files.tumours), patients)
        confounders.append(BURDEN)
    table = pd.DataFrame(values, index=patients).reset_index()
    write_parquet(table, Path(out_dir) / "features.parquet")
    write_json(
        Path(out_dir) / "features.json",
        {
            "features": [asdict(f) for f in features],
            "views": [view.record() for view in built],
            "confounders": confounders,
        },
    )


def _typed(kind: str, column: np.ndarray) -> pd.Series | np.ndarray:
    return pd.Series(column, dtype="str").to_numpy() if kind == "category" else column


def _view(view: dict[str, Any], files: ViewFiles, patients: pd.Index, assembly: str | None) -> View:
    source = view["source"]
    name = view.get("name") or source
    if source == "clinical":
        clinical = read_parquet(files.clinical).set_index("patient").reindex(patients)
        return clinical_view(name, clinical, read_json(files.dictionary))
    if source == "matrix":
        return matrix_view(
            name,
            view["path"],
            patients,
            view.get("kind") or "gaussian",
            view.get("orientation") or "patients_in_rows",
            bool(view.get("log")),
            view.get("top"),
            view.get("components"),
        )
    if source in ("tumour", "tumour_burden"):
        if files.somatic is None or files.tumours is None:
            return View(name, source, notes=["The run has no tumour files."])
        tumours = read_parquet(files.tumours)
        if source == "tumour_burden":
            return burden_view(name, tumours, patients)
        return driver_view(
            name,
            read_parquet(files.somatic, SOMATIC_COLUMNS),
            tumours,
            patients,
            view.get("min_carriers") or 5,
            view.get("genes"),
            view.get("top"),
        )
    qc = read_parquet(files.sample_qc, ["patient", "verdict"])
    failed = set(qc.loc[(qc["verdict"] == "fail").to_numpy(bool), "patient"])
    store, genes = open_store(files.bfile), read_parquet(files.genes, ["gene", "mechanism"])
    if source == "scores":
        return score_view(
            name,
            paths_of(view),
            store,
            read_parquet(files.annotation, ["variant_id", "gene"]),
            genes,
            patients,
            failed,
            assembly,
            bool(view.get("by_mechanism")),
            view.get("min_match", 0.75),
        )
    return carrier_view(
        name,
        store,
        read_parquet(files.annotation, ANNOTATION_COLUMNS),
        genes,
        patients,
        failed,
        view.get("kind") or "binary",
    )
