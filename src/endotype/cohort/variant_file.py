"""Looking into a VCF or BCF file before anything is computed from it.

:func:`inspect` reads the header, checks that the file is whole, and samples records. A file with an index
is not read through: contigs come from the index and records from places spread over the genome. A file
without one is read through once when it is small; that also finds damage in its middle.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pysam

from endotype.cohort.compression import DAMAGED, compression_of, damaged, index_of, open_stream
from endotype.cohort.survey import HEAD_RECORDS, Site, Survey, affordable
from endotype.cohort.variant_index import Indexed, indexed_contigs, probe
from endotype.cohort.vcf_text import check_values, note_meta, read_header, survey_lines
from endotype.errors import input_error

READ_THROUGH_BYTES = 256 * 2**20
"""Files without an index that are larger than this (on disk) are not read through."""


@dataclass(frozen=True)
class VariantFile:
    """What is known of a VCF or BCF file without computing from it.

    Attributes:
        path: as it was opened.
        is_bcf: BCF rather than VCF.
        index: path of its ``.tbi`` or ``.csi``, or ``None``.
        samples: sample names, in the order of the header.
        header_contigs: contigs of the header with their lengths in bp, ``None`` where it gives none.
        build_words: what the header says of the assembly (``##reference``, ``assembly=`` of contig lines).
        contigs: contigs that have records; those of the header when this is not known.
        contigs_known: whether ``contigs`` was found from the index or by reading through.
        last_positions: largest POS of each contig, when the file was read through.
        has_records: whether there is any record.
        sites: a sample of the records, for comparison with the reference.
    """

    path: str
    is_bcf: bool
    index: str | None
    samples: tuple[str, ...]
    header_contigs: dict[str, int | None]
    build_words: tuple[str, ...]
    contigs: tuple[str, ...]
    contigs_known: bool
    last_positions: dict[str, int]
    has_records: bool
    sites: tuple[Site, ...] = field(repr=False)


def inspect(path: str, needs_samples: bool = True) -> VariantFile:
    """Read the header of a VCF or BCF file, check that it is whole, and sample its records.

    Args:
        path: VCF (plain, gzip or bgzip) or BCF.
        needs_samples: whether a file without samples is an error.

    Raises:
        InputError: no such file, damaged, not a VCF, no header, no samples, faulty records.
    """
    compression = compression_of(path)
    with closing(open_stream(path, compression)) as stream:
        try:
            head = stream.read(5)
        except DAMAGED as error:
            raise damaged(path, error) from None
    index = index_of(path) if compression == "bgzf" else None
    if head.startswith(b"BCF"):
        return _inspect_bcf(path, index, needs_samples)
    return _inspect_vcf(path, compression, index, needs_samples)


def last_position(file: VariantFile, contig: str) -> int:
    """The largest POS on a contig, 0 when it has no record.

    With an index, by bisection: is there a record at or after this position?
    """
    if contig in file.last_positions or (file.contigs_known and contig not in file.contigs):
        return file.last_positions.get(contig, 0)
    if file.index is None:
        positions = (site.pos for site in _all_sites(file) if site.contig == contig)
        return max(positions, default=0)
    with closing(Indexed(file.path, file.index, file.is_bcf)) as records:
        low, high = 0, 2**29 - 1 if file.index.endswith(".tbi") else 2**31 - 2
        while low < high:
            middle = (low + high + 1) // 2
            found = next(records.sites(contig, middle), None)
            if found is None:
                high = middle - 1
            else:
                low = max(middle, found.pos)
        return low


def _inspect_vcf(path: str, compression: str, index: str | None, needs_samples: bool) -> VariantFile:
    with closing(open_stream(path, compression)) as stream:
        try:
            header = read_header(path, stream, needs_samples)
            read_through = index is None and Path(path).stat().st_size <= READ_THROUGH_BYTES
            limit = None if read_through else affordable(len(header.samples))
            survey = survey_lines(path, stream, header, limit)
        except DAMAGED as error:
            raise damaged(path, error) from None
    if compression != "gzip":
        check_values(path, header)
    contigs, known, sites = tuple(header.contigs), read_through, survey.sites
    if index is not None:
        contigs, known = indexed_contigs(path, index, is_bcf=False), True
        sites = _distinct(sites + probe(path, index, False, contigs, header.contigs, len(header.samples)))
    elif read_through:
        contigs = tuple(survey.contigs)
    return VariantFile(
        path,
        False,
        index,
        header.samples,
        header.contigs,
        header.build_words,
        contigs,
        known,
        survey.contigs if read_through else {},
        survey.n_records > 0,
        tuple(sites),
    )


def _inspect_bcf(path: str, index: str | None, needs_samples: bool) -> VariantFile:
    pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(path, "rb") as bcf:
            samples = tuple(map(str, bcf.header.samples))
            contigs: dict[str, int | None] = {}
            words: list[str] = []
            for line in str(bcf.header).splitlines():
                note_meta(line, contigs, words)
        with pysam.VariantFile(path, "rb", drop_samples=True) as bcf:
            read_through = index is None and Path(path).stat().st_size <= READ_THROUGH_BYTES
            survey = Survey()
            for record in itertools.islice(bcf, None if read_through else HEAD_RECORDS):
                survey.add(Site(str(record.chrom), int(record.pos), str(record.ref)))
    except (ValueError, OSError, EOFError, NotImplementedError) as error:
        raise input_error(path, f"a BCF file that can't be read ({error})", "a whole BCF file") from None
    if needs_samples and not samples:
        raise input_error(path, "a BCF without samples", "a BCF with genotypes")
    present, known, sites = tuple(contigs), read_through, survey.sites
    if index is not None:
        present, known = indexed_contigs(path, index, is_bcf=True), True
        sites = _distinct(sites + probe(path, index, True, present, contigs, len(samples)))
    elif read_through:
        present = tuple(survey.contigs)
    return VariantFile(
        path,
        True,
        index,
        samples,
        contigs,
        tuple(dict.fromkeys(words)),
        present,
        known,
        survey.contigs if read_through else {},
        survey.n_records > 0,
        tuple(sites),
    )


def _all_sites(file: VariantFile) -> Iterator[Site]:
    if file.is_bcf:
        with pysam.VariantFile(file.path, "rb", drop_samples=True) as bcf:
            for record in bcf:
                yield Site(str(record.chrom), int(record.pos), str(record.ref))
        return
    with closing(open_stream(file.path, compression_of(file.path))) as stream:
        for line in stream:
            if not line.startswith(b"#"):
                cells = line.split(b"\t", 4)
                yield Site(cells[0].decode(), int(cells[1]), cells[3].decode())


def _distinct(sites: list[Site]) -> list[Site]:
    return list(dict.fromkeys(sites))
