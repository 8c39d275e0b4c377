"""The items of the reporting checklist, and how each is answered from the files of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import endotype
from endotype.subtypes.names import plain_label

AUTHORS = "Not stated by the run: the authors must add it."
Status = Literal["stated", "partly", "authors"]


@dataclass(frozen=True)
class Answer:
    """What the run says of an item.

    Attributes:
        status: ``stated``, ``partly`` (the authors must add to it) or ``authors`` (nothing is said).
        states: a sentence or more.
        where: (file under ``results/``, key in it; empty for the file as a whole).
    """

    status: Status
    states: str
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Run:
    """The JSON files that answers are read from, by their place under ``results/``."""

    files: dict[str, Any]

    def get(self, file: str, key: str) -> Any:
        """The value of a key such as ``settings.seed``; ``None`` where the file or the key isn't there."""
        value = self.files.get(file)
        for part in key.split(".") if key else []:
            value = value.get(part) if isinstance(value, dict) else None
        return value


SELECTION, MODEL = "subtypes/selection.json", "subtypes/model.json"
ASSESSMENT, FEATURES = "subtypes/assessment.json", "subtypes/features.json"
DICTIONARY, CONFIG, FLOW = "cohort/dictionary.json", "provenance/config.json", "variants/flow.json"
TABLE = "subtypes/characterisation.parquet"


def _authors(_: Run) -> Answer:
    return Answer("authors", AUTHORS)


def _listed(values: list[Any], most: int = 12) -> str:
    """Words of the run, harmless and not too many."""
    shown = ", ".join(plain_label(str(v), 60) for v in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "") if values else "none"


def _use(_: Run) -> Answer:
    return Answer("partly", "For research use; no answer of the model replaces the judgement of a person.")


def _objective(run: Run) -> Answer:
    k = run.get(SELECTION, "k")
    text = (
        "The run looks for groups of patients, freezes a model of them, compares them with confounders and "
        f"the standard of care, and applies the model to every patient. Groups found: {k}."
    )
    return Answer("partly", text, ((SELECTION, "k"), (SELECTION, "reason")))


def _source(run: Run) -> Answer:
    name = run.get(CONFIG, "run.name")
    if name is None:
        return _authors(run)
    text = f"The run is called {plain_label(str(name), 80)}; its input files are listed with their hashes."
    return Answer("partly", text, ((CONFIG, "run.name"), (CONFIG, "inputs")))


def _setting(run: Run) -> Answer:
    names = [c["confounder"] for c in run.get(ASSESSMENT, "audit.confounders") or []]
    text = f"Compared with the subtypes, as confounders: {_listed(names)}. Centres aren't described."
    return Answer("partly", text, ((ASSESSMENT, "audit.confounders"),)) if names else _authors(run)


def _eligibility(run: Run) -> Answer:
    n, aside = run.get(SELECTION, "n_patients"), run.get(SELECTION, "n_set_aside")
    text = (
        "Learned from: patients in the statistics of the cohort (sound genotypes, no duplicate) with half of "
        f"the features or more, {n}; {aside} unlike all others were set aside."
    )
    return Answer("partly", text, ((SELECTION, "n_patients"), (SELECTION, "n_set_aside")))


def _treatments(run: Run) -> Answer:
    name = run.get(ASSESSMENT, "settings.treatment")
    if name is None:
        return _authors(run)
    text = f"Treatment is taken from the column {plain_label(str(name), 60)}; arms are counted by subtype."
    return Answer("partly", text, ((ASSESSMENT, "settings.treatment"), (ASSESSMENT, "outcomes")))


def _preparation(run: Run) -> Answer:
    features, confounders = run.get(MODEL, "features") or [], run.get(MODEL, "confounders") or []
    logs = sum(f.get("transform") == "log" for f in features)
    text = (
        f"{len(features)} features, {logs} of them on the log scale; numbers were freed of "
        f"{len(confounders)} confounder columns by least squares, then scaled. All of it is frozen."
    )
    return Answer("stated", text, ((MODEL, "features"), (MODEL, "confounders")))


