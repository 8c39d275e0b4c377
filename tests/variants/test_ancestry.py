"""Ancestry axes: pruning, components, projection of others, frozen axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.errors import InputError
from endotype.variants import ancestry as module
from endotype.variants.ancestry import (
    independent_variants,
    match_variants,
    principal_components,
    project,
    project_samples,
    read_axes,
    unshrink,
    write_axes,
)
from endotype.variants.pair_kernels import prune, r_squared, variant_planes
from endotype.variants.plink import pack
from tests.reference import sample_qc as slow
from tests.reference import variants as reference
from tests.variants.stores import save, store_of, variant_table


def two_populations(n_variants: int, n: int, apart: float, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Dosages of two groups of ``n`` people whose frequencies differ by ``apart`` either way; the group."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n)
    frequency = rng.uniform(0.2, 0.8, (n_variants, 1)) + group * apart * rng.choice([-1, 1], (n_variants, 1))
    dosage = rng.binomial(2, np.clip(frequency, 0.05, 0.95)).astype(np.int8)
    polymorphic = (dosage.mean(axis=1) > 0) & (dosage.mean(axis=1) < 2)
    return dosage[polymorphic], group


@given(st.integers(0, 2**32 - 1), st.integers(1, 70))
def test_r_squared_and_pruning_equal_the_slow_twin(seed, n_people):
    rng = np.random.default_rng(seed)
    base = rng.integers(-1, 3, (4, n_people))
    dosage = base[rng.integers(0, 4, 12)].astype(np.int8)
    flips = rng.random(dosage.shape) < 0.2
    dosage[flips] = rng.integers(-1, 3, int(flips.sum()))
    chrom = np.sort(rng.integers(0, 2, 12))
    hom, ref = variant_planes(pack(dosage), n_people)
    for a, b in [(0, 1), (3, 7), (2, 2)]:
        assert r_squared(hom, ref, a, b) == pytest.approx(
            slow.r_squared(dosage[a], dosage[b]), abs=1e-12, nan_ok=True
        )
    limit = 0.35001  # no r-squared of so few people is just this
    kept = prune(hom, ref, chrom, 5, limit)
    assert kept.tolist() == slow.prune(dosage, chrom.tolist(), 5, limit)


def test_copies_of_a_variant_are_pruned():
    base = np.random.default_rng(2).binomial(2, 0.4, (20, 80)).astype(np.int8)
    kept = independent_variants(store_of(np.repeat(base, 3, axis=0)), np.arange(60))
    assert len(set(kept // 3)) == len(kept) <= 20


def test_rare_badly_called_too_heterozygous_and_long_variants_and_long_range_ld_are_left_out():
    rng = np.random.default_rng(3)
    dosage = rng.binomial(2, 0.5, (8, 200)).astype(np.int8)
    dosage[0] = 0
    dosage[0, 0] = 1  # rare
    dosage[1, :20] = -1  # called in 90 %
    dosage[2] = 1  # everybody heterozygous
    table = variant_table(8)
    table.loc[3, "alt"] = "AG"
    table.loc[4, "pos"] = 30_000_000
    table["chrom"] = "6"
    table = table.sort_values("pos", kind="stable").reset_index(drop=True)
    dosage = dosage[[0, 1, 2, 3, 5, 6, 7, 4]]
    store = store_of(dosage, table)
    assert independent_variants(store, np.arange(8)).tolist() == [4, 5, 6, 7]
    assert independent_variants(store, np.arange(8), "GRCh38").tolist() == [4, 5, 6]  # the HLA region


def test_components_equal_a_singular_value_decomposition():
    dosage, _ = two_populations(800, 30, 0.3)
    store, everyone = store_of(dosage), np.ones(60, bool)
    ours = principal_components(store, np.arange(len(dosage)), everyone, 2)
    expected = reference.principal_components(dosage.astype(float), 2)
    for k in range(2):
        sign = np.sign(ours.scores[:, k] @ expected[:, k])
        np.testing.assert_allclose(ours.scores[:, k], sign * expected[:, k], atol=1e-8)
    # Loadings are unit vectors, and give the scores back.
    np.testing.assert_allclose((ours.axes.loadings**2).sum(axis=0), 1, atol=1e-10)
    p = dosage.mean(axis=1) / 2
    Z = (dosage - 2 * p[:, None]) / np.sqrt(2 * p * (1 - p))[:, None]
    np.testing.assert_allclose(Z.T @ ours.axes.loadings * ours.axes.unit, ours.scores, atol=1e-8)


def test_nobody_or_nothing_to_fit_gives_no_axes():
    store = store_of(np.zeros((10, 5)))
    assert principal_components(store, np.arange(10), np.ones(5, bool), 2) is None  # no variant differs
    assert principal_components(store, np.arange(10), np.arange(5) == 0, 2) is None
    assert principal_components(store, np.arange(0), np.ones(5, bool), 2) is None


def test_the_correction_of_shrinkage_equals_the_decomposition_of_everybody_together():
    dosage, _ = two_populations(300, 20, 0.2)
    p = np.clip(dosage[:, :36].mean(axis=1) / 2, 0.01, 0.99)
    Z = (dosage - 2 * p[:, None]) / np.sqrt(2 * p * (1 - p))[:, None]
    fit, new = Z[:, :36], Z[:, 36:]
    U, d, _ = np.linalg.svd(fit, full_matrices=False)
    ours = unshrink(new.T @ U[:, :3], (new**2).sum(axis=0), d[:3])
    for person in range(4):
        expected = slow.augmented_projection(fit, new[:, person], 3)
        # The twin's own axes may point the other way.
        np.testing.assert_allclose(np.abs(ours[person]), np.abs(expected), rtol=1e-6, atol=1e-8)


def test_projected_people_stand_where_people_of_their_kind_who_were_fitted_stand(monkeypatch):
    dosage, group = two_populations(3000, 200, 0.05)
    fit = np.arange(400) % 3 != 0
    store, variants = store_of(dosage), np.arange(len(dosage))

    def distance(scores: np.ndarray, who: np.ndarray) -> float:
        first = scores[:, 0]
        return abs(first[who & (group == 0)].mean() - first[who & (group == 1)].mean())

    corrected = principal_components(store, variants, fit, 2).scores
    monkeypatch.setattr(module, "unshrink", lambda projected, squares, singular: projected)
    plain = principal_components(store, variants, fit, 2).scores
    shrunk = distance(plain, ~fit) / distance(plain, fit)
    right = distance(corrected, ~fit) / distance(corrected, fit)
    assert shrunk < 0.8
    assert right == pytest.approx(1, abs=0.07)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A store, its axes on disk, and the scores of people who were projected in the run itself."""
    folder = tmp_path_factory.mktemp("frozen")
    dosage, _ = two_populations(600, 30, 0.2)
    dosage[np.random.default_rng(1).random(dosage.shape) < 0.02] = -1
    fit = np.arange(60) % 4 != 0
    found = principal_components(store_of(dosage), np.arange(len(dosage)), fit, 3)
    write_axes(found.axes, 4, folder / "loadings.parquet")
    return folder, dosage, fit, found


