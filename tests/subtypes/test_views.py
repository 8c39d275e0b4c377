"""Views of a patient: matrices as users have them, tumour mutations, and what can't be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.subtypes.views.matrix import check_matrix, matrix_view
from endotype.subtypes.views.polygenic import score_view
from endotype.subtypes.views.settings import check_views
from endotype.subtypes.views.tumour import burden_view, driver_view, log_burden
from endotype.tables import write_parquet
from endotype.variants.plink import GenotypeStore, pack

PATIENTS = pd.Index(["A", "B", "C", "D"], name="patient")


def values(view) -> dict[str, list]:
    return {
        f.name: (v.tolist() if v.dtype == object else np.nan_to_num(v, nan=-9).tolist())
        for f, v in zip(view.features, view.columns, strict=True)
    }


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "m.tsv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


class TestMatrix:
    def test_rows_are_matched_by_id_and_holes_stay(self, file):
        path = file("id\tg1\tg2\nB\t2\tNA\nA\t1\t5\nZ\t9\t9\n")
        view = matrix_view("m", path, PATIENTS)
        assert values(view) == {"m:g1": [1, 2, -9, -9], "m:g2": [5, -9, -9, -9]}
        assert view.notes == [
            "1 patients of the file are not in the cohort: 'Z'.",
            "2 patients of the cohort are not in the file.",
        ]

    def test_patients_may_be_columns_and_ids_stay_text(self, file):
        path = file("gene,001,1\nTP53,1,0\nIDH1,0,1\n", "m.csv")
        view = matrix_view("m", path, pd.Index(["1", "001"]), "binary", "patients_in_columns")
        assert values(view) == {"m:TP53": [0, 1], "m:IDH1": [1, 0]}

    def test_parquet_and_text_give_the_same(self, file, tmp_path):
        table = pd.DataFrame({"id": ["A", "B"], "x": [1.5, np.nan]})
        write_parquet(table, tmp_path / "m.parquet")
        text = matrix_view("m", file("id\tx\nA\t1.5\nB\t\n"), PATIENTS)
        assert values(matrix_view("m", tmp_path / "m.parquet", PATIENTS)) == values(text)

    def test_the_logarithm_and_the_most_variable(self, file):
        path = file("id\tflat\tx\ty\nA\t1\t0\t3\nB\t1\t1\t0\nC\t1\t3\t7\nD\t2\t7\t1\n")
        view = matrix_view("m", path, PATIENTS, log=True, top=2)
        assert values(view) == {"m:x": [0, 1, 2, 3], "m:y": [2, 0, 3, 1]}
        assert "1 features that vary least are left out" in view.notes[0]

    def test_categories_are_text(self, file):
        view = matrix_view("m", file("id\tstage\nA\tII\nB\tNA\nC\tI\n"), PATIENTS, "category")
        assert values(view) == {"m:stage": ["II", None, "I", None]}
        assert view.features[0].levels == ("I", "II")

    @pytest.mark.parametrize(
        ("text", "kind", "words"),
        [
            ("id\tx\nA\t1\nA\t2\n", "gaussian", "patients twice: 'A'"),
            ("id\tx\tx\nA\t1\t2\n", "gaussian", "the column twice"),
            ("id\tx\nA\t1\nB\thigh\n", "gaussian", "row 3, column 'x': found 'high'; expected a number"),
            ("id\tx\nA\tinf\n", "gaussian", "infinity"),
            ("id\tx\nA\t2\n", "binary", "expected 0 or 1"),
            ("id\tx\nA\t1.5\n", "count", "a whole number from 0"),
            ("id\tx\nA\t-1\n", "count", "a whole number from 0"),
            ("id\nA\n", "gaussian", "no values"),
            ("id\tx\nA\n", "gaussian", "1 cells"),
        ],
    )
    def test_faults_are_named(self, file, text, kind, words):
        with pytest.raises(InputError) as raised:
            matrix_view("m", file(text), PATIENTS, kind)
        assert words in str(raised.value)

    def test_a_logarithm_of_negative_numbers_is_refused(self, file):
        with pytest.raises(InputError, match="logarithm"):
            matrix_view("m", file("id\tx\nA\t-3\n"), PATIENTS, log=True)

    def test_duplicates_are_found_before_any_job(self, file):
        with pytest.raises(InputError, match="patients twice"):
            check_matrix(file("id\tx\nA\t1\nA\t2\n"))
        with pytest.raises(InputError, match="twice"):
            check_matrix(file("id\tA\tA\nx\t1\t2\n"), "patients_in_columns")
        with pytest.raises(InputError, match="no such file"):
            check_matrix("nowhere.tsv")


def test_polygenic_scores_whole_and_by_mechanism(file):
    dosages = np.array([[0, 1, 2, -1], [2, 0, 0, 1], [1, 1, 1, 1]], np.int8)
    bim = pd.DataFrame({"chrom": "1", "id": ["v0", "v1", "v2"], "pos": [10, 20, 30]})
    store = GenotypeStore(pack(dosages), bim.assign(ref="A", alt="G"), pd.DataFrame({"iid": list("ABCD")}))
    path = file(
        "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
        "1\t10\tG\tA\t1\n1\t20\tG\tA\t0.5\n1\t30\tA\tG\t2\n",
        "risk.txt",
    )
    annotation = pd.DataFrame({"variant_id": ["v0", "v2"], "gene": ["L", "L"]})
    genes = pd.DataFrame({"gene": ["L"], "mechanism": ["lipid"]})
    arguments = (store, annotation, genes, pd.Index([*"ABCE"]), {"C"}, None)
    view = score_view("s", [path], *arguments, by_mechanism=True)
    assert values(view) == {"s:risk": [3, 3, -9, -9], "s:risk:lipid": [2, 3, -9, -9]}
    assert "3 rows in the cohort, 100% of its file" in view.features[0].source
    poor = file(path.read_text() + "2\t5\tG\tA\t9\n2\t6\tG\tA\t9\n", "poor.txt")
    view = score_view("s", [poor], *arguments)
    assert not view.features and "s:poor" in view.left_out


def tumours_of(patients: list[str]) -> pd.DataFrame:
    table = pd.DataFrame({"patient": patients})
    table["tumour"] = [f"{p}-{i:02d}" for i, p in enumerate(patients)]
    return table.assign(n_snv=range(len(patients)), n_indel=1, n_mutations=9)


def mutations(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["patient", "gene", "classification", "protein_change", "status"])
    return table.assign(tumour=table["patient"])


class TestDrivers:
    def simulated(self):
        """A hot spot, a truncated gene, a long gene with passengers, and many other genes."""
        rng = np.random.default_rng(0)
        people = [f"P{i}" for i in range(200)]
        rows = [(p, "HOT", "Missense_Mutation", "p.R132H", "somatic") for p in people[:30]]
        rows += [(p, "CUT", "Frame_Shift_Del", "p.A5fs", "somatic") for p in people[20:50]]
        for p in people:
            for gene in ["LONG", *rng.choice([f"G{i}" for i in range(60)], 20, replace=False)]:
                kind = rng.choice(["Silent", "Missense_Mutation", "Nonsense_Mutation"], p=[0.3, 0.65, 0.05])
                rows.append((p, gene, kind, f"p.A{rng.integers(1, 9999)}T", "somatic"))
        return people, mutations(*rows)

    def test_drivers_are_told_from_long_genes(self):
        people, somatic = self.simulated()
        view = driver_view("drivers", somatic, tumours_of(people), pd.Index(people), 5)
        found = {f.name: f.source for f in view.features}
        assert set(found) == {"drivers:HOT", "drivers:CUT"}
        assert "30 patients share codon R132" in found["drivers:HOT"]
        assert "cut it short" in found["drivers:CUT"] or "change the protein" in found["drivers:CUT"]

    def test_zero_needs_a_tumour_and_other_calls_do_not_count(self):
        rows = [(p, "G", "Missense_Mutation", "p.A1T", "somatic") for p in "AB"]
        rows += [("C", "G", "Silent", "", "somatic"), ("C", "G", "Missense_Mutation", "p.A1T", "filtered")]
        rows += [("B", "G", "Missense_Mutation", "p.A2T", "germline")]
        view = driver_view("d", mutations(*rows), tumours_of(["A", "B", "C"]), PATIENTS, 2, ["G", "H"])
        assert values(view) == {"d:G": [1, 1, 0, -9]}
        assert view.left_out == {"d:H": "altered in 0 patients"}

    def test_calls_without_genes_are_not_assessed(self):
        view = driver_view("d", mutations(("A", "", "", "", "somatic")), tumours_of(["A"]), PATIENTS, 2)
        assert not view.features and "no gene was assessed" in view.notes[0]

    def test_the_first_of_two_tumours_gives_the_burden(self):
        tumours = tumours_of(["B", "A", "B"])
        assert values(burden_view("b", tumours, PATIENTS)) == {
            "b:n_snv": [1, 0, -9, -9],
            "b:n_indel": [1, 1, -9, -9],
        }
        np.testing.assert_allclose(log_burden(tumours, PATIENTS), [1, 1, np.nan, np.nan])


@pytest.mark.parametrize(
    ("views", "tumours", "words"),
    [
        ([{"source": "clinical"}, {"source": "clinical"}], False, "2 views of this name"),
        ([{"source": "clinical", "top": 3}], False, "top, which a view of clinical has not"),
        ([{"source": "matrix"}], False, "no path"),
        ([{"source": "matrix", "path": ["a", "b"]}], False, "several files"),
        ([{"source": "matrix", "path": "a", "kind": "binary", "log": True}], False, "log or components"),
        ([{"source": "tumour"}], False, "no inputs.tumours"),
        ([{"source": "carriers", "kind": "gaussian"}], False, "binary or count"),
    ],
)
def test_faults_of_views_are_told_before_any_job(views, tumours, words):
    with pytest.raises(InputError) as raised:
        check_views(views, tumours)
    assert words in str(raised.value)
