"""Measures of recovery against cases counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sofs_bayes.checks.classical_intervals import METHODS, WILD
from sofs_bayes.checks.recovered import LEAST, assurance, detectable, owed_coverage, reliability
from sofs_bayes.checks.recovery import (
    POSTERIOR,
    Answer,
    RecoveryRow,
    Replicate,
    measures,
    recovery_rows,
    replicate_of,
)
from sofs_bayes.checks.recovery_truths import Process, Scenario

SCENARIO = Scenario(process="model", effect=0.1, heterogeneity=0.0)


def answer(estimate: float, half: float, truth: float = 0.1, above: float = 0.5) -> Answer:
    """An answer whose 50, 80 and 95% intervals reach 1, 2 and 3 times `half`."""
    reach = half * np.array([1.0, 2.0, 3.0])
    limits = np.stack([estimate - reach, estimate + reach], axis=1)
    return Answer(truth=truth, estimate=estimate, limits=limits, above_zero=above)


def replicate(own: Answer, status: str = "converged") -> Replicate:
    return Replicate(
        number=0,
        answers=dict.fromkeys((POSTERIOR, *METHODS), own),
        pilots=(own, own),
        status=status,
        failures=(),
        attempts=1,
        seconds=1.0,
    )


def test_measures_are_what_is_counted_by_hand() -> None:
    own = [answer(0.1, 0.05), answer(0.2, 0.04), answer(-0.2, 0.05), answer(0.3, 0.1)]
    found = measures([[each] for each in own], nothing=False)
    assert found["bias"] == pytest.approx(0.0)
    assert found["bias_mcse"] == pytest.approx(np.std([0, 0.1, -0.3, 0.2], ddof=1) / 2)
    squares = np.array([0.0, 0.01, 0.09, 0.04])
    assert found["rmse"] == pytest.approx(np.sqrt(0.035))
    error = np.std(squares, ddof=1) / 2
    assert found["rmse_mcse"] == pytest.approx(error / (2 * np.sqrt(0.035)))
    assert found["coverage_50"] == 0.25  # the first
    assert found["coverage_80"] == 0.5  # and the last, whose limit is the truth
    assert found["coverage_95"] == 0.75  # and the second
    assert found["mean_width"] == pytest.approx(6 * np.mean([0.05, 0.04, 0.05, 0.1]))
    assert found["significant"] == 0.5  # the second and third exclude 0
    assert found["significant_mcse"] == pytest.approx(np.sqrt(0.25 / 3))
    assert found["wrong_sign"] == 0.5
    assert found["exaggeration"] == pytest.approx(2.0)
    assert (found["without_answer"], found["unbounded"]) == (0, 0.0)


def test_a_sign_is_wrong_among_what_is_found_alone() -> None:
    own = [answer(0.3, 0.05), answer(0.2, 0.05), answer(-0.3, 0.05), answer(-0.1, 0.2)]
    found = measures([[each] for each in own], nothing=False)
    assert (found["significant"], found["wrong_sign"]) == (0.75, pytest.approx(1 / 3))


def test_a_truth_next_to_nothing_does_not_decide_how_much_too_large_estimates_are() -> None:
    truths, estimates = np.array([1e-12, 0.1, -0.2, 0.1]), np.array([0.2, 0.1, -0.3, 0.3])
    own = [answer(x, 0.02, truth=t) for x, t in zip(estimates, truths, strict=True)]
    found = measures([[each] for each in own], nothing=False)
    ratio = 0.9 / 0.4
    assert found["exaggeration"] == pytest.approx(ratio)
    off = (np.abs(estimates) - ratio * np.abs(truths)) / 0.1
    assert found["exaggeration_mcse"] == pytest.approx(np.std(off, ddof=1) / 2)
    none = measures([[answer(0.2, 0.02, truth=0.0)]] * 2, nothing=False)
    assert np.isnan(none["exaggeration"])


def test_where_nothing_happens_there_is_no_sign_to_get_wrong() -> None:
    found = measures([[answer(0.3, 0.01, truth=0.0)]] * 3, nothing=True)
    assert (found["significant"], found["wrong_sign"], found["exaggeration"]) == (1.0, None, None)
    assert found["significant_mcse"] == pytest.approx(np.sqrt(0.8 * 0.2 / 3))  # (3 + 1) / (3 + 2)


def test_no_answer_is_a_miss_and_no_end_is_not() -> None:
    none = replace(answer(0.1, 0.05), estimate=np.nan, limits=np.full((3, 2), np.nan))
    endless = replace(answer(0.1, 0.05), limits=np.tile([-np.inf, np.inf], (3, 1)))
    found = measures([[none], [endless], [answer(0.1, 0.05)]], nothing=False)
    assert found["without_answer"] == 1
    assert found["coverage_95"] == pytest.approx(2 / 3)
    assert found["unbounded"] == pytest.approx(1 / 3)
    assert found["mean_width"] == pytest.approx(0.3)
    assert found["bias"] == pytest.approx(0.0)


def test_errors_count_replicates_not_pilots() -> None:
    single = measures([[answer(x, 0.1)] for x in (0.0, 0.2, 0.1)], nothing=False)
    double = measures([[answer(x, 0.1)] * 2 for x in (0.0, 0.2, 0.1)], nothing=False)
    for name in ("bias_mcse", "rmse_mcse", "significant_mcse", "mean_width_mcse"):
        assert double[name] == pytest.approx(single[name])


def test_rows_have_every_method_and_count_refused_fits() -> None:
    rows = recovery_rows(
        SCENARIO, [replicate(answer(0.1, 0.1)), replicate(answer(0.1, 0.1), "not converged")]
    )
    assert [row.method for row in rows] == [POSTERIOR, *METHODS, POSTERIOR]
    assert [row.target for row in rows][-1] == "each pilot"
    assert [row.refused for row in rows] == [1, 0, 0, 0, 0, 1]
    assert {row.replicates for row in rows} == {2}


def test_owed_coverage_is_in_its_band_or_out() -> None:
    inside, outside = replicate(answer(0.1, 0.1)), replicate(answer(0.5, 0.01))
    good = owed_coverage([inside] * 950 + [outside] * 50)
    assert [row.verdict for row in good] == ["out", "out", "in"]  # 50 and 80% hold too often
    last = good[-1]
    assert (last.lower, last.upper) == pytest.approx(
        (stats.binom.ppf(0.0005, 1000, 0.95) / 1000, stats.binom.ppf(0.9995, 1000, 0.95) / 1000)
    )
    assert owed_coverage([inside] * 920 + [outside] * 80)[-1].verdict == "out"


def test_coverage_is_owed_by_each_levels_own_interval() -> None:
    held = [replicate(answer(0.1 + 1.5 * 0.1, 0.1))] * 20  # truths of 0.1 between 50 and 80%
    assert [row.coverage for row in owed_coverage(held)] == [0.0, 1.0, 1.0]


def test_probabilities_stand_beside_how_often_they_were_right() -> None:
    own = [answer(0.1, 0.1, truth=0.1, above=0.97)] * 3 + [answer(0.1, 0.1, truth=-0.1, above=1.0)]
    rows = reliability(list(map(replicate, own)))
    assert [row.replicates for row in rows] == [0] * 9 + [4]
    assert rows[0].above_zero is None
    assert rows[-1].mean_probability == pytest.approx(0.9775)
    assert rows[-1].above_zero == 0.75


def test_assurance_is_power_over_the_prior() -> None:
    own = [answer(0.5, 0.1), answer(-0.5, 0.1), answer(0.1, 0.1), answer(0.5, 0.1)]
    row = assurance(list(map(replicate, own)))[0]
    assert (row.method, row.assurance, row.right) == (POSTERIOR, 0.75, 0.5)


def power_row(
    effect: float, significant: float, mcse: float = 0.02, process: Process = "model"
) -> RecoveryRow:
    scenario = replace(SCENARIO, effect=effect, process=process)
    row = recovery_rows(scenario, [replicate(answer(0.1, 0.1))])[0]
    row = replace(row, replicates=10**6)
    return replace(row, significant=significant, significant_mcse=mcse, mean_truth=effect / 2)


def test_the_effect_that_is_found_is_between_those_tried() -> None:
    rows = [power_row(0.0, 0.05), power_row(0.2, 0.9, 0.01), power_row(0.1, 0.6)]
    (found,) = detectable(rows)
    low, high, wanted = stats.norm.ppf([0.6, 0.9, 0.8])
    share = (wanted - low) / (high - low)
    assert found.effect == pytest.approx(0.1 + 0.1 * share, rel=1e-4)
    assert found.risk == pytest.approx(found.effect / 2)
    errors = 0.02 / stats.norm.pdf(low), 0.01 / stats.norm.pdf(high)
    error = 0.1 * np.hypot((1 - share) * errors[0], share * errors[1]) / (high - low)
    assert found.effect_mcse == pytest.approx(error, rel=1e-3)
    assert found.risk_mcse == pytest.approx(error / 2, rel=1e-3)
    assert (found.bound, found.largest, found.power) == ("about", 0.2, 0.9)


def test_what_is_not_found_is_more_than_the_largest_tried() -> None:
    (found,) = detectable([power_row(0.0, 0.05), power_row(0.2, 0.5)])
    assert (found.bound, found.effect, found.risk, found.power) == ("more than", 0.2, 0.1, 0.5)
    assert (found.effect_mcse, found.risk_mcse) == (None, None)


def test_what_is_found_at_once_is_at_most_the_smallest_tried() -> None:
    (found,) = detectable([power_row(0.2, 0.99), power_row(0.1, 0.8)])
    assert (found.bound, found.effect, found.risk) == ("at most", 0.1, 0.05)
    assert (found.effect_mcse, found.risk_mcse) == (None, None)


def test_a_method_that_finds_what_is_not_there_has_no_power() -> None:
    (found,) = detectable([power_row(0.0, 0.11), power_row(0.1, 0.6), power_row(0.2, 0.9)])
    assert found.bound == "not to be asked"
    assert {found.effect, found.effect_mcse, found.risk, found.risk_mcse, found.power} == {None}
    (at_the_limit,) = detectable([power_row(0.0, 0.1), power_row(0.2, 0.9)])
    assert at_the_limit.bound == "about"


def test_a_drift_that_is_found_is_no_effect_that_is() -> None:
    assert detectable([power_row(x, 0.9 * x, process="broken") for x in (0.05, 1.0)]) == ()


def test_json_gives_missing_answers_and_missing_ends_back() -> None:
    given = {"estimate": 0.1, "standard_error": None, "limits": [[None, 0.2]] * 3, "p_value": 0.3}
    result = {
        "truth": {"pooled": 0.1, "Ash": 0.2},
        "posterior": {},
        "classical": {WILD: given},
        "status": "not converged",
        "failures": ["no draws"],
        "attempts": 3,
        "seconds": 1.0,
    }
    found = replicate_of(4, result)
    assert np.isnan(found.answers[POSTERIOR].estimate)
    assert np.isnan(found.answers[POSTERIOR].limits).all()
    assert found.answers[WILD].limits.tolist() == [[-np.inf, 0.2]] * 3
    assert np.isnan(found.pilots[0].limits).all()
    assert found.pilots[0].truth == 0.2


def test_too_few_replicates_owe_nothing_and_are_called_so() -> None:
    inside, outside = replicate(answer(0.1, 0.1)), replicate(answer(0.5, 0.01))
    assert {row.verdict for row in owed_coverage([outside] * (LEAST - 1))} == {"too few"}
    assert "out" in {row.verdict for row in owed_coverage([outside] * LEAST)}
    assert {row.verdict for row in owed_coverage([inside] * (LEAST - 1))} == {"too few"}
