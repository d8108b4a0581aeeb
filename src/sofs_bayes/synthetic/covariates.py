"""Table 3 and a scenario → how the children's covariates are spread, and who has which.

A *pattern* is one combination of completed age and levels. Patterns have a probability each:
the scenario's, with the printed margins put on it. Children are given patterns by quotas, not
by independent draws, which would miss the printed percentages by a point.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sofs_bayes.published.facts import fact
from sofs_bayes.spec import ChildrenAnalysis, Levels
from sofs_bayes.synthetic.scenario import Children, Scenario

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Margins = Mapping[str, Mapping[str, float]]

MISSING = "missing"
AXES = ("age", "school_phase", "low_income", "gender", "ethnic_group", "disabled")
PRINTED_AS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "gender": {
            "male": "Gender – male",
            "female": "Gender – female",
            "other or unborn": "Gender – not recorded/unborn",
            MISSING: "Gender – missing",
        },
        "disabled": {"yes": "Disabled"},
        "school_phase": {
            "before school": "Academic year – before school age",
            "primary": "Academic year – primary school",
            "secondary": "Academic year – secondary school",
            MISSING: "Academic year – missing",
        },
        "low_income": {
            "no": "Low income (measured by FSM) – no",
            "yes": "Low income (measured by FSM) – yes",
            "below school age": "Low income (measured by FSM) – below school age so no recorded",
            MISSING: "Low income – missing",
        },
        "ethnic_group": {
            "White": "Ethnicity – White",
            "Mixed": "Ethnicity – mixed",
            "Asian": "Ethnicity – Asian",
            "Black": "Ethnicity – Black",
            "Chinese": "Ethnicity - Chinese",
            "any other": "Ethnicity – any other ethnic group",
            "unclassified": "Ethnicity – unclassified",
            MISSING: "Ethnicity – missing",
        },
        "main_need": {
            "not stated": "Main need – not stated",
            "abuse or neglect": "Main need – abuse or neglect",
            "child's disability or illness": "Main need – child's disability/illness",
            "parental disability or illness": "Main need – parental disability/illness",
            "family in acute stress": "Main need – family in acute stress",
            "family dysfunction": "Main need – family dysfunction",
            "socially unacceptable behaviour": "Main need – socially unacceptable behaviour",
            "low income": "Main need - low income",
            "absent parenting": "Main need – absent parenting",
            "cases other than children in need": "Main need – cases other than children in need",
        },
    }
)
MATCHED_ON = ("gender", "disabled", "school_phase", "low_income", "ethnic_group")
RAKING_ROUNDS = 25


def column_of(scenario: Scenario, *, pilot: int) -> str:
    """The heading of an arm's column in Table 3."""
    return f"{scenario.outcome} rates - {'Pilot' if pilot else 'Comparator'} sites"


def printed_margins(scenario: Scenario, covariate: str, *, pilot: int) -> dict[str, float]:
    """The shares of a covariate's levels in one arm before settling-in; they sum to 1.

    Printed percentages, and the scenario's where Table 3 prints a dash. What is left of the
    whole by rounding is divided evenly among the printed levels, or is the only level that is
    not printed (`no` disability).
    """
    column = column_of(scenario, pilot=pilot)
    gaps = scenario.unprinted.percent.get(covariate, {})
    rows = PRINTED_AS[covariate]
    printed = {level: fact(3, row, column).printed.value for level, row in rows.items()}
    percent = gaps | {level: value for level, value in printed.items() if value is not None}
    left = 100 - sum(percent.values())
    if covariate == "disabled":
        return {level: value / 100 for level, value in (percent | {"no": left}).items()}
    share = left / sum(value is not None for value in printed.values())
    return {
        level: (percent[level] + (0 if printed[level] is None else share)) / 100 for level in rows
    }


