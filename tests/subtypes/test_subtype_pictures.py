"""Pictures of the subtypes: what is drawn is what the results say, for hostile words and odd cohorts too."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from sklearn.decomposition import PCA

from endotype.axes import PALETTE, group_colours, ink_on
from endotype.errors import InputError
from endotype.files import read_json, write_json
from endotype.subtypes import embedding as axes_of
from endotype.subtypes import picture_oncoprint
from endotype.subtypes.alterations import KINDS, NONE, alteration_matrix, kind_of, memo_order, residue_of
from endotype.subtypes.embedding import Embedding, fit_embedding
from endotype.subtypes.kaplan_meier import kaplan_meier
from endotype.subtypes.picture_canvas import image, shades, spread, standalone
from endotype.subtypes.picture_consensus import binned, cluster_consensus, consensus_heat_map, group_order
from endotype.subtypes.picture_embedding import OUTER, embedding_map, outlines, place_among
from endotype.subtypes.picture_features import feature_heat_map, strongest
from endotype.subtypes.picture_oncoprint import columns, oncoprint
from endotype.subtypes.picture_stability import stability_curves
from endotype.subtypes.picture_survival import Curve, survival_curves
from endotype.subtypes.pictures import Inputs, plot_subtypes
from endotype.tables import read_parquet, write_parquet
from tests.real.prepare import DEFAULT_DATA
from tests.reference import embedding as slow
from tests.subtypes.cohorts import CohortFiles

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script>&\"'\u202e\x1b"
Divided = tuple[CohortFiles, Path]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def parse(markup: str) -> ET.Element:
    return ET.fromstring(str(markup).replace(' xmlns="http://www.w3.org/2000/svg"', ""))


def classed(root: ET.Element, tag: str, name: str) -> list[ET.Element]:
    return [e for e in root.iter(tag) if e.get("class") == name]


# Colours


def _seen(colour: str, kind: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a colour as people of a kind of colour vision see it (Machado et al. 2009)."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(kind @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    t = xyz / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


VISIONS = {
    "full": np.eye(3),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
}


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_subtypes_are_told_apart(vision: str) -> None:
    seen = [_seen(c, VISIONS[vision]) for c in PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 25


def test_colours_go_by_number_and_stay_distinct_beyond_eight() -> None:
    colours = group_colours([f"S{i}" for i in range(12, 0, -1)])
    assert list(colours) == [f"S{i}" for i in range(1, 13)]
    assert len(set(colours.values())) == 12 and colours["S1"] == PALETTE[0]
    assert group_colours(["9" * 5000, "b", "b"]) == {"9" * 5000: PALETTE[0], "b": PALETTE[1]}
    assert (ink_on("#ffffff"), ink_on("#000000")) == ("#14232e", "#ffffff")


# Canvas


def test_labels_keep_apart_and_inside() -> None:
    placed = spread([10, 11, 12, 90], 10, 0, 100)
    assert placed == [10, 20, 30, 90] and spread([5, 99, 99], 10, 0, 100)[-1] == 100
    assert spread([50] * 30, 10, 0, 100) == pytest.approx(np.linspace(0, 100, 30))
    assert spread([], 10, 0, 100) == []


def test_an_image_is_a_png_of_its_cells() -> None:
    levels = np.array([[0, 1], [2, 3], [1, 0]], np.uint8)
    (data,) = re.findall(r"base64,([\w+/=]+)", image(levels, shades(4), 0, 0, 1, 1))
    png = base64.b64decode(data)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (2, 3)
    start = png.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(png[start : png.index(b"IEND") - 8]), np.uint8).reshape(3, 3)
    assert (rows[:, 1:] == levels).all() and (rows[:, 0] == 0).all()


# Consensus


def consensus(rng: np.random.Generator, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.integers(-1, 3, n)
    matrix = np.where(labels[:, None] == labels, 0.8, 0.1) + 0.1 * rng.random((n, n))
    matrix = (matrix + matrix.T) / 2
    matrix[3, 7] = matrix[7, 3] = np.nan
    np.fill_diagonal(matrix, 1)
    return matrix, labels


def test_cluster_consensus_is_the_mean_over_pairs(rng: np.random.Generator) -> None:
    matrix, labels = consensus(rng)
    for group, value in enumerate(cluster_consensus(matrix, labels, 3)):
        members = np.flatnonzero(labels == group)
        pairs = [matrix[a, b] for a, b in itertools.combinations(members, 2)]
        assert value == pytest.approx(np.nanmean(pairs), abs=1e-12)
    assert np.isnan(cluster_consensus(matrix, np.zeros(60, int) + np.eye(60, dtype=int)[0], 3)[1:]).all()


def test_patients_are_in_order_of_group_and_of_consensus_with_it(rng: np.random.Generator) -> None:
    matrix, labels = consensus(rng)
    order = group_order(matrix, labels)
    assert sorted(order) == list(range(60))
    assert (
        labels[order].tolist()
        == [0] * (labels == 0).sum()
        + [1] * (labels == 1).sum()
        + [2] * (labels == 2).sum()
        + [-1] * (labels == -1).sum()
    )
    own = [np.nanmean([matrix[i, j] for j in np.flatnonzero(labels == labels[i]) if j != i]) for i in order]
    assert all(
        a >= b for i, (a, b) in enumerate(itertools.pairwise(own)) if labels[order[i]] == labels[order[i + 1]]
    )


def test_bins_are_means_and_never_cross_groups(rng: np.random.Generator) -> None:
    matrix, sizes = rng.random((70, 70)), np.array([40, 29, 0, 1])
    matrix[0, 1] = np.nan
    small, bins = binned(matrix, sizes, 10)
    assert bins.tolist() == [6, 4, 0, 1] and small.shape == (11, 11)
    edges = [*[(np.arange(6) * 40) // 6, 40 + (np.arange(4) * 29) // 4, [69]], [70]]
    cuts = np.concatenate(edges)
    for i, j in itertools.product(range(11), range(11)):
        block = matrix[cuts[i] : cuts[i + 1], cuts[j] : cuts[j + 1]]
        assert small[i, j] == pytest.approx(np.nanmean(block), abs=1e-12)
    same, bins = binned(matrix, sizes)
    assert np.array_equal(same, matrix, equal_nan=True) and bins.tolist() == sizes.tolist()


def test_the_heat_map_shows_each_group_and_its_consensus(rng: np.random.Generator) -> None:
    matrix, labels = consensus(rng)
    names = ["S1", "S2", HOSTILE]
    root = parse(consensus_heat_map(matrix, labels, names, group_colours(names)))
    assert len(classed(root, "rect", "group")) == 4
    expected = [f"{v:.2f}" for v in cluster_consensus(matrix, labels, 3)]
    assert [t.text for t in classed(root, "text", "within")] == [*expected, "–"]
    assert len(list(root.iter("image"))) == 2


def test_two_thousand_patients_stay_small(rng: np.random.Generator) -> None:
    matrix = rng.random((2000, 2000)).astype(np.float32)  # noise packs worst
    labels = rng.integers(0, 4, 2000)
    names = ["S1", "S2", "S3", "S4"]
    assert len(consensus_heat_map(matrix, labels, names, group_colours(names))) < 300_000


# Stability


def candidates() -> list[dict[str, Any]]:
    null = {"q05": 0.2, "q50": 0.3, "q95": 0.4}
    return [
        {
            "k": 1,
            "accepted": True,
            "pac": None,
            "null_pac": None,
            "jaccard": None,
            "prediction_strength": None,
        },
        {
            "k": 2,
            "accepted": True,
            "pac": 0.1,
            "null_pac": null,
            "jaccard": [0.9, 0.8],
            "prediction_strength": 0.9,
        },
        {
            "k": 3,
            "accepted": False,
            "pac": 0.35,
            "null_pac": null,
            "jaccard": [],
            "prediction_strength": None,
        },
        {"k": 4, "accepted": False},
    ]


def test_stability_draws_what_was_computed_and_nothing_else() -> None:
    root = parse(stability_curves(candidates(), 2, {"prediction_strength": 0.8, "jaccard": 0.75}))
    counts = {name: len(classed(root, "circle", name)) for name in ("pac", "prediction_strength", "jaccard")}
    assert counts == {"pac": 2, "prediction_strength": 1, "jaccard": 1}
    assert len(classed(root, "path", "null-band")) == 1 and len(classed(root, "path", "limit")) == 2
    jaccard, strength = (
        classed(root, "circle", "jaccard")[0],
        classed(root, "circle", "prediction_strength")[0],
    )
    assert float(jaccard.get("cy", 0)) - float(strength.get("cy", 0)) == pytest.approx(
        140 + 10.4
    )  # .8 under .9
    filled = [c.get("fill") for c in classed(root, "circle", "pac")]
    assert filled == [PALETTE[0], "#fff"]


def test_one_group_is_marked_as_a_choice() -> None:
    root = parse(stability_curves(candidates(), 1, {}))
    (band,) = classed(root, "rect", "chosen")
    (one,) = [t for t in root.iter("text") if t.text == "1" and t.get("font-weight")]
    assert float(band.get("x", 0)) + 11 == pytest.approx(float(one.get("x", 0)), abs=0.06)
    assert "one group" in "".join(root.itertext())
    bare = [{"k": k, "accepted": k == 1} for k in (1, 2)]
    assert "".join(parse(stability_curves(bare, 1, {})).itertext()).count("not computed") == 3


# Axes of the cohort


def test_complete_data_give_ordinary_principal_components(rng: np.random.Generator) -> None:
    values = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 9)) / 4 + 0.1 * rng.standard_normal(
        (120, 9)
    )
    values[:, 0] *= 50  # a count: scaled down
    found = fit_embedding(values)
    scaled = values / np.where(values.std(axis=0) > 1, values.std(axis=0), 1)
    pca = PCA(2, svd_solver="full").fit(scaled)
    sign = np.sign((found.axes * pca.components_.T).sum(axis=0))
    assert found.project(values) == pytest.approx(pca.transform(scaled) * sign, abs=1e-9)
    assert found.share == pytest.approx(pca.explained_variance_ratio_, abs=1e-9)


def with_gaps(rng: np.random.Generator, n: int = 40, p: int = 6) -> tuple[np.ndarray, np.ndarray]:
    scores = rng.standard_normal((n, 2)) * [1.0, 0.6]
    axes = np.linalg.qr(rng.standard_normal((p, 2)))[0]
    values = scores @ axes.T + 0.1 * rng.standard_normal((n, p))
    return np.where(rng.random((n, p)) < 0.25, np.nan, values), scores


def test_missing_values_go_through_the_same_steps_as_the_slow_twin(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, _ = with_gaps(rng)
    seen = np.isfinite(values)
    mean = np.nanmean(values, axis=0)
    weights, noise = axes_of._start(np.where(seen, values - mean, 0.0), 2)
    monkeypatch.setattr(axes_of, "MAX_STEPS", 3)
    fast = axes_of._refine(np.where(seen, values, 0.0), seen, mean, weights, noise)
    likelihoods = [slow.log_likelihood(values, mean, weights, noise)]
    for _ in range(3):
        mean, weights, noise = slow.em_step(values, mean, weights, noise)
        likelihoods.append(slow.log_likelihood(values, mean, weights, noise))
    assert fast[0] == pytest.approx(mean, abs=1e-10) and fast[1] == pytest.approx(weights, abs=1e-10)
    assert fast[2] == pytest.approx(noise, rel=1e-10)
    assert likelihoods == sorted(likelihoods)


def test_a_quarter_of_values_missing_hardly_moves_patients(rng: np.random.Generator) -> None:
    values, truth = with_gaps(rng, 300, 12)
    found = fit_embedding(values).project(values)
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], truth[:, axis])[0, 1]) > 0.97


def test_frozen_axes_place_a_patient_alone_as_among_others(rng: np.random.Generator) -> None:
    values, _ = with_gaps(rng)
    found = fit_embedding(values)
    again = Embedding.of_json(json.loads(json.dumps(found.to_json())))
    together = found.project(values)
    for i in (0, 7):
        assert again.project(values[i : i + 1])[0] == pytest.approx(together[i], abs=1e-12)
    assert np.isnan(found.project(np.full((1, values.shape[1]), np.nan))).all()


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (2, 4), (5, 0), (5, 1)])
def test_too_little_for_two_axes_gives_fewer(shape: tuple[int, int]) -> None:
    values = np.arange(np.prod(shape), dtype=float).reshape(shape) ** 2
    found = fit_embedding(values)
    assert found.project(values).shape == (shape[0], max(0, min(2, shape[1], shape[0] - 1)))
    never = fit_embedding(np.column_stack([np.arange(6.0), np.arange(6.0) ** 2, np.full(6, np.nan)]))
    assert np.isfinite(never.axes).all() and never.axes[2] == pytest.approx([0, 0], abs=1e-9)


def points_of(root: ET.Element, name: str) -> int:
    paths = [p for p in root.iter("path") if p.get("class") == name]
    return sum((p.get("d") or "").count("h0") for p in paths)


def test_every_placed_patient_is_one_dot(rng: np.random.Generator) -> None:
    scores = rng.standard_normal((50, 2))
    scores[:20] = 1.0  # twenty with the same features
    scores[40:43] = np.nan
    labels = np.r_[np.full(10, -1), rng.integers(0, 3, 40)]
    names = ["S1", "S2", HOSTILE]
    root = parse(embedding_map(scores, labels, names, group_colours(names), np.array([0.4, 0.2])))
    assert points_of(root, "no-call") == 10 and points_of(root, "subtype") == 37
    dots = re.findall(
        r"M([\d.]+ [\d.]+)h0", "".join(p.get("d", "") for p in root.iter("path") if p.get("class"))
    )
    assert len(set(dots)) == 47  # nobody hides anybody
    assert "3 patients without any feature" in (root.findtext("desc") or "")
    ringed = parse(
        embedding_map(scores, labels, names, group_colours(names), np.array([0.4, 0.2]), scores[30])
    )
    assert len(classed(ringed, "circle", "patient")) == 1
    empty = np.empty((0, 2))
    parse(embedding_map(empty, np.empty(0, int), names, group_colours(names), np.array([0.4, 0.2])))


def test_names_stand_in_a_legend_when_they_would_hide_the_patients(rng: np.random.Generator) -> None:
    names = [f"S{i + 1}" for i in range(12)]
    scores = rng.standard_normal((120, 2))
    root = parse(
        embedding_map(scores, np.arange(120) % 12, names, group_colours(names), np.array([0.4, 0.2]))
    )
    assert len(list(root.iter("circle"))) == 12
    assert [t.text for t in root.iter("text") if (t.text or "").startswith("S")] == names


def test_outlines_hold_the_share_they_claim_and_no_single_patients(rng: np.random.Generator) -> None:
    mixing = np.array([[1.0, 0.4], [-0.5, 2.0]])
    scores = np.vstack([rng.standard_normal((2000, 2)) @ mixing + [3, 1], rng.standard_normal((4, 2))])
    labels = np.r_[np.zeros(2000, int), np.ones(4, int)]
    (only,) = outlines(scores, labels, ["S1", "S2"])
    assert (only["subtype"], only["n"]) == ("S1", 2000)
    turn = np.array(
        [[np.cos(only["angle"]), np.sin(only["angle"])], [-np.sin(only["angle"]), np.cos(only["angle"])]]
    )
    along = (scores[:2000] - only["centre"]) @ turn.T / only["sides"]
    assert np.mean(np.hypot(*along.T) <= OUTER) == pytest.approx(0.9, abs=0.02)
    position = {"share": [0.5, 0.2], "groups": [only | {"subtype": HOSTILE}], "patient": [30.0, 1.0]}
    root = parse(place_among(position, {}, HOSTILE))
    assert len(classed(root, "path", "outline")) == 2 and len(classed(root, "circle", "patient")) == 1
    assert not classed(parse(place_among(position | {"patient": None}, {}, "t")), "circle", "patient")


# Survival


def curve(rng: np.random.Generator, name: str, late: bool = False, n: int = 60) -> Curve:
    time, event = np.round(rng.exponential(3, n), 1) + 0.1, rng.random(n) < 0.6
    entry = np.where(rng.random(n) < 0.4, 0.0, time * 0.4) if late else None
    times, survival, _ = kaplan_meier(time, event, entry)
    return Curve(name, times, survival, survival * 0.9, np.minimum(survival * 1.05, 1), time, event, entry)


@pytest.mark.parametrize("late", [False, True])
def test_numbers_at_risk_are_those_of_a_direct_count(rng: np.random.Generator, late: bool) -> None:
    curves = [curve(rng, "S1", late), curve(rng, HOSTILE, late)]
    root = parse(survival_curves(curves, group_colours(["S1", HOSTILE]), HOSTILE, "t"))
    ticks = [
        float(t)
        for t in re.findall(r"at risk at ([\d., ]+) stand", root.findtext("desc") or "")[0].split(", ")
    ]
    shown = [int((t.text or "").replace(",", "")) for t in classed(root, "text", "at-risk")]
    counted = []
    for c in curves:
        for t in ticks:
            began = [0.0] * len(c.time) if c.entry is None else c.entry
            counted.append(
                sum(end >= t and (begin < t or begin == 0) for begin, end in zip(began, c.time, strict=True))
            )
    assert shown == counted and len(shown) == 2 * len(ticks)
    fit = KaplanMeierFitter().fit(curves[0].time, curves[0].event, entry=curves[0].entry)
    table = fit.event_table
    for t in curves[0].times[:10]:
        # lifelines counts those who enter at a time among those at risk at it.
        assert curves[0].at_risk(t) == table.loc[t, "at_risk"] - (table.loc[t, "entrance"] if t > 0 else 0)


def test_each_group_has_a_curve_a_band_and_ticks(rng: np.random.Generator) -> None:
    names = [f"S{i + 1}" for i in range(9)]
    three = parse(survival_curves([curve(rng, n) for n in names[:3]], group_colours(names), "x", "t"))
    assert [len(classed(three, "path", c)) for c in ("curve", "band", "censored")] == [3, 3, 3]
    nine = parse(survival_curves([curve(rng, n) for n in names], group_colours(names), "x", "t"))
    assert [len(classed(nine, "path", c)) for c in ("curve", "band")] == [9, 0]
    c = curve(rng, "S1")
    ended = np.unique(c.time[~c.event])
    drawn = parse(survival_curves([c], group_colours(["S1"]), "x", "t"))
    assert (classed(drawn, "path", "censored")[0].get("d") or "").count("M") == len(ended)


def test_a_curve_without_limits_has_no_band() -> None:
    none = np.full(1, np.nan)
    alone = Curve("S1", np.array([2.0]), np.array([1.0]), none, none, np.array([2.0] * 6), np.zeros(6, bool))
    root = parse(survival_curves([alone], {"S1": "#000000"}, "x", "t"))
    assert not classed(root, "path", "band") and len(classed(root, "path", "curve")) == 1


# Features


def test_the_strongest_features_stand_by_the_subtype_they_mark() -> None:
    difference = np.array([[0.1, 0.2], [-2.0, 0.1], [1.5, 0.3], [0.2, 3.0], [np.nan, np.nan], [0.0, -0.4]])
    assert strongest(difference).tolist() == [2, 1, 3, 0, 5]
    assert strongest(difference, 2).tolist() == [1, 3]
    assert strongest(np.empty((0, 2))).tolist() == []


def test_cells_and_marks_of_features_agree_with_the_numbers() -> None:
    difference = np.array([[1.26, -0.04], [np.nan, -3.0]])
    q = np.array([[0.01, 0.2], [np.nan, 0.05]])
    root = parse(feature_heat_map([HOSTILE, "b"], ["S1", HOSTILE], difference, q))
    shown = [t.text for t in root.iter("text")]
    assert [t for t in shown if t in ("+1.3", "0.0", "–", "−3.0")] == ["+1.3", "0.0", "–", "−3.0"]
    assert len(classed(root, "rect", "cell")) == 4 and len(classed(root, "circle", "marked")) == 2
    assert not classed(parse(feature_heat_map(["a"], ["S1"], np.array([[9.0]]))), "circle", "marked")


# Alterations


def maf(rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["patient", "gene", "classification", "protein_change"])
    return table.assign(status="somatic")


def test_words_of_both_vocabularies_have_a_kind() -> None:
    assert kind_of("Frame_Shift_Del") == kind_of("frameshift_variant") == "truncating"
    assert kind_of("splice_region_variant&missense_variant") == "missense"
    assert kind_of("missense_variant&stop_gained") == "truncating"
    assert kind_of("Silent") is kind_of(None) is kind_of(np.nan) is None
    assert (residue_of("p.R132H"), residue_of("p.(Arg132His)"), residue_of("p.?")) == ("R132", "Arg132", None)


def test_the_matrix_is_the_table() -> None:
    rows = [(f"P{i}", "IDH1", "Missense_Mutation", f"p.R132{'HCG'[i]}") for i in range(3)]
    rows += [("P0", "TP53", "Nonsense_Mutation", "p.R213*"), ("P0", "TP53", "Missense_Mutation", "p.R273C")]
    rows += [("P4", "TP53", "Splice_Site", "p.X1_splice"), ("P5", "TTN", "Silent", "p.A1A")]
    rows += [("P4", "", "Missense_Mutation", "p.A1V"), ("ZZ", "IDH1", "Missense_Mutation", "p.A1V")]
    rows += [("P5", "IDH1", "Missense_Mutation", "p.A9V")]
    table = maf(rows)
    table = pd.concat([table, table[:1].assign(status="germline")], ignore_index=True)
    found = alteration_matrix(table, [f"P{i}" for i in range(7)], 5)
    word = {NONE: "", **dict(enumerate(KINDS))}
    assert found.genes == ["IDH1", "TP53"]
    assert [word[k] for k in found.kind[0]] == ["recurrent site"] * 3 + ["", "", "missense", ""]
    assert [word[k] for k in found.kind[1]] == ["truncating", "", "", "", "splice", "", ""]
    assert sum(found.n_left_out.values()) + len(rows) - 3 == len(table)
    assert alteration_matrix(table, ["P0"], 5, ["TP53"]).genes == ["TP53"]
    assert alteration_matrix(table[:0], ["P0"], 5).genes == []


def test_altered_patients_come_first_within_their_subtype(rng: np.random.Generator) -> None:
    kind = rng.integers(-1, 3, (4, 50)).astype(np.int8)
    labels = rng.integers(-1, 2, 50)
    order = memo_order(kind, labels)
    group = np.where(labels < 0, 9, labels)
    keys = [(group[i], *(0 if k >= 0 else 1 for k in kind[:, i])) for i in order]
    assert keys == sorted(keys) and sorted(order) == list(range(50))


def bars(root: ET.Element) -> int:
    paths = [p for p in root.iter("path") if (p.get("class") or "").startswith("kind-")]
    return sum((p.get("d") or "").count("M") for p in paths)


def test_each_alteration_is_a_bar_and_shares_are_direct_counts(rng: np.random.Generator) -> None:
    kind = np.where(rng.random((3, 40)) < 0.3, rng.integers(0, 5, (3, 40)), -1).astype(np.int8)
    labels = rng.integers(-1, 2, 40)
    root = parse(oncoprint(["A", HOSTILE, "C"], kind, labels, ["S1", "S2"], group_colours(["S1", "S2"])))
    assert bars(root) == (kind >= 0).sum()
    assert len(classed(root, "rect", "group")) == len(set(labels)) and len(classed(root, "rect", "gene")) == 3
    shown = [t.text for t in root.iter("text") if (t.text or "").endswith(" %")]
    assert shown == [f"{100 * (row >= 0).mean():.0f} %" for row in kind]


def test_two_thousand_patients_share_columns_and_keep_their_shares(rng: np.random.Generator) -> None:
    kind = np.where(rng.random((20, 2000)) < 0.2, rng.integers(0, 5, (20, 2000)), -1).astype(np.int8)
    labels = rng.integers(0, 3, 2000)
    shared = columns(np.sort(labels), 700)
    assert len(shared) <= 702 and sorted(np.concatenate(shared)) == list(range(2000))
    assert all(len(set(np.sort(labels)[c])) == 1 for c in shared)
    names = ["S1", "S2", "S3"]
    picture = oncoprint([f"G{i}" for i in range(20)], kind, labels, names, group_colours(names))
    assert len(picture) < 600_000
    heights = [float(h) for h in re.findall(r"v-([\d.]+)h", picture)]
    widest = max(len(c) for c in shared)
    assert sum(heights) / 14 * widest == pytest.approx((kind >= 0).sum(), rel=0.02)
    assert columns(np.empty(0, int), 700) == []


def test_kinds_of_patients_who_share_a_column_stand_on_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_oncoprint, "MAX_COLUMNS", 1)
    kind = np.array([[0, 4, NONE, NONE]], np.int8)
    root = parse(oncoprint(["A"], kind, np.zeros(4, int), ["S1"], group_colours(["S1"])))
    feet = [re.findall(r"M[\d.]+ ([\d.]+)v-([\d.]+)h", p.get("d") or "")[0] for p in root.iter("path")]
    (low, height), (high, other) = ((float(y), float(h)) for y, h in feet)
    assert height == other == 14 / 4 and low - high == pytest.approx(height, abs=0.11)


# Everything from the results of a run


def inputs_of(divided: Divided, **more: Any) -> Inputs:
    cohort, out = divided
    return Inputs(
        model=out / "model.json",
        features=out / "features.parquet",
        clinical=cohort.clinical,
        dictionary=cohort.dictionary,
        ancestry=cohort.ancestry,
        assignments=out / "assignments.parquet",
        selection=out / "selection.json",
        profile=out / "profile.parquet",
        **more,
    )


def whole(divided: Divided, folder: Path) -> Inputs:
    """Inputs with a consensus matrix, rates of false discovery and tumours, all made up."""
    assignments = read_parquet(divided[1] / "assignments.parquet")
    patients = assignments["patient"].tolist()
    code = assignments["subtype"].fillna("none").to_numpy()
    np.savez(
        folder / "consensus.npz", matrix=(code[:, None] == code).astype(float), patients=np.array(patients)
    )
    profile = read_parquet(divided[1] / "profile.parquet")
    write_parquet(
        profile[["subtype", "feature"]].set_axis(["subtype", "name"], axis=1).assign(q=0.01),
        folder / "characterisation.parquet",
    )
    rows = [
        (p, HOSTILE if i % 2 else "TP53", "Nonsense_Mutation", "p.R1*") for i, p in enumerate(patients[:30])
    ]
    write_parquet(maf(rows), folder / "somatic.parquet")
    write_parquet(pd.DataFrame({"patient": patients[:40]}), folder / "tumours.parquet")
    return inputs_of(
        divided,
        consensus=folder / "consensus.npz",
        characterisation=folder / "characterisation.parquet",
        somatic=folder / "somatic.parquet",
        tumours=folder / "tumours.parquet",
    )


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_all_pictures_are_drawn_listed_and_safe(divided: Divided, tmp_path: Path) -> None:
    plot_subtypes(whole(divided, tmp_path), tmp_path / "a")
    listed = read_json(tmp_path / "a/pictures.json")["pictures"]
    assert [p["name"] for p in listed] == [
        "consensus", "stability", "embedding", "survival.survival", "features", "oncoprint",
    ]  # fmt: skip
    for picture in listed:
        assert picture["reason"] is None and picture["caption"] and picture["alt"], picture["name"]
        text = (tmp_path / "a" / picture["file"]).read_text(encoding="utf-8")
        root = ET.fromstring(text)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "title", "desc", "g", "path", "rect", "circle", "text", "image"}
        assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
        assert "<script" not in text and "\u202e" not in text and "\x1b" not in text
    marked = ET.fromstring((tmp_path / "a/features.svg").read_text(encoding="utf-8"))
    assert len([e for e in marked.iter() if e.get("class") == "marked"]) == len(
        read_parquet(tmp_path / "characterisation.parquet")
    )
    drawn = {p.name for p in (tmp_path / "a").glob("*.svg")}
    assert drawn == {p["file"] for p in listed}


def test_places_are_those_of_the_frozen_axes(divided: Divided, tmp_path: Path) -> None:
    plot_subtypes(inputs_of(divided), tmp_path)
    table = read_parquet(tmp_path / "positions.parquet")
    content = read_json(tmp_path / "embedding.json")
    assert table["patient"].tolist() == sorted(read_parquet(divided[1] / "features.parquet")["patient"])
    assert [g["subtype"] for g in content["groups"]] == ["S1", "S2", "S3"]
    assert sum(content["embedding"]["share"]) > 0.3
    assert (table.loc[table["n_seen"] > 0, ["axis_1", "axis_2"]].notna()).all(axis=None)


def test_the_command_writes_the_same_bytes_in_another_process(divided: Divided, tmp_path: Path) -> None:
    inputs = whole(divided, tmp_path)
    plot_subtypes(inputs, tmp_path / "a")
    options = [
        word
        for name in ("model", "features", "clinical", "dictionary", "ancestry", "assignments", "selection",
                     "profile", "consensus", "characterisation", "somatic", "tumours")
        for word in (f"--{name}", str(getattr(inputs, name)))
    ]  # fmt: skip
    script = str(ROOT / "scripts/plot_subtypes.py")
    environment = os.environ | {
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": str(ROOT / "src"),
        "OMP_NUM_THREADS": "2",
    }
    subprocess.run(
        [sys.executable, script, *options, "--out-dir", str(tmp_path / "b")], check=True, env=environment
    )
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def undivided(divided: Divided, folder: Path) -> Inputs:
    """The same cohort as the stage leaves it when it finds one group."""
    table = read_parquet(divided[1] / "assignments.parquet")
    table = table[[c for c in table.columns if not c.startswith("p_")]]
    table = table.assign(
        subtype=pd.Series([None] * len(table), dtype="str"), call="no_call", reason="no_subtypes"
    )
    write_parquet(table, folder / "assignments.parquet")
    write_parquet(read_parquet(divided[1] / "profile.parquet")[:0], folder / "profile.parquet")
    write_json(folder / "selection.json", {"k": 1, "candidates": candidates(), "outcomes": {}})
    names = ("assignments.parquet", "profile.parquet", "selection.json")
    return replace(inputs_of(divided), **{name.partition(".")[0]: folder / name for name in names})


def test_one_group_has_its_pictures_and_reasons_for_the_others(divided: Divided, tmp_path: Path) -> None:
    plot_subtypes(undivided(divided, tmp_path), tmp_path / "a")
    listed = {p["name"]: p for p in read_json(tmp_path / "a/pictures.json")["pictures"]}
    assert {name for name, p in listed.items() if p["file"]} == {
        "stability",
        "embedding",
        "survival.survival",
    }
    for name in ("consensus", "features"):
        assert listed[name]["reason"] == "the cohort is not divided into subtypes"
    assert listed["oncoprint"]["reason"] == "the run has no tumours"
    root = ET.fromstring((tmp_path / "a/survival.survival.svg").read_text())
    assert len([e for e in root.iter() if e.get("class") == "curve"]) == 1


def test_the_p_value_of_a_caption_is_the_corrected_one(divided: Divided, tmp_path: Path) -> None:
    selection = read_json(divided[1] / "selection.json")
    selection["outcomes"]["survival"] |= {"p": 0.001, "p_adjusted": 0.0234, "n_tried": 12}
    write_json(tmp_path / "s.json", selection)
    plot_subtypes(replace(inputs_of(divided), selection=tmp_path / "s.json"), tmp_path / "a")
    (caption,) = [
        p["caption"]
        for p in read_json(tmp_path / "a/pictures.json")["pictures"]
        if p["name"] == "survival.survival"
    ]
    assert "corrected for all 12 tests of divisions and outcomes that were tried: p = 0.023." in caption


def test_a_run_without_outcome_says_so(divided: Divided, tmp_path: Path) -> None:
    dictionary = read_json(divided[0].dictionary) | {"outcomes": {}}
    write_json(tmp_path / "d.json", dictionary)
    plot_subtypes(replace(inputs_of(divided), dictionary=tmp_path / "d.json"), tmp_path / "a")
    listed = {p["name"]: p for p in read_json(tmp_path / "a/pictures.json")["pictures"]}
    assert listed["survival"]["reason"] == "the dictionary names no outcome"


@pytest.mark.parametrize("arrays", [{"m": np.eye(2)}, {"matrix": np.eye(3), "patients": np.array(["a"])}])
def test_a_consensus_of_another_form_is_an_input_error(
    divided: Divided, tmp_path: Path, arrays: dict
) -> None:
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(InputError, match=r"c\.npz"):
        plot_subtypes(inputs_of(divided, consensus=tmp_path / "c.npz"), tmp_path / "a")


def test_a_file_stands_alone_and_is_white_paper_ready() -> None:
    root = ET.fromstring(standalone(stability_curves(candidates(), 2, {})))
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("role") == "img"


LGG = DEFAULT_DATA / "somatic/tcga/LGG/LGG.maf.gz"


@pytest.mark.skipif(not LGG.is_file(), reason=f"the glioma cohort isn't at {LGG}")
def test_the_genes_of_glioma_lead_its_oncoprint() -> None:
    columns_ = ["Tumor_Sample_Barcode", "Hugo_Symbol", "Variant_Classification", "HGVSp_Short"]
    table = pd.read_csv(LGG, sep="\t", dtype=str, usecols=columns_)[columns_]
    table.columns = ["patient", "gene", "classification", "protein_change"]
    table["patient"] = table["patient"].str[:12]
    patients = sorted(table["patient"].unique())
    found = alteration_matrix(table.assign(status="somatic"), patients, 20)
    assert len(patients) == 341 and found.genes[:4] == ["IDH1", "TP53", "ATRX", "CIC"]
    idh = table[(table["gene"] == "IDH1") & table["protein_change"].str.startswith("p.R132", na=False)]
    assert (found.kind[0] == KINDS.index("recurrent site")).sum() == idh["patient"].nunique()
