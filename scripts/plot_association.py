"""Draw association results: Manhattan, QQ by frequency, regional plots with linkage and genes, forest plot.

Of any run of associate.py:

    plot_association.py --result OUT.parquet --bfile PREFIX --genes genes.gff3.gz --out-dir plots

OUT.parquet holds one trait, or several in a column `trait`. --bfile gives the linkage (r2) of each variant
with the lead of its locus, --genes the gene track. Written are, for each trait, NAME.manhattan.svg,
NAME.qq.svg and NAME.locus001.svg ... (or NAME.CHROM_START_END.svg with --region), and for all forest.svg,
loci.tsv and plots.json, which lists them. Data for drawing them elsewhere stand beside them as .json.

Of a run of the workflow: --association results/association, with --bfile and --genes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.pictures import MAX_LOCI, plot_association, plot_results
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--result", type=Path, nargs="+", help="Parquet files of associate.py")
    source.add_argument("--association", type=Path, help="folder of a run; needs --bfile and --genes")
    parser.add_argument(
        "--bfile", help="prefix of the .bed, .bim and .fam (default: linkage is not assessed)"
    )
    parser.add_argument("--genes", type=Path, help="annotation/genes.parquet, or GFF3, which has exons too")
    parser.add_argument("--max-loci", type=int, default=MAX_LOCI, help="drawn for a trait (%(default)s)")
    parser.add_argument("--out-dir", type=Path, required=True, help="folder for the pictures")
    by_hand = parser.add_argument_group("with --result")
    by_hand.add_argument("--trait", help="traits, separated by commas (default: all of the results)")
    by_hand.add_argument(
        "--people", type=Path, help="among whom linkage is taken: IID, or FID IID, a line (default: all)"
    )
    by_hand.add_argument(
        "--region", action="append", default=[], help="CHROM:START-END, instead of the loci; may be repeated"
    )
    by_hand.add_argument(
        "--alpha",
        type=float,
        default=0.05,
        help="family-wise error over all traits, Bonferroni (%(default)s)",
    )
    by_hand.add_argument(
        "--threshold", type=float, help="p-value of significance, e.g. 5e-8, instead of --alpha"
    )
    by_hand.add_argument(
        "--window", type=int, default=500_000, help="bp on either side of a lead (%(default)s)"
    )
    a = parser.parse_args()
    if a.association is not None:
        if a.bfile is None or a.genes is None:
            parser.error("--association needs --bfile and --genes")
        plot_association(a.association, a.bfile, a.genes, a.out_dir, max_loci=a.max_loci)
        return
    plot_results(
        a.result,
        a.out_dir,
        traits=a.trait.split(",") if a.trait else None,
        bfile=a.bfile,
        people=a.people,
        genes=a.genes,
        regions=a.region,
        alpha=a.alpha,
        threshold=a.threshold,
        window=a.window,
        max_loci=a.max_loci,
    )


if __name__ == "__main__":
    run(main)
