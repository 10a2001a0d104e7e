"""Predictions and labels of single frames, and statistics of their errors."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.elements import N_ELEMENTS, SYMBOLS
from core.training.settings.metrics import LABEL_METRICS, SCALES
from core.transfer.uncertainty import WITHIN

KINDS: dict[str, tuple[str, str]] = {
    "energy": ("Energy", "eV/atom"),
    "force": ("Force component", "eV/Å"),
    "stress": ("Stress component", "GPa"),
    "magmom": ("Magnetic moment", "μB"),
}
"""Name and unit of each kind of label."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FrameErrors:
    """A model's predictions of n frames with N atoms in all, beside their labels.

    Where there is no label, it is NaN; a kind that no frame has a label of is not predicted, so
    that its predictions are NaN as well.

    Attributes:
        rows: rows of the data set, (n,).
        frame_ids: names of the frames, (n,).
        formulas: their formulas, (n,).
        n_atoms: atoms of each, (n,).
        atomic_numbers: of all atoms, (N,).
        energy_label: (n,) eV/atom.
        energy_predicted: (n,) eV/atom, AtomRef included.
        energy_atomref: the part of it that is the model's AtomRef, (n,) eV/atom.
        force_label: (N, 3) eV/Å.
        force_predicted: (N, 3) eV/Å.
        stress_label: (n, 3, 3) GPa.
        stress_predicted: (n, 3, 3) GPa.
        magmom_label: (N,) |μB|.
        magmom_predicted: (N,) |μB|.
        n_available: frames from which these were chosen.
        n_left_out: chosen frames that CHGNet cannot represent, which are not among the n.
        energy_deviation: standard deviations of the energies, (n,) eV/atom, of a model that knows
            how certain they are; else empty.
    """

    rows: NDArray[np.int64]
    frame_ids: NDArray[np.str_]
    formulas: NDArray[np.str_]
    n_atoms: NDArray[np.int64]
    atomic_numbers: NDArray[np.uint8]
    energy_label: NDArray[np.float64]
    energy_predicted: NDArray[np.float64]
    energy_atomref: NDArray[np.float64]
    force_label: NDArray[np.float32]
    force_predicted: NDArray[np.float32]
    stress_label: NDArray[np.float32]
    stress_predicted: NDArray[np.float32]
    magmom_label: NDArray[np.float32]
    magmom_predicted: NDArray[np.float32]
    n_available: int
    n_left_out: int
    energy_deviation: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def intervals(self) -> NDArray[np.float64] | None:
        """Half the 90 % intervals of the energies, (n,) eV/atom; None where not known."""
        return WITHIN * self.energy_deviation if self.energy_deviation.size else None

    def coverage(self) -> tuple[int, int] | None:
        """Return how many energy labels lie in their 90 % interval, and of how many."""
        if self.intervals is None:
            return None
        errors = np.abs(self.energy_predicted - self.energy_label)
        has_label = np.isfinite(errors)
        return int((errors <= self.intervals)[has_label].sum()), int(has_label.sum())

    @property
    def frame_of_atom(self) -> NDArray[np.int64]:
        """Number of the frame, from 0, that each atom belongs to, (N,)."""
        return np.repeat(np.arange(len(self.n_atoms)), self.n_atoms)

    @property
    def kinds(self) -> list[str]:
        """The kinds of label that any frame has."""
        return [kind for kind in KINDS if np.isfinite(getattr(self, f"{kind}_label")).any()]

    @property
    def fractions(self) -> NDArray[np.float64]:
        """Composition fractions, (n, 94)."""
        counts = np.zeros((len(self.n_atoms), N_ELEMENTS))
        np.add.at(counts, (self.frame_of_atom, self.atomic_numbers.astype(int) - 1), 1.0)
        return counts / self.n_atoms[:, None]

    def only(self, flags: NDArray[np.bool_]) -> Self:
        """Return some of the frames, as if the others had not been predicted.

        Args:
            flags: which frames, (n,).
        """
        of_atom = flags[self.frame_of_atom]
        by_atom = {
            name: getattr(self, name)[of_atom]
            for name in (
                "atomic_numbers",
                "force_label",
                "force_predicted",
                "magmom_label",
                "magmom_predicted",
            )
        }
        by_frame = {
            one.name: value[flags]
            for one in fields(self)
            if one.name not in by_atom
            and isinstance(value := getattr(self, one.name), np.ndarray)
            and len(value) == len(flags)  # deviations may be missing
        }
        kept: dict[str, Any] = {**by_atom, **by_frame}
        return replace(self, **kept)

    def of_frames(self, kind: str) -> NDArray[np.float64]:
        """Return the mean absolute error of each frame, (n,); NaN without a label.

        Args:
            kind: key of KINDS; in the unit of its metric (`core.training.settings.metrics`).
        """
        table = self.compared(kind)
        errors = np.abs(table["predicted"].to_numpy() - table["label"].to_numpy())
        n = len(self.n_atoms)
        counts = np.bincount(table["frame"], minlength=n)
        with np.errstate(invalid="ignore"):
            means = np.bincount(table["frame"], errors, n) / counts
        return np.asarray(SCALES[LABEL_METRICS[kind]] * means)

    def compared(self, kind: str) -> pd.DataFrame:
        """Return the values that have a label, with their predictions.

        Args:
            kind: key of KINDS.

        Returns:
            Columns frame (number from 0), label and predicted, in the unit of the kind.
        """
        label, predicted = getattr(self, f"{kind}_label"), getattr(self, f"{kind}_predicted")
        of_atom = kind in {"force", "magmom"}
        frames = self.frame_of_atom if of_atom else np.arange(len(self.n_atoms))
        has_label = np.isfinite(label)
        per_frame = label.size // max(len(label), 1)
        return pd.DataFrame(
            {
                "frame": np.repeat(frames, per_frame)[has_label.ravel()],
                "label": label[has_label].astype(float),
                "predicted": predicted[has_label].astype(float),
            }
        )

    def without_atomref(self) -> pd.DataFrame:
        """Return the energies as `compared` does, minus the model's AtomRef.

        Total energies span tens of eV/atom, which hides errors of some tens of meV/atom.
        """
        table = self.compared("energy")
        atomref = self.energy_atomref[table["frame"]]
        return table.assign(label=table["label"] - atomref, predicted=table["predicted"] - atomref)

    def by_element(self) -> pd.DataFrame:
        """Return errors by element.

        Returns:
            Columns symbol, n_frames (that contain the element), energy (MAE of these, meV/atom),
            n_atoms and force (MAE of the components on its atoms, meV/Å); one row per element that
            occurs, NaN without labels.
        """
        places = self.atomic_numbers.astype(int) - 1
        present = np.zeros((len(self.n_atoms), N_ELEMENTS), dtype=bool)
        present[self.frame_of_atom, places] = True
        energy = np.abs(self.energy_predicted - self.energy_label)
        has_label = np.isfinite(energy)
        force = np.abs(self.force_predicted - self.force_label).astype(float).mean(axis=1)
        has_force = np.isfinite(force)
        with np.errstate(invalid="ignore"):
            by_frame = (energy[has_label] @ present[has_label]) / present[has_label].sum(axis=0)
            by_atom = np.bincount(places[has_force], force[has_force], N_ELEMENTS) / np.bincount(
                places[has_force], minlength=N_ELEMENTS
            )
        table = pd.DataFrame(
            {
                "symbol": SYMBOLS,
                "n_frames": present.sum(axis=0),
                "energy": 1000 * by_frame,
                "n_atoms": np.bincount(places, minlength=N_ELEMENTS),
                "force": 1000 * by_atom,
            }
        )
        return table[table["n_frames"] > 0].reset_index(drop=True)


def among(table: pd.DataFrame, flags: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the values of some frames.

    Args:
        table: as `FrameErrors.compared` returns it.
        flags: which frames, (n,).
    """
    return table[flags[table["frame"]]]


def summary(table: pd.DataFrame, kind: str) -> dict[str, float]:
    """Return the number of values, the mean absolute, root mean square and largest error.

    Args:
        table: as `FrameErrors.compared` returns it.
        kind: key of KINDS.

    Returns:
        n, and mae, rmse and largest in the unit of the kind's metric
        (`core.training.settings.metrics`).
    """
    errors = SCALES[LABEL_METRICS[kind]] * (table["predicted"] - table["label"]).to_numpy()
    return {
        "n": len(errors),
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "largest": float(np.abs(errors).max()),
    }
