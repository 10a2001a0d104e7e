"""`importance`: which elements make functionals disagree; `formation`: formation energies."""

from typing import Annotated, Any

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import (
    JsonFlag,
    References,
    Seed,
    SourceColumn,
    SourceData,
    TableMapping,
    TargetColumn,
    TargetData,
)
from core.cli.selection import open_named, select_pairs, told_origin
from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.pairs import PairSet
from core.progress import part
from core.reference.formation.corrections import mp2020_corrections, without_corrections
from core.reference.formation.table import (
    ALL,
    ColumnFormation,
    column_values,
    errors,
    formation_columns,
    given_columns,
    measured_columns,
    rebuilt_column,
)
from core.reference.importance.analysis import EXPLAINED, Explained, Importance
from core.reference.importance.analysis import importance as explain

app = typer.Typer()

_TOLD = 20


@app.command("importance", cls=LabCommand)
def importance(
    data: SourceData,
    target_data: TargetData = None,
    *,
    source: SourceColumn = None,
    target: TargetColumn = None,
    mapping: TableMapping = None,
    uncorrected: Annotated[
        bool,
        typer.Option(
            "--uncorrected",
            help="Take the MP2020 corrections out of the source energies: the data set's own "
            "uncorrected energies, else rebuilt ones.",
        ),
    ] = False,
    explained: Annotated[
        Explained, typer.Option("--explain", help="What the elements explain.")
    ] = "formation",
    references: References = "mp",
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> Answer:
    """Tell which elements make two functionals disagree: XGBoost on composition, and SHAP."""
    choice = select_pairs(data, target_data, source=source, target=target, mapping=mapping).open()
    pairs, origin = choice.pairs, None
    progress = progress_on_stderr()
    if uncorrected:
        taken = without_corrections(pairs, choice.data, progress=part(progress, 0.0, 0.5))
        pairs, origin = taken.pairs, taken.origin
        progress = part(progress, 0.5, 1.0)
    found = explain(pairs, explained=explained, references=references, seed=seed, progress=progress)
    table = found.table()
    told: dict[str, Any] = {
        "importance": dict(zip(table["symbol"], table["importance"], strict=True)),
        "r2_cv": found.r2_cv,
        "n": found.n,
        "n_explained": found.n_explained,
        "importance_error": dict(zip(table["symbol"], table["error"], strict=True)),
        "signed": dict(zip(table["symbol"], table["signed"], strict=True)),
        "counts": {SYMBOLS[i]: int(found.counts[i]) for i in np.flatnonzero(found.counts)},
        "rare": found.rare,
        "r2_cv_linear": found.r2_cv_linear,
        "mae_cv": float(found.mae.mean()),
        "mae_cv_linear": float(found.mae_linear.mean()),
        "r2_folds": found.r2,
        "explained": explained,
        "references": found.references or None,
        "missing": found.missing,
        "left_out": found.n_left_out,
        "uncorrected_from": origin,
        "source_functional": pairs.source_functional,
        "target_functional": pairs.target_functional,
        "source_labels": pairs.source_labels,
        "target_labels": pairs.target_labels,
        "source_corrections": pairs.source_corrections,
        "target_corrections": pairs.target_corrections,
    }
    ends = {
        "source": told_origin(
            pairs.source_functional, pairs.source_labels, pairs.source_corrections
        ),
        "target": told_origin(
            pairs.target_functional, pairs.target_labels, pairs.target_corrections
        ),
    }
    return Answer(data=told, text=_importance_text(found, ends, origin))


@app.command("formation", cls=LabCommand)
def formation(
    data: Annotated[str, typer.Argument(help="A data set of pairs or of frames, or a table.")],
    *,
    references: References = "mp",
    experiment: Annotated[
        str | None,
        typer.Option(help="Column of measured formation energies (eV/atom). Default: found."),
    ] = None,
    uncorrected: Annotated[
        bool,
        typer.Option(
            "--uncorrected",
            help="Add corrected energies with their MP2020 corrections taken out, rebuilt.",
        ),
    ] = False,
    _json: JsonFlag = False,
) -> Answer:
    """Compute formation energies in every functional, and their errors against experiment."""
    opened = open_named(data)
    found, without = formation_columns(opened, references)
    values = {one.column.column: one.energies for one in found}
    told: dict[str, Any] = {"n": len(opened), "columns": [_column(one) for one in found]}
    told["without_references"] = without
    if not isinstance(opened, PairSet):
        if experiment is not None or uncorrected:
            raise LabError(f"{data}: holds frames; --experiment and --uncorrected need pairs.")
        return Answer(data=told | {"errors": None}, text=_formation_text(told, None))
    if uncorrected:
        formulas = opened.table()["formula"].to_numpy()
        corrected = [one for one in found if one.column.corrections == "MP2020"]
        if not corrected:
            raise LabError(
                f"{data}: no energies carry MP2020 corrections; leave out --uncorrected."
            )
        taken = mp2020_corrections(formulas, structures=opened, progress=progress_on_stderr())
        rebuilt = [rebuilt_column(one, taken.corrections) for one in corrected]
        told["columns"] += [_column(one) for one in rebuilt]
        values |= {one.column.column: one.energies for one in rebuilt}
    # Formation energies that others computed stand beside ours.
    values |= {f"{name}, as given": column_values(opened, name) for name in given_columns(opened)}
    measured = experiment or next(iter(measured_columns(opened)), None)
    told["experiment"] = measured
    table = None
    if measured is not None:
        table = errors(values, column_values(opened, measured), opened.fractions())
    told["errors"] = None if table is None else table.to_dict("records")
    return Answer(data=told, text=_formation_text(told, measured))


def _column(one: ColumnFormation) -> dict[str, Any]:
    known = one.energies[np.isfinite(one.energies)]
    return {
        "column": one.column.column,
        "functional": one.column.functional,
        "labels": one.column.labels,
        "corrections": one.column.corrections,
        "references": one.references.origin,
        "missing": one.missing,
        "n": len(known),
        "left_out": one.n_left_out,
        "mean": float(known.mean()) if len(known) else None,
    }


def _importance_text(found: Importance, ends: dict[str, str], origin: str | None) -> str:
    head = {
        **ends,
        "uncorrected": origin,
        "explained": f"{EXPLAINED[found.explained]}, eV/atom",
        "references": found.references or None,
        "missing": ", ".join(found.missing) or "none",
        "rows": f"{found.n:,}; left out: {found.n_left_out:,}; with SHAP: {found.n_explained:,}",
        "R² of held-out rows": f"trees {found.r2_cv:.3f}, line {found.r2_cv_linear:.3f}",
        "MAE of held-out rows, eV/atom": f"trees {found.mae.mean():.4f}, "
        f"line {found.mae_linear.mean():.4f}",
        "in few materials": ", ".join(found.rare) or "none",
    }
    rows = [
        [row.symbol, row.importance, row.error, row.signed, row.count]
        for row in found.table().head(_TOLD).itertuples()
    ]
    titles = ("element", "mean |SHAP|", "± sampling", "mean where present", "materials")
    return facts(head) + "\n\n" + columns(titles, rows)


def _formation_text(told: dict[str, Any], measured: str | None) -> str:
    head = facts(
        {
            one["column"]: f"{told_origin(one['functional'], one['labels'], one['corrections'])}; "
            f"{one['n']:,} of {told['n']:,} rows; references: {one['references']}; missing: "
            + (", ".join(one["missing"]) or "none")
            for one in told["columns"]
        }
        | told["without_references"]
    )
    if measured is None:
        return head + "\n\nNo column of measured formation energies; name one with --experiment."
    whole = [row for row in told["errors"] if row["chemistry"] == ALL]
    rest = [row for row in told["errors"] if row["chemistry"] != ALL]
    titles = (f"against {measured}, eV/atom", "chemistry", "MAE", "ME", "materials")
    rows = [
        [row["energy"], row["chemistry"], row["mae"], row["me"], row["n"]] for row in whole + rest
    ]
    return head + "\n\n" + columns(titles, rows)
