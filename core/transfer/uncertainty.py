"""How certain a model's energies are: draws from the posterior of a closed form, calibrated.

A run in closed form (``core.transfer.linearised``), trained further or not, keeps some draws of its
posterior beside its model. To first order, a draw changes the energy of a structure by the
structure's gradient row times the draw, and the spread of these changes is the uncertainty of the
energy. So a small file says it for any structure, the data are not needed any more, and what
structures share is known too.

What calculations scatter by themselves, the noise, is added, and all is multiplied by one factor
from materials that were held out: 90 % of them are to lie within 1.645 deviations. The order
statistic is that of conformal prediction (Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018),
doi:10.1080/01621459.2017.1307116).
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.files import beside, whole_file
from core.progress import Progress, chunk, silent
from core.sealed import UNREADABLE_ARRAYS, check_seal, sealed
from core.transfer.posterior import Change

if TYPE_CHECKING:
    from chgnet.model import CHGNet

    from core.potential.graph import PackedGraph
    from core.transfer.linearised import Solution

WITHIN = 1.645
"""Deviations on either side of a prediction that hold 90 % of the calculations."""

LEVEL = 0.9

_DRAWS = 64
"""Their spread is within 9 % of the posterior's; 4.6 MB."""

_ENOUGH = 20
"""Held-out materials from which on they alone calibrate."""

