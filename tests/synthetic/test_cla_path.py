"""Following equations from a start, on equations that can be checked by hand."""

from collections.abc import Mapping

import numpy as np
import pytest

from sofs_bayes.synthetic.cla_equations import Place
from sofs_bayes.synthetic.cla_fits import NoFit
from sofs_bayes.synthetic.cla_path import NotReached, follow

WANTED, TOLERANCE = np.array([3.0, 1.0]), np.array([0.01, 0.01])


def curved(vector: np.ndarray, start: Mapping[str, np.ndarray]) -> Place:
    """x² + y, and sin x + z."""
    x, y, z = vector
    return Place(
        vector=vector,
        found=np.array([x**2 + y, np.sin(x) + z]),
        by_vector=np.array([[2 * x, 1.0, 0.0], [np.cos(x), 0.0, 1.0]]),
        coefficients=dict(start),
        wished=np.zeros(0),
        wished_by_vector=np.zeros((0, len(vector))),
    )


def quiet(said: str) -> None:
    assert said


def test_the_path_ends_where_it_should() -> None:
    start = curved(np.array([0.1, 0.0, 0.0]), {})
    place = follow(curved, start, WANTED, TOLERANCE, quiet)
    assert np.abs((place.found - WANTED) / TOLERANCE).max() < 1


def test_what_cannot_be_reached_is_said() -> None:
    def bounded(vector: np.ndarray, start: Mapping[str, np.ndarray]) -> Place:
        return Place(
            vector=vector,
            found=np.tanh(vector),
            by_vector=np.diag(1 - np.tanh(vector) ** 2),
            coefficients=dict(start),
            wished=np.zeros(0),
            wished_by_vector=np.zeros((0, len(vector))),
        )

    start = bounded(np.zeros(2), {})
    with pytest.raises(NotReached, match="before the printed coefficients"):
        follow(bounded, start, np.array([2.0, 0.5]), TOLERANCE, quiet)


def test_a_step_without_a_fit_is_shortened() -> None:
    def fitted_near(vector: np.ndarray, start: Mapping[str, np.ndarray]) -> Place:
        if np.abs(vector - np.array(start["last"])).max() > 0.05:
            raise NoFit("too far")
        place = curved(vector, {})
        return Place(
            vector=vector,
            found=place.found,
            by_vector=place.by_vector,
            coefficients={"last": vector},
            wished=np.zeros(0),
            wished_by_vector=np.zeros((0, 3)),
        )

    first = np.array([0.1, 0.0, 0.0])
    place = follow(fitted_near, fitted_near(first, {"last": first}), WANTED, TOLERANCE, quiet)
    assert np.abs((place.found - WANTED) / TOLERANCE).max() < 1
