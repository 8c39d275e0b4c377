#!/usr/bin/env python
"""Take away the lock of a killed run, once it is sure that nobody holds it any more."""

import argparse

from endotype import command
from endotype.lock import release


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--directory", default=".", help="working directory of the run")
    parser.add_argument(
        "--wait", type=float, default=0, help="seconds to wait for jobs that outlived the run"
    )
    parser.add_argument(
        "--force", action="store_true", help="the last run was on another host and is dead there"
    )
    a = parser.parse_args()
    print(release(a.directory, a.wait, a.force))


if __name__ == "__main__":
    command.run(main)
