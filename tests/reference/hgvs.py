"""HGVS names of a small variant on one transcript, as the recommendations say it, slowly.

Written from the HGVS recommendations 21.1 (https://hgvs-nomenclature.org) alone. A transcript on the minus
strand is turned round together with its piece of the genome, so that there is one direction only; a variant
is moved one base at a time; a protein is translated in full for both alleles, and the two are compared.

Where the recommendations leave a choice, this is what is chosen:

* The 3' rule is applied to the genome, in the direction of the transcript. A change may move from an exon
  into the intron behind it (``c.1704+1del``) and back again, but never over an intron into the next exon,
  which is the exception that the recommendations make for exon/exon junctions. It doesn't leave the
  transcript at its 3' end if any of its places is inside. A change that is inside in part has its positions
  counted on beyond the end.
* Two or more bases replaced by their reverse complement are an ``inv``; an insertion that repeats the bases
  in front of it is a ``dup``, however many copies that is.
* A base in the middle of an intron of odd length is counted from the exon before it.
* No protein name where a changed base is in an intron: ``p.?`` if the change, in any way to write it, touches
  a coding base or the border to one; else nothing. What a splice site does cannot be read off the sequence.
* A duplication acts as an insertion behind its last base. ``c.3dup`` leaves the start codon, ``c.1dup``
  breaks it.
* A change of the start codon is ``p.Met1?``, whatever the new codon is.
* A stop that the variant brings with it ends the description: the residues that are lost behind it are not
  listed (``p.Ile71_Glu72delinsMetTer``). If it comes first, the change is a nonsense variant (``p.Tyr4Ter``).
* No change of the protein: all codons that the variant touches are named (``p.Leu100_Leu101=``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

FLANK = 2000
"""Bases on either side of a transcript in which a variant may move."""

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")

THREE = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu", "G": "Gly",
    "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe", "P": "Pro", "S": "Ser",
    "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "*": "Ter", "X": "Xaa",
}  # fmt: skip

RESIDUES = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""Of the 64 codons in the order TTT, TTC, TTA, TTG, TCT ... (NCBI genetic code 1)."""


@dataclass(frozen=True)
class Transcript:
    """A transcript on one contig.

    Attributes:
        strand: 1 or -1.
        exons: 1-based, inclusive bounds of every exon, in any order.
        cds: coding bases as a half-open interval of positions in the transcript (0-based, from its 5' end),
            the stop codon included; None for a transcript that codes for nothing.
        mitochondrial: translated with genetic code 2.
    """

    strand: int
    exons: tuple[tuple[int, int], ...]
    cds: tuple[int, int] | None
    mitochondrial: bool = False


@dataclass(frozen=True)
class Description:
    """Names without the accession: ``c.76A>T`` or ``n.76A>T`` (None outside the transcript), ``p.Lys26Ter``
    without the parentheses of a prediction, the reference and the altered protein, one letter a residue,
    ``*`` last."""

    transcript: str | None
    protein: str | None
    reference_protein: str | None
    altered_protein: str | None


def reverse_complement(sequence: str) -> str:
    return sequence.translate(COMPLEMENT)[::-1]


def translate(sequence: str, mitochondrial: bool = False) -> str:
    """Residues of whole codons up to and with the first stop; X where a base is not known."""
    residues = ""
    for i in range(0, len(sequence) - 2, 3):
        codon = sequence[i : i + 3]
        if any(base not in "ACGT" for base in codon):
            residue = "X"
        else:
            residue = RESIDUES[
                16 * "TCAG".index(codon[0]) + 4 * "TCAG".index(codon[1]) + "TCAG".index(codon[2])
            ]
            if mitochondrial:
                residue = {"AGA": "*", "AGG": "*", "ATA": "M", "TGA": "W"}.get(codon, residue)
        residues += residue
        if residue == "*":
            break
    return residues


def all_places(sequence: str, first: int, ref: str, alt: str) -> list[tuple[int, str, str]]:
    """Every way to write the change that replaces ``ref`` at 0-based ``first`` of ``sequence``, 5' to 3'.

    Bases that both have are trimmed; a deletion or an insertion moves one base at a time.
    """
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        first, ref, alt = first + 1, ref[1:], alt[1:]
    if ref and alt:
        return [(first, ref, alt)]
    places = [(first, ref or alt)]
    while True:
        at, bases = places[-1]
        after = at + len(ref)
        if after >= len(sequence) or sequence[after] != bases[0] or bases[0] == "N":
            break
        places.append((at + 1, bases[1:] + bases[0]))
    while True:
        at, bases = places[0]
        if at == 0 or sequence[at - 1] != bases[-1] or bases[-1] == "N":
            break
        places.insert(0, (at - 1, bases[-1] + bases[:-1]))
    return [(at, bases, "") if ref else (at, "", bases) for at, bases in places]


