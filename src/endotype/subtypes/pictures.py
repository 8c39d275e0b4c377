"""All pictures of the subtypes stage, and what each of them shows or why it can't be drawn.

``pictures.json`` lists them; ``embedding.json`` and ``positions.parquet`` hold the frozen axes and
everybody's place on them, for the patients' reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from endotype.axes import GREY, group_colours
from endotype.errors import input_error
from endotype.files import read_json, write_json, write_text
from endotype.ids import file_word
from endotype.message import N_
from endotype.subtypes.alterations import KINDS, alteration_matrix
from endotype.subtypes.embedding import Embedding, fit_embedding
from endotype.subtypes.kaplan_meier import kaplan_meier, log_log_interval
from endotype.subtypes.model import load_model
from endotype.subtypes.picture_canvas import standalone
from endotype.subtypes.picture_consensus import MAX_CELLS, consensus_heat_map
from endotype.subtypes.picture_embedding import MIN_MEMBERS, embedding_map, outlines
from endotype.subtypes.picture_features import feature_heat_map, strongest
from endotype.subtypes.picture_oncoprint import MAX_COLUMNS, oncoprint
from endotype.subtypes.picture_stability import stability_curves
from endotype.subtypes.picture_survival import MAX_BANDS, Curve, survival_curves
from endotype.subtypes.selection import MIN_JACCARD, MIN_PREDICTION_STRENGTH
from endotype.tables import read_parquet, write_parquet
from endotype.visible import clean, feature_name, words

SCHEMA_VERSION = "1.0"
EVERYBODY = "all"
"""Name of the one group of a cohort that isn't divided."""

FDR = 0.05
N_GENES = 20
_UNFIT = ("failed_qc", "insufficient_data")


@dataclass(frozen=True)
class Inputs:
    """Results of the stage; files that a run needn't have are None.

    Attributes:
        model, features, clinical, dictionary, ancestry, assignments, selection, profile: always there.
        consensus: ``matrix``, shape (n, n), and ``patients``, shape (n,), as NumPy's ``.npz``.
        characterisation: ``subtype name q`` and more columns: false discovery rates; of several rows of one
            name the first counts.
        somatic, tumours: of the variants stage.
        genes: of the oncoprint; None: those that are altered most often.
    """

    model: Path
    features: Path
    clinical: Path
    dictionary: Path
    ancestry: Path
    assignments: Path
    selection: Path
    profile: Path
    consensus: Path | None = None
    characterisation: Path | None = None
    somatic: Path | None = None
    tumours: Path | None = None
    genes: Sequence[str] | None = None


@dataclass(frozen=True)
class Drawn:
    """A picture with its words; ``svg`` is None where there is a ``reason`` against it."""

    name: str
    title: str
    caption: str = ""
    svg: Markup | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _Groups:
    """Who is in which subtype: ``labels`` by patient, -1 for none; names ascending, with their colours."""

    labels: pd.Series
    names: list[str]
    colours: dict[str, str]
    unfit: pd.Series
    divided: bool

    def of(self, patients: Sequence[str] | pd.Index) -> np.ndarray:
        """Labels of some patients, int64; -1 also for those that the assignments don't know."""
        return self.labels.reindex(pd.Index(patients)).fillna(-1).to_numpy(np.int64)


def plot_subtypes(inputs: Inputs, out_dir: str | Path) -> None:
    """Write the pictures as SVG, ``pictures.json``, ``embedding.json`` and ``positions.parquet``.

    The same bytes for the same results. Files of pictures that can't be drawn aren't written.

    Raises:
        InputError: a result is missing or isn't what it should be.
    """
    out = Path(out_dir)
    groups = _groups(inputs)
    selection = read_json(inputs.selection)
    features, values, embedding = _embedding(inputs, groups)
    scores = embedding.project(values)
    drawn = [
        _consensus(inputs.consensus, groups, selection),
        _stability(selection),
        _embedded(features.index, scores, embedding, groups),
        *_survival(inputs, groups, selection),
        _features(inputs, groups),
        _oncoprint(inputs, groups),
    ]
    for picture in drawn:
        if picture.svg is not None:
            write_text(out / _file(picture.name), standalone(picture.svg))
    write_json(
        out / "pictures.json",
        {"schema_version": SCHEMA_VERSION, "pictures": [_listed(picture) for picture in drawn]},
    )
    _write_positions(out, features, values, scores, embedding, groups)


