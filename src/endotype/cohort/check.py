"""The command ``check_inputs``: all checks, a summary for a person, and the tables for the workflow."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from endotype.cohort.preflight import Preflight, preflight, write_preflight
from endotype.config import complete, load_config
from endotype.errors import input_error


def check_inputs(
    config: str | Path | None = None,
    config_json: str | None = None,
    out: str | Path | None = None,
    directory: str | Path = ".",
    readers: Callable[[Mapping[str, Any]], Iterable[Callable[[], object]]] = lambda _: (),
) -> str:
    """Check the input of a run; return a summary as text.

    Args:
        config: configuration file, relative to the current folder.
        config_json: the configuration itself as JSON, instead of a file.
        out: folder for the tables of ``results/cohort/``, relative to ``directory``; ``None`` writes nothing.
        directory: working directory of the run, to which paths in the configuration are relative.
        readers: from the configuration to calls that read files of later stages, see :func:`preflight`.

    Raises:
        InputError: with every problem of every file; nothing is written then.
    """
    settings = _from_json(config_json or "") if config is None else load_config(config)
    if not Path(directory).is_dir():
        raise input_error(directory, "no such folder", "the working directory of the run")
    with contextlib.chdir(directory):
        result = preflight(settings, readers(settings))
        if out is not None:
            write_preflight(result, out)
    return summary(result)


def _from_json(text: str) -> dict[str, Any]:
    try:
        return complete(json.loads(text), "--config-json")
    except ValueError as error:
        raise input_error("--config-json", f"text that is not JSON ({error})", "a configuration") from None


def summary(result: Preflight) -> str:
    """What was found, as a page of text."""
    counts = result.counts
    length = sum(length for _, length in result.contigs)
    lines = [
        "The input is sound.",
        "",
        f"  people                {counts['people']:>9,}",
        f"    data + record       {counts['included']:>9,}   (genotypes or a tumour, and a clinical record)",
        f"    only genotyped      {counts['only_genotyped']:>9,}",
        f"    only clinical       {counts['only_clinical']:>9,}",
        f"    near misses         {counts['near_misses']:>9,}   (see reconciliation.tsv)",
        f"  variant files         {counts['variant_files']:>9,}",
        f"  contigs               {len(result.contigs):>9,}   ({length:,} bp)",
        f"  clinical rows         {counts['clinical_rows']:>9,}   = {counts['clinical_rows_kept']:,} kept "
        f"+ {counts['clinical_rows_quarantined']:,} set aside",
        f"  clinical cells aside  {counts['clinical_cells_quarantined']:>9,}   (see quarantine.tsv)",
    ]
    if counts["tumours"]:
        lines.append(f"  tumours               {counts['tumours']:>9,}")
    if result.not_assessed:
        lines += ["", "Not assessed:"] + [f"  {sentence}" for sentence in result.not_assessed.values()]
    if result.warnings:
        lines += ["", "Warnings:"] + [f"  {sentence}" for sentence in result.warnings]
    return "\n".join(lines)
