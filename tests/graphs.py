"""Each form of graph is compiled once in a test process; its data are fed anew at every call."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sofs_bayes.bayes import compiled_model
from sofs_bayes.bayes.compiled_model import copied_arrays
from sofs_bayes.bayes.did_model import Arrays, Form
from sofs_bayes.bayes.sampling import Compiled
from sofs_bayes.checks import did_calibration, placebo, recovery_fits

COMPILE_ANEW = compiled_model.compile_model
USERS = (compiled_model, did_calibration, placebo, recovery_fits)
_MADE: dict[tuple[Form, int], Compiled] = {}


def compile_once(form: Form, arrays: Arrays, *, copies: int = 1) -> Compiled:
    """Stands for `compile_model`: what it returns holds these data, as a graph made of them."""
    if (form, copies) not in _MADE:
        _MADE[form, copies] = COMPILE_ANEW(form, arrays, copies=copies)
        return _MADE[form, copies]
    data = arrays if copies == 1 else copied_arrays(arrays, copies)
    return _MADE[form, copies].fed(data)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Has all of the package share graphs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in USERS:
            patch.setattr(module, "compile_model", compile_once)
        yield
