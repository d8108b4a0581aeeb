"""What a PyMC user types at a run's draws, as it is typed."""

import warnings

import arviz as az
import xarray as xr

from sofs_bayes.checks.registry.leaving_out import LooSummary
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.runs.run_folder import Run


def check_arviz_calls(tree: xr.DataTree, run: Run) -> None:
    """Summaries, pictures, cross-validation and power scaling, without preparation."""
    row = next(row for row in run.effects if row.prior == run.prior)
    label = f"{row.estimand}, {row.target}, {row.scale}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few draws
        told = az.summary(tree, var_names=["effects"], ci_prob=0.9, ci_kind="eti", round_to="none")
        mean = float(told.loc[f"effects[{label}]", "mean"])
        assert abs(mean - row.mean) < 1e-9 * abs(row.mean)
        assert len(az.summary(tree, ci_prob=0.9, ci_kind="eti")) > len(told)
        az.plot_forest(tree, var_names=["effects"], ci_kind="eti", ci_probs=(0.5, 0.9))
        az.plot_trace_dist(tree, var_names=["authority_sd"])
        [summary] = run.rows(LooSummary)
        found = az.loo(tree)
        assert abs(found.elpd - summary.elpd) < 1e-3 * abs(summary.elpd) ** 0.5 + 0.1
        assert found.n_data_points == summary.points
        az.plot_ppc_dist(tree)
        az.plot_prior_posterior(tree, var_names=["authority_sd"])
        moved = az.psense_summary(tree, var_names=["effects"], coords={"effect": [label]})
    scaled = next(
        r for r in run.rows(PowerScalingRow) if (r.estimand, r.priors) == (row.estimand, "all")
    )
    assert abs(float(moved["prior"].iloc[0]) - scaled.prior) < 1e-3
