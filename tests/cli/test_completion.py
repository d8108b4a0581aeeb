"""Completion: the scripts are run by the shells that they are for."""

import shutil
import subprocess

import pytest

from sofs_bayes.cli import main
from sofs_bayes.cli.manual import page_names
from sofs_bayes.spec import bundled_models

# A line as typed so far, and what it may go on with.
TYPED = {
    "sofs-bayes fi": {"figure", "fit"},
    "sofs-bayes fit icpc-print": {"icpc-printed", "icpc-printed-without-pilot-4"},
    "sofs-bayes fit icpc-printed --leave": {"--leave-out"},
    "sofs-bayes fit icpc-printed --leave-out pi": {"pilots"},
    "sofs-bayes completion z": {"zsh"},
    "sofs-bayes manual gl": {"glossary"},
    "sofs-bayes simulate ic": {"icpc"},
    "sofs-bayes fit nothing-of-the-sort": set(),
}
BASH = """{script}
COMP_WORDS=({line}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_sofs_bayes; printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def said(words: list[str], text: str) -> set[str]:
    ended = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert ended.returncode == 0 and not ended.stderr, ended.stderr
    return {line.split("\t")[0] for line in ended.stdout.splitlines() if line}


@pytest.mark.parametrize(("line", "found"), TYPED.items())
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes(line: str, found: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(["bash", "-s"], BASH.format(script=script("bash", capsys), line=line)) == found


@pytest.mark.parametrize(("line", "found"), TYPED.items())
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(line: str, found: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    asked = f"{script('fish', capsys)}complete -C '{line}'\n"
    assert said(["fish", "--no-config"], asked) == found


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("zsh", capsys) + 'print -- "${_comps[sofs-bayes]}"\n'
    (found,) = said(["zsh", "-f"], text)
    assert "_sofs_bayes" in found


def test_a_script_names_every_verb_analysis_and_page(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("bash", capsys)
    for name in (*bundled_models(), *page_names()):
        assert name in text.split('"manual "')[1 if name in page_names() else 0], name


def test_another_shell_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", "cmd"])
    assert ended.value.code == 2
    assert "invalid choice: 'cmd'" in capsys.readouterr().err
