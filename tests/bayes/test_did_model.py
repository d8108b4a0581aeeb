"""The two graphs are the model on paper: dense linear algebra over the matched rows says so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pymc as pm
import pytest
from scipy import stats
from tests.likelihood import bernoulli_logit

from sofs_bayes.bayes import did_model
from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import cell_data, without
from sofs_bayes.bayes.did_model import Form, build_model, form_of, model_data
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import HierarchicalAnalysis, Normal

# Sums over some hundreds of rows and Cholesky factors of matrices as large, on both sides.
DENSE = 1e-6
# A Jacobian by differences of a map that is linear, and a likelihood of two hundred counts.
LINEAR_MAP = 1e-8
# What a planted error has to move the density by.
NOTICED = 1e-3
FAST = "FAST_COMPILE"
POINTS = 3
FOUR_DEGREES = 4.0

Floats = npt.NDArray[np.float64]
Make = Callable[..., HierarchicalAnalysis]
Point = dict[str, Any]
# The regression's column, changes of the model, and the fit's setting.
Variant = tuple[str, dict[str, Any], dict[str, Any]]
EFFECT = Normal(mean=0.05, sd=0.2, why="made up for a test")
OF_DEPARTURE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A graph with its data, and the rows it should be about."""

    analysis: HierarchicalAnalysis
    graph: Any
    scales: Callable[[Point], dict[str, Any]]
    arrays: Mapping[str, npt.NDArray[Any]]
    form: Form
    rows: Design
    frame: pd.DataFrame
    weights: Floats
    child_terms: tuple[str, ...]


def made_case(
    rows: pd.DataFrame,
    cells: Cells,
    analysis: HierarchicalAnalysis,
    left_out: tuple[str, ...] = (),
    **setting: Any,
) -> Case:
    data = cell_data(cells, analysis)
    table = design(rows, analysis.children, analysis.regression)
    weights = table.weights * data.curvature.sum() / table.weights.sum()
    if analysis.model.likelihood != "gaussian":
        assert data.patterns is not None
        weights = table.weights * data.patterns.n.sum() / table.weights.sum()
    data = without(data, left_out)
    found = blocks(data, analysis, Setting(effect_prior=EFFECT, **setting))
    form, arrays = form_of(data, found, analysis), model_data(data, found, analysis)
    graph = build_model(form, arrays)
    return Case(
        analysis=analysis,
        graph=graph,
        scales=evaluated(graph, SCALES),
        arrays=arrays,
        form=form,
        rows=table,
        frame=rows.reset_index(drop=True),
        weights=weights * ~rows["authority"].isin(left_out).to_numpy(),
        child_terms=data.child_terms,
    )


def random_points(case: Case, seed: int = 11) -> list[Point]:
    """Values of the graph's free variables, unconstrained."""
    random = np.random.default_rng(seed)
    start = case.graph.initial_point()
    points = []
    for _ in range(POINTS):
        point: Point = {}
        for name, value in start.items():
            # The residual sd is in units of its error, an exponential sd in logarithms.
            reach = 20.0 if name == "residual_moved" else 0.5
            centre = -2.0 if name.endswith("_sd_log__") else 0.0
            point[name] = centre + reach * random.standard_normal(np.shape(value))
        points.append(point)
    return points


def evaluated(graph: Any, names: Sequence[str]) -> Callable[[Point], dict[str, Any]]:
    """Named quantities of a graph, those it has, at a point."""
    there = [name for name in names if name in graph.named_vars]
    outputs = graph.replace_rvs_by_values([graph[name] for name in there])
    compiled = graph.compile_fn(
        outputs, inputs=graph.value_vars, mode=FAST, on_unused_input="ignore"
    )
    return lambda point: dict(zip(there, compiled(point), strict=True))


SCALES = (
    *("authority_sd", "pilot_effect_sd", "year_effect_sd", "shock_sd", "shock_correlation"),
    *("authority_precision", "pilot_precision"),
)


