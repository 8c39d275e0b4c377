"""Looking into a VCF or BCF file before anything is computed from it.

:func:`inspect` checks the header and records against the VCF specification and that the file is whole, and
samples records. A file with an index is not read through: contigs come from the index and records from its
start and from places spread over the genome. A file without one is read through once when it is small; that
also finds damage in its middle.
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
from endotype.cohort.vcf_header import Declarations, check_meta, parse_version
from endotype.cohort.vcf_record import RecordChecker
from endotype.cohort.vcf_spec import Defects
from endotype.cohort.vcf_text import Contigs, check_values, note_last_line, read_header, survey_lines
from endotype.errors import input_error

READ_THROUGH_BYTES = 256 * 2**20
"""Files without an index that are larger than this (on disk) are not read through."""


@dataclass(frozen=True)
class VariantFile:
    """What is known of a VCF or BCF file without computing from it.

    Attributes:
        path: as it was opened.
        form: ``bgzf_vcf``, ``gzip_vcf``, ``plain_vcf`` or ``bcf``.
        index: path of its ``.tbi`` or ``.csi``, or ``None``.
        samples: sample names, in the order of the header.
        header_contigs: contigs of the header with their lengths in bp, ``None`` where it gives none.
        md5s: contigs of the header with the MD5 of their sequence, those that have one.
        build_words: what the header says of the assembly (``##reference``, ``assembly=`` of contig lines).
        contigs: contigs that have records; those of the header when this is not known.
        contigs_known: whether ``contigs`` was found from the index or by reading through.
        last_positions: largest POS of each contig, when the file was read through.
        has_records: whether there is any record.
        sites: a sample of the records, for comparison with the reference.
        warnings: breaches of the VCF specification that harm nothing, a sentence for each kind.
        own_names: contig -> its name in the file, where it was renamed after reading.
    """

    path: str
    form: str
    index: str | None
    samples: tuple[str, ...]
    header_contigs: dict[str, int | None]
    md5s: dict[str, str]
    build_words: tuple[str, ...]
    contigs: tuple[str, ...]
    contigs_known: bool
    last_positions: dict[str, int]
    has_records: bool
    sites: tuple[Site, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()
    own_names: dict[str, str] = field(default_factory=dict)

    @property
    def is_bcf(self) -> bool:
        """BCF rather than VCF."""
        return self.form == "bcf"


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
    own = file.own_names.get(contig, contig)
    if file.index is None:
        positions = (site.pos for site in _all_sites(file) if site.contig == own)
        return max(positions, default=0)
    with closing(Indexed(file.path, file.index, file.is_bcf)) as records:
        low, high = 0, 2**29 - 1 if file.index.endswith(".tbi") else 2**31 - 2
        while low < high:
            middle = (low + high + 1) // 2
            found = next(records.sites(own, middle), None)
            if found is None:
                high = middle - 1
            else:
                low = max(middle, found.pos)
        return low


def _inspect_vcf(path: str, compression: str, index: str | None, needs_samples: bool) -> VariantFile:
    defects = Defects(path)
    with closing(open_stream(path, compression)) as stream:
        try:
            header = read_header(path, stream, needs_samples, defects)
            checker = RecordChecker(header.declared, header.n_columns, defects)
            read_through = index is None and Path(path).stat().st_size <= READ_THROUGH_BYTES
            limit = None if read_through else affordable(len(header.samples))
            survey = survey_lines(stream, header, checker, limit, defects)
        except DAMAGED as error:
            raise damaged(path, error) from None
    if compression == "plain" and not read_through:
        _check_end(path, defects)
    if compression != "gzip":
        check_values(path, header)
    contigs, known, sites = tuple(header.contigs.lengths), read_through, survey.sites
    if index is not None:
        contigs, known = indexed_contigs(path, index, is_bcf=False), True
        lengths, n_samples = header.contigs.lengths, len(header.samples)
        sites = _distinct(sites + probe(path, index, False, contigs, lengths, n_samples, checker))
        defects.raise_if_any()
    elif read_through:
        contigs = tuple(survey.contigs)
    return VariantFile(
        path=path,
        form=f"{compression}_vcf",
        index=index,
        samples=header.samples,
        header_contigs=header.contigs.lengths,
        md5s=header.contigs.md5s,
        build_words=tuple(dict.fromkeys(header.contigs.build_words)),
        contigs=contigs,
        contigs_known=known,
        last_positions=survey.contigs if read_through else {},
        has_records=survey.n_records > 0,
        sites=tuple(sites),
        warnings=defects.warnings(),
    )


def _check_end(path: str, defects: Defects) -> None:
    with Path(path).open("rb") as stream:
        stream.seek(-1, 2)
        note_last_line(stream.read(1), None, defects)


def _inspect_bcf(path: str, index: str | None, needs_samples: bool) -> VariantFile:
    pysam.set_verbosity(0)
    contigs = Contigs({}, {}, [])
    defects = Defects(path)
    try:
        with pysam.VariantFile(path, "rb") as bcf:
            samples = tuple(map(str, bcf.header.samples))
            first, *lines = str(bcf.header).splitlines()
            declared = Declarations(parse_version(first) or (4, 2))
            for number, line in enumerate(lines, start=2):
                contigs.note(line)
                if line.startswith("##"):
                    check_meta(line, number, declared, defects)
            checker = RecordChecker(declared, 9 + len(samples) if samples else 8, defects)
            for record in itertools.islice(bcf, affordable(len(samples))):
                checker.check(str(record).rstrip("\n").encode(), None)
        with pysam.VariantFile(path, "rb", drop_samples=True) as bcf:
            read_through = index is None and Path(path).stat().st_size <= READ_THROUGH_BYTES
            survey = Survey()
            for record in itertools.islice(bcf, None if read_through else HEAD_RECORDS):
                survey.add(Site(str(record.chrom), int(record.pos), str(record.ref)))
    except (ValueError, OSError, EOFError, NotImplementedError) as error:
        raise input_error(path, f"a BCF file that can't be read ({error})", "a whole BCF file") from None
    if needs_samples and not samples:
        raise input_error(path, "a BCF without samples", "a BCF with genotypes")
    defects.raise_if_any()
    present, known, sites = tuple(contigs.lengths), read_through, survey.sites
    if index is not None:
        present, known = indexed_contigs(path, index, is_bcf=True), True
        sites = _distinct(sites + probe(path, index, True, present, contigs.lengths, len(samples)))
    elif read_through:
        present = tuple(survey.contigs)
    return VariantFile(
        path=path,
        form="bcf",
        index=index,
        samples=samples,
        header_contigs=contigs.lengths,
        md5s=contigs.md5s,
        build_words=tuple(dict.fromkeys(contigs.build_words)),
        contigs=present,
        contigs_known=known,
        last_positions=survey.contigs if read_through else {},
        has_records=survey.n_records > 0,
        sites=tuple(sites),
        warnings=defects.warnings(),
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
