"""Reads a results folder once for a batch of patients: what all share, and what each has."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from endotype.association.masks import mask_rules, mask_variants
from endotype.cohort.assembly import Region, par_regions
from endotype.cohort.secondary_genes import GeneList, Rule, read_gene_list
from endotype.errors import input_error
from endotype.files import read_json
from endotype.ids import ID_RULE, is_id
from endotype.reports.batches import batch_of
from endotype.reports.claims import Evidence
from endotype.reports.interpretation import (
    Interpretation,
    pathogenic_variants,
    read_interpretation,
    read_joint_changes,
    read_origins,
    read_pairs,
)
from endotype.reports.records import read_records
from endotype.reports.results import is_one_of, read_result
from endotype.reports.subtype_pictures import Positions, read_positions
from endotype.reports.survival import MIN_PEOPLE, GroupSurvival, survival_by_group
from endotype.reports.text import plain
from endotype.subtypes.profile import profile_columns
from endotype.variants.plink import MISSING, GenotypeStore, open_store
from endotype.variants.tumour_burden import COUNTED, NONSYNONYMOUS

Row = dict[str, Any]

VARIANT_COLUMNS = [
    *["variant_id", "chrom", "pos", "ref", "alt", "gene", "gene_id", "transcript", "consequence", "impact"],
    *[
        "hgvs_g",
        "hgvs_c",
        "hgvs_p",
        "hgvs_status",
        "consequence_status",
        "population_af",
        "population_status",
    ],
    *["clinical_status", "clinical_significance", "review_status", "condition", "clinical_id"],
    *["cohort_af", "damaging"],
]
"""The columns of ``annotation/variants.parquet`` that a report shows."""

MUTATION_COLUMNS = [
    *["patient", "tumour", "variant_id", "gene", "protein_change", "classification"],
    *["vaf", "alt_reads", "depth", "status"],
]
"""The columns of ``variants/somatic.parquet`` that a report shows."""


@dataclass(frozen=True)
class Cohort:
    """What is the same for every patient of a run.

    Attributes:
        config: the configuration with all defaults filled in.
        people: ``cohort/people.parquet``, sorted by patient.
        clinical: ``cohort/clinical.parquet``, indexed by patient.
        features: ``subtypes/features.parquet`` as numbers, indexed by patient; a category has a column of 0
            and 1 for each level, ``feature=level``.
        variants: annotation of the variants that can appear in a report, one row a variant, in genome order,
            with ``bim_row``, the row in the genotype store.
        gene_variants: gene and mask of a significant gene-level locus -> positions in ``variants`` of the
            variants that the mask takes.
        subtypes: subtype of each patient who was called to one, indexed by patient.
        positions: on the axes of the subtypes stage; None where there are none.
        assessment: ``subtypes/assessment.json``.
        distributions: clinical column or feature -> its sorted non-missing values in the cohort.
    """

    config: Row
    people: pd.DataFrame
    clinical: pd.DataFrame
    features: pd.DataFrame
    dictionary: Row
    preflight: Row
    association_summary: Row
    knowledge: Row
    ancestry: Row
    model_sha256: str
    assessment: Row
    genes: dict[str, Row]
    loci: list[Row]
    profile: dict[str, list[Row]]
    survival: dict[str, list[GroupSurvival]]
    subtypes: pd.Series
    positions: Positions | None
    sample_qc: pd.DataFrame
    variants: pd.DataFrame
    interpretation: Interpretation
    gene_variants: dict[tuple[str, str], np.ndarray]
    n_variants: int
    mutated_genes: dict[str, int] = field(default_factory=dict)
    """Gene -> patients of the cohort with a mutation in their tumour that changes its protein."""
    secondary: GeneList | None = None
    """Genes whose pathogenic variants are told by consent only; None where the run was given no list."""
    scores: list[Row] = field(default_factory=list)
    """Polygenic scores of the subtypes stage: ``name feature match reason``; a reason where left out."""

    @cached_property
    def secondary_rules(self) -> dict[int, Rule]:
        """Position in ``variants`` -> rule, for variants of genes of :attr:`secondary` outside the run's own.

        Without gene models nobody can tell the gene of a variant, so any may be one of them.
        """
        rules = {}
        for position, row in enumerate(self.variant_rows if self.secondary else []):
            rule = self.secondary_rule(row["gene"], row["gene_id"])
            if rule is None and row["gene"] is None and not self.has_consequences:
                rule = Rule()
            if rule is not None:
                rules[position] = rule
        return rules

    def secondary_rule(self, gene: str | None, gene_id: str | None) -> Rule | None:
        """The rule of a gene of the list; ``None`` off the list, and for genes of the run's own table."""
        row = self.genes.get(gene or "", {})
        # Results without that column have the genes of the table only.
        if self.secondary is None or (row and ("table_row" not in row or row["table_row"] is not None)):
            return None
        aliases = str(row.get("aliases") or "").replace(";", "|").replace(",", "|").split("|")
        ids = (gene, gene_id or row.get("gene_id"), row.get("hgnc_id"), *(a.strip() for a in aliases))
        return self.secondary.rule_of(ids)

    @cached_property
    def subtype_names(self) -> dict[str, str]:
        """Subtype -> the name that its features give it, by rule: ``S2: IDH1 altered; age low``."""
        return {row["subtype"]: row["name"] for row in self.assessment["names"]}

    @property
    def subtype_warnings(self) -> list[str]:
        """Sentences of the audit that must stand beside every call."""
        return list(self.assessment["warnings"])

    @cached_property
    def distributions(self) -> dict[str, np.ndarray]:
        """Sorted non-missing values of every numeric clinical column and feature."""
        values = {}
        for table in (self.clinical, self.features):
            for name in table.columns:
                if pd.api.types.is_numeric_dtype(table[name]):
                    column = table[name].astype("float64").to_numpy()
                    values[name] = np.sort(column[np.isfinite(column)])
        return values

    @cached_property
    def quantiles(self) -> dict[str, list[float]]:
        """The 2.5, 25, 50, 75 and 97.5 % points of every distribution that has values."""
        points = [0.025, 0.25, 0.5, 0.75, 0.975]
        return {n: np.quantile(v, points).tolist() for n, v in self.distributions.items() if v.size}

    @cached_property
    def subtype_sizes(self) -> dict[str, int]:
        """Patients called to each subtype, by its name."""
        return {str(k): int(n) for k, n in self.subtypes.value_counts().sort_index().items()}

    @cached_property
    def subtype_halves(self) -> dict[tuple[str, str], list[float]]:
        """Subtype and feature -> 25 and 75 % points; none of fewer than :data:`MIN_PEOPLE` values."""
        halves = {}
        for subtype in self.subtype_sizes:
            members = self.features[self.features.index.isin(self.subtypes.index[self.subtypes == subtype])]
            for name in members.columns:
                if pd.api.types.is_numeric_dtype(members[name]):
                    values = members[name].dropna().to_numpy(float)
                    if len(values) >= MIN_PEOPLE:
                        halves[subtype, str(name)] = np.quantile(values, [0.25, 0.75]).tolist()
        return halves

    @cached_property
    def quality_medians(self) -> dict[str, float]:
        """Median of every numeric measure of ``sample_qc.parquet`` that has values."""
        medians = self.sample_qc.select_dtypes("number").median().dropna()
        return {str(name): float(median) for name, median in medians.items()}

    @cached_property
    def variant_rows(self) -> list[Row]:
        """``variants`` as plain rows."""
        return [plain(row) for row in self.variants.to_dict("records")]

    @cached_property
    def variant_position(self) -> dict[str, int]:
        """Variant id -> position in ``variants``."""
        return {name: position for position, name in enumerate(self.variants["variant_id"])}

    @property
    def has_germline(self) -> bool:
        """Whether anybody of the cohort has germline calls."""
        return bool(self.people["in_genotypes"].any())

    @property
    def has_consequences(self) -> bool:
        """Whether the run could tell what variants do to genes."""
        return None not in (self.config["reference"]["fasta"], self.config["reference"]["genes"])

    @property
    def has_clinical(self) -> bool:
        """Whether the run had a source of clinical significance."""
        return bool(self.knowledge["sources"]["clinical_significance"].get("sha256"))

    @property
    def par(self) -> tuple[Region, ...]:
        """Pseudoautosomal regions of the run's assembly; none when it isn't a known one."""
        return par_regions(self.config["reference"]["assembly"])

    def percentile(self, name: str, value: float) -> tuple[float, int] | None:
        """Mid-rank percentile, 0 to 100, of a value among the cohort's values, and how many those are."""
        values = self.distributions.get(name)
        if values is None or values.size == 0:
            return None
        below, up_to = np.searchsorted(values, value, "left"), np.searchsorted(values, value, "right")
        return 100 * float(below + up_to) / 2 / values.size, int(values.size)

    def evidence(self, source: str, record: str | None = None, rule: str | None = None) -> Evidence:
        """Evidence from a knowledge source of this run, with its version and hash when it was recorded."""
        known = next((s for s in knowledge_sources(self.knowledge) if s["source"] == source), None)
        if known is None:
            return Evidence(source, record=record, rule=rule)
        return Evidence(known["file"] or source, known["version"], known["sha256"], record, rule)


