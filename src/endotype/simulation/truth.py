"""Does a run find what was planted? ``truth.json`` against the files under ``results/``.

Every category is one small function that reads the result files it needs and returns an :class:`Outcome`.
A file that isn't there means that everything planted in its category is missed; it is never taken for a find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.files import read_json, write_json
from endotype.simulation.planted import FORMAT
from endotype.tables import read_parquet, read_tsv
from endotype.variants.plink import open_store

Truth = Mapping[str, Any]

NEAR = 100_000
"""A locus within this many bases of a planted variant is explained by it; linkage ends well before."""
MIN_RAND_INDEX = 0.9
MIN_CALLED = 0.85
"""Least fraction of an endotype's members, without any oddity, who are called and called right."""
MAX_FALSE_SUBTYPE_TARGETS = 0.02
MAX_SHOWN = 8


@dataclass(frozen=True)
class Outcome:
    """One row of the table. ``missed`` and ``false`` name what they count.

    ``faults`` says why a limit isn't met; the category passes when there is none.
    """

    category: str
    planted: int
    found: int
    missed: list[str]
    false: list[str]
    faults: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def passes(self) -> bool:
        """Whether the limits of the category are met."""
        return not self.faults


def check_truth(truth: Truth, results: str | Path) -> list[Outcome]:
    """Compare a run's results with what was planted.

    Args:
        truth: the content of ``truth.json``.
        results: the folder that the run wrote.

    Returns:
        One outcome per category, always the same categories in the same order.
    """
    if truth.get("format") != FORMAT:
        raise input_error("truth.json", f"format {truth.get('format')!r}", FORMAT)
    results = Path(results)
    return [check(truth, results) for check in _checks(truth)]


def check_truth_files(truth: str | Path, results: str | Path, out: str | Path | None) -> bool:
    """Check, print the table, write the outcomes as JSON when asked; return whether all limits are met.

    Raises:
        InputError: there is no truth file.
    """
    if not Path(truth).is_file():
        raise input_error(truth, "no such file", "the truth.json of a simulated cohort")
    outcomes = check_truth(read_json(truth), results)
    print(format_outcomes(outcomes))
    if out is not None:
        write_json(out, [{**vars(o), "passes": o.passes} for o in outcomes])
    return all(o.passes for o in outcomes)


def format_outcomes(outcomes: Iterable[Outcome]) -> str:
    """The table *planted / found / missed / false*, and below it what is missed or false by name."""
    outcomes = list(outcomes)
    width = max(len(o.category) for o in outcomes)
    lines = [f"{'':{width}}  planted   found  missed   false"]
    for o in outcomes:
        verdict = "" if o.passes else "  FAILED"
        note = f"  ({o.note})" if o.note else ""
        numbers = f"{o.planted:7}  {o.found:6}  {len(o.missed):6}  {len(o.false):6}"
        lines.append(f"{o.category:{width}}  {numbers}{verdict}{note}")
    for o in outcomes:
        for word, names in (("fault", o.faults), ("missed", o.missed), ("false", o.false)):
            if names:
                more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
                lines.append(f"{o.category}: {word}: {'; '.join(names[:MAX_SHOWN])}{more}")
    failed = [o.category for o in outcomes if not o.passes]
    lines.append(f"limits not met: {', '.join(failed)}" if failed else "all limits met")
    return "\n".join(lines)


def _checks(truth: Truth) -> list[Callable[[Truth, Path], Outcome]]:
    traits = list(dict.fromkeys(c["trait"] for c in truth["causal_variants"]))
    return [
        *(_guarded(f"causal variants of {t}", _count_causal(t), _causal_variants(t)) for t in traits),
        _guarded("loci of null traits", lambda t: [], _null_traits),
        _guarded(
            "genes with a burden",
            lambda t: [b["gene"] for b in t["gene_burden"]],
            _gene_burden,
        ),
        _guarded("endotypes", lambda t: [e["endotype"] for e in t["endotypes"]], _endotypes),
        _guarded("atypical patients without a call", lambda t: list(t["atypical"]), _atypical),
        _guarded("pathogenic carriers", _planted_carriers, _pathogenic_carriers),
        _guarded("pathogenic findings in reports", _planted_carriers, _reported_carriers),
        _guarded("protein changes named", _planted_changes, _protein_changes),
        _guarded("carried as (likely) pathogenic by ACMG/AMP", _planted_classes, _classified),
        _guarded("new variants in a trio", _planted_de_novo, _de_novo),
        _guarded("compound heterozygotes", _planted_compounds, _compounds),
        _guarded("targets by variant or gene", _required_targets(subtype=False), _targets(subtype=False)),
        _guarded("targets by subtype", _required_targets(subtype=True), _targets(subtype=True)),
        _guarded("duplicates", lambda t: [_pair(*d) for d in t["duplicates"]], _duplicates),
        _guarded("parents and children", _planted_parents, _parents),
        _guarded("sex mismatches", lambda t: list(t["sex_mismatches"]), _sex_mismatches),
        _guarded("contaminated samples", lambda t: [c["patient"] for c in t["contaminated"]], _contaminated),
        _guarded("people in one source only", _planted_lonely, _lonely),
        _guarded("dirty cells set aside", _planted_dirt, _dirt),
        _guarded("REF mismatches rejected", lambda t: t["troubled_records"]["ref_mismatch"], _ref_mismatches),
        _guarded("duplicate records merged", lambda t: t["troubled_records"]["duplicate"], _merged),
    ]


