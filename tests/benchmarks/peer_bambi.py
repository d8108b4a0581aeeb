"""The hierarchical logistic model by bambi, on the children's rows; needs no sofs_bayes.

`python peer_bambi.py FOLDER` reads `rows.parquet` and `terms.json` there, writes `peer.json`.
The graph is bambi's own, with its defaults; nutpie samples it, as `inference_method="nutpie"`
would, but in the background, so that it can be stopped after the minutes given.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import arviz_stats as azs
import bambi as bmb
import nutpie
import pandas as pd
import xarray as xr

GROUPS = {"authority": "authority_sd", "authority:year": "shock_sd"}


def graph(
    rows: pd.DataFrame, terms: dict[str, dict[str, float]], sds: dict[str, float]
) -> bmb.Model:
    """Bambi's model: weighted rows, fixed terms, authorities and authority-years at random."""
    names = [name for name in terms if name != "Intercept"]
    random = " + ".join(f"(1 | {group})" for group in GROUPS)
    priors = {
        name: bmb.Prior("Normal", mu=prior["mean"], sigma=prior["sd"])
        for name, prior in terms.items()
    } | {
        f"1|{group}": bmb.Prior("Normal", mu=0.0, sigma=bmb.Prior("HalfNormal", sigma=sds[sd]))
        for group, sd in GROUPS.items()
    }
    formula = f"weighted(outcome, weight) ~ 1 + {' + '.join(names)} + {random}"
    return bmb.Model(formula, rows, family=weighted_bernoulli(), priors=priors)


def weighted_bernoulli() -> bmb.Family:
    """Bambi's own `bernoulli` refuses a weighted response (its issue 898)."""
    likelihood = bmb.Likelihood("Bernoulli", params=["p"], parent="p")
    return bmb.Family("weighted bernoulli", likelihood, link={"p": "logit"})


def sampled(program: object, asked: argparse.Namespace) -> tuple[xr.DataTree, float]:
    """The draws there are after the minutes given at the latest, and the seconds they took."""
    start = time.perf_counter()
    sampler = nutpie.sample(
        program,
        chains=asked.chains,
        cores=asked.cores,
        tune=asked.tune,
        draws=asked.draws,
        seed=asked.seed,
        target_accept=0.9,
        progress_bar=False,
        blocking=False,
    )
    try:
        tree = sampler.wait(timeout=60 * asked.minutes)
    except TimeoutError:
        tree = sampler.abort()
    return tree, time.perf_counter() - start


def worst(posterior: xr.Dataset, terms: dict[str, dict[str, float]]) -> dict[str, object]:
    """The smallest bulk effective size and the largest R-hat of fixed terms and sds."""
    wanted = [*terms, *(f"1|{group}_sigma" for group in GROUPS)]
    sizes = {name: float(azs.ess(posterior[name], method="bulk")) for name in wanted}
    slowest = min(sizes, key=lambda name: sizes[name])
    rhat = max(float(azs.rhat(posterior[name])) for name in wanted)
    return {"ess": sizes[slowest], "slowest": slowest, "rhat": rhat}


def main() -> None:
    """Fit the rows in a folder, and say how it went."""
    asked = arguments()
    rows = pd.read_parquet(asked.folder / "rows.parquet")
    given = json.loads((asked.folder / "terms.json").read_text())
    start = time.perf_counter()
    model = graph(rows, given["terms"], given["sds"])
    model.build()
    program = nutpie.compile_pymc_model(model.backend.model)
    compiling = time.perf_counter() - start
    tree, sampling = sampled(program, asked)
    # Stopped chains differ in length; the shorter ones end in NaN.
    posterior = tree["posterior"].to_dataset().dropna("draw")
    draws = posterior.sizes.get("draw", 0)
    found: dict[str, object] = {"compiling": compiling, "sampling": sampling, "draws": draws}
    found["chains"] = asked.chains
    if draws >= 4:  # R-hat halves the chains
        found |= worst(posterior, given["terms"])
        found["did"] = [float(posterior[given["did"]].mean()), float(posterior[given["did"]].std())]
    groups = [name for name in ("warmup_sample_stats", "sample_stats") if name in tree]
    found["gradients"] = sum(float(tree[name]["n_steps"].sum()) for name in groups)
    found["versions"] = {module.__name__: module.__version__ for module in (bmb, nutpie)}
    (asked.folder / "peer.json").write_text(json.dumps(found))


def arguments() -> argparse.Namespace:
    """The folder, and how long to sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--tune", type=int, default=100)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
