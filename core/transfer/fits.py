"""Fitting an AtomRef to the energies of a data set, toward a pretrained model where asked."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import Corrections
from core.frames.store import FrameSet
from core.reference.atomref import AtomRef, Method, fit_lstsq, fit_residual, fit_ridge
from core.reference.priors import prior


def fit_atomref(
    data: FrameSet | PairSet,
    rows: NDArray[np.integer],
    energies: NDArray[np.float64],
    *,
    method: Method,
    functional: str,
    source_model: str,
    strength: float,
    labels: str | None = None,
    corrections: Corrections = "unknown",
    start: str = "shifted",
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> AtomRef:
    """Fit the elemental references of some rows of a data set.

    Args:
        data: the data set; `residual` needs its structures.
        rows: rows to fit on, (n,); those without an energy, and for `residual` those without a
            structure that CHGNet can represent, are passed over.
        energies: total energies of these rows, (n,) eV/atom.
        method: `lstsq`, `ridge` or `residual`.
        functional: level of theory of the energies.
        source_model: a released model's name, or the path of a checkpoint: its AtomRef is where
            the prior starts, its network gives the interaction energies.
        strength: pull toward the prior.
        labels: who made the energies, kept with the AtomRef.
        corrections: whether MP2020 corrections are in the energies, kept with the AtomRef.
        start: what the prior is: "shifted" (the source model's AtomRef moved by the shift of the
            pure elements), "source" (its AtomRef as it is), or the path of an AtomRef in JSON.
        device: where interaction energies are computed.
        threads: CPU threads for that; None takes the physical cores.
        progress: called with (done, total) while interaction energies are being computed.

    Raises:
        LabError: no energies, no structures where they are needed, or no such model.
    """
    known = np.isfinite(energies)
    rows, energies = np.asarray(rows, dtype=np.int64)[known], energies[known]
    fractions = data.fractions()[rows]
    origin = partial(replace, labels=labels, corrections=corrections)
    if method == "lstsq":
        return origin(fit_lstsq(fractions, energies, functional=functional))
    # Only these fits wait for torch.
    from core.potential.models import get_atomref, load_model  # noqa: PLC0415
    from core.transfer.interaction import interaction_energies  # noqa: PLC0415
    from core.transfer.references import source_functional  # noqa: PLC0415

    if start in {"shifted", "source"}:
        source = source_functional(source_model)
        reached = functional if start == "shifted" else source
        pull = prior(get_atomref(load_model(source_model)), source, reached)
        values, used = pull.values, pull.description
    else:
        values, used = AtomRef.read(Path(start)).energies, f"AtomRef of {Path(start).name}"
    if method == "ridge":
        ridge = fit_ridge(
            fractions,
            energies,
            prior=values,
            prior_used=used,
            strength=strength,
            functional=functional,
        )
        return origin(ridge)
    if isinstance(data, PairSet) and not data.has_structures:
        raise LabError(
            f"{data.card.name} has no structures, and residual needs them; import it with a column "
            "of structures, or take lstsq or ridge."
        )
    interaction = interaction_energies(
        data, source_model, indices=rows, device=device, threads=threads, progress=progress
    )
    usable = np.isfinite(interaction)
    residual = fit_residual(
        fractions[usable],
        energies[usable],
        interaction[usable],
        prior=values,
        prior_used=used,
        strength=strength,
        functional=functional,
    )
    return origin(residual)
