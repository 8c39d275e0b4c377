#!/usr/bin/env python
"""Copy files named in two lists, one path a line, first to first and last to last."""

import argparse
from pathlib import Path

from endotype import command
from endotype.storage import copy_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sources", required=True, help="file that lists what to copy")
    parser.add_argument("--targets", required=True, help="file that lists where to")
    a = parser.parse_args()
    copy_files(Path(a.sources).read_text().splitlines(), Path(a.targets).read_text().splitlines())


if __name__ == "__main__":
    command.run(main)
