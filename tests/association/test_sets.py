"""Tests of sets over a whole genotype store."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endotype.association.acat import acat_v, cauchy_combination
from endotype.association.cox import fit_cox
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.scan import fit_null, places
from endotype.association.set_files import VariantIndex, VariantSet, read_regenie_sets
from endotype.association.set_scores import project, read_genotypes
from endotype.association.set_test import COX_TESTS, TESTS, SetNull, SetOptions, test_set
from endotype.association.sets import SET_SCHEMA, scan_sets
from endotype.association.sheets import design_from_sheets
from endotype.association.skat import beta_weights, burden, skat_rho
from endotype.engine import LocalEngine
from endotype.variants.plink import open_store, pack
from tests.association.builders import covariate_set, make_design, make_store
from tests.association.set_cases import ORACLES, make_case

N, M = 240, 40


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory):
    rng = np.random.default_rng(1)
    frequency = rng.uniform(0.005, 0.05, M)
    dosages = rng.binomial(2, frequency[:, None], (M, N)).astype(np.int8)
    dosages[5] = 0
    dosages[6, : N // 2] = -1
    dosages[7] = (np.arange(N) < 3).astype(np.int8)
    dosages[rng.random(dosages.shape) < 0.01] = -1
    dosages[5] = 0
    covariates = covariate_set(rng, N)
    trait = rng.normal(size=N) + 0.4 * np.maximum(dosages[10:20], 0).sum(axis=0)
    traits = {"qt": ("linear", trait), "bt": ("logistic", (trait > 0.8).astype(float))}
    store = make_store(tmp_path_factory.mktemp("sets") / "g", dosages)
    return (
        store,
        make_design(traits, covariates, N),
        dosages,
        trait,
        np.column_stack(list(covariates.values())),
    )


def one_set(name: str, rows: range | list[int], weights: np.ndarray | None = None) -> VariantSet:
    return VariantSet(name, "all", np.array(rows, np.int64), weights, len(rows))


SETS = [
    one_set("planted", range(10, 20)),
    one_set("null", range(20, 40)),
    one_set("nobody", [5]),
    one_set("few", [7]),
    one_set("gone", []),
    one_set("mixed", [5, 6, 8, 9]),
]


def test_rows_are_whole_and_in_order(study) -> None:
    store, design, *_ = study
    table = scan_sets(store, design, ["qt", "bt"], SETS)
    assert table.schema.equals(SET_SCHEMA)
    frame = table.to_pandas()
    expected = [(t, s.name, test) for t in ("qt", "bt") for s in SETS for test in TESTS]
    assert list(zip(frame["trait"], frame["set"], frame["test"], strict=True)) == expected
    status = frame.drop_duplicates(["trait", "set"]).set_index("set")["status"]
    assert set(status["nobody"]) == {"MONOMORPHIC"}
    assert set(status["few"]) == {"TOO_RARE"}
    assert set(status["gone"]) == {"NOT_CALLED"}
    assert set(status[["planted", "null", "mixed"]]) == {"OK"}
    ok = frame["status"] == "OK"
    assert frame.loc[ok, ["neg_log10_p", "method"]].notna().all(axis=None)
    assert frame.loc[~ok, ["beta", "se", "stat", "neg_log10_p", "method"]].isna().all(axis=None)
    mixed = frame[frame["set"] == "mixed"].iloc[0]
    assert (mixed["n_listed"], mixed["n_variants"]) == (4, 2)  # one nobody carries, one half missing
    p = frame.pivot_table(index=["trait", "set"], columns="test", values="neg_log10_p")
    assert (p.loc[[("qt", "planted"), ("bt", "planted")], ["burden", "skato", "acato"]] > 3).all(axis=None)
    assert (p.loc[[("qt", "null"), ("bt", "null")]] < 2).all(axis=None)


def test_equal_bytes_for_any_threads_and_any_order_of_sets(study) -> None:
    store, design, *_ = study
    one = scan_sets(store, design, ["qt", "bt"], SETS)
    assert one.equals(scan_sets(store, design, ["qt", "bt"], SETS, engine=LocalEngine(3)))
    turned = scan_sets(store, design, ["qt"], SETS[::-1]).to_pandas()
    straight = scan_sets(store, design, ["qt"], SETS).to_pandas()
    pd.testing.assert_frame_equal(
        turned.sort_values(["set", "test"], ignore_index=True),
        straight.sort_values(["set", "test"], ignore_index=True),
        check_exact=True,
    )


def test_options_reach_the_tests(study) -> None:
    store, design, dosages, trait, covariates = study

    def p(options: SetOptions, sets: list[VariantSet] = SETS[:1]) -> float:
        return scan_sets(store, design, ["qt"], sets, options)["neg_log10_p"][0].as_py()

    plain = p(SetOptions(tests=("skat",)))
    assert p(SetOptions(tests=("skat",), beta=(1, 1))) != plain
    assert p(SetOptions(tests=("skat",), tail="liu")) == pytest.approx(plain, rel=0.2)
    assert p(SetOptions(tests=("skat",), tail="liu")) != plain
    assert p(SetOptions(tests=("skat",), collapse=10)) != plain
    weights = np.linspace(1, 2, 10)
    case = make_case(dosages[10:20], trait, covariates, False)
    from endotype.association.skat import skat

    expected = skat(case.scores, weights).neg_log10_p
    found = p(SetOptions(tests=("skat",)), [one_set("own", range(10, 20), weights)])
    assert found == pytest.approx(expected, rel=1e-9)


def test_few_alleles_among_cases_are_taken_as_one(study) -> None:
    store, design, *_ = study
    frame = scan_sets(store, design, ["qt", "bt"], SETS[1:2]).to_pandas()
    found = frame.drop_duplicates("trait").set_index("trait")["n_collapsed"]
    trait = design.trait("bt")
    packed = np.ascontiguousarray(store.packed[SETS[1].rows])
    counts = read_genotypes(packed, places(store, design, trait), N).minor_count
    share = trait.values.mean()
    assert found["qt"] == 0
    assert found["bt"] == (counts * min(share, 1 - share) < 2).sum() > 1


def test_acat_o_has_two_sets_of_weights_unless_the_set_brings_its_own(study) -> None:
    store, design, *_ = study

    def p(members: VariantSet, beta: tuple[float, float] = (1.0, 25.0)) -> dict[str, float]:
        table = scan_sets(store, design, ["qt"], [members], SetOptions(beta=beta)).to_pandas()
        return dict(zip(table["test"], table["neg_log10_p"], strict=True))

    by_frequency, flat = p(SETS[1]), p(SETS[1], (1.0, 1.0))
    parts = [found[test] for found in (by_frequency, flat) for test in ("burden", "skat", "acatv")]
    assert by_frequency["acato"] == pytest.approx(cauchy_combination(np.array(parts)), rel=1e-12)
    own = p(one_set("own", range(20, 40), np.linspace(1, 2, 20)))
    parts = [own[test] for test in ("burden", "skat", "acatv")]
    assert own["acato"] == pytest.approx(cauchy_combination(np.array(parts)), rel=1e-12)


def test_a_covariate_as_a_variant_is_collinear(study) -> None:
    store, _, dosages, trait, _ = study
    carried = np.flatnonzero((dosages >= 0).all(axis=1) & (dosages.sum(axis=1) >= 10))
    if not len(carried):
        carried = np.array([int(np.argmax((dosages >= 0).sum(axis=1)))])
    j = int(carried[0])
    filled = np.where(dosages[j] < 0, dosages[j][dosages[j] >= 0].mean(), dosages[j])
    design = make_design({"qt": ("linear", trait)}, {"g": filled}, N)
    table = scan_sets(store, design, ["qt"], [one_set("same", [j])]).to_pandas()
    assert set(table["status"]) == {"COLLINEAR"}
    assert table["neg_log10_p"].isna().all()


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "share"),
    [("linear", 0.0), ("logistic", 0.4), ("logistic", 0.1), ("logistic", 0.01), ("cox", 0.5)],
)
def test_level_over_a_thousand_null_traits(kind: str, share: float) -> None:
    """Type I error of every test of sets, and of two masks together, at 0.05 and 0.001."""
    rng = np.random.default_rng(3)
    n, n_traits = 4000 if share == 0.01 else 2000, 1000
    frequency = 10 ** rng.uniform(np.log10(1.5 / n), np.log10(0.05), 20)
    dosages = rng.binomial(2, frequency[:, None], (20, n)).astype(np.int8)
    covariates = rng.normal(size=(n, 1))
    genotypes = read_genotypes(pack(dosages), np.arange(n), n)
    tests = COX_TESTS if kind == "cox" else TESTS
    options = SetOptions(tests=tests)
    p = np.empty((n_traits, len(tests) + 1))
    for i in range(n_traits):
        case = rng.random(n) < share
        if kind == "linear":
            model = fit_linear(rng.normal(size=n), covariates)
        elif kind == "logistic":
            model = fit_logistic(case, covariates)
        else:
            model = fit_cox(rng.exponential(size=n), case, covariates)
        null = SetNull.of(model)
        found = test_set(null, genotypes, None, options)
        assert set(found.statuses) == {"OK"}
        narrow = test_set(null, genotypes.take(np.arange(0, 20, 2)), None, SetOptions(tests=tests[-1:]))
        masks = [found.results[-1].neg_log10_p, narrow.results[0].neg_log10_p]
        p[i] = [*(r.neg_log10_p for r in found.results), cauchy_combination(np.array(masks))]
    for level in (0.05, 1e-3):
        hits = (p > -np.log10(level)).sum(axis=0)
        # A test that keeps its level is outside with probability 1e-4 on each side.
        low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n_traits, level)
        counted = dict(zip([*tests, "masks together"], hits, strict=True))
        assert np.all(hits <= high), (level, counted)
        if share == 0 or share >= 0.4:  # few cases have few outcomes, and p-values above those that can't be
            assert np.all(hits >= low), (level, counted)


@pytest.mark.long
def test_without_saddlepoint_and_collapsing_few_cases_break_the_level() -> None:
    rng = np.random.default_rng(3)
    n, n_traits = 4000, 1000
    frequency = 10 ** rng.uniform(np.log10(1.5 / n), np.log10(0.05), 20)
    genotypes = read_genotypes(
        pack(rng.binomial(2, frequency[:, None], (20, n)).astype(np.int8)), np.arange(n), n
    )
    covariates = rng.normal(size=(n, 1))
    options = SetOptions(tests=("skat", "acatv"), robust=False, min_case_alleles=0)
    hits = np.zeros(2)
    for _ in range(n_traits):
        null = SetNull.of(fit_logistic(rng.random(n) < 0.01, covariates))
        found = test_set(null, genotypes, None, options)
        hits += [r.neg_log10_p > 3 for r in found.results]
    assert np.all(hits > stats.binom.ppf(1 - 1e-4, n_traits, 1e-3)), hits


@pytest.mark.real
@pytest.mark.skipif(not ORACLES.is_dir(), reason="the oracles are not at hand")
class TestRegenie:
    """regenie 4.1.2 on its own example. No variant of its sets has 10 minor alleles or fewer."""

    GRID = (0.0, 0.01, 0.04, 0.09, 0.16, 0.25, 0.5, 0.999)

    @pytest.mark.parametrize("kind", ["qt", "bt"])
    def test_skat_acat_v_and_skat_o(self, kind: str) -> None:
        folder = ORACLES / "regenie_example"
        store = open_store(folder / "example_3chr")
        sets = read_regenie_sets(
            *(folder / f"example_3chr.{name}" for name in ("annotations", "setlist", "masks")),
            VariantIndex(store.variants),
        ).sets
        sheet = "phenotype.txt" if kind == "qt" else "phenotype_bin.txt"
        design = design_from_sheets(
            store.people["iid"], folder / sheet, folder / "covariates.txt", ["Y1", "Y2"]
        )
        frame = scan_sets(
            store, design, ["Y1", "Y2"], sets, SetOptions(tests=("skat", "acatv", "skato"))
        ).to_pandas()
        ours = frame.set_index(["trait", "set", "mask", "test"])["neg_log10_p"]
        checked = 0
        for trait in ("Y1", "Y2"):
            path = ORACLES / "regenie_expected" / f"{kind}_genes_{trait}.regenie.gz"
            theirs = pd.read_csv(path, sep=" ", comment="#").set_index(["ID", "TEST"])["LOG10P"]
            for members in sets:
                for test in ("skat", "acatv"):
                    found = ours[trait, members.name, members.mask, test]
                    expected = theirs[f"{members.name}.{members.mask}.all", f"ADD-{test.upper()}"]
                    # Six digits are printed. Binary: regenie widens the variance of variants of p < 0.05 by
                    # Firth's likelihood ratio, we by a saddlepoint.
                    tolerance = 2e-6 if kind == "qt" else {"Y1": 1e-3, "Y2": 0.12}[trait]
                    assert found == pytest.approx(expected, abs=tolerance), (
                        trait,
                        members.name,
                        members.mask,
                    )
                    checked += 1
                # Another grid of rho, and an integral by QUADPACK to 1.2e-4 of a number near 1.
                found = ours[trait, members.name, members.mask, "skato"]
                expected = theirs[f"{members.name}.{members.mask}.all", "ADD-SKATO"]
                assert found == pytest.approx(expected, abs=3e-3 if kind == "qt" else 0.05)
        assert checked == 16

    def test_its_acat_o_is_of_acat_v_and_all_rho(self) -> None:
        folder = ORACLES / "regenie_example"
        store = open_store(folder / "example_3chr")
        sets = read_regenie_sets(
            *(folder / f"example_3chr.{name}" for name in ("annotations", "setlist", "masks")),
            VariantIndex(store.variants),
        ).sets
        design = design_from_sheets(
            store.people["iid"], folder / "phenotype.txt", folder / "covariates.txt", ["Y1"]
        )
        trait = design.trait("Y1")
        model = fit_null(trait)
        projection, place = project(model), places(store, design, trait)
        path = ORACLES / "regenie_expected" / "qt_genes_Y1.regenie.gz"
        theirs = pd.read_csv(path, sep=" ", comment="#").set_index(["ID", "TEST"])["LOG10P"]
        for members in sets:
            genotypes = read_genotypes(np.ascontiguousarray(store.packed[members.rows]), place, projection.n)
            scores = projection.score(genotypes)
            weights = beta_weights(genotypes.minor_frequency)
            name = f"{members.name}.{members.mask}.all"
            each = [skat_rho(scores, weights, rho).neg_log10_p for rho in self.GRID]
            # regenie's Davies gives way to approximations where one eigenvalue dominates.
            assert cauchy_combination(np.array(each)) == pytest.approx(
                theirs[name, "ADD-SKATO-ACAT"], abs=4e-4
            )
            # Its ACAT-O is of ACAT-V and every rho alike; ours, Liu's, of burden, SKAT and ACAT-V.
            parts = [acat_v(scores, weights).neg_log10_p, *each]
            assert cauchy_combination(np.array(parts)) == pytest.approx(theirs[name, "ADD-ACATO"], abs=4e-4)

    @pytest.mark.parametrize("kind", ["qt", "bt"])
    def test_burdens_of_its_masks(self, kind: str) -> None:
        """Its masks count a person's largest dosage over the variants, where our burden adds them up."""
        folder = ORACLES / "regenie_example"
        store = open_store(folder / "example_3chr")
        sets = read_regenie_sets(
            *(folder / f"example_3chr.{name}" for name in ("annotations", "setlist", "masks")),
            VariantIndex(store.variants),
        ).sets
        sheet = "phenotype.txt" if kind == "qt" else "phenotype_bin.txt"
        traits = ["Y1", "Y2"]
        design = design_from_sheets(store.people["iid"], folder / sheet, folder / "covariates.txt", traits)
        checked = 0
        for name in traits:
            path = ORACLES / "regenie_expected" / f"{kind}_genes_{name}.regenie.gz"
            theirs = pd.read_csv(path, sep=" ", comment="#").set_index(["ID", "TEST"])
            trait = design.trait(name)
            model = fit_null(trait)
            projection, place = project(model), places(store, design, trait)
            for members in sets:
                packed = np.ascontiguousarray(store.packed[members.rows])
                genotypes = read_genotypes(packed, place, projection.n)
                assert not genotypes.flipped.any()
                for limit in ("0.1", "0.5", "all"):
                    key = f"{members.name}.{members.mask}.{limit}", "ADD"
                    if key not in theirs.index:  # it writes no mask of which no variant is rare enough
                        assert (genotypes.minor_frequency > float(limit)).all()
                        continue
                    row = theirs.loc[key]
                    if kind == "bt" and row["CHISQ"] > stats.chi2.isf(0.05, 1):
                        continue  # its approximate Firth test
                    most = 1.0 if limit == "all" else float(limit)
                    kept = genotypes.take(genotypes.minor_frequency <= most)
                    mask = kept.collapse(np.ones(len(kept), bool))
                    found = burden(projection.score(mask), np.ones(1))
                    assert mask.minor_frequency[0] == pytest.approx(row["A1FREQ"], abs=5e-7)
                    assert found.beta == pytest.approx(row["BETA"], rel=6e-6)  # six digits are printed
                    assert found.stat**2 == pytest.approx(row["CHISQ"], rel=6e-6)
                    assert found.neg_log10_p == pytest.approx(row["LOG10P"], rel=6e-6)
                    checked += 1
        assert checked == (20 if kind == "qt" else 18)
