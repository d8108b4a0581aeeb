"""The posterior from print by NUTS beside the grid's: the same model, computed twice."""

from dataclasses import dataclass

from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.printed_summaries import on_design_scale, probability
from sofs_bayes.checks.diagnostics import gate
from sofs_bayes.estimands import statement_text
from sofs_bayes.estimands.effects import holds, probability_of
from sofs_bayes.pipeline.watching import Progress, silent
from sofs_bayes.spec import PrintedAnalysis, Sampler, Statement
from sofs_bayes.spec.study import printed_in
from sofs_bayes.tables.formats import Column, Table, table_of

SAMPLER = Sampler(name="nutpie", chains=4, tune=1000, draws=2500, target_accept=0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """The probability of one statement by quadrature and by NUTS, whose error is `mcse`."""

    reading: str
    prior: str
    statement: str
    grid: float
    nuts: float
    mcse: float
    status: str


def second_opinion(
    analysis: PrintedAnalysis, *, sampler: Sampler = SAMPLER, progress: Progress = silent
) -> Table:
    """Every statement's probability under every prior and reading, by grid and by NUTS.

    Readings without an authority variance have nothing to sample and are left out.
    """
    from sofs_bayes.bayes.from_published_pymc import graph, graph_data, sample_posterior
    from sofs_bayes.bayes.sampling import compile_graph

    grids = [
        posterior(analysis, prior=prior, reading=reading)
        for reading in analysis.readings
        for prior in analysis.effect_priors
        if reading.se_reading != "child"
    ]
    compiled = compile_graph(graph(graph_data(grids[0]))) if grids else None
    rows = []
    for grid in grids:
        progress(f"{analysis.name}: {grid.reading.name}, {grid.prior} prior by NUTS")
        tree = sample_posterior(
            analysis, sampler, prior=grid.prior, reading=grid.reading, compiled=compiled
        )
        draws = tree["posterior"].to_dataset()
        status = gate(draws, None, tree["sample_stats"].to_dataset()).status
        for statement in analysis.estimands.claims:
            told = holds(draws["delta"], _on_design_scale(statement, analysis))
            nuts, mcse = probability_of(told)
            rows.append(
                Opinion(
                    reading=grid.reading.name,
                    prior=grid.prior,
                    statement=statement_text(statement),
                    grid=probability(grid, statement),
                    nuts=nuts,
                    mcse=mcse,
                    status=status,
                )
            )
    return _table(analysis, rows)


def _on_design_scale(statement: Statement, analysis: PrintedAnalysis) -> Statement:
    """The statement about δ itself; the conversions are monotone."""
    design = analysis.design

    def bound(value: float) -> float:
        return on_design_scale(value, statement.scale, design)

    if statement.above is not None:
        return Statement(scale=design.scale, above=bound(statement.above))
    if statement.below is not None:
        return Statement(scale=design.scale, below=bound(statement.below))
    assert statement.within is not None  # the spec asks for exactly one of the three
    lower, upper = statement.within
    return Statement(scale=design.scale, within=(bound(lower), bound(upper)))


def _table(analysis: PrintedAnalysis, rows: list[Opinion]) -> Table:
    columns = [
        Column(key="reading", heading="Reading"),
        Column(key="prior", heading="Prior"),
        Column(key="statement", heading="Statement"),
        Column(key="grid", heading="Grid", format="rhat"),
        Column(key="nuts", heading="NUTS", format="rhat"),
        Column(key="mcse", heading="± (Monte Carlo)", format="rhat"),
        Column(key="status", heading="Draws"),
    ]
    largest = max((abs(row.grid - row.nuts) for row in rows), default=0.0)
    passed = all(row.status == "converged" for row in rows)
    return table_of(
        "second_opinion",
        f"{analysis.title}: the same probabilities by grid and by NUTS",
        rows,
        columns,
        evidence="published-inferred",
        study=printed_in(analysis),
        notes=[f"Largest difference: {largest:.4f}."],
        status="converged" if passed else "not converged",
    )
