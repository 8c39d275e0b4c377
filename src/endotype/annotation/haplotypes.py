"""What variants that a patient carries on one haplotype do together, by ``bcftools csq``.

Two substitutions in one codon, or two indels that shift the frame and shift it back, are another change
than either alone. csq rebuilds each haplotype's transcript; here its answers are kept where they differ
from those of single alleles: where several variants take part, and downstream of a stop that the
haplotype has gained. Paper: Danecek and McCarthy 2017, Bioinformatics 33(13):2037.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from endotype import bcftools
from endotype.annotation.consequences import PROTEIN_LETTERS, parse_bcsq, run_csq, spans
from endotype.annotation.csq_gff import write_csq_gff
from endotype.annotation.gene_model import GeneModel, model_contig, read_gene_model
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.annotation.splicing import build_transcripts
from endotype.errors import input_error
from endotype.tables import write_arrow

PHASES = {
    "a": "genotypes as they are written: the second allele of 0/1 is on the second haplotype",
    "m": "all alternate alleles of a patient on one haplotype",
    "r": "an unphased heterozygous genotype is an error",
    "R": "non-reference haplotypes where they are possible",
    "s": "unphased heterozygous genotypes are passed over",
}
"""What ``bcftools csq -p`` makes of genotypes without phase."""

SCHEMA = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("transcript", "gene", "gene_id", "chrom", "positions", "variants")
        ),
        *((name, pa.string()) for name in ("consequence", "amino_acid_change", "dna_change")),
        *(("after_stop", pa.bool_()), ("n_patients", pa.int64())),
        *((name, pa.string()) for name in ("patient", "haplotype", "phase")),
    ]
)
"""The table ``haplotypes.parquet``. Its metadata say ``status``, ``unphased`` and what was left out."""

_ALLELES = re.compile(r"([0-9]+)([^0-9>+]*)>([^0-9>+]*)").fullmatch
_UNPHASED = re.compile(r"Unphased heterozygous genotype at .*?(?=\. See)").search
_PATIENTS_AT_ONCE = 500
"""csq holds a number for every patient and variant of a gene: cohorts are read in parts."""
_BITS = 30
_MAX_ENTRIES = 1 << 14


class Change(NamedTuple):
    """What alleles (position, REF, ALT) of one haplotype do to a transcript, in csq's words."""

    transcript: str
    alleles: tuple[tuple[int, str, str], ...]
    consequence: str
    amino_acid_change: str
    dna_change: str
    after_stop: bool

    @property
    def takes_several(self) -> bool:
        """Whether it is of more than one allele: its own, or one of its own and the stop before it."""
        return len(self.alleles) > 1 or self.after_stop

    @property
    def stops(self) -> bool:
        """Whether it may end the protein early."""
        return bool({"stop_gained", "frameshift_variant"} & set(self.consequence.split("&")))


def parse_change(value: str) -> Change | None:
    """One BCSQ entry about the protein of a transcript; ``None`` for any other.

    A reference to an earlier record (``@pos``) is ``None`` too: the entry it means stands at that record,
    with the same haplotypes.

    Raises:
        ValueError: not a BCSQ entry.
    """
    if value.startswith("@"):
        if not value[1:].isdecimal():
            raise ValueError(f"BCSQ '{value}' is no reference to a record")
        return None
    entry = parse_bcsq(value)
    if entry.transcript is None or entry.dna_change is None:
        return None
    return Change(
        entry.transcript,
        tuple(_allele(text) for text in entry.dna_change.split("+")),
        entry.consequence,
        entry.amino_acid_change or "",
        entry.dna_change,
        value.startswith("*"),
    )


def _allele(text: str) -> tuple[int, str, str]:
    match = _ALLELES(text)
    if not match:
        raise ValueError(f"BCSQ has the DNA change '{text}'; expected a position, REF>ALT")
    return int(match[1]), match[2], match[3]


def haplotypes_with(entry: int, mask: np.ndarray) -> np.ndarray:
    """Which haplotypes of each patient have an entry of BCSQ, bool (patients, 2).

    Args:
        entry: its number in INFO/BCSQ.
        mask: FORMAT/BCSQ, int32 (patients, k): bits ``2 i`` and ``2 i + 1`` are the first and the second
            haplotype's, 30 bits a number; negative where missing or padded.
    """
    found = np.zeros((len(mask), 2), bool)
    for haplotype in (0, 1):
        word, bit = divmod(2 * entry + haplotype, _BITS)
        if word < mask.shape[1]:
            numbers = mask[:, word]
            found[:, haplotype] = (numbers > 0) & ((numbers >> bit) & 1 == 1)
    return found


