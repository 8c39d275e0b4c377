"""PP3, BP4 and BP7: what computers predict of the protein and of splicing.

One tool for missense, chosen before the data are seen, never the best of several; its score is worth what
Pejaver et al. 2022 (doi:10.1016/j.ajhg.2022.10.013) and Bergquist et al. 2024 calibrated. Splicing by one
tool too, for every variant outside the two bases at each end of an intron, as Walker et al. 2023
(doi:10.1016/j.ajhg.2023.06.002)
advise: damage by either way is PP3 (the stronger counts, once), harmlessness needs both.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from endotype.annotation.acmg.candidate import NEAR_SPLICE_SITE, SPLICE_SITE, TRUNCATING, Candidate, Context
from endotype.annotation.acmg.criteria import POINTS, Finding, met, not_evaluable, not_met
from endotype.annotation.acmg.predictors import interval_of
from endotype.message import N_

_OFFSET = re.compile(r"\d([+-]\d+)")
_DONOR, _ACCEPTOR = 7, -21
"""Walker et al. 2023: silent in an intron is from +7 and up to -21."""


class _Prediction(NamedTuple):
    """What one tool says for one criterion: a strength, or null where its score does not meet it.

    ``known`` is false where there is no score; ``text`` then says why.
    """

    known: bool
    strength: str | None
    text: str
    source: str
    row: int | None

    def as_finding(self, name: str, numbers: dict[str, object], also: str = "") -> Finding:
        """Met, not met or not evaluable, as the tool says."""
        reason = f"{self.text[:1].upper()}{self.text[1:]}{also}."
        if not self.known:
            return not_evaluable(name, reason, numbers, self.source)
        if self.strength is None:
            return not_met(name, reason, numbers, self.source, self.row)
        return met(name, self.strength, reason, numbers, self.source, self.row)


def _predict(criterion: str, kind: str, v: Candidate, c: Context) -> _Prediction:
    """The verdict of the tool for missense or for splicing."""
    if kind == "missense":
        tool, score, status, source, row = (
            *(c.settings.missense_score, v.missense_score, v.missense_status),
            *(c.missense_source, v.missense_row),
        )
    else:
        tool, score, status, source, row = (
            *(c.settings.splice_score, v.splice_score, v.splice_status),
            *(c.splice_source, v.splice_row),
        )
    if tool is None:
        return _Prediction(False, None, f"no {kind} score is chosen", source, None)
    if score is None:
        absent = status == "absent"
        why = f"the source of {tool} lacks this allele" if absent else f"the {tool} score was not assessed"
        return _Prediction(False, None, why, source, None)
    strength, who = _calibrated(criterion, kind, tool, score, v, c)
    if strength is None:
        side = "a damaging" if criterion == "PP3" else "a harmless"
        said = f"the {tool} score is {score:.4g}"
        return _Prediction(True, None, f"{said}, outside the range that predicts {side} effect", source, row)
    strength = min(strength, c.settings.strongest_prediction, key=POINTS.__getitem__)
    # Marked as it stands at the head of a reason; it stands within one, too.
    text = N_("The {tool!s} score is {score:.4g}, {strength} by {who}").format(
        tool=tool, score=score, strength=strength.replace("_", " "), who=who
    )
    return _Prediction(True, strength, f"{text[:1].lower()}{text[1:]}", source, row)


def _calibrated(
    criterion: str, kind: str, tool: str, score: float, v: Candidate, c: Context
) -> tuple[str | None, str]:
    """The strength that a score is worth, and by whom: the gene's own thresholds, else the calibration."""
    if kind == "missense" and (own := c.limits(v, criterion, "score")):
        for limit in own:
            if score >= limit.number if criterion == "PP3" else score <= limit.number:
                return limit.strength, f"{limit.source}, for {v.name}"
        return None, ""
    found = interval_of(c.predictors[tool], criterion, score)
    return (found.strength, found.source) if found else (None, "")


def _numbers(v: Candidate, c: Context) -> dict[str, object]:
    numbers: dict[str, object] = {}
    if v.is_missense and c.settings.missense_score:
        numbers[c.settings.missense_score] = v.missense_score
    if c.settings.splice_score:
        numbers[c.settings.splice_score] = v.splice_score
    return numbers


