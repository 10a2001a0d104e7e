"""`eos`: energies by volume and the bulk modulus of structures."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, progress_on_stderr
from core.cli.models.several import of_models
from core.cli.models.structures import DATASET, Kept, kept_structures
from core.cli.options import (
    Formula,
    FormulaDataset,
    JsonFlag,
    ModelOptions,
    OnlyStructures,
    StructureFiles,
)
from core.errors import LabError
from core.potential.relaxation.equation_of_state import EquationOfState
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.equation_of_state import EquationOfStateStudy

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()

_HEAD = (
    "structure",
    "formula",
    "bulk modulus, GPa",
    "its derivative",
    "volume, Å³/atom",
    "energy, eV/atom",
    "misfit, meV/atom",
)


@app.command("eos", cls=LabCommand)
def eos(
    files: StructureFiles = None,
    *,
    models: ModelOptions,
    formula: Formula = None,
    dataset: FormulaDataset = DATASET,
    only: OnlyStructures = None,
    span: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.15, help="Largest departure from the volume of lowest energy, a share."
        ),
    ] = 0.06,
    points: Annotated[int, typer.Option(min=5, max=51, help="Number of volumes.")] = 11,
    relax: Annotated[
        bool, typer.Option("--relax", help="Relax the atoms at each volume, in the given shape.")
    ] = False,
    _json: JsonFlag = False,
) -> Answer:
    """Compute the energy by volume of every structure in some files, and the bulk modulus.

    Structures without such a curve are listed with the reason, and the exit status is 0 unless
    there is none.
    """
    kept = kept_structures(files, formula, dataset, only)
    found: dict[str, dict[int, EquationOfState]] = {}
    without: dict[str, dict[int, str]] = {}
    for model in dict.fromkeys(models):
        found[model], without[model] = {}, {}
        for place in kept.places:
            study = EquationOfStateStudy(
                model=model,
                structures=kept.name,
                place=place,
                span=span,
                points=points,
                relax=relax,
            )
            try:
                found[model][place] = compute_here(Job.of(study), progress_on_stderr())
            except LabError as error:
                without[model][place] = str(error)
    if not any(found.values()):
        raise LabError(str(next(why for one in without.values() for why in one.values())))
    answers = {model: _answer(model, kept, found[model], without[model]) for model in found}
    return of_models(answers, partial(_section, kept, found, without))


def _answer(
    model: str, kept: Kept, found: Mapping[int, EquationOfState], without: Mapping[int, str]
) -> Answer:
    names = kept.structures.names.tolist()
    left_out = [
        *kept.structures.left_out,
        *({"file": names[place], "frame": place, "why": why} for place, why in without.items()),
    ]
    rows: list[dict[str, Any]] = [
        {
            "structure": names[place],
            "formula": kept.structures.formulas[place],
            "bulk_modulus_gpa": one.bulk_modulus,
            "bulk_modulus_derivative": one.derivative,
            "volume_per_atom": one.volume,
            "energy_per_atom": one.energy,
            "misfit_mev_per_atom": 1000 * one.rms,
            "volumes": one.volumes,
            "energies": one.energies,
        }
        for place, one in found.items()
    ]
    table = columns(_HEAD, [list(row.values())[: len(_HEAD)] for row in rows])
    told = "\n".join(f"left out: {one['file']}: {one['why']}" for one in left_out)
    return Answer(
        data={"model": model, "structures": rows, "left_out": left_out},
        text="\n\n".join(filter(None, [table, told])),
    )


def _section(
    kept: Kept,
    found: Mapping[str, Mapping[int, EquationOfState]],
    without: Mapping[str, Mapping[int, str]],
) -> "Section":
    # Figures take a library that the numbers need not wait for.
    from core.report.models.relaxed import equation_of_state_section  # noqa: PLC0415

    kept.check_few()
    return equation_of_state_section(kept.structures, kept.places, found, without)
