"""The cohort's page and its data."""

from __future__ import annotations

import base64
import re

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from endotype.errors import InputError
from endotype.files import read_json, write_json, write_text
from endotype.reports import overview, trait_pictures
from endotype.reports.overview import write_index
from endotype.reports.survival import kaplan_meier, log_log_interval, survival_by_group
from endotype.tables import read_parquet
from tests.reports.conftest import DICTIONARY, Run
from tests.reports.test_patient import empty_run


def index(run: Run) -> tuple[str, dict]:
    write_index(run.results, run.config)
    page = (run.results / "reports/index.html").read_text(encoding="utf-8")
    return page, read_json(run.results / "reports/cohort.json")


def test_the_index_has_one_row_and_one_link_for_every_patient_by_id(run: Run) -> None:
    patients = run.write()
    page, data = index(run)
    assert re.findall(r'href="([\w.-]+)/report\.html"', page.split('id="patients"')[1]) == patients
    assert [p["patient"] for p in data["patients"]] == patients


def test_counts_agree_with_the_reports(run: Run) -> None:
    patients = run.write()
    _, data = index(run)
    reports = [run.report(p) for p in patients]
    assert data["counts"]["people"] == len(patients)
    assert data["counts"]["subtype_called"] == sum(r["subtype"]["call"] == "called" for r in reports)
    assert data["counts"]["with_findings"] == sum(r["variants"]["counts"]["reportable"] > 0 for r in reports)
    assert sum(data["counts"]["quality"].values()) == len(patients)
    assert sum(data["counts"]["no_call"].values()) + data["counts"]["subtype_called"] == len(patients)


def test_what_was_not_assessed_is_null_not_zero(run: Run) -> None:
    run.write()
    page, data = index(run)
    last = data["patients"][-1]
    assert (last["n_findings"], last["quality"]) == (None, None)
    assert "not assessed" in page


def test_a_warning_against_an_intervention_is_on_the_index(run: Run) -> None:
    run.write()
    _, data = index(run)
    assert data["patients"][0]["n_warnings"] == 1
    assert data["patients"][0]["top_target"] == {"intervention": "Drug A", "gene": "GENEA", "tier": "1"}


def test_flow_counts_are_shown_as_they_were_written(run: Run) -> None:
    run.write()
    page, data = index(run)
    assert {"name": "alleles rejected: ref mismatch", "count": 2} in data["flow"]["variants"]
    assert "alleles rejected: ref mismatch" in page


def test_plots_of_traits_are_embedded_until_there_is_no_room(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.write()
    page, _ = index(run)
    (first, *_) = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)
    assert base64.b64decode(first) == (run.results / "association/airway_disease.svg").read_bytes()
    monkeypatch.setattr(trait_pictures, "EMBEDDED_BYTES", 10)
    page, _ = index(run)
    assert "data:image" not in page
    assert 'href="../association/survival.svg"' in page


def test_an_empty_cohort_of_variants_has_an_index(run: Run) -> None:
    empty_run(run)
    run.change("variants/ancestry.parquet", lambda t: t.assign(pc1=np.nan, pc2=np.nan))
    run.change("subtypes/profile.parquet", lambda t: t.iloc[:0])
    run.write()
    page, data = index(run)
    assert "No locus reached significance" in page
    assert "too few variants or people for principal components" in page
    assert data["counts"]["with_findings"] is None
    assert "reportable variants not assessed" in page


def test_the_cohort_comes_before_the_list_of_patients(run: Run) -> None:
    run.write()
    page, _ = index(run)
    chapters = ["attention", "flow", "quality", "ancestry", "associations", "subtypes", "survival", "targets"]
    places = [page.index(f' id="{chapter}"') for chapter in [*chapters, "patients", "not-assessed", "run"]]
    assert places == sorted(places)


def test_genes_and_sets_are_among_the_loci(run: Run) -> None:
    run.write()
    page, data = index(run)
    assert "<td>rare variants of a gene</td>" in page
    assert '<span class="code">pathway</span></td><td>set of variants</td>' in page
    assert {locus["kind"] for locus in data["loci"]} == {"variant", "gene", "set"}


def test_who_needs_attention_is_named_with_the_reason_and_the_rest_is_counted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.write()
    page, _ = index(run)
    box = page[page.index('id="attention"') : page.index('id="flow"')]
    assert re.findall(r'href="([\w.-]+)/report\.html"', box) == ["P0006", "P0009", "P0001"]
    assert "estimated contamination 0.150 is above 0.05" in box
    run.change("variants/sample_qc.parquet", lambda t: t.assign(verdict="warn"))
    run.write()
    monkeypatch.setattr(overview, "MAX_ATTENTION", 2)
    page, _ = index(run)
    assert "and 57 more in the table of patients" in page


