"""What the printed tables contradict in themselves, and what their stars imply.

Every verdict and number is computed from the facts handed in, so a corrected or doctored
table gets the audit it deserves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sofs_bayes.errors import BadInput
from sofs_bayes.published.coefficients import audit_coefficients, audit_practice_models
from sofs_bayes.published.entry_to_care import audit_entry_to_care, audit_scales
from sofs_bayes.published.facts import Fact, StatedFact
from sofs_bayes.published.printed_report import Computed, Finding, printed_report
from sofs_bayes.published.rates import audit_rates
from sofs_bayes.published.samples import audit_samples
from sofs_bayes.published.stars import StarBracket, bracket_at, star_brackets
from sofs_bayes.published.timing import audit_timing

__all__ = ["Audit", "Computed", "Finding", "StarBracket", "audit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The answers to every question put to the printed report.

    Parameters
    ----------
    findings
        One per question: samples, time, Tables 5 and 6, Table 7.
    brackets
        The standard errors that the stars of every coefficient of Tables 5 to 7 allow.
    """

    findings: tuple[Finding, ...]
    brackets: tuple[StarBracket, ...]

    def finding(self, key: str) -> Finding:
        """The finding with this key; BadInput where there is none."""
        for each in self.findings:
            if each.key == key:
                return each
        known = ", ".join(each.key for each in self.findings)
        raise BadInput("audit", "key", repr(key), known)

    def bracket(self, table: int, row: str, column: str) -> StarBracket:
        """The bracket of the coefficient at a place; BadInput where there is none."""
        return bracket_at(self.brackets, table, row, column)


def audit(
    facts: Iterable[Fact] | None = None,
    stated: Mapping[str, StatedFact] | None = None,
    *,
    df: float | None = None,
) -> Audit:
    """The audit of printed facts and statements, by default the bundled ones.

    Parameters
    ----------
    facts, stated
        Cells of Tables 1 to 7, and statements by key.
    df
        Degrees of freedom of the t distribution that the stars' critical values come from;
        None for the normal.

    Returns
    -------
    Audit
        `findings`, and `finding(key)` for a single one.

    Raises
    ------
    BadInput
        A cell or statement that a question needs is absent or holds no number, a coefficient
        has more stars than its table's key, or `df` is not positive.

    Examples
    --------
    >>> sb.audit().finding("practice.weight").sentence[:17]
    'The pilots change'
    """
    if df is not None and not df > 0:
        raise BadInput("audit", "df", str(df), "a positive number, or None for the normal")
    report = printed_report(facts, stated)
    brackets = star_brackets(report, df)
    return Audit(
        findings=(
            *audit_samples(report),
            *audit_rates(report),
            *audit_timing(report),
            *audit_coefficients(report, brackets),
            *audit_practice_models(report),
            *audit_entry_to_care(report, brackets, df),
            *audit_scales(report),
        ),
        brackets=brackets,
    )
