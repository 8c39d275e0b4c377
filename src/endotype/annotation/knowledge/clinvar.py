"""Clinical significance of germline variants, from ClinVar's VCF.

Words of the significance (CLNSIG) and of the review status (CLNREVSTAT) are checked against closed
vocabularies. Tags of somatic classifications (ONC, SCI) are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from endotype.annotation.knowledge.records import SOURCE_ROW, RecordFile
from endotype.annotation.knowledge.vcf_alleles import Alleles
from endotype.annotation.knowledge.vocabulary import REVIEW_STARS, review_stars
from endotype.annotation.severity import CLINICAL_WORDS, is_pathogenic, unknown_clinical_words
from endotype.cohort.knowledge_kinds import Column
from endotype.errors import InputError, Problem, input_error, nearest, visible

COLUMNS = (
    Column("clinical_significance", ("CLNSIG",)),
    Column("review_status", ("CLNREVSTAT",)),
    Column("condition", ("CLNDN",)),
    Column("clinical_id", ("ID",)),
    Column("pathogenic", ("CLNSIG",), "flag"),
    Column("clinical_stars", ("CLNREVSTAT",), "integer"),
    Column("conflicting", ("CLNSIGCONF",)),
    Column("source_genes", ("GENEINFO",)),
    Column("source_consequence", ("MC",)),
    Column("allele_id", ("ALLELEID",)),
)
_TAGS = ("CLNSIG", "CLNREVSTAT", "CLNDN", "CLNSIGCONF", "GENEINFO", "MC", "ALLELEID")
PREFER = "pathogenic DESC, clinical_stars DESC NULLS LAST, source_row"
"""A pathogenic record of an allele goes before another one of the same allele, then the better reviewed."""

_HELD = "\x1f"


def clinical_batches(file: RecordFile) -> Iterator[pa.Table]:
    """One row per allele with ``chrom pos ref alt``, ``COLUMNS``, ``source_row`` and ``reason``.

    Raises:
        InputError: no CLNSIG in the header; after the last record, with every word that isn't known.
    """
    if "CLNSIG" not in file.columns:
        raise input_error(file.path, "a header without the INFO tags", "INFO/CLNSIG")
    tags = [tag for tag in _TAGS if tag in file.columns]
    seen: dict[str, set[str]] = {"CLNSIG": set(), "CLNREVSTAT": set()}
    for batch in file.batches(["CHROM", "POS", "ID", "REF", "ALT", *tags]):
        alleles = Alleles(batch["ALT"].combine_chunks())
        nothing = pa.nulls(len(batch), pa.string())
        text = {tag: batch[tag].combine_chunks() if tag in tags else nothing for tag in _TAGS}
        mine = _own_words(alleles, text["CLNSIG"])
        reason = pc.if_else(
            pc.is_valid(mine),
            None,
            pc.if_else(
                pc.and_(pc.is_valid(alleles.whole(text["CLNSIG"])), pa.array(alleles.of_record > 1)),
                pc.if_else(_says_none(alleles, text["CLNSIG"]), "no_significance", "ambiguous_significance"),
                "no_significance",
            ),
        )
        review = pc.coalesce(_own_words(alleles, text["CLNREVSTAT"]), alleles.whole(text["CLNREVSTAT"]))
        disease = pc.coalesce(_own_words(alleles, text["CLNDN"]), alleles.whole(text["CLNDN"]))
        ids = batch["ID"].combine_chunks()
        own_id = pc.coalesce(alleles.own(ids, ";"), alleles.whole(ids))
        seen["CLNSIG"].update(pc.unique(mine).drop_null().to_pylist())
        seen["CLNREVSTAT"].update(pc.unique(review).drop_null().to_pylist())
        yield pa.table(
            {
                "chrom": alleles.whole(batch["CHROM"].combine_chunks()),
                "pos": alleles.whole(batch["POS"].combine_chunks()),
                "ref": alleles.whole(batch["REF"].combine_chunks()),
                "alt": alleles.alt,
                "clinical_significance": mine,
                "review_status": review,
                "condition": _plain(disease),
                "clinical_id": own_id,
                "pathogenic": _mapped(mine, is_pathogenic, pa.bool_()),
                "clinical_stars": _mapped(review, review_stars, pa.int64()),
                "conflicting": _plain(alleles.whole(text["CLNSIGCONF"])),
                "source_genes": alleles.whole(text["GENEINFO"]),
                "source_consequence": alleles.whole(text["MC"]),
                "allele_id": alleles.own(text["ALLELEID"]),
                SOURCE_ROW: alleles.whole(batch[SOURCE_ROW].combine_chunks()),
                "reason": reason,
            }
        )
    _check_words(file.path, seen)


def _own_words(alleles: Alleles, text: pa.Array) -> pa.Array:
    """An allele's own words; a comma followed by ``_`` is part of them, as in ``criteria_provided,_...``."""
    held = pc.replace_substring(text, ",_", _HELD)
    return pc.replace_substring(alleles.own(held), _HELD, ",_")


def _says_none(alleles: Alleles, text: pa.Array) -> pa.Array:
    """Whether the list has a part for each allele, so that a missing one is missing and not ambiguous."""
    commas = pc.count_substring(pc.replace_substring(pc.fill_null(text, "."), ",_", _HELD), ",")
    return pc.equal(pc.add(alleles.whole(commas), 1), pa.array(alleles.of_record))


def _plain(text: pa.Array) -> pa.Array:
    """Names of diseases as people write them."""
    return pc.replace_substring(pc.replace_substring(text, "|", "; "), "_", " ")


def _mapped(text: pa.Array, function: Callable[[str], object], to: pa.DataType) -> pa.Array:
    """A function of each distinct text, given to every row that has it."""
    encoded = text.dictionary_encode()
    values = pa.array([function(word) for word in encoded.dictionary.to_pylist()], to)
    return values.take(encoded.indices)


def _check_words(path: str | Path, seen: dict[str, set[str]]) -> None:
    significance = sorted({w for text in seen["CLNSIG"] for w in unknown_clinical_words(text)})
    review = sorted(text for text in seen["CLNREVSTAT"] if review_stars(text) is None)
    problems = [
        Problem(
            str(path), None, tag, f"the {what} {visible(word)}", "a word of ClinVar's", nearest(word, known)
        )
        for tag, what, words, known in (
            ("CLNSIG", "clinical significance", significance, CLINICAL_WORDS),
            ("CLNREVSTAT", "review status", review, REVIEW_STARS),
        )
        for word in words
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


_GENE = re.compile(r"([^:|]+):\d+")


def genes_of(source_genes: str | None) -> list[str]:
    """The symbols of ClinVar's GENEINFO, ``AGRN:375790|ISG15:9636``."""
    return _GENE.findall(source_genes or "")
