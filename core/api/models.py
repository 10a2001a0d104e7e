"""Models on structures and on labelled data."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from ase import Atoms
from pymatgen.core import Structure

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.schema import Frame
from core.frames.sources.structure_files import read_structures
from core.potential.calculator import CHGNetCalculator
from core.potential.prediction import FramePrediction
from core.potential.relaxation.relax import relax_with
from core.potential.relaxation.relaxed import Relaxed
from core.potential.relaxation.settings import RelaxSettings
from core.progress import Progress, silent
from core.runs.record.directory import Run
from core.runs.record.named_models import checkpoint_for, checkpoint_of, split_for_model
from core.training.scoring.evaluate import evaluate as errors_of
from core.training.settings.metrics import Metrics
from core.transfer.predicted import predict_structures
from core.transfer.source_model import SourceModel

Model = str | Path | Run
"""A released model ("chgnet-0.3.0", "chgnet-r2scan"), a run, its id, or a checkpoint file."""

OneStructure = Frame | Atoms | Structure | str | Path
"""A structure of the lab, of ASE or of pymatgen, or a file with structures."""


def predict(
    model: Model,
    structures: OneStructure | Sequence[OneStructure],
    *,
    device: str = "auto",
    progress: Progress = silent,
) -> list[FramePrediction]:
    """Predict energy, forces, stress and magnetic moments.

    Args:
        model: a released model, a run, its id, or a checkpoint file.
        structures: structures of ASE, pymatgen or the lab, or files with structures.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called with the share that is done and what is being done.

    Returns:
        One prediction per structure: `energy` (eV/atom, AtomRef included), `forces` (n, 3) eV/Å,
        `stress` (3, 3) GPa with chgnet's sign (−0.1 × VASP's kBar), `magmoms` (n,) |μB|.

    Raises:
        LabError: if there is no such model, or a structure cannot be read or predicted; it says
            which.

    Examples:
        >>> import core
        >>> from ase.build import bulk
        >>> (found,) = core.predict("chgnet-r2scan", bulk("NaCl", "rocksalt", a=5.6))
        >>> print(f"{found.energy:.2f} eV/atom", found.forces.shape)
        -6.87 eV/atom (2, 3)
    """
    frames = _frames(structures)
    source = SourceModel(checkpoint_of(_name(model)), device)
    predictions = []
    for place, one in enumerate(predict_structures(source, frames, progress=progress).found):
        if isinstance(one, LabError):
            raise LabError(f"Structure {place} (from 0), {frames[place].frame_id}: {one}")
        predictions.append(one)
    return predictions


def relax(
    model: Model,
    structures: OneStructure | Sequence[OneStructure],
    *,
    fmax: float = 0.1,
    steps: int = 500,
    relax_cell: bool = True,
    device: str = "auto",
    progress: Progress = silent,
) -> list[Relaxed]:
    """Relax structures with FIRE, many together.

    Args:
        model: a released model, a run, its id, or a checkpoint file.
        structures: structures of ASE, pymatgen or the lab, or files with structures.
        fmax: largest force that counts as none, eV/Å.
        steps: largest number of steps.
        relax_cell: whether the cell is relaxed as well.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called with the share that is done and what is being done.

    Returns:
        One result per structure: `converged`, `energy` (eV/atom), `structure` (a frame with its
        last geometry), `steps`, and `reason` where it did not converge.

    Raises:
        LabError: if there is no such model, or a structure cannot be read.
    """
    return relax_with(
        checkpoint_of(_name(model)),
        _frames(structures),
        RelaxSettings(fmax=fmax, steps=steps, relax_cell=relax_cell),
        device=device,
        progress=progress,
    )


def evaluate(
    model: Model,
    dataset: str,
    *,
    split: Literal["train", "validation", "test", "all"] = "test",
    device: str = "auto",
    progress: Progress = silent,
) -> Metrics:
    """Compare a model's predictions with the labels of a data set of frames.

    Args:
        model: a released model, a run, its id, or a checkpoint file.
        dataset: name of the data set.
        split: which of its frames; of a run, no test material was trained on.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called with the share that is done and what is being done.

    Returns:
        `n_frames` and mean absolute errors: `energy_mae_mev_per_atom`,
        `force_mae_mev_per_angstrom`, `stress_mae_gpa`, `magmom_mae_mub`; None where there are no
        labels.

    Raises:
        LabError: if there is no such model or data set of frames, or the split is empty.
    """
    frames, name = open_frame_set(dataset), _name(model)
    rows = np.arange(len(frames))
    if split != "all":
        rows = getattr(split_for_model(name, frames), split)
    chosen = checkpoint_for(name, frames.card.functional)
    return errors_of(chosen, frames, rows, device=device, progress=progress)


def calculator(model: Model = "chgnet-0.3.0", *, device: str = "auto") -> CHGNetCalculator:
    """Return an ASE calculator, for optimisations and molecular dynamics.

    Args:
        model: a released model, a run, its id, or a checkpoint file.
        device: "auto", "cpu", "cuda" or "mps".

    Returns:
        A calculator with energies (eV), forces (eV/Å), stresses (eV/Å³, ASE's sign) and magmoms.

    Raises:
        LabError: if there is no such model, or the device is not available.

    Examples:
        >>> import core
        >>> from ase.build import bulk
        >>> salt = bulk("NaCl", "rocksalt", a=5.6)
        >>> salt.calc = core.calculator("chgnet-r2scan")
        >>> print(f"{salt.get_potential_energy():.1f} eV")
        -13.7 eV
    """
    return CHGNetCalculator(checkpoint_of(_name(model)), device=device)


def _name(model: Model) -> str:
    return str(model.path if isinstance(model, Run) else model)


def _frames(structures: OneStructure | Sequence[OneStructure]) -> list[Frame]:
    """Return structures of any kind as frames without labels."""
    # A structure of ASE or pymatgen is a sequence of its atoms.
    every: Iterable[OneStructure] = (
        [structures]
        if isinstance(structures, Frame | Atoms | Structure | str | Path)
        else structures
    )
    frames: list[Frame] = []
    for place, one in enumerate(every):
        if isinstance(one, str | Path):
            read, left_out = read_structures([Path(one)])
            if left_out:
                raise left_out[0].error
            frames += [frame for _, frame in read]
        else:
            frames.append(_frame(one, f"number {place + 1}"))
    if not frames:
        raise LabError("There is no structure; give at least one.")
    return frames


def _frame(structure: Frame | Atoms | Structure, name: str) -> Frame:
    if isinstance(structure, Frame):
        return structure
    if isinstance(structure, Atoms):
        if structure.cell.rank < 3:
            raise LabError(f"{name}: has no three lattice vectors; CHGNet needs a crystal's cell.")
        numbers, lattice = structure.numbers, structure.cell.array
        frac_coords = structure.cell.scaled_positions(structure.positions)
        a, b, c = structure.pbc.tolist()
    elif isinstance(structure, Structure):
        if not structure.is_ordered:
            raise LabError(f"{name}: has partly occupied sites; give an ordered structure.")
        numbers = np.array([site.specie.Z for site in structure])
        frac_coords, lattice = structure.frac_coords, structure.lattice.matrix
        a, b, c = structure.lattice.pbc
    else:
        raise LabError(
            f"{name}: is a {type(structure).__name__}; give a structure of ASE or pymatgen, a "
            "frame, or a file."
        )
    return Frame(
        frame_id=name,
        material_id=name,
        atomic_numbers=numbers,
        frac_coords=frac_coords,
        lattice=lattice,
        pbc=(bool(a), bool(b), bool(c)),
    )
