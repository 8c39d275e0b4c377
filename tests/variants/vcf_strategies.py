"""Hypothesis strategies for VCFs as hostile as callers and people make them.

A :class:`Case` is a small reference full of repeats and records against it. Its records are ones that htslib
can parse: what is wrong with them is their meaning. :func:`broken_text` damages the text itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.variants.builders import write_fasta

SAMPLES = ("A", "B", "C")
COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
SEXES = ("male", "female", "unknown")

_PIECES = ["A", "C", "G", "T", "AAAA", "TTTTTTT", "CAGCAGCAG", "ATATAT", "GGC", "ACGT", "GATTACA", "CCCCC"]
_RARE_PIECES = [*_PIECES, "N", "NNN", "R"]

FIELDS = {
    "GT": ("1", "String"),
    "DP": ("1", "Integer"),
    "GQ": ("1", "Integer"),
    "AD": ("R", "Integer"),
    "PL": ("G", "Integer"),
    "GP": ("G", "Float"),
    "EC": ("A", "Integer"),
    "FT": ("1", "String"),
    "PS": ("1", "Integer"),
}
INFO = {"AC": ("A", "Integer"), "AN": ("1", "Integer"), "AF": ("A", "Float"), "DP": ("1", "Integer")}
INFO |= {"END": ("1", "Integer"), "SVTYPE": ("1", "String"), "CSQ": (".", "String"), "RD": ("R", "Integer")}


@dataclass(frozen=True)
class Case:
    """A reference and the records of a VCF (tab-separated text) on its only contig.

    On contig ``X`` the first sample, a man, has one copy.
    """

    contig: str
    reference: str
    records: tuple[str, ...]

    def vcf(self) -> str:
        """The whole file."""
        return "\n".join([*header(self.contig, len(self.reference)), *self.records]) + "\n"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write ``in.vcf`` and ``ref.fa``; return their paths."""
        (folder / "in.vcf").write_text(self.vcf())
        return folder / "in.vcf", write_fasta(folder / "ref.fa", **{self.contig: self.reference})


def header(contig: str, length: int) -> list[str]:
    """Lines of a header that declares all fields used here."""
    lines = [
        "##fileformat=VCFv4.3",
        '##FILTER=<ID=bad,Description="bad">',
        f"##contig=<ID={contig},length={length}>",
    ]
    for kind, fields in (("INFO", INFO), ("FORMAT", FIELDS)):
        lines += [
            f'##{kind}=<ID={key},Number={number},Type={type_},Description="{key}">'
            for key, (number, type_) in fields.items()
        ]
    return [*lines, "\t".join([*COLUMNS, *SAMPLES])]


@st.composite
def references(draw: st.DrawFn) -> str:
    """30 to 120 bases with runs and repeats, now and then with letters that are no bases."""
    pieces = _RARE_PIECES if draw(st.integers(0, 9)) == 0 else _PIECES
    sequence = "".join(draw(st.lists(st.sampled_from(pieces), min_size=12, max_size=30)))
    return (sequence + "ACGTTGCAACGTGGCATCAGGACATTAGCA")[:120]


def _mutated(draw: st.DrawFn, sequence: str) -> str:
    place = draw(st.integers(0, len(sequence) - 1))
    letter = draw(st.sampled_from("ACGT"))
    return sequence[:place] + letter + sequence[place + 1 :]


@st.composite
def alternates(draw: st.DrawFn, ref: str, reference: str, pos: int) -> str:
    """One ALT for a REF, of any kind."""
    kind = draw(
        st.sampled_from(
            ["snv"] * 5 + ["insertion"] * 3 + ["deletion"] * 4 + ["mnv"] * 2 + ["complex", "padded", "same"]
            + ["star"] * 2 + ["non_ref", "any", "symbolic", "breakend", "iupac", "lower", "long"]
        )
    )  # fmt: skip
    if kind == "snv":
        return draw(st.sampled_from("ACGT")) + ref[1:]
    if kind == "insertion":
        unit = draw(st.sampled_from([reference[pos : pos + n] or "A" for n in (1, 2, 3, 6)] + ["T", "CAG"]))
        return ref + unit * draw(st.integers(1, 2))
    if kind == "deletion":
        return ref[: draw(st.integers(1, len(ref)))]
    if kind == "mnv":
        return "".join(draw(st.sampled_from("ACGT")) for _ in ref)
    if kind == "complex":
        return "".join(draw(st.lists(st.sampled_from("ACGT"), min_size=1, max_size=5)))
    if kind == "padded":
        return _mutated(draw, ref)
    if kind == "lower":
        return _mutated(draw, ref).lower()
    if kind == "long":
        return ref + "".join(
            draw(st.lists(st.sampled_from(["ACGTACGTAC", "TTTTTTTTTT"]), min_size=5, max_size=30))
        )
    return {
        "same": ref,
        "star": "*",
        "non_ref": "<NON_REF>",
        "any": "<*>",
        "symbolic": draw(st.sampled_from(["<DEL>", "<INS>", "<DUP:TANDEM>", "<CN0>"])),
        "breakend": draw(st.sampled_from([f"{ref[0]}]1:20]", f"[c9:5[{ref[0]}", f".{ref[0]}", f"{ref[0]}."])),
        "iupac": draw(st.sampled_from("RYSWKMBDHVN")) + ref[1:],
    }[kind]


