"""What one printed table says → a run, in one call, with priors that say what they assume."""

from numbers import Real
from typing import Any, Literal

from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Beta, PrintedAnalysis, parse

CALLED = "from_print"
# Flat in the effect's standard error: sqrt(1 - c) is uniform (models/README.md, Priors).
UNKNOWN = (1.0, 0.5)
UNKNOWN_WHY = (
    "Nothing is known of the field: the effect's error may be any share, from none to all, of what"
    " unrelated means before and after would give it."
)
OF_S0 = {"pilot difference": 3.0, "effect": 2.0}  # sds of these priors, in scales of s
LOG_ODDS_SD = 0.5  # odds of most authorities within a factor of e of each other

# What is given of the printed rows, the design and the tests.
ERRORS = ("se", "p", "interval")
ROWS = tuple(f"{row}_{each}" for row in ("did", "pilot") for each in ERRORS)
PRINTED = ("source", "pilot", "did", *ROWS, "interval_level")
DESIGN = (
    *("scale", "unit", "pilots", "comparators", "years_pre", "years_post"),
    *("base_rate", "children", "child_sd"),
)
TESTS = ("df", "star_levels", "alternative")
# What priors are computed from before all that is given is checked.
COMPUTED_WITH = ("base_rate", "authority_sd", "effect_sd")

Interval = tuple[str, str]


def from_print(
    *,
    did: str,
    pilot: str | None = None,
    did_se: str | None = None,
    did_p: str | None = None,
    did_interval: Interval | None = None,
    pilot_se: str | None = None,
    pilot_p: str | None = None,
    pilot_interval: Interval | None = None,
    interval_level: float | None = None,
    pilots: int,
    comparators: int,
    years_pre: int = 1,
    years_post: int = 1,
    scale: Literal["risk", "log-odds", "units"] = "risk",
    unit: str | None = None,
    base_rate: float | None = None,
    children: int | None = None,
    child_sd: float | None = None,
    se_reading: Literal["authority", "comparators", "none", "child"] = "authority",
    star_levels: tuple[float, ...] = (0.1, 0.05, 0.01),
    alternative: Literal["two-sided", "greater", "less"] | None = None,
    df: float | None = None,
    authority_sd: float | None = None,
    correlation: Beta | tuple[float, float] | float | None = None,
    effect_sd: float | None = None,
    source: str = "a table given in the call",
    title: str = "Posterior from print",
    outcome: str = "the outcome",
    intervention: str | None = None,
) -> Run:
    """The posterior from the printed rows of one table.

    Parameters
    ----------
    did, pilot
        Effect and pilot difference as printed, with sign, decimals and stars ("-0.0184**");
        without `pilot` the effect alone.
    did_se, did_p, did_interval, pilot_se, pilot_p, pilot_interval, interval_level
        What is printed of their errors in place of stars, as text; an interval as two texts.
    pilots, comparators, years_pre, years_post
        Numbers of authorities (or states, schools, firms) and of years averaged.
    scale, unit, base_rate
        Of the coefficients: `risk` or `log-odds` with a base rate, or `units` with their name.
    children, child_sd
        How many children there are over all authorities and years; with `units` their standard
        deviation, too. Without `children` no variance is set aside for their chance.
    se_reading, star_levels, alternative, df
        What the printed errors rest on, the p-value of each star, the tests, and the degrees of
        freedom where they are from a t distribution.
    authority_sd
        Scale of the half-normal prior of the spread of authorities' means; half of the base rate
        (or of its complement) if not given, 0.5 on log-odds; needed on `units`.
    correlation
        Beta prior of the correlation of an authority's means before and after, or its two
        parameters; `correlation_prior` makes one from a panel. A number is taken as known, such as
        0 where other persons are seen before and after. Beta(1, 0.5) if not given.
    effect_sd
        Of the normal prior of the effect around 0; twice `authority_sd` if not given.
    source
        Where the numbers are printed, as Table 2 of a study; tables name it.
    title, outcome, intervention
        What tables and figures call the analysis, what it counts and what is evaluated.

    Returns
    -------
    Run
        As of `fit`; its `sensitivity` has the effect under other priors of the correlation.

    Raises
    ------
    BadInput, BadSpec
        What is given cannot be used; all faults are named.

    Examples
    --------
    >>> run = sb.from_print(
    ...     did="-0.0184", did_se="(0.0081)", pilots=4, comparators=9, base_rate=0.21
    ... )
    >>> run.status
    'converged'
    """
    given = {name: value for name, value in locals().items() if value is not None}
    for name in COMPUTED_WITH:
        if name in given and (not isinstance(given[name], Real) or isinstance(given[name], bool)):
            raise BadInput(CALLED, name, repr(given[name]), "a number")
    spread = authority_sd if authority_sd is not None else _usual_spread(scale, base_rate)
    why = "As given in the call."
    document = {
        "kind": "printed",
        "name": CALLED,
        "title": title,
        "outcome": outcome,
        "why": "One call of from_print, with priors that it chose where none was given.",
        "as_printed": {name: given[name] for name in PRINTED if name in given},
        **{name: given[name] for name in ("intervention",) if name in given},
        "design": {name: given[name] for name in DESIGN if name in given},
        "readings": [{"name": se_reading, "se_reading": se_reading, "why": why}],
        "critical_values": {"distribution": "normal" if df is None else "t", "why": why}
        | {name: given[name] for name in TESTS if name in given},
        "priors": _priors(spread, correlation, pilot=pilot is not None),
        "effect_priors": {"reference": _normal(effect_sd or OF_S0["effect"] * spread, "effects")},
        "estimands": {"statements": [{"scale": scale, "above": 0.0}]},
    }
    analysis = parse(document, file=CALLED)
    assert isinstance(analysis, PrintedAnalysis)
    return fit_printed(analysis)


def _usual_spread(scale: str, base_rate: float | None) -> float:
    """A scale of authorities' spread that allows differences of the outcome's own size."""
    if scale == "units":
        allowed = "how far authorities' means differ, in the outcome's units"
        raise BadInput(CALLED, "authority_sd", "nothing", allowed)
    if scale == "log-odds" or base_rate is None:  # a missing rate is refused with all other faults
        return LOG_ODDS_SD
    return min(base_rate, 1 - base_rate) / 2


def _priors(
    spread: float, correlation: Beta | tuple[float, float] | float | None, *, pilot: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "authority_sd": {
            "scale": spread,
            "why": "Authorities differ by about so much; three times as much is still possible.",
        },
        "correlation": _beta(correlation),
    }
    if pilot:
        sd = OF_S0["pilot difference"] * spread
        found["pilot_difference"] = _normal(sd, "differences between the arms before")
    return found


def _beta(given: Beta | tuple[float, float] | float | None) -> dict[str, Any]:
    if isinstance(given, int | float):
        return {"fixed": float(given), "why": "As given in the call."}
    if isinstance(given, Beta):
        return {"a": given.a, "b": given.b, "why": given.why}
    try:
        a, b = given or UNKNOWN
    except (TypeError, ValueError):
        allowed = "a beta, its two parameters, or a number"
        raise BadInput(CALLED, "correlation", repr(given), allowed) from None
    return {"a": a, "b": b, "why": "As given in the call." if given else UNKNOWN_WHY}


def _normal(sd: float, what: str) -> dict[str, Any]:
    why = f"Hardly informative: {what} of the spread of authorities' own means remain plausible."
    return {"mean": 0.0, "sd": sd, "why": why}
