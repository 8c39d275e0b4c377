"""The pictures of a run and of results made by hand: which there are, what they hold, and whose linkage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.association.design import describe, read_design
from endotype.association.design_source import DesignSource
from endotype.association.pictures import parse_region_text, plot_association, plot_results
from endotype.association.scan import associate
from endotype.errors import InputError
from endotype.files import read_json, write_json
from endotype.ids import file_word, is_id
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import open_store, pack, write_store
from tests.association.test_pictures import words
from tests.association.test_summary import planted, run_all

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    planted(folder)
    design = read_design(folder / "design.parquet", folder / "design.json")
    frame = design.frame.assign(qt=design.frame["qt"].mask(np.arange(len(design.frame)) % 7 == 0))
    kinds = {name: info["type"] for name, info in design.info["traits"].items()} | {"empty": "linear"}
    write_parquet(frame, folder / "design.parquet")
    write_json(folder / "design.json", describe(frame, kinds, design.info["covariates"]["kept"]))
    run_all(folder, folder / "association")
    for name in ("design.parquet", "design.json"):
        (folder / "association" / name).write_bytes((folder / name).read_bytes())
    return folder


def draw(run: Path, out: Path, **options) -> dict:
    plot_association(run / "association", run / "g", run / "genes_table.parquet", out, **options)
    return read_json(out / "plots.json")


@pytest.fixture(scope="module")
def drawn(run) -> tuple[Path, dict]:
    return run / "plots", draw(run, run / "plots")


class TestARun:
    def test_plots_json_lists_every_file_and_no_other(self, drawn):
        out, listed = drawn
        files = {"plots.json", listed["forest"]["file"]}
        for trait in listed["traits"].values():
            files |= {trait["qq"], trait["data"]} - {None}
            files |= {region[key] for region in trait["regions"] for key in ("picture", "data")}
        assert files == {path.name for path in out.iterdir()}
        assert {"qt.locus001.svg", "qt.locus001.json", "qt.qq.svg", "qt.manhattan.json"} < files

    def test_what_has_no_picture_says_why(self, drawn):
        out, listed = drawn
        traits = listed["traits"]
        assert traits["empty"]["no_region"] == "Not assessed: all values are missing."
        assert "Not assessed: all values are missing." in words(out / "empty.qq.svg")
        assert traits["surv"]["no_region"].startswith("No variant is significant: the strongest has p = ")
        assert traits["qt"]["no_region"] is None and traits["qt"]["n_loci"] == 1

    def test_linkage_is_that_of_the_people_of_the_model(self, run, drawn):
        out, listed = drawn
        (region,) = listed["traits"]["qt"]["regions"]
        data = read_json(out / region["data"])
        store, design = open_store(run / "g"), read_design(run / "design.parquet", run / "design.json")
        rows = design.trait("qt").rows
        assert region["ld_people"] == len(rows) < store.n_people
        assert f"{len(rows)} people of the model" in " ".join(words(out / region["picture"]))
        index = {name: i for i, name in enumerate(store.variants["id"])}
        dosages = store.dosages(slice(0, store.n_variants))[:, rows]  # the .fam has the order of the design
        lead = dosages[index[data["lead"]]]
        assert len(data["variants"]["id"]) > 50
        for name, r2 in zip(data["variants"]["id"], data["variants"]["r2"], strict=True):
            other = dosages[index[name]]
            both = (lead >= 0) & (other >= 0)
            expected = np.corrcoef(lead[both], other[both])[0, 1] ** 2
            assert r2 == pytest.approx(expected, abs=1e-4)  # written with four digits
        assert data["lead"] in region["alt"] and "G0" in region["alt"]
        linked = sum(r2 >= 0.8 for r2 in data["variants"]["r2"]) - 1
        assert linked > 0 and f"{linked} others are linked with it" in region["alt"]

    def test_the_forest_has_the_lead_in_standard_deviations(self, run, drawn):
        _, listed = drawn
        forest = listed["forest"]
        assert forest["scale"] == "standard deviations" and forest["n_hits"] == 1
        row = next(r for r in forest["rows"] if r["trait"] == "qt")
        result = read_parquet(run / "association/qt.parquet").set_index("id").loc[row["id"]]
        design = read_design(run / "design.parquet", run / "design.json")
        deviation = design.trait("qt").values.std(ddof=1)
        assert row["effect"] == pytest.approx(result["beta"] / deviation, rel=1e-5)
        assert {r["trait"] for r in forest["rows"]} == {"qt", "null_status", "surv"}

    def test_same_input_gives_the_same_bytes(self, run, drawn, tmp_path):
        out, _ = drawn
        draw(run, tmp_path)
        for path in out.iterdir():
            assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name

    def test_loci_beyond_the_limit_are_counted(self, run, tmp_path):
        listed = draw(run, tmp_path, max_loci=0)
        qt = listed["traits"]["qt"]
        assert (qt["n_loci"], qt["regions"]) == (1, [])


@pytest.fixture(scope="module")
def by_hand(run) -> Path:
    """A result of two traits of a fileset whose variants are in no order, with a hostile trait name."""
    folder = run / "by_hand"
    folder.mkdir()
    store = open_store(run / "g")
    order = np.random.default_rng(8).permutation(store.n_variants)
    dosages = store.dosages(slice(0, store.n_variants))
    write_store(folder / "shuffled", pack(dosages[order]), store.variants.iloc[order], store.people)
    design = read_design(run / "design.parquet", run / "design.json")
    sheet = design.frame[["patient", "qt", "null_status", "age"]].rename(columns={"qt": "<b>/qt$"})
    sheet.to_csv(folder / "pheno.tsv", sep="\t", index=False, na_rep="NA")
    for name, bfile in (("sorted", run / "g"), ("shuffled", folder / "shuffled")):
        associate(
            bfile,
            folder / f"{name}.parquet",
            DesignSource(phenotypes=folder / "pheno.tsv", traits=("<b>/qt$", "null_status")),
        )
    return folder


class TestByHand:
    def test_the_order_of_the_variants_does_not_matter(self, run, by_hand, tmp_path):
        for name, bfile in (("sorted", run / "g"), ("shuffled", by_hand / "shuffled")):
            plot_results(
                [by_hand / f"{name}.parquet"], tmp_path / name, bfile=bfile, genes=run / "genes_table.parquet"
            )
        names = sorted(path.name for path in (tmp_path / "sorted").iterdir())
        assert names == sorted(path.name for path in (tmp_path / "shuffled").iterdir())
        assert any(name.endswith("locus001.svg") for name in names) and "loci.tsv" in names
        for name in names:
            assert (tmp_path / "sorted" / name).read_bytes() == (tmp_path / "shuffled" / name).read_bytes()

    def test_names_of_files_are_safe_and_titles_are_text(self, by_hand, tmp_path):
        plot_results([by_hand / "sorted.parquet"], tmp_path)
        assert all(is_id(path.name.replace(".", "")) for path in tmp_path.iterdir())
        listed = read_json(tmp_path / "plots.json")
        region = listed["traits"]["<b>/qt$"]["regions"][0]
        assert region["picture"] == f"{file_word('<b>/qt$')}.locus001.svg"
        assert any("<b>/qt$" in text for text in words(tmp_path / region["picture"]))
        assert region["ld_people"] is None and "Linkage was not assessed" in region["alt"]
        assert "Genes: not assessed." in words(tmp_path / region["picture"])
        assert listed["forest"]["scale"] == "trait units"
        loci = pd.read_csv(tmp_path / "loci.tsv", sep="\t")
        assert loci["trait"].tolist() == ["<b>/qt$"]

    def test_regions_people_and_a_threshold_can_be_asked_for(self, run, by_hand, tmp_path):
        keep = tmp_path / "keep.txt"
        keep.write_text("#FID IID\n" + "".join(f"0 P{i}\n" for i in range(50)))
        plot_results(
            [by_hand / "shuffled.parquet"],
            tmp_path / "out",
            traits=["null_status"],
            bfile=by_hand / "shuffled",
            people=keep,
            regions=["1:1-2,000", "MT:1-99"],
            threshold=5e-8,
        )
        listed = read_json(tmp_path / "out/plots.json")["traits"]
        assert list(listed) == ["null_status"]
        first, empty = listed["null_status"]["regions"]
        assert first["picture"] == "null_status.1_1_2000.svg" and first["ld_people"] == 50
        data = read_json(tmp_path / "out" / first["data"])
        rows = read_parquet(by_hand / "shuffled.parquet").query("trait == 'null_status' and chrom == '1'")
        inside = rows[(rows["pos"] <= 2000) & rows["neg_log10_p"].notna()].sort_values("pos")
        assert data["variants"]["pos"] == inside["pos"].tolist()
        assert data["lead"] == inside.loc[inside["neg_log10_p"].idxmax(), "id"]
        assert empty["lead"] is None
        assert "No variant could be tested." in words(tmp_path / "out" / empty["picture"])

    def test_a_result_of_one_trait_is_named_by_its_file(self, run, tmp_path):
        plot_results([run / "association/qt.parquet", run / "association/surv.parquet"], tmp_path)
        listed = read_json(tmp_path / "plots.json")["traits"]
        assert list(listed) == ["qt", "surv"]
        assert listed["qt"]["statement"].startswith("Missing data:")

    def test_bad_input_is_refused(self, run, by_hand, tmp_path):
        result = by_hand / "sorted.parquet"
        with pytest.raises(InputError, match="null_status"):
            plot_results([result], tmp_path, traits=["null_statu"])
        with pytest.raises(InputError, match="once more"):
            plot_results([result, by_hand / "shuffled.parquet"], tmp_path)
        with pytest.raises(InputError, match="--bfile as well"):
            plot_results([result], tmp_path, people=result)
        (tmp_path / "keep").write_text("P1\nP99999\n")
        with pytest.raises(InputError, match=r"keep[\s\S]*P99999"):
            plot_results([result], tmp_path, people=tmp_path / "keep", bfile=run / "g")
        (tmp_path / "x.tsv").write_text("a\tb\n")
        with pytest.raises(InputError, match="no Parquet file"):
            plot_results([tmp_path / "x.tsv"], tmp_path)
        write_parquet(pd.DataFrame({"trait": ["a"]}), tmp_path / "x.parquet")
        with pytest.raises(InputError, match="neg_log10_p"):
            plot_results([tmp_path / "x.parquet"], tmp_path)
        for text in ("1", "1:5", "1:9-5", ":1-2", "1:0-2", "1:a-b"):
            with pytest.raises(InputError, match="START"):
                parse_region_text(text)
        assert parse_region_text("HLA:A:1-2,000") == ("HLA:A", 1, 2000)

    def test_the_command_draws_and_refuses(self, by_hand, tmp_path):
        command = [
            sys.executable,
            str(ROOT / "scripts/plot_association.py"),
            "--out-dir",
            str(tmp_path / "o"),
        ]
        done = subprocess.run(
            [*command, "--result", by_hand / "sorted.parquet", "--trait", "null_status"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "o/null_status.manhattan.svg").is_file()
        done = subprocess.run(
            [*command, "--result", str(tmp_path / "none.parquet")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2 and "no such file" in done.stderr and "Traceback" not in done.stderr


def test_a_region_of_an_unsorted_fileset_is_an_error_not_a_wrong_answer(by_hand):
    store = open_store(by_hand / "shuffled")
    with pytest.raises(InputError, match="side by side, by position"):
        store.region("1", 1, 2000)


def test_words_for_files():
    assert file_word("ldl") == "ldl"
    assert file_word("LDL/HDL ratio") == "LDL_HDL_ratio-418b29d1"
    hostile = ["../x", "a b", "a_b ", "$(rm)", "", ".", "ä", "x" * 300, "\ud800"]
    made = [file_word(text) for text in hostile]
    assert all(map(is_id, made)) and len(set(made)) == len(made)


def test_only_the_rows_of_a_region_are_kept_of_a_result(run):
    from endotype.association.result_files import read_rows

    path = run / "association/qt.parquet"
    rows = read_rows(path, "qt", ["id", "chrom"], [("chrom", "=", "2"), ("pos", "<", 10_500)])
    assert 0 < len(rows) < 10 and (rows["chrom"] == "2").all()
    assert pq.read_metadata(path).num_rows == 300
    assert json.dumps(rows["id"].tolist())
