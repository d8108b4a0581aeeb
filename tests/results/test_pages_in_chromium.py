"""Pages in a browser: the threshold moves, nothing is fetched, all can be reached and read."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.published.audit import audit
from sofs_bayes.runs.run_folder import Run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")

LINEAR = "icpc-linear"
PROBABILITY = "#explorer-probability"


FIRST_RESULT = 700  # pixels from the top of a screen of 1366


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """A function: a file opened in a tab of its own, at a width and with a fragment."""
    contexts = []

    def open_page(
        path: Path, fragment: str = "", *, width: int = 1200, scripts: bool = True
    ) -> Any:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, java_script_enabled=scripts)
        context.set_default_timeout(0)  # however busy the machine is
        contexts.append(context)
        page = context.new_page()
        page.requests = []
        page.errors = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(path.as_uri() + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def index(report_folder: Path) -> Path:
    return report_folder / "index.html"


@pytest.fixture(scope="module")
def above(reported_runs: tuple[Run, Run]) -> dict[tuple[str, str, float], float]:
    """By analysis, prior and threshold in points what the pooled effect's rows say."""
    return {
        (run.analysis.name, row.prior, round(100 * row.threshold, 6)): row.above
        for run in reported_runs
        for row in run.rows(ThresholdRow)
        if row.target == "pooled" and row.variant == run.rows(ThresholdRow)[0].variant
    }


def told(page: Any) -> float:
    return float(page.get_attribute(PROBABILITY, "data-probability"))


# ------------------------------------------------------------------------------- explorer


def test_the_keyboard_moves_the_threshold_to_the_next_row(
    opened: Callable[..., Any], index: Path, above: dict[tuple[str, str, float], float]
) -> None:
    page = opened(index)
    page.select_option("#explorer-analysis", LINEAR)
    assert told(page) == pytest.approx(above[LINEAR, "reference", 0], abs=1e-6)
    page.focus("#explorer-range")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#explorer-number") == "1"
    assert told(page) == pytest.approx(above[LINEAR, "reference", 1], abs=1e-6)
    page.keyboard.press("Home")
    assert told(page) == pytest.approx(above[LINEAR, "reference", -10], abs=1e-6)
    assert page.get_attribute("#explorer-range", "aria-valuetext") == "−10 percentage points"
    assert page.errors == []


def test_a_number_between_rows_is_read_off_the_line(
    opened: Callable[..., Any], index: Path, above: dict[tuple[str, str, float], float]
) -> None:
    page = opened(index)
    page.select_option("#explorer-analysis", LINEAR)
    page.fill("#explorer-number", "1.25")
    between = (above[LINEAR, "reference", 1] + above[LINEAR, "reference", 1.5]) / 2
    assert told(page) == pytest.approx(between, abs=1e-6)
    page.fill("#explorer-number", "99")
    assert page.get_attribute("#explorer-number", "aria-invalid") == "true"
    assert told(page) == pytest.approx(between, abs=1e-6)


def test_another_prior_gives_its_own_probability(
    opened: Callable[..., Any], index: Path, above: dict[tuple[str, str, float], float]
) -> None:
    page = opened(index)
    page.select_option("#explorer-analysis", LINEAR)
    page.select_option("#explorer-prior", "sceptical")
    assert told(page) == pytest.approx(above[LINEAR, "sceptical", 0], abs=1e-6)
    assert above[LINEAR, "sceptical", 0] != above[LINEAR, "reference", 0]
    said = page.inner_text("#explorer-said")
    assert "Prior: sceptical" in said
    assert f"is {above[LINEAR, 'sceptical', 0]:.2f}" in said


def test_made_up_children_are_named_as_such_wherever_their_curve_is(
    opened: Callable[..., Any], index: Path
) -> None:
    page = opened(index)
    assert "Simulated children" not in page.inner_text("#explorer-said")
    page.select_option("#explorer-analysis", LINEAR)
    said = page.inner_text("#explorer-said")
    assert said.startswith("Simulated children.")
    assert "says nothing about real people" in said
    assert "Simulated children" in page.text_content("#explorer-curve svg")
    assert "Simulated children" in page.get_attribute("#explorer-curve svg", "aria-label")


def test_the_point_lies_on_the_curve(opened: Callable[..., Any], index: Path) -> None:
    page = opened(index)
    page.fill("#explorer-number", "2")
    bottom, top = (
        float(page.locator("#explorer-curve line").nth(i).get_attribute("y1") or 0) for i in (0, 4)
    )
    height = float(page.get_attribute("#explorer-curve circle", "cy"))
    assert (bottom - height) / (bottom - top) == pytest.approx(told(page), abs=1e-6)