def test_frozen_axes_place_a_later_person_where_the_run_itself_did(frozen):
    folder, dosage, fit, found = frozen
    axes = read_axes(folder / "loadings.parquet")
    np.testing.assert_allclose(axes.singular, found.axes.singular, rtol=1e-12)
    save(folder / "later", store_of(dosage[:, ~fit]))
    table = project_samples(folder / "later", folder / "loadings.parquet", folder / "out.parquet")
    np.testing.assert_allclose(table[["pc1", "pc2", "pc3"]], found.scores[~fit], atol=1e-9)
    assert table["n_variants"].tolist() == (dosage[:, ~fit] >= 0).sum(axis=0).tolist()


def test_swapped_alleles_and_other_names_of_contigs_change_nothing(frozen):
    folder, dosage, fit, found = frozen
    table = variant_table(len(dosage))
    turned = np.arange(len(dosage)) % 3 == 0
    swapped = table.assign(alt=np.where(turned, table["ref"], table["alt"]), chrom="chr1")
    swapped["ref"] = np.where(turned, table["alt"], table["ref"])
    other = np.where(turned[:, None] & (dosage >= 0), 2 - dosage, dosage)
    save(folder / "swapped", store_of(other[:, ~fit], swapped))
    ours = project_samples(folder / "swapped", folder / "loadings.parquet", folder / "out.parquet")
    np.testing.assert_allclose(ours[["pc1", "pc2", "pc3"]], found.scores[~fit], atol=1e-9)


def test_variants_that_are_absent_are_made_up_for_and_too_many_are_an_error(frozen):
    folder, dosage, fit, found = frozen
    some = np.flatnonzero(np.arange(len(dosage)) % 4 != 0)
    save(folder / "some", store_of(dosage[np.ix_(some, ~fit)], variant_table(len(dosage)).iloc[some]))
    ours = project_samples(folder / "some", folder / "loadings.parquet", folder / "out.parquet")
    slope = np.polyfit(found.scores[~fit, 0], ours["pc1"], 1)[0]
    assert slope == pytest.approx(1, abs=0.1)
    few = np.arange(100)
    save(folder / "few", store_of(dosage[few], variant_table(100)))
    with pytest.raises(InputError, match="100 of the 6"):
        project_samples(folder / "few", folder / "loadings.parquet", folder / "out.parquet")


def test_a_person_without_calls_has_no_place(frozen):
    _, dosage, _, found = frozen
    nobody = np.full((len(dosage), 1), -1)
    assert np.isnan(project(found.axes, store_of(nobody), np.arange(len(dosage)))).all()


def test_axes_that_could_not_be_found_are_written_and_refused(tmp_path):
    write_axes(None, 2, tmp_path / "none.parquet")
    with pytest.raises(InputError, match="no axes"):
        read_axes(tmp_path / "none.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no column variant_id"):
        read_axes(tmp_path / "other.parquet")


def test_the_first_of_a_variant_that_is_there_twice_counts():
    table = pd.concat([variant_table(3), variant_table(3)], ignore_index=True)
    named = variant_table(3).rename(columns={"alt": "effect_allele", "ref": "other_allele"})
    which, where, swapped = match_variants(named, store_of(np.zeros((6, 2)), table))
    assert (which.tolist(), where.tolist(), swapped.any()) == ([0, 1, 2], [0, 1, 2], False)
