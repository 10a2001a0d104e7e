"""`predict`: energies, forces, stresses and magmoms of the structures in any file ASE reads."""

import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, columns, progress_on_stderr
from core.cli.options import Device, JsonFlag, ModelOption, Threads
from core.elements import ISOTOPES
from core.errors import LabError
from core.files import disk_errors
from core.frames.schema import Frame
from core.frames.sources.structures import contradiction, formula_in_cif, names_elements
from core.potential.released import MODELS
from core.runs.record.named_models import checkpoint_of

if TYPE_CHECKING:
    from ase import Atoms

    from core.potential.prediction import FramePrediction

app = typer.Typer()

_SHOWN = 160
"""Characters shown of what a file's reader said."""
_HEAD = (
    "file",
    "frame",
    "formula",
    "atoms",
    "energy, eV/atom",
    "max force, eV/Å",
    "max |stress|, GPa",
    "moment, μB",
)


@app.command("predict", cls=LabCommand)
def predict(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="CIF, POSCAR, extended XYZ, or whatever else ASE reads."
        ),
    ],
    *,
    model: ModelOption,
    out: Annotated[
        Path | None, typer.Option(help="New extended XYZ file for structures and predictions.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    _json: JsonFlag = False,
) -> Answer:
    """Predict energy, forces, stress and magmoms of every structure in some files."""
    chosen = checkpoint_of(model)
    if out is not None and out.exists():
        raise LabError(f"{out}: exists already; name a new file.")
    for path in files:
        _check(path)
    frames = [(path, index, frame) for path in files for index, frame in enumerate(_read(path))]
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.potential.compiled_prediction import compile_if_faster  # noqa: PLC0415
    from core.potential.forward import Wanted  # noqa: PLC0415
    from core.potential.models import load_model, resolve_device  # noqa: PLC0415
    from core.potential.prediction import predict as predict_frames  # noqa: PLC0415
    from core.potential.threads import compute_settings  # noqa: PLC0415

    where = resolve_device(device)
    network = load_model(chosen, where)
    alone = [frame for _, _, frame in frames]
    with compute_settings(threads, where):
        compile_if_faster(network, Wanted(), sum(map(len, alone)))
        predictions = predict_frames(network, alone, progress=progress_on_stderr())
    for frame, prediction in zip(alone, predictions, strict=True):
        _refuse_infinite(frame, prediction)
    if out is not None:
        _write(out, list(map(_labelled, alone, predictions)))
    rows = [
        _row(path, index, frame, prediction)
        for (path, index, frame), prediction in zip(frames, predictions, strict=True)
    ]
    origin = _origin(chosen)
    text = columns(_HEAD, [_summary(row) for row in rows])
    return Answer(
        data={"model": model, **origin, "frames": rows},
        text=f"{text}\n\nEnergies are {_level(model, origin)}. --json and --out give all values.",
    )


def _check(path: Path) -> None:
    if path.is_dir():
        raise LabError(f"{path}: is a directory; name the files in it.")
    if not path.is_file():
        raise LabError(f"{path}: no such file; check the name.")
    if path.stat().st_size == 0:
        raise LabError(f"{path}: is empty; give a file with at least one structure.")


def _read(path: Path) -> Iterator[Frame]:
    """Yield a file's structures as frames that are named by their place in the file.

    Raises:
        LabError: if ASE cannot read the file, it holds no structure, or one is not a crystal.
    """
    from ase.data import atomic_numbers  # noqa: PLC0415
    from ase.io import iread  # noqa: PLC0415

    for isotope, symbol in ISOTOPES.items():
        atomic_numbers.setdefault(isotope, atomic_numbers[symbol])
    formula = _stated_formula(path)
    images = iread(path.absolute(), index=":", do_not_split_by_at_sign=True)
    for index in count():
        try:
            atoms = next(images, None)
        except Exception as error:
            # everything: ASE's readers let pass whatever their parsing raises
            said = " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
            raise LabError(
                f"{path}: frame {index} (from 0) cannot be read ({said}); give a whole file in a "
                "format that ASE knows by its name, such as .cif, .vasp, POSCAR or .extxyz."
            ) from error
        if atoms is None:
            if index == 0:
                raise LabError(f"{path}: holds no structure; give a file with at least one.")
            return
        problem = contradiction(formula, atoms.numbers) if formula else None
        if problem:
            raise LabError(f"{path}: {problem}; correct the file.")
        yield _frame(path, index, atoms)


def _stated_formula(path: Path) -> str | None:
    """Return the formula that a CIF of one structure states, None for other files.

    Raises:
        LabError: if the file is a POSCAR that does not name its elements, which ASE would guess.
    """
    from ase.io.formats import UnknownFileTypeError, filetype  # noqa: PLC0415

    try:
        kind = filetype(str(path))
    except UnknownFileTypeError:
        return None
    if kind not in {"cif", "vasp"}:
        return None
    text = path.read_text(errors="replace")
    if kind == "vasp" and not names_elements(text):
        raise LabError(
            f"{path}: the POSCAR does not name its elements; write their symbols into a line "
            "before the numbers of atoms."
        )
    is_single = len(re.findall(r"^_cell_length_a", text, re.MULTILINE)) == 1
    return formula_in_cif(text) if kind == "cif" and is_single else None


def _frame(path: Path, index: int, atoms: "Atoms") -> Frame:
    """Return the structure without whatever labels the file has."""
    where = f"{path}: frame {index} (from 0)"
    if atoms.cell.rank < 3:
        raise LabError(f"{where} has no three lattice vectors; CHGNet needs a crystal's cell.")
    occupancy = atoms.info.get("occupancy")
    if isinstance(occupancy, dict) and any(
        len(site) > 1 or abs(sum(site.values()) - 1) > 1e-3 for site in occupancy.values()
    ):
        raise LabError(f"{where} has partly occupied sites; give an ordered structure.")
    return Frame(
        frame_id=f"{index} (from 0) of {path}",
        material_id=path.name,
        atomic_numbers=atoms.numbers,
        frac_coords=atoms.cell.scaled_positions(atoms.positions),
        lattice=atoms.cell.array,
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
    )


def _refuse_infinite(frame: Frame, prediction: "FramePrediction") -> None:
    values = (prediction.energy, prediction.forces, prediction.stress, prediction.magmoms)
    if not all(np.isfinite(value).all() for value in values if value is not None):
        raise LabError(
            f"Frame {frame.frame_id}: the model predicts something that is not a finite number; "
            "check the distances between the atoms, or take another checkpoint."
        )


def _row(path: Path, index: int, frame: Frame, prediction: "FramePrediction") -> dict[str, Any]:
    from ase.symbols import Symbols  # noqa: PLC0415

    return {
        "file": str(path),
        "index": index,
        "formula": Symbols(frame.atomic_numbers).get_chemical_formula(),
        "energy_per_atom": prediction.energy,
        "forces": prediction.forces,
        "stress": prediction.stress if any(frame.pbc) else None,
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
        float(forces.max()),
        None if row["stress"] is None else float(np.abs(row["stress"]).max()),
        float(row["magmoms"].sum()),
    ]


def _origin(chosen: str) -> dict[str, str | None]:
    """Return functional and energy corrections of what the model learnt, None where unknown."""
    from core.potential.models import read_extra  # noqa: PLC0415

    if chosen in MODELS:
        return {"functional": MODELS[chosen].functional, "corrections": MODELS[chosen].corrections}
    extra = read_extra(Path(chosen))
    return {"functional": extra.get("functional"), "corrections": extra.get("corrections")}


def _level(model: str, origin: dict[str, str | None]) -> str:
    functional = origin["functional"] or "an unknown functional"
    corrections = origin["corrections"] or "unknown"
    return f"predictions of {model}, {functional}, corrections: {corrections}"


def _labelled(frame: Frame, prediction: "FramePrediction") -> "Atoms":
    """Return the structure with its predictions in ASE's units and signs."""
    from ase import Atoms, units  # noqa: PLC0415
    from ase.calculators.singlepoint import SinglePointCalculator  # noqa: PLC0415
    from ase.stress import full_3x3_to_voigt_6_stress  # noqa: PLC0415

    atoms = Atoms(
        numbers=frame.atomic_numbers,
        scaled_positions=frame.frac_coords,
        cell=frame.lattice,
        pbc=frame.pbc,
    )
    stress = full_3x3_to_voigt_6_stress(prediction.stress) * units.GPa
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=prediction.energy * len(frame),
        forces=prediction.forces,
        magmoms=prediction.magmoms,
        **({"stress": stress} if any(frame.pbc) else {}),
    )
    return atoms


def _write(path: Path, images: Sequence["Atoms"]) -> None:
    from ase.io.extxyz import write_extxyz  # noqa: PLC0415

    from core.files import whole_file  # noqa: PLC0415

    with disk_errors(path), whole_file(path) as file:
        text = TextIOWrapper(file, encoding="utf-8")
        write_extxyz(text, images)
        text.detach()
