"""A frozen subtype model: fit one to a table of patients, or apply one to new patients.

examples:
  subtype.py fit --patients cohort.tsv --features-info features.yaml --labels published --out model.json
  subtype.py fit --patients cohort.parquet --features-info features.yaml --ancestry pcs.tsv --out model.json
  subtype.py apply --model model.json --patients one_patient.tsv --out calls.json
"""

from __future__ import annotations

import argparse
import sys

from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="fit|apply")
    fit = commands.add_parser(
        "fit", help="learn a model", description="Learn published labels, or discover subtypes."
    )
    fit.add_argument(
        "--patients", required=True, help="TSV, CSV or Parquet: a column patient, and the features"
    )
    fit.add_argument(
        "--features-info", required=True, help="YAML or JSON: name, kind, unit, view of each feature"
    )
    fit.add_argument("--labels", help="column of published labels (default: subtypes are discovered)")
    fit.add_argument(
        "--unclassified", default="", help="labels that mean 'without a subtype', separated by commas"
    )
    fit.add_argument("--clinical", help="table with the confounders of --dictionary")
    fit.add_argument("--dictionary", help="dictionary.json of a run: which clinical columns are confounders")
    fit.add_argument("--ancestry", help="table with pc1, pc2, ...: confounders, and the range of the model")
    fit.add_argument("--call-probability", type=float, default=0.8, help="least posterior (%(default)s)")
    fit.add_argument(
        "--typicality-alpha",
        type=float,
        default=0.01,
        help="typicality that a call must exceed (%(default)s)",
    )
    fit.add_argument(
        "--min-information", type=float, default=0.5, help="least information fraction (%(default)s)"
    )
    fit.add_argument("--max-k", type=int, default=6, help="most subtypes looked for (%(default)s)")
    fit.add_argument("--seed", type=int, default=1)
    fit.add_argument("--out", required=True, help="model.json")
    fit.set_defaults(call=_fit)
    apply = commands.add_parser(
        "apply", help="call patients", description="Call patients with a model; needs nothing of its cohort."
    )
    apply.add_argument("--model", required=True, help="model.json")
    apply.add_argument(
        "--patients", required=True, help="TSV, CSV or Parquet: a column patient, and the features"
    )
    apply.add_argument(
        "--clinical", help="table with the model's confounders (default: their training means)"
    )
    apply.add_argument("--ancestry", help="table with the model's principal components")
    apply.add_argument("--features-info", help="features with their units, to be checked against the model's")
    apply.add_argument(
        "--failed", default="", help="patients that failed quality control, separated by commas"
    )
    apply.add_argument("--no-flips", action="store_true", help="don't look for what would change each call")
    apply.add_argument("--out", required=True, help="calls.tsv or calls.json")
    apply.set_defaults(call=_apply)
    arguments = parser.parse_args()
    arguments.call(arguments)


def _fit(arguments: argparse.Namespace) -> None:
    # Each command imports its own half: a call shouldn't wait for what only learning needs.
    from endotype.subtypes.fit_model import fit_model
    from endotype.subtypes.selection import Settings

    settings = Settings(
        max_k=arguments.max_k,
        call_probability=arguments.call_probability,
        typicality_alpha=arguments.typicality_alpha,
        seed=arguments.seed,
    )
    _, messages = fit_model(
        arguments.patients,
        arguments.features_info,
        arguments.out,
        settings,
        arguments.labels,
        _words(arguments.unclassified),
        arguments.clinical,
        arguments.dictionary,
        arguments.ancestry,
        arguments.min_information,
    )
    _tell(messages)


def _apply(arguments: argparse.Namespace) -> None:
    from endotype.subtypes.apply_model import apply_model

    calls, messages = apply_model(
        arguments.model,
        arguments.patients,
        arguments.out,
        arguments.clinical,
        arguments.ancestry,
        arguments.features_info,
        frozenset(_words(arguments.failed)),
        not arguments.no_flips,
    )
    _tell(messages)
    for patient, subtype, reason in zip(calls["patient"], calls["subtype"], calls["reason"], strict=True):
        print(f"{patient}\t{subtype if isinstance(subtype, str) else f'NO CALL ({reason})'}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _tell(messages: list[str]) -> None:
    for message in messages:
        print(message, file=sys.stderr)


if __name__ == "__main__":
    run(main)
