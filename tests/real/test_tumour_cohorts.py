"""Real tumour files: TCGA cohorts as MAF, calls of Strelka2 and of PCGR's examples.

There is no reference genome for them here, so keys are trimmed only, and REF is not checked.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pandas as pd
import pysam
import pytest

from endotype.cohort.maf_table import survey_maf
from endotype.cohort.tumour_header import read_tumour_header
from endotype.variants.tumour_vcf import read_tumour_vcf
from endotype.variants.tumours import TumourSettings
from tests.real.prepare import DEFAULT_DATA
from tests.variants.tumour_files import Prepared, sheet_row

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (DEFAULT_DATA / "MANIFEST.md").is_file(),
        reason="no real cohorts beside the repository (set ENDOTYPE_DATA to their folder)",
    ),
]

SOMATIC = DEFAULT_DATA / "somatic"


def prepared(folder: Path, path: Path, normal: str = "", **settings) -> Prepared:
    """All tumours of a MAF; the patient is the first 12 characters of a TCGA barcode."""
    rows = [
        sheet_row(path, barcode[:12], barcode, normal=normal, file_type="maf")
        for barcode in sorted(survey_maf(str(path)).barcodes)
    ]
    return Prepared(folder, rows, assembly="GRCh37", settings=TumourSettings(**settings))


def add_up(done: Prepared) -> int:
    """Rows of the file, after checking that each is kept, merged or rejected."""
    (file,) = done.flow["files"]
    kept, merged = (sum(row[name] for row in done.flow["tumours"]) for name in ("kept", "merged"))
    rejected = sum(sum(row["rejected"].values()) for row in done.flow["tumours"])
    assert file["records"] == kept + merged + rejected + file["records_without_a_tumour"]
    assert file["records_of_other_tumours"] == 0
    assert (kept, rejected) == (len(done.variants), len(done.rejects) - file["records_without_a_tumour"])
    return file["records"]


@pytest.fixture(scope="module")
def lgg(tmp_path_factory) -> Prepared:
    return prepared(tmp_path_factory.mktemp("lgg"), SOMATIC / "tcga" / "LGG" / "LGG.maf.gz")


class TestMaf:
    def test_every_row_of_lgg_is_accounted_for(self, lgg):
        assert add_up(lgg) == 31_707 and lgg.rejects.empty
        assert len(lgg.tumours) == 347 and lgg.tumours["patient"].nunique() == 341
        assert lgg.variants["status"].value_counts().to_dict() == {"somatic": 30_907, "filtered": 800}

    def test_idh_mutations_have_their_known_key(self, lgg):
        """IDH1 R132H, chr2:209113112 C>T on GRCh37, is the commonest mutation of low grade glioma."""
        counts = lgg.variants["variant_id"].value_counts()
        assert counts.index[0] == "2:209113112:C:T" and counts.iloc[0] > 200

    def test_read_counts_are_those_of_the_file(self, lgg):
        with gzip.open(SOMATIC / "tcga" / "LGG" / "LGG.maf.gz", "rt") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        by_line = lgg.variants.set_index("source_line")
        for line in range(2, len(rows) + 2, 997):
            ours, theirs = by_line.loc[line], rows[line - 2]
            ref, alt = int(theirs["t_ref_count"]), int(theirs["t_alt_count"])
            assert (ours["ref_reads"], ours["alt_reads"], ours["vaf"]) == (ref, alt, alt / (ref + alt))
            assert (ours["gene"], ours["tumour"]) == (theirs["Hugo_Symbol"], theirs["Tumor_Sample_Barcode"])

    @pytest.mark.slow
    def test_pole_tumours_of_ucec_are_hypermutated(self, tmp_path):
        """By the published integrative cluster. MSI tumours have fewer mutations; most are no outliers."""
        done = prepared(tmp_path, SOMATIC / "tcga" / "UCEC" / "UCEC.maf.gz")
        assert add_up(done) == 173_243
        labels = pd.read_csv(SOMATIC / "tcga" / "UCEC" / "UCEC.subtype.tsv.gz", sep="\t")
        cluster = done.tumours["patient"].map(labels.set_index("patient")["IntegrativeCluster"])
        flagged = (done.tumours["hypermutation"] == "hypermutated").groupby(cluster).agg(["sum", "size"])
        assert flagged.loc["POLE"].tolist() == [17, 17]
        assert flagged.loc["CN high"].tolist() == [0, 60]
        assert flagged.loc["CN low"].tolist() == [2, 90]  # of 1,819 and 1,127 mutations; their median is 52
        assert flagged.loc["MSI"].tolist() == [5, 65]
        assert set(done.variants["status"]) == {"somatic_or_germline"}  # Firehose names no normal

    @pytest.mark.parametrize(("cohort", "rows", "tumours"), [("ACC", 11_981, 92), ("UVM", 1_935, 80)])
    def test_small_cohorts(self, tmp_path, cohort, rows, tumours):
        done = prepared(tmp_path, SOMATIC / "tcga" / cohort / f"{cohort}.maf.gz")
        assert (add_up(done), len(done.tumours)) == (rows, tumours)

    @pytest.mark.slow
    def test_a_row_that_is_there_twice_is_merged(self, tmp_path):
        done = prepared(tmp_path, SOMATIC / "tcga" / "BRCA" / "BRCA.maf.gz")
        assert add_up(done) == 76_673 and done.variants["n_records"].value_counts().to_dict() == {
            1: 76_671,
            2: 1,
        }
        assert set(done.variants["chrom"]) == {*map(str, range(1, 23)), "X"}  # 23 in the file

    def test_laml_has_a_filter_that_must_be_let_pass(self, tmp_path):
        path = SOMATIC / "tcga" / "LAML" / "LAML.maf.gz"
        strict = prepared(tmp_path / "a", path)
        assert strict.tumours["n_somatic"].sum() == 0
        done = prepared(tmp_path / "b", path, passing=("PASS", "wga"))
        assert done.tumours["n_somatic"].sum() == 8_182

    def test_laml_of_maftools_reports_percent(self, tmp_path):
        done = prepared(tmp_path, SOMATIC / "laml_maftools" / "tcga_laml.maf.gz")
        assert add_up(done) == 2_207 and len(done.tumours) == 193
        reported = done.variants[done.variants["vaf_source"] == "reported"]["vaf"]
        assert len(reported) == 2_114 and 0.3 < reported.median() < 0.5 and reported.max() <= 1

    def test_cbioportal(self, tmp_path):
        path = DEFAULT_DATA / "clinical_formats" / "cbioportal_study_es_0" / "data_mutations_extended.maf"
        done = prepared(tmp_path, path)
        assert add_up(done) == 36 and set(done.variants["status"]) == {"somatic"}
        assert done.variants["alt_reads"].notna().sum() == 10

    @pytest.mark.parametrize(
        ("kind", "rejected"), [("germline", 1), ("somatic.indels", 0), ("somatic.snvs", 0)]
    )
    def test_moalmanac(self, tmp_path, kind, rejected):
        """A deletion of three bases that ends where it starts is set aside; it may be either."""
        path = SOMATIC / "moalmanac" / "example_data" / f"example_patient.capture.{kind}.maf"
        done = prepared(tmp_path, path)
        assert add_up(done) == len(done.variants) + rejected and set(done.variants["vaf_source"]) == {"reads"}
        assert done.reasons == ["position_inconsistent"] * rejected


class TestVcf:
    @pytest.mark.parametrize(
        ("name", "n"),
        [("BRCA.grch37", 196), ("BRCA.grch38", 196), ("COAD.grch37", 3_317), ("COAD.grch38", 3_313)],
    )
    def test_pcgr(self, name, n):
        path = str(SOMATIC / "pcgr_examples" / f"T001-{name}.vcf.gz")
        (tumour,) = read_tumour_header(path).samples
        calls = read_tumour_vcf(path, tumour, "", False)
        assert (calls.caller, calls.n_records, len(calls.entries)) == ("pcgr", n, n)
        assert set(calls.entries["status"]) == {"somatic"} and set(calls.entries["vaf_source"]) == {"reads"}

    def test_strelka_reads_equal_those_that_pysam_gives(self):
        path = str(DEFAULT_DATA / "oracles" / "truth_sets" / "strelka_admix_snvs.vcf.gz")
        calls = read_tumour_vcf(path, "TUMOR", "NORMAL", True)
        assert (calls.caller, calls.n_records) == ("strelka2", 47_779)
        entries = calls.entries
        assert len(entries) + calls.n_not_in_tumour == calls.n_alleles
        assert (entries["status"] == "somatic").sum() > 15_000
        expected = {}
        with pysam.VariantFile(path) as source:
            for record in source:
                for alt in record.alts or ():
                    ref, new = (record.samples["TUMOR"][f"{base}U"][0] for base in (record.ref, alt))
                    expected[record.pos, alt] = (ref, new, new / (ref + new) if ref + new else None)
        usable = entries[entries["reason"] == ""]
        assert len(usable) == len(expected)
        for row in usable.iloc[::50].itertuples():
            ref, new, vaf = expected[row.pos, row.alt]
            assert (row.ref_reads, row.alt_reads) == (ref, new)
            assert row.vaf == vaf or (vaf is None and pd.isna(row.vaf))

    def test_strelka_finds_the_admixture(self):
        """93 % of the planted SNVs are among what passes: keys, filters and status are read as meant."""
        folder = DEFAULT_DATA / "oracles" / "truth_sets"
        calls = read_tumour_vcf(str(folder / "strelka_admix_snvs.vcf.gz"), "TUMOR", "NORMAL", True).entries
        passed = calls[calls["status"] == "somatic"]
        with pysam.VariantFile(str(folder / "PG_admix_truth_snvs.vcf.gz")) as source:
            truth = {(r.pos, r.ref, alt) for r in source for alt in r.alts or ()}
        called = set(zip(passed["pos"], passed["ref"], passed["alt"], strict=True))
        assert (len(truth), len(called & truth)) == (16_235, 15_143)
