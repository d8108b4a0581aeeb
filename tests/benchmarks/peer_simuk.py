"""Calibration of a textbook's hierarchical binomial DiD by simuk; needs no sofs_bayes.

`python peer_simuk.py FOLDER` reads `cells.npz` and `model.json` there, writes `peer.json`. Each
authority, year and pilot after settling-in has its term, shocks are independent of each other,
and everything that has a standard deviation to itself is non-centred.
"""

import argparse
import importlib.metadata
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import simuk


class Timed(simuk.SBC):
    """The same, and when each simulation was finished, its ranks included."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ends: list[float] = []
        self.cpu: list[float] = []

    def _compute_single_rank(self, *args: Any) -> None:
        super()._compute_single_rank(*args)
        self.ends.append(time.perf_counter())
        self.cpu.append(sum(os.times()[:4]))  # processes of chains too


def graph(arrays: Mapping[str, np.ndarray], sds: Mapping[str, float]) -> pm.Model:
    """Counts of cells, their fixed terms, and authorities, pilots and cells at random."""
    with pm.Model() as model:
        given = {name: pm.Data(name, array) for name, array in arrays.items()}
        coefficient = pm.Normal("coefficient", given["prior_mean"], given["prior_sd"])
        logit = given["design"] @ coefficient
        for name, sd in {"authorities": "authority_sd", "pilots": "pilot_effect_sd"}.items():
            spread = pm.HalfNormal(sd, sds[sd])
            unit = pm.Normal(f"{name}_unit", shape=arrays[name].shape[1])
            logit += given[name] @ (spread * unit)
        unit = pm.Normal("shock_unit", shape=arrays["n"].shape)
        logit += pm.HalfNormal("shock_sd", sds["shock_sd"]) * unit
        pm.Binomial("counts", n=given["n"], logit_p=logit, observed=given["events"])
    return model


def main() -> None:
    """Calibrate the model in a folder, and say how long it took."""
    asked = arguments()
    given = json.loads((asked.folder / "model.json").read_text())
    with np.load(asked.folder / "cells.npz") as arrays:
        model = graph(dict(arrays), given["sds"])
    calibration = Timed(
        model,
        num_simulations=asked.replicates,
        sample_kwargs=given["sampling"] | {"cores": asked.cores, "nuts_sampler": asked.sampler},
        seed=1,
        keep_fits=False,
        progress_bar=False,
    )
    calibration.run_simulations()
    ranks = calibration.simulations["prior_sbc"].to_dataset()
    found = {
        "ends": calibration.ends,
        "cpu": calibration.cpu,
        "ranked": sum(int(each[0, 0].size) for each in ranks.values()),
        "versions": {
            name: importlib.metadata.version(name) for name in ("simuk", "pymc", "nutpie")
        },
    }
    (asked.folder / "peer.json").write_text(json.dumps(found))


def arguments() -> argparse.Namespace:
    """The folder, the sampler, and how many replicates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sampler", default="nutpie")
    parser.add_argument("--replicates", type=int, default=6)
    parser.add_argument("--cores", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
