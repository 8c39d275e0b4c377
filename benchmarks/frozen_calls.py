"""What frozen models do with patients of classes they were never shown.

python -m benchmarks.frozen_calls DATA [aml|breast|simulated ...]

Prints JSON, one row per hidden class, scheme and limit. AML: 16 published classes on 154 binary features;
once as they are, once with the two that mean "no class" declared as such. Breast: PAM50 classes on 384
expression features. Simulated: five groups in 60 features that four hidden factors move. One penalty.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from endotype.subtypes import classifier
from endotype.subtypes.evaluation import Scheme, hide_each
from endotype.subtypes.mixture import Data
from endotype.subtypes.model import Limits

ALPHAS = (0.02, 0.03, 0.04, 0.05, 0.06)
"""Typicality alone decides here: the posterior has no limit of its own."""


def breast(data: Path) -> tuple[Data, np.ndarray, tuple[str, ...]]:
    """The 150 training patients: mRNA and miRNA, standardised."""
    folder = data / "subtypes" / "mixomics_breast"
    parts = [
        np.genfromtxt(folder / f"data.train.{part}.csv.gz", delimiter=",", skip_header=1)[:, 1:]
        for part in ("mrna", "mirna")
    ]
    lines = (folder / "data.train.subtype.csv").read_text().splitlines()[1:]
    classes = [line.split(",")[-1].strip('"') for line in lines]
    values = np.hstack(parts)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    names, labels = np.unique(classes, return_inverse=True)
    return Data.of(values, np.zeros(values.shape[1], bool)), labels, tuple(str(n) for n in names)


def simulated() -> tuple[Data, np.ndarray, tuple[str, ...]]:
    """Five groups of 100 patients on average."""
    rng = np.random.default_rng(1)
    means, loadings = rng.normal(0, 1, (5, 60)), rng.normal(0, 0.8, (4, 60))
    labels = rng.integers(0, 5, 500)
    values = means[labels] + rng.normal(size=(500, 4)) @ loadings + rng.normal(size=(500, 60))
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    return Data.of(values, np.zeros(60, bool)), labels, tuple("abcde")


def main() -> None:
    data, wanted = Path(sys.argv[1]), sys.argv[2:] or ["simulated", "breast", "aml"]
    for name in wanted:
        if name == "aml":
            from tests.real.test_aml_classes import aml

            cohort, penalty = aml(), 10.0
            unclassified: list[tuple[str, ...]] = [(), ("mNOS", "no_events")]
        else:
            cohort, penalty = (breast(data) if name == "breast" else simulated()), 0.1
            unclassified = [()]
        patients, labels, names = cohort
        classifier.PENALTIES = (penalty,)
        schemes = [Scheme(names, rest, Limits(0.0, alpha)) for rest in unclassified for alpha in ALPHAS]
        with threadpool_limits(1):
            for row in hide_each(patients, labels, names, schemes, 1):
                print(json.dumps({"data": name} | row), flush=True)


if __name__ == "__main__":
    main()
