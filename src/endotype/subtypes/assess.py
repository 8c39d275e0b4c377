"""Subtypes under scrutiny: audit, characterisation, names, outcome, added value, reporting checklist.

All of it is about the patients who have a subtype and are in the statistics of the cohort, and none of it
changes a subtype: they were found before, without outcomes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.errors import InputError, Problem, input_error, nearest
from endotype.files import read_json, write_json, write_text
from endotype.subtypes.added_value import added_value, continuous_axes
from endotype.subtypes.audit import MAX_LEVELS, Limits, audit, audit_column, audit_columns
from endotype.subtypes.carriers import gene_carriers, pathway_burdens
from endotype.subtypes.characterise import Trait, characterise
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
from endotype.subtypes.features import ANNOTATION_COLUMNS
from endotype.subtypes.follow_up import read_follow_up
from endotype.subtypes.hazards import Term, code_term
from endotype.subtypes.model import load_model
from endotype.subtypes.names import NameRule, name_subtypes
from endotype.subtypes.survival_comparison import common_horizon, compare_survival
from endotype.subtypes.treatment import treatment_interaction
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import open_store

MIN_GENE_CARRIERS = 5
"""Patients with a subtype who carry a qualifying variant that a gene needs to be compared."""

NOTES = (
    "A subtype is a statistical group of this cohort. It is neither a disease nor a cause.",
    "Features marked as used helped to find the subtypes. Their p-values describe the subtypes and are no "
    "independent evidence for them.",
    "Hazard ratios compare patients of a cohort; they are not effects of a subtype or of a treatment.",
)


@dataclass(frozen=True)
class AssessmentSettings:
    """What the user chose.

    Attributes:
        standard_of_care: columns of the clinical table that say what is known without subtypes.
        treatment: a column of the clinical table, or ``None``.
        audit_ari, audit_eta_squared: limits of a hard warning.
        horizon: in the unit of the outcomes' times; ``None``: chosen for each outcome.
        bootstrap: samples behind intervals of the added value.
        permutations: of the audit.
        seed: of everything random.
    """

    standard_of_care: tuple[str, ...] = ()
    treatment: str | None = None
    audit_ari: float = 0.1
    audit_eta_squared: float = 0.25
    horizon: float | None = None
    bootstrap: int = 500
    permutations: int = 999
    seed: int = 1


@dataclass(frozen=True)
class Subjects:
    """Tables of the patients, indexed by patient, with the same rows.

    Attributes:
        features: recorded values, of ``features.parquet``.
        values: float64 (n, p), the same as the model sees them, NaN where missing.
        clinical, ancestry, people: of the cohort and the variants stage.
        burden: numbers of mutations, or ``None``.
        carriers: of :func:`~endotype.subtypes.carriers.gene_carriers`, or ``None``.
        pathways: of :func:`~endotype.subtypes.carriers.pathway_burdens`, or ``None``.
        pathway_of: columns ``gene pathway``, or ``None``.
    """

    features: pd.DataFrame
    values: np.ndarray
    clinical: pd.DataFrame
    ancestry: pd.DataFrame
    people: pd.DataFrame
    burden: pd.DataFrame | None = None
    carriers: pd.DataFrame | None = None
    pathways: pd.DataFrame | None = None
    pathway_of: pd.DataFrame | None = None


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
        burden: a table with ``patient`` and numbers of mutations, for the audit.
        config, flow: ``provenance/config.json`` and ``variants/flow.json``, for the checklist.

    Returns:
        The content of ``assessment.json``.

    Raises:
        InputError: a column of the settings isn't there or can't be used, or the model was changed.
    """
    frozen = load_model(model)
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
            carriers=carriers,
            pathways=pathways,
            pathway_of=pathway_of,
        )
        in_statistics = patients.isin(qc.loc[qc["in_statistics"].fillna(False).to_numpy(bool), "patient"])
        used = {f.name for f in frozen.features}
        record, traits = assess(
            subjects, info, used, frozen.subtypes, calls, np.asarray(in_statistics), described, settings
        )
    out = Path(out_dir)
    write_json(out / "assessment.json", record)
    write_parquet(traits, out / "characterisation.parquet")
    files = {SELECTION: read_json(selection), MODEL: read_json(model), ASSESSMENT: record}
    files |= {FEATURES: read_json(features_info), DICTIONARY: described}
    files |= {place: read_json(path) for place, path in ((CONFIG, config), (FLOW, flow)) if path is not None}
    checklist = fill_checklist(Run(files))
    write_json(out / "checklist.json", checklist)
    write_text(out / "checklist.md", checklist_markdown(checklist))
    return record


