"""Real broken and odd files, row by row of the index that says what is wanted of each."""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from endotype.cohort.contigs import map_contigs
from endotype.cohort.findings import Findings
from endotype.cohort.variant_file import inspect, last_position
from endotype.errors import InputError
from endotype.tables import read_text_table

DATA = Path(__file__).parents[3] / "shared" / "data"
INDEX = DATA / "broken_inputs" / "INDEX.tsv"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not INDEX.is_file(), reason="the real files (../shared/data) are not here"),
]


def refused(found: str) -> Callable[[Path], None]:
    """The file is refused, and the page says this."""

    def check(path: Path) -> None:
        with pytest.raises(InputError) as caught:
            inspect(str(path), needs_samples=False)
        assert found in str(caught.value)

    return check


def read(
    n_sampled: int | None = None,
    contigs: str | None = None,
    form: str | None = None,
    warned: tuple[str, ...] = (),
) -> Callable[[Path], None]:
    """The file is read: so many records (of a small file), these contigs, exactly these warnings."""

    def check(path: Path) -> None:
        file = inspect(str(path), needs_samples=False)
        assert n_sampled is None or len(file.sites) == n_sampled
        assert contigs is None or ",".join(file.contigs) == contigs
        assert form is None or file.form == form
        assert len(file.warnings) == len(warned)
        assert all(part in text for part, text in zip(warned, file.warnings, strict=True))

    return check


@dataclass
class _Reference:
    """A reference that has the REF bases of a file, under names with ``chr``."""

    lengths: dict[str, int]
    known: dict[tuple[str, int], str]

    def bases(self, contig: str, start: int, length: int) -> str:
        return self.known.get((contig, start), "").ljust(length, "N")[:length]


def renamed_to_chr(path: Path) -> None:
    """``chromosome1`` without lengths is mapped to ``chr1`` by its name, if the REF bases agree."""
    file = inspect(str(path))
    reference = _Reference(
        {f"chr{name}": 250_000_000 for name in [*range(1, 23), "X", "Y", "M"]},
        {(site.contig.replace("chromosome", "chr"), site.pos): site.ref for site in file.sites},
    )
    findings = Findings()
    mapped = map_contigs(file, reference, False, findings)
    assert (
        mapped.renames == {name: name.replace("omosome", "") for name in file.contigs} and not mapped.outside
    )
    assert len(mapped.renames) == 9 and not findings.problems and mapped.file.sites[0].contig == "chr1"
    # The same names over other bases are another genome.
    reference.known = {
        place: "".join("CATG"["ACGT".index(b)] for b in ref) for place, ref in reference.known.items()
    }
    other = map_contigs(file, reference, False, findings)
    assert not other.renames and len(findings.problems) == len(file.contigs)


def gzip_is_read_through(path: Path) -> None:
    file = inspect(str(path))
    assert (file.form, len(file.samples), file.contigs) == ("gzip_vcf", 1126, ("22",))
    assert file.contigs_known and last_position(file, "22") == 51237069


