"""Every line of the README with a number, and every claim of the tutorial, has its check here.

A new line with a number fails until it has one; a check that finds nothing in the text fails too.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

import sofs_bayes as sb
from sofs_bayes.bayes import limits
from sofs_bayes.runs.run_folder import Run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand"
NUMBER = re.compile(rf"\d|\b(?:{WORDS})\b", re.IGNORECASE)


@cache
def of_print(name: str) -> Run:
    return sb.fit(name)


def interval(name: str, scale: str) -> tuple[float, float]:
    """The headline effect's interval from print, under the first reading of the stars."""
    run = of_print(name)
    found = (row for row in run.effects if row.is_effect and row.scale == scale)
    row = next(row for row in found if row.prior == run.prior and row.kind == "main")
    return row.lower, row.upper


# ------------------------------------------------------------------------------- the README


def pilots() -> bool:
    rows = {fact.row for fact in sb.load_facts() if fact.table == 1}
    return len([row for row in rows if re.fullmatch(r"Pilot \d", row)]) == 9


def tables() -> bool:
    return {fact.table for fact in sb.load_facts()} == set(range(1, 8))


def pythons() -> bool:
    named = re.findall(r"3\.\d+", line_with("make; both do all set-up"))
    return [f"Programming Language :: Python :: {each}" for each in named] == [
        each for each in PROJECT["classifiers"] if ":: 3." in each
    ]


def gate() -> bool:
    line = line_with("Draws pass a gate")
    said = [float(each) for each in re.findall(r"[≤≥] ([\d.]+)", line)]
    return said == [limits.MAX_RHAT, limits.MIN_ESS, limits.MIN_BFMI]


def two_commands() -> bool:
    section = re.search(r"## Two commands\n(.*?)\n## ", README, re.S)
    return section is not None and len(re.findall(r"^make ", section[1], re.M)) == 2


def quantiles_are_code() -> bool:
    post = sb.posterior(sb.load("icpc-printed"), prior="sceptical")
    low, middle, high = post.effect.quantile([0.05, 0.5, 0.95])
    return bool(low < middle < high)


def licence() -> bool:
    return PROJECT["license"] == "Apache-2.0" and "Version 2.0" in (ROOT / "LICENSE").read_text()


def government_licence() -> bool:
    return "Open Government Licence v3.0" in (ROOT / "NOTICE").read_text("utf-8")


# What a line says → what has to be so for it.
README_CLAIMS: Mapping[str, Callable[[], bool]] = {
    "Nine English authorities piloted it": pilots,
    "the numbers of the report's Tables 1–7": tables,
    "## Two commands": two_commands,
    "make; both do all set-up": pythons,
    "after either of the two above": two_commands,
    "post.effect.quantile([0.05, 0.5, 0.95])": quantiles_are_code,
    "Draws pass a gate": gate,
    "Software: [Apache-2.0]": licence,
    "Open Government Licence v3.0": government_licence,
}

# Times on the clock, in round words: benchmarks measure them, no test asserts one.
OF_TIME = ("try it, in ten minutes",)


def line_with(words: str, text: str = README) -> str:
    (line,) = (line for line in text.splitlines() if words in line)
    return line


def unchecked(text: str) -> list[str]:
    """Lines with a number for which nothing is checked."""
    lines = (line for line in text.splitlines() if NUMBER.search(line))
    known = (*README_CLAIMS, *OF_TIME)
    return [line for line in lines if not any(words in line for words in known)]


def test_every_line_of_the_readme_with_a_number_has_its_check() -> None:
    assert unchecked(README) == []
    assert all(NUMBER.search(line_with(words)) for words in OF_TIME)
    assert unchecked("Weights cut it by 45%.") and unchecked("In six pilots it fell.")


@pytest.mark.parametrize("words", README_CLAIMS)
def test_what_the_readme_says_is_so(words: str) -> None:
    assert NUMBER.search(line_with(words))
    assert README_CLAIMS[words]()


def test_the_readme_is_read_in_five_minutes() -> None:
    prose = re.sub(r"^```.*?^```", "", README, flags=re.M | re.S)
    assert len(README.splitlines()) < 150
    assert len(re.findall(r"\w+", prose)) < 5 * 230  # words a minute, read with care


def test_print_leaves_room_for_a_rise_as_for_a_fall_on_both_outcomes() -> None:
    assert "leave room for a rise as for a fall" in " ".join(README.split())
    for name, scale in (("icpc-printed", "risk"), ("cla-printed", "log-odds")):
        lower, upper = interval(name, scale)
        assert lower < 0 < upper, name


# ----------------------------------------------------------------------------- the tutorial


def test_the_tutorials_print_is_as_it_says() -> None:
    text = " ".join(TUTORIAL.split())
    assert "a coefficient of about four percentage points, and no star" in text
    cell = sb.fact(5, "DiD (pilot LA * post settling-in period)", "Linear model").printed
    assert round(100 * (cell.value or 0)) == 4 and cell.stars == 0
    assert "from a clear fall to a clear rise" in text
    lower, upper = interval("icpc-printed", "risk")
    assert lower < -0.01 and upper > 0.01
    assert "under each of four priors" in text
    assert len(sb.load("icpc-printed").effect_priors) == 4  # type: ignore[union-attr]


@pytest.mark.long
def test_the_tutorials_counts_cannot_tell() -> None:
    """Both leave room for a rise and a fall; a point more is unlikely, a point less is open."""
    text = " ".join(TUTORIAL.split())
    assert "both leave room for a rise and for a fall" in text
    assert "a rise of a point or more is unlikely; whether there was a fall" in text
    run = sb.fit("icpc-open-data", quick=True)
    assert run.status == "converged"
    found = (row for row in run.effects if row.is_effect and row.scale == "risk")
    effect = next(row for row in found if row.prior == run.prior and row.target == "pooled")
    assert effect.lower < 0 < effect.upper
    of = {
        row.statement: row.probability
        for row in run.probabilities
        if (row.prior, row.estimand, row.variant) == (effect.prior, effect.estimand, effect.variant)
    }
    assert of["above 1 pp"] < 0.1 and 0.1 < of["below -1 pp"] < 0.9
