"""The configuration: strict, complete, and documented from its schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from endotype import config, ids
from endotype.config import complete, document, load_config, read_yaml, schema
from endotype.errors import InputError

ROOT = Path(__file__).parents[1]
SMALLEST = {
    "inputs": {"samples": "s.tsv", "clinical": "c.tsv", "dictionary": "d.yaml"},
    "reference": {"fasta": "r.fa"},
}


def problems_of(text: str, folder: Path) -> dict[str, tuple[int | None, str, str]]:
    path = folder / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_config(path)
    return {p.column: (p.row, p.found, p.suggestion) for p in caught.value.problems}


def test_every_key_has_a_description_and_a_default_or_is_required():
    for name, section in schema("config")["properties"].items():
        assert section["title"] and section["description"] and section["additionalProperties"] is False
        for key, entry in section["properties"].items():
            assert entry["description"].endswith("."), f"{name}.{key}"
            assert ("default" in entry) != (key in section.get("required", [])), f"{name}.{key}"


@pytest.mark.parametrize("name", ["config", "samples", "dictionary"])
def test_schemas_are_valid_json_schemas(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_defaults_satisfy_the_schema():
    jsonschema.validate(complete(SMALLEST), schema("config"))


def test_the_ids_of_the_sheet_schema_are_those_of_the_library():
    for column in ("patient", "sample"):
        assert schema("samples")["properties"][column]["pattern"] == f"^{ids.ID_PATTERN.pattern}$"


def test_the_page_for_people_is_made_from_the_schema():
    assert (ROOT / "config/README.md").read_text() == document()


def test_the_page_for_people_names_every_key():
    for name, section in schema("config")["properties"].items():
        for key in section["properties"]:
            assert f"| `{name}.{key}` |" in document()


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml"])
def test_the_configurations_we_ship_are_sound(name):
    assert load_config(ROOT / "config" / name)["reports"]["batches"] == 8


def test_defaults_are_filled_in_and_the_given_configuration_is_left_alone():
    given = {**SMALLEST, "variants": {"min_depth": 5}}
    filled = complete(given)
    assert filled["variants"]["min_depth"] == 5 and filled["variants"]["min_hwe_p"] == 1e-10
    assert given["variants"] == {"min_depth": 5} and "run" not in given
    assert complete(filled) == filled


def test_all_problems_come_at_once_with_their_lines(tmp_path):
    found = problems_of(
        "inputs:\n  samples: 7\n  clinical: c\n"
        "reference: {fasta: r.fa}\n"
        "variants:\n  min_dept: 3\n  min_call_rate: 1.5\n  shard_size: 10.5\n  alpha: 1\n"
        "subtypes:\n  max_k: two\n"
        "knowlege: {}\n",
        tmp_path,
    )
    assert found["inputs.samples"][0] == 2
    assert found["inputs.dictionary"][1] == "nothing"
    assert found["variants.min_dept"] == (6, "the unknown key 'min_dept'", "did you mean variants.min_depth?")
    assert found["variants.alpha"][2] == "did you mean association.alpha?"
    assert found["variants.min_call_rate"][:2] == (7, "'1.5'")
    assert found["variants.shard_size"][0] == 8
    assert found["subtypes.max_k"][:2] == (11, "'two'")
    assert found["knowlege"] == (12, "the unknown key 'knowlege'", "did you mean knowledge?")


@pytest.mark.parametrize("text", ["1e-5", "1.0e-5", "0.00001", "1E-05"])
def test_a_number_in_any_notation_is_a_number(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(
        "inputs: {samples: s, clinical: c, dictionary: d}\nreference: {fasta: r}\n"
        f"variants: {{min_hwe_p: {text}}}\n"
    )
    assert load_config(path)["variants"]["min_hwe_p"] == 1e-5


def test_a_section_whose_keys_are_all_commented_out_has_its_defaults():
    assert complete({**SMALLEST, "knowledge": None})["knowledge"]["genes"] is None


def test_whole_numbers_are_whole():
    assert complete({**SMALLEST, "run": {"seed": 7.0}})["run"]["seed"] == 7
    with pytest.raises(InputError):
        complete({**SMALLEST, "run": {"seed": True}})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value):
    with pytest.raises(InputError, match="finite"):
        complete({**SMALLEST, "variants": {"min_depth": value}})


def test_a_run_without_a_reference_must_be_asked_for():
    inputs = {"inputs": SMALLEST["inputs"]}
    with pytest.raises(InputError, match="allow_missing"):
        complete(inputs)
    assert complete({**inputs, "reference": {"allow_missing": True}})["reference"]["fasta"] is None


def test_association_may_not_use_more_components_than_are_computed():
    with pytest.raises(InputError, match=r"at most sample_qc\.principal_components"):
        complete({**SMALLEST, "association": {"principal_components": 9}})


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("run: {name: a}\nrun: {name: b}\n", 2),
        ("run: {name: a\n", 2),
        ("run:\n\tname: a\n", 2),
        ("run: {name: !!python/object/apply:os.system [id]}\n", 1),
        ("a: &x [*x]\n", 1),
        (
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(
                f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n"
                for a, b in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            1,
        ),
    ],
    ids=["key twice", "open bracket", "tab", "python tag", "endless alias", "alias bomb"],
)
def test_faulty_yaml_is_named_by_its_line(tmp_path, text, row):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert [p.row for p in caught.value.problems] == [row]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- a\n- b\n", b"7"])
def test_a_file_that_is_no_configuration_is_a_problem_and_no_crash(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_config(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_missing_configuration_is_a_problem(tmp_path, name):
    with pytest.raises(InputError):
        load_config(tmp_path / name)


def test_deep_nesting_is_refused_before_the_parser_takes_minutes_over_it(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("[" * 20000)
    with pytest.raises(InputError, match="nested too deep"):
        read_yaml(path)


def test_aliases_which_yaml_writers_make_are_read(tmp_path):
    limits = [1, 2]
    path = tmp_path / "d.yaml"
    path.write_text(yaml.safe_dump({"a": limits, "b": limits}))
    assert "*" in path.read_text() and read_yaml(path).value == {"a": [1, 2], "b": [1, 2]}


def test_text_only_yaml_keeps_words_that_yaml_would_turn_into_something_else(tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text("values: [no, yes, 001, 1e5, 2020-01-01, ~]\n")
    words = read_yaml(path, text_only=True).value["values"]
    assert words == ["no", "yes", "001", "1e5", "2020-01-01", "~"]


def test_json_is_read_as_well(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(SMALLEST))
    assert load_config(path) == complete(SMALLEST)


def test_the_schemas_are_found_from_the_library():
    assert config.SCHEMAS == ROOT / "workflow" / "schemas"
