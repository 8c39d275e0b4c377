"""Files, ids, error pages, code digests, the bcftools child, the environment files."""

from __future__ import annotations

import ast
import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype import bcftools
from endotype.digest import code_digest, imported_names
from endotype.errors import Problem, format_problems, nearest, visible
from endotype.files import atomic_path, read_json, to_json, write_json
from endotype.ids import fold, is_id
from endotype.provenance.inputs import write_provenance
from endotype.provenance.manifest import write_manifest

ROOT = Path(__file__).parents[1]


class TestFiles:
    def test_an_error_leaves_the_old_file_and_nothing_else(self, tmp_path):
        path = tmp_path / "result.txt"
        path.write_text("old")
        with pytest.raises(RuntimeError), atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_json_is_canonical(self, tmp_path):
        write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
        assert (tmp_path / "a.json").read_text() == '{\n  "a": "ü",\n  "b": 1\n}\n'

    def test_json_holds_no_nan(self):
        with pytest.raises(ValueError, match="Out of range"):
            to_json({"a": float("nan")})


class TestIds:
    @pytest.mark.parametrize("text", ["P001", "TCGA-AB-1234", "a", "001", "NA", "1e5", "x" * 64])
    def test_accepted(self, text):
        assert is_id(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "$(touch X)",
            "../x",
            "-rf",
            "a b",
            ".hidden",
            "a/b",
            "a\n",
            "a;rm",
            "`x`",
            "é",
            "x" * 65,
            "a\u200bb",
        ],
    )
    def test_refused(self, text):
        assert not is_id(text)

    @pytest.mark.parametrize("other", ["p-7", "P-007", "P-007 ", " P-0007", "P-00\u200b7", "Ｐ-7"])
    def test_ids_that_a_person_would_take_for_the_same_share_a_key(self, other):
        assert fold(other) == fold("P-7")

    @pytest.mark.parametrize("other", ["P-70", "P-17", "Q-7", "P-1007"])
    def test_other_ids_do_not(self, other):
        assert fold(other) != fold("P-7")

    @given(st.text())
    def test_an_id_is_safe_in_a_path_and_a_shell(self, text):
        if is_id(text):
            assert Path("folder", text).parent == Path("folder")
            assert not set(text) & set(" \t\n\"'`$&|;<>(){}[]*?!~#\\/")


class TestErrors:
    def test_all_problems_stand_on_the_page_by_file_and_row(self):
        page = format_problems(
            [
                Problem("b.tsv", 9, "sex", "'m ale'", "male or female", "male"),
                Problem("b.tsv", 2, "", "3 cells", "4 cells"),
                Problem("a.vcf", None, "", "no samples", "at least one"),
            ]
        )
        assert page.startswith("3 problems")
        assert page.index("row 2") < page.index("row 9")
        assert "-> male" in page and "a.vcf" in page

    def test_nearest(self):
        assert nearest("min_qualty", ["min_quality", "min_depth"]) == "min_quality"
        assert nearest("zzz", ["min_quality"]) == ""

    def test_invisible_characters_are_shown(self):
        assert visible("a\u202eb") == "'a\\u202eb'"