@dataclass(frozen=True)
class PatientRecord:
    """What a run holds about one patient. ``None`` means that there is no row, not that the row is empty."""

    patient: str
    person: Row
    quality: Row | None
    relatives: list[Row]
    clinical: Row | None
    consent: Row
    """Clinical columns with the role consent."""
    quarantined: dict[str, Row]
    samples: list[Row]
    """Germline samples: ``sample file sha256``, the file without its folder."""
    features: Row | None
    assignment: Row | None
    targets: list[Row]
    origins: dict[str, str]
    """Variant id -> origin, a word of ``annotation/inheritance.parquet``; candidates only."""
    pairs: list[Row]
    """Heterozygous pairs of candidates in one gene, with their phase."""
    joint_changes: list[Row]
    """Protein changes that several variants of one haplotype make together."""
    dosages: np.ndarray | None
    """int8, one for each of ``Cohort.variants``; -1 where there is no call; ``None`` without genotypes."""
    tumours: list[Row] = field(default_factory=list)
    """Rows of ``variants/tumours.parquet``, by tumour."""
    mutations: list[Row] = field(default_factory=list)
    """Rows of ``variants/somatic.parquet`` that count as mutations and change a protein."""
    target_summary: Row | None = None
    """The patient's row of ``targets/patients.parquet``."""
    coverage: list[Row] = field(default_factory=list)
    """Rows of ``variants/callability.parquet`` that tell how much of a gene was seen."""
    withheld: frozenset[str] = frozenset()
    """Variants that no chapter may speak of, for want of consent; they look absent in ``dosages``."""
    withholds: bool = False
    """Whether no chapter may say what the patient carries in genes of the list of secondary findings."""
    previous: Row | None = None
    """The earlier report of this patient with its hash: ``report sha256``."""


