"""Quality of each person's genotypes: measures, relatives, ancestry, and a verdict with its reasons.

The order matters. What is wrong with a sample itself (call rate, contamination, a duplicate) comes first;
those without a fault, and without a close relative among them, give the ancestry axes; by ancestry it is
known what is usual, on X and elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.cohort.pedigree import read_pedigree
from endotype.engine import EngineSettings, open_engine
from endotype.files import write_json
from endotype.message import N_
from endotype.tables import read_parquet, write_parquet
from endotype.variants.ancestry import (
    Ancestry,
    autosomal_variants,
    independent_variants,
    principal_components,
    write_axes,
)
from endotype.variants.mendelian import pedigree_trios, trio_errors
from endotype.variants.outliers import MIN_PEOPLE, usual
from endotype.variants.pedigree_kinship import declared_relationships
from endotype.variants.plink import GenotypeStore, open_store
from endotype.variants.population_differences import pairwise_fst
from endotype.variants.reference_panel import Populations, assign_populations
from endotype.variants.relatedness import MIN_SITES, related_pairs, unrelated_set
from endotype.variants.roh import RunLimits, runs_of_homozygosity
from endotype.variants.sample_metrics import sample_metrics
from endotype.variants.sex import X_DEPTH, Y_DEPTH, SexLimits, infer_sex, x_heterozygosity
from endotype.variants.verdicts import Bounds, Verdicts

OUTLIER_METRICS = {
    "het_rate": N_("Heterozygosity"),
    "het_hom": N_("The ratio of heterozygous to homozygous alternate genotypes"),
    "ti_tv": N_("The ratio of transitions to transversions"),
    "n_snv": N_("The number of single nucleotide variants carried"),
    "n_singleton": N_("The number of alleles that nobody else has"),
    "indel_ratio": N_("The ratio of insertions to deletions"),
}
"""Measures that are compared with those of people of the same ancestry."""

COUNTS = ("n_snv", "n_singleton")
"""Compared by their square roots, whose scatter doesn't grow with the count; by chance alone it is 1/2."""

MIN_CARRIED = 200
"""Fewer variants in the middlemost person don't show who is unusual."""

DEGREE = {"duplicate": 0, "parent_child": 1, "full_sibling": 1, "second_degree": 2, "third_degree": 3}
RELATION_WORDS = {
    "duplicate": N_("duplicate"),
    "parent_child": N_("parent or child"),
    "full_sibling": N_("full sibling"),
    "second_degree": N_("second-degree relative"),
    "third_degree": N_("third-degree relative"),
    "unrelated": N_("unrelated"),
}

WIDE_COLUMNS = [
    *("patient", "declared_sex", "inferred_sex", "x_het_rate", "x_inbreeding", "x_depth_ratio"),
    *("y_call_rate", "y_depth_ratio", "call_rate", "n_het", "n_hom_alt", "n_snv", "n_singleton", "ti_tv"),
    *("het_hom", "indel_ratio", "het_rate", "inbreeding", "roh", "mean_depth", "mean_genotype_quality"),
    *("contamination", "unrelated", "verdict", "reasons", "in_statistics"),
]


@dataclass(frozen=True)
class Limits:
    """Thresholds of the verdicts (config section ``sample_qc``, where each is explained)."""

    min_call_rate: float = 0.9
    warn_call_rate: float = 0.95
    max_contamination: float = 0.05
    warn_contamination: float = 0.03
    min_mean_depth: float = 15.0
    min_mean_genotype_quality: float = 30.0
    outlier_mads: float = 4.0
    max_inbreeding: float = 0.2
    max_roh: float = 0.0625
    roh_min_kb: float = 1500.0
    roh_min_variants: int = 50
    roh_max_gap_kb: float = 1000.0
    female_max_x_inbreeding: float = 0.6
    male_min_x_inbreeding: float = 0.8
    max_kinship: float = 0.177
    max_mendelian_errors: float = 0.02
    principal_components: int = 4
    min_population_probability: float = 0.8


