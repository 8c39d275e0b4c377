"""Draw the subtypes: consensus, stability, embedding, survival, features, altered genes.

Written are one SVG a picture, pictures.json, which lists them with captions or says why one can't be drawn,
and embedding.json and positions.parquet: the frozen axes and everybody's place on them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.command import run
from endotype.subtypes.pictures import Inputs, plot_subtypes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, what in (
        ("model", "subtypes/model.json"),
        ("features", "subtypes/features.parquet"),
        ("clinical", "cohort/clinical.parquet"),
        ("dictionary", "cohort/dictionary.json"),
        ("ancestry", "variants/ancestry.parquet"),
        ("assignments", "subtypes/assignments.parquet"),
        ("selection", "subtypes/selection.json"),
        ("profile", "subtypes/profile.parquet"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, help=what)
    parser.add_argument("--consensus", type=Path, help="subtypes/consensus.npz (default: no heat map)")
    parser.add_argument(
        "--characterisation", type=Path, help="subtypes/characterisation.parquet (default: no FDR marks)"
    )
    parser.add_argument("--somatic", type=Path, help="variants/somatic.parquet (default: no oncoprint)")
    parser.add_argument("--tumours", type=Path, help="variants/tumours.parquet (default: no oncoprint)")
    parser.add_argument("--genes", help="of the oncoprint, separated by commas (default: altered most often)")
    parser.add_argument("--out-dir", type=Path, required=True, help="folder for the pictures")
    a = vars(parser.parse_args())
    out_dir, genes = a.pop("out_dir"), a.pop("genes")
    plot_subtypes(Inputs(**a, genes=genes.split(",") if genes else None), out_dir)


if __name__ == "__main__":
    run(main)
