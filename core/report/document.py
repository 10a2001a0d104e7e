"""What a report is made of, whatever form it is written in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pandas as pd
import plotly.graph_objects as go

from core.frames.provenance import Provenance
from core.runs.record.directory import Run


@dataclass(kw_only=True, frozen=True)
class Figure:
    """A figure with its data.

    Attributes:
        name: unique in the report; names the files of the figure.
        figure: the figure, in the light theme.
        caption: one or two sentences on what to see.
        source: data and origin of the labels.
        table: the tidy data behind the figure.
    """

    name: str
    figure: go.Figure
    caption: str
    source: Provenance
    table: pd.DataFrame


@dataclass(kw_only=True, frozen=True)
class Table:
    """A table.

    Attributes:
        title: its title.
        table: its rows; names of columns are titles with units.
        note: what to know of its numbers; may be empty.
    """

    title: str
    table: pd.DataFrame
    note: str = ""


@dataclass(kw_only=True, frozen=True)
class Section:
    """A run, an experiment, a sweep, or an analysis as a page shows it.

    Attributes:
        title: its title.
        id: the id of what it is about; an analysis gets one from the report.
        paragraphs: plain sentences.
        tables: tables.
        figures: figures.
        facts: settings and origins by group: value by name; empty values are left out.
        commands: what repeats it on the command line.
        models: runs whose models belong to it.
    """

    title: str
    id: str = ""
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    commands: Sequence[str] = ()
    models: Sequence[Run] = ()

    def placed(self, id_: str, command: str) -> Self:
        """Return the section about an analysis with an id, which names its figures too.

        Args:
            id_: unique in the report.
            command: what repeats it on the command line.
        """
        # Names of columns are in them, and a file of an archive is named by them.
        figures = [
            replace(each, name=re.sub(r"[^\w-]+", "-", f"{id_}-{each.name}"))
            for each in self.figures
        ]
        return replace(self, id=id_, commands=[command], figures=figures)


@dataclass(kw_only=True, frozen=True)
class Report:
    """Sections in the order in which they are shown.

    Attributes:
        title: title of the report.
        sections: what it is about.
        written: when, UTC epoch seconds.
    """

    title: str
    sections: Sequence[Section]
    written: float

    @property
    def models(self) -> list[Run]:
        """The runs whose models belong to it, each once."""
        return list({run.id: run for part in self.sections for run in part.models}.values())