@threadpool_limits.wrap(limits=1)
def qc_samples(
    prefix: str | Path,
    variant_qc: str | Path,
    reads: str | Path,
    people: str | Path,
    assembly: str,
    limits: Limits,
    out_dir: str | Path,
    pedigree: str | Path | None = None,
    panel: tuple[str | Path, str | Path] | None = None,
    engine: EngineSettings | None = None,
) -> None:
    """Write the tables of sample quality, relatives and ancestry (docs/results.md).

    ``sample_qc.parquet``, ``sample_metrics.parquet``, ``relatedness.parquet``, ``roh.parquet``,
    ``ancestry.parquet``, ``ancestry_loadings.parquet`` and ``ancestry.json``.

    Args:
        prefix: genotype store.
        variant_qc, reads: tables of :mod:`endotype.variants.merge`.
        people: ``cohort/people.parquet``, for the declared sex.
        assembly: names the pseudoautosomal regions and those of long-range linkage disequilibrium.
        limits: thresholds.
        out_dir: where to write.
        pedigree: PED file with the declared relationships.
        panel: PLINK 1 prefix of a reference panel, and the table of its populations.
        engine: where pairs of people are compared. The result does not depend on it.

    Raises:
        InputError: a file can't be read, or they don't go together.
    """
    out, store = Path(out_dir), open_store(prefix)
    all_variants = read_parquet(variant_qc)
    kept = all_variants[all_variants["kept"]].reset_index(drop=True)
    table = sample_metrics(store, kept, read_parquet(reads), assembly)
    declared_sex = read_parquet(people, ["patient", "sex"]).set_index("patient")["sex"]
    table["declared_sex"] = declared_sex.reindex(table["patient"]).fillna("unknown").to_numpy(str)
    verdicts = Verdicts(table["patient"].tolist())
    _judge_sample(verdicts, table, limits)

    independent = independent_variants(store, autosomal_variants(store), assembly)
    declared = declared_relationships(pedigree, store.people["iid"])
    with open_engine(engine, 1, out) as opened:
        pairs = related_pairs(store, independent, declared, opened)
    _judge_relatives(verdicts, table["patient"], pairs, _pedigree_people(pedigree), len(independent))
    call_rate = table.set_index("patient")["call_rate"]
    table["unrelated"] = unrelated_set(pairs, call_rate, limits.max_kinship).to_numpy()

    fit = ~verdicts.failed() & table["unrelated"].to_numpy(bool)
    ancestry = principal_components(store, independent, fit, limits.principal_components)
    scores = ancestry.scores if ancestry else None
    populations = (
        assign_populations(store, *panel, assembly, limits.max_kinship, limits.min_population_probability)
        if panel
        else None
    )
    _judge_sex(verdicts, table, x_heterozygosity(store, kept, assembly, fit, scores), limits)
    _judge_outliers(verdicts, table, fit, scores, populations, limits)
    runs, table["roh"] = runs_of_homozygosity(
        store, kept, RunLimits(limits.roh_min_kb, limits.roh_min_variants, limits.roh_max_gap_kb)
    )
    verdicts.judge(
        "roh",
        N_("The share of the genome in runs of homozygosity"),
        table["roh"].to_numpy(),
        Bounds(warn_above=limits.max_roh),
        N_("Runs of homozygosity were not assessed: common variants cover less than 100 Mb, or are sparse."),
        lambda _: N_("as of a person whose parents are related"),
    )
    _judge_trios(verdicts, store, pedigree, assembly, limits)
    _judge_ancestry(verdicts, table["patient"], populations)

    for name, texts in (("verdict", verdicts.overall()), ("reasons", verdicts.reasons())):
        table[name] = pd.Series(texts, dtype="str")
    table["in_statistics"] = ~verdicts.failed()
    names = populations.name if populations else np.full(len(table), "", object)
    write_parquet(table[WIDE_COLUMNS], out / "sample_qc.parquet")
    write_parquet(verdicts.table([name or None for name in names]), out / "sample_metrics.parquet")
    write_parquet(pairs, out / "relatedness.parquet")
    write_parquet(runs, out / "roh.parquet")
    write_axes(
        ancestry.axes if ancestry else None, limits.principal_components, out / "ancestry_loadings.parquet"
    )
    _write_ancestry(ancestry, table["patient"], fit, populations, limits, out / "ancestry.parquet")
    summary = _summary(ancestry, fit, len(independent), populations)
    fst = pairwise_fst(store, independent, populations.name, fit) if populations else []
    write_json(out / "ancestry.json", {**summary, "fst": fst})