class _NoResultError(Exception):
    """A result file is not there."""


def _guarded(
    category: str,
    planted: Callable[[Truth], list[str]],
    check: Callable[[Truth, Path], Outcome | tuple[list[str], list[str]]],
) -> Callable[[Truth, Path], Outcome]:
    """Give a check its name, its limits (nothing missed, nothing false) and the answer to a missing file."""

    def guarded(truth: Truth, results: Path) -> Outcome:
        names = planted(truth)
        try:
            answer = check(truth, results)
        except _NoResultError as error:
            return Outcome(category, len(names), 0, names, [], [f"no file {error}"])
        if isinstance(answer, Outcome):
            return answer
        found, false = answer
        missed = [n for n in names if n not in set(found)]
        faults = [f"{len(missed)} missed"] * bool(missed) + [f"{len(false)} false"] * bool(false)
        return Outcome(category, len(names), len(names) - len(missed), missed, false, faults)

    return guarded


def _file(results: Path, name: str) -> Path:
    path = results / name
    if not path.is_file():
        raise _NoResultError(name)
    return path


# --- association ---------------------------------------------------------------------------------------


def _count_causal(trait: str) -> Callable[[Truth], list[str]]:
    return lambda truth: [c["variant_id"] for c in truth["causal_variants"] if c["trait"] == trait]


def _loci(results: Path, kind: str) -> pd.DataFrame:
    loci = read_parquet(_file(results, "association/loci.parquet"))
    return loci[loci["kind"] == kind]


def _reaches(locus: Any, chrom: str, start: int, end: int) -> bool:
    """Whether a locus lies within ``NEAR`` bases of an interval."""
    # A locus spans its significant variants; `pos` is its lead.
    first, last = min(locus.start, locus.pos), max(locus.end, locus.pos)
    return locus.chrom == chrom and first - NEAR <= end and last + NEAR >= start


def _explained_by_variant(truth: Truth, locus: Any, trait: str) -> list[str]:
    return [
        c["variant_id"]
        for c in truth["causal_variants"]
        if c["trait"] == trait and _reaches(locus, c["chrom"], c["pos"], c["pos"])
    ]


def _explained_by_gene(truth: Truth, locus: Any, trait: str) -> bool:
    genes = [g for g in (*truth["gene_burden"], *truth["indirect_genes"]) if g["trait"] == trait]
    return any(_reaches(locus, g["chrom"], g["start"], g["end"]) for g in genes)


