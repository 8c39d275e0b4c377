"""From a VCF of a family to the inheritance tables: normalised, packed and traced as in a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from endotype.annotation.effects.predict import predict_effects
from endotype.annotation.inheritance.candidates import Limits
from endotype.annotation.inheritance.phase import PhaseRules
from endotype.annotation.inheritance.reads import carries_alt
from endotype.annotation.inheritance.trace import Rules, Sources, trace_inheritance
from endotype.annotation.severity import impact_of
from endotype.errors import InputError
from endotype.files import read_json
from endotype.tables import write_parquet
from endotype.variants.pack import Filters, pack_region
from endotype.variants.plink import open_store, write_store
from endotype.variants.shard import Outputs, normalise_region

ROOT = Path(__file__).parents[2]
KIT = ROOT.parent / "shared" / "data" / "annotation_kit"
needs_kit = pytest.mark.skipif(not KIT.is_dir(), reason="no shared test data")

SEX = {"C": "male", "D": "female", "F": "male", "M": "female"}
PEDIGREE = "fam C F M 1 2\nfam D F M 2 1\nfam F 0 0 1 1\nfam M 0 0 2 1\n"
FILTERS = Filters(min_call_rate=0)
TABLES = ("inheritance", "compound", "fit", "segregation")
PAR, X = 20_000, 5_000_000  # places on X of GRCh38, in and outside the pseudoautosomal region

HEADER = """##fileformat=VCFv4.3
##FORMAT=<ID=GT,Number=1,Type=String,Description="call">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="reads">
##FORMAT=<ID=PS,Number=1,Type=Integer,Description="phase set">
##FORMAT=<ID=PGT,Number=1,Type=String,Description="physical phase of GATK">
##FORMAT=<ID=PID,Number=1,Type=String,Description="physical phase set of GATK">
"""


class Study:
    """A cohort in a folder, written step by step as the workflow does."""

    def __init__(self, folder: Path, sex: Mapping[str, str] = SEX, pedigree: str | None = PEDIGREE) -> None:
        self.folder, self.sex = folder, dict(sorted(sex.items()))
        people = pd.DataFrame({"patient": list(self.sex), "sex": list(self.sex.values())})
        write_parquet(people.assign(in_genotypes=True), folder / "people.parquet")
        self.genes(pd.DataFrame({"gene": ["G"], "gene_id": ["ENSG1"], "inheritance": ["AR"]}))
        self.relatedness: Path | None = None
        self.samples: Path | None = None
        self.pedigree = folder / "family.ped" if pedigree is not None else None
        if self.pedigree:
            self.pedigree.write_text(pedigree or "")

    def genes(self, table: pd.DataFrame) -> None:
        write_parquet(table, self.folder / "genes.parquet")

    def calls(self, records: Sequence[str], form: str = "GT") -> Study:
        """Records ``contig:pos ref alt call ...``, calls in the order of the patients' names."""
        text = HEADER + "".join(f"##contig=<ID={c},length=200000000>\n" for c in ("1", "X", "Y", "MT"))
        text += (
            "\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *self.sex]) + "\n"
        )
        for record in records:
            place, ref, alt, *calls = record.split()
            text += "\t".join([*place.split(":"), ".", ref, alt, "50", "PASS", ".", form, *calls]) + "\n"
        vcf = self.folder / "in.vcf"
        vcf.write_text(text)
        return self.load(vcf, list(dict.fromkeys(record.partition(":")[0] for record in records)))

    def load(
        self,
        vcf: Path,
        contigs: Sequence[str],
        fasta: Path | None = None,
        assembly: str = "GRCh38",
        filters: Filters = FILTERS,
    ) -> Study:
        """Normalise and pack each contig, and put the stores together."""
        stores = []
        self.shards = []
        self.assembly = assembly
        people = self.folder / "people.parquet"
        for contig in contigs:
            shard = self.folder / f"{contig}_1_200000000.bcf"
            region = f"{contig}:1-200000000"
            outputs = Outputs.at(self.folder / f"{contig}_1_200000000")
            normalise_region([vcf], region, str(fasta) if fasta else None, outputs, people, assembly)
            pack_region(shard, region, people, assembly, filters, self.folder / f"s{contig}")
            stores.append(open_store(self.folder / f"s{contig}"))
            self.shards.append(shard)
        variants = pd.concat([store.variants for store in stores], ignore_index=True)
        packed = np.concatenate([store.packed for store in stores])
        write_store(self.folder / "g", packed, variants, stores[0].people)
        self.variants = variants.rename(columns={"id": "variant_id"})[
            ["variant_id", "chrom", "pos", "ref", "alt"]
        ]
        return self

    def annotate(self, **columns: object) -> Path:
        """``annotation/variants.parquet``, every variant missense and rare unless a column says otherwise."""
        table = self.variants.assign(
            gene="G",
            gene_id="ENSG1",
            impact="MODERATE",
            consequence="missense_variant",
            most_severe=True,
            population_af=np.nan,
            cohort_af=0.25,
            clinical_significance=pd.Series([None] * len(self.variants), dtype="str"),
        ).assign(**columns)
        write_parquet(table, self.folder / "variants.parquet")
        return self.folder / "variants.parquet"

    def sources(self) -> Sources:
        return Sources(
            self.folder / "variants.parquet",
            self.folder / "g",
            self.folder / "people.parquet",
            self.folder / "genes.parquet",
            self.assembly,
            self.pedigree,
            self.relatedness,
            self.shards,
            self.samples,
        )

    def trace(self, rules: Rules | None = None) -> dict[str, pd.DataFrame]:
        out = self.folder / "out"
        trace_inheritance(self.sources(), rules or Rules(), out)
        tables = {name: pd.read_parquet(out / f"{name}.parquet") for name in TABLES}
        return {name: t.astype(object).where(t.notna(), None) for name, t in tables.items()}


