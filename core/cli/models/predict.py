"""`predict`: energies, forces, stresses and magmoms of structures in files, or with a formula."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, columns, progress_on_stderr
from core.cli.models.several import of_models
from core.cli.models.structures import (
    DATASET,
    Kept,
    check_new_files,
    kept_structures,
    structures_asked,
)
from core.cli.options import (
    Device,
    Formula,
    FormulaDataset,
    JsonFlag,
    ModelOptions,
    OnlyStructures,
    StructureFiles,
    Threads,
)
from core.elements import N_ELEMENTS
from core.errors import LabError
from core.frames.export.atoms import atoms_of
from core.frames.export.extxyz import write_images
from core.frames.schema import Frame
from core.frames.sources.structure_files import LeftOut, Place
from core.potential.released import MODELS
from core.runs.record.named_models import checkpoint_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.transfer.source_model import SourceModel

if TYPE_CHECKING:
    from ase import Atoms

    from core.potential.prediction import FramePrediction
    from core.report.document import Section
    from core.studies.models.placement import Placed
    from core.studies.models.trust import Trust

app = typer.Typer()

_HEAD = (
    "file",
    "frame",
    "formula",
    "atoms",
    "energy, eV/atom",
    "deviation, meV/atom",
    "max force, eV/Å",
    "max |stress|, GPa",
    "moment, μB",
)
_PLACED = {
    "formula": "formula",
    "formation_energy": "formation, eV/atom",
    "energy_above_hull": "above hull, eV/atom",
    "competing": "would decompose into",
    "why_not_placed": "not placed",
    "distance": "distance",
    "seeds_deviation": "seeds, eV/atom",
}
"""Heads of the table of places, by the keys of JSON."""


@app.command("predict", cls=LabCommand)
def predict(
    files: StructureFiles = None,
    *,
    models: ModelOptions,
    formula: Formula = None,
    dataset: FormulaDataset = DATASET,
    only: OnlyStructures = None,
    out: Annotated[
        Path | None, typer.Option(help="New extended XYZ file for structures and predictions.")
    ] = None,
    hull: Annotated[
        bool,
        typer.Option(
            "--hull",
            help="Also formation energy, energy above the hull of the known structures of "
            "mp-structures, distance from the training frames, and disagreement of the runs that "
            "differ from the model in their seed alone.",
        ),
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    _json: JsonFlag = False,
) -> Answer:
    """Predict energy, forces, stress and magmoms of every structure in some files.

    Frames that cannot be read or predicted are listed with the reason, as `left_out` with --json,
    and the others are predicted: the exit status is 0 unless there are none.
    """
    chosen = {model: checkpoint_of(model) for model in models}
    check_new_files(chosen, out=out)
    frames, left_out = structures_asked(files, formula, dataset, only)
    # Where a page finds them kept, it shows the words that name them.
    found = [] if formula is None else ["--formula", formula.strip(), "--dataset", dataset]
    arguments = [*found, *map(str, files or [])]
    answers = {
        model: _answer(
            model,
            SourceModel(checkpoint, device, threads),
            frames,
            list(left_out),
            out=out,
            placed_as=arguments if hull else None,
        )
        for model, checkpoint in chosen.items()
    }
    asked = partial(kept_structures, files, formula, dataset, only)
    return of_models(answers, partial(_section, list(answers), asked, hull=hull))


def _answer(
    model: str,
    source: SourceModel,
    frames: Sequence[tuple[Place, Frame]],
    left_out: list[LeftOut],
    *,
    out: Path | None,
    placed_as: Sequence[str] | None,
) -> Answer:
    """Write the file, and return what there is to say of one model.

    Args:
        model: as commands take it.
        source: the model.
        frames: structures with their places.
        left_out: those that could not be read; those that cannot be predicted are added.
        out: the new file; None for none.
        placed_as: words of a command that name the structures, which are then placed among the
            known phases as well; None where they are not.
    """
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.transfer.predicted import predict_structures  # noqa: PLC0415
    from core.transfer.seen_elements import never_seen_text  # noqa: PLC0415
    from core.transfer.uncertainty import WITHIN, uncertainty_text  # noqa: PLC0415

    told = predict_structures(source, [frame for _, frame in frames], progress=progress_on_stderr())
    uncertainty = told.uncertainty
    predicted = []
    for ((path, index), frame), prediction, deviation in zip(
        frames, told.found, told.deviations.tolist(), strict=True
    ):
        if isinstance(prediction, LabError):
            left_out.append(LeftOut(path, index, prediction))
        else:
            known = None if uncertainty is None else deviation
            predicted.append((path, index, frame, prediction, known))
    if not predicted:
        raise LabError(f"Frame {left_out[0].place}: {left_out[0].why}")
    if out is not None:
        write_images(
            out, (_labelled(frame, prediction) for _, _, frame, prediction, _ in predicted)
        )
    rows = [_row(*entry) for entry in predicted]
    structures = [frame for _, _, frame, _, _ in predicted]
    placed = "" if placed_as is None else _placed(rows, model, structures, placed_as)
    unseen = unseen_elements(source.name, structures)
    origin = model_origin(source.name)
    paragraphs = [
        columns(_HEAD, [_summary(row) for row in rows]),
        "\n".join(f"left out: {one.place}: {one.why}" for one in left_out),
        placed,
        never_seen_text(unseen),
        "" if uncertainty is None else uncertainty_text(uncertainty),
        f"Energies are {level_text(model, origin)}. --json and --out give all values.",
    ]
    return Answer(
        data={
            "model": model,
            **origin,
            "frames": rows,
            "uncertainty": None
            if uncertainty is None
            else {
                "deviations_in_90_percent": WITHIN,
                "held_out_materials": uncertainty.n_held_out,
                "noise": uncertainty.noise,
            },
            "left_out": [one.as_dict() for one in left_out],
            "unseen_elements": unseen,
        },
        text="\n\n".join(filter(None, paragraphs)),
    )


def _section(models: Sequence[str], asked: Callable[[], Kept], *, hull: bool) -> "Section":
    from core.report.models.predicted import predictions_section  # noqa: PLC0415
    from core.studies.models.placement import PlacementStudy  # noqa: PLC0415
    from core.studies.models.prediction import PredictionStudy  # noqa: PLC0415
    from core.studies.models.trust import TrustStudy  # noqa: PLC0415

    kept = asked()

    def told(
        study: type[PredictionStudy | PlacementStudy | TrustStudy],
    ) -> dict[str, Any]:
        jobs = {model: Job.of(study(model=model, structures=kept.name)) for model in models}
        return {model: compute_here(job, progress_on_stderr()) for model, job in jobs.items()}

    return predictions_section(
        kept.structures,
        kept.places,
        told(PredictionStudy),
        told(PlacementStudy) if hull else {},
        told(TrustStudy) if hull else {},
    )


def _row(
    path: Path,
    index: int,
    frame: Frame,
    prediction: "FramePrediction",
    deviation: float | None,
) -> dict[str, Any]:
    from ase.symbols import Symbols  # noqa: PLC0415

    return {
        "file": str(path),
        "index": index,
        "formula": Symbols(frame.atomic_numbers).get_chemical_formula(),
        "energy_per_atom": prediction.energy,
        "energy_deviation": deviation,
        "forces": prediction.forces,
        "stress": prediction.stress,
        "magmoms": prediction.magmoms,
    }


def _summary(row: dict[str, Any]) -> list[Any]:
    forces = np.linalg.norm(row["forces"], axis=1)
    return [
        row["file"],
        row["index"],
        row["formula"],
        len(forces),
        row["energy_per_atom"],
        None if row["energy_deviation"] is None else 1000 * row["energy_deviation"],
        float(forces.max()),
        None if row["stress"] is None else float(np.abs(row["stress"]).max()),
        float(row["magmoms"].sum()),
    ]


def _placed(
    rows: list[dict[str, Any]], model: str, frames: Sequence[Frame], arguments: Sequence[str]
) -> str:
    """Add to each row where its structure lies, and return it as a table."""
    from core.studies.models.given import given, keep  # noqa: PLC0415
    from core.studies.models.placement import PlacementStudy  # noqa: PLC0415
    from core.studies.models.trust import TrustStudy  # noqa: PLC0415

    name = keep(given(frames, [frame.frame_id for frame in frames], arguments=arguments))
    place: Placed = compute_here(
        Job.of(PlacementStudy(model=model, structures=name)), progress_on_stderr()
    )
    trust: Trust = compute_here(
        Job.of(TrustStudy(model=model, structures=name)), progress_on_stderr()
    )
    for number, row in enumerate(rows):
        row |= {
            "formation_energy": _known(place.formation[number]),
            "energy_above_hull": _known(place.above_hull[number]),
            "competing": str(place.competing[number]),
            "why_not_placed": str(place.why[number]),
            "distance": _known(trust.distances[number]),
            "seeds_deviation": _known(trust.seeds[number]),
        }
    table = columns(tuple(_PLACED.values()), [[row[key] for key in _PLACED] for row in rows])
    seeds = f" Seeds: deviation among {trust.n_seeds} runs." if trust.n_seeds > 1 else ""
    return f"{table}\n\nElements: {place.elements}. Distances: from {trust.domain}.{seeds}"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def unseen_elements(chosen: str, frames: Sequence[Frame]) -> list[str]:
    """Return the elements in some frames that a model has never seen."""
    from core.transfer.seen_elements import never_seen  # noqa: PLC0415

    counts = np.zeros((len(frames), N_ELEMENTS))
    for place, frame in enumerate(frames):
        counts[place, np.asarray(frame.atomic_numbers, dtype=int) - 1] = 1
    return never_seen(chosen, counts)


def model_origin(chosen: str) -> dict[str, str | None]:
    """Return functional and energy corrections of what the model learnt, None where unknown."""
    from core.potential.models import read_extra  # noqa: PLC0415

    if chosen in MODELS:
        return {"functional": MODELS[chosen].functional, "corrections": MODELS[chosen].corrections}
    extra = read_extra(Path(chosen))
    return {"functional": extra.get("functional"), "corrections": extra.get("corrections")}


def level_text(model: str, origin: dict[str, str | None]) -> str:
    """Return in words whose energies a model predicts."""
    functional = origin["functional"] or "an unknown functional"
    corrections = origin["corrections"] or "unknown"
    return f"predictions of {model}, {functional}, corrections: {corrections}"


def _labelled(frame: Frame, prediction: "FramePrediction") -> "Atoms":
    """Return the structure with its predictions in ASE's units and signs."""
    return atoms_of(
        replace(
            frame,
            energy_per_atom=prediction.energy,
            forces=prediction.forces,
            stress=prediction.stress,
            magmoms=prediction.magmoms,
        )
    )
