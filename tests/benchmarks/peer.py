"""The peer of `posteriors`: bambi on the children's rows, in an environment of its own."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from tests.benchmarks.__main__ import readable

from sofs_bayes import spec
from sofs_bayes.checks.registry.check import PosteriorFit
from sofs_bayes.frequentist.term import INTERCEPT
from sofs_bayes.frequentist.terms import design
from sofs_bayes.matching.strata import read_matched

BESIDE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # per chain


def by_peer(
    folder: Path,
    matched: Path,
    analysis: spec.HierarchicalAnalysis,
    fit: PosteriorFit,
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """What bambi makes of the rows of a fit's cells."""
    rows, given = peer_input(matched, analysis, fit)
    rows.to_parquet(folder / "rows.parquet")
    (folder / "terms.json").write_text(json.dumps(given))
    python = peer_python(Path(asked.peer) if asked.peer else folder / "peer")
    words: list[str | Path] = [python, BESIDE / "peer_bambi.py", folder]
    for option in ("chains", "tune", "draws", "minutes"):
        words += [f"--{option}", str(getattr(asked, option))]
    subprocess.run(words, check=True, env=os.environ | ONE_THREAD)
    found: dict[str, Any] = json.loads((folder / "peer.json").read_text())
    return found | {"rows": len(rows)}


def peer_input(
    matched: Path, analysis: spec.HierarchicalAnalysis, fit: PosteriorFit
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows with the terms of the regression, and the priors of these as the fit has them."""
    frame = read_matched(matched, analysis.children)
    regressors = design(frame, analysis.children, analysis.regression)
    names = {
        name: "Intercept" if name == INTERCEPT else f"x{i}"
        for i, name in enumerate(map(str, regressors.terms))
    }
    rows = regressors.terms.rename(columns=names).drop(columns="Intercept")
    scale = fit.data.cells["weight"].sum() / regressors.weights.sum()
    rows = rows.assign(
        outcome=regressors.outcome,
        weight=regressors.weights * scale,
        authority=frame["authority"].to_numpy(object),
        year=frame["year"].astype(str).to_numpy(object),
    )
    child = dict.fromkeys(fit.data.child_terms, fit.blocks.child_prior)
    own = zip(fit.blocks.prior_mean.tolist(), fit.blocks.prior_sd.tolist(), strict=True)
    priors = dict(zip(fit.blocks.terms, own, strict=True)) | child
    terms = {
        column: {"mean": priors[name][0], "sd": priors[name][1]} for name, column in names.items()
    }
    return rows, {"terms": terms, "sds": fit.blocks.sd_priors, "did": names["did"]}


def peer_python(folder: Path, required: str = "peer-requirements.txt") -> Path:
    """The interpreter of the peer's virtual environment, made where there is none."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "-r", str(BESIDE / required)], check=True)
    return python


def converged(peer: Mapping[str, Any]) -> bool:
    """Whether the peer's draws can be taken at their word."""
    return bool(peer["rhat"] <= 1.01 and peer["ess"] >= 100 * peer["chains"])


def peer_note(peer: Mapping[str, Any], asked: argparse.Namespace) -> str:
    """How the peer fared, in words."""
    versions = ", ".join(f"{name} {version}" for name, version in peer["versions"].items())
    asked_for = f"{asked.chains} chains × {asked.tune} + {asked.draws} draws"
    note = (
        f"{versions}, weighted likelihood, {asked_for} asked for, {peer['draws']} per chain had"
        f" after {readable(peer['sampling'])} s and {peer['gradients']:,.0f} gradients (compiling"
        f" {readable(peer['compiling'])} s)"
    )
    if "ess" not in peer:
        return f"{note}: too few to tell an effective size."
    ending = "" if converged(peer) else "; not converged, so its effective size is an upper bound"
    return (
        f"{note}; smallest bulk ESS {peer['ess']:.0f}"
        f" ({peer['slowest']}), largest R-hat {peer['rhat']:.3f}, did {peer['did'][0]:.3f}"
        f" ± {peer['did'][1]:.3f}{ending}."
    )