@st.composite
def calls(draw: st.DrawFn, n_alleles: int) -> str:
    """A genotype: diploid, haploid, triploid, half, missing, phased or not."""
    kind = draw(
        st.sampled_from(["diploid"] * 10 + ["half"] * 2 + ["missing"] * 2 + ["haploid", "triploid", "dot"])
    )
    allele = st.integers(0, n_alleles - 1).map(str)
    separator = draw(st.sampled_from("//|"))
    if kind == "dot":
        return "."
    if kind == "missing":
        return f".{separator}."
    if kind == "haploid":
        return draw(allele)
    if kind == "half":
        return draw(st.sampled_from([f".{separator}{draw(allele)}", f"{draw(allele)}{separator}."]))
    return separator.join(draw(allele) for _ in range(3 if kind == "triploid" else 2))


def _lengths(number: str, n_alleles: int, ploidy: int) -> int:
    return {
        "1": 1,
        "A": n_alleles - 1,
        "R": n_alleles,
        "G": n_alleles if ploidy == 1 else n_alleles * (n_alleles + 1) // 2,
    }[number]


@st.composite
def sample_columns(draw: st.DrawFn, n_alleles: int) -> tuple[str, list[str]]:
    """FORMAT and the columns of the samples; now and then a vector is too short or too long."""
    keys = ["GT", *draw(st.lists(st.sampled_from(sorted(FIELDS.keys() - {"GT"})), max_size=3, unique=True))]
    if draw(st.integers(0, 19)) == 0:
        keys = keys[1:] or ["DP"]
    wrong = draw(st.integers(0, 11)) == 0
    columns = []
    for _ in SAMPLES:
        values = []
        ploidy = 2
        for key in keys:
            number, type_ = FIELDS[key]
            if key == "GT":
                values.append(draw(calls(n_alleles)))
                ploidy = 1 if values[0].isdigit() else 2
                continue
            length = _lengths(number, n_alleles, ploidy)
            if wrong and number != "1":
                length = max(1, length + draw(st.integers(-2, 2)))
            if length == 0 or draw(st.integers(0, 7)) == 0:
                values.append(".")
            elif type_ == "String":
                values.append(draw(st.sampled_from(["PASS", "q10", "."])))
            elif type_ == "Float":
                values.append(",".join(str(draw(st.sampled_from([0, 0.5, 1, "nan"]))) for _ in range(length)))
            else:
                numbers = [draw(st.sampled_from([0, 1, 7, 30, 200, 40_000, "."])) for _ in range(length)]
                values.append(",".join(map(str, numbers)))
        if draw(st.integers(0, 9)) == 0:
            values = values[:1]  # trailing fields may be left out
        columns.append(":".join(values))
    return ":".join(keys), columns


@st.composite
def infos(draw: st.DrawFn, pos: int, alts: list[str]) -> str:
    """INFO: nothing, counts that may be wrong, END for symbolic alleles and blocks, hostile text."""
    entries = []
    if draw(st.integers(0, 3)) == 0:
        entries += [f"AC={','.join('9' for _ in alts)}", "AN=99", f"AF={','.join('0.5' for _ in alts)}"]
    if draw(st.integers(0, 9)) == 0:
        entries.append("RD=" + ",".join(["3"] * draw(st.integers(1, 4))))
    if draw(st.integers(0, 9)) == 0:
        entries.append("CSQ=a|b&c,=SUM(A1),<script>")
    if any(alt.startswith("<") for alt in alts) or draw(st.integers(0, 29)) == 0:
        entries.append(f"END={pos + draw(st.integers(-1, 30))}")
    return ";".join(entries) or "."