def _judge_sample(verdicts: Verdicts, table: pd.DataFrame, limits: Limits) -> None:
    """Call rate, depth, genotype quality, contamination."""
    verdicts.judge(
        "call_rate",
        N_("Call rate"),
        # Of somebody without a single call nothing can be trusted.
        table["call_rate"].fillna(0.0).to_numpy(),
        Bounds(warn_below=limits.warn_call_rate, fail_below=limits.min_call_rate),
        "",
    )
    verdicts.judge(
        "mean_depth",
        N_("Mean depth"),
        table["mean_depth"].to_numpy(),
        Bounds(warn_below=limits.min_mean_depth),
        N_("Depth was not assessed: the calls have none (DP)."),
    )
    verdicts.judge(
        "mean_genotype_quality",
        N_("Mean genotype quality"),
        table["mean_genotype_quality"].to_numpy(),
        Bounds(warn_below=limits.min_mean_genotype_quality),
        N_("Genotype quality was not assessed: the calls have none (GQ)."),
    )
    verdicts.judge(
        "contamination",
        N_("Estimated contamination"),
        table["contamination"].to_numpy(),
        Bounds(warn_above=limits.warn_contamination, fail_above=limits.max_contamination),
        N_(
            "Contamination was not assessed: it takes reads per allele (AD) at 100 homozygous alternate "
            "calls whose frequency in another population is known."
        ),
        lambda _: N_("as of a sample with reads of another person"),
    )


def _pedigree_people(pedigree: str | Path | None) -> set[str]:
    return set() if pedigree is None else set(read_pedigree(pedigree)["individual"])


def _judge_relatives(
    verdicts: Verdicts, patients: pd.Series, pairs: pd.DataFrame, in_pedigree: set[str], n_variants: int
) -> None:
    """Duplicates, and relations that the pedigree doesn't declare or that the genotypes don't confirm."""
    if n_variants < MIN_SITES:
        why = N_("Relatives were not assessed: {n!s} independent variants are fewer than {least!s}.").format(
            n=n_variants, least=MIN_SITES
        )
        n = len(patients)
        verdicts.add("relatedness", np.full(n, np.nan), ["not_assessed"] * n, [why] * n)
        return
    found: dict[str, list[tuple[str, str]]] = {}
    closest: dict[str, float] = {}
    for pair in pairs.to_dict("records"):
        a, b, phi = pair["patient_a"], pair["patient_b"], pair["kinship"]
        for this, other in ((a, b), (b, a)):
            both = this in in_pedigree and other in in_pedigree
            judged = _judge_pair(other, pair["relationship"], pair["declared"], phi, both)
            found.setdefault(this, []).append(judged)
            closest[this] = max(closest.get(this, phi), phi)
    verdict, explanation = [], []
    for patient in patients:
        said = found.get(patient, [])
        worst = next((v for v in ("fail", "warn") if any(grade == v for grade, _ in said)), "pass")
        verdict.append(worst)
        words = [text for grade, text in said if grade == worst]
        explanation.append(" and ".join(words) + "." if words else N_("No relative was found in the cohort."))
    verdicts.add("relatedness", patients.map(closest).to_numpy(float), verdict, explanation)


def _judge_pair(other: str, found: str, declared: str, phi: float, both_in_pedigree: bool) -> tuple[str, str]:
    word = RELATION_WORDS[found]
    if found == "duplicate":
        same = N_(
            "Same genome as {person!s} (kinship {kinship:.3f}): a duplicate, a swapped sample or an "
            "identical twin"
        )
        return "fail", same.format(person=other, kinship=phi)
    if declared and pedigree_disagrees(found, declared):
        odd = N_("Declared {declared} of {person!s}, by the genotypes {found} (kinship {kinship:.3f})")
        return "warn", odd.format(declared=RELATION_WORDS[declared], person=other, found=word, kinship=phi)
    if not declared and both_in_pedigree and DEGREE.get(found, 4) <= 1:
        new = N_("Kinship {kinship:.3f} says {found} of {person!s}, which the pedigree doesn't declare")
        return "warn", new.format(kinship=phi, found=word, person=other)
    said = N_("Kinship {kinship:.3f} says {found} of {person!s}")
    if declared == found:
        said = N_("Kinship {kinship:.3f} says {found} of {person!s}, as declared")
    return "pass", said.format(kinship=phi, found=word, person=other)


def pedigree_disagrees(found: str, declared: str) -> bool:
    """Whether a relationship by genotypes contradicts a declared one.

    Parents, children and siblings are told surely; of the others, neighbouring degrees overlap.
    """
    a, b = DEGREE.get(found, 4), DEGREE.get(declared, 4)
    if min(a, b) <= 1:
        return found != declared
    return abs(a - b) > 1


