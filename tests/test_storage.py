"""A study is fetched from an object store, and results are published there: all, once, and as they are."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from endotype.errors import InputError
from endotype.storage import fetched_paths, listed_results, portions, prefix

ROOT = Path(__file__).parents[1]


def test_names_of_objects_become_paths():
    assert fetched_paths("s3://store/study", ["b/c d.vcf", "a.tsv", "a.tsv"]) == ["a.tsv", "b/c d.vcf"]


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/x", "results/x", ".snakemake/locks/x", "logs/x", "a//b", "a\nb", "", "a/"],
)
def test_an_object_can_t_leave_the_directory_or_forge_a_result(name):
    with pytest.raises(InputError, match="found"):
        fetched_paths("s3://store/study", ["a.tsv", name])


def test_nothing_to_fetch_is_an_error():
    with pytest.raises(InputError, match="no object"):
        fetched_paths("s3://store/study", [])


@pytest.mark.parametrize("address", ["/local/path", "http://store/x", "s3://", "s3:///x"])
def test_an_address_is_of_a_bucket(address):
    with pytest.raises(InputError, match="s3://bucket"):
        prefix(address)


def test_a_new_path_changes_one_portion():
    paths = [f"reports/P{i}/report.json" for i in range(200)]
    before, after = portions(paths, 16), portions([*paths, "new"], 16)
    assert sum(before.get(k) != v for k, v in after.items()) == 1
    assert sorted(p for ps in before.values() for p in ps) == sorted(paths)


def test_an_unfinished_run_is_not_published(tmp_path):
    with pytest.raises(InputError, match="finished run"):
        listed_results(tmp_path / "manifest.sha256")


@pytest.fixture
def store(monkeypatch):
    """A store of this machine that speaks S3, with a bucket ``store``; credentials are in the environment."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("snakemake_storage_plugin_s3")
    server.start()
    host, port = server.get_host_and_port()
    values = {"ENDPOINT_URL": f"http://{host}:{port}", "REGION": "us-east-1"}
    for name, value in (values | {"ACCESS_KEY": "key-of-a-test", "SECRET_KEY": "secret-of-a-test"}).items():
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
    client = boto3.client(
        "s3",
        endpoint_url=values["ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="key-of-a-test",
        aws_secret_access_key="secret-of-a-test",
    )
    client.create_bucket(Bucket="store")
    yield client
    server.stop()


def _carry(directory: Path, config: str, target: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "workflow/storage/Snakefile")]
    command += ["--directory", str(directory), "--cores", "2", "--config", config, "--", target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    return done.returncode, done.stdout + done.stderr


def _bodies(client, below: str) -> dict[str, bytes]:
    keys = [o["Key"] for o in client.list_objects_v2(Bucket="store", Prefix=below).get("Contents", [])]
    return {
        key.removeprefix(below): client.get_object(Bucket="store", Key=key)["Body"].read() for key in keys
    }


@pytest.mark.slow
def test_there_and_back(store, tmp_path):
    study = {"cohort/samples.tsv": b"patient\tsample\n", "cohort/a 'b'.vcf": b"##x\n", "config.yaml": b"{}\n"}
    for name, body in study.items():
        store.put_object(Bucket="store", Key=f"study/{name}", Body=body)
    code, said = _carry(tmp_path, "inputs=s3://store/study", "fetch")
    assert code == 0, said
    assert {n: (tmp_path / n).read_bytes() for n in study} == study

    results = {"cohort/people.parquet": os.urandom(5000), "reports/P1/report.json": b"{}\n"}
    manifest = tmp_path / "results/provenance/manifest.sha256"

    def write(values: dict[str, bytes]) -> None:
        lines = []
        for name, body in values.items():
            path = tmp_path / "results" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != body:
                path.write_bytes(body)
            lines.append(f"{hashlib.sha256(body).hexdigest()}  {name}\n")
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text("".join(lines))

    def published() -> str:
        code, said = _carry(tmp_path, "results=s3://store/out", "publish")
        assert code == 0, said
        kept = _bodies(store, "out/")
        sums = [line.split("  ") for line in kept.pop("provenance/manifest.sha256").decode().splitlines()]
        assert {name: hashlib.sha256(body).hexdigest() for name, body in kept.items()} == {
            name: digest for digest, name in sums
        }
        return said

    write(results)
    said = published()
    assert len(set(re.findall(r"rule (publish_\d+)", said))) == 2
    assert "secret-of-a-test" not in said
    assert "Nothing to be done" in published()
    write(results | {"reports/P1/report.json": b'{"status": "final"}\n'})
    assert len(set(re.findall(r"rule (publish_\d+)", published()))) == 1


@pytest.mark.slow
def test_a_store_that_does_not_answer_is_named(store, tmp_path):
    code, said = _carry(tmp_path, "inputs=s3://no-such-bucket/study", "fetch")
    assert code == 2 and "no-such-bucket" in said and "Traceback" not in said, said