def last_row_is_set_apart(path: Path) -> None:
    """Interactions are no input; read as a table of text, the row that was cut is named by its line."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "table.tsv")
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        table = read_text_table(plain)
    assert len(table.rows) == 20_283 and table.ragged == ((20_285, 2),)


def half_calls_are_no_breach(path: Path) -> None:
    file = inspect(str(path))
    assert file.warnings == () and file.contigs == ("X",) and len(file.samples) == 1126


NOT_READ = "no input of this form"

WANTED: dict[str, Callable[[Path], None] | str] = {
    "broken_inputs/htsjdk/corrupt_file_that_starts_with_hash.vcf": refused("expected a VCF file"),
    "broken_inputs/htsjdk/mangledBaseVariants.vcf": refused("the first line '!##fileformat=VCFv4.2'"),
    # QUAL may be nan or infinite; what the three files can't be read for is a GQ, an integer, that is.
    "broken_inputs/htsjdk/test_withNanQual.vcf": refused("row 8, column samples: found GQ='+nan'"),
    "broken_inputs/htsjdk/test_withNegInfQual.vcf": refused("row 8, column samples: found GQ='-inf'"),
    "broken_inputs/htsjdk/test_withPosInfQual.vcf": refused("row 12, column samples: found GQ='inf'"),
    "broken_inputs/htsjdk/BCFVersion22Uncompressed.bcf": read(26, form="bcf"),
    "broken_inputs/htsjdk/breakpoint.vcf": read(2),
    "broken_inputs/htsjdk/structuralvariants.vcf": read(4),
    "broken_inputs/htsjdk/phased.vcf": read(2),
    "broken_inputs/htsjdk/vcfexampleV3.2.vcf": refused("VCRv3.2"),
    "broken_inputs/htsjdk/IntervalListFromVCFNoContigLines.vcf": read(5, "20", warned=("HOMSEQ without",)),
    "broken_inputs/htsjdk/trioDup.vcf": refused("VCF version 3.3"),
    "broken_inputs/htsjdk/dbsnp_135.b37.1000.vcf": refused("row 150, column #CHROM: found an empty name"),
    "broken_inputs/htsjdk/all43Features.utf8.vcf": read(
        25, warned=("line 76, column ALT: 327 'T' > 'C' again",)
    ),
    "broken_inputs/other/cyvcf2_test-invalid-header.vcf": refused(
        "row 2, column #CHROM: found an empty name"
    ),
    "broken_inputs/other/vcftools_invalid-4.0.vcf": refused(r"row 22, column GT: found '0\1'"),
    "broken_inputs/other/pharmcat_raw_bad_chr.vcf": renamed_to_chr,
    "broken_inputs/other/plain_gzip_not_bgzip.chr22.vcf.gz": gzip_is_read_through,
    "broken_inputs/other/dgidb_2022_interactions.cut_mid_line.tsv.gz": last_row_is_set_apart,
    "broken_inputs/made_here/truncated_bgzf.vcf.gz": refused("end-of-file block is missing"),
    "broken_inputs/made_here/bgzf_without_eof_block.vcf.gz": refused("end-of-file block is missing"),
    "somatic/pcgr_examples/T001-COAD.grch37.vcf.gz": read(form="bgzf_vcf"),
    "annotation_kit/clinvar_20191007.72records.vcf.gz": read(72, "1"),
    "cohorts/uwgac/1KG_phase3_subset_chrX.vcf.gz": half_calls_are_no_breach,
    "oracles/truth_sets/PG_hc.all.vcf.gz": read(
        contigs="chr21",
        warned=(
            "isPolymorphic, declared on line 5 with values",
            "'MissingSamples', which is not declared",
            "again",
        ),
    ),
    "bam/CEUTrio.HiSeq.WGS.b37.NA12878.20.first.8000.bam": "an alignment: see the tests of callability",
    "clinical_formats/hl7v2/sample_win.hl7": NOT_READ,
    "pgx/pharmcat/unit_cases/haplotype/VcfReaderTest-AD-invalid.vcf": read(
        7, warned=("AD with Number=f", "1 values of AC")
    ),
    "pgx/pharmcat/unit_cases/haplotype/VcfReaderTest-badAllele.vcf": refused(
        "row 20, column GT: found '0/2'"
    ),
    "pgx/pharmcat/unit_cases/definition/CYP3A5.bad.tsv": NOT_READ,
}


@pytest.mark.parametrize("name", WANTED)
def test_every_file_gets_what_is_wanted_of_it(name):
    wanted = WANTED[name]
    if isinstance(wanted, str):
        pytest.skip(wanted)
    wanted(DATA / name)


def test_the_index_has_no_other_row():
    with INDEX.open(encoding="utf-8", newline="") as stream:
        assert [row["file"] for row in csv.DictReader(stream, delimiter="\t")] == list(WANTED)
