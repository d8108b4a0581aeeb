"""A seed and the name of a stage → random numbers of that stage, whatever else is drawn."""

import numpy as np


def stage_seed(seed: int, stage: str) -> int:
    """The seed of one stage of an analysis, spawned from the analysis's seed by its name."""
    return int(_sequence(seed, stage).generate_state(1)[0])


def stream(seed: int, *stage: str) -> np.random.Generator:
    """Random numbers of one stage, spawned from the seed by the stage's name."""
    return np.random.default_rng(_sequence(seed, "/".join(stage)))


def _sequence(seed: int, stage: str) -> np.random.SeedSequence:
    words = np.frombuffer(stage.encode(), dtype=np.uint8).astype(np.uint32)
    return np.random.SeedSequence([seed, *words.tolist()])