def call_haplotypes(
    bcf: str | Path,
    out: str | Path,
    fasta: str | Path | None = None,
    gff: str | Path | None = None,
    unphased: str = "a",
    patients_at_once: int = _PATIENTS_AT_ONCE,
) -> None:
    """Write one row per patient and combination of alleles that act together on a transcript.

    Only transcripts whose protein follows from the genome take part (an empty ``status``). ``phase`` says
    whether the alleles are known to be on one haplotype: ``known`` when all are homozygous, haploid or
    phased in one phase set, or all but one homozygous; else ``assumed`` by the rule ``unphased``.
    ``haplotype`` is ``1``, ``2`` or ``both``. Combinations that begin in another shard aren't seen.

    Args:
        bcf: split, normalised, sorted variants with genotypes.
        out: Parquet file with the columns of ``SCHEMA``; its metadata have ``status`` (``assessed``, or
            ``not_assessed`` without a reference or gene model), ``unphased``, and ``contigs_not_assessed``.
        fasta: reference, plain or bgzip; an index is not needed.
        gff: gene model, GFF3 of Ensembl, GENCODE or RefSeq.
        unphased: one of ``PHASES``.
        patients_at_once: so many patients are read together; the result doesn't depend on it.

    Raises:
        InputError: the FASTA or GFF3 file can't be used; by the rule ``r``, a genotype without phase.
        ValueError: no such rule for unphased genotypes.
    """
    if unphased not in PHASES:
        raise ValueError(f"no rule '{unphased}' for unphased genotypes; expected one of {', '.join(PHASES)}")
    metadata = {"status": "not_assessed", "unphased": unphased, "contigs_not_assessed": ""}
    rows: list[dict[str, object]] = []
    if fasta is not None and gff is not None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows, skipped = _all_rows(str(bcf), fasta, gff, unphased, patients_at_once, folder)
            except bcftools.BcftoolsError as error:
                if match := _UNPHASED(str(error)):
                    raise input_error(bcf, match[0], "phased genotypes, by the rule 'r'") from None
                raise
        metadata |= {"status": "assessed", "contigs_not_assessed": ",".join(skipped)}
    table = pa.Table.from_pylist(rows, schema=SCHEMA).replace_schema_metadata(metadata)
    write_arrow(table, out)


def join_haplotypes(paths: Sequence[str | Path], out: str | Path) -> None:
    """Write the tables of several shards as one, in the order given; the metadata are joined too."""
    tables = [pq.read_table(path) for path in paths]
    notes = [{k.decode(): v.decode() for k, v in (t.schema.metadata or {}).items()} for t in tables]
    skipped = dict.fromkeys(c for n in notes for c in n["contigs_not_assessed"].split(",") if c)
    assessed = any(n["status"] == "assessed" for n in notes)
    metadata = {
        "status": "assessed" if assessed else "not_assessed",
        "unphased": notes[0]["unphased"] if notes else "",
        "contigs_not_assessed": ",".join(skipped),
    }
    joined = (
        pa.concat_tables([t.replace_schema_metadata(None) for t in tables])
        if tables
        else SCHEMA.empty_table()
    )
    write_arrow(joined.replace_schema_metadata(metadata), out)


def _all_rows(
    bcf: str, fasta: str | Path, gff: str | Path, unphased: str, at_once: int, folder: str
) -> tuple[list[dict[str, object]], list[str]]:
    """Rows of all contigs, and the contigs that reference or gene model lack."""
    covered = spans(bcf)
    rows: list[dict[str, object]] = []
    skipped: list[str] = []
    if not covered:
        return rows, skipped
    with pysam.VariantFile(bcf) as variants:
        patients = list(variants.header.samples)
    model = read_gene_model(gff, covered)
    with indexed_fasta(fasta) as indexed, Reference(indexed) as reference:
        for chrom, window in covered.items():
            if chrom not in reference.lengths or model_contig(model, chrom) is None:
                skipped.append(chrom)
                continue
            built = build_transcripts(model, chrom, reference, window)
            whole = {name for name, status in zip(built.name, built.status, strict=True) if not status}
            numbers = [i for i, name in enumerate(model.transcripts) if name in whole]
            if not (numbers and patients):
                continue
            run = _Run(model, numbers, chrom, str(indexed), folder)
            sites = run.coding_sites(bcf)
            found: list[dict[str, object]] = []
            for first in range(0, len(patients), at_once):
                found += run.rows(sites, patients[first : first + at_once], unphased)
            rows += _counted(found, patients)
    return rows, skipped


