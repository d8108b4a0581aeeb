"""Elements of a Word file that python-docx has no methods for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph


def add_field(paragraph: "Paragraph", code: str, result: str) -> None:
    """A field that Word works out anew, with the result it has as long as it has not."""
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
            run._r.append(element("w:fldChar", fldCharType=kind))


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
