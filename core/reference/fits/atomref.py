"""AtomRef: one energy per element, fitted so that composition alone explains what it can.

E_total = E_AtomRef(composition) + E_model(structure). The contribution of AtomRef is composition
fractions times AtomRef. See Huang et al., arXiv:2504.05565, for why it must be refitted when the
functional changes.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd

from core.csv_text import csv_text
from core.elements import SYMBOLS
from core.errors import LabError
from core.files import disk_errors, write_whole
from core.frames.schema import Corrections
from core.reference.fits import solve
from core.reference.fits.atomref_file import AtomRefFile, parse
from core.reference.fits.robust import huber
from core.reference.fits.scale import gaps_by_symbol, scale_gap, scale_note

Method = Literal["lstsq", "huber", "ridge", "residual"]

RARE = 10
"""An element in fewer frames than this counts as rare."""

_NOTHING = 1e-6
"""eV/atom; chgnet's own AtomRef hold numbers this small for elements that never occurred."""

_SHARED = (
    "functional",
    "method",
    "n",
    "rank",
    "strength",
    "scale",
    "labels",
    "corrections",
    "off_scale",
    "deviations",
)
"""Fields that an AtomRef and its file hold alike."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class AtomRef:
    """Elemental reference energies of one functional and how they were fitted.

    Attributes:
        functional: level of theory of the fitted energies.
        method: "lstsq" (least squares), "huber" (the same, with outliers weighted less), "ridge"
            (pulled toward a prior), "residual" (ridge on energies minus the network's
            interaction energies) or "given" (a table from elsewhere).
        energies: (94,) eV/atom in the order of ``core.elements.SYMBOLS``.
        counts: number of frames that contain each element, (94,) integers; all 0 if unknown.
        n: number of frames fitted; 0 if unknown.
        rank: rank of the composition columns of the elements present.
        condition: condition number of those columns; infinite if they are dependent.
        prior_used: description of the prior; None if there is none.
        strength: ridge strength; None if there is no prior, or one with a covariance.
        scale: robust standard deviation of a Huber fit's residuals, eV/atom; None for other
            methods.
        labels: "dft" or the model that made the fitted energies; None if unknown.
        corrections: whether MP2020 corrections are in them.
        off_scale: data minus prior (eV/atom) by symbol, for elements whose energies count from
            another zero than the prior's; they are fitted without the pull.
        deviations: standard deviations (eV/atom) that a prior with a covariance found in the
            energies, by part (``core.reference.fits.covariance``); empty for other fits.
        errors: standard deviation of each energy after the data, (94,) eV/atom, NaN where nothing
            determines it; None for fits without a covariance.
        penalty: what a covariance adds to the normal equations, (94, 94); None for other fits, and
            in an AtomRef read from a file.
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
    off_scale: dict[str, float] = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)
    errors: np.ndarray | None = None
    penalty: np.ndarray | None = None

    def contribution(self, fractions: np.ndarray) -> np.ndarray:
        """Return composition fractions (n, 94) times AtomRef: (n,) eV/atom."""
        return np.asarray(fractions @ self.energies)

    def terms(self, fractions: np.ndarray) -> pd.DataFrame:
        """Return the terms of one composition's contribution.

        Args:
            fractions: composition fractions, (94,).

        Returns:
            Columns symbol, fraction, energy and contribution (eV/atom), one row per element.
        """
        table = self.table().drop(columns="count").assign(fraction=fractions)
        table["contribution"] = table["fraction"] * table["energy"]
        return table[table["fraction"] > 0]

    def rare(self, min_count: int = RARE) -> list[str]:
        """Return the elements that occur, but in fewer than ``min_count`` frames."""
        is_rare = (self.counts > 0) & (self.counts < min_count)
        return [SYMBOLS[index] for index in np.flatnonzero(is_rare)]

    @property
    def unseen(self) -> list[str]:
        """Elements that no fitted frame contains."""
        return [SYMBOLS[index] for index in np.flatnonzero(self.counts == 0)]

    @property
    def free(self) -> np.ndarray | None:
        """Elements that a prior does not pull, (94,) booleans; None if it pulls all."""
        if not self.off_scale:
            return None
        return np.isin(SYMBOLS, list(self.off_scale))

    @property
    def pull(self) -> np.ndarray | None:
        """What the prior adds to the normal equations, (94, 94); None without a prior."""
        if self.penalty is not None or self.strength is None:
            return self.penalty
        return solve.ridge(self.strength, self.free)

    @property
    def scale_note(self) -> str:
        """One sentence on the elements whose energies count from another zero; else empty."""
        return scale_note(self.off_scale)

    @property
    def has_energy(self) -> np.ndarray:
        """Whether each element (94,) has a reference: it occurs, or an energy is given."""
        return np.asarray((self.counts > 0) | (np.abs(self.energies) > _NOTHING))

    def table(self) -> pd.DataFrame:
        """Return all 94 elements as columns symbol, energy (eV/atom) and count."""
        return pd.DataFrame(
            {"symbol": SYMBOLS, "energy": self.energies, "count": self.counts}
        ).astype({"symbol": str})

    def fitted_energies(self) -> dict[str, float]:
        """Return the energies (eV/atom) of the elements that the fitted frames contain."""
        return {SYMBOLS[i]: float(self.energies[i]) for i in np.flatnonzero(self.counts)}

    def errors_by_symbol(self) -> dict[str, float]:
        """Return the errors (eV/atom) of the elements that have one; empty without a covariance."""
        if self.errors is None:
            return {}
        return {SYMBOLS[i]: float(self.errors[i]) for i in np.flatnonzero(self.errors >= 0)}

    def to_json(self) -> str:
        """Return it as one JSON object, without elements that have neither frames nor an energy."""
        used = np.flatnonzero((self.counts > 0) | (self.energies != 0))
        return AtomRefFile(
            **{name: getattr(self, name) for name in _SHARED},
            condition=self.condition if np.isfinite(self.condition) else None,
            energies={SYMBOLS[i]: float(self.energies[i]) for i in used},
            counts={SYMBOLS[i]: int(self.counts[i]) for i in used},
            prior=self.prior_used,
            errors=self.errors_by_symbol(),
        ).model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, *, name: str = "the AtomRef text") -> Self:
        """Read what ``to_json`` wrote.

        Args:
            text: the JSON object.
            name: name in error messages, preferably that of the file.

        Raises:
            LabError: if it is not an AtomRef of this format.
        """
        content = parse(text, name)
        return cls(
            **{name: getattr(content, name) for name in _SHARED},
            condition=np.inf if content.condition is None else content.condition,
            energies=np.array([content.energies.get(symbol, 0.0) for symbol in SYMBOLS]),
            counts=np.array([content.counts.get(symbol, 0) for symbol in SYMBOLS]),
            prior_used=content.prior,
            errors=np.array([content.errors.get(symbol, np.nan) for symbol in SYMBOLS])
            if content.errors
            else None,
        )

    def write(self, path: Path | str) -> None:
        """Write it as JSON, or as a CSV table if the name ends in .csv; atomically."""
        path = Path(path)
        is_csv = path.suffix == ".csv"
        text = csv_text(self.table()) if is_csv else self.to_json() + "\n"
        with disk_errors(path):
            write_whole(path, text.encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file that ``write`` wrote.

        Raises:
            LabError: if the file is missing or is not an AtomRef.
        """
        try:
            text = path.read_bytes()
        except OSError as error:
            raise LabError(
                f"{path} cannot be read ({error.strerror}); give a file that atomref --out wrote."
            ) from None
        return cls.from_json(text, name=str(path))


def fit_lstsq(fractions: np.ndarray, energies: np.ndarray, *, functional: str) -> AtomRef:
    """Fit by least squares; the minimum-norm solution, so elements that do not occur get 0.

    The same solution as numpy's ``lstsq`` and as the pseudo-inverse in chgnet's ``AtomRef.fit``.

    Args:
        fractions: composition fractions (n, 94).
        energies: total energies (n,), eV/atom.
        functional: level of theory of the energies.

    Raises:
        LabError: if there are no frames, or energies that are not finite.
    """
    X, y = solve.checked(fractions, energies)
    columns = solve.columns(X)
    return AtomRef(
        functional=functional,
        method="lstsq",
        energies=solve.least_squares(X, y, columns),
        **solve.description(y, columns),
    )


def fit_huber(fractions: np.ndarray, energies: np.ndarray, *, functional: str) -> AtomRef:
    """Fit with Huber's loss, so that a few outliers do not dominate the references.

    Args:
        fractions: composition fractions (n, 94).
        energies: total energies (n,), eV/atom.
        functional: level of theory of the energies.

    Raises:
        LabError: if there are no frames, energies that are not finite, or no convergence.
    """
    X, y = solve.checked(fractions, energies)
    columns = solve.columns(X)
    references, scale = huber(X, y, columns)
    return AtomRef(
        functional=functional,
        method="huber",
        energies=references,
        **solve.description(y, columns),
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
    gap: np.ndarray | None = None,
) -> AtomRef:
    """Fit by least squares pulled toward a prior: argmin |y − X w|² + strength |w − prior|².

    Args:
        fractions: X, composition fractions (n, 94).
        energies: y, total energies (n,), eV/atom.
        prior: (94,) eV/atom; elements that do not occur keep it.
        strength: above 0; the prior weighs about as much as this many frames of the pure element.
        functional: level of theory of the energies.
        prior_used: description of the prior.
        gap: ``scale_gap`` of the energies and the prior (94,), eV/atom: elements where it is finite
            are not pulled; None pulls all.

    Raises:
        LabError: if there are no frames, energies or a prior that are not finite, or the strength
            is not above 0.
    """
    X, y = solve.checked(fractions, energies)
    if not (np.isfinite(strength) and strength > 0):
        raise LabError(f"the ridge strength is {strength}; give a number above 0.")
    expected = solve.checked_prior(prior)
    columns = solve.columns(X)
    off = {} if gap is None else gaps_by_symbol(gap)
    free = None if gap is None else np.isfinite(gap)
    penalty = solve.ridge(strength, free)
    departure = solve.least_squares(X, y - X @ expected, columns, penalty=penalty)
    return AtomRef(
        functional=functional,
        method="ridge",
        energies=expected + departure,
        **solve.description(y, columns),
        prior_used=prior_used,
        strength=strength,
        off_scale=off,
    )


def fit_pulled(
    fractions: np.ndarray,
    energies: np.ndarray,
    *,
    prior: np.ndarray,
    strength: float,
    functional: str,
    prior_used: str = "given",
) -> AtomRef:
    """Fit as ``fit_ridge``, without the pull where the energies count from another zero.

    So a constant per element changes nothing but AtomRef wherever the data determine it.
    Arguments and errors as of ``fit_ridge``.
    """
    X, y = solve.checked(fractions, energies)
    return fit_ridge(
        X,
        y,
        prior=prior,
        strength=strength,
        functional=functional,
        prior_used=prior_used,
        gap=scale_gap(X, y - X @ prior),
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
    """Fit what the pretrained network does not explain: ridge on energies − interaction.

    The network already describes bonding in the source functional, so the rest of the target's
    total energy is nearly linear in composition. Related to the "estimated" E0s of MACE
    (ACEsuit/mace #1289), with a prior added.

    Args:
        fractions: composition fractions (n, 94).
        energies: total energies in the target functional (n,), eV/atom.
        interaction: interaction energies of the pretrained network (n,), eV/atom.
        prior: (94,) eV/atom; elements that do not occur keep it.
        strength: as in ``fit_ridge``.
        functional: the target functional.
        prior_used: description of the prior.

    Raises:
        LabError: as ``fit_ridge``, or if interaction energies are not finite.
    """
    fitted = fit_pulled(
        fractions,
        np.asarray(energies, dtype=float) - np.asarray(interaction, dtype=float),
        prior=prior,
        strength=strength,
        functional=functional,
        prior_used=prior_used,
    )
    return replace(fitted, method="residual")
