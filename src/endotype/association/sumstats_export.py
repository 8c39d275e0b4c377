"""GWAS-SSF files of a run, or of any result, with the metadata that the results themselves hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from endotype.association.result_files import (
    kind_of,
    read_rows,
    require_result,
    statement_of,
    trait_of,
    traits_of,
)
from endotype.association.sumstats import StudyMetadata, write_gwas_ssf
from endotype.cohort.assembly import canonical_assembly
from endotype.config import read_yaml
from endotype.errors import InputError, Problem, input_error, nearest
from endotype.files import read_json, write_json

SEXES = ("M", "F", "combined", "NR")

META_KEYS: dict[str, tuple[type, str]] = {
    "trait": (str, "text"),
    "ancestry": (list, "a list of words"),
    "genotyping_technology": (list, "a list of words"),
    "sex": (str, "one of " + ", ".join(SEXES)),
    "covariates": (list, "a list of words"),
    "minor_allele_frequency_limit": (float, "a number"),
    "n": (int, "a whole number"),
    "n_cases": (int, "a whole number"),
    "n_controls": (int, "a whole number"),
    "statement": (str, "text"),
}
"""What a metadata file may say, in words of :class:`~endotype.association.sumstats.StudyMetadata`."""


def export_run(
    association: str | Path,
    dictionary: str | Path,
    out_dir: str | Path,
    settings: Mapping[str, Any],
    assembly: str,
) -> None:
    """Write ``{trait}.tsv.gz``, its metadata and ``{trait}.left_out.tsv`` of every trait of a run.

    ``export.json`` says of each trait how many rows came, were written and left out, or why there is no file.

    Args:
        association: the folder of the results.
        dictionary: ``cohort/dictionary.json``, for descriptions of traits.
        out_dir: a folder.
        settings: ``association.gwas_ssf`` of the configuration.
        assembly: ``reference.assembly``, where the settings name none.
    """
    folder, out = Path(association), Path(out_dir)
    described = read_json(dictionary)["columns"]
    listed: dict[str, Any] = {}
    for name, info in sorted(read_json(folder / "summary.json")["traits"].items()):
        if not info["assessed"]:
            listed[name] = {"file": None, "reason": info["reason"]}
            continue
        study = StudyMetadata(
            described.get(name, {}).get("description") or name.replace("_", " "),
            info["type"],
            catalog_assembly(settings["assembly"] or assembly),
            settings["date"],
            info["n"],
            info["n_cases"],
            info["n_controls"],
            tuple(info["covariates"]),
            tuple(settings["ancestry"]),
            tuple(settings["genotyping_technology"]),
            settings["sex"],
            statement=info["statement"],
        )
        counts = write_gwas_ssf(
            folder / f"{name}.parquet",
            name,
            out / f"{name}.tsv.gz",
            study,
            left_out=out / f"{name}.left_out.tsv",
        )
        listed[name] = {"file": f"{name}.tsv.gz", "rows": counts}
    write_json(out / "export.json", listed)


def export_result(
    result: str | Path,
    out: str | Path,
    *,
    assembly: str,
    date: str,
    trait: str | None = None,
    meta: str | Path | None = None,
    log_p: bool = True,
) -> dict[str, int]:
    """Write one trait of any result of ``associate.py``; rows without a place go to ``OUT.left_out.tsv``.

    What ``meta`` doesn't say is taken from the result: the largest number of people, cases and controls of
    any variant, the model by its tests, and the statement that the result carries.

    Args:
        result: Parquet.
        out: ``.tsv`` or ``.tsv.gz``.
        assembly: a name of the genome; synonyms of GRCh37 and GRCh38 are written as these.
        date: of the metadata, ``YYYY-MM-DD``.
        trait: needed where the result has several.
        meta: YAML with any of :data:`META_KEYS`.
        log_p: as in :func:`~endotype.association.sumstats.write_gwas_ssf`.

    Returns:
        Numbers of rows, as :func:`~endotype.association.sumstats.write_gwas_ssf`.

    Raises:
        InputError: no such trait, an unknown key, or a value of another type.
    """
    schema = require_result(result, ["chrom", "n", "test"])
    known = traits_of(result)
    if trait is None and len(known) != 1:
        raise input_error(
            "--trait", f"none, and {len(known)} traits in {result}", "one of " + ", ".join(known)
        )
    name = known[0] if trait is None else trait_of(result, trait)
    said = {} if meta is None else read_meta(meta)
    binary = [c for c in ("n_cases", "n_controls") if c in schema.names]
    largest = read_rows(result, name, ["n", *binary]).max()
    kind = kind_of(result, name)
    if kind != "linear":
        said = {c: int(largest[c]) for c in binary if largest[c] == largest[c]} | said
    study = StudyMetadata(
        said.get("trait", name),
        kind,
        catalog_assembly(assembly),
        date,
        said.get("n", 0 if largest["n"] != largest["n"] else int(largest["n"])),
        said.get("n_cases"),
        said.get("n_controls"),
        tuple(said.get("covariates", ())),
        tuple(said.get("ancestry", ())),
        tuple(said.get("genotyping_technology", ())),
        said.get("sex", "NR"),
        said.get("minor_allele_frequency_limit"),
        said.get("statement", statement_of(result, name)),
    )
    left_out = str(out).removesuffix(".gz").removesuffix(".tsv") + ".left_out.tsv"
    return write_gwas_ssf(result, name, out, study, left_out=left_out, log_p=log_p)


def catalog_assembly(name: str) -> str:
    """``GRCh37`` or ``GRCh38`` for one of their many names; any other name stays."""
    return canonical_assembly(name) or name


def read_meta(path: str | Path) -> dict[str, Any]:
    """Read a metadata file.

    Raises:
        InputError: with every problem of the file, each with its line.
    """
    document = read_yaml(path)
    if not isinstance(document.value, dict):
        raise input_error(path, "no mapping", "lines of KEY: VALUE with keys " + ", ".join(META_KEYS))
    problems, said = [], {}
    for key, value in document.value.items():
        line = document.lines.get((key,))
        if key not in META_KEYS:
            expected = "one of " + ", ".join(META_KEYS)
            problems.append(
                Problem(str(path), line, str(key), "an unknown key", expected, nearest(str(key), META_KEYS))
            )
            continue
        kind, expected = META_KEYS[key]
        good = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        good &= kind is not list or all(isinstance(word, str) for word in value)
        if not good or (key == "sex" and value not in SEXES):
            problems.append(Problem(str(path), line, str(key), repr(value), expected))
        said[key] = value
    if problems:
        raise InputError(problems)
    return said
