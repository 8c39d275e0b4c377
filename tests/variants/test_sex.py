"""Sex by X and Y, and X heterozygosity in mixed ancestry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.variants.sex import infer_sex, x_heterozygosity
from tests.variants.stores import kept_table, store_of, variant_table

NAN = np.nan


@pytest.mark.parametrize(
    ("f", "y", "x_depth", "y_depth", "expected"),
    [
        (1.0, 0.99, NAN, NAN, "male"),
        (0.1, 0.0, NAN, NAN, "female"),
        (0.99, NAN, NAN, NAN, "male"),
        (0.2, NAN, NAN, NAN, "female"),
        (1.0, 0.99, 0.5, 0.45, "male"),
        (-0.3, 0.0, 1.0, NAN, "female"),
        (0.1, 0.99, NAN, NAN, "ambiguous"),  # XXY
        (0.1, 0.99, 1.0, 0.5, "ambiguous"),
        (0.99, 0.0, NAN, NAN, "ambiguous"),  # X0
        (0.99, 0.02, 0.5, NAN, "ambiguous"),
        (0.7, 0.0, NAN, NAN, "ambiguous"),  # neither
        (0.87, NAN, NAN, NAN, "ambiguous"),  # some heterozygotes, nothing known of Y
        (0.1, 0.0, 0.5, NAN, "ambiguous"),  # heterozygotes, but depth of one X
        (0.99, 0.99, 1.0, 0.5, "ambiguous"),  # no heterozygotes, but depth of two X
        (1.0, 0.9, 0.5, 0.02, "ambiguous"),  # Y called where there are no reads
        (NAN, 0.99, NAN, NAN, "not_assessed"),
    ],
)
def test_sex(f, y, x_depth, y_depth, expected):
    sex, why = infer_sex(f, y, x_depth, y_depth)
    assert sex == expected
    assert ("F on X" in why) or sex == "not_assessed"


@pytest.fixture(scope="module")
def mixed():
    """Two populations far apart on X, 40 women and 40 men each; variants on X, some of them in the PAR."""
    rng = np.random.default_rng(4)
    n_x = 400
    table = variant_table(n_x, "X", 100_000)
    frequency = np.clip(
        rng.uniform(0.2, 0.8, (n_x, 1)) + 0.35 * rng.choice([-1, 1], (n_x, 2)) * [0, 1], 0.02, 0.98
    )
    columns, male, population = [], [], []
    for p in (0, 1):
        for sex in (0, 1):
            draws = rng.binomial(2 - sex, frequency[:, [p]], (n_x, 40)) * (1 + sex)
            columns.append(draws)
            male += [bool(sex)] * 40
            population += [p] * 40
    store = store_of(np.concatenate(columns, axis=1), table)
    return store, kept_table(store), np.array(male), np.array(population)


def test_women_of_a_mixed_cohort_have_no_inbreeding_on_x_once_ancestry_is_known(mixed):
    store, kept, male, population = mixed
    everyone = np.ones(store.n_people, bool)
    _, plain = x_heterozygosity(store, kept, "GRCh37", everyone, None)
    _, by_ancestry = x_heterozygosity(store, kept, "GRCh37", everyone, population[:, None] - 0.5)
    assert (plain[male] == 1).all() and (by_ancestry[male] == 1).all()
    assert plain[~male].mean() > 0.1  # the frequencies of a mixture expect too many heterozygotes
    assert abs(by_ancestry[~male].mean()) < 0.03
    assert by_ancestry[~male].max() < 0.4


def test_the_par_is_left_out_and_few_variants_are_not_assessed(mixed):
    store, _, male, _ = mixed
    dosage = store.dosages(slice(None))
    par = (store.variants["pos"] <= 2_699_520).to_numpy()
    dosage[np.ix_(par, male)] = 1  # men may be heterozygous there
    store = store_of(dosage, store.variants)
    everyone = np.ones(store.n_people, bool)
    _, f = x_heterozygosity(store, kept_table(store), "GRCh37", everyone, None)
    assert (f[male] == 1).all()
    _, f = x_heterozygosity(store, kept_table(store), "unspecified", everyone, None)
    assert (f[male] < 1).all()
    few = store_of(dosage[:40], store.variants.iloc[:40])
    assert np.isnan(x_heterozygosity(few, kept_table(few), "GRCh37", everyone, None)[1]).all()


def test_who_has_no_axes_is_judged_by_the_frequencies_of_the_cohort(mixed):
    store, kept, _, population = mixed
    scores = np.where(np.arange(store.n_people)[:, None] == 0, np.nan, population[:, None] - 0.5)
    _, f = x_heterozygosity(
        store, kept, "GRCh37", np.ones(store.n_people, bool), pd.DataFrame(scores).to_numpy()
    )
    assert np.isfinite(f).all()
