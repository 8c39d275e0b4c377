"""What a sequencer and a caller make of true genotypes: reads, depth, quality, missing and half calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.simulation.kernels import MAX_CELL_BYTES, format_records
from endotype.simulation.parameters import Parameters

MAX_ALLELES = 3
"""Alleles of one record, the reference included."""


@dataclass(frozen=True)
class Calls:
    """Called genotypes of a block of records.

    ``alleles`` int8 (n_records, n_people, 2), -1 missing; ``depths`` int16 (n_records, n_people, 3);
    ``quality`` int16 (n_records, n_people); ``trouble`` counts low-quality, missing and half calls.
    """

    alleles: np.ndarray
    depths: np.ndarray
    quality: np.ndarray
    trouble: dict[str, int]


@dataclass(frozen=True)
class Contamination:
    """Reads of ``donor`` make up ``fraction`` of those of ``person`` (indices of people)."""

    person: int
    donor: int
    fraction: float


def sequence(
    alleles: np.ndarray,
    ploidy: np.ndarray,
    clean: np.ndarray,
    depth_factor: np.ndarray,
    contamination: list[Contamination],
    parameters: Parameters,
    random: np.random.Generator,
) -> Calls:
    """Call a block of true genotypes.

    Args:
        alleles: int8 (n_records, n_people, 2), true alleles, none missing; haploid people carry their one
            allele in the first place.
        ploidy: uint8 (n_people,).
        clean: bool (n_records,), records where nobody's call is missing or of low quality.
        depth_factor: float (n_people,), depth of each person relative to the mean.
        contamination: mixtures of reads. The call stays that of the person.
        parameters: rates and depths.
        random: the stream of the block.
    """
    first = alleles[:, :, 0]
    second = np.where(ploidy < 2, first, alleles[:, :, 1])
    mean = np.where(ploidy == 2, parameters.mean_depth, parameters.mean_depth_haploid) * depth_factor
    depth = np.maximum(random.poisson(mean, first.shape), 1)
    fate = random.random(first.shape, np.float32)
    fate[clean] = 1.0
    missing_below = parameters.missing_rate
    half_below = missing_below + parameters.half_call_rate
    low_below = half_below + parameters.low_quality_rate
    missing = (fate < missing_below) & (ploidy > 0)
    half = (fate >= missing_below) & (fate < half_below) & (ploidy == 2)
    low = (fate >= half_below) & (fate < low_below) & (ploidy > 0)
    depth[low] = np.maximum(random.poisson(5, int(low.sum())), 1)

    depths = _split_reads(first, second, depth, parameters.read_error, random)
    for mix in contamination:
        foreign = random.binomial(depth[:, mix.person], mix.fraction)
        depths[:, mix.person] = 0
        for who, reads in ((mix.person, depth[:, mix.person] - foreign), (mix.donor, foreign)):
            own = (first[:, [who]], second[:, [who]], reads[:, None])
            depths[:, [mix.person]] += _split_reads(*own, parameters.read_error, random)

    # A heterozygous call is as sure as its rarer allele is seen; ten reads and more make it safe.
    shown = np.take_along_axis(depths, np.stack([first, second], 2).astype(np.int64), 2)
    quality = np.where(first == second, 3 * depth, 8 * shown.min(2)).clip(0, 99).astype(np.int16)
    quality[low] = random.integers(0, 20, int(low.sum()))

    called = np.stack([first, second], 2)
    called[missing] = -1
    called[half, 0] = -1
    called[:, ploidy == 0] = -1
    trouble = {
        "missing_calls": int(missing.sum()),
        "half_calls": int(half.sum()),
        "low_quality_calls": int(low.sum()),
    }
    return Calls(called, depths, quality, trouble)


def _split_reads(
    first: np.ndarray, second: np.ndarray, depth: np.ndarray, error: float, random: np.random.Generator
) -> np.ndarray:
    """Reads per allele, int16 (n_records, n_people, 3): even odds at heterozygotes, rare errors elsewhere."""
    het = first != second
    of_first = depth.copy()
    of_first[het] = random.binomial(depth[het], 0.5)
    of_second = depth - of_first
    depths = np.stack(
        [of_first * (first == k) + of_second * (second == k) for k in range(MAX_ALLELES)], axis=2
    ).astype(np.int16)
    wrong = np.nonzero(~het & (depth > 1) & (random.random(first.shape, np.float32) < error * depth))
    true = first[wrong].astype(np.int64)
    depths[(*wrong, true)] -= 1
    depths[(*wrong, np.where(true == 0, 1, 0))] += 1
    return depths


def allele_counts(calls: Calls, ploidy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Called copies of each allele, int64 (n_records, 3), and of all alleles, int64 (n_records,)."""
    counts = np.stack(
        [
            (calls.alleles[:, :, 0] == k).sum(1) + (calls.alleles[:, ploidy == 2, 1] == k).sum(1)
            for k in range(MAX_ALLELES)
        ],
        axis=1,
    )
    return counts, counts.sum(1)


def vcf_lines(prefixes: list[bytes], n_alleles: np.ndarray, calls: Calls, ploidy: np.ndarray) -> bytes:
    """VCF lines of a block from the fixed columns of its records and its calls."""
    joined = np.frombuffer(b"".join(prefixes), np.uint8)
    ends = np.cumsum([len(p) for p in prefixes]).astype(np.int64)
    n_people = calls.alleles.shape[1]
    out = np.empty(len(joined) + len(prefixes) * (n_people * MAX_CELL_BYTES + 1), np.uint8)
    used = format_records(joined, ends, calls.alleles, ploidy, n_alleles, calls.depths, calls.quality, out)
    return out[:used].tobytes()
