"""Which files are the Department for Education's, by their SHA-256: a name proves nothing."""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from sofs_bayes.spec import Evidence

REGISTRY = Path(__file__).with_name("department_files.csv")


@cache
def department_files() -> Mapping[str, str]:
    """Title and release of every file known to be the Department's, by its SHA-256."""
    with REGISTRY.open(encoding="utf-8", newline="") as stream:
        return {
            row["sha256"]: f"{row['title']}, {row['release']}" for row in csv.DictReader(stream)
        }


def evidence_of_counts(sha256s: Iterable[str]) -> Evidence:
    """What counts from files of these hashes rest on.

    `open-data` if each is a file of the Department's, as it was downloaded; else
    `unknown-origin`: nobody can tell where a panel of somebody's own comes from.
    """
    given = {*sha256s}
    return "open-data" if given and given <= department_files().keys() else "unknown-origin"


def release_of(sha256: str) -> str:
    """The release that a known file is part of; nothing of any other file."""
    return department_files().get(sha256, "").rpartition(", ")[2]
