"""A regression, the same within authorities, and a posterior → why their effects differ."""

from collections.abc import Sequence
from dataclasses import dataclass

# Effects this near, in standard deviations of the hierarchical posterior, are called the same.
NEAR = 0.5
SAME = (
    "The regression, the estimate within authorities and the hierarchical posterior tell the same:"
    " what the regression finds is there within authorities too"
)
BETWEEN = (
    "The regression compares authorities with one another as well as with themselves; within"
    " authorities the effect is another, and the hierarchical posterior, which follows them over"
    " time, goes with that"
)
PRIORS = (
    "The effect is there within authorities too; the hierarchical posterior differs, as its priors"
    " draw coefficients of authorities' covariates to 0, by which the regression tells effects"
    " from other changes"
)
THREE = (
    "The regression, the estimate within authorities and the hierarchical posterior tell three"
    " things: the effect depends on authorities' covariates, of which flat coefficients, fixed"
    " effects and priors make different use"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One effect by a regression, by it within authorities, and by the posterior with its sd."""

    regression: float
    within: float
    posterior: float
    sd: float


def why_they_differ(effects: Sequence[Compared]) -> str:
    """A sentence on a column's effects: where regression, within and posterior part."""
    if not effects:
        return "No effect of this column stands beside one within authorities."
    within = max(abs(each.within - each.regression) / each.sd for each in effects)
    posterior = max(abs(each.posterior - each.regression) / each.sd for each in effects)
    apart = max(abs(each.posterior - each.within) / each.sd for each in effects)
    if max(within, posterior) <= NEAR:
        why = SAME
    elif within > NEAR and apart <= within:
        why = BETWEEN
    else:
        why = PRIORS if within <= NEAR else THREE
    return f"{why} (apart by at most {within:.1f} and {posterior:.1f} sds of the posterior)."
