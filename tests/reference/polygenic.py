"""Polygenic scores, slow and obvious: one row, one person, one call at a time."""

from __future__ import annotations

import math

import pandas as pd

PAIR = {"A": "T", "T": "A", "C": "G", "G": "C"}


def other_strand(allele: str) -> str:
    return "".join(PAIR[base] for base in reversed(allele))


def plain_match(rows: list[dict], variants: pd.DataFrame) -> list[tuple[str, int, bool]]:
    """For each row (chrom, pos, effect, other, model, weight): status, row of the store, effect is ALT.

    Rows have both alleles and a place on an autosome of the store.
    """
    store = [(str(v.chrom), int(v.pos), str(v.ref), str(v.alt)) for v in variants.itertuples()]
    found: list[list] = []
    for row in rows:
        here = [i for i, v in enumerate(store) if v[:2] == (row["chrom"], row["pos"])]
        alleles = {row["effect"], row["other"]}
        fits = [i for i in here if {store[i][2], store[i][3]} == alleles]
        flipped = False
        if not fits and all(len(a) == 1 for a in alleles):
            turned = {other_strand(a) for a in alleles}
            fits = [i for i in here if {store[i][2], store[i][3]} == turned]
            flipped = bool(fits)
        if not here:
            found.append(["not_in_cohort", -1, False, flipped])
        elif not fits:
            found.append(["allele_mismatch", -1, False, flipped])
        elif len(fits) > 1:
            found.append(["fits_several_variants", -1, False, flipped])
        else:
            i = fits[0]
            effect = other_strand(row["effect"]) if flipped else row["effect"]
            is_alt = effect == store[i][3]
            substitution = store[i][2][0] != store[i][3][0]
            rivals = [j for j in here if j != i and (store[j][2][0] != store[j][3][0]) == substitution]
            status = "multiallelic_reference" if rivals and not is_alt else "matched"
            found.append([status, i, is_alt, flipped])
    palindrome = [i >= 0 and store[i][2] == other_strand(store[i][3]) for _, i, _, _ in found]
    telling = [f for f, p in zip(found, palindrome, strict=True) if f[0] == "matched" and not p]
    if sum(f[3] for f in telling) > 0.01 * len(telling):
        for f, p in zip(found, palindrome, strict=True):
            if p and f[0] == "matched":
                f[0] = "palindrome_of_unknown_strand"
    for r, f in enumerate(found):
        same = [
            q
            for q, g in enumerate(found)
            if f[0] == g[0] == "matched" and g[1] == f[1] and rows[q]["model"] == rows[r]["model"]
        ]
        equal = all(found[q][2] == f[2] and rows[q]["weight"] == rows[r]["weight"] for q in same)
        rows[r]["verdict"] = (
            f[0]
            if len(same) < 2
            else "contradicting_rows"
            if not equal
            else "matched"
            if r == same[0]
            else "repeated_row"
        )
    return [(row["verdict"], f[1], f[2]) for row, f in zip(rows, found, strict=True)]


def plain_scores(
    rows: list[dict], matched: list[tuple[str, int, bool]], dosages: list[list[int]], usable: list[bool]
) -> list[tuple[float, int, float]]:
    """For each person the sum, the alleles that were called, and the share of absolute weight missing."""

    def effect(row: dict, copies: int) -> float:
        if row["model"] == "dominant":
            return row["weight"] * (copies >= 1)
        if row["model"] == "recessive":
            return row["weight"] * (copies == 2)
        return row["weight"] * copies

    def copies(person: int, variant: int, is_alt: bool) -> int | None:
        d = dosages[variant][person]
        return None if d < 0 else d if is_alt else 2 - d

    people = range(len(usable))
    results = []
    for person in people:
        terms, alleles, missing, whole = [], 0, 0.0, 0.0
        for row, (status, variant, is_alt) in zip(rows, matched, strict=True):
            if status != "matched":
                continue
            whole += abs(row["weight"])
            own = copies(person, variant, is_alt)
            if own is not None:
                terms.append(effect(row, own))
                alleles += 2
                continue
            missing += abs(row["weight"])
            others = [copies(q, variant, is_alt) for q in people if usable[q]]
            known = [effect(row, c) for c in others if c is not None]
            if known:
                terms.append(math.fsum(known) / len(known))
        results.append((math.fsum(terms), alleles, missing / whole if whole else 1.0))
    return results
