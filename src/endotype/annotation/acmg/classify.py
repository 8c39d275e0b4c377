"""All criteria of all candidates, and the classes they make."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.annotation.acmg import association, family, population, prediction, protein, truncation
from endotype.annotation.acmg.candidate import Candidate, Context
from endotype.annotation.acmg.combine import CLASSES, class_by_points, class_by_rules, sum_points
from endotype.annotation.acmg.criteria import (
    CRITERIA,
    MET,
    NOT_EVALUABLE,
    NOT_MET,
    Finding,
    write_code,
)
from endotype.annotation.acmg.guards import left_out
from endotype.annotation.acmg.known import Known
from endotype.annotation.acmg.lookups import (
    Genes,
    PerVariant,
    open_per_variant,
    open_structures,
    read_ba1_exceptions,
)
from endotype.annotation.acmg.manual import MANUAL
from endotype.annotation.acmg.overrides import Curated, Override, Overrides, read_overrides
from endotype.annotation.acmg.predictors import read_predictors
from endotype.annotation.acmg.regions import read_regions
from endotype.annotation.acmg.select import candidates
from endotype.annotation.acmg.settings import Settings, read_thresholds
from endotype.annotation.acmg.tables import CLASSIFICATION_SCHEMA, CRITERIA_SCHEMA
from endotype.annotation.severity import clinical_words
from endotype.errors import input_error, nearest, visible
from endotype.files import atomic_path, read_json, sha256_file, write_json

_SLICE = 8192
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)

_AUTOMATIC: dict[str, Callable[[Candidate, Context], Finding]] = {
    "PVS1": truncation.pvs1,
    "PS1": protein.ps1,
    "PS2": family.ps2,
    "PS4": association.ps4,
    "PM1": protein.pm1,
    "PM2": population.pm2,
    "PM3": family.pm3,
    "PM4": protein.pm4,
    "PM5": protein.pm5,
    "PM6": family.pm6,
    "PP1": family.pp1,
    "PP2": protein.pp2,
    "PP3": prediction.pp3,
    "BA1": population.ba1,
    "BS1": population.bs1,
    "BS2": population.bs2,
    "BS4": family.bs4,
    "BP1": protein.bp1,
    "BP2": family.bp2,
    "BP3": protein.bp3,
    "BP4": prediction.bp4,
    "BP7": prediction.bp7,
}


def evaluate(v: Candidate, c: Context) -> list[Finding]:
    """Every criterion of one variant in one gene, in the order of the guideline."""
    findings = []
    for name in CRITERIA:
        own = c.applies(v, name)
        if own is not None and own.value == "no":
            reason = f"{name} is not used for {v.name} ({own.source})."
            findings.append(Finding(name, NOT_MET, None, reason, None, "thresholds", own.row))
        elif name in MANUAL:
            findings.append(MANUAL[name])
        else:
            findings.append(_AUTOMATIC[name](v, c))
    return findings


@dataclass(frozen=True)
class Verdict:
    """What criteria make together: both classes, points for and against, and what is not counted."""

    by_points: str
    by_rules: str
    pathogenic: int
    benign: int
    codes: str
    excluded: Mapping[str, str] = field(default_factory=dict)

    @property
    def points(self) -> int:
        """Points for, less points against."""
        return self.pathogenic - self.benign


def combine(strengths: Mapping[str, str]) -> Verdict:
    """Guard against double counting, then combine.

    Args:
        strengths: strength of every criterion that is met.
    """
    excluded = left_out(strengths)
    counted = [(name, strengths[name]) for name in CRITERIA if name in strengths and name not in excluded]
    pathogenic, benign = sum_points(counted)
    codes = " ".join(write_code(*each) for each in counted)
    return Verdict(class_by_points(counted), class_by_rules(counted), pathogenic, benign, codes, excluded)


def met_strengths(findings: Sequence[Finding]) -> dict[str, str]:
    """Criteria that are met, with their strengths."""
    return {f.criterion: f.strength for f in findings if f.strength is not None}


def clinvar_agrees(mine: str, significance: str | None) -> bool | None:
    """Whether the clinical source puts the allele on the same side (harmful, uncertain, harmless) as the
    class.

    Null where it says nothing of that: no record, conflicting classifications, or words of another kind.
    """
    if significance is None:
        return None
    sides = set()
    for word in clinical_words(significance):
        folded = word.casefold()
        if "conflicting" in folded:
            return None
        if folded in _SIDES:
            sides.add(_SIDES[folded])
    return None if len(sides) != 1 else sides == {_SIDES[mine]}


_SIDES = {
    "pathogenic": 1,
    "likely_pathogenic": 1,
    "uncertain_significance": 0,
    "likely_benign": -1,
    "benign": -1,
}


def classify_variants(
    variants: str | Path,
    out: str | Path,
    *,
    settings: Settings | None = None,
    knowledge: str | Path | None = None,
    genes: str | Path | None = None,
    fasta: str | Path | None = None,
    known: Known | None = None,
    thresholds: str | Path | None = None,
    regions: str | Path | None = None,
    overrides: str | Path | None = None,
    association: str | Path | None = None,
    inheritance: str | Path | None = None,
    compound: str | Path | None = None,
    segregation: str | Path | None = None,
) -> dict[str, Any]:
    """Classify the variants of ``annotation/variants.parquet`` into the folder ``out``.

    Writes ``classification.parquet`` (``CLASSIFICATION_SCHEMA``), ``criteria.parquet``
    (``CRITERIA_SCHEMA``) and ``classification.json`` (what was counted, set and used). Variants stream in
    blocks.

    Args:
        settings: numbers of the criteria; the defaults where null.
        knowledge: folder of the knowledge store; its ``genes.parquet`` says how disease of a gene is
            inherited.
        genes, fasta: gene model and reference, for splice sites and start codons (PVS1).
        known: established pathogenic alleles on proteins (PS1, PM5); see
            :func:`endotype.annotation.acmg.clinical.describe_known`.
        thresholds, regions, overrides: tables of the user's.
        association: ``association/{trait}.parquet`` of the settings' ``ps4_trait``.
        inheritance, compound, segregation: tables of the inheritance step.

    Returns:
        What ``classification.json`` holds.

    Raises:
        InputError: a table with faults, or a score that no calibration is known for.
    """
    settings = settings or Settings()
    predictors = _check_tools(settings)
    missense = _score_source(knowledge, settings.missense_column or settings.missense_score)
    splice = _score_source(knowledge, settings.splice_column or settings.splice_score)
    curated = read_overrides(overrides) if overrides is not None else {}
    context = Context(
        settings,
        read_thresholds(thresholds),
        predictors,
        known,
        read_regions(regions) if regions is not None else None,
        ba1_exceptions=read_ba1_exceptions(_assembly(knowledge)),
        missense_source=missense or "scores",
        splice_source=splice or "scores",
    )
    facts = Genes(Path(knowledge, "genes.parquet") if knowledge is not None else None)
    rows: Counter[str] = Counter()
    tally = _Tally()
    folder = Path(out)
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        structures = stack.enter_context(open_structures(genes, fasta))
        context = replace(context, structure=structures)
        per_variant = stack.enter_context(
            open_per_variant(
                scratch,
                variants,
                trait=settings.ps4_trait,
                association=association if settings.ps4_trait else None,
                inheritance=inheritance,
                compound=compound,
                segregation=segregation,
                min_stars=settings.known_min_stars,
            )
        )
        class_path = stack.enter_context(atomic_path(folder / "classification.parquet"))
        criteria_path = stack.enter_context(atomic_path(folder / "criteria.parquet"))
        classes = stack.enter_context(pq.ParquetWriter(class_path, CLASSIFICATION_SCHEMA, compression="zstd"))
        criteria = stack.enter_context(pq.ParquetWriter(criteria_path, CRITERIA_SCHEMA, compression="zstd"))
        columns = _columns(settings, missense, splice)
        harmless = _harmless(context)
        if paired := per_variant.paired():
            again = candidates(variants, columns, harmless, Counter(), list(curated))
            per_variant.judge(_pathogenic_alone(again, paired, facts, per_variant, context))
        blocks = candidates(variants, columns, harmless, rows, list(curated))
        for block in _slices(blocks):
            tested, relatives = per_variant.for_block(block)
            seen = replace(context, association=tested, family=relatives)
            class_rows, criterion_rows = _Rows(CLASSIFICATION_SCHEMA), _Rows(CRITERIA_SCHEMA)
            for v in _read(block, facts):
                decision = _find(curated, v)
                tally.used(decision)
                _write(v, evaluate(v, seen), decision, settings, class_rows, criterion_rows, tally)
            classes.write_table(class_rows.table())
            criteria.write_table(criterion_rows.table())
    summary = {
        "rows": dict(sorted(rows.items())),
        **tally.summary(),
        "overrides_without_variant": [
            {"variant_id": o.variant_id, "gene": o.gene, "row": o.row, "about": o.criterion or "class"}
            for o in sorted(_all(curated) - tally.decisions, key=lambda o: o.row)
        ],
        "settings": {name: getattr(settings, name) for name in sorted(Settings.__dataclass_fields__)},
        "tables": {
            name: {"file": Path(path).name, "sha256": sha256_file(path)}
            for name, path in sorted(
                {"thresholds": thresholds, "regions": regions, "overrides": overrides}.items()
            )
            if path is not None
        },
        "established_alleles": known.read if known is not None else None,
        "splice_sites_and_starts_judged": structures is not None,
    }
    write_json(folder / "classification.json", summary)
    return summary


def _pathogenic_alone(
    blocks: Iterator[pa.Table], paired: list[str], facts: Genes, per_variant: PerVariant, context: Context
) -> dict[tuple[str, str], str]:
    """Variants in pairs that are (likely) pathogenic by points when nothing is said of their partners."""
    found = {}
    wanted = pa.array(paired, pa.string())
    for block in blocks:
        chosen = block.filter(pc.is_in(block["variant_id"], value_set=wanted))
        for part in _slices(iter([chosen])):
            tested, relatives = per_variant.for_block(part)
            alone = replace(relatives, partners=None) if relatives else None
            seen = replace(context, association=tested, family=alone)
            for v in _read(part, facts):
                verdict = combine(met_strengths(evaluate(v, seen)))
                if verdict.by_points in ("pathogenic", "likely_pathogenic"):
                    found[v.variant_id, v.gene or v.gene_id or ""] = verdict.by_points
    return found


def _slices(blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Slices of at most ``_SLICE`` candidates: the 28 criteria of each are Python objects for a while."""
    for block in blocks:
        for start in range(0, len(block), _SLICE):
            yield block.slice(start, _SLICE)


