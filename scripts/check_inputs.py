"""Check everything a run is given - configuration, sample sheet, variant files, clinical table, reference,
knowledge - and list all problems at once. With --out, also write the tables of results/cohort/.

Exit code 0: the input is sound. Exit code 2: it is not, and the page says what to mend; nothing was written.
"""

import argparse

from endotype.annotation.acmg.inputs import table_readers
from endotype.association.inputs import set_readers
from endotype.cohort.check import check_inputs
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--config", metavar="FILE", help="the configuration (YAML or JSON)")
    given.add_argument(
        "--config-json", metavar="JSON", help="the configuration itself, as the workflow has it"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="write the cohort tables here, relative to --directory (default: write nothing)",
    )
    parser.add_argument(
        "--directory",
        default=".",
        metavar="DIR",
        help="working directory of the run, to which configured paths are relative (default: %(default)s)",
    )
    arguments = parser.parse_args()
    print(
        check_inputs(
            **vars(arguments),
            readers=lambda config: [*table_readers(config["acmg"]), *set_readers(config["association"])],
        )
    )


if __name__ == "__main__":
    run(main)