def _counted(rows: list[dict[str, object]], patients: Sequence[str]) -> list[dict[str, object]]:
    """Rows in the order of place, transcript and patient, with the number of patients of each combination."""
    names = ("transcript", "variants", "dna_change", "consequence")
    carriers = Counter(tuple(row[name] for name in names) for row in rows)
    for row in rows:
        row["n_patients"] = carriers[tuple(row[name] for name in names)]
    order = {patient: i for i, patient in enumerate(patients)}
    return sorted(
        rows,
        key=lambda r: (
            int(str(r["positions"]).split("|")[0]), r["transcript"], r["variants"], r["dna_change"],
            r["consequence"], order[str(r["patient"])],
        ),
    )  # fmt: skip


class _Run:
    """csq over the transcripts of one contig."""

    def __init__(self, model: GeneModel, numbers: Sequence[int], chrom: str, fasta: str, folder: str) -> None:
        self._model, self._numbers = model, numbers
        self._chrom, self._fasta, self._folder = chrom, fasta, folder
        self._gff = f"{folder}/genes.gff3"
        write_csq_gff(model, numbers, chrom, self._gff)

    def coding_sites(self, bcf: str) -> str:
        """The variants that reach into a coding segment: only they can act on a protein together."""
        targets, sites = f"{self._folder}/coding.bed", f"{self._folder}/coding.bcf"
        coding = self._model.coding
        segments = {
            (int(coding.start[k]), int(coding.end[k]))
            for number in self._numbers
            for k in range(coding.of(number).start, coding.of(number).stop)
        }
        with Path(targets).open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{self._chrom}\t{start - 1}\t{end}\n" for start, end in sorted(segments))
        keep = ["annotate", "--no-version", "-x", "INFO,^FORMAT/GT,FORMAT/PS", "-Ob1", "-o", sites, "-"]
        # Overlap of the record, not its first base alone: a deletion may begin in the intron.
        chosen = ["-T", targets, "--targets-overlap", "1"]
        bcftools.pipe([["view", "--no-version", *chosen, "-Ou", bcf], keep])
        bcftools.run("index", "-f", sites)
        return sites

    def rows(self, sites: str, patients: Sequence[str], unphased: str) -> list[dict[str, object]]:
        """The combinations that some patients carry."""
        listed, carried = f"{self._folder}/patients.txt", f"{self._folder}/carried.bcf"
        Path(listed).write_text("".join(f"{name}\n" for name in patients), encoding="utf-8")
        bcftools.run("view", "--no-version", "-S", listed, "-c", "1", "-Ob1", "-o", carried, sites)
        bcftools.run("index", "-f", carried)
        carriers: list[_Carriers] = []
        with pysam.VariantFile(self._call(carried, unphased)) as variants:
            for record in variants.fetch(self._chrom):
                carriers += _carriers(record)
        combinations = _with_stops(carriers)
        wanted = {allele for c in combinations for allele in c.alleles}
        calls = _Calls(carried, self._chrom, wanted)
        return [
            self._row(c, n, patients[n], calls.phase(c.alleles, n))
            for c in combinations
            for n in np.flatnonzero(c.has.any(axis=1)).tolist()
        ]

    def _call(self, carried: str, unphased: str) -> str:
        """csq with room for all entries of a site: what doesn't fit it would leave out with a warning."""
        called, entries = f"{self._folder}/called.bcf", 15
        while True:
            options = ["-p", unphased, "-n", str(entries), "-B", str(PROTEIN_LETTERS)]
            said = run_csq(carried, self._fasta, self._gff, self._chrom, called, options)
            if "oo many consequences" not in said and "--ncsq" not in said:
                bcftools.run("index", "-f", called)
                return called
            entries *= 4
            if entries > _MAX_ENTRIES:
                raise bcftools.BcftoolsError(said)

    def _row(self, carriers: _Carriers, n: int, patient: str, phase: str) -> dict[str, object]:
        change, has = carriers.change, carriers.has[n]
        transcript = self._model.by_number[self._numbers[int(change.transcript)]]
        gene = self._model.genes[transcript.gene_id]
        return {
            "transcript": transcript.transcript,
            "gene": gene.gene,
            "gene_id": gene.gene_id,
            "chrom": self._chrom,
            "positions": "|".join(str(pos) for pos, *_ in carriers.alleles),
            "variants": "|".join(f"{self._chrom}:{pos}:{ref}:{alt}" for pos, ref, alt in carriers.alleles),
            "consequence": change.consequence,
            "amino_acid_change": change.amino_acid_change or None,
            "dna_change": change.dna_change,
            "after_stop": change.after_stop,
            "patient": patient,
            "haplotype": "both" if has.all() else "1" if has[0] else "2",
            "phase": phase,
        }


