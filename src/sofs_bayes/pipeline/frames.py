"""A data frame → what a hierarchical DiD is fitted to, as if it had been read from a file."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.temporary import temporary_folder
from sofs_bayes.records.column_values import literal
from sofs_bayes.records.connections import connected
from sofs_bayes.spec import DidAnalysis, Evidence, OpenAnalysis, OpenCounts

if TYPE_CHECKING:
    from typing import TypeGuard

    import pandas as pd

    from sofs_bayes.pipeline.did_sources import Source
    from sofs_bayes.records.panel import Panel

FRAME = "data frame"  # what messages and manifests call it


def is_frame(data: Any) -> "TypeGuard[pd.DataFrame]":
    """Whether data are a frame; anything else loads no pandas."""
    return type(data).__name__ == "DataFrame"


def files_of(data: "Paths | pd.DataFrame") -> list[Path]:
    """The files of data that are no frame."""
    return paths(cast("Paths", data))


def frame_source(
    analysis: DidAnalysis, frame: "pd.DataFrame", evidence: Evidence = "records"
) -> "Source":
    """Matched children, or counts by authority and year, as a source.

    Parameters
    ----------
    evidence
        What children are: `records`, or `synthetic` where they are made up. Counts are of
        unknown origin.

    Raises
    ------
    BadInput, BadSpec
        A column that is missing, a value that is not allowed.
    """
    from sofs_bayes.cells.collapse import collapse
    from sofs_bayes.pipeline.did_sources import children_source, counts_source

    if isinstance(analysis, OpenAnalysis):
        return counts_source(analysis, frame_panel(frame, analysis.data))
    if evidence not in ("records", "synthetic"):
        raise BadInput("evidence", "", repr(evidence), "records, synthetic")
    products = analysis.model.likelihood == "gaussian"
    cells = collapse(frame, analysis.children, products=products, evidence=evidence)
    return children_source(analysis, cells, {FRAME: _sha256(frame)})


def frame_panel(frame: "pd.DataFrame", counts: OpenCounts) -> "Panel":
    """Counts by authority and year in a frame, with the columns of a panel file.

    Raises
    ------
    BadInput, BadSpec
        As `read_panel` of a file; rows are counted as its lines, the header as line 1.
    """
    from sofs_bayes.records.open_data import read_panel

    texts = {n: frame[n].astype("string") for n in frame.columns if frame[n].dtype == object}
    with temporary_folder() as home:
        file = home / "panel.parquet"
        with connected() as connection:
            connection.register("given", frame.assign(**texts))
            connection.execute(f"COPY given TO {literal(str(file))} (FORMAT parquet)")
        try:
            return read_panel(file, counts)
        except BadSpec as error:
            raise BadSpec([_of_frame(fault) for fault in error.faults]) from None
        except BadInput as error:
            raise _of_frame(error) from None


def _of_frame(error: BadInput) -> BadInput:
    return BadInput(FRAME, error.place, error.found, error.allowed)


def _sha256(frame: "pd.DataFrame") -> str:
    import pandas as pd

    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    return hashlib.sha256(repr([*frame.columns]).encode() + rows).hexdigest()
