"""Entries of VEP, SnpEff and bcftools csq as rows, each by the rules of its format.

VEP: https://www.ensembl.org/info/docs/tools/vep/vep_formats.html. SnpEff: Variant annotations in VCF format,
version 1.0 (Cingolani et al. 2015). csq: Danecek and McCarthy 2017, doi:10.1093/bioinformatics/btx100.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from endotype.annotation.imported.header import Annotation
from endotype.annotation.imported.table import Counts, Row, with_terms
from endotype.annotation.severity import SO_TERM

_ESCAPES = {"3A": ":", "3B": ";", "3D": "=", "25": "%", "2C": ","}
_STRANDS = {"1": "+", "-1": "-", "+": "+", "-": "-"}

TAKEN = {
    "vep": frozenset(
        [
            "allele",
            "consequence",
            "impact",
            "symbol",
            "gene",
            "feature_type",
            "feature",
            "biotype",
            "exon",
            "intron",
            "hgvsc",
            "hgvsp",
            "hgvsg",
            "cdna_position",
            "cds_position",
            "protein_position",
            "amino_acids",
            "codons",
            "allele_num",
            "strand",
            "canonical",
            "mane",
            "mane_select",
            "mane_plus_clinical",
            "ensp",
        ]
    ),
    "snpeff": frozenset(
        [
            "allele",
            "annotation",
            "annotation_impact",
            "gene_name",
            "gene_id",
            "feature_type",
            "feature_id",
            "transcript_biotype",
            "rank",
            "hgvs.c",
            "hgvs.p",
        ]
    ),
    "bcsq": frozenset(
        ["consequence", "gene", "transcript", "biotype", "strand", "amino_acid_change", "dna_change"]
    ),
}
"""Parts that have a column here; SnpEff's positions are taken as well (``_snpeff``)."""

Parts = Mapping[str, str]


def split_entries(value: str, n_parts: int, kind: str) -> list[list[str]]:
    """The entries of an INFO value as their parts.

    Entries are joined by commas, and some plugins write commas within a part: an entry with too few parts
    goes on behind the comma, and what has one part only belongs to the entry before. An entry of csq may
    leave out parts at its end.
    """
    entries: list[str] = []
    for piece in value.split(","):
        is_rest = "|" not in piece or (entries and entries[-1].count("|") < n_parts - 1)
        if kind != "bcsq" and entries and is_rest:
            entries[-1] += "," + piece
        else:
            entries.append(piece)
    return [entry.split("|") for entry in entries]


def row_maker(annotation: Annotation) -> Callable[[Parts, Counts], Row | str]:
    """The function that makes a row of the parts of an entry, or says why there is none."""
    return {"vep": _vep, "snpeff": _snpeff, "bcsq": _bcsq}[annotation.kind]


def as_text(value: str | None) -> str | None:
    """A part as text: nothing is ``None``; the escapes that VCF has are undone, no others."""
    if value is None or value in ("", "."):
        return None
    return re.sub("%(3A|3B|3D|25|2C)", lambda match: _ESCAPES[match[1].upper()], value, flags=re.I)


def first_number(value: str | None) -> int | None:
    """The first position of ``8586-8599/9231``; nothing for ``?-12``."""
    match = re.match(r"[0-9]{1,12}(?![0-9])", value or "")
    return int(match[0]) if match else None


def as_ordinal(value: str | None) -> str | None:
    """``3/8``, when it is that."""
    return value if value and re.fullmatch(r"[0-9]+(-[0-9]+)?/[0-9]+", value) else None


