"""A whole simulated cohort, written contig by contig and window by window."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
import pysam
import yaml
from rich.console import Console
from rich.progress import Progress

from endotype import bcftools
from endotype.files import atomic_path, write_json, write_text
from endotype.simulation import knowledge, planted, population, sites
from endotype.simulation.calls import Contamination
from endotype.simulation.genes import Gene, gff3_header, gff3_lines, place_genes, write_gene
from endotype.simulation.genome import Contig, contigs, random_bases, windows, write_fasta_record
from endotype.simulation.parameters import Parameters
from endotype.simulation.phenotypes import dictionary, draw_clinical
from endotype.simulation.plan import (
    Cast,
    CausalPlace,
    PlantedVariant,
    assign_roles,
    causal_places,
    draw_cast,
    plant,
)
from endotype.simulation.records import vcf_blocks, vcf_header

Report = Callable[[str, int], None]
"""Called with what was finished and how many bases of the genome it was."""


def simulate_cohort(out: str | Path, parameters: Parameters, show_progress: bool = True) -> None:
    """Write a cohort with its reference, clinical table, knowledge and truth into a folder.

    The same parameters give the same bytes. A file takes its final name
    when it is whole, ``truth.json`` last of all.

    Args:
        out: the folder; made when it isn't there.
        parameters: what is made. Time and disk grow with patients x variants, memory with patients only.
        show_progress: a progress bar on stderr.

    Raises:
        InputError: the parameters can't hold what is planted.
    """
    parameters.check()
    total = sum(c.length for c in contigs(parameters))
    console = Console(stderr=True)
    with Progress(console=console, disable=not show_progress, transient=not sys.stderr.isatty()) as progress:
        task = progress.add_task("simulating", total=total)
        _Simulation(
            Path(out), parameters, lambda what, n: progress.update(task, advance=n, description=what)
        ).run()


class _Simulation:
    """The state of one run: what was planned, what was drawn so far, and the open files."""

    def __init__(self, out: Path, parameters: Parameters, report: Report) -> None:
        self.out = out
        self.parameters = parameters
        self.report = report
        self.contigs = contigs(parameters)
        self.genes = place_genes(self.contigs, parameters)
        self.roles = assign_roles(self.genes)
        self.cast = draw_cast(parameters)
        self.planted: list[PlantedVariant] = []
        self.causal: list[planted.CausalVariant] = []
        self.clinical_records: list[knowledge.ClinicalRecord] = []
        self.troubled: dict[str, list[str]] = {"ref_mismatch": [], "duplicate": []}
        self.records: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.records_by_contig: Counter[str] = Counter()
        spread = parameters.depth_spread
        self.depth_factor = parameters.stream("depth").normal(1, spread, parameters.patients).clip(0.7, 1.5)
        self.contamination = [
            Contamination(self.cast.contaminated, self.cast.contaminant, parameters.contamination)
        ]

    def run(self) -> None:
        """Write everything."""
        self.out.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            fasta, index, gff, vcf, frequencies, scores = (
                stack.enter_context(atomic_path(self.out / name))
                for name in (
                    "reference.fa",
                    "reference.fa.fai",
                    "genes.gff3.gz",
                    "cohort.vcf.gz",
                    "gnomad.vcf.gz",
                    "scores.tsv.gz",
                )
            )
            with (
                fasta.open("wb") as self._fasta,
                index.open("w", encoding="ascii", newline="\n") as self._index,
                _bgzip(gff) as self._gff,
                _bgzip(vcf) as self._vcf,
                _bgzip(frequencies) as self._frequencies,
                _bgzip(scores) as self._scores,
            ):
                self._gff.write(gff3_header(self.contigs).encode())
                self._vcf.write(vcf_header(self.contigs, self.cast.samples).encode())
                self._frequencies.write(knowledge.frequency_header(self.contigs).encode())
                self._scores.write(b"chrom\tpos\tref\talt\tscore\n")
                for rank, contig in enumerate(self.contigs):
                    self._write_contig(rank, contig)
            self.report("index", 0)
            stack.callback(Path(f"{vcf}.tbi").unlink, missing_ok=True)
            bcftools.run("index", "--tbi", "--force", str(vcf))
            Path(f"{vcf}.tbi").replace(self.out / "cohort.vcf.gz.tbi")
        self._write_tables()

    def _write_contig(self, rank: int, contig: Contig) -> None:
        parameters = self.parameters
        bases = random_bases(contig.length, parameters.gc_content, parameters.stream("bases", contig.name))
        genes = [g for g in self.genes if g.contig == contig.name]
        spelling = parameters.stream("codons", contig.name)
        for gene in genes:
            write_gene(bases, gene, spelling)
            self._gff.write("".join(gff3_lines(gene)).encode())
        write_fasta_record(self._fasta, self._index, contig.name, bases)
        rare = plant(contig.name, bases, self.roles, self.cast, parameters)
        self.planted += rare
        scored = [g for g in genes if g.name in self.roles.names]
        self._scores.write(knowledge.score_lines(scored, bases, rare, parameters).encode())
        coding = sites.CodingTable(genes, self.roles.names, bases)
        family = population.Family(contig, self.cast, parameters)
        # What doesn't recombine has one tree, and so one window.
        size = parameters.window if contig.recombines else contig.length
        for start, end in windows(contig.length, size):
            inside = [v for v in rare if start < v.pos <= end]
            self._write_window(rank, contig, (start, end), bases, genes, inside, coding, family)
            self.report(f"contig {contig.name}", end - start)

    def _write_window(
        self,
        rank: int,
        contig: Contig,
        window: tuple[int, int],
        bases: np.ndarray,
        genes: Sequence[Gene],
        inside: Sequence[PlantedVariant],
        coding: sites.CodingTable,
        family: population.Family,
    ) -> None:
        parameters, cast = self.parameters, self.cast
        random = parameters.stream("window", contig.name, window[0])
        pos, haplotypes = population.founder_haplotypes(contig, *window, cast, parameters)
        carried = [v for v in inside if v.carriers]
        records = sites.plain_sites(pos, haplotypes, carried, bases, coding, random)
        exons = [e for g in genes for e in g.exons if e[0] <= window[1] and e[1] > window[0]]
        chosen = self._choose_causal(contig, window, records, exons)
        fixed = [(v.pos, v.pos) for v in inside] + [(int(records.pos[row]),) * 2 for _, row in chosen]
        sites.add_trouble(records, [*exons, *fixed], bases, parameters, random)
        family.inherit(records.pos, records.alleles)
        sites.plant_in_family(records, carried)
        for place, row in chosen:
            ref, alt = records.ref[row], records.alts[row][0]
            dosage = records.alleles[row].sum(1).astype(float)
            self.causal.append(planted.CausalVariant(place, int(records.pos[row]), ref, alt, dosage))
        ploidy = contig.ploidy(cast.male)
        seen_once = (records.alleles[:, ploidy > 0, 0] > 0).any(1)
        seen_twice = (records.alleles[:, ploidy == 2, 1] > 0).any(1)
        records = records.select(np.logical_or(seen_once, seen_twice))
        writing = (ploidy, self.depth_factor, self.contamination, parameters, random)
        for lines, trouble in vcf_blocks(contig.name, records, *writing):
            self._vcf.write(lines)
            self.calls.update(trouble)
        self._count(contig, records)
        self._frequencies.write(
            knowledge.frequency_lines(contig.name, records, ploidy, parameters, random).encode()
        )
        self.clinical_records += knowledge.clinical_records(contig, rank, genes, records, inside, random)

    def _count(self, contig: Contig, records: sites.Sites) -> None:
        """Note what the truth says about the records of a window."""
        self.records.update(records.kind)
        self.records_by_contig[contig.name] += int(records.copies.sum())
        for kind, ids in self.troubled.items():
            ids += [
                f"{contig.name}:{records.pos[i]}:{records.ref[i]}:{records.alts[i][0]}"
                for i in range(len(records.pos))
                if records.kind[i] == kind
            ]

    def _choose_causal(
        self,
        contig: Contig,
        window: tuple[int, int],
        records: sites.Sites,
        exons: Sequence[tuple[int, int]],
    ) -> list[tuple[CausalPlace, int]]:
        """For each causal place in the window, the row of the site whose frequency is nearest to 0.4 in all
        populations.
        """
        chosen = []
        for place in causal_places(self.parameters):
            if place.contig == contig.name and window[0] <= place.fraction * contig.length < window[1]:
                frequencies = np.stack(
                    [records.alleles[:, self.cast.population == k].mean((1, 2)) for k in range(3)]
                )
                distance = np.abs(frequencies - 0.4).max(0)
                for start, end in exons:
                    distance[(records.pos >= start) & (records.pos <= end)] = np.inf
                distance[[kind != "snv" for kind in records.kind]] = np.inf
                chosen.append((place, int(np.argmin(distance))))
        return chosen

    def _write_tables(self) -> None:
        """The small files, once the genome is done."""
        parameters, cast = self.parameters, self.cast
        effects: dict[str, list[tuple[np.ndarray, float]]] = {}
        for variant in self.causal:
            effects.setdefault(variant.place.trait, []).append((variant.dosage, variant.place.effect))
        burden = np.zeros(parameters.patients)
        for rare in self.planted:
            if rare.purpose == "burden":
                for person, copies in rare.carriers.items():
                    burden[person] += copies
        clinical = draw_clinical(cast, effects, burden, parameters)
        targets = knowledge.target_rows(self.roles)
        _write_table(self.out / "samples.tsv", sample_sheet(cast))
        _write_table(self.out / "clinical.tsv", clinical.rows)
        _write_table(self.out / "genes.tsv", knowledge.gene_table(self.genes, self.roles, parameters))
        _write_table(self.out / "targets.tsv", knowledge.target_table(targets))
        write_text(
            self.out / "dictionary.yaml",
            yaml.safe_dump(dictionary(), sort_keys=False, allow_unicode=True, width=100),
        )
        write_text(self.out / "pedigree.ped", pedigree(cast))
        with atomic_path(self.out / "clinvar.vcf.gz") as path, _bgzip(path) as stream:
            stream.write(knowledge.clinical_vcf(self.clinical_records).encode())
        counts = {
            "patients": parameters.patients,
            "records": sum(self.records_by_contig.values()),
            "records_by_contig": dict(self.records_by_contig),
            "records_by_kind": dict(self.records),
            "calls": dict(self.calls),
            "genes": len(self.genes),
            "genome_length": sum(c.length for c in self.contigs),
        }
        write_json(
            self.out / "truth.json",
            planted.truth(
                parameters,
                cast,
                self.roles,
                self.causal,
                self.planted,
                targets,
                clinical,
                self.troubled,
                counts,
            ),
        )


def sample_sheet(cast: Cast) -> pd.DataFrame:
    """One row per person: who they are in the VCF, and the sex they are declared to have."""
    return pd.DataFrame(
        {
            "patient": cast.patients,
            "sample": cast.samples,
            "sex": np.where(cast.declared_male, "male", "female"),
            "file_type": "vcf",
            "path": "cohort.vcf.gz",
        },
        dtype="str",
    )


def pedigree(cast: Cast) -> str:
    """The declared trio in PED form: family, person, father, mother, sex, phenotype (2 is affected)."""
    father, mother, child = (cast.patients[i] for i in (cast.father, cast.mother, cast.child))
    sex = 1 if cast.declared_male[cast.child] else 2
    rows = [
        ("F1", father, "0", "0", 1, 1),
        ("F1", mother, "0", "0", 2, 1),
        ("F1", child, father, mother, sex, 2),
    ]
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


@contextlib.contextmanager
def _bgzip(path: Path) -> Iterator[pysam.BGZFile]:
    stream = pysam.BGZFile(str(path), "w", None)
    try:
        yield stream
    finally:
        stream.close()


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a TSV file as a hospital's export would be: cells as they are, quoted only where they must be."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        _write_rows(stream, frame)


def _write_rows(stream: TextIO, frame: pd.DataFrame) -> None:
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(frame.itertuples(index=False))