def by_patient(table: pd.DataFrame, column: str) -> dict[str, object]:
    return dict(zip(table["patient"], table[column], strict=True))


def test_each_kind_of_site_by_the_sex_of_the_child(tmp_path):
    study = Study(tmp_path).calls(
        [  # C son, D daughter, F father, M mother
            "1:100 A G 0/1 0/0 0/0 0/0",
            "1:200 A G 1/1 0/1 0/1 0/1",
            "1:300 A G 0/1 0/1 ./. 0/0",
            f"X:{PAR} A G 0/1 0/0 0/1 0/0",
            f"X:{X} A G 1 0/1 0 0/1",
            f"X:{X + 1} A G 1 0/0 1 0/0",
            f"X:{X + 2} A G 0 0/1 1 0/0",
            f"Y:{X} A G 1 ./. 1 ./.",
            "MT:100 A G 1 1 0 1",
        ]
    )
    study.annotate()
    table = study.trace()["inheritance"].set_index(["variant_id", "patient"])
    expected = {
        ("1:100:A:G", "C"): ("heterozygous", "de_novo"),
        ("1:200:A:G", "C"): ("homozygous", "biparental"),
        ("1:200:A:G", "D"): ("heterozygous", "inherited"),
        ("1:300:A:G", "C"): ("heterozygous", "unknown"),
        (f"X:{PAR}:A:G", "C"): ("heterozygous", "paternal"),
        (f"X:{X}:A:G", "C"): ("hemizygous", "maternal"),
        (f"X:{X}:A:G", "D"): ("heterozygous", "maternal"),
        (f"X:{X + 1}:A:G", "C"): ("hemizygous", "de_novo"),  # his father's X isn't his
        (f"X:{X + 2}:A:G", "D"): ("heterozygous", "paternal"),
        (f"X:{X + 2}:A:G", "F"): ("hemizygous", "unknown"),
        (f"Y:{X}:A:G", "C"): ("hemizygous", "paternal"),
        ("MT:100:A:G", "C"): ("hemizygous", "maternal"),
    }
    for key, (zygosity, origin) in expected.items():
        assert (table.loc[key, "zygosity"], table.loc[key, "origin"]) == (zygosity, origin), key
    assert table.loc[("1:100:A:G", "C"), "parents"] == 2
    assert table.loc[("1:200:A:G", "F"), "origin_reason"] == "no_parent"
    assert table["affected"].loc[("1:100:A:G", "C")] is True


