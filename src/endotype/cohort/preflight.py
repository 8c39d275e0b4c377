"""All checks of the input, before the first job: every problem of every file at once.

:func:`preflight` reads the configuration's files and either returns what the cohort is, or raises one
:class:`~endotype.errors.InputError` with everything that is wrong. :func:`write_preflight` writes
the tables under ``results/cohort/``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from endotype.cohort.builds import Genome, check_build, check_naming, cohort_contigs, describe_genome
from endotype.cohort.clinical import ClinicalTable, read_clinical
from endotype.cohort.coverage_files import check_coverage_files
from endotype.cohort.dictionary import names_with_role, read_dictionary
from endotype.cohort.findings import Findings
from endotype.cohort.genotypes import Genotypes, read_genotypes
from endotype.cohort.identity import check_overlap, reconcile
from endotype.cohort.knowledge_files import check_knowledge
from endotype.cohort.knowledge_kinds import FIXED_NAMES
from endotype.cohort.pedigree import read_pedigree
from endotype.cohort.reference import Reference, check_gene_models, open_reference
from endotype.cohort.sheet import SEX_WORDS, no_samples, read_sheet
from endotype.cohort.tumour_sheet import no_tumours, read_tumours
from endotype.files import write_json
from endotype.message import N_
from endotype.tables import write_parquet, write_tsv


@dataclass(frozen=True)
class Preflight:
    """A cohort whose input is sound. The tables are those of ``results/cohort/`` (docs/results.md).

    Attributes:
        people: one row per person.
        samples: one row per person and variant file.
        files: one row per variant file.
        tumours: one row per tumour and file.
        clinical: typed clinical records.
        dictionary: the clinical dictionary with defaults filled in.
        reconciliation: who is in the genotypes, the clinical table, or both.
        quarantine: clinical cells and rows that were set aside.
        not_assessed: topic -> the sentence the reports print.
        warnings: sentences about what is odd but no hindrance.
        contigs: name and length in bp of the contigs to analyse, in the order of the reference.
        contig_renames: variant file -> its contigs that the reference calls by another name -> that name.
        counts: how many people, files, rows and cells.
    """

    people: pd.DataFrame
    samples: pd.DataFrame
    files: pd.DataFrame
    tumours: pd.DataFrame
    clinical: pd.DataFrame
    dictionary: dict[str, Any]
    reconciliation: pd.DataFrame
    quarantine: pd.DataFrame
    not_assessed: dict[str, str]
    warnings: tuple[str, ...]
    contigs: tuple[tuple[str, int], ...]
    contig_renames: dict[str, dict[str, str]]
    counts: dict[str, int]

    @property
    def traits(self) -> tuple[str, ...]:
        """What is tested for association: the columns with the role trait, then the outcomes."""
        return (*names_with_role(self.dictionary, "trait"), *self.dictionary["outcomes"])


def preflight(config: Mapping[str, Any], readers: Iterable[Callable[[], object]] = ()) -> Preflight:
    """Check everything a run is given.

    Args:
        config: a configuration as :func:`endotype.config.complete` returns it; paths in it are
            relative to the working directory.
        readers: calls that read files of later stages, whose problems belong on the same page.

    Raises:
        InputError: with every problem of every file.
    """
    findings = Findings()
    for read in readers:
        findings.attempt(read)
    inputs = config["inputs"]
    sheet = read_sheet(inputs["samples"], findings) if inputs["samples"] else no_samples()
    if inputs["samples"] and sheet is not None:
        check_coverage_files(inputs["samples"], sheet, config["reference"]["fasta"], findings)
    dictionary = findings.attempt(read_dictionary, inputs["dictionary"])
    clinical = read_clinical(inputs["clinical"], dictionary, findings) if dictionary else None
    if dictionary and not inputs["samples"]:
        _check_something_is_known(config, dictionary, findings)
    if dictionary is None and not Path(inputs["clinical"]).is_file():
        findings.problem(inputs["clinical"], None, "", "no such file", "the clinical table")
    with _reference(config["reference"]["fasta"], findings) as reference:
        genome = describe_genome(config["reference"], reference, findings)
        genotypes = None
        if sheet is not None:
            genotypes = read_genotypes(inputs["samples"], sheet, reference, genome.excerpt, findings)
        contigs = _check_genome(config, genotypes, genome, reference, findings)
        tumours = no_tumours()
        if inputs["tumours"]:
            known = set() if sheet is None else set(sheet["patient"])
            patients = None if sheet is None or clinical is None else known | set(clinical.frame["patient"])
            tumours = read_tumours(inputs["tumours"], patients, genome, reference, findings)
    reconciliation = None
    if genotypes is not None and clinical is not None:
        samples = dict(zip(genotypes.samples["sample"], genotypes.samples["patient"], strict=True))
        sample_of = dict(zip(genotypes.samples["patient"], genotypes.samples["sample"], strict=True))
        reconciliation = reconcile(sample_of, set(clinical.frame["patient"]), set(tumours["patient"]))
        if len(sample_of) and len(clinical.frame):
            check_overlap(inputs["clinical"], reconciliation, samples, findings)
    if inputs["pedigree"]:
        _check_pedigree(inputs["pedigree"], genotypes, findings)
    if panel := config["sample_qc"]["reference_panel"]:
        _check_panel(panel, findings)
    findings.raise_if_any()
    assert genotypes is not None and clinical is not None and dictionary is not None
    assert reconciliation is not None
    people = _people(genotypes.samples, clinical.frame, set(tumours["patient"]))
    _check_sexes(inputs["clinical"], genotypes.samples, clinical.frame, findings)
    return Preflight(
        people=people,
        samples=genotypes.samples,
        files=genotypes.files,
        tumours=tumours,
        clinical=clinical.frame,
        dictionary=dictionary,
        reconciliation=reconciliation,
        quarantine=clinical.quarantine,
        not_assessed=not_assessed(config),
        warnings=tuple(findings.warnings),
        contigs=contigs,
        contig_renames={each.file.path: each.renames for each in genotypes.inspected if each.renames},
        counts=_counts(people, genotypes, clinical, reconciliation)
        | {"tumours": len(tumours.drop_duplicates(["patient", "tumour"]))},
    )


def not_assessed(config: Mapping[str, Any]) -> dict[str, str]:
    """What a run can't look at for want of a file: topic -> the sentence the reports print."""
    reference, knowledge = config["reference"], config["knowledge"]
    topics: dict[str, str] = {}
    if not config["inputs"]["samples"]:
        topics[N_("germline variants")] = N_(
            "Germline variants were not assessed: the run has no germline calls. Nothing is said of "
            "inherited variants, of the quality of a germline sample, of relatives or of ancestry."
        )
    if reference["fasta"] is None:
        topics[N_("reference allele check")] = N_(
            "Reference alleles were not assessed: the run has no reference genome."
        )
        topics[N_("left alignment")] = N_(
            "Left alignment was not assessed: the run has no reference genome, "
            "so one indel may be written in two ways."
        )
        topics[N_("consequences")] = N_(
            "Consequences of variants were not assessed: the run has no reference genome."
        )
    elif reference["genes"] is None:
        topics["consequences"] = N_("Consequences of variants were not assessed: the run has no gene models.")
    missing = {
        "clinical_significance": (
            N_("clinical significance"),
            N_("Clinical significance of variants was"),
            N_("no clinical variant source"),
        ),
        "population_frequency": (
            N_("population frequency"),
            N_("Population frequency of variants was"),
            N_("no population frequency source"),
        ),
        "genes": (
            N_("gene knowledge"),
            N_("Disease, inheritance and mechanism of genes were"),
            N_("no gene table"),
        ),
        "targets": (N_("targets"), N_("Targets were"), N_("no target table")),
    }
    described = {FIXED_NAMES.get(source["kind"]) for source in knowledge.get("sources", ())}
    for key, (topic, subject, reason) in missing.items():
        if knowledge[key] is None and key not in described:
            topics[topic] = N_("{subject} not assessed: the run has {reason}.").format(
                subject=subject, reason=reason
            )
    return topics


