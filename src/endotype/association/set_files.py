"""Files that say which variants belong to which set, in the three formats that people have.

* a table of our own: ``set variant`` and, if wanted, ``mask`` and ``weight``;
* a SAIGE-GENE group file: lines ``SET var ...``, ``SET anno ...``, ``SET weight ...``;
* REGENIE's three files: annotations, set list and mask definitions.

Every fault of a file is collected with its line. A variant that the genotypes lack, or that no mask takes, is
left out and counted, never silently. The order of lines and of variants does not matter to any result.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.tables import read_text_table

ALL = "all"
"""The mask of a set whose file knows no masks: every variant that is listed."""

UNKNOWN_VARIANT = "not in the genotypes"
NO_ANNOTATION = "no annotation for this set"
NO_MASK = "in no mask of this set"

_SITE = re.compile(r"^(?:chr)?([^:]+):(\d+)[:_]([^:/]+)[:/]([^:/]+)$", re.IGNORECASE)
_SAIGE_WORDS = ("var", "anno", "weight")


@dataclass(frozen=True)
class VariantSet:
    """The variants of one set under one mask.

    Attributes:
        name: of the set, usually a gene.
        mask: of the selection, :data:`ALL` without masks.
        rows: int64 (m,), rows of the genotype store, each once, by id of the variant, so that neither the
            order of a file nor that of the .bim changes a bit of a result; may be empty.
        weights: float64 (m,), or None for weights by frequency.
        n_listed: variants that the file lists under this mask, those the genotypes lack included.
    """

    name: str
    mask: str
    rows: np.ndarray
    weights: np.ndarray | None
    n_listed: int


@dataclass(frozen=True)
class VariantSets:
    """Sets in the order of their names, then of their masks.

    ``dropped`` has a row ``set variant line reason`` for each listed variant that entered no set.
    """

    sets: tuple[VariantSet, ...]
    dropped: pd.DataFrame


@dataclass(frozen=True)
class _Listed:
    """One variant of one set as a file has it."""

    name: str
    variant: str
    line: int
    annotation: str | None = None
    weight: float | None = None


class VariantIndex:
    """Finds rows of the genotype store by variant id, or by ``[chr]CHROM:POS:A:B`` (``_`` and ``/`` too).

    The alleles of the second form may stand in either order. An id that several rows share is ambiguous.
    """

    def __init__(self, variants: pd.DataFrame) -> None:
        """``variants``: columns ``id chrom pos alt ref``, as of the genotype store."""
        self._by_id: dict[str, int] = {}
        self._ambiguous: set[str] = set()
        for row, name in enumerate(variants["id"].tolist()):
            if name in self._by_id:
                self._ambiguous.add(name)
            self._by_id[name] = row
        self._variants = variants
        self._by_site: dict[tuple[str, int, frozenset[str]], int] | None = None
        self._keys: list[tuple[str, str, int, str, str]] | None = None

    def find(self, variant: str) -> int | None:
        """The row of a variant, or None."""
        row = self._by_id.get(variant)
        if row is not None:
            return row
        site = _SITE.match(variant)
        if site is None:
            return None
        chrom, pos, *alleles = site.groups()
        return self._sites().get(_site_key(chrom, int(pos), *alleles))

    def in_order(self, rows: Iterable[int]) -> list[int]:
        """Rows by id, then by place and alleles, each once."""
        columns = self._variants
        if self._keys is None:
            self._keys = list(
                zip(*(columns[c].tolist() for c in ("id", "chrom", "pos", "alt", "ref")), strict=True)
            )
        return sorted(set(rows), key=self._keys.__getitem__)

    def is_ambiguous(self, variant: str) -> bool:
        """Whether several rows have this id."""
        return variant in self._ambiguous

    def _sites(self) -> dict[tuple[str, int, frozenset[str]], int]:
        if self._by_site is None:
            columns = (self._variants[c].tolist() for c in ("chrom", "pos", "alt", "ref"))
            self._by_site = {}
            for row, (chrom, pos, alt, ref) in enumerate(zip(*columns, strict=True)):
                self._by_site.setdefault(_site_key(chrom, pos, alt, ref), row)
        return self._by_site


class AnyVariant(VariantIndex):
    """Stands for genotypes that are not at hand: every variant is one of theirs, under its own number."""

    def __init__(self) -> None:
        self._number: dict[object, int] = {}

    def find(self, variant: str) -> int:
        """The same number for two names of one place and alleles."""
        site = _SITE.match(variant)
        key: object = variant
        if site is not None:
            chrom, pos, *alleles = site.groups()
            key = _site_key(chrom, int(pos), *alleles)
        return self._number.setdefault(key, len(self._number))

    def in_order(self, rows: Iterable[int]) -> list[int]:
        """Ascending."""
        return sorted(set(rows))

    def is_ambiguous(self, variant: str) -> bool:
        """Never."""
        return False


def read_set_table(path: str | Path, index: VariantIndex) -> VariantSets:
    """Read a table with the columns ``set`` and ``variant``, and if it has them ``mask`` and ``weight``.

    Raises:
        InputError: every missing column, ragged line, empty or unprintable cell, weight that is no positive
            number, variant twice in a set and mask, ambiguous id; or no variant that the genotypes have.
    """
    table = read_text_table(path)
    problems = [
        Problem(
            str(path),
            1,
            "",
            f"no column '{name}'",
            "the columns set and variant",
            nearest(name, table.rows.columns),
        )
        for name in ("set", "variant")
        if name not in table.rows
    ]
    problems += [
        Problem(str(path), 1, name, "the column twice", "different names") for name in table.duplicate_columns
    ]
    if problems:
        raise InputError(problems)
    problems += [
        Problem(str(path), line, "", f"{count} cells", f"{len(table.rows.columns)} cells as in the header")
        for line, count in table.ragged
    ]
    listed = []
    has_mask, has_weight = "mask" in table.rows, "weight" in table.rows
    for line, cells in zip(table.rows.index, table.rows.to_dict("records"), strict=True):
        at = int(line)
        names = {c: str(cells[c]).strip() for c in ("set", "variant", *(["mask"] if has_mask else []))}
        faults = [_name_problem(path, at, column, text) for column, text in names.items()]
        weight = None
        if has_weight:
            weight = _weight(str(cells["weight"]))
            if weight is None:
                faults.append(_weight_problem(path, at, str(cells["weight"])))
        problems += [p for p in faults if p is not None]
        listed.append(_Listed(names["set"], names["variant"], at, names.get("mask"), weight))
    if not listed and not problems:
        problems.append(
            Problem(str(path), None, "", "no row below the header", "a row for each variant of a set")
        )
    masks = {m: (m,) for m in sorted({v.annotation for v in listed if v.annotation})} if has_mask else None
    return _resolve(path, listed, masks, index, problems, by_mask=has_mask)


def read_saige_groups(
    path: str | Path, index: VariantIndex, masks: Mapping[str, Sequence[str]] | None = None
) -> VariantSets:
    """Read a SAIGE-GENE group file, of the present format or of the old one (``SET variant variant ...``).

    Args:
        path: the file, plain or gzip; fields separated by tabs or blanks.
        index: of the genotypes.
        masks: annotations of each mask; without, every variant is in :data:`ALL`.

    Raises:
        InputError: a line without variants, a second ``var``, ``anno`` or ``weight`` line of a set, one of
            another length than its ``var`` line, and what :func:`read_set_table` refuses.
    """
    problems: list[Problem] = []
    lines: dict[str, dict[str, tuple[int, list[str]]]] = {}
    for number, text in _lines(path):
        name, *fields = text.split()
        modern = bool(fields) and fields[0] in _SAIGE_WORDS
        word, values = (fields[0], fields[1:]) if modern else ("var", fields)
        if not values:
            problems.append(
                Problem(str(path), number, "", f"no value for {visible(name)}", "SET var VARIANT ...")
            )
            continue
        held = lines.setdefault(name, {})
        if word in held:
            found = f"'{word}' of {visible(name)} again; it stands on line {held[word][0]} too"
            problems.append(Problem(str(path), number, "", found, "one line of each kind a set"))
        else:
            held[word] = (number, values)
    listed = []
    for name, held in lines.items():
        first = min(number for number, _ in held.values())
        if "var" not in held:
            problems.append(
                Problem(str(path), first, "", f"no 'var' line for {visible(name)}", "SET var VARIANT ...")
            )
            continue
        number, variants = held["var"]
        count = len(variants)
        annotations: list[str | None] = [None] * count
        weights: list[float | None] = [None] * count
        for word in ("anno", "weight"):
            if word not in held:
                continue
            at, values = held[word]
            if len(values) != count:
                found = f"{len(values)} values of '{word}' for {visible(name)}"
                problems.append(Problem(str(path), at, "", found, f"{count}, one a variant of line {number}"))
            elif word == "anno":
                annotations = list(values)
            else:
                weights = [_weight(v) for v in values]
                problems += [
                    _weight_problem(path, at, v) for v, w in zip(values, weights, strict=True) if w is None
                ]
        listed += [
            _Listed(name, variant, number, annotation, weight)
            for variant, annotation, weight in zip(variants, annotations, weights, strict=True)
        ]
    if not lines and not problems:
        problems.append(Problem(str(path), None, "", "an empty file", "SET var VARIANT ..."))
    return _resolve(path, listed, masks, index, problems)


def read_regenie_sets(
    annotations: str | Path, set_list: str | Path, mask_file: str | Path, index: VariantIndex
) -> VariantSets:
    """Read REGENIE's annotation file, set list and mask definitions.

    Annotation lines are ``VARIANT SET ANNOTATION`` or ``VARIANT SET DOMAIN ANNOTATION`` (the domain is not
    used); set lines ``SET CHROM POS VARIANT,VARIANT,...``; mask lines ``MASK ANNOTATION,ANNOTATION,...``.

    Raises:
        InputError: lines of another shape, a variant annotated twice for one set, a set or mask twice, and
            what :func:`read_set_table` refuses.
    """
    problems: list[Problem] = []
    masks: dict[str, tuple[str, ...]] = {}
    for number, text in _lines(mask_file):
        fields = text.split()
        if len(fields) != 2:
            problems.append(_shape(mask_file, number, len(fields), "MASK ANNOTATION,ANNOTATION,..."))
        elif fields[0] in masks:
            problems.append(
                Problem(str(mask_file), number, "", f"mask {visible(fields[0])} again", "one line a mask")
            )
        else:
            masks[fields[0]] = tuple(a for a in fields[1].split(",") if a)
    annotation_of: dict[tuple[str, str], tuple[str, int]] = {}
    for number, text in _lines(annotations):
        fields = text.split()
        if len(fields) not in (3, 4):
            problems.append(_shape(annotations, number, len(fields), "VARIANT SET [DOMAIN] ANNOTATION"))
            continue
        key = fields[1], fields[0]
        if key in annotation_of:
            first = annotation_of[key][1]
            found = f"{visible(key[1])} for {visible(key[0])} again; it stands on line {first} too"
            problems.append(Problem(str(annotations), number, "", found, "one annotation a variant and set"))
        else:
            annotation_of[key] = fields[-1], number
    listed: list[_Listed] = []
    bare: list[_Listed] = []
    seen: dict[str, int] = {}
    for number, text in _lines(set_list):
        fields = text.split(maxsplit=3)
        names = [v for v in re.split(r"[,\s]+", fields[3]) if v] if len(fields) == 4 else []
        if not names:
            problems.append(_shape(set_list, number, len(fields), "SET CHROM POS VARIANT,VARIANT,..."))
            continue
        if fields[0] in seen:
            found = f"set {visible(fields[0])} again; it stands on line {seen[fields[0]]} too"
            problems.append(Problem(str(set_list), number, "", found, "one line a set"))
            continue
        seen[fields[0]] = number
        for variant in names:
            held = annotation_of.get((fields[0], variant))
            item = _Listed(fields[0], variant, number, held[0] if held else None)
            (listed if held or index.find(variant) is None else bare).append(item)
    if not masks and not problems:
        problems.append(Problem(str(mask_file), None, "", "no mask", "MASK ANNOTATION,ANNOTATION,..."))
    return _resolve(set_list, listed, masks, index, problems, bare=bare)


def _resolve(
    path: str | Path,
    listed: list[_Listed],
    masks: Mapping[str, Sequence[str]] | None,
    index: VariantIndex,
    problems: list[Problem],
    *,
    by_mask: bool = False,
    bare: Iterable[_Listed] = (),
) -> VariantSets:
    """Sets from what a file lists; ``bare`` are variants of it that lack the annotation a mask needs.

    ``by_mask``: the annotation is the mask itself, so that one variant may stand under several.
    """
    problems = list(problems)
    dropped = [(v.name, v.variant, v.line, NO_ANNOTATION) for v in bare]
    first_line: dict[tuple[str, str | int, str | None], int] = {}
    known: list[tuple[_Listed, int | None]] = []
    for v in listed:
        row = index.find(v.variant)
        key = v.name, v.variant if row is None else row, v.annotation if by_mask else None
        if key in first_line:
            found = f"{visible(v.variant)} twice in set {visible(v.name)}"
            if first_line[key] != v.line:
                found += f"; it stands on line {first_line[key]} too"
            problems.append(Problem(str(path), v.line, "variant", found, "each variant of a set once"))
            continue
        first_line[key] = v.line
        if row is not None and index.is_ambiguous(v.variant):
            found = f"{visible(v.variant)}, the id of several variants of the genotypes"
            problems.append(Problem(str(path), v.line, "variant", found, "an id of one variant"))
        known.append((v, row))
    if known and not problems and all(row is None for _, row in known):
        found = f"none of its {len(known)} variants in the genotypes, {visible(known[0][0].variant)} for one"
        raise input_error(path, found, "variant ids of the .bim, or CHROM:POS:REF:ALT")
    if problems:
        raise InputError(problems)

    selected: dict[tuple[str, str], list[tuple[_Listed, int | None]]] = {}
    takes: dict[str | None, list[str]] = {}
    for mask, taken in (masks or {}).items():
        for annotation in taken:
            takes.setdefault(annotation, []).append(mask)
    for v, row in known:
        chosen = [ALL] if masks is None else takes.get(v.annotation, [])
        for mask in chosen:
            selected.setdefault((v.name, mask), []).append((v, row))
        if row is None:
            dropped.append((v.name, v.variant, v.line, UNKNOWN_VARIANT))
        elif not chosen:
            dropped.append((v.name, v.variant, v.line, NO_MASK if v.annotation else NO_ANNOTATION))
    sets = []
    for (name, mask), members in sorted(selected.items(), key=lambda item: item[0]):
        weight_of = {row: v.weight for v, row in members if row is not None}
        rows = index.in_order(weight_of)
        weighted = any(w is not None for w in weight_of.values())
        sets.append(
            VariantSet(
                name,
                mask,
                np.array(rows, np.int64),
                np.array([weight_of[row] for row in rows], float) if weighted else None,
                len(members),
            )
        )
    table = pd.DataFrame(sorted(set(dropped)), columns=["set", "variant", "line", "reason"])
    return VariantSets(tuple(sets), table)


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Lines that are neither blank nor comments, with their numbers."""
    path = Path(path)
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise input_error(path, "no such file", "a set file") from None
    except IsADirectoryError:
        raise input_error(path, "a folder", "a set file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise input_error(path, "a damaged gzip file", "a whole one") from None
    except UnicodeDecodeError:
        raise input_error(path, "bytes that are not UTF-8", "UTF-8 text") from None
    bad = []
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if not stripped.replace("\t", " ").isprintable():
            bad.append(Problem(str(path), number, "", visible(stripped), "printable text"))
        kept.append((number, stripped))
    if bad:
        raise InputError(bad)
    yield from kept


def _site_key(chrom: str, pos: int, *alleles: str) -> tuple[str, int, frozenset[str]]:
    plain = chrom[3:] if chrom[:3].lower() == "chr" else chrom
    return plain.upper(), pos, frozenset(a.upper() for a in alleles)


def _name_problem(path: str | Path, line: int, column: str, text: str) -> Problem | None:
    if text and text.isprintable():
        return None
    found = visible(text) if text else "an empty cell"
    return Problem(str(path), line, column, found, "a name of printable characters")


def _weight(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _weight_problem(path: str | Path, line: int, text: str) -> Problem:
    return Problem(str(path), line, "weight", visible(text), "a positive number")


def _shape(path: str | Path, line: int, count: int, expected: str) -> Problem:
    return Problem(str(path), line, "", f"{count} fields", expected)
