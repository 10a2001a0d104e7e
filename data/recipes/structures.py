"""Make the embedded structures and frames, labelled by the two released CHGNet models.

    python data/recipes/structures.py [--cache DIR] [--out DIR] [--limit N] [--corrections-only]

It makes three data sets: mp-structures (pairs: the energy of each material by both models),
mp-frames-gga and mp-frames-r2scan (the same frames, labelled by one model each). No label is from
DFT. The models run in double precision and their labels are rounded to a millionth, so that
machines whose arithmetic differs in the last bits write the same files.

The last step for mp-structures takes the MP2020 corrections out of its GGA/GGA+U energies. It
needs no prediction, and --corrections-only does it alone, on the data set that is there.
"""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from displacements import choose_materials, displaced, rounded
from fetch import fetch
from materials import Material, read_materials

from core.errors import LabError
from core.frames.pairs import open_pairs, write_pairs
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import write_frames
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph, convert
from core.potential.models import MODELS, get_atomref, load_model
from core.potential.prediction import FramePrediction, predict
from core.reference.formation.corrections import mp2020_corrections

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / ".cache" / "sources"
REQUIREMENT = "matminer==0.4.0"
MADE = "2026-11-20"
LICENCE = (
    "Structures: Materials Project, CC-BY-4.0, by way of matminer 0.4.0 (modified BSD). "
    "Labels: CHGNet models of chgnet 0.4.2 (modified BSD)."
)
SHORT = {"chgnet-0.3.0": "gga", "chgnet-r2scan": "r2scan"}
CORRECTED = "energy_gga_chgnet"
UNCORRECTED = "energy_gga_uncorrected_chgnet"
REBUILT = (
    " Its GGA/GGA+U energies without MP2020 corrections are rebuilt: the corrected ones less the "
    "corrections that pymatgen gives for composition and structure, with run types inferred."
)
FRAME_MATERIALS = 800
MAX_FORCE = 30.0
DECIMALS = 6
CHUNK = 400

NewCard = partial[Card]
Labels = dict[str, list[FramePrediction]]


def main(
    cache: Annotated[Path, typer.Option(help="Where downloads are kept.")] = SOURCES,
    out: Annotated[Path, typer.Option(help="Where the data sets go.")] = ROOT / "data",
    limit: Annotated[int | None, typer.Option(help="Read only the first N materials.")] = None,
    *,
    corrections_only: Annotated[
        bool, typer.Option("--corrections-only", help="Only the uncorrected energies.")
    ] = False,
) -> None:
    """Make mp-structures, mp-frames-gga and mp-frames-r2scan."""
    if corrections_only:
        add_uncorrected(out / "mp-structures")
        return
    torch.set_num_threads(1)
    archive = fetch(REQUIREMENT, cache, sdist=True)
    card = partial(
        Card,
        source_file=archive.name,
        source_sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        licence=LICENCE,
        created=MADE,
    )
    materials, left_out = read_materials(archive)
    materials, graphs = usable(materials[:limit])
    typer.echo(f"{len(materials)} materials; left out: {dict(left_out)}")
    make_pairs(out / "mp-structures", materials, label(graphs, forces=False), card)

    chosen = choose_materials(materials, FRAME_MATERIALS)
    frames = [
        (f"{material.material_id}-{kind}", geometry)
        for material in chosen
        for kind, geometry in displaced(material).items()
    ]
    make_frames(out, frames, card)


def usable(materials: Sequence[Material]) -> tuple[list[Material], list[PackedGraph]]:
    """Select the materials for which both models are defined.

    Every atom must have a neighbour and its own position, and every element must have been in both
    models' training data. Yb, Po, At, Rn, Fr and Ra were not in the r2SCAN model's: their AtomRef
    is zero, so that labels would be off by tens of eV per atom.

    Returns:
        The selected materials and their graphs.
    """
    known = np.all([np.abs(get_atomref(load_model(name))) > 1e-6 for name in MODELS], axis=0)
    kept, graphs = [], []
    for material in materials:
        if not known[material.atomic_numbers.astype(int) - 1].all():
            typer.echo(f"{material.material_id} ({material.formula}) left out: unknown to a model")
            continue
        try:
            graph = convert(material.atomic_numbers, material.frac_coords, material.lattice)
        except LabError as error:
            typer.echo(f"{material.material_id} ({material.formula}) left out: {error}")
            continue
        kept.append(material)
        graphs.append(graph)
    return kept, graphs


def label(graphs: Sequence[PackedGraph], *, forces: bool) -> Labels:
    """Return the rounded predictions of both models, by model name.

    Args:
        graphs: graphs to label.
        forces: whether to predict forces and stress.
    """
    labels: Labels = {}
    for name in MODELS:
        model = load_model(name).double()
        labels[name] = []
        for start in range(0, len(graphs), CHUNK):
            part = graphs[start : start + CHUNK]
            predictions = predict(model, part, Wanted(forces=forces, stress=forces))
            labels[name] += [_rounded(prediction) for prediction in predictions]
            typer.echo(f"{name}: {len(labels[name])} of {len(graphs)} labelled")
    return labels


def _rounded(prediction: FramePrediction) -> FramePrediction:
    forces, stress, magmoms = (
        None if values is None else rounded(values, DECIMALS)
        for values in (prediction.forces, prediction.stress, prediction.magmoms)
    )
    energy = round(prediction.energy, DECIMALS)
    return replace(prediction, energy=energy, forces=forces, stress=stress, magmoms=magmoms)