class _Carriers(NamedTuple):
    """A change, all alleles it is due to, and the haplotypes that have it, bool (patients, 2)."""

    change: Change
    alleles: tuple[tuple[int, str, str], ...]
    has: np.ndarray


def _carriers(record: pysam.VariantRecord) -> Iterator[_Carriers]:
    """Changes of a record that are of several alleles, or that may end the protein for those after them."""
    mask: np.ndarray | None = None
    for i, value in enumerate(record.info.get("BCSQ", ())):
        change = parse_change(value)
        if change and (change.takes_several or change.stops):
            mask = mask_of(record) if mask is None else mask
            yield _Carriers(change, change.alleles, haplotypes_with(i, mask))


def _with_stops(carriers: Sequence[_Carriers]) -> list[_Carriers]:
    """Changes of several alleles; one downstream of a stop is due to what brought the stop, too."""
    stops: dict[str, list[_Carriers]] = {}
    for c in carriers:
        if c.change.stops and not c.change.after_stop:
            stops.setdefault(c.change.transcript, []).append(c)
    combinations = []
    for c in carriers:
        if not c.change.takes_several:
            continue
        if not c.change.after_stop:
            combinations.append(c)
            continue
        left = c.has.copy()
        for stop in stops.get(c.change.transcript, []):
            both = left & stop.has
            if both.any():
                alleles = tuple(sorted({*stop.alleles, *c.alleles}))
                combinations.append(_Carriers(c.change, alleles, both))
                left &= ~both
        if left.any():
            combinations.append(c._replace(has=left))
    return combinations


def mask_of(record: pysam.VariantRecord) -> np.ndarray:
    """FORMAT/BCSQ of a record as :func:`haplotypes_with` takes it; -1 where missing or padded."""
    values = [sample.get("BCSQ") or (None,) for sample in record.samples.values()]
    width = max(map(len, values))
    filled = [[-1 if x is None else x for x in v] + [-1] * (width - len(v)) for v in values]
    return np.array(filled, np.int64)


class _Call(NamedTuple):
    """How one patient carries an allele: ``homozygous`` (or haploid), ``phased``, or ``unphased``.

    ``haplotypes`` are the written alleles that are the alternate one; ``phase_set`` that of PS.
    """

    kind: str
    haplotypes: tuple[int, ...]
    phase_set: int | None


class _Calls:
    """Genotypes of some variants, to see whether alleles are known to be on one haplotype."""

    def __init__(self, bcf: str, chrom: str, wanted: set[tuple[int, str, str]]) -> None:
        self._calls: dict[tuple[int, str, str], list[_Call]] = {}
        if not wanted:
            return
        with pysam.VariantFile(bcf) as variants:
            for record in variants.fetch(chrom):
                key = record.pos, str(record.ref), str((record.alts or (".",))[0])
                if key in wanted:
                    self._calls[key] = [_call(sample) for sample in record.samples.values()]

    def phase(self, alleles: Sequence[tuple[int, str, str]], patient: int) -> str:
        """``known`` or ``assumed``, for one patient."""
        if len(alleles) < 2 or not all(allele in self._calls for allele in alleles):
            return "assumed"
        calls = [self._calls[allele][patient] for allele in alleles]
        loose = [call for call in calls if call.kind != "homozygous"]
        if len(loose) < 2:
            return "known"
        return "known" if loose[0].kind == "phased" and len(set(loose)) == 1 else "assumed"


def _call(sample: pysam.VariantRecordSample) -> _Call:
    alleles = sample.get("GT") or (None,)
    alternate = tuple(i for i, allele in enumerate(alleles) if allele == 1)
    if len(alternate) == len(alleles):
        return _Call("homozygous", alternate, None)
    if sample.phased:
        phase_set = sample.get("PS") if "PS" in sample else None
        return _Call("phased", alternate, phase_set)
    return _Call("unphased", alternate, None)
