"""One user's variant file, whatever its form, to an indexed BCF that holds the cohort's patients.

The whole file is read once, so a truncated or malformed one is found here and never later. Samples are
cut to those of the sample sheet, put in the order of the patients and renamed to patient ids.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pysam

from endotype import bcftools
from endotype.errors import InputError, Problem
from endotype.files import atomic_path
from endotype.tables import read_parquet


def prepare_file(
    path: str | Path, samples: str | Path, file: int, out: str | Path, fasta: str | Path | None = None
) -> None:
    """:func:`prepare_input` for file number ``file`` of ``cohort/samples.parquet``."""
    table = read_parquet(samples, ["patient", "sample", "file"])
    here = table[table["file"] == file]
    names = dict(zip(here["sample"], here["patient"], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        prepare_input(path, names, out, _contig_table(fasta, Path(folder, "contigs.fai")))


def prepare_input(
    path: str | Path,
    samples: Mapping[str, str],
    out: str | Path,
    fasta_index: str | Path | None = None,
) -> None:
    """Write ``out`` (BCF) and ``out.csi`` from a VCF or BCF of any compression.

    Args:
        path: the user's file; it is only read, and no index is needed or made beside it.
        samples: sample name in the file -> patient id, for the samples to keep.
        out: the BCF to write; its samples are patient ids in ascending order.
        fasta_index: gives contig lines to a header that has none.

    Raises:
        InputError: the file can't be read to its end, or its records are not sorted.
    """
    ordered = sorted(samples.items(), key=lambda item: item[1])
    with atomic_path(out) as final, tempfile.TemporaryDirectory(dir=final.parent) as folder:
        keep = Path(folder, "samples.txt")
        names = Path(folder, "patients.txt")
        raw = Path(folder, "raw.bcf")
        keep.write_text("".join(f"{sample}\n" for sample, _ in ordered), encoding="utf-8")
        names.write_text("".join(f"{patient}\n" for _, patient in ordered), encoding="utf-8")
        view = ["view", "--no-version", "--no-update", "-S", str(keep), "-Ob1", "-o", str(raw)]
        try:
            if fasta_index is not None and not _has_contigs(path):
                reheader = ["reheader", "-f", str(fasta_index), "-T", folder, str(path)]
                bcftools.pipe([reheader, [*view, "-"]])
            else:
                bcftools.run(*view, str(path))
            bcftools.run("reheader", "-s", str(names), "-o", str(final), str(raw))
            bcftools.run("index", "-f", "-o", f"{folder}/index.csi", str(final))
        except bcftools.BcftoolsError as error:
            raise _explained(path, str(error)) from None
        Path(folder, "index.csi").replace(f"{out}.csi")


def _contig_table(fasta: str | Path | None, out: Path) -> Path | None:
    """Contig names and lengths of a FASTA in the form of its index."""
    if fasta is None:
        return None
    with pysam.FastaFile(str(fasta)) as reference:
        pairs = zip(reference.references, reference.lengths, strict=True)
        out.write_text("".join(f"{name}\t{length}\t0\t60\t61\n" for name, length in pairs))
    return out


def _has_contigs(path: str | Path) -> bool:
    with pysam.VariantFile(str(path)) as variants:
        return len(variants.header.contigs) > 0


def _explained(path: str | Path, message: str) -> InputError:
    last = message.strip().splitlines()[-1]
    if "nsorted" in message or "not continuous" in message:
        expected, advice = "records sorted by position", "sort it, e.g. with 'bcftools sort'"
    elif "truncated" in message.lower() or "Failed to read" in message or "Error reading" in message:
        expected, advice = "a file that can be read to its end", "it may be cut off: copy it again"
    else:
        expected, advice = "a VCF or BCF that bcftools can read", ""
    return InputError(Problem(str(path), None, "", last, expected, advice))
