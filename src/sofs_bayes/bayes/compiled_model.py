"""The one place where graphs of the hierarchical model are compiled, which takes a minute."""

from sofs_bayes.bayes.copied_model import build_copied, copied_arrays
from sofs_bayes.bayes.did_model import Arrays, Form, build_model
from sofs_bayes.bayes.sampling import Compiled, compile_graph


def compile_model(form: Form, arrays: Arrays, *, copies: int = 1) -> Compiled:
    """The compiled graph of a form, for `sample` to feed with any data of that form.

    Parameters
    ----------
    form, arrays
        As for `did_model.build_model`.
    copies
        Into how many copies of one design the data fall apart; the graph has the arrays of
        `copied_model.copied_arrays` if there are several.
    """
    if copies == 1:
        return compile_graph(build_model(form, arrays))
    return compile_graph(build_copied(form, copied_arrays(arrays, copies), copies))
