"""Table 7's columns on profiles: what is met, what is wished, and a start."""

from dataclasses import replace

import numpy as np

from sofs_bayes.frequentist.printed_rows import printed_r_squared
from sofs_bayes.frequentist.term import DID
from sofs_bayes.published.facts import fact, read_printed, stated
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cla_equations import Aim, MeanAim, Problem
from sofs_bayes.synthetic.cla_profiles import BARE, Profiles
from sofs_bayes.synthetic.cla_stars import Stars
from sofs_bayes.synthetic.cla_start import starting_problem
from sofs_bayes.synthetic.cla_unknowns import lay_out
from sofs_bayes.synthetic.joint_solve import Target, printed_targets
from sofs_bayes.synthetic.scenario import Scenario

LINEAR = "Linear regression - clustered"
UNCLUSTERED = "Logistic regression - not clustered"
LAGGED = "Lagged treatment - logistic regression"
CLUSTERED = "Logistic regression - clustered"
FIXED = "Authority fixed effects"
COLUMNS = (LINEAR, UNCLUSTERED, LAGGED)
# Columns whose DiD is wanted as near as can be.
WITHOUT_COVARIATES = (UNCLUSTERED + BARE, FIXED + BARE)
ARMS = ("CLA rates - Pilot sites", "CLA rates - Comparator sites")

# The linear column has hundredths, and thousandths where those are 0: its bare "0" is .000.
HALF, BARE_ZERO = 0.5, 0.0005
# Rates that the probabilities aim at, in half units above the printed incidence, and how near,
# in half units: below the edge, as Table 3's rates ask for more than the printed 2%.
INCIDENCE_ABOVE = 0.7
NEAR = 0.1


def targets(analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """The printed coefficients aimed at, by column in the order of `COLUMNS`."""
    printed = printed_targets(analysis)
    return tuple(
        replace(each, half_unit=BARE_ZERO) if each.half_unit == HALF else each
        for column in COLUMNS
        for each in printed
        if each.column == column
    )


def problem_on(
    profiles: Profiles,
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    rng: np.random.Generator,
) -> Problem:
    """The equations on profiles, from a draw of what is assumed."""
    prior = scenario.outcomes
    r_squared = printed_r_squared(7)
    assert r_squared is not None
    problem = Problem(
        profiles=profiles,
        unknowns=lay_out(scenario, analysis, profiles, rng=rng),
        targets=(*targets(analysis), within(analysis, prior.within_near)),
        wishes=wishes(scenario, analysis),
        means=_aimed_at(profiles, prior.pilots, prior.comparators),
        r_squared=Aim(value=r_squared.printed.value or 0.0, tolerance=r_squared.printed.half_unit),
        stars=printed_stars(scenario, analysis),
    )
    return starting_problem(problem, LAGGED, (prior.pilots, prior.comparators), rng=rng)


def within(analysis: ChildrenAnalysis, near: float) -> Target:
    """The printed DiD of the logistic column, wanted with authorities' fixed effects too."""
    aims = {(each.column, each.term): each for each in targets(analysis)}
    return replace(aims[UNCLUSTERED, DID], column=FIXED, half_unit=near)


def wishes(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """The same DiD without authorities' covariates, and small coefficients of these.

    That of the rating is left out, which the printed intercept asks for.
    """
    prior, near = scenario.outcomes, scenario.authorities.coefficient_sd
    rate = (prior.pilots + prior.comparators) / 2
    names = [name for name in analysis.regressions.authority_covariates if name != "ofsted"]
    bare = [replace(within(analysis, prior.bare_near), column=name) for name in WITHOUT_COVARIATES]
    small = [
        Target(column=column, term=name, value=0.0, half_unit=near * scale)
        for column in (*COLUMNS, FIXED)
        for scale in (rate if column == LINEAR else 1.0,)
        for name in names
    ]
    return (*bare, *small)


def printed_stars(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Stars, ...]:
    """The stars of all printed columns; both logistic ones are the unclustered fit."""
    found = []
    for name in (LINEAR, UNCLUSTERED, CLUSTERED, LAGGED):
        own = [each for each in printed_targets(analysis) if each.column == name]
        clusters = len(scenario.pilots) + len(scenario.comparators)
        found.append(
            Stars(
                fitted=UNCLUSTERED if name == CLUSTERED else name,
                terms=tuple(each.term for each in own),
                stars=tuple(each.stars for each in own),
                clusters=None if name == UNCLUSTERED else clusters,
            )
        )
    return tuple(found)


def means_of(profiles: Profiles, aims: tuple[Aim, Aim, Aim]) -> tuple[MeanAim, MeanAim, MeanAim]:
    """Incidence (each referral once), and weighted rates before settling-in of both arms."""
    frame, weight = profiles.frame, profiles.weight
    before, pilot = (frame["post"] == 0).to_numpy(), (frame["pilot"] == 1).to_numpy()
    return (
        MeanAim(weight=frame["referrals"].to_numpy(np.float64), aim=aims[0]),
        MeanAim(weight=weight * (before & pilot), aim=aims[1]),
        MeanAim(weight=weight * (before & ~pilot), aim=aims[2]),
    )


def printed_means() -> tuple[Aim, Aim, Aim]:
    """The incidence and Table 3's rates as printed, in probability."""
    incidence = read_printed(stated("cla.incidence").printed)
    rates = [fact(3, "Outcome", arm).printed for arm in ARMS]
    first, second, third = (
        Aim(value=(each.value or 0.0) / 100, tolerance=each.half_unit / 100)
        for each in (incidence, *rates)
    )
    return first, second, third


def _aimed_at(
    profiles: Profiles, pilots: float, comparators: float
) -> tuple[MeanAim, MeanAim, MeanAim]:
    """Where inside the printed rounding probabilities are to lie."""
    incidence = printed_means()[0]
    near = NEAR * incidence.tolerance
    first = incidence.value + INCIDENCE_ABOVE * incidence.tolerance
    return means_of(
        profiles,
        (
            Aim(value=first, tolerance=near),
            Aim(value=pilots, tolerance=near),
            Aim(value=comparators, tolerance=near),
        ),
    )
