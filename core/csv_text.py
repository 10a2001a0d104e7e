"""CSV that spreadsheets show as it is: no cell of text is a formula to them.

A spreadsheet computes what begins with = + - @ and may then open addresses or start programs. In
text from users such cells get an apostrophe in front, by which spreadsheets tell text
(owasp.org/www-community/attacks/CSV_Injection). Numbers stay numbers.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(table: "pd.DataFrame", *, header: bool = True) -> str:
    """Return a table as CSV without its index.

    Args:
        table: the table.
        header: whether the names of the columns come first.
    """
    shown = table.rename(columns=as_text)
    for place, dtype in enumerate(shown.dtypes):
        if dtype.kind not in "biufcmM":
            shown.isetitem(place, shown.iloc[:, place].map(as_text).to_numpy())
    return shown.to_csv(index=False, header=header)


def as_text(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; a number stays one."""
    is_text = isinstance(value, str) and len(value) > 1
    if is_text and value.startswith(_SIGNS) and not _is_number(value):
        return f"'{value}"
    return value


def as_written(cell: str) -> str:
    """Return the text of which `as_text` made a cell."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_SIGNS) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isprintable()