def _vep(parts: Parts, counts: Counts) -> Row | str:
    feature_type = parts.get("feature_type", "")
    if feature_type not in ("", "Transcript"):
        return "not_of_a_transcript"
    mane = "select" if as_text(parts.get("mane_select")) else None
    mane = mane or ("plus_clinical" if as_text(parts.get("mane_plus_clinical")) else None)
    mane = mane or {"MANE_Select": "select", "MANE_Plus_Clinical": "plus_clinical"}.get(parts.get("mane", ""))
    row: Row = {
        "gene": as_text(parts.get("symbol")) or as_text(parts.get("gene")),
        "gene_id": as_text(parts.get("gene")),
        "transcript": as_text(parts.get("feature")),
        "protein_id": as_text(parts.get("ensp")),
        "biotype": as_text(parts.get("biotype")),
        "strand": _STRANDS.get(parts.get("strand", "")),
        "mane": mane,
        "canonical": parts["canonical"] == "YES" if "canonical" in parts else None,
        "exon": as_ordinal(parts.get("exon")),
        "intron": as_ordinal(parts.get("intron")),
        "cdna_position": first_number(parts.get("cdna_position")),
        "cds_position": first_number(parts.get("cds_position")),
        "protein_position": first_number(parts.get("protein_position")),
        "amino_acids": as_text(parts.get("amino_acids")),
        "codons": as_text(parts.get("codons")),
        "hgvs_g": as_text(parts.get("hgvsg")),
        "hgvs_c": as_text(parts.get("hgvsc")),
        "hgvs_p": as_text(parts.get("hgvsp")),
        "source_impact": as_text(parts.get("impact")),
    }
    return with_terms(row, split_terms(parts.get("consequence", "")), counts)


def _snpeff(parts: Parts, counts: Counts) -> Row | str:
    feature_type = parts.get("feature_type", "")
    if feature_type not in ("", "transcript", "intergenic_region", "gene_variant"):
        return "not_of_a_transcript"
    terms = split_terms(parts.get("annotation", ""))
    by_number = {
        name.split(" ")[0].partition(".pos")[0]: value for name, value in parts.items() if ".pos" in name
    }
    rank = as_ordinal(parts.get("rank"))
    in_intron = any(t in ("intron_variant", "splice_donor_variant", "splice_acceptor_variant") for t in terms)
    between = feature_type == "intergenic_region"  # the genes named there are its neighbours
    row: Row = {
        "gene": None if between else as_text(parts.get("gene_name")),
        "gene_id": None if between else as_text(parts.get("gene_id")),
        "transcript": as_text(parts.get("feature_id")) if feature_type == "transcript" else None,
        "biotype": as_text(parts.get("transcript_biotype")),
        "exon": None if in_intron else rank,
        "intron": rank if in_intron else None,
        "cdna_position": first_number(by_number.get("cdna")),
        "cds_position": first_number(by_number.get("cds")),
        "protein_position": first_number(by_number.get("aa")),
        "hgvs_c": None if between else as_text(parts.get("hgvs.c")),
        "hgvs_p": as_text(parts.get("hgvs.p")),
        "source_impact": as_text(parts.get("annotation_impact")),
    }
    if as_text(parts.get("errors / warnings / info") or parts.get("errors/warnings/info")):
        counts.notes["snpeff_warning"] += 1
    return with_terms(row, terms, counts)


def _bcsq(parts: Parts, counts: Counts) -> Row | str:
    amino_acids, position = _protein_change(parts.get("amino_acid_change"))
    change = parts.get("dna_change") or ""
    row: Row = {
        "gene": as_text(parts.get("gene")),
        "transcript": as_text(parts.get("transcript")),
        "biotype": as_text(parts.get("biotype")),
        "strand": _STRANDS.get(parts.get("strand", "")),
        "protein_position": position,
        "amino_acids": amino_acids,
        "haplotype": change if "+" in change else None,
    }
    names = [name.removeprefix("*") for name in split_terms(parts.get("consequence", ""))]
    return with_terms(row, [SO_TERM.get(name, name) for name in names], counts)


def split_terms(value: str) -> list[str]:
    """The terms that ``&`` joins."""
    return [term for term in value.split("&") if term]


def _protein_change(value: str | None) -> tuple[str | None, int | None]:
    """``76G>76S`` as ``G/S`` and 76; ``60S`` as ``S`` and 60."""
    match = re.fullmatch(r"([0-9]{1,9})([A-Z*.]+)(?:>[0-9]{1,9}([A-Z*.]*))?", value or "")
    if not match:
        return None, None
    return match[2] if match[3] is None else f"{match[2]}/{match[3] or '-'}", int(match[1])
