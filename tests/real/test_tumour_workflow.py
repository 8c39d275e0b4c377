"""TCGA and AML cohorts, whose people have no germline calls, as configured in this folder."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from endotype.cohort.preflight import Preflight, preflight
from endotype.config import load_config
from tests.once import once
from tests.real.prepare import DEFAULT_DATA, MIN_SITE, prepare

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (DEFAULT_DATA / "MANIFEST.md").is_file(),
        reason="no real cohorts beside the repository (set ENDOTYPE_DATA to their folder)",
    ),
]


def checked(name: str, workdir: Path) -> Preflight:
    prepare(name, workdir)
    config = load_config(ROOT / "tests" / "real" / f"{name}.yaml")
    with contextlib.chdir(workdir):
        return preflight(config)


@pytest.mark.parametrize(
    ("name", "patients", "tumours", "label", "classes"),
    [
        ("lgg", 341, 347, "molecular_class", {"IDHmut-non-codel": 166, "IDHmut-codel": 113, "IDHwt": 62}),
        ("ucec", 248, 248, "molecular_class", {"CN low": 90, "MSI": 65, "CN high": 60, "POLE": 17}),
        ("laml", 140, 140, None, {}),
        pytest.param(
            *("brca", 977, 977, "pam50"),
            {"LumA": 495, "LumB": 192, "Basal": 171, "Her2": 76, "Normal": 33},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_tcga_cohort_is_sound(tmp_path, name, patients, tumours, label, classes):
    result = checked(name, tmp_path)
    people = result.people
    assert len(people) == patients and result.counts["tumours"] == tumours
    assert set(people["status"]) == {"included"} and set(people["sex"]) <= {"female", "male"}
    assert result.quarantine.empty and result.warnings == ()
    known = result.clinical[label].value_counts().to_dict() if label else {}
    assert known == classes
    assert result.clinical["site"].value_counts().min() >= MIN_SITE
    assert result.clinical["time"].notna().sum() >= 0.9 * patients


def test_two_tumours_of_a_patient_stay_with_one_patient(tmp_path):
    sheet = pd.DataFrame(checked("lgg", tmp_path).tumours)
    several = sheet.groupby("patient")["tumour"].nunique()
    assert (several > 1).sum() == 6 and (sheet["tumour"].str[:12] == sheet["patient"]).all()


def test_the_aml_trials_are_a_matrix_and_their_other_units_are_set_aside(tmp_path):
    prepare("aml", tmp_path)
    features = pd.read_csv(tmp_path / "features.tsv", sep="\t", index_col="patient")
    clinical = pd.read_csv(tmp_path / "clinical.tsv", sep="\t", index_col="patient")
    assert features.shape == (2113, 154) and set(features.to_numpy().ravel()) == {0, 1}
    assert features.index.equals(clinical.index) and features.index.is_unique
    assert clinical["princ_comp"].nunique() == 16 and clinical["died"].sum() == 1408
    assert clinical["eln"].value_counts().to_dict() == {"favorable": 864, "adverse": 788, "intermediate": 461}
    assert (clinical["hb"] > 25).sum() == 151  # in g/L
    assert features.columns[83] == "ZRSR2" and {"t(8;21)", "inv(16)", "-7"} <= set(features.columns)


@pytest.fixture(scope="module")
def lgg(tmp_path_factory) -> Path:
    def run(folder: Path) -> None:
        prepare("lgg", folder)
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"),
            *("--directory", str(folder), "--configfile", str(ROOT / "tests" / "real" / "lgg.yaml")),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-5000:]

    return once(tmp_path_factory, "lgg", run) / "results"


@pytest.mark.slow
@pytest.mark.long
class TestLowerGradeGlioma:
    """The whole workflow."""

    def test_every_patient_has_a_report_with_every_tumour(self, lgg):
        reports = [json.loads(p.read_text()) for p in sorted((lgg / "reports").glob("*/report.json"))]
        assert len(reports) == 341
        assert sum(report["patient"]["n_tumours"] for report in reports) == 347
        assert all(report["quality"]["status"] == "not_assessed" for report in reports)
        assert all("not a negative result" in report["key_findings"]["statement"] for report in reports)

    def test_idh_in_the_reports_is_the_published_status(self, lgg):
        """Published status: 279 mutant, 62 wild type; one mutant tumour has no hotspot in these calls."""
        published = pd.read_parquet(lgg / "cohort" / "clinical.parquet").set_index("patient")
        hotspot = {}
        for path in (lgg / "reports").glob("*/report.json"):
            report = json.loads(path.read_text())
            hotspot[report["patient"]["id"]] = any(
                m["gene"] in ("IDH1", "IDH2") and (m["protein_change"] or "")[:6] in ("p.R132", "p.R172")
                for tumour in report["tumours"]["items"]
                for m in tumour["mutations"]
            )
        mutant = published["molecular_class"] != "IDHwt"
        table = pd.crosstab(mutant, pd.Series(hotspot).reindex(mutant.index))
        assert table.loc[True, True] == 278 and table.loc[False].sum() == 62 and table.loc[False, False] == 62

    def test_survival_is_read_from_the_clinical_table(self, lgg):
        cohort = json.loads((lgg / "reports" / "cohort.json").read_text())
        (whole,) = cohort["subtypes"]["survival"]["survival"][:1]
        assert (whole["n"], whole["events"]) == (340, 82)