def write_preflight(result: Preflight, out_dir: str | Path) -> None:
    """Write the files of ``results/cohort/`` into ``out_dir``."""
    out = Path(out_dir)
    for name in ("people", "samples", "files", "tumours"):
        write_parquet(getattr(result, name), out / f"{name}.parquet")
    # Apart: nothing that is computed of the cohort depends on who agreed to what.
    consent = names_with_role(result.dictionary, "consent")
    write_parquet(result.clinical.drop(columns=consent), out / "clinical.parquet")
    write_parquet(result.clinical[["patient", *consent]], out / "consent.parquet")
    for name in ("reconciliation", "quarantine"):
        write_tsv(getattr(result, name), out / f"{name}.tsv")
    write_json(out / "dictionary.json", result.dictionary)
    write_json(
        out / "preflight.json",
        {
            "contigs": [{"name": name, "length": length} for name, length in result.contigs],
            "contig_renames": result.contig_renames,
            "counts": result.counts,
            "not_assessed": result.not_assessed,
            "warnings": list(result.warnings),
        },
    )


@contextlib.contextmanager
def _reference(path: str | None, findings: Findings) -> Iterator[Reference | None]:
    """The open reference, or ``None`` when there is none or it can't be read."""
    with contextlib.ExitStack() as stack:
        yield findings.attempt(lambda: stack.enter_context(open_reference(path))) if path else None