def _outcomes(run: Run) -> Answer:
    outcomes = run.get(DICTIONARY, "outcomes") or {}
    if not outcomes:
        return _authors(run)
    said = "; ".join(
        f"{plain_label(name, 40)} (time {plain_label(c['time'], 40)}, event {plain_label(c['event'], 40)})"
        for name, c in sorted(outcomes.items())
    )
    text = f"{said}. Outcomes took no part in finding the subtypes or in choosing their number."
    return Answer("partly", text, ((DICTIONARY, "outcomes"), (SELECTION, "outcomes")))


def _predictors(run: Run) -> Answer:
    views = Counter(str(f["view"]) for f in run.get(FEATURES, "features") or [])
    left_out = run.get(SELECTION, "features.left_out") or {}
    said = _listed([f"{view}: {n}" for view, n in sorted(views.items())])
    text = f"Candidate features by view: {said}. Left out, each with its reason: {len(left_out)}."
    return Answer("stated", text, ((FEATURES, "features"), (SELECTION, "features.left_out")))


def _definitions(run: Run) -> Answer:
    n = len(run.get(FEATURES, "features") or [])
    text = f"Each of the {n} features is listed with its kind and what it was made from; columns with units."
    return Answer("partly", text, ((FEATURES, "features"), (DICTIONARY, "columns")))


def _sample_size(run: Run) -> Answer:
    n, least = run.get(SELECTION, "n_patients"), run.get(SELECTION, "settings.min_size")
    text = f"{n} patients; a subtype needs {least}. The run made no calculation of the size beforehand."
    return Answer("partly", text, ((SELECTION, "n_patients"), (SELECTION, "settings.min_size")))


def _missing(run: Run) -> Answer:
    share = run.get(ASSESSMENT, "features.missing_share")
    said = "" if share is None else f" {share:.1%} of the feature values are missing."
    text = (
        f"Missing values are left out of the likelihood; nothing is imputed but a missing confounder.{said}"
    )
    return Answer("stated", text, ((ASSESSMENT, "features.missing_share"),))


def _partition(run: Run) -> Answer:
    resamples, samples = run.get(SELECTION, "settings.resamples"), run.get(ASSESSMENT, "settings.bootstrap")
    text = (
        f"No part of the cohort was kept apart. Stability: {resamples} resamples; optimism of concordance: "
        f"{samples} bootstrap samples; calibration: cross-validation."
    )
    where = ((SELECTION, "settings.resamples"), (ASSESSMENT, "settings.bootstrap"))
    return Answer("stated", text, where)


def _handling(run: Run) -> Answer:
    kinds = Counter(str(f["kind"]) for f in run.get(MODEL, "features") or [])
    said = _listed([f"{kind}: {n}" for kind, n in sorted(kinds.items())])
    return Answer("stated", f"Features of the model by kind: {said}.", ((MODEL, "features"),))


def _building(run: Run) -> Answer:
    tried = [c["k"] for c in run.get(SELECTION, "candidates") or []]
    reason, seed = run.get(SELECTION, "reason"), run.get(SELECTION, "settings.seed")
    text = (
        f"Numbers of groups tried: {_listed(tried)}; chosen: {run.get(SELECTION, 'k')} "
        f"({plain_label(str(reason), 150)}). Every number has its measures and its verdict. Seed {seed}."
    )
    where = ((SELECTION, "candidates"), (SELECTION, "reason"), (SELECTION, "settings.seed"))
    return Answer("stated", text, where)


def _warnings_of(run: Run) -> list[dict[str, Any]]:
    return list(run.get(ASSESSMENT, "audit.warnings") or [])


def _clusters(run: Run) -> Answer:
    if run.get(ASSESSMENT, "audit.status") != "assessed":
        return _authors(run)
    found = sorted({w["confounder"] for w in _warnings_of(run)})
    text = f"Subtypes were compared with every confounder; beyond the limits: {_listed(found)}."
    return Answer("partly", text, ((ASSESSMENT, "audit.confounders"), (ASSESSMENT, "audit.warnings")))


