"""`shift`: two energy scales compared."""

from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, facts
from core.cli.options import (
    JsonFlag,
    PriorModel,
    Seed,
    SourceColumn,
    SourceData,
    TableMapping,
    TargetColumn,
    TargetData,
)
from core.cli.selection import select_pairs, told_origin
from core.cli.shift_details import Told, told_against, told_by_element, told_few
from core.elements import INDEX
from core.errors import LabError
from core.reference.fits.atomref import RARE
from core.reference.shifts.shift import summarize
from core.reference.shifts.variables import variable, variables

app = typer.Typer()


@app.command("shift", cls=LabCommand)
def shift(
    data: SourceData,
    target_data: TargetData = None,
    *,
    source: SourceColumn = None,
    target: TargetColumn = None,
    mapping: TableMapping = None,
    elements: Annotated[
        list[str] | None,
        typer.Option("--element", help="Only materials that contain this; may be repeated."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Correlate the shift, and what AtomRef leaves of it, with a column of the data or "
            "with what follows from structures and compositions, such as atomic_number.",
        ),
    ] = None,
    elementwise: Annotated[
        bool, typer.Option("--by-element", help="Average over the materials with each element.")
    ] = False,
    rare: Annotated[
        int, typer.Option(min=2, help="By element: mark those in fewer materials.")
    ] = RARE,
    few: Annotated[
        bool,
        typer.Option(
            "--few", help="Fit AtomRef to 10, 30, 100, … materials, and judge it on others."
        ),
    ] = False,
    model: PriorModel = "chgnet-0.3.0",
    drawings: Annotated[
        int, typer.Option(min=20, max=1000, help="Few: how often materials are drawn.")
    ] = 20,
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> Answer:
    """Compare two functionals: of two data sets of frames, or two columns of one table of pairs."""
    choice = select_pairs(data, target_data, source=source, target=target, mapping=mapping).open()
    pairs = choice.pairs.containing(_checked(elements)) if elements else choice.pairs
    summary = summarize(pairs)
    result = {
        "n": summary.n,
        "pearson_raw": summary.pearson_raw,
        "pearson_scaled": summary.pearson_scaled,
        "mean_shift": summary.mean_shift,
        "mae": summary.mae,
    }
    origin = {
        "source_functional": pairs.source_functional,
        "target_functional": pairs.target_functional,
        "source_labels": pairs.source_labels,
        "target_labels": pairs.target_labels,
        "source_corrections": pairs.source_corrections,
        "target_corrections": pairs.target_corrections,
        "n_dropped": pairs.n_dropped,
    }
    told = {
        "pairs": summary.n,
        "left out": pairs.n_dropped,
        "source": told_origin(
            pairs.source_functional, pairs.source_labels, pairs.source_corrections
        ),
        "target": told_origin(
            pairs.target_functional, pairs.target_labels, pairs.target_corrections
        ),
        "Pearson r, total energies": summary.pearson_raw,
        "Pearson r, scaled energies": summary.pearson_scaled,
        "mean shift, eV/atom": summary.mean_shift,
        "mean |shift|, eV/atom": summary.mae,
    }
    more: dict[str, Told] = {}
    quantities = {
        "shift": pairs.shift,
        "residual": summary.scaled_target - summary.scaled_source,
    }
    if against is not None:
        chosen = variable(variables(pairs, choice.data, choice.other), against)
        more["against"] = told_against(chosen, quantities)
    if elementwise:
        more["by_element"] = told_by_element(pairs, quantities, rare=rare)
    if few:
        more["few"] = told_few(pairs, model=model, drawings=drawings, seed=seed)
    return Answer(
        data=result | origin | {key: one for key, (one, _) in more.items()},
        text="\n\n".join([facts(told), *(text for _, text in more.values())]),
    )


def _checked(elements: list[str]) -> list[str]:
    unknown = [symbol for symbol in elements if symbol not in INDEX]
    if unknown:
        raise LabError(f"{unknown[0]} is no element from H to Pu; give symbols such as Fe.")
    return elements
