"""Which variant of the cohort each row of a score file speaks of, or why none.

A row is matched by place and alleles. It fits a variant when its two alleles are the variant's REF and ALT,
in either order; a row that doesn't say the other allele fits by its effect allele alone. Rows without a place
are matched by id, or by the place that the id spells (``22:17080378:G:A``). A row that fits none as it stands
is tried on the other strand, where it is a single base, says both alleles and fits exactly one variant.

A palindrome (A/T, C/G) reads the same on both strands, so that nothing but the file's word tells its strand.
It is used as it stands, and counted; but where more than 1 % of the other rows had to be read on the other
strand, the file's word is worth nothing, and its palindromes are set aside.

Reasons why a row isn't used, the first that holds:

* ``several_variants_in_a_row``, ``weights_of_genotypes``: a haplotype, an interaction; a weight a genotype;
* ``allele_not_a_sequence``: letters other than A, C, G, T, such as ``I``, ``D``, ``HLA-B*27``;
* ``no_place``: neither a position nor an id of the cohort, as of a row that harmonising couldn't place;
* ``chromosome_not_in_cohort``, ``haploid_chromosome`` (Y, MT), ``not_in_cohort``: no variant there;
* ``allele_mismatch``: there is a variant, with other alleles;
* ``fits_several_variants``: more than one, as where the other allele isn't said;
* ``multiallelic_reference``: the effect allele is REF where the site has a second ALT. A person's copies of
  REF are then not two less those of one ALT;
* ``palindrome_of_unknown_strand``;
* ``repeated_row``: the variant again, with the same weights. The first counts;
* ``contradicting_rows``: the variant again, with other weights. None counts, since nobody knows which is
  meant.

Rows in = rows matched + rows of each reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from endotype.cohort.assembly import canonical_assembly, match_contigs, sex_chromosome
from endotype.errors import input_error, visible
from endotype.message import N_
from endotype.subtypes.score_file import ADDITIVE, DOMINANT, NO_POSITION, RECESSIVE, ScoreFile

MATCHED = "matched"
USABLE, NOT_ASSESSED = "usable", "not_assessed"
MIN_MATCH_RATE = 0.75
MAX_FLIPPED = 0.01
"""Share of rows on the other strand above which a file's palindromes aren't believed."""

NOT_A_SEQUENCE = "allele_not_a_sequence"
NO_PLACE = "no_place"
NO_CHROMOSOME = "chromosome_not_in_cohort"
HAPLOID = "haploid_chromosome"
NOT_IN_COHORT = "not_in_cohort"
MISMATCH = "allele_mismatch"
SEVERAL = "fits_several_variants"
MULTIALLELIC = "multiallelic_reference"
PALINDROME = "palindrome_of_unknown_strand"
REPEATED = "repeated_row"
CONTRADICTING = "contradicting_rows"

_ID_PLACE = r"^([^:_]+)[:_]([0-9]{1,10})[:_]([ACGT]+)[:_]([ACGT]+)$"
_PAIRS = {"A": "T", "C": "G", "G": "C", "T": "A"}
_COMPLEMENT = str.maketrans(_PAIRS)
_COPIES = {ADDITIVE: (0.0, 1.0, 2.0), DOMINANT: (0.0, 1.0, 1.0), RECESSIVE: (0.0, 0.0, 1.0)}


@dataclass(frozen=True)
class Match:
    """The scores of one file and the variants of one cohort.

    Attributes:
        file: path of the score file.
        names: of the scores, unique within a run.
        mechanism: empty, or the mechanism whose genes the variants lie in.
        details: one row a row of the file, in its order: ``line id chrom pos effect_allele other_allele model
            status flipped palindromic variant_id effect_is_alt``. ``status`` is ``matched`` or the reason;
            chrom and pos are those that were looked for.
        variant: int64 (n_matched,), row of the genotype store; of the matched rows, in their order.
        effect: float64 (n_matched, n_scores, 3), what 0, 1 and 2 copies of ALT add.
        weight: float64 (n_matched, n_scores).
        summary: one row a score: ``score file mechanism n_rows n_repeated n_matched match_rate weight_rate
            n_flipped n_palindromic status reason``. Rates are of the rows without repeated ones, and of
            their total absolute weight.
    """

    file: str
    names: tuple[str, ...]
    mechanism: str
    details: pd.DataFrame
    variant: np.ndarray
    effect: np.ndarray
    weight: np.ndarray
    summary: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """Rows of the file by status; they add up to the rows of the file."""
        return {str(k): int(v) for k, v in self.details["status"].value_counts().sort_index().items()}


def match_score(
    score: ScoreFile,
    variants: pd.DataFrame,
    assembly: str | None,
    min_match_rate: float = MIN_MATCH_RATE,
) -> Match:
    """Match the rows of a file with the variants of a genotype store.

    Args:
        score: the file.
        variants: ``chrom id pos ref alt``, biallelic, in the order of the store.
        assembly: that of the run, ``None`` where it has no name.
        min_match_rate: a score of which less is there, by rows or by absolute weight, is not assessed.

    Raises:
        InputError: the file is of another assembly.
    """
    rows = _places(score, assembly)
    status = rows["fault"].to_numpy(object).copy()

    def set_aside(where: np.ndarray, reason: str) -> None:
        status[(status == "") & where] = reason

    sequence = rows["effect_allele"].str.fullmatch("[ACGT]+") & rows["other_allele"].str.fullmatch("[ACGT]*")
    set_aside(~sequence.to_numpy(bool), NOT_A_SEQUENCE)
    has_chrom = (rows["chrom"] != "").to_numpy(bool)
    has_pos = (rows["pos"] != NO_POSITION).to_numpy(bool)
    store_ids = pd.Index(variants["id"])
    by_id = ~(has_chrom & has_pos) & (rows["id"] != "").to_numpy(bool)
    by_id = by_id & (rows["id"] != ".").to_numpy(bool) & rows["id"].isin(store_ids).to_numpy(bool)
    set_aside(~(has_chrom & has_pos) & ~by_id, NO_PLACE)
    contigs = match_contigs(rows.loc[has_chrom, "chrom"].unique(), variants["chrom"].unique())
    contig = rows["chrom"].map(contigs).astype("str")
    set_aside(contig.isna().to_numpy(bool) & ~by_id, NO_CHROMOSOME)

    candidates = _candidates(rows.assign(contig=contig), variants, by_id, status == "")
    haploid = {c for c in variants["chrom"].unique() if sex_chromosome(c) in ("Y", "MT")}
    on_haploid = np.array(contig.isin(haploid), bool)
    on_haploid[candidates.loc[candidates["chrom_v"].isin(haploid), "row"].to_numpy()] = True
    set_aside(on_haploid, HAPLOID)
    near = np.bincount(candidates["row"], minlength=len(rows))
    fits = candidates[candidates["fits"]]
    flips = candidates[candidates["fits_flipped"]]
    n_fits = np.bincount(fits["row"], minlength=len(rows))
    n_flips = np.bincount(flips["row"], minlength=len(rows))
    set_aside(near == 0, NOT_IN_COHORT)
    set_aside((n_fits == 0) & (n_flips == 0), MISMATCH)
    set_aside((n_fits > 1) | ((n_fits == 0) & (n_flips > 1)), SEVERAL)

    flipped = (n_fits == 0) & (n_flips == 1)
    chosen = pd.concat([fits, flips[flipped[flips["row"].to_numpy()]]])
    chosen = chosen[(status == "")[chosen["row"].to_numpy()]].set_index("row").sort_index()
    variant = np.full(len(rows), -1, np.int64)
    is_alt, palindromic = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    at = chosen.index.to_numpy()
    variant[at] = chosen["variant"]
    is_alt[at] = np.where(flipped[at], chosen["alt_flipped"], chosen["alt_fits"])
    palindromic[at] = [_flip(r) == a for r, a in zip(chosen["ref"], chosen["alt"], strict=True)]
    several = np.zeros(len(rows), bool)
    several[at] = _many_alternates(variants, variant[at])
    set_aside(several & ~is_alt & (variant >= 0), MULTIALLELIC)
    telling = (status == "") & ~palindromic
    if flipped[telling].sum() > MAX_FLIPPED * telling.sum():
        set_aside(palindromic, PALINDROME)
    _set_repeats_aside(status, variant, is_alt, rows["model"], score.weights)

    used = status == ""
    status[used] = MATCHED
    ids = variants["id"].to_numpy(object)
    shown = rows[["line", "id", "chrom", "pos", "effect_allele", "other_allele", "model"]]
    details = shown.assign(
        status=pd.Series(status, dtype="str"),
        flipped=flipped & (variant >= 0),
        palindromic=palindromic,
        variant_id=pd.Series([ids[v] if v >= 0 else "" for v in variant], dtype="str"),
        effect_is_alt=is_alt,
    )
    copies = np.array([_COPIES[model] for model in rows["model"][used]], float).reshape(-1, 3)
    copies = np.where(is_alt[used][:, None], copies, copies[:, ::-1])
    weight = score.weights[used]
    return Match(
        score.path,
        score.names,
        "",
        details,
        variant[used],
        weight[:, :, None] * copies[:, None, :],
        weight,
        _summary(score, details, min_match_rate),
    )


def mechanism_scores(match: Match, annotation: pd.DataFrame, genes: pd.DataFrame) -> list[Match]:
    """The scores of a file restricted to the variants in the genes of each mechanism, by its name.

    Args:
        match: the whole score.
        annotation: ``variant_id gene``, one row or more a variant.
        genes: ``gene mechanism``; null or blank mechanisms are none. A gene may have several.

    Returns:
        One :class:`Match` a mechanism, its scores named ``score:mechanism``. Its rows are the matched ones
        that lie in the genes; its rates and status are those of the whole score, since the gene of a row
        that isn't in the cohort isn't known. A mechanism without a variant is not assessed.
    """
    named = genes[["gene", "mechanism"]].dropna().astype("str")
    named = named[named["mechanism"].str.strip() != ""]
    of_variant = annotation[["variant_id", "gene"]].dropna().merge(named, on="gene")
    used = match.details[match.details["status"] == MATCHED]
    scores = []
    for mechanism in sorted(named["mechanism"].unique()):
        ids = of_variant.loc[of_variant["mechanism"] == mechanism, "variant_id"]
        inside = used["variant_id"].isin(ids).to_numpy(bool)
        details = used[inside]
        summary = match.summary.assign(
            score=[f"{name}:{mechanism}" for name in match.names],
            mechanism=mechanism,
            n_rows=len(details),
            n_repeated=0,
            n_matched=len(details),
            n_flipped=int(details["flipped"].sum()),
            n_palindromic=int(details["palindromic"].sum()),
        )
        if not inside.any():
            assessed = summary["status"] == USABLE
            summary.loc[assessed, "reason"] = "no matched variant lies in a gene of the mechanism"
            summary["status"] = NOT_ASSESSED
        scores.append(
            replace(
                match,
                names=tuple(summary["score"]),
                mechanism=mechanism,
                details=details.reset_index(drop=True),
                variant=match.variant[inside],
                effect=match.effect[inside],
                weight=match.weight[inside],
                summary=summary,
            )
        )
    return scores


def _places(score: ScoreFile, assembly: str | None) -> pd.DataFrame:
    """The rows with ``chrom pos other_allele`` of the run's assembly, and places spelt by ids."""
    own = (canonical_assembly(assembly) or assembly) if assembly else None
    rows = score.rows.copy()
    if score.harmonised_build is not None and score.harmonised_build == own:
        rows["chrom"], rows["pos"] = rows["hm_chrom"], rows["hm_pos"]
        inferred = rows["hm_other_allele"].where(rows["hm_other_allele"].str.fullmatch("[ACGT]+"), "")
        rows["other_allele"] = rows["other_allele"].where(rows["other_allele"] != "", inferred)
        return rows  # an id would spell a place of the assembly that was left
    if own is not None and score.build not in (None, own):
        stated = [build for build in (score.build, score.harmonised_build) if build]
        raise input_error(
            score.path,
            f"positions of {' and '.join(visible(build) for build in stated)}",
            f"positions of {own}, the assembly of the run",
            "the PGS Catalog has every score harmonised to GRCh37 and to GRCh38 (..._hmPOS_GRCh38.txt.gz)",
        )
    spelt = rows["id"].str.extract(_ID_PLACE)
    place = ((rows["chrom"] == "") | (rows["pos"] == NO_POSITION)) & spelt[0].notna()
    effect, first, second = rows["effect_allele"], spelt[2], spelt[3]
    place &= (effect == first) | (effect == second)
    rows.loc[place, "chrom"] = spelt.loc[place, 0]
    rows.loc[place, "pos"] = spelt.loc[place, 1].astype("int64")
    said = rows["other_allele"] != ""
    other = first.where(effect == second, second)
    rows["other_allele"] = rows["other_allele"].where(said | ~place, other)
    return rows


