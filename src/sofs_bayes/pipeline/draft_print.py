"""A printed table that was typed in → drafts of analyses from print, one for each column."""

from collections.abc import Iterator, Sequence

from sofs_bayes.pipeline.draft import decide, toml_text
from sofs_bayes.pipeline.from_print import UNKNOWN, UNKNOWN_WHY
from sofs_bayes.published.typed_table import TypedCell
from sofs_bayes.spec.names import file_stem
from sofs_bayes.tables.formats import Column, Table, table_of


def print_texts(file: str, cells: Sequence[TypedCell], stem: str) -> dict[str, str]:
    """The drafts by name of file; a table of one column makes one, called by the stem alone."""
    columns = list(dict.fromkeys(cell.column for cell in cells))
    texts: dict[str, str] = {}
    for number, column in enumerate(columns, 1):
        name = f"{stem}-print" if len(columns) == 1 else file_stem(f"{stem}-{number}-{column}")
        own = [cell for cell in cells if cell.column == column]
        texts[f"{name}.toml"] = "\n".join(_draft(file, own, name)) + "\n"
    return texts


def typed_cells_table(file: str, cells: Sequence[TypedCell]) -> Table:
    """Every cell as typed, and what it was read as, or why it cannot be used."""
    return table_of(
        "typed-cells",
        f"{file}: what was typed in, and what it is read as",
        cells,
        [
            Column(key="row", heading="Row"),
            Column(key="column", heading="Column"),
            Column(key="text", heading="As typed"),
            Column(key="error", heading="Error below it"),
            Column(key="stars", heading="Stars", format="integer"),
            Column(key="fault", heading="Not read; allowed"),
        ],
        evidence="published",
        study=file,
    )


def _draft(file: str, cells: Sequence[TypedCell], name: str) -> Iterator[str]:
    read = [cell for cell in cells if not cell.fault]
    yield f"# Drafted by `sofs-bayes init` from {file}, column {cells[0].column}."
    yield "# Every DECIDE is yours: no verb works while one is left. The rows as typed:"
    for cell in cells:
        said = f" (not read; allowed: {cell.fault})" if cell.fault else ""
        yield f"#   {cell.row}: {cell.text} {cell.error}".rstrip() + said
    yield ""
    yield 'kind = "printed"'
    yield f"name = {toml_text(name)}"
    yield f"title = {decide('how results are labelled')}"
    yield f"outcome = {decide('what is counted, as protection plans')}"
    yield f"why = {decide('which question the table answers, in a sentence')}"
    yield ""
    yield "[as_printed]"
    yield f"source = {decide('where it is printed, as Table 2 of Smith (2020)')}"
    yield from _rows(read)
    yield ""
    yield from _design()
    yield from _priors(several=len(read) > 1)


def _rows(read: Sequence[TypedCell]) -> Iterator[str]:
    """The effect and the pilot difference: filled in only where there is nothing to choose."""
    named = "; ".join(f"{cell.row}: {cell.text}" for cell in read) or "no cell could be read"
    if len(read) == 1:
        yield f"did = {toml_text(read[0].text)}  # {read[0].row}"
        if read[0].error:
            yield f"did_se = {toml_text(read[0].error)}"
        return
    yield f"did = {decide(f'the effect as printed, with its stars; one of {named}')}"
    wanted = f"the pilot difference, or delete this line where none is printed; one of {named}"
    yield f"pilot = {decide(wanted)}"
    if any(cell.error for cell in read):
        yield f"did_se = {decide('the number in parentheses below the effect, if it is its error')}"


def _design() -> Iterator[str]:
    yield "[design]"
    yield f"scale = {decide('risk, log-odds or units (then unit = a name, and no base_rate)')}"
    yield f"pilots = {decide('how many treated units there are')}"
    yield f"comparators = {decide('how many others')}"
    yield f"years_pre = {decide('how many years before are averaged')}"
    yield f"years_post = {decide('how many years after')}"
    yield f"base_rate = {decide('the usual rate of the outcome, as 0.11')}"
    yield "# children = how many, over all units and years, where rows are children"
    yield ""
    yield "[[readings]]"
    yield 'name = "as printed"'
    wanted = "authority where errors are clustered on the unit; else none, child or comparators"
    yield f"se_reading = {decide(wanted)}"
    yield f"why = {decide('what says so: a note below the table, or the text')}"
    yield ""
    yield "[critical_values]"
    yield 'distribution = "normal"  # or "t", with df = number of clusters less one'
    yield f"star_levels = [{decide('p-values of one, two, three stars, as 0.1, 0.05, 0.01')}]"
    yield f"why = {decide('the key below the table, in words')}"
    yield ""


def _priors(*, several: bool) -> Iterator[str]:
    yield "[priors.authority_sd]"
    yield f"scale = {decide('how far the means of units differ, as half the base rate')}"
    yield f"why = {decide('what is known of it')}"
    yield ""
    yield "[priors.correlation]"
    yield "# `sofs-bayes published --correlation` makes one from a panel of the same kind of units;"
    yield "# fixed = 0.0 in place of a and b where other persons are seen before and after."
    yield f"a = {UNKNOWN[0]}"
    yield f"b = {UNKNOWN[1]}"
    yield f"why = {toml_text(UNKNOWN_WHY)}"
    yield ""
    if several:
        yield "[priors.pilot_difference]  # delete it where no pilot difference is printed"
        yield "mean = 0.0"
        yield f"sd = {decide('how far the arms may differ before')}"
        yield f"why = {decide('what is known of it')}"
        yield ""
    yield "[effect_priors.reference]"
    yield "mean = 0.0"
    yield f"sd = {decide('how large effects can be')}"
    yield f"why = {decide('what is known of such programmes')}"
    yield ""
    yield "[estimands]"
    yield f"statements = [{{ scale = {decide('as the design')}, above = 0.0 }}]"
