"""VASP's HDF5 output (vaspout.h5), which VASP 6 writes beside vasprun.xml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from core.elements import INDEX, formula_of
from core.frames.sources.outputs.vasp_files import VaspSource
from core.frames.sources.records import Record, Refused
from core.frames.sources.training_sets.hdf5 import ERRORS, array, is_hdf5, open_hdf5
from core.frames.tables.tabular import CellError
from core.frames.vasp.folders import material_of_path
from core.frames.vasp.settings import Settings, element_of
from core.home import cache_dir
from core.progress import Progress

_STEPS: Final = "intermediate/ion_dynamics"
_ENERGIES: Final = f"{_STEPS}/energies"
_TYPES: Final = "results/positions/ion_types"
_COUNTS: Final = "results/positions/number_ion_types"
_E0, _FREE = "sigma->0", "TOTEN"
"""In the names of the energy extrapolated to zero smearing, and of the free energy."""

_IS_FREE: Final = "Steps of which the file has the free energy only, with the smearing's entropy"
_LARGEST: Final = 1 << 31
"""Bytes of the arrays of one file."""


class VaspHdf5(VaspSource):
    """The ionic steps of a vaspout.h5, with the same conventions as a vasprun.xml.

    The names are those of py4vasp's schema (https://github.com/vasp-dev/py4vasp).
    """

    form = "vaspout"
    title = "VASP output in HDF5"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is HDF5 with the types of ions as VASP writes them."""
        if not is_hdf5(path):
            return False
        try:
            with open_hdf5(path) as file:
                return (
                    array(file, _TYPES) is not None or array(file, f"{_STEPS}/energies") is not None
                )
        except ERRORS:
            return path.name.lower().startswith("vaspout")

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the ionic steps."""
        self.choice.seen.clear()
        is_upload = self.path.is_relative_to(cache_dir())
        material = "" if is_upload else material_of_path(self.path.parent)
        yield from self.steps_of(where=self.path.name, material=material, prefix=material)
        progress(1.0, f"{self.path.name} read")

    def steps_of(self, *, where: str, material: str, prefix: str) -> Iterator[Record | Refused]:
        """Yield the ionic steps; arguments as of `frames_of`."""
        try:
            with open_hdf5(self.path) as file:
                yield from self._steps(file, where, material, prefix)
        except CellError as error:
            yield Refused(where=where, why=str(error))
        except ERRORS as error:
            why = (str(error).splitlines() or [""])[0][:80]
            yield Refused(where=where, why=f"the HDF5 file is damaged ({why})")

    def _steps(
        self, file: h5py.File, place: str, material: str, prefix: str
    ) -> Iterator[Record | Refused]:
        settings = _settings(file)
        numbers = _atomic_numbers(file)
        arrays = _arrays(file, len(numbers))
        total = len(arrays["energies"])
        column, is_free = _column(file, arrays["energies"].shape[1])
        if is_free:
            self.choice.seen[_IS_FREE] += total
        loops = _electronic_steps(file)
        material = material or formula_of(numbers)
        shown = range(total) if self.choice.steps == "all" else range(max(total - 1, 0), total)
        for step in shown:
            where = f"step {step} of {place}"
            own = {key: rows[min(step, len(rows) - 1)] for key, rows in arrays.items()}
            if not self.choice.with_unconverged:
                if settings.other_energy:
                    yield Refused(where=where, why=settings.other_energy)
                    continue
                if step < len(loops) and settings.is_unconverged(loops[step]):
                    most = settings.most_electronic_steps
                    why = f"its electronic loop did not converge within NELM = {most} steps"
                    yield Refused(where=where, why=why)
                    continue
            yield Record(
                where=where,
                atomic_numbers=numbers,
                lattice=own["lattice_vectors"] * arrays["scale"][0],
                frac_coords=own["position_ions"],
                values={
                    "energy": float(own["energies"][column]),
                    "forces": own.get("forces"),
                    "stress": own.get("stress") if settings.has_full_stress else None,
                    "magmoms": own.get("magmoms"),
                    "functional": settings.functional(),
                    "material_id": material,
                    "frame_id": f"{prefix or material}-{step}",
                },
            )


def _settings(file: h5py.File) -> Settings:
    """Return the tags that the user set, and the kind of the POTCARs."""
    incar = file.get("input/incar")
    tags = {}
    if isinstance(incar, h5py.Group):
        tags = {
            key.upper(): _text(incar[key][()]) for key in incar if array(incar, key) is not None
        }
    potcar = array(file, "input/potcar/content")
    text = _text(potcar[()]) if potcar is not None and potcar.size < 1 << 20 else ""
    titles = [line.split("=", 1)[1].strip() for line in text.splitlines() if "TITEL" in line]
    return Settings(incar=tags, titles=titles)


def _atomic_numbers(file: h5py.File) -> np.ndarray:
    types, counts = array(file, _TYPES), array(file, _COUNTS)
    if types is None or counts is None:
        raise CellError("it does not name its types of ions: VASP stopped before it wrote them")
    symbols = [element_of(_text(one)) for one in np.ravel(types[()])]
    wrong = next((symbol for symbol in symbols if symbol not in INDEX), None)
    if wrong is not None:
        raise CellError(f"it contains {wrong[:20]!r}, which is not an element from H to Pu")
    numbers = np.ravel(counts[()]).astype(np.int64)
    if len(numbers) != len(symbols) or numbers.min(initial=1) < 1 or numbers.sum() > 1_000_000:
        raise CellError("its types of ions and their numbers do not belong to each other")
    return np.repeat([INDEX[symbol] + 1 for symbol in symbols], numbers)


def _arrays(file: h5py.File, n: int) -> dict[str, np.ndarray]:
    """Return the arrays of all steps, each of one row per step or of one row for all of them.

    Raises:
        CellError: if there are no energies, or arrays have the wrong shape.
    """
    shapes = {
        "energies": (-1,),
        "lattice_vectors": (3, 3),
        "position_ions": (n, 3),
        "forces": (n, 3),
        "stress": (3, 3),
    }
    found: dict[str, np.ndarray] = {"scale": np.ones(1)}
    for key, shape in shapes.items():
        data = array(file, f"{_STEPS}/{key}")
        if data is None and key in {"lattice_vectors", "position_ions"}:
            data = array(file, f"results/positions/{key}")
        if data is not None:
            found[key] = _rows(key, data, shape)
    if missing := next((key for key in list(shapes)[:3] if key not in found), None):
        raise CellError(
            f"it has no {missing}: VASP stopped before its first ionic step was finished"
        )
    for place in (f"{_STEPS}/scale", "results/positions/scale"):
        if (data := array(file, place)) is not None and data.size:
            found["scale"] = np.ravel(data[()]).astype(np.float64)[:1]
            break
    total = len(found["energies"])
    for key in ("forces", "stress"):
        if key in found and len(found[key]) < total:
            del found[key]
    if (moments := _moments(file, total, n)) is not None:
        found["magmoms"] = moments
    return found


def _rows(key: str, data: h5py.Dataset, shape: tuple[int, ...]) -> np.ndarray:
    if data.dtype.kind not in "fiu" or data.size * 8 > _LARGEST:
        raise CellError(f"its {key} are not numbers, or too many")
    values = np.asarray(data[()], dtype=np.float64)
    if values.ndim == len(shape):
        values = values[np.newaxis]
    if values.ndim != len(shape) + 1 or (shape != (-1,) and values.shape[1:] != shape):
        raise CellError(f"its {key} have the shape {data.shape}, which is not that of its ions")
    return values


def _moments(file: h5py.File, total: int, n: int) -> np.ndarray | None:
    """Return the magnetic moments of every step, (total, n), μB, summed over orbitals."""
    data = array(file, f"{_STEPS}/magnetism/spin_moments/values")
    if data is None or data.ndim != 4 or data.shape[0] != total or data.shape[2] != n:
        return None
    values = np.asarray(data[()], dtype=np.float64).sum(axis=3)  # steps, components, ions
    if values.shape[1] == 2:
        return np.asarray(values[:, 1])
    return np.asarray(np.linalg.norm(values[:, 1:], axis=1)) if values.shape[1] == 4 else None


def _column(file: h5py.File, n: int) -> tuple[int, bool]:
    """Return the column of the energies that are taken, and whether they are free energies.

    Of molecular dynamics, VASP writes no others.

    Raises:
        CellError: if the columns have no names.
    """
    tags = array(file, f"{_ENERGIES}_tags")
    names = [_text(one) for one in np.ravel(tags[()])] if tags is not None else []
    for words in (_E0, _FREE):
        for place, name in enumerate(names[:n]):
            if words in name:
                return place, words == _FREE
    raise CellError("its energies are not named, so that the one without smearing is not known")


def _electronic_steps(file: h5py.File) -> list[int]:
    """Return the number of electronic steps of each ionic step, as OSZICAR counts them."""
    data, labels = array(file, f"{_STEPS}/oszicar"), array(file, f"{_STEPS}/oszicar_label")
    if data is None or data.ndim != 2 or data.dtype.kind not in "fiu":
        return []
    names = [_text(one).strip() for one in np.ravel(labels[()])] if labels is not None else []
    counts = data[:, names.index("N") if "N" in names else 0].astype(np.int64)
    ends = np.append(np.diff(counts) <= 0, True)
    return [int(one) for one in counts[ends]]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return " ".join(_text(one) for one in value.reshape(-1).tolist())
    if isinstance(value, (bool, np.bool_)):
        return "T" if value else "F"
    return value.decode(errors="replace").strip() if isinstance(value, bytes) else str(value)