def _candidates(
    rows: pd.DataFrame, variants: pd.DataFrame, by_id: np.ndarray, open_: np.ndarray
) -> pd.DataFrame:
    """Pairs of a row and a variant at its place or of its id, and whether their alleles fit."""
    asked = rows.assign(row=np.arange(len(rows)))[open_]
    at_place, named = asked[~by_id[open_]], asked[by_id[open_]]
    wanted = variants["pos"].isin(at_place["pos"].unique()) | variants["id"].isin(named["id"].unique())
    there = variants.loc[wanted.to_numpy(bool), ["chrom", "id", "pos", "ref", "alt"]]
    there = there.assign(variant=np.flatnonzero(wanted.to_numpy(bool)))
    there["ref"], there["alt"] = there["ref"].str.upper(), there["alt"].str.upper()
    there = there.rename(columns={"chrom": "chrom_v"})
    told = ["row", "effect_allele", "other_allele"]
    pairs = pd.concat(
        [
            at_place[[*told, "contig", "pos"]].merge(
                there, left_on=["contig", "pos"], right_on=["chrom_v", "pos"]
            ),
            named[[*told, "id"]].merge(there, on="id"),
        ]
    )[[*told, "variant", "chrom_v", "ref", "alt"]]
    effect, other, ref, alt = (pairs[c] for c in ("effect_allele", "other_allele", "ref", "alt"))
    silent = other == ""
    as_alt = (effect == alt) & (silent | (other == ref))
    as_ref = (effect == ref) & (silent | (other == alt))
    # Alleles of several bases turn into missing values, which equal nothing.
    effect, other = effect.map(_PAIRS), other.map(_PAIRS)
    alt_flipped = (effect == alt) & (other == ref)
    ref_flipped = (effect == ref) & (other == alt)
    return pairs.assign(
        fits=as_alt | as_ref, alt_fits=as_alt, fits_flipped=alt_flipped | ref_flipped, alt_flipped=alt_flipped
    )