def printed_age(scenario: Scenario, *, pilot: int) -> float:
    """The printed mean age of one arm before settling-in, in years."""
    return float(fact(3, "Age", column_of(scenario, pilot=pilot)).printed.value or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """All combinations of age and levels."""

    # Levels by axis (without age), missing last; their order is the codes'
    levels: Mapping[str, tuple[str, ...]]
    ages: Integers  # completed years
    codes: Integers  # code of each pattern on each axis of `AXES`, shape (patterns, axes)
    interval: Integers  # the pattern's interval of the coarsened age, shape (patterns,)
    coarse: Integers  # the pattern's stratum: exact levels and coarsened age, shape (patterns,)

    def axis(self, name: str) -> Integers:
        """The codes of all patterns on one axis."""
        return self.codes[:, AXES.index(name)]

    @property
    def years(self) -> Integers:
        """The age of each pattern, in completed years."""
        return self.ages[self.axis("age")]


def all_patterns(children: Children, analysis: ChildrenAnalysis) -> Patterns:
    """Every combination of completed age and levels, ages slowest."""
    levels = {}
    for name in AXES[1:]:
        covariate = analysis.records.covariate(name)
        assert isinstance(covariate, Levels)
        levels[name] = (*covariate.levels, MISSING)
    ages = children.youngest + np.arange(len(children.ages))
    sizes = (len(ages), *(len(each) for each in levels.values()))
    codes = np.stack([axis.ravel() for axis in np.indices(sizes)], axis=1).astype(np.int64)
    cuts = np.array(analysis.matching.cuts["age"])
    interval = np.searchsorted(cuts, ages[codes[:, 0]]).astype(np.int64)
    coarse = np.ravel_multi_index((interval, *codes[:, 1:].T), (len(cuts) + 1, *sizes[1:]))
    return Patterns(
        levels=MappingProxyType(levels),
        ages=ages.astype(np.int64),
        codes=codes,
        interval=interval,
        coarse=coarse.astype(np.int64),
    )


def pattern_probabilities(
    children: Children, patterns: Patterns, margins: Margins, age: float
) -> Floats:
    """The scenario's probabilities of the patterns with margins and mean age put on them.

    Iterative proportional fitting, the age by exponential tilting; shape (patterns,).
    """
    years = patterns.years.astype(np.float64)
    probability = _of_scenario(children, patterns, margins)
    for _ in range(RAKING_ROUNDS):
        for name, shares in margins.items():
            axis = patterns.axis(name)
            wanted = np.array([shares.get(level, 0.0) for level in patterns.levels[name]])
            present = np.bincount(axis, weights=probability, minlength=len(wanted))
            probability = probability * (wanted / np.where(present > 0, present, 1))[axis]
        probability = probability / probability.sum()
        mean = (probability * years).sum()
        variance = (probability * (years - mean) ** 2).sum()
        probability = probability * np.exp((age - mean) / variance * (years - mean))
        probability = probability / probability.sum()
    return probability


def _of_scenario(children: Children, patterns: Patterns, margins: Margins) -> Floats:
    """Ages, levels given age, and ethnicity independent of them."""
    years = patterns.years
    probability = np.array(children.ages)[patterns.axis("age")]
    for each in children.by_age:
        here = (years >= each.ages[0]) & (years <= each.ages[1])
        levels = patterns.levels[each.covariate]
        shares = np.array([each.shares.get(level, 0.0) for level in levels])
        probability[here] *= shares[patterns.axis(each.covariate)[here]]
    ethnic = margins["ethnic_group"]
    shares = np.array([ethnic[level] for level in patterns.levels["ethnic_group"]])
    probability = probability * shares[patterns.axis("ethnic_group")]
    return np.asarray(probability / probability.sum(), dtype=np.float64)


def own_mix(
    probability: Floats,
    patterns: Patterns,
    children: Children,
    rng: np.random.Generator,
    *,
    lean: float,
) -> Floats:
    """One authority's probabilities: the common ones with its own mix of levels and ages.

    `lean`: how far ages lean within their intervals, from -1 to 1; no stratum's share changes.
    """
    own = probability
    for name, deviation in children.mix_sd.items():
        factor = np.exp(deviation * rng.standard_normal(len(patterns.levels[name])))
        own = own * factor[patterns.axis(name)]
    leaning = own * (1 + lean * _side(children, patterns))
    before = np.bincount(patterns.coarse, weights=own)
    after = np.bincount(patterns.coarse, weights=leaning)
    own = leaning * (before / np.where(after > 0, after, 1))[patterns.coarse]
    return np.asarray(own / own.sum(), dtype=np.float64)


def _side(children: Children, patterns: Patterns) -> Floats:
    """1 in the half of an age interval that pilots lean to, -1 in the other, 0 in its middle.

    The older half in the first and third interval, the younger in the second, which leaves
    the mean age nearly as it is; only among children of the levels in `lean_among`.
    """
    side = np.zeros(len(patterns.coarse))
    for interval in range(patterns.interval.max() + 1):
        here = patterns.interval == interval
        years = patterns.years[here]
        upwards = 1 if interval % 2 == 0 else -1
        side[here] = upwards * np.sign(2 * years - (years.min() + years.max()))
    for name, level in children.lean_among.items():
        side = side * (patterns.axis(name) == patterns.levels[name].index(level))
    return side


def by_quota(probability: Floats, number: int, rng: np.random.Generator) -> Integers:
    """Patterns of `number` children: every run of patterns gets its share, within one child.

    Returns
    -------
    Pattern numbers, shape (number,), in random order.
    """
    counts = counts_by_quota(probability / probability.sum() * number, rng)
    # Where the sum of shares is a hair off 1 a child is lost or gained.
    patterns = np.resize(np.repeat(np.arange(len(probability)), counts), number)
    return rng.permutation(patterns).astype(np.int64)


def counts_by_quota(expected: Floats, rng: np.random.Generator) -> Integers:
    """Whole numbers in the place of expected ones: every run's sum is right within one."""
    edges = np.floor(np.cumsum(expected) + rng.random())
    return np.diff(edges, prepend=0.0).astype(np.int64)


def weighted_quota(
    shares: Mapping[str, float], weights: Floats, rng: np.random.Generator
) -> npt.NDArray[np.object_]:
    """Levels for rows such that their weighted shares are met within one row's weight."""
    order = rng.permutation(len(weights))
    position = np.empty(len(weights))
    cumulated = np.cumsum(weights[order])
    position[order] = (cumulated - weights[order] / 2) / cumulated[-1]
    edges = np.cumsum(list(shares.values()))
    chosen = np.searchsorted(edges / edges[-1], position, side="right")
    return np.array(list(shares), dtype=object)[np.minimum(chosen, len(shares) - 1)]
