"""The assessment of the subtypes from the files of a run, and back to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.errors import InputError, Problem, input_error, nearest
from endotype.files import read_json, write_json, write_text
from endotype.subtypes.assess import AssessmentSettings, assess
from endotype.subtypes.audit import MAX_LEVELS
from endotype.subtypes.carriers import gene_carriers, pathway_burdens
from endotype.subtypes.checklist import checklist_markdown, fill_checklist
from endotype.subtypes.checklist_items import (
    ASSESSMENT,
    CONFIG,
    DICTIONARY,
    FEATURES,
    FLOW,
    MODEL,
    SELECTION,
    Run,
)
from endotype.subtypes.model import load_model
from endotype.subtypes.traits import Subjects
from endotype.subtypes.views.carriers import ANNOTATION_COLUMNS
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import open_store

BURDEN = "n_mutations"
"""The column of the burden table that counts mutations."""


def assess_subtypes(
    features: str | Path,
    features_info: str | Path,
    assignments: str | Path,
    model: str | Path,
    selection: str | Path,
    clinical: str | Path,
    dictionary: str | Path,
    ancestry: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    settings: AssessmentSettings,
    out_dir: str | Path,
    bfile: str | Path | None = None,
    annotation: str | Path | None = None,
    genes: str | Path | None = None,
    burden: str | Path | None = None,
    config: str | Path | None = None,
    flow: str | Path | None = None,
) -> dict[str, Any]:
    """Write ``assessment.json``, ``characterisation.parquet``, ``checklist.json`` and ``checklist.md``.

    Args:
        features, features_info, assignments, model, selection: files of ``subtypes/``.
        clinical, dictionary, people: files of ``cohort/``.
        ancestry, sample_qc: files of ``variants/``.
        settings: what the user chose.
        out_dir: where to write.
        bfile, annotation, genes: for carriers by gene and pathway; all three or none.
        burden: ``variants/tumours.parquet``, for the audit.
        config, flow: ``provenance/config.json`` and ``variants/flow.json``, for the checklist.

    Returns:
        The content of ``assessment.json``.

    Raises:
        InputError: a column of the settings isn't there or can't be used, or the model was changed.
        ValueError: some of ``bfile``, ``annotation`` and ``genes``, but not all.
    """
    if len({path is None for path in (bfile, annotation, genes)}) > 1:
        raise ValueError("bfile, annotation and genes go together")
    frozen, content = load_model(model), read_json(model)
    info, described = read_json(features_info)["features"], read_json(dictionary)
    calls = read_parquet(assignments).set_index("patient").sort_index()
    patients = calls.index
    qc = read_parquet(sample_qc, ["patient", "verdict", "in_statistics"])
    table = read_parquet(features).set_index("patient").reindex(patients)
    clinic = read_parquet(clinical).set_index("patient").reindex(patients)
    axes = read_parquet(ancestry).set_index("patient").reindex(patients)
    check_columns(clinical, clinic, described, settings)
    carriers = pathways = pathway_of = None
    with threadpool_limits(1):
        data = frozen.data(table, clinic, axes)
        if bfile is not None and annotation is not None and genes is not None:
            failed = set(qc.loc[qc["verdict"] == "fail", "patient"])
            rows = read_parquet(annotation, ANNOTATION_COLUMNS)
            carriers = gene_carriers(open_store(bfile), rows, patients, failed, 1)
            pathway_of = read_parquet(genes, ["gene", "mechanism"]).set_axis(["gene", "pathway"], axis=1)
            pathways = pathway_burdens(carriers, pathway_of)
        subjects = Subjects(
            features=table,
            values=np.where(data.seen, data.x, np.nan),
            clinical=clinic,
            ancestry=axes,
            people=read_parquet(people).set_index("patient").reindex(patients),
            burden=None if burden is None else _burden(burden, patients),
            removed=table[[c["column"] for c in content["confounders"] if c["source"] == "features"]],
            carriers=carriers,
            pathways=pathways,
            pathway_of=pathway_of,
        )
        apart = qc.loc[~qc["in_statistics"].fillna(False).to_numpy(bool), "patient"]
        in_statistics = ~patients.isin(apart)  # who has no germline sample has no row, and takes part
        used = {f["name"] for f in content["features"]}
        record, traits = assess(
            subjects, info, used, frozen.subtypes, calls, np.asarray(in_statistics), described, settings
        )
    out = Path(out_dir)
    write_json(out / "assessment.json", record)
    write_parquet(traits, out / "characterisation.parquet")
    files = {SELECTION: read_json(selection), MODEL: content, ASSESSMENT: record}
    files |= {FEATURES: read_json(features_info), DICTIONARY: described}
    files |= {place: read_json(path) for place, path in ((CONFIG, config), (FLOW, flow)) if path is not None}
    checklist = fill_checklist(Run(files))
    write_json(out / "checklist.json", checklist)
    write_text(out / "checklist.md", checklist_markdown(checklist))
    return record


def check_columns(
    path: str | Path, clinical: pd.DataFrame, dictionary: dict[str, Any], settings: AssessmentSettings
) -> None:
    """See that the columns named in the settings can be used.

    Raises:
        InputError: with every one that can't: not in the clinical table, part of an outcome, named twice, or
            with so many levels that it is no category.
    """
    problems = []
    outcome_columns = {c for o in dictionary.get("outcomes", {}).values() for c in o.values()}
    wanted = [("standard of care", c) for c in settings.standard_of_care]
    if settings.treatment is not None:
        wanted.append(("treatment", settings.treatment))
    if repeated := sorted({c for c in settings.standard_of_care if settings.standard_of_care.count(c) > 1}):
        problems += [
            Problem(str(path), None, c, "the column named twice", "each column once") for c in repeated
        ]
    for what, column in wanted:
        if column not in clinical.columns:
            problems.append(
                Problem(
                    str(path),
                    None,
                    column,
                    "no such column",
                    f"a column for the {what}",
                    nearest(column, clinical.columns),
                )
            )
        elif column in outcome_columns:
            problems.append(
                Problem(
                    str(path),
                    None,
                    column,
                    "a column of an outcome",
                    f"a column for the {what} known before it",
                )
            )
        elif (
            not pd.api.types.is_numeric_dtype(clinical[column].dtype)
            and clinical[column].nunique() > MAX_LEVELS
        ):
            problems.append(
                Problem(
                    str(path),
                    None,
                    column,
                    f"{clinical[column].nunique()} levels",
                    f"a category of at most {MAX_LEVELS}",
                )
            )
    if problems:
        raise InputError(problems)


def _burden(path: str | Path, patients: pd.Index) -> pd.DataFrame | None:
    """Mutations by patient; of several tumours the largest number. ``None`` when nobody has a tumour."""
    table = read_parquet(path)
    if not {"patient", BURDEN} <= set(table.columns) or not pd.api.types.is_numeric_dtype(
        table[BURDEN].dtype
    ):
        found = f"the columns {', '.join(map(str, table.columns))}"
        raise input_error(path, found, f"'patient' and a number '{BURDEN}'")
    if table.empty:
        return None
    return table.groupby("patient")[[BURDEN]].max().reindex(patients)
