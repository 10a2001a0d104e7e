"""How well models tell stable from unstable phases: ROC, scores by threshold, confusion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core.figures.base.canvas import canvas, dashed
from core.figures.base.color import sample, text_on
from core.figures.base.text import minus, plain
from core.figures.base.theme import empty_figure, palette

HEIGHT: Final = 420

SCORES: Final = {"f1": "F1", "precision": "Precision", "recall": "Recall"}
_DASHES: Final = {"f1": "solid", "precision": "dash", "recall": "dot"}


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Line:
    """One model in a figure of several.

    Attributes:
        name: what the legend says; plain text.
        color: #RRGGBB, that of its method.
        dash: plotly's name of a dash, which tells models of one colour apart.
        table: its rows.
    """

    name: str
    color: str
    dash: str = "solid"
    table: pd.DataFrame


def roc(lines: Sequence[Line], *, dark: bool) -> go.Figure:
    """Draw the share of stable phases found against that of unstable phases taken for stable.

    Args:
        lines: models whose tables have the columns `fpr` and `tpr`, rising.
        dark: which theme.
    """
    drawn = [line for line in lines if np.isfinite(line.table[["fpr", "tpr"]].to_numpy()).any()]
    if not drawn:
        note = "A ROC curve needs stable and unstable phases."
        return empty_figure(note, dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    share = {"range": [-0.02, 1.02], "tickformat": ".0%", "constrain": "domain"}
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Unstable phases taken for stable",
        y="Stable phases found",
        xaxis=share,
        yaxis=share | {"scaleanchor": "x"},
        revision="roc",
    )
    figure.add_trace(
        go.Scatter(
            name="by chance",
            mode="lines",
            x=[0, 1],
            y=[0, 1],
            line={"color": colors.muted, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    )
    for line in drawn:
        false, true = (line.table[name].to_numpy(dtype=float) for name in ("fpr", "tpr"))
        figure.add_trace(
            go.Scatter(
                name=plain(line.name),
                mode="lines",
                x=false,
                y=true,
                line={"color": line.color, "width": 2.5, "dash": line.dash},
                hovertext=[
                    f"<b>{plain(line.name)}</b><br>Stable phases found: {found:.1%}"
                    f"<br>Unstable phases taken for stable: {taken:.1%}"
                    for taken, found in zip(false, true, strict=True)
                ],
            )
        )
    return figure


def score_curves(lines: Sequence[Line], *, threshold: float, dark: bool) -> go.Figure:
    """Draw F1, precision and recall against the threshold of stability.

    Args:
        lines: models whose tables have the columns `threshold` (meV/atom, rising), `f1`,
            `precision` and `recall`.
        threshold: the chosen threshold, meV/atom.
        dark: which theme.
    """
    if not lines:
        return empty_figure("No model is compared yet.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    scores = np.concatenate(
        [line.table[list(SCORES)].to_numpy(dtype=float).ravel() for line in lines]
    )
    lowest = float(np.nanmin(np.append(scores, 0.95)))
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Threshold above the hull (meV/atom)",
        y="Score",
        yaxis={"range": [max(-0.02, lowest - 0.05), 1.02]},
        revision="scores",
    )
    for line in lines:
        for score, name in SCORES.items():
            values = line.table[score].to_numpy(dtype=float)
            figure.add_trace(
                go.Scatter(
                    name=plain(line.name),
                    legendgroup=line.name,
                    showlegend=score == "f1",
                    mode="lines",
                    x=line.table["threshold"],
                    y=values,
                    line={
                        "color": line.color,
                        "width": 2.5 if score == "f1" else 1.5,
                        "dash": _DASHES[score],
                    },
                    hovertext=[
                        f"<b>{plain(line.name)}</b><br>{name} at {minus(f'{at:g}')} meV/atom: "
                        f"{value:.3f}"
                        for at, value in zip(line.table["threshold"], values, strict=True)
                    ],
                )
            )
    figure.add_traces([dashed(name, _DASHES[score], colors) for score, name in SCORES.items()])
    figure.add_vline(x=threshold, line={"color": colors.muted, "width": 1.5})
    return figure


def confusion(counts: ArrayLike, *, title: str, dark: bool) -> go.Figure:
    """Draw how many phases both, one or none of reference and model call stable.

    Args:
        counts: (2, 2) numbers of phases: rows stable and unstable by the reference, columns stable
            and unstable by the model.
        title: the model, for the horizontal axis; plain text.
        dark: which theme.
    """
    numbers = np.asarray(counts, dtype=float)
    total = numbers.sum()
    if not total:
        return empty_figure("No phase to classify.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    kinds = ["stable", "unstable"]
    # Of the reference's stable and unstable phases: their numbers differ much.
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1.0)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x=f"By {plain(title)}",
        y="By the reference",
        legend=False,
        xaxis={"showgrid": False, "side": "bottom"},
        yaxis={"showgrid": False, "autorange": "reversed"},
        dragmode=False,
    )
    figure.add_trace(
        go.Heatmap(
            x=kinds,
            y=kinds,
            z=shares,
            zmin=0.0,
            zmax=1.0,
            colorscale=list(colors.sequential),
            showscale=False,
            xgap=3,
            ygap=3,
            hovertext=[
                [
                    f"{int(numbers[i, j]):,} phases: {row} by the reference, {column} by the model"
                    f"<br>{shares[i, j]:.1%} of those {row} by the reference"
                    f"<br>{numbers[i, j] / total:.1%} of all"
                    for j, column in enumerate(kinds)
                ]
                for i, row in enumerate(kinds)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    texts = text_on(sample(colors.sequential, shares.ravel()))
    for (i, j), color in zip(np.ndindex(2, 2), texts, strict=True):
        figure.add_annotation(
            x=kinds[j],
            y=kinds[i],
            text=f"<b>{int(numbers[i, j]):,}</b><br>{shares[i, j]:.1%} of row",
            font={"color": color, "size": 15},
        )
    return figure
