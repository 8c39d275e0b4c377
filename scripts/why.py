#!/usr/bin/env python
"""Say where a sentence of a report is from: rows, commands, code, parameters, records of your files.

why.py P0001                 lists the claims of the report
why.py P0001 variant-8b      shows the chain of the claim whose id begins so
"""

import argparse

from endotype import command
from endotype.files import to_json
from endotype.provenance.lineage import list_claims, trace_claim
from endotype.provenance.lineage_page import chain_page, claims_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("patient", help="id of the patient")
    parser.add_argument("claim", nargs="?", help="id of the claim, or an unambiguous beginning of it")
    parser.add_argument("--results", default="results", help="results folder of a finished run")
    parser.add_argument("--directory", help="where paths of inputs start (default: the folder of --results)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    a = parser.parse_args()
    if a.claim is None:
        claims = list_claims(a.results, a.patient)
        print(to_json(claims) if a.json else claims_page(a.patient, claims), end="")
        return
    chain = trace_claim(a.results, a.patient, a.claim, a.directory)
    print(to_json(chain) if a.json else chain_page(chain), end="")


if __name__ == "__main__":
    command.run(main)