def knowledge_sources(knowledge: Row) -> list[Row]:
    """The knowledge sources that were given: rows of ``source file version sha256``, by source."""
    entries = knowledge.get("sources", knowledge)
    return [
        {
            "source": name,
            "file": plain(entry.get("file") or entry.get("name")),
            "version": plain(entry.get("version")),
            "sha256": plain(entry.get("sha256")),
        }
        for name, entry in sorted(entries.items())
        if isinstance(entry, dict) and entry.get("sha256")
    ]


def read_cohort(results: Path, config: Row) -> Cohort:
    """Read everything that patients share.

    Raises:
        InputError: a result file is missing, or a patient id can't be a file name.
    """
    people = read_result(results / "cohort/people.parquet").sort_values(
        "patient", kind="stable", ignore_index=True
    )
    for patient in people["patient"]:
        if not is_id(patient):
            raise input_error(results / "cohort/people.parquet", f"the patient id {patient!r}", ID_RULE)
    dictionary = _json(results / "cohort/dictionary.json")
    clinical = read_result(results / "cohort/clinical.parquet").set_index("patient")
    assignments = read_result(results / "subtypes/assignments.parquet", ["patient", "subtype"]).set_index(
        "patient"
    )
    loci = [plain(row) for row in read_result(results / "association/loci.parquet").to_dict("records")]
    store = open_store(results / "variants/genotypes")
    variants, gene_variants = _reportable_variants(results, config, loci, store)
    profile: dict[str, list[Row]] = defaultdict(list)
    for row in read_result(results / "subtypes/profile.parquet").to_dict("records"):
        profile[row["subtype"]].append(plain(row))
    subtypes = assignments["subtype"].dropna()
    return Cohort(
        config=config,
        people=people,
        clinical=clinical,
        features=_features(results),
        dictionary=dictionary,
        preflight=_json(results / "cohort/preflight.json"),
        association_summary=_json(results / "association/summary.json"),
        knowledge=_json(results / "annotation/knowledge.json"),
        ancestry=_json(results / "variants/ancestry.json"),
        model_sha256=hashlib.sha256(_bytes(results / "subtypes/model.json")).hexdigest(),
        assessment=read_json(results / "subtypes/assessment.json"),
        genes={
            row["gene"]: plain(row)
            for row in read_result(results / "annotation/genes.parquet").to_dict("records")
            if isinstance(row["gene"], str)
        },
        loci=loci,
        profile=dict(profile),
        survival=survival_by_group(clinical, dictionary["outcomes"], subtypes),
        subtypes=subtypes,
        positions=read_positions(results),
        sample_qc=read_result(results / "variants/sample_qc.parquet").set_index("patient"),
        variants=variants,
        interpretation=read_interpretation(results, variants["variant_id"]),
        gene_variants=gene_variants,
        n_variants=store.n_variants,
        mutated_genes=_mutated_genes(results / "variants/somatic.parquet"),
        secondary=_gene_list(config),
        scores=_scores(results),
    )


