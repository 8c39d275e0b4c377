"""Mendelian inheritance by listing every child that two parents can have. Slow on purpose."""

from __future__ import annotations

from itertools import product

Call = tuple[int | None, ...]


def gametes(call: Call | None, copies: int, alphabet: range) -> set[int]:
    """Alleles a parent can hand down; all of them where its call doesn't say."""
    called = set() if call is None else {a for a in call if a is not None}
    complete = call is not None and len(call) == 2 and None not in call
    says = complete if copies == 2 else len(called) == 1
    return called if says else set(alphabet)


def verdict(child: Call | None, father: Call | None, mother: Call | None, copies: tuple[int, int]) -> str:
    """``skipped``, ``untested``, ``consistent`` or ``inconsistent`` for calls that are tuples of alleles."""
    parents = [(call, n) for call, n in zip((father, mother), copies, strict=True) if n]
    if not parents or child is None:
        return "skipped"
    if len(parents) == 2:
        if len(child) != 2 or None in child:
            return "skipped"
        own = tuple(sorted(child))
    else:
        called = {a for a in child if a is not None}
        if len(called) != 1:
            return "skipped"
        own = tuple(called)
    alphabet = range(10)
    pools = [gametes(call, n, alphabet) for call, n in parents]
    if all(len(pool) == len(alphabet) for pool in pools):
        return "untested"
    children = {tuple(sorted(alleles)) for alleles in product(*pools)}
    return "consistent" if own in children else "inconsistent"
