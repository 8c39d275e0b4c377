"""A variant set in a null model: its genotypes, and the scores that every test of the set starts from.

Missing genotypes are the mean of the called people of the model (R SKAT's ``fixed``): leaving out everyone
with a gap in any variant would leave nobody. Dosages count the rarer allele of the model's people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from endotype.association import set_kernels
from endotype.association.linear import LinearModel
from endotype.association.logistic import LogisticModel
from endotype.association.null_model import NullModel

ULTRA_RARE = 10
"""Minor allele count up to which a variant is collapsed with others or tested in their burden."""


@dataclass(frozen=True)
class SetGenotypes:
    """Dosages of the rarer allele of each variant, as sparse rows.

    Attributes:
        start: int64 (m + 1,); variant j is carried by ``person[start[j]:start[j + 1]]``.
        person: int64 (nnz,), rows of the model.
        dosage: float64 (nnz,), positive.
        minor_count: float64 (m,), copies of the rarer allele among the called.
        called: int64 (m,), people with a genotype.
        n: people in the model.
        flipped: bool (m,), the rarer allele is allele 2 (the reference).
        collapsed: int64 (m,), how many variants each row stands for.
    """

    start: np.ndarray
    person: np.ndarray
    dosage: np.ndarray
    minor_count: np.ndarray
    called: np.ndarray
    n: int
    flipped: np.ndarray
    collapsed: np.ndarray

    def __len__(self) -> int:
        return len(self.minor_count)

    @property
    def minor_frequency(self) -> np.ndarray:
        """float64 (m,), of the rarer allele among the called; 0 where nobody is."""
        return self.minor_count / np.maximum(2 * self.called, 1)

    @property
    def missing_rate(self) -> np.ndarray:
        """float64 (m,), share of the model's people without a genotype."""
        return 1 - self.called / max(self.n, 1)

    def take(self, rows: np.ndarray) -> SetGenotypes:
        """Some of the variants, by index or mask, in that order."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        if np.array_equal(chosen, np.arange(len(self))):
            return self
        lengths = self.start[chosen + 1] - self.start[chosen]
        pieces = [np.arange(self.start[j], self.start[j + 1]) for j in chosen]
        entries = np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
        return SetGenotypes(
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            self.person[entries],
            self.dosage[entries],
            self.minor_count[chosen],
            self.called[chosen],
            self.n,
            self.flipped[chosen],
            self.collapsed[chosen],
        )

    def usable(self, max_missing: float = 0.15) -> SetGenotypes:
        """Without variants that nobody carries, or that more than a share of people have no genotype of."""
        keep = (self.minor_count > 0) & (self.missing_rate <= max_missing)
        return self.take(keep)

    def collapse(self, rare: np.ndarray) -> SetGenotypes:
        """Some variants (bool (m,)) as one, which stands last; fewer than two are left as they are.

        A person's dosage of it is her largest over these variants, as in SAIGE-GENE+ (Zhou et al., Nat Genet
        54:1466, 2022).
        """
        if rare.sum() < 2:
            return self
        few, rest = self.take(rare), self.take(~rare)
        person, dosage = set_kernels.collapse_rows(few.start, few.person, few.dosage, self.n)
        return SetGenotypes(
            np.append(rest.start, rest.start[-1] + len(person)),
            np.concatenate([rest.person, person]),
            np.concatenate([rest.dosage, dosage]),
            np.append(rest.minor_count, dosage.sum()),
            np.append(rest.called, self.n),
            self.n,
            np.append(rest.flipped, False),
            np.append(rest.collapsed, few.collapsed.sum()),
        )

    def dense(self) -> np.ndarray:
        """float64 (m, n)."""
        result = np.zeros((len(self), self.n))
        rows = np.repeat(np.arange(len(self)), np.diff(self.start))
        result[rows, self.person] = self.dosage
        return result


def read_genotypes(packed: np.ndarray, place: np.ndarray, n: int) -> SetGenotypes:
    """Genotypes of a set from packed rows.

    Args:
        packed: uint8 (m, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row in the model of each person of the store, or -1.
        n: people in the model.
    """
    start, person, dosage, alleles, called = set_kernels.read_set(packed, place)
    minor = np.minimum(alleles, 2 * called - alleles).astype(float)
    return SetGenotypes(
        start, person, dosage, minor, called, n, alleles > called, np.ones(len(alleles), np.int64)
    )


@dataclass(frozen=True)
class SetScores:
    """Scores of the variants of a set, and the covariance they have when none of them matters.

    Attributes:
        score: float64 (m,), derivative of the log-likelihood by each variant's effect.
        information: float64 (m, m), covariance of ``score`` after the covariates are taken out.
        frequency: float64 (m,), of the rarer allele.
        count: float64 (m,), copies of the rarer allele.
    """

    score: np.ndarray
    information: np.ndarray
    frequency: np.ndarray
    count: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    def take(self, rows: np.ndarray | Sequence[int]) -> SetScores:
        """Some of the variants, by index or mask."""
        # In rows, as the kernel leaves it: the digits of a product depend on how a matrix lies in memory.
        information = np.ascontiguousarray(self.information[rows][:, rows])
        return SetScores(self.score[rows], information, self.frequency[rows], self.count[rows])

    @property
    def z(self) -> np.ndarray:
        """float64 (m,), standardised score of each variant; 0 where the covariates say all of it."""
        variance = np.diag(self.information)
        return np.divide(
            self.score, np.sqrt(np.maximum(variance, 0)), out=np.zeros(len(self)), where=variance > 0
        )


@dataclass(frozen=True)
class Projection:
    """What scores of sets need of a null model, prepared once.

    Attributes:
        basis: float64 (n, k), with ``basis' diag(weight) basis = I``.
        weighted_basis: float64 (n, k), ``weight[:, None] * basis``.
        weight: float64 (n,), variance of the trait under the null model over ``dispersion``.
        residual: float64 (n,).
        dispersion: residual variance of a linear model, ``n - k`` degrees of freedom; 1 of a logistic one.
        risk: float64 (n,), null probability of being a case; None for a quantitative trait.
    """

    basis: np.ndarray
    weighted_basis: np.ndarray
    weight: np.ndarray
    residual: np.ndarray
    dispersion: float
    risk: np.ndarray | None

    @property
    def n(self) -> int:
        """People in the model."""
        return len(self.residual)

    def score(self, genotypes: SetGenotypes) -> SetScores:
        """Scores of a set and their covariance."""
        score, information, _ = set_kernels.score_rows(
            genotypes.start,
            genotypes.person,
            genotypes.dosage,
            self.weighted_basis,
            self.weight,
            self.residual,
        )
        return SetScores(
            score / self.dispersion,
            information / self.dispersion,
            genotypes.minor_frequency,
            genotypes.minor_count,
        )


def project(model: NullModel) -> Projection:
    """Prepare a linear or logistic null model for the tests of sets.

    Raises:
        TypeError: a model of another kind; the tests of sets have no Cox model.
    """
    if isinstance(model, LinearModel):
        df = model.n - model.basis.shape[1]
        dispersion = float(model.residual @ model.residual) / df
        return Projection(model.basis, model.basis, np.ones(model.n), model.residual, dispersion, None)
    if isinstance(model, LogisticModel):
        weighted = np.ascontiguousarray(model.weight[:, None] * model.basis)
        risk = model.case - model.residual
        return Projection(model.basis, weighted, model.weight, model.residual, 1.0, risk)
    raise TypeError(f"no tests of sets for a {type(model).__name__}")
