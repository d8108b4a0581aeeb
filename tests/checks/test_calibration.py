"""One replicate: fits are repeated until one passes, and no draws there were are lost."""

import numpy as np
import pytest

from sofs_bayes.checks.calibration import DRAWS, Fitted, Problem, replicate

BELOW = np.arange(2 * DRAWS, dtype=float).reshape(2, DRAWS)


def problem(fits: list[Fitted | None]) -> Problem[None]:
    """A problem whose attempts end as listed."""
    return Problem(
        generate=lambda _: ({"effect": 1e9}, None),
        fit=lambda _, attempt, __: fits[attempt],
        attempts=len(fits),
    )


GOOD = Fitted(draws={"effect": BELOW}, failures=())
BAD = Fitted(draws={"effect": BELOW}, failures=("R-hat",))


@pytest.mark.parametrize(
    ("fits", "attempts", "failures"),
    [
        ([GOOD, BAD], 1, []),
        ([BAD, GOOD], 2, []),
        ([None, GOOD], 2, []),
        ([BAD, BAD], 2, ["R-hat"]),
        ([BAD, None], 2, ["R-hat"]),  # the draws of the first are better than none
    ],
)
def test_the_first_that_passes_or_the_last_with_draws_counts(
    fits: list[Fitted | None], attempts: int, failures: list[str]
) -> None:
    found = replicate(problem(fits), seed=1)
    assert found["ranks"] == {"effect": DRAWS}
    assert (found["attempts"], found["failures"]) == (attempts, failures)
    assert found["status"] == ("not converged" if failures else "converged")


def test_without_any_draws_there_are_no_ranks() -> None:
    found = replicate(problem([None, None]), seed=1)
    assert (found["ranks"], found["status"]) == ({}, "not converged")
    assert found["failures"] == ["no draws: sampling broke down"]


def test_a_quantity_is_what_its_fit_says_and_not_what_its_name_begins_with() -> None:
    named = Fitted(draws={"effect": BELOW}, failures=(), kinds={"effect": "spread"})
    assert replicate(problem([named]), seed=1)["kinds"] == {"effect": "spread"}
    assert replicate(problem([GOOD]), seed=1)["kinds"] == {"effect": "parameter"}
