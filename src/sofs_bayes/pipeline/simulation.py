"""A scenario → a synthetic population in a folder: solved, or drawn with a known effect."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.children import files_of, load_children
from sofs_bayes.pipeline.watching import Progress, in_notebooks, silent
from sofs_bayes.spec import ChildrenAnalysis, OpenAnalysis, OwnOutcome, changed, load
from sofs_bayes.spec.outcomes import OUTCOMES

if TYPE_CHECKING:
    from sofs_bayes.synthetic.fixture import Fixture
    from sofs_bayes.synthetic.plausibility import Spreads
    from sofs_bayes.synthetic.population import Population
    from sofs_bayes.synthetic.scenario import Scenario


def simulate(
    analysis: ChildrenAnalysis | Path | str,
    output: Path | str | None = None,
    *,
    format: Literal["parquet", "csv", "stata"] = "parquet",
    scenario: Path | str | None = None,
    stress: bool = False,
    pilot_4_window: tuple[date, date] | None = None,
    solve: bool = False,
    drawn: bool = False,
    effect: float | None = None,
    effect_sd: float | None = None,
    shock_sd: float | None = None,
    persistence: float | None = None,
    times: float | None = None,
    seed: int | None = None,
    replace: bool = False,
    progress: Progress = in_notebooks,
    notice: Progress = silent,
) -> Path:
    """Write a synthetic population: referrals, authorities, groups, scenario, manifest.

    Parameters
    ----------
    analysis
        As `load` gives it, or a bundled name or TOML file. One of children's records.
    output
        The new folder; the scenario's name and `-synthetic` by default.
    format
        Of the referrals.
    scenario
        A TOML file of assumptions; the bundled one of the analysis's outcome by default. That
        of a drawn population gives the same children again.
    stress
        The bundled stress case in place of the bundled scenario: the printed coefficients on
        authorities that move as none do, without the printed effect within authorities.
    pilot_4_window
        First and last day of another settling-in of pilot 4. Other rows need other outcomes:
        with `solve` or `drawn`.
    solve
        Solve covariates and outcomes anew, and write them as `fixture.json` too.
    drawn
        Draw outcomes from the hierarchical model, whose truth is in the manifest: `effect`,
        `effect_sd` and `shock_sd` on log-odds, `persistence` of shocks, `times` as many
        children. What is not given is 0 (effects), 1 (times), and for authorities' levels,
        shocks and their persistence what the bundled counts of real authorities show. So is a
        scenario that says what it was drawn from. Another study than the report's is always
        drawn, in the design that its analysis declares (`rehearsal`).
    effect, effect_sd, shock_sd, persistence, times
        With `drawn`; see there.
    seed
        In place of the scenario's own.
    replace
        Whether an earlier result there may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.
    notice
        Told what of a solved population is not as printed, a line each.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    BadInput, BadSpec
        Anything that cannot be used; nothing is written then.

    Examples
    --------
    >>> sb.simulate("icpc-children", "made", drawn=True, times=0.3).name
    'made'
    """
    given, analysis = analysis, load_children(analysis)
    from sofs_bayes.synthetic.fixture import write_fixture
    from sofs_bayes.synthetic.population import write_population

    read = files_of(given)
    drawing = {"effect": effect, "effect_sd": effect_sd, "shock_sd": shock_sd}
    drawing |= {"persistence": persistence, "times": times}
    fixture = None
    if isinstance(analysis.outcome, OwnOutcome):
        only = {"--scenario": scenario, "--stress": stress, "--solve": solve}
        _check_own(analysis, only | {"--pilot-4-window": pilot_4_window})
        name, assumed = analysis.name, None
    else:
        assumed = _assumed(analysis.outcome, scenario, stress, pilot_4_window, seed)
        name, read = assumed.name, [*read, *files_of(scenario or "")]
        drawn = drawn or assumed.drawn is not None
        if drawn and solve:
            raise BadInput("--solve", "", "a drawn population", "one of the two")
    output = Path(output or f"{name}-synthetic")
    with claim(output, written_by="simulate", inputs=read, replace=replace) as place:
        if assumed is not None and not drawn:
            fixture = _solved(assumed, analysis, progress, notice) if solve else None
            population = _rebuilt(assumed, analysis, fixture, progress)
        else:
            progress(f"{name}: drawing")
            population = _by_chance(assumed, analysis, drawing, seed)
        with place.folder() as folder:
            progress(f"{name}: writing {len(population.referrals):,} referrals")
            if fixture is not None:
                write_fixture(fixture, folder / "fixture.json")
            write_population(population, folder, format=format)
    return output


def _assumed(
    outcome: str,
    scenario: Path | str | None,
    stress: bool,
    window: tuple[date, date] | None,
    seed: int | None,
) -> "Scenario":
    """The scenario that is asked for, of the outcome."""
    from sofs_bayes.synthetic.scenario import load_scenario

    windows = None
    if window is not None:
        first, last = window
        if first >= last:
            found, allowed = f"{first} to {last}", "a first day before the last one"
            raise BadInput("--pilot-4-window", "", found, allowed)
        windows = {"Pilot 4": (first.isoformat(), last.isoformat())}
    if stress and scenario:
        raise BadInput("--stress", "", "--scenario beside it", "one of the two")
    changes = {} if seed is None else {"seed": seed}
    bundled = outcome.lower() + ("-stress" if stress else "")
    assumed = load_scenario(scenario or bundled, windows=windows, **changes)
    if assumed.outcome != outcome:
        raise BadInput(str(scenario), "outcome", repr(assumed.outcome), repr(outcome))
    return assumed


def _check_own(analysis: ChildrenAnalysis, only: Mapping[str, object]) -> None:
    """Refuse what there is for the published report's populations only, by option."""
    if asked := [option for option, given in only.items() if given]:
        found = f"another study's analysis ({analysis.name})"
        raise BadInput(asked[0], "", found, "an analysis of " + " or ".join(OUTCOMES))


