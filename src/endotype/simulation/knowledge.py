"""Knowledge about the synthetic genome in the forms of ClinVar, gnomAD, a gene table and a target table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.simulation.genes import MISSENSE, Gene, coding_effects
from endotype.simulation.genome import Contig
from endotype.simulation.parameters import ASSEMBLY, Parameters
from endotype.simulation.plan import (
    BURDEN_MECHANISM,
    ENDOTYPES,
    MECHANISMS,
    OTHER_MECHANISMS,
    PlantedVariant,
    Roles,
)
from endotype.simulation.sites import Sites

SOURCE_DATE = "2026-01-01"
"""Date that the simulated sources carry: a fixed word, not a clock."""

_BENIGN_FREQUENCY = 0.05


@dataclass(frozen=True, order=True)
class ClinicalRecord:
    """One line of the clinical source."""

    contig_rank: int
    contig: str
    pos: int
    ref: str
    alt: str
    gene: str
    gene_number: int
    significance: str
    review: str
    condition: str


def clinical_records(
    contig: Contig,
    rank: int,
    genes: Sequence[Gene],
    sites: Sites,
    planted: Iterable[PlantedVariant],
    random: np.random.Generator,
) -> list[ClinicalRecord]:
    """Records of one window: the planted pathogenic variants, and harmless ones that many people carry."""
    records = [
        _record(contig, rank, v.gene, v.pos, "ACGT"[v.ref], "ACGT"[v.alt], "Pathogenic", 2)
        for v in planted
        if v.purpose in ("pathogenic", "decoy")
    ]
    starts = np.array([g.start for g in genes], np.int64)
    for i in np.flatnonzero(sites.passes):
        within = int(np.searchsorted(starts, sites.pos[i], side="right")) - 1
        if sites.kind[i] != "snv" or within < 0 or sites.pos[i] > genes[within].end:
            continue
        frequency = float((sites.alleles[i] > 0).mean())
        if random.random() < 0.5 and frequency > _BENIGN_FREQUENCY:
            word = ("Benign", "Likely_benign", "Benign/Likely_benign")[int(random.integers(3))]
        elif random.random() < 0.1 and frequency < 0.01:
            word = ("Uncertain_significance", "Conflicting_classifications_of_pathogenicity")[
                int(random.integers(2))
            ]
        else:
            continue
        records.append(
            _record(contig, rank, genes[within], int(sites.pos[i]), sites.ref[i], sites.alts[i][0], word, 1)
        )
    return records


_REVIEWS = (
    "no_assertion_criteria_provided",
    "criteria_provided,_single_submitter",
    "criteria_provided,_multiple_submitters,_no_conflicts",
)


def _record(
    contig: Contig, rank: int, gene: Gene, pos: int, ref: str, alt: str, word: str, review: int
) -> ClinicalRecord:
    number = int(gene.name[2:])
    condition = _disease(gene).replace(" ", "_")
    return ClinicalRecord(
        rank, contig.name, pos, ref, alt, gene.name, number, word, _REVIEWS[review], condition
    )


def _disease(gene: Gene) -> str:
    return f"Simulated disease {gene.name[2:]}"


def clinical_vcf(records: Iterable[ClinicalRecord]) -> str:
    """The clinical source as text; like ClinVar's file it names no contig lengths."""
    lines = [
        "##fileformat=VCFv4.1",
        f"##fileDate={SOURCE_DATE}",
        "##source=simulated, in the format of ClinVar",
        f"##reference={ASSEMBLY}",
        '##INFO=<ID=ALLELEID,Number=1,Type=Integer,Description="Allele number of the simulated source">',
        '##INFO=<ID=CLNDN,Number=.,Type=String,Description="Name of the disease">',
        '##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="Review status">',
        '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Germline classification">',
        '##INFO=<ID=GENEINFO,Number=1,Type=String,Description="Gene and its number, symbol:id">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    for number, r in enumerate(sorted(records), start=1):
        info = (
            f"ALLELEID={900_000 + number};CLNDN={r.condition};CLNREVSTAT={r.review};"
            f"CLNSIG={r.significance};GENEINFO={r.gene}:{r.gene_number}"
        )
        lines.append(f"{r.contig}\t{r.pos}\t{number}\t{r.ref}\t{r.alt}\t.\t.\t{info}")
    return "\n".join(lines) + "\n"


def frequency_header(contigs: Sequence[Contig]) -> str:
    """Head of the frequency source."""
    regions = "".join(f"##contig=<ID={c.name},length={c.length},assembly={ASSEMBLY}>\n" for c in contigs)
    return (
        "##fileformat=VCFv4.2\n"
        f"##fileDate={SOURCE_DATE}\n"
        "##source=simulated, in the format of gnomAD sites\n"
        f"##reference={ASSEMBLY}\n"
        f"{regions}"
        '##FILTER=<ID=PASS,Description="All filters passed">\n'
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Alternate allele count">\n'
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Number of alleles">\n'
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Alternate allele frequency">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )


def frequency_lines(
    contig: str, sites: Sites, ploidy: np.ndarray, parameters: Parameters, random: np.random.Generator
) -> str:
    """Lines of the frequency source for one window: most sites, none of the planted or troubled-by-REF ones.

    Counts are drawn for a panel of ``parameters.reference_panel_alleles`` from the cohort's frequencies.
    """
    total = parameters.reference_panel_alleles
    carried = sites.alleles[:, ploidy > 0]
    lines = []
    for i in np.flatnonzero(random.random(len(sites.pos)) < parameters.known_frequency_rate):
        if sites.kind[i] in ("planted", "ref_mismatch"):
            continue
        alts = [(k, alt) for k, alt in enumerate(sites.alts[i], start=1) if alt != "*"]
        counts = [max(1, int(random.binomial(total, (carried[i] == k).mean()))) for k, _ in alts]
        info = f"AC={','.join(map(str, counts))};AN={total};AF={','.join(f'{c / total:.6g}' for c in counts)}"
        written = ",".join(alt for _, alt in alts)
        lines.append(f"{contig}\t{sites.pos[i]}\t.\t{sites.ref[i]}\t{written}\t.\tPASS\t{info}\n")
    return "".join(lines)


def score_lines(
    genes: Iterable[Gene], bases: np.ndarray, planted: Iterable[PlantedVariant], parameters: Parameters
) -> str:
    """Lines of a missense score table for the genes of one contig: every single-base change that is missense.

    Scores are random and mostly low, as for the harmless; those of planted pathogenic variants are high.
    """
    harmful = {(v.pos, v.alt) for v in planted if v.purpose == "pathogenic" and v.effect == MISSENSE}
    lines = []
    for gene in genes:
        random = parameters.stream("scores", gene.name)
        order = np.argsort(gene.coding_positions)
        effects = coding_effects(gene, bases)[order]
        positions = gene.coding_positions[order]
        for row, alt in zip(*np.nonzero(effects == MISSENSE), strict=True):
            pos = int(positions[row])
            score = 0.95 if (pos, alt) in harmful else float(random.beta(1.5, 5))
            lines.append(f"{gene.contig}\t{pos}\t{'ACGT'[bases[pos - 1]]}\t{'ACGT'[alt]}\t{score:.3f}\n")
    return "".join(lines)


def gene_table(genes: Sequence[Gene], roles: Roles, parameters: Parameters) -> pd.DataFrame:
    """One row per gene: its mechanism, inheritance and disease."""
    random = parameters.stream("gene table")
    mechanisms = {roles.burden.name: BURDEN_MECHANISM}
    for name, gene in zip(ENDOTYPES, roles.endotype, strict=True):
        mechanisms[gene.name] = MECHANISMS[name]
    disease_genes = {g.name for g in roles.disease}
    rows = []
    for gene in genes:
        other = OTHER_MECHANISMS[int(random.integers(len(OTHER_MECHANISMS)))]
        inheritance = {"X": "XL", "MT": "MT"}.get(gene.contig, "AD")
        if gene.name not in disease_genes:
            inheritance = "unknown"
        if gene.name in (roles.recessive.name, roles.compound.name):
            inheritance = "AR"
        rows.append(
            {
                "gene": gene.name,
                "gene_id": gene.gene_id,
                "aliases": f"OLD{gene.name[2:]}" if random.random() < 0.2 else "",
                "mechanism": mechanisms.get(gene.name, other),
                "inheritance": inheritance,
                "disease": _disease(gene) if gene.name in disease_genes else "",
                "lof_mechanism": "yes" if gene.name in roles.names else "unknown",
            }
        )
    return pd.DataFrame(rows, dtype="str")


@dataclass(frozen=True)
class TargetRow:
    """One intervention for one gene."""

    gene: str
    intervention: str
    action: str
    tier: str
    level: str
    direction: str
    requires: str
    reliability: float


def target_rows(roles: Roles) -> list[TargetRow]:
    """What can be acted on: one row per role, and decoys for genes that nobody carries."""
    indicated, against = "indicated", "contraindicated"
    rows = [
        TargetRow(
            roles.dominant[0].name, "Simulated drug A", indicated, "1", "A", "loss", "carried_variant", 0.95
        ),
        TargetRow(
            roles.dominant[1].name, "Simulated drug B", indicated, "1", "A", "any", "carried_variant", 0.9
        ),
        TargetRow(
            roles.dominant[1].name, "Simulated drug C", against, "R1", "A", "any", "carried_variant", 0.9
        ),
        TargetRow(
            roles.recessive.name, "Simulated drug D", indicated, "1", "B", "loss", "carried_variant", 0.8
        ),
        TargetRow(roles.burden.name, "Simulated drug E", indicated, "3", "C", "any", "association", 0.7),
    ]
    for name, gene in zip(("F", "G", "H"), roles.endotype, strict=True):
        rows.append(
            TargetRow(gene.name, f"Simulated drug {name}", indicated, "2", "B", "any", "subtype", 0.85)
        )
    for name, gene, requires in zip(
        ("I", "J", "K"), roles.decoys, ("carried_variant", "association", "subtype"), strict=True
    ):
        rows.append(TargetRow(gene.name, f"Simulated drug {name}", indicated, "4", "D", "any", requires, 0.5))
    return rows


def target_table(rows: Sequence[TargetRow]) -> pd.DataFrame:
    """The target table as it is written."""
    records: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        source = {"source": "simulated targets", "source_version": "1", "source_record": f"ST{number:03d}"}
        records.append({**vars(row), "reliability": f"{row.reliability:g}", **source})
    return pd.DataFrame(records, dtype="str")
