"""The options of ``associate.py`` that are about sets of variants."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.design_source import DesignSource
from endotype.association.set_names import TESTS
from endotype.errors import input_error


def add_set_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--sets`` and what goes with it."""
    group = parser.add_argument_group("sets of variants")
    add = group.add_argument
    add(
        "--sets",
        type=Path,
        help="a table with the columns set, variant and, if wanted, mask and weight; a SAIGE-GENE group "
        "file; or REGENIE's set list. OUT then has a row a trait, set, mask and test",
    )
    add("--set-annotations", type=Path, help="REGENIE's annotations, with its set list")
    add("--set-masks", type=Path, help="REGENIE's mask definitions, with its set list")
    add("--set-tests", help=f"of {','.join(TESTS)} (default: all)")
    add("--lovo", action="store_true", help="also every test without each variant, beside OUT")


def run_sets(arguments: argparse.Namespace, source: DesignSource) -> bool:
    """Test sets in the people of ``source`` if the arguments ask for it; whether they do.

    Raises:
        InputError: options that don't go together.
    """
    a = arguments
    given = {
        "--set-annotations": a.set_annotations,
        "--set-masks": a.set_masks,
        "--set-tests": a.set_tests,
        "--lovo": a.lovo or None,
    }
    if a.sets is None:
        for option, value in given.items():
            if value is not None:
                raise input_error("command line", f"{option} without --sets", "--sets FILE too")
        return False
    if a.region is not None:
        raise input_error("command line", "--region with --sets", "one of them: a set is where its file says")
    from endotype.association.set_scan import associate_sets  # here: single variants need not wait for it

    associate_sets(
        a.bfile,
        a.sets,
        a.out,
        source,
        annotations=a.set_annotations,
        masks=a.set_masks,
        tests=None if a.set_tests is None else a.set_tests.split(","),
        leave_one_out=a.lovo,
        traits=a.trait.split(",") if a.trait else None,
        loco=a.loco_pred,
        alpha=a.alpha,
        progress=not a.quiet,
        min_minor_alleles=a.min_allele_count,
        threads=a.threads,
        engine=a.engine,
    )
    return True
