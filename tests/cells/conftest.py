"""Made-up matched referrals of two groups that share a comparator, and cells made by hand."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.optimize import LinearConstraint, milp

from sofs_bayes.cells.dataset import Cells
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.files import parse

Learnt = tuple[int, str, float, float]


def made_up_analysis() -> ChildrenAnalysis:
    """An analysis with every treatment, two covariates with levels and one number."""
    columns = [
        {"name": f"{model}, {treatment}", "model": model, "treatment": treatment}
        for model in ("linear", "logistic")
        for treatment in (
            *("did", "lags", "leads and lags", "quality", "embeddedness"),
            *("practice model", "ofsted"),
        )
    ]
    more = [
        {"name": "fixed effects", "model": "linear", "authorities": "fixed"},
        {"name": "without North", "model": "linear", "without": ["North"]},
    ]
    analysis = parse(
        {
            "kind": "children",
            "name": "made-up",
            "title": "Made up",
            "outcome": "ICPC",
            "why": "made up for a test",
            "records": {
                "years": [2013, 2014, 2015, 2016, 2017],
                "columns": {"outcome_date": "icpc_date"},
                "window": {"days": 90},
                "covariates": [
                    {
                        "kind": "levels",
                        "name": "gender",
                        "reference": "male",
                        "levels": {"male": ["1"], "female": ["2"]},
                    },
                    {
                        "kind": "number",
                        "name": "age",
                        "unit": "years",
                        "lowest": 0.0,
                        "highest": 18.0,
                        "centre": 8.0,
                    },
                    {
                        "kind": "levels",
                        "name": "need",
                        "reference": "abuse",
                        "levels": {"abuse": ["1"], "disability": ["2"], "other": ["3"]},
                    },
                ],
                "authority_covariates": [
                    {"name": name}
                    for name in (
                        *("assessments", "ofsted", "quality"),
                        *("embeddedness", "similar_practice_model"),
                    )
                ],
            },
            "matching": {"exact": ["gender"], "cuts": {"age": [4.5, 12.5]}, "balance": ["age"]},
            "regressions": {
                "covariates": ["gender", "age", "need"],
                "authority_covariates": ["assessments", "ofsted"],
                "columns": columns + more,
            },
        },
        file="made up",
    )
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


def made_up_matched(
    analysis: ChildrenAnalysis, *, referrals: int, seed: int = 1, fine_age: bool = False
) -> pd.DataFrame:
    """Matched rows: pilots North and South, comparators Alder, Birch and (for both) Cedar."""
    random = np.random.default_rng(seed)
    groups = {"North": ("North", "Alder", "Cedar"), "South": ("South", "Birch", "Cedar")}
    first_post = {"North": 2015, "South": 2016}
    unique = pd.DataFrame(
        {
            "referral": np.arange(referrals),
            "child": random.integers(0, int(0.9 * referrals), referrals).astype(str),
            "authority": random.choice(["North", "South", "Alder", "Birch", "Cedar"], referrals),
            "year": random.choice(analysis.records.years, referrals),
            "outcome": (random.random(referrals) < 0.2).astype(int),
            "gender": random.choice(["male", "female", "missing"], referrals, p=[0.5, 0.48, 0.02]),
            "age": random.uniform(0, 18, referrals)
            if fine_age
            else random.integers(0, 19, referrals).astype(float),
            "need": random.choice(
                ["abuse", "disability", "other", "missing"], referrals, p=[0.6, 0.2, 0.15, 0.05]
            ),
        }
    )
    unique["referral_date"] = pd.to_datetime(unique["year"].astype(str) + "-06-15")
    stacked = []
    for group, members in groups.items():
        rows = unique[unique["authority"].isin(members)].assign(group=group)
        rows["years_since"] = rows["year"] - first_post[group]
        stacked.append(rows)
    rows = pd.concat(stacked, ignore_index=True)
    rows = rows[random.random(len(rows)) < 0.95].reset_index(drop=True)
    rows["pilot"] = (rows["authority"] == rows["group"]).astype(int)
    rows["post"] = (rows["years_since"] >= 0).astype(int)
    rows["multiplicity"] = np.where(rows["authority"] == "Cedar", 2, 1)
    strata = rows.groupby(["group", "post", "gender", rows["age"] // 6]).ngroup() + 1
    ratio = random.uniform(0.5, 2.0, strata.max() + 1)[strata]
    rows["stratum"] = strata
    rows["weight"] = np.where(rows["pilot"] == 1, 1.0, ratio) / rows["multiplicity"]
    return _with_authority_covariates(rows)


def _with_authority_covariates(rows: pd.DataFrame) -> pd.DataFrame:
    number = rows["authority"].map({"North": 0, "South": 1, "Alder": 2, "Birch": 3, "Cedar": 4})
    year = rows["year"] - 2013
    pilot = rows["authority"].isin(["North", "South"])
    return rows.assign(
        assessments=1000.0 + 37 * number + 11 * year**2 * (1 + number % 2),
        ofsted=1.0 + (number + year) % 4,
        quality=np.where(pilot, 0.4 + 0.3 * number, 0.0),
        embeddedness=np.where(pilot, 0.7 - 0.2 * number, 0.0),
        similar_practice_model=(rows["authority"] == "Birch").astype(float),
    )


def cells_by_hand(
    rows: pd.DataFrame, overlaps: Sequence[tuple[int, int, Sequence[int]]] = ()
) -> Cells:
    """Cells counted for a release: group, authority, pilot, year, post, n, events by row.

    All referrals are of different children. An overlap is (n, events, rows it stands in).
    """
    columns: dict[str, tuple[str, object]] = {}
    coords = {}
    for name in ("group", "authority"):
        codes, labels = pd.factorize(rows[name], sort=True)
        columns[name] = ("pattern", codes.astype(np.int16))
        coords[f"{name}_label"] = labels.to_numpy(object)
    for name in ("pilot", "year", "post", "n", "events"):
        columns[name] = ("pattern", rows[name].to_numpy(np.int64))
    n, events = (rows[name].to_numpy(np.int64) for name in ("n", "events"))
    columns |= {
        "weight": ("pattern", n * 1.0),
        "weighted_events": ("pattern", events * 1.0),
        "weight_squared": ("pattern", n * 1.0),
        "children": ("pattern", n),
        "children_with_event": ("pattern", events),
        "children_without_event": ("pattern", n - events),
    }
    attrs = {
        "evidence": "synthetic",
        "analysis": "made-up",
        "analysis_sha256": "0" * 64,
        "threshold": 0,
        "by": '["group", "authority", "pilot", "year", "post"]',
        "covariates": "[]",
    }
    sets = xr.Dataset(
        {
            "n": ("set", np.array([n for n, _, _ in overlaps], dtype=np.int64)),
            "events": ("set", np.array([e for _, e, _ in overlaps], dtype=np.int64)),
            "of_set": (
                "membership",
                np.array([k for k, (_, _, of) in enumerate(overlaps) for _ in of], dtype=np.int64),
            ),
            "of_pattern": (
                "membership",
                np.array([i for _, _, of in overlaps for i in of], dtype=np.int64),
            ),
        }
    )
    return Cells(
        patterns=xr.Dataset(columns, coords=coords, attrs=attrs),
        products=None,
        authorities=xr.Dataset(attrs=attrs),
        overlaps=sets,
        weights=xr.Dataset(
            {
                "weight": ("rows", np.ones(len(n))),
                "n": ("rows", n),
                "events": ("rows", events),
                "of_pattern": ("rows", np.arange(len(n))),
            }
        ),
    )


def rows_of(counts: Sequence[Sequence[tuple[int, int]]]) -> pd.DataFrame:
    """A row for each authority (outer; the first is the pilot) and year (inner) of one group."""
    return pd.DataFrame(
        [
            {
                "group": "North",
                "authority": "North" if i == 0 else f"Authority {i}",
                "pilot": int(i == 0),
                "year": 2013 + t,
                "post": int(t >= len(years) // 2),
                "n": n,
                "events": events,
            }
            for i, years in enumerate(counts)
            for t, (n, events) in enumerate(years)
        ]
    )


@pytest.fixture(scope="session")
def by_hand() -> Callable[..., Cells]:
    """`cells_by_hand`, on what `rows_of` made of counts."""

    def make(
        counts: Sequence[Sequence[tuple[int, int]]],
        overlaps: Sequence[tuple[int, int, Sequence[int]]] = (),
    ) -> Cells:
        return cells_by_hand(rows_of(counts), overlaps)

    return make


@pytest.fixture(scope="session")
def of_rows() -> Callable[..., Cells]:
    """`cells_by_hand`."""
    return cells_by_hand


@pytest.fixture(scope="session")
def make_matched() -> Callable[..., pd.DataFrame]:
    """`made_up_matched`."""
    return made_up_matched


@pytest.fixture(scope="session")
def analysis() -> ChildrenAnalysis:
    return made_up_analysis()


@pytest.fixture(scope="session")
def matched(analysis: ChildrenAnalysis) -> pd.DataFrame:
    return made_up_matched(analysis, referrals=6000)


# ------------------------------------------------------------------------------- an outsider


def side_knowledge(cells: Cells, threshold: int) -> list[tuple[np.ndarray, int, int | None]]:
    """Totals an outsider may know: which rows, how many referrals, how many events (or None).

    By authority, by year, by arm and period, and of all; and the pilots' counts by group and
    period. None that is too small itself, by the words of the rule.
    """
    rows = cells.patterns.drop_vars(list(cells.patterns.coords)).to_dataframe()
    by: list[tuple[list[str], pd.DataFrame, bool]] = [
        (["authority"], rows, True),
        (["year"], rows, True),
        (["pilot", "post"], rows, True),
        (["pilot"], rows.assign(pilot=0), True),
        (["group", "post"], rows[rows["pilot"] == 1], False),
    ]
    known = []
    for keys, frame, with_events in by:
        for _, part in frame.groupby(keys):
            n, events = int(part["n"].sum()), int(part["events"].sum())
            alone = part.iloc[0] if len(part) == 1 else None
            if n - len(part) < threshold or (alone is not None and alone["children"] < threshold):
                continue
            least = min(events, n - events)
            if alone is not None:
                least = min(least, alone["children_with_event"], alone["children_without_event"])
            tells = with_events and least >= threshold
            known.append((part.index.to_numpy(), n, events if tells else None))
    return known


def attacked(
    cells: Cells, released: xr.Dataset, threshold: int, *, whole: bool = False
) -> list[Learnt]:
    """What an outsider learns: row, `n` or `events`, lowest and highest, for all suppressed.

    Unknowns are events and non-events of each row (`whole`: as whole numbers); referrals that
    stand in several rows are unknowns of their own.
    """
    members = [[i] for i in range(cells.patterns.sizes["pattern"])]
    assert cells.overlaps is not None
    left = cells.patterns["n"].values.astype(int).copy()
    for k in range(cells.overlaps.sizes["set"]):
        of = cells.overlaps["of_pattern"].values[cells.overlaps["of_set"].values == k].tolist()
        members.append(of)
        left[of] -= int(cells.overlaps["n"].values[k])
    members = [of for i, of in enumerate(members) if i >= len(left) or left[i]]  # windows tell
    stands = np.zeros((len(left), len(members)))
    for k, of in enumerate(members):
        stands[of, k] = 1
    nothing = np.zeros_like(stands)
    sums = {"n": np.hstack([stands, stands]), "events": np.hstack([stands, nothing])}
    equal, value = [], []
    for kind in ("n", "events"):
        shown = released[kind].values
        for i in np.flatnonzero(~np.isnan(shown)):
            equal.append(sums[kind][i])
            value.append(shown[i])
    for rows, n, events in side_knowledge(cells, threshold):
        equal.append(sums["n"][rows].sum(axis=0))
        value.append(n)
        if events is not None:
            equal.append(sums["events"][rows].sum(axis=0))
            value.append(events)
    learnt = []
    for kind in ("n", "events"):
        for i in np.flatnonzero(np.isnan(released[kind].values)):
            ends = [_end(sign * sums[kind][i], equal, value, sums["n"], whole) for sign in (1, -1)]
            learnt.append((int(i), kind, ends[0], -ends[1]))
    return learnt


def _end(
    wanted: np.ndarray, equal: list[np.ndarray], value: list[float], n: np.ndarray, whole: bool
) -> float:
    conditions = [
        LinearConstraint(np.array(equal), value, value),
        LinearConstraint(n, 1, np.inf),  # a row that is listed has someone in it
    ]
    found = milp(wanted, constraints=conditions, integrality=np.full(len(wanted), int(whole)))
    if found.status == 3:
        return -np.inf
    assert found.status == 0, found.message
    return float(np.ceil(found.fun - 1e-6))


@pytest.fixture(scope="session")
def attack() -> Callable[..., list[Learnt]]:
    """`attacked`."""
    return attacked
