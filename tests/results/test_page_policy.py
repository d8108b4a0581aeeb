"""Every page says to browsers that it fetches nothing."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from sofs_bayes.cli import main
from sofs_bayes.tables.page_policy import closed

PAGE = '<!doctype html>\n<head>\n<meta charset="utf-8">\n<title>a</title>\n</head>\n'


def policy_of(page: str) -> str:
    (found,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    return str(found)


def test_its_own_scripts_run_and_no_others() -> None:
    script = "\nlet a = 'b';\n"
    page = closed(f"{PAGE}<script>{script}</script>")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy_of(page)
    assert page.index("Content-Security-Policy") < page.index("<title>")
    assert "script-src 'none'" in policy_of(closed(PAGE))


@pytest.mark.usefixtures("empty_pictures")
def test_all_that_is_written_as_html_is_closed(tmp_path: Path) -> None:
    assert main(["manual", "--all", "-o", str(tmp_path / "manual")]) == 0
    assert main(["published", "--audit", "-o", str(tmp_path / "audit.html")]) == 0
    assert main(["fit", "cla-printed", "-o", str(tmp_path / "run")]) == 0
    words = ["report", str(tmp_path / "run"), "-o", str(tmp_path / "report"), "--format", "html"]
    assert main(words) == 0
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 3
    for page in pages:
        assert policy_of(page.read_text("utf-8")).startswith("default-src 'none'; img-src data:")
