"""Normalisation of one shard: split, check against the reference, left-align, merge duplicates.

A shard owns the variants whose *normalised* position lies in its window. It reads a margin around the
window, because left alignment moves indels, so that every variant comes out of exactly one shard, in order,
whatever the size of the shards. Every input allele is accounted for::

    alleles in = rejected + structural + monomorphic + reference blocks
               + merged into a duplicate + joined across files + variants out

An allele of a record is rejected, never repaired, when its REF isn't the reference's or it isn't a
sequence; the genotypes at the alleles beside it stay as they are. Most records stand in normal form and are
copied as the bytes they are; only the others are taken apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pysam

from endotype.errors import input_error
from endotype.variants.alleles import atoms, left_align, trim
from endotype.variants.bcf import Block, Field, Header
from endotype.variants.bcf_kernels import (
    ALT_AT,
    ALT_LEN,
    MONOMORPHIC,
    N_ALLELE,
    PLAIN,
    POS,
    REF_AT,
    REF_LEN,
    REFERENCE_BLOCK,
    RID,
    SPECIAL,
    classify,
    count_called,
    in_range,
    rewrite_plain,
    scan,
    settle_block,
    settle_calls,
)
from endotype.variants.bcf_record import (
    Record,
    counted,
    encode_record,
    parse_alleles,
    parse_record,
    text_vector,
)
from endotype.variants.duplicates import merge_records
from endotype.variants.ploidy import HaploidRule
from endotype.variants.split import ORIGINAL, OTHER, FormatLengthError, check_lengths, split_record

MARGIN = 5_000
"""Base pairs read on both sides of a window; an indel that moves further than this is rejected."""

ATOMS = "ENDOTYPE_ATOMS"
SETTLED = "##endotype_normalised=1"
"""Header line of a file that has been here: its half calls are those of split records."""

INFO_FIELDS = {
    "AC": (Field("A", "Integer"), "Copies of ALT, counted by Endotype"),
    "AN": (Field("1", "Integer"), "Alleles called, counted by Endotype"),
    "AF": (Field("A", "Float"), "AC / AN, counted by Endotype"),
    "NS": (Field("1", "Integer"), "Samples with an allele called, counted by Endotype"),
    ORIGINAL: (
        Field("1", "String"),
        "Multiallelic record it was split from: CHROM|POS|REF|ALT|number of ALT",
    ),
    ATOMS: (Field("1", "String"), "Single changes of a variant of several bases: CHROM:POS:REF:ALT|..."),
}

FORMAT_FIELDS = {OTHER: (Field("1", "Integer"), "Alleles of the call that are another ALT of the site")}

REJECT_COLUMNS = ["file", "chrom", "pos", "id", "ref", "alt", "reason", "detail"]

REASONS = {
    "spanning_deletion": "'*' says that a deletion beside it covers the site; it is no variant of its own",
    "structural_end": "a structural variant ends before it begins, or its END is beyond the contig",
    "ref_not_acgt": "REF holds other letters than A, C, G, T",
    "alt_not_acgt": "ALT holds other letters than A, C, G, T",
    "alt_equals_ref": "ALT is REF",
    "beyond_contig": "the record stands before the first base of the contig, or reaches over its end",
    "outside_reference": "the reference doesn't have the contig",
    "ref_mismatch": "REF is not what the reference has there",
    "format_length": "a FORMAT field has another number of values than its declaration says",
    "genotype_range": "a genotype names an allele that the record doesn't have",
    "shift_exceeds_margin": f"left alignment moves it by more than {MARGIN} bp",
}
"""Every reason of ``rejects.tsv`` and what it means."""

_SEQUENCE = re.compile(r"[ACGT]+")
_PLACEHOLDERS = ("<NON_REF>", "<*>", "<X>")
"""Alleles of gVCFs that stand for any other: what they say of the reference, in no list of rejects."""

Reject = dict[str, object]


@dataclass
class ShardCounts:
    """What happened to the alleles that one shard owns."""

    records_in: int = 0
    alleles_in: int = 0
    multiallelic_records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    structural: int = 0
    monomorphic: int = 0
    reference_blocks: int = 0
    left_aligned: int = 0
    duplicates_merged: int = 0
    genotypes_in_conflict: int = 0
    joined_across_files: int = 0
    half_calls: int = 0
    calls_of_other_ploidy: int = 0
    info_fields_dropped: int = 0
    filled_from_blocks: int = 0
    variants_out: int = 0


@dataclass(frozen=True)
class Window:
    """A shard of the genome: 1-based, both ends included."""

    chrom: str
    start: int
    end: int

    def owns(self, pos: int) -> bool:
        """Whether a 1-based position lies in the window."""
        return self.start <= pos <= self.end


def parse_region(text: str) -> Window:
    """``CHROM:START-END``, 1-based, both ends included.

    Raises:
        InputError: it is written otherwise.
    """
    match = re.fullmatch(r"(.+):(\d+)-(\d+)", text)
    if match is None or int(match[2]) > int(match[3]):
        raise input_error("--region", f"'{text}'", "CHROM:START-END")
    return Window(match[1], int(match[2]), int(match[3]))


class Reference:
    """Upper-case bases of one contig; ``None`` as ``fasta`` when there is no reference.

    Raises:
        InputError: the reference doesn't have the contig.
    """

    def __init__(self, fasta: str | Path | None, chrom: str, low: int, high: int) -> None:
        self.low = low
        self.present = fasta is not None
        self.length: int | None = None
        self._file = pysam.FastaFile(str(fasta)) if fasta is not None else None
        self._chrom = chrom
        text = ""
        if self._file is not None:
            if chrom not in self._file.references:
                raise input_error(fasta, f"no contig '{chrom}'", "the contig of the region", "rename it")
            self.length = self._file.get_reference_length(chrom)
            text = self.bases(low, min(high + 1000, self.length))
        self.array = np.frombuffer(text.encode() or b"N", np.uint8)

    def bases(self, start: int, end: int) -> str:
        """Bases of a 1-based interval, both ends included; shorter past the end of the contig."""
        assert self._file is not None
        return self._file.fetch(self._chrom, start - 1, max(end, start - 1)).upper()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True)
class Normalised:
    """One variant in its final form: the record's bytes, what they are sorted by, and the record it is of.

    ``source`` numbers the records of the input; the parts of a split one share it.
    """

    pos: int
    ref: str
    alt: str
    source: int
    data: memoryview


@dataclass(frozen=True)
class _Site:
    """Where a record of the input stands, its number among all, and whether the window owns it."""

    source: int
    pos: int
    name: str
    ref: str
    owned: bool


class Normaliser:
    """Turns the blocks of one file into normalised records in order.

    Args:
        window: which normalised positions come out.
        header: of the records.
        haploid: who has one copy of a site; its people are the header's samples.
        reference: of the window and its margins.
        name: what the file is called in the list of rejects.
        settled: the file has been through here before; its half calls are meant.

    Attributes:
        source, header: of the records that go in, and of those that come out.
        rid: number of the window's contig in both.
        counts: what happened so far.
        rejects: rows of ``rejects.tsv``.
        structural: position, end and bytes of records with symbolic alleles or breakends, whole.
        called_monomorphic: int64 (n_samples,), calls at records without an ALT.
    """

    def __init__(
        self,
        window: Window,
        header: Header,
        haploid: HaploidRule,
        reference: Reference,
        name: str,
        settled: bool = False,
    ) -> None:
        self.counts = ShardCounts()
        self.rejects: list[Reject] = []
        self.structural: list[tuple[int, int, bytes]] = []
        self.header = (
            header.with_line(SETTLED).with_fields("INFO", INFO_FIELDS).with_fields("FORMAT", FORMAT_FIELDS)
        )
        self.called_monomorphic = np.zeros(len(header.samples), np.int64)
        self.source = header
        self.rid = header.contig(window.chrom)
        self._window, self._haploid, self._reference, self._name = window, haploid, reference, name
        self._settled = settled or SETTLED in header.text.splitlines()
        self._formats = np.array([header.key(key) for key in ("GT", "AD", "PL", OTHER)])
        self._keys = np.array([self.header.key(key) for key in ("AC", "AN", "AF", "NS")])
        self._records_before = 0

    def variants(self, blocks: Iterator[Block]) -> Iterator[Normalised]:
        """The window's variants by position, REF and ALT, each once.

        Raises:
            InputError: the records aren't sorted by position.
        """
        pending: list[Normalised] = []
        last = 0
        for block in blocks:
            found, reached, past = self._take(block, last)
            pending += found
            if reached - MARGIN > last:
                pending.sort(key=_by_allele)
                ready = next((i for i, v in enumerate(pending) if v.pos >= reached - MARGIN), len(pending))
                yield from self._merged(pending[:ready])
                del pending[:ready]
            last = max(last, reached)
            if past:
                break
        pending.sort(key=_by_allele)
        yield from self._merged(pending)

    def _take(self, block: Block, last: int) -> tuple[list[Normalised], int, bool]:
        """Normalise one block; the position it reaches, and whether it goes past the window's reach."""
        data, offsets = block.data, block.offsets
        core, _, formats = scan(data, offsets, len(self.source.samples), self._formats)
        here = core[:, RID] == self.rid
        positions = core[:, POS] + 1
        mine = positions[here]
        if len(mine) and (mine[0] < last or (np.diff(mine) < 0).any()):
            raise input_error(
                self._name,
                f"records of {self._window.chrom} that are not sorted by position",
                "records sorted by position",
                "sort it, e.g. with 'bcftools sort'",
            )
        low, high = self._window.start - MARGIN, self._window.end + MARGIN
        owned = here & (positions >= self._window.start) & (positions <= self._window.end)
        kinds = classify(
            data,
            core,
            formats,
            len(self.source.samples),
            self._reference.array,
            self._reference.low - 1,
            self._reference.present,
        )
        self._count(core, owned, kinds)
        zones = self._haploid.zones(self._window.chrom, positions)
        plain = owned & (kinds == PLAIN)
        gt = formats[:, 0]
        if not self._settled:
            changed = settle_block(
                data, gt, plain | (owned & (kinds == MONOMORPHIC)), self._haploid.rows, zones
            )
            self.counts.half_calls += int(changed[:, 0].sum())
            self.counts.calls_of_other_ploidy += int(changed[:, 1].sum())
        count_called(data, gt, owned & (kinds == MONOMORPHIC), self.called_monomorphic)
        found = self._plain(block, core, formats, plain)
        special = here & (kinds == SPECIAL) & (positions >= low) & (positions <= high)
        for r in np.flatnonzero(special):
            found += self._special(block, int(r), core, gt[r], int(zones[r]), bool(owned[r]))
        reached = int(mine[-1]) if len(mine) else last
        self._records_before += len(core)
        gone_on = bool((~here).any()) and last > 0 and not here[-1]
        return found, reached, reached > high or gone_on

    def _count(self, core: np.ndarray, owned: np.ndarray, kinds: np.ndarray) -> None:
        alts = core[owned, N_ALLELE] - 1
        self.counts.records_in += int(owned.sum())
        self.counts.alleles_in += int(np.maximum(alts, 1).sum())
        self.counts.multiallelic_records += int((alts > 1).sum())
        self.counts.monomorphic += int((kinds[owned] == MONOMORPHIC).sum())
        self.counts.reference_blocks += int((kinds[owned] == REFERENCE_BLOCK).sum())

    def _plain(
        self, block: Block, core: np.ndarray, formats: np.ndarray, plain: np.ndarray
    ) -> list[Normalised]:
        if not plain.any():
            return []
        out = np.empty(len(block.data) + 64 * len(core), np.uint8)
        places = rewrite_plain(
            block.data,
            block.offsets,
            core,
            formats[:, 0],
            formats[:, 3],
            plain,
            self._keys,
            len(self.source.samples),
            out,
        )
        view, text = memoryview(out.data), block.data.tobytes()
        columns = core[:, [POS, REF_AT, REF_LEN, ALT_AT, ALT_LEN]]
        found = []
        for r in np.flatnonzero(plain).tolist():
            pos, ref_at, ref_len, alt_at, alt_len = columns[r].tolist()
            ref = text[ref_at : ref_at + ref_len].decode()
            alt = text[alt_at : alt_at + alt_len].decode()
            source = self._records_before + r
            found.append(Normalised(pos + 1, ref, alt, source, view[places[r] : places[r + 1]]))
        return found

    def _special(
        self, block: Block, r: int, core: np.ndarray, gt: np.ndarray, zone: int, owned: bool
    ) -> list[Normalised]:
        """The variants of a record that isn't in normal form."""
        start, stop = int(block.offsets[r]), int(block.offsets[r + 1])
        raw = block.data[start:stop].tobytes()
        name, (ref, *alts) = parse_alleles(raw)
        site = _Site(self._records_before + r, int(core[r, POS]) + 1, name, ref, owned)
        faults = [self._fault(site.pos, ref, alt) for alt in alts or [""]]
        if not alts:
            if faults[0][0]:
                self._reject(site, ".", *faults[0])
            elif owned:
                self.counts.monomorphic += 1
                count_called(block.data, gt[None], np.ones(1, bool), self.called_monomorphic)
            return []
        if any(map(_is_structural, alts)):
            self._keep_structural(site, alts, parse_record(raw, self.source), raw)
        sound = [not fault and _is_sequence(alt) for alt, (fault, _) in zip(alts, faults, strict=True)]
        reason = error = ""
        parts: list[Record] = []
        if any(sound):
            if not self._settled and gt[0]:
                half, many = settle_calls(block.data, gt, self._haploid.rows[zone])
                self.counts.half_calls += half * owned
                self.counts.calls_of_other_ploidy += many * owned
            record = parse_record(block.data[start:stop].tobytes(), self.source)
            reason, error = self._fault_of_calls(record, block, gt)
            if not reason:
                split = split_record(record, self.source)
                self.counts.info_fields_dropped += split.info_dropped * owned
                parts = split.records
        found = []
        for i, alt in enumerate(alts):
            if _is_structural(alt):
                continue
            if alt in _PLACEHOLDERS:
                self.counts.reference_blocks += owned
            elif faults[i][0]:
                self._reject(site, alt, *faults[i])
            elif reason:
                self._reject(site, alt, reason, error)
            else:
                found += self._allele(parts[i], site)
        return found

    def _allele(self, record: Record, site: _Site) -> list[Normalised]:
        """One ALT in its normal form; nothing when it belongs to another window."""
        ref, alt = record.alleles[0].upper(), record.alleles[1].upper()
        if self._reference.present:
            pos, ref, alt = left_align(record.pos, ref, alt, self._reference.bases)
        else:
            pos, ref, alt = trim(record.pos, ref, alt)
        if abs(record.pos - pos) > MARGIN:
            # The shard that owns the new place may not have read as far as the old one.
            self._reject(site, record.alleles[1], "shift_exceeds_margin", f"to {pos}")
            return []
        if not self._window.owns(pos):
            return []
        self.counts.left_aligned += pos < record.pos
        if (pos, ref, alt) != (record.pos, *record.alleles):
            record = record.with_alleles(pos, ref, alt)
        if len(ref) > 1 and len(alt) > 1:
            singles = atoms(pos, ref, alt)
            if self._reference.present:
                singles = [left_align(*single, self._reference.bases) for single in singles]
            keys = "|".join(f"{record.chrom}:{p}:{r}:{a}" for p, r, a in singles)
            record = replace(record, info={**record.info, ATOMS: text_vector(keys)})
        data = memoryview(encode_record(counted(record), self.header))
        return [Normalised(pos, ref, alt, site.source, data)]

    def _fault(self, pos: int, ref: str, alt: str) -> tuple[str, str]:
        """The reason (and detail) why an allele can't be used, or two empty strings."""
        ref = ref.upper()
        if alt == "*":
            return "spanning_deletion", ""
        if not _SEQUENCE.fullmatch(ref):
            return "ref_not_acgt", ""
        if alt and not _is_structural(alt) and not _SEQUENCE.fullmatch(alt.upper()):
            return "alt_not_acgt", ""
        if alt.upper() == ref:
            return "alt_equals_ref", ""
        if pos < 1:
            return "beyond_contig", ""
        if self._reference.present:
            there = self._reference.bases(pos, pos + len(ref) - 1)
            if len(there) < len(ref):
                return "beyond_contig", ""
            if there != ref:
                return "ref_mismatch", f"reference has {there[:30]}"
        return "", ""

    def _fault_of_calls(self, record: Record, block: Block, gt: np.ndarray) -> tuple[str, str]:
        """The reason (and detail) why the calls of a record can't be shared out among its alleles."""
        if gt[0] and not in_range(block.data, gt, record.n_samples, len(record.alleles)):
            return "genotype_range", f"the record has the alleles 0 to {len(record.alleles) - 1}"
        try:
            check_lengths(record, self.source)
        except FormatLengthError as problem:
            return "format_length", str(problem)
        return "", ""

    def _keep_structural(self, site: _Site, alts: Sequence[str], record: Record, raw: bytes) -> None:
        if not site.owned:
            return
        stated = record.info.get("END")
        end = int(stated[0]) if stated is not None and stated.size else site.pos + record.span - 1
        length = self._reference.length
        if end < site.pos or (length is not None and max(end, site.pos) > length):
            for alt in filter(_is_structural, alts):
                self._reject(site, alt, "structural_end", f"it ends at {end}")
            return
        self.counts.structural += sum(map(_is_structural, alts))
        self.structural.append((site.pos, end, raw))

    def _reject(self, site: _Site, alt: str, reason: str, detail: str) -> None:
        if not site.owned:
            return
        self.counts.rejected[reason] += 1
        values = (self._name, self._window.chrom, site.pos, site.name, site.ref, alt, reason, detail)
        self.rejects.append(dict(zip(REJECT_COLUMNS, values, strict=True)))

    def _merged(self, variants: Sequence[Normalised]) -> Iterator[Normalised]:
        """Each (position, REF, ALT) once; a call that two records disagree on becomes missing."""
        for _, group in groupby(variants, key=lambda v: (v.pos, v.ref, v.alt)):
            same = list(group)
            self.counts.variants_out += 1
            if len(same) == 1:
                yield same[0]
                continue
            merged, conflicts = merge_records(
                [
                    [parse_record(bytes(part.data), self.header) for part in parts]
                    for _, parts in groupby(same, key=lambda v: v.source)
                ]
            )
            self.counts.duplicates_merged += len(same) - 1
            self.counts.genotypes_in_conflict += conflicts
            yield replace(same[0], data=memoryview(encode_record(counted(merged), self.header)))


def _by_allele(variant: Normalised) -> tuple[int, str, str, int]:
    return variant.pos, variant.ref, variant.alt, variant.source


def _is_structural(alt: str) -> bool:
    """A symbolic allele, a breakend, or a single breakend (``.A``, ``A.``)."""
    if alt in _PLACEHOLDERS:
        return False
    return alt.startswith(("<", ".")) or alt.endswith(".") or "[" in alt or "]" in alt


def _is_sequence(alt: str) -> bool:
    return not _is_structural(alt) and alt not in _PLACEHOLDERS and alt != "*"
