"""Normalisation of a small VCF, record by record from its text. Slow on purpose.

Calls are tuples of what each haplotype has of one ALT: 1 the ALT, 0 the reference, ``OTHER`` another ALT. A
sample whose call says nothing is ``()``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

Call = tuple[int, ...]
Key = tuple[int, str, str]

OTHER = 2

PLACEHOLDERS = ("<NON_REF>", "<*>", "<X>")


@dataclass
class Outcome:
    """What must come of a file: variants with everybody's calls, and what became of all other alleles."""

    variants: dict[Key, list[Call]] = field(default_factory=dict)
    rejects: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    structural: int = 0
    monomorphic: int = 0
    reference_blocks: int = 0
    merged: int = 0
    alleles_in: int = 0
    conflicts: int = 0


@dataclass(frozen=True)
class Record:
    """One line of a VCF."""

    pos: int
    ref: str
    alts: tuple[str, ...]
    end: int | None
    values: tuple[dict[str, str], ...]


def parse(line: str) -> Record:
    """A record from its text."""
    columns = line.split("\t")
    alts = () if columns[4] == "." else tuple(columns[4].split(","))
    end = re.search(r"(?:^|;)END=(-?\d+)", columns[7])
    keys = columns[8].split(":")
    values = tuple(dict(zip(keys, cell.split(":"), strict=False)) for cell in columns[9:])
    return Record(int(columns[1]), columns[3], alts, int(end[1]) if end else None, values)


def is_structural(alt: str) -> bool:
    """Symbolic alleles and breakends, single ones too."""
    if alt in PLACEHOLDERS:
        return False
    return bool(re.match(r"<|\.", alt) or re.search(r"[\[\]]", alt) or (len(alt) > 1 and alt.endswith(".")))


def fault(record: Record, alt: str, reference: str) -> str:
    """Why an ALT can't be used, or nothing."""
    ref = record.ref.upper()
    if alt == "*":
        return "spanning_deletion"
    if set(ref) - set("ACGT"):
        return "ref_not_acgt"
    if alt and set(alt.upper()) - set("ACGT"):
        return "alt_not_acgt"
    if alt.upper() == ref:
        return "alt_equals_ref"
    there = reference[record.pos - 1 : record.pos - 1 + len(ref)].upper() if record.pos > 0 else ""
    if len(there) < len(ref):
        return "beyond_contig"
    return "" if there == ref else "ref_mismatch"


def wrong_length(record: Record, numbers: dict[str, str], calls: list[Call]) -> bool:
    """Whether nobody can say which values of a vector belong to which allele, for a sample that has a call.

    With several ALTs every vector with a value an allele or a genotype must have the right number of them;
    with one ALT nothing is shared out, but AD and PL that are too long belong to alleles that aren't there. A
    single copy may have values of a genotype for one copy or for two.
    """
    n = len(record.alts) + 1
    pairs = n * (n + 1) // 2
    for cell, call in zip(record.values, calls, strict=True):
        if "GT" in cell and not call:
            continue
        right = {"A": {n - 1}, "R": {n}, "G": {pairs} if len(call) == 2 else {n, pairs}}
        for key, text in cell.items():
            values = text.split(",")
            if numbers.get(key) not in right or set(values) == {"."}:
                continue
            allowed = right[numbers[key]]
            if len(values) not in allowed if n > 2 else key in ("AD", "PL") and len(values) > max(allowed):
                return True
    return False


def smallest(pos: int, ref: str, alt: str, reference: str) -> Key:
    """The trimmed form at the smallest position (Tan, Abecasis, Kang 2015), by writing whole haplotypes.

    Any way to write a variant gives the same changed sequence. Of all ways to write it, those with the
    shortest alleles and then the smallest position count.
    """
    changed = reference[: pos - 1] + alt + reference[pos - 1 + len(ref) :]
    suffix = 0
    while suffix < min(len(reference), len(changed)) and reference[-1 - suffix] == changed[-1 - suffix]:
        suffix += 1
    prefix = 0
    while reference[prefix : prefix + 1] == changed[prefix : prefix + 1] != "":
        prefix += 1
    # As much as may be is left to the common suffix: that is the smallest position.
    prefix = min(prefix, len(reference) - suffix, len(changed) - suffix)
    ref, alt = reference[prefix : len(reference) - suffix], changed[prefix : len(changed) - suffix]
    if ref and alt:
        return prefix + 1, ref, alt
    if prefix > 0 and reference[prefix - 1] in "ACGT":
        anchor = reference[prefix - 1]
        return prefix, anchor + ref, anchor + alt
    # At the start of a contig or after a base that nobody knows, the base behind it is the anchor.
    anchor = reference[prefix + len(ref)]
    return prefix + 1, ref + anchor, alt + anchor


