"""`predict`: energies, forces, stresses and magmoms of the structures in any file ASE reads."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, columns, progress_on_stderr
from core.cli.options import Device, JsonFlag, ModelOption, Threads
from core.elements import ISOTOPES, N_ELEMENTS
from core.errors import LabError
from core.files import disk_errors
from core.frames.export.atoms import atoms_of
from core.frames.schema import Frame
from core.frames.tables.structures import contradiction, formula_in_cif, names_elements
from core.potential.released import MODELS
from core.runs.record.named_models import checkpoint_of

if TYPE_CHECKING:
    from ase import Atoms

    from core.potential.prediction import FramePrediction

app = typer.Typer()

_SHOWN = 160
"""Characters shown of what a file's reader said."""
_NOT_FINITE = (
    "the model predicts something that is not a finite number; check the distances between the "
    "atoms, or take another checkpoint."
)
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
    """Predict energy, forces, stress and magmoms of every structure in some files.

    Frames that cannot be read or predicted are listed with the reason, as `left_out` with --json,
    and the others are predicted: the exit status is 0 unless there are none.
    """
    chosen = checkpoint_of(model)
    if out is not None and out.exists():
        raise LabError(f"{out}: exists already; name a new file.")
    for path in files:
        _check(path)
    left_out: list[_LeftOut] = []
    read = [
        (path, index, frame)
        for path in files
        for index, frame in _read(path)
        if not _taken(left_out, path, index, frame)
    ]
    frames = [(path, index, frame) for path, index, frame in read if isinstance(frame, Frame)]
    if not frames:
        raise left_out[0].error
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.potential.compiled_prediction import compile_if_faster  # noqa: PLC0415
    from core.potential.forward import Wanted  # noqa: PLC0415
    from core.potential.graph import convert  # noqa: PLC0415
    from core.potential.models import load_model, resolve_device  # noqa: PLC0415
    from core.potential.prediction import predict as predict_frames  # noqa: PLC0415
    from core.potential.threads import compute_settings  # noqa: PLC0415
    from core.transfer.seen_elements import never_seen, never_seen_text  # noqa: PLC0415

    where = resolve_device(device)
    network = load_model(chosen, where)
    graphs, usable = [], []
    for path, index, frame in frames:
        try:
            graphs.append(
                convert(frame.atomic_numbers, frame.frac_coords, frame.lattice, frame.pbc)
            )
            usable.append((path, index, frame))
        except LabError as error:
            left_out.append(_LeftOut(path, index, error))
    with compute_settings(threads, where):
        compile_if_faster(network, Wanted(), sum(len(frame) for _, _, frame in usable))
        predictions = predict_frames(network, graphs, progress=progress_on_stderr())
    predicted = []
    for (path, index, frame), prediction in zip(usable, predictions, strict=True):
        if _is_finite(prediction):
            predicted.append((path, index, frame, prediction))
        else:
            left_out.append(_LeftOut(path, index, LabError(_NOT_FINITE)))
    if not predicted:
        raise LabError(f"Frame {left_out[0].place}: {left_out[0].why}")
    if out is not None:
        _write(out, [_labelled(frame, prediction) for _, _, frame, prediction in predicted])
    rows = [_row(*entry) for entry in predicted]
    counts = np.zeros((len(predicted), N_ELEMENTS))
    for place, (_, _, frame, _) in enumerate(predicted):
        counts[place, np.asarray(frame.atomic_numbers, dtype=int) - 1] = 1
    unseen = never_seen(chosen, counts)
    origin = _origin(chosen)
    paragraphs = [
        columns(_HEAD, [_summary(row) for row in rows]),
        "\n".join(f"left out: {one.place}: {one.why}" for one in left_out),
        never_seen_text(unseen),
        f"Energies are {_level(model, origin)}. --json and --out give all values.",
    ]
    return Answer(
        data={
            "model": model,
            **origin,
            "frames": rows,
            "left_out": [
                {"file": str(one.path), "frame": one.index, "why": one.why} for one in left_out
            ],
            "unseen_elements": unseen,
        },
        text="\n\n".join(filter(None, paragraphs)),
    )


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """A frame that is not predicted."""

    path: Path
    index: int
    error: LabError

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.index} (from 0) of {self.path}"

    @property
    def why(self) -> str:
        """The reason, without the place where it begins with it."""
        text = str(self.error)
        for start in (f"{self.path}: frame {self.index} (from 0) ", f"{self.path}: "):
            text = text.removeprefix(start)
        return text


def _taken(left_out: list[_LeftOut], path: Path, index: int, frame: Frame | LabError) -> bool:
    """Note what cannot be read, and return whether it was noted."""
    if isinstance(frame, LabError):
        left_out.append(_LeftOut(path, index, frame))
        return True
    return False


def _check(path: Path) -> None:
    if path.is_dir():
        raise LabError(f"{path}: is a directory; name the files in it.")
    if not path.is_file():
        raise LabError(f"{path}: no such file; check the name.")
    if path.stat().st_size == 0:
        raise LabError(f"{path}: is empty; give a file with at least one structure.")


def _read(path: Path) -> Iterator[tuple[int, Frame | LabError]]:
    """Yield a file's structures, or why one cannot be taken, with their places in the file.

    What follows a frame that ASE cannot read cannot be read either.
    """
    from ase.data import atomic_numbers  # noqa: PLC0415
    from ase.io import iread  # noqa: PLC0415

    for isotope, symbol in ISOTOPES.items():
        atomic_numbers.setdefault(isotope, atomic_numbers[symbol])
    try:
        formula = _stated_formula(path)
    except LabError as error:
        yield 0, error
        return
    images = iread(path.absolute(), index=":", do_not_split_by_at_sign=True)
    for index in count():
        try:
            atoms = next(images, None)
        except Exception as error:  # noqa: BLE001
            # everything: ASE's readers let pass whatever their parsing raises
            said = " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
            yield (
                index,
                LabError(
                    f"{path}: frame {index} (from 0) cannot be read ({said}); give a whole file in "
                    "a format that ASE knows by its name, such as .cif, .vasp, POSCAR or .extxyz."
                ),
            )
            return
        if atoms is None:
            if index == 0:
                yield 0, LabError(f"{path}: holds no structure; give a file with at least one.")
            return
        problem = contradiction(formula, atoms.numbers) if formula else None
        if problem:
            yield index, LabError(f"{path}: {problem}; correct the file.")
            continue
        try:
            yield index, _frame(path, index, atoms)
        except LabError as error:
            yield index, error


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


def _is_finite(prediction: "FramePrediction") -> bool:
    values = (prediction.energy, prediction.forces, prediction.stress, prediction.magmoms)
    return all(np.isfinite(value).all() for value in values if value is not None)


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
    return atoms_of(
        replace(
            frame,
            energy_per_atom=prediction.energy,
            forces=prediction.forces,
            stress=prediction.stress if any(frame.pbc) else None,
            magmoms=prediction.magmoms,
        )
    )


def _write(path: Path, images: Sequence["Atoms"]) -> None:
    from ase.io.extxyz import write_extxyz  # noqa: PLC0415

    from core.files import whole_file  # noqa: PLC0415

    with disk_errors(path), whole_file(path) as file:
        text = TextIOWrapper(file, encoding="utf-8")
        write_extxyz(text, images)
        text.detach()