def _listed(picture: Drawn) -> dict[str, Any]:
    there = picture.svg is not None
    return {
        "name": picture.name,
        "file": _file(picture.name) if there else None,
        "title": picture.title,
        "caption": picture.caption if there else None,
        "alt": f"{picture.title}. {picture.caption}" if there else None,
        "reason": picture.reason,
    }


def _file(name: str) -> str:
    return f"{file_word(name)}.svg"


def _groups(inputs: Inputs) -> _Groups:
    table = read_parquet(inputs.assignments).set_index("patient")
    names = [column[2:] for column in table.columns if column.startswith("p_")]
    unfit = table["reason"].isin(_UNFIT)
    if not names:
        return _Groups(pd.Series(0, index=table.index), [EVERYBODY], {EVERYBODY: GREY}, unfit, False)
    labels = table["subtype"].map({name: i for i, name in enumerate(names)})
    return _Groups(labels.fillna(-1).astype("int64"), names, group_colours(names), unfit, True)


def _embedding(inputs: Inputs, groups: _Groups) -> tuple[pd.DataFrame, np.ndarray, Embedding]:
    """Features, model values and frozen axes; fitted to patients with enough features and sound genotypes."""
    model = load_model(inputs.model)
    features = read_parquet(inputs.features).set_index("patient").sort_index()
    tables = (read_parquet(path).set_index("patient") for path in (inputs.clinical, inputs.ancestry))
    clinical, ancestry = (table.reindex(features.index) for table in tables)
    data = model.data(model.usable(features)[0], clinical, ancestry)
    values = np.where(data.seen, data.x, np.nan)
    learn = ~groups.unfit.reindex(features.index).fillna(True).to_numpy(bool)
    return features, values, fit_embedding(values[learn])


def _write_positions(
    out: Path,
    features: pd.DataFrame,
    values: np.ndarray,
    scores: np.ndarray,
    embedding: Embedding,
    groups: _Groups,
) -> None:
    axes = {f"axis_{i + 1}": scores[:, i] for i in range(scores.shape[1])}
    table = pd.DataFrame({"patient": features.index.astype("str"), **axes})
    table["n_seen"] = np.isfinite(values).sum(axis=1).astype("int64")
    write_parquet(table, out / "positions.parquet")
    flat = scores.shape[1] == 2
    places = outlines(scores, groups.of(features.index), groups.names) if flat else []
    content = {"schema_version": SCHEMA_VERSION, "groups": places, "embedding": embedding.to_json()}
    write_json(out / "embedding.json", content)


def _consensus(path: Path | None, groups: _Groups, selection: Mapping[str, Any]) -> Drawn:
    blank = Drawn("consensus", N_("Consensus of the subtypes"))
    if not groups.divided:
        return _without(blank, N_("the cohort is not divided into subtypes"))
    if path is None:
        return _without(blank, N_("no consensus matrix was kept"))
    with np.load(path, allow_pickle=False) as arrays:
        if not {"matrix", "patients"} <= set(arrays.files):
            raise input_error(path, f"the arrays {', '.join(arrays.files)}", "matrix and patients")
        matrix, patients = arrays["matrix"], [str(p) for p in arrays["patients"]]
    if matrix.shape != (len(patients), len(patients)):
        raise input_error(
            path, f"a matrix of {matrix.shape} for {len(patients)} patients", "one row a patient"
        )
    resamples = selection.get("settings", {}).get("resamples")
    caption = N_(
        "How often two patients who were drawn together were put in one of {groups!s} groups, over "
        "{resamples!s} resamples of the cohort (Monti et al. 2003); {n:,} patients, by subtype "
        "and in it by their mean consensus with it. Numbers on the right: mean within the subtype."
    ).format(groups=len(groups.names), resamples=resamples or "the", n=len(patients))
    if len(patients) > MAX_CELLS:
        caption += " " + N_("Neighbours are averaged.")
    labels = groups.of(patients)
    return _with(blank, caption, consensus_heat_map(matrix, labels, groups.names, groups.colours))


def _stability(selection: Mapping[str, Any]) -> Drawn:
    blank = Drawn("stability", N_("How many subtypes"))
    candidates = selection.get("candidates", [])
    if len(candidates) < 2:
        return _without(blank, N_("no number of groups above one was tried"))
    limits = {"prediction_strength": MIN_PREDICTION_STRENGTH, "jaccard": MIN_JACCARD}
    caption = N_(
        "Stability by number of groups; filled: it passed every test. Grey band: 5 to 95 % of cohorts "
        "without groups that have the same correlations, dashed their median. Dotted lines: least values "
        "that are asked for."
    )
    return _with(blank, caption, stability_curves(candidates, int(selection["k"]), limits))


