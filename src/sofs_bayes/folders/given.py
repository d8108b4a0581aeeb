"""What is given to be read: that it is there is asked before anything else is."""

from pathlib import Path

from sofs_bayes.errors import BadInput, unreadable


def check_there(path: Path | str, allowed: str) -> Path:
    """The path of a file or folder that is there, or may not be looked at.

    Raises
    ------
    BadInput
        There is nothing, or no name that a file could have.
    """
    path = Path(path)
    try:
        path.stat()
    except OSError as error:
        raise unreadable(path, error, allowed) from None
    except ValueError:  # a null in the name
        raise BadInput(repr(str(path)), "", "no name of a file", allowed) from None
    return path
