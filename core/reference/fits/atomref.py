"""AtomRef: one energy per element, fitted so that composition alone explains what it can.

E_total = E_AtomRef(composition) + E_model(structure). AtomRef's contribution is composition
fractions times AtomRef. See Huang et al., arXiv:2504.05565, for why it must be refitted when the
functional changes.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd

from core.elements import N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.files import disk_errors, write_whole
from core.frames.schema import Corrections
from core.reference.fits import solve
from core.reference.fits.atomref_file import AtomRefFile, parse
from core.reference.fits.robust import huber

Method = Literal["lstsq", "huber", "ridge", "residual"]

RARE = 10
"""An element in fewer frames than this is named as rare."""


_NOTHING = 1e-6
"""eV/atom; chgnet's own AtomRef hold such a number where an element never occurred."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class AtomRef:
    """Elemental reference energies of one functional and how they were fitted.

    Attributes:
        functional: Level of theory of the fitted energies.
        method: "lstsq" (least squares), "huber" (the same, with outliers counted less), "ridge"
            (pulled toward a prior), "residual" (ridge on energies less the network's interaction
            energy) or "given" (a table from elsewhere).
        energies: (94,) eV/atom in the order of ``core.elements.SYMBOLS``.
        counts: Frames that contain each element, (94,) integers; all 0 where nobody said.
        n: Frames fitted; 0 where nobody said.
        rank: Rank of the composition columns of the elements present.
        condition: Condition number of those columns; infinite where they are dependent.
        prior_used: What the prior was, in words; None where there is none.
        strength: Ridge strength; None where there is no prior.
        scale: Robust standard deviation of a Huber fit's residuals, eV/atom; None for others.
        labels: Who made the fitted energies, "dft" or a model's name; None if nobody said.
        corrections: Whether MP2020 corrections are in them.
    """

    functional: str
    method: Method | Literal["given"]
    energies: np.ndarray
    counts: np.ndarray
    n: int
    rank: int
    condition: float
    prior_used: str | None = None
    strength: float | None = None
    scale: float | None = None
    labels: str | None = None
    corrections: Corrections = "unknown"

    def contribution(self, fractions: np.ndarray) -> np.ndarray:
        """Return composition fractions (n, 94) times AtomRef: (n,) eV/atom."""
        return np.asarray(fractions) @ self.energies

    def terms(self, fractions: np.ndarray) -> pd.DataFrame:
        """Return the terms of one composition's contribution.

        Args:
            fractions: Composition fractions, (94,).

        Returns:
            Columns symbol, fraction, energy and contribution (eV/atom), one row per element.
        """
        table = self.table().drop(columns="count").assign(fraction=fractions)
        table["contribution"] = table["fraction"] * table["energy"]
        return table[table["fraction"] > 0]

    def rare(self, min_count: int = RARE) -> list[str]:
        """Name the elements that occur, but in fewer than ``min_count`` frames."""
        few = (self.counts > 0) & (self.counts < min_count)
        return [SYMBOLS[index] for index in np.flatnonzero(few)]

    @property
    def unseen(self) -> list[str]:
        """Elements that no fitted frame contains."""
        return [SYMBOLS[index] for index in np.flatnonzero(self.counts == 0)]

    @property
    def has_energy(self) -> np.ndarray:
        """Whether each element (94,) has a reference: it occurs, or an energy is given."""
        return (self.counts > 0) | (np.abs(self.energies) > _NOTHING)

    def table(self) -> pd.DataFrame:
        """Return all 94 elements as columns symbol, energy (eV/atom) and count."""
        return pd.DataFrame(
            {"symbol": SYMBOLS, "energy": self.energies, "count": self.counts}
        ).astype({"symbol": str})

    def fitted_energies(self) -> dict[str, float]:
        """Return the energies (eV/atom) of the elements that the fitted frames contain."""
        return {SYMBOLS[i]: float(self.energies[i]) for i in np.flatnonzero(self.counts)}

    def to_json(self) -> str:
        """Return it as one JSON object; elements neither seen nor given an energy are left out."""
        used = np.flatnonzero((self.counts > 0) | (self.energies != 0))
        return AtomRefFile(
            functional=self.functional,
            method=self.method,
            n=self.n,
            rank=self.rank,
            condition=self.condition if np.isfinite(self.condition) else None,
            energies={SYMBOLS[i]: float(self.energies[i]) for i in used},
            counts={SYMBOLS[i]: int(self.counts[i]) for i in used},
            prior=self.prior_used,
            strength=self.strength,
            scale=self.scale,
            labels=self.labels,
            corrections=self.corrections,
        ).model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, *, name: str = "the AtomRef text") -> Self:
        """Read what ``to_json`` wrote.

        Args:
            text: The JSON object.
            name: What to call it in an error, best the file's name.

        Raises:
            LabError: It is not an AtomRef of this format.
        """
        content = parse(text, name)
        return cls(
            functional=content.functional,
            method=content.method,
            energies=np.array([content.energies.get(symbol, 0.0) for symbol in SYMBOLS]),
            counts=np.array([content.counts.get(symbol, 0) for symbol in SYMBOLS]),
            n=content.n,
            rank=content.rank,
            condition=np.inf if content.condition is None else content.condition,
            prior_used=content.prior,
            strength=content.strength,
            scale=content.scale,
            labels=content.labels,
            corrections=content.corrections,
        )

    def write(self, path: Path) -> None:
        """Write it as JSON, or as the CSV table where the name ends in .csv; never half of it."""
        is_csv = path.suffix == ".csv"
        text = self.table().to_csv(index=False) if is_csv else self.to_json() + "\n"
        with disk_errors(path):
            write_whole(path, text.encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file that ``write`` wrote.

        Raises:
            LabError: The file is missing or is not an AtomRef.
        """
        try:
            text = path.read_bytes()
        except OSError as error:
            raise LabError(
                f"{path} cannot be read ({error.strerror}); give a file that atomref --out wrote."
            ) from None
        return cls.from_json(text, name=str(path))


def compared(source: AtomRef, target: AtomRef) -> pd.DataFrame:
    """Lay the references of two functionals side by side.

    Returns:
        One row an element that occurs: symbol, source, target and difference (target − source,
        eV/atom), count (frames of the target's fit that contain it).
    """
    seen = np.flatnonzero(source.counts + target.counts)
    return pd.DataFrame(
        {
            "symbol": [SYMBOLS[i] for i in seen],
            "source": source.energies[seen],
            "target": target.energies[seen],
            "difference": (target.energies - source.energies)[seen],
            "count": target.counts[seen],
        }
    )


def fit_lstsq(fractions: np.ndarray, energies: np.ndarray, *, functional: str) -> AtomRef:
    """Fit by least squares; of several solutions the shortest, so unseen elements get 0.

    The same solution as numpy's ``lstsq`` and as the pseudo-inverse in chgnet's ``AtomRef.fit``.

    Args:
        fractions: Composition fractions (n, 94).
        energies: Total energies (n,), eV/atom.
        functional: Their level of theory.

    Raises:
        LabError: No frames, or energies that are not finite.
    """
    X, y = _checked(fractions, energies)
    columns = solve.columns(X)
    return AtomRef(
        functional=functional,
        method="lstsq",
        energies=solve.least_squares(X, y, columns),
        counts=columns.counts,
        n=len(y),
        rank=columns.rank,
        condition=columns.condition,
    )


def fit_huber(fractions: np.ndarray, energies: np.ndarray, *, functional: str) -> AtomRef:
    """Fit by Huber's loss, so that few outlying materials do not decide the references.

    Args:
        fractions: Composition fractions (n, 94).
        energies: Total energies (n,), eV/atom.
        functional: Their level of theory.

    Raises:
        LabError: No frames, energies that are not finite, or an iteration that does not settle.
    """
    X, y = _checked(fractions, energies)
    columns = solve.columns(X)
    references, scale = huber(X, y, columns)
    return AtomRef(
        functional=functional,
        method="huber",
        energies=references,
        counts=columns.counts,
        n=len(y),
        rank=columns.rank,
        condition=columns.condition,
        scale=scale,
    )


def fit_ridge(
    fractions: np.ndarray,
    energies: np.ndarray,
    *,
    prior: np.ndarray,
    strength: float,
    functional: str,
    prior_used: str = "given",
) -> AtomRef:
    """Fit by least squares pulled toward a prior: argmin |y − X w|² + strength |w − prior|².

    Args:
        fractions: X, composition fractions (n, 94).
        energies: y, total energies (n,), eV/atom.
        prior: (94,) eV/atom; unseen elements keep it.
        strength: Above 0; about how many frames of the pure element the prior is worth.
        functional: Level of theory of the energies.
        prior_used: What the prior is, in words.

    Raises:
        LabError: No frames, energies or a prior that are not finite, or a strength not above 0.
    """
    X, y = _checked(fractions, energies)
    if not (np.isfinite(strength) and strength > 0):
        raise LabError(f"the ridge strength is {strength}; give a number above 0.")
    if np.shape(prior) != (N_ELEMENTS,) or not np.isfinite(prior).all():
        raise LabError(f"the prior must hold {N_ELEMENTS} finite energies; give one per element.")
    expected = np.asarray(prior, dtype=float)
    columns = solve.columns(X)
    departure = solve.least_squares(X, y - X @ expected, columns, strength=strength)
    return AtomRef(
        functional=functional,
        method="ridge",
        energies=expected + departure,
        counts=columns.counts,
        n=len(y),
        rank=columns.rank,
        condition=columns.condition,
        prior_used=prior_used,
        strength=strength,
    )


def fit_residual(
    fractions: np.ndarray,
    energies: np.ndarray,
    interaction: np.ndarray,
    *,
    prior: np.ndarray,
    strength: float = 1e-2,
    functional: str,
    prior_used: str = "given",
) -> AtomRef:
    """Fit what the pretrained network leaves over: ridge on energies − interaction.

    The network already knows the energy of bonding in the source functional, so what it misses
    of the target's total energy is nearly linear in composition. Kin to "estimated" E0s in MACE
    (ACEsuit/mace #1289), with a prior added.

    Args:
        fractions: Composition fractions (n, 94).
        energies: Total energies in the target functional (n,), eV/atom.
        interaction: What the pretrained network adds to AtomRef (n,), eV/atom.
        prior: (94,) eV/atom; unseen elements keep it.
        strength: As in ``fit_ridge``.
        functional: The target functional.
        prior_used: What the prior is, in words.

    Raises:
        LabError: As ``fit_ridge``, or interaction energies that are not finite.
    """
    left = np.asarray(energies, dtype=float) - np.asarray(interaction, dtype=float)
    fitted = fit_ridge(
        fractions,
        left,
        prior=prior,
        strength=strength,
        functional=functional,
        prior_used=prior_used,
    )
    return replace(fitted, method="residual")


def _checked(fractions: np.ndarray, energies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    X = np.asarray(fractions, dtype=float)
    y = np.asarray(energies, dtype=float)
    if len(y) == 0:
        raise LabError("there are no frames to fit AtomRef to; choose a data set with energies.")
    missing = np.flatnonzero(~np.isfinite(y))
    if len(missing):
        raise LabError(
            f"{len(missing)} of {len(y)} frames have no finite energy (the first is row "
            f"{missing[0] + 1}); leave them out of the fit."
        )
    return X, y
