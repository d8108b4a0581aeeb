"""The posterior from print beside real standard errors that it was not told.

Two sets. `print_cases.csv` has 36 difference-in-differences regressions on public data, their
coefficients rounded and starred as a paper prints them, with their standard errors (clustered on
the unit) and the correlation of units' means before and after. Placebo laws are random sets of
English authorities in the counts of the package, in years without a law: their effect is 0, and
their standard errors are computed here. So are random sets of American states in four panels
(`us_states.csv`: traffic deaths 1982 to 1988, murders 1977 to 1999, cigarettes 1963 to 1992,
unemployment 1970 to 1986, as R's AER and plm have them), whose means before and after are far
nearer to each other.

Cases share data sets (17) and are no random sample of tables: they say where the model is wrong,
not which prior is right, and no prior is chosen by them. Run it with
`python -m tests.benchmarks.print`.
"""

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sofs_bayes import spec
from sofs_bayes.bayes.distributions import interval
from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_summaries import latent_se
from sofs_bayes.checks.panels import Panels, estimate
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.from_print import UNKNOWN, UNKNOWN_WHY
from sofs_bayes.pipeline.panel_prior import correlation_prior
from sofs_bayes.records.value_panel import read_values

CASES = Path(__file__).with_name("print_cases.csv")
STATES = Path(__file__).with_name("us_states.csv")
US_LAWS = 100  # of each panel
LAWS, SEED = 300, 20221101
ARMS = ((6, 5), (4, 9), (10, 20))  # pilots and comparators of placebo laws
BEFORE, BETWEEN, AFTER = 3, 2, 3
LEVEL = 0.9
MOST = 1000  # units of an arm that an analysis takes; more would change nothing
WHY = "A rule for all cases of this benchmark, none of which it was made for."
# The whole outcome's size for rates and counts, a factor of e for logarithms: of all cases alike.
SPREAD = {"rate": 0.5, "count": 0.5}
CORRELATIONS = {
    "Beta(1, 0.5), the default": UNKNOWN,
    "Beta(2, 2)": (2.0, 2.0),
    "Beta(1, 1)": (1.0, 1.0),
    "Beta(18, 2)": (18.0, 2.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One printed result, and the standard error of its effect that is not shown."""

    name: str
    group: str
    rows: dict[str, str]
    pilots: int
    comparators: int
    years: tuple[int, int]
    spread: float
    hidden: float
    known: float | None = None
    df: float | None = None

    @property
    def stars(self) -> str:
        """What the effect's stars say of its error."""
        count = self.rows["did"].count("*")
        return "none" if count == 0 else "the most" if count == 3 else "bracket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the posterior says of a case."""

    case: Case
    inside: bool
    ratio: float
    width: float
    converged: bool


def cases() -> Iterator[Case]:
    """The regressions of the file; their stars are those of t with one df fewer than units."""
    with CASES.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            share = SPREAD.get(line["kind"])
            known = float(line["correlation"]) if line["correlation"] else None
            yield Case(
                name=line["case"],
                group=line["group"],
                rows={"pilot": line["pilot"], "did": line["did"]},
                pilots=min(int(line["pilots"]), MOST),
                comparators=min(int(line["comparators"]), MOST),
                years=(int(line["years_pre"]), int(line["years_post"])),
                spread=1.0 if share is None else share * float(line["mean"]),
                hidden=float(line["did_se"]),
                known=known,
                df=float(int(line["pilots"]) + int(line["comparators"]) - 1),
            )


def placebo_laws() -> Iterator[Case]:
    """Random sets of English authorities in years without a law, as a regression prints them."""
    panel = read_values(None, "ICPC_child", denominator="Started_child")
    rng, length = np.random.default_rng(SEED), BEFORE + BETWEEN + AFTER
    starts = [i for i, year in enumerate(panel.years) if 2012 <= year <= 2019 - length + 1]
    for number in range(LAWS):
        start = int(rng.choice(starts))
        window = panel.values[:, start : start + length]
        window = window[np.isfinite(window).all(axis=1)]
        pilots, comparators = ARMS[number % len(ARMS)]
        chosen = window[rng.choice(len(window), pilots + comparators, replace=False)]
        yield _law(number, chosen, pilots, comparators)


def us_laws() -> Iterator[Case]:
    """The same of American states: sets of them in windows without gaps, in each panel."""
    with STATES.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    length = BEFORE + BETWEEN + AFTER
    for panel in dict.fromkeys(line["panel"] for line in lines):
        own = [line for line in lines if line["panel"] == panel]
        first = min(int(line["year"]) for line in own)
        last = max(int(line["year"]) for line in own)
        values = np.full((max(int(line["state"]) for line in own), last - first + 1), np.nan)
        for line in own:
            values[int(line["state"]) - 1, int(line["year"]) - first] = float(line["value"])
        rng, years = np.random.default_rng(SEED), min(length, values.shape[1])
        for number in range(US_LAWS):
            start = int(rng.integers(values.shape[1] - years + 1))
            window = values[:, start : start + years]
            window = window[np.isfinite(window).all(axis=1)]
            pilots, comparators = ARMS[number % len(ARMS)]
            chosen = window[rng.choice(len(window), pilots + comparators, replace=False)]
            yield _law(number, chosen, pilots, comparators, group=f"US states, {panel}")


def _law(
    number: int,
    chosen: np.ndarray,
    pilots: int,
    comparators: int,
    *,
    group: str = "English authorities, placebo laws",
) -> Case:
    shares = np.repeat([1 / pilots, 1 / comparators], [pilots, comparators])
    made = Panels(
        pre=chosen[None, :, :BEFORE],
        post=chosen[None, :, -AFTER:],
        shares=shares,
        pilots=pilots,
        child_variance=np.zeros(len(chosen)),
    )
    fit = estimate(made)
    rows = {
        row: _printed(float(value[0]), float(se[0]))
        for row, value, se in (
            ("pilot", fit.beta, fit.se_beta),
            ("did", fit.delta, fit.se_delta),
        )
    }
    return Case(
        name=f"law {number}",
        group=group,
        rows=rows,
        pilots=pilots,
        comparators=comparators,
        years=(BEFORE, AFTER),
        spread=float(np.nanmean(chosen)) / 2,
        hidden=float(fit.se_delta[0]),
    )


def _printed(value: float, se: float) -> str:
    ratio = abs(value) / se
    return f"{value:.4f}" + "*" * sum(ratio > z for z in (1.645, 1.960, 2.576))


def analysis(case: Case, correlation: spec.Beta) -> spec.PrintedAnalysis:
    """A case as a file would have it, in the units of its outcome."""
    s = case.spread
    priors = {
        "authority_sd": {"scale": s, "why": WHY},
        "correlation": {"a": correlation.a, "b": correlation.b, "why": correlation.why},
        "pilot_difference": {"mean": 0.0, "sd": 3 * s, "why": WHY},
    }
    found = spec.parse(
        {
            "kind": "printed",
            "name": "benchmark",
            "title": case.name,
            "outcome": case.name,
            "why": WHY,
            "as_printed": {"source": case.name, **case.rows},
            "design": {
                "scale": "units",
                "unit": "units",
                "pilots": case.pilots,
                "comparators": case.comparators,
                "years_pre": case.years[0],
                "years_post": case.years[1],
            },
            "readings": [{"name": "clustered", "se_reading": "authority", "why": WHY}],
            "critical_values": _key(case.df),
            "priors": priors,
            "effect_priors": {"reference": {"mean": 0.0, "sd": 2 * s, "why": WHY}},
            "estimands": {"statements": [{"scale": "units", "above": 0.0}]},
        },
        file=case.name,
    )
    assert isinstance(found, spec.PrintedAnalysis)
    return found


def _key(df: float | None) -> dict[str, object]:
    if df is None:
        return {"distribution": "normal", "why": WHY}
    return {"distribution": "t", "df": df, "why": WHY}


def found_of(case: Case, correlation: spec.Beta) -> Found | None:
    """Whether the hidden error is inside, and how wide the effect is beside knowing it."""
    given = analysis(case, correlation)
    try:
        post = posterior(given, prior="reference")
    except BadInput:
        return None
    low, median, high = latent_se(post).quantile([0.05, 0.5, 0.95])
    reach = interval(post.effect, level=LEVEL, kind="eti")
    prior = given.effect_priors["reference"].sd
    told = prior * case.hidden / math.hypot(prior, case.hidden)  # sd of the effect, error known
    return Found(
        case=case,
        inside=low <= case.hidden <= high,
        ratio=median / case.hidden,
        width=(reach[1] - reach[0]) / (2 * 1.645 * told),
        converged=post.edge_mass <= MAX_EDGE_MASS,
    )


def lines(name: str, found: Iterable[Found | None]) -> Iterator[str]:
    """Coverage and widths of all, and by the effect's stars, as lines of a table."""
    all_found = list(found)
    usable = [each for each in all_found if each is not None]
    for label, keep in (
        ("all", {"none", "bracket", "the most"}),
        ("one or two stars", {"bracket"}),
        ("three stars", {"the most"}),
        ("no star", {"none"}),
    ):
        own = [each for each in usable if each.case.stars in keep]
        if not own:
            continue
        cells = (
            name,
            label,
            f"{sum(each.inside for each in own)} of {len(own)}",
            f"{np.median([each.ratio for each in own]):.2f}",
            f"{np.median([each.width for each in own]):.2f}",
            f"{sum(not each.converged for each in own)}",
        )
        yield "| " + " | ".join(cells) + " |"
    if len(usable) < len(all_found):
        yield f"| {name} | refused | {len(all_found) - len(usable)} | | | |"


def groups() -> dict[str, list[Case]]:
    """The cases and the placebo laws of authorities and of states, by group."""
    found: dict[str, list[Case]] = {}
    for case in (*cases(), *placebo_laws(), *us_laws()):
        found.setdefault(case.group, []).append(case)
    return found


def main() -> None:
    """Print a table for each prior of the correlation."""
    sets = groups()
    panel = correlation_prior(
        "ICPC_child",
        denominator="Started_child",
        years_pre=BEFORE,
        between=BETWEEN,
        years_post=AFTER,
    )
    priors = {name: spec.Beta(a=a, b=b, why=UNKNOWN_WHY) for name, (a, b) in CORRELATIONS.items()}
    priors["from the panel itself (English authorities alone)"] = panel
    for title, prior in priors.items():
        print(f"\n{title}: Beta({prior.a:g}, {prior.b:g})\n")
        print(
            "| set | the effect's row | error inside 90% | error / real | width | not converged |"
        )
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for group, own in sets.items():
            if prior is panel and not group.startswith("English"):
                continue
            print(*lines(group, (found_of(case, prior) for case in own)), sep="\n", flush=True)
    print("\nThe correlation put in, where it is known:\n")
    known = [case for own in sets.values() for case in own if case.known is not None]
    told = (found_of(case, _near(case.known or 0.5)) for case in known)
    print(*lines("cases with a known correlation", told), sep="\n")


def _near(c: float) -> spec.Beta:
    """A prior that is next to sure of a correlation."""
    size = 190 / max(c, 1 - c)
    return replace(spec.Beta(a=1.0, b=1.0, why=WHY), a=size * c, b=size * (1 - c))


if __name__ == "__main__":
    main()
