"""Rows of the printed tables ↔ terms of regressions, and levels of covariates."""

from collections.abc import Mapping
from types import MappingProxyType

from sofs_bayes.published.facts import Fact, load_facts
from sofs_bayes.spec import Regression

R_SQUARED = "R²"

_TERMS: Mapping[str, str] = MappingProxyType(
    {
        "(Intercept)": "intercept",
        "Pilot LA": "pilot",
        "Pilot site": "pilot",
        "DiD (pilot LA * post settling-in period)": "did",
        "DiD in year t": "lag 0",
        "DiD in year t+1": "lag 1",
        "DiD in year t+2": "lag 2",
        "Quality of delivery": "quality",
        "Quality of delivery * post-settling-in period": "quality × post",
        "Embeddedness score": "embeddedness",
        "Embeddedness score * post settling-in period": "embeddedness × post",
        "Comparator LA with a similar practice model": "similar practice model",
        "Comparator LA without a similar practice model": "other practice model",
        "Comparator LA with a similar practice model * post settling-in period": (
            "similar practice model × post"
        ),
        "Comparator LA without a similar practice model * post settling-in period": (
            "other practice model × post"
        ),
        "Ofsted rating": "ofsted",
        "Pilot LA * post settling-in period * Ofsted rating": "pilot × post × ofsted",
    }
)
_YEAR = "Year dummy "

# Rows of Table 3 → covariate and level; None where the row is a mean.
LEVELS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "Gender – male": ("gender", "male"),
        "Gender – female": ("gender", "female"),
        "Gender – not recorded/unborn": ("gender", "other or unborn"),
        "Gender – missing": ("gender", "missing"),
        "Age": ("age", None),
        "Disabled": ("disabled", "yes"),
        "Academic year – secondary school": ("school_phase", "secondary"),
        "Academic year – primary school": ("school_phase", "primary"),
        "Academic year – before school age": ("school_phase", "before school"),
        "Academic year – missing": ("school_phase", "missing"),
        "Low income (measured by FSM) – no": ("low_income", "no"),
        "Low income (measured by FSM) – yes": ("low_income", "yes"),
        "Low income (measured by FSM) – below school age so no recorded": (
            "low_income",
            "below school age",
        ),
        "Low income – missing": ("low_income", "missing"),
        "Ethnicity – any other ethnic group": ("ethnic_group", "any other"),
        "Ethnicity – Asian": ("ethnic_group", "Asian"),
        "Ethnicity – Black": ("ethnic_group", "Black"),
        "Ethnicity - Chinese": ("ethnic_group", "Chinese"),
        "Ethnicity – missing": ("ethnic_group", "missing"),
        "Ethnicity – mixed": ("ethnic_group", "Mixed"),
        "Ethnicity – unclassified": ("ethnic_group", "unclassified"),
        "Ethnicity – White": ("ethnic_group", "White"),
        "Main need – not stated": ("main_need", "not stated"),
        "Main need – abuse or neglect": ("main_need", "abuse or neglect"),
        "Main need – child's disability/illness": ("main_need", "child's disability or illness"),
        "Main need – parental disability/illness": ("main_need", "parental disability or illness"),
        "Main need – family in acute stress": ("main_need", "family in acute stress"),
        "Main need – family dysfunction": ("main_need", "family dysfunction"),
        "Main need - low income": ("main_need", "low income"),
        "Main need – socially unacceptable behaviour": (
            "main_need",
            "socially unacceptable behaviour",
        ),
        "Main need – absent parenting": ("main_need", "absent parenting"),
        "Main need – cases other than children in need": (
            "main_need",
            "cases other than children in need",
        ),
    }
)


def term_of(row: str) -> str | None:
    """The regression term a printed row of Tables 5 to 7 names; None if it names none."""
    if row.startswith(_YEAR):
        return f"year {row.removeprefix(_YEAR)}"
    return _TERMS.get(row)


def printed_column(regression: Regression) -> tuple[Fact, ...]:
    """The printed coefficients of the column a regression stands for; empty if it is none."""
    return tuple(
        fact
        for fact in load_facts()
        if fact.table == regression.table
        and fact.column == regression.name
        and fact.printed.value is not None
    )


def printed_r_squared(table: int) -> Fact | None:
    """The number printed above the columns of a table, if there is one."""
    return next((f for f in load_facts() if f.table == table and f.row == R_SQUARED), None)
