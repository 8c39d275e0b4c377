"""A split by the hash of patient ids."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from endotype.association.split import DISCOVERY, REPLICATION, Split, take_part
from endotype.errors import InputError
from tests.association.builders import make_design


def test_the_rule_is_the_one_that_is_written_down():
    split = Split("2026", 0.6)
    for patient in [f"P{i}" for i in range(60)] + ["Ω"]:
        digest = hashlib.sha256(b"2026\0" + patient.encode()).hexdigest()
        expected = DISCOVERY if int(digest[:16], 16) / 2**64 < 0.6 else REPLICATION
        assert split.part(patient) == expected


def test_shares_salts_and_newcomers():
    patients = [f"P{i}" for i in range(20_000)]
    parts = Split("a", 0.7).parts(patients)
    assert (parts == DISCOVERY).mean() == pytest.approx(0.7, abs=0.02)
    np.testing.assert_array_equal(Split("a", 0.7).parts([*patients[::-1], "new"])[:-1], parts[::-1])
    other = Split("b", 0.7).parts(patients)
    assert ((parts == DISCOVERY) & (other == DISCOVERY)).mean() == pytest.approx(0.49, abs=0.02)
    wider = Split("a", 0.8).parts(patients)  # a larger share only adds people
    assert set(wider[parts == DISCOVERY]) == {DISCOVERY}


@pytest.mark.parametrize(("salt", "share"), [("", 0.5), ("a", 0.0), ("a", 1.0), ("a", float("nan"))])
def test_a_split_that_is_none_is_refused(salt, share):
    with pytest.raises(InputError):
        Split(salt, share)


def test_parts_of_a_design_share_nobody_and_are_judged_anew():
    rng = np.random.default_rng(5)
    n = 200
    split = Split("s", 0.7)
    discovery = split.parts([f"P{i}" for i in range(n)]) == DISCOVERY
    traits = {
        "qt": ("linear", rng.normal(size=n)),
        "bt": ("logistic", (discovery & (np.arange(n) % 2 == 0)) | (np.arange(n) < 8)),
        "empty": ("linear", np.full(n, np.nan)),
    }
    design = make_design(traits, {"age": rng.normal(size=n), "site": discovery * (rng.random(n) < 0.5)}, n)
    design.frame["in_analysis"] = np.arange(n) != 3
    halves = {part: take_part(design, split, part) for part in (DISCOVERY, REPLICATION)}
    rows = {part: set(half.trait("qt").rows) for part, half in halves.items()}
    assert rows[DISCOVERY] | rows[REPLICATION] == set(range(n)) - {3}
    assert not rows[DISCOVERY] & rows[REPLICATION]
    for part, half in halves.items():
        found = half.info["split"]
        assert (found["part"], found["salt"], found["discovery"]) == (part, "s", 0.7)
        assert (
            found["n_discovery"] + found["n_replication"]
            == n - 1
            == found[f"n_{part}"]
            + (
                half.info["samples"]["excluded"][
                    f"in the {REPLICATION if part == DISCOVERY else DISCOVERY} part"
                ]
            )
        )
        assert half.info["samples"]["in_analysis"] == found[f"n_{part}"]
    assert halves[REPLICATION].info["covariates"]["dropped"] == {"site": "constant"}
    assert "site" in halves[DISCOVERY].info["covariates"]["kept"]
    assert "cases; at least 10" in halves[REPLICATION].info["not_assessed"]["bt"]
    assert halves[DISCOVERY].info["not_assessed"] == {"empty": "all values are missing"}
    assert "split" not in design.info
    with pytest.raises(InputError, match="the part 'both'"):
        take_part(design, split, "both")
