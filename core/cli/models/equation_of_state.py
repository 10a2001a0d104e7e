"""`eos`: energies by volume and the bulk modulus of structures."""

from typing import Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, progress_on_stderr
from core.cli.models.structures import DATASET, kept_structures
from core.cli.options import Formula, FormulaDataset, JsonFlag, ModelOption, StructureFiles
from core.errors import LabError
from core.potential.relaxation.equation_of_state import EquationOfState
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.equation_of_state import EquationOfStateStudy
from core.studies.models.given import kept

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
    model: ModelOption,
    formula: Formula = None,
    dataset: FormulaDataset = DATASET,
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
    name, left_out = kept_structures(files, formula, dataset)
    structures = kept(name)
    rows: list[dict[str, Any]] = []
    for place, named in enumerate(structures.names.tolist()):
        study = EquationOfStateStudy(
            model=model, structures=name, place=place, span=span, points=points, relax=relax
        )
        try:
            found: EquationOfState = compute_here(Job.of(study), progress_on_stderr())
        except LabError as error:
            left_out.append({"file": named, "frame": place, "why": str(error)})
            continue
        rows.append(
            {
                "structure": named,
                "formula": structures.formulas[place],
                "bulk_modulus_gpa": found.bulk_modulus,
                "bulk_modulus_derivative": found.derivative,
                "volume_per_atom": found.volume,
                "energy_per_atom": found.energy,
                "misfit_mev_per_atom": 1000 * found.rms,
                "volumes": found.volumes,
                "energies": found.energies,
            }
        )
    if not rows:
        raise LabError(str(left_out[0]["why"]))
    table = columns(_HEAD, [list(row.values())[: len(_HEAD)] for row in rows])
    told = "\n".join(f"left out: {one['file']}: {one['why']}" for one in left_out)
    return Answer(
        data={"model": model, "structures": rows, "left_out": left_out},
        text="\n\n".join(filter(None, [table, told])),
    )
