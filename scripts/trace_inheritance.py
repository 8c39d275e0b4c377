#!/usr/bin/env python
"""Trace rare, severe variants through families: zygosity, origin, phase, fit with the gene, segregation.

Writes inheritance.parquet, compound.parquet, fit.parquet, segregation.parquet and inheritance.json.
"""

import argparse

from endotype import command
from endotype.annotation.inheritance.candidates import Limits
from endotype.annotation.inheritance.certainty import DeNovoRules
from endotype.annotation.inheritance.phase import PhaseRules
from endotype.annotation.inheritance.trace import Rules, Sources, trace_inheritance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--variants", required=True, help="annotation/variants.parquet")
    add("--bfile", required=True, help="prefix of the genotype store (.bed .bim .fam)")
    add("--people", required=True, help="cohort/people.parquet")
    add("--genes", required=True, help="annotation/genes.parquet")
    add("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    add("--pedigree", help="PED file; without it origins are unknown")
    add("--relatedness", help="variants/relatedness.parquet, which confirms parents")
    add("--shards", nargs="*", default=[], help="normalised BCF files, each with its .csi")
    add("--samples", help="cohort/samples.parquet, for the alignments")
    add("--fasta", help="reference of CRAM files")
    limits, new, phase = Limits(), DeNovoRules(), PhaseRules()
    add("--max-population-af", type=float, default=limits.max_population_af)
    add("--max-cohort-af", type=float, default=limits.max_cohort_af)
    add("--min-cohort-people", type=int, default=limits.min_cohort_people)
    add("--min-parent-depth", type=int, default=new.min_parent_depth)
    add("--min-parent-quality", type=int, default=new.min_parent_quality)
    add("--max-parent-alt-reads", type=int, default=new.max_parent_alt_reads)
    add(
        "--whole-contig-phase",
        action="store_true",
        help="phased calls without a phase set are one per contig",
    )
    add(
        "--max-read-distance",
        type=int,
        default=phase.max_distance,
        help="of two variants that reads may phase",
    )
    add("--min-fragments", type=int, default=phase.min_fragments)
    add("--max-conflicting-fragments", type=float, default=phase.max_conflicting)
    add("--out", required=True, help="folder of the tables")
    a = parser.parse_args()
    sources = Sources(
        variants=a.variants,
        prefix=a.bfile,
        people=a.people,
        genes=a.genes,
        assembly=a.assembly,
        pedigree=a.pedigree,
        relatedness=a.relatedness,
        shards=a.shards,
        samples=a.samples,
        fasta=a.fasta,
    )
    rules = Rules(
        Limits(a.max_population_af, a.max_cohort_af, a.min_cohort_people),
        DeNovoRules(a.min_parent_depth, a.min_parent_quality, a.max_parent_alt_reads),
        PhaseRules(a.whole_contig_phase, a.max_read_distance, a.min_fragments, a.max_conflicting_fragments),
    )
    trace_inheritance(sources, rules, a.out)


if __name__ == "__main__":
    command.run(main)
