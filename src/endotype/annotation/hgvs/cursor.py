"""A place in a text, and the small rules that every part of the grammar of names is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from endotype.annotation.hgvs.model import Count, HgvsError

ACCESSION = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
MAX_ACCESSION = 100
KINDS = "gmocnrp"
MAX_DIGITS = 12
MAX_PARTS = 1000
"""Changes of an allele, pieces of an insertion, units of a repeat."""

T = TypeVar("T")


class Cursor:
    """Reads ``text`` from left to right; ``at`` is the next character, ``kind`` the kind of the name."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.kind = text, 0, ""

    def error(self, expected: str, at: int | None = None) -> HgvsError:
        """What to raise: what stands at a place, and what was expected there."""
        at = self.at if at is None else at
        rest = self.text[at : at + 12]
        found = f"found {rest!a}" if rest else "the name ends"
        return HgvsError(f"{found}, expected {expected}", self.text, at)

    def sees(self, word: str) -> bool:
        """Whether ``word`` comes next."""
        return self.text.startswith(word, self.at)

    def take(self, word: str) -> bool:
        """Pass over ``word`` if it comes next; whether it did."""
        if self.sees(word):
            self.at += len(word)
            return True
        return False

    def need(self, word: str, expected: str = "") -> None:
        """Pass over ``word``, which must come next."""
        if not self.take(word):
            raise self.error(expected or f"'{word}'")

    def attempt(self, rule: Callable[[], T]) -> T | None:
        """What ``rule`` reads, or None, with the place as it was."""
        start = self.at
        try:
            return rule()
        except HgvsError:
            self.at = start
            return None

    def while_in(self, letters: frozenset[str]) -> str:
        """The longest run of ``letters``, maybe empty."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in letters:
            self.at += 1
        return self.text[start : self.at]

    def digits(self) -> str:
        """The longest run of digits, maybe empty."""
        return self.while_in(frozenset("0123456789"))

    def number(self, expected: str = "a number") -> int:
        """A whole number."""
        start = self.at
        digits = self.digits()
        if not digits:
            raise self.error(expected)
        if len(digits) > MAX_DIGITS:
            raise self.error(f"a number of at most {MAX_DIGITS} digits", start)
        return int(digits)

    def accession(self) -> str:
        """The name of a sequence."""
        start = self.at
        found = self.while_in(ACCESSION)
        if not found:
            raise self.error("a reference sequence, such as NM_004006.2")
        if len(found) > MAX_ACCESSION:
            raise self.error(f"a reference of at most {MAX_ACCESSION} characters", start)
        return found

    def source(self) -> tuple[str, str]:
        """A reference sequence and the selector in parentheses behind it, up to the colon."""
        reference = self.accession()
        selector = ""
        if self.take("("):
            selector = self.accession()
            self.need(")")
        self.need(":", "':' after the reference sequence")
        return reference, selector

    def kind_of_name(self) -> str:
        """``g.``, ``c.``, ``p.`` and so on."""
        if self.at + 1 < len(self.text) and self.text[self.at] in KINDS and self.text[self.at + 1] == ".":
            self.at += 2
            return self.text[self.at - 2]
        raise self.error("one of " + ", ".join(kind + "." for kind in KINDS))

    def count(self) -> Count:
        """How many: ``3``, ``?``, ``(3_5)``."""
        closing = self.take("(")
        low = None if self.take("?") else self.number("a number of copies or '?'")
        high = low
        if self.take("_"):
            high = None if self.take("?") else self.number("a number of copies or '?'")
            if low is not None and high is not None and high < low:
                raise self.error("the smaller number first")
        if closing:
            self.need(")")
        return Count(low, high)

    def closed_count(self) -> Count:
        """A count and the bracket behind it."""
        count = self.count()
        self.need("]")
        return count

    def closed(self) -> Count | None:
        """A count in brackets, if there is one."""
        return self.closed_count() if self.take("[") else None
