"""The verb that a shell asks once: completion, a script made of the parser of all verbs."""

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from sofs_bayes.cli.arguments import Parser, Verbs, add_verb

Known = Mapping[str, tuple[str, ...]]  # what a first word may be, by its name

BASH = """\
_sofs_bayes() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{verbs}"
  else
    case "${{COMP_WORDS[1]}} $before" in
{values}
    *) case "${{COMP_WORDS[1]}} $word" in
{options}
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _sofs_bayes sofs-bayes
"""


def add_completion(verbs: Verbs) -> None:
    """`completion`: a script for a shell. Added when all other verbs are there."""
    verb = add_verb(
        verbs,
        "completion",
        partial(_completion, verbs),
        "A script that lets a shell complete verbs, options and analyses.",
    )
    verb.add_argument("shell", choices=tuple(SHELLS), help="the shell that is to complete")


def _completion(verbs: Verbs, options: argparse.Namespace) -> int:
    from sofs_bayes.cli.manual import page_names
    from sofs_bayes.spec import bundled_models

    known = {"analysis": tuple(bundled_models()), "page": page_names()}
    known["population"] = ("icpc", "cla")
    print(SHELLS[options.shell](verbs.choices, known), end="")
    return 0


def _bash(verbs: Mapping[str, Parser], known: Known) -> str:
    """File names are completed where no word fits."""
    values, options = [], []
    for verb, parser in verbs.items():
        for option in _options(parser):
            if option.choices:
                ways = "|".join(f'"{verb} {name}"' for name in option.option_strings)
                values.append(f'    {ways}) words="{_choices(option)}" ;;')
        named = " ".join(name for each in _options(parser) for name in each.option_strings)
        options.append(f'      "{verb} -"*) words="{named}" ;;')
        if words := _first_words(parser, known):
            options.append(f'      "{verb} "*) [ "$COMP_CWORD" -eq 2 ] && words="{words}" ;;')
    return BASH.format(verbs=" ".join(verbs), values="\n".join(values), options="\n".join(options))


def _zsh(verbs: Mapping[str, Parser], known: Known) -> str:
    """Zsh runs what is written for bash."""
    start = "autoload -Uz compinit bashcompinit && compinit -u && bashcompinit\n"
    return start + _bash(verbs, known)


def _fish(verbs: Mapping[str, Parser], known: Known) -> str:
    return "".join(f"complete -c sofs-bayes {line}\n" for line in _fish_lines(verbs, known))


def _fish_lines(verbs: Mapping[str, Parser], known: Known) -> Iterator[str]:
    for verb, parser in verbs.items():
        about = shlex.quote((parser.description or "").split(". ")[0])
        yield f"-n __fish_use_subcommand -f -a {verb} -d {about}"
        of_verb = f"-n '__fish_seen_subcommand_from {verb}'"
        for option in _options(parser):
            yield f"{of_verb} {_fish_option(option)}"
        if words := _first_words(parser, known):
            yield f"{of_verb} -a '{words}'"


def _fish_option(option: argparse.Action) -> str:
    names = (f"-l {x[2:]}" if x.startswith("--") else f"-s {x[1:]}" for x in option.option_strings)
    value = f" -x -a '{_choices(option)}'" if option.choices else ""
    value = value or (" -r" if option.nargs != 0 else "")
    return f"{' '.join(names)}{value} -d {shlex.quote((option.help or '').replace('%%', '%'))}"


def _options(parser: Parser) -> list[argparse.Action]:
    return [each for each in parser._actions if each.option_strings]


def _first_words(parser: Parser, known: Known) -> str:
    """What may stand behind the verb, as far as it is known here."""
    first = next((each for each in parser._actions if not each.option_strings), None)
    if first is None:
        return ""
    return " ".join(known.get(first.dest, ())) or _choices(first)


def _choices(action: argparse.Action) -> str:
    """Those of one word each."""
    return " ".join(word for word in map(str, action.choices or ()) if " " not in word)


type Script = Callable[[Mapping[str, Parser], Known], str]

SHELLS: Mapping[str, Script] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
