"""The packed scan: against the slow twins, against the plain kernel, and the same bits however it is cut."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from endotype.association import packed_scan
from endotype.association.cox import CoxModel, fit_cox
from endotype.association.kernels import INFORMATION, N_MISSING, SCORE
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.packed_scan import as_words, score_block, score_group
from endotype.association.trait_groups import group_traits, score_traits
from endotype.variants.plink import pack
from tests.association.builders import random_dosages
from tests.reference import association as slow
from tests.reference.scores import plain_scores

N, M = 203, 70


@pytest.fixture(scope="module")
def study():
    """Dosages with rare and common variants and missing calls, covariates, traits."""
    rng = np.random.default_rng(21)
    dosages = random_dosages(rng, M, N, 0.04)
    dosages[:20] = np.where(rng.random((20, N)) < 0.03, 1, 0)  # few carriers: added up one by one
    dosages[5, rng.random(N) < 0.3] = -1
    dosages[6] = -1
    dosages[7] = 2
    covariates = rng.normal(size=(N, 3))
    values = covariates.sum(axis=1)[:, None] + rng.normal(size=(N, 4))
    case = rng.random(N) < 1 / (1 + np.exp(-covariates[:, 0] - 0.5))
    return dosages, covariates, values, case


def scored(dosages, model, place, missing="drop"):
    (scores,) = score_traits(pack(dosages), group_traits([model], [place]), missing)
    return scores


def same(ours, plain, scale=1e-9):
    """Equal but for the order of sums: 1e-9 of the largest term that was added."""
    np.testing.assert_array_equal(ours.counts, plain.counts)
    np.testing.assert_array_equal(ours.rank, plain.rank)
    for column in range(4):
        largest = np.abs(plain.sums[:, column]).max()
        np.testing.assert_allclose(
            ours.sums[:, column], plain.sums[:, column], rtol=1e-9, atol=scale * largest
        )


def placed(dosages, place, n):
    """Dosages of the people of a model, in its order."""
    found = np.empty((len(dosages), n), np.int8)
    found[:, place[place >= 0]] = dosages[:, place >= 0]
    return found


def test_linear_is_ordinary_least_squares(study):
    dosages, covariates, values, _ = study
    models = [fit_linear(y, covariates) for y in values.T]
    places = [np.arange(N)] * len(models)
    groups = group_traits(models, places)
    assert [g.traits for g in groups] == [(0, 1, 2, 3)]
    for t, scores in enumerate(score_traits(pack(dosages), groups)):
        with np.errstate(all="ignore"):
            found = models[t].statistics(scores)
        for v in range(M):
            if v in (6, 7):
                continue
            beta, se, df = slow.ordinary_least_squares(values[:, t], covariates, dosages[v])
            assert N - scores.counts[v, N_MISSING] - scores.rank[v] - 1 == df
            # Two ways to solve the same equations in double precision.
            np.testing.assert_allclose([found.beta[v], found.se[v]], [beta, se], rtol=1e-9)


def test_logistic_score_is_that_of_the_formula(study):
    dosages, covariates, _, case = study
    scores = scored(dosages, fit_logistic(case, covariates), np.arange(N))
    for v in range(M):
        if v == 6:
            continue
        expected = slow.logistic_score(case, covariates, dosages[v])
        # The twin's null model is fitted by another algorithm, to about 1e-10.
        np.testing.assert_allclose(scores.sums[v, [SCORE, INFORMATION]], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n", [31, 32, 33, 129, 700])
@pytest.mark.parametrize(("n_covariates", "n_traits"), [(0, 1), (3, 13), (14, 1), (15, 1), (20, 30)])
def test_the_plain_kernel_agrees_for_any_number_of_people_columns_and_traits(n, n_covariates, n_traits):
    rng = np.random.default_rng(n + n_covariates)
    dosages = random_dosages(rng, 30, n, 0.05)
    place = np.full(n, -1)
    inside = np.sort(rng.choice(n, n - n // 10, replace=False))
    place[inside] = rng.permutation(len(inside))  # the model in another order than the file
    covariates = rng.normal(size=(len(inside), n_covariates))
    models = [fit_linear(rng.normal(size=len(inside)), covariates) for _ in range(n_traits)]
    groups = group_traits(models, [place] * n_traits)
    assert len(groups) == 1
    for model, scores in zip(models, score_traits(pack(dosages), groups), strict=True):
        same(scores, plain_scores(model, placed(dosages, place, model.n)))
    if n > 100:
        model = fit_logistic(rng.random(len(inside)) < 0.4, covariates)
        same(scored(dosages, model, place), plain_scores(model, placed(dosages, place, model.n)))


def test_both_ways_to_add_up_agree(study, monkeypatch):
    dosages, covariates, values, case = study
    for model in (fit_linear(values[:, 0], covariates), fit_logistic(case, covariates)):
        found = []
        for share in (0, 10**9):  # everything by carriers, everything by pairs
            monkeypatch.setattr(packed_scan, "SPARSE_SHARE", share)
            found.append(scored(dosages, model, np.arange(N)))
        same(*found, scale=1e-13)
        assert not np.array_equal(found[0].sums, found[1].sums)  # else only one of them was used


def test_no_bit_depends_on_the_block_the_order_or_the_threads(study, monkeypatch):
    dosages, covariates, values, case = study
    monkeypatch.setattr(packed_scan, "PART", 16)
    dosages = np.tile(dosages, (3, 1))
    models = [*(fit_linear(y, covariates) for y in values.T), fit_logistic(case, covariates)]
    places = [np.arange(N)] * len(models)
    groups = group_traits(models, places)
    packed = pack(dosages)

    def sums(chosen):
        parts = score_traits(packed[chosen], groups)
        return np.stack([p.sums for p in parts]), np.stack([p.rank for p in parts])

    whole, ranks = sums(slice(None))
    order = np.random.default_rng(0).permutation(len(dosages))
    np.testing.assert_array_equal(sums(order)[0], whole[:, order])
    for v in range(len(dosages)):
        np.testing.assert_array_equal(sums(slice(v, v + 1))[0], whole[:, v : v + 1])
    for a, b in ((0, 7), (7, 130), (130, len(dosages))):
        np.testing.assert_array_equal(sums(slice(a, b))[1], ranks[:, a:b])
    alone = scored(dosages, models[2], places[2])
    np.testing.assert_array_equal(alone.sums, whole[2])  # nor on the traits beside it
    with ThreadPoolExecutor(4) as pool:  # nor on what other threads score
        for found in pool.map(sums, [slice(None)] * 8):
            np.testing.assert_array_equal(found[0], whole)


def test_mean_policy_is_a_complete_dosage_with_the_mean_filled_in(study):
    dosages, covariates, values, case = study
    some = np.arange(N) % 5 > 0
    place = np.where(some, np.cumsum(some) - 1, -1)
    for model in (
        fit_linear(values[some, 0], covariates[some]),
        fit_logistic(case[some], covariates[some]),
    ):
        scores = scored(dosages, model, place, "mean")
        called = np.ma.masked_less(dosages[:, some].astype(float), 0)
        filled = called.filled(np.ma.filled(called.mean(axis=1), 0)[:, None])
        sums = plain_scores(model, filled).sums
        largest = np.abs(sums[:, :4]).max(axis=0)
        np.testing.assert_allclose(scores.sums[:, :4], sums[:, :4], rtol=1e-9, atol=1e-9 * largest.max())
        np.testing.assert_array_equal(scores.counts[:, N_MISSING], (dosages[:, some] < 0).sum(axis=1))
        assert (scores.rank == covariates.shape[1] + 1).all()


def test_a_covariate_whose_people_are_all_missing_lowers_the_rank():
    rng = np.random.default_rng(2)
    site = (np.arange(60) < 20).astype(float)
    dosages = rng.binomial(2, 0.4, (3, 60)).astype(np.int8)
    dosages[1, :20] = -1
    trait = rng.normal(size=60)
    covariates = np.column_stack([site, rng.normal(size=60)])
    model = fit_linear(trait, covariates)
    scores = scored(dosages, model, np.arange(60))
    assert list(scores.rank) == [3, 2, 3]
    found = model.statistics(scores)
    beta, se, df = slow.ordinary_least_squares(trait, covariates, dosages[1])
    assert df == 40 - 3
    np.testing.assert_allclose([found.beta[1], found.se[1]], [beta, se], rtol=1e-9)


def test_traits_of_other_people_or_covariates_are_groups_of_their_own(study):
    _, covariates, values, case = study
    few = np.arange(N) < 150
    place = np.where(few, np.arange(N), -1)
    models = [
        fit_linear(values[:, 0], covariates),
        fit_logistic(case, covariates),
        fit_linear(values[few, 1], covariates[few]),
        fit_linear(values[:, 2], covariates[:, :2]),
        fit_cox(np.exp(values[:, 0]), case, covariates),
        fit_linear(values[:, 3], covariates),
    ]
    everybody = np.arange(N)
    places = [everybody, everybody, place, everybody, everybody, everybody]
    groups = group_traits(models, places)
    assert [g.traits for g in groups] == [(0, 5), (1,), (2,), (3,), (4,)]
    packed = pack(study[0])
    for model, place, scores in zip(models, places, score_traits(packed, groups), strict=True):
        same(scores, model.score(packed, place), 0)
        if not isinstance(model, CoxModel):
            same(scores, plain_scores(model, placed(study[0], place, model.n)))
    cox = score_traits(packed, groups, "mean")[4]
    assert not cox.imputed
    same(cox, models[4].score(packed, places[4]))


def test_no_variants_and_wrong_arguments(study):
    _, covariates, values, _ = study
    model = fit_linear(values[:, 0], covariates)
    group = score_group(np.arange(N), model.basis, model.residual[:, None])
    words = as_words(np.zeros((0, -(-N // 4)), np.uint8))
    (scores,) = score_block(words, group)
    assert scores.counts.shape == (0, 4) and scores.sums.shape == (0, 4) and scores.rank.shape == (0,)
    with pytest.raises(ValueError, match="not drop or mean"):
        score_block(words, group, "zero")
    for place in (np.arange(N - 1), np.zeros(N, np.int64), np.arange(N) - 1):
        with pytest.raises(ValueError, match="have a place"):
            score_group(place, model.basis, model.residual[:, None])


def test_words_of_another_number_of_people_are_refused(study):
    _, covariates, values, _ = study
    model = fit_linear(values[:, 0], covariates)
    group = score_group(np.arange(N), model.basis, model.residual[:, None])
    with pytest.raises(ValueError, match="words"):
        score_block(as_words(np.zeros((2, 4), np.uint8)), group)
