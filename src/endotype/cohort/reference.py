"""The reference genome and its gene models, as far as the checks of the input need them."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import pysam

from endotype.cohort.assembly import match_contigs
from endotype.cohort.survey import Site
from endotype.errors import InputError, Problem, input_error, visible

_EXAMPLES = 3


@dataclass(frozen=True)
class Reference:
    """An open reference FASTA. ``lengths``: contig -> length in bp, in the order of the file."""

    path: str
    lengths: dict[str, int]
    _fasta: pysam.FastaFile

    def bases(self, contig: str, start: int, length: int) -> str:
        """``length`` bases from 1-based ``start``, upper case; shorter at the end of the contig."""
        return self._fasta.fetch(contig, start - 1, start - 1 + length).upper()

    def md5(self, contig: str) -> str:
        """MD5 of a contig's bases in upper case, as ``M5`` of SAM and ``md5`` of VCF headers give it."""
        return hashlib.md5(self._fasta.fetch(contig).upper().encode(), usedforsecurity=False).hexdigest()


@contextmanager
def open_reference(path: str) -> Iterator[Reference]:
    """Open a FASTA file, plain or bgzip; an index that is missing is made in a temporary folder.

    Raises:
        InputError: no such file, not a FASTA, plain gzip, or an index of another file.
    """
    file = Path(path)
    _check_is_fasta(file)
    pysam.set_verbosity(0)
    with tempfile.TemporaryDirectory() as folder:
        linked = Path(folder) / file.name
        linked.symlink_to(file.resolve())
        for suffix in (".fai", ".gzi"):
            if (index := Path(path + suffix)).is_file():
                Path(str(linked) + suffix).symlink_to(index.resolve())
        try:
            fasta = pysam.FastaFile(str(linked))
        except (ValueError, OSError) as error:
            if file.suffix in (".gz", ".bgz"):
                raise input_error(
                    path,
                    "a compressed FASTA that can't be indexed",
                    "a FASTA, plain or compressed with bgzip",
                    f"gzip -dc {file.name} | bgzip > {file.stem}.bgz",
                ) from None
            raise input_error(
                path, f"a FASTA that can't be indexed ({error})", "a valid FASTA file"
            ) from None
        with closing(fasta):
            lengths = dict(zip(fasta.references, fasta.lengths, strict=True))
            _check_index_fits(path, lengths)
            yield Reference(path, lengths, fasta)