def _by_chance(
    scenario: "Scenario | None",
    analysis: ChildrenAnalysis,
    given: dict[str, float | None],
    seed: int | None,
) -> "Population":
    """Drawn children of a scenario, or (without one) of a study's own design."""
    from sofs_bayes.synthetic.rehearsed import rehearsed

    if scenario is not None:
        return _drawn(scenario, analysis, given)
    asked: dict[str, Any] = {**given, "seed": seed}
    return rehearsed(analysis, **{name: x for name, x in asked.items() if x is not None})


def _rebuilt(
    scenario: "Scenario",
    analysis: ChildrenAnalysis,
    fixture: "Fixture | None",
    progress: Progress,
) -> "Population":
    from sofs_bayes.synthetic.fixture import load_fixture
    from sofs_bayes.synthetic.population import build

    progress(f"{scenario.name}: building rows")
    return build(scenario, analysis, fixture or load_fixture(scenario.name))


def _solved(
    scenario: "Scenario", analysis: ChildrenAnalysis, progress: Progress, notice: Progress
) -> "Fixture":
    from sofs_bayes.synthetic.solver.solve import solve

    def said(stage: str) -> None:
        progress(f"{scenario.name}: {stage}")

    return solve(scenario, analysis, progress=said, notice=notice)


def _drawn(
    scenario: "Scenario",
    analysis: ChildrenAnalysis,
    given: dict[str, float | None],
) -> "Population":
    from sofs_bayes.synthetic.drawn import draw_population, drawn_rows, model_of

    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    times = changes.pop("times", scenario.drawn.times if scenario.drawn else 1.0)
    model = changed(model_of(scenario, _real_spreads(scenario)), changes, file=scenario.name)
    rows = drawn_rows(scenario, analysis, scale=times)
    return draw_population(rows, model, seed=scenario.seed)


def _real_spreads(scenario: "Scenario") -> "Spreads":
    """How real authorities differ and move in the bundled counts of a scenario's outcome."""
    from sofs_bayes.records.open_data import read_panel
    from sofs_bayes.synthetic.plausibility import spreads_of

    counts = load(f"{scenario.outcome.lower()}-open-data")
    assert isinstance(counts, OpenAnalysis)
    pilots = [each.authority for each in counts.design.pilots]
    return spreads_of(read_panel((), counts.data), without=pilots)