class TestBcftools:
    def test_an_error_carries_its_message(self, tmp_path):
        with pytest.raises(bcftools.BcftoolsError, match=r"(?i)failed to (open|read)"):
            bcftools.run("view", str(tmp_path / "absent.vcf"))

    def test_an_error_in_the_middle_of_a_pipe_is_noticed(self, tmp_path):
        stages = [["view", "-Ou", str(tmp_path / "absent.vcf")], ["view", "-o", str(tmp_path / "o.vcf"), "-"]]
        with pytest.raises(bcftools.BcftoolsError):
            bcftools.pipe(stages)

    def test_it_is_a_command(self):
        done = subprocess.run(
            [sys.executable, "-m", "endotype.bcftools", "--version"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("bcftools 1.")


class TestDigest:
    def test_it_covers_what_a_script_imports_and_nothing_else(self, tmp_path, monkeypatch):
        import endotype.digest as digest

        package = tmp_path / "endotype"
        (package / "stage").mkdir(parents=True)
        sources = {
            "__init__.py": "",
            "errors.py": "X = 1",
            "stage/__init__.py": "",
            "stage/used.py": "from endotype.errors import X",
            "stage/unused.py": "Y = 1",
        }
        for name, text in sources.items():
            (package / name).write_text(text)
        script = tmp_path / "do.py"
        script.write_text("from endotype.stage.used import X\n")
        monkeypatch.setattr(digest, "PACKAGE_ROOT", package)

        def after(name: str, text: str) -> str:
            (package / name).write_text(text)
            digest._imports.cache_clear()
            digest._sha256.cache_clear()
            return code_digest(script)

        first = after("stage/unused.py", "Y = 1")
        assert after("stage/unused.py", "Y = 2") == first
        second = after("errors.py", "X = 2")
        assert second != first
        assert after("stage/used.py", "from endotype.errors import X  # edited") != second

    def test_texts_and_measured_accuracy_are_part_of_what_writes_reports(self):
        import endotype.digest as digest

        def data(script: str) -> set[str]:
            return {p.name for p in digest._dependencies(ROOT / "scripts" / script) if p.suffix != ".py"}

        assert {"accuracy.json", "zh.po"} <= data("write_reports.py")
        assert {"zh.po", "qc.html"} <= data("write_qc_page.py")
        assert data("normalise_variants.py") & {"accuracy.json", "zh.po", "qc.html"} == set()

    def test_no_import_statement_is_missed(self):
        """The quick search against Python's own parser."""
        for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
            source, names = path.read_text(encoding="utf-8"), set()
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            assert names <= imported_names(source), path

    def test_every_script_has_one(self):
        digests = {p.name: code_digest(p) for p in (ROOT / "scripts").glob("*.py")}
        assert len(set(digests.values())) == len(digests) > 10


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.stem)
def test_a_script_explains_itself(path, monkeypatch, capsys):
    """In this process: fifty interpreters would load the same libraries fifty times."""
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(path), run_name="__main__")
    assert left.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_the_library_does_not_import_snakemake():
    importing = [
        str(path)
        for path in (ROOT / "src").rglob("*.py")
        if "import snakemake" in path.read_text(encoding="utf-8")
    ]
    assert importing == []


def test_environment_files_say_what_the_lock_says():
    spec = importlib.util.spec_from_file_location("render", ROOT / "envs" / "render.py")
    assert spec and spec.loader
    render = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(render)
    for name, content in render.render(render.LOCK.read_text()).items():
        assert (ROOT / "envs" / name).read_text() == content, f"run envs/render.py: {name} is old"


def test_the_lock_holds_hashes_for_all_and_no_address():
    lock = (ROOT / "envs" / "requirements.lock").read_text()
    entries = [line for line in lock.splitlines() if "==" in line]
    assert len(entries) > 50
    assert all(line.endswith("\\") for line in entries)
    assert "http" not in lock and "index" not in lock.replace("index-", "")


def test_what_is_installed_is_what_is_locked():
    from importlib import metadata

    spec = importlib.util.spec_from_file_location("render", ROOT / "envs" / "render.py")
    render = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(render)
    locked = render.locked_versions(render.LOCK.read_text())
    wrong = {
        name: metadata.version(name)
        for name in ("numpy", "pandas", "numba", "pysam", "cyvcf2", "snakemake", "duckdb", "pyarrow")
        if sys.version_info[:2] == (3, 11) and metadata.version(name) != locked[name]
    }
    assert wrong == {}


class TestProvenance:
    def test_the_manifest_names_every_result_but_not_itself(self, tmp_path):
        results = tmp_path / "results"
        half = ("cohort/.tmp-1/part", "cohort/.tmp-2-a.tsv")  # as a killed step leaves them
        for name in ("cohort/a.tsv", "reports/P1/report.json", "provenance/inputs.json", *half):
            (results / name).parent.mkdir(parents=True, exist_ok=True)
            (results / name).write_text(name)
        write_manifest(results, results / "provenance" / "manifest.sha256")
        lines = (results / "provenance" / "manifest.sha256").read_text().splitlines()
        assert [line.split("  ")[1] for line in lines] == ["cohort/a.tsv", "reports/P1/report.json"]
        subprocess.run(["sha256sum", "-c", "--quiet", "provenance/manifest.sha256"], cwd=results, check=True)

    def test_inputs_are_named_by_content(self, tmp_path):
        (tmp_path / "in.txt").write_text("abc")
        write_provenance({"run": {}}, [str(tmp_path / "in.txt")], tmp_path / "out")
        (entry,) = read_json(tmp_path / "out" / "inputs.json")
        assert entry["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert read_json(tmp_path / "out" / "software.json")["packages"]["pysam"]