def _causal_variants(trait: str) -> Callable[[Truth, Path], tuple[list[str], list[str]]]:
    def check(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
        found: list[str] = []
        false: list[str] = []
        loci = _loci(results, "variant")
        for locus in loci[loci["trait"] == trait].itertuples():
            reached = _explained_by_variant(truth, locus, trait)
            found += reached
            if not reached and not _explained_by_gene(truth, locus, trait):
                false.append(f"{trait} {locus.id}")
        return found, false

    return check


def _null_traits(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    loci = read_parquet(_file(results, "association/loci.parquet"))
    null = loci[loci["trait"].isin(truth["null_traits"])]
    return [], [f"{locus.trait} {locus.id}" for locus in null.itertuples()]


def _gene_burden(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    planted = {(b["trait"], b["gene"]) for b in truth["gene_burden"]}
    indirect = {(g["trait"], g["gene"]) for g in truth["indirect_genes"]}
    found: list[str] = []
    false: list[str] = []
    for locus in _loci(results, "gene").itertuples():
        pair = (locus.trait, locus.gene)
        if pair in planted:
            found.append(str(locus.gene))
        elif pair not in indirect and not _explained_by_variant(truth, locus, str(locus.trait)):
            # Loci of null traits have a row of their own.
            false += [f"{locus.trait} {locus.gene}"] * (locus.trait not in truth["null_traits"])
    return found, false


# --- subtypes ------------------------------------------------------------------------------------------


def rand_index(first: Iterable[str], second: Iterable[str]) -> float:
    """Adjusted Rand index of two labellings (Hubert and Arabie 1985); 1 when both put all into one group."""
    table = pd.crosstab(np.array(list(first)), np.array(list(second))).to_numpy(dtype=float)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    everyone = pairs(np.array([table.sum()]))
    expected = rows * columns / everyone if everyone else 0.0
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else (together - expected) / (largest - expected)


def _odd_patients(truth: Truth) -> set[str]:
    """People whom quality control or a missing record may rightly keep from a call."""
    trios = {person for trio in truth["trios"] for person in trio.values()}
    doubles = {person for pair in truth["duplicates"] for person in pair}
    contaminated = {c["patient"] for c in truth["contaminated"]}
    return trios | doubles | contaminated | {*truth["sex_mismatches"], *truth["only_genotyped"]}


def _endotypes(truth: Truth, results: Path) -> Outcome:
    table = read_parquet(_file(results, "subtypes/assignments.parquet"))
    called = table[table["call"] == "called"].set_index("patient")["subtype"]
    member_of = {p: e["endotype"] for e in truth["endotypes"] for p in e["members"]}
    known = called[called.index.isin(list(member_of))]
    planted = [member_of[p] for p in known.index]
    index = rand_index(planted, known) if len(known) else 0.0
    # A subtype stands for the endotype that most of its members come from.
    counts = pd.crosstab(np.array(planted), known.to_numpy()) if len(known) else pd.DataFrame()
    stands_for = {str(subtype): str(counts[subtype].idxmax()) for subtype in counts}
    odd = _odd_patients(truth)
    faults, missed = [], []
    for endotype in truth["endotypes"]:
        name = endotype["endotype"]
        expected = [p for p in endotype["members"] if p not in odd]
        right = [p for p in expected if stands_for.get(called.get(p, "")) == name]
        if len(right) < MIN_CALLED * len(expected):
            missed.append(name)
            faults.append(f"{name}: {len(right)} of {len(expected)} members are called right")
    n_subtypes = called.nunique()
    if n_subtypes != len(truth["endotypes"]):
        faults.append(f"{n_subtypes} subtypes instead of {len(truth['endotypes'])}")
    if index < MIN_RAND_INDEX:
        faults.append(f"adjusted Rand index {index:.3f} is below {MIN_RAND_INDEX}")
    extra = sorted(set(stands_for) - {str(counts.loc[e].idxmax()) for e in counts.index})
    total = len(truth["endotypes"])
    note = f"adjusted Rand index {index:.3f} of {len(known)} called patients"
    return Outcome("endotypes", total, total - len(missed), missed, extra, faults, note)


def _atypical(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    table = read_parquet(_file(results, "subtypes/assignments.parquet")).set_index("patient")
    call = table["call"]
    return [p for p in truth["atypical"] if p in call.index and call[p] == "no_call"], []


# --- carriers and targets ------------------------------------------------------------------------------


def _carrier(patient: str, variant_id: str) -> str:
    return f"{patient} {variant_id}"


def _planted_carriers(truth: Truth) -> list[str]:
    return [_carrier(c["patient"], c["variant_id"]) for c in truth["pathogenic_carriers"]]


def _pathogenic_carriers(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    columns = ["variant_id", "clinical_significance"]
    annotation = read_parquet(_file(results, "annotation/variants.parquet"), columns=columns)
    words = annotation["clinical_significance"].astype("str").str.lower()
    # "Conflicting classifications of pathogenicity" is no such word: the classification must begin with it.
    pathogenic = set(annotation.loc[words.str.match(r"(likely_)?pathogenic").fillna(False), "variant_id"])
    _file(results, "variants/genotypes.bed")
    store = open_store(results / "variants" / "genotypes")
    rows = np.flatnonzero(store.variants["id"].isin(pathogenic).to_numpy())
    people = store.people["iid"].to_numpy()
    carried = [
        _carrier(str(person), str(store.variants["id"].iloc[row]))
        for row, dosages in zip(rows, store.dosages(rows), strict=True)
        for person in people[dosages > 0]
    ]
    planted = set(_planted_carriers(truth))
    return [c for c in carried if c in planted], [c for c in carried if c not in planted]


def _reported_carriers(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    found: list[str] = []
    if not (results / "reports").is_dir():
        raise _NoResultError("reports/*/report.json")
    for carrier in truth["pathogenic_carriers"]:
        report = results / "reports" / carrier["patient"] / "report.json"
        if report.is_file() and carrier["variant_id"] in _words(read_json(report)):
            found.append(_carrier(carrier["patient"], carrier["variant_id"]))
    return found, []


# --- interpretation ------------------------------------------------------------------------------------


def _planted_changes(truth: Truth) -> list[str]:
    return [f"{c['variant_id']} {c['hgvs_p']}" for c in truth["protein_changes"]]


def _protein_changes(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    planted = {c["variant_id"] for c in truth["protein_changes"]}
    rows = read_parquet(_file(results, "annotation/variants.parquet"), columns=["variant_id", "hgvs_p"])
    rows = rows[rows["variant_id"].isin(planted) & rows["hgvs_p"].notna()]
    # A name begins with the protein's: ENSP00000001.1:p.(Trp24Ter).
    named = [f"{v} {p.rpartition(':')[2]}" for v, p in zip(rows["variant_id"], rows["hgvs_p"], strict=True)]
    expected = set(_planted_changes(truth))
    return [n for n in named if n in expected], sorted(set(named) - expected)


def _planted_classes(truth: Truth) -> list[str]:
    new = [c["variant_id"] for c in truth["de_novo"]]
    return [*new, *(v for c in truth["compound_heterozygous"] for v in c["variants"])]


def _classified(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    """Of the variants of the trio's child that no source knows: is the class right by criteria alone?"""
    rows = read_parquet(_file(results, "annotation/classification.parquet"), columns=["variant_id", "class"])
    called = rows.loc[rows["class"].isin(["pathogenic", "likely_pathogenic"]), "variant_id"]
    return [v for v in _planted_classes(truth) if v in set(called)], []


def _planted_de_novo(truth: Truth) -> list[str]:
    return [_carrier(c["patient"], c["variant_id"]) for c in truth["de_novo"]]


def _de_novo(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    rows = read_parquet(_file(results, "annotation/inheritance.parquet"))
    rows = rows[rows["origin"] == "de_novo"]
    seen = [_carrier(p, v) for p, v in zip(rows["patient"], rows["variant_id"], strict=True)]
    return seen, sorted(set(seen) - set(_planted_de_novo(truth)))


def _compound(patient: str, variants: Iterable[str]) -> str:
    return " ".join([patient, *sorted(variants)])


def _planted_compounds(truth: Truth) -> list[str]:
    return [_compound(c["patient"], c["variants"]) for c in truth["compound_heterozygous"]]


def _compounds(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    """Pairs that are in trans; those of unknown phase are no claim."""
    rows = read_parquet(_file(results, "annotation/compound.parquet"))
    rows = rows[rows["phase"] == "trans"]
    columns = [rows[c] for c in ("patient", "variant_1", "variant_2")]
    seen = [_compound(p, (a, b)) for p, a, b in zip(*columns, strict=True)]
    return seen, sorted(set(seen) - set(_planted_compounds(truth)))


def _words(value: Any) -> set[str]:
    """Every text that stands as a value in a JSON document."""
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {word for part in inner for word in _words(part)}


def _target(row: Mapping[str, Any]) -> str:
    return f"{row['patient']} {row['gene']} {row['intervention']} ({row['action']})"


def _is_by_subtype(row: Mapping[str, Any]) -> bool:
    return row["link"] == "subtype"


def _required_targets(subtype: bool) -> Callable[[Truth], list[str]]:
    return lambda truth: [
        _target(t) for t in truth["targets"] if t["required"] and _is_by_subtype(t) == subtype
    ]


def _targets(subtype: bool) -> Callable[[Truth, Path], Any]:
    """Targets given against targets expected, those by subtype apart from all others.

    Members of an endotype without a call get no target, and the few who are called wrong get another's; so
    these have limits of their own.
    """

    def check(truth: Truth, results: Path) -> Any:
        given = read_parquet(_file(results, "targets/targets.parquet"))
        records: list[Any] = given.to_dict("records")
        rows = [r for r in records if _is_by_subtype(r) == subtype]
        allowed = {_target(t) for t in truth["targets"] if _is_by_subtype(t) == subtype}
        found = [_target(r) for r in rows if _target(r) in allowed]
        false = [_target(r) for r in rows if _target(r) not in allowed]
        if not subtype:
            return found, false
        required = _required_targets(subtype)(truth)
        missed = [name for name in required if name not in set(found)]
        faults = []
        if len(missed) > (1 - MIN_CALLED) * len(required):
            faults.append(f"{len(missed)} of {len(required)} missed")
        if len(false) > MAX_FALSE_SUBTYPE_TARGETS * len(required):
            faults.append(f"{len(false)} false")
        reached = len(required) - len(missed)
        return Outcome("targets by subtype", len(required), reached, missed, false, faults)

    return check


# --- quality -------------------------------------------------------------------------------------------


def _pair(a: str, b: str) -> str:
    return f"{min(a, b)} = {max(a, b)}"


def _related(results: Path, relationship: str) -> list[str]:
    table = read_parquet(_file(results, "variants/relatedness.parquet"))
    chosen = table[table["relationship"] == relationship]
    return [_pair(a, b) for a, b in zip(chosen["patient_a"], chosen["patient_b"], strict=True)]


def _duplicates(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    seen = _related(results, "duplicate")
    return seen, sorted(set(seen) - {_pair(*d) for d in truth["duplicates"]})


def _planted_parents(truth: Truth) -> list[str]:
    return [_pair(t["child"], t[parent]) for t in truth["trios"] for parent in ("father", "mother")]


def _parents(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    seen = _related(results, "parent_child")
    # Nobody else in the cohort is a first-degree relative of anybody.
    siblings = _related(results, "full_sibling")
    return seen, sorted({*seen, *siblings} - set(_planted_parents(truth)))


def _sample_qc(results: Path) -> pd.DataFrame:
    return read_parquet(_file(results, "variants/sample_qc.parquet"))


def _sex_mismatches(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    table = _sample_qc(results)
    sexes = ["male", "female"]
    known = table["declared_sex"].isin(sexes) & table["inferred_sex"].isin(sexes)
    seen = table.loc[known & (table["declared_sex"] != table["inferred_sex"]), "patient"].tolist()
    return seen, sorted(set(seen) - set(truth["sex_mismatches"]))


def _contaminated(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    """Found means flagged by the verdict and estimated within a factor of two of what was mixed in."""
    planted = {c["patient"]: c["fraction"] for c in truth["contaminated"]}
    table = _sample_qc(results)
    limit = min(planted.values(), default=0.1) / 2
    high = table[(table["contamination"] >= limit) & (table["verdict"] != "pass")]
    seen = high["patient"].tolist()
    return seen, sorted(set(seen) - set(planted))


# --- records and cells ---------------------------------------------------------------------------------


def _planted_lonely(truth: Truth) -> list[str]:
    return [
        f"{patient} {status}" for status in ("only_genotyped", "only_clinical") for patient in truth[status]
    ]


def _lonely(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    people = read_parquet(_file(results, "cohort/people.parquet"))
    alone = people[people["status"] != "included"]
    seen = [f"{p} {s}" for p, s in zip(alone["patient"], alone["status"], strict=True)]
    return seen, sorted(set(seen) - set(_planted_lonely(truth)))


def _cell(row: Any, column: str) -> str:
    return f"row {row} {column}"


def _planted_dirt(truth: Truth) -> list[str]:
    return [_cell(c["row"], c["column"]) for c in truth["dirty_cells"]]


def _dirt(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    table = read_tsv(_file(results, "cohort/quarantine.tsv"))
    seen = [_cell(row, column) for row, column in zip(table["row"], table["column"], strict=True)]
    return seen, sorted(set(seen) - set(_planted_dirt(truth)))


def _ref_mismatches(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    table = read_tsv(_file(results, "variants/rejects.tsv"))
    table = table[table["reason"] == "ref_mismatch"]
    seen = table[["chrom", "pos", "ref", "alt"]].agg(":".join, axis=1).tolist() if len(table) else []
    return seen, sorted(set(seen) - set(truth["troubled_records"]["ref_mismatch"]))


def _merged(truth: Truth, results: Path) -> tuple[list[str], list[str]]:
    """A record that was written twice is one row of the variant table; nothing at all is there twice."""
    table = read_parquet(_file(results, "variants/variant_qc.parquet"), columns=["variant_id"])
    times = table["variant_id"].value_counts()
    found = [v for v in truth["troubled_records"]["duplicate"] if times.get(v, 0) == 1]
    return found, sorted(str(v) for v in times.index[times > 1])
