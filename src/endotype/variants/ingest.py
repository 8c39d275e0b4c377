"""One user's variant file, whatever its form, made ready to be read by place.

A bgzip VCF of many samples and a BCF are read where they are; only an index is made when there is none, in
the results. Every other form (plain text, gzip, a VCF of few samples, no contig lines) is rewritten once as
BCF.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import pandas as pd
import pysam

from endotype import bcftools
from endotype.cohort.compression import compression_of, index_of, open_stream
from endotype.errors import InputError, Problem
from endotype.files import check_unchanged, read_json, write_json
from endotype.tables import read_parquet, write_tsv
from endotype.variants.bcf import Header, is_bcf, open_bcf, parse_header
from endotype.variants.csi import record_counts
from endotype.variants.gvcf import is_gvcf, write_blocks
from endotype.variants.normalise import REJECT_COLUMNS

RESERVED = {
    "GT": "Number=1,Type=String",
    "AD": "Number=R,Type=Integer",
    "DP": "Number=1,Type=Integer",
    "GQ": "Number=1,Type=Integer",
    "PL": "Number=G,Type=Integer",
}
"""FORMAT fields that are read here, as VCF 4.3 declares them."""

LOOKED_AT = 1000
"""Records that are searched for fields that the header doesn't declare."""

MANY_SAMPLES = 50
"""A VCF of fewer samples is rewritten: its shards would cost more starts of bcftools than reading."""


@dataclass(frozen=True)
class PreparedInput:
    """How a variant file is read.

    Attributes:
        name: what the user calls it.
        path: the file to read: the user's, or ``records.bcf`` beside the description.
        index: its .csi or .tbi.
        samples: sample name in ``path`` -> patient, for the samples to keep.
        contig_renames: contig in ``path`` -> contig of the reference.
        blocks: Parquet of the reference blocks of a gVCF, or ``None``.
        outside: records and alleles on contigs that the reference doesn't have; ``outside.tsv`` lists them.
        n_records: records on each contig (the reference's name) as the index counts them, or ``None``.
        fingerprint: of the user's file, empty when it isn't known.
    """

    name: str
    path: str
    index: str
    samples: dict[str, str]
    contig_renames: dict[str, str]
    blocks: str | None
    outside: dict[str, int]
    n_records: dict[str, int] | None
    fingerprint: str

    def check(self) -> None:
        """See that the user's file is the one that was prepared.

        Raises:
            InputError: it was replaced or changed.
        """
        if self.fingerprint:
            check_unchanged(self.name, self.fingerprint)


def read_input(folder: str | Path) -> PreparedInput:
    """The description that :func:`prepare_input` left in its folder."""
    return PreparedInput(**read_json(Path(folder, "input.json")))


def prepare_file(
    path: str | Path, samples: str | Path, files: str | Path, file: int, out: str | Path, fasta: str | None
) -> None:
    """:func:`prepare_input` for file number ``file`` of the tables of ``results/cohort/``."""
    table = read_parquet(samples, ["patient", "sample", "file"])
    here = table[table["file"] == file]
    names = dict(zip(here["sample"], here["patient"], strict=True))
    row = read_parquet(files).iloc[file]
    renames = json.loads(row.get("contig_renames", "{}") or "{}")
    prepare_input(path, names, out, fasta, renames, str(row.get("fingerprint", "") or ""))