def pp3(v: Candidate, c: Context) -> Finding:
    """Predicted to damage the protein (missense) or splicing."""
    if v.consequence_status != "assessed":
        return not_evaluable("PP3", "What the variant does was not assessed.")
    if v.terms & TRUNCATING:
        return not_met("PP3", "A variant that truncates or hits a splice site is judged by PVS1.")
    splice, numbers = _predict("PP3", "splice", v, c), _numbers(v, c)
    if not v.is_missense:
        return splice.as_finding("PP3", numbers)
    protein = _predict("PP3", "missense", v, c)
    if splice.strength and POINTS[splice.strength] > POINTS.get(protein.strength or "", 0):
        return splice.as_finding("PP3", numbers)
    return protein.as_finding("PP3", numbers)


def bp4(v: Candidate, c: Context) -> Finding:
    """Predicted to harm neither the protein nor splicing."""
    if v.consequence_status != "assessed":
        return not_evaluable("BP4", "What the variant does was not assessed.")
    if v.terms & TRUNCATING:
        return not_met("BP4", "A variant that truncates or hits a splice site is judged by PVS1.")
    if v.terms & _LENGTH:
        return not_evaluable("BP4", "No calibrated score covers changes of the protein's length.")
    splice, numbers = _predict("BP4", "splice", v, c), _numbers(v, c)
    if not v.is_missense or (splice.known and not splice.strength):
        return splice.as_finding("BP4", numbers)
    protein = _predict("BP4", "missense", v, c)
    if protein.strength and not splice.known:
        if v.terms & NEAR_SPLICE_SITE:
            reason = f"The variant is next to a splice site, and {splice.text}."
            return not_evaluable("BP4", reason, numbers, splice.source)
        return protein.as_finding("BP4", numbers, f"; splicing was not looked at ({splice.text})")
    return protein.as_finding("BP4", numbers)


_LENGTH = frozenset(
    (
        "inframe_insertion",
        "inframe_deletion",
        "protein_altering_variant",
        "stop_lost",
        "coding_sequence_variant",
    )
)


def bp7(v: Candidate, c: Context) -> Finding:
    """Silent: synonymous, or in an intron away from the splice sites, and not predicted to change
    splicing."""
    if v.consequence_status != "assessed":
        return not_evaluable("BP7", "What the variant does was not assessed.")
    if v.impact in ("HIGH", "MODERATE"):
        return not_met("BP7", "The variant is not silent.")
    place, numbers = _silent_place(v)
    if place is None:
        return not_evaluable("BP7", "How far the variant is from the splice site is not known.", numbers)
    if not place:
        return not_met(
            "BP7", "The variant is neither synonymous nor in an intron away from splice sites.", numbers
        )
    splice = _predict("BP4", "splice", v, c)
    numbers |= _numbers(v, c)
    if not splice.strength:
        return splice.as_finding("BP7", numbers)
    if c.settings.conservation_column is not None:
        limit = c.settings.conservation_max
        assert limit is not None
        numbers["conservation"] = v.conservation
        if v.conservation is None:
            return not_evaluable("BP7", "The conservation of the base was not assessed.", numbers)
        if v.conservation > limit:
            reason = f"The base is conserved ({v.conservation:.4g}, above {limit:.4g})."
            return not_met("BP7", reason, numbers | {"limit": limit})
    return met(
        "BP7", "supporting", f"The variant is {place}; {splice.text}.", numbers, splice.source, splice.row
    )


def _silent_place(v: Candidate) -> tuple[str | None, dict[str, object]]:
    """In words where a silent variant is; the empty string where it isn't silent, null where nobody knows."""
    if "synonymous_variant" in v.terms or "stop_retained_variant" in v.terms:
        return ("" if v.terms & NEAR_SPLICE_SITE else "synonymous"), {}
    if "intron_variant" not in v.terms or v.terms & SPLICE_SITE:
        return "", {}
    offsets = [int(offset) for offset in _OFFSET.findall((v.hgvs_c or "").rpartition(":")[2])]
    if not offsets:
        return None, {}
    far = all(offset >= _DONOR or offset <= _ACCEPTOR for offset in offsets)
    nearest = min(offsets, key=abs)
    return (f"{nearest:+d} from the nearest exon" if far else ""), {"distance_to_exon": nearest}
