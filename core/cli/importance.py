"""`importance`: which elements make two functionals disagree."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

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
from core.cli.selection import describe_pairs, select_pairs
from core.reference.fits.atomref import RARE
from core.reference.formation.energies import KINDS
from core.reference.importance.analysis import EXPLAINED, Explained, Importance
from core.studies.importance import ImportanceResult, ImportanceStudy
from core.studies.job.directory import Job
from core.studies.job.local import do_here

app = typer.Typer()

_LISTED = 20


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
            help="Remove the MP2020 corrections from the source energies: by the data set's own "
            "uncorrected energies where it has them, else rebuilt with pymatgen.",
        ),
    ] = False,
    explained: Annotated[
        Explained, typer.Option("--explain", help="What the elements explain.")
    ] = "formation",
    references: References = "mp",
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> Answer:
    """Compute which elements make two functionals disagree: XGBoost on composition, and SHAP."""
    selection = select_pairs(data, target_data, source=source, target=target, mapping=mapping)
    study = ImportanceStudy(
        pairs=selection,
        explained=explained,
        references=references if references in KINDS else str(Path(references).resolve()),
        uncorrected=uncorrected,
        seed=seed,
    )
    result: ImportanceResult = do_here(Job.of(study), progress_on_stderr())
    pairs = replace(selection.open().pairs, source_corrections=result.corrections)
    origin, sides = describe_pairs(pairs)
    found = result.importance
    table = found.table().set_index("symbol")
    answer = {
        "importance": table["importance"].to_dict(),
        "r2_cv": found.r2_cv,
        "n": found.n,
        "n_explained": found.n_explained,
        "importance_error": table["error"].to_dict(),
        "signed": table["signed"].to_dict(),
        "counts": table["count"].to_dict(),
        "rare": found.rare,
        "r2_cv_linear": found.r2_cv_linear,
        "mae_cv": float(found.mae.mean()),
        "mae_cv_linear": float(found.mae_linear.mean()),
        "r2_folds": found.r2,
        "explained": explained,
        "references": found.references or None,
        "missing": found.missing,
        "left_out": found.n_left_out,
        "uncorrected_from": result.origin or None,
        **origin,
    }
    return Answer(data=answer, text=_text(found, sides, result.origin))


def _text(found: Importance, sides: dict[str, str], origin: str) -> str:
    head = {
        **sides,
        "uncorrected": origin or None,
        "explained": f"{EXPLAINED[found.explained]}, eV/atom",
        "references": found.references or None,
        "missing": ", ".join(found.missing) or "none",
        "rows": f"{found.n:,}; left out: {found.n_left_out:,}; with SHAP: {found.n_explained:,}",
        "R² of held-out rows": f"trees {found.r2_cv:.3f}, line {found.r2_cv_linear:.3f}",
        "MAE of held-out rows, eV/atom": f"trees {found.mae.mean():.4f}, "
        f"line {found.mae_linear.mean():.4f}",
        f"in fewer than {RARE} materials": ", ".join(found.rare) or "none",
    }
    rows = [
        [row.symbol, row.importance, row.error, row.signed, row.count]
        for row in found.table().head(_LISTED).itertuples()
    ]
    titles = ("element", "mean |SHAP|", "± sampling", "mean where present", "materials")
    return facts(head) + "\n\n" + columns(titles, rows)