def test_a_new_variant_is_certain_only_by_the_reads_of_confirmed_parents(tmp_path):
    form = "GT:DP:GQ:AD"
    sure, child = "0/0:30:60:30,0", "0/1:30:60:15,15"
    study = Study(tmp_path).calls(
        [
            f"1:100 A G {child} {sure} {sure} {sure}",
            f"1:200 A G {child} {sure} 0/0:30:60:27,3 {sure}",
            f"1:300 A G {child} {sure} {sure} 0/0:.:60:.",
            f"X:{X} A G 1:30:60:0,30 {sure} 0:1:1:1,0 {sure}",  # the father's reads don't matter
        ],
        form,
    )
    study.annotate()
    pairs = pd.DataFrame({"patient_a": ["C", "C"], "patient_b": ["F", "M"]})
    study.relatedness = tmp_path / "relatedness.parquet"
    write_parquet(pairs.assign(relationship="parent_child"), study.relatedness)
    table = study.trace()["inheritance"].set_index("variant_id")
    assert set(table["origin"]) == {"de_novo"}
    assert table["parentage_confirmed"].tolist() == [True] * 4
    assert table["de_novo_certainty"].tolist() == ["high", "low", "low", "high"]
    doubts = "mother_depth_not_recorded|mother_alt_reads_not_recorded"
    assert table["de_novo_doubts"].tolist() == [None, "father_alt_reads", doubts, None]
    assert table.loc["1:200:A:G", ["father_depth", "father_alt_reads"]].tolist() == [30, 3]
    write_parquet(pairs.assign(relationship=["parent_child", "unrelated"]), study.relatedness)
    table = study.trace()["inheritance"]
    assert set(table["parentage_confirmed"]) == {False}
    assert set(table["de_novo_certainty"]) == {"low"}
    study.relatedness = None
    table = study.trace()["inheritance"]
    assert set(table["parentage_confirmed"]) == {None}
    assert table["de_novo_doubts"].iloc[0] == "parentage_not_assessed"


def test_without_a_pedigree_nothing_is_claimed(tmp_path):
    study = Study(tmp_path, pedigree=None).calls(["1:100 A G 0/1 0/0 0/0 0/0"])
    study.annotate()
    tables = study.trace()
    row = tables["inheritance"].iloc[0]
    assert (row["origin"], row["parents"], row["affected"], row["parentage_confirmed"]) == (
        "unknown",
        0,
        None,
        None,
    )
    assert tables["segregation"].empty


@pytest.mark.parametrize(
    ("calls", "phase", "source"),
    [
        (["0/1 0/0 0/1 0/0", "0/1 0/0 0/0 0/1"], "trans", "trio"),
        (["0/1 0/0 0/1 0/0", "0/1 0/0 0/1 0/0"], "cis", "trio"),
        (["0/1 0/0 0/1 0/0", "0/1 0/0 0/0 0/0"], "unknown", None),  # a new one tells nothing
        (["0/1 0/0 0/1 0/1", "0/1 0/0 0/0 0/1"], "unknown", None),
        (["0/1 0/0 0/0 0/1", "0/1 0/0 ./. 0/0"], "unknown", None),
    ],
)
def test_phase_by_the_trio(tmp_path, calls, phase, source):
    study = Study(tmp_path).calls([f"1:{100 * (i + 1)} A G {call}" for i, call in enumerate(calls)])
    study.annotate()
    pair = study.trace()["compound"].set_index("patient").loc["C"]
    assert (pair["phase"], pair["phase_source"]) == (phase, source)
    assert (pair["variant_1"], pair["variant_2"]) == ("1:100:A:G", "1:200:A:G")


@pytest.mark.parametrize(
    ("first", "second", "phase", "source"),
    [
        ("0|1:100", "1|0:100", "trans", "phase_set"),
        ("0|1:100", "0|1:100", "cis", "phase_set"),
        ("0|1:100", "1|0:200", "unknown", None),  # of two sets nothing follows
        ("0|1:100", "1/0:100", "unknown", None),
        ("0|1:.", "1|0:.", "unknown", None),  # how far such a phase holds isn't said
        ("0/1:.", "0/1:.", "unknown", None),
    ],
)
def test_phase_by_phase_sets(tmp_path, first, second, phase, source):
    study = Study(tmp_path, {"P": "female"}, None).calls(
        [f"1:100 A G {first}", f"1:200 A G {second}"], "GT:PS"
    )
    study.annotate()
    pair = study.trace()["compound"].iloc[0]
    assert (pair["phase"], pair["phase_source"]) == (phase, source)


