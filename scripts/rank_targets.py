"""Rank what can be acted on for each patient, by tier, then evidence, with the uncertainty of the rank."""

import argparse
import json

from endotype.command import run
from endotype.errors import input_error
from endotype.targets.run import Results, Settings, rank_targets


def weights(text: str) -> dict[str, float]:
    """The value of --source-weights."""
    try:
        return {str(name): float(weight) for name, weight in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        raise input_error("--source-weights", text, 'JSON such as {"civic": 0.5}') from None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--assignments", required=True, help="subtypes/assignments.parquet")
    parser.add_argument("--annotation", required=True, help="annotation/variants.parquet")
    parser.add_argument(
        "--bfile", required=True, metavar="PREFIX", help="genotype store: PREFIX.bed .bim .fam"
    )
    parser.add_argument("--loci", required=True, help="association/loci.parquet")
    parser.add_argument("--genes", required=True, help="annotation/genes.parquet")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument("--targets", help="target table (TSV)")
    parser.add_argument("--compound", help="annotation/compound.parquet: phase of pairs of variants")
    parser.add_argument("--classification", help="annotation/classification.parquet: ACMG/AMP classes")
    parser.add_argument("--somatic", help="variants/somatic.parquet: variants of the tumours")
    parser.add_argument("--tumours", help="variants/tumours.parquet")
    parser.add_argument("--clinical", help="cohort/clinical.parquet, for --disease-column")
    parser.add_argument("--knowledge", help="annotation/knowledge.json, beside the tables of the store")
    parser.add_argument("--disease", action="append", default=[], help="name or code; may be given again")
    parser.add_argument("--disease-column", help="clinical column of each patient's disease")
    parser.add_argument("--diseases", help="table of diseases: code main_type name tissue")
    parser.add_argument("--hotspots", help="table of hotspots: gene protein_change")
    parser.add_argument("--alterations", help="table of copy numbers and fusions of tumours")
    parser.add_argument("--credible-sets", help="table of credible sets of associated loci")
    parser.add_argument("--source-weights", default="{}", metavar="JSON", help="source: weight, 0 to 1")
    parser.add_argument("--draws", type=int, default=1000, help="Monte-Carlo draws of the rank interval")
    parser.add_argument("--seed", type=int, default=1, help="seed; each patient has a stream of their own")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the four files are written")
    given = parser.parse_args()
    rank_targets(
        Results(
            given.assignments,
            given.annotation,
            given.bfile,
            given.loci,
            given.genes,
            given.people,
            given.sample_qc,
            given.targets,
            given.compound,
            given.classification,
            given.somatic,
            given.tumours,
            given.clinical,
            given.knowledge,
        ),
        Settings(
            given.draws,
            tuple(given.disease),
            given.disease_column,
            given.diseases,
            given.hotspots,
            given.alterations,
            given.credible_sets,
            weights(given.source_weights),
        ),
        given.seed,
        given.out,
    )


if __name__ == "__main__":
    run(main)
