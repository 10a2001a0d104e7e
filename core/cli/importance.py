"""`importance`: which elements make two functionals disagree."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    TableUnits,
    TargetColumn,
    TargetData,
)
from core.cli.selection import describe_pairs, select_pairs
from core.errors import LabError
from core.reference.fits.atomref import RARE
from core.reference.formation.energies import KINDS
from core.reference.importance.analysis import EXPLAINED, Explained, Importance
from core.reference.importance.interpretation import ElementEffect, element_effect
from core.studies.importance import ImportanceResult, ImportanceStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.pair_choice import PairChoice

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()

_ENERGIES = ("SHAP", "difference", "residual")
_MATERIALS = 50
"""Materials listed in which one element moves the difference most."""


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
    element: Annotated[
        str | None,
        typer.Option(metavar="SYMBOL", help="Show how this element acts, and where most."),
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, help="Number of elements listed, the most important ones.")
    ] = 15,
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
    answer: dict[str, Any] = {
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

    texts = [_text(analysis, sides, result.origin, top)]
    if element is not None:
        if element not in table.index:
            raise LabError(f"{element}: no row that is explained contains it.")
        choice = PairChoice.of(selection)
        effect = element_effect(analysis, choice.pairs, element)
        answer["element"], text = _effect(effect, choice.summary.residual)
        texts.append(text)

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.importance import Analysis, importance_section  # noqa: PLC0415

        choice = PairChoice.of(selection)
        return importance_section(
            Analysis(choice=choice, study=study, result=result), top=top, element=element
        )

    return Answer(data=answer, text="\n\n".join(texts), section=section)


def _effect(effect: ElementEffect, residual: np.ndarray) -> tuple[dict[str, Any], str]:
    """Return how an element acts, for `--json` and as text; residuals of all pairs in eV/atom."""
    table = effect.table(residual).head(_MATERIALS).drop(columns="row")
    data = {
        "symbol": effect.symbol,
        "partner": effect.partner,
        "mean_absent": effect.mean_absent,
        "materials": table.to_dict("records"),
    }
    head = facts(
        {
            "element": effect.symbol,
            "strongest partner": effect.partner,
            "mean SHAP where it is absent, eV/atom": effect.mean_absent,
        }
    )
    titles = ("material", "formula", "fraction", *(f"{it}, eV/atom" for it in _ENERGIES))
    return data, f"{head}\n\n{columns(titles, table.to_numpy(dtype=object).tolist())}"


def _text(analysis: Importance, sides: dict[str, str], origin: str, top: int) -> str:
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
        for row in analysis.table().head(top).itertuples()
    ]
    titles = ("element", "mean |SHAP|", "± sampling", "mean where present", "materials")
    return facts(head) + "\n\n" + columns(titles, rows)
