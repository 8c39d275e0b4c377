"""Tests of variant sets, slow and obvious: dense matrices, explicit projections, integrals by scipy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import integrate, stats

Tail = Callable[[np.ndarray, float], float]


def mixture_tail(eigenvalues: np.ndarray, q: float) -> float:
    """P(sum of lambda_j chi-square_1 > q) by Imhof's integral (Biometrika 48:419, 1961), oscillating part
    left to QUADPACK's Fourier rule."""
    scaled, q = eigenvalues / eigenvalues.max(), q / eigenvalues.max()

    def modulus(u: float) -> float:
        return float(np.prod((1 + (2 * scaled * u) ** 2) ** -0.25))

    def angle(u: float) -> float:
        return float(0.5 * np.sum(np.arctan(2 * scaled * u)))

    options = {"epsabs": 1e-13, "limlst": 500, "limit": 500}
    sine = integrate.quad(lambda u: modulus(u) * math.sin(angle(u) - u * q) / u, 0, 1, epsabs=1e-13)[0]
    far = [
        integrate.quad(
            lambda u: modulus(u) * math.sin(angle(u)) / u, 1, np.inf, weight="cos", wvar=q, **options
        )[0],
        integrate.quad(
            lambda u: modulus(u) * math.cos(angle(u)) / u, 1, np.inf, weight="sin", wvar=q, **options
        )[0],
    ]
    return 0.5 + (sine + far[0] - far[1]) / math.pi


def filled(dosages: np.ndarray) -> np.ndarray:
    """Dosages (m, n) of allele 1 with NaN missing: mean imputed, then counted for the rarer allele."""
    full = np.where(np.isnan(dosages), np.nanmean(dosages, axis=1, keepdims=True), dosages)
    common = full.mean(axis=1) > 1
    full[common] = 2 - full[common]
    return full


def scores(
    dosages: np.ndarray, residual: np.ndarray, weight: np.ndarray, design: np.ndarray, dispersion: float
) -> tuple[np.ndarray, np.ndarray]:
    """U and its covariance V with the projection matrix written out; complete dosages (m, n)."""
    w = np.diag(weight)
    projection = w - w @ design @ np.linalg.inv(design.T @ w @ design) @ design.T @ w
    return dosages @ residual / dispersion, dosages @ projection @ dosages.T / dispersion


def eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Those that R's SKAT keeps."""
    values = np.linalg.eigvalsh(matrix)
    positive = values[values > 0]
    return positive[positive > positive.mean() / 1e5]


def skat_o(
    u: np.ndarray, kernel: np.ndarray, grid: tuple[float, ...], tail: Tail = mixture_tail, as_r: bool = False
) -> tuple[float, list[float]]:
    """SKAT-O's p-value and those of each rho, for weighted scores u and their covariance.

    ``as_r``: one minus QUADPACK's integral over x from 0 to 40 to a relative 1.2e-4, which is what R SKAT's
    call of ``integrate`` amounts to. Otherwise the integral of the complement over the root of x, in short
    pieces, to a relative 1e-10.
    """
    m = len(u)
    one = np.ones(m)
    rho = np.minimum(grid, 0.999)
    root = np.linalg.cholesky(kernel + 1e-13 * np.trace(kernel) * np.eye(m)).T  # root' root is the kernel
    each, limits, parameters = [], [], []
    for r in rho:
        correlation = (1 - r) * np.eye(m) + r * np.outer(one, one)
        spectrum = eigenvalues(root @ correlation @ root.T)
        each.append(tail(spectrum, u @ correlation @ u))
        c = [np.sum(spectrum**k) for k in (1, 2, 4)]
        parameters.append((c[0], math.sqrt(2 * c[1]), c[1] ** 2 / c[2]))
    for mean, sd, df in parameters:
        limits.append((stats.chi2.isf(min(each), df) - df) / math.sqrt(2 * df) * sd + mean)
    mean_column = root @ one / m
    along = root.T @ mean_column / (mean_column @ mean_column)
    common = np.outer(mean_column, along)
    rest = root - common
    left = eigenvalues(rest.T @ rest)
    overlap = 4 * np.sum((common.T @ common) * (rest.T @ rest))
    variance = 2 * np.sum(left**2) + overlap
    shrink = math.sqrt((variance - overlap) / variance)
    tau = (m**2 * rho + (1 - rho) * np.sum(along**2)) * (mean_column @ mean_column)

    def conditional(x: float) -> float:
        bound = float(np.min((np.array(limits) - tau * x) / (1 - rho)))
        bound = (bound - left.sum()) * shrink + left.sum()
        return tail(left, bound) if bound > 0 else 1.0

    if as_r:
        inside = integrate.quad(
            lambda x: (1 - conditional(x)) * stats.chi2.pdf(x, 1),
            *(0, 40),
            epsabs=1e-25,
            epsrel=np.finfo(float).eps ** 0.25,
            limit=1000,
        )
        return 1 - inside[0], each
    pieces = [
        integrate.quad(
            lambda z: conditional(z * z) * 2 * stats.norm.pdf(z), a, a + 0.1, epsabs=0, epsrel=1e-10
        )
        for a in np.arange(0, 10, 0.1)
    ]
    return math.fsum(p[0] for p in pieces), each


def cauchy(p: np.ndarray, weights: np.ndarray) -> float:
    """The Cauchy combination, as the formula has it; good for p-values that are not tiny."""
    t = np.sum(weights * np.tan((0.5 - p) * math.pi)) / np.sum(weights)
    return 0.5 - math.atan(t) / math.pi
