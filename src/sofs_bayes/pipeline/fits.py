"""An Analysis and its input → a Run, and a Run → its folder."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sofs_bayes.errors import BadInput, BadParameter
from sofs_bayes.folders.places import Paths
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.asked import fittable, prior_of, work_key
from sofs_bayes.pipeline.did_sources import FRAME, files_of, is_frame
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.watching import Progress, in_notebooks, silent
from sofs_bayes.runs import run_folder
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Analysis, ChildrenAnalysis, Evidence, PrintedAnalysis, fingerprint
from sofs_bayes.spec.keys import HEADLINE, LeaveOut, Variant

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.pipeline.did_fits import Programs


def fit(
    analysis: Analysis | Path | str,
    data: "Paths | pd.DataFrame" = (),
    *,
    leave_out: LeaveOut = "pilots",
    quick: bool = False,
    again: Sequence[str] = (),
    draws: int | Mapping[str, int] | None = None,
    evidence: Evidence = "records",
    seed: int | None = None,
    unfinished: Path | str | None = None,
    programs: "Programs | None" = None,
    progress: Progress = in_notebooks,
) -> Run:
    """The run of any analysis.

    Parameters
    ----------
    analysis
        As `load` reads it, or a bundled name or TOML file.
    data
        Open data: DfE files, or one panel file; without any, the counts that are part of the
        package. A hierarchical analysis: cells or matched children, a file or the folder that
        `collapse` or `match` wrote. Either as a data frame, too: matched children, or a panel with
        the columns of a panel file. None for a printed analysis, which has its own.
    leave_out
        Whether a fit is repeated without each pilot or authority.
    quick
        Whether a model is fitted under its effect priors only, without refits.
    again, draws
        Effect priors, or changes as tables name them, whose fit is sampled anew with so many
        draws a chain, also by name (twice the analysis's by default); all others are taken from
        `unfinished`.
    evidence
        What a frame of children is: `records`, or `synthetic` where they are made up. A frame of
        counts is of unknown origin, and files say themselves what they are.
    seed
        In place of the analysis's own.
    unfinished
        A folder that keeps finished fits, so that after an interruption they are not made again;
        `save` is to be given it too, to delete it.
    programs
        A dictionary that keeps what was compiled. Analyses that are given the same one are
        compiled once, as far as their model's form is the same.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    Run
        Effects and probabilities under every prior, checks, and the draws. In a notebook it
        shows itself; `to_frame()` has its effects.

    Raises
    ------
    BadInput
        Data missing, superfluous or unusable.

    Examples
    --------
    >>> run = sb.fit("icpc-printed")
    >>> run.status
    'converged'
    """
    instead = "match, replicate, and fit icpc-linear"
    analysis = fittable(analysis, instead=instead, seed=seed)
    if draws is not None and not again:
        raise BadParameter("draws", "no fits to be sampled again", "None, or again with fits")
    if isinstance(analysis, PrintedAnalysis):
        if is_frame(data) or files_of(data):
            found = FRAME if is_frame(data) else str(files_of(data)[0])
            raise BadInput(found, "", "data", "none: a printed analysis has its own")
        if again:
            raise BadParameter("again", repr(again[0]), "none: nothing of print is sampled")
        return fit_printed(analysis, progress=progress)
    from sofs_bayes.pipeline.did_fits import fit_did
    from sofs_bayes.pipeline.did_sources import source_of

    progress(f"{analysis.name}: reading")
    source, store = source_of(analysis, data, evidence), None
    if unfinished is not None:
        key = work_key(analysis, source.inputs)
        store = open_store(Path(unfinished), key, replace=True)
    return fit_did(
        analysis,
        source,
        leave_out=leave_out,
        quick=quick,
        again=again,
        draws=draws,
        store=store,
        programs=programs,
        progress=progress,
    )


def model(
    analysis: Analysis | Path | str,
    data: "Paths | pd.DataFrame" = (),
    *,
    prior: str | None = None,
) -> Any:
    """The `pymc.Model` that an analysis's headline fit samples, to be looked at or built on.

    Of a linear model everything but the standard deviations is integrated out, a logistic one is
    in the units it is sampled in; of print two parameters are left (Tables 5 to 7).

    Parameters
    ----------
    analysis, data
        As `fit` takes them.
    prior
        The effect prior; the first by default.

    Returns
    -------
    pymc.Model
        Not compiled yet; `free_RVs` are what is sampled.

    Raises
    ------
    BadInput
        As `fit`; an effect prior that the analysis does not have.

    Examples
    --------
    >>> model = sb.model("icpc-open-data")
    >>> len(model.free_RVs) > 4
    True
    """
    analysis = fittable(analysis, instead="icpc-linear")
    name = prior_of(analysis, prior)
    if isinstance(analysis, PrintedAnalysis):
        from sofs_bayes.bayes.from_published import posterior
        from sofs_bayes.bayes.from_published_pymc import graph, graph_data

        return graph(graph_data(posterior(analysis, prior=name)))
    from sofs_bayes.bayes.blocks import blocks
    from sofs_bayes.bayes.did_model import build_model, form_of, model_data
    from sofs_bayes.pipeline.did_sources import source_of
    from sofs_bayes.pipeline.refits import setting_of

    source = source_of(analysis, data)
    design = blocks(source.data, analysis, setting_of(analysis, name, source.departure))
    arrays = model_data(source.data, design, analysis)
    return build_model(form_of(source.data, design, analysis), arrays)


def fit_folder(
    analysis: Analysis,
    data: Paths = (),
    folder: Path | str | None = None,
    *,
    leave_out: LeaveOut | None = None,
    quick: bool = False,
    again: Sequence[str] = (),
    draws: int | None = None,
    replace: bool = False,
    inputs: Sequence[Path] = (),
    progress: Progress = silent,
) -> tuple[Path, Run]:
    """The run of any analysis, in a folder; interrupted, the same call goes on with it.

    Parameters
    ----------
    analysis, data, leave_out, quick, again, draws
        As `fit` takes them. Where a fit did not pass the gate, all fits are kept beside the
        folder, so that `again` makes only its own anew, with twice the draws by default; all else
        is as the run there was made.
    folder
        The new folder; `runs/` and the analysis's name by default.
    replace
        Whether an earlier run there may be replaced.
    inputs
        Further files that must stay as they are, such as the analysis's own.

    Raises
    ------
    BadInput
        As `fit` and `save`; `again`, and no run of the analysis is there.
    """
    target = Path(folder or Path("runs") / analysis.name)
    given = files_of(data)
    with claim(target, written_by="fit", inputs=[*given, *inputs], replace=replace) as place:
        asked = _as_made(target, analysis, again, draws) if again else {"draws": draws}
        asked |= {"leave_out": leave_out} if leave_out else {}
        asked |= {"quick": True} if quick else {}
        run = fit(
            analysis,
            given,
            **asked,
            unfinished=place.unfinished,
            progress=progress,
        )
        with place.folder() as scratch:
            run_folder.fill(run, scratch)
        if not missed(run):
            place.finish()
    return target, run


def _as_made(
    target: Path, analysis: Analysis, again: Sequence[str], draws: int | None
) -> dict[str, Any]:
    """With what `fit` makes a run as it was, but for the fits that are made again."""
    if isinstance(analysis, PrintedAnalysis | ChildrenAnalysis):
        return {"again": again}  # which `fit` refuses
    made = run_folder.read(target) if target.is_dir() else None
    if made is None or fingerprint(made.analysis) != fingerprint(analysis):
        found, allowed = "no run of this analysis", "the run whose fits are to be made again"
        raise BadInput(target, "", found, allowed)
    sizes = {
        _called(verdict): verdict["draws"] // analysis.sampler.chains
        for name, verdict in made.diagnostics["fits"].items()
        if f"draws of {name}" in made.options
    }
    sizes |= {each: draws or 2 * sizes.get(each, analysis.sampler.draws) for each in again}
    left_out = [each for each in get_args(LeaveOut) if each == made.options.get("leave_out")]
    return {
        "again": [*sizes],
        "draws": sizes,
        "quick": made.options.get("quick") == "yes",
        "leave_out": next(iter(left_out), "pilots"),
    }


def missed(run: Run) -> list[str]:
    """The fits of a run that did not pass the gate, as `again` names them."""
    verdicts = run.diagnostics["fits"].values()
    return [_called(each) for each in verdicts if each["status"] != "converged"]


def _called(verdict: Mapping[str, Any]) -> str:
    """A fit as `again` names it."""
    variant = Variant(**{each.name: verdict[each.name] for each in fields(Variant)})
    return verdict["prior"] if variant == HEADLINE else str(variant)


def save(
    run: Run,
    folder: Path | str,
    *,
    replace: bool = False,
    unfinished: Path | str | None = None,
) -> None:
    """Write a run folder, whole or not at all, and delete what `fit` kept meanwhile.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it.
    folder
        A new folder.
    replace
        Whether an earlier result there may be replaced.
    unfinished
        What `fit` was given.

    Raises
    ------
    BadInput
        The folder exists (and `replace` is false, or it is no run folder), or cannot be written.

    Examples
    --------
    >>> sb.save(sb.fit("icpc-printed"), "runs/newly-saved")
    """
    run_folder.write(run, Path(folder), replace=replace)
    if unfinished is not None:
        shutil.rmtree(unfinished, ignore_errors=True)