def read_patients(results: Path, cohort: Cohort, patients: Sequence[str]) -> list[PatientRecord]:
    """Read what a run holds about some patients, in the order given. Genotypes are read only for them."""
    wanted = list(patients)
    people = cohort.people.set_index("patient")
    assignments = _rows_by_patient(results / "subtypes/assignments.parquet", wanted)
    targets = _rows_by_patient(results / "targets/targets.parquet", wanted)
    # Results of version 0.1 have no such table.
    summaries = results / "targets/patients.parquet"
    target_summaries = _rows_by_patient(summaries, wanted) if summaries.is_file() else {}
    relatives = _relatives(results / "variants/relatedness.parquet", set(wanted))
    batches = cohort.config["reports"]["batches"]
    sheets = {
        patient: record
        for batch in sorted({batch_of(patient, batches) for patient in wanted})
        for patient, record in read_records(results, batch).items()
    }
    origins = read_origins(results, wanted)
    pairs, joint = read_pairs(results, wanted), read_joint_changes(results, wanted)
    dosages = _dosages(results, cohort, wanted)
    coverage = _coverage(results, wanted)
    tumours = _rows_by_patient(results / "variants/tumours.parquet", wanted)
    mutations = _rows_by_patient(
        results / "variants/somatic.parquet", wanted, MUTATION_COLUMNS, _CHANGES_PROTEIN
    )
    return [
        PatientRecord(
            patient=patient,
            person=plain(people.loc[patient].to_dict()),
            quality=_row(cohort.sample_qc, patient),
            relatives=relatives.get(patient, []),
            clinical=_row(cohort.clinical, patient),
            **sheets[patient],
            features=_row(cohort.features, patient),
            assignment=next(iter(assignments.get(patient, [])), None),
            targets=targets.get(patient, []),
            origins=origins.get(patient, {}),
            pairs=pairs.get(patient, []),
            joint_changes=joint.get(patient, []),
            dosages=dosages.get(patient),
            tumours=sorted(tumours.get(patient, []), key=lambda row: str(row["tumour"])),
            mutations=mutations.get(patient, []),
            target_summary=next(iter(target_summaries.get(patient, [])), None),
            coverage=coverage.get(patient, []),
            previous=_previous(cohort.config, patient),
        )
        for patient in wanted
    ]


def _reportable_variants(
    results: Path, config: Row, loci: list[Row], store: GenotypeStore
) -> tuple[pd.DataFrame, dict[tuple[str, str], np.ndarray]]:
    path = results / "annotation/variants.parquet"
    lead = [locus["id"] for locus in loci if locus["kind"] == "variant"]
    counted = _burden_variants(path, config, loci)
    named = sorted({*lead, *counted["variant_id"], *pathogenic_variants(results)})
    reason = pc.field("damaging").cast(pa.bool_()) | is_one_of("clinical_status", ["present"])
    chosen = pc.field("most_severe").cast(pa.bool_()) & (reason | is_one_of("variant_id", named))
    variants = read_result(path, VARIANT_COLUMNS, chosen)
    variants["bim_row"] = pd.Index(store.variants["id"]).get_indexer(variants["variant_id"])
    unknown = variants.loc[variants["bim_row"] < 0, "variant_id"]
    if len(unknown):
        raise input_error(
            path,
            f"the variant {unknown.iloc[0]}",
            "only variants of variants/genotypes.bim",
            "run the stage again",
        )
    variants = variants.sort_values("bim_row", kind="stable", ignore_index=True)
    position = pd.Index(variants["variant_id"])
    by_mask = {
        (str(gene), str(mask)): np.sort(position.get_indexer(rows["variant_id"].unique()))
        for (gene, mask), rows in counted.groupby(["gene", "mask"])
    }
    return variants, by_mask


def _burden_variants(path: Path, config: Row, loci: list[Row]) -> pd.DataFrame:
    """The variants (``gene gene_id mask variant_id``) of masks of significantly associated genes."""
    genes = sorted({locus["gene"] for locus in loci if locus["kind"] == "gene" and locus["gene"]})
    return mask_variants(path, mask_rules(config["association"]), genes).table.to_pandas()


