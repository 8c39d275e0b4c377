"""One shard from all files that have records on its contig, as one BCF of the cohort."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pysam

from endotype import bcftools
from endotype.files import atomic_path, write_json
from endotype.tables import read_parquet, write_parquet, write_tsv
from endotype.variants.bcf import Block, Header, open_bcf, open_region, writing
from endotype.variants.bcf_record import encode_record, parse_record
from endotype.variants.bgzf import DamagedError
from endotype.variants.gvcf import BlockLookup
from endotype.variants.ingest import PreparedInput, prepare_input, read_input, unreadable
from endotype.variants.join import empty_header, fill_from_blocks, join_files, union_header, with_everyone
from endotype.variants.normalise import (
    MARGIN,
    REJECT_COLUMNS,
    Normaliser,
    Reference,
    ShardCounts,
    Window,
    parse_region,
)
from endotype.variants.ploidy import HaploidRule


@dataclass(frozen=True)
class Outputs:
    """The files a shard leaves.

    Attributes:
        variants: BCF of biallelic, sorted, distinct variants with all FORMAT fields, with ``.csi`` beside it.
        structural: BCF of symbolic alleles and breakends, whole, likewise.
        rejects: TSV of alleles that were set aside, with the reason.
        counts: JSON of :class:`~endotype.variants.normalise.ShardCounts`.
        monomorphic: Parquet, how many records without an ALT each patient has a call at.
    """

    variants: Path
    structural: Path
    rejects: Path
    counts: Path
    monomorphic: Path

    @classmethod
    def at(cls, prefix: str | Path) -> Outputs:
        """The names that the workflow uses: ``PREFIX.bcf``, ``PREFIX.structural.bcf``, ..."""
        suffixes = (".bcf", ".structural.bcf", ".rejects.tsv", ".counts.json", ".monomorphic.parquet")
        return cls(*(Path(f"{prefix}{suffix}") for suffix in suffixes))

    def bcfs(self) -> list[Path]:
        """Each BCF and its index."""
        return [Path(f"{path}{end}") for path in (self.variants, self.structural) for end in ("", ".csi")]


@dataclass(frozen=True)
class Part:
    """One file's share of a shard."""

    path: Path
    normaliser: Normaliser
    called: dict[str, int]