def _check_tools(settings: Settings) -> Mapping[str, Any]:
    predictors = read_predictors()
    for name in ("missense_score", "splice_score"):
        tool = getattr(settings, name)
        if tool is not None and tool not in predictors:
            raise input_error(
                f"acmg setting {name}",
                visible(tool),
                "a tool whose scores are calibrated: " + ", ".join(sorted(predictors)),
                nearest(tool, predictors),
            )
    return predictors


def _assembly(knowledge: str | Path | None) -> str | None:
    if knowledge is None:
        return None
    assembly = read_json(Path(knowledge, "knowledge.json")).get("assembly")
    return assembly if isinstance(assembly, str) else None


def _harmless(context: Context) -> float:
    """Up to which a splicing score says nothing; beyond every score where no tool is chosen."""
    tool = context.settings.splice_score
    ends = [
        i.below
        for i in context.predictors.get(tool or "", ())
        if i.criterion == "BP4" and i.below is not None
    ]
    return max(ends) if ends else float("inf")


_PASSED_ON = (
    *(
        "variant_id",
        "chrom",
        "pos",
        "ref",
        "alt",
        "gene",
        "gene_id",
        "transcript",
        "biotype",
        "strand",
        "mane",
    ),
    *("canonical", "consequence", "impact", "consequence_status", "exon", "intron", "protein_position"),
    *("amino_acids", "hgvs_c", "hgvs_p", "protein_length", "nmd", "new_stop"),
    *("population_status", "population_af", "population_an", "population_ac", "population_homozygotes"),
    *("population_max_af", "population_faf", "population_filter", "population_row"),
    *("clinical_status", "clinical_significance", "clinical_stars", "clinical_id", "clinical_row"),
    "missense_z",
)


