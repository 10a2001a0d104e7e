"""`shift`: compare two energy scales."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import (
    JsonFlag,
    PriorModel,
    Seed,
    SourceColumn,
    SourceData,
    TableMapping,
    TableUnits,
    TargetColumn,
    TargetData,
)
from core.cli.selection import describe_pairs, select_pairs
from core.elements import INDEX
from core.errors import LabError
from core.reference.fits.atomref import RARE
from core.reference.shifts.explore import by_category, by_element, relation
from core.reference.shifts.hubbard import pair_shifts
from core.reference.shifts.variables import Variable, variable, variables
from core.studies.data_efficiency import DataEfficiencyResult, DataEfficiencyStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.pair_choice import PairChoice

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()

_Section = tuple[dict[str, Any], str]
"""What `--json` prints under a key of its own, and the text for people."""


@app.command("shift", cls=LabCommand)
def shift(
    data: SourceData,
    target_data: TargetData = None,
    *,
    source: SourceColumn = None,
    target: TargetColumn = None,
    mapping: TableMapping = None,
    units: TableUnits = None,
    elements: Annotated[
        list[str] | None,
        typer.Option("--element", help="Only materials that contain this; may be repeated."),
    ] = None,
    any_of: Annotated[
        bool, typer.Option("--any", help="Materials that contain any of the elements, not all.")
    ] = False,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit",
            help="With --element: fit AtomRef to these materials alone instead of all pairs.",
        ),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Correlate the shift, and its residual after AtomRef, with a column of the data "
            "or a quantity computed from structures and compositions, such as atomic_number.",
        ),
    ] = None,
    elementwise: Annotated[
        bool, typer.Option("--by-element", help="Average over the materials with each element.")
    ] = False,
    rare: Annotated[
        int, typer.Option(min=2, help="By element: mark elements in fewer materials.")
    ] = RARE,
    data_efficiency: Annotated[
        bool,
        typer.Option(
            "--data-efficiency",
            "--few",
            help="Fit AtomRef to 10, 30, 100, … materials and evaluate it on others.",
        ),
    ] = False,
    model: PriorModel = "chgnet-0.3.0",
    drawings: Annotated[
        int, typer.Option(min=20, max=1000, help="Data efficiency: number of random drawings.")
    ] = 20,
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> Answer:
    """Compare two functionals: two data sets of frames, or two columns of one table of pairs."""
    symbols = _checked(elements or [])
    selection = select_pairs(
        data, target_data, source=source, target=target, mapping=mapping, units=units
    )
    choice = PairChoice.of(selection).containing(tuple(symbols), any_of=any_of, refit=refit)
    if choice is None:
        raise LabError("there are no pairs to compare; choose other elements or columns.")
    opened, pairs, summary = choice.opened, choice.pairs, choice.summary
    fitted_to = "selected" if choice.refitted else "all"
    numbers = {
        name: getattr(summary, name)
        for name in ("n", "pearson_raw", "pearson_scaled", "mean_shift", "mae")
    }
    origin, sides = describe_pairs(pairs)
    text = {
        "pairs": summary.n,
        "left out": pairs.n_dropped,
        **sides,
        "Pearson r, total energies": summary.pearson_raw,
        "Pearson r, scaled energies": summary.pearson_scaled,
        "mean shift, eV/atom": summary.mean_shift,
        "mean |shift|, eV/atom": summary.mae,
        "AtomRef fitted to": f"{fitted_to} pairs, {summary.n_fitted:,}",
    }
    if choice.warnings:
        text["warning"] = " ".join(choice.warnings)
    sections: dict[str, _Section] = {}
    chosen = efficiency = None
    if (of_u := pair_shifts(opened)) is not None:
        about = facts({"U adds, eV per atom": of_u.text, "it costs AtomRef, meV/atom": of_u.cost})
        sections["u_shifts"] = (of_u.by_symbol(), about)
    values = choice.quantities
    if against is not None:
        chosen = variable(variables(opened), against)
        sections["against"] = _against(chosen, values)
    if elementwise:
        table = by_element(pairs.fractions, values, pairs.material_id, rare=rare)
        sections["by_element"] = (
            {"rare_below": rare, "elements": _records(table)},
            f"eV/atom; low and high are the ends of the 95 % interval\n{_text(table)}",
        )
    if data_efficiency:
        study = DataEfficiencyStudy(
            pairs=selection,
            elements=tuple(symbols),
            any_of=any_of,
            model=model,
            repeats=drawings,
            seed=seed,
        )
        efficiency = compute_here(Job.of(study), progress_on_stderr())
        sections["few"] = _data_efficiency(study, efficiency)

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.shifts import shift_section  # noqa: PLC0415

        return shift_section(
            choice, variable=chosen, rare=rare if elementwise else None, efficiency=efficiency
        )

    return Answer(
        data=numbers
        | origin
        | {
            "n_dropped": pairs.n_dropped,
            "atomref_fitted_to": fitted_to,
            "n_fitted": summary.n_fitted,
            "warnings": choice.warnings,
        }
        | {key: found for key, (found, _) in sections.items()},
        text="\n\n".join([facts(text), *(text for _, text in sections.values())]),
        section=section,
    )


def _checked(elements: list[str]) -> list[str]:
    for symbol in elements:
        if symbol not in INDEX:
            raise LabError(f"{symbol} is not an element from H to Pu; give symbols such as Fe.")
    return elements


def _against(chosen: Variable, by_name: dict[str, np.ndarray]) -> _Section:
    """Relate quantities, name to (n,) eV/atom, to a variable of the same n pairs."""
    x = chosen.values()
    about = {"column": chosen.name, "title": chosen.title, "unit": chosen.unit, "kind": chosen.kind}
    if chosen.kind == "category":
        tables = {name: by_category(x, y) for name, y in by_name.items()}
        text = [f"{name} by {chosen.title}, eV/atom\n{_text(t)}" for name, t in tables.items()]
        return about | {name: _records(t) for name, t in tables.items()}, "\n\n".join(text)
    numbers = {name: asdict(relation(x, y)) for name, y in by_name.items()}
    lines = {
        f"{word}, {name} against {chosen.title}": values[key]
        for name, values in numbers.items()
        for key, word in (("n", "pairs"), ("pearson", "Pearson r"), ("spearman", "Spearman r"))
    }
    return about | numbers, facts(lines)


def _data_efficiency(study: DataEfficiencyStudy, result: DataEfficiencyResult) -> _Section:
    table = result.curve.table()
    about = {
        "model": result.model,
        "source_prior": result.source_prior,
        "target_prior": result.target_prior,
        "strength": result.curve.strength,
        "n_materials": result.curve.n_materials,
        "n_held_out": result.curve.n_held_out,
        "drawings": study.repeats,
        "seed": study.seed,
    }
    head = facts({**about, "mae": "eV/atom; low and high are the 5 % and 95 % quantiles"})
    return about | {"points": _records(table)}, f"{head}\n\n{_text(table)}"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict("records")  # type: ignore[return-value]


def _text(table: pd.DataFrame) -> str:
    return columns(list(table.columns), table.to_numpy(dtype=object).tolist())