def assess(
    subjects: Subjects,
    info: list[dict[str, Any]],
    used: set[str],
    names: list[str],
    calls: pd.DataFrame,
    in_statistics: np.ndarray,
    dictionary: dict[str, Any],
    settings: AssessmentSettings,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Assess the subtypes of a cohort; pure but for the seed in ``settings``.

    Args:
        subjects: tables of n patients.
        info: ``features.json``.
        used: names of the features that the subtypes were found from.
        names: of the k subtypes; none: the cohort is not divided.
        calls: assignments, indexed like the tables.
        in_statistics: bool (n,).
        dictionary: ``dictionary.json``.
        settings: what the user chose.

    Returns:
        The content of ``assessment.json``, and of ``characterisation.parquet``.
    """
    number = {name: float(i) for i, name in enumerate(names)}
    labels = calls["subtype"].map(number).fillna(-1.0).to_numpy(dtype=float).astype(np.int64)
    labels[~in_statistics] = -1
    columns = audit_columns(
        dictionary, subjects.clinical, subjects.ancestry, subjects.people, subjects.burden
    )
    limits = Limits(settings.audit_ari, settings.audit_eta_squared)
    audited = audit(labels, names, columns, limits, settings.permutations, settings.seed)
    traits, counted = find_traits(subjects, info, used, labels, dictionary)
    table = characterise(labels, names, traits, settings.seed)
    own = {f["name"] for f in info}
    views = {str(f["view"]) for f in info}
    features = table[(table["name"].isin(own) & table["group"].isin(views)).to_numpy(bool)]
    standard = [code_term(c, subjects.clinical[c]) for c in settings.standard_of_care]
    axes = continuous_axes(subjects.values, max(len(names) - 1, 1))
    outcomes = {
        name: _outcome(subjects.clinical, chosen, labels, names, standard, axes, settings)
        for name, chosen in sorted(dictionary.get("outcomes", {}).items())
    }
    values = subjects.features[[f["name"] for f in info]][in_statistics]
    record = {
        "format": 1,
        "patients": _patients(calls, labels, in_statistics, names),
        "names": name_subtypes(names, features),
        "name_rule": asdict(NameRule()),
        "audit": audited,
        "warnings": [w["sentence"] for w in audited["warnings"]],
        "outcomes": outcomes,
        "characterisation": counted
        | {
            "n_rows": len(table),
            "n_tests": int(table["p"].notna().sum()),
            "fdr": "Benjamini-Hochberg, all rows",
        },
        "features": {
            "n": len(info),
            "n_used": len(used),
            "missing_share": float(values.isna().to_numpy().mean()) if values.size else None,
            "also_standard_of_care": [c for c in settings.standard_of_care if _is_feature(c, used)],
        },
        "settings": asdict(settings) | {"standard_of_care": list(settings.standard_of_care)},
        "notes": list(NOTES),
    }
    return record, table


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


def find_traits(
    subjects: Subjects,
    info: list[dict[str, Any]],
    used: set[str],
    labels: np.ndarray,
    dictionary: dict[str, Any],
) -> tuple[list[Trait], dict[str, Any]]:
    """What the subtypes are compared in, and how many genes were too rarely carried for it.

    Features first, then clinical columns that are neither features nor outcomes, genes and pathways. A gene
    or pathway counts as used where the carriers of its mechanism were.
    """
    traits = [
        _trait(f["name"], str(f["view"]), subjects.features[f["name"]], f["name"] in used) for f in info
    ]
    for name, entry in dictionary["columns"].items():
        if entry["role"] in ("confounder", "covariate", "trait") and name in subjects.clinical.columns:
            traits.append(_trait(name, entry["role"], subjects.clinical[name], False))
    left_out = 0
    used_pathways = {p.removeprefix("carrier:") for p in used if p.startswith("carrier:")}
    if subjects.carriers is not None and subjects.pathway_of is not None:
        pathway_of = subjects.pathway_of.dropna()
        used_genes = set(pathway_of.loc[pathway_of["pathway"].isin(used_pathways), "gene"])
        for gene in subjects.carriers.columns:
            values = subjects.carriers[gene]
            if int((values[labels >= 0] == 1).sum()) < MIN_GENE_CARRIERS:
                left_out += 1
                continue
            traits.append(_trait(gene, "gene", values, gene in used_genes))
    if subjects.pathways is not None:
        for pathway in subjects.pathways.columns:
            burdens = subjects.pathways[pathway].to_numpy(dtype=float)
            traits.append(Trait(pathway, "pathway", "number", burdens, pathway in used_pathways))
    return traits, {
        "n_genes": sum(t.group == "gene" for t in traits),
        "n_genes_left_out": left_out,
        "genes_left_out_reason": f"fewer than {MIN_GENE_CARRIERS} carriers among patients with a subtype",
        "genes_status": "not_assessed" if subjects.carriers is None else "assessed",
    }


def _trait(name: str, group: str, values: pd.Series, used: bool) -> Trait:
    """A column as a trait: numbers that are all 0 or 1 are yes/no, words are categories."""
    column = audit_column(name, group, values)
    if column.kind == "category" and set(column.levels) <= {"False", "True"}:
        return Trait(name, group, "binary", values.to_numpy(dtype=float, na_value=np.nan), used)
    if column.kind == "category":
        return Trait(name, group, "category", column.values, used, column.levels)
    seen = column.values[np.isfinite(column.values)]
    binary = seen.size > 0 and bool(np.isin(seen, (0.0, 1.0)).all())
    return Trait(name, group, "binary" if binary else "number", column.values, used)


def _is_feature(column: str, used: set[str]) -> bool:
    return any(f == column or f.startswith(f"{column}=") for f in used)


def _outcome(
    clinical: pd.DataFrame,
    columns: dict[str, str],
    labels: np.ndarray,
    names: list[str],
    standard: list[Term],
    axes: Term,
    settings: AssessmentSettings,
) -> dict[str, Any]:
    follow_up = read_follow_up(clinical, columns, labels >= 0)
    horizon = settings.horizon
    survival = compare_survival(follow_up, labels, names, standard, horizon)
    until = survival.get("horizon")
    if until is None:
        until = horizon if horizon is not None else 0.0
        if follow_up.survival.n and horizon is None:
            until = common_horizon([follow_up.survival])
    result = {
        "survival": survival,
        "added_value": added_value(
            follow_up, labels, names, standard, axes, until, settings.bootstrap, settings.seed
        ),
        "treatment": {"status": "not_assessed", "reason": "no treatment column is named"},
    }
    if settings.treatment is not None:
        result["treatment"] = treatment_interaction(
            follow_up, labels, names, standard, clinical[settings.treatment]
        )
    return result


def _patients(
    calls: pd.DataFrame, labels: np.ndarray, in_statistics: np.ndarray, names: list[str]
) -> dict[str, Any]:
    """How many are assessed; everybody else has one reason: n = assessed + the sum of ``left_out``."""
    reasons = calls["reason"].fillna("").to_numpy(dtype=object)
    no_call = {str(r): int((reasons == r).sum()) for r in sorted(set(reasons) - {""})}
    left_out = {
        f"no call: {r}": int(((reasons == r) & (labels < 0)).sum()) for r in sorted(set(reasons) - {""})
    }
    if apart := int(((reasons == "") & (labels < 0) & ~in_statistics).sum()):
        left_out["called, but not in the statistics of the cohort"] = apart
    return {
        "n": len(calls),
        "assessed": int((labels >= 0).sum()),
        "no_call": no_call,
        "left_out": left_out,
        "subtypes": [{"subtype": s, "n": int((labels == g).sum())} for g, s in enumerate(names)],
    }


def _burden(path: str | Path, patients: pd.Index) -> pd.DataFrame:
    table = read_parquet(path)
    numbers = [c for c in table.columns if c != "patient" and pd.api.types.is_numeric_dtype(table[c].dtype)]
    if "patient" not in table.columns or not numbers:
        raise input_error(path, f"the columns {', '.join(map(str, table.columns))}", "'patient' and numbers")
    if table["patient"].duplicated().any():
        raise input_error(path, "a patient in several rows", "one row per patient")
    return table.set_index("patient")[numbers].reindex(patients)
