"""GFF3 files of Ensembl, GENCODE and RefSeq: their lines, and what each of them calls things.

The three agree on the nine columns and on ``ID`` and ``Parent``; names, versions, biotypes and the marks of
unusual transcripts are written differently. Here they become the same few words. Format:
https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pysam

from endotype.errors import Problem, input_error, visible

ENSEMBL, GENCODE, REFSEQ, OTHER = "ensembl", "gencode", "refseq", "other"

SEGMENTS = frozenset(["exon", "CDS"])
UNTRANSLATED = frozenset(["five_prime_UTR", "three_prime_UTR", "UTR"])
SELENOCYSTEINE = "stop_codon_redefined_as_selenocysteine"
ALIGNMENT = "cDNA_match"

_PASSED_OVER = frozenset(["start_codon", "stop_codon", "biological_region", "chromosome", "region"])
_PHASES = {"0": 0, "1": 1, "2": 2, ".": -1}
_PARENT = re.compile(r"(?:^|;) *Parent=([^;]*)").search
_COORDINATE = re.compile(r"-?[0-9]{1,10}").fullmatch
_GENCODE_GENE = re.compile(r"(ENS[A-Z]*G[0-9]+)\.[0-9]+(.*)").fullmatch
_HGNC = re.compile(r"HGNC:(?:HGNC:)?([0-9]+)|HGNC Symbol;Acc:([0-9]+)").search
_PEEK = 5_000
"""A dialect shows within this many features; Ensembl's files may begin with many regions of none."""


class Feature(NamedTuple):
    """One line. ``line`` is its 1-based number, or ``None`` when read through an index.

    ``phase`` is -1 where none is given; ``attributes`` is the ninth column as written.
    """

    line: int | None
    chrom: str
    kind: str
    start: int
    end: int
    strand: str
    phase: int
    attributes: str

    def attribute(self, *names: str) -> str:
        """The decoded value of the first of these attributes that is there, else ''."""
        found = attributes_of(self.attributes)
        return next((unquote(found[name]) for name in names if found.get(name)), "")

    def parents(self) -> list[str]:
        """Ids of the features that this one is part of, as written."""
        match = _PARENT(self.attributes)
        return match[1].split(",") if match else []


def attributes_of(text: str) -> dict[str, str]:
    """The ninth column as names and values, not decoded; the first of a repeated name counts."""
    found: dict[str, str] = {}
    for pair in text.split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip())
    return found


def read_features(
    path: str | Path, wanted: Callable[[str], bool], problems: list[Problem]
) -> Iterator[Feature]:
    """The features of the wanted contigs, in the order of the file; malformed lines become problems.

    With a tabix index beside the file, and not older than it, other contigs aren't read.

    Raises:
        InputError: no such file, damaged, or not GFF3.
    """
    for number, text in _lines(path, wanted):
        if text.startswith("##FASTA") or text.startswith(">"):
            return
        if text.startswith("#") or not text.strip():
            continue
        fields = text.rstrip("\r\n").split("\t")
        if len(fields) != 9:
            found = f"{len(fields)} columns: {visible(text.rstrip(), 60)}"
            problems.append(Problem(str(path), number, "", found, "9 columns separated by tabs"))
            continue
        chrom, _, kind, start, end, _, strand, phase, attributes = fields
        if kind in _PASSED_OVER or not wanted(chrom):
            continue
        if not (_COORDINATE(start) and _COORDINATE(end)) or int(start) > int(end) or int(end) < 1:
            found = f"start {visible(start)}, end {visible(end)}"
            problems.append(Problem(str(path), number, "start", found, "1 <= start <= end"))
            continue
        first = int(start)
        if first < 1:
            # The suite of bcftools csq has genes that begin before its cut-out; parts of them never do.
            if kind in SEGMENTS:
                problems.append(Problem(str(path), number, "start", start, "1 <= start <= end"))
                continue
            first = 1
        if strand not in ("+", "-", ".", "?"):
            problems.append(Problem(str(path), number, "strand", visible(strand), "+, -, . or ?"))
            continue
        if kind == "CDS" and phase not in _PHASES:
            problems.append(Problem(str(path), number, "phase", visible(phase), "0, 1, 2 or ."))
            continue
        yield Feature(number, chrom, kind, first, int(end), strand, _PHASES.get(phase, -1), attributes)


def detect_dialect(path: str | Path) -> str:
    """Whose GFF3 a file is: ``ensembl``, ``gencode``, ``refseq``, or ``other`` with ID, Parent and biotype.

    Raises:
        InputError: no such file, damaged, or GTF.
    """
    seen = 0
    for _, text in _lines(path, None):
        if text.startswith("#") or text.count("\t") != 8:
            continue
        if "ID=gene:" in text or "=transcript:" in text:
            return ENSEMBL
        if "gene_type=" in text and "gene_id=" in text:
            return GENCODE
        if "ID=gene-" in text or "ID=rna-" in text or "gbkey=" in text:
            return REFSEQ
        if 'gene_id "' in text:
            raise input_error(
                path, "GTF", "GFF3 of Ensembl, GENCODE or RefSeq", "take the GFF3 file beside the GTF"
            )
        seen += 1
        if seen == _PEEK:
            break
    return OTHER


# -- what each dialect calls things --------------------------------------------------------------------


class GeneNames(NamedTuple):
    """Id without version, symbol (else the id), biotype, ``HGNC:n`` or '', former and other symbols."""

    gene_id: str
    gene: str
    biotype: str
    hgnc_id: str
    synonyms: tuple[str, ...]


class TranscriptNames(NamedTuple):
    """Id with its version where the file has one, biotype ('' if not said), tags and other marks."""

    transcript: str
    biotype: str
    flags: frozenset[str]