@pytest.mark.parametrize(
    ("first", "second", "phase"),
    [
        ("0/1:0|1:100_A_G", "0/1:1|0:100_A_G", "trans"),
        ("0/1:0|1:100_A_G", "0/1:0|1:100_A_G", "cis"),
        ("0/1:0|1:100_A_G", "0/1:0|1:9_A_G", "unknown"),
        ("0/1:0|1:100_A_G", "0/1:1|1:100_A_G", "unknown"),  # says something else than the call
    ],
)
def test_phase_by_the_fields_of_gatk(tmp_path, first, second, phase):
    study = Study(tmp_path, {"P": "female"}, None)
    study.calls([f"1:100 A G {first}", f"1:200 A G {second}"], "GT:PGT:PID").annotate()
    assert study.trace()["compound"]["phase"].tolist() == [phase]


def test_a_contig_is_one_phase_set_only_where_the_user_says_so(tmp_path):
    study = Study(tmp_path, {"P": "female"}, None).calls(["1:100 A G 0|1", "1:200 A G 1|0", "1:300 A G 0/1"])
    study.annotate()
    assert set(study.trace()["compound"]["phase"]) == {"unknown"}
    found = study.trace(Rules(phase=PhaseRules(whole_contig=True)))["compound"]
    assert found["phase"].tolist() == ["trans", "unknown", "unknown"]


def test_two_alleles_at_one_site_are_in_trans(tmp_path):
    study = Study(tmp_path, {"P": "female", "Q": "male"}, None).calls(
        ["1:100 A G,T 1/2 0/1", "1:200 A G 0/0 0/1", "1:300 AT A,ATT 1/2 0/2"]
    )
    study.annotate()
    table = study.trace()["compound"]
    here = table[(table["patient"] == "P") & (table["phase"] != "unknown")]
    assert here[["variant_1", "variant_2"]].to_numpy().tolist() == [
        ["1:100:A:G", "1:100:A:T"],
        ["1:300:A:AT", "1:300:AT:A"],
    ]
    assert set(here["phase_source"]) == {"genotype"}
    assert set(table[table["patient"] == "Q"]["phase"]) == {"unknown"}


def test_the_order_of_the_shards_changes_nothing(tmp_path):
    study = Study(tmp_path).calls(["1:100 A G 0|1 0/0 0/0 0/0", f"X:{X} A G 1 0/1 0 0/1"])
    study.annotate()
    out = tmp_path / "out"
    study.trace()
    first = {name: (out / f"{name}.parquet").read_bytes() for name in TABLES}
    study.shards.reverse()
    study.trace()
    assert first == {name: (out / f"{name}.parquet").read_bytes() for name in TABLES}


def test_candidates_are_rare_and_severe_or_known(tmp_path):
    study = Study(tmp_path, {"P": "female"}, None).calls([f"1:{p} A G 0/1" for p in range(100, 800, 100)])
    af = [np.nan, 0.02, 0.02, 0.0, np.nan, np.nan, np.nan]
    significance = [None, None, "Likely_pathogenic", None, "Pathogenic", None, None]
    terms = ["missense_variant"] * 4 + [
        "intron_variant",
        "intron_variant&splice_region_variant",
        "intron_variant",
    ]
    study.annotate(
        population_af=af,
        clinical_significance=pd.Series(significance, dtype="str"),
        consequence=terms,
        impact=["MODERATE"] * 4 + ["MODIFIER", "LOW", "MODIFIER"],
    )
    found = study.trace()["inheritance"]["variant_id"].tolist()
    assert [v.split(":")[1] for v in found] == ["100", "300", "400", "500", "600"]
    counts = read_json(tmp_path / "out" / "inheritance.json")
    assert (counts["variants"], counts["candidates"], counts["common"]) == (7, 5, 1)
    assert counts["variants"] == counts["candidates"] + counts["common"] + counts["not_severe_in_a_gene"]
    study.annotate(population_max_af=[0.5] + [np.nan] * 6)
    assert "1:100:A:G" not in study.trace()["inheritance"]["variant_id"].tolist()
    study.annotate()
    assert len(study.trace(Rules(limits=Limits(min_cohort_people=1)))["inheritance"]) == 0


