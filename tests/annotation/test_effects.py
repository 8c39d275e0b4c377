"""What variants do to transcripts: by hand on a small genome, on both strands, and from files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.annotation.effects import predict
from endotype.annotation.effects.predict import predict_effects
from endotype.annotation.effects.table import SCHEMA, Window, WindowTooSmallError, describe_block
from endotype.annotation.effects.terms import TERMS, terms_text
from endotype.annotation.severity import impact_of, severity_rank
from endotype.errors import InputError
from tests.annotation.builders import (
    COMPLEMENT,
    CONTIGS,
    HOSTILE_NAME,
    base_at,
    mirror,
    write_bcf,
    write_fasta,
    write_gff,
)
from tests.annotation.effects_cases import Gene, bare, described, transcripts_of, window_of
from tests.reference import hgvs as twin

# On the forward gene M K W Q G L Y | E R K P S N *; exons 101-130 and 161-190, coding 110-130 and 161-181:
# position, REF, ALT, terms, names in the transcript and of the protein.
BY_HAND = [
    (105, "A", "C", "5_prime_UTR_variant", "c.-5A>C", None),
    (110, "A", "G", "start_lost", "c.1A>G", "p.Met1?"),
    (113, "A", "G", "missense_variant", "c.4A>G", "p.Lys2Glu"),
    (118, "G", "A", "stop_gained", "c.9G>A", "p.Trp3Ter"),
    (124, "T", "C", "synonymous_variant", "c.15T>C", "p.Gly5="),
    (130, "C", "T", "splice_region_variant&synonymous_variant", "c.21C>T", "p.Tyr7="),
    (131, "G", "A", "splice_donor_variant", "c.21+1G>A", "p.?"),
    (133, "A", "T", "splice_donor_region_variant&intron_variant", "c.21+3A>T", None),
    (135, "G", "T", "splice_donor_5th_base_variant&intron_variant", "c.21+5G>T", None),
    (138, "C", "T", "splice_region_variant&intron_variant", "c.21+8C>T", None),
    (145, "G", "T", "splice_polypyrimidine_tract_variant&intron_variant", "c.21+15G>T", None),
    (157, "C", "T", "splice_region_variant&splice_polypyrimidine_tract_variant&intron_variant", None, None),
    (160, "G", "A", "splice_acceptor_variant", "c.22-1G>A", "p.?"),
    (161, "G", "A", "missense_variant&splice_region_variant", "c.22G>A", "p.Glu8Lys"),
    (179, "T", "C", "stop_lost", "c.40T>C", "p.Ter14GlnextTer?"),
    (181, "A", "G", "stop_retained_variant", "c.42A>G", "p.Ter14="),
    (185, "A", "G", "3_prime_UTR_variant", "c.*4A>G", None),
    (112, "GA", "G", "frameshift_variant", "c.6del", "p.Lys2AsnfsTer?"),
    (112, "GAAA", "G", "inframe_deletion", "c.4_6del", "p.Lys2del"),
    (112, "G", "GTAG", "stop_gained&inframe_insertion", "c.3_4insTAG", "p.Lys2Ter"),
    (115, "A", "AGCA", "inframe_insertion", "c.6_7insGCA", "p.Lys2_Trp3insAla"),
    (113, "AA", "GC", "missense_variant", "c.4_5delinsGC", "p.Lys2Ala"),
    (113, "AAA", "GC", "frameshift_variant", "c.4_6delinsGC", None),
    (113, "AAATGG", "GCT", "protein_altering_variant", "c.4_9delinsGCT", "p.Lys2_Trp3delinsAla"),
    (129, "ACGT", "A", "splice_donor_variant&coding_sequence_variant", "c.21_21+2del", "p.?"),
    (130, "C", "CTT", "frameshift_variant&splice_region_variant", "c.21_21+1insTT", "p.?"),
]


def _rows(variants, folder: Path, **options) -> pd.DataFrame:
    bcf = write_bcf(folder / "variants.bcf", variants)
    out = folder / "effects.parquet"
    predict_effects(bcf, out, write_fasta(folder), write_gff(folder), **options)
    return pq.read_table(out).to_pandas()


@pytest.fixture(scope="module")
def called(tmp_path_factory) -> pd.DataFrame:
    """Effects of the variants of this page on the forward gene and, mirrored, on the reverse one."""
    variants = []
    for pos, ref, alt, *_ in BY_HAND:
        assert base_at("c1", pos, len(ref)) == ref, pos
        variants.append(("c1", pos, ref, alt))
        first = mirror(pos + len(ref) - 1)
        variants.append(("c1", first, *_reversed(ref, alt)))
    others = [
        ("c2", 20, base_at("c2", 20), "A" if base_at("c2", 20) != "A" else "C"),
        ("c3", 9, base_at("c3", 9), "N"),
    ]
    return _rows([*variants, *others], tmp_path_factory.mktemp("effects"), distance=0)


def _reversed(ref: str, alt: str) -> tuple[str, str]:
    return ref.translate(COMPLEMENT)[::-1], alt.translate(COMPLEMENT)[::-1]


class TestByHand:
    @pytest.mark.parametrize("case", BY_HAND, ids=lambda case: f"{case[0]}{case[1]}>{case[2]}")
    @pytest.mark.parametrize("strand", ["+", "-"])
    def test_terms_and_names(self, called, case, strand):
        pos, ref, alt, terms, coding, protein = case
        if strand == "-":
            pos, (ref, alt) = mirror(pos + len(ref) - 1), _reversed(ref, alt)
        row = called.query("pos == @pos and ref == @ref and alt == @alt and transcript.notna()").iloc[0]
        assert set(row["consequence"].split("&")) == set(terms.split("&"))
        assert row["impact"] == impact_of(terms)
        assert row["strand"] == strand
        if coding:
            assert bare(row["hgvs_c"]) == coding
        name = None if pd.isna(row["hgvs_p"]) else bare(row["hgvs_p"])
        if protein or "coding" in terms or name is None:
            assert name == protein

    def test_columns(self, called):
        assert list(called.columns) == SCHEMA.names
        row = called.query("pos == 113 and alt == 'G' and ref == 'A'").iloc[0]
        assert row["hgvs_g"] == "c1:g.113A>G"
        assert row["hgvs_p"].endswith(":p.(Lys2Glu)")
        assert (row["amino_acids"], row["codons"], row["exon"]) == ("K/E", "Aaa/Gaa", "1/2")
        assert (row["cdna_position"], row["cds_position"], row["protein_position"]) == (13, 4, 2)
        assert (row["cds_length"], row["protein_length"]) == (42, 13)
        assert pd.isna(row["intron"]) and pd.isna(row["nmd"]) and pd.isna(row["new_stop"])
        silent = called.query("pos == 124 and alt == 'C'").iloc[0]
        assert (silent["amino_acids"], silent["codons"]) == ("G", "ggT/ggC")
        intron = called.query("pos == 135 and alt == 'T'").iloc[0]
        assert intron["intron"] == "1/1" and pd.isna(intron["exon"]) and pd.isna(intron["cds_position"])

    def test_hostile_names_are_as_in_the_file(self, called):
        assert set(called["gene"].dropna()) >= {"FW1", HOSTILE_NAME}

    def test_terms_are_in_order_of_severity(self, called):
        for text in called["consequence"].dropna():
            ranks = [severity_rank(term) for term in text.split("&")]
            assert ranks == sorted(ranks)
        assert terms_text((1 << len(TERMS)) - 1) == "&".join(TERMS)

    def test_a_transcript_that_codes_for_nothing(self, called):
        row = called.query("chrom == 'c2'").iloc[0]
        assert row["consequence"] == "non_coding_transcript_exon_variant"
        assert bare(row["hgvs_c"]).startswith("n.11") and row["hgvs_status"] == "not_coding"


# An exon of 30 codons before an intron and one of 13 behind it; the junction is behind the 90th base.
_CODING = "ATG" + "GCT" * 41
_TWO_EXONS = Gene(
    "C" * 10 + _CODING[:90] + "GT" + "C" * 30 + "AG" + _CODING[90:] + "TAA" + "C" * 10,
    twin.Transcript(1, ((11, 100), (135, 173)), (0, 129)),
)


class TestStops:
    """A premature stop more than 50 bases before the last junction means decay."""

    @pytest.mark.parametrize(
        ("codon", "expected"),
        [(2, "predicted"), (13, "predicted"), (14, "escapes"), (30, "escapes"), (35, "escapes")],
    )
    def test_fifty_bases(self, codon, expected):
        # Codon 13 ends 51 bases before the junction, codon 14 48.
        place = 11 + 3 * (codon - 1) + (34 if codon > 30 else 0)
        row = described(_TWO_EXONS, [(place, "GCT", "TAG")])[0]
        assert (row["new_stop"], row["nmd"]) == (codon, expected)
        assert row["consequence"].startswith("stop_gained")

    def test_one_exon_escapes(self):
        gene = Gene("C" * 10 + _CODING + "TAA", twin.Transcript(1, ((11, 139),), (0, 129)))
        row = described(gene, [(14, "GCT", "TAG")])[0]
        assert (row["new_stop"], row["nmd"]) == (2, "escapes")

    def test_an_insertion_before_the_junction_moves_it(self):
        # The stop at codon 14 is 48 bases before the junction; six more bases behind it make 54.
        row = described(_TWO_EXONS, [(50, "GCT", "TAGGCTGCT")])[0]
        assert (row["new_stop"], row["nmd"]) == (14, "predicted")

    def test_other_changes_have_none(self):
        for row in described(_TWO_EXONS, [(14, "G", "A"), (15, "CTG", "C")])[:1]:
            assert row["new_stop"] is None and row["nmd"] is None


class TestSpliceSites:
    """A change that can stand beside a splice site leaves the site as it is."""

    def test_a_base_less_in_front_of_the_acceptor(self):
        # ... T C A A A A G | : the acceptor is AG whichever A is deleted.
        gene = Gene(
            "CCC" + "ATGGCT" + "GTCCTTCCTTCCTTCCCAAAAG" + "GCTTAA" + "CCC",
            twin.Transcript(1, ((4, 9), (32, 37)), (0, 12)),
        )
        at = gene.genome.index("CAAAAG") + 1
        row = described(gene, [(at, "CA", "C")])[0]
        assert bare(row["hgvs_c"]) == "c.7-2del"
        assert "splice_acceptor_variant" not in row["consequence"] and row["impact"] == "LOW"
        lost = described(gene, [(at, "CAAAAG", "C")])[0]
        assert lost["consequence"].startswith("splice_acceptor_variant")

    def test_a_base_more_before_the_donor(self):
        gene = Gene(
            "CCC" + "ATGGCG" + "GTACTTCCTTCCTTCCTTAG" + "GCTTAA" + "CCC",
            twin.Transcript(1, ((4, 9), (30, 35)), (0, 12)),
        )
        row = described(gene, [(9, "G", "GG")])[0]
        assert (bare(row["hgvs_c"]), bare(row["hgvs_p"])) == ("c.6+1dup", "p.?")
        assert row["consequence"] == "frameshift_variant&splice_region_variant"

    def test_a_copied_splice_site_is_not_predicted(self):
        gene = Gene(
            "CCC" + "ATGGCG" + "GTACTTCCTTCCTTCCTTCAG" + "GCTTAA" + "CCC",
            twin.Transcript(1, ((4, 9), (31, 36)), (0, 12)),
        )
        row = described(gene, [(27, "T", "TCAG")])[0]
        assert (bare(row["hgvs_c"]), bare(row["hgvs_p"])) == ("c.7-3_7-1dup", "p.?")
        assert row["consequence"] == "splice_region_variant&coding_sequence_variant"


class TestRefusals:
    """Where a protein can't be told, none is."""

    CODING = Gene("CC" + "ATGGCTGCTTAA" + "GG", twin.Transcript(1, ((1, 16),), (2, 14)))

    @pytest.mark.parametrize(
        ("status", "terms", "coding"),
        [
            ("cds_end_incomplete", "missense_variant", "c.4G>A"),
            ("cds_start_incomplete", "missense_variant", None),
            ("selenocysteine", "coding_sequence_variant", "c.4G>A"),
            ("stop_within", "coding_sequence_variant", "c.4G>A"),
            ("ribosomal_slippage", "coding_sequence_variant", None),
            ("differs_from_reference", "coding_sequence_variant", None),
        ],
    )
    def test_marked_transcripts(self, status, terms, coding):
        gene = Gene(self.CODING.genome, self.CODING.transcript, status)
        row = described(gene, [(6, "G", "A")])[0]
        assert row["consequence"] == terms
        assert (bare(row["hgvs_c"]), row["hgvs_p"], row["hgvs_status"]) == (coding, None, status)

    def test_a_start_that_is_not_there_is_not_lost(self):
        gene = Gene(self.CODING.genome, self.CODING.transcript, "cds_start_incomplete")
        assert described(gene, [(3, "A", "G")])[0]["consequence"] == "missense_variant"

    def test_the_phase_gives_the_frame(self):
        # Without the first two bases the frame is GGC TGC TTA.
        gene = Gene(self.CODING.genome, self.CODING.transcript, "cds_start_incomplete")
        row = described(gene, [(5, "G", "A")], phase=2)[0]
        assert row["amino_acids"] == "G/S"
        row = described(gene, [(3, "A", "G")], phase=2)[0]
        assert row["consequence"] == "coding_sequence_variant"

    def test_nonsense_mediated_decay_transcripts_say_so(self):
        row = described(self.CODING, [(6, "G", "A")], biotype="nonsense_mediated_decay")[0]
        assert row["consequence"] == "missense_variant&NMD_transcript_variant"

    def test_a_deletion_of_all_of_it(self):
        gene = Gene("AC" * 5 + self.CODING.genome + "GT" * 5, twin.Transcript(1, ((11, 26),), (2, 14)))
        row = described(gene, [(5, gene.genome[4:30], "A")])[0]
        assert (row["consequence"], row["hgvs_c"]) == ("transcript_ablation", None)

    def test_over_the_end_of_the_transcript(self):
        gene = Gene("AC" * 5 + self.CODING.genome + "GT" * 5, twin.Transcript(1, ((11, 26),), (2, 14)))
        row = described(gene, [(24, "AGGGT", "A")])[0]
        assert (bare(row["hgvs_c"]), row["hgvs_status"]) == ("c.*2_*5del", "beyond_transcript_end")


