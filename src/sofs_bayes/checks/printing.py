"""A coefficient and its standard error → the row that a paper would print of them."""

from dataclasses import replace

import numpy as np

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.printed_model import PrintedModel, authority_shares, se_distribution
from sofs_bayes.bayes.printed_rows import PrintedError, RowTest, value_and_half_unit
from sofs_bayes.checks.panels import Counts, Estimates
from sofs_bayes.published.facts import Printed, read_printed
from sofs_bayes.spec import PrintedDesign


def stars(coefficient: Array, se: Array | float, test: RowTest) -> Counts:
    """The number of stars: critical values that the test statistic exceeds."""
    ratio = coefficient / se
    along = np.abs(ratio) if test.direction == 0 else test.direction * ratio
    return np.asarray(np.sum(along[..., None] > np.array(test.critical), axis=-1))


def reported(
    fitted: Estimates, design: PrintedDesign, model: PrintedModel
) -> dict[str, tuple[Array, Array]]:
    """Each row's coefficients and the standard errors that the model's reading has them rest on.

    With one pilot a clustered error has nothing of the pilot's chance; one from the spread of
    the comparators is scaled up for it.
    """
    clustered, _ = se_distribution(*authority_shares(design))
    scale = (model.kappa / clustered) ** 0.5
    return {
        "pilot": (fitted.beta, scale * fitted.se_beta),
        "did": (fitted.delta, scale * fitted.se_delta),
    }


def print_row(
    value: float, se: float, like: tuple[Printed, PrintedError | None], test: RowTest
) -> tuple[Printed, PrintedError | None]:
    """A coefficient printed with the decimals of another, and its error in the same form."""
    cell, error = like
    if error is None:
        count = int(stars(np.array(value), se, test))
        return print_cell(value, count, cell), None
    return print_cell(value, 0, cell), _print_error(value, se, error, test)


def print_cell(value: float, star_count: int, like: Printed) -> Printed:
    """A number printed with the decimals of another, and with stars."""
    return read_printed(f"{value:.{like.decimals}f}" + "*" * star_count)


def _print_error(value: float, se: float, like: PrintedError, test: RowTest) -> PrintedError:
    first = like.cells[0]
    if like.kind == "se":
        return replace(like, cells=(print_cell(se, 0, first),))
    if like.kind == "p":
        p = float(test.p_value(np.array(value / se)))
        below = like.below and p < value_and_half_unit(first)[0]
        return like if below else replace(like, cells=(print_cell(p, 0, first),), below=False)
    reach = replace(test, direction=0).quantile((1 - like.level) / 2) * se
    ends = zip((value - reach, value + reach), like.cells, strict=True)
    return replace(like, cells=tuple(print_cell(end, 0, cell) for end, cell in ends))