def _check_genome(
    config: Mapping[str, Any],
    genotypes: Genotypes | None,
    genome: Genome,
    reference: Reference | None,
    findings: Findings,
) -> tuple[tuple[str, int], ...]:
    mapped = genotypes.inspected if genotypes else ()
    for each in mapped:
        check_build(each.file, genome, reference, findings, each.different)
    files = [each.file for each in mapped]
    if reference is None:
        check_naming(files, findings)
    if genes := config["reference"]["genes"]:
        findings.attempt(check_gene_models, genes, set(reference.lengths) if reference else None)
    cohort = {name for file in files for name in file.contigs}
    check_knowledge(config["knowledge"], genome, reference, cohort, findings)
    return cohort_contigs(files, genome, findings)


def _check_panel(panel: Mapping[str, str], findings: Findings) -> None:
    for suffix in (".bed", ".bim", ".fam"):
        path = panel["genotypes"] + suffix
        if not Path(path).is_file():
            findings.problem(path, None, "", "no such file", "a PLINK 1 fileset (.bed, .bim, .fam)")
    if not Path(panel["populations"]).is_file():
        findings.problem(
            panel["populations"], None, "", "no such file", "a table with the columns sample and population"
        )


def _check_pedigree(path: str, genotypes: Genotypes | None, findings: Findings) -> None:
    pedigree = findings.attempt(read_pedigree, path)
    if pedigree is None or genotypes is None:
        return
    sexes = dict(zip(genotypes.samples["patient"], genotypes.samples["sex"], strict=True))
    known = pedigree[pedigree["individual"].isin(sexes.keys())]
    if known.empty:
        findings.problem(
            path, None, "individual", "nobody of the sample sheet", "patient ids of the sample sheet"
        )
    for row in known.itertuples():
        declared = sexes[str(row.individual)]
        if "unknown" not in (declared, row.sex) and declared != row.sex:
            findings.warnings.append(
                f"{path}: {row.individual} is {row.sex} in the pedigree and {declared} in the sample sheet."
            )