@dataclass
class RefComparison:
    """Sampled records against the FASTA: how many were compared, how many differ, the first that do."""

    compared: int = 0
    different: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Share of the compared records that differ; 0 when none was compared."""
        return self.different / self.compared if self.compared else 0.0


def compare_bases(sites: Iterable[Site], reference: Reference) -> dict[str, RefComparison]:
    """REF of sampled records against the FASTA, by contig.

    Only plain bases are compared; a base the FASTA doesn't know (N) agrees with everything.
    """
    by_contig: dict[str, RefComparison] = {}
    for contig, pos, ref in sites:
        ref = ref.upper()
        length = reference.lengths.get(contig, 0)
        if pos < 1 or pos + len(ref) - 1 > length or not ref or set(ref) - set("ACGT"):
            continue
        bases = reference.bases(contig, pos, len(ref))
        result = by_contig.setdefault(contig, RefComparison())
        result.compared += 1
        if any(a != b and b in "ACGT" for a, b in zip(ref, bases, strict=True)):
            result.different += 1
            if len(result.examples) < _EXAMPLES:
                result.examples.append(
                    f"{contig}:{pos} {visible(ref, 20)} where the reference has {visible(bases, 20)}"
                )
    return by_contig


def _check_is_fasta(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            head = stream.read(2)
        if head == b"\x1f\x8b":
            with gzip.open(file, "rb") as stream:
                head = stream.read(2)
    except FileNotFoundError:
        raise input_error(file, "no such file", "a reference FASTA") from None
    except IsADirectoryError:
        raise input_error(file, "a folder", "a reference FASTA") from None
    except PermissionError:
        raise input_error(file, "a file that may not be read", "a reference FASTA") from None
    except (EOFError, zlib.error, OSError) as error:
        raise input_error(file, f"a damaged file ({error})", "a reference FASTA") from None
    if not head:
        raise input_error(file, "an empty file", "a reference FASTA")
    if head[:1] != b">":
        found = f"a file that begins with {visible(head.decode('latin-1'))}"
        raise input_error(file, found, "a FASTA file, which begins with >")


def _check_index_fits(path: str, lengths: dict[str, int]) -> None:
    """An index made for another version of the file gives wrong bases without any error."""
    index = Path(path + ".fai")
    if path.endswith((".gz", ".bgz")) or not index.is_file():
        return
    name, length, offset, bases, width = index.read_text(encoding="utf-8").splitlines()[-1].split("\t")[:5]
    last, size = int(length) - 1, Path(path).stat().st_size
    if last < 0:
        return
    end = int(offset) + last // int(bases) * int(width) + last % int(bases) + 1
    if not end <= size <= end + 2 * (int(width) - int(bases) + 1):
        raise input_error(
            index,
            f"an index by which {visible(name)} ends at byte {end:,} of {size:,}",
            f"the index of {path}",
            "make it again with samtools faidx",
        )


@dataclass
class _GeneModels:
    """What has been seen of a GFF3 file so far."""

    contigs: set[str] = field(default_factory=set)
    shares_a_contig: bool = False
    has_coding: bool = False
    n_transcripts: int = 0

    def add(self, cells: list[str], reference: set[str] | None) -> None:
        """Note one feature, a line of nine cells."""
        contig, kind, attributes = cells[0], cells[2], cells[8]
        self.contigs.add(contig)
        self.shares_a_contig |= reference is None or bool(match_contigs([contig], reference))
        self.has_coding |= kind == "CDS"
        if "Parent=" in attributes and "ID=" in attributes and kind not in ("exon", "CDS"):
            self.n_transcripts += 1

    @property
    def is_enough(self) -> bool:
        """Whether reading on could change nothing."""
        return self.has_coding and self.shares_a_contig and self.n_transcripts > 0


def check_gene_models(path: str, contigs: set[str] | None) -> None:
    """Check that a GFF3 file has transcripts and coding sequence, on contigs of the reference.

    Reads only as far as is needed to see all of these.

    Args:
        path: GFF3, plain or gzip.
        contigs: contigs of the reference; ``None`` when there is none.

    Raises:
        InputError: with every problem of the file.
    """
    models = _GeneModels()
    try:
        with closing(_open_text(path)) as stream:
            for number, raw in enumerate(stream, start=1):
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("##FASTA"):
                    break
                if not line or line.startswith("#"):
                    continue
                cells = line.split("\t")
                if len(cells) != 9 or not (cells[3].isdigit() and cells[4].isdigit()):
                    raise InputError(
                        Problem(path, number, "", f"the line {visible(line, 60)}", "the nine columns of GFF3")
                    )
                models.add(cells, contigs)
                if models.is_enough:
                    break
    except FileNotFoundError:
        raise input_error(path, "no such file", "gene models in GFF3") from None
    except (IsADirectoryError, PermissionError) as error:
        raise input_error(path, f"not readable ({error.strerror})", "gene models in GFF3") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise input_error(path, f"a damaged file ({error})", "gene models in GFF3") from None
    problems = _missing_parts(path, models, contigs)
    if problems:
        raise InputError(problems)


def _open_text(path: str) -> BinaryIO:
    with Path(path).open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb") if compressed else Path(path).open("rb"))


def _missing_parts(path: str, models: _GeneModels, contigs: set[str] | None) -> list[Problem]:
    problems = []
    if not models.contigs:
        return [Problem(path, None, "", "no features", "genes, transcripts and CDS in GFF3")]
    if not models.has_coding:
        problems.append(Problem(path, None, "type", "no CDS", "coding sequence (CDS) of transcripts"))
    if not models.n_transcripts:
        problems.append(Problem(path, None, "type", "no transcripts", "transcripts that belong to genes"))
    if contigs is not None and not models.shares_a_contig:
        names = f"{', '.join(sorted(contigs)[:3])} ..."
        problems.append(
            Problem(
                path,
                None,
                "seqid",
                f"contigs {', '.join(sorted(models.contigs)[:3])} ...",
                f"contigs of the reference ({names})",
                "rename the contigs",
            )
        )
    return problems
