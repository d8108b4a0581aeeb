"""How far answers move if a prior, or the data, counted for a little more or less."""

from dataclasses import dataclass

from sofs_bayes.checks.registry.check import Check, Fits, Kept, Rows
from sofs_bayes.estimands.rows import OfEstimand

FINE = "no sign of a prior that matters"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerScalingRow(OfEstimand):
    """Sensitivity of an estimand to the power of some priors, and to that of the likelihood.

    `priors` are those scaled: of the `effect`, of `standard deviations` (and the shocks'
    correlation), of `authorities' covariates`, of `levels and years` (with the pilots'
    difference), of `children's covariates` (logistic), or `all` of these.
    """

    priors: str
    prior: float
    likelihood: float
    diagnosis: str

    @property
    def matters(self) -> bool:
        """Whether the estimand depends on what is scaled."""
        return self.diagnosis != FINE


def _rows(fits: Fits) -> Rows:
    from sofs_bayes.checks.power_scaling import power_scaling

    main = fits.main
    found = power_scaling(main.posterior, main.effects, fits.analysis, main.data, main.blocks)
    return {PowerScalingRow: found}


POWER_SCALING = Check(
    files=(Kept(PowerScalingRow, "power_scaling", "sensitivity to priors and data"),),
    made=_rows,
)