def test_the_address_holds_the_choice(opened: Callable[..., Any], index: Path) -> None:
    page = opened(index)
    assert "#" not in page.url
    page.select_option("#explorer-analysis", LINEAR)
    page.select_option("#explorer-prior", "sceptical")
    page.fill("#explorer-number", "-1.5")
    fragment = page.evaluate("location.hash")
    again = opened(index, fragment)
    assert again.input_value("#explorer-analysis") == LINEAR
    assert again.input_value("#explorer-prior") == "sceptical"
    assert again.input_value("#explorer-number") == "-1.5"
    assert told(again) == told(page)


@pytest.mark.parametrize("fragment", ["#explore?analysis=none&prior=%00&threshold=x", "#explore?"])
def test_a_damaged_address_does_no_harm(
    opened: Callable[..., Any], index: Path, fragment: str
) -> None:
    page = opened(index, fragment)
    assert 0 <= told(page) <= 1
    assert page.errors == []


def test_without_javascript_a_table_stands_there(opened: Callable[..., Any], index: Path) -> None:
    page = opened(index, scripts=False)
    assert page.is_visible("#explorer-table table")
    assert not page.is_visible("#explorer-form")


def test_the_page_makes_no_request(opened: Callable[..., Any], index: Path) -> None:
    page = opened(index)
    page.select_option("#explorer-analysis", LINEAR)
    assert [url for url in page.requests if not url.startswith(("data:", index.as_uri()))] == []
    assert page.requests  # it is seen that the page itself was


@pytest.mark.parametrize("width", [320, 1200])
def test_the_page_does_not_scroll_sideways(
    opened: Callable[..., Any], index: Path, width: int
) -> None:
    page = opened(index, width=width)
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_skip_link_comes_first(opened: Callable[..., Any], index: Path) -> None:
    page = opened(index)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


# --------------------------------------------------------------------------- accessibility


def violations(page: Any) -> list[str]:
    """What axe-core finds, with all that is folded open."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def test_axe_finds_nothing_in_the_report(opened: Callable[..., Any], index: Path) -> None:
    page = opened(index)
    page.select_option("#explorer-analysis", LINEAR)  # with the marks of simulated children
    assert violations(page) == []


PLANTED = {
    "image-alt": '<img src="data:,">',
    "heading-order": "<h4>Too deep</h4>",
    "color-contrast": '<p style="color:#bbb">pale</p>',
    "label": "<input>",
}


def test_axe_finds_what_is_planted(opened: Callable[..., Any], tmp_path: Path, index: Path) -> None:
    html = index.read_text(encoding="utf-8")
    place = '<h2 id="answer">'
    bad = html.replace(place, "".join(PLANTED.values()) + place)
    (tmp_path / "bad.html").write_text(bad, encoding="utf-8")
    found = violations(opened(tmp_path / "bad.html"))
    assert {each.split(":")[0] for each in found} == set(PLANTED)


@pytest.fixture
def _small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take seconds to save, and what is looked at here is the page around them."""
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    monkeypatch.setattr("sofs_bayes.pages.figure_files.save", lambda *_: None)
    monkeypatch.setattr("sofs_bayes.pages.figure_files._embedded", lambda *_: pixel)


@pytest.mark.usefixtures("_small_pictures")
def test_axe_finds_nothing_in_the_re_analysis(
    opened: Callable[..., Any], tmp_path: Path, printed_run: Run, open_run: Run
) -> None:
    from sofs_bayes.pages.page import write_page
    from sofs_bayes.pages.report_page import report_page

    runs, versions = [printed_run, open_run], {"python": "3.12"}
    write_page(tmp_path, report_page(runs, audit=audit(), versions=versions))
    wide = opened(tmp_path / "index.html", width=1366)
    top = wide.evaluate("document.querySelector('#answer + dl').getBoundingClientRect().top")
    assert top <= FIRST_RESULT
    beside = wide.evaluate(
        "document.querySelector('#answer + dl + figure').getBoundingClientRect().top"
    )
    assert beside == top
    assert wide.evaluate("document.querySelectorAll('details.annex[open]').length") == 0
    page = opened(tmp_path / "index.html", width=320)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.usefixtures("_small_pictures")
def test_axe_finds_nothing_in_a_calibration(
    opened: Callable[..., Any], tmp_path: Path, calibrated: Calibrated
) -> None:
    from sofs_bayes.pages.calibration_page import write_calibration

    write_calibration(tmp_path, calibrated, versions={"python": "3.12"})
    page = opened(tmp_path / "index.html", width=320)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