def _embedded(patients: pd.Index, scores: np.ndarray, embedding: Embedding, groups: _Groups) -> Drawn:
    blank = Drawn("embedding", N_("The cohort on two axes"))
    if scores.shape[1] < 2:
        return _without(blank, N_("fewer than two features, or than three patients"))
    n_hidden = int((~np.isfinite(scores).all(axis=1)).sum())
    caption = N_(
        "Principal components of the values that the model uses, missing values left out (Tipping & Bishop "
        "1999); each dot is a patient, patients with the same values are fanned out. Hollow: called to no "
        "subtype. Nearness here is not proof of a group."
    )
    if n_hidden:
        caption += f" {n_hidden} without any feature {'is' if n_hidden == 1 else 'are'} not drawn."
    labels = groups.of(patients)
    svg = embedding_map(scores, labels, groups.names, groups.colours, embedding.share)
    return _with(blank, caption, svg)


def _survival(inputs: Inputs, groups: _Groups, selection: Mapping[str, Any]) -> list[Drawn]:
    dictionary = read_json(inputs.dictionary)
    clinical = read_parquet(inputs.clinical).set_index("patient").sort_index()
    outcomes = dictionary.get("outcomes", {})
    if not outcomes:
        return [Drawn("survival", N_("Survival by subtype"), reason=N_("the dictionary names no outcome"))]
    tests = selection.get("outcomes", {})
    return [
        _outcome(name, outcomes[name], clinical, dictionary, groups, tests.get(name, {}))
        for name in sorted(outcomes)
    ]


def _outcome(
    name: str,
    columns: Mapping[str, str],
    clinical: pd.DataFrame,
    dictionary: Mapping[str, Any],
    groups: _Groups,
    test: Mapping[str, Any],
) -> Drawn:
    title = N_("{outcome} by subtype").format(outcome=words(name).capitalize())
    blank = Drawn(f"survival.{name}", title)
    observed = clinical[list(columns.values())].set_axis(list(columns), axis=1)
    observed = observed.dropna().astype("float64")
    observed = observed[observed["time"] >= 0]
    if "entry" in observed:
        observed = observed[observed["entry"] < observed["time"]]
    labels = groups.of(observed.index)
    parts = {g: observed[labels == i] for i, g in enumerate(groups.names)}
    curves = [_curve(g, part) for g, part in parts.items() if len(part) >= MIN_MEMBERS]
    if not curves:
        return _without(blank, f"no subtype has {MIN_MEMBERS} patients with the outcome recorded")
    small = [g for g, part in parts.items() if len(part) < MIN_MEMBERS]
    caption = N_("Kaplan-Meier estimates; small ticks: end of observation.")
    if len(curves) <= MAX_BANDS:
        caption = N_("Kaplan-Meier estimates with 95 % bands (log-log); small ticks: end of observation.")
    below = N_("Below, patients under observation at each time.")
    if "entry" in observed:
        below = N_(
            "Below, patients under observation at each time, who may grow in number, because some entered "
            "late."
        )
    caption += f" {below}"
    caption += f" {_test_words(test)}"
    if small:
        caption += f" Not drawn, with fewer than {MIN_MEMBERS} patients: {', '.join(small)}."
    unit = dictionary["columns"][columns["time"]].get("unit")
    axis = words(columns["time"]) + (f" ({unit})" if unit and unit not in columns["time"] else "")
    return _with(blank, caption, survival_curves(curves, groups.colours, axis, blank.title))


def _curve(name: str, observed: pd.DataFrame) -> Curve:
    time, event = observed["time"].to_numpy(float), observed["event"].to_numpy(float) > 0
    entry = observed["entry"].to_numpy(float) if "entry" in observed else None
    times, survival, greenwood = kaplan_meier(time, event, entry)
    none = (np.nan, np.nan)
    limits = [log_log_interval(float(s), float(g)) or none for s, g in zip(survival, greenwood, strict=True)]
    low, high = np.array(limits, float).reshape(-1, 2).T
    return Curve(name, times, survival, low, high, time, event, entry)