def gene_names(feature: Feature, dialect: str) -> GeneNames:
    """The names of a gene."""
    found = attributes_of(feature.attributes)
    identifier = plain_id(found.get("ID", ""))
    if match := _GENCODE_GENE(identifier) if dialect == GENCODE else None:
        identifier = match[1] + match[2]
    symbol = next((found[name] for name in ("gene_name", "Name", "gene") if found.get(name)), "")
    biotype = next((found[name] for name in ("biotype", "gene_type", "gene_biotype") if name in found), "")
    hgnc = found.get("hgnc_id", "") or found.get("Dbxref", "") or found.get("description", "")
    match = _HGNC(unquote(hgnc))
    synonyms = tuple(filter(None, map(unquote, found.get("gene_synonym", "").split(","))))
    name = unquote(symbol) or identifier
    return GeneNames(
        identifier, name, unquote(biotype), f"HGNC:{match[1] or match[2]}" if match else "", synonyms
    )


def transcript_names(feature: Feature, dialect: str) -> TranscriptNames:
    """The names and marks of a transcript."""
    found = attributes_of(feature.attributes)
    name = plain_id(found.get("ID", ""))
    version = found.get("version", "")
    if dialect == ENSEMBL and version and not name.endswith(f".{version}"):
        name = f"{name}.{version}"
    words = ("biotype", "transcript_type", "transcript_biotype")
    biotype = next((found[word] for word in words if found.get(word)), "")
    if not biotype and dialect == REFSEQ:
        biotype = "protein_coding" if feature.kind == "mRNA" else feature.kind
    return TranscriptNames(name, unquote(biotype), flags_of(feature))


def plain_id(identifier: str) -> str:
    """An ID decoded and without the prefix of its kind: ``transcript:ENST1`` and ``rna-NM_1``."""
    text = unquote(identifier)
    for prefix in ("gene:", "transcript:", "gene-", "rna-"):
        if text.startswith(prefix) and len(text) > len(prefix):
            return text[len(prefix) :]
    return text


def protein_id(feature: Feature) -> str:
    """The protein that a CDS codes for, with version; '' if not said."""
    found = attributes_of(feature.attributes)
    name, version = unquote(found.get("protein_id", "")), found.get("version", "")
    return f"{name}.{version}" if name and version and "." not in name else name


_MARKS = {
    "ribosomal slippage": "ribosomal_slippage",
    "ribosomal frameshift": "ribosomal_slippage",
    "unclassified transcription discrepancy": "differs_from_reference",
    "unclassified translation discrepancy": "differs_from_reference",
    "compared to this genomic sequence": "differs_from_reference",
    "modified relative to": "differs_from_reference",
    "LOW QUALITY PROTEIN": "differs_from_reference",
    "annotated by transcript or proteomic data": "differs_from_reference",
    "aa:Sec": "selenocysteine",
    "aa%3ASec": "selenocysteine",
}
"""What RefSeq says in ``exception``, ``Note``, ``product`` and ``transl_except``."""
_MARKED = re.compile("|".join(map(re.escape, _MARKS))).search
_KEPT_TAGS = frozenset(
    [
        *("cds_start_NF", "cds_end_NF", "mRNA_start_NF", "mRNA_end_NF", "seleno"),
        *("MANE_Select", "MANE_Plus_Clinical", "Ensembl_canonical", "RefSeq_Select"),
    ]
)
_TAGS = re.compile(r"(?:^|;) *tag=([^;]*)").search
_NO_FLAGS: frozenset[str] = frozenset()


def flags_of(feature: Feature) -> frozenset[str]:
    """Tags and other marks of a transcript or CDS that decide how it is treated."""
    text = feature.attributes
    flags: set[str] = set()
    if match := _TAGS(text):
        flags |= _KEPT_TAGS & {tag.strip().replace(" ", "_") for tag in unquote(match[1]).split(",")}
    if _MARKED(text):
        flags |= {mark for words, mark in _MARKS.items() if words in text}
    if "seleno" in flags:
        flags = (flags - {"seleno"}) | {"selenocysteine"}
    for side, strand in (("start_range=", "+"), ("end_range=", "-")):
        if side in text and "partial=true" in text:
            flags.add("cds_start_NF" if feature.strand == strand else "cds_end_NF")
    return frozenset(flags) if flags else _NO_FLAGS


# -- lines ---------------------------------------------------------------------------------------------


def _lines(path: str | Path, wanted: Callable[[str], bool] | None) -> Iterator[tuple[int | None, str]]:
    """Lines and their numbers; of a file with an index, those of the wanted contigs without numbers."""
    try:
        if wanted is not None and _has_index(Path(path)):
            with pysam.TabixFile(str(path), encoding="utf-8") as indexed:
                for contig in indexed.contigs:
                    if wanted(contig):
                        for text in indexed.fetch(contig):
                            yield None, text
            return
        with Path(path).open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8", errors="strict") as stream:
            yield from enumerate(stream, start=1)
    except FileNotFoundError:
        raise input_error(path, "no such file", "a GFF3 file") from None
    except (EOFError, OSError, zlib.error, UnicodeDecodeError, ValueError) as error:
        raise input_error(path, f"a damaged file ({error})", "GFF3 text, plain or gzip") from None


def _has_index(path: Path) -> bool:
    """Whether an index stands beside the file that isn't older; another one may be of other content."""
    for suffix in (".tbi", ".csi"):
        index = Path(f"{path}{suffix}")
        if index.is_file() and path.is_file() and index.stat().st_mtime >= path.stat().st_mtime:
            return True
    return False
