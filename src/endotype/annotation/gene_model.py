"""The gene model: genes, transcripts, exons and coding segments of a GFF3 file.

A file with malformed lines is refused, with all of them. A single odd transcript, as public files have
them, is left out, counted and listed with its reason (:attr:`GeneModel.excluded`): of variants in such a
transcript nothing may be said.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from endotype import gff
from endotype.annotation.gene_parts import (
    CDS,
    EXON,
    REASONS,
    UTR,
    Segments,
    faults,
    no_segments,
    segments,
    with_exons,
)
from endotype.annotation.reference import match_contigs
from endotype.cohort.assembly import bare_name
from endotype.errors import InputError, Problem, input_error, visible

_EXPECTED = "GFF3 of Ensembl, GENCODE or RefSeq: genes, transcripts with Parent, exons and CDS with Parent"
_MAX_PROBLEMS = 20
_MAX_EXCLUDED_SHARE, _ENOUGH = 0.1, 100
"""More odd transcripts than this share, of so many or more, and the file as a whole is wrong."""


class Gene(NamedTuple):
    """A gene; coordinates are 1-based and inclusive. ``gene`` is the symbol, else the id.

    ``hgnc_id`` is ``HGNC:n`` or empty; ``synonyms`` are other symbols, joined by ``|``.
    """

    gene: str
    gene_id: str
    chrom: str
    start: int
    end: int
    strand: str
    biotype: str
    hgnc_id: str = ""
    synonyms: str = ""


class Transcript(NamedTuple):
    """A transcript; ``flags`` are tags of the file, and marks such as ``selenocysteine``."""

    transcript: str
    gene_id: str
    chrom: str
    start: int
    end: int
    strand: str
    biotype: str
    protein_id: str = ""
    flags: frozenset[str] = frozenset()

    @property
    def mane(self) -> str:
        """``select``, ``plus_clinical`` or empty."""
        if "MANE_Select" in self.flags:
            return "select"
        return "plus_clinical" if "MANE_Plus_Clinical" in self.flags else ""

    @property
    def canonical(self) -> bool:
        """Whether the file calls it the transcript that stands for its gene."""
        return bool({"Ensembl_canonical", "RefSeq_Select", "MANE_Select"} & self.flags)


class Exclusion(NamedTuple):
    """A transcript that can't be used, with its place in the genome and the reason."""

    transcript: str
    gene_id: str
    chrom: str
    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class GeneModel:
    """Genes by id and transcripts by name, in the order of the file. Contigs are named as in the file.

    Attributes:
        dialect: ``ensembl``, ``gencode``, ``refseq`` or ``other``.
        exons, coding: of the transcripts, in their order; adjoining exons are one.
        excluded: transcripts that were left out.
        notes: what was assumed or mended, counted.
        path: the file, to name it in errors.
    """

    genes: Mapping[str, Gene]
    transcripts: Mapping[str, Transcript]
    dialect: str
    exons: Segments
    coding: Segments
    excluded: tuple[Exclusion, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    path: str = ""

    @cached_property
    def by_number(self) -> tuple[Transcript, ...]:
        """The transcripts in their order: ``by_number[i]`` has the segments ``exons.of(i)``."""
        return tuple(self.transcripts.values())

    def contigs(self) -> list[str]:
        """Contigs that have transcripts, used or left out, in the order of the file."""
        places: list[Transcript | Exclusion] = [*self.transcripts.values(), *self.excluded]
        return list(dict.fromkeys(place.chrom for place in places))

    def numbers(self, chrom: str, window: tuple[int, int] | None = None) -> np.ndarray:
        """Numbers of the transcripts of a contig (as the file names it), or of those that meet a window."""
        low, high = window or (1, np.iinfo(np.int64).max)
        return np.array(
            [
                i
                for i, t in enumerate(self.by_number)
                if t.chrom == chrom and t.start <= high and t.end >= low
            ],
            np.int64,
        )

    def left_out(self, chrom: str) -> tuple[np.ndarray, np.ndarray]:
        """First and last bases (int64) of the excluded transcripts of a contig, as the file names it.

        Of a variant in one of them nothing is known: where no other transcript is, it isn't intergenic.
        """
        places = [e for e in self.excluded if e.chrom == chrom]
        return np.array([e.start for e in places], np.int64), np.array([e.end for e in places], np.int64)

    def summary(self) -> dict[str, Any]:
        """Counts for the record: transcripts read = used + excluded by reason."""
        flags = Counter(flag for t in self.transcripts.values() for flag in t.flags)
        return {
            "dialect": self.dialect,
            "genes": len(self.genes),
            "transcripts": len(self.transcripts),
            "coding_transcripts": int(np.count_nonzero(np.diff(self.coding.offset))),
            "transcripts_read": len(self.transcripts) + len(self.excluded),
            "excluded": dict(sorted(Counter(e.reason for e in self.excluded).items())),
            "flags": dict(sorted(flags.items())),
            "notes": dict(sorted(self.notes.items())),
        }


def read_gene_model(path: str | Path, chroms: Iterable[str] | None = None) -> GeneModel:
    """Read a GFF3 file of Ensembl, GENCODE or RefSeq, plain, gzip or bgzip.

    Args:
        path: with a tabix index beside it, only the wanted contigs are read.
        chroms: contigs to read, by any of their names (``1``, ``chr1``, ``NC_000001.11``); all if ``None``.
            A contig that the file lacks is no error.

    Raises:
        InputError: no such file; malformed lines, ids used twice, parts without their whole, all listed
            together; no transcripts in the whole file; or more than a tenth of the transcripts odd.
    """
    problems: list[Problem] = []
    reader = _Reader(str(path), gff.detect_dialect(path), problems)
    wanted = _chooser(chroms)
    for feature in gff.read_features(path, wanted, problems):
        reader.add(feature)
    model = reader.model()
    if problems:
        raise InputError(problems[:_MAX_PROBLEMS])
    _check_whole(path, model, chroms is None)
    return model


def gene_frame(model: GeneModel) -> pd.DataFrame:
    """All genes as a table with the columns of :class:`Gene`; empty text is null."""
    frame = pd.DataFrame(list(model.genes.values()), columns=list(Gene._fields))
    for column in ("biotype", "hgnc_id", "synonyms"):
        frame[column] = frame[column].astype("str").replace("", None)
    return frame


def model_contig(model: GeneModel, chrom: str) -> str | None:
    """What the gene model calls a contig of the reference; ``None`` if it has none."""
    return match_contigs([chrom], model.contigs()).get(chrom)


def _chooser(chroms: Iterable[str] | None) -> Callable[[str], bool]:
    if chroms is None:
        return lambda contig: True
    chosen = {bare_name(name) for name in chroms}
    known: dict[str, bool] = {}

    def wanted(contig: str) -> bool:
        if contig not in known:
            known[contig] = bare_name(contig) in chosen
        return known[contig]

    return wanted


def _check_whole(path: str | Path, model: GeneModel, all_contigs: bool) -> None:
    n_excluded, n_used = len(model.excluded), len(model.transcripts)
    if n_excluded and (
        not n_used
        or (n_excluded + n_used >= _ENOUGH and n_excluded > _MAX_EXCLUDED_SHARE * (n_excluded + n_used))
    ):
        raise InputError(
            [
                Problem(
                    str(path),
                    None,
                    "",
                    f"transcript {visible(e.transcript)}: {REASONS[e.reason]}",
                    "a gene model most of whose transcripts are whole",
                )
                for e in model.excluded[:_MAX_PROBLEMS]
            ]
        )
    if all_contigs and not n_used:
        raise input_error(path, f"{len(model.genes)} genes and no transcripts", _EXPECTED)


class _Draft(NamedTuple):
    names: gff.TranscriptNames
    parent: str
    chrom: str
    start: int
    end: int
    strand: str
    kind: str
    line: int | None


class _Reader:
    """Collects features in any order and makes the model of them."""

    def __init__(self, path: str, dialect: str, problems: list[Problem]) -> None:
        self._path, self._dialect, self._problems = path, dialect, problems
        self._genes: dict[str, Gene] = {}
        self._drafts: dict[str, _Draft] = {}
        self._ids: set[tuple[str, str]] = set()
        self._owners: dict[str, int] = {}
        self._owner_lines: list[tuple[int | None, str]] = []
        self._contigs: dict[str, int] = {}
        self._parts = [array(code) for code in "ibqqbbi"]  # owner kind start end phase strand contig
        self._proteins: dict[int, str] = {}
        self._flags: dict[int, frozenset[str]] = {}
        self._differing: set[str] = set()

    def add(self, feature: gff.Feature) -> None:
        kind = feature.kind
        if kind == "exon":
            self._add_part(feature, EXON)
        elif kind == "CDS":
            self._add_part(feature, CDS)
        elif kind in gff.UNTRANSLATED:
            self._add_part(feature, UTR)
        elif kind == gff.SELENOCYSTEINE:
            for parent in feature.parents():
                self._mark(self._owner(parent, feature), frozenset(["selenocysteine"]))
        elif kind == gff.ALIGNMENT:
            self._add_alignment(feature)
        elif feature.attribute("ID"):
            self._add_whole(feature)

    def _add_part(self, feature: gff.Feature, kind: int) -> None:
        parents = feature.parents()
        if not parents:
            self._problem(feature.line, f"{feature.kind} without a Parent", "the Parent it is a part of")
        strand = {"+": 1, "-": -1}.get(feature.strand, 0)
        contig = self._contigs.setdefault(feature.chrom, len(self._contigs))
        for parent in parents:
            owner = self._owner(parent, feature)
            values = (owner, kind, feature.start, feature.end, feature.phase, strand, contig)
            for column, value in zip(self._parts, values, strict=True):
                column.append(value)
            if kind == CDS:
                if owner not in self._proteins:
                    self._proteins[owner] = gff.protein_id(feature)
                if flags := gff.flags_of(feature):
                    self._mark(owner, flags)

    def _owner(self, parent: str, feature: gff.Feature) -> int:
        number = self._owners.setdefault(parent, len(self._owners))
        if number == len(self._owner_lines):
            self._owner_lines.append((feature.line, feature.kind))
        return number

    def _mark(self, owner: int, flags: frozenset[str]) -> None:
        self._flags[owner] = self._flags.get(owner, frozenset()) | flags

    def _add_alignment(self, feature: gff.Feature) -> None:
        """A RefSeq transcript whose own sequence, aligned to the genome, has gaps or mismatches."""
        found = gff.attributes_of(feature.attributes)
        counts = (found.get("gap_count", "0"), found.get("num_mismatch", "0"))
        if "Gap" in found or any(count not in ("", "0") for count in counts):
            self._differing.add(found.get("Target", "").split(" ")[0])

    def _add_whole(self, feature: gff.Feature) -> None:
        identifier, parents = gff.attributes_of(feature.attributes)["ID"], feature.parents()
        is_gene = not parents and (feature.kind.endswith("gene") or identifier.startswith(("gene:", "gene-")))
        if not (is_gene or parents):
            return
        wholes: Mapping[str, object] = self._genes if is_gene else self._drafts
        if identifier in wholes:
            what = "gene" if is_gene else "transcript"
            found = f"{what} {visible(gff.plain_id(identifier))} a second time"
            self._problem(feature.line, found, "ids used once")
            return
        place = (feature.chrom, feature.start, feature.end, feature.strand)
        if is_gene:
            names = gff.gene_names(feature, self._dialect)
            others = "|".join(names.synonyms)
            self._genes[identifier] = Gene(
                names.gene, names.gene_id, *place, names.biotype, names.hgnc_id, others
            )
        else:
            described = gff.transcript_names(feature, self._dialect)
            self._drafts[identifier] = _Draft(described, parents[0], *place, feature.kind, feature.line)

    def _problem(self, line: int | None, found: str, expected: str) -> None:
        self._problems.append(Problem(self._path, line, "", found, expected))

    # -- the model of it -------------------------------------------------------------------------------

    def model(self) -> GeneModel:
        gene_of = self._genes_of_drafts()
        for parent in [name for name in self._owners if name not in self._drafts]:
            if parent in self._genes:
                # RefSeq's mitochondrial proteins and pseudogenes have parts but no transcript.
                gene = self._genes[parent]
                names = gff.TranscriptNames(gene.gene_id, gene.biotype, frozenset())
                place = (gene.chrom, gene.start, gene.end, gene.strand)
                self._drafts[parent] = _Draft(names, parent, *place, "transcript", None)
                gene_of[parent] = parent
            else:
                line, kind = self._owner_lines[self._owners[parent]]
                found = f"{kind} of {visible(gff.plain_id(parent))}, which no line describes"
                self._problem(line, found, "a transcript with that ID")
        if self._problems:
            return GeneModel({}, {}, self._dialect, no_segments(), no_segments())
        drafts = [d for d in self._drafts if d in gene_of]
        number = {self._owners[d]: i for i, d in enumerate(drafts) if d in self._owners}
        parts = self._parts_by_transcript(number)
        parts, notes = with_exons(parts, len(drafts))
        reasons, marks = faults(parts, self._places(drafts), len(drafts))
        return self._assemble(drafts, gene_of, parts, reasons, marks, notes)

    def _genes_of_drafts(self) -> dict[str, str]:
        """The gene of each transcript, also of one that is part of another (RefSeq's mature miRNA)."""
        gene_of: dict[str, str] = {}
        for identifier, draft in self._drafts.items():
            parent, seen = draft.parent, {identifier}
            while parent in self._drafts and parent not in seen:
                seen.add(parent)
                parent = self._drafts[parent].parent
            if parent in self._genes:
                if draft.parent == parent or identifier in self._owners:
                    gene_of[identifier] = parent
            elif identifier in self._owners or draft.kind in ("mRNA", "transcript"):
                name, gene = gff.plain_id(identifier), gff.plain_id(draft.parent)
                found = f"transcript {visible(name)} of the gene {visible(gene)}, which no line describes"
                self._problem(draft.line, found, "a gene with that ID")
        return gene_of

    def _parts_by_transcript(self, number: Mapping[int, int]) -> pd.DataFrame:
        columns = ["owner", "kind", "start", "end", "phase", "strand", "contig"]
        frame = pd.DataFrame(
            {name: np.array(column) for name, column in zip(columns, self._parts, strict=True)}
        )
        renumbered = np.full(len(self._owners), -1, np.int64)
        for owner, i in number.items():
            renumbered[owner] = i
        frame["owner"] = renumbered[frame["owner"].to_numpy(np.int64)] if len(frame) else frame["owner"]
        return frame.sort_values(["owner", "kind", "start", "end"], kind="stable", ignore_index=True)

    def _places(self, drafts: Sequence[str]) -> pd.DataFrame:
        """Contig number, bounds and strand of each transcript."""
        strand = {"+": 1, "-": -1}
        rows = [
            (self._contigs.get(d.chrom, -1), d.start, d.end, strand.get(d.strand, 0))
            for d in map(self._drafts.__getitem__, drafts)
        ]
        return pd.DataFrame(rows, columns=["contig", "start", "end", "strand"], dtype=np.int64)

    def _assemble(
        self,
        drafts: Sequence[str],
        gene_of: Mapping[str, str],
        parts: pd.DataFrame,
        reasons: Mapping[int, str],
        marks: Mapping[str, set[int]],
        notes: dict[str, int],
    ) -> GeneModel:
        transcripts: dict[str, Transcript] = {}
        excluded = []
        kept: list[int] = []
        has_cds = set(parts.loc[parts["kind"] == CDS, "owner"])
        for i, identifier in enumerate(drafts):
            d, gene = self._drafts[identifier], self._genes[gene_of[identifier]]
            owner = self._owners.get(identifier, -1)
            name = d.names.transcript
            if i in reasons:
                excluded.append(Exclusion(name, gene.gene_id, d.chrom, d.start, d.end, reasons[i]))
                continue
            biotype = d.names.biotype
            if not biotype:
                biotype = "protein_coding" if i in has_cds else gene.biotype or d.kind
                notes["biotype_assumed"] = notes.get("biotype_assumed", 0) + 1
            flags = d.names.flags | self._flags.get(owner, frozenset())
            flags |= {mark for mark, marked in marks.items() if i in marked}
            if name in self._differing:
                flags |= {"differs_from_reference"}
            if name in transcripts:
                self._problem(d.line, f"transcript {visible(name)} a second time", "ids used once")
            protein = self._proteins.get(owner, "")
            place = (d.chrom, d.start, d.end, d.strand)
            transcripts[name] = Transcript(name, gene.gene_id, *place, biotype, protein, flags)
            kept.append(i)
        genes: dict[str, Gene] = {}
        for gene in self._genes.values():
            if gene.gene_id in genes:
                self._problem(None, f"gene {visible(gene.gene_id)} a second time", "ids used once")
            genes[gene.gene_id] = gene
        exons, coding = (segments(parts, kind, kept) for kind in (EXON, CDS))
        return GeneModel(genes, transcripts, self._dialect, exons, coding, tuple(excluded), notes, self._path)
