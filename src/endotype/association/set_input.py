"""Recognising in which of the formats of :mod:`~endotype.association.set_files` a file of sets is."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from endotype.association.set_files import (
    VariantIndex,
    VariantSets,
    read_regenie_sets,
    read_saige_groups,
    read_set_table,
)
from endotype.errors import input_error, visible

TABLE, SAIGE, REGENIE = "a table of sets", "a SAIGE-GENE group file", "a REGENIE set list"

_GZIP = b"\x1f\x8b"
_HEAD = 1 << 16
_REGENIE_FIELDS = 4


def read_sets(
    path: str | Path,
    index: VariantIndex,
    annotations: str | Path | None = None,
    masks: str | Path | None = None,
) -> VariantSets:
    """Read sets in any of the three formats.

    Args:
        path: a table with the columns ``set`` and ``variant``, a SAIGE-GENE group file, or REGENIE's set
            list.
        index: of the genotypes.
        annotations: REGENIE's annotation file, and
        masks: its mask definitions: both or neither, and only with its set list.

    Raises:
        InputError: files that don't go together, or what the format's reader refuses.
    """
    if (annotations is None) != (masks is None):
        given, lacking = ("masks", "annotations") if annotations is None else ("annotations", "masks")
        raise input_error(
            path, f"--set-{given} without --set-{lacking}", "both with REGENIE's set list, neither without"
        )
    found = recognise(path)
    if annotations is not None and masks is not None:
        if found in (TABLE, SAIGE):
            raise input_error(
                path, f"{found}, with annotations and masks beside it", f"{REGENIE}, or {found} alone"
            )
        return read_regenie_sets(annotations, path, masks, index)
    if found == REGENIE:
        raise input_error(path, f"{REGENIE} alone", "its --set-annotations and --set-masks too")
    return read_set_table(path, index) if found == TABLE else read_saige_groups(path, index)


def recognise(path: str | Path) -> str:
    """The format of a file by its first line: :data:`TABLE`, :data:`SAIGE` or :data:`REGENIE`.

    Raises:
        InputError: it can't be read, is empty, or is a packed table.
    """
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(_HEAD)
        packed = raw[:2] == _GZIP
        if packed:
            with gzip.open(path) as unpacked:
                raw = unpacked.read(_HEAD)
    except FileNotFoundError:
        raise input_error(path, "no such file", "a file of sets") from None
    except IsADirectoryError:
        raise input_error(path, "a folder", "a file of sets") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise input_error(path, "a damaged gzip file", "a whole one") from None
    lines = (line.strip() for line in raw.decode("utf-8-sig", "replace").splitlines())
    first = next((line for line in lines if line and not line.startswith("##")), None)
    if first is None:
        raise input_error(path, "an empty file", f"{TABLE}, {SAIGE}, or {REGENIE}")
    header = {cell.strip().lower() for cell in re.split(r"[\t,;]", first)}
    if header & {"set", "variant"}:
        if packed:
            raise input_error(path, "a packed table", "plain text")
        return TABLE
    fields = first.split()
    if {"set", "variant"} <= {field.lower() for field in fields}:
        raise input_error(path, f"the header {visible(first)}", "columns separated by tabs, commas or ;")
    regenie = len(fields) >= _REGENIE_FIELDS and fields[2].isdigit()
    return REGENIE if regenie and fields[1] not in ("var", "anno", "weight") else SAIGE
