"""Fits beside each other: differences, weights, and what may not be compared."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from sofs_bayes.checks.loo import LooResult, compare_fits
from sofs_bayes.checks.registry.leaving_out import LooRow, LooSummary
from sofs_bayes.errors import BadInput

# Sums of the same numbers in another order.
EXACT = 1e-9


def a_loo(elpd: npt.NDArray[np.float64], **changes: object) -> LooResult:
    rows = tuple(
        LooRow(authority=f"A{i % 5}", year=2010 + i // 5, elpd=float(each), pareto_k=0.01 * i)
        for i, each in enumerate(elpd)
    )
    summary = LooSummary(
        likelihood="gaussian",
        weight=1234.5,
        points=len(rows),
        elpd=float(elpd.sum()),
        se=float(np.sqrt(len(rows)) * elpd.std()),
        p_loo=7.0,
        high_k=0,
    )
    return LooResult(summary=replace(summary, **changes), rows=rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [1.0, -3000.0])  # the second's densities are 0 as numbers
def test_differences_are_from_the_best(level: float) -> None:
    rng = np.random.default_rng(1)
    first = level + rng.standard_normal(40)
    second, third = first - 0.5 + rng.standard_normal(40), first - 4.0
    loos = {"worst": a_loo(third), "first": a_loo(first), "second": a_loo(second, p_loo=9.0)}
    rows = compare_fits(loos)
    assert [row.analysis for row in rows] == ["first", "second", "worst"]
    assert rows[0].difference == rows[0].se_difference == 0
    gap = second - first
    assert rows[1].difference == pytest.approx(gap.sum(), rel=EXACT)
    assert rows[1].se_difference == pytest.approx(np.sqrt(40) * gap.std(), rel=EXACT)
    by_authority = gap.reshape(8, 5).sum(axis=0)  # a_loo has five authorities
    assert rows[1].se_by_authority == pytest.approx(np.sqrt(5) * by_authority.std(), rel=EXACT)
    assert (rows[0].se_by_authority, rows[1].authorities) == (0.0, 5)
    assert rows[1].elpd == pytest.approx(second.sum())
    assert (rows[1].p_loo, rows[1].worst_k) == (9.0, pytest.approx(0.39))
    assert sum(row.weight for row in rows) == pytest.approx(1.0)
    assert rows[0].weight > rows[1].weight > rows[2].weight
    assert rows[2].weight == pytest.approx(0.0, abs=1e-6)


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    one, other = a_loo(rng.standard_normal(20)), a_loo(rng.standard_normal(20))
    turned = replace(other, rows=other.rows[::-1])
    assert compare_fits({"a": one, "b": other}) == compare_fits({"a": one, "b": turned})


def test_fits_that_are_alike_are_compared_without_a_warning() -> None:
    loo = a_loo(np.linspace(-1, 1, 30))
    rows = compare_fits({f"fit {i}": loo for i in range(13)})
    assert {row.difference for row in rows} == {0.0}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"likelihood": "binomial logit"}, "likelihood"),
        ({"weight": 1300.0}, "weight of children"),
    ],
)
def test_other_data_are_refused(other: dict[str, object], said: str) -> None:
    elpd = np.linspace(-1, 1, 30)
    with pytest.raises(BadInput, match=said):
        compare_fits({"a": a_loo(elpd), "b": a_loo(elpd, **other)})


def test_other_authorities_and_a_single_fit_are_refused() -> None:
    elpd = np.linspace(-1, 1, 30)
    with pytest.raises(BadInput, match="A4 in 2015"):
        compare_fits({"a": a_loo(elpd), "b": a_loo(elpd[:-1])})
    with pytest.raises(BadInput, match="two or more"):
        compare_fits({"a": a_loo(elpd)})