def normalise_region(
    inputs: Sequence[str | Path],
    region: str,
    fasta: str | None,
    outputs: Outputs,
    people: str | Path | None = None,
    assembly: str = "",
) -> ShardCounts:
    """:func:`normalise_shard` for the genotyped of ``people`` (a Parquet table), or all samples of the files.

    Args:
        inputs: folders of :func:`~endotype.variants.ingest.prepare_input`, or VCF and BCF files as they are.
        region: ``CHROM:START-END``, 1-based, both ends included.
        assembly: names the pseudoautosomal regions.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = [_prepared(path, Path(folder, str(i)), fasta) for i, path in enumerate(inputs)]
        sexes: dict[str, str] = {}
        if people is not None:
            table = read_parquet(people, ["patient", "in_genotypes", "sex"])
            table = table[table["in_genotypes"]]
            sexes = dict(zip(table["patient"], table["sex"], strict=True))
        else:
            sexes = {patient: "unknown" for one in prepared for patient in one.samples.values()}
        return normalise_shard(
            prepared, parse_region(region), fasta, dict(sorted(sexes.items())), assembly, outputs
        )


def _prepared(path: str | Path, folder: Path, fasta: str | None) -> PreparedInput:
    return read_input(path) if Path(path).is_dir() else prepare_input(path, None, folder, fasta)


def normalise_shard(
    inputs: Sequence[PreparedInput],
    window: Window,
    fasta: str | None,
    sexes: dict[str, str],
    assembly: str,
    outputs: Outputs,
) -> ShardCounts:
    """Write the normalised variants of one window.

    Args:
        inputs: the cohort's files. Those with the same patients are joined end to end, those with other
            patients side by side.
        window: which normalised positions to write. The first and the last one of a contig take what
            lies before and past it.
        fasta: the reference; ``None`` leaves out the check of REF and left alignment.
        sexes: patient -> declared sex; the order is that of the output.
        assembly: names the pseudoautosomal regions.
        outputs: where to write.

    Returns:
        What happened to each allele.

    Raises:
        InputError: a file is damaged, not sorted, or was changed since it was checked.
    """
    patients = list(sexes)
    reference = Reference(fasta, window.chrom, max(1, window.start - MARGIN), window.end + MARGIN)
    if window.start == 1:
        window = replace(window, start=0)  # where VCF puts what stands before the first base
    if reference.length is not None and window.end >= reference.length:
        window = replace(window, end=2**31 - 2 - MARGIN)
    alone = len(inputs) == 1 and sorted(inputs[0].samples.values()) == patients and not inputs[0].blocks
    parts: list[Part] = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=_folder_of(outputs.variants)))
        final = {path: stack.enter_context(atomic_path(path)) for path in outputs.bcfs()}
        variants, index, structural, structural_index = final.values()
        for number, source in enumerate(inputs):
            source.check()
            target = (
                (variants, index)
                if alone
                else (Path(folder, f"{number}.bcf"), Path(folder, f"{number}.bcf.csi"))
            )
            parts.append(_normalise_file(source, window, reference, sexes, assembly, *target, folder))
            source.check()
        total = _sum([part.normaliser.counts for part in parts])
        if not alone:
            blocks = [source.blocks for source in inputs if source.blocks]
            _finish(parts, blocks, patients, window, reference, variants, index, total, folder)
        reference.close()
        _write_structural(parts, patients, window.chrom, structural, structural_index)
    rejects = [row for part in parts for row in part.normaliser.rejects]
    write_tsv(pd.DataFrame(rejects, columns=REJECT_COLUMNS), outputs.rejects)
    called = Counter[str]()
    for part in parts:
        called.update(part.called)
    table = pd.DataFrame(
        {"patient": pd.Series(patients, dtype="str"), "n_called": [called[p] for p in patients]}
    )
    write_parquet(table.astype({"n_called": "int64"}), outputs.monomorphic)
    write_json(outputs.counts, {**vars(total), "rejected": dict(sorted(total.rejected.items()))})
    return total


def _folder_of(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


@contextmanager
def _records(source: PreparedInput, window: Window, folder: str) -> Iterator[tuple[Header, Iterator[Block]]]:
    """The records of a file around a window, with patients and contigs named as in the cohort."""
    renames = {new: old for old, new in source.contig_renames.items()}
    ordered = sorted(source.samples, key=lambda sample: source.samples[sample])
    with pysam.VariantFile(source.path) as variants:
        present = list(map(str, variants.header.samples))
        known = renames.get(window.chrom, window.chrom) in variants.header.contigs
    keep = None
    if present != ordered:
        keep = Path(folder, "samples.txt")
        keep.write_text("".join(f"{sample}\n" for sample in ordered), encoding="utf-8")
    chrom = renames.get(window.chrom, window.chrom)
    low, high = max(1, window.start - MARGIN), min(window.end + MARGIN, 2**31 - 2)
    with open_region(source.path, source.index, chrom if known else None, low, high, keep) as (
        header,
        blocks,
    ):
        header = header.with_samples([source.samples[sample] for sample in ordered])
        yield header.with_contigs(source.contig_renames), blocks


def _normalise_file(
    source: PreparedInput,
    window: Window,
    reference: Reference,
    sexes: Mapping[str, str],
    assembly: str,
    out: Path,
    index: Path,
    folder: str,
) -> Part:
    """The share of one file, as a BCF of its own."""
    try:
        with _records(source, window, folder) as (header, blocks):
            haploid = HaploidRule([sexes[patient] for patient in header.samples], assembly)
            normaliser = Normaliser(window, header, haploid, reference, source.name)
            with writing(out, normaliser.header, index) as writer:
                for variant in normaliser.variants(blocks):
                    writer.write(
                        variant.data, normaliser.rid, variant.pos - 1, variant.pos - 1 + len(variant.ref)
                    )
    except (bcftools.BcftoolsError, DamagedError) as error:
        raise unreadable(source.name, str(error)) from None
    called = dict(zip(header.samples, normaliser.called_monomorphic.tolist(), strict=True))
    return Part(out, normaliser, called)


def _finish(
    parts: Sequence[Part],
    blocks: Sequence[str],
    patients: Sequence[str],
    window: Window,
    reference: Reference,
    out: Path,
    index: Path,
    total: ShardCounts,
    folder: str,
) -> None:
    """Join the files' shares; merge what they have twice; fill calls from the reference blocks of gVCFs."""
    joined = join_files(
        [part.path for part in parts if part.normaliser.counts.variants_out], patients, folder
    )
    if joined is None:
        contigs = [part.normaliser.header for part in parts]
        with writing(out, empty_header(patients, contigs), index):
            return
    lookup = BlockLookup(blocks, patients) if blocks else None
    nobody = HaploidRule(["unknown"] * len(patients), "")
    parts_out, total.variants_out = total.variants_out, 0
    with open_bcf(joined) as reader:
        normaliser = Normaliser(window, reader.header, nobody, reference, "joined files", settled=True)
        with writing(out, normaliser.header, index) as writer:
            for variant in normaliser.variants(reader.blocks()):
                data: bytes | memoryview = variant.data
                if lookup is not None:
                    data, filled = fill_from_blocks(bytes(data), normaliser.header, lookup)
                    total.filled_from_blocks += filled
                writer.write(data, normaliser.rid, variant.pos - 1, variant.pos - 1 + len(variant.ref))
    final = normaliser.counts
    if final.rejected or final.structural or final.monomorphic or final.reference_blocks:
        raise ValueError(f"normalised records were not recognised as such: {final}")
    total.joined_across_files = parts_out - final.records_in
    total.duplicates_merged += final.duplicates_merged
    total.genotypes_in_conflict += final.genotypes_in_conflict
    total.variants_out = final.variants_out


def _write_structural(
    parts: Sequence[Part], patients: Sequence[str], chrom: str, out: Path, index: Path
) -> None:
    """Structural records of all files, whole, with a missing call for whoever a file does not have."""
    header = union_header([part.normaliser.header for part in parts], patients)
    rows = [
        (pos, end, number, raw)
        for number, part in enumerate(parts)
        for pos, end, raw in part.normaliser.structural
    ]
    rows.sort(key=lambda row: row[:3])
    with writing(out, header, index) as writer:
        for pos, end, number, raw in rows:
            record = parse_record(raw, parts[number].normaliser.source)
            record = with_everyone(record, parts[number].normaliser.header.samples, patients)
            writer.write(encode_record(record, header), header.contig(chrom), pos - 1, end)


def _sum(parts: Sequence[ShardCounts]) -> ShardCounts:
    total = ShardCounts()
    for part in parts:
        for key, value in vars(part).items():
            if isinstance(value, Counter):
                total.rejected.update(value)
            else:
                setattr(total, key, getattr(total, key) + value)
    return total
