"""Text as a reader may see it: ids and labels are hostile, and all that is shown passes through here."""

from __future__ import annotations

REPLACEMENT = "\ufffd"
_SPACES = dict.fromkeys(map(ord, "\t\n\v\f\r\x85\u2028\u2029"), " ")


def clean(text: str) -> str:
    """``text`` without characters that a reader can't see or that reorder what is seen.

    Line breaks and exotic spaces become a space. Control characters (C0, C1), bidirectional and zero-width
    characters, and unpaired surrogates become U+FFFD: replaced, not removed, so that the reader sees that
    something was there.
    """
    if text.isprintable():
        return text
    spaced = text.translate(_SPACES)
    return "".join(c if c.isprintable() else " " if c.isspace() else REPLACEMENT for c in spaced)


def words(term: str) -> str:
    """An identifier such as ``stop_gained&splice_region_variant`` as words."""
    return term.replace("&", ", ").replace("_", " ")


def feature_name(name: str) -> str:
    """The name of a subtype feature as words: ``carrier:dna_repair`` is ``dna repair carrier``."""
    kind, separator, rest = name.partition(":")
    return words(f"{rest} {kind}" if separator and kind == "carrier" else name)
