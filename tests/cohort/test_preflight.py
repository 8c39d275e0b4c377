"""A sound cohort passes; what preflight returns and writes is what docs/results.md says."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pysam
import pytest

from endotype.cohort.check import check_inputs
from endotype.cohort.preflight import write_preflight
from endotype.files import fingerprint, read_json
from endotype.tables import read_parquet, read_tsv

ROOT = Path(__file__).parents[2]


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_a_sound_cohort_passes_and_is_described(cohort):
    result = cohort.check()
    assert list(result.people.columns) == [
        "patient", "sex", "in_genotypes", "in_clinical", "in_tumours", "status"
    ]  # fmt: skip
    assert (result.people["status"] == "included").all() and len(result.people) == 12
    assert (
        result.people["patient"].is_monotonic_increasing
        and result.clinical["patient"].is_monotonic_increasing
    )
    assert list(result.samples.columns)[:6] == ["patient", "sample", "sex", "file_type", "path", "file"]
    assert list(result.files.columns) == [
        "file", "path", "form", "index", "n_samples", "contigs", "contig_renames", "contigs_outside",
        "fingerprint",
    ]  # fmt: skip
    print_of_file = fingerprint(cohort.folder / "cohort.vcf.gz")
    assert result.files.iloc[0].tolist() == [
        0, "cohort.vcf.gz", "bgzf_vcf", "cohort.vcf.gz.tbi", 12, "1,2", "{}", "", print_of_file
    ]  # fmt: skip
    assert result.contigs == (("1", 2000), ("2", 1000))
    assert result.traits == ("ldl", "asthma", "survival")
    assert set(result.reconciliation["status"]) == {"matched"}
    assert result.quarantine.empty and result.warnings == ()
    assert set(result.not_assessed) == {
        "clinical significance", "population frequency", "gene knowledge", "targets"
    }  # fmt: skip


def test_clinical_columns_have_the_types_of_the_dictionary_and_ignored_ones_are_left_out(cohort):
    cohort.edit("clinical.tsv", "P001\t30", "P001\tNA")
    clinical = cohort.check().clinical
    assert list(clinical.columns) == [
        "patient", "age", "site", "ldl", "asthma", "marker_1", "follow_up", "died"
    ]  # fmt: skip
    assert clinical["age"].dtype == "float64" and clinical["asthma"].dtype == "boolean"
    assert pd.isna(clinical["age"].iloc[0]) and clinical["died"].iloc[:2].tolist() == [True, False]


def test_what_is_written_reads_back_and_is_the_same_bytes_twice(cohort, tmp_path):
    cohort.edit("clinical.tsv", "\t1.5\t", "\t=1+1\t")
    result = cohort.check()
    for out in ("a", "b"):
        write_preflight(result, tmp_path / out)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert sorted(hashes(tmp_path / "a")) == [
        "clinical.parquet", "consent.parquet", "dictionary.json", "files.parquet", "people.parquet",
        "preflight.json",
        "quarantine.tsv", "reconciliation.tsv", "samples.parquet", "tumours.parquet",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a/people.parquet"), result.people)
    assert read_parquet(tmp_path / "a/clinical.parquet")["ldl"].isna().sum() == 1
    assert read_json(tmp_path / "a/dictionary.json")["columns"]["age"]["range"] == [18, 100]
    assert read_tsv(tmp_path / "a/quarantine.tsv").loc[0, "row"] == "2"
    stored = read_json(tmp_path / "a/preflight.json")
    assert stored["contigs"] == [{"length": 2000, "name": "1"}, {"length": 1000, "name": "2"}]
    assert str(tmp_path) not in (tmp_path / "a/preflight.json").read_text()


def test_five_percent_dirty_cells_pass_and_each_is_listed(cohort):
    patients = [f"P{n:03d}" for n in range(1, 201)]
    cohort.compress("cohort.vcf.gz", cohort.vcf(samples=[f"S-{p}" for p in patients]))
    cohort.write(
        "samples.tsv",
        "patient\tsample\tsex\tfile_type\tpath\n"
        + "".join(f"{p}\tS-{p}\tu\tvcf\tcohort.vcf.gz\n" for p in patients),
    )
    dirty = {"age": ["abc", "250", "41,5"], "ldl": ["5.1 mmol/L", "-1", "inf"], "asthma": ["maybe", "2", "x"]}
    lines = ["patient\tage\tsite\tldl\tasthma\tmarker_1\tfollow_up\tdied\tnotes"]
    planted = set()
    for n, patient in enumerate(patients):
        cells = {"age": "40", "site": "north", "ldl": str(2 + n % 5), "asthma": str(n % 2)}
        if n % 7 == 3:
            column = list(dirty)[n % 3]
            cells[column] = dirty[column][n % 9 // 3]
            planted.add((str(n + 2), column))
        lines.append("\t".join([patient, *cells.values(), "0.5", "2", str(n % 2), "<script>"]))
    cohort.write("clinical.tsv", "\n".join(lines) + "\n")
    result = cohort.check()
    assert len(planted) > 25
    assert set(zip(result.quarantine["row"], result.quarantine["column"], strict=True)) == planted
    for row, column in planted:
        value = result.clinical.set_index("patient").loc[patients[int(row) - 2], column]
        assert pd.isna(value)
    assert result.clinical["ldl"].notna().sum() == 200 - sum(column == "ldl" for _, column in planted)


def test_rows_in_are_rows_kept_and_rows_set_aside(cohort):
    text = cohort.clinical().splitlines()
    text.insert(4, "\t" + text[3].split("\t", 1)[1])
    text.insert(6, "  \t" + text[3].split("\t", 1)[1])
    cohort.write("clinical.tsv", "\n".join(text) + "\n")
    result = cohort.check()
    counts = result.counts
    assert counts["clinical_rows"] == 14 == counts["clinical_rows_kept"] + counts["clinical_rows_quarantined"]
    assert counts["clinical_rows_kept"] == len(result.clinical) == 12
    assert result.quarantine["row"].tolist() == ["5", "7"]


def test_people_of_one_side_only_are_kept_and_near_misses_are_named_but_not_joined(cohort):
    cohort.edit("clinical.tsv", "P002\t", "p2\t")
    cohort.edit("clinical.tsv", "P003\t", "Q900\t")
    result = cohort.check()
    table = result.reconciliation.set_index("patient")
    assert table.loc["P002", ["status", "nearest"]].tolist() == ["near_miss", "p2"]
    assert table.loc["p2", ["status", "nearest"]].tolist() == ["near_miss", "P002"]
    assert table.loc["P003", "status"] == "only_genotyped" and table.loc["Q900", "status"] == "only_clinical"
    status = result.people.set_index("patient")["status"]
    assert status[["P002", "p2", "Q900"]].tolist() == ["only_genotyped", "only_clinical", "only_clinical"]
    assert len(result.people) == 14


def test_ids_that_look_like_missing_values_or_numbers_are_ids(cohort):
    for old, new in (("P001", "NA"), ("P002", "001"), ("P003", "1e5")):
        cohort.edit("clinical.tsv", f"{old}\t", f"{new}\t")
        cohort.edit("samples.tsv", f"{old}\tS", f"{new}\tS")
    assert {"NA", "001", "1e5"} <= set(cohort.check().people["patient"])


def test_a_run_without_a_reference_says_what_it_does_not_assess(cohort):
    cohort.config["reference"] = {"allow_missing": True}
    result = cohort.check()
    assert {"reference allele check", "left alignment", "consequences"} <= set(result.not_assessed)
    assert result.contigs == (("1", 2000), ("2", 1000))


@pytest.mark.parametrize("index", [True, False])
def test_without_reference_or_lengths_contigs_end_at_the_last_record(cohort, index):
    cohort.config["reference"] = {"allow_missing": True}
    (cohort.folder / "cohort.vcf.gz.tbi").unlink()
    cohort.compress("cohort.vcf.gz", cohort.vcf(contigs="##contig=<ID=2>\n"), index=index)
    assert cohort.check().contigs == (("2", 60 + 41 * 19), ("1", 100 + 37 * 39))


def test_a_file_per_chromosome_works_as_a_list_and_as_rows(cohort):
    for contig in ("1", "2"):
        sites = [(c, 100 + 5 * n) for n, c in enumerate([contig] * 9)]
        cohort.compress(f"calls/chr{contig}.vcf.gz", cohort.vcf(sites=sites))
    cohort.write("calls/all.txt", "chr1.vcf.gz\nchr2.vcf.gz\n")
    cohort.write("samples.tsv", cohort.sheet("calls/all.txt", "vcf_list"))
    listed = cohort.check()
    rows = cohort.sheet("calls/chr1.vcf.gz") + cohort.sheet("calls/chr2.vcf.gz").split("\n", 1)[1]
    cohort.write("samples.tsv", rows)
    in_rows = cohort.check()
    assert listed.files["path"].tolist() == ["calls/chr1.vcf.gz", "calls/chr2.vcf.gz"]
    pd.testing.assert_frame_equal(listed.files, in_rows.files)
    keys = ["patient", "sample", "sex", "file"]
    pd.testing.assert_frame_equal(listed.samples[keys], in_rows.samples[keys])
    assert set(listed.samples["path"]) == {"calls/all.txt"} and len(listed.samples) == 24


def test_files_of_different_people_are_laid_side_by_side(cohort):
    first, second = [f"S-P{n:03d}" for n in range(1, 7)], [f"S-P{n:03d}" for n in range(7, 13)]
    cohort.compress("a.vcf.gz", cohort.vcf(samples=first))
    cohort.compress("b.vcf.gz", cohort.vcf(samples=second))
    lines = cohort.sheet("a.vcf.gz").splitlines()
    lines[7:] = [line.replace("a.vcf.gz", "b.vcf.gz") for line in lines[7:]]
    cohort.write("samples.tsv", "\n".join(lines) + "\n")
    assert cohort.check().samples["file"].tolist() == [0] * 6 + [1] * 6


@pytest.mark.parametrize("form", ["plain", "gzip", "bgzip", "bcf", "bcf_indexed"])
def test_every_form_of_a_variant_file_is_read(cohort, form):
    (cohort.folder / "cohort.vcf.gz.tbi").unlink()
    path = cohort.folder / "cohort.vcf.gz"
    if form == "plain":
        cohort.write("cohort.vcf.gz", cohort.vcf())
    elif form == "gzip":
        cohort.write("cohort.vcf.gz", gzip.compress(cohort.vcf().encode(), mtime=0))
    elif form.startswith("bcf"):
        with (
            pysam.VariantFile(str(path)) as vcf,
            pysam.VariantFile(str(path) + ".b", "wb", header=vcf.header) as out,
        ):
            for record in vcf:
                out.write(record)
        (cohort.folder / "cohort.vcf.gz.b").replace(path)
        if form == "bcf_indexed":
            pysam.tabix_index(str(path), preset="bcf", force=True, csi=True)
    result = cohort.check()
    assert result.files["contigs"].tolist() == ["1,2"] and result.files["n_samples"].tolist() == [12]


def test_a_vcf_without_records_is_no_error(cohort):
    cohort.compress("cohort.vcf.gz", cohort.vcf(sites=[]))
    result = cohort.check()
    assert result.contigs == (("1", 2000), ("2", 1000))
    assert "None of the variant files has a record." in result.warnings


def test_a_few_reference_mismatches_are_left_to_the_filters(cohort):
    text = cohort.vcf().splitlines(keepends=True)
    for n in (8, 20, 33):
        cells = text[n].split("\t")
        cells[3] = "ACGT"[("ACGT".index(cells[3]) + 1) % 4]
        text[n] = "\t".join(cells)
    cohort.compress("cohort.vcf.gz", "".join(text))
    assert cohort.check().counts["people"] == 12


def test_an_excerpt_of_the_reference_may_be_shorter_than_the_contigs_of_the_vcf(cohort):
    cohort.compress(
        "cohort.vcf.gz", cohort.vcf(contigs="##contig=<ID=1,length=9000>\n##contig=<ID=2,length=1000>\n")
    )
    assert any(p.suggestion.endswith("reference.excerpt: true") for p in cohort.problems())
    cohort.config["reference"]["excerpt"] = True
    assert cohort.check().contigs == (("1", 2000), ("2", 1000))


def test_nothing_is_written_beside_the_users_reference(cohort):
    before = sorted(p.name for p in cohort.folder.iterdir())
    cohort.check()
    assert sorted(p.name for p in cohort.folder.iterdir()) == before


def test_a_constant_trait_is_a_warning_while_another_varies(cohort):
    for n in range(12):
        cohort.edit("clinical.tsv", f"\t{1.5 + n / 10}\t", "\t3\t")
    assert any("ldl" in sentence for sentence in cohort.check().warnings)


def test_a_pedigree_that_contradicts_the_sheet_is_a_warning(cohort):
    cohort.write("ped", "F1 P001 0 0 1 0\nF1 P002 0 0 1 0\nF1 P004 P002 P001 2 0\n")
    cohort.config["inputs"]["pedigree"] = "ped"
    assert [w for w in cohort.check().warnings if "P001 is male in the pedigree and female" in w]


def test_preflight_needs_no_compiler_and_no_simulator():
    code = (
        "import sys, endotype.cohort.check;"
        "print([m for m in ('numba', 'msprime', 'snakemake', 'cyvcf2') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_the_command_ends_with_0_and_a_summary_or_with_2_and_a_page(cohort):
    cohort.write(
        "config.yaml",
        "inputs: {samples: samples.tsv, clinical: clinical.tsv, dictionary: dictionary.yaml}\n"
        "reference: {fasta: reference.fa, genes: genes.gff3}\n",
    )
    command = [sys.executable, str(ROOT / "scripts/check_inputs.py"), "--config", "config.yaml"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], capture_output=True, text=True, cwd=cohort.folder)

    sound = run("--out", "results/cohort")
    assert sound.returncode == 0 and "The input is sound." in sound.stdout and sound.stderr == ""
    assert len(list((cohort.folder / "results/cohort").iterdir())) == 10
    cohort.edit("samples.tsv", "P002\t", "$(touch PWNED)\t")
    broken = run("--out", "broken/cohort")
    assert broken.returncode == 2 and "Traceback" not in broken.stderr
    assert "row 3, column patient: found '$(touch PWNED)'" in broken.stderr
    assert not (cohort.folder / "broken").exists() and not (cohort.folder / "PWNED").exists()
    assert run("--directory", "nowhere").returncode == 2


def test_the_command_takes_the_configuration_as_json_too(cohort):
    command = [
        sys.executable,
        str(ROOT / "scripts/check_inputs.py"),
        "--config-json",
        json.dumps(cohort.config),
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=cohort.folder)
    assert result.returncode == 0 and "The input is sound." in result.stdout


def test_the_working_directory_is_that_of_the_run_and_the_config_path_is_not(cohort, tmp_path, monkeypatch):
    config = cohort.write(
        "conf/config.yaml",
        "inputs: {samples: samples.tsv, clinical: clinical.tsv, dictionary: dictionary.yaml}\n"
        "reference: {fasta: reference.fa}\n",
    )
    monkeypatch.chdir(config.parent)
    assert "12" in check_inputs("config.yaml", out="out", directory="..")
    assert (cohort.folder / "out/people.parquet").is_file()


def test_the_order_of_the_sheet_and_of_the_records_does_not_matter(cohort, tmp_path):
    write_preflight(cohort.check(), tmp_path / "a")
    for name in ("samples.tsv", "clinical.tsv"):
        header, *rows = (cohort.folder / name).read_text().splitlines()
        cohort.write(name, "\n".join([header, *reversed(rows)]) + "\n")
    write_preflight(cohort.check(), tmp_path / "b")
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
