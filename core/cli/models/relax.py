"""`relax`: the structures in any file ASE reads, relaxed together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, progress_on_stderr
from core.cli.models.predict import level_text, model_origin, unseen_elements
from core.cli.models.several import of_models
from core.cli.models.structures import (
    DATASET,
    MOST_DRAWN,
    Kept,
    check_new_files,
    kept_structures,
    structures_asked,
)
from core.cli.options import (
    RELAXATION,
    Device,
    Formula,
    FormulaDataset,
    JsonFlag,
    MaxForce,
    MaxSteps,
    ModelOptions,
    OnlyStructures,
    StructureFiles,
    Threads,
    relax_settings,
)
from core.errors import LabError
from core.files import disk_errors, new_directory
from core.frames.export.atoms import atoms_of
from core.frames.export.extxyz import write_images
from core.frames.sources.structure_files import LeftOut, Place
from core.potential.relaxation.relaxed import Relaxed
from core.potential.relaxation.settings import RelaxSettings
from core.runs.record.named_models import checkpoint_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.relaxed_structure import RelaxedStructure, RelaxedStructureStudy

if TYPE_CHECKING:
    from ase import Atoms

    from core.report.document import Section

app = typer.Typer()

_HEAD = (
    "file",
    "frame",
    "formula",
    "atoms",
    "energy, eV/atom",
    "state",
    "steps",
    "max force, eV/Å",
    "volume, %",
)
_ONE_FILE = (".extxyz", ".xyz")


@app.command("relax", cls=LabCommand)
def relax(
    files: StructureFiles = None,
    *,
    models: ModelOptions,
    formula: Formula = None,
    dataset: FormulaDataset = DATASET,
    only: OnlyStructures = None,
    out: Annotated[
        Path | None, typer.Option(help="New extended XYZ file for the relaxed structures.")
    ] = None,
    trajectories: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Where to write every geometry: a new file (.extxyz), or a new directory with one "
            "file per structure.",
        ),
    ] = None,
    fmax: MaxForce = RELAXATION.fmax,
    steps: MaxSteps = RELAXATION.steps,
    keep_cell: Annotated[
        bool, typer.Option("--keep-cell", help="Relax the atoms only, in the given cell.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    _json: JsonFlag = False,
) -> Answer:
    """Relax every structure in some files: FIRE, atoms and cell, many structures together.

    Structures that are refused, explode or do not converge are listed with the reason, and the
    others are relaxed: the exit status is 0 unless there is no energy of any. Results are kept, so
    that the same command goes on where an ended one was.
    """
    chosen = {model: checkpoint_of(model) for model in models}
    settings = relax_settings(fmax, steps, relax_cell=not keep_cell)
    check_new_files(chosen, out=out, trajectories=trajectories)
    if out is not None and out == trajectories:
        raise LabError(f"{out}: is named by --out and by --trajectories; name two files.")
    frames, left_out = structures_asked(files, formula, dataset, only)
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.potential.relaxation.relax import relax_with  # noqa: PLC0415

    answers = {}
    for model, checkpoint in chosen.items():
        found = relax_with(
            checkpoint,
            [frame for _, frame in frames],
            settings,
            device=device,
            threads=threads,
            progress=progress_on_stderr(),
            # A report draws the way of a few structures.
            keep_trajectories=trajectories is not None or len(frames) <= MOST_DRAWN,
        )
        results = list(zip((place for place, _ in frames), found, strict=True))
        answers[model] = _answer(
            model,
            checkpoint,
            results,
            left_out,
            settings,
            files=files or [Path(dataset)],
            out=out,
            trajectories=trajectories,
        )
    asked = partial(kept_structures, files, formula, dataset, only)
    return of_models(answers, partial(_section, list(answers), asked, settings))


def _answer(
    model: str,
    checkpoint: str,
    results: list[tuple[Place, Relaxed]],
    left_out: Sequence[LeftOut],
    settings: RelaxSettings,
    *,
    files: Sequence[Path],
    out: Path | None,
    trajectories: Path | None,
) -> Answer:
    """Write the files, and return what there is to say of one model."""
    from core.transfer.seen_elements import never_seen_text  # noqa: PLC0415  imports torch

    usable = [(place, one) for place, one in results if one.structure.energy_per_atom is not None]
    if not usable:
        path, index = results[0][0]
        raise LabError(f"Frame {index} (from 0) of {path}: {results[0][1].reason}")
    if out is not None:
        write_images(out, (_image(relaxed) for _, relaxed in usable))
    if trajectories is not None:
        _write_trajectories(trajectories, results)
    rows = [_row(*place, relaxed) for place, relaxed in results]
    rows += [_unread(one) for one in left_out]
    order = {str(path): number for number, path in enumerate(files)}
    rows.sort(key=lambda row: (order[row["file"]], row["index"]))
    unseen = unseen_elements(checkpoint, [relaxed.structure for _, relaxed in usable])
    origin = model_origin(checkpoint)
    told = [row for row in rows if row["reason"]]
    paragraphs = [
        columns(_HEAD, [_summary(row) for row in rows]),
        "\n".join(f"{one['index']} (from 0) of {one['file']}: {one['reason']}" for one in told),
        never_seen_text(unseen),
        f"Settings: {settings.text()}. Energies are {level_text(model, origin)}.",
    ]
    refused = [row for row in rows if row["state"] == "refused"]
    return Answer(
        data={
            "model": model,
            **origin,
            "settings": settings.model_dump(),
            "frames": rows,
            "left_out": [
                {"file": row["file"], "frame": row["index"], "why": row["reason"]}
                for row in refused
            ],
            "unseen_elements": unseen,
        },
        text="\n\n".join(filter(None, paragraphs)),
    )


def _section(
    models: Sequence[str], asked: Callable[[], Kept], settings: RelaxSettings
) -> "Section":
    # Figures take a library that the numbers need not wait for.
    from core.report.models.relaxed import relaxation_section  # noqa: PLC0415

    kept = asked()
    kept.check_few()
    found: dict[str, dict[int, RelaxedStructure]] = {model: {} for model in models}
    without: dict[str, dict[int, str]] = {model: {} for model in models}
    for model in models:
        for place in kept.places:
            study = RelaxedStructureStudy(
                model=model, structures=kept.name, place=place, settings=settings
            )
            try:
                found[model][place] = compute_here(Job.of(study), progress_on_stderr())
            except LabError as error:
                without[model][place] = str(error)
    return relaxation_section(kept.structures, kept.places, found, without, settings)


def _formula(relaxed: Relaxed) -> str:
    from ase.symbols import Symbols  # noqa: PLC0415

    return Symbols(relaxed.structure.atomic_numbers).get_chemical_formula()


def _row(path: Path, index: int, relaxed: Relaxed) -> dict[str, Any]:
    return {
        "file": str(path),
        "index": index,
        "formula": _formula(relaxed),
        "n_atoms": len(relaxed.structure),
        "energy_per_atom": relaxed.energy,
        "converged": relaxed.converged,
        "steps": relaxed.steps,
        "state": relaxed.state,
        "reason": relaxed.reason,
        "max_force": relaxed.max_force,
        "volume_change": relaxed.volume_change,
    }


def _unread(one: LeftOut) -> dict[str, Any]:
    """Return the row of a structure that cannot be taken from its file."""
    nothing = dict.fromkeys(("formula", "n_atoms", "energy_per_atom", "max_force", "volume_change"))
    return {
        "file": str(one.path),
        "index": one.index,
        **nothing,
        "converged": False,
        "steps": 0,
        "state": "refused",
        "reason": one.why,
    }


def _summary(row: dict[str, Any]) -> list[Any]:
    change = row["volume_change"]
    names = ("file", "index", "formula", "n_atoms", "energy_per_atom", "state", "steps")
    return [
        *(row[name] for name in names),
        row["max_force"],
        None if change is None else 100 * change,
    ]


def _image(relaxed: Relaxed) -> "Atoms":
    """Return a relaxed structure with its labels in ASE's units and signs."""
    atoms = atoms_of(relaxed.structure)
    atoms.info |= {"converged": relaxed.converged, "steps": relaxed.steps}
    return atoms


def _write_trajectories(path: Path, results: Sequence[tuple[Place, Relaxed]]) -> None:
    if path.suffix in _ONE_FILE:
        write_images(path, (image for _, one in results for image in _geometries(one)))
        return
    with disk_errors(path), new_directory(path) as directory:
        for number, (_, one) in enumerate(results):
            if one.trajectory is not None:
                # ASE takes a file with "POSCAR" in its name for one, so sources are not named here.
                write_images(directory / f"{number:05d}-{_formula(one)}.extxyz", _geometries(one))


def _geometries(relaxed: Relaxed) -> Iterator["Atoms"]:
    """Yield every geometry of a relaxation with energy, largest force and step."""
    way = relaxed.trajectory
    if way is None:
        return
    for step in range(len(way)):
        frame = replace(
            relaxed.structure,
            frac_coords=way.frac_coords[step],
            lattice=way.lattices[step],
            energy_per_atom=float(way.energies[step]),
            forces=None,
            stress=None,
        )
        atoms = atoms_of(frame)
        atoms.info |= {
            "structure": relaxed.structure.frame_id,
            "step": step,
            "max_force": float(way.max_forces[step]),
        }
        yield atoms
