"""From a row of the store back to the record of the file that it is from, and to the file's hash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from endotype.annotation.knowledge.records import SOURCE_ROW, RecordFile, open_records, open_vcf
from endotype.errors import input_error, nearest, visible
from endotype.files import read_json, sha256_file

_ENTRY = ("file", "sha256", "size", "version", "date", "licence", "assembly", "kind", "table")


def trace(knowledge: str | Path, source: str, row: int, files: Sequence[str | Path] = ()) -> dict[str, Any]:
    """What the store has from record ``row`` of a source, the file it is from, and the record itself.

    Args:
        knowledge: the folder of :func:`endotype.annotation.knowledge.build_knowledge`.
        source: name of the source, as in ``knowledge.json``.
        row: the record's number, as ``*_row`` and ``source_row`` columns have it.
        files: the source's files, if they are at hand: their sha256 is compared with the recorded one, and
            the record is read from them.

    Returns:
        ``source`` and what ``knowledge.json`` says of it, ``file_of_record`` (name, sha256, and the number
        that the record has in it), ``stored`` (rows of the store, null columns left out) and ``record``
        (the record as the file has it; ``None`` without files).

    Raises:
        InputError: no such source or record, or a file that isn't the one that the store was built from.
    """
    folder = Path(knowledge)
    path = folder / "knowledge.json"
    if not path.is_file():
        raise input_error(path, "no such file", "a folder that build_knowledge.py wrote")
    entries = read_json(path)["sources"]
    loaded = [name for name, entry in entries.items() if entry["status"] == "loaded" and "table" in entry]
    if source not in loaded:
        suggestion = nearest(source, loaded)
        raise input_error(path, f"no source {visible(source)}", f"one of {', '.join(loaded)}", suggestion)
    entry = entries[source]
    described = entry.get("files") or [entry | {"records": entry["genes_in_table"]}]
    at, number = _file_of(described, row)
    if at is None:
        total = sum(f["records"] for f in described)
        raise input_error(path, f"record {row} of {source}", f"a record from 1 to {total}")
    table = folder / entry["table"]
    key = "table_row" if source == "genes" else SOURCE_ROW
    stored = ds.dataset(table).to_table(filter=pc.field(key) == row).to_pylist()
    record = None
    if files:
        record = _record(source, entry, described, [str(f) for f in files], at, number)
    return {
        "source": source,
        **{name: entry.get(name) for name in _ENTRY},
        "file_of_record": {
            "file": described[at]["file"],
            "sha256": described[at]["sha256"],
            "record": number,
        },
        "stored": [{k: v for k, v in r.items() if v is not None} for r in stored],
        "record": record,
    }


def _file_of(described: Sequence[dict[str, Any]], row: int) -> tuple[int | None, int]:
    """Which file record ``row`` is in, and its number there; the first record of all is 1."""
    before = 0
    for at, file in enumerate(described):
        if before < row <= before + file["records"]:
            return at, row - before
        before += file["records"]
    return None, 0


def _record(
    source: str,
    entry: dict[str, Any],
    described: Sequence[dict[str, Any]],
    files: Sequence[str],
    at: int,
    number: int,
) -> str:
    """The record as its file has it, after comparing the file's sha256."""
    wanted = described[at]
    by_name = {Path(f).name: f for f in files}
    path = by_name.get(wanted["file"], files[0] if len(files) == 1 else "")
    if not path or not Path(path).is_file():
        raise input_error(path or files[0], "no such file", f"the file {wanted['file']}")
    found = sha256_file(path)
    if found != wanted["sha256"]:
        raise input_error(
            path,
            f"sha256 {found}",
            f"sha256 {wanted['sha256']}, that of {wanted['file']} when the store was built",
        )
    record = _open_again(source, entry, path).record(number)
    if record is None:
        raise input_error(path, f"fewer than {number} records", f"{wanted['records']} records")
    return record


def _open_again(source: str, entry: dict[str, Any], path: str) -> RecordFile:
    """The file opened as it was when the store was built."""
    if entry["kind"] == "genes":
        return open_records(path, lambda cells: "gene" in cells, "a gene table")
    form = next(f["form"] for f in entry["files"] if f["sha256"] == sha256_file(path))
    if form["form"] == "vcf":
        return open_vcf(path)
    return RecordFile(
        path,
        form["form"],
        (),
        header_line=form["header_line"],
        delimiter=form["delimiter"],
        quoted=form["quoted"],
    )
