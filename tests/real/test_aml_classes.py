"""AML training cohort of the manifest: published classes learnt, by nested cross-validation."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from endotype.subtypes.evaluation import Scheme, cross_validate
from endotype.subtypes.mixture import Data
from endotype.subtypes.model import Limits
from tests.real.prepare import DEFAULT_DATA

PATH = DEFAULT_DATA / "subtypes" / "aml_ncri" / "paper_aml_prognosis_updated.tsv.gz"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PATH.is_file(), reason="no AML cohort beside the repository (set ENDOTYPE_DATA)"),
]
FIRST, LAST, CLASS = "ASXL1", "inv(16)", "princ_comp"


def aml() -> tuple[Data, np.ndarray, tuple[str, ...]]:
    """154 genes and chromosomal changes, without the classes' own columns, which the table has too."""
    with gzip.open(PATH, "rt") as stream:
        header, *rows = csv.reader(stream, delimiter=" ")
    # The first column has no name.
    places = {name: i + 1 for i, name in enumerate(header)}
    columns = slice(places[FIRST], places[LAST] + 1)
    values = np.array([row[columns] for row in rows], float)
    names, labels = np.unique([row[places[CLASS]] for row in rows], return_inverse=True)
    return Data.of(values, np.ones(values.shape[1], bool)), labels, tuple(str(name) for name in names)


@pytest.mark.long
def test_published_classes_are_called_and_the_stated_chance_is_true():
    data, labels, names = aml()
    assert (data.n, data.x.shape[1], len(names)) == (2113, 154, 16)
    with threadpool_limits(1):
        result = cross_validate(data, labels, Scheme(names, (), Limits(0.8, 0.03)), 1)
    found = result["posterior"]
    assert found["accuracy"] >= 0.95
    assert found["macro_f1"] >= 0.93
    assert found["ece"] <= 0.03
    assert result["calls"]["accuracy_of_called"] >= 0.98