@st.composite
def records(draw: st.DrawFn, contig: str, reference: str) -> tuple[int, str]:
    """(position, record) somewhere on the reference, at its ends, or one base before or past them."""
    ends = st.sampled_from([1, 2, len(reference)] * 3 + [0, len(reference) + 1])
    pos = draw(st.one_of(st.integers(1, len(reference)), st.integers(1, len(reference)), ends))
    there = reference[max(pos, 1) - 1 : pos - 1 + draw(st.sampled_from([1] * 6 + [2, 3, 4, 8]))] or "A"
    ref = there
    odd = draw(st.integers(0, 29))
    if odd == 0:
        ref = _mutated(draw, there)
    elif odd == 1:
        ref = there.lower()
    elif odd == 2:
        ref = draw(st.sampled_from("RYN")) + there[1:]
    elif odd == 3:
        ref = there + "ACGT"
    alts = draw(st.lists(alternates(ref, reference, pos), min_size=1, max_size=3))
    if draw(st.integers(0, 19)) == 0:
        alts = ["."]
    n_alleles = 1 if alts == ["."] else len(alts) + 1
    form, columns = draw(sample_columns(n_alleles))
    quality = draw(st.sampled_from(["50", "50", ".", "0", "nan", "inf", "1e30", "-1"]))
    fixed = [contig, str(pos), draw(st.sampled_from([".", "rs1", "=cmd|x"])), ref, ",".join(alts), quality]
    fixed += [draw(st.sampled_from(["PASS", ".", "bad"])), draw(infos(pos, alts)), form]
    return pos, "\t".join([*fixed, *columns])


@st.composite
def cases(draw: st.DrawFn, max_records: int = 6) -> Case:
    """A reference and records in order, some of them twice with other calls or written otherwise."""
    contig = draw(st.sampled_from(["1", "1", "X"]))
    reference = draw(references())
    found = draw(st.lists(records(contig, reference), min_size=1, max_size=max_records))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        pos, record = draw(st.sampled_from(found))
        columns = record.split("\t")
        n_alleles = 1 if columns[4] == "." else columns[4].count(",") + 2
        form, values = draw(sample_columns(n_alleles))
        found.append((pos, "\t".join([*columns[:8], form, *values])))
    found.sort(key=lambda item: item[0])
    return Case(contig, reference, tuple(record for _, record in found))


_DAMAGE = [
    "cut",
    "no_header",
    "column",
    "pos",
    "contig",
    "order",
    "bytes",
    "field",
    "allele",
    "empty",
    "tabs",
    "huge",
]


@st.composite
def broken_text(draw: st.DrawFn) -> tuple[str, bytes, Case]:
    """(what was done, the damaged text of a VCF, what it was before)."""
    case = draw(cases(4))
    lines = case.vcf().rstrip("\n").split("\n")
    kind = draw(st.sampled_from(_DAMAGE))
    last = lines[-1].split("\t")
    if kind == "no_header":
        lines = [line for line in lines if not line.startswith("#CHROM")]
    elif kind == "column":
        lines[-1] = "\t".join(last[: draw(st.integers(1, len(last) - 1))])
    elif kind == "pos":
        last[1] = draw(
            st.sampled_from(["0", "-1", "x", "", "2147483648", "1e3", "99999999999999999999", "1.5"])
        )
        lines[-1] = "\t".join(last)
    elif kind == "contig":
        last[0] = draw(st.sampled_from(["c2", "", "chr1", "1 ", "../../x", "<script>", "1:5"]))
        lines[-1] = "\t".join(last)
    elif kind == "order":
        lines += [line for line in reversed(lines) if not line.startswith("#")]
    elif kind == "field":
        last[7] = draw(
            st.sampled_from(
                ["AC=x", "END=a", "=", ";;", "NEW=1", "AC=1;AC=2", "DP", "AF=,", "END=99999999999"]
            )
        )
        lines[-1] = "\t".join(last)
    elif kind == "allele":
        last[8], last[9:] = "GT", ["0/9", "5", "0/-1"]
        lines[-1] = "\t".join(last)
    elif kind == "empty":
        lines = draw(st.sampled_from([[], [""], lines[:1], [line for line in lines if line.startswith("#")]]))
    elif kind == "tabs":
        lines[-1] = draw(
            st.sampled_from(
                [lines[-1] + "\t", lines[-1].replace("\t", " "), "\t" + lines[-1], lines[-1] + "\r"]
            )
        )
    elif kind == "huge":
        last[4] = "A" * 70_000
        lines[-1] = "\t".join(last)
    data = ("\n".join(lines) + "\n").encode()
    if kind == "cut":
        data = data[: draw(st.integers(0, len(data) - 1))]
    elif kind == "bytes":
        place = draw(st.integers(0, len(data) - 1))
        data = data[:place] + draw(st.binary(min_size=1, max_size=4)) + data[place + 1 :]
    return kind, data, case
