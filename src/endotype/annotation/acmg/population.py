"""BA1, BS1, BS2 and PM2: how frequent the allele is where nobody was chosen for the disease.

BA1 above 5 % (Ghosh et al. 2018, doi:10.1002/humu.23642, with its list of exceptions), BS1 above what the
disease allows, both by the lower 95 % bound of the frequency in the group that has most (filtering allele
frequency, Whiffin et al. 2017, doi:10.1038/gim.2017.26) where the source gives it, else by the frequency
among enough alleles. PM2 is supporting (ClinGen SVI, version 1.0, 2020). "Absent" counts only where the
source has looked.
"""

from __future__ import annotations

from typing import NamedTuple

from endotype.annotation.acmg.candidate import Candidate, Context
from endotype.annotation.acmg.criteria import CRITERIA, Finding, met, not_evaluable, not_met
from endotype.cohort.assembly import bare_name
from endotype.message import N_

SOURCE = "population_frequency"
_NOT_ASSESSED = "The frequency in the population was not assessed at this site."
_FILTERED = "The population source's own filters reject the site."


class _Frequency(NamedTuple):
    """A frequency with its name and the numbers behind it; or, where ``value`` is null, why there is none."""

    value: float | None
    text: str
    numbers: dict[str, object]


def ba1(v: Candidate, c: Context) -> Finding:
    """Common: above 5 %, or the gene's own threshold."""
    return _too_frequent("BA1", c.settings.ba1_frequency, v, c)


def bs1(v: Candidate, c: Context) -> Finding:
    """More frequent than the disease allows: above 1 %, or the gene's own threshold."""
    return _too_frequent("BS1", c.settings.bs1_frequency, v, c)


_OF_GENE = N_(" for {gene} ({source})")
_ABOVE = N_("{what} is {value:.4g}, above {limit}.")


def _too_frequent(name: str, default: float, v: Candidate, c: Context) -> Finding:
    limits = [
        (t.number, t.strength, _OF_GENE.format(gene=v.name, source=t.source))
        for t in c.limits(v, name, "frequency")
    ]
    limits = limits or [(default, CRITERIA[name].strength, "")]
    frequency = _for_benign(v, c)
    if frequency.value is None:
        return not_evaluable(name, frequency.text, frequency.numbers, SOURCE, v.population_row)
    if v.population_status == "present" and _is_exception(v, c):
        reason = (
            "The allele is on ClinGen's list of those too frequent for their disease yet not shown benign."
        )
        return not_met(name, reason, frequency.numbers, "ba1_exceptions")
    for limit, strength, whose in limits:
        if frequency.value > limit:
            reason = _ABOVE.format(what=frequency.text, value=frequency.value, limit=f"{limit:.4g}{whose}")
            return met(name, strength, reason, frequency.numbers | {"limit": limit}, SOURCE, v.population_row)
    limit, _, whose = limits[-1]
    if v.population_status == "absent":
        reason = "The allele was not seen in the population source."
    else:
        reason = f"{frequency.text} is {frequency.value:.4g}, not above {limit:.4g}{whose}."
    return not_met(name, reason, frequency.numbers | {"limit": limit}, SOURCE, v.population_row)


def _for_benign(v: Candidate, c: Context) -> _Frequency:
    if v.population_status == "absent":
        return _Frequency(0.0, "", {})
    if v.population_status != "present":
        return _Frequency(None, _NOT_ASSESSED, {})
    if _is_filtered(v):
        return _Frequency(None, _FILTERED, {"filter": v.population_filter})
    if v.population_faf is not None:
        text = N_("The filtering allele frequency (95 %) of the group that has most")
        return _Frequency(v.population_faf, text, {"filtering_allele_frequency": v.population_faf})
    numbers: dict[str, object] = {"allele_frequency": v.population_af, "alleles": v.population_an}
    if v.population_af is None or v.population_an is None:
        return _Frequency(None, "The source does not say how many alleles it counted.", numbers)
    if v.population_an < c.settings.min_alleles:
        few = f"Only {v.population_an} alleles were counted; {c.settings.min_alleles} are needed."
        return _Frequency(None, few, numbers)
    text = N_("The allele frequency among {n!s} alleles").format(n=v.population_an)
    return _Frequency(v.population_af, text, numbers)


def _is_filtered(v: Candidate) -> bool:
    return v.population_filter not in (None, "", ".", "PASS")


def _is_exception(v: Candidate, c: Context) -> bool:
    return (bare_name(v.chrom), v.pos, v.ref, v.alt) in c.ba1_exceptions


