"""One bad patient holds up nobody, no report mixes patients, and nobody else can read the files."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from endotype import digest
from endotype.errors import InputError, input_error
from endotype.reports import render, write
from endotype.reports.batches import batch_of
from endotype.reports.failure import (
    Failure,
    failed_report,
    merge_failures,
    reason_class,
    write_failures,
)
from endotype.reports.formats import FORMATS
from endotype.reports.identity import WrongPatientError, check_person
from endotype.reports.inputs import read_patients
from endotype.reports.overview import write_index
from endotype.reports.patient import validate_report
from endotype.reports.text import https_link
from endotype.tables import read_tsv
from tests.reports.conftest import Run
from tests.reports.test_forms import texts
from tests.reports.test_html import check_safe

ROOT = Path(__file__).parents[2]
SECRET = "glioblastoma of Ms Example"


def failures(run: Run, name: str) -> list[list[str]]:
    return read_tsv(run.results / "reports" / name).to_numpy().tolist()


@pytest.fixture
def one_bad_patient(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """P0003 can't be made: the fault's text holds clinical words."""
    make = write.patient_report

    def fail(record: Any, cohort: Any) -> Any:
        if record.patient == "P0003":
            raise KeyError(SECRET)
        return make(record, cohort)

    monkeypatch.setattr(write, "patient_report", fail)
    return run


def test_one_bad_patient_gets_a_report_that_says_so(one_bad_patient: Run) -> None:
    run = one_bad_patient
    patients = run.write()
    assert len(patients) == 60
    report = run.report("P0003")
    assert report["failure"] == {"step": "report", "reason": "a fault of the program (KeyError)"}
    page = check_safe(run.page("P0003"))
    assert "This report could not be made" in page.text and "nothing in it is negative" in page.text
    for text in (str(report), run.page("P0003")):
        assert SECRET not in text and "passed every" not in text
    assert "failure" not in run.report("P0004") and "could not be made" not in run.page("P0004")
    assert failures(run, "failures/write_0.tsv") == [["P0003", "report", "a fault of the program (KeyError)"]]
    assert failures(run, "failures/render_0.tsv") == []
    assert merge_failures(run.results, 1) == (1, 60)
    assert failures(run, "failures.tsv") == [["P0003", "report", "a fault of the program (KeyError)"]]
    write_index(run.results, run.config)
    assert "P0003" in (run.results / "reports/index.html").read_text(encoding="utf-8")


def test_a_failed_report_fits_the_schema_claims_nothing_and_has_every_form(written: Run) -> None:
    run = written.report("P0001")["run"]
    person = {"status": "included", "in_genotypes": True, "in_clinical": False, "sex": "female"}
    report = failed_report(Failure("P0001", "report", "a fault"), run, person)
    validate_report(report)
    check_person(report, "P0001")
    assert report["claims"] == []
    for name, chapter in report.items():
        if isinstance(chapter, dict) and "status" in chapter and name != "patient":
            assert chapter["status"] == "not_assessed", name
    assert {v for v in report["patient"].values() if isinstance(v, str)} == {
        "P0001",
        "included",
        "not assessed",
        "not recorded",
    }
    assert report["patient"]["in_genotypes"] and not report["patient"]["in_clinical"]
    for file, text in texts(report).items():
        # A phenopacket has no place for a reason.
        assert file.endswith(".tsv") or file == "phenopacket.json" or "a fault" in text, file
        assert "female" not in text and "no call" not in text, file


def test_one_form_that_fails_is_one_that_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    make = render.RENDERERS["claims.tsv"]

    def fail(report: Any) -> bytes:
        if report["patient"]["id"] == "P0005" and "failure" not in report:
            raise ValueError(SECRET)
        return make(report)

    monkeypatch.setitem(render.RENDERERS, "claims.tsv", fail)
    run.change_json(run.config, lambda v: v["reports"].update(formats=["tsv"]))
    run.write()
    assert failures(run, "failures/render_0.tsv") == [
        ["P0005", "claims.tsv", "a fault of the program (ValueError)"]
    ]
    assert len((run.results / "reports/P0005/claims.tsv").read_text().splitlines()) == 1
    assert len((run.results / "reports/P0001/claims.tsv").read_text().splitlines()) > 3
    assert "could not be made" not in run.page("P0005")


def test_a_run_without_any_report_stops(run: Run) -> None:
    rows = [Failure(f"P{i + 1:04d}", "report", "a fault") for i in range(60)]
    write_failures(run.results / "reports/failures/write_0.tsv", rows)
    write_failures(run.results / "reports/failures/render_0.tsv", [])
    with pytest.raises(InputError, match="no report could be made"):
        merge_failures(run.results, 1)


def test_reasons_hold_no_text_of_the_fault() -> None:
    for error in (
        ValueError(SECRET),
        WrongPatientError(SECRET),
        input_error(SECRET, SECRET, SECRET),
        OSError(SECRET),
    ):
        assert SECRET not in reason_class(error)


class TestNoReportMixesPatients:
    def test_the_report_of_somebody_else_is_not_rendered(self, run: Run) -> None:
        run.write()
        folder = run.results / "reports"
        (folder / "P0004/report.json").write_bytes((folder / "P0001/report.json").read_bytes())
        render.render_reports(run.results, run.config, 0, 1)
        assert failures(run, "failures/render_0.tsv") == [
            ["P0004", "report.html", "something in it belongs to another patient"]
        ]
        page = run.page("P0004")
        assert "This report could not be made" in page and "P0001" not in page and "GENEA" not in page

    def test_one_claim_of_somebody_else_is_noticed(self, written: Run) -> None:
        report, other = written.report("P0001"), written.report("P0005")
        check_person(report, "P0001")
        report["claims"].append(other["claims"][0])
        with pytest.raises(WrongPatientError, match="about another patient"):
            check_person(report, "P0001")

    def test_a_claim_that_does_not_say_about_whom_is_noticed(self, written: Run) -> None:
        report = written.report("P0001")
        report["claims"][0]["subject"] = ""
        with pytest.raises(WrongPatientError):
            check_person(report, "P0001")

    def test_a_chapter_that_names_somebody_else_is_noticed(self, written: Run) -> None:
        report = written.report("P0001")
        report["changes"] = {"patient": "P0002", "items": []}
        with pytest.raises(WrongPatientError, match=r"report\.changes\.patient"):
            check_person(report, "P0001")

    def test_relatives_are_other_people_on_purpose(self, written: Run) -> None:
        report = written.report("P0001")
        assert report["quality"]["relatives"][0]["patient"] == "P0008"
        check_person(report, "P0001")

    def test_a_row_of_somebody_else_makes_no_report(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def mixed(results: Any, cohort: Any, patients: Any) -> Any:
            records = read_patients(results, cohort, patients)
            records[0].targets[0]["patient"] = "P0002"
            return records

        monkeypatch.setattr(write, "read_patients", mixed)
        run.write()
        assert failures(run, "failures/write_0.tsv") == [
            ["P0001", "report", "something in it belongs to another patient"]
        ]
        assert run.report("P0001")["claims"] == []


def modes(folder: Path) -> set[tuple[bool, int]]:
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [folder, *folder.rglob("*")]}


def test_files_are_their_owners_by_default(run: Run) -> None:
    run.change_json(run.config, lambda v: v["reports"].update(formats=["tsv", "xlsx"]))
    (run.results / "reports/P0001").mkdir(parents=True)  # Snakemake makes the folders of its outputs
    (run.results / "reports/P0001").chmod(0o755)
    run.write()
    assert modes(run.results / "reports") == {(True, 0o700), (False, 0o600)}


def test_files_are_as_the_umask_says_when_the_configuration_says_so(run: Run) -> None:
    run.change_json(run.config, lambda v: v["reports"].update(private=False))
    shutil.rmtree(run.results / "reports")  # an earlier run closed it, and closed it stays
    run.write()
    assert modes(run.results / "reports") == {(True, 0o755), (False, 0o644)}


def test_batches_together_are_all_patients(run: Run) -> None:
    made = [write.write_reports(run.results, run.config, batch, 4) for batch in range(4)]
    rendered = [render.render_reports(run.results, run.config, batch, 4) for batch in range(4)]
    assert made == rendered and sorted(p for batch in made for p in batch) == sorted(
        f"P{i + 1:04d}" for i in range(60)
    )
    assert merge_failures(run.results, 4) == (0, 60)
    assert all(batch_of(patient, 4) == i for i, batch in enumerate(made) for patient in batch)


def test_patients_read_in_parts_are_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write.write_reports(run.results, run.config, 0, 1)
    whole = {p.parent.name: p.read_bytes() for p in run.results.glob("reports/*/report.json")}
    monkeypatch.setattr(write, "PATIENTS_AT_ONCE", 7)
    write.write_reports(run.results, run.config, 0, 1)
    assert whole == {p.parent.name: p.read_bytes() for p in run.results.glob("reports/*/report.json")}


def test_a_change_of_a_template_re_runs_rendering_only() -> None:
    templates = set((ROOT / "src/endotype/reports/templates").iterdir())
    behind = {
        name: digest._dependencies(ROOT / "scripts" / name)
        for name in ("write_reports.py", "render_reports.py")
    }
    assert templates <= behind["render_reports.py"]
    assert not templates & behind["write_reports.py"]
    assert (ROOT / "src/endotype/reports/findings.py") in behind["write_reports.py"]


def test_links_lead_to_known_hosts_only() -> None:
    for address in (
        "https://www.ncbi.nlm.nih.gov/clinvar/1/",
        "https://doi.org/10.1/x",
        "https://example.org/r",
    ):
        assert https_link(address) == address
    for address in (
        *(
            "https://evil.example/x",
            "https://ncbi.nlm.nih.gov.evil.com/",
            "https://notdoi.org/",
            "http://doi.org/",
        ),
        *("https://user@doi.org/", "javascript:alert(1)", "https://evil.com/?https://doi.org/"),
    ):
        assert https_link(address) is None


def test_every_form_is_listed_once() -> None:
    files = [file for part in FORMATS.values() for file in part]
    assert len(files) == len(set(files))


def test_nothing_of_a_patient_is_given_to_the_report_of_snakemake() -> None:
    """Its labels, captions and categories are written into scripts unescaped: no rule gives it any."""
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        assert not re.search(r"\breport\(|^\s*(report|caption|category):", path.read_text(), re.MULTILINE), (
            path
        )
