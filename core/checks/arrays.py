"""Forces, stresses and magmoms of a sample beside the predictions of a pretrained network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.frames.findings import Finding
from core.potential.examples import Example
from core.potential.prediction import FramePrediction
from core.transfer.label_slopes import slope

Pairs = Sequence[tuple[Example, FramePrediction]]

_MOVING = 0.1
"""eV/Å: root mean square of forces from which they can be compared."""

_UNRELATED = 0.1
"""Share of the forces that predictions explain, below which they belong to other atoms; between
functionals it is above 0.6."""

_FEWEST = 90
"""Force components below which nothing is said."""


def label_errors(pairs: Pairs) -> dict[str, NDArray[np.float64]]:
    """Return labels minus predictions by kind of label, (n,) each, in the units of the labels.

    Args:
        pairs: frames with their predictions.
    """
    errors: dict[str, list[NDArray[np.float64]]] = {"force": [], "stress": [], "magmom": []}
    for one, predicted in pairs:
        for kind, found in (
            ("force", predicted.forces),
            ("stress", predicted.stress),
            ("magmom", predicted.magmoms),
        ):
            label = one.label(kind)
            if label is not None and found is not None:
                errors[kind].append(np.ravel(label - found).astype(float))
    return {kind: np.concatenate(values) for kind, values in errors.items() if values}


def force_findings(pairs: Pairs) -> list[Finding]:
    """Report forces that are zero where they cannot be, and forces of other atoms.

    Args:
        pairs: frames with their predictions.
    """
    forces = [
        (one.index, one.forces, found.forces)
        for one, found in pairs
        if one.forces is not None and found.forces is not None
    ]
    if not forces:
        return []
    zero = [row for row, label, found in forces if not label.any() and _size(found) > _MOVING]
    moving = [one for one in forces if one[1].any()]
    findings = []
    if zero:
        findings.append(
            Finding(
                kind="force_placeholder",
                severity="error" if len(zero) > 0.1 * len(forces) else "warning",
                message=f"The forces of {len(zero)} of {len(forces)} sampled frames are exactly "
                "zero, where the pretrained model predicts more than "
                f"{_MOVING:g} eV/Å: missing forces were filled in.",
                remedy="Import these frames without forces, or set the loss ratio of the force to "
                "zero.",
                settings={"loss.force": 0.0},
            )
        )
    if moving:
        labels, predicted = (np.concatenate([one[i] for one in moving]) for i in (1, 2))
        line = slope(labels, predicted)
        is_telling = line.n >= _FEWEST and min(_size(labels), _size(predicted)) > _MOVING
        if is_telling and line.explained < _UNRELATED:
            findings.append(
                Finding(
                    kind="force_mismatch",
                    severity="warning",
                    message=f"The pretrained model explains {line.explained:.0%} of the forces: "
                    "they probably belong to atoms in another order, or to other frames.",
                    remedy="Check that forces and atoms are in the same order, and import them "
                    "again.",
                )
            )
    return findings


def _size(values: NDArray[np.floating]) -> float:
    return float(np.sqrt((np.asarray(values, dtype=float) ** 2).mean()))
