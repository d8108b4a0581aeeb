"""The hierarchical difference-in-differences model of authority-by-year counts, in PyMC.

Counts stand in a rectangle of authorities × years; a cell that is not observed, or is left
out, has denominator 0 and adds nothing to the likelihood. So the same compiled graph serves
every refit: other priors, an authority left out, other counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.spec import Normal, OpenModel, OpenPriors

if TYPE_CHECKING:
    import pymc as pm

Floats = npt.NDArray[np.float64]

AFTER = "after settling-in"
PERSISTENT = "shock_correlation"


@dataclass(frozen=True, slots=True, kw_only=True)
class DidArrays:
    """Counts and design of a staggered difference-in-differences, pilots first.

    Attributes
    ----------
    authorities, pilots, years
        Labels; the first `len(pilots)` authorities are the pilots.
    events, denominators
        Counts, shape (authority, year); denominator 0 where nothing is observed.
    treated
        1 where a pilot is past settling-in, shape (pilot, year).
    terms
        Names of the effect terms: `after settling-in`, then years since, as "-2", "+0", "+1".
    term_design
        1 where a term applies, shape (pilot, year, term). Under `constant` that is the first
        term alone, under `by year` the others; a term that applies nowhere is not reported.
    """

    authorities: tuple[str, ...]
    pilots: tuple[str, ...]
    years: tuple[int, ...]
    events: Floats
    denominators: Floats
    treated: Floats
    terms: tuple[str, ...]
    term_design: Floats


def did_arrays(cells: xr.Dataset, *, effect: str) -> DidArrays:
    """The rectangle of counts and its design, from cells.

    Parameters
    ----------
    cells
        Over `cell`: authority, year, events, denominator, is_pilot, period, years_since, as
        `matching.authorities.did_cells` gives them.
    effect
        `constant` (one effect after settling-in) or `by year` (one per year since; the year
        before settling-in is the reference).
    """
    frame = cells.to_dataframe()
    authorities = tuple(dict.fromkeys(frame["authority"]))
    pilots = tuple(dict.fromkeys(frame.loc[frame["is_pilot"], "authority"]))
    if authorities[: len(pilots)] != pilots:
        raise ValueError("cells must name the pilots before the comparators")
    years = tuple(sorted(int(year) for year in frame["year"].unique()))
    row = {name: i for i, name in enumerate(authorities)}
    column = {year: i for i, year in enumerate(years)}
    shape = (len(authorities), len(years))
    events, denominators = np.zeros(shape), np.zeros(shape)
    treated = np.zeros((len(pilots), len(years)))
    term_of: dict[tuple[int, int], int] = {}
    for cell in frame.to_dict("records"):
        at = row[cell["authority"]], column[cell["year"]]
        events[at], denominators[at] = cell["events"], cell["denominator"]
        if cell["is_pilot"]:
            treated[at] = cell["period"] == "post"
            term_of[at] = int(cell["years_since"])
    terms, design = _terms(treated, term_of, effect)
    return DidArrays(
        authorities=authorities,
        pilots=pilots,
        years=years,
        events=events,
        denominators=denominators,
        treated=treated,
        terms=terms,
        term_design=design,
    )


def _terms(
    treated: Floats, years_since: Mapping[tuple[int, int], int], effect: str
) -> tuple[tuple[str, ...], Floats]:
    since = sorted(set(years_since.values()) - {-1})
    design = np.zeros((*treated.shape, 1 + len(since)))
    if effect == "constant":
        design[:, :, 0] = treated
    else:
        for (pilot, year), k in years_since.items():
            if k != -1:
                design[pilot, year, 1 + since.index(k)] = 1.0
    return (AFTER, *(f"{k:+d}" for k in since)), design


def without(arrays: DidArrays, authorities: Collection[str]) -> DidArrays:
    """The same rectangle with some authorities' counts left out (their denominators are 0)."""
    unknown = set(authorities) - set(arrays.authorities)
    if unknown:
        raise ValueError(f"not among the authorities: {', '.join(sorted(unknown))}")
    kept = np.array([name not in authorities for name in arrays.authorities], dtype=float)[:, None]
    return replace(arrays, events=arrays.events * kept, denominators=arrays.denominators * kept)


