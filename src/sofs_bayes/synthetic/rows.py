"""Scenario + printed counts → referrals without outcomes, and the matched rows among them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.matching.matched_file import IN_ORDER
from sofs_bayes.matching.stacking import stack
from sofs_bayes.matching.strata import match
from sofs_bayes.records.groups import Groups, Pair, Window
from sofs_bayes.records.referrals import register_referrals
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import (
    AXES,
    MISSING,
    Floats,
    printed_age,
    printed_margins,
    weighted_quota,
)
from sofs_bayes.synthetic.drafts import Draft, final_draft
from sofs_bayes.synthetic.file_columns import referrals_file
from sofs_bayes.synthetic.recurrence import child_ids, recurring_children
from sofs_bayes.synthetic.scenario import Scenario

# What does not enter the matching, or not within its limits.
SETTLED_LATER = ("child", "age", "main_need")
# Ages between which a year more or less changes neither interval nor school phase.
MOVABLE = frozenset({0, 1, 2, 3, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the solvers give outcomes to."""

    scenario: Scenario
    # Unique referrals in the order of the file: referral (from 0), child, authority, referral_date
    # and the children's covariates. Those in no matched row are among them.
    referrals: pd.DataFrame
    groups: Groups  # the matched groups
    # A row for each matched referral in each of its groups, as `matching.strata` gives them,
    # without outcome and authorities' covariates
    matched: pd.DataFrame


def build_rows(scenario: Scenario, analysis: ChildrenAnalysis) -> Rows:
    """The referrals of a scenario and the matched rows among them.

    Raises
    ------
    BadInput
        The scenario cannot meet the printed numbers.
    """
    draft = final_draft(scenario, analysis)
    referrals = named_referrals(draft)
    groups = groups_of(scenario)
    matched = matched_rows(referrals, groups, analysis)
    referrals["age"] = _ages(scenario, referrals, matched)
    weight = np.bincount(matched["referral"], matched["weight"], minlength=len(referrals))
    before = np.isin(np.arange(len(referrals)), matched.loc[matched["post"] == 0, "referral"])
    parts: dict[tuple[str, ...], Floats] = {
        ("before",): weight * before,
        ("otherwise",): np.where(before, 0.0, 1.0),
    }
    referrals["main_need"] = main_needs(scenario, referrals, parts)
    referrals["child"] = child_ids(scenario, recurring_children(scenario, referrals), 0)
    referrals = referrals.astype({"child": "str", "main_need": "str"})
    place = matched["referral"].to_numpy()
    for name in SETTLED_LATER:
        matched[name] = referrals[name].take(place).array
    return Rows(scenario=scenario, referrals=referrals, groups=groups, matched=matched)


def groups_of(scenario: Scenario) -> Groups:
    """The matched groups of a scenario, as a groups file gives them."""
    return Groups(
        windows=tuple(
            Window(pilot=each.pilot, start=each.settling_in_start, end=each.settling_in_end)
            for each in scenario.groups
        ),
        pairs=tuple(
            Pair(
                pilot=each.pilot,
                comparator=comparator,
                start=each.settling_in_start,
                end=each.settling_in_end,
            )
            for each in scenario.groups
            for comparator in each.comparators
        ),
    )


def matched_rows(
    referrals: pd.DataFrame, groups: Groups, analysis: ChildrenAnalysis
) -> pd.DataFrame:
    """The matched rows of referrals without outcomes, by the way that records take.

    Returns
    -------
    DataFrame
        As `matching.strata.match_frame`, without outcome and authorities' covariates.
    """
    records = analysis.records
    authorities = [*groups.pilots, *groups.comparators]
    unknown = pd.DataFrame(
        [(name, year) for name in authorities for year in records.years],
        columns=["authority", "year"],
    ).assign(**{each.name: each.lowest or 0.0 for each in records.authority_covariates})
    # The main need is given out when the weights are known.
    never = np.zeros(len(referrals))
    file = referrals_file(referrals.assign(main_need=MISSING), never, analysis, seed=0)
    with register_referrals(file, analysis, evidence="synthetic") as opened:
        sample = match(stack(opened, groups, unknown, analysis), analysis)
        rows = sample.connection.execute(IN_ORDER).df()
    of_authorities = [each.name for each in records.authority_covariates]
    return rows.drop(columns=["outcome", *of_authorities])


def named_referrals(draft: Draft) -> pd.DataFrame:
    """The referrals of a draft with the names of authorities, days and levels."""
    patterns, pattern, places = draft.patterns, draft.pattern, draft.referrals
    names = np.array([each.authority for each in draft.calendar])
    numbers = np.arange(len(places), dtype=np.int64)
    columns = {
        "referral": numbers,
        "child": numbers.astype(str),
        "authority": names[places["authority"]],
        "referral_date": draft.calendar[0].days[places["day"].to_numpy()],
        "age": patterns.years[pattern].astype(np.float64),
    }
    levels = {
        name: np.array(patterns.levels[name], dtype=object)[patterns.axis(name)[pattern]]
        for name in AXES[1:]
    }
    return pd.DataFrame(columns | levels)


def _ages(scenario: Scenario, referrals: pd.DataFrame, matched: pd.DataFrame) -> Floats:
    """Ages, some moved by a year until both arms' printed means before settling-in are met."""
    ages = referrals["age"].to_numpy(np.float64).copy()
    for pilot in (1, 0):
        rows = matched[(matched["pilot"] == pilot) & (matched["post"] == 0)]
        weight = rows.groupby("referral", sort=True)["weight"].sum()
        place, weights = weight.index.to_numpy(), weight.to_numpy()
        short = printed_age(scenario, pilot=pilot) * weights.sum() - ages[place] @ weights
        step = np.sign(short)
        movable = np.isin(ages[place], list(MOVABLE)) & np.isin(ages[place] + step, list(MOVABLE))
        rng = stream(scenario.seed, "ages", str(pilot))
        order = rng.permutation(np.flatnonzero(movable))
        moved = order[np.cumsum(weights[order]) <= abs(short)]
        ages[place[moved]] += step
    return ages


def main_needs(
    scenario: Scenario, referrals: pd.DataFrame, parts: Mapping[tuple[str, ...], Floats]
) -> npt.NDArray[np.object_]:
    """Main needs by quotas: each arm's printed ones, in every part.

    `parts`: name → weights of the referrals, 0 of those outside, shape (referrals,).
    """
    needs = np.full(len(referrals), "", dtype=object)
    pilot = referrals["authority"].isin(scenario.pilots).to_numpy()
    for arm in (1, 0):
        shares = printed_margins(scenario, "main_need", pilot=arm)
        for name, weight in parts.items():
            here = (pilot == arm) & (weight > 0)
            rng = stream(scenario.seed, "needs", str(arm), *name)
            needs[here] = weighted_quota(shares, weight[here], rng)
    return needs
