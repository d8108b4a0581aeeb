"""Shared by the tests of matched rows: a small analysis, and stacked rows made for it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.spec import ChildrenAnalysis, parse

NEEDS = ("abuse", "stress", "other", "missing")
GENDERS = ("male", "female", "missing")


class StackedRow(NamedTuple):
    """What a test says of a stacked row; the rest is filled in."""

    group: str
    post: int
    pilot: int
    gender: str
    need: str
    age: float | None
    multiplicity: int = 1
    outcome: int = 0


def base_rows() -> list[StackedRow]:
    """One pilot and one comparator alike in each group and period, so that none is refused."""
    return [
        StackedRow(group, post, pilot, "male", "abuse", 3.0)
        for group in ("North", "South")
        for post in (0, 1)
        for pilot in (0, 1)
    ]


def frame_of(rows: Sequence[StackedRow]) -> pd.DataFrame:
    """Stacked rows as a frame; one referral of one child for each row."""
    frame = pd.DataFrame(rows, columns=StackedRow._fields)
    number = np.arange(len(frame))
    return frame.assign(
        age=frame["age"].astype(np.float64),
        referral=number,
        child=[f"c{i // 2}" for i in number],
        authority=np.where(frame["pilot"] == 1, frame["group"], "Elsewhere"),
        year=np.where(frame["post"] == 1, 2016, 2013),
        years_since=np.where(frame["post"] == 1, 0, -1),
        referral_date=pd.Timestamp("2013-05-01"),
        quality=0.5 * frame["pilot"],
    )


@pytest.fixture(scope="session")
def tiny() -> ChildrenAnalysis:
    """Gender and an age cut at 4.5 and 12.5 are matched; need is not."""
    document = {
        "kind": "children",
        "name": "tiny",
        "title": "Made up",
        "outcome": "ICPC",
        "why": "made up for a test",
        "records": {
            "years": [2013, 2016],
            "columns": {"outcome_date": "icpc_date"},
            "window": {"days": 90},
            "covariates": [
                {
                    "kind": "levels",
                    "name": "gender",
                    "reference": "male",
                    "levels": {name: [name] for name in GENDERS[:-1]},
                },
                {
                    "kind": "levels",
                    "name": "need",
                    "reference": "abuse",
                    "levels": {name: [name] for name in NEEDS[:-1]},
                },
                {"kind": "number", "name": "age", "unit": "years", "lowest": -1.0, "highest": 25.0},
            ],
            "authority_covariates": [{"name": "quality"}],
        },
        "matching": {
            "exact": ["gender"],
            "cuts": {"age": [4.5, 12.5]},
            "balance": ["gender", "need", "age"],
            "summary": ["gender", "age", "need"],
        },
        "regressions": {"covariates": [], "columns": [{"name": "linear", "model": "linear"}]},
    }
    analysis = parse(document, file="made up")
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


@pytest.fixture(scope="session")
def within(tiny: ChildrenAnalysis) -> ChildrenAnalysis:
    """The same with weights that balance within each group and period."""
    return replace(tiny, matching=replace(tiny.matching, ratio="within group and period"))


@pytest.fixture(scope="session")
def stacked_of() -> Callable[[Sequence[StackedRow]], pd.DataFrame]:
    """`frame_of`, with the rows of `base_rows` in front."""
    return lambda rows: frame_of([*base_rows(), *(StackedRow(*row) for row in rows)])


@pytest.fixture(scope="session")
def random_stacked() -> Callable[[int], pd.DataFrame]:
    """Some hundred stacked rows drawn with a seed; pilots differ from comparators."""

    def drawn(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = base_rows()
        for _ in range(400):
            pilot = int(rng.random() < 0.4)
            age = None if rng.random() < 0.05 else round(float(rng.uniform(-1, 18)), 1)
            rows.append(
                StackedRow(
                    group=str(rng.choice(["North", "South"])),
                    post=int(rng.integers(2)),
                    pilot=pilot,
                    gender=str(rng.choice(GENDERS, p=[0.5, 0.47, 0.03])),
                    need=str(rng.choice(NEEDS, p=[0.4 + 0.2 * pilot, 0.2, 0.3 - 0.2 * pilot, 0.1])),
                    age=age,
                    multiplicity=1 if pilot else int(rng.integers(1, 4)),
                    outcome=int(rng.random() < 0.2),
                )
            )
        return frame_of(rows)

    return drawn
