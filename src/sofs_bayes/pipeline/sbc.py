"""An analysis and the design of its data → a job of calibration for the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sofs_bayes.checks.calibration import Around
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.temporary import temporary_folder
from sofs_bayes.pipeline.asked import children_inputs, work_key
from sofs_bayes.pipeline.jobs import Bench, Job
from sofs_bayes.pipeline.watching import Progress
from sofs_bayes.spec import DidAnalysis, Evidence, OpenAnalysis, OwnOutcome

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.checks.did_calibration import Design
    from sofs_bayes.pipeline.did_sources import Source

# Posterior draws that may become truths: more than that are not told apart by a thousand ranks.
TRUTHS = 1000
UNFINISHED = "fit-to-the-data"
OF_COUNTS = (
    "The model has one effect after settling-in, and the design is that of the headline result:"
    " its comparators, and pilots with declared breaks in recording as the analysis has them there."
)


def ranks_of(design: "Design") -> Bench:
    """Compile the graph of a design; gives the function of a replicate's number."""
    from sofs_bayes.checks.calibration import replicate
    from sofs_bayes.checks.did_calibration import did_problem
    from sofs_bayes.spec.seeds import stage_seed

    problem, seed = did_problem(design), design.analysis.sampler.seed
    return lambda number: replicate(problem, stage_seed(seed, f"replicate {number}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job with what its results are to say of themselves."""

    job: "Job[Design]"
    evidence: Evidence
    notes: tuple[str, ...]


def prepared(
    analysis: DidAnalysis,
    data: Sequence[Path | str],
    *,
    prior: str,
    around: Around,
    folder: Path,
    progress: Progress,
) -> Prepared:
    """The job of an analysis.

    Parameters
    ----------
    data
        As `fit` takes it; a hierarchical analysis without data gets the design of the bundled
        made-up children.
    around
        `data`: the analysis is fitted to them first.
    folder
        Where this fit is kept until the calibration is finished.

    Raises
    ------
    BadInput
        Data missing or unusable; for truths around the data, cells that are not exact.
    """
    from sofs_bayes.checks.did_calibration import Design
    from sofs_bayes.pipeline.refits import setting_of

    source = source_of_design(analysis, data, progress)
    seen = source.data
    if around == "data" and seen.patterns is not None and seen.patterns.censored:
        raise BadInput(data[0], "", "suppressed or rounded counts", "exact cells, around the data")
    setting = setting_of(analysis, prior, source.departure)
    design = Design(analysis=analysis, setting=setting, data=seen)
    if around == "data":
        truths = _truths(design, prior, folder, work_key(analysis, source.inputs), progress)
        design = Design(analysis=analysis, setting=setting, data=seen, truths=truths)
    asked = rules(analysis)
    key = work_key(analysis, source.inputs, prior=prior, around=around, rules=asked)
    name = f"{analysis.name}, truths from the {'prior' if around == 'prior' else 'posterior'}"
    job = Job(design=design, ready=ranks_of, name=name, key=key)
    counts = isinstance(analysis, OpenAnalysis)
    notes = (OF_COUNTS,) if counts else design.notes
    return Prepared(job=job, evidence=source.evidence, notes=notes)


def rules(analysis: DidAnalysis) -> dict[str, Any]:
    """What beside the analysis decides ranks."""
    from sofs_bayes.checks import ranks, short_fits

    return {
        "draws": ranks.DRAWS,
        "kinds": get_args(ranks.Kind),
        "short": short_fits.attempts(analysis),
        "accepted": short_fits.MOST_ACCEPTED,
        "rhat": short_fits.MAX_RHAT,
        "ess": short_fits.MIN_ESS,
    }


def source_of_design(
    analysis: DidAnalysis, data: Sequence[Path | str], progress: Progress
) -> "Source":
    """The data whose design is simulated; without any, the bundled simulated children's.

    Raises
    ------
    BadInput
        As `source_of`.
    """
    from sofs_bayes.pipeline.children import match
    from sofs_bayes.pipeline.did_sources import children_cells, children_source, source_of
    from sofs_bayes.pipeline.simulation import simulate

    if data or isinstance(analysis, OpenAnalysis):
        progress(f"{analysis.name}: reading")
        return source_of(analysis, data)
    own = analysis.children
    if isinstance(own.outcome, OwnOutcome) and own.rehearsal is None:
        allowed = "what match or collapse wrote, or a table [rehearsal] in the analysis of children"
        raise BadInput(analysis.name, "data", "none", allowed)
    progress(f"{analysis.name}: making children up")
    with temporary_folder() as folder:
        people = simulate(analysis.children, folder / "people")
        cells = children_cells(match(analysis.children, people, folder / "matched"), analysis)
    return children_source(analysis, cells, children_inputs(analysis, None))


def _truths(
    design: "Design", prior: str, folder: Path, key: str, progress: Progress
) -> "xr.Dataset":
    """Draws of the posterior of the data, one chain after the other in one, thinned."""
    import xarray as xr

    from sofs_bayes.pipeline.did_fits import Workshop, one_fit

    analysis = design.analysis
    store = open_store(folder / UNFINISHED, key, replace=True)
    shop = Workshop(analysis=analysis, programs={}, store=store, seconds={}, progress=progress)
    fit = one_fit(shop, design.data, design.setting, f"main / {prior}")
    if not fit.gate.passed:
        allowed = "draws that passed the gate, to take truths from"
        raise BadInput(analysis.name, "the fit to the data", fit.gate.status, allowed)
    chains, draws = fit.posterior.sizes["chain"], fit.posterior.sizes["draw"]
    size = chains * draws
    places = np.linspace(0, size - 1, min(TRUTHS, size)).round().astype(np.int64)
    chain, draw = (xr.DataArray(each, dims="draw") for each in np.divmod(places, draws))
    kept = fit.posterior.drop_vars(["log_likelihood", "chain", "draw"], errors="ignore")
    one = kept.isel(chain=chain, draw=draw).expand_dims("chain")
    return one.transpose("chain", "draw", ...).drop_attrs()