def test_what_fits_the_gene(tmp_path):
    study = Study(tmp_path).calls(
        [
            "1:100 A G 0/1 0/1 0/1 0/0",
            "1:200 A G 0/1 0/0 0/0 0/1",
            "1:300 A G 0/1 0/0 0/0 0/0",
            "1:400 A G 0/1 0/0 0/0 0/1",
            f"X:{X} A G 1 0/1 0 0/1",
            "MT:100 A G 1 1 0 1",
        ]
    )
    names = ["AR1", "AR1", "AD1", "AD1", "XL1", "MT1"]
    study.annotate(gene=names, gene_id=[f"E{n}" for n in names])
    genes = sorted(set(names))
    study.genes(
        pd.DataFrame(
            {"gene": genes, "gene_id": [f"E{n}" for n in genes], "inheritance": [n[:2] for n in genes]}
        )
    )
    fit = study.trace()["fit"]
    fit = {(r.patient, r.gene, r.model, r.variants): r.consistent for r in fit.itertuples()}
    assert fit["C", "AR1", "AR compound (trans)", "1:100:A:G|1:200:A:G"] is True
    assert fit["D", "AR1", "AR heterozygous", "1:100:A:G"] is False
    assert fit["C", "AD1", "AD de novo", "1:300:A:G"] is True
    assert fit["C", "AD1", "AD heterozygous", "1:400:A:G"] is False  # his mother is well
    assert fit["C", "XL1", "XL hemizygous", f"X:{X}:A:G"] is True
    assert fit["D", "XL1", "XL heterozygous", f"X:{X}:A:G"] is None
    assert fit["C", "MT1", "MT", "MT:100:A:G"] is True
    study.genes(pd.DataFrame({"gene": ["AR1"], "gene_id": [None], "inheritance": [None]}).astype("str"))
    fit = study.trace()["fit"]
    assert set(fit["consistent"]) == {None}
    assert "unknown compound (trans)" in set(fit["model"])


def test_segregation_counts_by_phenotype(tmp_path):
    study = Study(tmp_path, pedigree="f C F M 1 2\nf D F M 2 2\nf F 0 0 1 2\nf M 0 0 2 1\n").calls(
        ["1:100 A G 0/1 0/1 0/1 0/0", "1:200 A G 0/1 0/0 ./. 0/1"]
    )
    study.annotate()
    table = study.trace()["segregation"].set_index("variant_id")
    assert table.loc["1:100:A:G"].tolist() == ["f", 3, 0, 0, 1, 0, 2]
    assert table.loc["1:200:A:G"].tolist() == ["f", 1, 1, 1, 0, 1, 0]


def test_meioses_between_the_affected_carriers():
    from endotype.annotation.inheritance.segregation import count_meioses
    from endotype.variants.pedigree_kinship import kinship_coefficients

    parents = {"a": ("g1", "g2"), "b": ("g1", "g2"), "d": ("b", "y"), "h": ("a", "z")}
    parents |= dict.fromkeys(("c1", "c2"), ("a", "x"))
    phi = kinship_coefficients(parents, "pedigree")
    for carriers, meioses in [
        (["c1"], 0),
        (["c1", "c2"], 1),  # sisters
        (["c1", "a"], 1),  # parent and child
        (["c1", "h"], 2),  # half sisters
        (["c1", "d"], 3),  # cousins
        (["c1", "c2", "d"], 4),
        (["c1", "x", "z"], 1),  # z is nobody's relative here
        ([], 0),
    ]:
        assert count_meioses(carriers, phi) == meioses, carriers


def test_faulty_input_is_named(tmp_path):
    study = Study(tmp_path, pedigree=PEDIGREE.replace("1 2\n", "1 sick\n", 1)).calls(
        ["1:100 A G 0/1 0/0 0/0 0/0"]
    )
    study.annotate()
    with pytest.raises(InputError, match=r"row 1, column phenotype: found 'sick'"):
        study.trace()
    study.pedigree = None
    study.annotate(variant_id="1:7:A:G")
    with pytest.raises(InputError, match="1:7:A:G"):
        study.trace()
    study.annotate()
    Path(f"{study.shards[0]}.csi").unlink()
    with pytest.raises(InputError, match="csi"):
        study.trace()


