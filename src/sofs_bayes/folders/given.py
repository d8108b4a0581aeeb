"""What is given to be read: that it is there is asked before anything else is."""

import stat
from pathlib import Path

from sofs_bayes.errors import BadInput, unreadable


def check_there(path: Path | str, allowed: str) -> Path:
    """The path of a file or folder that is there, or may not be looked at.

    Raises
    ------
    BadInput
        There is nothing, no name that a file could have, or what has no end: a device, a pipe.
    """
    path = Path(path)
    try:
        kind = path.stat().st_mode
    except OSError as error:
        raise unreadable(path, error, allowed) from None
    except ValueError:  # a null in the name
        raise BadInput(repr(str(path)), "", "no name of a file", allowed) from None
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise BadInput(path, "", "a device or a pipe", allowed)
    return path
