"""Numbers and their nouns, as sentences have them."""


def counted(number: float, noun: str, many: str = "") -> str:
    """A whole number of things: "no rows", "1 authority", "2 authorities", "1,200 rows".

    Parameters
    ----------
    many
        The noun where there is not just one; default: with an s.
    """
    return f"{f'{number:,.0f}' if number else 'no'} {noun if number == 1 else many or f'{noun}s'}"
