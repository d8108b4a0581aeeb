"""The benchmark of the posterior from print can be run: its data, and what it counts."""

from dataclasses import replace

import pytest
from scipy import stats
from tests.benchmarks.print import WHY, cases, found_of, lines, placebo_laws, us_laws

from sofs_bayes import spec

BETA = spec.Beta(a=1.0, b=0.5, why=WHY)


def test_the_stars_of_every_case_are_those_of_its_hidden_error() -> None:
    found = list(cases())
    assert len(found) == 36
    for case in found:
        assert case.df is not None
        ratio = abs(float(case.rows["did"].rstrip("*"))) / case.hidden
        stars = sum(ratio > stats.t.isf(level / 2, case.df) for level in (0.1, 0.05, 0.01))
        assert case.rows["did"].count("*") == stars, case.name


def test_errors_between_two_stars_are_found_and_a_wrong_one_is_not() -> None:
    bracketed = [case for case in cases() if case.stars == "bracket"]
    found = [found_of(case, BETA) for case in bracketed]
    assert all(each is not None and each.inside and each.converged for each in found)
    wrong = found_of(replace(bracketed[0], hidden=3 * bracketed[0].hidden), BETA)
    assert wrong is not None
    assert not wrong.inside


def test_placebo_laws_are_the_same_every_time() -> None:
    one, other = (next(placebo_laws()) for _ in range(2))
    assert one == other
    assert one.hidden == pytest.approx(0.02, abs=0.03)


def test_laws_of_states_need_a_prior_that_lets_means_be_alike() -> None:
    laws = list(us_laws())
    assert len({case.group for case in laws}) == 4
    assert laws[0] == next(us_laws())
    few = [case for case in laws if case.group.endswith("cigarette packs a head")][:12]
    inside = {
        shape: sum(bool(found and found.inside) for found in (found_of(c, prior) for c in few))
        for shape, prior in (("even", replace(BETA, a=2.0, b=2.0)), ("near one", BETA))
    }
    assert inside["near one"] > inside["even"]


def test_a_set_is_told_by_its_stars() -> None:
    found = [found_of(case, BETA) for case in list(cases())[:6]]
    told = list(lines("six", found))
    assert told[0].startswith("| six | all | ")
    assert len(told) == 3  # all, three stars, none
