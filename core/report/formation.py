"""The section of a report about formation energies, and the figure that the page draws of them."""

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.text import signed
from core.figures.shifts.parity import parity
from core.frames.provenance import Provenance, describe_energies, energy_title
from core.reference.formation.table import ALL, FormationTable, mae_by_chemistry
from core.report.document import Figure, Section, Table
from core.report.origins import facts_of


def formation_section(
    formation: FormationTable,
    dataset: str,
    measured: str | None,
    compared: tuple[str, str] | None = None,
) -> Section:
    """Return the section about formation energies in every functional.

    Args:
        formation: the energies.
        dataset: name of the data set, or absolute path of the table file.
        measured: column of measured energies; None if there is none.
        compared: names in `energies` or `measured`, across and up; None for those that the page
            opens with.
    """
    source = provenance_of(formation)
    return Section(
        title=f"Formation energies: {formation.data.card.name}",
        paragraphs=[source.text, *(f"{k}: {v}" for k, v in formation.without_references.items())],
        tables=[
            *([] if measured is None else _errors(formation, measured)),
            Table(
                title="The elements' energies",
                table=formation.elements().rename(
                    columns={"symbol": "Element"}
                    | {
                        column.name: f"{energy_title(column.column)}, eV/atom"
                        for column in formation.columns
                    }
                ),
            ),
        ],
        figures=_parities(formation, measured, compared),
        facts={
            "Data": facts_of(
                [dataset],
                *(
                    (each.column.functional, each.column.labels, each.column.corrections)
                    for each in formation.columns
                ),
            )
        },
    )


def _errors(formation: FormationTable, measured: str) -> list[Table]:
    errors = formation.errors(measured)
    heads = {
        "energy": "Formation energy",
        "n": "Materials",
        "mae": "MAE, eV/atom",
        "me": "ME, eV/atom",
    }
    by_chemistry = {"chemistry": "Chemistry", "n": "Materials"} | {
        name: f"{name}, MAE eV/atom" for name in formation.energies
    }
    return [
        Table(
            title=f"Errors against {measured}",
            table=errors[errors["chemistry"] == ALL]
            .drop(columns="chemistry")
            .rename(columns=heads),
            note="Over the materials with a measured energy and a value in every row. Measured "
            "enthalpies hold at 298 K, computed energies at 0 K without zero-point motion.",
        ),
        Table(
            title=f"Errors against {measured} by chemistry",
            table=mae_by_chemistry(errors).rename(columns=by_chemistry),
        ),
    ]


def _parities(
    formation: FormationTable, measured: str | None, compared: tuple[str, str] | None
) -> list[Figure]:
    """Return the figure that was asked for, and each functional against experiment."""
    names = list(formation.measured | formation.energies)
    if len(names) < 2:
        return []
    axes = [compared or (names[0], formation.partner_of(names[0]))]
    if measured is not None:
        axes += [(measured, name) for name in formation.energies]
    figures: list[Figure] = []
    for x, y in dict.fromkeys(axes):
        table = formation.comparison(x, y)
        if table.empty:
            continue
        figures.append(
            Figure(
                name=f"parity-{len(figures) + 1}",
                figure=formation_parity(formation, x, y, dark=False),
                caption=difference_text(table),
                source=provenance_of(formation),
                table=table[["material_id", "formula", "x", "y"]].rename(columns={"x": x, "y": y}),
            )
        )
    return figures


def formation_parity(
    formation: FormationTable, x: str, y: str, *, grouped: bool = False, dark: bool
) -> go.Figure:
    """Draw formation energies against others, or against experiment.

    Args:
        formation: the energies.
        x: name in `energies` or `measured`.
        y: the same.
        grouped: whether colours tell chemistries apart.
        dark: whether the background is dark.
    """
    table = formation.comparison(x, y)
    return parity(
        table["x"].to_numpy(),
        table["y"].to_numpy(),
        # On a narrow screen one line would be cut at both ends.
        x_title=formation.title_of(x).replace(", ", ",\n", 1),
        y_title=formation.title_of(y),
        hover=(table["formula"] + "\n" + table["material_id"]).tolist(),
        groups=table["chemistry"].tolist() if grouped else None,
        dark=dark,
    )


def difference_text(table: pd.DataFrame) -> str:
    """Return how far two formation energies are apart, of `FormationTable.comparison`."""
    return (
        f"{len(table):,} materials; mean difference "
        f"{signed(table['difference'].mean(), digits=3)}, mean absolute difference "
        f"{table['difference'].abs().mean():.3f} eV/atom."
    )


def provenance_of(formation: FormationTable) -> Provenance:
    """Return where the numbers come from."""
    names = {"mp": "DFT", "own": "own", "table": "a table"}
    kinds = {names[column.references.kind] for column in formation.columns}
    columns = "; ".join(
        f"{column.name}: "
        + describe_energies(
            column.column.functional, column.column.labels, column.column.corrections
        )
        + f", pure elements: {column.references.origin}"
        for column in formation.columns
    )
    return Provenance(
        data=f"{formation.data.card.name}, pure elements: {', '.join(sorted(kinds))}",
        labels={column.column.labels for column in formation.columns},
        details=f"{columns}.",
    )
