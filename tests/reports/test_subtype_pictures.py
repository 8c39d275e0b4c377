"""Pictures of the subtypes on the cohort's page, and a patient's place on the patient's page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.axes import GREY
from endotype.errors import InputError
from endotype.files import write_json, write_text
from endotype.reports import subtype_pictures
from endotype.reports.overview import write_index
from endotype.reports.subtype_pictures import read_positions
from endotype.tables import read_parquet, write_parquet
from tests.reports.conftest import Run, build_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return build_run(tmp_path, 24)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" class="plot" id="{}" role="img"><title>t</title></svg>\n'


def draw(run: Run, patients: list[str], axes: int = 2) -> Path:
    """What the subtypes stage leaves: three pictures, one that couldn't be drawn, and positions."""
    folder = run.results / "subtypes/pictures"
    rows = []
    for name in ("embedding", "oncoprint", "survival.death", "consensus"):
        there = name != "consensus"
        row = {
            "name": name,
            "title": f"Title of {name} <i>",
            "alt": "a",
            "file": f"{name}.svg" if there else None,
        }
        row |= {"caption": f"Caption <b>&{name}" if there else None, "reason": None if there else "so <u>"}
        rows.append(row)
        if there:
            write_text(folder / f"{name}.svg", SVG.format(name))
    write_json(folder / "pictures.json", {"schema_version": "1.0", "pictures": rows})
    scores = np.arange(2.0 * len(patients)).reshape(-1, 2)
    scores[2] = np.nan
    table = pd.DataFrame({"patient": patients} | {f"axis_{i + 1}": scores[:, i] for i in range(axes)})
    write_parquet(table.assign(n_seen=3), folder / "positions.parquet")
    group = {"subtype": "S1", "n": 20, "centre": [1.0, 2.0], "sides": [2.0, 1.0], "angle": 0.3}
    write_json(folder / "embedding.json", {"groups": [group], "embedding": {"share": [0.4, 0.2]}})
    return folder


def page(run: Run) -> str:
    write_index(run.results, run.config)
    return (run.results / "reports/index.html").read_text(encoding="utf-8")


def test_pictures_stand_in_their_sections_with_captions_and_reasons(run: Run) -> None:
    draw(run, run.write())
    html = page(run)
    survival, features = html.index('<h3 id="survival"'), html.index('<h3 id="features"')
    assert html.index('<section id="subtypes"') < survival < html.index('id="survival.death"') < features
    for name in ("embedding", "oncoprint"):
        assert features < html.index(f'id="{name}"') < html.index('<section id="targets"')
    assert "Caption &lt;b&gt;&amp;oncoprint" in html and "<b>&" not in html
    assert "Title of consensus &lt;i&gt;: not drawn, because so &lt;u&gt;." in html


def test_pictures_without_room_are_linked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(run, run.write())
    monkeypatch.setattr(subtype_pictures, "EMBEDDED_BYTES", len(SVG.format("embedding")))
    html = page(run)
    assert 'id="embedding"' in html and 'id="oncoprint"' not in html
    assert 'href="../subtypes/pictures/oncoprint.svg"' in html


def test_a_listed_picture_that_is_missing_is_an_input_error(run: Run) -> None:
    folder = draw(run, run.write())
    (folder / "oncoprint.svg").unlink()
    with pytest.raises(InputError, match=r"oncoprint\.svg"):
        page(run)


def test_the_place_of_a_patient_is_in_the_report_and_on_the_page(run: Run) -> None:
    patients = run.write()
    assert run.report("P0001")["subtype"]["position"] is None and "Place among" not in run.page("P0001")
    draw(run, patients)
    run.write()
    position = run.report("P0001")["subtype"]["position"]
    assert position["patient"] == [0.0, 1.0] and position["groups"][0]["subtype"] == "S1"
    colour = run.page("P0001").split('<path class="outline"')[1].split('fill="')[1][:7]
    assert 'class="patient"' in run.page("P0001")
    assert f'fill="{colour}"/></svg><b>S1</b>' in page(run) and colour != GREY  # the same on every page
    assert run.report("P0003")["subtype"]["position"] is None  # nothing of this patient could be placed
    assert run.report("P0006")["subtype"]["position"] is None  # failed quality control


def test_the_middle_half_of_the_subtype_stands_beside_a_feature(run: Run) -> None:
    run.write()
    feature = run.report("P0001")["subtype"]["features"][0]
    features = read_parquet(run.results / "subtypes/features.parquet").set_index("patient")[
        feature["feature"]
    ]
    subtype = read_parquet(run.results / "subtypes/assignments.parquet").set_index("patient")["subtype"]
    members = features[subtype.reindex(features.index) == "S1"].dropna()
    assert feature["subtype_half"] == pytest.approx(np.quantile(members, [0.25, 0.75]))
    assert 'class="half"' in run.page("P0001")


def test_without_two_axes_there_are_no_positions(run: Run) -> None:
    patients = run.write()
    assert read_positions(run.results) is None
    draw(run, patients, axes=1)
    assert read_positions(run.results) is None