def call_of(text: str, one_copy: bool) -> Call:
    """Allele numbers of a GT; nothing where it can't be used: a half call, or more than two copies.

    Where one copy is all there is, the called half of a half call is the call.
    """
    alleles = re.split(r"[/|]", text or ".")
    if one_copy and len(alleles) == 2 and alleles.count(".") == 1:
        alleles.remove(".")
    return () if "." in alleles or len(alleles) > 2 else tuple(map(int, alleles))


def of_allele(call: Call, number: int) -> Call:
    """What a call says of one ALT."""
    return tuple({0: 0, number: 1}.get(a, OTHER) for a in call)


def together(parts: list[Call]) -> Call:
    """One call out of the parts of one record that turned out to be the same variant."""
    return tuple(1 if 1 in column else column[0] for column in zip(*parts, strict=True))


def agreed(calls: list[Call]) -> tuple[Call, bool]:
    """One call out of those of several records, and whether they contradict each other.

    A call that says "another ALT" and one that doesn't agree if they have as many copies of this one.
    """
    said = [c for c in calls if c]
    whole = [c for c in said if OTHER not in c]
    parts = [c for c in said if OTHER in c]
    if any(len({tuple(sorted(c)) for c in some}) > 1 for some in (whole, parts)):
        return (), True
    if len({c.count(1) for c in said}) > 1:
        return (), True
    return (*whole, *parts, ())[0], False


def normalise(lines: list[str], reference: str, numbers: dict[str, str], one_copy: list[bool]) -> Outcome:
    """All variants of a contig, each once, and what became of every other allele.

    Args:
        lines: records.
        reference: the contig.
        numbers: FORMAT field -> ``Number`` of its declaration.
        one_copy: whether each sample has one copy of the contig.
    """
    out = Outcome()
    found: dict[Key, dict[int, list[list[Call]]]] = defaultdict(lambda: defaultdict(list))
    for identity, record in enumerate(map(parse, lines)):
        out.alleles_in += len(record.alts) or 1
        if not record.alts and record.end is not None and record.end > record.pos + len(record.ref) - 1:
            out.reference_blocks += 1
            continue
        if not record.alts:
            reason = fault(record, "", reference)
            if reason:
                out.rejects[(record.pos, record.ref, ".", reason)] += 1
            else:
                out.monomorphic += 1
            continue
        calls = [call_of(cell.get("GT", "."), one) for cell, one in zip(record.values, one_copy, strict=True)]
        lengths_wrong = wrong_length(record, numbers, calls)
        for number, alt in enumerate(record.alts, start=1):
            if is_structural(alt):
                end = record.pos + len(record.ref) - 1 if record.end is None else record.end
                if end < record.pos or end > len(reference):
                    out.rejects[(record.pos, record.ref, alt, "structural_end")] += 1
                else:
                    out.structural += 1
                continue
            if alt in PLACEHOLDERS:
                out.reference_blocks += 1
                continue
            reason = fault(record, alt, reference) or ("format_length" if lengths_wrong else "")
            if reason:
                out.rejects[(record.pos, record.ref, alt, reason)] += 1
                continue
            key = smallest(record.pos, record.ref.upper(), alt.upper(), reference.upper())
            found[key][identity].append([of_allele(call, number) for call in calls])
    for key in sorted(found):
        by_record = found[key]
        out.merged += sum(map(len, by_record.values())) - 1
        of_records = [
            [together(list(parts)) for parts in zip(*rows, strict=True)] for rows in by_record.values()
        ]
        out.variants[key] = []
        for calls in zip(*of_records, strict=True):
            call, contradiction = agreed(list(calls))
            out.variants[key].append(call)
            out.conflicts += contradiction
    return out
