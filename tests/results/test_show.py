"""Showing: as text in a script, as contents by media type in a notebook."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.pages.pictures import drawings
from sofs_bayes.pages.show import show
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables.formats import Column, Table


@pytest.fixture
def table() -> Table:
    columns = (Column(key="a", heading="A & B"), Column(key="n", heading="N", format="integer"))
    return Table(name="t", title="A table", columns=columns, rows=(("x", 3),), evidence="synthetic")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What a notebook would have been given."""
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    take = lambda thing: found.append(thing._repr_mimebundle_(include=None, exclude=None))  # noqa: E731
    monkeypatch.setattr(builtins, "display", take, raising=False)
    return found


def test_a_script_prints_markdown_and_sentences(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    show(table, "The effect is <large>.", evidence="open-data")
    out = capsys.readouterr().out
    assert "| x | 3 |" in out
    assert "It says nothing about real people." in out
    assert "[open-data] The effect is <large>." in out


def test_a_notebook_gets_html_of_tables_and_escaped_sentences(
    table: Table, shown: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    show(table, "-0.5* < 1, 2014-15", evidence="published")
    (first, _), (second, _) = shown
    assert "<caption>A table</caption>" in first["text/html"]
    assert 'tabindex="0" aria-label="A table"' in first["text/html"]  # wide tables are scrolled
    assert "id=" not in first["text/html"]  # shown twice, an id would not be one
    assert "A &amp; B" in first["text/html"]
    assert "\N{MINUS SIGN}0.5* &lt; 1, 2014-15</p>" in second["text/html"]
    assert "[published]" in second["text/html"]
    assert second["text/plain"] == "[published] -0.5* < 1, 2014-15"


def test_a_sentence_without_evidence_has_no_mark(
    shown: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    show("No files.")
    assert shown[0][0]["text/html"] == "<p>No files.</p>"


def test_a_notebook_gets_a_picture_with_its_alt_text(
    printed_run: Run, shown: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    (drawing, *_) = drawings(printed_run)
    show(drawing)
    show(drawing)
    (contents, metadata), (again, _) = shown
    assert contents["image/png"].startswith(b"\x89PNG")
    assert contents["image/png"] == again["image/png"]
    assert metadata["image/png"]["alt"] == drawing.alt
    assert drawing.alt in contents["text/plain"]


def test_a_markdown_file_is_shown_as_markdown(
    tmp_path: Path, shown: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    (tmp_path / "a.md").write_text("**T**\n", encoding="utf-8")
    show(tmp_path / "a.md")
    assert shown[0][0]["text/markdown"] == "**T**\n"


@pytest.mark.parametrize("thing", [3, None, Path("absent.md"), Path(__file__)])
def test_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(BadInput, match="Markdown file"):
        show(thing)


def test_nothing_is_shown_if_one_thing_is_refused(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput):
        show(table, 3)  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_a_table_by_itself_is_shown_as_html_and_given_as_a_frame(table: Table) -> None:
    assert "<caption>A table</caption>" in table._repr_html_()
    frame = table.to_frame()
    assert frame.to_dict("records") == [
        {"a": "x", "n": 3, "evidence": "synthetic", "status": "converged"}
    ]
    assert frame.attrs == {"title": "A table", "notes": []}


def test_a_run_by_itself_shows_its_evidence_and_effects(printed_run: Run) -> None:
    html = printed_run._repr_html_()
    assert "published-inferred" in html and "<caption>" in html
    assert printed_run.prior in html
    frame = printed_run.to_frame()
    assert len(frame) == len(printed_run.effects)
    assert set(frame["evidence"]) == {printed_run.evidence}
    effect = frame[(frame["prior"] == printed_run.prior) & (frame["role"] == "effect (DiD)")]
    assert effect["median"].iloc[0] == next(
        row.median
        for row in printed_run.effects
        if row.prior == printed_run.prior and row.is_effect and row.scale == effect["scale"].iloc[0]
    )
