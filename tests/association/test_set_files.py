"""Reading the files that say which variants make a set."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association.set_files import (
    ALL,
    NO_ANNOTATION,
    NO_MASK,
    UNKNOWN_VARIANT,
    VariantIndex,
    VariantSets,
    read_regenie_sets,
    read_saige_groups,
    read_set_table,
)
from endotype.errors import InputError
from endotype.variants.plink import open_store
from tests.association.set_cases import ORACLES


@pytest.fixture
def index() -> VariantIndex:
    """Variants rs0 ... rs9 at 1:100 ... 1:1000, A to C; rs9 stands there twice."""
    ids = [*(f"rs{i}" for i in range(10)), "rs9"]
    frame = pd.DataFrame({"id": ids, "chrom": "chr1", "pos": [100 * (i + 1) for i in range(11)]})
    return VariantIndex(frame.assign(alt="C", ref="A"))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
    return path


def members(found: VariantSets) -> dict[tuple[str, str], list[int]]:
    return {(s.name, s.mask): s.rows.tolist() for s in found.sets}


def faults(error: pytest.ExceptionInfo[InputError]) -> list[tuple[int | None, str]]:
    return [(p.row, p.found) for p in error.value.problems]


class TestTable:
    def test_sets_and_weights(self, index: VariantIndex, tmp_path: Path) -> None:
        path = write(
            tmp_path, "s.tsv", "set\tvariant\tweight\nB\trs3\t2\nA\trs2\t1.5\nA\t1:200:A:C\t1\nA\tnew\t1\n"
        )
        found = read_set_table(path, index)
        assert members(found) == {("A", ALL): [1, 2], ("B", ALL): [3]}
        assert found.sets[0].weights.tolist() == [1, 1.5]
        assert found.sets[0].n_listed == 3
        assert found.dropped.to_dict("records") == [
            {"set": "A", "variant": "new", "line": 5, "reason": UNKNOWN_VARIANT}
        ]

    def test_order_of_lines_does_not_matter(self, index: VariantIndex, tmp_path: Path) -> None:
        rows = ["A\trs2\tm1\t3", "A\trs2\tm2\t4", "A\trs1\tm1\t5", "B\trs0\tm1\t6"]
        found = []
        for order in (rows, rows[::-1]):
            path = write(tmp_path, "s.tsv", "\n".join(["set\tvariant\tmask\tweight", *order]))
            found.append(read_set_table(path, index).sets)
        for a, b in zip(*found, strict=True):
            assert (a.name, a.mask, a.n_listed) == (b.name, b.mask, b.n_listed)
            np.testing.assert_array_equal(a.rows, b.rows)
            np.testing.assert_array_equal(a.weights, b.weights)
        assert [(s.name, s.mask) for s in found[0]] == [("A", "m1"), ("A", "m2"), ("B", "m1")]

    def test_every_fault_is_named_with_its_line(self, index: VariantIndex, tmp_path: Path) -> None:
        text = (
            "set\tvariant\tweight\nA\trs1\t1\nA\trs1\t1\nA\t\t1\nA\trs2\t-1\nA\trs3\tnan\nA\trs9\t1\n"
            "A\trs4\nA\u200b\trs5\t1\n"
        )
        with pytest.raises(InputError) as error:
            read_set_table(write(tmp_path, "s.tsv", text), index)
        found = dict(faults(error))
        assert sorted(found) == [3, 4, 5, 6, 7, 8, 9]
        assert "line 2" in found[3]
        assert found[4] == "an empty cell"
        assert "several variants" in found[7]
        assert "\\u200b" in found[9]

    def test_one_variant_under_two_names_is_there_twice(self, index: VariantIndex, tmp_path: Path) -> None:
        with pytest.raises(InputError) as error:
            read_set_table(write(tmp_path, "s.tsv", "set\tvariant\nA\trs1\nA\tchr1:200:C:A\n"), index)
        assert faults(error) == [(3, "'chr1:200:C:A' twice in set 'A'; it stands on line 2 too")]

    def test_a_file_of_other_genotypes_is_refused(self, index: VariantIndex, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="none of its 2 variants"):
            read_set_table(write(tmp_path, "s.tsv", "set\tvariant\nA\t7:1:A:C\nA\t7:2:A:C\n"), index)

    @pytest.mark.parametrize(
        "text", ["set\tvariant\n", "gene\tvariant\nA\trs1\n", "set\tset\tvariant\nA\tA\trs1\n"]
    )
    def test_no_rows_or_no_such_columns(self, index: VariantIndex, tmp_path: Path, text: str) -> None:
        with pytest.raises(InputError):
            read_set_table(write(tmp_path, "s.tsv", text), index)


class TestSaige:
    TEXT = (
        "G1 var 1:100:A:C 1:200:A:C 1:300:A:C 5:1:A:C\nG1 anno lof missense lof lof\n"
        "G2\tvar\t1:400:A:C\nG2\tanno\tsynonymous\n"
    )

    def test_masks_are_groups_of_annotations(self, index: VariantIndex, tmp_path: Path) -> None:
        path = write(tmp_path, "g.txt.gz", self.TEXT)
        found = read_saige_groups(path, index, {"lof": ["lof"], "coding": ["lof", "missense"]})
        assert members(found) == {("G1", "coding"): [0, 1, 2], ("G1", "lof"): [0, 2]}
        assert [s.n_listed for s in found.sets] == [4, 3]
        assert found.dropped["reason"].tolist() == [UNKNOWN_VARIANT, NO_MASK]
        assert members(read_saige_groups(path, index)) == {("G1", ALL): [0, 1, 2], ("G2", ALL): [3]}

    def test_weights_follow_their_variants(self, index: VariantIndex, tmp_path: Path) -> None:
        path = write(tmp_path, "g.txt", "G var 1:300:A:C 1:100:A:C\nG weight 0.3 0.1\n")
        found = read_saige_groups(path, index).sets[0]
        assert (found.rows.tolist(), found.weights.tolist()) == ([0, 2], [0.1, 0.3])

    def test_the_old_format(self, index: VariantIndex, tmp_path: Path) -> None:
        path = write(tmp_path, "g.txt", "G\tchr1:100_A/C\tchr1:300_A/C\n")
        assert members(read_saige_groups(path, index)) == {("G", ALL): [0, 2]}

    def test_every_fault_is_named_with_its_line(self, index: VariantIndex, tmp_path: Path) -> None:
        text = (
            "G1 var rs1 rs2 rs2\nG1 anno lof lof\nG1 var rs3\nG2 anno lof\nG3 var\n\n# comment\n"
            "G4 var rs4\nG4 weight zero\n"
        )
        with pytest.raises(InputError) as error:
            read_saige_groups(write(tmp_path, "g.txt", text), index)
        found = dict(faults(error))
        assert sorted(found) == [1, 2, 3, 4, 5, 9]
        assert "rs2' twice" in found[1]
        assert found[2] == "2 values of 'anno' for 'G1'"
        assert "line 1" in found[3]
        assert "no 'var' line" in found[4]

    def test_damaged_files(self, index: VariantIndex, tmp_path: Path) -> None:
        whole = gzip.compress(self.TEXT.encode())
        for name, content in (
            ("cut.gz", whole[:-12]),
            ("latin", b"G var rs\xe91"),
            ("empty", b""),
            ("null", b"G var rs1\0 rs2"),
        ):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(InputError):
                read_saige_groups(tmp_path / name, index)
        for path in (tmp_path, tmp_path / "none"):
            with pytest.raises(InputError):
                read_saige_groups(path, index)


class TestRegenie:
    def read(self, folder: Path, index: VariantIndex, anno: str, sets: str, masks: str) -> VariantSets:
        return read_regenie_sets(
            write(folder, "a", anno), write(folder, "s", sets), write(folder, "m", masks), index
        )

    def test_three_files_make_masks(self, index: VariantIndex, tmp_path: Path) -> None:
        found = self.read(
            tmp_path,
            index,
            "rs0 S LoF\nrs1 S domain missense\nrs2 S other\nrs4 T LoF\n",
            "S 1 100 rs3,rs2,rs1,rs0,unknown\nT 1 500 rs4\n",
            "M1 LoF\nM2 LoF,missense\n",
        )
        assert members(found) == {("S", "M1"): [0], ("S", "M2"): [0, 1], ("T", "M1"): [4], ("T", "M2"): [4]}
        assert dict(zip(found.dropped["variant"], found.dropped["reason"], strict=True)) == {
            "rs2": NO_MASK,
            "rs3": NO_ANNOTATION,
            "unknown": UNKNOWN_VARIANT,
        }

    def test_every_fault_is_named_with_its_line(self, index: VariantIndex, tmp_path: Path) -> None:
        with pytest.raises(InputError) as error:
            self.read(
                tmp_path,
                index,
                "rs0 S LoF\nrs0 S missense\nrs1\n",
                "S 1 100 rs0\nS 1 100 rs1\nT 1\n",
                "M1 LoF\nM1 missense\nM2\n",
            )
        found = [(Path(p.file).name, p.row) for p in error.value.problems]
        assert sorted(found) == [("a", 2), ("a", 3), ("m", 2), ("m", 3), ("s", 2), ("s", 3)]

    @pytest.mark.real
    @pytest.mark.skipif(not ORACLES.is_dir(), reason="the oracles are not at hand")
    def test_its_own_example(self) -> None:
        folder = ORACLES / "regenie_example"
        example = VariantIndex(open_store(folder / "example_3chr").variants)
        for version in ("", "V2"):
            found = read_regenie_sets(
                folder / f"example_3chr.annotations{version}",
                folder / "example_3chr.setlist",
                folder / "example_3chr.masks",
                example,
            )
            sizes = {key: len(rows) for key, rows in members(found).items()}
            assert sizes == {("SET1", "M1"): 26, ("SET1", "M2"): 40, ("SET2", "M1"): 21, ("SET2", "M2"): 30}
            assert set(found.dropped["variant"]) == {"rsidNull1", "rsidNull2", "rsidNull3"}

    @pytest.mark.real
    @pytest.mark.skipif(not ORACLES.is_dir(), reason="the oracles are not at hand")
    def test_saige_s_own_examples(self) -> None:
        folder = ORACLES / "saige" / "input"
        example = VariantIndex(open_store_of_saige(folder))
        for name in (
            "group_new_chrposa1a2",
            "group_new_chrposa1a2_withchr",
            "group_new_chrposa1a2_withWeights",
        ):
            found = read_saige_groups(folder / f"{name}.txt", example)
            assert {"GENE1", "GENE2"} <= {s.name for s in found.sets}
            assert len({row for s in found.sets for row in s.rows}) == 100
            assert (found.sets[0].weights is not None) == name.endswith("Weights")


def open_store_of_saige(folder: Path) -> pd.DataFrame:
    names = ["chrom", "id", "cm", "pos", "alt", "ref"]
    return pd.read_csv(
        folder / "genotype_100markers.bim", sep=r"\s+", names=names, dtype={"chrom": str, "id": str}
    )
