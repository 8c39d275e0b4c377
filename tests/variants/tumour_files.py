"""Small tumour files made in a test, as text a reader can check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from endotype.cohort.tumour_sheet import TUMOUR_COLUMNS
from endotype.tables import read_parquet, read_tsv, write_parquet
from endotype.variants.tumours import TumourSettings, prepare_tumours

MAF_COLUMNS = [
    "Hugo_Symbol", "NCBI_Build", "Chromosome", "Start_Position", "End_Position", "Variant_Classification",
    "Reference_Allele", "Tumor_Seq_Allele1", "Tumor_Seq_Allele2", "Tumor_Sample_Barcode",
    "t_ref_count", "t_alt_count",
]  # fmt: skip


def write_maf(path: Path, rows: Sequence[str], columns: Sequence[str] = MAF_COLUMNS, head: str = "") -> Path:
    """A MAF. A row is its cells separated by blanks; ``_`` is an empty cell."""
    lines = [["" if cell == "_" else cell for cell in row.split(" ")] for row in rows]
    path.write_text(head + "".join("\t".join(line) + "\n" for line in [list(columns), *lines]))
    return path


def write_calls(
    path: Path, header: Sequence[str], samples: Sequence[str], records: Sequence[str], contig: str = "c1"
) -> Path:
    """A VCF. A record is ``"POS REF ALT FILTER INFO FORMAT SAMPLE..."``, separated by blanks."""
    lines = ["##fileformat=VCFv4.2", *header]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    lines.append("\t".join([*columns, *(["FORMAT", *samples] if samples else [])]))
    for record in records:
        pos, ref, alt, verdict, info, *calls = record.split(" ")
        lines.append("\t".join([contig, pos, ".", ref, alt, ".", verdict, info, *calls]))
    path.write_text("\n".join(lines) + "\n")
    return path


def fields(formats: str = "", infos: str = "", filters: str = "") -> list[str]:
    """Header lines that declare FORMAT, INFO and FILTER keys, given with blanks between them."""
    types = {"GT": "Number=1,Type=String", "DP": "Number=1,Type=Integer"}
    lines = [
        f'##FORMAT=<ID={key},{types.get(key, "Number=.,Type=Integer")},Description="{key}">'
        for key in formats.split()
    ]
    lines += [f'##INFO=<ID={key},Number=.,Type=String,Description="{key}">' for key in infos.split()]
    return lines + [f'##FILTER=<ID={key},Description="{key}">' for key in filters.split()]


def sheet_row(path: Path, patient: str = "P1", tumour: str = "T1", **cells: str) -> dict[str, str]:
    """A row of ``cohort/tumours.parquet``; in the file the tumour has the same name unless said otherwise."""
    row = dict.fromkeys(TUMOUR_COLUMNS, "") | {"patient": patient, "tumour": tumour, "path": str(path)}
    row["file_type"] = "maf" if path.suffix == ".maf" else "vcf"
    return row | {"tumour_in_file": tumour} | cells


class Prepared:
    """What :func:`prepare_tumours` writes for some rows of the sheet."""

    def __init__(
        self,
        folder: Path,
        rows: Sequence[dict[str, str]],
        fasta: Path | None = None,
        settings: TumourSettings | None = None,
        contigs: Sequence[str] = ("c1",),
        assembly: str = "unspecified",
    ) -> None:
        folder.mkdir(exist_ok=True)
        write_parquet(pd.DataFrame(list(rows), columns=TUMOUR_COLUMNS, dtype="str"), folder / "sheet.parquet")
        (folder / "preflight.json").write_text(json.dumps({"contigs": [{"name": c} for c in contigs]}))
        prepare_tumours(
            folder / "sheet.parquet",
            folder / "preflight.json",
            str(fasta) if fasta else None,
            assembly,
            settings or TumourSettings(),
            folder,
        )
        self.variants = read_parquet(folder / "somatic.parquet")
        self.tumours = read_parquet(folder / "tumours.parquet")
        self.rejects = read_tsv(folder / "somatic_rejects.tsv")
        self.flow = json.loads((folder / "somatic.json").read_text())

    @property
    def keys(self) -> list[str]:
        return self.variants["variant_id"].tolist()

    @property
    def reasons(self) -> list[str]:
        return self.rejects["reason"].tolist()
