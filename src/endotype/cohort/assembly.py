"""Human genome assemblies: what they are called, how long their contigs are, where X and Y pair.

Assemblies other than GRCh37 and GRCh38 are legal everywhere; nothing is then known of them beyond what
the reference FASTA says, and every function here answers ``None`` or an empty tuple.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

RESOURCES = Path(__file__).parents[3] / "resources"

_SYNONYMS = {
    "grch37": "GRCh37", "hg19": "GRCh37", "b37": "GRCh37", "hs37": "GRCh37", "hs37d5": "GRCh37",
    "g1k_v37": "GRCh37", "homo_sapiens_assembly19": "GRCh37",
    "grch38": "GRCh38", "hg38": "GRCh38", "b38": "GRCh38", "hs38": "GRCh38", "hs38dh": "GRCh38",
    "homo_sapiens_assembly38": "GRCh38",
}  # fmt: skip


class Region(NamedTuple):
    """A stretch of a chromosome, 1-based and inclusive; ``chrom`` is bare (``X``, not ``chrX``)."""

    chrom: str
    start: int
    end: int


class Accession(NamedTuple):
    """What a RefSeq or GenBank accession stands for; ``assembly`` as in the resource table."""

    assembly: str
    chrom: str


RCRS_LENGTH, HG19_MT_LENGTH = 16_569, 16_571
"""Two human mitochondria: the revised Cambridge Reference Sequence (NC_012920) of GRCh37 and GRCh38, and the
older NC_001807 that UCSC's hg19 calls ``chrM``. Positions of one mean other bases in the other."""


def bare_name(contig: str) -> str:
    """The chromosome that a contig's name means, by the names of GRCh37 and GRCh38: ``chr1`` -> ``1``.

    Leaves out ``chr`` or ``chromosome``, says ``MT`` for the mitochondrion (``chrM``) and knows the RefSeq
    and GenBank accessions (``NC_000001.11``, ``CM000663.2`` -> ``1``) of both. Other names stay.
    """
    if contig in accessions():
        return accessions()[contig].chrom
    bare = contig
    for prefix in ("chromosome", "chr"):
        if contig[: len(prefix)].casefold() == prefix and len(contig) > len(prefix):
            bare = contig[len(prefix) :]
            break
    return "MT" if bare.upper() in ("M", "MT") else bare


def match_contigs(wanted: Iterable[str], available: Iterable[str]) -> dict[str, str]:
    """For each wanted contig the one of that name, else the only one equal but for ``chr`` and ``M``/``MT``.

    Contigs without a counterpart are left out: ``match_contigs(["chr1", "chrUn_1"], ["1", "2"])`` is
    ``{"chr1": "1"}``.
    """
    available = list(dict.fromkeys(available))
    by_bare: dict[str, list[str]] = {}
    for name in available:
        by_bare.setdefault(bare_name(name), []).append(name)
    matched = {}
    for name in wanted:
        alike = by_bare.get(bare_name(name), [])
        if name in alike:
            matched[name] = name
        elif len(alike) == 1:
            matched[name] = alike[0]
    return matched


@cache
def accessions() -> Mapping[str, Accession]:
    """RefSeq and GenBank accessions of the primary contigs; the rCRS has that of GRCh38."""
    return {
        row[source]: Accession(row["assembly"], row["chrom"])
        for row in _resource("contig_names.tsv")
        for source in ("refseq", "genbank")
        if row[source]
    }


def assembly_of_accessions(contigs: Iterable[str]) -> str | None:
    """The assembly that all accessions among the names belong to; ``None`` without any, or with several.

    The mitochondrion says nothing, as in :func:`guess_assembly`.
    """
    known = (accessions().get(name) for name in contigs)
    assemblies = {accession.assembly for accession in known if accession and accession.chrom != "MT"}
    return assemblies.pop() if len(assemblies) == 1 else None


def sex_chromosome(contig: str) -> str | None:
    """``X``, ``Y`` or ``MT`` when the contig is one of these, with or without ``chr``; else ``None``."""
    bare = bare_name(contig).upper()
    return bare if bare in ("X", "Y", "MT") else None


def canonical_assembly(name: str) -> str | None:
    """``GRCh37`` or ``GRCh38`` for one of their many names (``hg19``, ``b37``, ``GRCh38.p14`` ...)."""
    word = name.strip().casefold()
    return _SYNONYMS.get(word) or next(
        (known for synonym, known in _SYNONYMS.items() if word.startswith(synonym) and len(synonym) >= 4),
        None,
    )


@cache
def contig_lengths(assembly: str) -> Mapping[str, int]:
    """Lengths in bp of the primary contigs by bare name; empty for an assembly that is not known."""
    known = canonical_assembly(assembly)
    return {
        row["chrom"]: int(row["length"])
        for row in _resource("contig_lengths.tsv")
        if row["assembly"] == known
    }


@cache
def par_regions(assembly: str) -> tuple[Region, ...]:
    """Pseudoautosomal regions of X and Y; empty for an assembly that is not known."""
    known = canonical_assembly(assembly)
    return tuple(
        Region(row["chrom"], int(row["start"]), int(row["end"]))
        for row in _resource("par.tsv")
        if row["assembly"] == known
    )


@cache
def long_range_ld(assembly: str) -> tuple[Region, ...]:
    """Autosomal regions whose variants are correlated over megabases; empty for an unknown assembly."""
    known = canonical_assembly(assembly)
    return tuple(
        Region(row["chrom"], int(row["start"]), int(row["end"]))
        for row in _resource("long_range_ld.tsv")
        if row["assembly"] == known
    )


def guess_assembly(lengths: Mapping[str, int | None]) -> str | None:
    """The assembly whose contig lengths agree with ``lengths``, or ``None``.

    The mitochondrion says nothing: it is the same in both. A single agreeing nuclear contig is enough,
    because no chromosome has the same length in GRCh37 and GRCh38; a tie is no answer.
    """
    agreeing = {
        assembly: sum(
            length is not None and contig_lengths(assembly).get(bare) == length
            for contig, length in lengths.items()
            if (bare := bare_name(contig)) != "MT"
        )
        for assembly in ("GRCh37", "GRCh38")
    }
    first, second = sorted(agreeing, key=lambda a: (-agreeing[a], a))
    return first if agreeing[first] > agreeing[second] else None


@cache
def _resource(name: str) -> tuple[dict[str, str], ...]:
    with (RESOURCES / name).open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream, delimiter="\t"))