def test_without_a_doubt_there_is_no_attention_box(run: Run) -> None:
    run.change("variants/sample_qc.parquet", lambda t: t.assign(verdict="pass", reasons=""))
    run.change("targets/targets.parquet", lambda t: t.iloc[:0])
    run.write()
    assert 'id="attention"' not in index(run)[0]


def test_why_patients_have_no_subtype_is_counted(run: Run) -> None:
    run.write()
    page, _ = index(run)
    assert "4 of 60 people have no subtype: 1 between subtypes (ambiguous)" in page


def test_no_people_have_an_index(run: Run) -> None:
    for table in (
        "cohort/people",
        "cohort/clinical",
        "subtypes/assignments",
        "subtypes/features",
        "variants/sample_qc",
    ):
        run.change(f"{table}.parquet", lambda t: t.iloc[:0])
    run.write()
    page, data = index(run)
    assert "There are no people in this run" in page
    assert data["patients"] == []


def test_a_report_that_is_missing_is_an_error(run: Run) -> None:
    run.write()
    (run.results / "reports/P0010/report.json").unlink()
    with pytest.raises(InputError, match="P0010"):
        write_index(run.results, run.config)


def test_the_index_is_the_same_every_time(run: Run) -> None:
    run.write()
    assert index(run) == index(run)


def test_survival_is_the_product_limit_estimate(run: Run) -> None:
    clinical = read_parquet(run.results / "cohort/clinical.parquet").set_index("patient")
    groups = (
        read_parquet(run.results / "subtypes/assignments.parquet").set_index("patient")["subtype"].dropna()
    )
    (estimates,) = survival_by_group(clinical, DICTIONARY["outcomes"], groups).values()
    assert [e.group for e in estimates] == [None, "S1", "S2", "S3"]
    for estimate in estimates:
        members = (
            clinical if estimate.group is None else clinical[groups.reindex(clinical.index) == estimate.group]
        )
        time, event = members["follow_up_years"].to_numpy(float), members["died"].to_numpy(bool)
        surviving = 1.0
        for t in np.unique(time[event & (time <= estimate.time)]):
            surviving *= 1 - (event & (time == t)).sum() / (time >= t).sum()
        assert estimate.estimate == pytest.approx(surviving, abs=1e-12)
        fit = KaplanMeierFitter().fit(time, event)
        assert estimate.estimate == pytest.approx(fit.predict(estimate.time), abs=1e-12)
        low, high = fit.confidence_interval_.loc[: estimate.time].iloc[-1]
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-12)
        assert estimate.n == len(members) and estimate.events == event.sum()


@pytest.mark.parametrize("seed", range(20))
def test_kaplan_meier_with_ties_is_that_of_lifelines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    time, event = rng.integers(0, 12, n) / 2, rng.random(n) < rng.choice([0.0, 0.5, 1.0])
    times, survival, greenwood = kaplan_meier(time, event)
    fit = KaplanMeierFitter().fit(time, event)
    assert survival == pytest.approx(fit.survival_function_at_times(times).to_numpy(), abs=1e-12)
    for t, s, variance in zip(times, survival, greenwood, strict=True):
        interval = log_log_interval(s, variance)
        if interval is None:
            assert s in (0, 1)
        else:
            assert interval == pytest.approx(fit.confidence_interval_.loc[t].to_numpy(), abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_kaplan_meier_with_late_entry_is_that_of_lifelines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    time, event = 1 + rng.integers(0, 12, n) / 2, rng.random(n) < 0.5
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.random(n) * time)  # never at the very time of an event
    times, survival, _ = kaplan_meier(time, event, entry)
    fit = KaplanMeierFitter().fit(time, event, entry=entry)
    assert survival == pytest.approx(fit.survival_function_at_times(times).to_numpy(), abs=1e-12)
    # Somebody who enters at the time of an event is not at risk of it.
    assert kaplan_meier(np.array([1.0, 2.0]), np.array([True, False]), np.array([0.0, 1.0]))[1][0] == 0


def test_survival_by_group_leaves_out_who_is_not_followed() -> None:
    clinical = pd.DataFrame(
        {"t": [2.0, 3, 4, 5, 6, 7, 8, 9], "e": [1.0, 0] * 4, "b": [0.0, 1, 1, np.nan, 6, 0, 2, 3]}
    )
    groups = pd.Series("S1", index=clinical.index)
    found = survival_by_group(clinical, {"death": {"time": "t", "event": "e", "entry": "b"}}, groups)
    assert [estimate.n for estimate in found["death"]] == [6, 6]
    curve = found["death"][0].curve  # at 2 the entries 0, 1, 1, 0 are at risk; at 4, 1, 0, 2 and 3
    assert curve[0] == pytest.approx(1 - 1 / 4) and curve[2] == pytest.approx((1 - 1 / 4) * (1 - 1 / 4))