_SCORES = (
    *("missense_score", "missense_status", "missense_row"),
    *("splice_score", "splice_status", "splice_row", "conservation"),
)


def _columns(settings: Settings, missense: str | None, splice: str | None) -> dict[str, str | None]:
    """What the classification reads -> the column of the variants table it is in.

    ``missense`` and ``splice`` are the sources of the scores, null where they are not known.
    """
    columns: dict[str, str | None] = {
        name: name for name in (*_PASSED_ON, "chosen", "most_severe", "cds_length")
    }
    columns["missense_score"] = settings.missense_column or settings.missense_score
    columns["splice_score"] = settings.splice_column or settings.splice_score
    columns["conservation"] = settings.conservation_column
    for kind, source in (("missense", missense), ("splice", splice)):
        columns[f"{kind}_status"] = f"{source}__status" if source else "scores_status"
        columns[f"{kind}_row"] = f"{source}__row" if source else None
    return columns


def _score_source(knowledge: str | Path | None, column: str | None) -> str | None:
    """The source of the knowledge store that a score column of the variants table is from."""
    if knowledge is None or column is None:
        return None
    sources = read_json(Path(knowledge, "knowledge.json")).get("sources", {})
    found = [name for name, entry in sorted(sources.items()) if column in (entry.get("columns") or ())]
    return found[0] if len(found) == 1 else None


