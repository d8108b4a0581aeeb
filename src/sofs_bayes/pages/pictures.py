"""Runs and audit → the figures that belong to them."""

from typing import TYPE_CHECKING

from sofs_bayes.figures import Drawing, audit_brackets
from sofs_bayes.pages.hierarchical_pictures import hierarchical_drawings
from sofs_bayes.pages.posterior_pictures import (
    assumptions_changed,
    prior_to_posterior,
    threshold_curves,
    under_each_prior,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.spec.study import words_of

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit


def drawings(run: Run) -> tuple[Drawing, ...]:
    """All figures of a run.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it.

    Returns
    -------
    tuple of Drawing
        Each with `name`, `figure` (matplotlib), `alt` and the data it is drawn from.

    Examples
    --------
    >>> sb.drawings(sb.fit("icpc-printed"))[0].alt[:19]
    'Prior and posterior'
    """
    if isinstance(run.analysis, PrintedAnalysis):
        title = f"{words_of(run.analysis).name}: prior and posterior"
        return (
            *prior_to_posterior(run, title=title),
            *under_each_prior(run),
            *threshold_curves(run),
            *assumptions_changed(run),
        )
    return hierarchical_drawings(run)


def brackets(audit: "Audit") -> tuple[Drawing, Drawing]:
    """The standard errors that the stars allow: of pilot and effect rows, and of all rows.

    Parameters
    ----------
    audit
        As `audit` gives it.

    Returns
    -------
    tuple of Drawing
        Two.

    Examples
    --------
    >>> len(sb.bracket_drawings(sb.audit()))
    2
    """
    title = "Which standard errors do the printed stars allow?"
    main = [b for b in audit.brackets if b.row.startswith(("Pilot", "DiD"))]
    return (
        audit_brackets(main, title=title),
        audit_brackets(audit.brackets, title=title, name="audit-brackets-all"),
    )
