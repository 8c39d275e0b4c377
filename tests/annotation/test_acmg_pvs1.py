"""PVS1: every leaf of the decision tree, and what becomes of a transcript without an exon or a start."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from endotype.annotation.acmg.candidate import Context
from endotype.annotation.acmg.known import Known
from endotype.annotation.acmg.regions import Regions
from endotype.annotation.acmg.structure import (
    Structure,
    lost_exons,
    next_start,
    structure_of,
    without_exons,
)
from endotype.annotation.acmg.truncation import pvs1
from endotype.annotation.transcripts import BASES, Transcripts
from tests.annotation.test_acmg_criteria import allele, context, one, region, says, variant

COMPLEMENT = str.maketrans("ACGT", "TGCA")


class Genome:
    """A transcript with 100 bases between exons; ``mirrored`` puts it on the other strand."""

    def __init__(self, exons: list[str], coding: tuple[int, int], *, mirrored: bool = False) -> None:
        starts, at = [], 1001
        for exon in exons:
            starts.append(at)
            at += len(exon) + 100
        ends = [s + len(e) - 1 for s, e in zip(starts, exons, strict=True)]
        self.last = at
        if mirrored:
            starts, ends = [self.mirror(e) for e in ends], [self.mirror(s) for s in starts]
        sequence = np.array([BASES.index(b) for b in "".join(exons)], np.uint8)
        self.structure = Structure(
            "ENSG1", "ENST1.1", -1 if mirrored else 1, np.array(starts), np.array(ends), sequence, coding, 1
        )

    def mirror(self, pos: int) -> int:
        return self.last + 1000 - pos

    def __call__(self, chrom: str, transcript: str) -> Structure | None:
        return self.structure if (chrom, transcript) == ("1", "ENST1.1") else None

    def representatives(self, chrom: str, gene_id: str) -> list[Structure]:
        return [self.structure]


def codons(n: int, seed: int) -> str:
    """Codons that are no stop in any frame: without T, and so without ATG too."""
    return "".join(random.Random(seed).choices("ACG", k=3 * n))


LEADER, TAIL = "GACC", "TAAGGG"


def genome(lengths: list[int], *, mirrored: bool = False, **parts: str) -> Genome:
    """Exons of so many coding bases; the first starts with a leader, the last ends in a tail."""
    total = sum(lengths)
    bases = "ATG" + codons((total - 6) // 3, 1) + "TAA"
    for place, text in parts.items():
        at = int(place[1:])
        bases = bases[:at] + text + bases[at + len(text) :]
    cuts = np.cumsum([0, *lengths])
    exons = [bases[a:b] for a, b in itertools.pairwise(cuts)]
    exons[0] = LEADER + exons[0]
    exons[-1] += TAIL[3:]
    return Genome(exons, (len(LEADER), len(LEADER) + total), mirrored=mirrored)


class TestTranscriptWithoutAnExon:
    def test_a_whole_number_of_codons_keeps_the_frame(self):
        left = without_exons(genome([30, 60, 90, 120]).structure, {1})
        assert (left.in_frame, left.decay, left.coding_lost, left.removed) == (True, False, 60, (11, 30))
        assert left.share == pytest.approx(20 / 99)

    def test_a_codon_split_over_the_exons_keeps_the_frame_too(self):
        left = without_exons(genome([31, 60, 209]).structure, {1})
        assert left.in_frame and left.coding_lost == 60

    def test_a_stop_made_at_the_new_junction_does_not(self):
        # Exon 1 ends in T of a codon, exon 3 begins with AA: TAA.
        left = without_exons(genome([31, 60, 209], _30="T", _91="AA").structure, {1})
        assert not left.in_frame and left.removed[0] == 11

    @pytest.mark.parametrize(("spacer", "decay"), [(200, True), (51, False)])
    def test_a_shifted_frame_decays_when_the_stop_is_far_before_the_last_junction(self, spacer, decay):
        # Exon 2 has 31 bases; a stop in the new frame stands at the beginning of exon 3.
        lengths = [30, 31, spacer, 0]
        lengths[3] = -sum(lengths) % 3 + 60
        left = without_exons(genome(lengths, _64="TAA").structure, {1})
        assert not left.in_frame and left.decay is decay

    @pytest.mark.parametrize(("gap", "decay"), [(50, False), (51, True)])
    def test_the_distance_is_50_bases(self, gap, decay):
        # The stop in the new frame ends 6 bases into exon 3, which goes on for `gap` bases.
        lengths = [30, 31, 6 + gap, 0]
        lengths[3] = -sum(lengths) % 3 + 60
        assert without_exons(genome(lengths, _64="TAA").structure, {1}).decay is decay

    def test_exons_that_hold_the_start_or_the_stop_are_told(self):
        s = genome([30, 60, 90, 120]).structure
        assert without_exons(s, {0}).start_lost and without_exons(s, {3}).stop_lost

    def test_an_untranslated_exon_changes_nothing(self):
        g = genome([30, 60, 90])
        s = g.structure
        exons = [np.append([500], s.exon_start), np.append([509], s.exon_end)]
        sequence = np.append(np.zeros(10, np.uint8), s.sequence)
        padded = Structure("", "", 1, *exons, sequence, (s.coding[0] + 10, s.coding[1] + 10), 1)
        assert without_exons(padded, {0}).coding_lost == 0

    @pytest.mark.parametrize("exon", [1, 2])
    def test_equals_splicing_and_translating_by_hand(self, exon):
        rng = random.Random(exon)
        for _ in range(200):
            lengths = [rng.randint(20, 90) for _ in range(4)]
            lengths[3] += -sum(lengths) % 3
            g = genome(lengths, _40=rng.choice(["TAA", "TGA", "GTT"]), _95=rng.choice(["TAG", "ATT", "CTG"]))
            s = g.structure
            text = "".join(BASES[b] for b in s.sequence)
            ends = np.cumsum([0, *(s.exon_end - s.exon_start + 1)])
            if _protein(text[len(LEADER) :]) != s.protein_length:
                continue  # one of the sown codons ends the normal protein
            new = text[: ends[exon]] + text[ends[exon + 1] :]
            stop = _protein(new[len(LEADER) :])
            left = without_exons(s, {exon})
            in_frame = lengths[exon] % 3 == 0 and stop == s.protein_length - lengths[exon] // 3
            assert left.in_frame == in_frame
            if not in_frame and stop is not None:
                last = len(new) - (ends[4] - ends[3])
                assert left.decay == (last - (len(LEADER) + 3 * stop + 3) > 50)


def _protein(bases: str) -> int | None:
    """Residues before the first stop."""
    for i in range(0, len(bases) - 2, 3):
        if bases[i : i + 3] in ("TAA", "TAG", "TGA"):
            return i // 3
    return None


class TestSites:
    @pytest.mark.parametrize("mirrored", [False, True])
    def test_the_exon_that_loses_a_site(self, mirrored):
        g = genome([30, 60, 90, 120], mirrored=mirrored)
        s = g.structure
        for exon in range(4):
            ends = sorted((s.genomic(int(s.exon_first[exon])), s.genomic(int(s.exon_first[exon + 1]) - 1)))
            step = -1 if mirrored else 1
            donor = (ends[0] if mirrored else ends[1]) + step
            acceptor = (ends[1] if mirrored else ends[0]) - step
            for pos in (donor, donor + step):
                assert lost_exons(s, pos, "A", "C", True, False) == ({exon} if exon < 3 else set())
            for pos in (acceptor, acceptor - step):
                assert lost_exons(s, pos, "A", "C", False, True) == ({exon} if exon > 0 else set())
            assert lost_exons(s, donor + 2 * step, "A", "C", True, True) == set()

    def test_a_deletion_of_exons_takes_them_all(self):
        s = genome([30, 60, 90, 120]).structure
        first, last = int(s.exon_start[1]) - 20, int(s.exon_end[2]) + 20
        assert lost_exons(s, first, "A" * (last - first + 1), "A", True, True) == {1, 2}

    def test_an_insertion_within_a_site_counts(self):
        s = genome([30, 60, 90, 120]).structure
        end = int(s.exon_end[1])
        assert lost_exons(s, end + 1, "G", "GA", True, False) == {1}
        assert lost_exons(s, end + 3, "G", "GA", True, False) == set()


def test_the_next_start_is_the_first_methionine_in_frame():
    s = genome([30, 60, 90], _61="ATG", _72="ATG").structure
    assert next_start(s) == 25  # the one at base 61 is out of frame
    assert next_start(genome([30, 60, 90]).structure) is None


def _null(*terms: str, lof: str | None = "yes", **columns):
    return variant("&".join(terms), "HIGH", lof=lof, **columns)


class TestMechanism:
    @pytest.mark.parametrize(
        ("lof", "validity", "thresholds", "expected"),
        [
            ("yes", None, {}, "very_strong"),
            ("yes", "definitive", {}, "very_strong"),
            ("yes", "strong", {}, "very_strong"),
            ("yes", "moderate", {}, "strong"),
            ("yes", "limited", {}, "not_met"),
            ("yes", "refuted", {}, "not_met"),
            ("no", "definitive", {}, "not_met"),
            ("unknown", "definitive", {}, "not_evaluable"),
            (None, None, {}, "not_evaluable"),
            (None, None, one("PVS1", "applies", "yes"), "very_strong"),
            ("yes", "definitive", one("PVS1", "applies", "no"), "not_met"),
        ],
    )
    def test_loss_of_function_must_be_how_the_gene_causes_disease(self, lof, validity, thresholds, expected):
        v = _null("stop_gained", lof=lof, validity=validity, nmd="predicted", new_stop=50)
        assert says(pvs1(v, context(thresholds))) == expected

    def test_behind_the_last_position_of_the_gene_it_does_not_apply(self):
        c = context(one("PVS1", "last_position", "49"))
        assert says(pvs1(_null("stop_gained", nmd="predicted"), c)) == "not_met"
        assert says(pvs1(_null("stop_gained", nmd="predicted", protein_position=49), c)) == "very_strong"

    def test_missense_is_not_its_business_and_what_was_not_assessed_is_not_evaluable(self):
        assert says(pvs1(variant(lof="yes"), context())) == "not_met"
        assert (
            says(pvs1(_null("stop_gained", consequence_status="not_assessed"), context())) == "not_evaluable"
        )


class TestNonsenseAndFrameshift:
    @pytest.mark.parametrize("term", ["stop_gained", "frameshift_variant"])
    @pytest.mark.parametrize(
        ("columns", "regions", "expected"),
        [
            ({"nmd": "predicted"}, [], "very_strong"),
            ({"nmd": "predicted"}, [region("not_relevant")], "not_met"),
            ({"nmd": "escapes", "protein_position": 95}, [region("domain")], "strong"),
            (
                {"nmd": "escapes", "protein_position": 95},
                [region("domain"), region("lof_frequent")],
                "strong",
            ),
            ({"nmd": "escapes", "protein_position": 50}, [region("lof_frequent")], "not_met"),
            ({"nmd": "escapes", "protein_position": 50}, [region("not_relevant")], "not_met"),
            ({"nmd": "escapes", "protein_position": 90}, [], "strong"),  # 11 residues of 100
            ({"nmd": "escapes", "protein_position": 91}, [], "moderate"),  # 10
            ({"nmd": None, "protein_position": 95}, [], "moderate"),  # read through to no stop
            ({"nmd": "escapes", "protein_position": None}, [], "not_evaluable"),
        ],
    )
    def test_leaves(self, term, columns, regions, expected):
        c = context(regions=Regions(regions) if regions else None)
        assert says(pvs1(_null(term, **columns), c)) == expected

    def test_a_whole_transcript_deleted(self):
        assert says(pvs1(_null("transcript_ablation"), context())) == "very_strong"

    def test_what_lies_behind_the_variant_is_lost_too(self):
        g = genome([30, 60, 90, 120])
        last_exon = int(g.structure.exon_start[3]) + 50
        c = context(regions=Regions([region("domain", last_exon, last_exon)]), structure=g)
        v = _null(
            "frameshift_variant", nmd="escapes", protein_position=95, pos=int(g.structure.exon_start[3])
        )
        assert says(pvs1(v, c)) == "moderate"  # residue 95 is behind base 50 of the exon
        assert says(pvs1(_null("frameshift_variant", nmd="escapes", protein_position=62), c)) == "strong"


def _splice(g: Genome, exon: int, c: Context | None = None, **columns) -> str:
    pos = int(g.structure.exon_end[exon]) + 1
    v = _null("splice_donor_variant", pos=pos, ref="G", alt="A", **columns)
    return says(pvs1(v, c or context(structure=g)))


class TestSpliceSites:
    def test_a_shifted_frame_that_decays(self):
        g = genome([30, 31, 200, 63], _64="TAA")
        assert _splice(g, 1) == "very_strong"
        pos = int(g.structure.exon_end[1])
        regions = Regions([region("not_relevant", pos, pos + 2)])
        assert _splice(g, 1, context(structure=g, regions=regions)) == "not_met"

    def test_a_shifted_frame_that_does_not_decay(self):
        g = genome([300, 31, 20, 63])
        assert _splice(g, 1) == "strong"
        assert _splice(genome([3000, 31, 20, 63]), 1) == "moderate"

    def test_a_kept_frame(self):
        assert _splice(genome([30, 60, 90, 120]), 1) == "strong"  # 20 residues of 99
        assert _splice(genome([300, 30, 90, 300]), 1) == "moderate"  # 10 of 239

    def test_a_kept_frame_without_a_critical_region(self):
        g = genome([300, 30, 90, 300])
        inside = int(g.structure.exon_start[1]) + 3
        for kind, expected in [("critical", "strong"), ("domain", "strong"), ("hotspot", "strong")]:
            regions = Regions([region(kind, inside, inside)])
            assert _splice(g, 1, context(structure=g, regions=regions)) == expected
        site = int(g.structure.exon_end[1]) + 1
        for kind in ("lof_frequent", "not_relevant"):
            regions = Regions([region(kind, site, site)])
            assert _splice(g, 1, context(structure=g, regions=regions)) == "not_met"

    def test_first_and_last_exons_and_missing_transcripts_are_not_guessed(self):
        g = genome([30, 60, 90, 120])
        assert _splice(g, 0) == "not_evaluable"
        untranslated = Structure(
            "ENSG1", "ENST1.1", 1,
            np.append(g.structure.exon_start, 9000), np.append(g.structure.exon_end, 9009),
            np.append(g.structure.sequence, np.zeros(10, np.uint8)), g.structure.coding, 1,
        )  # fmt: skip
        v = _null("splice_acceptor_variant", pos=8999, ref="G", alt="A")
        assert says(pvs1(v, context(structure=lambda chrom, transcript: untranslated))) == "not_evaluable"
        assert _splice(g, 1, context()) == "not_evaluable"
        assert _splice(g, 1, context(structure=g), transcript="ENST2.1") == "not_evaluable"


class TestStart:
    def _start(self, *alleles, known=True, **columns) -> str:
        g = genome([30, 60, 90], _72="ATG")  # the next methionine is residue 25
        c = context(structure=g, known=Known(alleles, {}) if known else None)
        return says(pvs1(_null("start_lost", protein_position=1, **columns), c))

    def test_a_pathogenic_variant_before_the_next_start_is_moderate(self):
        assert self._start(allele(position=24)) == "moderate"
        assert self._start(allele(position=2)) == "moderate"

    def test_none_is_supporting(self):
        assert self._start() == self._start(allele(position=25)) == self._start(known=False) == "supporting"

    def test_the_variants_own_record_is_not_one(self):
        mine = allele(position=2)._replace(variant_id="1:1000:A:G")
        assert self._start(mine) == "supporting"

    def test_another_representative_transcript_that_starts_elsewhere(self):
        g, other = genome([30, 60, 90]), genome([30, 60, 90])
        s = other.structure
        elsewhere = Structure(
            "ENSG1", "ENST2.1", 1, s.exon_start + 5, s.exon_end + 5, s.sequence, s.coding, 1
        )
        g.representatives = lambda chrom, gene_id: [g.structure, elsewhere]  # type: ignore[method-assign]
        assert says(pvs1(_null("start_lost"), context(structure=g))) == "not_met"

    def test_without_the_transcript_nothing_is_said(self):
        assert says(pvs1(_null("start_lost"), context())) == "not_evaluable"


def test_structures_are_cut_out_of_the_arrays_of_a_contig():
    s = genome([30, 60, 90]).structure
    empty = np.zeros(1, np.int64)
    n = len(s.sequence)
    both = Transcripts(
        chrom="1", name=("A", "B"), gene=("G", "G"), gene_id=("X", "X"), biotype=("", ""),
        protein_id=("", ""),
        start=empty, end=empty, strand=np.array([1, 1], np.int8), exon_offset=np.array([0, 3, 6]),
        exon_start=np.tile(s.exon_start, 2), exon_end=np.tile(s.exon_end, 2),
        exon_first=np.tile(s.exon_first[:-1], 2),
        sequence_offset=np.array([0, n, 2 * n]), sequence=np.tile(s.sequence, 2),
        cds_start=np.array([s.coding[0]] * 2), cds_end=np.array([s.coding[1]] * 2),
        phase=np.zeros(2, np.int8),
        code=np.ones(2, np.int8), status=("", "selenocysteine"), mane=("", ""), canonical=np.zeros(2, bool),
    )  # fmt: skip
    cut = structure_of(both, 0)
    assert cut is not None and cut.protein_length == s.protein_length and (cut.sequence == s.sequence).all()
    assert structure_of(both, 1) is None  # its protein is not known
