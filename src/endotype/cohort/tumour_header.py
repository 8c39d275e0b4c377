"""The header of a tumour VCF: which caller wrote it, and which columns are the tumour and its normal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pysam

from endotype.cohort.compression import DAMAGED, compression_of, damaged, open_stream

CALLERS = {
    "mutect2": frozenset({"AD"}),
    "strelka2": frozenset(),  # AU CU GU TU of SNVs, or TAR TIR of indels
    "varscan2": frozenset({"RD", "AD"}),
    "pcgr": frozenset(),  # FORMAT DPT and ADT, or INFO TDP and TVAF
    "generic": frozenset(),
}
"""Callers whose read counts are understood -> FORMAT keys they always write."""

_STRELKA_SNV = frozenset({"AU", "CU", "GU", "TU"})
_STRELKA_INDEL = frozenset({"TAR", "TIR"})


@dataclass(frozen=True)
class TumourHeader:
    """What the header of a tumour VCF says.

    Attributes:
        samples: names of the sample columns.
        formats: FORMAT keys.
        infos: INFO keys.
        tumour: the tumour's name by ``##tumor_sample`` (Mutect2), or empty.
        normal: likewise the normal's.
        caller: a key of :data:`CALLERS`, by ``##source`` and FORMAT keys.
    """

    samples: tuple[str, ...]
    formats: frozenset[str]
    infos: frozenset[str]
    tumour: str
    normal: str
    caller: str


def read_tumour_header(path: str) -> TumourHeader:
    """Read the header of a VCF or BCF that :func:`endotype.cohort.variant_file.inspect` found sound."""
    samples: tuple[str, ...] = ()
    keys: dict[str, set[str]] = {"FORMAT": set(), "INFO": set()}
    named = {"tumor_sample": "", "normal_sample": ""}
    sources = []
    for line in _header_lines(path):
        if line.startswith("#CHROM"):
            samples = tuple(line.split("\t")[9:])
        elif match := re.match(r"##(FORMAT|INFO)=<ID=([^,>]+)", line):
            keys[match[1]].add(match[2])
        elif match := re.match(r"##(tumor_sample|normal_sample)=(.*)", line):
            named[match[1]] = match[2].strip()
        elif re.match(r"##(source|MutectVersion|GATKCommandLine)\b", line):
            sources.append(line.casefold())
    formats, infos = frozenset(keys["FORMAT"]), frozenset(keys["INFO"])
    caller = _caller(" ".join(sources), formats, infos)
    return TumourHeader(samples, formats, infos, named["tumor_sample"], named["normal_sample"], caller)


def has_fields_of(caller: str, formats: frozenset[str]) -> bool:
    """Whether a file with these FORMAT keys can be a caller's."""
    if caller == "strelka2":
        return formats >= _STRELKA_SNV or formats >= _STRELKA_INDEL
    return formats >= CALLERS[caller]


def _header_lines(path: str) -> Iterator[str]:
    if is_bcf(path):
        with pysam.VariantFile(path, "rb") as bcf:
            yield from str(bcf.header).splitlines()
        return
    with closing(open_stream(path, compression_of(path))) as stream:
        try:
            for raw in stream:
                if not raw.startswith(b"#"):
                    return
                yield raw.decode("utf-8", "replace").rstrip("\r\n")
        except DAMAGED as error:
            raise damaged(path, error) from None


def is_bcf(path: str) -> bool:
    """Whether a file is BCF rather than VCF."""
    with closing(open_stream(path, compression_of(path))) as stream:
        try:
            return stream.read(3) == b"BCF"
        except DAMAGED as error:
            raise damaged(path, error) from None


def _caller(sources: str, formats: frozenset[str], infos: frozenset[str]) -> str:
    if has_fields_of("strelka2", formats):
        return "strelka2"
    if "mutect" in sources and "AD" in formats:
        return "mutect2"
    if {"RD", "AD", "FREQ"} <= formats:
        return "varscan2"
    if {"DPT", "ADT"} <= formats or {"TDP", "TVAF"} <= infos:
        return "pcgr"
    return "generic"