def used_terms(arrays: DidArrays) -> tuple[str, ...]:
    """The terms that apply somewhere."""
    applies = arrays.term_design.any(axis=(0, 1))
    return tuple(term for term, yes in zip(arrays.terms, applies, strict=True) if yes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a compiled graph is bound to: sizes, years, and which parameters there are."""

    authorities: int
    pilots: int
    years: tuple[int, ...]
    terms: int
    pilot_effects: str
    shocks: str


def structure_of(arrays: DidArrays, model: OpenModel) -> Structure:
    """The structure that counts and a model ask for."""
    return Structure(
        authorities=len(arrays.authorities),
        pilots=len(arrays.pilots),
        years=arrays.years,
        terms=len(arrays.terms),
        pilot_effects=model.pilot_effects,
        shocks=model.shocks,
    )


def model_data(
    arrays: DidArrays, *, model: OpenModel, priors: OpenPriors, effect_prior: Normal
) -> dict[str, Floats]:
    """All that may change between two fits of one compiled graph: counts, design and priors.

    Only what the model makes use of: a compiled graph refuses data it has no place for.
    Leads (terms before settling-in) have the effect prior's sd around zero.
    """
    is_lead = np.array([term.startswith("-") for term in arrays.terms])
    data = {
        "events": arrays.events,
        "denominators": arrays.denominators,
        "term_design": arrays.term_design,
        "effect_mean": np.where(is_lead, 0.0, effect_prior.mean),
        "effect_scale": np.full(len(arrays.terms), effect_prior.sd),
        "intercept_prior": np.array([priors.intercept.mean, priors.intercept.sd]),
        "year_prior": np.array([priors.year.mean, priors.year.sd]),
        "difference_prior": np.array([priors.pilot_difference.mean, priors.pilot_difference.sd]),
        "sd_scales": np.array(
            [priors.authority_sd.scale, priors.pilot_effect_sd.scale, priors.shock_sd.scale]
        ),
    }
    if model.pilot_effects == "partial":
        data["treated"] = arrays.treated
    if model.shocks != "none":
        data["start"] = _start(arrays)
    if model.shocks == "persistent":
        beta = priors.shock_correlation
        data["correlation_prior"] = np.array([beta.a, beta.b])
    return data


DATA_DIMS = {
    "events": ("authority", "year"),
    "denominators": ("authority", "year"),
    "start": ("authority", "year"),
    "treated": ("pilot", "year"),
    "term_design": ("pilot", "year", "term"),
    "effect_mean": ("term",),
    "effect_scale": ("term",),
}


def build_model(structure: Structure, data: Mapping[str, Floats]) -> "pm.Model":
    """The graph: η_jt = α + λ_t + β P_j + u_j + Σ_k δ_k D_jtk + d_j P_j post_jt + v_jt.

    Dims: authority, pilot, year, term (positions; `labelled` gives draws their names). All
    parameters are on the log-odds scale. Shocks v_j have sd `shock_sd` and, if persistent,
    correlation ρ^|t - t'| between two years.

    The cells' log-odds η are sampled centred: thousands of children fix them, and u_j and v_jt
    are what is left over. Given η the authority intercepts u_j are normal and are integrated
    out; sampled beside persistent shocks, which look much like them, they mixed badly. The
    pilots' deviations d_j, about which the data say little, are sampled non-centred.

    Parameters
    ----------
    structure
        Sizes and options.
    data
        As `model_data` gives them; all of it can be exchanged after compilation.
    """
    import pymc as pm
    import pytensor.tensor as pt

    comparators = structure.authorities - structure.pilots
    years = len(structure.years)
    sizes = {"authority": structure.authorities, "pilot": structure.pilots, "year": years}
    coords = {name: range(size) for name, size in sizes.items()} | {
        "later_year": range(years - 1),
        "term": range(structure.terms),
    }
    cells = ("authority", "year")
    with pm.Model(coords=coords) as graph:
        # data
        given = {k: pm.Data(k, array, dims=DATA_DIMS.get(k)) for k, array in data.items()}
        sd_scale = given["sd_scales"]
        # parameters
        intercept = pm.Normal("intercept", *_pair(given["intercept_prior"]))
        later = pm.Normal("year_effect", *_pair(given["year_prior"]), dims="later_year")
        difference = pm.Normal("pilot_difference", *_pair(given["difference_prior"]))
        authority_sd = pm.HalfNormal("authority_sd", sd_scale[0])
        effect = pm.Normal("effect", given["effect_mean"], given["effect_scale"], dims="term")
        change = (given["term_design"] * effect).sum(axis=-1)
        if structure.pilot_effects == "partial":
            pilot_effect_sd = pm.HalfNormal("pilot_effect_sd", sd_scale[1])
            deviation = pm.Normal("pilot_deviation", 0.0, 1.0, dims="pilot")
            change = change + (pilot_effect_sd * deviation)[:, None] * given["treated"]
        # linear predictor
        is_pilot = np.r_[np.ones(structure.pilots), np.zeros(comparators)]
        by_year = pt.concatenate([pt.zeros(1), later])
        mean = (intercept + difference * is_pilot)[:, None] + by_year[None, :]
        mean = mean + pt.concatenate([change, pt.zeros((comparators, years))])
        if structure.shocks == "none":
            own = pm.Normal("authority_intercept", 0.0, authority_sd, dims="authority")
            logit = pm.Deterministic("cell_logit", mean + own[:, None], dims=cells)
        else:
            shock_sd = pm.HalfNormal("shock_sd", sd_scale[2])
            rho: Any = np.zeros((1, 1))
            if structure.shocks == "persistent":
                beta = pm.Beta(PERSISTENT, *_pair(given["correlation_prior"]))
                rho = beta[None, None]
            moved = pm.Flat("cell_logit_from_start", dims=cells)
            logit = pm.Deterministic("cell_logit", given["start"] + moved, dims=cells)
            left = departures_from(logit - mean, shock_sd[None, None], rho, structure.years)
            pm.Potential("departures", left.log_density(authority_sd).sum())
        # likelihood, without the binomial coefficients, which no parameter touches
        likelihood = given["events"] * logit - given["denominators"] * pt.softplus(logit)
        pm.Potential("log_likelihood", likelihood.sum())
    return graph


def _pair(prior: Any) -> tuple[Any, Any]:
    return prior[0], prior[1]


def labelled(posterior: xr.Dataset, arrays: DidArrays) -> xr.Dataset:
    """Draws with the names of authorities, pilots and years, and only the terms in use."""
    names: dict[str, tuple[object, ...]] = {
        "authority": arrays.authorities,
        "pilot": arrays.pilots,
        "year": arrays.years,
        "later_year": arrays.years[1:],
        "term": arrays.terms,
    }
    named = posterior.assign_coords(
        {dim: list(labels) for dim, labels in names.items() if dim in posterior.dims}
    )
    return named.sel(term=list(used_terms(arrays)))


def _start(arrays: DidArrays) -> Floats:
    """Where the sampler starts: each cell's own log-odds, or the overall ones without counts."""
    overall = (arrays.events.sum() + 0.5) / (arrays.denominators.sum() + 1.0)
    rate = (arrays.events + overall) / (arrays.denominators + 1.0)
    start: Floats = np.log(rate / (1.0 - rate))
    return start


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Departures r = u + v of cells from their mean, whitened as if there were no u.

    With W such that W v is standard normal: |W r|², W 1 · W r and |W 1|² over years, and
    log |det W|. Tensors of PyTensor or arrays of numpy, all but the last two per authority.
    """

    square: Any
    product: Any
    ones_square: Any
    log_det: Any
    years: int

    def log_density(self, authority_sd: Any) -> Any:
        """The log density of r with u ~ Normal(0, authority_sd) integrated out."""
        pull = 1.0 + authority_sd**2 * self.ones_square
        quadratic = self.square - authority_sd**2 * self.product**2 / pull
        constant = self.years * float(np.log(2.0 * np.pi))
        return self.log_det - 0.5 * (quadratic + _log(pull) + constant)

    def intercept(self, authority_sd: Any) -> tuple[Any, Any]:
        """Mean and sd of an authority's u given its departures."""
        variance = authority_sd**2 / (1.0 + authority_sd**2 * self.ones_square)
        return variance * self.product, variance**0.5


def departures_from(r: Any, sd: Any, rho: Any, years: tuple[int, ...]) -> Departures:
    """Departures (…, authority, year) of shocks with the given sd and correlation ρ^|t - t'|.

    `sd` and `rho` broadcast against (…, authority, year). A shock given the year before is
    normal with mean ρ^gap times that one's, which whitens a year with the help of the last
    alone.
    """
    gaps = np.diff(years).astype(float)
    kept = rho**gaps
    scale = sd * (1.0 - kept**2) ** 0.5
    new, one = (r[..., 1:] - kept * r[..., :-1]) / scale, (1.0 - kept) / scale
    first, first_one = r[..., :1] / sd, 1.0 / sd
    return Departures(
        square=(first**2).sum(-1) + (new**2).sum(-1),
        product=(first * first_one).sum(-1) + (new * one).sum(-1),
        ones_square=first_one[..., 0] ** 2 + (one**2).sum(-1),
        log_det=-_log(sd[..., 0]) - _log(scale).sum(-1),
        years=len(years),
    )


def _log(x: Any) -> Any:
    """The logarithm of an array or of a tensor; numpy dispatches neither to the other."""
    if isinstance(x, float | np.ndarray | np.floating):
        return np.log(x)
    import pytensor.tensor as pt

    return pt.log(x)


def draw_intercepts(
    posterior: xr.Dataset, arrays: DidArrays, rng: np.random.Generator
) -> xr.DataArray:
    """The authorities' intercepts u_j, dims (chain, draw, authority).

    A draw from their normal distribution given the cells' log-odds, where the graph
    integrated them out.
    """
    if "authority_intercept" in posterior:
        return posterior["authority_intercept"]
    r = (posterior["cell_logit"] - _mean_without_intercept(posterior, arrays)).transpose(
        "chain", "draw", "authority", "year"
    )
    sd = posterior["shock_sd"].to_numpy()[..., None, None]
    rho = posterior[PERSISTENT].to_numpy()[..., None, None] if PERSISTENT in posterior else 0 * sd
    whitened = departures_from(r.to_numpy(), sd, rho, arrays.years)
    mean, spread = whitened.intercept(posterior["authority_sd"].to_numpy()[..., None])
    return r.isel(year=0, drop=True).copy(data=mean + spread * rng.standard_normal(mean.shape))


def draw_shocks(posterior: xr.Dataset, arrays: DidArrays, rng: np.random.Generator) -> xr.DataArray:
    """New authority-by-year shocks, one set per draw, dims (chain, draw, authority, year).

    Zero where the model has no shocks.
    """
    template = posterior["cell_logit"].transpose("chain", "draw", "authority", "year")
    if "shock_sd" not in posterior:
        return xr.zeros_like(template)
    noise = rng.standard_normal(template.shape)
    if PERSISTENT in posterior:
        rho = posterior[PERSISTENT].to_numpy()[..., None]
        for t, gap in enumerate(np.diff(arrays.years), start=1):
            kept = rho**gap
            noise[..., t] = kept * noise[..., t - 1] + np.sqrt(1 - kept**2) * noise[..., t]
    return posterior["shock_sd"] * template.copy(data=noise)


def cell_mean(posterior: xr.Dataset, arrays: DidArrays, rng: np.random.Generator) -> xr.DataArray:
    """The log-odds of every cell before its shock, dims (chain, draw, authority, year)."""
    mean = _mean_without_intercept(posterior, arrays)
    return mean + draw_intercepts(posterior, arrays, rng)


def _mean_without_intercept(posterior: xr.Dataset, arrays: DidArrays) -> xr.DataArray:
    later = posterior["year_effect"].rename(later_year="year")
    first = xr.zeros_like(later.isel(year=[0])).assign_coords(year=[arrays.years[0]])
    years = xr.concat([first, later], dim="year")
    change = pilot_change(posterior, arrays).rename(pilot="authority")
    change = change.reindex(authority=list(arrays.authorities), fill_value=0.0)
    is_pilot = xr.DataArray(
        [float(name in arrays.pilots) for name in arrays.authorities],
        dims="authority",
        coords={"authority": list(arrays.authorities)},
    )
    return posterior["intercept"] + posterior["pilot_difference"] * is_pilot + years + change


def pilot_change(posterior: xr.Dataset, arrays: DidArrays) -> xr.DataArray:
    """What the practice model changes in each pilot and year, in log-odds.

    Dims (chain, draw, pilot, year); 0 in years before settling-in under `constant`.
    """
    coords = {"pilot": list(arrays.pilots), "year": list(arrays.years), "term": list(arrays.terms)}
    design = xr.DataArray(arrays.term_design, dims=("pilot", "year", "term"), coords=coords)
    design = design.sel(term=list(used_terms(arrays)))
    change = (posterior["effect"] * design).sum("term")
    if "pilot_deviation" in posterior:
        treated = xr.DataArray(
            arrays.treated,
            dims=("pilot", "year"),
            coords={"pilot": coords["pilot"], "year": coords["year"]},
        )
        change = change + posterior["pilot_effect_sd"] * posterior["pilot_deviation"] * treated
    return change.transpose("chain", "draw", "pilot", "year")
