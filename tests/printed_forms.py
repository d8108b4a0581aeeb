"""Made-up analyses of every form that tables print, for tests of the posterior from print."""

from typing import Any

from sofs_bayes import spec

WHY = "made up for a test"
BOTH = {"pilot": "0.0210", "did": "-0.0184**"}
KNOWN = {"pilot": "0.0210**", "did": "-0.0184"}  # likely where years do not hang together
NORMAL = {"distribution": "normal", "why": WHY}
T8 = {"distribution": "t", "df": 8.0, "why": WHY}
LESS = {"alternative": "less", "star_levels": [0.05, 0.01]}


def priors(sd: float) -> dict[str, Any]:
    return {
        "authority_sd": {"scale": sd, "why": WHY},
        "correlation": {"a": 1.0, "b": 0.5, "why": WHY},
        "pilot_difference": {"mean": 0.0, "sd": 2 * sd, "why": WHY},
    }


def document(
    rows: dict[str, Any],
    *,
    design: dict[str, Any] | None = None,
    reading: str = "authority",
    key: dict[str, Any] = NORMAL,
    sd: float = 0.06,
    known: float | None = None,
) -> dict[str, Any]:
    """A document of six pilots and nine comparators, on risks but where `design` has a unit."""
    own = {"scale": "risk", "pilots": 6, "comparators": 9, "years_pre": 3, "years_post": 2}
    units = "unit" in (design or {})
    own |= {"scale": "units"} if units else {"children": 60_000, "base_rate": 0.2}
    found = {
        "kind": "printed",
        "name": "made-up",
        "title": "Made up",
        "outcome": "re-referral",
        "why": WHY,
        "as_printed": {"source": "Table 2", **rows},
        "design": own | (design or {}),
        "readings": [{"name": "as printed", "se_reading": reading, "why": WHY}],
        "critical_values": key,
        "priors": priors(sd),
        "effect_priors": {"reference": {"mean": 0.0, "sd": sd, "why": WHY}},
        "estimands": {"statements": [{"scale": "units" if units else "risk", "above": 0.0}]},
    }
    if known is not None:
        found["priors"]["correlation"] = {"fixed": known, "why": WHY}
    if "pilot" not in rows:
        del found["priors"]["pilot_difference"]
    return found


def analysis(*args: Any, **changes: Any) -> spec.PrintedAnalysis:
    found = spec.parse(document(*args, **changes), file="made-up.toml")
    assert isinstance(found, spec.PrintedAnalysis)
    return found


UNIT = {"unit": "points"}
ERROR = {"pilot": "0.0210", "did": "-0.0184", "did_se": "0.0081"}
FORMS: dict[str, spec.PrintedAnalysis] = {
    "stars": analysis(BOTH),
    "standard errors": analysis(ERROR | {"pilot_se": "(0.0123)"}),
    "one standard error": analysis(ERROR),
    "coarse standard errors": analysis(
        {"pilot": "0.02", "did": "-0.02", "pilot_se": "0.01", "did_se": "0.01"}
    ),
    "p-values": analysis({**BOTH, "pilot_p": "0.123", "did_p": "0.034"}),
    "p-values below": analysis({**BOTH, "pilot_p": "<0.01", "did_p": "<0.05"}),
    "interval": analysis({**BOTH, "did_interval": ["-0.0343", "-0.0025"]}),
    "interval of t": analysis({**BOTH, "did_interval": ["-0.0343", "-0.0025"]}, key=T8),
    "effect alone, stars": analysis({"did": "-0.0184**"}),
    "effect alone, standard error": analysis({"did": "-0.0184", "did_se": "0.0081"}),
    "one-sided stars of one row": analysis(BOTH, key=T8 | {"did": LESS}),
    "one-sided p-value": analysis({**BOTH, "did_p": "0.034"}, key=NORMAL | {"alternative": "less"}),
    "one pilot": analysis(BOTH, design={"pilots": 1}),
    "one pilot, comparators": analysis(BOTH, design={"pilots": 1}, reading="comparators", key=T8),
    "units": analysis({"pilot": "2.10", "did": "-1.84**"}, design=UNIT, sd=3.0),
    "units, children": analysis(
        {"pilot": "2.10", "did": "-1.84**"},
        design=UNIT | {"children": 6000, "child_sd": 20.0},
        sd=3.0,
    ),
    "units, many groups": analysis(
        {"did": "-1.84", "did_se": "0.81"},
        design=UNIT | {"pilots": 100, "comparators": 200},
        sd=3.0,
    ),
    "known correlation": analysis(KNOWN, known=0.0),
}