def _judge_sex(
    verdicts: Verdicts, table: pd.DataFrame, x: tuple[np.ndarray, np.ndarray], limits: Limits
) -> None:
    """The sex by the genotypes, added to the table, against the declared one; and the depth of X and Y."""
    table["x_het_rate"], table["x_inbreeding"] = x
    of_f = SexLimits(limits.female_max_x_inbreeding, limits.male_min_x_inbreeding)
    inferred, verdict, explanation = [], [], []
    columns = ["x_inbreeding", "y_call_rate", "x_depth_ratio", "y_depth_ratio"]
    evidence = table[columns].to_numpy(float)
    for declared, (f, y_call_rate, x_depth, y_depth) in zip(table["declared_sex"], evidence, strict=True):
        sex, why = infer_sex(f, y_call_rate, x_depth, y_depth, of_f)
        inferred.append(sex)
        if sex == "not_assessed":
            verdict.append(sex)
            explanation.append(N_("Sex was not assessed: {why}").format(why=why) + ".")
        elif sex == "ambiguous":
            verdict.append("warn")
            explanation.append(N_("The sex can't be told from the genotypes: {why}").format(why=why) + ".")
        elif {declared, sex} == {"male", "female"}:
            verdict.append("fail")
            odd = N_("Declared {declared!s}, but the genotypes are {sex!s}: {why}") + "."
            explanation.append(odd.format(declared=declared, sex=sex, why=why))
        else:
            verdict.append("pass")
            said = N_("The genotypes are {sex!s}: {why}") + "."
            if declared == sex:
                said = N_("The genotypes are {sex!s}, as declared: {why}") + "."
            explanation.append(said.format(sex=sex, why=why))
    table["inferred_sex"] = pd.Series(inferred, dtype="str")
    female, male = table["declared_sex"] == "female", table["declared_sex"] == "male"
    lower = np.where(male, limits.male_min_x_inbreeding, np.nan)
    upper = np.where(female, limits.female_max_x_inbreeding, np.nan)
    verdicts.add("sex", table["x_inbreeding"].to_numpy(), verdict, explanation, lower, upper)
    for chromosome, usual_depth in (("x", X_DEPTH), ("y", Y_DEPTH)):
        value = table[f"{chromosome}_depth_ratio"].to_numpy(float)
        fits = np.array([usual_depth.get(sex, (np.nan, np.nan)) for sex in inferred]).reshape(-1, 2)
        verdicts.judge(
            f"{chromosome}_depth_ratio",
            N_("Depth of {chromosome!s} relative to the autosomes").format(chromosome=chromosome.upper()),
            np.where(np.isnan(fits[:, 0]), np.nan, value),
            Bounds(warn_below=fits[:, 0], warn_above=fits[:, 1]),
            N_("Depth of {chromosome!s} was not judged: it isn't known, or the sex isn't.").format(
                chromosome=chromosome.upper()
            ),
            lambda i: N_("unusual for a {sex!s}").format(sex=inferred[i]),
        )


def _judge_outliers(
    verdicts: Verdicts,
    table: pd.DataFrame,
    fit: np.ndarray,
    scores: np.ndarray | None,
    populations: Populations | None,
    limits: Limits,
) -> None:
    """Measures far from what people of the same ancestry have, by median absolute deviations."""
    names = populations.name.astype(str) if populations and (populations.name != "").any() else None
    enough = (table["n_het"] + table["n_hom_alt"]).median() >= MIN_CARRIED
    too_few = N_(
        "{measure} was not judged: fewer than {people!s} people of known ancestry or {variants!s} variants "
        "can be compared."
    )
    for metric, label in OUTLIER_METRICS.items():
        value = table[metric].to_numpy(float)
        root = metric in COUNTS
        scale = np.sqrt(value) if root else value
        among = usual(scale, fit & enough, scores, names)
        deviation = np.fmax(among.deviation, 0.5) if root else among.deviation
        reach = limits.outlier_mads * deviation
        low, high = np.maximum(among.center - reach, 0.0), among.center + reach
        if root:
            low, high = low**2, high**2
        away = (scale - among.center) / deviation
        verdicts.judge(
            metric,
            label,
            np.where(np.isnan(away), np.nan, value),
            # Relatives in the cohort leave a person few alleles that nobody else has.
            Bounds(warn_below=np.nan if metric == "n_singleton" else low, warn_above=high),
            too_few.format(measure=label, people=MIN_PEOPLE, variants=MIN_CARRIED),
            partial(_deviations, away),
        )
    value = table["inbreeding"].to_numpy(float)
    among = usual(value, fit & enough, scores, names)
    center = among.center
    # Where little of the genome was looked at, F scatters more than the limit.
    reach = np.fmax(limits.max_inbreeding, limits.outlier_mads * among.deviation)
    verdicts.judge(
        "inbreeding",
        N_("The inbreeding coefficient F"),
        np.where(np.isnan(center), np.nan, value),
        Bounds(warn_below=center - reach, warn_above=center + reach),
        too_few.format(measure=N_("Inbreeding"), people=MIN_PEOPLE, variants=MIN_CARRIED),
        lambda i: N_("where people of the same ancestry have about {f:.3f}").format(f=center[i]),
    )


