"""Claims and batches: stable names, fixed words."""

from __future__ import annotations

import pytest

from endotype.reports.batches import batch_of
from endotype.reports.claims import Claim, Confidence, claim_id, weaker


def test_a_batch_depends_on_the_id_alone() -> None:
    # Frozen: a change of the hash would make every report of every user run again.
    assert [batch_of(p, 8) for p in ("P0001", "P0002", "NA12878")] == [7, 3, 7]
    assert all(batch_of(f"P{i}", 1) == 0 for i in range(20))


def test_patients_spread_evenly_over_batches() -> None:
    counts = [0] * 8
    for i in range(4000):
        counts[batch_of(f"P{i:05d}", 8)] += 1
    assert min(counts) > 430


def test_a_number_of_batches_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        batch_of("P1", 0)


def test_claim_ids_are_stable_and_tell_patients_and_subjects_apart() -> None:
    assert claim_id("variant", "P1", "1:5:A:C") == claim_id("variant", "P1", "1:5:A:C")
    ids = {claim_id(t, p, k) for t in ("variant", "target") for p in ("P1", "P11") for k in ("1", "11")}
    assert len(ids) == 8


def test_only_the_four_words_of_confidence_are_legal() -> None:
    with pytest.raises(ValueError, match="probably"):
        Confidence("probably", 0.9, "a guess")


def test_a_claim_is_lowered_never_raised() -> None:
    claim = Claim("variant-0", "variant", "text", Confidence("likely", 1, "stars"))
    assert claim.at_most("established", "why") is claim
    lowered = claim.at_most("uncertain", "why")
    assert (lowered.confidence.word, lowered.limits) == ("uncertain", ("why",))
    assert weaker("likely", "not supported") == "not supported"
