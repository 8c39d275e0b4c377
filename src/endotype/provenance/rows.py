"""The rows and records that a claim names: in result files, in knowledge files, in files of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.annotation.knowledge.trace import trace
from endotype.bcftools import BcftoolsError, output
from endotype.errors import InputError
from endotype.files import read_json, sha256_file
from endotype.tables import read_parquet, read_text_table
from endotype.variants.plink import open_store

Row = dict[str, Any]

KEYS = {
    "variants/sample_qc.parquet": ("patient",),
    "variants/relatedness.parquet": ("patient_a", "patient_b"),
    "annotation/variants.parquet": ("variant_id",),
    "annotation/classification.parquet": ("variant_id", "gene_id"),
    "association/loci.parquet": ("trait", "kind", "id"),
    "subtypes/assignments.parquet": ("patient",),
    "targets/targets.parquet": ("patient", "gene", "intervention"),
}
"""Result file -> the columns whose values, with blanks between, are the key that a claim has."""

STORE = "variants/genotypes.bed"
FEATURES = "subtypes/features.parquet"

_PATIENT_COLUMNS = ("patient", "patient_id", "individual", "individual_id")
_ROW_OF = {"clinical_significance": "clinical_row", "population_frequency": "population_row"}
_MOST_CELLS = 9
"""Columns before the samples in a VCF, with FORMAT."""
_MARGIN = 50
"""Bases around a normalised position in which the record may begin that it is from."""


def result_rows(results: Path, file: str, key: str) -> list[Row]:
    """Rows of a result file by the key of a claim, null columns left out; empty when none is found."""
    path = results / file
    if file == STORE:
        return _genotype(path, key)
    if file == FEATURES:
        patient, _, feature = key.partition(" ")
        rows = pq.read_table(path, columns=["patient", feature], filters=[("patient", "==", patient)])
        return rows.to_pylist()
    columns = KEYS.get(file)
    if columns is None or not path.is_file():
        return []
    table = pq.read_table(path)
    rows = _matching(table, columns, key)
    if not rows and file == "variants/relatedness.parquet":
        rows = _matching(table, columns[::-1], key)
    return rows


def _matching(table: pa.Table, columns: tuple[str, ...], key: str) -> list[Row]:
    parts = [pc.fill_null(table[name].cast(pa.string()), "") for name in columns]
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, " ")
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in table.filter(pc.equal(joined, key)).to_pylist()
    ]


def _genotype(path: Path, key: str) -> list[Row]:
    """One call of the store: the copies of the alternate allele; null is a missing call."""
    variant, _, patient = key.rpartition(" ")
    store = open_store(path.with_suffix(""))
    rows = store.variants.index[store.variants["id"] == variant].tolist()
    people = store.people.index[store.people["iid"] == patient].tolist()
    if not rows or not people:
        return []
    copies = int(store.dosages(slice(rows[0], rows[0] + 1))[0, people[0]])
    return [
        {
            "variant": variant,
            "patient": patient,
            "bim_line": rows[0] + 1,
            "fam_line": people[0] + 1,
            "copies": None if copies < 0 else copies,
        }
    ]


def knowledge_record(
    results: Path, base: Path, evidence: Mapping[str, Any], claim: Mapping[str, Any], path: str | None
) -> Row | None:
    """What the store has of the record behind an item of evidence, and the record as the file has it.

    ``None`` where the record isn't one of the variant's own, or can't be found any more.
    """
    variant = next((i["key"] for i in claim["input"] if i["file"] == "annotation/variants.parquet"), None)
    summary = results / "annotation" / "knowledge.json"
    if variant is None or path is None or not summary.is_file():
        return None
    sources = read_json(summary)["sources"]
    source = next((n for n, s in sources.items() if s.get("sha256") == evidence["sha256"]), None)
    column = _ROW_OF.get(source or "", f"{source}__row")
    row = next(
        (r[column] for r in result_rows(results, "annotation/variants.parquet", variant) if column in r), None
    )
    if source is None or row is None:
        return None
    file = base / path
    try:
        found = trace(results / "annotation", source, int(row), [str(file)] if file.is_file() else [])
    except InputError:
        return None
    return {"source": source, "row": int(row), "stored": found["stored"], "record": found["record"]}


def file_record(results: Path, path: Path, name: str, wanted: Mapping[str, Any]) -> Row:
    """The records of one sample at a place of the user's variant file, as the file has them.

    A record may begin elsewhere than the normalised variant; all that begin near it are given. ``note`` says
    why where there are none.
    """
    row: Row = {"sample": wanted["key"], "records": [], "note": None}
    if not wanted.get("chrom"):
        return row | {"note": "the claim is about no place of this file"}
    if sha256_file(path) != wanted["sha256"]:
        return row | {"note": "the file has changed since the run"}
    chrom, index = _source(results, name, wanted["chrom"])
    target = f"{path}##idx##{index}" if index else str(path)
    begin = max(1, wanted["pos"] - _MARGIN)
    end = wanted["pos"] + max(len(wanted.get("ref") or ""), 1) + _MARGIN
    by = "-r" if index or any(Path(f"{path}{end_}").is_file() for end_ in (".tbi", ".csi")) else "-t"
    row["command"] = f"bcftools view -HI -s {wanted['key']} {by} {chrom}:{begin}-{end} {name}"
    try:
        text = output("view", "-HI", "-s", wanted["key"], by, f"{chrom}:{begin}-{end}", target)
    except BcftoolsError as error:
        return row | {"note": str(error).splitlines()[-1]}
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    exact = [
        cells for cells in lines if cells[1] == str(wanted["pos"]) and wanted["alt"] in cells[4].split(",")
    ]
    row["records"] = ["\t".join(cells[: _MOST_CELLS + 1]) for cells in (exact or lines)]
    if not lines:
        row["note"] = (
            "no record begins near the place: the call was made from a block or joined from elsewhere"
        )
    elif not exact:
        row["note"] = "records near the place; the variant was split or shifted to its normal form"
    return row


def _source(results: Path, name: str, chrom: str) -> tuple[str, str | None]:
    """The contig as the file calls it, and the index that the run made of the file."""
    files = results / "cohort" / "files.parquet"
    if files.is_file():
        table = read_parquet(files)
        for number, path in zip(table["file"], table["path"], strict=True):
            if path == name:
                renames = read_json(results / "cohort" / "preflight.json").get("contig_renames", {})
                own = {new: old for old, new in renames.get(name, {}).items()}
                folder = results / "variants" / "inputs" / str(number)
                index = next(
                    (str(p) for p in sorted(folder.glob("records.*")) if p.suffix in (".tbi", ".csi")), None
                )
                return own.get(chrom, chrom), index
    return chrom, None


def table_rows(path: Path, patient: str) -> list[Row]:
    """Rows of a table of the user's that are about a patient, with their lines; empty for other files."""
    if path.suffix.lower() not in (".tsv", ".csv", ".txt"):
        return []
    try:
        rows = read_text_table(path).rows
    except InputError:
        return []
    column = next((c for c in rows.columns if c.casefold() in _PATIENT_COLUMNS), None)
    if column is None:
        return []
    own = rows[rows[column].str.strip() == patient]
    return [
        {"line": int(str(line)), "cells": {k: v for k, v in zip(rows.columns, cells, strict=True) if v != ""}}
        for line, cells in zip(own.index, own.to_numpy().tolist(), strict=True)
    ]
