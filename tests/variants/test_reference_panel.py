"""The nearest population of a reference panel: found, not found, and not named when unsure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json
from endotype.variants.plink import GenotypeStore
from endotype.variants.reference_panel import assign_populations, read_populations
from endotype.variants.sample_qc import Limits, qc_samples
from tests.variants.stores import reads_table, save, store_of, variant_table, write_cohort

M, N = 2500, 40
NAMES = ("north", "south", "west")


@pytest.fixture(scope="module")
def world():
    """40 people of each of three populations for the panel; the cohort is 3 of each and 4 of none."""
    rng = np.random.default_rng(6)
    base = rng.uniform(0.15, 0.85, (M, 1))
    frequency = np.clip(base + rng.normal(0, 0.1, (M, 4)), 0.02, 0.98)
    people = np.concatenate([rng.binomial(2, frequency[:, [p]], (M, N + 3)) for p in range(3)], axis=1)
    cohort = np.arange(people.shape[1]) % (N + 3) >= N
    between = rng.binomial(1, frequency[:, [0]], (M, 2)) + rng.binomial(1, frequency[:, [1]], (M, 2))
    elsewhere = rng.binomial(2, np.clip(base + rng.normal(0, 0.25, (M, 1)), 0, 1), (M, 2))
    newcomers = np.concatenate([people[:, cohort], between, elsewhere], axis=1).astype(np.int8)
    return people[:, ~cohort].astype(np.int8), newcomers


def write_panel(folder, store: GenotypeStore, labels: list[str] | None = None):
    prefix = save(folder / "panel", store)
    labels = labels or [name for name in NAMES for _ in range(N)]
    table = pd.DataFrame({"sample": store.people["iid"], "population": labels})
    table.to_csv(folder / "populations.tsv", sep="\t", index=False)
    return prefix, folder / "populations.tsv"


def table() -> pd.DataFrame:
    """Variants whose strand is sure."""
    return variant_table(M, alt="G", ref="A")


def assign(store, panel, min_probability=0.8):
    return assign_populations(store, *panel, "GRCh38", 0.177, min_probability)


def test_people_are_given_their_population_and_others_none(world, tmp_path):
    panel, newcomers = world
    found = assign(store_of(newcomers, table()), write_panel(tmp_path, store_of(panel, table())))
    assert found.name[:9].tolist() == [name for name in NAMES for _ in range(3)]
    assert (found.probability[:9] > 0.9).all()
    assert (found.name[9:] == "").all()  # children of two populations; people from elsewhere
    assert all("population" in why for why in found.reason[9:])
    assert found.n_panel == 3 * N and found.n_variants > 1000


def test_a_panel_with_the_alleles_swapped_says_the_same(world, tmp_path):
    panel, newcomers = world
    straight = assign(store_of(newcomers, table()), write_panel(tmp_path, store_of(panel, table())))
    turned = np.arange(M) % 2 == 0
    both = table()
    swapped = both.assign(alt=np.where(turned, "A", "G"), ref=np.where(turned, "G", "A"), chrom="chr1")
    folder = tmp_path / "swapped"
    folder.mkdir()
    other = store_of(np.where(turned[:, None], 2 - panel, panel), swapped)
    again = assign(store_of(newcomers, both), write_panel(folder, other))
    assert again.name.tolist() == straight.name.tolist()
    np.testing.assert_allclose(again.probability, straight.probability, atol=1e-6, equal_nan=True)


def test_palindromic_variants_are_not_used(world, tmp_path):
    panel, newcomers = world
    unsure = variant_table(M, alt="T", ref="A")
    with pytest.raises(InputError, match="no variant of the cohort"):
        assign(store_of(newcomers, unsure), write_panel(tmp_path, store_of(panel, unsure)))


def test_too_few_shared_variants_are_not_assessed(world, tmp_path):
    panel, newcomers = world
    few = table().iloc[:600]
    found = assign(store_of(newcomers[:600], few), write_panel(tmp_path, store_of(panel, table())))
    assert (found.name == "").all() and np.isnan(found.probability).all() and found.n_panel == 0
    assert "fewer than 1000" in found.reason[0]


def test_tables_that_do_not_fit_are_errors(tmp_path):
    samples = np.array(["a", "b"])

    def write(text):
        (tmp_path / "p.tsv").write_text(text)
        return tmp_path / "p.tsv"

    assert read_populations(write("sample\tpopulation\nb\tX\nz\tY\n"), samples).tolist() == ["", "X"]
    for text, what in (
        ("sample\tgroup\na\tX\n", "population"),
        ("sample\tpopulation\na\tX\na\tY\n", "again"),
        ("sample\tpopulation\nz\tY\n", "nobody"),
    ):
        with pytest.raises(InputError, match=what):
            read_populations(write(text), samples)


def test_one_population_is_an_error(world, tmp_path):
    panel, newcomers = world
    same = write_panel(tmp_path, store_of(panel, table()), ["north"] * (3 * N))
    with pytest.raises(InputError, match="at least two"):
        assign(store_of(newcomers, table()), same)


def test_a_run_names_populations_and_says_how_different_they_are(world, tmp_path):
    panel, _ = world
    cohort = store_of(panel[:, ::2], table())  # 20 people of each
    reads = reads_table(cohort.people["iid"].tolist(), depth=30, quality=60)
    arguments = write_cohort(tmp_path, cohort, ["unknown"] * cohort.n_people, reads)
    files = write_panel(tmp_path, store_of(panel, table()))
    qc_samples(**arguments, assembly="GRCh38", limits=Limits(), out_dir=tmp_path, panel=files)
    named = pd.read_parquet(tmp_path / "ancestry.parquet")["population"]
    assert (named == np.repeat(NAMES, 20)).mean() > 0.9
    rows = read_json(tmp_path / "ancestry.json")["fst"]
    assert [(row["a"], row["b"]) for row in rows] == [
        ("north", "south"),
        ("north", "west"),
        ("south", "west"),
    ]
    assert all(row["fst"] > 5 * row["se"] for row in rows)
