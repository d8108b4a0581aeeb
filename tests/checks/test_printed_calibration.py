"""Simulation-based calibration accepts the grid and rejects planted faults."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import PrintedPosterior, PrintedRows, posterior
from sofs_bayes.checks.printed_calibration import (
    Fit,
    SbcVerdict,
    print_cell,
    sbc,
    uniformity,
)
from sofs_bayes.published.facts import read_printed

REPLICATES = 400  # enough for most planted faults
MANY = 1000  # for an effect prior half as wide again, which the data partly make up for


def load(name: str) -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def verdict(
    name: str = "icpc-printed",
    *,
    reading: int = 0,
    prior: str = "sceptical",
    replicates: int = REPLICATES,
    fit: Fit | None = None,
) -> SbcVerdict:
    analysis = load(name)
    return sbc(
        analysis,
        prior=prior,
        reading=analysis.readings[reading],
        replicates=replicates,
        rng=np.random.default_rng(17),
        fit=fit,
    )


@pytest.mark.parametrize(
    ("name", "reading", "prior"),
    [
        ("icpc-printed", 0, "reference"),
        ("icpc-printed", 0, "sceptical"),
        ("cla-printed", 0, "reference"),
        ("cla-printed", 1, "sceptical"),
    ],
)
def test_ranks_are_uniform(name: str, reading: int, prior: str) -> None:
    found = verdict(name, reading=reading, prior=prior)
    assert [test.parameter for test in found.tests] == ["effect", "pilot difference", "s", "c"]
    assert found.uniform, [
        (t.parameter, t.chi_squared_p, t.ks_p, t.dispersion_p) for t in found.tests
    ]


def with_prior_sd(sd: float, rows: PrintedRows) -> PrintedPosterior:
    analysis = load("icpc-printed")
    effect = replace(analysis.effect_priors["sceptical"], sd=sd)
    return posterior(
        replace(analysis, effect_priors={"sceptical": effect}), prior="sceptical", rows=rows
    )


def wide_prior(rows: PrintedRows) -> PrintedPosterior:
    return with_prior_sd(0.02 * 1.5, rows)


def narrow_prior(rows: PrintedRows) -> PrintedPosterior:
    return with_prior_sd(0.02 / 1.5, rows)


def wrong_sign(rows: PrintedRows) -> PrintedPosterior:
    sign = "" if rows.did.text.startswith("-") else "-"
    mirrored = PrintedRows(pilot=rows.pilot, did=read_printed(sign + rows.did.text.lstrip("-")))
    return posterior(load("icpc-printed"), prior="sceptical", rows=mirrored)


def wide_authorities(rows: PrintedRows) -> PrintedPosterior:
    analysis = load("icpc-printed")
    sd = replace(analysis.priors.authority_sd, scale=0.12)
    changed = replace(analysis, priors=replace(analysis.priors, authority_sd=sd))
    return posterior(changed, prior="sceptical", rows=rows)


def children_only(rows: PrintedRows) -> PrintedPosterior:
    analysis = load("icpc-printed")
    child = replace(analysis.readings[0], se_reading="child")
    return posterior(analysis, prior="sceptical", reading=child, rows=rows)


@pytest.mark.parametrize(
    ("fit", "replicates"),
    [
        (wide_prior, MANY),
        (narrow_prior, REPLICATES),
        (wrong_sign, REPLICATES),
        (wide_authorities, REPLICATES),
        (children_only, REPLICATES),
    ],
)
def test_planted_faults_are_found(fit: Fit, replicates: int) -> None:
    assert not verdict(fit=fit, replicates=replicates).uniform


def test_uniform_ranks_pass_and_crowded_ones_do_not() -> None:
    even = (np.arange(400) + 0.5) / 400
    assert uniformity("even", even).ks_p > 0.99
    assert uniformity("even", even).chi_squared == pytest.approx(0.0)
    assert uniformity("even", even).dispersion == pytest.approx(1.0, abs=0.02)
    crowded = uniformity("crowded", 0.5 + (even - 0.5) / 2)
    assert crowded.chi_squared_p < 1e-6
    assert crowded.ks_p < 1e-6
    assert crowded.dispersion < 0.5
    assert crowded.dispersion_p < 1e-6


def test_a_reading_of_children_only_ranks_the_coefficients_alone() -> None:
    analysis = load("icpc-printed")
    child = replace(analysis.readings[0], se_reading="child")
    found = sbc(
        analysis,
        prior="sceptical",
        reading=child,
        replicates=REPLICATES,
        rng=np.random.default_rng(3),
    )
    assert [test.parameter for test in found.tests] == ["effect", "pilot difference"]
    assert found.uniform


def test_coefficients_are_printed_like_the_real_ones() -> None:
    assert print_cell(-0.03456, 2, read_printed("0.0407")).text == "-0.0346**"


def test_progress_is_told_of_every_posterior() -> None:
    told: list[tuple[int, int]] = []
    sbc(
        load("icpc-printed"),
        prior="reference",
        replicates=3,
        rng=np.random.default_rng(1),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
