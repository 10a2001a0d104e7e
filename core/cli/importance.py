"""`importance`: which elements make two functionals disagree."""

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
from core.cli.selection import select_pairs, told_origin
from core.elements import SYMBOLS
from core.progress import part
from core.reference.formation.corrections import without_corrections
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