def _flip(allele: str) -> str:
    return allele.translate(_COMPLEMENT)[::-1]


def _many_alternates(variants: pd.DataFrame, chosen: np.ndarray) -> np.ndarray:
    """Whether the place of each chosen variant has another ALT that takes the place of the same REF.

    An insertion or deletion keeps its first base: it takes nothing from a substitution of that base.
    """
    if not len(chosen):
        return np.zeros(0, bool)
    near = variants["pos"].isin(variants["pos"].iloc[chosen].unique()).to_numpy(bool)
    there = variants.loc[near, ["chrom", "pos", "ref", "alt"]]
    keeps = there["ref"].str[0].str.upper() == there["alt"].str[0].str.upper()
    size = there.assign(keeps=keeps).groupby(["chrom", "pos", "keeps"])["ref"].transform("size")
    many = np.zeros(len(variants), bool)
    many[np.flatnonzero(near)] = (size > 1).to_numpy(bool)
    return many[chosen]


def _set_repeats_aside(
    status: np.ndarray, variant: np.ndarray, is_alt: np.ndarray, model: pd.Series, weights: np.ndarray
) -> None:
    """Rows of one variant and model: equal ones count once, others not at all."""
    used = np.flatnonzero(status == "")
    key = pd.DataFrame({"variant": variant[used], "model": model.to_numpy(object)[used]})
    again = key.duplicated(keep=False).to_numpy(bool)
    for _, group in key[again].groupby(["variant", "model"], sort=False):
        rows = used[group.index.to_numpy()]
        same = (is_alt[rows] == is_alt[rows[0]]) & (weights[rows] == weights[rows[0]]).all(axis=1)
        if same.all():
            status[rows[1:]] = REPEATED
        else:
            status[rows] = CONTRADICTING