def _measures(run: Run) -> Answer:
    text = (
        "Bootstrap Jaccard index, prediction strength and gain over null data for the number of groups; "
        "concordance with optimism, likelihood ratio and calibration at a horizon for the outcome."
    )
    return Answer("stated", text, ((SELECTION, "candidates"), (ASSESSMENT, "outcomes")))


def _updating(_: Run) -> Answer:
    return Answer("stated", "The model was not updated or recalibrated after it was fitted.")


def _prediction(run: Run) -> Answer:
    digest = str(run.get(MODEL, "sha256"))[:12]
    text = f"The frozen model (SHA-256 {digest}…) holds all that a new patient's answer is computed from."
    return Answer("stated", text, ((MODEL, "sha256"),))


def _imbalance(run: Run) -> Answer:
    subtypes = run.get(SELECTION, "subtypes") or []
    sizes = _listed([f"{s['subtype']}: {s['n']}" for s in subtypes])
    text = f"Patients by subtype: {sizes}. Nothing was rebalanced."
    return Answer("stated", text, ((SELECTION, "subtypes"),))


def _fairness(run: Run) -> Answer:
    records = run.get(ASSESSMENT, "audit.confounders") or []
    seen = [c for c in records if c["status"] == "assessed" and c["source"] in ("people", "ancestry")]
    if not seen:
        return _authors(run)
    said = []
    for c in seen:
        share = c["eta_squared"] is not None
        value = c["eta_squared"] if share else c["cramers_v"]
        if value is not None:
            said.append(f"{c['confounder']} {'eta squared' if share else 'Cramér V'} {value:.2f}")
    text = (
        f"Association of the subtypes with sex and ancestry: {_listed(said)}. Other groups aren't looked at."
    )
    return Answer("partly", text, ((ASSESSMENT, "audit.confounders"),))


def _output(run: Run) -> Answer:
    text = (
        f"A subtype with its posterior and typicality, or no call with a reason. Limits: posterior "
        f"{run.get(MODEL, 'call_probability')}, typicality {run.get(MODEL, 'typicality_alpha')}, share of "
        f"features seen {run.get(MODEL, 'min_observed')}."
    )
    keys = ("call_probability", "typicality_alpha", "min_observed")
    return Answer("stated", text, tuple((MODEL, key) for key in keys))


def _evaluation(_: Run) -> Answer:
    return Answer("partly", "Fitted and assessed in the same cohort. Another cohort is the authors' to add.")


def _code(_: Run) -> Answer:
    text = f"Endotype {endotype.__version__}, MIT licence; versions in provenance/software.json."
    return Answer("partly", text)


def _flow(run: Run) -> Answer:
    n, called = run.get(ASSESSMENT, "patients.n"), run.get(ASSESSMENT, "patients.assessed")
    left = run.get(ASSESSMENT, "patients.left_out") or {}
    said = _listed([f"{reason}: {count}" for reason, count in sorted(left.items())])
    text = f"{n} patients; {called} with a subtype are assessed; left out by reason: {said}."
    where = ((ASSESSMENT, "patients.n"), (ASSESSMENT, "patients.left_out"))
    variants = ((FLOW, ""),) if FLOW in run.files else ()
    return Answer("stated", text, where + variants)


def _characteristics(run: Run) -> Answer:
    tests = run.get(ASSESSMENT, "characterisation.n_tests")
    if not tests:
        return Answer("partly", "No subtypes: nothing is compared. The authors describe the cohort.")
    text = f"Each subtype beside all others, with effects and FDR over {tests} tests; missing values counted."
    return Answer("stated", text, ((ASSESSMENT, "characterisation.n_tests"), (TABLE, "")))


def _numbers(run: Run) -> Answer:
    said = [
        f"{name}: {o['survival']['n']} patients ({o['survival']['events']} events)"
        for name, o in sorted((run.get(ASSESSMENT, "outcomes") or {}).items())
    ]
    text = f"Subtypes: {run.get(SELECTION, 'n_patients')} patients. Outcomes: {_listed(said)}."
    return Answer("stated", text, ((SELECTION, "n_patients"), (ASSESSMENT, "outcomes")))