def _deviations(away: np.ndarray, i: int) -> str:
    return N_("{n:.1f} median absolute deviations from what people of the same ancestry have").format(
        n=abs(away[i])
    )


def _judge_trios(
    verdicts: Verdicts, store: GenotypeStore, pedigree: str | Path | None, assembly: str, limits: Limits
) -> None:
    """Genotypes of children that their declared parents can't have handed down."""
    patients = store.people["iid"].tolist()
    errors: Mapping[str, float] = {}
    checked: Mapping[str, int] = {}
    if pedigree is not None:
        trios = trio_errors(store, pedigree_trios(read_pedigree(pedigree), patients), assembly)
        errors = dict(zip(trios["child"], trios["rate"], strict=True))
        checked = dict(zip(trios["child"], trios["n_checked"], strict=True))
    verdicts.judge(
        "mendelian_errors",
        N_("The share of genotypes that the declared parents can't have handed down"),
        np.array([errors.get(p, np.nan) for p in patients]),
        Bounds(warn_above=limits.max_mendelian_errors),
        N_("Mendelian errors were not assessed: no parent of this person is declared and in the cohort."),
        lambda i: N_("of {n!s} variants").format(n=checked[patients[i]]),
    )


def _judge_ancestry(verdicts: Verdicts, patients: pd.Series, populations: Populations | None) -> None:
    """The nearest population; to have none is no fault."""
    n = len(patients)
    if populations is None:
        why = N_("Population was not assessed: no reference panel is given.")
        verdicts.add("ancestry", np.full(n, np.nan), ["not_assessed"] * n, [why] * n)
        return
    explanation = [
        N_("Nearest population of the reference panel: {name} (probability {probability:.3f}).").format(
            name=name, probability=probability
        )
        if name
        else N_("No population of the reference panel was assigned: {reason}.").format(reason=reason)
        for name, probability, reason in zip(
            populations.name, populations.probability, populations.reason, strict=True
        )
    ]
    verdict = ["pass" if name else "not_assessed" for name in populations.name]
    verdicts.add("ancestry", populations.probability, verdict, explanation)


def _write_ancestry(
    ancestry: Ancestry | None,
    patients: pd.Series,
    fit: np.ndarray,
    populations: Populations | None,
    limits: Limits,
    path: Path,
) -> None:
    table = pd.DataFrame({"patient": patients})
    for k in range(limits.principal_components):
        there = ancestry is not None and k < ancestry.scores.shape[1]
        table[f"pc{k + 1}"] = ancestry.scores[:, k] if ancestry is not None and there else np.nan
    table["used_for_fit"] = fit if ancestry is not None else False
    names = [name or None for name in populations.name] if populations else [None] * len(table)
    table["population"] = pd.Series(names, table.index, dtype="str")
    table["population_probability"] = populations.probability if populations else np.nan
    write_parquet(table, path)


def _summary(
    ancestry: Ancestry | None, fit: np.ndarray, n_independent: int, populations: Populations | None
) -> dict[str, object]:
    return {
        "n_independent_variants": n_independent,
        "relatedness_assessed": n_independent >= MIN_SITES,
        "relatedness_min_variants": MIN_SITES,
        "n_variants": ancestry.n_variants if ancestry else 0,
        "eigenvalues": ancestry.eigenvalues.tolist() if ancestry else [],
        "share_of_variance": ancestry.share.tolist() if ancestry else [],
        "n_people_in_fit": int(fit.sum()) if ancestry else 0,
        "population_assessed": populations is not None and populations.n_panel > 0,
        "n_panel_variants": populations.n_variants if populations else 0,
        "n_panel_people": populations.n_panel if populations else 0,
    }
