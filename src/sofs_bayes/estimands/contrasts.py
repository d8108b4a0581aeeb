"""Draws of a fit of children's cells → what the practice model changes in each cell.

A change is on the model's scale: in the risk of a linear model, in the log-odds of a logistic
one. Effects are averages of changes over children; `children` takes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.term import (
    DID,
    MODIFIER,
    OTHERS,
    OWN_OTHERS,
    PILOT,
    find_term,
    modified_name,
    post_name,
    years_since,
)
from sofs_bayes.spec.keys import (
    AFTER,
    APART,
    AT_RATING,
    AT_VALUE,
    IN_YEAR,
    NEW,
    PER_UNIT,
    POOLED,
    Estimand,
    Role,
)

Floats = npt.NDArray[np.float64]

KINDS: dict[str, Role] = {
    post_name(name): role for name, role in zip((*OTHERS, *OWN_OTHERS), APART, strict=True)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One effect, cell by cell: what the predictor is without it, and by how much it differs.

    Attributes
    ----------
    estimand
        What it is, of no target and on no scale in particular.
    without, change
        Shapes (samples, cells), on the model's scale.
    weights
        The children over whom each target's effect is the average, shape (cells,).
    """

    estimand: Estimand
    without: Floats
    change: Floats
    weights: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The parts of the change in each cell, (samples, cells), with the children it happens to.

    Attributes
    ----------
    common, own
        What all pilots share, and each pilot's deviation from it.
    predictor
        The predictor with the change, but for the children's terms.
    coefficient
        Draws of each term of the effect, (samples,), signed.
    targets
        The treated children of all pilots (POOLED) and of each one, shape (cells,).
    """

    common: Floats
    own: Floats
    predictor: Floats
    coefficient: Mapping[str, Floats]
    targets: Mapping[str, Floats]

    @property
    def change(self) -> Floats:
        """What the practice model changes in all."""
        return self.common + self.own

    @property
    def without(self) -> Floats:
        """The predictor without the change."""
        return self.predictor - self.change


def changes(posterior: xr.Dataset, data: CellData, blocks: Blocks) -> Changes:
    """What the practice model changes in each cell, from named draws of a fit.

    Terms about comparators with pilots as the reference stand outside it: each of them is a
    contrast of its own. A pilot of which nothing is known is no target.

    Raises
    ------
    ValueError
        Draws of a fit of other cells.
    BadInput
        Treated children to whom no term of the effect applies, or none at all.
    """
    if posterior.sizes["cell"] != len(data.cells):
        raise ValueError("posterior: draws of a fit of these cells")
    _check(data, blocks)
    coefficient = {
        term: sign * _samples(posterior["coefficient"].sel(term=term, drop=True))
        for term, sign in blocks.effect_terms.items()
    }
    terms = [term for term in blocks.effect_terms if term not in KINDS]
    design = blocks.design[:, [blocks.terms.index(term) for term in terms]]
    drawn = [coefficient[term] for term in terms]
    predictor = _samples(posterior["cell_predictor"])
    common = np.column_stack(drawn) @ design.T if terms else np.zeros_like(predictor)
    if blocks.steps:
        common += _samples(posterior["year_step"]) @ blocks.years_since.T
    return Changes(
        common=common,
        own=_samples(posterior["pilot_deviation"]) @ blocks.pilots.T,
        predictor=predictor,
        coefficient=coefficient,
        targets=_targets(data),
    )


def contrasts(
    found: Changes, data: CellData, blocks: Blocks, new: Floats | None
) -> tuple[Contrast, ...]:
    """All effects of a fit, cell by cell.

    Parameters
    ----------
    new
        A new authority's deviation, (samples,); None where pilots are not pooled and so say
        nothing about another authority.
    """
    kinds = [term for term in found.coefficient if term in KINDS and _compared(term, data)]
    if kinds:
        parts = {KINDS[term]: found.coefficient[term][:, None] for term in kinds}
    else:
        parts = {AFTER: found.common}
    answers = []
    for role, common in parts.items():
        estimand = Estimand(role=role, scale="")
        change = common + found.own
        without = found.predictor - change
        answers.append(
            Contrast(estimand=estimand, without=without, change=change, weights=found.targets)
        )
        if new is not None:
            answers.append(
                Contrast(
                    estimand=estimand,
                    without=without,
                    change=np.broadcast_to(common + new[:, None], without.shape),
                    weights={NEW: found.targets[POOLED]},
                )
            )
    return (*answers, *_years(found, data), *_score(found), *_ratings(found, data))


def pools_nothing(blocks: Blocks) -> bool:
    """Whether each pilot's effect stands by itself."""
    return bool((blocks.prior_sd[blocks.own_effects] > 0).any())


