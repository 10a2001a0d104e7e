"""A report as one HTML file that needs nothing else: figures live, data inside, no network."""

import base64
import math
import time
from functools import cache
from numbers import Number
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from core.csv_text import csv_text
from core.figures.base.theme import figure_config
from core.report.citations import ENTRIES, cited
from core.report.document import Figure, Report
from core.runs.record.machine import software


def page(report: Report) -> str:
    """Return a report as HTML; every text of a user is escaped.

    Args:
        report: the report.
    """
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            plotly=get_plotlyjs(),
            software=software(),
            citations=[ENTRIES[key] for key in cited(report)],
            date=time.strftime("%Y-%m-%d", time.localtime(report.written)),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("core.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"cell": _cell, "chart": _chart, "csv_link": _csv_link}
    return environment


def _cell(value: Any) -> str:
    """Return a value of a table: numbers with four digits, a dash where there is none."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, Number) else str(value)


def _chart(figure: Figure) -> str:
    config = figure_config(figure.name)
    return str(figure.figure.to_html(full_html=False, include_plotlyjs=False, config=config))


def _csv_link(figure: Figure) -> str:
    return f"data:text/csv;base64,{base64.b64encode(csv_of(figure)).decode()}"


def csv_of(figure: Figure) -> bytes:
    """Return the data behind a figure as CSV, with a column that says where they come from."""
    table = figure.table.assign(labels=figure.source.line)
    return csv_text(table).encode()