def reads_file(path: Path, haplotypes: Sequence[tuple[str, int]], reference: str) -> Path:
    """A BAM of pairs: each haplotype is a sequence (REF coordinates, cigar by length) and how many pairs."""
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "1", "LN": len(reference)}]}
    reads = []
    for h, (sequence, count) in enumerate(haplotypes):
        for n in range(count):
            for mate, start in enumerate((80 + n, 180 + n)):
                read = pysam.AlignedSegment()
                read.query_name = f"h{h}n{n}"
                read.flag = 99 if mate == 0 else 147
                read.reference_id, read.reference_start, read.mapping_quality = 0, start, 60
                read.query_sequence = sequence[start : start + 60]
                read.cigarstring = "60M"
                read.query_qualities = pysam.qualitystring_to_array("I" * 60)
                reads.append(read)
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for read in sorted(reads, key=lambda r: r.reference_start):
            out.write(read)
    pysam.index(str(path))
    return path


@pytest.mark.parametrize(
    ("start", "cigar", "sequence", "pos", "ref", "alt", "carries"),
    [
        (9, "22M", "ACCCGATAAAAGTTCCATGCAT", 14, "C", "G", None),  # a third base
        (9, "22M", "ACCCGGTAAAAGTTCCATGCAT", 14, "C", "G", True),
        (9, "22M", "ACCCGCTAAAAGTTCCATGCAT", 14, "C", "T", False),
        (9, "7M1D15M", "ACCCGCTAAAGTTCCATGCATA", 15, "TA", "T", True),
        (9, "22M", "ACCCGCTAAAAGTTCCATGCAT", 15, "TA", "T", False),
        (9, "10M1D12M", "ACCCGCTAAAGTTCCATGCATA", 15, "TA", "T", None),  # the same, written to the right
        (1, "19M", "ACGTACGTACCCGCTAAAA", 15, "TA", "T", None),  # ends within the run of A
        (9, "7M1I14M", "ACCCGCTAAAAAGTTCCATGCA", 15, "T", "TA", True),
    ],
)
def test_what_a_read_shows_of_a_variant(start, cigar, sequence, pos, ref, alt, carries):
    """On the reference ACGTACGTAC CCGCTAAAAG TTCCATGCAT ACGT, whose run of A begins at 16."""
    read = pysam.AlignedSegment()
    read.reference_start, read.cigarstring, read.mapping_quality = start - 1, cigar, 60
    read.query_sequence = sequence
    read.query_qualities = pysam.qualitystring_to_array("I" * len(sequence))
    assert carries_alt(read, pos, ref, alt) is carries
    read.query_qualities = pysam.qualitystring_to_array("#" * len(sequence))
    assert carries_alt(read, pos, ref, alt) is None


@pytest.mark.parametrize(("together", "phase"), [(True, "cis"), (False, "trans")])
def test_phase_by_read_pairs(tmp_path, together, phase):
    reference = "ACGT" * 100
    one, two = list(reference), list(reference)
    for pos, base in ((121, "G"), (221, "G")):  # A>G at 1-based 121 and 221
        (one if together or pos == 121 else two)[pos - 1] = base
    bam = reads_file(tmp_path / "p.bam", [("".join(one), 8), ("".join(two), 8)], reference)
    study = Study(tmp_path, {"P": "female"}, None).calls(["1:121 A G 0/1", "1:221 A G 0/1", "1:5000 A G 0/1"])
    study.annotate()
    study.samples = tmp_path / "samples.parquet"
    write_parquet(pd.DataFrame({"patient": ["P", "P"], "alignment": [str(bam), ""]}), study.samples)
    table = study.trace()["compound"]
    assert table["phase"].tolist() == [phase, "unknown", "unknown"]
    assert table["phase_source"].tolist() == ["reads", None, None]
    few = Rules(phase=PhaseRules(min_fragments=9))
    assert study.trace(few)["compound"]["phase"].tolist() == ["unknown"] * 3
    assert "fragments with both" in study.trace(few)["compound"]["detail"].iloc[0]


@pytest.mark.slow
def test_the_command_writes_the_same_tables(tmp_path):
    study = Study(tmp_path).calls(["1:100 A G 0/1 0/0 0/0 0/0"])
    study.annotate()
    study.trace()
    s = study.sources()
    command = [
        *(
            sys.executable,
            ROOT / "scripts/trace_inheritance.py",
            "--variants",
            s.variants,
            "--bfile",
            s.prefix,
        ),
        *("--people", s.people, "--genes", s.genes, "--assembly", s.assembly, "--pedigree", s.pedigree),
        *("--shards", *s.shards, "--out", tmp_path / "again"),
    ]
    subprocess.run([str(word) for word in command], check=True)
    for name in TABLES:
        again = (tmp_path / "again" / f"{name}.parquet").read_bytes()
        assert again == (tmp_path / "out" / f"{name}.parquet").read_bytes()


