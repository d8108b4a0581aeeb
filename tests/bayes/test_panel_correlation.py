"""A prior of the correlation before and after, from a panel."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import sofs_bayes as sb
from sofs_bayes import spec
from sofs_bayes.bayes.panel_correlation import Window, correlation_prior, windows
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.records.value_panel import ValuePanel, read_values

YEARS = {"years_pre": 3, "years_post": 2}
PLACES = 150
CHILDREN = ("--correlation", "ICPC_child", "--denominator", "Started_child", "--between", "2")


def made(correlation: float, *, seed: int = 3, places: int = PLACES) -> np.ndarray:
    """(place, year) values whose means of three years and two have this correlation."""
    rng = np.random.default_rng(seed)
    lasting = np.sqrt(correlation) * rng.standard_normal((places, 1))
    passing = np.sqrt(1 - correlation) * rng.standard_normal((places, 2))
    return lasting + np.repeat(passing, [3, 2], axis=1)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(columns: dict[str, np.ndarray], years: int = 5) -> Path:
        names = list(columns)
        lines = [f"authority,year,{','.join(names)}"]
        for place in range(len(columns[names[0]])):
            for year in range(years):
                cells = (f"{columns[name][place, year]:.6f}" for name in names)
                lines.append(f"place {place},{2010 + year},{','.join(cells)}")
        path = tmp_path / "panel.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize("correlation", [0.3, 0.7])
def test_the_correlation_of_the_means_comes_out(
    write: Callable[..., Path], correlation: float
) -> None:
    prior = sb.correlation_prior("value", write({"value": made(correlation)}), **YEARS)
    mean = prior.a / (prior.a + prior.b)
    assert mean == pytest.approx(correlation, abs=0.08)
    sd = np.sqrt(mean * (1 - mean) / (prior.a + prior.b + 1))
    assert sd == pytest.approx((1 - correlation**2) / np.sqrt(PLACES - 3), rel=0.3)
    assert "Of 150 authorities, value in panel.csv, 2010 to 2014" in prior.why


def test_few_places_give_a_wide_prior(write: Callable[..., Path]) -> None:
    few, many = (
        sb.correlation_prior("value", write({"value": made(0.6, places=n)}), **YEARS)
        for n in (12, 400)
    )
    assert few.a + few.b < (many.a + many.b) / 4


def test_the_chance_of_children_is_taken_out(write: Callable[..., Path]) -> None:
    """Rates of 200 children: without the denominator's help their chance would hide the rest."""
    rng = np.random.default_rng(5)
    rate = np.clip(0.2 + 0.02 * made(0.9), 0.01, 0.99)
    children = np.full_like(rate, 200.0)
    events = rng.binomial(200, rate).astype(float)
    path = write({"events": events, "children": children, "rate": events / children})
    of_counts = sb.correlation_prior("events", path, denominator="children", **YEARS)
    as_values = sb.correlation_prior("rate", path, **YEARS)
    means = [each.a / (each.a + each.b) for each in (of_counts, as_values)]
    assert means[0] == pytest.approx(0.9, abs=0.12)
    assert means[1] < means[0] - 0.2
    on_log_odds = sb.correlation_prior(
        "events", path, denominator="children", log_odds=True, **YEARS
    )
    assert on_log_odds.a / (on_log_odds.a + on_log_odds.b) == pytest.approx(means[0], abs=0.1)


def test_english_authorities_are_bundled() -> None:
    prior = sb.correlation_prior(
        "ICPC_child", denominator="Started_child", years_pre=3, between=2, years_post=3
    )
    assert 0.4 < prior.a / (prior.a + prior.b) < 0.6  # 0.43 to 0.59 by window
    assert "140" <= prior.why.split()[1] <= "152"


def test_what_cannot_be_used_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write({"value": made(0.5)})
    with pytest.raises(BadInput, match="no column valeu"):
        sb.correlation_prior("valeu", path, **YEARS)
    with pytest.raises(BadInput, match="no window of years; allowed: 8 years in a row"):
        sb.correlation_prior("value", path, between=3, **YEARS)
    same = write({"value": np.ones((20, 5))})
    with pytest.raises(BadInput, match="that differ"):
        sb.correlation_prior("value", same, **YEARS)
    for lines, message in (
        ("a,2010,1\na,2010,2\n", "line 3: found an authority and year again"),
        ("a,201,1\n", "line 2, year: found no year"),
    ):
        bad = tmp_path / "bad.csv"
        bad.write_text(f"authority,year,value\n{lines}", encoding="utf-8")
        with pytest.raises(BadInput, match=message):
            read_values(bad, "value")


def test_a_window_without_chance_has_the_correlation_of_the_means(
    write: Callable[..., Path],
) -> None:
    values = made(0.6, places=6)
    panel = read_values(write({"value": values}), "value")
    (window,) = windows(panel, before=3, between=0, after=2)
    expected = np.corrcoef(values[:, :3].mean(axis=1), values[:, 3:].mean(axis=1))[0, 1]
    assert window.correlation == pytest.approx(expected, abs=1e-5)


def test_a_mean_of_years_has_its_share_of_their_chance() -> None:
    values, chance = made(0.6, places=40), np.tile([0.3, 0.3, 0.3, 0.2, 0.2], (40, 1))
    years = range(2010, 2015)
    panel = ValuePanel(called="made up", years=years, values=values, chance=chance)
    (window,) = windows(panel, before=3, between=0, after=2)
    covariance = np.cov(values[:, :3].mean(axis=1), values[:, 3:].mean(axis=1))
    left = np.diag(covariance) - [0.3 / 3, 0.2 / 2]
    assert window.correlation == pytest.approx(covariance[0, 1] / np.sqrt(left.prod()))


def test_the_prior_is_as_wide_as_windows_differ() -> None:
    found = tuple(
        Window(first_year=2010 + i, last_year=2015 + i, authorities=103, correlation=each)
        for i, each in enumerate((0.3, 0.7))
    )
    prior = correlation_prior(found, called="made up", before=3, between=0, after=3)
    assert stats.beta(prior.a, prior.b).mean() == pytest.approx(0.5)
    variance = (1 - 0.5**2) ** 2 / 100 + np.var([0.3, 0.7], ddof=1)
    assert stats.beta(prior.a, prior.b).var() == pytest.approx(variance, rel=0.02)


def test_windows_leave_out_authorities_with_a_gap(write: Callable[..., Path]) -> None:
    values = made(0.5)
    values[:10, 0] = np.nan
    panel = read_values(write({"value": values}), "value")
    (window,) = windows(panel, before=3, between=0, after=2)
    assert (window.authorities, window.first_year, window.last_year) == (PLACES - 10, 2010, 2014)


def test_the_command_prints_the_line_for_the_file(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write({"value": made(0.7)}, years=5)
    words = ["published", "icpc-printed", "--correlation", "value", "--panel", str(path)]
    assert main(words) == 2  # three years and three do not go into five
    assert "no window of years" in capsys.readouterr().err
    assert main([*words[:2], *CHILDREN]) == 0
    said = capsys.readouterr().out
    line = re.search(r"correlation = \{.*\}", said)
    assert line
    prior = tomllib.loads(line[0])["correlation"]
    assert spec.Beta(**prior) == sb.correlation_prior(
        "ICPC_child", denominator="Started_child", years_pre=3, between=2, years_post=3
    )