def _specification(run: Run) -> Answer:
    n = len(run.get(MODEL, "weights") or [])
    text = (
        f"All parameters of the {n} groups, transforms, calibration and limits are in one file with its hash."
    )
    return Answer("stated", text, ((MODEL, "weights"), (MODEL, "features"), (MODEL, "calibration")))


def _performance(run: Run) -> Answer:
    said = []
    for name, outcome in sorted((run.get(ASSESSMENT, "outcomes") or {}).items()):
        value = outcome["added_value"]
        difference = value.get("differences", {}).get("subtype", {})
        if value["status"] == "assessed" and difference["low"] is not None:
            low, high = difference["low"], difference["high"]
            said.append(f"{name} {difference['corrected']:+.3f} ({low:+.3f} to {high:+.3f})")
    if not said:
        return Answer(
            "authors", "Not assessed by the run: no outcome could be used, or there are no subtypes."
        )
    text = f"Change in concordance over the standard of care, with 95 % interval: {_listed(said)}."
    return Answer("stated", text, ((ASSESSMENT, "outcomes"),))


def _limitations(run: Run) -> Answer:
    count = len(_warnings_of(run))
    text = f"The audit gave {count} warnings. Limits of each method are in the documentation."
    return Answer("partly", text, ((ASSESSMENT, "audit.warnings"),))


def _poor_input(run: Run) -> Answer:
    reasons = run.get(ASSESSMENT, "patients.no_call") or {}
    said = _listed([f"{reason}: {count}" for reason, count in sorted(reasons.items())])
    return Answer(
        "stated", f"Patients without a call, by reason: {said}.", ((ASSESSMENT, "patients.no_call"),)
    )


def _expertise(_: Run) -> Answer:
    return Answer(
        "partly", "Reports are to be read by a qualified person; docs/reading-a-report.md says how."
    )


def _regressions(run: Run, which: str) -> Answer:
    said = []
    for name, outcome in sorted((run.get(ASSESSMENT, "outcomes") or {}).items()):
        record = outcome["survival"].get(which)
        if record and record["status"] == "assessed":
            ratios = [r for r in record["hazard_ratios"] if r["term"].startswith("subtype=")]
            said += [
                f"{name} {r['term']}: {r['hazard_ratio']:.2f} ({r['low']:.2f} to {r['high']:.2f})"
                for r in ratios
                if r["hazard_ratio"] is not None
            ]
    if not said:
        return Answer(
            "authors", "Not assessed by the run: no outcome, no subtypes, or nothing to adjust for."
        )
    return Answer("stated", f"Hazard ratios, {which}: {_listed(said)}.", ((ASSESSMENT, "outcomes"),))


def _univariable(run: Run) -> Answer:
    return _regressions(run, "unadjusted")


def _multivariable(run: Run) -> Answer:
    return _regressions(run, "adjusted")


def _curves(run: Run) -> Answer:
    said = [
        f"{name} up to {o['survival']['horizon']:g} ({o['survival']['horizon_source']})"
        for name, o in sorted((run.get(ASSESSMENT, "outcomes") or {}).items())
        if o["survival"]["status"] == "assessed"
    ]
    if not said:
        return _authors(run)
    text = f"Product-limit estimates with intervals and restricted means: {_listed(said)}."
    return Answer("stated", text, ((ASSESSMENT, "outcomes"),))


