"""Runs → the curves that a reader moves a threshold along."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sofs_bayes.estimands import POOLED
from sofs_bayes.estimands.conversions import interpolated
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.pages.page import SYNTHETIC, Explorer
from sofs_bayes.pages.words import (
    HEADINGS,
    answers,
    effect_name,
    evidences,
    main_scale,
    outcome_of,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence
from sofs_bayes.spec.terms import PER_10_000, PER_1000
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effect_columns import ABOVE_0
from sofs_bayes.tables.formats import Cell, Column, Table

NARROW_RISK = 0.02
DIGITS = 6  # of the probabilities written into the page
# Thresholds of the table, in the unit shown, by scale; for narrow risks finer ones.
SHOWN: Mapping[str, tuple[float, ...]] = {
    "narrow risk": (-1, -0.5, -0.2, 0, 0.2, 0.5, 1),
    "risk": (-5, -2, -1, 0, 1, 2, 5),
    "log-odds": (-0.5, -0.2, -0.1, 0, 0.1, 0.2, 0.5),
    "odds ratio": (0.5, 0.8, 0.9, 1, 1.1, 1.25, 2),
    PER_10_000: (-5, -2, -1, 0, 1, 2, 5),
    PER_1000: (-50, -20, -10, 0, 10, 20, 50),
}
MARK = f"{SYNTHETIC}."
NO_FINDING = " This says nothing about real people."
REFUSED = " NOT CONVERGED: not to be used."


def explorer(runs: Sequence[Run]) -> Explorer | None:
    """The curves of all runs that have thresholds; None where no run has any."""
    able = [run for run in runs if _rows(run)]
    if not able:
        return None
    groups: dict[tuple[Evidence, str], list[Run]] = {}
    for kind in evidences(able):
        for run in able:
            if run.evidence == kind:
                groups.setdefault((kind, _width(run)), []).append(run)
    tables = tuple(_table(own, kind, width) for (kind, width), own in groups.items())
    return Explorer(analyses=tuple(_analysis(run) for run in able), tables=tables)


def _width(run: Run) -> str:
    """The scale of a run's thresholds, `narrow risk` where no answer reaches two points."""
    scale = main_scale(run)
    reach = max((max(-row.lower, row.upper) for row in answers(run)), default=NARROW_RISK)
    return "narrow risk" if scale == "risk" and reach < NARROW_RISK else scale


def _rows(run: Run) -> "list[ThresholdRow]":
    """The thresholds on the scale that results are told on."""
    scale = main_scale(run)
    return [row for row in run.rows(ThresholdRow) if row.scale == scale]


def _factor(scale: str, runs: Sequence[Run]) -> tuple[float, str]:
    units = dict.fromkeys(in_units(run.analysis, scale) for run in runs)
    return 100.0 if scale == "risk" else 1.0, " or ".join(units)


def _analysis(run: Run) -> dict[str, object]:
    """One analysis as the page's script reads it."""
    scale = main_scale(run)
    factor, unit = _factor(scale, [run])
    effects: dict[str, dict[str, list[ThresholdRow]]] = {}
    order = {row.estimand: i for i, row in enumerate(reversed(_rows(run)))}
    # All pilots together first, effects as the run has them, each curve from left to right.
    for row in sorted(
        _rows(run), key=lambda row: (row.target != POOLED, -order[row.estimand], row.threshold)
    ):
        effects.setdefault(effect_name(run, row), {}).setdefault(row.prior, []).append(row)
    synthetic = run.evidence == "synthetic"
    return {
        "key": run.analysis.name,
        "label": f"{run.analysis.called} ({SYNTHETIC.lower() if synthetic else run.evidence})",
        "evidence": run.evidence,
        "mark": MARK if synthetic else "",
        "after": (NO_FINDING if synthetic else "") + ("" if run.status == "converged" else REFUSED),
        "outcome": outcome_of(run),
        "unit": unit,
        "signed": scale != "odds ratio",
        "nothing": 1 if scale == "odds ratio" else 0,
        "effects": [
            {
                "key": name,
                "label": name,
                # The same under every prior.
                "at": [round(factor * row.threshold, 6) for row in next(iter(curves.values()))],
                "curves": [
                    {"key": prior, "above": [round(row.above, DIGITS) for row in rows]}
                    for prior, rows in curves.items()
                ],
            }
            for name, curves in effects.items()
        ],
    }


def _round_steps(own: Sequence[Run]) -> tuple[float, ...]:
    """Thresholds in units that have no usual ones, within half of what the runs have."""
    most = max(abs(row.threshold) for run in own for row in _rows(run)) / 2
    step = 10.0 ** math.floor(math.log10(most / 5))
    return tuple(step * each for each in SHOWN["risk"])


def _table(own: Sequence[Run], kind: Evidence, width: str) -> Table:
    """The probabilities at some thresholds, of runs of one evidence and width."""
    scale = width.removeprefix("narrow ")
    factor, unit = _factor(scale, own)
    at = SHOWN.get(width) or _round_steps(own)
    lines: list[tuple[Cell, ...]] = []
    for run in own:
        groups: dict[tuple[str, str], list[ThresholdRow]] = {}
        for row in _rows(run):
            groups.setdefault((effect_name(run, row), row.prior), []).append(row)
        for (effect, prior), rows in groups.items():
            points = [(factor * row.threshold, row.above) for row in rows]
            # Beyond the ends next to nothing of the posterior is left.
            low, high = min(points)[0], max(points)[0]
            chances = (interpolated(points, min(high, max(low, x))) for x in at)
            lines.append((run.analysis.name, effect, prior, *chances))
    signs = [f"{each:+g}" if scale != "odds ratio" and each else f"{each:g}" for each in at]
    heads = [f"above {sign}".replace("-", "\N{MINUS SIGN}") for sign in signs]
    refused = any(run.status != "converged" for run in own)
    table = Table(
        name=f"explore-{kind}-{width.replace(' ', '-').replace(',', '')}",
        title=f"{HEADINGS[kind]}: probability that the effect exceeds a threshold ({unit})",
        columns=(
            Column(key="analysis", heading="Analysis"),
            Column(key="effect", heading="Effect"),
            Column(key="prior", heading="Prior"),
            *(
                replace(ABOVE_0, key=f"above {each:g}", heading=head)
                for each, head in zip(at, heads, strict=True)
            ),
        ),
        rows=tuple(lines),
        evidence=kind,
    )
    return replace(table, status="not converged") if refused else table
