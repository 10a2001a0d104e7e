"""`importance`: which elements make two functionals disagree."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import (
    JsonFlag,
    References,
    Seed,
    SourceColumn,
    SourceData,
    TableMapping,
    TableUnits,
    TargetColumn,
    TargetData,
)
from core.cli.selection import describe_pairs, select_pairs
from core.reference.fits.atomref import RARE
from core.reference.formation.energies import KINDS
from core.reference.importance.analysis import EXPLAINED, Explained, Importance
from core.studies.importance import ImportanceResult, ImportanceStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.pair_choice import PairChoice

if TYPE_CHECKING:
    from core.report.document import Section

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
    units: TableUnits = None,
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
    selection = select_pairs(
        data, target_data, source=source, target=target, mapping=mapping, units=units
    )
    study = ImportanceStudy(
        pairs=selection,
        explained=explained,
        references=references if references in KINDS else str(Path(references).resolve()),
        uncorrected=uncorrected,
        seed=seed,
    )
    result: ImportanceResult = compute_here(Job.of(study), progress_on_stderr())
    pairs = replace(selection.open().pairs, source_corrections=result.corrections)
    origin, sides = describe_pairs(pairs)
    analysis = result.importance
    table = analysis.table().set_index("symbol")
    answer = {
        "importance": table["importance"].to_dict(),
        "r2_cv": analysis.r2_cv,
        "n": analysis.n,
        "n_explained": analysis.n_explained,
        "importance_error": table["error"].to_dict(),
        "signed": table["signed"].to_dict(),
        "counts": table["count"].to_dict(),
        "rare": analysis.rare,
        "r2_cv_linear": analysis.r2_cv_linear,
        "mae_cv": float(analysis.mae.mean()),
        "mae_cv_linear": float(analysis.mae_linear.mean()),
        "r2_folds": analysis.r2,
        "explained": explained,
        "references": analysis.references or None,
        "missing": analysis.missing,
        "left_out": analysis.n_left_out,
        "uncorrected_from": result.origin or None,
        **origin,
    }

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.importance import Analysis, importance_section  # noqa: PLC0415

        choice = PairChoice.of(selection)
        return importance_section(Analysis(choice=choice, study=study, result=result))

    return Answer(data=answer, text=_text(analysis, sides, result.origin), section=section)


def _text(analysis: Importance, sides: dict[str, str], origin: str) -> str:
    head = {
        **sides,
        "uncorrected": origin or None,
        "explained": f"{EXPLAINED[analysis.explained]}, eV/atom",
        "references": analysis.references or None,
        "missing": ", ".join(analysis.missing) or "none",
        "rows": f"{analysis.n:,}; left out: {analysis.n_left_out:,}; "
        f"with SHAP values: {analysis.n_explained:,}",
        "R² of held-out rows": f"trees {analysis.r2_cv:.3f}, "
        f"linear fit {analysis.r2_cv_linear:.3f}",
        "MAE of held-out rows, eV/atom": f"trees {analysis.mae.mean():.4f}, "
        f"linear fit {analysis.mae_linear.mean():.4f}",
        f"in fewer than {RARE} materials": ", ".join(analysis.rare) or "none",
    }
    rows = [
        [row.symbol, row.importance, row.error, row.signed, row.count]
        for row in analysis.table().head(_LISTED).itertuples()
    ]
    titles = ("element", "mean |SHAP|", "± sampling", "mean where present", "materials")
    return facts(head) + "\n\n" + columns(titles, rows)
