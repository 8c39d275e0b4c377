"""Real and deliberately damaged files. Skipped where they are absent; they lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from endotype.cohort.pedigree import read_pedigree
from endotype.cohort.reference import check_gene_models, compare_bases, open_reference
from endotype.cohort.variant_file import inspect, last_position
from endotype.errors import InputError

DATA = Path(__file__).parents[3] / "shared" / "data"
KIT = DATA / "annotation_kit"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real files (../shared/data) are not here"),
]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("htsjdk/corrupt_file_that_starts_with_hash.vcf", "the first line"),
        ("htsjdk/mangledBaseVariants.vcf", "the first line"),
        ("htsjdk/vcfexampleV3.2.vcf", "VCRv3.2"),
        ("htsjdk/trioDup.vcf", "VCF version 3.3"),
        ("htsjdk/dbsnp_135.b37.1000.vcf", "an empty name (a trailing tab?)"),
        (
            "htsjdk/test_withNanQual.vcf",
            "row 5, column samples: found GQ='NaN'; expected GQ with Type=Integer",
        ),
        ("other/cyvcf2_test-invalid-header.vcf", "an empty name"),
        ("made_here/truncated_bgzf.vcf.gz", "end-of-file block is missing"),
        ("made_here/bgzf_without_eof_block.vcf.gz", "end-of-file block is missing"),
    ],
)
def test_damaged_files_are_refused_with_the_reason(path, found):
    with pytest.raises(InputError) as caught:
        inspect(str(DATA / "broken_inputs" / path))
    assert found.casefold() in str(caught.value).casefold()


@pytest.mark.parametrize(
    ("path", "n_samples", "contig", "last"),
    [
        ("broken_inputs/other/plain_gzip_not_bgzip.chr22.vcf.gz", 1126, "22", 51237069),
        ("broken_inputs/htsjdk/IntervalListFromVCFNoContigLines.vcf", 3, "20", 1234567),
        ("cohorts/kgp_chr20/reference.vcf.gz", 300, "20", 3999849),
        ("cohorts/chrM/ALL.chrMT.phase1.vcf.gz", 1074, "MT", 16537),
    ],
)
def test_odd_but_whole_files_are_read(path, n_samples, contig, last):
    file = inspect(str(DATA / path))
    assert len(file.samples) == n_samples and file.contigs == (contig,)
    assert last_position(file, contig) == last


def test_valid_vcf_43_files_are_not_refused():
    folder = DATA / "broken_inputs" / "hts_specs_vcf43"
    valid = sorted(folder.rglob("passed*.vcf"))
    if not valid:
        pytest.skip("no valid files in the collection")
    refused = {}
    for path in valid:
        try:
            inspect(str(path), needs_samples=False)
        except InputError as error:
            refused[path.name] = str(error)
    assert not refused


def test_the_kit_agrees_with_its_reference_and_genes():
    file = inspect(str(KIT / "1kg_phase2_exome.chr1.1182s.vcf.gz"))
    with open_reference(str(KIT / "b37.chr1_1-3400000.fa.gz")) as reference:
        compared = compare_bases(file.sites, reference)["1"]
        assert reference.lengths == {"1": 3400000}
    assert compared.compared >= 100 and compared.different == 0
    check_gene_models(str(KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz"), {"1"})


def test_the_real_pedigree_is_read():
    assert len(read_pedigree(DATA / "cohorts/uwgac/pedigree.tsv")) == 904
