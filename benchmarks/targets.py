"""Does the rank interval of targets hold the true rank as often as it says, and how long does a cohort take?

    python -m benchmarks.targets coverage   # simulated patients whose true ranks are known
    python -m benchmarks.targets speed      # 10,000 patients

Coverage: true reliabilities, allele fractions, posteriors, log odds ratios and weights of sources are drawn
for each patient; what Endotype sees are counts and estimates drawn from them, never the laws that it draws
anew from. The true rank is that of the true values.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.files import to_json, write_json
from endotype.targets.diseases import Diseases
from endotype.targets.evidence import table_evidence
from endotype.targets.links import Subtypes, link_table
from endotype.targets.rank import rank
from endotype.targets.score import (
    POSTERIOR_COUNT,
    RELIABILITY_COUNT,
    WEIGHT_COUNT,
    Evidence,
    order_of,
    patient_stream,
    rank_draws,
    scores_of,
)
from endotype.targets.table import COLUMNS, OPTIONAL_COLUMNS


def simulate(rng: np.random.Generator, n_targets: int) -> tuple[Evidence, Evidence]:
    """The evidence of one patient as it truly is, and as it is seen."""
    n_rows = n_targets + int(rng.integers(0, n_targets + 1))
    target = np.sort(np.concatenate([np.arange(n_targets), rng.integers(0, n_targets, n_rows - n_targets)]))
    n_sources, k = 3, 3
    reliability = rng.uniform(0.1, 0.95, n_rows)
    seen_reliability = rng.binomial(int(RELIABILITY_COUNT), reliability) / RELIABILITY_COUNT
    depth = rng.integers(30, 200, 4).astype(float)
    fraction = rng.uniform(0.1, 0.45, 4)
    posterior = rng.dirichlet(np.ones(k))
    odds, se = rng.uniform(0.5, 3.0, 3), rng.uniform(0.1, 0.6, 3)
    weights = rng.dirichlet(np.full(n_sources, WEIGHT_COUNT)) * n_sources
    kind = rng.integers(0, 3, n_rows)
    kind[0], kind[-1] = 0, 1
    fraction_of = np.where(kind == 1, rng.integers(0, 4, n_rows), -1)
    terms = np.flatnonzero(kind == 2)
    source = rng.integers(0, n_sources, n_rows)
    common = {
        "target": target,
        "source": source,
        "factor": rng.choice([0.5, 1.0], n_rows),
        "fraction_of": fraction_of,
        "fraction_count": depth,
        "fraction_gain": np.full(4, 2.0),
        "term_row": terms,
        "term_subtype": rng.integers(0, k, len(terms)),
        "term_gain": rng.integers(0, 3, len(terms)),
        "log_odds_se": se,
    }
    true = Evidence(
        **(common | {"factor": common["factor"] * weights[source]}),
        reliability=reliability,
        fraction=fraction,
        posterior=posterior,
        log_odds=odds,
        source_weight=np.ones(n_sources),
    )
    seen = Evidence(
        **common,
        reliability=seen_reliability,
        fraction=rng.binomial(depth.astype(int), fraction) / depth,
        posterior=rng.multinomial(int(POSTERIOR_COUNT), posterior) / POSTERIOR_COUNT,
        log_odds=rng.normal(odds, se),
        source_weight=np.ones(n_sources),
    )
    return true, seen


def coverage(patients: int, draws: int, seed: int) -> dict[str, dict[str, float]]:
    """Share of true ranks inside the interval, and its mean width, by number of targets."""
    out = {}
    for n in (3, 6, 12, 25, 50):
        rng = np.random.default_rng([seed, n])
        inside, width = [], []
        for number in range(patients):
            true, seen = simulate(rng, n)
            tiers = np.ones(n, int)
            actual = order_of(tiers, scores_of(true.strengths(), true.target, n))
            guess = order_of(tiers, scores_of(seen.strengths(), seen.target, n))
            place = rank_draws(seen, tiers, guess, draws, patient_stream(seed, f"P{number}"))
            inside.append((place.rank_low <= actual) & (actual <= place.rank_high))
            width.append(place.rank_high - place.rank_low + 1)
        held = np.concatenate(inside)
        out[str(n)] = {
            "coverage": round(float(held.mean()), 4),
            "mean_width": round(float(np.concatenate(width).mean()), 2),
            "n": int(held.size),
        }
        print(n, out[str(n)], flush=True)
    return out


def speed(patients: int, draws: int) -> dict[str, float]:
    """Processor time of a cohort: 40 rows of the table, every patient linked to 10 of 30 genes."""
    rng = np.random.default_rng(1)
    base = dict(zip(COLUMNS, ["", "", "indicated", "2", "B", "any", "any", 0.8, "s", "1", ""], strict=True))
    base |= dict.fromkeys(OPTIONAL_COLUMNS, "")
    table = pd.DataFrame(
        [
            base
            | {
                "gene": f"G{i % 30}",
                "intervention": f"D{i}",
                "tier": str(rng.choice(["1", "2", "3", "4"])),
                "source": f"s{i % 4}",
                "reliability": float(rng.uniform(0.2, 0.9)),
            }
            for i in range(40)
        ]
    )
    links = link_table(
        [
            {"patient": f"P{p}", "gene": f"G{g}", "link": "carried_variant", "weight": 1.0,
             "effect": "loss", "detail": "d.", "variant_id": f"v{g}"}
            for p in range(patients)
            for g in rng.choice(30, 10, replace=False)
        ]
    )  # fmt: skip
    start = time.process_time()
    evidence = table_evidence(table, links, Diseases(), {}, None)
    subtypes = Subtypes(pd.DataFrame(), {})
    found = rank(evidence, subtypes, draws, 1)
    seconds = time.process_time() - start
    return {"patients": patients, "targets": len(found.targets), "cpu_seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["coverage", "speed"])
    parser.add_argument("--patients", type=int)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    given = parser.parse_args()
    if given.what == "coverage":
        result: object = coverage(given.patients or 400, given.draws, given.seed)
    else:
        result = speed(given.patients or 10_000, given.draws)
    print(to_json(result))
    if given.out:
        write_json(given.out, result)


if __name__ == "__main__":
    main()
