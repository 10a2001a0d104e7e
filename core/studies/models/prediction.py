"""Study: what a model predicts for structures that a user gave."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.progress import Progress
from core.studies.models.given import kept
from core.studies.study import ModelStudy

_SECONDS = 0.5
_SECONDS_PER_ATOM = 2e-3


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions for n structures of N atoms in all; NaN where there is none.

    Attributes:
        n_atoms: (n,).
        energies: total energies, AtomRef included, (n,) eV/atom.
        deviations: their standard deviations, (n,) eV/atom, of a model from a closed form; else
            NaN.
        forces: (N, 3) eV/Å.
        stresses: (n, 3, 3) GPa with chgnet's sign: negative where the cell wants to expand.
        magmoms: (N,) |μB|.
        why: why there is no prediction, (n,) strings; empty where there is one.
        unseen: elements that the model's training never saw, by structure: (n,) strings such as
            "Po, Rn".
    """

    n_atoms: NDArray[np.int64]
    energies: NDArray[np.float64]
    deviations: NDArray[np.float64]
    forces: NDArray[np.float64]
    stresses: NDArray[np.float64]
    magmoms: NDArray[np.float64]
    why: NDArray[np.str_]
    unseen: NDArray[np.str_]

    def atoms(self, place: int) -> slice:
        """Return which atoms are those of a structure."""
        end = int(self.n_atoms[: place + 1].sum())
        return slice(end - int(self.n_atoms[place]), end)

    @property
    def knows_deviations(self) -> bool:
        """Whether the model knows how certain its energies are."""
        return bool(np.isfinite(self.deviations).any())

    def summary(self, place: int) -> dict[str, float]:
        """Return one structure's energy, largest force, pressure and total moment.

        Returns:
            energy_per_atom (eV/atom), max_force (eV/Å), pressure (GPa, positive where the cell
            wants to expand), magmom (μB per cell); NaN where there is none.
        """
        atoms = self.atoms(place)
        forces = np.linalg.norm(self.forces[atoms], axis=1)
        return {
            "energy_per_atom": float(self.energies[place]),
            "max_force": float(forces.max()),
            "pressure": float(-np.trace(self.stresses[place]) / 3),
            "magmom": float(self.magmoms[atoms].sum()),
        }


class PredictionStudy(ModelStudy):
    """Predictions of one model.

    Attributes:
        structures: name of the structures, as `core.studies.models.given.keep` returns it.
    """

    kind: ClassVar[str] = "prediction"
    result: ClassVar[type] = Predictions

    structures: str

    @property
    def datasets(self) -> list[str]:
        """It reads none."""
        return []

    def seconds(self) -> float:
        """Return roughly how long it takes on one core."""
        return _SECONDS + _SECONDS_PER_ATOM * int(kept(self.structures).n_atoms.sum())

    def compute(self, progress: Progress) -> Predictions:
        """Predict all structures.

        Args:
            progress: reports the structures predicted.

        Raises:
            LabError: if the structures are not kept any more, or there is no such model.
        """
        # Only the computation imports torch.
        from core.transfer.predicted import predict_structures  # noqa: PLC0415
        from core.transfer.seen_elements import never_seen  # noqa: PLC0415

        source, given = self.source, kept(self.structures)
        told = predict_structures(source, given.frames(), progress=progress)
        found = told.found
        n, total = len(given), int(given.n_atoms.sum())
        values: dict[str, NDArray[Any]] = {
            "energies": np.full(n, np.nan),
            "forces": np.full((total, 3), np.nan),
            "stresses": np.full((n, 3, 3), np.nan),
            "magmoms": np.full(total, np.nan),
        }
        why = [str(one) if isinstance(one, LabError) else "" for one in found]
        for place, one in enumerate(found):
            if isinstance(one, LabError):
                continue
            atoms = given.atoms(place)
            values["energies"][place] = one.energy
            values["forces"][atoms], values["magmoms"][atoms] = one.forces, one.magmoms
            if one.stress is not None:
                values["stresses"][place] = one.stress
        absent = [never_seen(source.name, row[None]) for row in given.fractions]
        return Predictions(
            n_atoms=given.n_atoms,
            deviations=told.deviations,
            **values,
            why=np.array(why, dtype=str),
            unseen=np.array([", ".join(symbols) for symbols in absent], dtype=str),
        )
