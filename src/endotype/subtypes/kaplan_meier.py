"""The product-limit estimate of survival and what is read off it (Kaplan & Meier 1958, JASA 53:457).

Written out here, because every batch of reports would otherwise wait for a survival library to be imported;
the tests compare it with lifelines and with R.
"""

from __future__ import annotations

import math

import numpy as np

NORMAL_975 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def kaplan_meier(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Product-limit estimate of survival.

    Args:
        time: shape (n,), time of the event or of the end of observation, not negative.
        event: bool, shape (n,), whether it was the event.
        entry: shape (n,), before ``time``: when observation began. None: everybody from the beginning.

    Returns:
        The distinct times; S(t) = prod(1 - d / r) over the times up to t, where d people have the event and
        r are observed, those of the same time included and those who enter at it not; and Greenwood's sum
        d / (r (r - d)), the variance of log S, which is infinite once S is zero. All of shape (n_steps,).
    """
    times, step = np.unique(time, return_inverse=True)
    events = np.bincount(step, weights=event, minlength=len(times))
    left = np.bincount(step, minlength=len(times))
    at_risk = left[::-1].cumsum()[::-1]
    if entry is not None:
        at_risk = at_risk - (len(time) - np.searchsorted(np.sort(entry), times, "left"))
    with np.errstate(divide="ignore"):
        greenwood = np.cumsum(events / (at_risk * (at_risk - events)))
    return times, np.cumprod(1 - events / at_risk), greenwood


def log_log_interval(survival: float, greenwood: float) -> tuple[float, float] | None:
    """The 95 % interval S ** exp(±1.96 sqrt(greenwood) / log S); ``None`` where S is 0 or 1.

    Kalbfleisch & Prentice 2002, The Statistical Analysis of Failure Time Data, section 1.4.
    """
    if not 0 < survival < 1:
        return None
    spread = NORMAL_975 * math.sqrt(greenwood) / abs(math.log(survival))
    return survival ** math.exp(spread), survival ** math.exp(-spread)


def survival_at(times: np.ndarray, curve: np.ndarray, at: float) -> float:
    """Survival at a time: the last step up to it, 1 before the first."""
    step = int(np.searchsorted(times, at, side="right")) - 1
    return float(curve[step]) if step >= 0 else 1.0


def median_survival(
    times: np.ndarray, curve: np.ndarray, greenwood: np.ndarray
) -> tuple[float | None, float | None, float | None]:
    """The first time at which survival is a half or less, and where the limits of the curve are so.

    The interval holds the times whose log-log interval holds a half (Brookmeyer & Crowley 1982, Biometrics
    38:29). ``None`` where the curve, or a limit of it, stays above a half.
    """

    def first(below: np.ndarray) -> float | None:
        return float(times[np.argmax(below)]) if below.any() else None

    limits = [
        log_log_interval(float(s), float(v)) or (float(s), float(s))
        for s, v in zip(curve, greenwood, strict=True)
    ]
    low, high = (np.array(side) for side in zip(*limits, strict=True)) if limits else (curve, curve)
    half = 0.5 * (1 + 1e-12)  # a half that rounding has moved is a half
    return first(curve <= half), first(low <= half), first(high <= half)


def restricted_mean(
    time: np.ndarray, event: np.ndarray, horizon: float, entry: np.ndarray | None = None
) -> tuple[float, float] | None:
    """Mean time without the event up to a horizon, the area under the curve, and its standard error.

    Variance: sum over event times t of A(t)^2 d / (r (r - d)), with A(t) the area from t to the horizon
    (Klein & Moeschberger 2003, *Survival Analysis*, section 4.5). Where all at risk have the event the term
    is left out: its area is 0, or the estimate after it is.

    Returns:
        ``None`` when the group isn't followed to the horizon and survival hasn't reached 0.
    """
    times, curve, _ = kaplan_meier(time, event, entry)
    if len(times) == 0 or (times[-1] < horizon and curve[-1] > 0):
        return None
    inside = times < horizon
    knots = np.concatenate([[0.0], times[inside], [horizon]])
    heights = np.concatenate([[1.0], curve[inside]])
    pieces = np.diff(knots) * heights
    after = np.cumsum(pieces[::-1])[::-1][1:]
    at_risk, events = risk_and_events(time, event, times[inside], entry)
    usable = at_risk > events
    terms = np.zeros(len(after))
    terms[usable] = after[usable] ** 2 * (events / np.where(usable, at_risk * (at_risk - events), 1))[usable]
    return float(pieces.sum()), math.sqrt(float(terms.sum()))


def risk_and_events(
    time: np.ndarray, event: np.ndarray, at: np.ndarray, entry: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """People at risk, and events, at some times; each of the shape of ``at``.

    At risk is who entered before the time and is still followed at it.
    """
    ordered = np.sort(time)
    at_risk = len(time) - np.searchsorted(ordered, at, "left")
    if entry is not None:
        at_risk = at_risk - (len(time) - np.searchsorted(np.sort(entry), at, "left"))
    had = np.sort(time[np.asarray(event, bool)])
    events = np.searchsorted(had, at, "right") - np.searchsorted(had, at, "left")
    return at_risk.astype(float), events.astype(float)