def pm2(v: Candidate, c: Context) -> Finding:
    """Absent, or for recessive genes very rare; supporting."""
    if v.population_status not in ("present", "absent"):
        return not_evaluable("PM2", _NOT_ASSESSED, None, SOURCE)
    if _is_filtered(v):
        numbers: dict[str, object] = {"filter": v.population_filter}
        return not_evaluable("PM2", _FILTERED, numbers, SOURCE, v.population_row)
    recessive = v.facts.inheritance == {"AR"}
    default = c.settings.pm2_frequency_recessive if recessive else c.settings.pm2_frequency
    limits = [(t.number, t.strength, f" ({t.source})") for t in c.limits(v, "PM2", "frequency")]
    limits = limits or [(default, "supporting", N_(" of a recessive gene") if recessive else "")]
    if v.population_status == "absent":
        strength = limits[0][1]
        reason = N_("The allele was looked for in the population source and not seen.")
        return met("PM2", strength, reason, {}, SOURCE)
    known = [f for f in (v.population_af, v.population_max_af) if f is not None]
    numbers = {"allele_frequency": v.population_af, "alleles": v.population_an}
    if v.population_max_af is not None:
        numbers["highest_frequency_of_a_group"] = v.population_max_af
    if not known:
        return not_evaluable("PM2", "The source gives no frequency.", numbers, SOURCE, v.population_row)
    frequency = max(known)
    for limit, strength, whose in limits:
        if frequency <= limit:
            if (v.population_an or 0) < c.settings.min_alleles:
                few = f"fewer than {c.settings.min_alleles} alleles are known to have been counted"
                reason = f"The allele frequency is {frequency:.4g}, but {few}."
                return not_evaluable("PM2", reason, numbers, SOURCE, v.population_row)
            within = N_("The highest allele frequency is {frequency!s}, within the limit of {limit!s}.")
            if whose:
                within = N_(
                    "The highest allele frequency is {frequency!s}, within the limit{whose} of {limit!s}."
                )
            values = {"frequency": f"{frequency:.4g}", "limit": f"{limit:.4g}"}
            reason = within.format(whose=whose, **values)
            return met("PM2", strength, reason, numbers | {"limit": limit}, SOURCE, v.population_row)
    limit, _, whose = limits[-1]
    reason = f"The highest allele frequency is {frequency:.4g}, above the limit{whose} of {limit:.4g}."
    return not_met("PM2", reason, numbers | {"limit": limit}, SOURCE, v.population_row)


def bs2(v: Candidate, c: Context) -> Finding:
    """Seen in people who should be ill: homozygotes of a recessive gene, or what the gene's thresholds
    say."""
    alleles, homozygotes = v.population_ac, v.population_homozygotes
    limits = [
        (int(t.number), t.strength, about, f" for {v.name} ({t.source})")
        for about in ("homozygotes", "heterozygotes")
        for t in c.limits(v, "BS2", about)
    ]
    if not limits and v.facts.inheritance == {"AR"}:
        limits = [(c.settings.bs2_homozygotes, "strong", "homozygotes", " for a recessive gene")]
    if not limits:
        reason = "It is not known that every carrier of such an allele would be ill from early on."
        return not_evaluable("BS2", reason)
    if v.population_status == "absent":
        return not_met("BS2", "The allele was not seen in the population source.", {}, SOURCE)
    if v.population_status != "present":
        return not_evaluable("BS2", _NOT_ASSESSED, None, SOURCE)
    if _is_filtered(v):
        return not_evaluable("BS2", _FILTERED, {"filter": v.population_filter}, SOURCE, v.population_row)
    numbers: dict[str, object] = {"alleles_seen": alleles, "homozygotes": homozygotes}
    counts = {
        N_("homozygotes"): homozygotes,
        N_("heterozygotes"): None if alleles is None or homozygotes is None else alleles - 2 * homozygotes,
    }
    for limit, strength, about, whose in limits:
        if (count := counts[about]) is not None and count >= limit:
            reason = N_("The population source has {count!s} {about}; {limit} are enough.").format(
                count=count, about=about, limit=limit
            )
            if whose:
                reason = N_("The population source has {count!s} {about}; {limit} are enough{whose}.").format(
                    count=count, about=about, limit=limit, whose=whose
                )
            return met("BS2", strength, reason, numbers | {"limit": limit}, SOURCE, v.population_row)
    if all(counts[about] is None for _, _, about, _ in limits):
        return not_evaluable("BS2", "The source does not count genotypes.", numbers, SOURCE, v.population_row)
    limit, _, about, whose = limits[-1]
    reason = f"The population source has {counts[about]} {about}; {limit} would be needed{whose}."
    return not_met("BS2", reason, numbers | {"limit": limit}, SOURCE, v.population_row)
