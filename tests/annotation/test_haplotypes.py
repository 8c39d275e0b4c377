"""What alleles of one haplotype do together: by hand, against translation, and whatever the batches."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype import bcftools
from endotype.annotation.haplotypes import SCHEMA, call_haplotypes, haplotypes_with, parse_change
from endotype.errors import InputError
from tests.annotation.builders import COMPLEMENT, CONTIGS, base_at, mirror, write_fasta, write_gff
from tests.reference.splicing import haplotype_protein

ROOT = Path(__file__).parents[2]

# Codon 2 of the forward gene is AAA at 113-115, lysine; 118 is the last base of TGG, tryptophan.
K2E, K2I = (113, "A", "G"), (114, "A", "T")
STOP, LATER = (118, "G", "A"), (168, "A", "C")  # W3*, K10T


def write_calls(
    path: Path, rows: list[tuple[int, str, str, list[str]]], patients: list[str], chrom: str = "c1"
) -> Path:
    """A BCF; a call is ``GT`` or ``GT:PS``."""
    text = path.with_suffix(".vcf")
    with text.open("w") as stream:
        stream.write("##fileformat=VCFv4.3\n")
        stream.writelines(f"##contig=<ID={name},length={len(bases)}>\n" for name, bases in CONTIGS.items())
        stream.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        stream.write('##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">\n')
        stream.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(patients) + "\n")
        for pos, ref, alt, calls in sorted(rows):
            full = [call if ":" in call else f"{call}:." for call in calls]
            stream.write(f"{chrom}\t{pos}\t.\t{ref}\t{alt}\t.\tPASS\t.\tGT:PS\t" + "\t".join(full) + "\n")
    bcftools.run("view", "--no-version", "-Ob", "-W", "-o", str(path), str(text))
    return path


def called(folder: Path, rows: list, patients: list[str], **options) -> pd.DataFrame:
    bcf = write_calls(folder / "shard.bcf", rows, patients)
    call_haplotypes(bcf, folder / "out.parquet", write_fasta(folder), write_gff(folder), **options)
    table = pq.read_table(folder / "out.parquet")
    assert table.schema.equals(SCHEMA)
    assert table.schema.metadata[b"status"] == b"assessed"
    return table.to_pandas()


CALLS = {
    # patient: the two calls of codon 2, haplotype and phase of the compound, or None
    "cis": ("0|1", "0|1", ("2", "known")),
    "trans": ("0|1", "1|0", None),
    "loose": ("0/1", "0/1", ("2", "assumed")),
    "hom": ("1/1", "0/1", ("2", "known")),
    "both": ("1/1", "1|1", ("both", "known")),
    "one": ("0|1", "0|0", None),
    "missing": ("0|1", "./.", None),
    "half": ("1/.", "1/.", ("1", "assumed")),
    "sets": ("0|1:5", "0|1:5", ("2", "known")),
    "other": ("0|1:5", "0|1:9", ("2", "assumed")),
    "haploid": ("1", "1", ("1", "known")),
}


@pytest.mark.parametrize("reverse", [False, True])
def test_two_changes_of_one_codon_are_one_change_where_they_are_on_one_haplotype(tmp_path, reverse):
    rows = []
    for (pos, ref, alt), which in ((K2E, 0), (K2I, 1)):
        if reverse:
            pos, ref, alt = mirror(pos), ref.translate(COMPLEMENT), alt.translate(COMPLEMENT)
        rows.append((pos, ref, alt, [calls[which] for calls in CALLS.values()]))
    frame = called(tmp_path, rows, list(CALLS))
    expected = {name: described for name, (_, _, described) in CALLS.items() if described}
    found = {r.patient: (r.haplotype, r.phase) for r in frame.itertuples()}
    assert found == expected
    assert set(frame["consequence"]) == {"missense_variant"}
    assert set(frame["amino_acid_change"]) == {"2K>2V"}
    assert set(frame["gene_id"]) == {"REV" if reverse else "FWD"}
    assert set(frame["n_patients"]) == {len(expected)}
    first, second = sorted(rows)
    ids = [f"c1:{pos}:{ref}:{alt}" for pos, ref, alt, _ in (first, second)]
    assert set(frame["variants"]) == {"|".join(ids)}
    assert set(frame["positions"]) == {f"{first[0]}|{second[0]}"}


def test_a_frame_that_is_shifted_and_shifted_back(tmp_path):
    # 119 CA>C and 121 A>AG... one base out, one in: the frame is back after two codons.
    rows = [(119, "CA", "C", ["0|1", "0|1"]), (124, "T", "TA", ["0|1", "1|0"])]
    frame = called(tmp_path, rows, ["cis", "trans"])
    compound = frame[frame["positions"] == "119|124"]
    assert list(compound["patient"]) == ["cis"]
    assert "frameshift_variant" not in compound["consequence"].iloc[0]
    assert not compound["after_stop"].any()


def test_a_change_behind_a_stop_is_due_to_both(tmp_path):
    calls = {"cis": ("0|1", "0|1"), "trans": ("1|0", "0|1"), "loose": ("0/1", "0/1"), "alone": ("0|0", "0|1")}
    rows = [(*STOP, [c[0] for c in calls.values()]), (*LATER, [c[1] for c in calls.values()])]
    frame = called(tmp_path, rows, list(calls))
    assert dict(zip(frame["patient"], frame["phase"], strict=True)) == {"cis": "known", "loose": "assumed"}
    assert frame["after_stop"].all()
    assert set(frame["variants"]) == {"c1:118:G:A|c1:168:A:C"}
    assert set(frame["dna_change"]) == {"168A>C"}
    assert set(frame["amino_acid_change"]) == {"10K>10T"}


@pytest.mark.parametrize(
    ("rule", "patients"), [("a", {"loose", "cis"}), ("s", {"cis"}), ("m", {"loose", "cis", "trans"})]
)
def test_what_is_made_of_genotypes_without_phase_is_chosen(tmp_path, rule, patients):
    calls = {"loose": ("0/1", "0/1"), "cis": ("0|1", "0|1"), "trans": ("0|1", "1|0")}
    rows = [(*K2E, [c[0] for c in calls.values()]), (*K2I, [c[1] for c in calls.values()])]
    frame = called(tmp_path, rows, list(calls), unphased=rule)
    assert set(frame["patient"]) == patients
    # What a rule puts on one haplotype isn't known to be there.
    known = {r.patient for r in frame.itertuples() if r.phase == "known"}
    assert known == {"cis"}


def test_genotypes_without_phase_can_be_refused(tmp_path):
    with pytest.raises(
        InputError, match="Unphased heterozygous genotype at c1:113, sample p; expected phased"
    ):
        called(tmp_path, [(*K2E, ["0/1"]), (*K2I, ["0/1"])], ["p"], unphased="r")


def test_a_rule_that_there_is_not(tmp_path):
    with pytest.raises(ValueError, match="no rule 'x'"):
        call_haplotypes(tmp_path / "x.bcf", tmp_path / "o.parquet", unphased="x")


def test_alleles_outside_the_coding_sequence_or_of_refused_transcripts_have_no_part(tmp_path):
    # Two in the leader, two in an intron, two in the gene without a protein.
    rows = [
        (pos, base_at("c1", pos), "A" if base_at("c1", pos) != "A" else "C", ["1|1"])
        for pos in (103, 104, 140, 141)
    ]
    assert called(tmp_path, rows, ["p"]).empty
    gff = (tmp_path / "genes.gff3").read_text()
    cut = tmp_path / "refused.gff3"
    cut.write_text(gff.replace("ID=transcript:FWD.1;", "ID=transcript:FWD.1;tag=cds_start_NF;"))
    bcf = write_calls(tmp_path / "codon.bcf", [(*K2E, ["1|1"]), (*K2I, ["1|1"])], ["p"])
    for model, n in ((tmp_path / "genes.gff3", 1), (cut, 0)):
        call_haplotypes(bcf, tmp_path / "o.parquet", tmp_path / "genome.fa", model)
        assert pq.read_table(tmp_path / "o.parquet").num_rows == n


@pytest.mark.parametrize("given", ["nothing", "fasta", "gff"])
def test_without_reference_or_genes_nothing_is_assessed(tmp_path, given):
    bcf = write_calls(tmp_path / "s.bcf", [(*K2E, ["1|1"]), (*K2I, ["1|1"])], ["p"])
    fasta = write_fasta(tmp_path) if given == "fasta" else None
    gff = write_gff(tmp_path) if given == "gff" else None
    call_haplotypes(bcf, tmp_path / "o.parquet", fasta, gff)
    table = pq.read_table(tmp_path / "o.parquet")
    assert table.num_rows == 0
    assert table.schema.metadata[b"status"] == b"not_assessed"


def test_a_contig_without_gene_models_is_named_and_an_empty_shard_is_none(tmp_path):
    fasta, gff = write_fasta(tmp_path), write_gff(tmp_path)
    bcf = write_calls(tmp_path / "s.bcf", [(20, base_at("c3", 20), "T", ["1|1"])], ["p"], "c3")
    call_haplotypes(bcf, tmp_path / "o.parquet", fasta, gff)
    metadata = pq.read_schema(tmp_path / "o.parquet").metadata
    assert metadata[b"contigs_not_assessed"] == b"c3"
    call_haplotypes(write_calls(tmp_path / "e.bcf", [], ["p"]), tmp_path / "o.parquet", fasta, gff)
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 0


def _random_rows(seed: int, n_patients: int) -> list[tuple[int, str, str, list[str]]]:
    draw = random.Random(seed)
    positions = [*range(113, 131), *range(161, 179), *range(361, 379), *range(313, 331)]
    rows = []
    for pos in sorted(draw.sample(positions, 40)):
        ref = base_at("c1", pos)
        calls = [f"{int(draw.random() < 0.25)}|{int(draw.random() < 0.25)}" for _ in range(n_patients)]
        rows.append((pos, ref, draw.choice([b for b in "ACGT" if b != ref]), calls))
    return rows


@pytest.mark.parametrize("seed", [1, 2])
def test_proteins_are_those_of_the_altered_transcripts(tmp_path, seed):
    patients = [f"p{i}" for i in range(12)]
    rows = _random_rows(seed, len(patients))
    frame = called(tmp_path, rows, patients)
    assert len(frame) > 10
    checked = 0
    for r in frame[~frame["after_stop"]].itertuples():
        strand = "+" if r.gene_id == "FWD" else "-"
        coding = [(110, 130), (161, 181)] if strand == "+" else [(310, 330), (361, 381)]
        alleles = [(int(pos), ref, alt) for _, pos, ref, alt in (v.split(":") for v in r.variants.split("|"))]
        before, after = (
            r.amino_acid_change.split(">") if ">" in r.amino_acid_change else [r.amino_acid_change] * 2
        )
        plain = haplotype_protein(CONTIGS["c1"], coding, strand, [])
        altered = haplotype_protein(CONTIGS["c1"], coding, strand, alleles)
        for text, protein in ((before, plain), (after, altered)):
            digits = len(text) - len(text.lstrip("0123456789"))
            first, residues = int(text[:digits]) - 1, text[digits:]
            assert protein[first : first + len(residues)] == residues
        # The patient carries all of them on that haplotype.
        which = {"1": [0], "2": [1], "both": [0, 1]}[r.haplotype]
        for pos, *_ in alleles:
            call = next(calls for p, _, _, calls in rows if p == pos)[patients.index(r.patient)]
            assert all(call.split("|")[h] == "1" for h in which)
        checked += 1
    assert checked > 10


def test_the_bytes_do_not_depend_on_how_many_patients_are_read_together(tmp_path):
    patients = [f"p{i}" for i in range(7)]
    bcf = write_calls(tmp_path / "s.bcf", _random_rows(3, 7), patients)
    fasta, gff = write_fasta(tmp_path), write_gff(tmp_path)
    for at_once in (100, 3):
        call_haplotypes(bcf, tmp_path / f"{at_once}.parquet", fasta, gff, patients_at_once=at_once)
    assert (tmp_path / "100.parquet").read_bytes() == (tmp_path / "3.parquet").read_bytes()
    assert pq.read_table(tmp_path / "3.parquet").num_rows > 10


def test_the_command(tmp_path):
    bcf = write_calls(tmp_path / "s.bcf", [(*K2E, ["1|1"]), (*K2I, ["1|1"])], ["p"])
    arguments = ["--bcf", bcf, "--fasta", write_fasta(tmp_path), "--out", tmp_path / "o.parquet"]
    command = [sys.executable, ROOT / "scripts" / "call_haplotypes.py", *arguments]
    done = subprocess.run([*map(str, command), "--genes", str(write_gff(tmp_path))], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 1
    done = subprocess.run([*map(str, command), "--genes", str(tmp_path / "no.gff3")], capture_output=True)
    assert done.returncode == 2
    assert b"no such file" in done.stderr


# -- BCSQ ------------------------------------------------------------------------------------------------


def test_bits_of_the_mask_are_haplotypes_of_entries():
    # Entry 0 on the first haplotype of patient 0, entry 2 on both of patient 1, entry 15 in the second word.
    mask = np.array([[0b1, 0], [0b110000, 0], [-(2**31), -1], [0, 0b10]])
    found = [np.argwhere(haplotypes_with(entry, mask)).tolist() for entry in (0, 1, 2, 15, 30)]
    assert found == [[[0, 0]], [], [[1, 0], [1, 1]], [[3, 1]], []]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_every_entry_of_a_mask_is_read_back(carried):
    words = np.zeros((1, 3), np.int64)
    for i, pair in enumerate(carried):
        for haplotype, has in enumerate(pair):
            words[0, (2 * i + haplotype) // 30] |= int(has) << ((2 * i + haplotype) % 30)
    for i, pair in enumerate(carried):
        assert tuple(haplotypes_with(i, words)[0].tolist()) == pair


def test_entries_that_are_no_change_of_a_protein():
    assert parse_change("@1023") is None
    assert parse_change("intron|G||protein_coding") is None
    with pytest.raises(ValueError, match="no reference to a record"):
        parse_change("@x")
    with pytest.raises(ValueError, match="expected a position, REF>ALT"):
        parse_change("missense|G|T|protein_coding|+|2V>2I|odd")
    change = parse_change("*missense&inframe_altering|G|T|protein_coding|+|2V>2I|103G>A+106AC>A")
    assert change is not None
    assert (change.after_stop, change.alleles) == (True, ((103, "G", "A"), (106, "AC", "A")))
    assert change.consequence == "missense_variant&protein_altering_variant"
