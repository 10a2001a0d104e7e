"""Figures in the form that plotly.js draws only once."""

import copy
import re
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

_AXES = re.compile(r"(xaxis|yaxis|coloraxis)\d*")


class Resolved(go.Figure):
    """A figure whose JSON is as it was given: plotly would copy it three times and pack arrays."""

    def __init__(self, data: list[dict[str, Any]], layout: dict[str, Any]) -> None:
        super().__init__()
        self._as_given = {"data": data, "layout": layout}

    def to_dict(self) -> dict[str, Any]:
        """Return properties of data and layout; arrays among them become lists in JSON."""
        return self._as_given


def resolved(figure: go.Figure, *, clicked: bool = False) -> Resolved:
    """Return a figure with its template filled in and its numbers as lists.

    Streamlit hands every figure to plotly.js twice, the second time as a copy, and plotly.js draws
    it again where the two differ. Copies of a template and of a typed array always do; equal
    properties do not, nor lists while `layout.datarevision` is the same. A changed figure is a new
    element of the page, so the revision may stay.

    Args:
        figure: a figure with the template of `core.figures.base.theme`; it stays as it is.
        clicked: whether clicks are reported, which Streamlit would ask for between both times.
    """
    layout = figure.layout.to_plotly_json()
    traces = [trace.to_plotly_json() for trace in figure.data]
    template = layout.pop("template", {})
    for trace in traces:
        for defaults in template.get("data", {}).get(trace["type"], [])[:1]:
            _fill(trace, defaults)
    _fill_layout(layout, template.get("layout", {}))
    layout["datarevision"] = 1
    if clicked:
        layout["clickmode"] = "event+select"
    return Resolved(traces, layout)


def _fill_layout(layout: dict[str, Any], template: Mapping[str, Any]) -> None:
    axes = {name: match[1] for name in layout if (match := _AXES.fullmatch(name))}
    for name, default in template.items():
        if name == "annotationdefaults":
            for annotation in layout.get("annotations", ()):
                _fill(annotation, default)
        elif name in ("xaxis", "yaxis", "coloraxis"):
            for axis in (axis for axis, kind in axes.items() if kind == name):
                _fill(layout[axis], default)
        else:
            _fill(layout, {name: default})


def _fill(given: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Add what is not given, at every depth."""
    for name, default in defaults.items():
        if isinstance(given.get(name), dict) and isinstance(default, Mapping):
            _fill(given[name], default)
        elif given.get(name) is None:
            given[name] = copy.deepcopy(default)
