"""Write config/README.md, the page that explains every configuration key, from the schema."""

import argparse

from endotype.command import run
from endotype.config import write_document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", default="config/README.md", metavar="FILE", help="the page to write (default: %(default)s)"
    )
    arguments = parser.parse_args()
    write_document(arguments.out)


if __name__ == "__main__":
    run(main)
