"""The UW-GAC subset of 1000 Genomes as genotype stores, record by record as plink2 read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from cyvcf2 import VCF

from endotype.variants.plink import pack, write_store


def uwgac_store(data: Path, prefix: Path, chromosomes: list[str]) -> Path:
    """Write the records of some chromosomes; half calls are haploid, multiallelic records count any ALT."""
    packed, rows = [], []
    for chromosome in chromosomes:
        reader = VCF(str(data / "cohorts" / "uwgac" / f"1KG_phase3_subset_chr{chromosome}.vcf.gz"))
        people = list(reader.samples)
        for variant in reader:
            alleles = variant.genotype.array()[:, :2]
            called = (alleles >= 0).sum(axis=1)
            alternate = (alleles > 0).sum(axis=1)
            dosage = np.where(called == 0, -1, np.where(called == 1, 2 * alternate, alternate))
            packed.append(pack(dosage[None].astype(np.int8)))
            alt = ",".join(variant.ALT)
            name = f"{variant.CHROM}:{variant.POS}:{variant.REF}:{variant.ALT[0]}"
            rows.append((variant.CHROM, name, "0", variant.POS, alt, variant.REF))
    variants = pd.DataFrame(rows, columns=["chrom", "id", "cm", "pos", "alt", "ref"])
    fam = pd.DataFrame({"fid": "0", "iid": people, "father": "0", "mother": "0", "sex": "0"})
    write_store(prefix, np.concatenate(packed), variants, fam.assign(phenotype="-9"))
    return prefix
