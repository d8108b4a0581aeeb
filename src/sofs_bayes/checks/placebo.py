"""Authorities that were no pilots, taken for pilots: is the model right about real authorities?

Nothing happened to them, so that an interval has to hold zero as often as it says. The sets are
drawn at random from the comparators; where the real pilots' estimate stands among theirs is
randomisation inference (Fisher 1935; for differences-in-differences Conley and Taber 2011).
"""

import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.compiled_model import compile_model
from sofs_bayes.bayes.did_model import Form, form_of, model_data
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.checks.calibration import until_passed
from sofs_bayes.checks.recovery import BAND, judged
from sofs_bayes.checks.short_fits import sampled, short_gate, shortened
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.estimands.did_effects import did_effects
from sofs_bayes.matching.authorities import choose_comparators, did_cells
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import AuthorityNote, Evidence, OpenAnalysis, Pilot
from sofs_bayes.spec.keys import AFTER, POOLED, Estimand
from sofs_bayes.spec.seeds import stage_seed
from sofs_bayes.spec.terms import RISKS

if TYPE_CHECKING:
    from sofs_bayes.bayes.sampling import Compiled

Floats = npt.NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.9, 0.95)
PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
# Chains, tuning and kept draws of each attempt but the last, which is the analysis's own.
ATTEMPTS = ((2, 300, 600), (2, 500, 2000))
MIN_ESS = 400.0  # of the effect: the ends of its 95% interval are wanted
# What a stored result says of its fit and no row does.
OF_FIT = ("failures", "attempts", "seconds")
LOG_ODDS = Estimand(role=AFTER, target=POOLED, scale="log-odds")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboRow:
    """The pooled effect of one set of authorities, log-odds but for `risk`.

    Attributes
    ----------
    number
        Of the set; 0 are the real pilots.
    authorities
        Their names, separated by semicolons.
    mean, sd
        Of the posterior; `lower_50` and the like are the ends of its equal-tailed intervals.
    above_zero
        The posterior probability of an effect above zero.
    risk
        The posterior mean of the change in risk, as the analysis tells it.
    status
        `converged`, or `not converged` for a fit that counts although it did not pass its gate.
    """

    number: int
    authorities: str
    mean: float
    sd: float
    lower_95: float
    lower_90: float
    lower_80: float
    lower_50: float
    upper_50: float
    upper_80: float
    upper_90: float
    upper_95: float
    above_zero: float
    risk: float
    status: str

    def holds_zero(self, level: float) -> bool:
        """Whether the interval of a level (of `LEVELS`) holds zero."""
        at = f"{100 * level:.0f}"
        return bool(getattr(self, f"lower_{at}") <= 0.0 <= getattr(self, f"upper_{at}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboCoverage:
    """How often intervals of a level held zero where nothing happened, and how wide they were.

    `lower` and `upper` are the band that a right posterior's share is in 999 times in 1,000: of
    so many sets, drawn from so many authorities. `width` is the mean, in log-odds.
    """

    level: float
    sets: int
    coverage: float
    lower: float
    upper: float
    width: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboProbability:
    """The share of sets whose probability of an effect above zero is at most `probability`."""

    probability: float
    share: float
    mcse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """A finished placebo study.

    Attributes
    ----------
    analysis, prior, evidence
        Whose model, its effect prior, and what the counts are.
    early
        By how many years the effect is dated early, on the years before settling-in; None if the
        pilots' own years are taken.
    candidates
        How many authorities sets are drawn from.
    pilots
        The real pilots' row.
    rows
        Those of the sets.
    coverage, probabilities
        Of the sets.
    spread, sd
        The standard deviation of the sets' posterior means, and the root mean square of their
        posterior standard deviations: a posterior that is right about authorities has them alike.
    p_value
        The share of sets, the real pilots among them, whose estimate is as far from zero as that
        of the real pilots.
    seconds
        Of all fits, added up over workers.
    """

    analysis: OpenAnalysis
    prior: str
    evidence: Evidence
    early: int | None
    candidates: int
    pilots: PlaceboRow
    rows: tuple[PlaceboRow, ...]
    coverage: tuple[PlaceboCoverage, ...]
    probabilities: tuple[PlaceboProbability, ...]
    spread: float
    sd: float
    p_value: float
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether intervals hold zero as often as they say."""
        return all(row.verdict == "in" for row in self.coverage)

    @property
    def refused(self) -> int:
        """Sets whose fit did not pass its gate; they count all the same."""
        return sum(row.status != "converged" for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lottery:
    """What sets are drawn from, and how each is fitted.

    Attributes
    ----------
    setting
        Of the fits, with the effect prior.
    pilots
        The real ones of the headline: their windows are the sets'.
    candidates
        The authorities that sets are drawn from.
    """

    analysis: OpenAnalysis
    setting: Setting
    panel: Panel
    pilots: tuple[Pilot, ...]
    candidates: tuple[str, ...]

    def drawn(self, seed: int) -> tuple[str, ...]:
        """As many authorities as there are pilots, at random."""
        rng = np.random.default_rng(seed)
        return tuple(map(str, rng.choice(self.candidates, len(self.pilots), replace=False)))

    def data(self, names: Sequence[str]) -> CellData:
        """The cells of a set in the pilots' place, the pilots themselves left out."""
        kept = self.analysis.design
        out = {note.authority for note in kept.comparators.exclude}
        real = [
            AuthorityNote(authority=each.authority, why="It is one of the real pilots.")
            for each in kept.pilots
            if each.authority not in {*names, *out}
        ]
        comparators = replace(kept.comparators, exclude=(*kept.comparators.exclude, *real))
        windows = zip(names, self.pilots, strict=True)
        design = replace(
            kept,
            pilots=tuple(replace(pilot, authority=name) for name, pilot in windows),
            comparators=comparators,
        )
        choice = choose_comparators(self.panel, design, file=self.analysis.name)
        return open_cell_data(did_cells(self.panel, choice, design, include_breaks=True))


def lottery(analysis: OpenAnalysis, panel: Panel, setting: Setting) -> Lottery:
    """What placebo pilots of an analysis are drawn from: everyone that could be a comparator.

    Raises
    ------
    BadInput
        Fewer candidates than twice the pilots: sets would all be alike.
    """
    design = analysis.design
    broken = {each.authority for each in design.recording_breaks}
    pilots = tuple(
        pilot
        for pilot in design.pilots
        if design.breaks_in_headline or pilot.authority not in broken
    )
    candidates = choose_comparators(panel, design, file=analysis.name).eligible
    if len(candidates) < 2 * len(pilots):
        found = f"{counted(len(candidates), 'authority', 'authorities')} to draw {len(pilots)} from"
        raise BadInput(analysis.name, "design", found, "at least twice as many as pilots")
    return Lottery(
        analysis=analysis, setting=setting, panel=panel, pilots=pilots, candidates=candidates
    )


def one_set(
    lottery: Lottery,
    names: Sequence[str],
    seed: int,
    programs: "MutableMapping[Form, Compiled]",
) -> dict[str, Any]:
    """The fit of one set, as JSON can hold it; `row_of` reads it back.

    A fit is repeated with longer sampling until it passes its gate; the last counts in any case.

    Parameters
    ----------
    programs
        Compiled graphs by form, filled as they are needed: all sets share one.
    """
    start = time.perf_counter()
    analysis, data = lottery.analysis, lottery.data(names)
    design = blocks(data, analysis, lottery.setting)
    program, per = _compiled(lottery, data, programs), analysis.estimands.per

    def fitted(attempt: int) -> tuple[dict[str, float], tuple[str, ...]] | None:
        sampler, stage = shortened(analysis.sampler, attempt, ATTEMPTS), f"{seed} / {attempt}"
        made = sampled(program, data, design, analysis, sampler, stage=stage, seed=seed)
        if made is None:
            return None
        posterior, statistics = made
        of_new = stage_seed(seed, "new authority")
        effects = did_effects(posterior, data, design, seed=of_new, per=per)
        effect, risk = effects[LOG_ODDS], effects[replace(LOG_ODDS, scale=RISKS[per])]
        failures = short_gate({"effect": effect.to_numpy()}, statistics, min_ess=MIN_ESS)
        return _summary(effect.to_numpy()) | {"risk": float(risk.mean())}, failures

    found, fared = until_passed(fitted, len(ATTEMPTS) + 1, start=start)
    if found is None:
        raise RuntimeError("sampling broke down in every attempt")
    return found | {"authorities": list(names)} | fared


def ready(lottery: Lottery, names: Sequence[str]) -> "dict[Form, Compiled]":
    """Compiled graphs by form, with that of a set of these authorities."""
    programs: dict[Form, Compiled] = {}
    _compiled(lottery, lottery.data(names), programs)
    return programs


def _compiled(
    lottery: Lottery, data: CellData, programs: "MutableMapping[Form, Compiled]"
) -> "Compiled":
    """The compiled graph of the form of a set's data."""
    analysis, design = lottery.analysis, blocks(data, lottery.analysis, lottery.setting)
    form = form_of(data, design, analysis)
    if form not in programs:
        programs[form] = compile_model(form, model_data(data, design, analysis))
    return programs[form]


def rules() -> dict[str, Any]:
    """What beside the analysis decides the fits."""
    return {"attempts": ATTEMPTS, "ess": MIN_ESS}


def _summary(effect: Floats) -> dict[str, float]:
    found = {"mean": effect.mean(), "sd": effect.std(ddof=1), "above_zero": (effect > 0).mean()}
    for level in LEVELS:
        lower, upper = np.quantile(effect, ((1 - level) / 2, (1 + level) / 2))
        found |= {f"lower_{100 * level:.0f}": lower, f"upper_{100 * level:.0f}": upper}
    return {name: float(each) for name, each in found.items()}


def row_of(number: int, result: Mapping[str, Any]) -> PlaceboRow:
    """A stored result of `one_set` as a row."""
    left = {name: each for name, each in result.items() if name not in OF_FIT}
    return PlaceboRow(number=number, **left | {"authorities": "; ".join(left["authorities"])})


def coverage_of(rows: Sequence[PlaceboRow], candidates: int) -> tuple[PlaceboCoverage, ...]:
    """How often intervals of each level hold zero, and whether that is what they say.

    The band has two parts: chance in drawing so many sets, and that so many authorities alone
    tell how far sets of them differ (their sd is known to one part in √(2(candidates - 1))).
    """
    from scipy.stats import norm

    wide, found = float(norm.ppf((1 + BAND) / 2)), []
    for level in LEVELS:
        held = sum(row.holds_zero(level) for row in rows) / len(rows)
        z = float(norm.ppf((1 + level) / 2))
        of_authorities = 2 * z * float(norm.pdf(z)) / sqrt(2 * (candidates - 1))
        off = wide * sqrt(level * (1 - level) / len(rows) + of_authorities**2)
        at = f"{100 * level:.0f}"
        widths = [getattr(row, f"upper_{at}") - getattr(row, f"lower_{at}") for row in rows]
        told = judged(level, held, max(0.0, level - off), min(1.0, level + off))
        found.append(PlaceboCoverage(sets=len(rows), width=float(np.mean(widths)), **told))
    return tuple(found)


def probabilities_of(rows: Sequence[PlaceboRow]) -> tuple[PlaceboProbability, ...]:
    """How the sets' probabilities of an effect above zero spread: evenly, if they are right."""
    above = np.array([row.above_zero for row in rows])
    found = []
    for probability in PROBABILITIES:
        share = float((above <= probability).mean())
        error = sqrt(probability * (1 - probability) / len(rows))
        found.append(PlaceboProbability(probability=probability, share=share, mcse=error))
    return tuple(found)


def p_value_of(rows: Sequence[PlaceboRow], pilots: PlaceboRow) -> float:
    """The randomisation p-value of the real pilots' estimate, two-sided."""
    as_far = sum(abs(row.mean) >= abs(pilots.mean) for row in rows)
    return (1 + as_far) / (1 + len(rows))


def placebo_from(
    analysis: OpenAnalysis,
    every: Sequence[PlaceboRow],
    *,
    prior: str,
    evidence: Evidence,
    early: int | None,
    candidates: int,
    seconds: float,
) -> Placebo:
    """All that the rows say; the first is the real pilots'."""
    pilots, *rows = every
    return Placebo(
        analysis=analysis,
        prior=prior,
        evidence=evidence,
        early=early,
        candidates=candidates,
        pilots=pilots,
        rows=tuple(rows),
        coverage=coverage_of(rows, candidates),
        probabilities=probabilities_of(rows),
        spread=float(np.std([row.mean for row in rows], ddof=1)),
        sd=float(np.sqrt(np.mean([row.sd**2 for row in rows]))),
        p_value=p_value_of(rows, pilots),
        seconds=seconds,
    )
