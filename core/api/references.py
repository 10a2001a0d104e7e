"""Energy scales of functionals: pairs, the shift between them, and AtomRef."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef, Method
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.shift import ShiftSummary, summarize
from core.studies.atomref_fit import AtomRefStudy
from core.studies.selection import EnergySelection, PairSelection


def open_pairs(
    data: str | Path,
    target_data: str | None = None,
    *,
    source: str | None = None,
    target: str | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> PairedEnergies:
    """Open energies of the same materials in two functionals.

    Args:
        data: a data set of pairs, a table file (CSV, Parquet, Excel), or the data set of frames in
            the source functional.
        target_data: the data set of the same frames in the target functional.
        source: column of source energies; None takes the first.
        target: column of target energies; None takes the last one of another functional.
        mapping: of a table file: field to column, where the guess is wrong.
        units: of a table file: field to unit, where the column's name does not say it.

    Returns:
        `source` and `target` (n,) eV/atom, composition `fractions` (n, 94), `formula`,
        `material_id`, and `table()`.

    Raises:
        LabError: if there is no such data set, file or column, or no row has both energies.

    Examples:
        >>> import core
        >>> pairs = core.open_pairs("mp-frames-gga", "mp-frames-r2scan")
        >>> len(pairs), pairs.source_functional, pairs.target_functional
        (2399, 'GGA/GGA+U', 'r2SCAN')
    """
    name = str(Path(data).resolve()) if Path(data).is_file() else str(data)
    selection = PairSelection(
        dataset=name,
        other=target_data,
        source=source,
        target=target,
        mapping=dict(mapping or {}),
        units=dict(units or {}),
    )
    return selection.open().pairs


def shift(pairs: PairedEnergies) -> ShiftSummary:
    """Compare two functionals before and after each one's own least-squares AtomRef.

    Args:
        pairs: as `open_pairs` returns them, or a part of them (`pairs.containing(["Fe"])`).

    Returns:
        `mean_shift` and `mae` (eV/atom), `pearson_raw` of total and `pearson_scaled` of scaled
        energies, both AtomRefs, and the scaled energies (n,) eV/atom.

    Raises:
        LabError: if there are no pairs.

    Examples:
        >>> import core
        >>> found = core.shift(core.open_pairs("mp-structures"))
        >>> print(f"{found.mae:.1f} eV/atom, r = {found.pearson_raw:.2f}")
        11.5 eV/atom, r = 0.16
        >>> print(f"after AtomRef r = {found.pearson_scaled:.3f}")
        after AtomRef r = 0.988
    """
    return summarize(pairs)


def fit_atomref(
    dataset: str,
    *,
    method: Method = "lstsq",
    column: str | None = None,
    model: str | Path = "chgnet-0.3.0",
    prior: str = "shifted",
    strength: float | Literal["auto", "covariance"] | None = None,
    progress: Progress = silent,
) -> AtomRef:
    """Fit one energy per element to the total energies of a data set.

    Args:
        dataset: its name.
        method: "lstsq", "huber", "ridge" (pulled toward a prior), or "residual" (what the
            pretrained network leaves over, pulled toward a prior).
        column: of pairs: the energies; None takes the target's.
        model: of ridge and residual: the pretrained model: a released one, a run, or a checkpoint
            file.
        prior: of ridge and residual: "shifted", "source", "crystal", "atom", "isolated", a saved
            AtomRef or a file; see `atomref atomref --help`.
        strength: pull toward the prior; None takes "covariance" for residual, else 0.01.
        progress: called with the share that is done and what is being done.

    Returns:
        The fit: `energies` (94,) eV/atom in the order of `core.elements.SYMBOLS`, `counts`,
        `table()`, `contribution(fractions)` (n,) eV/atom, and `write(path)`.

    Raises:
        LabError: if there is no such data set, column or model, or residual has no structures.

    Examples:
        >>> import core
        >>> atomref = core.fit_atomref("mp-structures")
        >>> atomref.n, atomref.rank
        (6238, 86)
        >>> print(atomref.table().set_index("symbol")["energy"].round(1)[["O", "Fe"]].tolist())
        [-9.1, -14.2]
    """
    settings: dict[str, Any] = {} if strength is None else {"strength": strength}
    study = AtomRefStudy(
        pairs=EnergySelection(dataset=dataset, column=column),
        method=method,
        model=str(model),
        start=prior,
        **settings,
    )
    return study.fitted(progress).atomref
