"""An analysis and the design of its data → a job of calibration for the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sofs_bayes.checks.calibration import Around
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.temporary import temporary_folder
from sofs_bayes.pipeline.replicates import Bench
from sofs_bayes.pipeline.watching import Progress
from sofs_bayes.pipeline.work_keys import children_inputs, work_key
from sofs_bayes.records.known_files import evidence_of_counts
from sofs_bayes.spec import Evidence, HierarchicalAnalysis, OpenAnalysis

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.cells.dataset import Cells
    from sofs_bayes.checks.children_calibration import Design
    from sofs_bayes.checks.open_calibration import OpenDesign

# Posterior draws that may become truths: more than that are not told apart by a thousand ranks.
TRUTHS = 1000
UNFINISHED = "fit-to-the-data"
OF_COUNTS = (
    "The model has one effect after settling-in, and the design is that of the headline result:"
    " its comparators, and pilots with declared breaks in recording as the analysis has them there."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SbcJob:
    """The calibration of one design, for `replicates`.

    Attributes
    ----------
    design
        What replicates share; it is sent to the workers.
    seed
        From which each replicate's is spawned.
    name, key
        As `replicates.Job` has them.
    """

    design: "Design | OpenDesign"
    seed: int
    name: str
    key: str

    def open(self) -> Bench:
        """Compile; gives the function of a replicate's number."""
        from sofs_bayes.bayes.sampling import stage_seed
        from sofs_bayes.checks.calibration import replicate
        from sofs_bayes.checks.children_calibration import Design, children_problem
        from sofs_bayes.checks.open_calibration import open_problem

        if isinstance(self.design, Design):
            of_children = children_problem(self.design)
            return lambda number: replicate(
                of_children, stage_seed(self.seed, f"replicate {number}")
            )
        of_counts = open_problem(self.design)
        return lambda number: replicate(of_counts, stage_seed(self.seed, f"replicate {number}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job with what its results are to say of themselves."""

    job: SbcJob
    evidence: Evidence
    notes: tuple[str, ...]


def prepared(
    analysis: HierarchicalAnalysis | OpenAnalysis,
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
    design: Design | OpenDesign
    if isinstance(analysis, HierarchicalAnalysis):
        design, evidence = _of_children(
            analysis, data, prior=prior, around=around, folder=folder, progress=progress
        )
        inputs = children_inputs(analysis, data[0] if data else None)
        notes, asked = design.notes, rules()
    else:
        design, inputs = _of_counts(analysis, data, prior=prior, around=around, progress=progress)
        evidence = evidence_of_counts(inputs.values())
        notes, asked = (OF_COUNTS,), rules_of_counts()
    key = work_key(analysis, inputs, prior=prior, around=around, rules=asked)
    name = f"{analysis.name}, truths from the {'prior' if around == 'prior' else 'posterior'}"
    job = SbcJob(design=design, seed=analysis.sampler.seed, name=name, key=key)
    return Prepared(job=job, evidence=evidence, notes=notes)


def rules() -> dict[str, Any]:
    """What beside the analysis decides ranks."""
    from sofs_bayes.checks import ranks, short_fits

    return {
        "draws": ranks.DRAWS,
        "short": short_fits.SHORT,
        "accepted": short_fits.MOST_ACCEPTED,
        "rhat": short_fits.MAX_RHAT,
        "ess": short_fits.MIN_ESS,
    }


def rules_of_counts() -> dict[str, Any]:
    """The same for open counts."""
    from sofs_bayes.checks.short_fits import SHORT_OF_COUNTS

    return rules() | {"short": SHORT_OF_COUNTS}


# -------------------------------------------------------------------------- children's analyses


def _of_children(
    analysis: HierarchicalAnalysis,
    data: Sequence[Path | str],
    *,
    prior: str,
    around: Around,
    folder: Path,
    progress: Progress,
) -> "tuple[Design, Evidence]":
    from sofs_bayes.bayes.cell_data import cell_data
    from sofs_bayes.checks.children_calibration import Design
    from sofs_bayes.pipeline.children_changes import departure_sd, setting_of

    if len(data) > 1:
        raise BadInput(analysis.name, "", f"{len(data)} files or folders", "one, or none")
    progress(f"{analysis.name}: reading")
    cells = cells_of_design(analysis, data[0] if data else None, progress)
    seen = cell_data(cells, analysis)
    if around == "data" and seen.patterns is not None and seen.patterns.censored:
        raise BadInput(data[0], "", "suppressed or rounded counts", "exact cells, around the data")
    setting = setting_of(analysis, prior, departure_sd(cells, analysis))
    design = Design(analysis=analysis, setting=setting, data=seen)
    if around == "data":
        key = work_key(analysis, children_inputs(analysis, data[0] if data else None))
        truths = _children_truths(design, prior, folder, key, progress)
        design = Design(analysis=analysis, setting=setting, data=seen, truths=truths)
    return design, cells.patterns.attrs["evidence"]


def cells_of_design(
    analysis: HierarchicalAnalysis, data: Path | str | None, progress: Progress
) -> "Cells":
    """The cells at a path, or those of the bundled made-up children of the same outcome."""
    from sofs_bayes.pipeline.children import match
    from sofs_bayes.pipeline.children_fits import children_cells
    from sofs_bayes.pipeline.simulation import simulate

    if data is not None:
        return children_cells(data, analysis)
    progress(f"{analysis.name}: making children up")
    with temporary_folder() as folder:
        people = simulate(analysis.children, folder / "people")
        matched = match(analysis.children, people, folder / "matched")
        return children_cells(matched, analysis)


def _children_truths(
    design: "Design", prior: str, folder: Path, key: str, progress: Progress
) -> "xr.Dataset":
    """Draws of the posterior of the data, one chain after the other in one, thinned."""
    from sofs_bayes.pipeline.children_fits import Workshop, one_fit

    analysis = design.analysis
    store = open_store(folder / UNFINISHED, key, replace=True)
    shop = Workshop(analysis=analysis, programs={}, store=store, seconds={}, progress=progress)
    fit = one_fit(shop, design.data, design.setting, f"main / {prior}")
    _refuse_unconverged(analysis.name, fit.gate.status)
    return _one_chain(fit.posterior.drop_vars("log_likelihood"))


def _one_chain(posterior: "xr.Dataset") -> "xr.Dataset":
    """At most `TRUTHS` draws, evenly spaced over all chains, as one chain."""
    flat = posterior.stack(sample=("chain", "draw"), create_index=False).drop_vars(
        ["chain", "draw"], errors="ignore"
    )
    size = flat.sizes["sample"]
    places = np.linspace(0, size - 1, min(TRUTHS, size)).round().astype(np.int64)
    one = flat.isel(sample=places).rename(sample="draw").expand_dims("chain")
    return one.transpose("chain", "draw", ...).drop_attrs()


def _refuse_unconverged(name: str, status: str) -> None:
    if status != "converged":
        allowed = "draws that passed the gate, to take truths from"
        raise BadInput(name, "the fit to the data", status, allowed)


# ------------------------------------------------------------------------- analyses of open counts


def _of_counts(
    analysis: OpenAnalysis,
    data: Sequence[Path | str],
    *,
    prior: str,
    around: Around,
    progress: Progress,
) -> "tuple[OpenDesign, dict[str, str]]":
    """The design, and SHA-256 of the files it was read from."""
    from sofs_bayes.bayes.did_arrays import did_arrays
    from sofs_bayes.checks.open_calibration import OpenDesign
    from sofs_bayes.checks.sensitivity import headline
    from sofs_bayes.matching.authorities import choose_comparators, did_cells
    from sofs_bayes.records.open_data import read_panel

    if not data:
        raise BadInput(analysis.name, "", "no data", "DfE files, whose design is calibrated")
    progress(f"{analysis.name}: reading")
    panel = read_panel(data, analysis.data)
    choice = choose_comparators(panel, analysis.design, file=analysis.name)
    cells = did_cells(panel, choice, analysis.design, include_breaks=True)
    arrays = headline(did_arrays(cells, effect="constant"), analysis.design).arrays
    design = OpenDesign(analysis=analysis, prior=prior, arrays=arrays)
    if around == "data":
        truths = _count_truths(design, progress)
        design = OpenDesign(analysis=analysis, prior=prior, arrays=arrays, truths=truths)
    return design, {source.file: source.sha256 for source in panel.sources}


def _count_truths(design: "OpenDesign", progress: Progress) -> "xr.Dataset":
    from sofs_bayes.checks.sensitivity import MAIN, Variant
    from sofs_bayes.pipeline.open_fits import STORED, compiled_graph, one_open_fit

    progress(f"{design.analysis.name}: the fit to the data")
    compiled = compiled_graph(design.analysis, design.arrays, {})
    main = Variant(name=MAIN, arrays=design.arrays)
    fit = one_open_fit(design.analysis, compiled, main, design.prior)
    _refuse_unconverged(design.analysis.name, fit.gate.status)
    names = [name for name in (*STORED, "cell_logit") if name in fit.posterior]
    return _one_chain(fit.posterior[names])
