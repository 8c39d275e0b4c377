"""What reports say of single people from the sheets, one file for each batch of patients.

Consent, cells that were set aside and the files of a person's samples say nothing of anybody else. Kept by
batch, a change of one of them touches the reports of that batch and no others.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from endotype.files import read_json, write_json
from endotype.reports.batches import batch_of
from endotype.reports.private import own_folder, private_files
from endotype.reports.results import read_result
from endotype.reports.text import plain
from endotype.tables import read_text_table

Row = dict[str, Any]
FOLDER = "reports/records"


def write_records(results: str | Path, config: str | Path) -> list[int]:
    """Write ``reports/records/{batch}.json``: patient -> ``consent quarantined samples``.

    Args:
        results: the results folder, its ``cohort/`` and ``provenance/inputs.json`` written.
        config: the configuration with defaults filled in, as JSON. It names the clinical table, by whose
            lines set-aside cells are known.

    Returns:
        The batches that hold anybody.
    """
    results, settings = Path(results), read_json(config)
    batches, private = settings["reports"]["batches"], settings["reports"]["private"]
    consent = read_result(results / "cohort/consent.parquet").set_index("patient")
    quarantined = _quarantined(results, settings["inputs"]["clinical"])
    samples = _samples(results)
    found: dict[int, dict[str, Row]] = defaultdict(dict)
    for patient in read_result(results / "cohort/people.parquet", ["patient"])["patient"]:
        found[batch_of(patient, batches)][patient] = {
            "consent": plain(consent.loc[patient].to_dict()) if patient in consent.index else {},
            "quarantined": quarantined.get(patient, {}),
            "samples": samples.get(patient, []),
        }
    with private_files(private):
        own_folder(results / "reports", private)
        own_folder(results / FOLDER, private)
        for batch, records in found.items():
            write_json(results / FOLDER / f"{batch}.json", records)
    return sorted(found)


def read_records(results: Path, batch: int) -> dict[str, Row]:
    """The records of a batch by patient."""
    return dict(read_json(results / FOLDER / f"{batch}.json"))


def _quarantined(results: Path, clinical: str | Path) -> dict[str, dict[str, Row]]:
    """Patient -> column -> the cell that was set aside.

    The quarantine table names lines of the clinical file; its identifier column says whose lines they are.
    """
    cells = read_text_table(results / "cohort/quarantine.tsv").rows
    if cells.empty:
        return {}
    columns = read_json(results / "cohort/dictionary.json")["columns"]
    identifier = next(name for name, column in columns.items() if column["role"] == "identifier")
    owner = read_text_table(clinical).rows[identifier].str.strip().to_dict()
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for cell in map(plain, cells.to_dict("records")):
        patient = owner.get(int(cell["row"])) if cell["row"].isdigit() else None
        if patient is not None and cell["column"] in columns:
            found[patient][cell["column"]] = {"found": cell["found"], "expected": cell["expected"]}
    return dict(found)


def _samples(results: Path) -> dict[str, list[Row]]:
    """Patient -> germline samples: ``sample file sha256``, the file without its folder.

    The hash is there where one input alone has that name.
    """
    hashes: dict[str, set[str]] = defaultdict(set)
    for entry in read_json(results / "provenance/inputs.json"):
        hashes[Path(entry["path"]).name].add(entry["sha256"])
    found: dict[str, list[Row]] = defaultdict(list)
    rows = read_result(results / "cohort/samples.parquet", ["patient", "sample", "path"])
    for row in rows.to_dict("records"):
        name = Path(str(row["path"])).name
        sha256 = next(iter(hashes[name])) if len(hashes[name]) == 1 else None
        found[row["patient"]].append({"sample": plain(row["sample"]), "file": plain(name), "sha256": sha256})
    return dict(found)