class TestFiles:
    VARIANTS = (
        ("c1", 105, "A", "C"),
        ("c1", 250, base_at("c1", 250), "<DEL>"),
        ("c1", 251, base_at("c1", 251), "*"),
        ("c1", 252, "G" if base_at("c1", 252) != "G" else "C", "T" if base_at("c1", 252) != "T" else "A"),
        ("c3", 50, base_at("c3", 50), "A" if base_at("c3", 50) != "A" else "C"),
    )

    def test_what_cannot_be_assessed_says_why(self, tmp_path):
        rows = _rows(self.VARIANTS, tmp_path, distance=0).set_index("pos")
        assert rows.loc[105, "consequence_status"] == "assessed"
        assert rows["hgvs_status"].to_dict() == {
            105: "described",
            250: "alternate_not_a_sequence",
            251: "alternate_not_a_sequence",
            252: "reference_allele_differs",
            50: "contig_not_in_gene_model",
        }
        odd = rows.loc[[250, 251, 252, 50]]
        assert set(odd["consequence_status"]) == {"not_assessed"} and odd["consequence"].isna().all()

    @pytest.mark.parametrize(("missing", "reason"), [("fasta", "no_reference"), ("gff", "no_gene_model")])
    def test_without_a_file_nothing_is_assessed(self, tmp_path, missing, reason):
        bcf = write_bcf(tmp_path / "v.bcf", self.VARIANTS)
        files = {"fasta": write_fasta(tmp_path), "gff": write_gff(tmp_path)} | {missing: None}
        predict_effects(bcf, tmp_path / "e.parquet", **files)
        rows = pq.read_table(tmp_path / "e.parquet").to_pandas()
        assert len(rows) == len(self.VARIANTS)
        assert set(rows["hgvs_status"]) == {reason} and set(rows["consequence_status"]) == {"not_assessed"}

    def test_beside_a_gene(self, tmp_path):
        variants = [_other(95), _other(195), _other(50)]
        rows = _rows(variants, tmp_path, distance=10)
        forward = rows[rows["transcript"].fillna("").str.startswith("FWD")].set_index("pos")
        assert forward["consequence"].to_dict() == {
            95: "upstream_gene_variant",
            195: "downstream_gene_variant",
        }
        assert set(forward["hgvs_status"]) == {"outside_transcript"} and forward["hgvs_c"].isna().all()
        alone = rows.set_index("pos").loc[50]
        assert (alone["consequence"], alone["impact"]) == ("intergenic_variant", "MODIFIER")
        assert pd.isna(alone["transcript"]) and alone["consequence_status"] == "assessed"

    def test_blocks_change_no_byte(self, tmp_path, monkeypatch):
        variants = [_other(pos) for pos in range(90, 200, 3)]
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        whole = _rows(variants, tmp_path / "a")
        monkeypatch.setattr(predict, "BLOCK_VARIANTS", 2)
        monkeypatch.setattr(predict, "_MARGIN", 1)
        monkeypatch.setattr(predict, "_TEXT_BLOCK", 64)
        pd.testing.assert_frame_equal(whole, _rows(variants, tmp_path / "b"))

    def test_a_repeat_longer_than_the_window(self, tmp_path, monkeypatch):
        monkeypatch.setattr(predict, "_MARGIN", 1)
        start = CONTIGS["c2"].index("T" + "A" * 20) + 1
        row = _rows([("c2", start, "TA", "T")], tmp_path).iloc[0]
        assert row["hgvs_g"] == f"c2:g.{start + 20}del"

    def test_a_window_too_small_is_no_answer(self):
        gene = TestRefusals.CODING
        window = Window(window_of(gene.genome).bases[:8], 1, len(gene.genome))
        with pytest.raises(WindowTooSmallError):
            describe_block(transcripts_of(gene), window, [7], ["CT"], ["C"]) and describe_block(
                transcripts_of(gene), Window(window.bases[2:4], 3, 16), [3], ["A"], ["AA"]
            )

    def test_a_file_that_is_no_variants_is_an_input_error(self, tmp_path):
        (tmp_path / "v.bcf").write_text("no variants")
        with pytest.raises(InputError, match=r"v\.bcf"):
            predict_effects(tmp_path / "v.bcf", tmp_path / "e.parquet")
        assert not (tmp_path / "e.parquet").exists()

    def test_no_variants(self, tmp_path):
        assert _rows([], tmp_path).empty


def _other(pos: int) -> tuple[str, int, str, str]:
    ref = base_at("c1", pos)
    return "c1", pos, ref, "A" if ref != "A" else "C"
