"""The example patient of the Molecular Oncology Almanac: which of its 21 actionable rows are reproduced.

Of the rows of the published output, those about a variant, a copy number or a fusion are comparable. A row is
reproduced when the intervention, for the same gene, is among the patient's used evidence. Three differences
are on purpose, and tested: a change of another kind than a record asks for makes no target (FGFR2 is deleted,
the record wants it amplified; COL1A1 is fused with another gene than the record says), and what is about
prognosis is evidence without a target.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.annotation.knowledge.build import build_knowledge
from endotype.cohort.knowledge_sources import describe_sources
from endotype.files import read_json
from endotype.targets.assertions import read_assertions
from endotype.targets.diseases import Diseases
from endotype.targets.evidence import assertion_evidence
from endotype.targets.findings import (
    TRUNCATING,
    TYPE_OF_CLASSIFICATION,
    finding_table,
    read_alterations,
    tumour_findings,
)
from endotype.targets.match import match_evidence
from endotype.targets.protein_change import one_letter
from endotype.targets.rank import rank
from tests.real.prepare import DEFAULT_DATA

FOLDER = DEFAULT_DATA / "somatic" / "moalmanac"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no {FOLDER}")


def maf(name: str) -> pd.DataFrame:
    path = FOLDER / "example_data" / f"example_patient.capture.{name}.maf"
    return pd.read_csv(path, sep="\t", comment="#", dtype=str, keep_default_na=False)


def somatic() -> pd.DataFrame:
    rows = pd.concat([maf("somatic.snvs"), maf("somatic.indels")], ignore_index=True)
    alt, ref = rows["t_alt_count"].astype(float), rows["t_ref_count"].astype(float)
    return pd.DataFrame(
        {
            "patient": "example",
            "tumour": "T",
            "gene": rows["Hugo_Symbol"],
            "classification": rows["Variant_Classification"],
            "protein_change": rows["Protein_Change"],
            "variant_id": rows["Chromosome"] + ":" + rows["Start_position"],
            "vaf": alt / (alt + ref),
            "depth": (alt + ref).astype("Int64"),
            "status": "somatic",
            "source_file": "maf",
            "source_line": np.arange(len(rows)) + 2,
        }
    )


def germline() -> pd.DataFrame:
    rows = maf("germline")
    kind = rows["Variant_Classification"].map(TYPE_OF_CLASSIFICATION)
    return finding_table(
        [
            {
                "patient": "example",
                "feature": "Germline Variant",
                "gene": gene,
                "alteration_type": k,
                "alteration": one_letter(change),
                "effect": "loss" if k in TRUNCATING else "unknown",
                "matters": k in TRUNCATING,
                "detail": "",
            }
            for gene, k, change in zip(rows["Hugo_Symbol"], kind, rows["Protein_Change"], strict=True)
            if isinstance(k, str)
        ]
    )


@pytest.fixture(scope="module")
def ranked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    path = str(FOLDER / "molecular-oncology-almanac.json.gz")
    build_knowledge(folder, "GRCh37", sources=describe_sources([{"kind": "moalmanac", "path": path}], "s"))
    sources = {"moalmanac": read_json(folder / "knowledge.json")["sources"]["moalmanac"]}
    assertions = read_assertions(folder, sources)
    changes = pd.read_csv(
        FOLDER / "example_data" / "example_patient.capture.somatic.called.cna.txt", sep="\t", dtype=str
    )
    table = pd.DataFrame(
        {
            "patient": "example",
            "feature": "Copy Number",
            "gene": changes["gene"],
            "partner": "",
            "alteration_type": changes["call"],
        }
    )
    table.loc[len(table)] = ["example", "Rearrangement", "COL1A1", "CITED4", "Fusion"]
    table = table[table["alteration_type"].isin(["Amplification", "Deletion", "Fusion"])]
    table.to_csv(folder / "alterations.tsv", sep="\t", index=False)
    found = pd.concat(
        [germline(), tumour_findings(somatic()), read_alterations(folder / "alterations.tsv")],
        ignore_index=True,
    )
    diseases = Diseases()
    stated = {"example": diseases.names(["Melanoma", "MEL"])}
    evidence = assertion_evidence(match_evidence(found, assertions, diseases, stated), sources)
    return rank(evidence, None, 200, 1)


EXPECTED = {
    # (gene, intervention, direction): the rows of the published output that name an intervention.
    ("BRAF", "Trametinib", "sensitivity"): "used",
    ("BRAF", "Panitumumab", "resistance"): "used",
    ("CDK4", "Palbociclib", "sensitivity"): "used",
    ("CDKN2A", "Palbociclib", "sensitivity"): "used",
    ("TP53", "Talazoparib", "sensitivity"): "used",
    ("BRAF", "Vemurafenib", "resistance"): "used",
    ("BRCA2", "Abiraterone acetate + Niraparib", "sensitivity"): "used",
    ("MSH2", "Pembrolizumab", "sensitivity"): "used",
    ("COL1A1", "Imatinib", "sensitivity"): "another partner of the fusion",
    ("FGFR2", "Infigratinib", "sensitivity"): "another type of change",
}


def test_rows_with_an_intervention_are_reproduced_or_refused_with_a_reason(ranked):
    published = pd.read_csv(
        FOLDER / "example_output" / "example_output.actionable.txt",
        sep="\t",
        dtype=str,
        keep_default_na=False,
    )
    assert len(published) == 21
    variants = published[
        published["feature_type"].isin(
            ["Somatic Variant", "Germline Variant", "Copy Number", "Rearrangement"]
        )
    ]
    named = {
        (gene, row[f"{word}_therapy_name"], direction)
        for gene, (_, row) in zip(variants["feature"], variants.iterrows(), strict=True)
        for word, direction in (("sensitive", "sensitivity"), ("resistance", "resistance"))
        if row[f"{word}_therapy_name"]
    }
    assert named == set(EXPECTED)
    evidence = ranked.evidence
    for (gene, intervention, direction), outcome in EXPECTED.items():
        rows = evidence[
            (evidence["gene"] == gene)
            & (evidence["intervention"] == intervention)
            & (evidence["direction"] == direction)
        ]
        assert len(rows), (gene, intervention)
        if outcome == "used":
            assert rows["used"].any(), (gene, intervention)
        else:
            assert set(rows["reason"]) == {outcome}


def test_prognostic_rows_are_evidence_without_a_target(ranked):
    prognosis = ranked.evidence[ranked.evidence["direction"] == "prognosis"]
    assert {"BRAF", "TP53"} <= set(prognosis["gene"])
    assert not prognosis["used"].any()


def test_a_melanoma_has_its_own_drugs_first_and_the_warning_of_another_disease_last(ranked):
    targets = ranked.targets
    assert targets["tier"].iloc[0] == "1"
    assert set(targets.loc[targets["tier"] == "1", "gene"]) == {"BRAF"}
    first = targets.set_index(["gene", "intervention", "action"])
    assert first.loc[("BRAF", "Dabrafenib + Trametinib", "indicated"), "tier"] == "1"
    assert first.loc[("BRAF", "Panitumumab", "contraindicated"), "tier"] == "R2"
    assert first.loc[("BRAF", "Panitumumab", "contraindicated"), "disease_match"] == "other"
    assert (targets.loc[targets["gene"] == "MSH2", "tier"] == "4").all()
    assert "Also listed as contraindicated" in first.loc[("BRAF", "Vemurafenib", "indicated"), "safety"]