def _check_something_is_known(
    config: Mapping[str, Any], dictionary: Mapping[str, Any], findings: Findings
) -> None:
    """Note that without germline calls nothing else describes the patients either."""
    roles = [column["role"] for column in dictionary["columns"].values()]
    has_matrix = any(view["source"] == "matrix" for view in config["subtypes"].get("views") or ())
    if not (config["inputs"]["tumours"] or has_matrix or "feature" in roles):
        findings.problem(
            "configuration",
            None,
            "inputs.samples",
            "no sample sheet, no tumour sheet, and no clinical column with the role feature",
            "something that tells the patients apart",
            "give inputs.samples, inputs.tumours, or a column of the dictionary the role feature",
        )


def _check_sexes(path: str, samples: pd.DataFrame, clinical: pd.DataFrame, findings: Findings) -> None:
    """Warn of people whose sex is another in the clinical table than in the sample sheet."""
    recorded = recorded_sexes(clinical)
    for patient, sex in sorted(set(zip(samples["patient"], samples["sex"], strict=True))):
        other = recorded.get(patient, "unknown")
        if "unknown" not in (sex, other) and sex != other:
            findings.warnings.append(
                f"{path}: {patient} is {other} in the clinical table and {sex} in the sample sheet, "
                "which is believed."
            )


def recorded_sexes(clinical: pd.DataFrame) -> dict[str, str]:
    """Patient -> ``male`` or ``female``, by the column ``sex`` of the clinical table, if there is one.

    Only words that a sample sheet may have for the sex are understood; others leave it unknown.
    """
    names = [name for name in clinical.columns if name.casefold() == "sex"]
    if len(names) != 1 or not pd.api.types.is_string_dtype(clinical[names[0]]):
        return {}
    known = clinical[["patient", names[0]]].dropna()
    return {
        str(patient): word
        for patient, text in known.itertuples(index=False)
        if (word := SEX_WORDS.get(str(text).strip().casefold(), "unknown")) != "unknown"
    }


def _people(samples: pd.DataFrame, clinical: pd.DataFrame, with_tumour: set[str]) -> pd.DataFrame:
    """One row per person of either side, sorted by patient.

    The sex is that of the sample sheet, else that of the clinical table.
    """
    recorded = recorded_sexes(clinical)
    stated = dict(zip(samples["patient"], samples["sex"], strict=True))
    sexes = recorded | {patient: sex for patient, sex in stated.items() if sex != "unknown"}
    genotyped = set(samples["patient"])
    patients = sorted(genotyped | set(clinical["patient"]))
    in_genotypes = [patient in genotyped for patient in patients]
    in_clinical = pd.Index(patients).isin(clinical["patient"]).tolist()
    in_tumours = [patient in with_tumour for patient in patients]
    status = [
        "included" if c and (g or t) else "only_genotyped" if g else "only_clinical"
        for g, c, t in zip(in_genotypes, in_clinical, in_tumours, strict=True)
    ]
    return pd.DataFrame(
        {
            "patient": pd.Series(patients, dtype="str"),
            "sex": pd.Series([sexes.get(patient, "unknown") for patient in patients], dtype="str"),
            "in_genotypes": pd.Series(in_genotypes, dtype="bool"),
            "in_clinical": pd.Series(in_clinical, dtype="bool"),
            "in_tumours": pd.Series(in_tumours, dtype="bool"),
            "status": pd.Series(status, dtype="str"),
        }
    )


def _counts(
    people: pd.DataFrame, genotypes: Genotypes, clinical: ClinicalTable, reconciliation: pd.DataFrame
) -> dict[str, int]:
    status = people["status"]
    return {
        "people": len(people),
        "included": int((status == "included").sum()),
        "only_genotyped": int((status == "only_genotyped").sum()),
        "only_clinical": int((status == "only_clinical").sum()),
        "near_misses": int((reconciliation["status"] == "near_miss").sum()),
        "variant_files": len(genotypes.files),
        "clinical_rows": clinical.n_rows,
        "clinical_rows_kept": len(clinical.frame),
        "clinical_rows_quarantined": clinical.n_rows_quarantined,
        "clinical_cells_quarantined": len(clinical.quarantine) - clinical.n_rows_quarantined,
    }
