#!/usr/bin/env python
"""See whether a run's results are still what it wrote, and what has changed since of all that made them.

Ends with 0 when every file is as the manifest says, with 1 when one isn't, with 2 when there is no finished
run. Inputs, parameters, versions and code that changed since are listed; they don't change the answer, since
the results are those of the run all the same, unless --strict asks for it.

verify_run.py --results results
verify_run.py --results results --config my.yaml --json
verify_run.py --results results --against ../last_year/results
"""

import argparse
import sys

from endotype import command
from endotype.files import to_json
from endotype.provenance.verify import changed_since, page, verify_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", required=True, help="results folder of a finished run")
    parser.add_argument("--against", help="results folder of another run, to compare with")
    parser.add_argument("--config", help="configuration as it is now, to compare the run's with")
    parser.add_argument("--directory", help="where paths of inputs start (default: the folder of --results)")
    parser.add_argument("--strict", action="store_true", help="also end with 1 when anything changed since")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    a = parser.parse_args()
    report = verify_run(a.results, a.against, a.config, a.directory)
    print(to_json(report) if a.json else page(report), end="")
    sys.exit(0 if report["equal"] and not (a.strict and changed_since(report)) else 1)


if __name__ == "__main__":
    command.run(main)
