"""Standard deviations, and authority-by-year shocks in the units of their expansion."""

from typing import Any


def folded_sd(name: str, scale: Any) -> Any:
    """A half-normal standard deviation with a sign; the positive one is in the draws by its name.

    It is sampled as a normal, folded: its logarithm would have a long tail wherever the data do
    not rule out that there is no spread at all. Whatever is multiplied by it is as probable with
    the other sign, so that nothing changes abruptly at 0.
    """
    import pymc as pm
    import pytensor.tensor as pt

    signed = scale * pm.Normal(f"{name}_moved", 0.0, 1.0)
    pm.Deterministic(name, pt.abs(signed))
    return signed


def shocks_by_year(
    years: tuple[int, ...], sd: Any, correlation: Any, moved: Any, expected: tuple[Any, Any]
) -> tuple[Any, Any]:
    """Authority-by-year shocks (authority, year), and their log prior with the log Jacobian.

    A year's shock is normal given the one before and the expansion of its cells, whose
    curvature and pull, (authority, year), are what is `expected` of it. All is smooth in the
    sd, through 0 to negative values, at which shocks have the other sign.
    """
    import pytensor.tensor as pt

    curvature, pull = expected
    columns: list[Any] = []
    log_density: Any = 0.0
    for t in range(len(years)):
        mean, spread = pt.zeros_like(moved[:, 0]), sd
        if t and correlation is not None:
            kept = correlation ** float(years[t] - years[t - 1])
            mean, spread = kept * columns[-1], sd * pt.sqrt(1.0 - kept**2)
        known = 1.0 + curvature[:, t] * spread**2
        own = spread * (pull[:, t] - curvature[:, t] * mean) / known + moved[:, t] / pt.sqrt(known)
        log_density -= 0.5 * (own**2 + pt.log(known)).sum()
        columns.append(mean + spread * own)
    return pt.stack(columns, axis=1), log_density
