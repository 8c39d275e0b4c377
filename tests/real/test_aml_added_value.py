"""Published classes of acute myeloid leukaemia beside what a clinic knows without them: ELN 2017 and age."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from endotype.subtypes.added_value import added_value, continuous_axes
from endotype.subtypes.follow_up import read_follow_up
from endotype.subtypes.hazards import code_term
from tests.real.prepare import DEFAULT_DATA

TABLE = DEFAULT_DATA / "subtypes" / "aml_ncri" / "paper_aml_prognosis_updated.tsv.gz"


@pytest.mark.real
@pytest.mark.skipif(not TABLE.is_file(), reason=f"the AML cohort is not in {TABLE.parent}")
def test_classes_add_to_eln_and_age_and_more_than_smooth_axes_do():
    patients = pd.read_csv(TABLE, sep=r"\s+", quotechar='"')
    sizes = patients["final_component"].value_counts()
    labels = patients["final_component"].map({c: i for i, c in enumerate(sizes.index)}).to_numpy()
    names = [f"S{i + 1}" for i in range(len(sizes))]
    standard = [
        code_term("age", patients["age"]),
        code_term("eln", patients["eln_2017"].astype(str).astype("str")),
    ]
    follow_up = read_follow_up(patients, {"time": "os", "event": "os_status"}, np.ones(len(patients), bool))
    with threadpool_limits(1):
        axes = continuous_axes(patients.loc[:, "ASXL1":"inv(16)"].to_numpy(float), len(names) - 1)
        found = added_value(follow_up, labels, names, standard, axes, 5.0, bootstrap=25, seed=1)
    assert (found["n"], found["events"]) == (2113, 1408)
    assert found["models"]["standard"]["corrected"] == pytest.approx(0.685, abs=0.003)
    gain = found["differences"]["subtype"]
    assert 0 < gain["low"] < gain["corrected"] < gain["high"] < 0.04
    assert found["differences"]["continuous_against_subtype"]["high"] < 0
    everybody = found["calibration"]["standard_and_subtype"]
    assert everybody["observed"]["low"] < everybody["mean_predicted"] < everybody["observed"]["high"]