def _summary(score: ScoreFile, details: pd.DataFrame, min_match_rate: float) -> pd.DataFrame:
    used = (details["status"] == MATCHED).to_numpy(bool)
    counted = (details["status"] != REPEATED).to_numpy(bool)
    rate = used.sum() / counted.sum()
    summary = []
    for j, name in enumerate(score.names):
        size = np.abs(score.weights[:, j])
        whole = float(size[counted].sum())
        share = float(size[used].sum()) / whole if whole > 0 else 0.0
        if whole == 0:
            reason = N_("all weights are 0")
        elif min(rate, share) < min_match_rate:
            reason = N_(
                "{used} of {counted} rows and {share:.1%} of the weight are in the cohort; at least "
                "{least:.0%} of both are needed"
            ).format(used=used.sum(), counted=counted.sum(), share=share, least=min_match_rate)
        else:
            reason = ""
        summary.append(
            {
                "score": name,
                "file": score.path,
                "mechanism": "",
                "n_rows": len(details),
                "n_repeated": int((~counted).sum()),
                "n_matched": int(used.sum()),
                "match_rate": float(rate),
                "weight_rate": share,
                "n_flipped": int((used & details["flipped"]).sum()),
                "n_palindromic": int((used & details["palindromic"]).sum()),
                "status": NOT_ASSESSED if reason else USABLE,
                "reason": reason,
            }
        )
    return pd.DataFrame(summary)
