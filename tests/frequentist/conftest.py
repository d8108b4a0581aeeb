"""The matched table whose regressions R has fitted, and what R found."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sofs_bayes.spec import ChildrenAnalysis, load

FOLDER = Path(__file__).parents[1] / "reference" / "regressions"


@pytest.fixture(scope="session")
def analysis() -> ChildrenAnalysis:
    loaded = load(FOLDER / "analysis.toml")
    assert isinstance(loaded, ChildrenAnalysis)
    return loaded


@pytest.fixture(scope="session")
def matched() -> pd.DataFrame:
    table = pd.read_csv(FOLDER / "matched.csv", parse_dates=["referral_date"])
    assert table.shape == (1429, 20)
    return table


@pytest.fixture(scope="session")
def in_r() -> dict[str, Any]:
    """What `regressions.R` wrote, by regression."""
    found = json.loads((FOLDER / "regressions.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found