def make_pairs(
    directory: Path, materials: Sequence[Material], labels: Labels, new_card: NewCard
) -> None:
    """Write each material's energy and mean magmom by both models, and its structure.

    Args:
        directory: directory of the data set; an existing one is replaced.
        materials: materials, one per row.
        labels: their predictions, by model name.
        new_card: returns a card that names the source.
    """
    table = pd.DataFrame(
        {
            "material_id": [material.material_id for material in materials],
            "formula": [material.formula for material in materials],
        }
    )
    for name, predictions in labels.items():
        table[f"energy_{SHORT[name]}_chgnet"] = [one.energy for one in predictions]
    table["n_atoms"] = [len(material.atomic_numbers) for material in materials]
    volumes = np.array([material.volume_per_atom for material in materials])
    table["volume_per_atom"] = rounded(volumes, DECIMALS)
    for name, predictions in labels.items():
        moments = np.array([np.mean(one.magmoms) for one in predictions])
        table[f"magmom_per_atom_{SHORT[name]}_chgnet"] = rounded(moments, DECIMALS)
    table["source"] = [material.source for material in materials]
    card = new_card(
        name=directory.name,
        kind="pairs",
        title="Materials Project structures with energies by CHGNet in two functionals",
        description=(
            "One structure a Materials Project id, relaxed by DFT (GGA/GGA+U), with its energy as "
            "CHGNet 0.3.0 (MP2020 corrections included) and CHGNet r2scan predict it. The labels "
            "are a model's, not DFT's."
        ),
        labels="model",
        energies=[
            EnergyColumn(
                column=f"energy_{SHORT[name]}_chgnet",
                functional=MODELS[name].functional,
                corrections=MODELS[name].corrections,
                labels=name,
            )
            for name in labels
        ],
    )
    _clear(directory)
    write_pairs(directory, card, table, [_structure(material) for material in materials])
    add_uncorrected(directory)


def add_uncorrected(directory: Path) -> None:
    """Add or replace the rebuilt GGA/GGA+U energies without MP2020 corrections.

    Args:
        directory: directory of mp-structures, which is replaced.
    """
    pairs = open_pairs(directory)
    table = pairs.table().drop(columns=UNCORRECTED, errors="ignore")
    taken = mp2020_corrections(table["formula"].to_numpy(), structures=pairs).corrections
    energies = rounded(table[CORRECTED].to_numpy() - taken, DECIMALS)
    table.insert(table.columns.get_loc(CORRECTED) + 1, UNCORRECTED, energies)
    corrected = pairs.card.energy_column(CORRECTED)
    rebuilt = corrected.model_copy(update={"column": UNCORRECTED, "corrections": "none"})
    others = [one for one in pairs.card.energies if one.column not in {CORRECTED, UNCORRECTED}]
    card = pairs.card.model_copy(
        update={
            "energies": [corrected, rebuilt, *others],
            "description": pairs.card.description.removesuffix(REBUILT) + REBUILT,
        }
    )
    structures = pairs.frames(range(len(pairs)))
    _clear(directory)
    write_pairs(directory, card, table, structures)
    _report(directory)


def make_frames(out: Path, frames: Sequence[tuple[str, Material]], new_card: NewCard) -> None:
    """Label frames and write them once per model, without those with extreme forces.

    Args:
        out: parent directory of the two data sets.
        frames: frame ids and geometries.
        new_card: returns a card that names the source.
    """
    graphs = [
        convert(geometry.atomic_numbers, geometry.frac_coords, geometry.lattice)
        for _, geometry in frames
    ]
    labels = label(graphs, forces=True)
    is_valid = [
        all(np.abs(prediction.forces).max() <= MAX_FORCE for prediction in both)
        for both in zip(*labels.values(), strict=True)
    ]
    typer.echo(f"{is_valid.count(False)} frames left out for a force above {MAX_FORCE:g} eV/Å")
    for name, predictions in labels.items():
        info = MODELS[name]
        directory = out / f"mp-frames-{SHORT[name]}"
        card = new_card(
            name=directory.name,
            kind="frames",
            title=f"Materials Project frames labelled by CHGNet in {info.functional}",
            description=(
                f"{FRAME_MATERIALS} materials of mp-structures with 2 to 40 atoms, chosen so that "
                "every element lies in as many as possible; of each the relaxed structure, one "
                "rattled by 0.05 to 0.1 Å and one strained by up to 3 %. The labels are a model's, "
                "not DFT's. The other functional's set has the same frames."
            ),
            functional=info.functional,
            labels=name,
            corrections=info.corrections,
        )
        rows = zip(frames, predictions, is_valid, strict=True)
        _clear(directory)
        write_frames(
            directory,
            card,
            (
                _frame(frame_id, geometry, prediction)
                for (frame_id, geometry), prediction, valid in rows
                if valid
            ),
        )
        _report(directory)


def _structure(material: Material) -> Frame:
    return Frame(
        frame_id=material.material_id,
        material_id=material.material_id,
        atomic_numbers=material.atomic_numbers,
        frac_coords=material.frac_coords,
        lattice=material.lattice,
    )


def _frame(frame_id: str, geometry: Material, prediction: FramePrediction) -> Frame:
    return replace(
        _structure(geometry),
        frame_id=frame_id,
        energy_per_atom=prediction.energy,
        forces=prediction.forces,
        stress=prediction.stress,
        magmoms=prediction.magmoms,
    )


def _clear(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _report(directory: Path) -> None:
    for path in sorted(directory.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        typer.echo(f"{digest}  {directory.name}/{path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    typer.run(main)
