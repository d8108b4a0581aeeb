"""Referrals, authorities and groups of a made-up evaluation, with names of their own.

Five pilots, fourteen comparators, April 2015 to March 2023; the outcome is a protection plan
within six months. Run as a module with a folder to look at the files.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

PILOTS: Mapping[str, tuple[str, str]] = {
    "Ashby": ("2017-10-01", "2018-03-31"),
    "Barrow": ("2018-04-01", "2018-09-30"),
    "Corve": ("2018-10-01", "2019-03-31"),
    "Dunmere": ("2019-04-01", "2019-09-30"),
    "Elwick": ("2019-04-01", "2019-09-30"),
}
COMPARATORS = (
    *("Farley", "Garth", "Hale", "Iver", "Jarrow", "Kelby", "Lorton"),
    *("Melby", "Norby", "Orton", "Penrith", "Quorn", "Ryde", "Selby"),
)
YEARS = tuple(range(2015, 2023))
START = pd.Timestamp("2015-04-01")


def write(folder: Path, *, referrals: int = 6000, seed: int = 1, effect: float = 0.02) -> float:
    """Write `referrals.csv`, `authorities.csv`, `groups.csv`; the mean effect on the treated."""
    rng = np.random.default_rng(seed)
    councils = (*PILOTS, *COMPARATORS)
    days = (pd.Timestamp("2023-03-31") - START).days + 1
    where = rng.integers(len(councils), size=referrals)
    at = START + pd.to_timedelta(np.sort(rng.integers(days, size=referrals)), unit="D")
    year = at.year - (at.month < 4)
    level = rng.normal(0, 0.25, len(councils))
    shock = rng.normal(0, 0.15, (len(councils), len(YEARS)))
    odds = -2.8 + level[where] + shock[where, year - YEARS[0]]
    frame = _children(rng, referrals)
    odds = odds + 0.1 * (frame["imd_quintile"] == "1").to_numpy()
    chance = 1 / (1 + np.exp(-odds))
    ends = pd.to_datetime(
        [PILOTS[name][1] if name in PILOTS else "2100-01-01" for name in councils]
    )
    treated = at > ends[where]
    by_pilot = rng.normal(effect, effect / 2, len(councils))
    raised = np.clip(chance + treated * by_pilot[where], 0.001, 0.9)
    happened = rng.random(referrals) < raised
    plan = pd.Series(pd.NaT, index=range(referrals), dtype="datetime64[ns]")
    plan[happened] = (at + pd.to_timedelta(rng.integers(1, 150, referrals), unit="D"))[happened]
    frame.insert(1, "council", np.array(councils, dtype=object)[where])
    frame.insert(2, "contact_date", at.strftime("%Y-%m-%d"))
    frame.insert(3, "plan_start", plan.dt.strftime("%Y-%m-%d"))
    frame = frame.drop_duplicates(["person_ref", "council", "contact_date"])
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "referrals.csv", index=False, lineterminator="\n")
    _authorities(rng, councils).to_csv(
        folder / "authorities.csv", index=False, lineterminator="\n", float_format="%.3f"
    )
    _groups().to_csv(folder / "groups.csv", index=False, lineterminator="\n")
    return float((raised - chance)[treated].mean())


def _children(rng: np.random.Generator, referrals: int) -> pd.DataFrame:
    who = rng.integers(int(referrals * 0.55), size=referrals)
    frame = pd.DataFrame(
        {
            "person_ref": [f"P{each:06d}" for each in who],
            "sex": rng.choice(["F", "M", "I"], referrals, p=[0.49, 0.5, 0.01]),
            "age_years": rng.integers(0, 18, referrals).astype(object),
            "imd_quintile": rng.choice(
                ["1", "2", "3", "4", "5", "NK"], referrals, p=[0.34, 0.23, 0.17, 0.12, 0.1, 0.04]
            ),
            "sen_status": rng.choice(
                ["none", "support", "plan", ""], referrals, p=[0.7, 0.16, 0.08, 0.06]
            ),
            "home_language": rng.choice(
                ["english", "other", "unknown"], referrals, p=[0.8, 0.12, 0.08]
            ),
        }
    )
    frame.loc[rng.random(referrals) < 0.01, "age_years"] = ""
    return frame


def _authorities(rng: np.random.Generator, councils: tuple[str, ...]) -> pd.DataFrame:
    base = rng.normal(25, 6, len(councils))
    return pd.DataFrame(
        [
            {
                "council": name,
                "fin_year": year,
                "deprivation": base[at] + rng.normal(0, 1),
                "caseload": 16 + rng.normal(0, 2),
            }
            for at, name in enumerate(councils)
            for year in YEARS
        ]
    )


def _groups() -> pd.DataFrame:
    rows = [
        {
            "site": pilot,
            "compared_with": comparator,
            "first_day": start,
            "last_day": end,
        }
        for pilot, (start, end) in PILOTS.items()
        for comparator in COMPARATORS
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), referrals=int((sys.argv[2:] or ["6000"])[0])))