def _samples(draws: xr.DataArray) -> Floats:
    """Draws with chains one after the other: (samples, …)."""
    values: Floats = draws.transpose("chain", "draw", ...).to_numpy()
    return values.reshape(-1, *values.shape[2:])


def _targets(data: CellData) -> dict[str, Floats]:
    treated = data.cells["children"].to_numpy(np.float64)[:, None] * data.treated
    targets = {POOLED: treated.sum(axis=1)} | dict(zip(data.pilots, treated.T, strict=True))
    return {name: children for name, children in targets.items() if children.any()}


def _check(data: CellData, blocks: Blocks) -> None:
    """Refuse effects that some treated children would have by no term at all."""
    treated = (data.treated.sum(axis=1) > 0) & (data.cells["children"].to_numpy() > 0)
    if not treated.any():
        raise BadInput("cells", "children", "none treated", "pilots' children after settling-in")
    terms = [term for term in data.terms if term in blocks.effect_terms]
    columns = blocks.design[treated][:, [blocks.terms.index(term) for term in terms]]
    dummies = all(name == DID or find_term(name).years_since is not None for name in terms)
    if not terms or (dummies and not columns.any(axis=1).all()):
        found = "treated children without a term of the effect, as combinations of terms dropped it"
        raise BadInput("cells", "terms", found, "an effect for all treated children")


def _compared(term: str, data: CellData) -> bool:
    """Whether anything is known of a kind of comparators after settling-in."""
    return bool((data.design[:, data.terms.index(term)] * data.cells["children"]).any())


def _years(found: Changes, data: CellData) -> list[Contrast]:
    """The effect by year since settling-in, leads among them, over the pilots' children."""
    children = (data.cells["children"] * data.cells[PILOT]).to_numpy(np.float64)
    answers = []
    for name, year in years_since(data.terms).items():
        weight = children * (data.design[:, data.terms.index(name)] != 0)
        if weight.any():
            answers.append(
                Contrast(
                    estimand=Estimand(role=IN_YEAR, scale="", year=year),
                    without=found.without,
                    change=found.change,
                    weights={POOLED: weight},
                )
            )
    return answers


def _score(found: Changes) -> list[Contrast]:
    """One unit more of a score than the pilots have."""
    scored = [name for name in found.coefficient if find_term(name).scored]
    return [
        Contrast(
            estimand=Estimand(role=PER_UNIT, scale=""),
            without=found.predictor,
            change=np.broadcast_to(found.coefficient[name][:, None], found.predictor.shape),
            weights={POOLED: found.targets[POOLED]},
        )
        for name in scored
    ]


def _occurring(rating: Floats, children: Floats, *, quartiles: bool) -> Floats:
    """Whole values among treated children; their quartiles, where asked for and others occur."""
    values = np.unique(rating[children > 0])
    whole: Floats = values[values == values.round()]
    if not quartiles or len(whole) == len(values):
        return whole
    order = np.argsort(rating)
    share = np.cumsum(children[order]) / children.sum()
    return np.unique(rating[order][np.searchsorted(share, (0.25, 0.5, 0.75))])


def _ratings(found: Changes, data: CellData) -> list[Contrast]:
    """The effect on all treated children if their authority had a rating that occurs."""
    answers = []
    for name in found.coefficient:
        if find_term(name).role != "effect_modifier":
            continue
        role = AT_VALUE if name == modified_name(MODIFIER) else AT_RATING
        rating = data.design[:, data.terms.index(name)]
        for value in _occurring(rating, found.targets[POOLED], quartiles=role == AT_VALUE):
            moved = found.coefficient[name][:, None] * (value - rating)
            answers.append(
                Contrast(
                    estimand=Estimand(role=role, scale="", rating=float(value)),
                    without=found.without,
                    change=found.change + moved,
                    weights={POOLED: found.targets[POOLED]},
                )
            )
    return answers
