"""Pictures: what they show, that labels don't collide, that names are text, and the same bytes every time."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association.canvas import Bend, lanes, lift_labels, rounded
from endotype.association.forest import FOREST_COLUMNS, forest_data, forest_table, plot_forest
from endotype.association.genome_order import genome_rank, in_genome_order
from endotype.association.loci import LOCUS_COLUMNS
from endotype.association.manhattan import (
    DATA_GRID,
    MAX_HITS,
    interactive_data,
    lay_out,
    plot_qq_by_frequency,
    qq_points,
    thinned,
)
from endotype.association.plot import plot_trait
from endotype.association.regional import ld_with_lead, plot_region, region_data
from endotype.association.statement import statement
from endotype.files import to_json
from endotype.tables import write_parquet
from tests.association.builders import make_design, make_store, random_dosages

HOSTILE = "$\\frac{<script>\x07</script>\u202e$"


def words(path: Path) -> list[str]:
    """All text of an SVG, which must be well formed and free of scripts."""
    source = path.read_text()
    assert "<script" not in source and "\u202e" not in source
    return ["".join(e.itertext()).strip() for e in ET.fromstring(source).iter() if e.tag.endswith("text")]


@pytest.fixture
def results() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    m = 3000
    frame = pd.DataFrame(
        {
            "chrom": np.repeat(["1", "2", "X"], m // 3),
            "pos": np.tile(np.arange(m // 3) * 1000 + 5_000_000, 3),
            "eaf": rng.beta(0.3, 1, m),
            "neg_log10_p": -np.log10(rng.random(m)),
            "effect_allele": "C",
            "beta": rng.normal(size=m),
            "se": 0.1,
        }
    )
    frame["id"] = frame["chrom"] + ":" + frame["pos"].astype(str)
    frame.loc[[500, 520, 2900], "neg_log10_p"] = [30, 22, 15]
    frame.loc[7, "neg_log10_p"] = np.nan
    return frame


def loci(results: pd.DataFrame, genes: list[object]) -> pd.DataFrame:
    rows = results.sort_values("neg_log10_p", ascending=False).head(len(genes)).assign(gene=genes)
    rows = rows.assign(trait="ldl", kind="variant", effect_allele="C")
    return rows.reindex(columns=list(LOCUS_COLUMNS))


class TestLabels:
    def test_none_covers_another_or_leaves_the_axes(self):
        rng = np.random.default_rng(1)
        x, y, width = rng.random(12), rng.random(12) * 0.3, rng.uniform(0.05, 0.3, 12)
        centre, bottom = lift_labels(list(x), list(y), list(width), 0.05)
        assert (bottom >= y).all()
        assert (centre - width / 2 >= -1e-12).all() and (centre + width / 2 <= 1 + 1e-12).all()
        for i in range(12):
            for j in range(i):
                apart = abs(centre[i] - centre[j]) >= (width[i] + width[j]) / 2 - 1e-12
                assert apart or abs(bottom[i] - bottom[j]) >= 0.05 - 1e-12
        alone = lift_labels([0.5], [0.2], [0.1], 0.05)
        assert alone[0].tolist() == [0.5] and alone[1][0] == pytest.approx(0.215)

    def test_intervals_of_a_lane_do_not_touch(self):
        assert lanes([0, 5, 11, 2, 30], [10, 8, 20, 3, 31]).tolist() == [0, 1, 0, 1, 0]
        assert lanes([], []).size == 0

    def test_numbers_for_json(self):
        assert rounded([1 / 3, np.nan, np.inf, 2]) == [0.333333, None, None, 2.0]


class TestManhattan:
    def test_leads_are_labelled_once_and_hostile_names_are_text(self, results, tmp_path):
        found = loci(results, ["APOB", "APOB", HOSTILE, None])
        plot_trait(tmp_path / "a.svg", HOSTILE, results, found, 1e-6, 1.0)
        plot_trait(tmp_path / "b.svg", HOSTILE, results, found, 1e-6, 1.0)
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        shown = words(tmp_path / "a.svg")
        assert shown.count("APOB") == 1
        assert any("<script>" in text for text in shown)
        assert {"1", "2", "X", "λ = 1.000"} <= set(shown)

    def test_chromosomes_lie_side_by_side(self, results):
        genome = lay_out(results)
        x = genome.place(results["chrom"], results["pos"])
        assert (np.diff(x) > 0).all() and x[0] == 0
        assert genome.centre["2"] > x[999]

    def test_the_order_of_the_rows_does_not_matter(self, results, tmp_path):
        """Also of chromosomes: a .bim may have 10 before 2, and positions in any order."""
        shuffled = results.sample(frac=1, random_state=3)
        found = loci(results, ["APOB", None])
        hits = results[results["neg_log10_p"] > 6]
        data = interactive_data(results, hits, found, 1e-6)
        for name, frame in (("a", results), ("b", shuffled)):
            plot_trait(tmp_path / f"{name}.svg", "t", frame, found, 1e-6, 1.0)
            plot_qq_by_frequency(tmp_path / f"{name}.qq.svg", "t", frame)
            assert interactive_data(frame, hits, found, 1e-6) == data
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        assert (tmp_path / "a.qq.svg").read_bytes() == (tmp_path / "b.qq.svg").read_bytes()
        wrong = shuffled.assign(pos=np.sort(shuffled["pos"]))  # the guard itself: other points differ
        plot_trait(tmp_path / "c.svg", "t", wrong, found, 1e-6, 1.0)
        assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "c.svg").read_bytes()

    def test_chromosomes_have_the_order_that_people_expect(self):
        names = ["chr10", "chrUn_2", "MT", "chr2", "X", "1", "chrUn_10", "Y", "chr2"]
        assert in_genome_order(names) == ["1", "chr2", "chr10", "X", "Y", "MT", "chrUn_2", "chrUn_10"]
        assert genome_rank(pd.Series(["X", "10", "2", "X"])).tolist() == [2, 1, 0, 2]

    def test_hits_beyond_the_vector_graphics_are_still_drawn(self):
        """A band of hits must not look empty between the strongest and the limit."""
        rng = np.random.default_rng(5)
        x, y = rng.random(20_000) * 100, rng.uniform(0, 30, 20_000)
        quiet, crowd, loud = thinned(x, y, 8.0, 100, 30)
        assert len(loud) == 1500 and y[loud].min() >= y[crowd].max() and y[quiet].max() <= 8
        assert y[crowd].min() < 8.5

    def test_one_very_small_p_does_not_flatten_the_rest(self, results, tmp_path):
        bend = Bend.of(400, 6)
        y = np.array([0.0, 6, 20, 20.001, 100, 400])
        np.testing.assert_allclose(bend.inverse(bend.forward(y)), y)
        assert (np.diff(bend.forward(y)) > 0).all() and bend.forward(6) / bend.forward(400) > 0.07
        assert Bend.of(59, 6).forward(59) == 59
        results.loc[500, "neg_log10_p"] = 400
        plot_trait(tmp_path / "a.svg", "t", results, loci(results, ["APOB"]), 1e-6, None)
        assert "−log₁₀ p (logarithmic above 20)" in words(tmp_path / "a.svg")

    def test_one_variant_has_a_picture(self, results, tmp_path):
        alone = results.iloc[[3]]
        plot_trait(tmp_path / "a.svg", "t", alone, loci(alone, []), 0.05, None)
        assert words(tmp_path / "a.svg").count("5.003") == 1
        plot_qq_by_frequency(tmp_path / "q.svg", "t", alone)
        assert any("λ not estimated, n = 1" in text for text in words(tmp_path / "q.svg"))

    def test_one_chromosome_has_a_scale_of_positions(self, results, tmp_path):
        alone = results[results["chrom"] == "X"]
        plot_trait(tmp_path / "x.svg", "t", alone, loci(alone, []), None, None)
        assert {"position on chromosome X (Mb)", "5.2"} <= set(words(tmp_path / "x.svg"))

    def test_qq_points_are_order_statistics(self):
        values = -np.log10((np.arange(5000) + 0.5) / 5000)
        expected, observed, low, high = qq_points(values)
        np.testing.assert_allclose(observed, expected)
        assert (low < expected).all() and (expected < high).all()
        assert len(expected) < 1000 and expected[0] == max(expected)
        assert qq_points(np.array([0.3]))[1].tolist() == [0.3]

    def test_each_frequency_bin_has_its_curve_and_lambda(self, results, tmp_path):
        plot_qq_by_frequency(tmp_path / "q.svg", "ldl", results)
        legend = [t for t in words(tmp_path / "q.svg") if "MAF" in t]
        assert len(legend) == 4
        counts = [int(re.search(r"n = ([\d,]+)", t)[1].replace(",", "")) for t in legend]
        assert sum(counts) == results["neg_log10_p"].notna().sum()
        plot_qq_by_frequency(tmp_path / "n.svg", "ldl", results.iloc[7:8])
        assert "No variant could be tested." in words(tmp_path / "n.svg")

    def test_interactive_data_hold_the_hits_and_are_json(self, results):
        hits = results[results["neg_log10_p"] > 6]
        data = interactive_data(results, hits, loci(results, ["APOB", None]), 1e-6)
        assert json.loads(to_json(data)) == data
        assert data["hits"]["id"] == ["1:5500000", "1:5520000", "X:5900000"]
        assert data["n_quiet"] + len(data["hits"]["id"]) == data["n_tests"] == 2999
        assert data["leads"]["gene"] == ["APOB", None]
        assert data["inflation"] == pytest.approx(1, abs=0.1)
        assert data["n_hits"] == 3
        first = data["chromosomes"][0]
        assert data["hits"]["x"][0] == first["start"] + 5_500_000
        assert interactive_data(results.iloc[7:8], hits.iloc[:0], loci(results, []), None) == {"n_tests": 0}

    def test_interactive_data_are_bounded(self):
        rng = np.random.default_rng(1)
        n = 300_000
        frame = pd.DataFrame({"chrom": "1", "pos": np.arange(n) * 9, "neg_log10_p": rng.exponential(3, n)})
        hits = frame[frame["neg_log10_p"] > 6].assign(id="v", beta=0.1, se=0.1, eaf=0.5, effect_allele="A")
        data = interactive_data(frame, hits, loci(frame.assign(id="v", eaf=0.5), []), 1e-6)
        assert len(hits) > MAX_HITS == len(data["hits"]["y"]) and data["n_hits"] == len(hits)
        assert min(data["hits"]["y"]) >= np.sort(hits["neg_log10_p"])[-MAX_HITS] - 1e-4
        assert len(data["quiet"]["x"]) <= DATA_GRID[0] * DATA_GRID[1]


WINDOW = (5_000_000, 5_999_000)


class TestRegion:
    def test_r2_is_the_squared_correlation_among_those_called_for_both(self, tmp_path):
        rng = np.random.default_rng(6)
        dosages = random_dosages(rng, 40, 120, missing=0.1)
        dosages[20] = np.where(rng.random(120) < 0.2, 2 - dosages[7], dosages[7])  # linked
        dosages[21] = 1
        store = make_store(tmp_path / "g", np.clip(dosages, -1, 2).astype(np.int8))
        people = np.arange(10, 120)
        found = ld_with_lead(store, 7, np.arange(3, 40), people)
        seen = store.dosages(slice(0, 40))[:, people]
        for i, r2 in enumerate(found, 3):
            both = (seen[i] >= 0) & (seen[7] >= 0)
            a, b = seen[i][both].astype(float), seen[7][both].astype(float)
            if a.std() == 0:
                assert np.isnan(r2)
            else:
                assert r2 == pytest.approx(np.corrcoef(a, b)[0, 1] ** 2, rel=1e-12, abs=1e-15)
        assert found[4] == pytest.approx(1) and np.isnan(found[18])
        assert ld_with_lead(store, 7, np.zeros(0, np.int64)).size == 0
        backwards = ld_with_lead(store, 7, np.arange(39, 2, -1), people)
        np.testing.assert_array_equal(backwards[::-1], found)

    @staticmethod
    def region(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        frame = results[results["chrom"] == "1"].assign(r2=np.linspace(0, 1, 1000))
        frame.loc[frame.index[:9], "r2"] = np.nan
        frame["is_lead"] = frame["id"] == "1:5500000"
        genes = pd.DataFrame(
            {
                "gene": ["LEFT", "MIDDLE", HOSTILE, "FAR"],
                "start": [4_900_000, 5_400_000, 5_450_000, 99_000_000],
                "end": [5_100_000, 5_600_000, 5_460_000, 99_100_000],
                "strand": ["+", "-", None, "+"],
            }
        )
        return frame, genes

    def test_lead_genes_and_unknown_linkage_are_named(self, results, tmp_path):
        frame, genes = self.region(results)
        exons = pd.DataFrame({"gene": ["MIDDLE"], "start": [5_500_000], "end": [5_501_000]})
        for name in ("a.svg", "b.svg"):
            plot_region(tmp_path / name, "ldl", frame, genes, WINDOW, 1e-6, exons, ld_people="99 people")
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        shown = words(tmp_path / "a.svg")
        assert {"1:5500000", "LEFT →", "MIDDLE ←", "r² not assessed", "r² ≥ 0.8", "lead", "99 people"} <= set(
            shown
        )
        assert not any("FAR" in text for text in shown)

    def test_no_gene_and_no_gene_model_are_different_words(self, results, tmp_path):
        frame, genes = self.region(results)
        plot_region(tmp_path / "a.svg", "t", frame, genes.iloc[3:], WINDOW, None)
        plot_region(tmp_path / "b.svg", "t", frame, genes.iloc[:0], WINDOW, None, assessed_genes=False)
        assert "No gene of the gene model lies here." in words(tmp_path / "a.svg")
        assert "Genes: not assessed." in words(tmp_path / "b.svg")
        plot_region(tmp_path / "c.svg", "t", frame.assign(neg_log10_p=np.nan), genes, WINDOW, None)
        assert "No variant could be tested." in words(tmp_path / "c.svg")

    def test_genes_that_find_no_room_are_counted(self, results, tmp_path):
        frame, _ = self.region(results)
        genes = pd.DataFrame({"gene": [f"G{i}" for i in range(12)], "start": 5_100_000, "end": 5_900_000})
        plot_region(tmp_path / "a.svg", "t", frame, genes.assign(strand="+"), WINDOW, None)
        assert "5 more genes are not drawn" in words(tmp_path / "a.svg")
        kinds = ["lncRNA"] * 11 + ["protein_coding"]
        genes = genes.assign(strand="+", biotype=kinds)
        plot_region(tmp_path / "b.svg", "t", frame, genes, WINDOW, None)
        assert "G11 →" in words(tmp_path / "b.svg")

    def test_its_data_are_json(self, results):
        frame, genes = self.region(results)
        data = region_data(frame, genes, WINDOW, 1e-6)
        assert json.loads(to_json(data)) == data
        assert [g["strand"] for g in data["genes"]] == ["+", "-", None]
        assert len(data["variants"]["id"]) == 999 and data["variants"]["r2"][0] is None
        assert data["lead"] == "1:5500000" and data["n_tests"] == 999

    def test_its_data_are_bounded_and_keep_the_strongest(self, results):
        frame, genes = self.region(results)
        many = pd.concat([frame.assign(neg_log10_p=frame["neg_log10_p"] + i / 97) for i in range(20)])
        data = region_data(many, genes, WINDOW, 1e-6)
        assert data["n_tests"] == 19_980 and len(data["variants"]["id"]) <= 4000
        assert max(data["variants"]["y"]) == pytest.approx(30 + 19 / 97, rel=1e-5)


class TestForest:
    @staticmethod
    def table(results: pd.DataFrame, folder: Path) -> pd.DataFrame:
        found = loci(results, [HOSTILE, None, "APOB"])
        second = found.iloc[[1]].assign(trait="asthma")
        frames = {t: results.assign(n=100, status="OK") for t in ("ldl", "asthma", "height")}
        frames["asthma"].loc[500, ["beta", "se", "neg_log10_p"]] = np.nan
        frames["asthma"].loc[500, "status"] = "TOO_RARE"
        paths = {}
        for trait, frame in frames.items():
            paths[trait] = folder / f"{trait}.parquet"
            write_parquet(frame, paths[trait])
        kinds = {"ldl": "linear", "asthma": "logistic", "height": "linear"}
        return forest_table(pd.concat([found, second]), paths, kinds, {"ldl": 2.0, "height": 10.0})

    def test_every_lead_has_every_trait(self, results, tmp_path):
        table = self.table(results, tmp_path)
        assert list(table.columns) == list(FOREST_COLUMNS)
        assert table["id"].tolist() == [i for i in ("1:5500000", "1:5520000", "X:5900000") for _ in range(3)]
        assert table["trait"].tolist() == ["asthma", "height", "ldl"] * 3
        assert table["is_hit"].sum() == 4
        assert table["status"].iloc[0] == "TOO_RARE" and np.isnan(table["beta"].iloc[0])
        data = forest_data(table)
        assert json.loads(to_json(data)) == data
        row, source = data[1], results.set_index("id").loc["1:5500000"]
        assert row["effect"] == pytest.approx(source["beta"] / 10, rel=1e-5)
        assert row["high"] == pytest.approx((source["beta"] + 1.96 * 0.1) / 10, rel=1e-3)
        assert data[0]["effect"] is None

    def test_scales_stand_apart_and_what_is_missing_says_why(self, results, tmp_path):
        table = self.table(results, tmp_path)
        for name in ("a.svg", "b.svg"):
            plot_forest(tmp_path / name, "leads", table)
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        shown = words(tmp_path / "a.svg")
        expected = {"TOO_RARE", "standard deviations per allele", "log odds or hazard ratio per allele"}
        assert expected <= set(shown)
        plot_forest(tmp_path / "c.svg", "leads", table.iloc[:0])
        assert "No significant variant." in words(tmp_path / "c.svg")

    def test_no_locus_gives_no_row(self, results, tmp_path):
        assert len(forest_table(loci(results, []), {}, {}, {})) == 0

    def test_many_traits_show_the_twelve_with_the_lowest_p(self, results, tmp_path):
        found = loci(results, ["APOB"])
        paths = {}
        for i in range(20):
            paths[f"t{i:02}"] = tmp_path / f"t{i:02}.parquet"
            write_parquet(results.assign(n=9, status="OK", neg_log10_p=float(i)), paths[f"t{i:02}"])
        table = forest_table(found, paths, dict.fromkeys(paths, "linear"))
        assert len(table) == 20 and (table["scale"] == 1).all()
        plot_forest(tmp_path / "a.svg", "leads", table, in_deviations=False)
        shown = words(tmp_path / "a.svg")
        assert [t for t in shown if re.fullmatch(r"t\d\d", t)] == [f"t{i:02}" for i in range(8, 20)]
        assert "leads (of 20 traits those with the lowest p)" in shown
        assert "trait units per allele" in shown

    def test_variants_without_ids_are_told_apart_by_place_and_allele(self, results, tmp_path):
        found = loci(results, ["A", "B", "C"]).assign(id=".")
        write_parquet(results.assign(id=".", n=9, status="OK"), tmp_path / "r.parquet")
        table = forest_table(found, {"ldl": tmp_path / "r.parquet"}, {"ldl": "linear"})
        assert table["pos"].tolist() == [5_500_000, 5_520_000, 5_900_000]


class TestStatement:
    def test_it_says_what_was_done(self):
        rng = np.random.default_rng(1)
        trait = rng.normal(size=100)
        trait[:7] = np.nan
        traits = {"qt": ("linear", trait), "bt": ("logistic", rng.integers(0, 2, 100))}
        design = make_design(traits, {}, 100)
        line = statement(design.info, "qt", alpha=0.05)
        assert "exactly; 7 of 100 people were left out for want of the trait or a covariate." in line
        assert "Relatedness: 0 close relatives left out before the tests." in line
        assert "0.05 over the variants (and again over the genes) of 2 traits" in line
        with_loco = statement(design.info, "qt", alpha=0.01, loco="FID_IID", missing="mean")
        assert "the trait, a covariate or a prediction." in with_loco and "matched by FID_IID" in with_loco
        assert "mean of the called" in with_loco

    def test_sheets_do_not_say_who_is_related(self):
        design = make_design({"qt": ("linear", np.random.default_rng(1).normal(size=50))}, {}, 50)
        line = statement(design.info | {"reconciliation": []}, "qt", alpha=0.05)
        assert "Relatedness: not assessed" in line
