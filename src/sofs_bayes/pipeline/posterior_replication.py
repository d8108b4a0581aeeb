"""Matched children → every printed column, with the posteriors of its two models beside it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes import spec
from sofs_bayes.folders.store import Store
from sofs_bayes.pipeline.asked import work_key
from sofs_bayes.pipeline.did_fits import Workshop, one_fit
from sofs_bayes.pipeline.did_sources import source_of
from sofs_bayes.pipeline.refits import NO_SHOCKS, REGRESSION, setting_of
from sofs_bayes.pipeline.watching import Progress, silent
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis
from sofs_bayes.spec.keys import HEADLINE

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.checks.posterior_replication import PosteriorBeside
    from sofs_bayes.frequentist.did import DidFit
    from sofs_bayes.pipeline.did_fits import Programs


def hierarchical_columns(analysis: ChildrenAnalysis) -> tuple[HierarchicalAnalysis, ...]:
    """The bundled hierarchical analyses of the printed columns of an analysis, one for each."""
    found: dict[str, HierarchicalAnalysis] = {}
    for path in spec.bundled_models().values():
        each = spec.load(path)
        if not isinstance(each, HierarchicalAnalysis) or each.children.name != analysis.name:
            continue
        column = next(c for c in analysis.regressions.columns if c.name == each.column)
        usual = each.regression.model == column.model and each.model.weights == "likelihood"
        plain = each.model.tails == "normal" and each.model.authorities == "random"
        if column.table and usual and plain and each.model.shocks != "none":
            found.setdefault(column.name, replace(each, children=analysis))
    return tuple(found.values())


def posterior_replication(
    analysis: ChildrenAnalysis,
    matched: "pd.DataFrame",
    file: Path,
    *,
    unfinished: Path | None = None,
    progress: Progress = silent,
) -> "tuple[PosteriorBeside, ...]":
    """Each printed coefficient beside its estimate and the posteriors of two models.

    The regression itself (flat priors, the same terms, no random effects or shocks), and the
    hierarchical model of the bundled analyses, also without its shocks. Beside them stands the
    estimate with authorities' fixed effects.

    Parameters
    ----------
    matched, file
        The matched children, as a frame, and the file they are in.
    unfinished
        A folder that keeps finished fits, so that after an interruption they are not made again.
    """
    from sofs_bayes.bayes.did_draws import regression_coefficients
    from sofs_bayes.checks.posterior_replication import PosteriorsOfColumn, posterior_beside

    rows: list[PosteriorBeside] = []
    programs: Programs = {}
    for each in hierarchical_columns(analysis):
        progress(f"{each.name}: regressions")
        fits = _regressions(each, matched)
        if fits["none"].failure is not None:
            continue  # no estimate that a posterior could stand beside
        source, store = source_of(each, file), None
        if unfinished is not None:
            key = work_key(each, source.inputs)
            store = Store(folder=unfinished / each.name, key=key)
        shop = Workshop(
            analysis=each, programs=programs, store=store, seconds={}, progress=progress
        )
        first = each.headline_prior
        made = [
            one_fit(shop, seen, setting_of(each, first, None, **changes), str(variant))
            for variant, seen, changes in (
                (REGRESSION, source.regressed, {"replicating": True}),
                (NO_SHOCKS, source.data, {"shocks": False}),
                (HEADLINE, source.data, {}),
            )
        ]
        passed = all(fit.gate.passed for fit in made)
        coefficients = [regression_coefficients(fit.posterior, fit.blocks) for fit in made]
        draws = PosteriorsOfColumn(
            regression=coefficients[0],
            no_shocks=coefficients[1],
            hierarchical=coefficients[2],
            status="converged" if passed else "not converged",
        )
        rows += posterior_beside(each, fits, draws)
    return tuple(rows)


def _regressions(analysis: HierarchicalAnalysis, matched: "pd.DataFrame") -> "dict[str, DidFit]":
    from sofs_bayes.frequentist.did import fit
    from sofs_bayes.frequentist.published_analysis import within_authorities

    own, children = analysis.regression, analysis.children
    wanted = {each: replace(own, cluster=each) for each in ("none", "child", "authority")}
    wanted["within"] = within_authorities(own)
    return {name: fit(matched, children, each) for name, each in wanted.items()}
