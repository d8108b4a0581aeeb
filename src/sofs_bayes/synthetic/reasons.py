"""Why printed numbers do not come out on the shipped populations: printed place → reason."""

import csv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from sofs_bayes.spec import ChildrenAnalysis

FILE = Path(__file__).parent / "fixtures" / "reasons.csv"


def reasons(analysis: ChildrenAnalysis) -> Mapping[tuple[int, str, str], str]:
    """The reasons of an outcome's misses, by table, row and column as printed."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        return MappingProxyType(
            {
                (int(line["table"]), line["row"], line["column"]): line["reason"]
                for line in csv.DictReader(stream)
                if line["outcome"] == analysis.outcome
            }
        )