def _dosages(results: Path, cohort: Cohort, patients: list[str]) -> dict[str, np.ndarray]:
    """Alternate allele counts of the reportable variants, for the patients that have genotypes."""
    store = open_store(results / "variants/genotypes")
    columns = pd.Index(store.people["iid"]).get_indexer(pd.Index(patients, dtype="str"))
    present = columns >= 0
    rows = cohort.variants["bim_row"].to_numpy()
    counts = np.full((len(rows), int(present.sum())), MISSING, np.int8)
    for block in store.blocks(last=len(rows)):
        counts[block] = store.dosages(rows[block])[:, columns[present]]
    genotyped = [patient for patient, has in zip(patients, present, strict=True) if has]
    return {patient: np.ascontiguousarray(counts[:, i]) for i, patient in enumerate(genotyped)}


def _relatives(path: Path, patients: set[str]) -> dict[str, list[Row]]:
    """Patient -> related people, closest first."""
    related: dict[str, list[Row]] = defaultdict(list)
    for row in map(plain, read_result(path).to_dict("records")):
        for patient, other in ((row["patient_a"], row["patient_b"]), (row["patient_b"], row["patient_a"])):
            if patient in patients:
                related[patient].append({"patient": other, **{k: row[k] for k in _RELATION_COLUMNS}})
    return {
        patient: sorted(rows, key=lambda r: (-r["kinship"], r["patient"]))
        for patient, rows in related.items()
    }


_RELATION_COLUMNS = ("relationship", "kinship", "declared")


def _rows_by_patient(
    path: Path, patients: list[str], columns: list[str] | None = None, where: pc.Expression | None = None
) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    mine = is_one_of("patient", patients)
    table = read_result(path, columns, mine if where is None else mine & where)
    for row in table.to_dict("records"):
        rows[row["patient"]].append(plain(row))
    return dict(rows)


def _features(results: Path) -> pd.DataFrame:
    table = read_result(results / "subtypes/features.parquet").set_index("patient")
    described = read_json(results / "subtypes/features.json")["features"]
    return pd.DataFrame(dict(profile_columns(table, described)), index=table.index)


def _gene_list(config: Row) -> GeneList | None:
    setting = config["reports"].get("secondary_genes")
    return read_gene_list(setting) if setting else None


def _scores(results: Path) -> list[Row]:
    """What the subtypes stage has of polygenic scores: the values stand in the features."""
    described = read_json(results / "subtypes/features.json")
    views = {view["name"]: view for view in described["views"] if view["source"] == "scores"}
    scores: list[Row] = [
        {"name": f["name"].partition(":")[2], "feature": f["name"], "match": f["source"], "reason": None}
        for f in described["features"]
        if f["view"] in views
    ]
    for view in views.values():
        for feature, reason in view["left_out"].items():
            name = feature.partition(":")[2]
            scores.append({"name": name, "feature": feature, "match": None, "reason": reason})
    # The name of a feature is a key of tables, and stays as it stands there.
    return [
        plain(row) | {"feature": row["feature"]} for row in sorted(scores, key=lambda row: row["feature"])
    ]


def _coverage(results: Path, patients: list[str]) -> dict[str, list[Row]]:
    """Patient -> genes whose coding bases were measured; nothing where the run has no such table."""
    path = results / "variants/callability.parquet"
    if not path.is_file():
        return {}
    names = ["patient", "gene", "gene_id", "n_coding", "n_callable"]
    return _rows_by_patient(path, patients, names, is_one_of("status", ["assessed"]))


def _previous(config: Row, patient: str) -> Row | None:
    """The report of an earlier run about the same patient.

    Raises:
        InputError: it is about somebody else, or can't be read.
    """
    folder = config["reports"].get("previous")
    if folder is None:
        return None
    path = Path(folder) / patient / "report.json"
    if not path.is_file():
        return None
    report = read_json(path)
    found = report.get("patient", {}).get("id") if isinstance(report, dict) else None
    if found != patient:
        raise input_error(path, f"a report of {found!r}", f"the report of {patient}")
    return {"report": report, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


_CHANGES_PROTEIN = is_one_of("classification", sorted(NONSYNONYMOUS)) & is_one_of("status", COUNTED)


def _mutated_genes(path: Path) -> dict[str, int]:
    rows = read_result(path, ["patient", "gene"], _CHANGES_PROTEIN).drop_duplicates()
    return {str(gene): int(n) for gene, n in rows["gene"].value_counts().items()}


def _row(table: pd.DataFrame, patient: str) -> Row | None:
    return plain(table.loc[patient].to_dict()) if patient in table.index else None


def _json(path: Path) -> Row:
    if not path.is_file():
        raise input_error(path, "no such file", "a result of an earlier stage")
    return dict(read_json(path))


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise input_error(path, "no such file", "a result of an earlier stage")
    return path.read_bytes()
