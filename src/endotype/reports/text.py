"""Words and numbers as a reader sees them. Text of patients is hostile, and all of it passes through here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from endotype import visible
from endotype.reports.language import N_, _, known
from endotype.visible import clean

STARS = N_("review stars of 4")
"""The kind of number that a clinical source's review status is."""
POINTS = N_("points of the ACMG/AMP criteria")
"""The kind of number that the evidence for a class adds up to."""
CALL_RATE = N_("call rate")
"""The kind of number that is a share of sites with a usable genotype."""

_HTTPS = re.compile(
    r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?(?:/[A-Za-z0-9._~/?#&=%+,;:@-]*)?"
)


LINK_HOSTS = frozenset(
    {
        *(
            "ncbi.nlm.nih.gov",
            "nih.gov",
            "doi.org",
            "ensembl.org",
            "ebi.ac.uk",
            "uniprot.org",
            "genenames.org",
        ),
        *("omim.org", "orpha.net", "hpo.jax.org", "monarchinitiative.org", "clinicalgenome.org", "lovd.nl"),
        *("gnomad.broadinstitute.org", "civicdb.org", "oncokb.org", "cancer.gov", "clinicaltrials.gov"),
        *("clinpgx.org", "pharmgkb.org", "cpicpgx.org", "pharmvar.org", "pgscatalog.org", "reactome.org"),
        *("fda.gov", "europa.eu", "who.int", "example.org"),
    }
)
"""Hosts that a report may link to, each with those under it: public sources of knowledge, and the name
that is reserved for examples. An address elsewhere is shown as text."""


def plain(value: Any) -> Any:
    """A value of a table as JSON has it: NumPy scalars unboxed, any missing value ``None``, text cleaned.

    Lists and mappings are converted throughout.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def words(term: str) -> str:
    """An identifier such as ``stop_gained&splice_region_variant`` as words of the current language."""
    return known(visible.words(term))


def listed(parts: Iterable[str]) -> str:
    """Parts of a sentence one after the other, as the current language separates them."""
    return _(", ").join(parts)


def reasons_listed(parts: Iterable[str]) -> str:
    """Clauses one after the other, as the current language separates them."""
    return _("; ").join(parts)


def subtype_words(name: str) -> str:
    """A name of :func:`endotype.subtypes.names.name_subtypes`, part by part in the current language.

    Its labels hold none of the signs that separate them.
    """
    subtype, colon, parts = name.partition(": ")
    said = reasons_listed(listed(map(_label, part.split(", "))) for part in parts.split("; "))
    return f"{subtype}{colon}{said}" if colon else known(name)


def _label(label: str) -> str:
    feature, _blank, direction = label.rpartition(" ")
    if direction == "high":
        return _("{feature} high", feature=feature)
    return _("{feature} low", feature=feature) if direction == "low" else known(label)


def feature_name(name: str) -> str:
    """The name of a subtype feature as words of the current language."""
    return known(visible.feature_name(name))


def shorten(text: str, limit: int = 40) -> str:
    """``text``, or its first characters and how many there are: long alleles, long notes."""
    if len(text) <= limit:
        return text
    return _("{start}… ({n} characters)", start=text[: limit - 1], n=len(text))


def https_link(text: str | None) -> str | None:
    """``text`` if it is an https address of :data:`LINK_HOSTS` with nothing unusual in it, else ``None``."""
    if not text or not _HTTPS.fullmatch(text):
        return None
    host = text.removeprefix("https://").partition("/")[0].partition(":")[0].lower()
    parts = host.split(".")
    return text if any(".".join(parts[i:]) in LINK_HOSTS for i in range(len(parts))) else None


def number(value: float | None, digits: int = 3) -> str:
    """A number to some significant digits, plain from 0.0001 to a million; missing is an en dash."""
    if value is None:
        return "–"
    if isinstance(value, int) or 1000 <= abs(value) < 1e6:
        shown = f"{value:,.0f}"
    elif value == 0 or 1e-4 <= abs(value) < 1e6:
        shown = f"{value:.{digits}g}"
        # A value that rounds to more places than digits, such as 100 to two.
        shown = f"{value:,.0f}" if "e+" in shown else shown
    else:
        shown = _scientific(value, digits)
    return shown.replace("-", "−")


def percent(share: float | None, digits: int = 3) -> str:
    """A share of 0 to 1 in percent; missing is an en dash."""
    return number(None if share is None else 100 * float(share), digits) + " %" * (share is not None)


def p_value(neg_log10_p: float | None) -> str:
    """A p-value from its -log10, also where the p-value itself would underflow to zero."""
    if neg_log10_p is None:
        return "–"
    if neg_log10_p < 3:
        return f"{10**-neg_log10_p:.2g}"
    exponent = math.ceil(neg_log10_p)
    mantissa = 10 ** (exponent - neg_log10_p)
    if mantissa >= 9.95:
        mantissa, exponent = 1.0, exponent - 1
    return f"{mantissa:.1f} × 10⁻{_superscript(exponent)}"


def probability(value: float | None) -> str:
    """A probability to two digits that never rounds to certainty: ``> 0.99``, ``< 0.01``."""
    if value is None:
        return "–"
    if 0.995 <= value < 1 or value == 1:
        return "> 0.99"
    return "< 0.01" if value < 0.005 else f"{value:.2f}"


def confidence_number(confidence: dict[str, Any]) -> str:
    """The number behind a word of confidence with its kind; the kind alone where there is no number."""
    kind, value = confidence["kind"], confidence["value"]
    if value is None:
        return known(kind)
    if kind == STARS:
        return _("{n:.0f} of 4 review stars", n=value)
    if kind == POINTS:
        return _("{n:.0f} points of the ACMG/AMP criteria", n=value)
    shown = percent(value) if kind == CALL_RATE else probability(value) if "probability" in kind else None
    return _("{kind}: {number}", kind=known(kind), number=shown or number(value))


def ordinal(value: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th`` ..."""
    forms = {1: N_("{n}st"), 2: N_("{n}nd"), 3: N_("{n}rd")}
    return _(N_("{n}th") if 10 <= value % 100 <= 20 else forms.get(value % 10, "{n}th"), n=value)


def percentile(value: float) -> str:
    """A percentile as an ordinal; nobody is at the 0th or the 100th."""
    if value < 1:
        return _("below the 1st")
    return _("above the 99th") if value > 99 else ordinal(round(value))


def plural(count: int, noun: str, plural_noun: str = "") -> str:
    """``1 gene``, ``2 genes``, ``0 genes``."""
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    sign = "⁻" if int(exponent) < 0 else ""
    return f"{mantissa} × 10{sign}{_superscript(abs(int(exponent)))}"


def _superscript(value: int) -> str:
    return str(value).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


FILTERS: dict[str, Callable[..., Any]] = {
    "shorten": shorten,
    "https_link": https_link,
    "words": words,
    "known": known,
    "listed": listed,
    "reasons_listed": reasons_listed,
    "number": number,
    "percent": percent,
    "feature_name": feature_name,
    "p_value": p_value,
    "probability": probability,
    "confidence_number": confidence_number,
    "ordinal": ordinal,
    "percentile": percentile,
    "plural": plural,
}
"""The functions of this module that the HTML templates use, by the same names."""
