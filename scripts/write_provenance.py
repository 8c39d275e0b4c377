#!/usr/bin/env python
"""Record what goes into a run: every input with its sha256, software versions, the full configuration."""

import argparse
import json

from endotype import command
from endotype.provenance.inputs import write_provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config-json", required=True, type=json.loads, help="completed configuration")
    parser.add_argument("--inputs", required=True, nargs="+", help="all files that the run reads")
    parser.add_argument("--out", required=True, help="folder for inputs.json, software.json, config.json")
    a = parser.parse_args()
    write_provenance(a.config_json, a.inputs, a.out)


if __name__ == "__main__":
    command.run(main)
