"""The classification as a step of a run: settings from a file, established alleles from the store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from endotype.annotation.acmg.classify import classify_variants
from endotype.annotation.acmg.clinical import describe_known
from endotype.annotation.acmg.settings import Settings, read_settings
from endotype.errors import input_error


def classify(
    variants: str | Path,
    out: str | Path,
    *,
    settings: str | Path | None = None,
    trait: str | None = None,
    knowledge: str | Path | None = None,
    genes: str | Path | None = None,
    fasta: str | Path | None = None,
    **tables: str | Path | None,
) -> dict[str, Any]:
    """:func:`classify_variants`, with settings from a JSON file and the knowledge store's pathogenic alleles.

    Args:
        settings: a JSON object of settings, or a file that holds it; the defaults where null.
        trait: takes the place of the settings' ``ps4_trait``.
        tables: the other arguments of :func:`classify_variants`.

    Raises:
        InputError: as there; settings that are no JSON object; an association result without a trait.
    """
    chosen = _read_settings(settings)
    if trait is not None:
        chosen = replace(chosen, ps4_trait=trait)
    if tables.get("association") is not None and chosen.ps4_trait is None:
        raise input_error(
            tables["association"], "no trait named for it", "the trait that is the genes' disease"
        )
    known = None
    if knowledge is not None and genes is not None and fasta is not None:
        known = describe_known(knowledge, fasta, genes, chosen.known_min_stars)
    return classify_variants(
        variants,
        out,
        settings=chosen,
        knowledge=knowledge,
        genes=genes,
        fasta=fasta,
        known=known,
        **tables,
    )


def _read_settings(path: str | Path | None) -> Settings:
    if path is None:
        return Settings()
    try:
        itself = isinstance(path, str) and path.lstrip().startswith("{")
        values = json.loads(str(path) if itself else Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise input_error(path, "no such file", "a JSON file of settings") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise input_error(path, f"no JSON ({error})", "a JSON object of settings") from None
    if not isinstance(values, dict):
        raise input_error(path, f"a JSON {type(values).__name__}", "a JSON object of settings")
    return read_settings(values)
