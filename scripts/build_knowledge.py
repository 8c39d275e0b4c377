"""Make the sources of knowledge ready to be joined: variants, positions, regions and genes, once."""

import argparse

from endotype.annotation.knowledge import build_knowledge
from endotype.cohort.knowledge_sources import load_sources
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clinical-significance", help="sites VCF in ClinVar's format")
    parser.add_argument("--population-frequency", help="sites VCF in gnomAD's format (INFO AC and AN, or AF)")
    parser.add_argument("--genes", help="gene table, TSV")
    parser.add_argument("--sources", help="further sources: a YAML or JSON file, or the JSON list itself")
    parser.add_argument("--gff", help="gene model, GFF3")
    parser.add_argument("--fasta", help="reference, plain or bgzip: alleles are checked and left-aligned")
    parser.add_argument("--assembly", required=True, help="name of the assembly, for instance GRCh38")
    parser.add_argument("--max-age-days", type=int, help="warn of sources that are older")
    parser.add_argument(
        "--as-of", help="date YYYY-MM-DD that ages are counted to (default: the newest source's)"
    )
    parser.add_argument("--out", required=True, help="folder for the tables and knowledge.json")
    arguments = vars(parser.parse_args())
    sources = arguments.pop("sources")
    build_knowledge(**arguments, sources=load_sources(sources) if sources else ())


if __name__ == "__main__":
    run(main)