def test_survival_has_no_interval_before_the_first_event_and_after_the_last() -> None:
    assert log_log_interval(1.0, 0.0) is None
    assert log_log_interval(0.0, np.inf) is None


def test_small_groups_have_no_curve(run: Run) -> None:
    clinical = read_parquet(run.results / "cohort/clinical.parquet").set_index("patient")
    groups = clinical["site"].iloc[:4].map(lambda _: "S9")
    (estimates,) = survival_by_group(clinical, DICTIONARY["outcomes"], groups).values()
    assert [e.group for e in estimates] == [None]


def test_an_outcome_nobody_has_is_left_out(run: Run) -> None:
    clinical = read_parquet(run.results / "cohort/clinical.parquet").set_index("patient")
    clinical["died"] = None
    assert survival_by_group(clinical, DICTIONARY["outcomes"], clinical["site"]) == {}


def test_a_trait_plot_that_was_not_written_is_left_out(run: Run) -> None:
    run.write()
    (run.results / "association/survival.svg").unlink()
    write_text(run.results / "association/lipid_level.svg", "<svg/>")
    page, _ = index(run)
    assert page.count("data:image/svg+xml") == 2


def plots(run: Run, n: int) -> None:
    """Pictures of a trait with ``n`` loci, weakest first, of which one has a hostile gene."""
    folder = run.results / "association/plots"
    regions = []
    for i in range(n):
        name = f"lipid_level.locus{i:03}"
        write_text(folder / f"{name}.svg", f"<svg xmlns='http://www.w3.org/2000/svg' id='r{i}'/>")
        region = {"picture": f"{name}.svg", "data": f"{name}.json", "chrom": "2", "pos": 5000 + i}
        region["lead"] = f"2:{5000 + i}:C:G"
        gene = "<b>G&" if i == n - 1 else None
        regions.append(region | {"gene": gene, "neg_log10_p": 8.0 + i, "alt": f"Regional plot {i} of <i>"})
    trait = {"qq": "lipid_level.qq.svg", "n_loci": n + 3, "no_region": None, "regions": regions}
    none = trait | {"qq": "survival.qq.svg", "n_loci": 0, "regions": []}
    none["no_region"] = "No variant is significant: so it is."
    for file in ("forest.svg", "lipid_level.qq.svg"):
        write_text(folder / file, "<svg xmlns='http://www.w3.org/2000/svg'/>")
    forest = {"file": "forest.svg", "n_hits": 4, "rows": []}
    write_json(folder / "plots.json", {"forest": forest, "traits": {"lipid_level": trait, "survival": none}})
    write_text(run.results / "association/gwas_ssf/lipid_level.tsv.gz", "")


def test_regional_and_forest_plots_are_embedded_with_words_for_those_who_do_not_see(run: Run) -> None:
    run.write()
    plots(run, 3)
    path = run.results / "association/summary.json"
    run.change_json(path, lambda s: s["traits"]["lipid_level"].update(statement="Missing data: <none>."))
    page, _ = index(run)
    for i in range(3):
        assert f'alt="Regional plot {i} of &lt;i&gt;"' in page
        picture = (run.results / f"association/plots/lipid_level.locus{i:03}.svg").read_bytes()
        assert base64.b64encode(picture).decode() in page
    assert "&lt;b&gt;G&amp;" in page and "<b>G" not in page
    assert 'alt="Forest plot of the 4 strongest hits' in page
    assert "Missing data: &lt;none&gt;." in page
    assert "No variant is significant: so it is." in page
    assert 'href="../association/gwas_ssf/lipid_level.tsv.gz"' in page
    assert 'href="../association/plots/lipid_level.qq.svg"' in page
    assert "survival.qq.svg" not in page  # it was not written
    assert "3 weaker loci are in the table only" in page


def test_fifty_loci_leave_the_page_readable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write()
    plots(run, 50)
    lead = read_parquet(run.results / "association/loci.parquet").iloc[[0]]
    run.change("association/loci.parquet", lambda t: pd.concat([t, *[lead] * 50], ignore_index=True))
    page, _ = index(run)
    shown = re.findall(r'alt="Regional plot (\d+)', page)
    assert shown == [str(i) for i in range(38, 50)]  # the strongest twelve
    assert "38 further loci are drawn in" in page and 'href="../association/plots/"' in page
    assert '<p class="small muted shown" role="status">1 to 50 of 54 associations</p>' in page
    assert "<noscript><p>4 more are in" in page
    monkeypatch.setattr(trait_pictures, "EMBEDDED_BYTES", 10)
    page, _ = index(run)
    assert 'href="../association/plots/lipid_level.locus049.svg">Regional plot 49' in page
