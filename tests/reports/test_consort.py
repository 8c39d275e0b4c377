"""The CONSORT flows: what goes in is what leaves and what stays, and tables that disagree are an error."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest

from endotype.files import read_json
from endotype.reports.consort import MAX_REASONS, Flow, Part, Step, consort
from endotype.reports.consort_plot import consort_plot
from endotype.reports.qc_inputs import QcTables, read_qc_tables
from tests.reports.qc_run import build_qc_run


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> QcTables:
    run = build_qc_run(tmp_path_factory.mktemp("consort"))
    return read_qc_tables(run.results, read_json(run.config))


def flows(tables: QcTables, **changed: object) -> dict[str, Flow]:
    values = {
        **{"flow": tables.flow, "people": tables.people, "sample_qc": tables.sample_qc},
        **{"metrics": tables.metrics, "sites": tables.sites, "ancestry": tables.ancestry_info},
        "traits": tables.traits,
    }
    return consort(**(values | changed))  # type: ignore[arg-type]


def counts(flow: Flow) -> dict[str, int]:
    return {step.name: step.count for step in flow.steps}


def leaving(flow: Flow, step: str) -> dict[str, int]:
    (found,) = (s for s in flow.steps if s.name == step)
    return {part.label: part.count for part in found.leaving}


def test_what_flows_out_of_every_node_is_its_count(tables: QcTables) -> None:
    for flow in flows(tables).values():
        graph = flow.graph()
        out: dict[str, int] = defaultdict(int)
        changes = set()
        for edge in graph["edges"]:
            out[edge["source"]] += edge["count"]
            if edge.get("unit_changes"):
                changes.add(edge["source"])
        steps = [node for node in graph["nodes"] if node["kind"] == "step"]
        for node in steps[:-1]:
            if node["id"] not in changes:
                assert out[node["id"]] == node["count"], node
        assert changes <= {"records"}
        assert {e["source"] for e in graph["edges"]} | {e["target"] for e in graph["edges"]} == {
            node["id"] for node in graph["nodes"]
        }


def test_people_are_counted_from_the_sheet_to_the_statistics(tables: QcTables) -> None:
    flow = flows(tables)["people"]
    assert counts(flow) == {"people": 40, "genotyped": 39, "in_statistics": 37, "with_record": 36}
    assert leaving(flow, "genotyped") == {"call rate": 1, "contamination and sex": 1}
    parts = {part.label: part.count for step in flow.steps for part in step.parts}
    assert (parts["passed with remarks"], parts["passed every check"]) == (1, 36)
    assert parts["with lipid level recorded"] == 33


def test_every_allele_and_every_genotype_is_accounted_for(tables: QcTables) -> None:
    variants, genotypes = flows(tables)["variants"], flows(tables)["genotypes"]
    assert counts(variants) == {
        **{"records": 64, "alleles": 70, "normalised": 50, "kept": 46, "in_pca": 30},
    }
    assert leaving(variants, "normalised") == {"site filter": 3, "call rate": 1}
    assert sum(leaving(variants, "alleles").values()) == 20
    sites = tables.sites
    used = int(sites.loc[sites["kept"], "n_called"].sum())
    assert counts(genotypes)["genotypes"] == 50 * 39 and counts(genotypes)["used"] == used
    assert sum(leaving(genotypes, "called").values()) == 8 + 7 + 7
    assert leaving(genotypes, "genotypes") == {"not called": 7}
    remarks = {part.label: part.count for step in genotypes.steps for part in step.parts}
    assert remarks["filled from reference blocks"] == 11
    assert remarks["half calls, one allele unknown: not called"] == 6


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alleles_in", 71),
        ("structural", 3),
        ("outside_reference", 0),
        ("monomorphic", 0),
        ("reference_blocks", 9),
        ("duplicates_merged", 2),
        ("joined_across_files", 0),
        ("alleles_rejected", {"ref_mismatch": 2}),
        ("variants_normalised", 51),
        ("variants_kept", 45),
        ("variants_filtered", {"site_filter": 4}),
        ("genotypes_masked", {"quality": 1, "depth": 7, "balance": 7, "ploidy": 2}),
    ],
)
def test_a_count_that_is_off_is_an_error(tables: QcTables, key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"flow\.json has|should be left"):
        flows(tables, flow=copy.deepcopy(tables.flow) | {key: value})


def test_a_call_masked_in_somebody_without_a_y_is_not_missing(tables: QcTables) -> None:
    genotypes = flows(tables, sites=tables.sites.assign(n_missing=0))["genotypes"]
    assert leaving(genotypes, "genotypes") == {}
    assert counts(genotypes)["genotypes"] == counts(genotypes)["called"]


def test_more_than_there_are_cannot_leave() -> None:
    with pytest.raises(ValueError, match="never negative"):
        Part("spare", -1)


def test_tables_that_disagree_on_people_are_an_error(tables: QcTables) -> None:
    with pytest.raises(ValueError, match="Q0039"):
        flows(tables, sample_qc=tables.sample_qc[tables.sample_qc["patient"] != "Q0039"])


def test_one_who_is_left_out_without_a_failed_measure_is_counted(tables: QcTables) -> None:
    sample_qc = tables.sample_qc.assign(in_statistics=tables.sample_qc["patient"] != "Q0020")
    assert leaving(flows(tables, sample_qc=sample_qc)["people"], "genotyped") == {"another reason": 1}


def test_without_principal_components_the_flow_ends_at_the_kept_variants(tables: QcTables) -> None:
    assert list(counts(flows(tables, ancestry={"n_variants": 0})["variants"]))[-1] == "kept"


def test_many_reasons_are_few_lines_and_the_same_total(tables: QcTables) -> None:
    rejected = {f"reason_{i:02d}": 1 for i in range(30)}
    flow = tables.flow | {"alleles_rejected": rejected, "alleles_in": 70 - 7 + 30}
    reasons = leaving(flows(tables, flow=flow)["variants"], "alleles")
    assert len(reasons) == MAX_REASONS and sum(reasons.values()) == 30 + 13


def test_an_empty_run_has_flows_of_nothing(tmp_path: Path) -> None:
    run = build_qc_run(tmp_path, 1)
    tables = read_qc_tables(run.results, read_json(run.config))
    nobody = {"people": tables.people.iloc[:0], "sample_qc": tables.sample_qc.iloc[:0]}
    people = flows(tables, **nobody, metrics=tables.metrics.iloc[:0], traits={"weight": set()})["people"]
    assert set(counts(people).values()) == {0}
    assert people.steps[-1].parts == (Part("with weight recorded", 0),)


def test_the_diagram_shows_every_count_and_escapes_its_words() -> None:
    hostile = "<script>alert(1)</script>"
    steps = (
        Step("a", hostile, 12345, (Part(hostile, 5), Part("other", 40)), (Part("of a kind", 7),)),
        Step("b", "the end", 12300),
    )
    root = ET.fromstring(str(consort_plot(Flow(hostile, steps))))
    texts = [text.text or "" for text in root.iter("text")]
    for shown in ("12,345", "12,300", "−45", "40 other", "7 of a kind"):
        assert shown in texts
    assert f"5 {hostile}" in " ".join(texts)
    assert not list(root.iter("script"))
    assert "12,345 <script>" in (root.findtext("desc") or "")


def test_boxes_and_lines_stay_on_the_canvas(tables: QcTables) -> None:
    for flow in flows(tables).values():
        root = ET.fromstring(str(consort_plot(flow)))
        width, height = map(float, root.get("viewBox", "").split()[2:])
        for box in root.iter("rect"):
            x, y, w, h = (float(box.get(name, "nan")) for name in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        assert len(list(root.iter("rect"))) == len(flow.steps) + sum(bool(s.leaving) for s in flow.steps)


def test_the_sums_are_those_of_the_table(tmp_path: Path) -> None:
    run = build_qc_run(tmp_path)
    tables = read_qc_tables(run.results, read_json(run.config))
    table = pd.read_parquet(run.results / "variants/variant_qc.parquet")
    names = [name for name in tables.sites.columns if name.startswith("n_") and name != "n_variants"]
    expected = table.groupby(["kept", "reason"])[names].sum().reset_index()
    found = tables.sites[["kept", "reason", *names]].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        found.sort_values(["kept", "reason"], ignore_index=True), expected, check_dtype=False
    )
    assert tables.sites["n_variants"].sum() == len(table)
    kinds = tables.kinds.set_index("kind")["n_variants"].to_dict()
    assert kinds == {"transition": 9, "transversion": 9, "insertion": 9, "deletion": 9, "several_bases": 10}