def last_place(places: list[tuple[int, str, str]], bound: int) -> tuple[int, str, str]:
    """The place at the 3' end: the last one in front of ``bound``, or the last one if none is."""
    return ([place for place in places if place[0] + len(place[1]) <= bound] or places)[-1]


def kind_of(sequence: str, first: int, ref: str, alt: str) -> str:
    if len(ref) == len(alt) == 1:
        return ">"
    if not alt:
        return "del"
    if not ref:
        return "dup" if first >= len(alt) and sequence[first - len(alt) : first] == alt else "ins"
    if len(ref) > 1 and alt == reverse_complement(ref):
        return "inv"
    return "delins"


def genomic_name(genome: str, pos: int, ref: str, alt: str) -> str:
    """The g. name, with the whole contig at hand."""
    first, ref, alt = all_places(genome, pos - 1, ref, alt)[-1]
    kind = kind_of(genome, first, ref, alt)
    return "g." + written(kind, first, ref, alt, lambda place: str(place + 1))


def written(kind: str, first: int, ref: str, alt: str, name) -> str:
    """A change in words; ``name`` names a 0-based place."""
    if kind == ">":
        return f"{name(first)}{ref}>{alt}"
    if kind == "ins":
        return f"{name(first - 1)}_{name(first)}ins{alt}"
    last = first + len(ref) - 1
    if kind == "dup":
        first, last = first - len(alt), first - 1
    place = name(first) if first == last else f"{name(first)}_{name(last)}"
    return f"{place}{kind}{alt if kind == 'delins' else ''}"


def place_in_transcript(exons, place: int) -> tuple[int, int]:
    """(position in the transcript of the nearest exonic base, distance into the intron), both 0-based.

    Positions go on in front of the first exon (below 0) and behind the last one.
    """
    before = 0
    for number, (start, end) in enumerate(exons):
        if place < start:
            if number == 0:
                return place - start, 0
            up, down = place - exons[number - 1][1], start - place
            return (before - 1, up) if up <= down else (before, -down)
        if place <= end or number == len(exons) - 1:
            return before + place - start, 0
        before += end - start + 1
    raise AssertionError


def place_name(exons, cds, place: int) -> str:
    position, offset = place_in_transcript(exons, place)
    if cds is None:
        text = str(position + 1)
    elif position < cds[0]:
        text = str(position - cds[0])
    elif position >= cds[1]:
        text = f"*{position - cds[1] + 1}"
    else:
        text = str(position - cds[0] + 1)
    return text + (f"{offset:+d}" if offset else "")


def describe(genome: str, transcript: Transcript, pos: int, ref: str, alt: str) -> Description:
    """Describe a VCF allele on one transcript.

    Args:
        genome: the whole contig, upper case.
        pos, ref, alt: as in a VCF, ``pos`` 1-based.

    There is no protein where the coding bases don't end with their only stop.
    """
    # One direction: cut out the transcript's piece of the genome, and turn all of it round if need be.
    low = max(1, min(start for start, _ in transcript.exons) - FLANK)
    high = min(len(genome), max(end for _, end in transcript.exons) + FLANK)
    piece = genome[low - 1 : high]
    if pos < low or pos + len(ref) - 1 > high:
        return Description(None, None, None, None)
    first = pos - low
    assert piece[first : first + len(ref)] == ref
    exons = sorted((start - low, end - low) for start, end in transcript.exons)
    if transcript.strand < 0:
        last = len(piece) - 1
        first = last - (first + len(ref) - 1)
        piece, ref, alt = reverse_complement(piece), reverse_complement(ref), reverse_complement(alt)
        exons = sorted((last - end, last - start) for start, end in exons)

    cds = transcript.cds
    start, end = exons[0][0], exons[-1][1]
    ways = all_places(piece, first, ref, alt)
    chosen = last_place(ways, end + 1)
    if kind_of(piece, *chosen) == "ins":  # both neighbours are named
        chosen = last_place(ways, end)
    first, ref, alt = chosen
    kind = kind_of(piece, first, ref, alt)
    ends = (first - 1, first) if not ref else (first, first + len(ref) - 1)
    if kind == "dup" and first - len(alt) >= start:
        ends = (first - len(alt), first - 1)
    elif kind == "dup":  # the copied bases begin in front of the transcript
        kind = "ins"
    inside = [start <= place <= end for place in range(ends[0], ends[1] + 1)]
    if not (all(inside) if kind == "ins" or cds is None else any(inside)):
        return Description(None, None, None, None)
    named = ("n." if cds is None else "c.") + written(
        kind, first, ref, alt, lambda place: place_name(exons, cds, place)
    )
    if cds is None:
        return Description(named, None, None, None)

    messenger = "".join(piece[start : end + 1] for start, end in exons)
    protein = translate(messenger[cds[0] :], transcript.mitochondrial)
    if 3 * len(protein) != cds[1] - cds[0] or protein[-1] != "*":  # no protein can be told
        return Description(named, None, None, None)
    places = [place_in_transcript(exons, place) for place in range(ends[0], ends[1] + 1)]
    if any(offset for _, offset in places):
        touched = {at for way, gone, _ in ways for at in range(way - (not gone), way + max(1, len(gone)))}
        exonic = [at for at, offset in (place_in_transcript(exons, place) for place in touched) if not offset]
        coding = any(cds[0] <= at < cds[1] for at in exonic)
        return Description(named, "p.?" if coding else None, protein, None)
    if not all(inside):
        return Description(
            named, "p.?" if any(cds[0] <= at < cds[1] for at, _ in places) else None, protein, None
        )
    # A dup or ins acts between two bases, all else on bases. Both ends are exonic here, but an intron could
    # still lie between them: a deletion of a whole intron and parts of its exons.
    position = places[-1][0] + 1 if kind == "dup" else places[1][0] if kind == "ins" else places[0][0]
    if any(here[0] + 1 != there[0] for here, there in itertools.pairwise(places)):
        return Description(named, "p.?", protein, None)
    altered_messenger = messenger[:position] + alt + messenger[position + len(ref) :]
    if ref:
        in_coding = position < cds[1] and position + len(ref) > cds[0]
        in_start = position < cds[0] + 3 and position + len(ref) > cds[0]
    else:
        in_coding = cds[0] < position < cds[1]
        in_start = cds[0] < position < cds[0] + 3
    if not in_coding:
        return Description(named, None, protein, protein)
    if in_start:
        return Description(named, "p.Met1?", protein, None)
    altered = translate(altered_messenger[cds[0] :], transcript.mitochondrial)
    # Codons that the variant touches; none where it is an insertion between two codons.
    touched_first = (position - cds[0]) // 3
    touched_end = (min(position + len(ref), cds[1]) - cds[0] + 2) // 3
    name = protein_name(protein, altered, touched_first, touched_end, len(alt) - len(ref))
    return Description(named, name, protein, altered)


