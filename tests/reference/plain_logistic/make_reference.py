"""The posterior of a plain logistic model of the made children, for `tests/bayes`.

Row by row, standard normals times sds, nothing else: what the package's graph must agree with.
Run in a checkout, `python tests/reference/plain_logistic/make_reference.py`; it takes some
minutes and writes `posterior.json` beside itself (PyMC and nutpie in the versions it names).
"""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import nutpie
import pandas as pd
import pymc as pm
from pytensor.tensor import stack

from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.spec.files import parse

HERE = Path(__file__).parent
PILOTS = ["Aldmoor", "Birchway", "Cranleigh", "Esk"]
CHILD_TERMS = ["gender: female", "gender: missing", "age", "age: missing"]
PRIORS = {
    "intercept": (-1.0, 1.1),
    "year": (0.1, 0.4),
    "post": (0.1, 0.4),
    "pilot": (-0.1, 0.6),
    "did": (0.05, 0.2),
    "assessments": (0.05, 0.3),
    "ofsted": (0.05, 0.3),
}
CHAINS, TUNE, DRAWS = 4, 1500, 5000

Floats = npt.NDArray[np.float64]


def made_children() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the tests and their terms."""
    tests = _module(HERE.parents[1] / "bayes" / "conftest.py")
    rows = tests.made_children(tests.REFERRALS, seed=tests.SEED)
    analysis = parse(tests.hierarchical_document(), file="made up")
    assert isinstance(analysis, HierarchicalAnalysis)
    terms = design(rows, analysis.children, analysis.regression).terms
    cells = ~rows.duplicated(["authority", "year", "post"])
    for name in ("assessments", "ofsted"):  # the intercept is that of a usual cell
        terms[name] = terms[name] - terms.loc[cells, name].mean()
    return rows, terms


def _module(path: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location("made_children", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def plain_model(rows: pd.DataFrame, terms: pd.DataFrame) -> pm.Model:
    """Weights scaled to sum to the effective size (Σw)² / Σw²."""
    weights = rows["weight"].to_numpy() * rows["weight"].sum() / (rows["weight"] ** 2).sum()
    outcome = rows["outcome"].to_numpy(float)
    authority = pd.factorize(rows["authority"], sort=True)[0]
    pilot = pd.Index(PILOTS).get_indexer(pd.Index(rows["authority"])).clip(min=0)
    treated = (rows["pilot"] * rows["post"]).to_numpy(float)
    year = rows["year"].to_numpy() - 2013
    own = [str(name) for name in terms if name not in CHILD_TERMS]
    mean, sd = np.array([PRIORS[name.split(" ")[0]] for name in own]).T
    with pm.Model() as graph:
        coefficient = pm.Normal("coefficient", mean, sd, shape=len(own))
        gamma = pm.Normal("child_effect", 0.02, 0.8, shape=len(CHILD_TERMS))
        authority_sd = pm.HalfNormal("authority_sd", 0.5)
        pilot_effect_sd = pm.Exponential("pilot_effect_sd", scale=0.3)
        shock_sd = pm.HalfNormal("shock_sd", 0.25)
        rho = pm.Beta("shock_correlation", 2.0, 3.0)
        u = pm.Deterministic("authority_intercept", authority_sd * pm.Normal("u", shape=8))
        d = pm.Deterministic("pilot_deviation", pilot_effect_sd * pm.Normal("d", shape=4))
        moves = pm.Normal("moves", shape=(8, 5))
        shocks: list[Any] = [moves[:, 0]]
        for t in range(1, 5):
            shocks.append(rho * shocks[-1] + pm.math.sqrt(1 - rho**2) * moves[:, t])
        v = pm.Deterministic("shock", shock_sd * stack(shocks, axis=1))
        eta = terms[own].to_numpy() @ coefficient + terms[CHILD_TERMS].to_numpy() @ gamma
        eta += u[authority] + d[pilot] * treated + v[authority, year]
        pm.Potential("rows", (weights * (outcome * eta - pm.math.log1pexp(eta))).sum())
    return graph


def main() -> None:
    rows, terms = made_children()
    program = nutpie.compile_pymc_model(plain_model(rows, terms), backend="numba")
    tree = nutpie.sample(
        program,
        chains=CHAINS,
        tune=TUNE,
        draws=DRAWS,
        seed=20220701,
        target_accept=0.95,
        progress_bar=False,
    )
    posterior = tree["posterior"].to_dataset()
    kept = [name for name in posterior if name not in ("u", "d", "moves")]
    found = {
        "versions": {"pymc": pm.__version__, "nutpie": nutpie.__version__},
        "divergences": int(tree["sample_stats"]["diverging"].sum()),
        "rows": [len(rows), int(rows["outcome"].sum()), float(rows["weight"].sum())],
        "terms": [str(name) for name in terms if name not in CHILD_TERMS],
        "mean": {str(n): _rounded(posterior[n].mean(("chain", "draw")).values) for n in kept},
        "sd": {str(n): _rounded(posterior[n].std(("chain", "draw")).values) for n in kept},
    }
    (HERE / "posterior.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _rounded(values: Floats) -> Any:
    return np.round(values, 5).tolist()


if __name__ == "__main__":
    main()
