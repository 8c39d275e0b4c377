"""What a change re-runs: all that depends on it, by content, and nothing else."""

from __future__ import annotations

import re
import shutil

import pytest

from endotype.files import read_json, write_json
from endotype.reports.batches import batch_of
from endotype.tables import read_text_table
from tests.workflow.conftest import Run

pytestmark = pytest.mark.slow

AFTER_ANY_SHEET = {"write_qc_page", "write_index", "write_manifest", "write_record"}
"""Steps that name the input files with their hashes; ``list_failures`` follows a batch."""


def copy_of(finished: Run, folder) -> Run:
    """The finished run with its times, to be changed."""
    shutil.copytree(finished.workdir, folder)
    return Run(folder, folder / "cohort")


def jobs(run: Run) -> set[str]:
    done = run("--dry-run", "--quiet", "host")
    assert done.returncode == 0, done.stderr[-3000:]
    return set(re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.MULTILINE)) - {"all"}


def _edit(run: Run, row: int, column: str, value: str) -> str:
    """Give a cell of the clinical table another text; return the patient of the row."""
    path = run.workdir / "cohort/clinical.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    place = lines[0].index(column)
    assert lines[row - 1][place] != value
    lines[row - 1][place] = value
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return lines[row - 1][lines[0].index("patient")]


def test_a_note_touches_no_report_and_a_cell_of_one_person_one_batch(finished, tmp_path):
    run = copy_of(finished, tmp_path / "run")
    _edit(run, 5, "notes", "called back")
    run.complete("sheets")
    assert jobs(run) == AFTER_ANY_SHEET
    # A cell that was set aside and still is: nothing that is computed sees it, the report quotes it.
    cell = read_text_table(run.results / "cohort/quarantine.tsv").rows.iloc[0]
    patient = _edit(run, int(cell["row"]), cell["column"], cell["found"] + "?")
    run.complete("sheets")
    batch = batch_of(patient, run.config["reports"]["batches"])
    own = {f"write_reports_{batch}", f"render_reports_{batch}", "list_failures"}
    assert jobs(run) == AFTER_ANY_SHEET | own


def test_a_value_of_the_statistics_touches_what_they_enter(finished, tmp_path):
    run = copy_of(finished, tmp_path / "run")
    _edit(run, 3, "marker_1", "0.123")
    run.complete("sheets")
    planned = jobs(run)
    assert {"build_features", "discover_subtypes", "assign_subtypes", "write_index"} <= planned
    assert not planned & {"normalise_variants", "pack_genotypes", "annotate_variants", "predict_effects"}


def test_the_code_of_a_stage_touches_it_and_what_follows(finished, tmp_path):
    """The digest that a finished step was made with is another one than that of today's code."""
    run = copy_of(finished, tmp_path / "run")
    digests = []
    for path in (run.workdir / ".snakemake/metadata").rglob("*"):
        if path.is_file():
            record = read_json(path)
            if record.get("rule") == "rank_targets":
                digests.append(path)
                params = [
                    p if "code" not in p and len(p) != 18 else "'0000000000000000'" for p in record["params"]
                ]
                write_json(path, record | {"params": params})
    assert digests
    planned = jobs(run)
    assert "rank_targets" in planned and "write_index" in planned
    assert not planned & {"discover_subtypes", "associate", "annotate_variants", "build_features"}


@pytest.mark.long
def test_a_new_patient_gives_what_a_run_from_nothing_gives(tmp_path, small_cohort):
    """One patient of the sheets came later; what was done before her stays where nothing depends on her."""
    late = "P0007"
    run = Run(tmp_path / "grown", small_cohort)
    held = {}
    for name in ("samples.tsv", "clinical.tsv"):
        path = run.workdir / "cohort" / name
        held[path] = path.read_text()
        path.write_text("".join(line for line in held[path].splitlines(keepends=True) if late not in line))
    run.complete(cores=2)
    for path, text in held.items():
        path.write_text(text)
    run.complete("sheets")
    planned = jobs(run)
    assert "check_inputs" not in planned and {"merge_genotypes", "discover_subtypes"} <= planned
    run.complete(cores=2)
    assert run.manifest == Run(tmp_path / "fresh", small_cohort).complete(cores=2).manifest