def prepare_input(
    path: str | Path,
    samples: Mapping[str, str] | None,
    out: str | Path,
    fasta: str | Path | None = None,
    contig_renames: Mapping[str, str] | None = None,
    fingerprint: str = "",
) -> PreparedInput:
    """Describe how to read a VCF or BCF of any compression; rewrite or index it when it must be.

    Args:
        path: the user's file; nothing is written beside it.
        samples: sample name in the file -> patient id, for the samples to keep; ``None`` keeps all.
        out: folder for ``input.json`` and what else is needed.
        fasta: gives contig lines to a header that has none.
        contig_renames: contig of the file -> contig of the reference.
        fingerprint: of the file when it was checked.

    Raises:
        InputError: the file can't be read to its end, its records are not sorted, or it was changed.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if fingerprint:
        check_unchanged(path, fingerprint)
    renames = dict(contig_renames or {})
    compression = compression_of(str(path))
    try:
        header = parse_header(bcftools.output("view", "--no-version", "-h", str(path)))
    except bcftools.BcftoolsError as error:
        raise unreadable(path, str(error)) from None
    present, contigs, binary = header.samples, header.contigs, is_bcf(path)
    lines = _missing_contigs(header, fasta, renames)
    if not binary:
        undeclared = [key for key in RESERVED if key not in header.formats]
        lines += _missing_declarations(str(path), compression, undeclared)
    kept = dict(samples) if samples is not None else {name: name for name in present}
    direct = binary or len(present) >= MANY_SAMPLES
    readable = compression == "bgzf" and direct and not lines and not is_gvcf(path)
    try:
        if readable:
            data, index = Path(path), _usable_index(path, out)
        else:
            data = out / "records.bcf"
            _rewrite(path, kept, renames, data, lines)
            index, kept, renames = Path(f"{data}.csi"), {name: name for name in kept.values()}, {}
            with open_bcf(data) as reader:
                contigs = reader.header.contigs
    except bcftools.BcftoolsError as error:
        raise unreadable(path, str(error)) from None
    blocks = None
    if not readable and is_gvcf(data, path):
        blocks = str(out / "blocks.parquet")
        write_blocks(data, list(kept), blocks)
    counts = record_counts(index, contigs)
    known = _contigs_of(fasta)
    strange = [c for c in contigs.values() if known is not None and renames.get(c, c) not in known]
    outside = _outside(data, index, str(path), strange, counts)
    write_tsv(outside[REJECT_COLUMNS], out / "outside.tsv")
    prepared = PreparedInput(
        name=str(path),
        path=str(data),
        index=str(index),
        samples=kept,
        contig_renames=renames,
        blocks=blocks,
        outside={"records": len(outside.drop_duplicates("record")), "alleles": len(outside)},
        n_records=None if counts is None else {renames.get(c, c): n for c, n in counts.items()},
        fingerprint=fingerprint,
    )
    prepared.check()
    write_json(out / "input.json", asdict(prepared))
    return prepared


def _usable_index(path: str | Path, out: Path) -> Path:
    """A copy of the user's index if it isn't older than the file, else one of our own."""
    theirs = index_of(str(path))
    if theirs is not None and Path(theirs).stat().st_mtime >= Path(path).stat().st_mtime:
        copy = out / ("records" + Path(theirs).suffix)
        shutil.copyfile(theirs, copy)
        return copy
    own = out / "records.csi"
    bcftools.run("index", "-f", "-c", "-o", str(own), str(path))
    return own


def _rewrite(
    path: str | Path,
    samples: Mapping[str, str],
    renames: Mapping[str, str],
    out: Path,
    lines: Sequence[str],
) -> None:
    """The file as BCF with patients as samples and the reference's contig names, and its index."""
    with tempfile.TemporaryDirectory(dir=out.parent) as name:
        folder = Path(name)
        raw, named = folder / "raw.bcf", folder / "named.bcf"
        stages = []
        if lines:
            *meta, columns = bcftools.output("view", "--no-version", "-h", str(path)).splitlines()
            header = _lines(folder / "header.txt", [*meta, *lines, columns])
            stages.append(["reheader", "-h", header, "-T", name, str(path)])
        source = "-" if stages else str(path)
        keep = _lines(folder / "samples.txt", samples) if samples else None
        stages.append(["view", "--no-version", "--no-update", *(["-S", keep] if keep else ["-G"]), source])
        if renames:
            stages[-1].insert(1, "-Ou")
            table = _lines(folder / "contigs.txt", (f"{old}\t{new}" for old, new in renames.items()))
            stages.append(["annotate", "--no-version", "--rename-chrs", table, "-"])
        stages[-1][1:1] = ["-Ob1", "-o", str(raw)]
        bcftools.pipe(stages)
        if samples:
            patients = _lines(folder / "patients.txt", samples.values())
            bcftools.run("reheader", "-s", patients, "-o", str(named), str(raw))
        else:
            named = raw
        bcftools.run("index", "-f", "-c", "-o", f"{name}/records.csi", str(named))
        named.replace(out)
        Path(name, "records.csi").replace(f"{out}.csi")


def _lines(path: Path, lines: Iterable[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def _contigs_of(fasta: str | Path | None) -> set[str] | None:
    if fasta is None:
        return None
    with pysam.FastaFile(str(fasta)) as reference:
        return set(reference.references)


def _outside(
    data: Path, index: Path, name: str, contigs: Iterable[str], counts: Mapping[str, int] | None
) -> pd.DataFrame:
    """A row for each allele on contigs that the reference doesn't have."""
    rows: list[list[object]] = []
    with pysam.VariantFile(str(data), index_filename=str(index), drop_samples=True) as variants:
        for contig in contigs:
            if counts is not None and contig not in counts:
                continue
            for record in variants.fetch(contig):
                for alt in record.alts or (".",):
                    row = [
                        name,
                        contig,
                        record.pos,
                        record.id or ".",
                        record.ref,
                        alt,
                        "outside_reference",
                        "",
                    ]
                    rows.append([*row, len(rows) if alt == (record.alts or (".",))[0] else rows[-1][-1]])
    return pd.DataFrame(rows, columns=[*REJECT_COLUMNS, "record"])


def _missing_contigs(header: Header, fasta: str | Path | None, renames: Mapping[str, str]) -> list[str]:
    """Contig lines for a header that has none, under the names that the file has."""
    if header.contigs or fasta is None:
        return []
    with pysam.FastaFile(str(fasta)) as reference:
        lengths = dict(zip(reference.references, reference.lengths, strict=True))
    old = {new: old for old, new in renames.items()}
    return [f"##contig=<ID={old.get(name, name)},length={length}>" for name, length in lengths.items()]


def _missing_declarations(path: str, compression: str, undeclared: Sequence[str]) -> list[str]:
    """Lines for FORMAT fields that the header of a VCF doesn't declare and its first records use.

    htslib takes such a field for text, and filters would pass it by.
    """
    if not undeclared:
        return []
    used: set[str] = set()
    with closing(open_stream(path, compression)) as stream:
        for line in islice((line for line in stream if not line.startswith(b"#")), LOOKED_AT):
            used |= set(b"".join(line.split(b"\t", 9)[8:9]).decode("utf-8", "replace").strip().split(":"))
    return [f'##FORMAT=<ID={key},{RESERVED[key]},Description="{key}">' for key in undeclared if key in used]


def unreadable(path: str | Path, message: str) -> InputError:
    """What is wrong with a file, from what bcftools or our own reader said of it."""
    last = message.strip().splitlines()[-1]
    if "nsorted" in message or "not continuous" in message:
        expected, advice = "records sorted by position", "sort it, e.g. with 'bcftools sort'"
    elif (
        "truncated" in message.lower()
        or "Failed to read" in message
        or "Error reading" in message
        or "cut off" in message
        or "damaged" in message
    ):
        expected, advice = "a file that can be read to its end", "it may be cut off: copy it again"
    else:
        expected, advice = "a VCF or BCF that bcftools can read", ""
    return InputError(Problem(str(path), None, "", last, expected, advice))
