#!/usr/bin/env python
"""Join the packed regions of a cohort, in genome order, and account for every record that came in."""

import argparse

from endotype import command
from endotype.variants.merge import merge_shards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--shards", required=True, nargs="*", help="stems of the regions, in genome order")
    parser.add_argument("--inputs", required=True, nargs="*", help="folders of prepare_input.py")
    parser.add_argument("--out", required=True, help="folder for the store, QC table, rejects and flow")
    a = parser.parse_args()
    merge_shards(a.shards, a.inputs, a.out)


if __name__ == "__main__":
    command.run(main)
