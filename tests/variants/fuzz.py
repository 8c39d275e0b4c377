"""What must hold of any VCF that is normalised, and a run that looks for one of which it doesn't.

    python -m tests.variants.fuzz --examples 10000 --seed 1

A failing case is made as small as possible and kept in ``corpus/``, where the tests try it again.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from endotype.errors import InputError
from endotype.variants.bcf_record import encode_record
from endotype.variants.normalise import ShardCounts
from tests.reference import normalise as twin
from tests.variants import runs
from tests.variants.builders import write_fasta
from tests.variants.vcf_strategies import FIELDS, SEXES, Case, broken_text, cases

CORPUS = Path(__file__).parent / "corpus"

NUMBERS = {key: number for key, (number, _) in FIELDS.items()}

_REFERENCE = "##reference_bases="


def read_case(path: Path) -> Case:
    """A case of the corpus: a VCF whose header carries the reference."""
    lines = path.read_text().splitlines()
    reference = next(line.removeprefix(_REFERENCE) for line in lines if line.startswith(_REFERENCE))
    records = tuple(line for line in lines if not line.startswith("#"))
    return Case(records[0].split("\t")[0], reference, records)


def keep_case(case: Case, folder: Path = CORPUS) -> Path:
    """Write a case to the corpus under a name made from its content."""
    first, *rest = case.vcf().splitlines()
    text = "\n".join([first, _REFERENCE + case.reference, *rest]) + "\n"
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.vcf"
    path.write_text(text)
    return path


def accounted(counts: ShardCounts) -> int:
    """Alleles whose fate is known."""
    fates = counts.structural + counts.monomorphic + counts.reference_blocks + counts.duplicates_merged
    return counts.rejected.total() + fates + counts.joined_across_files + counts.variants_out


def normalise(
    bcf: Path, fasta: Path, case: Case, window: tuple[int, int] = (0, runs.EVERYTHING)
) -> runs.Pass:
    """One pass over a case, or over a window of it."""
    return runs.normalise(bcf, fasta, case.contig, SEXES, "unspecified", window)


def check_case(case: Case, folder: Path) -> None:
    """Normalise a case and compare with the slow twin.

    Raises:
        AssertionError: a property doesn't hold.
    """
    vcf, fasta = case.write(folder)
    bcf = runs.to_bcf(vcf, folder / "in.bcf")
    ours = normalise(bcf, fasta, case)
    one_copy = [case.contig == "X" and sex == "male" for sex in SEXES]
    theirs = twin.normalise(list(case.records), case.reference, NUMBERS, one_copy)
    counts = ours.counts
    assert counts.records_in == len(case.records)
    assert counts.alleles_in == theirs.alleles_in == accounted(counts), "an allele is lost"
    assert counts.rejected.total() == len(ours.rejects)
    assert ours.reasons() == theirs.rejects, "rejects"
    assert counts.structural == theirs.structural
    assert (counts.monomorphic, counts.reference_blocks) == (theirs.monomorphic, theirs.reference_blocks)
    keys = [(r.pos, *r.alleles) for r in ours.records]
    assert keys == sorted(set(keys)), "variants are not sorted, or one is there twice"
    assert keys == list(theirs.variants), "variants"
    for pos, ref, _ in keys:
        assert case.reference[pos - 1 : pos - 1 + len(ref)] == ref, "REF is not the reference's"
    assert ours.calls == theirs.variants, "calls"
    assert counts.genotypes_in_conflict == theirs.conflicts
    for record in ours.records:
        called = [a for call in ours.calls[(record.pos, *record.alleles)] for a in call]
        counted = (int(record.info["AC"][0]), int(record.info["AN"][0]))
        assert counted == (called.count(1), len(called)), "AC or AN"
    check_again(ours, fasta, case)
    check_shards(ours, bcf, fasta, case)


def check_again(first: runs.Pass, fasta: Path, case: Case) -> None:
    """A second pass changes no record and rejects nothing."""
    again = normalise(first.path, fasta, case)
    assert again.rejects == []
    encoded = [[encode_record(r, p.header) for r in p.records] for p in (first, again)]
    assert encoded[0] == encoded[1], "a second pass changes records"


def check_shards(whole: runs.Pass, bcf: Path, fasta: Path, case: Case) -> None:
    """Two shards give together what one gives."""
    cut = len(case.reference) // 2
    parts = [normalise(bcf, fasta, case, window) for window in ((0, cut), (cut + 1, runs.EVERYTHING))]
    joined = [encode_record(record, part.header) for part in parts for record in part.records]
    assert joined == [encode_record(record, whole.header) for record in whole.records], "shards"
    assert sum(accounted(part.counts) for part in parts) == accounted(whole.counts)
    assert [r for part in parts for r in part.rejects] == whole.rejects


def check_broken(kind: str, data: bytes, case: Case, folder: Path) -> str:
    """Prepare and normalise a damaged file: an input error that names it, or results that add up.

    Returns:
        ``refused`` or ``read``.
    """
    (folder / "in.vcf").write_bytes(data)
    fasta = write_fasta(folder / "ref.fa", **{case.contig: case.reference})
    try:
        counts = runs.normalise_file(
            folder, folder / "in.vcf", fasta, f"{case.contig}:1-{len(case.reference)}"
        ).counts
    except InputError as error:
        assert str(folder / "in.vcf") in str(error) or "in.vcf" in str(error), kind
        left = sorted(p.name for p in (folder / "out").glob("*")) if (folder / "out").exists() else []
        assert left == [], f"{kind}: {left} left behind"
        return "refused"
    assert counts.alleles_in == accounted(counts), kind
    return "read"


def main() -> None:
    """Look for a failing case; exit code 1 when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=10_000, help="files to generate (%(default)s)")
    parser.add_argument("--broken", type=int, default=100, help="damaged files to generate (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files (%(default)s)")
    a = parser.parse_args()
    calm = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    tried = {"well-formed": 0, "refused": 0, "read": 0}
    failing: list[Case] = []

    with tempfile.TemporaryDirectory() as folder:

        @seeded(a.seed)
        @settings(max_examples=max(1, a.examples), **calm)  # type: ignore[arg-type]
        @given(cases())
        def well_formed(case: Case) -> None:
            tried["well-formed"] += 1
            try:
                check_case(case, Path(folder))
            except Exception:
                failing[:] = [case]
                raise

        @seeded(a.seed)
        @settings(max_examples=max(1, a.broken), **calm)  # type: ignore[arg-type]
        @given(broken_text())
        def damaged(item: tuple[str, bytes, Case]) -> None:
            with tempfile.TemporaryDirectory() as fresh:
                tried[check_broken(*item, Path(fresh))] += 1

        started = time.monotonic()
        code = 0
        for search in [well_formed] * (a.examples > 0) + [damaged] * (a.broken > 0):
            try:
                search()
            except Exception as error:
                code = 1
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                if search is well_formed and failing:
                    print(f"kept as {keep_case(failing[0])}", file=sys.stderr)
    print(f"{tried} in {time.monotonic() - started:.0f} s")
    sys.exit(code)


if __name__ == "__main__":
    main()
