"""A small made population of children, with an effect, and analyses of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.spec.files import parse

YEARS = (2013, 2014, 2015, 2016, 2017)
# Matched groups by pilot; Fern is a comparator of two, whose windows differ.
GROUPS = {
    "Aldmoor": ("Aldmoor", "Dell"),
    "Birchway": ("Birchway", "Fern"),
    "Cranleigh": ("Cranleigh", "Fern", "Glen"),
    "Esk": ("Esk", "Heath"),
}
# The first year after settling-in; Esk settles in all through 2016.
AFTER = {"Aldmoor": 2015, "Birchway": 2016, "Cranleigh": 2015, "Esk": 2017}
TREATMENTS = (
    *("did", "lags", "leads and lags", "quality", "embeddedness"),
    *("practice model", "ofsted"),
)
WHY = "made up for a test"
REFERRALS, SEED = 800, 3


def made_children(referrals: int, seed: int) -> pd.DataFrame:
    """Matched rows of four pilots and four comparators in five years."""
    random = np.random.default_rng(seed)
    names = sorted({name for members in GROUPS.values() for name in members})
    each = pd.DataFrame(
        {
            "referral": np.arange(referrals),
            "child": random.integers(0, max(int(0.9 * referrals), 1), referrals).astype(str),
            "authority": random.choice(names, referrals),
            "year": random.choice(YEARS, referrals),
            "gender": random.choice(["male", "female", "missing"], referrals, p=[0.5, 0.4, 0.1]),
            "age": random.integers(0, 18, referrals).astype(float),
        }
    )
    each.loc[::19, "age"] = np.nan
    each["referral_date"] = pd.to_datetime(each["year"].astype(str) + "-06-15")
    rows = pd.concat([_group(each, name) for name in GROUPS], ignore_index=True)
    rows["multiplicity"] = rows.groupby("referral")["group"].transform("size")
    band = rows["age"].fillna(-1.0) // 6
    rows["stratum"] = rows.groupby(["group", "post", "gender", band]).ngroup() + 1
    ratio = random.uniform(0.5, 2.0, rows["stratum"].max() + 1)[rows["stratum"]]
    rows["weight"] = np.where(rows["pilot"] == 1, 1.0, ratio) / rows["multiplicity"]
    rows = _with_authorities(rows)
    shift = pd.Series(random.normal(0.0, 0.4, len(names)), index=names)
    shock = random.normal(0.0, 0.2, (len(names), len(YEARS)))
    place = rows["authority"].map(names.index).to_numpy(), rows["year"].to_numpy() - YEARS[0]
    log_odds = (
        -1.2
        + rows["authority"].map(shift).to_numpy()
        + shock[place]
        + 0.3 * rows["pilot"] * rows["post"]
        + 0.5 * (rows["gender"] == "female")
        - 0.04 * (rows["age"].fillna(8.0) - 8.0)
    )
    luck = random.random(referrals)[rows["referral"]]
    return rows.assign(outcome=(luck < 1 / (1 + np.exp(-log_odds))).astype(int))


def _group(each: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = each[each["authority"].isin(GROUPS[name])].assign(group=name)
    rows["post"] = (rows["year"] >= AFTER[name]).astype(int)
    rows["pilot"] = (rows["authority"] == name).astype(int)
    start = AFTER[name] - (name == "Esk")
    rows["years_since"] = rows["year"] - np.where(rows["post"] == 1, AFTER[name], start)
    return rows[(rows["post"] == 1) | (rows["year"] < start)]


def _with_authorities(rows: pd.DataFrame) -> pd.DataFrame:
    number = rows["authority"].map(lambda name: ord(name[0]) - ord("A"))
    year = rows["year"] - YEARS[0]
    pilot = rows["authority"].isin(list(GROUPS))
    return rows.assign(
        assessments=1000.0 + 37 * number + 11 * year**2 * (1 + number % 3),
        ofsted=1.0 + (3 * number + year) % 4,
        quality=np.where(pilot, 0.4 + 0.1 * number, 0.0),
        embeddedness=np.where(pilot, 0.9 - 0.15 * number % 0.7, 0.0),
        similar_practice_model=rows["authority"].isin(["Fern", "Heath"]).astype(float),
    )


def children_document() -> dict[str, Any]:
    """Its analysis of children, with a regression for each treatment."""
    gender = {"male": ["1"], "female": ["2"]}
    return {
        "kind": "children",
        "name": "made-up",
        "title": "Made up",
        "outcome": "ICPC",
        "why": WHY,
        "records": {
            "years": list(YEARS),
            "columns": {"outcome_date": "icpc_date"},
            "window": {"days": 90},
            "covariates": [
                {"kind": "levels", "name": "gender", "reference": "male", "levels": gender},
                {"kind": "number", "name": "age", "unit": "years"}
                | {"lowest": 0.0, "highest": 18.0, "centre": 8.0},
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
            "covariates": ["gender", "age"],
            "authority_covariates": ["assessments", "ofsted"],
            "columns": [
                *({"name": name, "model": "linear", "treatment": name} for name in TREATMENTS),
                {"name": "without Esk", "model": "linear", "without": ["Esk"]},
            ],
        },
    }


def hierarchical_document() -> dict[str, Any]:
    """A linear hierarchical analysis; no two priors are alike, so that a mix-up shows."""

    def normal(mean: float, sd: float) -> dict[str, Any]:
        return {"mean": mean, "sd": sd, "why": WHY}

    return {
        "kind": "hierarchical",
        "name": "made-up-hierarchical",
        "title": "Made up",
        "why": WHY,
        "children": children_document(),
        "column": "did",
        "model": {"likelihood": "gaussian"},
        "priors": {
            "intercept": normal(0.2, 0.3),
            "year": normal(0.01, 0.07),
            "pilot_difference": normal(-0.02, 0.11),
            "authority_covariate": normal(0.03, 0.06),
            "effect_modifier": normal(-0.01, 0.04),
            "residual_sd": {"scale": 0.5, "why": WHY},
            "authority_sd": {"scale": 0.08, "why": WHY},
            "pilot_effect_sd": {"mean": 0.05, "why": WHY},
            "shock_sd": {"scale": 0.04, "why": WHY},
            "year_effect_sd": {"scale": 0.03, "why": WHY},
            "shock_correlation": {"a": 2.0, "b": 3.0, "why": WHY},
            "departure": {"multiple": 1.0, "why": WHY},
        },
        "effect_priors": {"reference": normal(0.05, 0.2)},
        "sampler": {"name": "nutpie", "seed": 7},
        "estimands": {"statements": [{"scale": "risk", "above": 0.0}]},
    }


LOGISTIC = {
    "intercept": {"mean": -1.0, "sd": 1.1, "why": WHY},
    "year": {"mean": 0.1, "sd": 0.4, "why": WHY},
    "pilot_difference": {"mean": -0.1, "sd": 0.6, "why": WHY},
    "authority_covariate": {"mean": 0.05, "sd": 0.3, "why": WHY},
    "child_covariate": {"mean": 0.02, "sd": 0.8, "why": WHY},
    "authority_sd": {"scale": 0.5, "why": WHY},
    "pilot_effect_sd": {"mean": 0.3, "why": WHY},
    "shock_sd": {"scale": 0.25, "why": WHY},
    "year_effect_sd": {"scale": 0.2, "why": WHY},
}


@pytest.fixture(scope="session")
def hierarchical() -> Callable[..., HierarchicalAnalysis]:
    """Analyses of the made population: a column, changes of the model, other changes."""

    def make(
        column: str = "did", *, standardise: bool = True, **model: Any
    ) -> HierarchicalAnalysis:
        document = hierarchical_document() | {"column": column}
        document["model"] |= model
        document["children"]["regressions"]["standardise"] = standardise
        if document["model"]["likelihood"] != "gaussian":
            document["priors"] = document["priors"] | LOGISTIC
            del document["priors"]["residual_sd"]
        found = parse(document, file="made up")
        assert isinstance(found, HierarchicalAnalysis)
        return found

    return make


@pytest.fixture(scope="session")
def children_rows() -> pd.DataFrame:
    """Matched rows, 869 of 800 referrals."""
    return made_children(REFERRALS, seed=SEED)


@pytest.fixture(scope="session")
def children_cells(
    children_rows: pd.DataFrame, hierarchical: Callable[..., HierarchicalAnalysis]
) -> Cells:
    """Their cells, with products and counts."""
    return collapse(children_rows, hierarchical().children, evidence="synthetic")
