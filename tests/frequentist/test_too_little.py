"""The published analysis on frames with far too little in them."""

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.published_analysis import published_analysis, term_rows
from sofs_bayes.spec import (
    ChildrenAnalysis,
    Regression,
)

YEARS = (2014, 2015, 2016)


def tiny(
    rows: int, pilots: int, comparators: int, *, seed: int, share: float = 0.4, absent: float = 0.0
) -> pd.DataFrame:
    """So many matched rows of so many authorities at random; all settle in during 2015."""
    rng = np.random.default_rng(seed)
    pilot = (rng.random(rows) < 0.5).astype(int) if comparators else np.ones(rows, dtype=int)
    pilot = pilot if pilots else np.zeros(rows, dtype=int)
    own = np.where(pilot, rng.integers(0, max(pilots, 1), rows), 0)
    other = rng.integers(0, max(comparators, 1), rows)
    year = rng.choice(YEARS, rows)
    frame = pd.DataFrame(
        {
            "referral": np.arange(rows),
            "child": [f"c{i}" for i in rng.integers(0, max(rows - 2, 1), rows)],
            "authority": [f"P{a}" if p else f"C{b}" for p, a, b in zip(pilot, own, other, strict=True)],
            "group": [f"P{a}" for a in np.where(pilot, own, rng.integers(0, max(pilots, 1), rows))],
            "pilot": pilot,
            "post": (year > 2015).astype(int),
            "year": year,
            "years_since": np.where(year > 2015, year - 2016, year - 2015 - 1),
            "referral_date": pd.to_datetime([f"{y}-06-01" for y in year]),
            "outcome": (rng.random(rows) < share).astype(int),
            "gender": rng.choice(["male", "female", "missing"], rows, p=[0.5, 0.5 - absent / 2, absent / 2]),
            "age": np.where(rng.random(rows) < absent, np.nan, rng.integers(0, 18, rows)),
            "weight": rng.choice([0.5, 1.0, 2.0], rows),
        }
    )
    return frame
