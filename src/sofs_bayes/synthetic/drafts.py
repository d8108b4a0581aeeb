"""Referrals with days and patterns, drafted until exactly the printed numbers are matched.

What coarsened exact matching leaves out is known only once the children are there. So they are
drafted a few times over, sizes and margins corrected for what the last draft lost; then the
few matched rows too many are taken out.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import fact
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import (
    MATCHED_ON,
    Floats,
    Integers,
    Margins,
    Patterns,
    all_patterns,
    by_quota,
    column_of,
    own_mix,
    pattern_probabilities,
    printed_age,
    printed_margins,
)
from sofs_bayes.synthetic.referral_dates import (
    POST,
    PRE,
    ByArm,
    Calendar,
    calendars,
    dated_referrals,
    stacked_rows,
)
from sofs_bayes.synthetic.scenario import Scenario

Booleans = npt.NDArray[np.bool_]

# After these the margins of the matched pilots stand within .1 points of those wanted.
ROUNDS = 4
# In case an arm is still short of rows, as it is where many are left unmatched.
MOST_ROUNDS = 10
# Rows drafted for each one wanted; where it takes more, the arms hardly match at all.
MOST_DRAFTED = 2.0
# Rows made beyond those wanted, to be taken out again.
SPARE = 1.006
# Rows of an arm that its stratum keeps when spare rows are taken out.
KEPT_IN_STRATUM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Referrals with a day and a pattern each."""

    calendar: list[Calendar]
    patterns: Patterns
    referrals: pd.DataFrame  # as `dated_referrals` gives them
    pattern: Integers  # each referral's pattern, shape (referrals,)
    # Its rows in the groups, with `stratum` and `kept` (1 where the stratum has both arms)
    stacked: pd.DataFrame

    def count(self, pilot: int, post: int) -> int:
        """Matched rows of an arm in a period."""
        rows = self.stacked
        return int(((rows["pilot"] == pilot) & (rows["post"] == post) & rows["kept"]).sum())


def wanted_rows(scenario: Scenario) -> ByArm:
    """Matched rows by arm and period: printed before settling-in, assumed after it."""
    row = "Number of observations in this pre-treatment group"
    printed = {
        (pilot, PRE): fact(3, row, column_of(scenario, pilot=pilot)).printed.value or 0.0
        for pilot in (1, 0)
    }
    sizes = scenario.sizes
    return printed | {(1, POST): sizes.post_pilots, (0, POST): sizes.post_comparators}


def final_draft(scenario: Scenario, analysis: ChildrenAnalysis) -> Draft:
    """A draft that matches as many rows of either arm before and after as are wanted.

    Raises
    ------
    BadInput
        So few children are matched, or so many stand in several groups, that the wanted
        numbers cannot be met.
    """
    patterns = all_patterns(scenario.children, analysis)
    calendar = calendars(scenario, analysis)
    wanted = wanted_rows(scenario)
    margins: Margins = {name: printed_margins(scenario, name, pilot=1) for name in MATCHED_ON}
    age = printed_age(scenario, pilot=1)
    aims, aim, drafted = margins, age, {key: SPARE * rows for key, rows in wanted.items()}
    for done in range(1, MOST_ROUNDS + 1):
        probability = pattern_probabilities(scenario.children, patterns, aims, aim)
        draft = _draft(scenario, calendar, patterns, probability, drafted)
        matched = {key: draft.count(*key) for key in wanted}
        if done >= ROUNDS and all(matched[key] >= rows for key, rows in wanted.items()):
            return _without_spare(scenario, draft, wanted)
        drafted = {
            key: min(drafted[key] * SPARE * rows / max(matched[key], 1), MOST_DRAFTED * rows)
            for key, rows in wanted.items()
        }
        aims, aim = _corrected(draft, aims, aim, margins, age)
    raise _unmet(scenario, "too few rows matched")


def scaled_draft(scenario: Scenario, analysis: ChildrenAnalysis, scale: float) -> Draft:
    """A draft of about `scale` times the wanted rows, printed margins met nearly."""
    patterns = all_patterns(scenario.children, analysis)
    margins = {name: printed_margins(scenario, name, pilot=1) for name in MATCHED_ON}
    probability = pattern_probabilities(
        scenario.children, patterns, margins, printed_age(scenario, pilot=1)
    )
    drafted = {key: scale * rows for key, rows in wanted_rows(scenario).items()}
    return _draft(scenario, calendars(scenario, analysis), patterns, probability, drafted)


def _unmet(scenario: Scenario, found: str) -> BadInput:
    return BadInput(scenario.name, "sizes", found, "sizes and mixes with which the arms match")