# ------------------------------------------------------------------------- on paper


def prior_of(term: str, prior: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """The prior of a term, found by the longest key its name starts with."""
    return prior[max((key for key in prior if term.startswith(key)), key=len)]


LINEAR_PRIORS = {
    "intercept": (0.2, 0.3),
    "year": (0.01, 0.07),
    "post": (0.01, 0.07),
    "pilot": (-0.02, 0.11),
    "did": (0.05, 0.2),
    "lag": (0.05, 0.2),
    "lead": (0.0, 0.2),
    "assessments": (0.03, 0.06),
    "ofsted": (0.03, 0.06),
}


def scale_priors(case: Case, given: Mapping[str, Any]) -> float:
    """The log priors of the sds, precisions and the correlation, by the analysis file."""
    scale = {"authority_sd": 0.08, "shock_sd": 0.04, "year_effect_sd": 0.03}
    mean = 0.05
    if case.analysis.model.likelihood != "gaussian":
        scale, mean = {"authority_sd": 0.5, "shock_sd": 0.25, "year_effect_sd": 0.2}, 0.3
    total = stats.expon.logpdf(given["pilot_effect_sd"], scale=mean)
    for name, size in scale.items():
        if name in given:
            total += stats.halfnorm.logpdf(given[name], scale=size)
    if "shock_correlation" in given:
        total += stats.beta.logpdf(given["shock_correlation"], 2.0, 3.0)
    for name in ("authority_precision", "pilot_precision"):
        if name in given:
            total += stats.gamma.logpdf(given[name], FOUR_DEGREES / 2, scale=2 / FOUR_DEGREES).sum()
    return float(total)


def alike_rows(case: Case, given: Mapping[str, Any], setting: Mapping[str, Any]) -> Floats:
    """The covariance of rows by all random effects, shocks and pooled years."""
    frame, model = case.frame, case.analysis.model
    place, names = pd.factorize(frame["authority"], sort=True)
    same = np.equal.outer(place, place)
    u = np.full(len(names), given["authority_sd"] ** 2)
    u = u / given.get("authority_precision", 1.0)
    total: Floats = same * u[place]
    treated = frame["pilot"].to_numpy() * frame["post"].to_numpy()
    if setting.get("pilot_effects") != "full":
        pilots = sorted(set(frame.loc[frame["pilot"] == 1, "authority"]))
        d = np.full(len(pilots), given["pilot_effect_sd"] ** 2)
        of_pilot = pd.Series(d / given.get("pilot_precision", 1.0), index=pilots)
        of_row = frame["authority"].map(of_pilot).fillna(0.0).to_numpy()
        total = total + same * np.outer(treated, treated) * of_row
    if model.shocks != "none" and setting.get("shocks", True):
        year = frame["year"].to_numpy()
        gap = np.abs(np.subtract.outer(year, year))
        kept = (gap == 0) if model.shocks == "independent" else given["shock_correlation"] ** gap
        total = total + given["shock_sd"] ** 2 * same * kept
    total = total + setting.get("departure_sd", 0.0) ** 2 * np.outer(treated, treated)
    if model.years_since != "separate":
        total = total + given["year_effect_sd"] ** 2 * pooled_years(case)
    return total


def pooled_years(case: Case) -> Floats:
    """The correlations of rows by pooled years; the reference year is -1."""
    years = case.frame["years_since"].to_numpy()
    pilot = case.frame["pilot"].to_numpy() * (years != -1)
    if case.analysis.model.years_since == "exchangeable":
        alike = np.equal.outer(years, years).astype(np.float64)
    else:
        steps = np.where(years >= 0, years, -1 - years)
        alike = np.minimum.outer(steps, steps) * np.equal.outer(years >= 0, years >= 0)
    found: Floats = alike * np.outer(pilot, pilot)
    return found


def own_terms(case: Case) -> pd.DataFrame:
    """The rows' terms that are not the children's; pooled lags are one term, leads none.

    The authorities' covariates are less their mean over cells.
    """
    terms = case.rows.terms.drop(columns=list(case.child_terms)).reset_index(drop=True)
    cells = ~case.frame.duplicated(["authority", "year", "post"]).to_numpy()
    for name in ("assessments", "ofsted"):
        terms[name] = terms[name] - terms.loc[cells, name].mean()
    if case.analysis.model.years_since == "separate":
        return terms
    years = [str(name) for name in terms if str(name).startswith(("lag ", "lead "))]
    lags = [name for name in years if name.startswith("lag ")]
    return terms.drop(columns=years).assign(**{"lag": terms[lags].sum(axis=1)})


def on_paper(
    case: Case, point: Point, setting: Mapping[str, Any], sigma: float, *, flat: bool = False
) -> float:
    """The log density, up to a constant, of rows whose weight is their precision."""
    given, used = case.scales(point), case.weights > 0
    terms = own_terms(case)
    if flat:  # the regression's own terms alone
        mean, sd = np.zeros(terms.shape[1]), np.full(terms.shape[1], 30.0)
        alike = np.zeros((len(terms), len(terms)))
    else:
        mean, sd = np.array([prior_of(str(name), LINEAR_PRIORS) for name in terms]).T
        alike = alike_rows(case, given, setting)
    x = terms.to_numpy()
    covariance = (x * sd**2) @ x.T + alike
    z = case.rows.terms[[*case.child_terms]].to_numpy()
    covariance += (30.0 * sigma) ** 2 * (z @ z.T)
    covariance = covariance[used][:, used] + np.diag(sigma**2 / case.weights[used])
    root = np.linalg.cholesky(covariance)
    left = np.linalg.solve(root, (case.rows.outcome - x @ mean)[used])
    total = -np.log(np.diag(root)).sum() - 0.5 * left @ left
    total += len(case.child_terms) * np.log(sigma)  # their prior is flat, but for a curb
    # Weighted likelihoods count a row's log σ as often as its weight says.
    total += (used.sum() - case.weights.sum()) * np.log(sigma)
    total += stats.halfnorm.logpdf(sigma, scale=0.5) + np.log(sigma)
    return float(total + scale_priors(case, given))


def linear_spread(
    case: Case, setting: Mapping[str, Any], *, flat: bool = False, seed: int = 11
) -> float:
    """How much graph and paper differ by more than a constant."""
    start, size = case.arrays["within"][:2]
    density = case.graph.compile_logp(jacobian=False, mode=FAST)
    gaps = []
    for point in random_points(case, seed):
        sigma = float(start * np.exp(point["residual_moved"] / np.sqrt(2 * size)))
        gaps.append(float(density(point)) - on_paper(case, point, setting, sigma, flat=flat))
    return float(np.ptp(gaps))


MODELS: list[Variant] = [
    ("did", {}, {}),
    ("did", {"shocks": "independent"}, {}),
    ("did", {"shocks": "none"}, {}),
    ("did", {"tails": "student t"}, {}),
    ("did", {}, {"pilot_effects": "full"}),
    ("did", {}, {"shocks": False}),
    ("did", {}, {"departure_sd": OF_DEPARTURE}),
    ("lags", {"weights_sum_to": "rows"}, {}),
    ("leads and lags", {}, {}),
    ("leads and lags", {"years_since": "exchangeable"}, {}),
    ("leads and lags", {"years_since": "random walk"}, {}),
]


@pytest.mark.parametrize("variant", MODELS, ids=str)
def test_the_linear_graph_has_the_density_of_rows(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make, variant: Variant
) -> None:
    column, model, setting = variant
    analysis = hierarchical(column, **model)
    case = made_case(children_rows, children_cells, analysis, **setting)
    assert linear_spread(case, setting) < DENSE


def test_authorities_left_out_are_out_of_the_density(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    left_out = ("Birchway", "Fern")
    case = made_case(children_rows, children_cells, hierarchical(), left_out)
    # A cell of which nothing is known has a variance of 1e9, and a digit less for the rest.
    assert linear_spread(case, {}) < 10 * DENSE


def test_one_graph_serves_other_settings(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    """Replicating, and pilots by themselves, by an exchange of data."""
    main = made_case(children_rows, children_cells, hierarchical())
    for setting in ({"replicating": True}, {"pilot_effects": "full"}, {"shocks": False}):
        other = made_case(children_rows, children_cells, hierarchical(), **setting)
        assert other.form == main.form
        with main.graph:
            pm.set_data(dict(other.arrays))
        exchanged = Case(**fields_of(other) | {"graph": main.graph, "scales": main.scales})
        assert linear_spread(exchanged, setting, flat="replicating" in setting) < DENSE


def fields_of(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in Case.__dataclass_fields__}


OFF = [
    ({"replicating": True}, ["authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation"]),
    ({"pilot_effects": "full"}, ["pilot_effect_sd"]),
    ({"pilot_effects": "none"}, ["pilot_effect_sd"]),
    ({"shocks": False}, ["shock_sd", "shock_correlation"]),
]


@pytest.mark.parametrize(("setting", "names"), OFF)
def test_what_is_switched_off_keeps_its_prior(
    children_rows: pd.DataFrame,
    children_cells: Cells,
    hierarchical: Make,
    setting: dict[str, Any],
    names: list[str],
) -> None:
    case = made_case(children_rows, children_cells, hierarchical(), **setting)
    density = case.graph.compile_logp(jacobian=False, mode=FAST)
    one, other = random_points(case)[:2]
    moved = one | {key: other[key] for key in other if key.startswith(tuple(names))}
    assert len([key for key in one if moved[key] != one[key]]) == len(names)
    found = density(moved) - density(one)
    expected = scale_priors(case, case.scales(moved)) - scale_priors(case, case.scales(one))
    assert found == pytest.approx(expected, abs=DENSE)


def test_a_child_term_constant_within_cells_stays_in(
    children_rows: pd.DataFrame, hierarchical: Make
) -> None:
    """One authority never records gender: within cells nothing is known of those without."""
    gender = children_rows["gender"].where(children_rows["gender"] != "missing", "male")
    rows = children_rows.assign(gender=gender.mask(children_rows["authority"] == "Dell", "missing"))
    analysis = hierarchical()
    cells = collapse(rows, analysis.children, evidence="synthetic")
    case = made_case(rows, cells, analysis)
    assert "gender: missing" in case.child_terms
    assert linear_spread(case, {}) < DENSE


def test_an_error_in_the_linear_graph_is_noticed(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    case = made_case(children_rows, children_cells, hierarchical())
    within = case.arrays["within"] - np.array([0.0, 1.0, 0.0, 0.0])
    wrong = {
        "a term less": {"within": within},
        "shocks that all authorities share": {"same": np.ones_like(case.arrays["same"])},
        "years side by side": {"gap": np.minimum(case.arrays["gap"], 1)},
        "no noise of the children's terms": {"noise": np.diag(np.diag(case.arrays["noise"]))},
    }
    for arrays in wrong.values():
        with case.graph:
            pm.set_data(dict(case.arrays) | arrays)
        assert linear_spread(case, {}) > NOTICED


# ---------------------------------------------------------------------- the logistic graph

LOGISTIC_PRIORS = {
    "intercept": (-1.0, 1.1),
    "year": (0.1, 0.4),
    "post": (0.1, 0.4),
    "pilot": (-0.1, 0.6),
    "did": (0.05, 0.2),
    "lag": (0.05, 0.2),
    "lead": (0.0, 0.2),
    "assessments": (0.05, 0.3),
    "ofsted": (0.05, 0.3),
}
NATURAL = ("child_effect", "effects", "shocks_by_year", "log_likelihood")
MOVED = ("child_moved", "effects_moved", "shocks_moved")


def log_determinant(at: Callable[[Point], dict[str, Floats]], point: Point) -> float:
    """Of the change of coordinates, which is linear: differences are exact at any step."""

    def flat(values: dict[str, Floats]) -> Floats:
        return np.concatenate([values[name].ravel() for name in NATURAL[:3] if name in values])

    start, columns = flat(at(point)), []
    for name in (name for name in MOVED if name in point):
        for place in np.ndindex(np.shape(point[name])):
            step = np.zeros(np.shape(point[name]))
            step[place] = 1.0
            columns.append(flat(at(point | {name: point[name] + step})) - start)
    return float(np.linalg.slogdet(np.array(columns))[1])


def row_log_odds(
    case: Case, given: Mapping[str, Any], values: dict[str, Floats], setting: Mapping[str, Any]
) -> Floats:
    """The log-odds of every row, from effects in standard units."""
    frame, b = case.frame, values["effects"]
    terms, pilots = own_terms(case), ("Aldmoor", "Birchway", "Cranleigh", "Esk")
    treated = (frame["pilot"] * frame["post"]).to_numpy()
    names = [name for name in case.rows.terms if name not in case.child_terms]
    eta = case.rows.terms[[*case.child_terms]].to_numpy() @ values["child_effect"]
    for name in terms:
        mean, sd = prior_of(str(name), LOGISTIC_PRIORS)
        if name == "did" and setting.get("pilot_effects") == "none":
            continue
        place = names.index("lag 0" if name == "lag" else str(name))
        eta = eta + terms[name].to_numpy() * (mean + sd * b[place])
    authority, pilot = b[len(names) + 5 :][:8], b[len(names) + 13 :][:4]
    u = given["authority_sd"] / np.sqrt(given.get("authority_precision", 1.0)) * authority
    eta = eta + u[pd.factorize(frame["authority"], sort=True)[0]]
    d = given["pilot_effect_sd"] / np.sqrt(given.get("pilot_precision", 1.0)) * pilot
    if setting.get("pilot_effects") == "full":
        d = np.zeros(4)
    if setting.get("pilot_effects") == "none":
        d = 0.05 + 0.2 * b[len(names) : len(names) + 4]
    eta = eta + frame["authority"].map(dict(zip(pilots, d, strict=True))).fillna(0.0) * treated
    eta = eta + setting.get("departure_sd", 0.0) * b[len(names) + 4] * treated
    if "shocks_by_year" in values and setting.get("shocks", True):
        j = pd.factorize(frame["authority"], sort=True)[0]
        eta = eta + values["shocks_by_year"][j, frame["year"].to_numpy() - 2013]
    if case.analysis.model.years_since != "separate":
        eta = eta + given["year_effect_sd"] * stepped(case, b[len(names) + 17 :])
    return np.asarray(eta)


def stepped(case: Case, step: Floats) -> Floats:
    """What steps of pooled years (leads -3 and -2, then lags) add to every row."""
    if case.analysis.model.years_since == "exchangeable":
        at = dict(zip((-3, -2, 0, 1, 2), step, strict=True))
    else:
        at = {-3: step[0] + step[1], -2: step[1], 1: step[2], 2: step[2] + step[3]}
    return np.asarray(case.frame["years_since"].map(at).fillna(0.0) * case.frame["pilot"])


def logistic_paper(case: Case, point: Point, values: dict[str, Floats], eta: Floats) -> float:
    """Log likelihood of rows and log priors in natural coordinates."""
    given = case.scales(point)
    total = bernoulli_logit(eta, n=case.weights, events=case.weights * case.rows.outcome)
    total += stats.norm.logpdf(values["effects"]).sum()
    total += stats.norm.logpdf(values["child_effect"], 0.02, 0.8).sum()
    if "shocks_by_year" in values:
        rho = given.get("shock_correlation", 0.0)
        gap = np.abs(np.subtract.outer(range(5), range(5)))
        covariance = given["shock_sd"] ** 2 * np.where(gap == 0, 1.0, rho**gap)
        prior = stats.multivariate_normal(np.zeros(5), covariance)
        total += prior.logpdf(values["shocks_by_year"]).sum()
    return float(total + scale_priors(case, given))


def logistic_spread(case: Case, setting: Mapping[str, Any], *, determinant: bool = True) -> float:
    """How much graph and paper differ by more than a constant, over all coordinates."""
    density = case.graph.compile_logp(jacobian=False, mode=FAST)
    at, gaps = evaluated(case.graph, NATURAL), []
    for point in random_points(case):
        values = at(point)
        eta = row_log_odds(case, case.scales(point), values, setting)
        gap = float(density(point)) - logistic_paper(case, point, values, eta)
        gaps.append(gap - (log_determinant(at, point) if determinant else 0.0))
    return float(np.ptp(gaps))


LOGISTIC_MODELS: list[Variant] = [
    ("did", {}, {}),
    ("did", {"shocks": "independent"}, {}),
    ("did", {"shocks": "none"}, {}),
    ("did", {"tails": "student t"}, {}),
    ("did", {}, {"pilot_effects": "full"}),
    ("did", {}, {"pilot_effects": "none"}),
    ("did", {}, {"shocks": False}),
    ("lags", {"weights_sum_to": "rows"}, {"departure_sd": OF_DEPARTURE}),
    ("leads and lags", {"years_since": "exchangeable"}, {}),
    ("leads and lags", {"years_since": "random walk"}, {}),
]


@pytest.mark.parametrize("variant", LOGISTIC_MODELS, ids=str)
def test_the_logistic_graph_has_the_density_of_rows(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make, variant: Variant
) -> None:
    column, model, setting = variant
    analysis = hierarchical(column, likelihood="binomial logit", **model)
    case = made_case(children_rows, children_cells, analysis, **setting)
    assert logistic_spread(case, setting) < LINEAR_MAP


def test_authorities_left_out_are_out_of_the_counts(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood="binomial logit")
    case = made_case(children_rows, children_cells, analysis, ("Birchway", "Fern"))
    assert logistic_spread(case, {}) < LINEAR_MAP


def test_the_exact_likelihood_is_that_of_rows(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    case = made_case(children_rows, children_cells, hierarchical(likelihood="binomial logit"))
    at = evaluated(case.graph, NATURAL)
    for point in random_points(case):
        values = at(point)
        eta = row_log_odds(case, case.scales(point), values, {})
        events = case.weights * case.rows.outcome
        expected = bernoulli_logit(eta, n=case.weights, events=events)
        assert float(values["log_likelihood"]) == pytest.approx(expected, rel=1e-11)


def test_a_jacobian_left_out_is_noticed(
    children_rows: pd.DataFrame,
    children_cells: Cells,
    hierarchical: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysis = hierarchical(likelihood="binomial logit")
    right = made_case(children_rows, children_cells, analysis)
    assert logistic_spread(right, {}, determinant=False) > NOTICED
    whole = did_model.shocks_by_year

    def without_jacobian(*given: Any) -> tuple[Any, Any]:
        found, log_density = whole(*given)
        return found, 0.0 * log_density

    monkeypatch.setattr(did_model, "shocks_by_year", without_jacobian)
    wrong = made_case(children_rows, children_cells, analysis)
    assert logistic_spread(wrong, {}) > NOTICED


def test_a_deviation_of_the_wrong_sign_is_noticed(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    case = made_case(children_rows, children_cells, hierarchical(likelihood="binomial logit"))
    with case.graph:
        pm.set_data({"pilots": -case.arrays["pilots"]})
    assert logistic_spread(case, {}) > NOTICED
