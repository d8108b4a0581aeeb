"""What Word and Excel files have in common: text XML can hold, and bytes that do not change."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import IO

# What XML 1.0 has no way to hold, not even escaped.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
DATES = re.compile(rb"<dcterms:(created|modified)\b.*?</dcterms:\1>", re.DOTALL)
CORE = "docProps/core.xml"
# The earliest a ZIP archive can say.
NO_DATE = (1980, 1, 1, 0, 0, 0)


def legal_text(text: str) -> str:
    """The text without characters that no XML file may hold, its line ends as line feeds."""
    return ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def settled(save: Callable[[IO[bytes]], object]) -> bytes:
    """The file that `save` writes, without the time at which it was written.

    The same contents so give the same bytes, and a custodian can compare hashes.
    """
    written, out = io.BytesIO(), io.BytesIO()
    save(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            entry = zipfile.ZipInfo(name, NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, DATES.sub(b"", data) if name == CORE else data)
    return out.getvalue()
