"""The command that tests the sets of a file: its formats, what it leaves out, its faults, the same bytes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.association.design_source import DesignSource
from endotype.association.inputs import set_readers
from endotype.association.loco import fit_null_with_offset
from endotype.association.scan import fit_null, places
from endotype.association.set_command import add_set_arguments, run_sets
from endotype.association.set_files import VariantIndex, VariantSet
from endotype.association.set_input import REGENIE, SAIGE, TABLE, read_sets, recognise
from endotype.association.set_lovo import LOVO_SCHEMA, leave_one_out, scan_leave_one_out
from endotype.association.set_scan import associate_sets, choose_tests
from endotype.association.set_scores import read_genotypes
from endotype.association.set_test import COX_TESTS, TESTS, Prepared, SetNull, SetOptions
from endotype.association.sets import SET_SCHEMA, scan_sets
from endotype.engine import add_engine_argument
from endotype.errors import InputError
from tests.association.builders import covariate_set, make_design, make_store

N, M = 300, 30
FLAT = [f"1:{100 * (i + 1)}:A:C" for i in range(M)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory):
    rng = np.random.default_rng(3)
    dosages = rng.binomial(2, rng.uniform(0.005, 0.03, M)[:, None], (M, N)).astype(np.int8)
    dosages[3] = rng.random(N) < 0.05
    qt = rng.normal(size=N) + 2.5 * dosages[3]
    dosages[rng.random(dosages.shape) < 0.01] = -1
    folder = tmp_path_factory.mktemp("set_scan")
    store = make_store(folder / "g", dosages)
    covariates = covariate_set(rng, N)
    time = rng.exponential(np.exp(-0.3 * qt))
    pheno = pd.DataFrame({"IID": store.people["iid"], "qt": qt, "bt": (qt > 0.8).astype(int), "time": time})
    pheno["event"] = (rng.random(N) < 0.7).astype(int)
    pheno.to_csv(folder / "pheno.tsv", sep="\t", index=False)
    pd.DataFrame({"IID": store.people["iid"], **covariates}).to_csv(
        folder / "covar.tsv", sep="\t", index=False
    )
    (folder / "sets.tsv").write_text(
        "set\tvariant\n" + "".join(f"{name}\t{v}\n" for name, ids in SETS.items() for v in ids)
    )
    return folder, store, dosages


SETS = {"S1": FLAT[:8], "S2": [*FLAT[10:18], "1:999999:A:C"], "S3": ["9:9:A:C"]}


def sheets(folder: Path) -> dict[str, object]:
    return {"source": source(folder, "qt", "bt")}


def source(folder: Path, *traits: str, event: str | None = None) -> DesignSource:
    return DesignSource(None, None, folder / "pheno.tsv", folder / "covar.tsv", traits, event)


def run(study, out: Path, **options: object) -> Path:
    folder, _, _ = study
    given = sheets(folder) | {"sets": folder / "sets.tsv"} | options
    associate_sets(folder / "g", given.pop("sets"), out, **given)  # type: ignore[arg-type]
    return out


class TestResults:
    def test_rows_and_what_was_left_out(self, study, tmp_path: Path, capsys) -> None:
        out = run(study, tmp_path / "r.parquet")
        assert pq.read_schema(out).equals(SET_SCHEMA)
        rows = pd.read_parquet(out)
        expected = [(t, s, test) for t in ("qt", "bt") for s in SETS for test in TESTS]
        assert list(zip(rows["trait"], rows["set"], rows["test"], strict=True)) == expected
        assert set(rows.loc[rows["set"] == "S3", "status"]) == {"NOT_CALLED"}
        assert rows.loc[rows["set"] == "S2", "n_listed"].iloc[0] == 9
        dropped = (tmp_path / "r.dropped.tsv").read_text().splitlines()
        assert dropped[1:] == [
            "S2\t1:999999:A:C\t18\tnot in the genotypes",
            "S3\t9:9:A:C\t19\tnot in the genotypes",
        ]
        assert "2 variants of" in capsys.readouterr().err
        assert not (tmp_path / "r.lovo.parquet").exists()

    def test_are_those_of_the_library(self, study, tmp_path: Path) -> None:
        folder, store, _ = study
        from endotype.association.sheets import design_from_sheets

        rows = pq.read_table(run(study, tmp_path / "r.parquet", tests=["skat", "burden"]))
        design = design_from_sheets(
            store.people["iid"], folder / "pheno.tsv", folder / "covar.tsv", ["qt", "bt"]
        )
        sets = read_sets(folder / "sets.tsv", VariantIndex(store.variants)).sets
        assert rows.equals(scan_sets(store, design, ["qt", "bt"], sets, SetOptions(tests=("burden", "skat"))))

    @pytest.mark.parametrize("ending", ["tsv", "tsv.gz", "parquet"])
    @pytest.mark.parametrize("threads", [2, 8])
    def test_threads_change_no_byte(self, study, tmp_path: Path, ending: str, threads: int) -> None:
        one = run(study, tmp_path / f"one.{ending}", leave_one_out=True)
        more = run(study, tmp_path / f"more.{ending}", leave_one_out=True, threads=threads)
        assert one.read_bytes() == more.read_bytes()
        lovo = [tmp_path / f"{name}.lovo.{ending}" for name in ("one", "more")]
        assert lovo[0].read_bytes() == lovo[1].read_bytes()
        assert len(lovo[0].read_bytes()) > 1000

    def test_order_of_the_file_and_of_the_bim_change_no_bit(self, study, tmp_path: Path) -> None:
        folder, store, dosages = study
        straight = pd.read_parquet(run(study, tmp_path / "r.parquet", leave_one_out=True))
        rng = np.random.default_rng(5)
        lines = (folder / "sets.tsv").read_text().splitlines()
        shuffled = tmp_path / "shuffled.tsv"
        shuffled.write_text("\n".join([lines[0], *rng.permutation(lines[1:])]) + "\n")
        order = rng.permutation(M)
        from endotype.variants.plink import pack, write_store

        write_store(tmp_path / "g", pack(dosages[order]), store.variants.iloc[order], store.people)
        associate_sets(tmp_path / "g", shuffled, tmp_path / "t.parquet", leave_one_out=True, **sheets(folder))
        turned = pd.read_parquet(tmp_path / "t.parquet")
        pd.testing.assert_frame_equal(turned, straight, check_exact=True)
        left = [pd.read_parquet(tmp_path / f"{name}.lovo.parquet") for name in ("r", "t")]
        pd.testing.assert_frame_equal(*left, check_exact=True)

    def test_time_to_event(self, study, tmp_path: Path) -> None:
        out = run(
            study, tmp_path / "r.parquet", source=source(study[0], "time", event="event"), leave_one_out=True
        )
        rows = pd.read_parquet(out).query("set == 'S1'").set_index("test")
        assert rows["status"].to_dict() == {t: "OK" if t in COX_TESTS else "UNAVAILABLE" for t in TESTS}
        left = pd.read_parquet(tmp_path / "r.lovo.parquet")
        assert set(left["test"]) == set(COX_TESTS)

    def test_null_models_of_one_s_own_making_are_by_chromosome(self, study, tmp_path: Path) -> None:
        _, _, dosages = study
        chroms = ["1"] * 10 + ["2"] * (M - 10)
        two = make_store(tmp_path / "g", dosages, chroms)
        rng = np.random.default_rng(1)
        design = make_design({"qt": ("linear", rng.normal(size=N))}, covariate_set(rng, N), N)
        sets = [VariantSet("b", "m", np.arange(12, 20), None, 8), VariantSet("a", "m", np.arange(8), None, 8)]
        sets += [
            VariantSet("both", "m", np.arange(5, 15), None, 10),
            VariantSet("none", "m", np.arange(0), None, 0),
        ]
        asked = []

        def nulls(name: str, chrom: str | None):
            asked.append((name, chrom))
            trait = design.trait(name)
            return trait, fit_null(trait)

        found = scan_sets(two, design, ["qt"], sets, nulls=nulls)
        assert asked == [("qt", "2"), ("qt", "1"), ("qt", None)]
        assert found.equals(scan_sets(two, design, ["qt"], sets))


class TestLeaveOneOut:
    def prepared(
        self, study, name: str, kind: str, rows: range, options: SetOptions, case_share: float = 0.2
    ):
        _, store, _ = study
        rng = np.random.default_rng(8)
        values: object = rng.normal(size=N)
        if kind == "logistic":
            values = (rng.random(N) < case_share).astype(float)
        elif kind == "cox":
            values = (rng.exponential(size=N), rng.random(N) < 0.6)
        design = make_design({name: (kind, values)}, covariate_set(rng, N), N)
        trait = design.trait(name)
        null = SetNull.of(fit_null(trait))
        packed = np.ascontiguousarray(store.packed[np.array(rows)])
        return null, read_genotypes(packed, places(store, design, trait), N)

    @pytest.mark.parametrize("kind", ["linear", "logistic", "cox"])
    @pytest.mark.parametrize("own", [False, True])
    def test_is_the_set_without_the_variant(self, study, kind: str, own: bool) -> None:
        options = SetOptions()
        null, genotypes = self.prepared(study, "t", kind, range(12), options)
        weights = np.linspace(1, 2, 12) if own else None
        found = {left.test: left for left in leave_one_out(null, genotypes, weights, options)}
        assert set(found) == set(COX_TESTS if kind == "cox" else TESTS)
        if kind == "logistic":  # with variants that SKAT takes as one, in and out
            assert 2 <= Prepared(null, genotypes, weights, options).rare.sum() < 12
        for j in (0, 3, 7, 11):
            others = np.delete(np.arange(12), j)
            left = Prepared(
                null, genotypes.take(others), None if weights is None else weights[others], options
            )
            for test, answer in found.items():
                # Rounding: the same sums of the same numbers.
                assert answer.without[j] == pytest.approx(left.run(test).neg_log10_p, rel=1e-12), (test, j)

    def test_finds_the_culprit(self, study, tmp_path: Path) -> None:
        out = run(study, tmp_path / "r.parquet", leave_one_out=True)
        left = pd.read_parquet(tmp_path / "r.lovo.parquet")
        assert list(left.columns) == LOVO_SCHEMA.names
        whole = pd.read_parquet(out).set_index(["trait", "set", "test"])["neg_log10_p"]
        first = left.query("trait == 'qt' and set == 'S1' and rank == 1 and test != 'burden'")
        assert set(first["variant"]) == {FLAT[3]}
        assert (first["neg_log10_p_without"] < first["neg_log10_p"] - 1).all()
        for row in left.itertuples():
            assert row.neg_log10_p == whole[row.trait, row.set, row.test]
        sizes = left.groupby(["trait", "set", "test"])["rank"].agg(["min", "max", "size"])
        assert (sizes["min"] == 1).all() and (sizes["max"] == sizes["size"]).all()

    def test_others_that_are_too_few_have_no_result_and_rank_first(self, study) -> None:
        _, _, dosages = study
        counts = np.maximum(dosages, 0).sum(axis=1)
        big, small = int(np.argmax(counts)), int(np.argmin(counts))
        options = SetOptions(tests=("burden",), min_minor_alleles=int(counts[small]) + 1)
        null, genotypes = self.prepared(study, "t", "linear", [big, small], options)  # type: ignore[arg-type]
        (left,) = leave_one_out(null, genotypes, None, options)
        assert np.isnan(left.without[0]) and np.isfinite(left.without[1])
        assert left.rank.tolist() == [1, 2]

    def test_a_set_that_can_t_be_tested_has_none(self, study) -> None:
        _, store, _ = study
        rng = np.random.default_rng(1)
        design = make_design({"t": ("linear", rng.normal(size=N))}, {}, N)
        sets = [VariantSet("s", "m", np.arange(3), None, 3)]
        found = scan_leave_one_out(store, design, ["t"], sets, SetOptions(min_minor_alleles=10_000))
        assert found.num_rows == 0 and found.schema.equals(LOVO_SCHEMA)


class TestFormats:
    def write(self, folder: Path, name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text)
        return path

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("set\tvariant\nS\tv\n", TABLE),
            ("mask,SET,variant\nm,S,v\n", TABLE),
            ("## a note\n\nset;id\nS;v\n", TABLE),  # a table that lacks a column, as its reader will say
            ("S var v w\nS anno a b\n", SAIGE),
            ("S v w x\n", SAIGE),
            ("S 1:100:A:C\n", SAIGE),
            ("S 1 100 v,w\n", REGENIE),
            ("S\t1\t100\tv,w\n", REGENIE),
            ("S var 100 v w\n", SAIGE),
        ],
    )
    def test_are_recognised(self, tmp_path: Path, text: str, expected: str) -> None:
        assert recognise(self.write(tmp_path, "f", text)) == expected

    def test_all_three_say_the_same(self, study, tmp_path: Path) -> None:
        _, store, _ = study
        index = VariantIndex(store.variants)
        a, b = FLAT[:4], FLAT[4:7]
        table = self.write(
            tmp_path,
            "t.tsv",
            "set\tvariant\tmask\n" + "".join(f"S\t{v}\tm\n" for v in a) + "".join(f"T\t{v}\tm\n" for v in b),
        )
        saige = self.write(tmp_path, "g.txt", f"S var {' '.join(a)}\nT var {' '.join(b)}\n")
        regenie = self.write(tmp_path, "s.txt", f"S 1 100 {','.join(a)}\nT 1 500 {','.join(b)}\n")
        anno = self.write(
            tmp_path, "a.txt", "".join(f"{v} {s} x\n" for s, vs in (("S", a), ("T", b)) for v in vs)
        )
        masks = self.write(tmp_path, "m.txt", "m x\n")
        found = [read_sets(table, index), read_sets(saige, index), read_sets(regenie, index, anno, masks)]
        assert [[(s.name, s.rows.tolist()) for s in f.sets] for f in found] == [
            [("S", [0, 1, 2, 3]), ("T", [4, 5, 6])]
        ] * 3

    def test_what_does_not_go_together_is_refused(self, study, tmp_path: Path) -> None:
        _, store, _ = study
        index = VariantIndex(store.variants)
        table = self.write(tmp_path, "t.tsv", f"set\tvariant\nS\t{FLAT[0]}\n")
        saige = self.write(tmp_path, "g.txt", f"S var {FLAT[0]}\n")
        regenie = self.write(tmp_path, "s.txt", f"S 1 100 {FLAT[0]},{FLAT[1]}\n")
        other = self.write(tmp_path, "o.txt", "m x\n")
        for path, anno, masks, words in [
            (regenie, None, None, "a REGENIE set list alone"),
            (regenie, other, None, "--set-annotations without --set-masks"),
            (regenie, None, other, "--set-masks without --set-annotations"),
            (table, other, other, "a table of sets, with annotations"),
            (saige, other, other, "a SAIGE-GENE group file, with annotations"),
            (tmp_path / "absent", None, None, "no such file"),
            (tmp_path, None, None, "a folder"),
            (self.write(tmp_path, "e", "\n"), None, None, "an empty file"),
            (self.write(tmp_path, "b", "set variant\nS v\n"), None, None, "separated by tabs"),
            (self.write(tmp_path, "c", "set\tid\nS\tv\n"), None, None, "no column 'variant'"),
        ]:
            with pytest.raises(InputError, match=words):
                read_sets(path, index, anno, masks)


class TestCommand:
    def parse(self, *words: str) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        for option in ("bfile", "design", "design-info", "pheno", "covar", "trait", "event", "region", "out"):
            parser.add_argument(f"--{option}")
        parser.add_argument("--loco-pred")
        parser.add_argument("--quiet", action="store_true")
        parser.add_argument("--alpha", type=float, default=0.05)
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--min-allele-count", type=int, default=10)
        add_engine_argument(parser)
        add_set_arguments(parser)
        return parser.parse_args(words)

    def test_without_sets_there_is_nothing_to_do(self) -> None:
        assert run_sets(self.parse(), DesignSource()) is False

    @pytest.mark.parametrize(
        "words", [["--lovo"], ["--set-tests", "skat"], ["--set-masks", "m"], ["--set-annotations", "a"]]
    )
    def test_options_of_sets_need_sets(self, words: list[str]) -> None:
        with pytest.raises(InputError, match=f"{words[0]} without --sets"):
            run_sets(self.parse(*words), DesignSource())

    def test_a_region_is_refused(self) -> None:
        with pytest.raises(InputError, match="--region with --sets"):
            run_sets(self.parse("--sets", "s", "--region", "1"), DesignSource())

    def test_options_arrive(self, study, tmp_path: Path) -> None:
        folder, _, _ = study
        words = ["--bfile", str(folder / "g"), "--pheno", str(folder / "pheno.tsv"), "--trait", "qt"]
        words += [
            "--sets",
            str(folder / "sets.tsv"),
            "--set-tests",
            "skat,burden",
            "--out",
            str(tmp_path / "r.tsv"),
        ]
        assert run_sets(self.parse(*words, "--lovo", "--min-allele-count", "100000"), source(folder, "qt"))
        rows = pd.read_csv(tmp_path / "r.tsv", sep="\t")
        assert list(rows["test"].unique()) == ["burden", "skat"]
        assert set(rows["status"]) == {"TOO_RARE", "NOT_CALLED"}
        assert (tmp_path / "r.lovo.tsv").exists()
        beside = json.loads((tmp_path / "r.tsv.json").read_text())
        assert "replaced by the mean of the called" in beside["statement"]["qt"]
        assert beside["options"]["min_minor_alleles"] == 100000

    def test_tests_that_there_are_not(self) -> None:
        with pytest.raises(InputError, match="'skatt'"):
            choose_tests(["burden", "skatt"])
        assert choose_tests(["acato", "burden"]) == ("burden", "acato")
        assert choose_tests(None) == TESTS

    def test_a_long_run_says_how_far_it_is(self, study, tmp_path: Path, capsys, monkeypatch) -> None:
        monkeypatch.setattr("endotype.association.set_scan._SECONDS_BETWEEN_NOTES", -1.0)
        run(study, tmp_path / "r.parquet", progress=True)
        assert "6 of 6 sets tested" in capsys.readouterr().err
        run(study, tmp_path / "r.parquet")
        assert "sets tested" not in capsys.readouterr().err

    def test_an_unknown_ending_is_refused_before_anything_is_written(self, study, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="suffix"):
            run(study, tmp_path / "r.csv")
        assert list(tmp_path.iterdir()) == []


class TestOfARun:
    """What the input check says of the set file, before there are genotypes."""

    def section(self, path: Path | None) -> dict[str, object]:
        return {"masks": None, "gene_max_frequency": 0.01, "set_file": None if path is None else str(path)}

    def check(self, path: Path | None) -> None:
        for read in set_readers(self.section(path)):
            read()

    def test_a_sound_file_passes_whatever_its_variants(self, tmp_path: Path) -> None:
        path = tmp_path / "own.tsv"
        path.write_text("set\tvariant\nS\trs1\nS\t1:5:A:C\nT\trs1\n")
        self.check(path)
        self.check(None)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("set\tvariant\nS\trs1\nS\trs1\n", "'rs1' twice in set 'S'"),
            ("set\tvariant\nS\t1:5:A:C\nS\tchr1:5:C:A\n", "'chr1:5:C:A' twice in set 'S'"),
            ("set\tvariant\tweight\nS\trs1\t1\nS\trs2\t-2\n", "'-2'"),
            ("S var rs1 rs2\nS anno x\n", "1 values of 'anno'"),
        ],
    )
    def test_faults_have_their_line(self, tmp_path: Path, text: str, words: str) -> None:
        path = tmp_path / "own.tsv"
        path.write_text(text)
        with pytest.raises(InputError, match=words) as error:
            self.check(path)
        assert [p.row for p in error.value.problems] == [len(text.splitlines())]

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            self.check(tmp_path / "absent")


def test_offsets_of_a_whole_genome_model_are_those_of_the_chromosome(study, tmp_path: Path) -> None:
    folder, store, _ = study
    rng = np.random.default_rng(8)
    offset = rng.normal(0, 0.5, N)
    lines = ["FID_IID " + " ".join(f"0_{i}" for i in store.people["iid"])]
    lines += [f"{c} " + " ".join(map(str, v)) for c, v in (("1", offset), ("2", -offset))]
    (tmp_path / "qt.loco").write_text("\n".join(lines) + "\n")
    (tmp_path / "pred.list").write_text("qt qt.loco\n")
    plain = pd.read_parquet(run(study, tmp_path / "a.parquet", source=source(folder, "qt")))
    adjusted = pd.read_parquet(
        run(study, tmp_path / "b.parquet", source=source(folder, "qt"), loco=tmp_path / "pred.list")
    )
    design = source(folder, "qt").load(store.people)
    trait = design.trait("qt")
    model = fit_null_with_offset(trait, offset)
    burden = adjusted[(adjusted["set"] == "S1") & (adjusted["test"] == "burden_unweighted")].iloc[0]
    alone = scan_sets(
        store, design, ["qt"], read_sets(folder / "sets.tsv", VariantIndex(store.variants)).sets,
        nulls=lambda name, chrom: (trait, model),
    ).to_pandas()  # fmt: skip
    same = alone[(alone["set"] == "S1") & (alone["test"] == "burden_unweighted")].iloc[0]
    assert burden["stat"] == same["stat"]
    assert burden["stat"] != plain.loc[burden.name, "stat"]
