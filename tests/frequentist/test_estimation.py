"""Where a logistic model has no maximum, it is seen."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.frequentist.estimation import is_separated, logistic_maximum

ROWS = 400
Floats = npt.NDArray[np.float64]


@pytest.fixture
def terms() -> Floats:
    rng = np.random.default_rng(5)
    rare = (rng.random(ROWS) < 0.1).astype(float)
    return np.column_stack([np.ones(ROWS), rng.standard_normal(ROWS), rare])


def found(terms: Floats, outcome: Floats) -> Floats | None:
    solved = logistic_maximum(terms, outcome.astype(float), np.linspace(0.5, 2.0, len(outcome)))
    return None if solved is None else np.asarray(solved.params)


def test_a_maximum_has_no_gradient(terms: Floats) -> None:
    outcome = (np.random.default_rng(6).random(ROWS) < 0.3).astype(float)
    weights = np.linspace(0.5, 2.0, ROWS)
    coefficients = found(terms, outcome)
    assert coefficients is not None
    chance = 1 / (1 + np.exp(-terms @ coefficients))
    assert terms.T @ (weights * (outcome - chance)) == pytest.approx(0.0, abs=1e-9)


def test_complete_and_quasi_complete_separation_have_none(terms: Floats) -> None:
    noise = np.random.default_rng(7).random(ROWS)
    assert found(terms, terms[:, 1] > 0.2) is None
    assert found(terms, (noise < 0.3) & (terms[:, 2] == 0)) is None  # never in the rare level
    assert found(terms, np.where(terms[:, 1] > 1.5, 1, noise < 0)) is None


def test_numbers_without_end_have_none(terms: Floats) -> None:
    outcome = np.arange(ROWS) % 3 == 0
    assert found(terms * [1.0, 1e160, 1.0], outcome) is None
    assert found(terms * [1.0, 1.0, 0.0], outcome) is None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=2, max_size=12))
def test_a_dummy_is_separated_where_its_rows_agree(rows: list[tuple[int, int]]) -> None:
    values, outcome = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    among = {event for value, event in rows if value != 0}
    assert is_separated(values, outcome) is (len(among) < 2)
    assert is_separated(-values, outcome) is (len(among) < 2)


def test_a_term_of_two_signs_is_no_dummy() -> None:
    assert not is_separated(np.array([-1.0, 0.0, 2.0]), np.array([1.0, 0.0, 1.0]))
