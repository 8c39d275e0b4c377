"""Show where a claim is from: the row of the store, the file with its version and sha256, and the record.

trace_claim.py --knowledge results/annotation --source clinical_significance --row 1234 --file clinvar.vcf.gz
"""

import argparse

from endotype.annotation.knowledge.trace import trace
from endotype.command import run
from endotype.files import to_json


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--knowledge", required=True, help="folder that build_knowledge.py wrote")
    parser.add_argument("--source", required=True, help="name of the source in knowledge.json")
    parser.add_argument("--row", required=True, type=int, help="number of the record: a *_row column")
    parser.add_argument(
        "--file", nargs="+", default=[], help="the source's files: checked, and the record read"
    )
    a = parser.parse_args()
    print(to_json(trace(a.knowledge, a.source, a.row, a.file)), end="")


if __name__ == "__main__":
    run(main)
