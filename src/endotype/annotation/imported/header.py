"""Which annotation fields a VCF has, who wrote them, and what the parts of an entry are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from endotype.variants.bcf import parse_header

_KINDS = (
    ("vep", re.compile(r"Ensembl VEP|Format:\s*'?Allele\|Consequence\|", re.I)),
    ("snpeff", re.compile(r"Functional annotations?:", re.I)),
    ("bcsq", re.compile(r"BCFtools/csq|Format:\s*'?\[?\*?\]?consequence\|gene\|transcript\|", re.I)),
)
_BCSQ_PARTS = ("consequence", "gene", "transcript", "biotype", "strand", "amino_acid_change", "dna_change")


@dataclass(frozen=True)
class Annotation:
    """One INFO field of consequences.

    Attributes:
        name: of the field, such as ``CSQ``.
        kind: ``vep``, ``snpeff`` or ``bcsq``, by its description; its name may be any.
        parts: names of the parts of an entry, in lower case.
        source: program and version as the header has them.
    """

    name: str
    kind: str
    parts: tuple[str, ...]
    source: str


def find_annotations(header: str) -> list[Annotation]:
    """The annotation fields that a VCF header declares, in its order."""
    found = []
    for name in parse_header(header).info:
        match = re.search(rf'##INFO=<ID={re.escape(name)},.*Description="((?:[^"\\]|\\.)*)"', header)
        description = match[1] if match else ""
        for kind, pattern in _KINDS:
            if pattern.search(description) and (parts := _parts(description, kind)):
                found.append(Annotation(name, kind, parts, _source(header, kind)))
                break
    return found


def _parts(description: str, kind: str) -> tuple[str, ...]:
    if kind == "snpeff":
        text = description.partition(":")[2].strip().strip("'")
    else:
        text = description.partition("Format:")[2].strip()
        if kind == "bcsq" and "[" in text:  # the optional parts are in brackets, and prose follows
            return _BCSQ_PARTS
    return tuple(part.strip().strip("'\"").casefold() for part in text.split("|")) if "|" in text else ()


def _source(header: str, kind: str) -> str:
    """Program and version; nothing else of these lines, which hold paths and dates."""
    patterns = {
        "vep": ("VEP", r'^##VEP="?([^"\s]+)'),
        "snpeff": ("SnpEff", r'^##SnpEffVersion="?([^"\s]+)'),
        "bcsq": ("bcftools csq", r"^##bcftools/csqVersion=(\S+)"),
    }
    program, pattern = patterns[kind]
    version = re.search(pattern, header, re.M)
    return f"{program} {version[1]}" if version else program
