"""Reading a person out of a store."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.variants.plink import open_store
from tests.variants.stores import save, store_of


@pytest.mark.parametrize("n_people", [1, 4, 5, 11])
def test_a_person_is_the_column_of_the_dosages(tmp_path, n_people):
    dosage = np.random.default_rng(n_people).integers(-1, 3, (70, n_people)).astype(np.int8)
    store = open_store(save(tmp_path / "g", store_of(dosage)))
    for i in range(n_people):
        assert store.person(i).dtype == np.int8
        assert (store.person(i) == dosage[:, i]).all()


@pytest.mark.parametrize("index", [-1, 3])
def test_a_person_who_is_not_there_is_an_error(index):
    with pytest.raises(IndexError, match="of 3"):
        store_of(np.zeros((5, 3))).person(index)
