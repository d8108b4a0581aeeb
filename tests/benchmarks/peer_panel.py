"""What other packages make of a panel of counts; needs no sofs_bayes.

`python peer_panel.py FOLDER PACKAGE …` reads `panel.parquet` there (authority, year, pilot,
treated, events, children) and writes `peers.json`: of each estimator of these packages effect and
90% interval on the rate (shares), its seconds, and its package's version; of one that fails why.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

LEVEL = 0.9
SEED = 1

Found = tuple[float, float, float]
"""Effect, lower and upper end."""


def of_rates(panel: pd.DataFrame) -> pd.DataFrame:
    """Rates, numbers for units, and a pilot's first year that is not before (0: none).

    Settling-in years have no rows; they begin after the last year before.
    """
    panel = panel[panel["children"] > 0]  # an authority-year without counts has no rate
    panel = panel.assign(rate=panel["events"] / panel["children"])
    before = panel[(panel["pilot"] == 1) & (panel["treated"] == 0)]
    first = before.groupby("authority")["year"].max() + 1
    panel["first"] = panel["authority"].map(first).fillna(0).astype(int)
    panel["unit"] = panel["authority"].astype("category").cat.codes.astype(int)
    return panel


def two_way(panel: pd.DataFrame) -> Found:
    """Two-way fixed effects, weighted by children, clustered on authorities (pyfixest)."""
    import pyfixest

    formula = "rate ~ treated | unit + year"
    fitted = pyfixest.feols(formula, panel, weights="children", vcov={"CRV1": "unit"})
    lower, upper = fitted.confint(alpha=1 - LEVEL).loc["treated"]
    return float(fitted.coef()["treated"]), float(lower), float(upper)


def two_stage(panel: pd.DataFrame) -> Found:
    """Gardner's two stages: years and authorities from untreated rows alone (pyfixest)."""
    import pyfixest

    fitted = pyfixest.did2s(
        panel,
        yname="rate",
        first_stage="~ 0 | unit + year",
        second_stage="~ i(treated, ref=0)",
        treatment="treated",
        cluster="unit",
        weights="children",
    )
    (name,) = fitted.coef().index
    lower, upper = fitted.confint(alpha=1 - LEVEL).loc[name]
    return float(fitted.coef()[name]), float(lower), float(upper)


def by_cohort(panel: pd.DataFrame) -> Found:
    """Callaway and Sant'Anna's effects by cohort and year, averaged (diff-diff)."""
    import diff_diff

    estimator = diff_diff.CallawaySantAnna(alpha=1 - LEVEL, seed=SEED)
    found = estimator.fit(
        panel, outcome="rate", unit="unit", time="year", first_treat="first", aggregate="simple"
    )
    lower, upper = found.overall_conf_int
    return float(found.overall_att), float(lower), float(upper)


def multilevel(panel: pd.DataFrame) -> Found:
    """A binomial model with authorities and authority-years at random, default priors (bambi)."""
    import bambi

    panel = panel.assign(
        year=panel["year"].astype(str),
        cell=panel["authority"].astype(str) + " " + panel["year"].astype(str),
        events=panel["events"].astype(int),
        children=panel["children"].astype(int),
    )
    formula = "p(events, children) ~ year + pilot + treated + (1 | authority) + (1 | cell)"
    model = bambi.Model(formula, panel, family="binomial")
    draws = model.fit(inference_method="nutpie", chains=4, tune=1000, draws=1000, random_seed=SEED)
    on = panel["treated"].to_numpy() == 1
    model.predict(draws, kind="response_params")
    posterior = draws["posterior"]
    rate = posterior["p"].to_numpy().reshape(-1, len(panel)).T[on]  # chain, draw, row
    effect = posterior["treated"].to_numpy().ravel()
    without = 1 / (1 + (1 / rate - 1) * np.exp(effect))
    change = np.average(rate - without, axis=0, weights=panel["children"].to_numpy()[on])
    return middle_and_ends(change)


def imputed(panel: pd.DataFrame) -> Found:
    """Rates without treatment from untreated rows, by a linear model, default priors (CausalPy).

    Rates are not weighted: its linear model takes no weights.
    """
    import causalpy

    panel = panel.reset_index(drop=True)  # it takes rows' labels for their places
    sampling = {"chains": 4, "cores": os.cpu_count(), "random_seed": SEED, "progressbar": False}
    found = causalpy.StaggeredDifferenceInDifferences(
        panel,
        formula="rate ~ 0 + C(unit) + C(year)",
        unit_variable_name="unit",
        time_variable_name="year",
        model=causalpy.pymc_models.LinearRegression(sample_kwargs=sampling),
    )
    on = panel["treated"].to_numpy() == 1
    without = found.y_pred.isel(treated_units=0).transpose("chain", "draw", "obs_ind").to_numpy()
    change = (panel["rate"].to_numpy() - without)[..., on].mean(axis=-1)
    return middle_and_ends(change.ravel())


def middle_and_ends(draws: np.ndarray) -> Found:
    """Median and central interval."""
    tail = (1 - LEVEL) / 2
    middle, lower, upper = np.quantile(draws, [0.5, tail, 1 - tail])
    return float(middle), float(lower), float(upper)


PEERS: Mapping[str, tuple[str, Callable[[pd.DataFrame], Found]]] = {
    "two-way fixed effects, clustered": ("pyfixest", two_way),
    "two stages (Gardner), clustered": ("pyfixest", two_stage),
    "by cohort (Callaway and Sant'Anna)": ("diff-diff", by_cohort),
    "multilevel binomial, independent shocks": ("bambi", multilevel),
    "imputed from untreated rows, unweighted": ("CausalPy", imputed),
}


def main() -> None:
    """Every estimator of the packages asked for on the panel of a folder, and how it went."""
    folder, packages = Path(sys.argv[1]), sys.argv[2:]
    panel = of_rates(pd.read_parquet(folder / "panel.parquet"))
    found = []
    for name, (package, estimate) in PEERS.items():
        if package not in packages:
            continue
        start = time.perf_counter()
        line: dict[str, object] = {"estimator": name, "package": f"{package} {version(package)}"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                line["effect"], line["lower"], line["upper"] = estimate(panel)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are to be shown
            line["failed"] = f"{type(error).__name__}: {error}"[:200]
        found.append(line | {"seconds": time.perf_counter() - start})
    (folder / "peers.json").write_text(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
