"""Solved outcomes ⇄ a small labelled file, from which a population is rebuilt in seconds.

Outcomes are stored as they are, a bit for each matched referral: no number has to be computed
again, so that every machine rebuilds the same population.
"""

import base64
import hashlib
import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput, unreadable
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.rows import Rows

FIXTURES = Path(__file__).parent / "fixtures"
HASHED = (
    *("referral", "authority", "group", "pilot", "post", "year", "years_since"),
    *("referral_date", "multiplicity"),
)
LABEL = (
    "Made up. Outcomes and authorities' covariates solved to reproduce printed regression"
    " tables; they carry no evidence about any real authority or child."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """What was solved for one scenario."""

    scenario: str  # its name
    rows_sha256: str  # of the matched rows it was solved for
    # Authority, year and the analysis' covariates, for pilots and comparators
    authorities: pd.DataFrame
    # 0 or 1 for each matched referral, in ascending order of `referral`, uint8
    outcome: npt.NDArray[np.uint8]
    child_order: int = 0  # the number of the order of the children's ids


def rows_sha256(rows: Rows, analysis: ChildrenAnalysis) -> str:
    """SHA-256 of all that the regressions see of matched rows but their outcomes, hexadecimal.

    Weights follow from the rest; children's ids enter no coefficient.
    """
    names = [*HASHED, *(each.name for each in analysis.records.covariates)]
    digest = hashlib.sha256()
    for name in names:
        values = rows.matched[name]
        codes, levels = pd.factorize(values, sort=True)
        digest.update(f"{name}: {', '.join(map(str, levels))}\n".encode())
        digest.update(codes.astype("<i4").tobytes())
    return digest.hexdigest()


def write_fixture(fixture: Fixture, path: Path | str) -> None:
    """A fixture as a JSON file; the same fixture gives the same bytes."""
    packed = zlib.compress(np.packbits(fixture.outcome).tobytes(), level=9)
    document = {
        "evidence": "synthetic",
        "label": LABEL,
        "scenario": fixture.scenario,
        "rows_sha256": fixture.rows_sha256,
        "child_order": fixture.child_order,
        "authorities": fixture.authorities.to_csv(index=False, lineterminator="\n").splitlines(),
        "referrals": len(fixture.outcome),
        "outcomes": base64.b64encode(packed).decode(),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def read_fixture(path: Path | str) -> Fixture:
    """The fixture in a JSON file.

    Raises
    ------
    BadInput
        The file is missing, or is none that `write_fixture` wrote.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        table = io.StringIO("\n".join(document["authorities"]))
        packed = zlib.decompress(base64.b64decode(document["outcomes"]))
        bits = np.frombuffer(packed, dtype=np.uint8)
        return Fixture(
            scenario=document["scenario"],
            rows_sha256=document["rows_sha256"],
            authorities=pd.read_csv(table),
            outcome=np.unpackbits(bits, count=document["referrals"]),
            child_order=document["child_order"],
        )
    except OSError as error:
        raise unreadable(path, error, "a fixture") from error
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise BadInput(path, "", "no fixture, or a damaged one", "a fixture") from error


def load_fixture(scenario: str) -> Fixture:
    """The bundled fixture of a scenario.

    Raises
    ------
    BadInput
        There is none.
    """
    path = FIXTURES / f"{scenario}.json"
    if not path.exists():
        known = ", ".join(each.stem for each in sorted(FIXTURES.glob("*.json"))) or "none"
        raise BadInput(scenario, "", "no solved outcomes", f"a scenario with them: {known}")
    return read_fixture(path)
