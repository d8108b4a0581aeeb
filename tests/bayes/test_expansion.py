"""The quadratic expansion of the likelihood of counts against the likelihood itself."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from sofs_bayes.bayes.expansion import CELL_VARIANCE, CHILD_VARIANCE, Counts, Expansion, expand

Floats = npt.NDArray[np.float64]

# Central differences of a function that is exact to 1e-13, with this step: errors of its square
# from the fourth derivatives, and of 1e-13 / STEP² from rounding.
STEP = 1e-3
DIFFERENCES = 1e-4
# The maximum by another optimiser.
MAXIMUM = 1e-4


def made_counts(seed: int, *, terms: int = 2, none_in: int | None = None) -> Counts:
    random = np.random.default_rng(seed)
    authority = np.array([0, 0, 1, 1, 2])
    size = 30
    n = random.uniform(1.0, 40.0, size)
    cell = np.r_[np.arange(5), random.integers(0, 5, size - 5)]
    events = n * random.uniform(0.05, 0.4, size)
    if none_in is not None:
        events[cell == none_in] = 0.0
    x = random.normal(0.0, 1.0, (size, terms))
    return Counts(cell=cell, child_terms=x, n=n, events=events, authority=authority)


def log_likelihood(point: Floats, counts: Counts) -> float:
    a, gamma = point[:5], point[5:]
    eta = a[counts.cell] + counts.child_terms @ gamma
    return float((counts.events * eta - counts.n * np.logaddexp(0.0, eta)).sum())


def expanded(point: Floats, near: Expansion) -> float:
    a, gamma = point[:5], point[5:]
    of_cells = near.curvature * (near.centre - a - near.child_means @ gamma) ** 2
    within = near.within_yy.sum() - 2 * gamma @ near.within_xy.sum(0)
    within = within + gamma @ near.within_xx.sum(0) @ gamma
    return float(-0.5 * (of_cells.sum() + within))


def place_of(counts: Counts) -> Floats:
    """Where the expansion is made: the likelihood's maximum, held back by weak priors."""
    overall = logit(counts.events.sum() / counts.n.sum())

    def slope(point: Floats) -> tuple[float, Floats]:
        a, gamma = point[:5], point[5:]
        eta = a[counts.cell] + counts.child_terms @ gamma
        left = counts.events - counts.n * expit(eta)
        value = log_likelihood(point, counts)
        value -= 0.5 * ((a - overall) ** 2).sum() / CELL_VARIANCE
        value -= 0.5 * (gamma**2).sum() / CHILD_VARIANCE
        of_a = np.bincount(counts.cell, left, 5) - (a - overall) / CELL_VARIANCE
        return -value, -np.r_[of_a, counts.child_terms.T @ left - gamma / CHILD_VARIANCE]

    start = np.r_[np.full(5, overall), np.zeros(counts.child_terms.shape[1])]
    return np.asarray(minimize(slope, start, jac=True, tol=1e-12).x)


def differences(function, point: Floats) -> tuple[Floats, Floats]:  # type: ignore[no-untyped-def]
    """Gradient and Hessian by central differences."""
    steps = STEP * np.eye(len(point))
    gradient = [(function(point + h) - function(point - h)) / (2 * STEP) for h in steps]
    hessian = [
        [
            sum(
                one * other * function(point + one * h + other * k)
                for one in (1, -1)
                for other in (1, -1)
            )
            / (4 * STEP**2)
            for k in steps
        ]
        for h in steps
    ]
    return np.array(gradient), np.array(hessian)


@pytest.mark.parametrize("terms", [0, 1, 2])
@pytest.mark.parametrize("none_in", [None, 3])
def test_value_slope_and_curvature_are_those_of_the_likelihood(
    terms: int, none_in: int | None
) -> None:
    counts = made_counts(4, terms=terms, none_in=none_in)
    near, point = expand(counts), place_of(counts)
    gradient, hessian = differences(lambda at: log_likelihood(at, counts), point)
    of_expansion, of_square = differences(lambda at: expanded(at, near), point)
    np.testing.assert_allclose(of_expansion, gradient, rtol=DIFFERENCES, atol=MAXIMUM * 100)
    np.testing.assert_allclose(of_square, hessian, rtol=DIFFERENCES, atol=DIFFERENCES * 10)
    # Near by, the two differ by a constant and by terms of the third order.
    gap = expanded(point, near) - log_likelihood(point, counts)
    away = point + 1e-2
    third = expanded(away, near) - log_likelihood(away, counts) - gap
    assert abs(third) < counts.n.sum() * (1e-2 * 4) ** 3


@pytest.mark.parametrize("none_in", [None, 3])
def test_the_numbers_are_finite_and_known_of_every_cell(none_in: int | None) -> None:
    near = expand(made_counts(4, none_in=none_in))
    assert (near.curvature > 0).all()
    for name in ("centre", "child_means", "within_xx", "within_xy", "within_yy"):
        assert np.isfinite(getattr(near, name)).all()
    for square in near.within_xx:
        assert np.linalg.eigvalsh(square).min() > -1e-10
    assert near.within_xx.shape == (3, 2, 2)


def test_a_cell_without_events_lies_below_the_others_and_is_hardly_known() -> None:
    near = expand(made_counts(4, none_in=3))
    others = np.delete(np.arange(5), 3)
    assert near.centre[3] < near.centre[others].min()
    assert near.curvature[3] < near.curvature[others].min()


def test_the_likelihood_of_many_children_is_nearly_quadratic() -> None:
    """With ten thousand times the children, within three standard errors of the maximum."""
    counts = made_counts(4)
    many = Counts(
        cell=counts.cell,
        child_terms=counts.child_terms,
        n=1e4 * counts.n,
        events=1e4 * counts.events,
        authority=counts.authority,
    )
    near, point = expand(many), place_of(many)
    random = np.random.default_rng(1)
    gaps = []
    for _ in range(5):
        away = point.copy()
        away[:5] += 3 * random.standard_normal(5) / np.sqrt(near.curvature)
        gaps.append(expanded(away, near) - log_likelihood(away, many))
    assert np.ptp(gaps) < 0.2


def test_an_expansion_elsewhere_is_noticed() -> None:
    counts = made_counts(4)
    near, point = expand(counts), place_of(counts) + 0.3
    gradient, _ = differences(lambda at: log_likelihood(at, counts), point)
    of_expansion, _ = differences(lambda at: expanded(at, near), point)
    assert np.abs(gradient - of_expansion).max() > 0.1
