"""Elements of a Word file that python-docx has no methods for."""

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

# Word's own limit for a bookmark.
LONGEST_NAME = 40


def add_field(paragraph: "Paragraph", code: str, result: str, *, stale: bool = False) -> None:
    """A field that Word works out anew, with the result it has as long as it has not.

    A `stale` one is worked out when the document is opened.
    """
    for kind in ("begin", code, "separate", result, "end"):
        run = paragraph.add_run()
        if kind == code:
            instruction = element("w:instrText")
            instruction.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            instruction.text = f" {code} "
            run._r.append(instruction)
        elif kind == result:
            run.text = result
        else:
            dirty = {"dirty": "true"} if stale and kind == "begin" else {}
            run._r.append(element("w:fldChar", fldCharType=kind, **dirty))


def number(paragraph: "Paragraph", sequence: str) -> None:
    """The next number of a sequence, as `Table` or `Figure`, which Word works out anew."""
    root = paragraph._p.getroottree().getroot()
    code = f"SEQ {sequence}"
    before = sum(code in (field.text or "") for field in root.iter(tag_of("w:instrText")))
    add_field(paragraph, f"{code} \\* ARABIC", str(1 + before))


def mark(paragraph: "Paragraph", name: str) -> None:
    """A bookmark around what the paragraph holds."""
    root = paragraph._p.getroottree().getroot()
    own = str(sum(1 for _ in root.iter(tag_of("w:bookmarkStart"))))
    first = 0 if paragraph._p.pPr is None else 1
    paragraph._p.insert(first, element("w:bookmarkStart", id=own, name=bookmark_of(name)))
    paragraph._p.append(element("w:bookmarkEnd", id=own))


def add_link(paragraph: "Paragraph", text: str, name: str) -> None:
    """Text that leads to a bookmark of the same document."""
    link = element("w:hyperlink", anchor=bookmark_of(name), history="1")
    link.append(paragraph.add_run(text)._r)
    paragraph._p.append(link)


def bookmark_of(name: str) -> str:
    """What a bookmark of this name is called: letters, digits and underscores, 40 at most."""
    legal = re.sub(r"\W", "_", f"_{name}", flags=re.ASCII)
    if len(legal) <= LONGEST_NAME:
        return legal
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{legal[: LONGEST_NAME - 9]}_{digest}"


def tag_of(name: str) -> str:
    """The full name of an element or attribute, from its short one (`w:p`)."""
    from docx.oxml.ns import qn

    return qn(name)


def element(tag: str, /, **attributes: str) -> Any:
    """A new element with attributes of Word's own namespace."""
    from docx.oxml import OxmlElement

    made = OxmlElement(tag)
    for key, value in attributes.items():
        made.set(tag_of(f"w:{key}"), value)
    return made


def child_of(parent: Any, name: str) -> Any:
    """The element's child of this name, added if there is none."""
    found = parent.find(tag_of(name))
    if found is None:
        found = element(name)
        parent.append(found)
    return found
