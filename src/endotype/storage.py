"""Which files of an object store belong to a working directory, and in which portions they are carried."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from endotype.errors import InputError, Problem, input_error, visible
from endotype.files import atomic_path
from endotype.provenance.manifest import read_manifest
from endotype.reports.batches import batch_of

OWN = ("results", "logs", ".snakemake")
"""Folders of the working directory that a run writes; no object may be fetched into them."""


def prefix(address: str) -> str:
    """``s3://bucket/path`` without a slash at its end.

    Raises:
        InputError: it isn't such an address.
    """
    bucket, _, _path = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket:
        problem = Problem("--config", None, "", visible(address), "an address like s3://bucket/study")
        raise InputError(problem)
    return address.rstrip("/")


def fetched_paths(address: str, names: Iterable[str]) -> list[str]:
    """Names of the objects under a prefix as paths of the working directory, sorted.

    Raises:
        InputError: a name would leave the working directory, or land in what a run writes.
    """
    problems, paths = [], []
    for name in sorted(set(names)):
        parts = PurePosixPath(name).parts
        plain = bool(parts) and str(PurePosixPath(*parts)) == name and name.isprintable()
        if not plain or name.startswith("/") or ".." in parts or parts[0] in OWN:
            expected = "the name of a file of the study, outside " + ", ".join(OWN)
            problems.append(Problem(address, None, "", visible(name), expected))
        else:
            paths.append(name)
    if problems:
        raise InputError(problems)
    if not paths:
        raise InputError(Problem(address, None, "", "no object", "the files of a study"))
    return paths


def object_names(address: str) -> list[str]:
    """Names of the objects below a prefix, without it.

    The store and the credentials are those of the environment, by the names that Snakemake's S3 plugin has
    for them, or those that boto3 finds by itself. (The plugin's own listing finds nothing: it compares the
    name of the bucket with an address that begins with ``s3://``.)

    Raises:
        InputError: the store can't be reached or doesn't show the bucket.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, below = prefix(address).removeprefix("s3://").partition("/")
    given = {key: os.environ.get(f"SNAKEMAKE_STORAGE_S3_{name}") for key, name in _SETTINGS.items()}
    below = f"{below}/" if below else ""
    try:
        store = boto3.client("s3", **{key: value for key, value in given.items() if value})
        pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
        return [item["Key"].removeprefix(below) for page in pages for item in page.get("Contents", [])]
    except (BotoCoreError, ClientError) as error:
        found = f"a store that answers: {' '.join(str(error).split())}"
        hint = "see the address, and the credentials in the environment (docs/storage.md)"
        raise input_error(address, found, "a bucket that can be listed", hint) from error


_SETTINGS = {
    "endpoint_url": "ENDPOINT_URL",
    "region_name": "REGION",
    "aws_access_key_id": "ACCESS_KEY",
    "aws_secret_access_key": "SECRET_KEY",
    "aws_session_token": "TOKEN",
}


def portions(paths: Sequence[str], count: int) -> dict[int, list[str]]:
    """Paths in at most ``count`` portions by a hash of the path, so that a new one changes one portion."""
    found: dict[int, list[str]] = {}
    for path in sorted(paths):
        found.setdefault(batch_of(path, count), []).append(path)
    return found


def listed_results(manifest: str | Path) -> list[str]:
    """The files that ``provenance/manifest.sha256`` lists, below the results folder.

    Raises:
        InputError: there is no manifest: the run is not finished.
    """
    return list(read_manifest(manifest))


def copy_files(sources: Sequence[str | Path], targets: Sequence[str | Path]) -> None:
    """Copy each source to its target; a target takes its name when it is complete."""
    for source, target in zip(sources, targets, strict=True):
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
