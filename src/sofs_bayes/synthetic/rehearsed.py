"""A study's own declarations → simulated children of its design, with a known effect.

Covariates are drawn evenly over their levels or range and go with nothing. Outcomes are drawn
from the hierarchical model on log-odds: authorities differ and move, pilots have an effect.
"""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit

from sofs_bayes.errors import BadInput
from sofs_bayes.records.groups import Groups, Pair, Window
from sofs_bayes.spec import AuthorityCovariate, ChildrenAnalysis, Levels, Number, Rehearsal
from sofs_bayes.spec.files import checked
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import Floats, Integers
from sofs_bayes.synthetic.drawn import Places, drawn_outcomes
from sofs_bayes.synthetic.file_columns import referrals_file
from sofs_bayes.synthetic.population import Population
from sofs_bayes.synthetic.scenario import DrawnModel

AGAIN = 0.3  # of referrals, that are of a child who was referred before
SPREAD = 10.0  # of an authority's number whose range is open


def rehearsed(
    analysis: ChildrenAnalysis,
    *,
    effect: float = 0.0,
    effect_sd: float = 0.0,
    shock_sd: float | None = None,
    persistence: float = 0.5,
    times: float = 1.0,
    seed: int | None = None,
) -> Population:
    """Simulated children of the design that an analysis declares (`rehearsal`).

    `effect` and `effect_sd` are the mean of the pilots' effects and their standard deviation,
    `shock_sd` is between the years of an authority (the design's by default), all on log-odds;
    `persistence` is shocks' correlation from one year to the next, `times` how many times the
    design's referrals there are. The `seed` is the design's by default.

    Raises
    ------
    BadInput
        The analysis declares no design; a pilot without days before or after settling-in.
    """
    design = analysis.rehearsal
    if design is None:
        allowed = "a table [rehearsal] with settling_in, comparators, referrals, rate and why"
        raise BadInput(analysis.name, "rehearsal", "nothing", allowed)
    chosen = design.seed if seed is None else seed
    years = analysis.records.years
    groups = _groups(design, analysis.name, years, analysis.records.first_month)
    names = (*groups.pilots, *groups.comparators)
    frame = _referrals(analysis, names, max(round(design.referrals * times), 1), chosen)
    places = Places(
        names=names,
        pilots=groups.pilots,
        first_year=years[0],
        authority=frame["place"].to_numpy(),
        year=frame["since"].to_numpy(),
        treated=_treated(frame, groups),
    )
    drawing = {
        "scale": "log-odds",
        "intercept": float(logit(design.rate)),
        "pilot": 0.0,
        "effect": effect,
        "effect_sd": effect_sd,
        "authority_sd": design.authority_sd,
        "shock_sd": design.shock_sd if shock_sd is None else shock_sd,
        "persistence": persistence,
    }
    model = checked(DrawnModel, drawing, file=analysis.name)
    outcome, truth = drawn_outcomes(places, model, seed=chosen)
    return Population(
        name=f"{analysis.name}-rehearsed",
        analysis=analysis,
        seed=chosen,
        referrals=referrals_file(frame, outcome, analysis, seed=chosen),
        authorities=_authorities(analysis, names, chosen),
        groups=groups,
        assumptions={"rehearsal": asdict(design), "effect": effect, "effect_sd": effect_sd},
        truth=truth,
    )


def _referrals(
    analysis: ChildrenAnalysis, names: tuple[str, ...], count: int, seed: int
) -> pd.DataFrame:
    """So many referrals of each authority and year, without outcomes.

    `place` and `since` are the places of authority and year.
    """
    records, rng = analysis.records, stream(seed, "children")
    years = records.years
    authority = np.repeat(np.arange(len(names)), len(years) * count)
    year = np.tile(np.repeat(np.arange(len(years)), count), len(names))
    frame = pd.DataFrame(
        {
            "authority": np.array(names, dtype=object)[authority],
            "referral_date": _days(np.array(years)[year], records.first_month, rng),
            "child": _children(authority, rng),
        }
    ).astype({"authority": "str", "child": "str"})
    for each in records.covariates:
        frame[each.name] = _covariate(each, len(authority), rng)
    frame = frame.assign(place=authority, since=year)
    return frame.drop_duplicates(["child", "referral_date"], ignore_index=True)


def _groups(design: Rehearsal, name: str, years: tuple[int, ...], first_month: int) -> Groups:
    pilots = [f"Pilot {i}" for i, _ in enumerate(design.windows, 1)]
    comparators = [f"Comparator {i}" for i in range(1, design.comparators + 1)]
    first = date(years[0], first_month, 1)
    last = date(years[-1] + 1, first_month, 1) - timedelta(days=1)
    for start, end in design.windows:
        if not first < start <= end < last:
            allowed = f"between {first} and {last}, with days before and after"
            raise BadInput(name, "rehearsal.settling_in", f"{start} to {end}", allowed)
    windows = tuple(
        Window(pilot=pilot, start=start, end=end)
        for pilot, (start, end) in zip(pilots, design.windows, strict=True)
    )
    return Groups(
        windows=windows,
        pairs=tuple(
            Pair(pilot=each.pilot, comparator=other, start=each.start, end=each.end)
            for each in windows
            for other in comparators
        ),
    )


def _days(years: Integers, first_month: int, rng: np.random.Generator) -> pd.Series:
    """A day of each year."""
    start = pd.to_datetime(pd.Series(years).astype(str) + f"-{first_month:02}-01")
    return start + pd.to_timedelta(rng.integers(0, 365, len(years)), unit="D")


def _children(authority: Integers, rng: np.random.Generator) -> list[str]:
    """Children, of whom some come again to the same authority."""
    place = np.arange(len(authority))
    again = rng.random(len(place)) < AGAIN
    first = np.searchsorted(authority, authority)  # rows are in the order of authorities
    earlier = first + np.floor(rng.random(len(place)) * np.maximum(place - first, 1)).astype(int)
    return [f"C{number}" for number in np.where(again, earlier, place)]


def _covariate(each: Levels | Number, count: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Codes of levels as a file has them, or numbers of the range."""
    if isinstance(each, Levels):
        return rng.choice([codes[0] for codes in each.levels.values()], count)
    return rng.integers(int(np.ceil(each.lowest)), int(each.highest), count, endpoint=True)


def _treated(frame: pd.DataFrame, groups: Groups) -> npt.NDArray[np.bool_]:
    ends = {window.pilot: pd.Timestamp(window.end) for window in groups.windows}
    end = pd.to_datetime(frame["authority"].map(ends))
    return (frame["referral_date"] > end).to_numpy()


def _authorities(analysis: ChildrenAnalysis, names: tuple[str, ...], seed: int) -> pd.DataFrame:
    """The authorities' covariates by year, drawn in their ranges."""
    years, frames = analysis.records.years, []
    for name in names:
        rng = stream(seed, "authority", name)
        frame = pd.DataFrame({"authority": name, "year": years})
        for each in analysis.records.authority_covariates:
            frame[each.name] = _number(each, len(years), rng)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _number(each: AuthorityCovariate, years: int, rng: np.random.Generator) -> Floats:
    lowest = each.lowest if each.lowest is not None else (each.highest or 0.0) - SPREAD
    highest = each.highest if each.highest is not None else lowest + SPREAD
    drawn = rng.uniform(lowest, highest, 1 if each.same_every_year else years)
    return np.broadcast_to(drawn, years).round(4)
