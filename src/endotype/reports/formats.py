"""The forms of a patient's report, by the words of the configuration, and the files of each."""

from __future__ import annotations

from collections.abc import Sequence

FORMATS: dict[str, tuple[str, ...]] = {
    "html": ("report.html",),
    "pdf": ("report.pdf",),
    "xlsx": ("report.xlsx",),
    "tsv": ("claims.tsv", "variants.tsv"),
    "fhir": ("report.fhir.json",),
    "phenopacket": ("phenopacket.json",),
}
"""Every form and its files, all rendered from ``report.json`` and from nothing else."""


def report_files(formats: Sequence[str]) -> list[str]:
    """The files of each patient; ``report.html``, which the cohort page links to, always."""
    return [file for name, files in FORMATS.items() if name == "html" or name in formats for file in files]