def _read(block: pa.Table, genes: Genes) -> Iterator[Candidate]:
    names = [*_PASSED_ON, *_SCORES]
    for values in zip(*(block[name].to_pylist() for name in names), strict=True):
        v = Candidate(**dict(zip(names, values, strict=True)))
        v.facts = genes.of(v.gene, v.gene_id)
        v.terms = frozenset((v.consequence or "").split("&"))
        yield v


def _find(curated: Overrides, v: Candidate) -> Curated | None:
    for gene in (v.gene, v.gene_id):
        if gene is not None and (found := curated.get((v.variant_id, gene))):
            return found
    return None


def _all(curated: Overrides) -> set[Override]:
    return {o for c in curated.values() for o in (*([c.class_] if c.class_ else []), *c.criteria.values())}


class _Rows:
    """Rows of a table as they come, column by column."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._columns: list[list[Any]] = [[] for _ in schema]

    def add(self, *values: Any) -> None:
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def table(self) -> pa.Table:
        arrays = [pa.array(c, f.type) for c, f in zip(self._columns, self._schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _write(
    v: Candidate,
    findings: Sequence[Finding],
    curated: Curated | None,
    settings: Settings,
    class_rows: _Rows,
    criterion_rows: _Rows,
    tally: _Tally,
) -> None:
    strengths = met_strengths(findings)
    verdict = combine(strengths)
    for f in findings:
        excluded_by = verdict.excluded.get(f.criterion)
        counted = f.status == MET and excluded_by is None
        decision = curated.criteria.get(f.criterion) if curated else None
        criterion_rows.add(
            v.variant_id, v.gene, v.gene_id, f.criterion, f.status, f.strength,
            f.points if counted else 0, counted, excluded_by, f.reason, _numbers(f), f.source, f.source_row,
            *_decided(decision),
        )  # fmt: skip
    mine = verdict.by_points if settings.scheme == "points" else verdict.by_rules
    agrees = clinvar_agrees(mine, v.clinical_significance if v.clinical_status == "present" else None)
    statuses = Counter(f.status for f in findings)
    class_rows.add(
        v.variant_id, v.chrom, v.pos, v.ref, v.alt, v.gene, v.gene_id, v.transcript,
        v.consequence, v.hgvs_c, v.hgvs_p, "|".join(sorted(v.facts.inheritance)) or None,
        mine, verdict.by_points, verdict.by_rules, verdict.by_points == verdict.by_rules,
        verdict.points, verdict.pathogenic, verdict.benign, verdict.codes,
        statuses[MET], statuses[NOT_MET], statuses[NOT_EVALUABLE],
        *_override(curated, strengths, settings),
        v.clinical_status, v.clinical_significance, v.clinical_stars, v.clinical_id, v.clinical_row, agrees,
    )  # fmt: skip
    tally.add(verdict, mine, agrees, findings)


def _decided(o: Override | None) -> tuple[str | None, ...]:
    if o is None:
        return (None,) * 6
    return o.status, o.strength or None, o.who, o.when, o.why, o.reference or None


def _override(
    curated: Curated | None, strengths: Mapping[str, str], settings: Settings
) -> tuple[str | int | None, ...]:
    """What a curator makes of the variant: a class of his own, else what the criteria as he sees them
    make."""
    if curated is None:
        return (None,) * 7
    revised = {name: s for name, s in strengths.items() if name not in curated.criteria}
    revised |= {name: o.strength for name, o in curated.criteria.items() if o.status == MET}
    verdict = combine(revised)
    kind = "both" if curated.class_ and curated.criteria else "class" if curated.class_ else "criteria"
    points = verdict.points if curated.criteria else None
    klass = verdict.by_points if settings.scheme == "points" else verdict.by_rules
    decisions = sorted(curated.criteria.values(), key=lambda o: o.row)
    if curated.class_:
        klass = curated.class_.class_
        decisions = [curated.class_, *decisions]

    def together(values: list[str]) -> str | None:
        return "; ".join(dict.fromkeys(value for value in values if value)) or None

    return (
        kind,
        klass,
        points,
        together([o.who for o in decisions]),
        max(o.when for o in decisions),
        together([o.why for o in decisions]),
        together([o.reference for o in decisions]),
    )


def _numbers(f: Finding) -> str | None:
    if not f.numbers:
        return None
    return _ENCODER.encode(f.numbers)


class _Tally:
    """What was counted while variants were classified."""

    def __init__(self) -> None:
        self._class: Counter[str] = Counter()
        self._points: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._clinvar: Counter[str] = Counter()
        self._criteria: dict[str, Counter[str]] = {name: Counter() for name in CRITERIA}
        self._disagree = 0
        self.decisions: set[Override] = set()

    def used(self, curated: Curated | None) -> None:
        if curated:
            self.decisions |= {*([curated.class_] if curated.class_ else []), *curated.criteria.values()}

    def add(self, verdict: Verdict, mine: str, agrees: bool | None, findings: Sequence[Finding]) -> None:
        self._class[mine] += 1
        self._points[verdict.by_points] += 1
        self._rules[verdict.by_rules] += 1
        self._disagree += verdict.by_points != verdict.by_rules
        self._clinvar[{True: "agrees", False: "disagrees", None: "says_nothing"}[agrees]] += 1
        for f in findings:
            self._criteria[f.criterion][f.status] += 1

    def summary(self) -> dict[str, Any]:
        return {
            "classes": {name: self._class[name] for name in CLASSES},
            "classes_by_points": {name: self._points[name] for name in CLASSES},
            "classes_by_rules": {name: self._rules[name] for name in CLASSES},
            "schemes_disagree": self._disagree,
            "clinical_source": dict(sorted(self._clinvar.items())),
            "criteria": {
                name: {status: counts[status] for status in (MET, NOT_MET, NOT_EVALUABLE)}
                for name, counts in self._criteria.items()
            },
            "overrides_used": len(self.decisions),
        }
