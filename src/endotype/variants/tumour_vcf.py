"""Somatic calls of a tumour VCF as entries: one row per alternate allele of one tumour.

Each caller counts reads in fields of its own; what is read, and from where:

* Mutect2 and others that write ``AD``: reads of each allele; the fraction is of all alleles together.
* Strelka2, SNVs: tier 1 counts ``AU CU GU TU``; indels: tier 1 of ``TAR`` and ``TIR``. The fraction is
  alt / (alt + ref), as its user guide has it. There is no genotype.
* VarScan2: ``RD`` and ``AD``, one number each, and ``SS``, the somatic status.
* PCGR: tumour and control in one sample column (``DPT ADT DPC ADC``) or in INFO (``TDP TVAF CDP CVAF``).

The file is read as text: a record that is odd gets a reason, and its line is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import IO, NamedTuple

import pandas as pd

from endotype import bcftools
from endotype.cohort.compression import DAMAGED, compression_of, damaged, open_stream
from endotype.cohort.tumour_header import is_bcf, read_tumour_header
from endotype.errors import input_error
from endotype.variants.somatic_keys import ENTRY_TYPES, somatic_status

_SEQUENCE = re.compile(r"[ACGTNacgtn]+")
_PLACEHOLDERS = frozenset({"<NON_REF>", "<*>", "<X>"})
_VARSCAN_STATUS = {"1": "germline", "2": "somatic", "3": "germline"}  # 3: loss of heterozygosity


class Reads(NamedTuple):
    """Reads of one sample at one allele; ``None`` is not known. ``vaf`` is what the file reports."""

    ref: int | None = None
    alt: int | None = None
    depth: int | None = None
    vaf: float | None = None
    informative: int | None = None  # reads of all alleles together

    def fraction(self) -> tuple[float | None, str]:
        """The allele fraction, and where it comes from: ``reads``, ``reported`` or ``not_assessed``."""
        whole = self.depth if self.informative is None else self.informative
        if self.alt is not None and whole:
            return min(1.0, self.alt / whole), "reads"
        return self.vaf, "not_assessed" if self.vaf is None else "reported"


@dataclass(frozen=True)
class VcfEntries:
    """What a VCF holds of one tumour.

    Attributes:
        entries: columns :data:`~endotype.variants.somatic_keys.ENTRY_TYPES`, in the order of the file.
        n_records: records of the file.
        n_alleles: alternate alleles of these records; a record without any counts one.
        n_not_in_tumour: alleles that the tumour's genotype doesn't have, or for which it has no call; they
            are not among the entries.
        caller: how the read counts were understood.
    """

    entries: pd.DataFrame
    n_records: int
    n_alleles: int
    n_not_in_tumour: int
    caller: str


def read_tumour_vcf(
    path: str,
    tumour: str,
    normal: str,
    has_normal: bool,
    caller: str = "",
    passing: Collection[str] = ("PASS",),
) -> VcfEntries:
    """Read the somatic calls of one tumour.

    Args:
        path: VCF (plain, gzip, bgzip) or BCF.
        tumour, normal: their sample columns in the file; empty where they have none.
        has_normal: whether a matched normal is known to have been used, in the file or not.
        caller: a key of :data:`endotype.cohort.tumour_header.CALLERS`; empty: by the header.
        passing: words of FILTER that pass.

    Raises:
        InputError: the file is damaged or is no VCF.
    """
    header = read_tumour_header(path)
    parser = _Parser(caller or header.caller, has_normal or bool(normal), frozenset(passing))
    n_records, rows = 0, []
    with _text(path) as stream:
        columns = None
        try:
            for number, raw in enumerate(stream, start=1):
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("#") or not line.strip():
                    if line.startswith("#CHROM"):
                        columns = line.split("\t")
                    continue
                if columns is None:
                    raise input_error(path, "no #CHROM line", "a VCF file")
                n_records += 1
                cells = line.split("\t")
                if len(cells) == len(columns):
                    samples = [cells[columns.index(name, 9)] if name else "" for name in (tumour, normal)]
                    rows += parser.record(number, cells, *samples)
                else:
                    parser.n_alleles += 1
                    found = f"{len(cells)} cells where the header has {len(columns)}"
                    rows.append(_entry(number, cells[0], 0, "", "", "ragged_row", found))
        except DAMAGED as error:
            raise damaged(path, error) from None
    frame = pd.DataFrame(rows, columns=list(ENTRY_TYPES)).astype(ENTRY_TYPES)
    return VcfEntries(frame, n_records, parser.n_alleles, parser.n_not_in_tumour, parser.caller)


@contextmanager
def _text(path: str) -> Iterator[IO[bytes]]:
    """The lines of a VCF; of a BCF, those that bcftools makes of it."""
    if not is_bcf(path):
        with closing(open_stream(path, compression_of(path))) as stream:
            yield stream
        return
    try:
        with bcftools.stream("view", "--no-version", path) as stream:
            yield stream
    except bcftools.BcftoolsError as error:
        raise input_error(
            path, f"a BCF file that can't be read ({str(error)[-300:]})", "a whole BCF file"
        ) from None


def _entry(line: int, chrom: str, pos: int, ref: str, alt: str, reason: str, detail: str = "") -> tuple:
    """An entry that can't be used."""
    reads = (None, None, None, None, "not_assessed", None, None)
    return (chrom, pos, ref, alt, "", "", "", *reads, "", "", False, "", line, reason, detail)


