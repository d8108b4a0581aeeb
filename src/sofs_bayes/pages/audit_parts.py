"""The audit of the printed tables → a few plain sentences, and the list behind them."""

from typing import TYPE_CHECKING

from sofs_bayes.pages.page import Part
from sofs_bayes.pages.pictures import brackets
from sofs_bayes.tables import contents

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit

SHORT = (
    "The report prints coefficients and significance stars, but no standard errors. Stars say"
    " between which bounds a standard error must have been, and so how far an estimate may be off;"
    " from that and a stated prior follows the probability of each size of effect.",
)


def audit_part(audit: "Audit") -> Part:
    """How many checks found what, in three sentences."""
    wrong = sum(each.agrees is False for each in audit.findings)
    right = sum(each.agrees is True for each in audit.findings)
    left = len(audit.findings) - wrong - right
    return Part(
        heading="Are the printed tables consistent?",
        anchor="holds-together",
        evidence="published",
        paragraphs=(
            *SHORT,
            f"We made {len(audit.findings)} checks: {right} passed, {wrong} found a contradiction,"
            f" {left} could not be confirmed by anything printed. The contradictions are listed in"
            " an annex.",
        ),
    )


def audit_annex(audit: "Audit") -> Part:
    """The contradictions one by one, and every finding."""
    main, every = brackets(audit)
    return Part(
        heading="Annex: contradictions in the printed tables",
        anchor="contradictions",
        annex=True,
        evidence="published",
        bullets=tuple(each.sentence for each in audit.findings if each.agrees is False),
        figures=(main,),
        captions={main.name: "Standard errors that the printed stars allow."},
        beside=(every,),
        folded=(contents.findings_table(audit), contents.brackets_table(audit)),
    )
