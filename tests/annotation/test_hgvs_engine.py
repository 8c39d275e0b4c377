"""Names of the engine: against the slow twin, against two other engines, and what must hold of any of
them."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from endotype.annotation.effects.table import describe_block
from endotype.annotation.hgvs.names import genomic_sequence
from tests.annotation.effects_cases import (
    Gene,
    bare,
    described,
    random_gene,
    random_variant,
    spellings,
    transcripts_of,
    window_of,
)
from tests.reference import hgvs as twin

ORACLE = Path(__file__).parents[3] / "shared" / "data" / "oracles" / "hgvs_oracle"

LETTER = {name: letter for letter, name in twin.THREE.items()}
SITE_TERMS = ("splice_donor_variant", "splice_acceptor_variant")


class TestAgainstTheTwin:
    """The twin is written from the recommendations, base by base, and shares no code with the engine."""

    @pytest.mark.parametrize("number", range(8))
    def test_names_are_the_twins(self, number):
        seed = random.Random(number)
        compared = 0
        for _ in range(12):
            gene = random_gene(seed)
            variants = [random_variant(seed, gene.genome) for _ in range(120)]
            for variant, row in zip(variants, described(gene, variants), strict=True):
                slow = twin.describe(gene.genome, gene.transcript, *variant)
                assert bare(row["hgvs_g"]) == twin.genomic_name(gene.genome, *variant)
                if self._copies_from_outside(row, slow):
                    continue
                assert bare(row["hgvs_c"]) == slow.transcript, (gene, variant)
                assert self._same_protein(row, slow), (gene, variant, row["hgvs_p"], slow.protein)
                compared += row["hgvs_p"] is not None
        assert compared > 100

    @staticmethod
    def _copies_from_outside(row, slow) -> bool:
        """The twin counts on into what a copy is made of; to us it is an insertion in the transcript."""
        name = bare(row["hgvs_c"]) or ""
        return "ins" in name and "del" not in name and (slow.transcript or "dup").endswith("dup")

    @staticmethod
    def _same_protein(row, slow) -> bool:
        ours = bare(row["hgvs_p"])
        if re.search(r"\d[+-]\d", row["hgvs_c"] or ""):
            return {ours, slow.protein} <= {None, "p.?"}
        # Other than the twin we say nothing of a protein without an end.
        endless = slow.altered_protein is not None and not slow.altered_protein.endswith("*")
        return ours == slow.protein or (endless and ours == "p.?")

    def test_a_whole_repeat_at_either_end_of_the_transcript(self):
        gene = Gene("TTTT" + "CAATGGCTAAACTGTAAGC" + "CCCC", twin.Transcript(1, ((5, 23),), (2, 17)))
        variants = [(22, "G", "GC"), (23, "C", "CC"), (23, "C", "CT"), (4, "T", "TT"), (5, "C", "CA")]
        rows = described(gene, variants)
        assert [bare(r["hgvs_c"]) for r in rows] == ["c.*2dup", "c.*2dup", None, None, "c.1dup"]
        assert [r["hgvs_status"] for r in rows[2:4]] == ["outside_transcript"] * 2


class TestAnySpelling:
    """A change is the same however its caller wrote it."""

    @pytest.mark.parametrize("number", range(4))
    def test_rows_are_equal(self, number):
        seed = random.Random(100 + number)
        moved = 0
        for _ in range(10):
            gene = random_gene(seed)
            for _ in range(15):
                ways = spellings(gene.genome, random_variant(seed, gene.genome))
                rows = described(gene, ways)
                for row in rows:
                    for column in ("variant_id", "pos", "ref", "alt"):
                        del row[column]
                assert all(row == rows[0] for row in rows), (gene, ways)
                moved += len({pos + len(ref) for pos, ref, _ in ways}) > 1
        assert moved > 40


def applied(name: str, protein: str) -> str | None:
    """The protein that a name describes, without what it leaves open; ``None`` where it leaves all open."""
    name = name.removeprefix("p.")
    residue = "|".join(LETTER)
    match = re.fullmatch(rf"({residue})(\d+)(?:_({residue})(\d+))?(.*)", name)
    if match is None or match[5] == "?":
        return None
    first, last = int(match[2]) - 1, int(match[4] or match[2]) - 1
    assert protein[first] == LETTER[match[1]], name
    assert match[3] is None or protein[last] == LETTER[match[3]], name
    what = match[5]
    letters = "".join(LETTER[r] for r in re.findall(residue, re.sub(r"^(delins|ins)", "", what)))
    if what == "=":
        return protein
    if what == "dup":
        return protein[: last + 1] + protein[first : last + 1] + protein[last + 1 :]
    if what == "del":
        return protein[:first] + protein[last + 1 :]
    if "fsTer" in what or "extTer" in what:
        return protein[:first] + letters[0]
    if what.startswith("ins"):
        return (protein[: first + 1] + letters + protein[last:]).split("*")[0] + "*"
    return (protein[:first] + letters + protein[last + 1 :]).split("*")[0] + "*"


class TestProteinNames:
    @pytest.mark.parametrize("number", range(4))
    def test_a_name_applied_to_the_protein_is_the_altered_transcript_translated(self, number):
        seed = random.Random(200 + number)
        checked = 0
        for _ in range(12):
            gene = random_gene(seed)
            if gene.transcript.cds is None:
                continue
            variants = [random_variant(seed, gene.genome) for _ in range(80)]
            for variant, row in zip(variants, described(gene, variants), strict=True):
                if row["hgvs_p"] is None:
                    continue
                slow = twin.describe(gene.genome, gene.transcript, *variant)
                expected = applied(bare(row["hgvs_p"]), gene.protein)
                if expected is None or slow.altered_protein is None:
                    continue
                checked += 1
                name = bare(row["hgvs_p"])
                if "fsTer" in name or "extTer" in name:
                    assert slow.altered_protein.startswith(expected), (gene, variant, name)
                    count = name.rsplit("Ter", 1)[1]
                    if count != "?":
                        first = int(re.findall(r"\d+", name)[0])
                        end = first + int(count) - ("fs" in name)
                        assert len(slow.altered_protein) == end and slow.altered_protein[-1] == "*"
                        assert row["new_stop"] in (None, end)
                elif slow.altered_protein.endswith("*"):
                    assert slow.altered_protein == expected, (gene, variant, name)
        assert checked > 50

    def test_the_mitochondrial_code(self):
        #       ATG TGA AAA ATA TAA: M W K M *
        gene = Gene(
            "CCCC" + "ATGTGAAAAATATAA" + "CCCC",
            twin.Transcript(1, ((5, 19),), (0, 15), mitochondrial=True),
        )
        rows = described(gene, [(10, "A", "G"), (8, "T", "A"), (16, "A", "G"), (5, "A", "G"), (19, "A", "G")])
        names = ["p.Trp2=", "p.Trp2Ter", "p.Met4=", "p.Met1?", "p.Ter5="]
        assert [bare(r["hgvs_p"]) for r in rows] == names


LENGTHS_38 = {"chr1": 248_956_422, "chr2": 242_193_529, "chrM": 16_569, "chrUn_1": 5000}


class TestGenomicSequence:
    def test_accessions(self):
        assert genomic_sequence("chr1", LENGTHS_38) == "NC_000001.11:g"
        assert genomic_sequence("1", {"1": 249_250_621}) == "NC_000001.10:g"
        assert genomic_sequence("chrM", LENGTHS_38) == "NC_012920.1:m"

    def test_contigs_without_one_keep_their_name(self):
        assert genomic_sequence("chrUn_1", LENGTHS_38) == "chrUn_1:g"
        assert genomic_sequence("chrM", {"chrM": 16_571}) == "chrM:m"
        assert genomic_sequence("1", {"1": 3_400_000}) == "1:g"
        assert genomic_sequence("1", {"1": 3_400_000}, "hg19") == "NC_000001.10:g"
        assert genomic_sequence("NC_000001.11", {"NC_000001.11": 5}) == "NC_000001.11:g"


# What we say of the 26 variants for which the two engines of the oracle say different things. By class:
# border: the change can as well be one of the intron, or copies a splice site; copy: a copy of the last bases
# of an exon lengthens the exon; stop: residues behind a new stop aren't listed; same: all codons touched are
# named; start: a change of the start codon; end: a change of the stop codon.
CHOICES = {
    ("139277", "AG"): ("border", "p.?"),
    ("48572", "AC"): ("border", "p.?"),
    ("193748", "AAAGACT"): ("border", "p.?"),
    ("76140", "CAGC"): ("border", "p.?"),
    ("44376", "AACT"): ("border", "p.?"),
    ("226257", "ATGT"): ("border", "p.?"),
    ("226250", "TAA"): ("copy", "p.Ser195LysfsTer3"),
    ("226253", "AAA"): ("copy", "p.Ser195LysfsTer3"),
    ("144062", "AA"): ("copy", "p.Arg124Ter"),
    ("89090", "CT"): ("copy", "p.Ser87LeufsTer5"),
    ("139327", "CT"): ("copy", "p.Pro332SerfsTer132"),
    ("220087", "AC"): ("stop", "p.Ile71_Glu72delinsMetTer"),
    ("216144", "ATA"): ("stop", "p.Arg248_Arg249delinsLeuTer"),
    ("184281", "CTAT"): ("stop", "p.Met278delinsIleTer"),
    ("192964", "CTA"): ("stop", "p.Lys107_Ala108delinsAsnTer"),
    ("16377", "ATG"): ("stop", "p.Glu224_Glu225delinsAlaTer"),
    ("112255", "AAT"): ("stop", "p.Ser332_Glu333delinsTyrTer"),
    ("76164", "ACTA"): ("stop", "p.Gln161His"),
    ("97191", "AC"): ("same", "p.Leu100_Leu101="),
    ("234902", "AT"): ("start", "p.Met1?"),
    ("270556", "AAA"): ("start", "p.Met1?"),
    ("73088", "TTAACTA"): ("start", "p.Met1?"),
    ("122205", "CA"): ("start", "p.Met1?"),
    ("135269", "G"): ("start", "p.Met1?"),
    ("234902", "A"): ("start", "p.Met1?"),
    ("184245", "A"): ("end", "p.Ter289PheextTer?"),
}


@pytest.mark.real
@pytest.mark.skipif(not ORACLE.is_dir(), reason="the HGVS oracle is not at hand")
class TestOracle:
    """5,768 variants of 40 transcripts, named by two independent engines."""

    @cache  # noqa: B019
    def rows(self):
        with gzip.open(ORACLE / "g40.tx.json.gz", "rt") as stream:
            models = json.load(stream)
        with gzip.open(ORACLE / "g40.fa.gz", "rt") as stream:
            genome = "".join(line.strip() for line in stream if not line.startswith(">"))
        with gzip.open(ORACLE / "truth.tsv.gz", "rt") as stream:
            truth = list(csv.DictReader(stream, delimiter="\t"))
        window = window_of(genome)
        result = []
        for name, model in models.items():
            exons = tuple((a, b) for a, b in model["exons"])
            strand = 1 if model["strand"] == "+" else -1
            gene = Gene(genome, twin.Transcript(strand, exons, (model["c0"], model["c1"])))
            assert gene.messenger == model["mrna"]
            mine = [r for r in truth if r["transcript"] == name]
            table = describe_block(
                transcripts_of(gene),
                window,
                np.array([int(r["pos"]) for r in mine]),
                [r["ref"] for r in mine],
                [r["alt"] for r in mine],
            )
            result += zip(mine, table.to_pylist(), strict=True)
        return result

    def test_all_rows_are_there(self):
        assert len(self.rows()) == 5768
        assert sum(truth["agree"] == "0" for truth, _ in self.rows()) == 26

    def test_coding_names(self):
        pairs = [(truth["oracle_c"], bare(row["hgvs_c"])) for truth, row in self.rows()]
        assert [pair for pair in pairs if pair[0] != pair[1]] == []

    def test_protein_names_where_both_engines_agree(self):
        wrong = []
        for truth, row in self.rows():
            ours = bare(row["hgvs_p"])
            if truth["agree"] == "1" and (ours if ours != "p.?" else None) != (truth["oracle_p"] or None):
                wrong.append((truth, ours))
        assert wrong == []

    def test_our_choice_where_they_differ(self):
        ours = {(t["pos"], t["alt"]): bare(row["hgvs_p"]) for t, row in self.rows() if t["agree"] == "0"}
        assert ours == {key: name for key, (_, name) in CHOICES.items()}
