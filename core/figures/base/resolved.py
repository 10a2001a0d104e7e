"""Figures in the form that plotly.js draws only once."""

import copy
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

_AXES = re.compile(r"(xaxis|yaxis|coloraxis)\d*")
_FLOAT32_DIGITS = 7


def resolved(figure: go.Figure, *, clicked: bool = False) -> go.Figure:
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
        defaults = template.get("data", {}).get(trace["type"], [])
        for default in defaults[:1]:
            _fill(trace, default)
    _fill_layout(layout, template.get("layout", {}))
    layout["datarevision"] = 1
    if clicked:
        layout["clickmode"] = "event+select"
    plain = go.Figure({"data": [_listed(trace) for trace in traces]}, _validate=False)
    plain.layout = layout
    plain.layout.template = None
    return plain


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


def _listed(value: Any) -> Any:
    """Replace arrays by lists; numbers of single precision keep the digits that they have."""
    if isinstance(value, Mapping):
        return {name: _listed(part) for name, part in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.float32 and np.isfinite(value).any():
        largest = float(np.nanmax(np.abs(value[np.isfinite(value)])))
        digits = _FLOAT32_DIGITS - 1 - int(np.floor(np.log10(largest or 1.0)))
        value = np.round(value.astype(float), digits)
    return value.tolist()
