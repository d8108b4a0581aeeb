"""Small matched tables made from scratch, for studies with too little in them."""

import numpy as np
import pandas as pd

YEARS = tuple(range(2012, 2019))
SETTLED = 2016  # the pilots' first year after settling-in
PER_YEAR = 12


def study(
    pilots: int,
    comparators: int,
    *,
    per_year: int = PER_YEAR,
    seed: int = 1,
    share: float = 0.2,
    missing: float = 0.0,
) -> pd.DataFrame:
    """Referrals of each authority in each year, with an outcome that nothing explains.

    The comparators stand in the pilots' groups in turn.
    """
    rng = np.random.default_rng(seed)
    names = [f"P{i}" for i in range(pilots)] + [f"C{i}" for i in range(comparators)]
    authority = np.repeat(np.arange(len(names)), len(YEARS) * per_year)
    year = np.tile(np.repeat(YEARS, per_year), len(names))
    rows, pilot = len(year), authority < pilots
    group = np.where(pilot, authority, (authority - pilots) % max(pilots, 1))
    absent = rng.random((2, rows)) < missing
    return pd.DataFrame(
        {
            "referral": np.arange(rows),
            "child": [f"{i // 2}" for i in range(rows)],
            "authority": np.array(names, dtype=object)[authority],
            "referral_date": pd.to_datetime([f"{y}-06-01" for y in year]),
            "year": year,
            "outcome": (rng.random(rows) < share).astype(np.int64),
            "gender": rng.choice(["male", "female", "missing"], rows, p=[0.5, 0.45, 0.05]),
            "age": np.where(absent[0], np.nan, rng.integers(0, 18, rows)),
            "disabled": np.where(absent[1], "missing", rng.choice(["no", "yes"], rows)),
            "group": np.array([f"P{i}" for i in range(max(pilots, 1))], dtype=object)[group],
            "pilot": pilot.astype(np.int64),
            "post": (year >= SETTLED).astype(np.int64),
            "years_since": year - SETTLED,
            "quality": 0.5 + 0.1 * authority,
            "embeddedness": 0.5,
            "assessments": 1000.0 + 10.0 * authority + year,
            "ofsted": 1 + (authority + year) % 4,
            "similar_practice_model": (authority % 2).astype(np.float64),
            "multiplicity": 1,
            "weight": rng.choice([0.5, 1.0, 2.0], rows),
        }
    )
