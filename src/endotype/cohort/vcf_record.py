"""The records of a VCF file, against the specification and the file's own header."""

from __future__ import annotations

import re
from typing import NamedTuple

from endotype.cohort.survey import Site
from endotype.cohort.vcf_header import CONTIG_NAME, Declarations
from endotype.cohort.vcf_spec import (
    KEY,
    LARGEST_INTEGER,
    NEVER_NEGATIVE,
    QUALITY,
    RESERVED_INFO,
    SMALLEST_INTEGER,
    USED_FORMAT,
    VALUES,
    Declared,
    Defects,
    expected_values,
    shown,
)

MAX_GENOTYPES = 20_000_000
"""So many genotypes of a file are checked, from its start and from the places that are sampled."""

MAX_VALUES = 200_000
"""Of so many of them the other values (GQ, PL ...) are checked as well."""

MAX_INFO = 20_000
"""So many records' INFO is checked whole, where all faults but one are warnings; after them only END is."""

_BASES = re.compile(rb"[ACGTNacgtn]+")
_LETTERS = re.compile(rb"[A-Za-z]+")
_SYMBOLIC = re.compile(rb"<[^\s,<>]+>")
_MATE = rb"(?:<[^\s,<>]+>|[^\s,:<>\[\]]+):\d+"
_BREAKEND = re.compile(
    rb"(?:[ACGTNacgtn]+|\.)(?:\[" + _MATE + rb"\[|\]" + _MATE + rb"\])"
    rb"|(?:\[" + _MATE + rb"\[|\]" + _MATE + rb"\])(?:[ACGTNacgtn]+|\.)"
    rb"|\.[ACGTNacgtn]+|[ACGTNacgtn]+\."
)
_ANY_BREAKEND = re.compile(rb"[ACGTNacgtn.]*[\[\]]" + _MATE + rb"[\[\]][ACGTNacgtn.]*")
_GENOTYPE = re.compile(rb"[/|]?(?:\d+|\.)(?:[/|](?:\d+|\.))*")
_ALLELE = re.compile(rb"\d+|\.")
_END = re.compile(rb"(?:^|;)END=([^;]*)")
_CIGAR = re.compile(rb"(?:\d+[MIDNSHPX=])+")
_PLAIN_CHROM = re.compile(r"<?[^\s,<>:*]+>?")
_DUPLICATE_REACH = 5_000
_NO_SPACES = "no blanks"


class _Format(NamedTuple):
    """A FORMAT cell that was found sound: its keys and their declarations."""

    keys: tuple[bytes, ...]
    declared: tuple[Declared | None, ...]
    has_genotype: bool


class _Genotype(NamedTuple):
    """A genotype that was found sound: its largest allele number (-1 when there is none) and its ploidy."""

    largest: int
    ploidy: int


