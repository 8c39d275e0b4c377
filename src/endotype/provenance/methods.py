"""The methods of one run in words, as a paper needs them: ``provenance/methods.md``.

Every number is read from a file that the run wrote; what the run has no file for is not stated. Names that
come from the user are set as code, so that none of them can be read as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.files import read_json, write_text
from endotype.provenance.citations import REFERENCES, SOFTWARE
from endotype.provenance.manifest import APART
from endotype.visible import clean

_TESTS = {"linear": "linear", "logistic": "logistic", "cox": "Cox proportional hazards"}


def write_methods(results: str | Path) -> None:
    """Write ``provenance/methods.md`` of a results folder whose stages are done."""
    root = Path(results)
    write_text(root / APART / "methods.md", methods(root))


def methods(results: str | Path) -> str:
    """The text: a paragraph a stage, software with versions, what to cite."""
    root = Path(results)
    config = read_json(root / APART / "config.json")
    software = read_json(root / APART / "software.json")
    cited: set[str] = set()
    sections = [
        ("Cohort", _cohort(root)),
        ("Variants", _variants(root, config, cited)),
        ("Annotation", _annotation(root, config, cited)),
        ("Association", _association(root, config, cited)),
        ("Subtypes", _subtypes(root, cited)),
        ("Targets", _targets(root)),
    ]
    lines = [
        "# Methods of this run",
        "",
        f"Made from the records of the run {_name(config['run']['name'])}; every number is that of a "
        "result file. "
        "For research use: a subtype is a statistical group of this cohort, neither a disease nor a cause.",
    ]
    for title, sentences in sections:
        if sentences:
            lines += ["", f"## {title}", "", " ".join(sentences)]
    packages = ", ".join(f"{name} {version}" for name, version in sorted(software["packages"].items()))
    lines += [
        "",
        "## Software",
        "",
        f"Endotype {software['endotype']} was run by Python {software['python']} on {software['machine']} "
        "with "
        f"{packages}."
        + (
            f" The SHA-256 of its lock file is `{software['lock_sha256']}`."
            if software["lock_sha256"]
            else " It was installed without its lock file."
        )
        + f" Random numbers came from the seed {config['run']['seed']}.",
        "",
        "## References",
        "",
        *(f"* {REFERENCES[key]}" for key in sorted(cited)),
        *(f"* {reference}" for name, reference in sorted(SOFTWARE.items()) if name in software["packages"]),
    ]
    return "\n".join(lines) + "\n"


def _cohort(root: Path) -> list[str]:
    counts = _json(root, "cohort/preflight.json").get("counts")
    if not counts:
        return []
    tumours = f" {_count(counts['tumours'], 'tumour')} were described." if counts["tumours"] else ""
    return [
        f"The cohort has {_count(counts['people'], 'person', 'people')}: {counts['included']:,} with "
        "genotypes "
        f"and clinical data, {counts['only_genotyped']:,} with genotypes only, {counts['only_clinical']:,} "
        "with "
        f"clinical data only.{tumours}",
        f"Of the clinical table {counts['clinical_rows_kept']:,} of "
        f"{_count(counts['clinical_rows'], 'row')} were "
        f"kept; {_count(counts['clinical_cells_quarantined'], 'cell')} that could not be read as the "
        "dictionary "
        "says were set aside and count as missing.",
    ]


def _variants(root: Path, config: Mapping[str, Any], cited: set[str]) -> list[str]:
    flow, limits = _json(root, "variants/flow.json"), config["variants"]
    if not flow.get("alleles_in"):
        return ["The run had no germline calls; all that rests on them is not assessed."]
    cited |= {"normalise", "hwe", "king", "pca"}
    assembly = config["reference"]["assembly"]
    aligned = (
        f"checked against the reference and left-aligned ({flow['alleles_left_aligned']:,} were moved)"
        if config["reference"]["fasta"]
        else "not left-aligned, since no reference was given"
    )
    hard = " Limits of INFO values were applied as configured." if limits["hard_filters"] else ""
    sentences = [
        f"{flow['records_in']:,} records with {flow['alleles_in']:,} alleles (assembly {_name(assembly)}) "
        "were "
        f"split by allele and {aligned}.",
        f"Alleles set aside: {_counts(flow['alleles_rejected'])}; {flow['duplicates_merged']:,} duplicates "
        "were "
        "merged.",
        f"A genotype was set to missing at a genotype quality under {limits['min_genotype_quality']}, a "
        "depth "
        f"under {limits['min_depth']}, or, heterozygous, a share of alternate reads under "
        f"{limits['min_allele_balance']} ({_counts(flow['genotypes_masked'])}).",
        f"A site was kept with FILTER {_names(limits['pass_filters'])}, QUAL of at least "
        f"{limits['min_quality']}, a call rate of at least {limits['min_call_rate']} and no excess of "
        f"heterozygotes (exact test, p ≥ {limits['min_hwe_p']:g}).{hard} Filtered sites: "
        f"{_counts(flow['variants_filtered'])}. {flow['variants_kept']:,} variants were kept.",
    ]
    qc, people = root / "variants/sample_qc.parquet", config["sample_qc"]
    if qc.is_file() and (verdicts := _tally(qc, "verdict")):
        sentences.append(
            f"Sample quality of the people with genotypes (call rate at least {people['min_call_rate']}, "
            f"contamination at most {people['max_contamination']}): {_counts(verdicts)}. Of a pair with a "
            f"kinship above {people['max_kinship']} one person was kept out of statistics."
        )
    return sentences


def _annotation(root: Path, config: Mapping[str, Any], cited: set[str]) -> list[str]:
    sources = _json(root, "annotation/knowledge.json").get("sources", {})
    loaded = {name: entry for name, entry in sources.items() if entry.get("status") == "loaded"}
    sentences = []
    if config["reference"]["fasta"] and config["reference"]["genes"]:
        cited.add("csq")
        sentences.append(
            "Consequences and HGVS names were predicted for every transcript of the gene model; variants "
            "on one "
            "copy of a gene were also read together (BCFtools/csq)."
        )
    if loaded:
        listed = "; ".join(
            f"{_name(name)}"
            + (f" version {_name(str(entry['version']))}" if entry.get("version") else "")
            + (f" of {entry['date']}" if entry.get("date") else "")
            + (f" (SHA-256 `{entry['sha256'][:16]}…`)" if entry.get("sha256") else "")
            for name, entry in sorted(loaded.items())
        )
        sentences.append(
            f"Knowledge was joined by exact allele from {listed}. An allele that a source does not list "
            "has no "
            "frequency, not a frequency of zero."
        )
    classified = _json(root, "annotation/classification.json").get("classes")
    if classified and any(classified.values()):
        cited |= {"acmg", "acmg_points"}
        how = "points" if config["acmg"]["scheme"] == "points" else "the rules of 2015"
        sentences.append(f"ACMG/AMP criteria were combined by {how}: {_counts(classified)}.")
    return sentences


def _association(root: Path, config: Mapping[str, Any], cited: set[str]) -> list[str]:
    summary = _json(root, "association/summary.json")
    design = _json(root, "association/design.json")
    settings, traits = config["association"], summary.get("traits", {})
    assessed = {name: trait for name, trait in traits.items() if trait.get("assessed")}
    if not assessed:
        return ["No trait was tested for association."] if traits else []
    kinds = {trait["type"] for trait in assessed.values()}
    cited |= {"skato", "acat"} | ({"firth", "spa"} if "logistic" in kinds else set())
    kept = design.get("covariates", {}).get("kept", [])
    samples = summary["samples"]
    sentences = [
        f"{samples['in_analysis']:,} of {samples['in_genotypes']:,} genotyped people were in the tests "
        f"(left out: {_counts(samples['excluded'])}).",
        f"Covariates: {_names(kept)}." if kept else "There were no covariates.",
    ]
    for name, trait in sorted(assessed.items()):
        cases = f", {trait['n_cases']:,} cases or events" if trait.get("n_cases") is not None else ""
        tests, sets = trait["variants"], trait["genes"]
        inflation = trait.get("inflation")
        sentences.append(
            f"{_name(name)}: {_TESTS.get(trait['type'], trait['type'])} model, n = {trait['n']:,}{cases}; "
            f"{tests['n_tests']:,} variants tested, {_count(tests['n_loci'], 'locus', 'loci')} significant; "
            + (
                f"{sets['n_tests']:,} genes tested, {sets['n_significant']:,} significant"
                if sets.get("n_tests") is not None
                else "genes were not tested"
            )
            + (f"; genomic inflation {inflation:.3f}." if inflation is not None else ".")
        )
    sentences.append(
        f"Genes were tested by {_names(settings['set_tests'])} over variants of a frequency of at most "
        f"{settings['gene_max_frequency']}, in the masks {_names(m['name'] for m in settings['masks'])}. "
        f"Significance is Bonferroni's, {settings['alpha']} over the variants, and again over the genes, "
        "of all "
        "traits."
    )
    return sentences


def _subtypes(root: Path, cited: set[str]) -> list[str]:
    selection = _json(root, "subtypes/selection.json")
    if not selection:
        return []
    cited |= {"consensus", "pac"}
    settings, used = selection["settings"], selection["features"]["used"]
    sentences = [
        f"{_count(len(used), 'feature')} of {_count(selection['n_patients'], 'patient')} were divided by the "
        f"engine {_name(settings['engine'])} into 1 to {settings['max_k']} groups ({settings['restarts']} "
        f"restarts, {settings['resamples']} resamples, {settings['null_cohorts']} null cohorts). "
        f"{_count(selection['k'], 'group')} resulted ({clean(str(selection['reason']))}).",
    ]
    assignments = root / "subtypes/assignments.parquet"
    if assignments.is_file():
        calls = _tally(assignments, "call")
        groups = _tally(assignments, "subtype")
        sentences.append(
            f"A call needs a posterior probability of at least {settings['call_probability']} and a "
            "typicality "
            f"of at least {settings['typicality_alpha']}: {_counts(calls)}"
            + (f"; {_counts(groups)}." if groups else ".")
        )
    return sentences


def _targets(root: Path) -> list[str]:
    summary = _json(root, "targets/summary.json")
    if not summary:
        return []
    people, settings = summary["patients"], summary["settings"]
    return [
        f"{_count(summary['evidence']['used'], 'piece', 'pieces')} of evidence were ranked by tier, then "
        "by score, "
        f"with {settings['draws']:,} random draws for the interval of each rank. Patients: "
        f"{_counts(people)}.",
    ]


def _json(root: Path, name: str) -> dict[str, Any]:
    path = root / name
    return dict(read_json(path)) if path.is_file() else {}


def _tally(path: Path, column: str) -> dict[str, int]:
    values = pc.value_counts(pq.read_table(path, columns=[column])[column].drop_null())
    return {
        str(row["values"]): row["counts"] for row in sorted(values.to_pylist(), key=lambda r: r["values"])
    }


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def _counts(counts: Mapping[str, int]) -> str:
    found = [f"{n:,} {clean(name).replace('_', ' ')}" for name, n in counts.items() if n]
    return ", ".join(found) or "none"


def _name(text: str) -> str:
    """A name of the user's as code."""
    return f"`{clean(text).replace('`', chr(39))}`"


def _names(names: Any) -> str:
    return ", ".join(_name(str(name)) for name in names) or "none"