def residue(protein: str, index: int) -> str:
    return f"{THREE[protein[index]]}{index + 1}"


def span(protein: str, first: int, last: int) -> str:
    return residue(protein, first) if first == last else f"{residue(protein, first)}_{residue(protein, last)}"


def listed(residues: str) -> str:
    return "".join(THREE[one] for one in residues)


def protein_name(old: str, new: str, touched_first: int, touched_end: int, longer: int) -> str:
    """Name what became of a protein.

    Args:
        old, new: proteins with their ``*``; ``new`` has none if the messenger ends before a stop.
        touched_first, touched_end: codons that the variant touches, 0-based and half-open.
        longer: bases by which the messenger became longer (negative: shorter).
    """
    if old == new:
        return f"p.{span(old, touched_first, max(touched_first, touched_end - 1))}="
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    if first == len(old) - 1:  # the stop is the first residue that changes
        count = len(new) - 1 - first
        added = new[first] if first < len(new) else None
        if added is None:
            return f"p.{residue(old, first)}?"
        return f"p.{residue(old, first)}{THREE[added]}extTer{count if new.endswith('*') else '?'}"
    if first == len(new):  # the messenger ends before a residue that differs
        return f"p.{residue(old, first)}?"
    if new[first] == "*":
        return f"p.{residue(old, first)}Ter"
    if longer % 3 or not new.endswith("*"):
        count = len(new) - first
        return f"p.{residue(old, first)}{THREE[new[first]]}fsTer{count if new.endswith('*') else '?'}"

    # In frame. If the variant brings a stop with it, what is lost behind that stop isn't listed.
    stop = len(new) - 1
    expected = len(old) - 1 + longer // 3
    if stop < expected and old[touched_end:] != "*":  # else the stop stays where it was
        replaced, inserted = old[first:touched_end], new[first:]
    else:
        end = 0
        while end < min(len(old), len(new)) - first and old[-1 - end] == new[-1 - end]:
            end += 1
        replaced, inserted = old[first : len(old) - end], new[first : len(new) - end]

    if not inserted:
        return f"p.{span(old, first, first + len(replaced) - 1)}del"
    if not replaced:
        if (
            not inserted.endswith("*")
            and old[first - len(inserted) : first] == inserted
            and first >= len(inserted)
        ):
            return f"p.{span(old, first - len(inserted), first - 1)}dup"
        return f"p.{span(old, first - 1, first)}ins{listed(inserted)}"
    if len(replaced) == len(inserted) == 1:
        return f"p.{residue(old, first)}{THREE[inserted]}"
    return f"p.{span(old, first, first + len(replaced) - 1)}delins{listed(inserted)}"
