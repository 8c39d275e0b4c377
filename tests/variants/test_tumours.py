"""Tumours as a whole: one row per variant, a verdict per tumour, hypermutation, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.errors import InputError
from endotype.variants.somatic_keys import KEY_STATUSES, REASONS
from endotype.variants.tumour_burden import MIN_TUMOURS, BurdenLimits, measure_burden, outlier_limit
from endotype.variants.tumours import (
    REJECT_TYPES,
    SOMATIC_TYPES,
    STATUS_ORDER,
    TUMOUR_TYPES,
    TumourSettings,
    merge_entries,
)
from tests.variants.builders import write_fasta
from tests.variants.tumour_files import Prepared, fields, sheet_row, write_calls, write_maf

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    return write_fasta(tmp_path / "reference.fa", c1="ACGT" * 50, c2="A" * 100)


def test_without_tumours_the_tables_are_empty_and_typed(tmp_path):
    done = Prepared(tmp_path / "out", [])
    assert list(done.variants.columns) == list(SOMATIC_TYPES) and done.variants.empty
    assert list(done.tumours.columns) == list(TUMOUR_TYPES) and done.tumours.empty
    assert list(done.rejects.columns) == list(REJECT_TYPES) and done.rejects.empty
    assert done.flow["files"] == done.flow["tumours"] == []


def test_types_are_the_same_with_and_without_rows(tmp_path, fasta):
    path = write_maf(tmp_path / "a.maf", ["G 37 c1 3 3 Silent G G T T1 6 4"])
    Prepared(tmp_path / "full", [sheet_row(path)], fasta)
    Prepared(tmp_path / "empty", [])
    for table in ("somatic.parquet", "tumours.parquet"):
        full, empty = (pq.read_schema(tmp_path / name / table) for name in ("full", "empty"))
        assert full.equals(empty)


class TestSeveralFiles:
    def test_snvs_and_indels_of_one_tumour_in_two_files(self, tmp_path, fasta):
        snv = ["10 C T PASS NT=ref DP:AU:CU:GU:TU 9:0,0:9,9:0,0:0,0 9:0,0:6,6:0,0:3,3"]
        indel = ["12 TA T PASS NT=ref DP:TAR:TIR 9:9,9:0,0 9:3,3:6,6"]
        head = ["##source=strelka", *fields("DP AU CU GU TU TAR TIR", "NT")]
        names = {"normal": "N1", "tumour_in_file": "TUMOR", "normal_in_file": "NORMAL"}
        rows = [
            sheet_row(write_calls(tmp_path / f"{n}.vcf", head, ["NORMAL", "TUMOR"], records), **names)
            for n, records in enumerate([snv, indel])
        ]
        done = Prepared(tmp_path / "out", rows, fasta)
        assert done.keys == ["c1:10:C:T", "c1:12:TA:T"]
        (tumour,) = done.tumours.to_dict("records")
        assert (tumour["n_files"], tumour["n_snv"], tumour["n_indel"], tumour["callers"]) == (
            2,
            1,
            1,
            "strelka2",
        )
        assert tumour["normal"] == "N1" and "germline origin" not in tumour["not_assessed"]

    def test_of_two_callers_the_stronger_word_is_kept_and_both_are_counted(self, tmp_path, fasta):
        def file(name: str, verdict: str, reads: str) -> dict[str, str]:
            path = write_calls(
                tmp_path / name,
                fields("GT AD", "", "weak germline"),
                ["T1"],
                [f"10 C T {verdict} . GT:AD 0/1:{reads}"],
            )
            return sheet_row(path, normal="N1")

        done = Prepared(tmp_path / "a", [file("1.vcf", "weak", "9,1"), file("2.vcf", "PASS", "6,4")], fasta)
        assert done.variants[["status", "alt_reads", "n_records"]].to_numpy().tolist() == [["somatic", 4, 2]]
        assert [row["kept"] for row in done.flow["tumours"]] == [0, 1]
        assert [row["merged"] for row in done.flow["tumours"]] == [1, 0]
        done = Prepared(
            tmp_path / "b", [file("1.vcf", "germline", "5,5"), file("2.vcf", "PASS", "6,4")], fasta
        )
        assert done.variants["status"].tolist() == ["germline"] and done.tumours["n_mutations"].tolist() == [
            0
        ]

    def test_two_tumours_of_a_patient_stay_apart(self, tmp_path, fasta):
        path = write_maf(tmp_path / "a.maf", [f"G 37 c1 3 3 Silent G G T {t} 6 4" for t in ("T1", "T2")])
        done = Prepared(tmp_path / "out", [sheet_row(path, tumour=t) for t in ("T2", "T1")], fasta)
        assert done.tumours["tumour"].tolist() == ["T1", "T2"] and done.tumours["n_variants"].tolist() == [
            1,
            1,
        ]

    def test_the_order_of_the_sheet_and_of_the_rows_does_not_matter(self, tmp_path, fasta):
        rows = [f"G 37 c{1 + n % 2} {1 + n} {1 + n} S {'ACGT'[n % 4] if n % 2 == 0 else 'A'} _ T T{n % 3} 6 4"
                for n in range(0, 60)]  # fmt: skip
        one = write_maf(tmp_path / "a.maf", rows)
        first = Prepared(tmp_path / "x", [sheet_row(one, tumour=f"T{n}") for n in (0, 1, 2)], fasta)
        write_maf(tmp_path / "a.maf", rows[::-1])
        second = Prepared(tmp_path / "y", [sheet_row(one, tumour=f"T{n}") for n in (2, 0, 1)], fasta)
        pd.testing.assert_frame_equal(
            first.variants.drop(columns="source_line"), second.variants.drop(columns="source_line")
        )
        pd.testing.assert_frame_equal(first.tumours, second.tumours)
        assert first.variants["chrom"].drop_duplicates().tolist()[:2] == ["c1", "c2"]

    def test_the_same_input_gives_the_same_bytes(self, tmp_path, fasta):
        path = write_maf(tmp_path / "a.maf", ["G 37 c1 3 3 Silent G G T T1 6 4"])
        for name in ("x", "y"):
            Prepared(tmp_path / name, [sheet_row(path)], fasta)
        for file in ("somatic.parquet", "tumours.parquet", "somatic_rejects.tsv", "somatic.json"):
            assert (tmp_path / "x" / file).read_bytes() == (tmp_path / "y" / file).read_bytes()

    def test_a_file_of_another_genome_stops_the_step(self, tmp_path, fasta):
        rows = [f"G 37 c1 {n} {n} Silent {'CGTA'[(n - 1) % 4]} _ N T1 6 4" for n in range(1, 40)]
        path = write_maf(tmp_path / "a.maf", [row.replace(" N ", " AC ") for row in rows])
        with pytest.raises(InputError, match="39 of 39 reference alleles"):
            Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert not (tmp_path / "out" / "somatic.parquet").exists()


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.integers(1, 3), st.sampled_from(STATUS_ORDER), st.integers(0, 1)),
        max_size=30,
    )
)
def test_merging_keeps_one_entry_of_each_variant_and_counts_the_others(rows):
    entries = pd.DataFrame(
        [
            {"patient": "P", "tumour": t, "chrom": "c1", "pos": pos, "ref": "A", "alt": "C", "status": status,
             "row": row, "source_line": line}
            for line, (t, pos, status, row) in enumerate(rows)
        ],
        columns=["patient", "tumour", "chrom", "pos", "ref", "alt", "status", "row", "source_line"],
    )  # fmt: skip
    out = merge_entries(entries, ["c1"])
    assert int(out["n_records"].sum()) == len(rows)
    expected = {}
    for line, (t, pos, status, row) in enumerate(rows):
        expected.setdefault((t, pos), []).append((STATUS_ORDER.index(status), row, line))
    assert dict(zip(zip(out["tumour"], out["pos"], strict=True), out["source_line"], strict=True)) == {
        key: min(found)[2] for key, found in expected.items()
    }


class TestBurden:
    def burden(self, counts: list[int], matched: bool = True, limits: BurdenLimits | None = None, **regions):
        variants = pd.DataFrame(
            [
                {"patient": f"P{n}", "tumour": "T", "chrom": "c1", "pos": pos + 1, "ref": "A", "alt": "C",
                 "status": "somatic", "classification": "", "vaf": 0.5}
                for n, count in enumerate(counts)
                for pos in range(count)
            ],
            columns=["patient", "tumour", "chrom", "pos", "ref", "alt", "status", "classification", "vaf"],
        )  # fmt: skip
        tumours = pd.DataFrame(
            {
                "patient": [f"P{n}" for n in range(len(counts))],
                "tumour": "T",
                "callable": "",
                "has_normal": matched,
            }
        )
        if regions:
            tumours["callable"] = "bed"
        return measure_burden(variants, tumours, regions, limits or BurdenLimits())

    def test_per_megabase_when_the_size_is_known(self):
        out = self.burden([20, 19, 21], limits=BurdenLimits(callable_megabases=2))
        assert out["mutations_per_megabase"].tolist() == [10.0, 9.5, 10.5]
        assert out["hypermutation"].tolist() == ["not_hypermutated", "not_hypermutated", "hypermutated"]
        assert "more than 10 mutations per megabase" in out["hypermutation_rule"][2]

    def test_a_bed_counts_only_what_lies_inside(self):
        regions = {"c1": (np.array([3, 11]), np.array([4, 10_000])), "c2": (np.array([1]), np.array([8]))}
        out = self.burden([12], bed=regions)
        assert out["n_mutations"][0] == 12 and out["n_callable"][0] == 4  # 3, 4, 11 and 12
        assert out["callable_megabases"][0] == 0.01 and out["mutations_per_megabase"][0] == 400
        assert out["hypermutation"][0] == "hypermutated"

    def test_without_a_size_and_with_few_tumours_nothing_is_said(self):
        out = self.burden([5] * (MIN_TUMOURS - 2) + [90_00])
        assert set(out["hypermutation"]) == {"not_assessed"} and out["mutations_per_megabase"].isna().all()
        assert "fewer than 20" in out["hypermutation_rule"][0]

    def test_without_a_size_outliers_of_the_cohort_are_found(self):
        out = self.burden([*range(20, 42), 400])
        assert out["hypermutation"].tolist() == ["not_hypermutated"] * 22 + ["hypermutated"]

    def test_without_a_normal_a_high_rate_proves_nothing_and_a_low_one_does(self):
        out = self.burden([20, 21], matched=False, limits=BurdenLimits(callable_megabases=2))
        assert out["hypermutation"].tolist() == ["not_hypermutated", "not_assessed"]
        assert "germline" in out["hypermutation_rule"][1]

    def test_the_limit_of_outliers_is_that_of_the_formula(self):
        counts = [0, *range(3, 25)]
        logs = sorted(np.log10(max(1, count)) for count in counts)
        median = logs[11]
        mad = sorted(abs(value - median) for value in logs)[11]
        assert outlier_limit(np.array(counts), 3) == pytest.approx(
            10 ** (median + 3 * 1.4826 * mad), rel=1e-12
        )
        assert outlier_limit(np.full(30, 7), 3) is None and outlier_limit(np.arange(19), 3) is None

    def test_kinds_and_classes_are_counted(self, tmp_path, fasta):
        rows = ["G 37 c1 3 3 Missense_Mutation G _ T T1 6 4", "G 37 c1 5 6 Silent AC _ TT T1 6 4",
                "G 37 c1 7 7 Frame_Shift_Del G _ - T1 6 4", "G 37 c1 9 10 Intron - _ T T1 6 4"]  # fmt: skip
        path = write_maf(tmp_path / "a.maf", rows)
        (row,) = Prepared(tmp_path / "out", [sheet_row(path)], fasta).tumours.to_dict("records")
        counts = ("n_mutations", "n_snv", "n_mnv", "n_indel", "n_nonsynonymous", "n_somatic_or_germline")
        assert [row[name] for name in counts] == [4, 1, 1, 2, 2, 4]
        assert row["median_vaf"] == 0.4
        assert row["verdict"].startswith("4 variants, somatic or germline. Hypermutation was not assessed")
        assert "purity" in row["not_assessed"] and "nonsynonymous" not in row["not_assessed"]

    def test_a_vcf_says_nothing_of_classes(self, tmp_path, fasta):
        path = write_calls(tmp_path / "a.vcf", fields("GT"), ["T1"], ["10 C T PASS . GT 0/1"])
        (row,) = Prepared(tmp_path / "out", [sheet_row(path, normal="N")], fasta).tumours.to_dict("records")
        assert pd.isna(row["n_nonsynonymous"]) and "nonsynonymous mutations" in row["not_assessed"]
        assert "allele fractions" in row["not_assessed"] and pd.isna(row["median_vaf"])

    def test_filtered_and_germline_calls_do_not_count(self, tmp_path, fasta):
        records = ["10 C T PASS . GT 0/1", "14 C T weak . GT 0/1", "18 C T germline . GT 0/1"]
        path = write_calls(tmp_path / "a.vcf", fields("GT", "", "weak germline"), ["T1"], records)
        (row,) = Prepared(tmp_path / "out", [sheet_row(path, normal="N")], fasta).tumours.to_dict("records")
        assert (row["n_variants"], row["n_mutations"], row["n_filtered"], row["n_germline"]) == (3, 1, 1, 1)


def test_the_command_writes_the_tables_and_a_bad_file_ends_with_code_2(tmp_path, fasta):
    path = write_maf(tmp_path / "a.maf", ["G 37 c1 3 3 Silent G _ T T1 6 4"])
    settings = TumourSettings(("PASS", "wga"), BurdenLimits(0.5, 3.0, 2.0))
    by_hand = Prepared(tmp_path / "a", [sheet_row(path)], fasta, settings)
    command = [
        *(sys.executable, str(ROOT / "scripts" / "prepare_tumours.py"), "--fasta", str(fasta)),
        *(
            "--tumours",
            str(tmp_path / "a" / "sheet.parquet"),
            "--preflight",
            str(tmp_path / "a" / "preflight.json"),
        ),
        *(
            "--pass-filters",
            "PASS",
            "wga",
            "--callable-megabases",
            "0.5",
            "--hypermutation-per-megabase",
            "3",
        ),
        *("--hypermutation-mads", "2", "--out", str(tmp_path / "b")),
    ]
    subprocess.run(command, check=True)
    for file in ("somatic.parquet", "tumours.parquet", "somatic_rejects.tsv", "somatic.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert by_hand.tumours["mutations_per_megabase"].tolist() == [2.0]
    path.unlink()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no such file" in done.stderr and "Traceback" not in done.stderr


def test_every_reason_and_status_is_explained():
    assert all(REASONS.values()) and all(KEY_STATUSES.values())