ITEMS: list[tuple[str, str, str, Callable[[Run], Answer]]] = [
    ("1", "Title", "that a model is developed or evaluated, for whom, and for which answer", _authors),
    ("2", "Abstract", "a summary that follows the guideline for abstracts", _authors),
    ("3a", "Introduction", "the clinical question, and models that exist", _authors),
    ("3b", "Introduction", "whom the model is for, and how it is meant to be used", _use),
    ("3c", "Introduction", "known inequalities in health between groups of people", _authors),
    ("4", "Introduction", "the aim: development, evaluation, or both", _objective),
    ("5a", "Methods", "where the data come from, and how well they represent the patients meant", _source),
    ("5b", "Methods", "dates of recruitment and of the end of follow-up", _authors),
    ("6a", "Methods", "the setting: kind, number and place of the centres", _setting),
    ("6b", "Methods", "who was eligible", _eligibility),
    ("6c", "Methods", "treatments received, and how they were handled", _treatments),
    ("7", "Methods", "how data were prepared and checked, and whether alike for all groups", _preparation),
    ("8a", "Methods", "the outcome, its time, how and why it was chosen", _outcomes),
    ("8b", "Methods", "who assessed an outcome that needs judgement", _authors),
    ("8c", "Methods", "whether outcomes were assessed blind", _authors),
    ("9a", "Methods", "how predictors were chosen before modelling", _predictors),
    ("9b", "Methods", "the definition of each predictor, how and when it was measured", _definitions),
    ("9c", "Methods", "who assessed predictors that need judgement", _authors),
    ("10", "Methods", "how the size of the study was arrived at", _sample_size),
    ("11", "Methods", "how missing data were handled", _missing),
    ("12a", "Methods", "which data served which purpose", _partition),
    ("12b", "Methods", "how predictors entered: form, scale, transformation", _handling),
    ("12c", "Methods", "kind of model, every step of building it, and how it was checked inside", _building),
    ("12d", "Methods", "differences between centres or countries", _clusters),
    ("12e", "Methods", "measures of performance, and why", _measures),
    ("12f", "Methods", "updating of the model", _updating),
    ("12g", "Methods", "how an answer is computed", _prediction),
    ("13", "Methods", "what was done about classes of unequal size", _imbalance),
    ("14", "Methods", "what was done about fairness, and why", _fairness),
    ("15", "Methods", "what the model answers, and the thresholds", _output),
    ("16", "Methods", "differences between the data of development and of evaluation", _evaluation),
    ("17", "Methods", "ethical approval and consent", _authors),
    ("18a", "Open science", "funding, and the part of the funders", _authors),
    ("18b", "Open science", "competing interests", _authors),
    ("18c", "Open science", "where the protocol is", _authors),
    ("18d", "Open science", "registration", _authors),
    ("18e", "Open science", "how to get the data", _authors),
    ("18f", "Open science", "how to get the code", _code),
    ("19", "Patients and the public", "how they were involved", _authors),
    ("20a", "Results", "the flow of patients, with follow-up", _flow),
    ("20b", "Results", "characteristics of the patients, with missing values", _characteristics),
    ("20c", "Results", "comparison of the data of development and of evaluation", _authors),
    ("21", "Results", "patients and events in each analysis", _numbers),
    ("22", "Results", "the full model, so that it can be used", _specification),
    ("23a", "Results", "performance with intervals, also by group", _performance),
    ("23b", "Results", "differences in performance between centres", _authors),
    ("24", "Results", "results of updating", _updating),
    ("25", "Discussion", "interpretation, with fairness, beside other studies", _authors),
    ("26", "Discussion", "limitations and what they mean for bias and use", _limitations),
    ("27a", "Discussion", "what to do when input is poor or absent", _poor_input),
    ("27b", "Discussion", "what users must do and know", _expertise),
    ("27c", "Discussion", "next steps of research", _authors),
    ("R1", "Marker and outcome", "assays: material, reagents, quality control, blinding", _authors),
    ("R2", "Marker and outcome", "how the marker's groups and limits were decided", _building),
    ("R3", "Marker and outcome", "relation of the marker to standard variables", _characteristics),
    ("R4", "Marker and outcome", "effect of the marker alone, with interval", _univariable),
    ("R5", "Marker and outcome", "effect with the standard variables in the model", _multivariable),
    ("R6", "Marker and outcome", "survival curves and estimates by group", _curves),
]
"""Number, section, what is asked for, and what answers it."""