class _Parser:
    """Turns records into entries and counts their alleles."""

    def __init__(self, caller: str, has_normal: bool, passing: frozenset[str]) -> None:
        self.caller, self._has_normal = caller, has_normal
        self._status = cache(lambda filters, origin, normal: somatic_status(filters, origin, normal, passing))
        self.n_alleles = self.n_not_in_tumour = 0

    def record(self, line: int, cells: Sequence[str], tumour: str, normal: str) -> list[tuple]:
        """The entries of one record; ``tumour`` and ``normal`` are the cells of their samples."""
        chrom, pos, _, ref, alts, _, filters, info_text = cells[:8]
        keys = cells[8].split(":") if len(cells) > 8 else []
        alleles = [ref, *alts.split(",")]
        self.n_alleles += len(alleles) - 1
        if not re.fullmatch(r"[0-9]{1,10}", pos) or pos == "0":
            return [
                _entry(line, chrom, 0, ref, alt, "position_not_understood", pos[:30]) for alt in alleles[1:]
            ]
        of_tumour = dict(zip(keys, tumour.split(":"), strict=False))
        of_normal = dict(zip(keys, normal.split(":"), strict=False)) if normal else {}
        info = _info(info_text)
        called = _called(of_tumour.get("GT", ""))
        origin = self._origin(info, of_tumour)
        has_normal = self._has_normal or self._has_control(of_tumour, info)
        status = self._status(filters, origin, has_normal)
        rows = []
        for number, alt in enumerate(alleles[1:], start=1):
            if reason := _unusable(alt):
                rows.append(_entry(line, chrom, int(pos), ref, alt, reason))
                continue
            if called is not None and number not in called:
                self.n_not_in_tumour += 1
                continue
            reads = self._reads(alleles, number, of_tumour, info, control=False)
            other = self._reads(alleles, number, of_normal, info, control=True, combined=of_tumour)
            vaf, source = reads.fraction()
            rows.append(
                (
                    chrom, int(pos), ref.upper(), alt.upper(), "", "", "",
                    reads.ref, reads.alt, reads.depth, vaf, source, other.depth, other.fraction()[0],
                    status, "" if filters == "." else filters, has_normal, self.caller, line, "", "",
                )
            )  # fmt: skip
        return rows

    def _origin(self, info: Mapping[str, str], of_tumour: Mapping[str, str]) -> str:
        if self.caller != "varscan2":
            return ""
        return _VARSCAN_STATUS.get(info.get("SS") or of_tumour.get("SS", ""), "")

    def _has_control(self, of_tumour: Mapping[str, str], info: Mapping[str, str]) -> bool:
        if self.caller != "pcgr":
            return False
        return _count(of_tumour.get("DPC", "")) is not None or _count(info.get("CDP", "")) is not None

    def _reads(
        self,
        alleles: Sequence[str],
        number: int,
        fields: Mapping[str, str],
        info: Mapping[str, str],
        control: bool,
        combined: Mapping[str, str] | None = None,
    ) -> Reads:
        """Reads of a sample; PCGR keeps the control's in the tumour's column (``combined``) or in INFO."""
        if self.caller == "strelka2":
            return _strelka_reads(alleles[0], alleles[number], fields)
        if self.caller == "varscan2":
            ref, alt = _count(fields.get("RD", "")), _count(fields.get("AD", ""))
            both = None if ref is None or alt is None else ref + alt
            depth = _count(fields.get("DP", ""))
            return Reads(ref, alt, both if depth is None else depth, _fraction(fields.get("FREQ", "")), both)
        if self.caller == "pcgr":
            source, letter = (combined or {}, "C") if control else (fields, "T")
            reads = _depth_reads(
                source.get(f"AD{letter}", ""), source.get(f"DP{letter}", ""), len(alleles), number
            )
            depth = _count(info.get(f"{letter}DP", "")) if reads.depth is None else reads.depth
            return reads._replace(depth=depth, vaf=_fraction(info.get(f"{letter}VAF", "")))
        reads = _depth_reads(fields.get("AD", ""), fields.get("DP", ""), len(alleles), number)
        if reads.alt is None and "AO" in fields:  # FreeBayes
            counts = ",".join([fields.get("RO", "."), fields["AO"]])
            reads = _depth_reads(counts, fields.get("DP", ""), len(alleles), number)
        reported = fields.get("AF", fields.get("FREQ", "")).split(",")
        return reads._replace(
            vaf=_fraction(reported[number - 1]) if len(reported) == len(alleles) - 1 else None
        )


