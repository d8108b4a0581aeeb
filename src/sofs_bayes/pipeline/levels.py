"""A run's results with credible intervals of another level, from its draws or its grid."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput, BadParameter
from sofs_bayes.estimands.rows import EffectRow, Label, MonteCarloRow, ShrinkageRow
from sofs_bayes.pipeline.run_draws import FURTHER
from sofs_bayes.runs.run_folder import Run, open_posterior, read
from sofs_bayes.spec import Estimands, PrintedAnalysis
from sofs_bayes.spec.keys import BY_YEAR, HEADLINE, POOLED, UNPOOLED, Variant

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.estimands.effects import Effects


def read_run(folder: Path | str, *, level: float | None = None) -> Run:
    """A run folder read back, each file checked against the manifest.

    The posterior stays in its file; `open_posterior` reads it.

    Parameters
    ----------
    folder
        A folder `fit` wrote.
    level
        Of credible intervals of effects, in place of the analysis's own: see `at_level`. So are
        intervals of 50% found in a folder that was written before they were kept.

    Returns
    -------
    Run
        As it was saved, without draws.

    Raises
    ------
    BadInput
        Not a run folder, or one that is incomplete or changed since it was written; as `at_level`.

    Examples
    --------
    >>> sb.read_run("runs/icpc-printed").evidence
    'published-inferred'
    """
    run = read(folder)
    printed = isinstance(run.analysis, PrintedAnalysis)
    if level is None:
        kept = all(row.lower_50 is not None for row in run.effects)
        if kept or not (printed or "posterior.nc" in run.files):
            return run
        level = run.level
    tree = None if printed else open_posterior(folder)
    return replace(at_level(replace(run, posterior=tree), level), posterior=None)


def at_level(run: Run, level: float) -> Run:
    """The run with credible intervals of effects at another level.

    Effects, refits, Monte Carlo errors and pilots' shrinkage change; what else has a level
    (predictions, rates by year) keeps its own, which its tables name. From print intervals come
    from the posterior on its grid, else from the stored draws.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it.
    level
        Above 0 and below 1, as 0.95.

    Returns
    -------
    Run
        Otherwise the same.

    Raises
    ------
    BadInput
        Another level; a run without the draws of all of its fits.

    Examples
    --------
    >>> run = sb.at_level(sb.fit("icpc-printed"), 0.5)
    >>> {row.level for row in run.effects}
    {0.5}
    """
    if not 0.0 < level < 1.0:
        raise BadParameter("level", f"{level:g}", "above 0 and below 1, as 0.95")
    wanted = replace(run.analysis.estimands, level=level)
    if isinstance(run.analysis, PrintedAnalysis):
        return _from_grid(run, wanted)
    return _from_draws(run, wanted)


def _from_grid(run: Run, wanted: Estimands) -> Run:
    from sofs_bayes.pipeline.print_fits import fit_printed

    assert isinstance(run.analysis, PrintedAnalysis)
    anew = fit_printed(replace(run.analysis, estimands=wanted))
    return replace(run, effects=anew.effects, sensitivity=anew.sensitivity)


def _from_draws(run: Run, wanted: Estimands) -> Run:
    from sofs_bayes.estimands.effects import effect_rows, monte_carlo_rows, shrinkage_rows

    effects: list[EffectRow] = []
    further: list[EffectRow] = []
    fits = dict(_fits(run))
    for label, found in fits.items():
        if label.variant in (HEADLINE, BY_YEAR):
            effects += effect_rows(found, wanted, label)
        else:
            pooled = found.choose(lambda each: each.target == POOLED)
            further += effect_rows(pooled, wanted, label)
    main = next(iter(fits.values()))
    beside = {**run.beside}
    if MonteCarloRow in beside:
        beside[MonteCarloRow] = tuple(monte_carlo_rows(main, wanted))
    for label, found in fits.items():
        if label.variant == UNPOOLED and ShrinkageRow in beside:
            beside[ShrinkageRow] = tuple(shrinkage_rows(main, found, wanted))
    return replace(run, effects=tuple(effects), sensitivity=tuple(further), beside=beside)


def _fits(run: Run) -> "Iterator[tuple[Label, Effects]]":
    """The effects of every fit that the run has rows of, draw by draw."""
    from sofs_bayes.estimands.effects import Effects

    tree, name = run.posterior, run.analysis.name
    if tree is None or "estimands" not in tree.children:
        raise BadInput(
            name, "posterior.nc", "no draws of effects", "a run with draws: fit it again"
        )
    nodes = [tree["estimands"].to_dataset()]
    if FURTHER in tree.children:
        below = tree[FURTHER].children
        nodes += [below[each].to_dataset() for each in sorted(below, key=int)]
    for node in nodes:
        yield _label(node, run), Effects(node["effects"].drop_vars("effect"))


def _label(node: "xr.Dataset", run: Run) -> Label:
    said = node.attrs
    factor = float(said["factor"]) if "factor" in said else None
    variant = Variant(kind=said["kind"], subject=said["subject"], factor=factor)
    return Label(prior=said["prior"], variant=variant, evidence=run.evidence, status=said["status"])