class RecordChecker:
    """Checks records one after the other.

    Args:
        declared: what the header declares.
        n_columns: how many columns its #CHROM line has.
        defects: gets what is wrong.
    """

    def __init__(self, declared: Declarations, n_columns: int, defects: Defects) -> None:
        self._declared = declared
        self._n_columns = n_columns
        self._defects = defects
        self._line: int | None = None
        self._place = ""
        self._chroms: set[str] = set()  # names that were checked
        self._finished: set[str] = set()  # contigs that other contigs followed
        self._chrom, self._pos = "", 0
        self._recent: set[tuple[int, bytes, bytes]] = set()
        self._older: set[tuple[int, bytes, bytes]] = set()
        self._window = 0
        self._filters: set[bytes] = set()
        self._formats: dict[bytes, _Format | None] = {}
        self._genotypes: dict[bytes, _Genotype | None] = {}
        self._n_genotypes = 0
        self._n_info = self._n_values = 0

    def check(self, line: bytes, number: int | None, in_order: bool = True) -> Site | None:
        """Check one record.

        Args:
            line: the record without the end of the line.
            number: its 1-based line, ``None`` when it was reached through an index.
            in_order: whether it follows the record that was checked before.

        Returns:
            Where the record stands, or ``None`` when it can't be placed.
        """
        self._line, self._place = number, ""
        if not line:
            self._error("", "an empty line", "a record")
            return None
        n_cells = line.count(b"\t") + 1
        if n_cells != self._n_columns:
            self._error("", f"{n_cells} columns", f"{self._n_columns} columns, as in the #CHROM line")
            return None
        cells = line.split(b"\t", 9)
        chrom = cells[0].decode("utf-8", "replace")
        if not cells[1].isdigit() or len(cells[1]) > 10:
            self._error("POS", shown(cells[1]), "a position, a whole number")
            return None
        pos = int(cells[1])
        if number is None:
            self._place = f"{chrom}:{pos}"
        if chrom not in self._chroms:
            self._check_chrom(chrom)
        # Contigs in angle brackets are those of an assembly file; they belong to no order.
        in_order &= not chrom.startswith("<")
        if in_order:
            self._check_order(chrom, pos)
        alts = [] if cells[4] == b"." else cells[4].split(b",")
        self._check_id(cells[2])
        self._check_alleles(pos, cells[3], cells[4], alts, in_order)
        if not QUALITY.fullmatch(cells[5]):
            self._error("QUAL", shown(cells[5]), "a number, or . for none")
        elif cells[5].startswith(b"-") and cells[5].lower() != b"-nan":
            self._warn("QUAL", shown(cells[5]), "a quality of 0 or more")
        if cells[6] not in self._filters:
            self._check_filter(cells[6])
        if self._n_info < MAX_INFO:
            self._n_info += 1
            self._check_info(cells[7], len(alts))
        if b"END=" in cells[7] and (end := _END.search(cells[7])):
            self._check_end(end[1])
        if len(cells) > 8:
            samples = cells[9] if len(cells) > 9 else b""
            self._check_samples(cells[8], samples, len(alts))
        return Site(chrom, pos, cells[3].decode("utf-8", "replace"))

    def _error(self, column: str, found: str, expected: str) -> None:
        self._defects.error(self._line, column, found, expected, self._place)

    def _warn(self, column: str, found: str, expected: str) -> None:
        self._defects.warn(self._line, column, found, expected, self._place)

    def _check_chrom(self, chrom: str) -> None:
        self._chroms.add(chrom)
        bare = chrom[1:-1] if chrom.startswith("<") and chrom.endswith(">") else chrom
        if not CONTIG_NAME.fullmatch(bare):
            self._error("CHROM", shown(chrom), "a contig name without blanks, commas or brackets")
        elif self._declared.is_strict and not _PLAIN_CHROM.fullmatch(chrom):
            self._warn("CHROM", shown(chrom), "a contig name without * and :")

    def _check_order(self, chrom: str, pos: int) -> None:
        """Records of a contig stand together, sorted by position."""
        if chrom != self._chrom:
            self._finished.add(self._chrom)
            self._recent, self._older, self._window = set(), set(), 0
            if chrom in self._finished:
                self._error("CHROM", f"{shown(chrom)} again after {shown(self._chrom)}", "a sorted file")
            self._chrom = chrom
        elif pos < self._pos:
            self._error("POS", f"{pos} after {self._pos}", "records sorted by position")
        self._pos = pos

    def _check_id(self, cell: bytes) -> None:
        if cell == b".":
            return
        names = cell.split(b";")
        if b" " in cell:
            self._warn("ID", shown(cell), _NO_SPACES)
        elif b"" in names:
            self._warn("ID", shown(cell), "names joined by ; and no ; at either end")
        elif len(set(names)) < len(names):
            self._warn("ID", shown(cell), "each name once")

    def _check_alleles(self, pos: int, ref: bytes, cell: bytes, alts: list[bytes], in_order: bool) -> None:
        if not _BASES.fullmatch(ref):
            if ref == b"." or _LETTERS.fullmatch(ref):
                self._warn("REF", shown(ref), "the bases A, C, G, T, N; such a record is set aside")
            else:
                self._error("REF", shown(ref), "one allele of the bases A, C, G, T, N")
        for alt in alts:
            if _BASES.fullmatch(alt):
                if in_order:
                    self._note_allele(pos, ref, alt)
            elif alt != b"*" and not (_SYMBOLIC.fullmatch(alt) or _BREAKEND.fullmatch(alt)):
                self._odd_allele(alt, cell)

    def _odd_allele(self, alt: bytes, cell: bytes) -> None:
        if _LETTERS.fullmatch(alt):
            self._warn("ALT", shown(alt), "the bases A, C, G, T, N; such an allele is set aside")
        elif alt == b"." or _ANY_BREAKEND.fullmatch(alt):
            self._warn("ALT", shown(cell), "an allele that says which bases it puts in")
        else:
            self._error("ALT", shown(cell), "alleles of bases, *, <NAME> or breakends, joined by commas")

    def _note_allele(self, pos: int, ref: bytes, alt: bytes) -> None:
        """Note an allele in its shortest form, and whether it was there before."""
        if len(ref) > 1 or len(alt) > 1:
            ref, alt = ref.upper(), alt.upper()
            end = 0
            while end < min(len(ref), len(alt)) - 1 and ref[-1 - end] == alt[-1 - end]:
                end += 1
            ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
            start = 0
            while start < min(len(ref), len(alt)) - 1 and ref[start] == alt[start]:
                start += 1
            pos, ref, alt = pos + start, ref[start:], alt[start:]
        if pos - self._window > _DUPLICATE_REACH:
            self._older, self._recent, self._window = self._recent, set(), pos
        key = pos, ref, alt
        if key in self._recent or key in self._older:
            found = f"{pos} {shown(ref, 20)} > {shown(alt, 20)} again"
            self._warn("ALT", found, "each allele once; equal ones are merged")
        self._recent.add(key)

    def _check_filter(self, cell: bytes) -> None:
        self._filters.add(cell)
        if cell == b".":
            return
        names = cell.split(b";")
        if b"" in names or b"." in names:
            self._error("FILTER", shown(cell), "PASS, . or the names of filters joined by ;")
        elif b"0" in names:
            self._error("FILTER", shown(cell), "PASS, . or names of filters; 0 is reserved")
        elif b" " in cell:
            self._warn("FILTER", shown(cell), _NO_SPACES)
        elif len(set(names)) < len(names):
            self._warn("FILTER", shown(cell), "each filter once")

    def _check_info(self, cell: bytes, n_alt: int) -> None:
        if cell == b".":
            return
        seen: set[bytes] = set()
        for item in cell.split(b";"):
            key, equals, value = item.partition(b"=")
            if key in seen:
                self._warn("INFO", f"{shown(key)} twice", "each key once; the first counts")
                continue
            seen.add(key)
            if self._declared.is_strict and not KEY.fullmatch(key):
                self._warn("INFO", f"the key {shown(key)}", "a key of letters, digits, _ and .")
            name = key.decode("utf-8", "replace")
            if (declared := self._declared.of_info(name)) is not None:
                self._check_info_value(name, declared, value if equals else None, n_alt)
            elif self._declared.info and not self._declared.is_strict and name not in RESERVED_INFO:
                self._warn("INFO", f"{shown(key)}, which is not declared", "keys that the header declares")

    def _check_end(self, value: bytes) -> None:
        """A reference block and a structural variant reach to END; nothing else of INFO is relied on."""
        if value != b"." and not (value.isdigit() and int(value)):
            self._error("INFO", f"END={shown(value)}", "the position where the record ends")

    def _check_info_value(self, name: str, declared: Declared, value: bytes | None, n_alt: int) -> None:
        if declared.type == "Flag":
            if name in self._declared.odd_flags:
                line = self._declared.odd_flags[name]
                self._warn("INFO", f"{name}, declared on line {line} with values", "Number=0 for a flag")
            elif value is not None and value not in (b"0", b"1"):
                self._warn("INFO", f"{name}={shown(value)}", f"{name} without a value, because it is a flag")
            return
        if value is None:
            self._warn("INFO", f"{name} without a value", f"{name}=value")
            return
        if value == b"." or name == "END":
            return
        self._check_value("INFO", name, declared, value, n_alt, 2, is_error=False)
        if not self._declared.is_strict:
            return
        if name == "CIGAR" and not all(_CIGAR.fullmatch(part) for part in value.split(b",")):
            self._warn("INFO", f"CIGAR={shown(value)}", "numbers, each with one of MIDNSHPX=")
        if name in NEVER_NEGATIVE and b"-" in (value[:1], *(p[:1] for p in value.split(b","))):
            self._warn("INFO", f"{name}={shown(value)}", f"{name} of 0 or more")

    def _check_value(
        self,
        column: str,
        name: str,
        declared: Declared,
        value: bytes,
        n_alt: int,
        ploidy: int,
        is_error: bool,
    ) -> None:
        """One key's values: their type, their size, and how many they are."""
        add = self._error if is_error else self._warn
        pattern = VALUES.get(declared.type)
        if pattern is not None and not pattern.fullmatch(value):
            kind = "one character" if declared.type == "Character" else f"Type={declared.type}"
            add(column, f"{name}={shown(value)}", f"{name} with {kind}")
            return
        if declared.type == "Integer" and len(value) > 9:
            numbers = [int(part) for part in value.split(b",") if part != b"."]
            if any(not SMALLEST_INTEGER <= n <= LARGEST_INTEGER for n in numbers):
                add(column, f"{name}={shown(value)}", f"{name} with integers of 32 bits")
        if declared.type == "String" and not (self._declared.is_strict and name in RESERVED_INFO):
            return  # Free text may hold commas, and often does.
        if column == "INFO" and declared.number == "G":
            return  # A record has no ploidy, so Number=G says nothing in INFO.
        expected = expected_values(declared.number, n_alt, ploidy)
        n_values = value.count(b",") + 1
        if expected is not None and n_values != expected:
            if declared.number.isdigit():
                wanted = f"{name} with {expected} value{'s' * (expected != 1)}"
                self._warn(column, f"{n_values} values of {name}", wanted)
            else:
                found = f"{n_values} values of {name} (Number={declared.number}, {n_alt} ALT alleles)"
                self._warn(column, found, f"{name} with as many values as its Number says")

    def _check_samples(self, cell: bytes, samples: bytes, n_alt: int) -> None:
        if cell not in self._formats:
            self._formats[cell] = self._check_format(cell)
        form = self._formats[cell]
        if form is None or not samples or self._n_genotypes > MAX_GENOTYPES:
            return
        columns = samples.split(b"\t")
        self._n_genotypes += len(columns)
        if form.has_genotype:
            texts = set(columns if len(form.keys) == 1 else [c.partition(b":")[0] for c in columns])
            self._check_genotypes(texts, len(form.keys), n_alt)
        if len(form.keys) > 1 or not form.has_genotype:
            n_colons = len(form.keys) - 1
            for column in columns:
                if column.count(b":") > n_colons:
                    self._error("samples", shown(column), f"at most {n_colons + 1} values, as FORMAT says")
                elif self._n_values < MAX_VALUES:
                    self._n_values += 1
                    self._check_cell(form, column, n_alt)

    def _check_format(self, cell: bytes) -> _Format | None:
        keys = tuple(cell.split(b":"))
        if b"" in keys:
            self._error("FORMAT", shown(cell), "keys joined by :, none of them empty")
            return None
        if len(set(keys)) < len(keys):
            self._error("FORMAT", shown(cell), "each key once")
            return None
        if b"GT" in keys[1:]:
            self._error("FORMAT", shown(cell), "GT as the first key")
            return None
        if (b" " in cell or self._declared.is_strict) and not all(map(KEY.fullmatch, keys)):
            self._warn("FORMAT", shown(cell), "keys of letters, digits, _ and .")
        declared = tuple(self._declared.of_format(key.decode("utf-8", "replace")) for key in keys)
        return _Format(keys, declared, keys[0] == b"GT")

    def _check_genotypes(self, texts: set[bytes], n_keys: int, n_alt: int) -> None:
        for text in texts:
            if text not in self._genotypes:
                self._genotypes[text] = _genotype(text)
            genotype = self._genotypes[text]
            if genotype is None:
                extra = b":" in text and n_keys == 1
                expected = (
                    "at most 1 value, as FORMAT says" if extra else "a genotype such as 0/1, 1|1, 1 or ./."
                )
                self._error("samples" if extra else "GT", shown(text), expected)
            elif genotype.largest > n_alt > 0:
                self._error("GT", shown(text), f"alleles 0 to {n_alt}, because ALT has {n_alt}")

    def _check_cell(self, form: _Format, column: bytes, n_alt: int) -> None:
        """The values of one sample after the genotype; trailing ones may be left out."""
        parts = column.split(b":")
        ploidy = 2
        if form.has_genotype and (genotype := self._genotypes.get(parts[0])):
            ploidy = genotype.ploidy
        for key, declared, value in zip(form.keys, form.declared, parts, strict=False):
            if declared is None or value in (b".", b"") or key == b"GT":
                continue
            name = key.decode()
            is_error = declared.type in ("Integer", "Float") or name in USED_FORMAT
            self._check_value("samples", name, declared, value, n_alt, ploidy, is_error)


def _genotype(text: bytes) -> _Genotype | None:
    if not _GENOTYPE.fullmatch(text):
        return None
    alleles = _ALLELE.findall(text)
    return _Genotype(max((int(a) for a in alleles if a != b"."), default=-1), len(alleles))
