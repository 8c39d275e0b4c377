"""A small sound cohort in a folder; each test breaks one thing of it."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pysam
import pytest

from endotype.cohort.preflight import Preflight, preflight
from endotype.config import complete
from endotype.errors import InputError, Problem

PATIENTS = [f"P{n:03d}" for n in range(1, 13)]
SITES = [("1", 100 + 37 * n) for n in range(40)] + [("2", 60 + 41 * n) for n in range(20)]

DICTIONARY = """\
missing: ["", "NA", "."]
columns:
  patient: {role: identifier}
  age: {type: number, unit: years, range: [18, 100], role: covariate}
  site: {type: category, values: [north, south], role: confounder}
  ldl: {type: number, unit: mmol/L, range: [0.5, 12], role: trait}
  asthma: {type: binary, role: trait}
  marker_1: {type: number, role: feature}
  follow_up: {type: number, unit: years, role: outcome}
  died: {type: binary, role: outcome}
  notes: {role: ignore}
outcomes:
  survival: {time: follow_up, event: died}
"""

GENES = """\
##gff-version 3
1	test	gene	10	400	.	+	.	ID=gene:G1;biotype=protein_coding;Name=ONE
1	test	mRNA	10	400	.	+	.	ID=transcript:T1;Parent=gene:G1;biotype=protein_coding
1	test	exon	10	400	.	+	.	Parent=transcript:T1
1	test	CDS	20	319	.	+	0	Parent=transcript:T1
"""


class Cohort:
    """Input files in a folder. Paths in ``config`` are relative to it, as in a real run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = random.Random(1)
        self.reference = {
            "1": "".join(rng.choices("ACGT", k=2000)),
            "2": "".join(rng.choices("ACGT", k=1000)),
        }
        self.config: dict[str, Any] = {
            "inputs": {"samples": "samples.tsv", "clinical": "clinical.tsv", "dictionary": "dictionary.yaml"},
            "reference": {"fasta": "reference.fa", "genes": "genes.gff3", "assembly": "Toy1"},
        }
        self.write("reference.fa", "".join(f">{name}\n{bases}\n" for name, bases in self.reference.items()))
        self.write("genes.gff3", GENES)
        self.write("dictionary.yaml", DICTIONARY)
        self.write("samples.tsv", self.sheet())
        self.write("clinical.tsv", self.clinical())
        self.compress("cohort.vcf.gz", self.vcf())

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def compress(self, name: str, text: str, index: bool = True) -> Path:
        """A bgzip file with its index."""
        plain = self.write(name + ".plain", text)
        path = self.folder / name
        pysam.tabix_compress(str(plain), str(path), force=True)
        plain.unlink()
        if index:
            pysam.tabix_index(str(path), preset="vcf", force=True)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace one piece of a text file; it must be there."""
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def sheet(self, path: str = "cohort.vcf.gz", file_type: str = "vcf") -> str:
        sexes = ["female", "male", "unknown"]
        rows = [f"{p}\tS-{p}\t{sexes[n % 3]}\t{file_type}\t{path}" for n, p in enumerate(PATIENTS)]
        return "\n".join(["patient\tsample\tsex\tfile_type\tpath", *rows, ""])

    def clinical(self) -> str:
        header = "patient\tage\tsite\tldl\tasthma\tmarker_1\tfollow_up\tdied\tnotes"
        rows = [
            f"{p}\t{30 + n}\t{['north', 'south'][n % 2]}\t{1.5 + n / 10}\t{n % 2}\t{n / 7:.3f}\t{1 + n}\t"
            f"{['no', 'yes'][n % 3 == 0]}\tfree text"
            for n, p in enumerate(PATIENTS)
        ]
        return "\n".join([header, *rows, ""])

    def vcf(
        self,
        samples: list[str] | None = None,
        sites: list[tuple[str, int]] | None = None,
        contigs: str | None = None,
        prefix: str = "",
    ) -> str:
        names = [f"S-{p}" for p in PATIENTS] if samples is None else samples
        if contigs is None:
            contigs = "".join(
                f"##contig=<ID={prefix}{c},length={len(b)}>\n" for c, b in self.reference.items()
            )
        lines = [
            "##fileformat=VCFv4.2\n",
            contigs,
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n',
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
            + "".join(f"\t{c}" for c in (["FORMAT", *names] if names else []))
            + "\n",
        ]
        for contig, pos in SITES if sites is None else sites:
            ref = self.reference[contig][pos - 1]
            genotypes = "".join(["\tGT"] + ["\t0/1"] * len(names)) if names else ""
            lines.append(
                f"{prefix}{contig}\t{pos}\t.\t{ref}\t{'A' if ref != 'A' else 'C'}\t50\tPASS\t.{genotypes}\n"
            )
        return "".join(lines)

    def check(self) -> Preflight:
        """Preflight, from inside the folder."""
        with contextlib.chdir(self.folder):
            return preflight(complete(self.config, "config.yaml"))

    def problems(self) -> list[Problem]:
        """The problems that preflight finds; there must be some."""
        with pytest.raises(InputError) as caught:
            self.check()
        return caught.value.problems


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return Cohort(tmp_path)