CASES = {  # what is planted: (position, REF, ALT, calls of HG002, HG003, HG004), and the answer
    "GNB1": (("GNB1", 0, "0/1 0/0 0/0"), ("AD de novo", True)),
    "B3GALT6": (("B3GALT6", 1, "1/1 0/1 0/1"), ("AR homozygous", True)),
    "AGRN": (("AGRN", 0, "0/1 0/1 0/0"), ("AGRN", 1, "0/1 0/0 0/1"), ("AR compound (trans)", True)),
}


def planted(folder: Path, gene: str) -> Path:
    """The real trio in the region of the kit, with published causal variants written into its calls."""
    variants = KIT / "cases" / "case_variants.b37.vcf.gz"
    with pysam.VariantFile(str(variants)) as source:
        known = [(r.pos, r.ref, r.alts[0], r.info["GENE"]) for r in source]
    lines = []
    for name, number, calls in CASES[gene][:-1]:
        pos, ref, alt, _ = [case for case in known if case[3] == name][number]
        cells = [f"{call}:{'15,15' if '1' in call else '30,0'}:30:99" for call in calls.split()]
        lines.append(
            (pos, "\t".join(["1", str(pos), ".", ref, alt, "99", "PASS", ".", "GT:AD:DP:GQ", *cells]))
        )
    with pysam.VariantFile(str(KIT / "trio" / "ashk-trio.vcf.gz")) as trio:
        header = str(trio.header)
        lines += [(r.pos, str(r).rstrip("\n")) for r in trio.fetch("1", 0, 3_400_000)]
    out = folder / "planted.vcf"
    out.write_text(header + "".join(f"{line}\n" for _, line in sorted(lines)))
    return out


@needs_kit
@pytest.mark.real
@pytest.mark.parametrize("gene", CASES)
def test_the_planted_case_of_the_real_trio(tmp_path, gene):
    """Of all that the child carries in the region, the planted gene alone fits, and in the right way."""
    sex = {"HG002": "male", "HG003": "male", "HG004": "female"}
    pedigree = (
        (KIT / "trio" / "ashk-trio.ped").read_text().replace("1\t0\n", "1\t1\n").replace("2\t0\n", "2\t1\n")
    )
    study = Study(tmp_path, sex, pedigree)  # with parents who are well, as the case has it
    fasta = KIT / "b37.chr1_1-3400000.fa.gz"
    study.load(planted(tmp_path, gene), ["1"], fasta, "GRCh37", FILTERS)
    predict_effects(
        study.shards[0],
        tmp_path / "c.parquet",
        fasta,
        KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz",
    )
    effects = pd.read_parquet(tmp_path / "c.parquet")
    effects = effects[effects["variant_id"].isin(study.variants["variant_id"])]
    with pysam.VariantFile(str(KIT / "1kg_phase2_exome.chr1.1182s.vcf.gz"), drop_samples=True) as panel:
        frequency = {
            f"1:{r.pos}:{r.ref}:{alt}": ac / r.info["AN"]
            for r in panel
            for alt, ac in zip(r.alts or (), r.info["AC"], strict=True)
        }
    study.variants = effects[["variant_id", "chrom", "pos", "ref", "alt"]].reset_index(drop=True)
    effects = effects.reset_index(drop=True)
    study.annotate(
        gene=effects["gene"],
        gene_id=effects["gene_id"],
        consequence=effects["consequence"],
        impact=effects["consequence"].map(impact_of, na_action="ignore"),
        most_severe=~effects["variant_id"].duplicated(),
        population_af=effects["variant_id"].map(frequency),
    )
    genes = effects[["gene", "gene_id"]].dropna().drop_duplicates("gene")
    study.genes(genes.assign(inheritance=genes["gene"].map({"GNB1": "AD", "AGRN": "AR", "B3GALT6": "AR"})))
    fit = study.trace()["fit"]
    fit = fit[(fit["patient"] == "HG002") & (fit["consistent"] == True)]  # noqa: E712
    assert fit[["gene", "model", "consistent"]].to_numpy().tolist() == [[gene, *CASES[gene][-1]]]
