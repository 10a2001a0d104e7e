"""Text in figures: what users wrote is shown as they wrote it, never read as HTML."""

import html
import math

_LONGEST = 90


def plain(text: str) -> str:
    """Return text that plotly shows literally, whatever it contains.

    plotly reads tags, character entities and, in hover templates, `%{…}` placeholders. Line breaks
    stay; a line that would not fit on a page is cut.

    Args:
        text: anything, such as a material id or a column name from a user's file.
    """
    lines = (
        line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
        for line in str(text).splitlines()
    )
    # plotly knows &amp; &lt; &gt; and numbered entities, but not &quot;: quotes stay as they are.
    return "<br>".join(html.escape(line, quote=False).replace("%", "&#37;") for line in lines)


def with_unit(title: str, unit: str) -> str:
    """Return an axis title that ends with its unit in brackets, once.

    Args:
        title: the quantity.
        unit: its unit; empty for a pure number.
    """
    suffix = f" ({unit})"
    return plain(title if not unit or title.endswith(suffix) else title + suffix)


def minus(text: str) -> str:
    """Return a number with the minus sign of print instead of a hyphen."""
    return text.replace("-", "−")


def signed(value: float, *, digits: int = 2) -> str:
    """Return a number with the minus sign of print; a dash where it is not defined."""
    return "–" if math.isnan(value) else minus(f"{value:.{digits}f}")


def compact(value: float, *, decimals: int = 2) -> str:
    """Return a number in at most six characters, for a cell of the periodic table.

    Args:
        value: a finite number.
        decimals: decimals of numbers below 10.
    """
    size = abs(value)
    if size >= 999_500:
        text = f"{value / 1e6:.1f}M"
    elif size >= 9_995:
        text = f"{value / 1e3:.0f}k"
    elif size >= 999.5:
        text = f"{value / 1e3:.1f}k"
    elif size >= 99.95 or float(value).is_integer():
        text = f"{value:.0f}"
    elif size >= 9.995:
        text = f"{value:.1f}"
    else:
        text = f"{value:.{decimals}f}"
        text = text if float(text) else text.lstrip("-")
    return minus(text)


def precise(value: float) -> str:
    """Return a number with five digits, and whole numbers with thousands separators."""
    if float(value).is_integer():
        return minus(f"{value:,.0f}")
    decimals = min(6, max(0, 4 - math.floor(math.log10(abs(value)))))
    return minus(f"{value:,.{decimals}f}")
