"""Reports as files: one page, or an archive with the page, the data and the models."""

import zipfile
from pathlib import Path
from typing import IO

import orjson
import pandas as pd

from core.errors import LabError
from core.files import disk_errors, whole_file, write_whole
from core.report.document import Report, Section
from core.report.html import csv_of, page
from core.report.svg import drawn
from core.runs.export.card import model_card
from core.runs.record.machine import software

_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2


def check_new(path: Path) -> None:
    """Refuse a file that no report can be written to.

    Raises:
        LabError: if it exists, or has another ending than `.html` and `.zip`.
    """
    if path.suffix not in {".html", ".zip"}:
        raise LabError(f"{path}: a report is an .html file or a .zip archive; name it so.")
    if path.exists():
        raise LabError(f"{path}: exists already; name a new file.")


def write_report(report: Report, path: Path) -> None:
    """Write a report, as a page or an archive by the file's ending; no file is replaced.

    Args:
        report: the report.
        path: a new file, `.html` or `.zip`.

    Raises:
        LabError: if the file exists, has another ending, or cannot be written.
    """
    check_new(path)
    with disk_errors(path):
        if path.suffix == ".html":
            write_whole(path, page(report).encode())
        else:
            with whole_file(path) as file:
                write_archive(report, file)


def write_archive(report: Report, file: IO[bytes]) -> None:
    """Write a zip of the page, figures as SVG, CSV and JSON, tables, and models with their cards.

    Where figures cannot be drawn as SVG here, a file beside them says why.

    Args:
        report: the report.
        file: where the archive is written; it can seek.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.html", page(report))
        archive.writestr("report.json", orjson.dumps(as_data(report), default=_plain, option=_JSON))
        figures = [figure for section in report.sections for figure in section.figures]
        for figure in figures:
            archive.writestr(f"figures/{figure.name}.csv", csv_of(figure))
            archive.writestr(f"figures/{figure.name}.plotly.json", figure.figure.to_json())
        try:
            for name, data in drawn(figures).items():
                archive.writestr(f"figures/{name}.svg", data)
        except LabError as error:
            archive.writestr("figures/README.txt", f"{error}\n")
        for run in report.models:
            name = f"models/{run.id}.pth.tar"
            archive.write(run.best_checkpoint, name, zipfile.ZIP_STORED)
            archive.writestr(f"models/{run.id}.card.md", model_card(run, file=Path(name).name))


def as_data(report: Report) -> dict[str, object]:
    """Return what a report says, as plain values: texts, tables, settings, commands, versions."""
    return {
        "title": report.title,
        "written": report.written,
        "software": software(),
        "sections": [_section_data(section) for section in report.sections],
    }


def _section_data(section: Section) -> dict[str, object]:
    return {
        "id": section.id,
        "title": section.title,
        "text": [text for text in section.paragraphs if text],
        "tables": {table.title: table.table.to_dict("records") for table in section.tables},
        "figures": {
            figure.name: {"caption": figure.caption, "source": figure.source.text}
            for figure in section.figures
        },
        "facts": section.facts,
        "commands": list(section.commands),
    }


def _plain(value: object) -> str | None:
    return None if value is pd.NA else str(value)