_CHUNK = 256
"""Structures whose gradient rows are held at once."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Uncertainty:
    """Draws from the posterior of a model's parameters and references, and their calibration.

    Attributes:
        parameters: departures of the network's parameters, (s, size) by name.
        references: departures of AtomRef, (s, 94) eV/atom.
        noise: standard deviation of what calculations scatter by themselves, eV/atom.
        left_out: errors of the training energies over their deviations, each material predicted
            from the others, (n,).
        materials: number of each of these energies' material, (n,).
        factor: by which deviations are multiplied.
        n_held_out: materials that the factor is from; 0 before calibration.
        model: fingerprint of the calibrated model; empty before calibration.
    """

    parameters: Change
    references: NDArray[np.float64]
    noise: float
    left_out: NDArray[np.float64]
    materials: NDArray[np.int64]
    factor: float = 1.0
    n_held_out: int = 0
    model: str = ""

    @classmethod
    def of(cls, solution: "Solution", materials: NDArray[np.integer], *, seed: int) -> Self:
        """Draw from the posterior of a solution.

        Args:
            solution: the closed form.
            materials: number of each training structure's material, (n,).
            seed: seed of the draws.
        """
        posterior = solution.posterior
        parameters, references = posterior.draws(_DRAWS, seed)
        return cls(
            parameters=parameters,
            references=references,
            noise=math.sqrt(posterior.noise),
            left_out=posterior.left_out(solution.weights, materials),
            materials=np.asarray(materials, np.int64),
        )

    def changes(
        self, model: "CHGNet", graphs: Sequence["PackedGraph"], *, progress: Progress = silent
    ) -> NDArray[np.float64]:
        """Return by how much each draw changes the energies of structures, (n, s) eV/atom.

        The covariance of the energies of two structures is the mean product of their rows, times
        the square of `factor`.

        Args:
            model: the model that the draws belong to, AtomRef included or not.
            graphs: the structures.
            progress: reports the structures done.
        """
        from core.potential.tangent.rows import energy_rows  # noqa: PLC0415  imports torch

        found = np.empty((len(graphs), len(self.references)))
        for begin in range(0, len(graphs), _CHUNK):
            part = graphs[begin : begin + _CHUNK]
            told = chunk(progress, begin, len(part), len(graphs), "Uncertainties")
            rows = energy_rows(model, part, progress=told).gradients
            moved = np.stack([_fractions(graph) for graph in part]) @ self.references.T
            for name, drawn in self.parameters.items():
                moved += rows[name] @ drawn.T
            found[begin : begin + len(part)] = moved
        return found

    def deviations(
        self, model: "CHGNet", graphs: Sequence["PackedGraph"], *, progress: Progress = silent
    ) -> NDArray[np.float64]:
        """Return how far calculations may be from the predicted energies, (n,) eV/atom.

        These are standard deviations that include a calculation's own scatter; 90 % of the
        calculations lie within 1.645 of them. A formation energy from given energies of the
        elements has the same deviation.

        Arguments as of `changes`.
        """
        changes = self.changes(model, graphs, progress=progress)
        return np.asarray(self.factor * np.sqrt((changes**2).mean(axis=1) + self.noise**2))

    def calibrated(
        self, ratios: NDArray[np.float64], materials: NDArray[np.integer], *, model: str
    ) -> Self:
        """Return this with the factor that fits held-out frames.

        With fewer than twenty held-out materials, the training materials, each predicted from the
        others, calibrate as well.

        Args:
            ratios: |error| over `deviations` of the held-out frames, (m,), from a factor of 1.
            materials: number of each frame's material, (m,).
            model: fingerprint of the model.
        """
        groups = np.asarray(materials)
        ratios = np.abs(ratios)
        if len(np.unique(groups)) < _ENOUGH:
            own = self.materials + groups.max(initial=-1) + 1
            ratios = np.concatenate([ratios, np.abs(self.left_out)])
            groups = np.concatenate([groups, own])
        known = np.isfinite(ratios)
        n = len(np.unique(groups[known]))
        share = min(1.0, math.ceil((n + 1) * LEVEL) / n)
        # Each material counts alike, however many frames it has.
        _, numbers, counts = np.unique(groups[known], return_inverse=True, return_counts=True)
        order = np.argsort(ratios[known])
        reached = np.cumsum(1.0 / counts[numbers][order]) / n
        place = min(int(np.searchsorted(reached, share - 1e-9)), len(order) - 1)
        factor = float(ratios[known][order][place]) / WITHIN
        return replace(self, factor=max(factor, 1e-3), n_held_out=n, model=model)

    def save(self, path: Path) -> None:
        """Write this to a file, which is complete or missing."""
        arrays: dict[str, Any] = {
            "references": self.references.astype(np.float32),
            "noise": self.noise,
            "left_out": self.left_out.astype(np.float32),
            "materials": self.materials,
            "factor": self.factor,
            "n_held_out": self.n_held_out,
            "model": self.model,
            **{f"d {name}": drawn.astype(np.float16) for name, drawn in self.parameters.items()},
        }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        with whole_file(path) as file:
            file.write(sealed(buffer.getvalue()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            LabError: if the file is missing, damaged, or holds something else.
        """
        try:
            check_seal(path, "export the model again")
            with np.load(path, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
            drawn = {name[2:]: found.pop(name) for name in list(found) if name.startswith("d ")}
            read = cls(
                parameters={name: values.astype(np.float64) for name, values in drawn.items()},
                references=found["references"].astype(np.float64),
                noise=float(found["noise"]),
                left_out=found["left_out"].astype(np.float64),
                materials=found["materials"].astype(np.int64),
                factor=float(found["factor"]),
                n_held_out=int(found["n_held_out"]),
                model=str(found["model"]),
            )
        except UNREADABLE_ARRAYS as error:
            raise LabError(
                f"{path}: cannot be read as the uncertainty of a model; export the model again."
            ) from error
        read.check(path)
        return read

    def check(self, path: Path) -> None:
        """Raise unless shapes and values are those of an uncertainty.

        Args:
            path: file that it was read from.
        """
        from core.potential.tangent.rows import GROUPS  # noqa: PLC0415  imports torch

        names = [name for group in GROUPS.values() for name in group]
        n = len(self.references)
        arrays = [self.references, *self.parameters.values()]
        if not (
            sorted(self.parameters) == sorted(names)
            and self.references.shape == (n, N_ELEMENTS)
            and n > 0
            and all(values.ndim == 2 and len(values) == n for values in arrays)
            and all(np.isfinite(values).all() for values in arrays)
            and math.isfinite(self.noise)
            and math.isfinite(self.factor)
        ):
            raise LabError(
                f"{path}: does not hold the uncertainty of a CHGNet; export the model again."
            )


def uncertainty_path(checkpoint: Path) -> Path:
    """Return where the uncertainty of a checkpoint is: best.uncertainty.npz for best.pth.tar.

    Args:
        checkpoint: the checkpoint's file.
    """
    return beside(checkpoint, ".uncertainty.npz")


def uncertainty_of(checkpoint: str, model: "CHGNet") -> Uncertainty | None:
    """Return the uncertainty that belongs to a model; None if it has none.

    This is all that a page or a command needs: with the model and graphs of structures,
    `uncertainty.deviations(model, graphs)` are standard deviations in eV/atom, of energies and of
    formation energies alike, and a calculation lies within ±1.645 of them (`WITHIN`) in 90 % of
    the cases. `uncertainty_text` says in a sentence where they come from.

    Args:
        checkpoint: what `core.runs.record.named_models.checkpoint_of` returns: a released model,
            which has none, or the path of a checkpoint.
        model: the model that was loaded from it.

    Raises:
        LabError: if the file beside the checkpoint is damaged, or belongs to another model.
    """
    from core.potential.models import model_fingerprint  # noqa: PLC0415  imports torch

    path = uncertainty_path(Path(checkpoint))
    if not path.is_file():
        return None
    found = Uncertainty.load(path)
    if found.model != model_fingerprint(model):
        raise LabError(
            f"{path}: belongs to another model than {checkpoint}; export the two together, or "
            "remove the first."
        )
    return found


def uncertainty_text(found: Uncertainty) -> str:
    """Return in a sentence what deviations of energies mean."""
    return (
        "Deviations are standard deviations of a calculation from the prediction; 90 % of the "
        f"calculations lie within ±{WITHIN:.3g} of them, calibrated on {found.n_held_out:,} "
        "held-out materials."
    )


def _fractions(graph: "PackedGraph") -> NDArray[np.float64]:
    counts = np.bincount(graph.atomic_numbers.astype(np.int64) - 1, minlength=N_ELEMENTS)
    return np.asarray(counts / counts.sum())
