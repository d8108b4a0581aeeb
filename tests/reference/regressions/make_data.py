"""Write matched.csv: made-up matched referrals of eleven authorities, children recurring.

Run as `python make_data.py` in this folder; the seed is fixed and the file does not change.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20220701
FIRST, LAST = date(2012, 4, 1), date(2019, 3, 31)
# pilot: (comparators, start and end of settling-in, quality, embeddedness)
GROUPS = {
    "Ash": (("Lime", "Maple"), date(2015, 10, 1), date(2016, 9, 30), 0.6, 0.5),
    "Birch": (("Lime",), date(2015, 4, 1), date(2016, 3, 31), 0.7, 0.4),
    "Cedar": (("Oak", "Pine"), date(2016, 1, 1), date(2016, 6, 30), 0.5, 0.8),
    "Elm": (("Pine", "Rowan"), date(2014, 10, 1), date(2015, 3, 31), 0.9, 0.7),
    "Fir": (("Maple",), date(2015, 7, 1), date(2016, 6, 30), 0.4, 0.3),
    "Hazel": (("Rowan", "Oak"), date(2015, 4, 1), date(2016, 4, 30), 0.8, 0.6),
}
SIMILAR = {"Maple": 1.0, "Oak": 1.0}
CHILDREN = {True: 45, False: 60}  # of a pilot, of a comparator
WINDOW = timedelta(days=90)


def financial_year(day: date) -> int:
    return day.year if day >= date(day.year, 4, 1) else day.year - 1


def years_since(day: date, start: date, end: date) -> int:
    """-1 in the last year before the start, 0 in the first after the end."""
    if day > end:
        return int((day - end).days // 365.25)
    return -int(-(-(start - day).days // 365.25))


def referrals(rng: np.random.Generator) -> pd.DataFrame:
    comparators = sorted({name for group in GROUPS.values() for name in group[0]})
    level = {name: rng.normal(0.0, 0.35) for name in [*GROUPS, *comparators]}
    rows = []
    for name, usual in level.items():
        for number in range(CHILDREN[name in GROUPS]):
            gender = rng.choice(["male", "female", "other or unborn"], p=[0.5, 0.42, 0.08])
            disabled = rng.choice(["no", "yes", "missing"], p=[0.8, 0.12, 0.08])
            frailty = rng.normal(0.0, 0.8)
            for _ in range(1 + rng.poisson(0.9)):
                day = FIRST + timedelta(days=int(rng.integers((LAST - FIRST).days + 1)))
                age = round(float(rng.uniform(-0.5, 17.9)), 2)
                effect = 0.3 * (disabled == "yes") - 0.02 * (age - 8) + frailty + usual
                chance = 1 / (1 + np.exp(1.4 - effect - 0.1 * (name in GROUPS)))
                rows.append(
                    {
                        "child": f"{name} {number}",
                        "authority": name,
                        "referral_date": day,
                        "year": financial_year(day),
                        "outcome": int(rng.random() < chance),
                        "gender": gender,
                        "age": age if rng.random() < 0.97 else np.nan,
                        "disabled": disabled,
                    }
                )
    frame = pd.DataFrame(rows)
    frame.insert(0, "referral", np.arange(len(frame)))
    return frame


def stacked(unique: pd.DataFrame) -> pd.DataFrame:
    """Each referral once in every matched group it serves, before or after settling-in."""
    blocks = []
    for pilot, (comparators, start, end, quality, embeddedness) in GROUPS.items():
        group = unique[unique["authority"].isin([pilot, *comparators])].copy()
        before = group["referral_date"].map(lambda day, at=start: day + WINDOW <= at)
        after = group["referral_date"].map(lambda day, at=end: day > at)
        group["group"] = pilot
        group["pilot"] = (group["authority"] == pilot).astype(int)
        group["post"] = after.astype(int)
        group["years_since"] = [years_since(day, start, end) for day in group["referral_date"]]
        group["quality"] = quality * group["pilot"]
        group["embeddedness"] = embeddedness * group["pilot"]
        blocks.append(group[before | after])
    return pd.concat(blocks, ignore_index=True)


def with_authority_covariates(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    at = frame[["authority", "year"]].drop_duplicates().sort_values(["authority", "year"])
    at["assessments"] = rng.uniform(900, 5200, len(at)).round()
    at["ofsted"] = rng.integers(1, 5, len(at))
    joined = frame.merge(at, on=["authority", "year"], validate="many_to_one")
    joined["similar_practice_model"] = joined["authority"].map(SIMILAR).fillna(0.0)
    return joined


def main() -> None:
    rng = np.random.default_rng(SEED)
    frame = with_authority_covariates(stacked(referrals(rng)), rng)
    frame["multiplicity"] = frame.groupby("referral")["referral"].transform("size")
    cem = np.where(frame["pilot"] == 1, 1.0, rng.uniform(0.3, 2.5, len(frame)).round(3))
    frame["weight"] = (cem / frame["multiplicity"]).round(4)
    frame.to_csv(Path(__file__).parent / "matched.csv", index=False)


if __name__ == "__main__":
    main()