def _unusable(alt: str) -> str:
    """The reason why an alternate allele isn't a sequence, or empty."""
    if alt in (".", ""):
        return "no_alternate_allele"
    if alt == "*":
        return "spanning_deletion"
    if alt in _PLACEHOLDERS:
        return "non_ref_placeholder"
    if alt.startswith("<") or "[" in alt or "]" in alt or alt.startswith(".") or alt.endswith("."):
        return "symbolic_allele"
    return "" if _SEQUENCE.fullmatch(alt) else "alt_not_acgt"


def _called(genotype: str) -> frozenset[int] | None:
    """The alleles of a genotype; ``None`` when the file gives no genotype at all, empty for ``./.``."""
    if not genotype:
        return None
    return frozenset(
        int(allele) for allele in re.split(r"[/|]", genotype) if allele.isascii() and allele.isdigit()
    )


def _info(text: str) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in text.split(";"))


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _fraction(text: str) -> float | None:
    """An allele fraction, of which ``23.5%`` is another way to write 0.235."""
    match = re.fullmatch(r"(\d*\.?\d+(?:[eE][-+]?\d+)?)(%?)", text)
    if not match:
        return None
    value = float(match[1]) / (100 if match[2] else 1)
    return value if value <= 1 else None


def _depth_reads(counts: str, depth: str, n_alleles: int, number: int) -> Reads:
    """Reads from an ``AD`` with one count per allele, REF first; another number of counts says nothing."""
    total = _count(depth)
    numbers = [_count(text) for text in counts.split(",")]
    if len(numbers) != n_alleles or numbers[number] is None:
        return Reads(depth=total)
    known = None if None in numbers else sum(n for n in numbers if n is not None)
    return Reads(numbers[0], numbers[number], known if total is None else total, informative=known)


def _strelka_reads(ref: str, alt: str, fields: Mapping[str, str]) -> Reads:
    """Tier 1 reads: of the bases of an SNV, or of ``TAR`` (reference) and ``TIR`` (indel)."""
    if "TIR" in fields:
        names = ("TAR", "TIR")
    elif len(ref) == len(alt) == 1:
        names = (f"{ref.upper()}U", f"{alt.upper()}U")
    else:
        return Reads(depth=_count(fields.get("DP", "")))
    n_ref, n_alt = (_count(fields.get(name, "").split(",")[0]) for name in names)
    both = None if n_ref is None or n_alt is None else n_ref + n_alt
    depth = _count(fields.get("DP", ""))
    return Reads(n_ref, n_alt, both if depth is None else depth, informative=both)