def _draft(
    scenario: Scenario,
    calendar: list[Calendar],
    patterns: Patterns,
    probability: Floats,
    drafted: ByArm,
) -> Draft:
    children = scenario.children
    referrals = dated_referrals(scenario, calendar, drafted)
    mixes = [
        own_mix(
            probability,
            patterns,
            children,
            stream(scenario.seed, "mix", each.authority),
            lean=children.age_lean * (1 if each.pilot else -1),
        )
        for each in calendar
    ]
    pattern = np.empty(len(referrals), dtype=np.int64)
    for part, places in referrals.groupby(["authority", "segment"], sort=True).indices.items():
        authority, segment = cast(tuple[int, int], part)
        name = calendar[authority].authority
        rng = stream(scenario.seed, "patterns", name, str(segment))
        pattern[places] = by_quota(mixes[authority], len(places), rng)
    return _matched(calendar, patterns, referrals, pattern)


def _matched(
    calendar: list[Calendar], patterns: Patterns, referrals: pd.DataFrame, pattern: Integers
) -> Draft:
    stacked = stacked_rows(referrals, calendar)
    coarse = patterns.coarse[pattern[stacked["referral"]]]
    period = stacked["group"].to_numpy() * 2 + stacked["post"].to_numpy()
    keys = period * (patterns.coarse.max() + 1) + coarse
    stratum = np.unique(keys, return_inverse=True)[1]
    pilots = np.bincount(stratum, weights=stacked["pilot"])
    both = (pilots > 0) & (pilots < np.bincount(stratum))
    return Draft(
        calendar=calendar,
        patterns=patterns,
        referrals=referrals,
        pattern=pattern,
        stacked=stacked.assign(stratum=stratum, kept=both[stratum]),
    )


def _corrected(
    draft: Draft, aims: Margins, aim: float, margins: Margins, age: float
) -> tuple[Margins, float]:
    """Margins and mean age to aim at, given what the matched pilots of a draft have."""
    rows = draft.stacked
    before = rows[rows["kept"] & (rows["pilot"] == 1) & (rows["post"] == PRE)]
    pattern = draft.pattern[before["referral"]]
    corrected = {}
    for name, shares in margins.items():
        levels = draft.patterns.levels[name]
        found = np.bincount(draft.patterns.axis(name)[pattern], minlength=len(levels))
        aimed = {
            level: aims[name][level] * shares[level] * len(pattern) / max(int(count), 1)
            for level, count in zip(levels, found, strict=True)
        }
        total = sum(aimed.values())
        corrected[name] = {level: share / total for level, share in aimed.items()}
    return corrected, aim + age - float(draft.patterns.years[pattern].mean())


def _without_spare(scenario: Scenario, draft: Draft, wanted: ByArm) -> Draft:
    """The draft without the matched rows beyond those wanted.

    Rows of referrals that stand in one group, in strata that have plenty of their arm.
    """
    rows = draft.stacked.assign(chance=stream(scenario.seed, "spare").random(len(draft.stacked)))
    of_arm = rows.groupby(["stratum", "pilot"])["chance"]
    plenty = of_arm.rank() <= of_arm.transform("size") - KEPT_IN_STRATUM
    once = ~rows["referral"].duplicated(keep=False)
    stays = np.ones(len(draft.referrals), dtype=np.bool_)
    for (pilot, post), number in wanted.items():
        surplus = draft.count(pilot, post) - int(number)
        here = rows["kept"] & (rows["pilot"] == pilot) & (rows["post"] == post)
        spare = rows[here & plenty & once].sort_values("chance")["referral"]
        if surplus > len(spare):
            raise _unmet(scenario, "too many rows matched of referrals in several groups")
        out = spare.to_numpy()[:surplus]
        if (pilot, post) == (1, PRE):
            present = rows[here]["referral"].to_numpy()
            out = _in_excess(scenario, draft, present, spare.to_numpy(), surplus)
        stays[out] = False
    referrals = draft.referrals[stays].reset_index(drop=True)
    return _matched(draft.calendar, draft.patterns, referrals, draft.pattern[stays])


def _in_excess(
    scenario: Scenario, draft: Draft, present: Integers, spare: Integers, surplus: int
) -> Integers:
    """Those of the spare referrals without which the present ones come nearest to Table 3.

    One after the other, the referral whose levels are most in excess of their printed shares.
    """
    patterns, excess, of_spare = draft.patterns, {}, {}
    for name in MATCHED_ON:
        axis = patterns.axis(name)[draft.pattern]
        margin = printed_margins(scenario, name, pilot=1)
        wanted = np.array([margin.get(level, 0.0) for level in patterns.levels[name]])
        found = np.bincount(axis[present], minlength=len(wanted))
        excess[name] = found - wanted * (len(present) - surplus)
        of_spare[name] = axis[spare]
    out = np.zeros(len(spare), dtype=np.bool_)
    for _ in range(surplus):
        score = sum(excess[name][levels] for name, levels in of_spare.items())
        worst = int(np.argmax(np.where(out, -np.inf, score)))
        out[worst] = True
        for name, levels in of_spare.items():
            excess[name][levels[worst]] -= 1
    return spare[out]