def _test_words(test: Mapping[str, Any]) -> str:
    """The test of an outcome in a sentence."""
    p = test.get("p_adjusted", test.get("p"))
    if test.get("status") != "assessed" or p is None:
        return N_("Not tested: {reason}.").format(reason=test.get("reason", N_("no test was made")))

    if "p_adjusted" not in test:
        return N_("Log-rank test by permutation: p = {p:.2g}.").format(p=p)
    return N_(
        "Log-rank test by permutation, corrected for all {n!s} tests of divisions and outcomes that were "
        "tried: p = {p:.2g}."
    ).format(n=test["n_tried"], p=p)


def _features(inputs: Inputs, groups: _Groups) -> Drawn:
    blank = Drawn("features", N_("What sets the subtypes apart"))
    profile = read_parquet(inputs.profile)
    if not groups.divided or profile.empty:
        return _without(blank, N_("the cohort is not divided into subtypes"))
    names = list(dict.fromkeys(profile["feature"]))
    difference = _wide(profile, "standardised_difference", names, groups.names)
    q = None
    caption = N_("Mean of the subtype less mean of the cohort, in standard deviations of the cohort.")
    if inputs.characterisation is not None:
        rates = read_parquet(inputs.characterisation, ["subtype", "name", "q"])
        q = _wide(rates.rename(columns={"name": "feature"}), "q", names, groups.names)
        caption = N_(
            "Mean of the subtype less mean of the cohort, in standard deviations of the cohort; a dot where "
            "the false discovery rate is at most {fdr:g} %."
        ).format(fdr=100 * FDR)
    caption += " " + N_(
        "Features are ordered by the subtype in which they differ most. Subtypes were found with these "
        "features, so the differences describe them and are no independent evidence."
    )
    rows = strongest(difference)
    if len(rows) < len(names):
        caption += f" {len(rows)} of {len(names)} features, those with the largest differences."
    shown = [feature_name(names[i]) for i in rows]
    svg = feature_heat_map(shown, groups.names, difference[rows], None if q is None else q[rows], FDR)
    return _with(blank, caption, svg)


def _wide(table: pd.DataFrame, column: str, rows: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """A column as features x subtypes, NaN where there is no row."""
    wide = table.drop_duplicates(["feature", "subtype"]).pivot_table(
        column, "feature", "subtype", dropna=False
    )
    return wide.reindex(index=list(rows), columns=list(names)).to_numpy(float)


def _oncoprint(inputs: Inputs, groups: _Groups) -> Drawn:
    blank = Drawn("oncoprint", N_("Altered genes by subtype"))
    if inputs.somatic is None or inputs.tumours is None:
        return _without(blank, N_("the run has no tumours"))
    tumours = read_parquet(inputs.tumours, ["patient"])
    known = set(groups.labels.index)
    patients = sorted(set(tumours["patient"]) & known)
    if not patients:
        return _without(blank, N_("no patient has a tumour"))
    columns = ["patient", "gene", "classification", "protein_change", "status"]
    found = alteration_matrix(read_parquet(inputs.somatic, columns), patients, N_GENES, inputs.genes)
    if not found.genes:
        return _without(blank, N_("no somatic variant changes a protein"))
    caption = (
        f"The {len(found.genes)} genes that are altered most often in {len(patients):,} patients with a "
        "tumour, all tumours of a patient as one; long genes are altered often by chance. Of several "
        f"alterations of a gene the first of these is drawn: {', '.join(KINDS)}. A recurrent site is a "
        f"residue that is changed in at least {found.n_recurrent} patients."
    )
    if len(patients) > MAX_COLUMNS:
        each = -(-len(patients) // MAX_COLUMNS)
        caption += f" A column stands for up to {each} patients; the height of a bar is the share altered."
    if found.n_left_out:
        caption += (
            " Variants left out: " + ", ".join(f"{n:,} {why}" for why, n in found.n_left_out.items()) + "."
        )
    if others := len(known) - len(patients):
        caption += f" {others:,} patients without a tumour are not shown."
    svg = oncoprint(found.genes, found.kind, groups.of(patients), groups.names, groups.colours)
    return _with(blank, caption, svg)


def _with(blank: Drawn, caption: str, svg: Markup) -> Drawn:
    return Drawn(blank.name, clean(blank.title), clean(caption), svg)


def _without(blank: Drawn, reason: str) -> Drawn:
    return Drawn(blank.name, clean(blank.title), reason=reason)
