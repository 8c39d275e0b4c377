"""Names of genes: identifiers before symbols, symbols before old ones, and nothing for a name of several."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.annotation.knowledge.gene_names import (
    GeneNames,
    MappingCounts,
    bare_id,
    hgnc_key,
    split_names,
)
from endotype.annotation.knowledge.gene_sources import profile_genes

MODEL = pd.DataFrame(
    [
        ("AARS", "ENSG01.4"),  # HGNC calls it AARS1 today
        ("CCN6", "ENSG02.1"),
        ("WISP3X", "ENSG03"),
        ("TWIN", "ENSG04"),
        ("TWIN", "ENSG05"),
        ("ODD;name=$(x)", "ENSG06"),
    ],
    columns=["gene", "gene_id"],
)


def _hgnc(*rows: tuple[str, str, str, str, str | None], status: str = "Approved") -> pd.DataFrame:
    columns = ["hgnc_id", "symbol", "prev_symbol", "alias_symbol", "ensembl_gene_id"]
    return pd.DataFrame(rows, columns=columns).assign(status=status)


HGNC = _hgnc(
    ("HGNC:20", "AARS1", "AARS", "CMT2N|SHARED", None),
    ("HGNC:12771", "CCN6", "WISP3", "PPAC|SHARED", "ENSG02"),
    ("HGNC:99", "GONE", "OLDGONE", "WISP3X2", None),  # not in the model
    ("HGNC:98", "CMT2N", "", "", None),  # the symbol of one gene is an alias of another
)


def _found(name: str | None, key: str | None = None, hgnc: pd.DataFrame | None = HGNC) -> tuple:
    match = GeneNames(MODEL, hgnc).find(name, key)
    return match.gene, match.mapped_by


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("CCN6", None, ("CCN6", "symbol")),
        ("AARS1", None, ("AARS", "symbol")),
        ("WISP3", None, ("CCN6", "previous_symbol")),
        ("PPAC", None, ("CCN6", "alias")),
        ("anything", "HGNC:20", ("AARS", "hgnc_id")),
        ("anything", "hgnc:20", ("AARS", "hgnc_id")),
        ("anything", "ENSG02.77", ("CCN6", "id")),
        ("ENSG03.1", None, ("WISP3X", "id")),
        (None, "HGNC:12771", ("CCN6", "hgnc_id")),
        ("ODD;name=$(x)", None, ("ODD;name=$(x)", "symbol")),
        # an alias of two genes, and a symbol of two
        ("SHARED", None, (None, None)),
        ("TWIN", None, (None, None)),
        # names of a gene that the model doesn't have are not another gene's
        ("GONE", None, (None, None)),
        ("OLDGONE", None, (None, None)),
        ("CMT2N", None, (None, None)),
        ("nobody", None, (None, None)),
        ("aars", None, (None, None)),
        ("", None, (None, None)),
    ],
)
def test_a_gene_is_found_by_the_surest_name(name, key, expected):
    assert _found(name, key) == expected


def test_without_hgnc_only_the_names_of_the_model_are_known():
    assert _found("CCN6", hgnc=None) == ("CCN6", "symbol")
    assert _found("WISP3", hgnc=None) == (None, None)
    aliases = MODEL.assign(aliases=[None, "WISP3|LIBC", None, None, None, None])
    match = GeneNames(aliases).find("LIBC")
    assert (match.gene, match.gene_id, match.mapped_by) == ("CCN6", "ENSG02.1", "alias")


def test_withdrawn_entries_give_no_names():
    assert _found("PPAC", hgnc=HGNC.assign(status="Entry Withdrawn")) == (None, None)


def test_every_row_is_mapped_unknown_ambiguous_or_without_a_gene():
    names, counts = GeneNames(MODEL, HGNC), MappingCounts()
    written = ["CCN6", "WISP3", "SHARED", "nobody", "nobody", None, "PPAC"]
    matches = names.map(written, [None] * 6 + ["HGNC:20"], counts)
    assert [m.gene for m in matches] == ["CCN6", "CCN6", None, None, None, None, "AARS"]
    entry = counts.entry()
    assert entry["rows_mapped_by"] == {"hgnc_id": 1, "symbol": 1, "previous_symbol": 1}
    assert (entry["rows_of_unknown_genes"], entry["unknown_genes_first"]) == (2, ["nobody"])
    assert (entry["rows_of_ambiguous_genes"], entry["ambiguous_genes_first"]) == (1, ["SHARED"])
    total = sum(entry["rows_mapped_by"].values()) + entry["rows_of_unknown_genes"]
    assert total + entry["rows_of_ambiguous_genes"] + entry["rows_without_gene"] == len(written)


@given(st.text(max_size=30), st.none() | st.text(max_size=30))
def test_no_text_breaks_the_search(name, key):
    match = GeneNames(MODEL, HGNC).find(name, key)
    assert (match.mapped_by is None) == (match.gene is None)


def test_identifiers_are_read_in_the_ways_that_they_are_written():
    assert bare_id("ENSG00000188157.15") == "ENSG00000188157"
    assert bare_id("ENSG00000182378.15_PAR_Y") == "ENSG00000182378_PAR_Y"
    assert [hgnc_key(t) for t in ("HGNC:329", "hgnc:329", "HGNC_329", "HGNC:HGNC:329")] == ["HGNC:329"] * 4
    assert hgnc_key("AGRN") == "AGRN"
    assert split_names('"A|B| C"') == ["A", "B", "C"]
    assert split_names(None) == []


@pytest.mark.parametrize(
    ("profile", "genes"),
    [
        ("BRAF V600E", ["BRAF"]),
        ("EML4::ALK Fusion AND ALK C1156Y", ["EML4", "ALK"]),
        ("(NOT KRAS Mutation) OR EGFR L858R", ["KRAS", "EGFR"]),
        ("v::ALK Fusion", ["ALK"]),
        (None, []),
    ],
)
def test_a_molecular_profile_names_its_genes(profile, genes):
    assert profile_genes(profile) == genes
