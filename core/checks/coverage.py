"""Elements that few training frames contain, and what their references cost."""

import numpy as np
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.frames.findings import Finding
from core.frames.splits import Split
from core.frames.store import FrameSet

_FEW = 3
"""Training frames below which data say next to nothing about the reference of an element."""

_COSTLY = 100.0
"""meV/atom of a held-out frame, from which too few frames of its elements are a warning."""

_SMALL = 20
"""Training frames below which a run learns little beside AtomRef."""

_NAMED = 8


def coverage_findings(
    data: FrameSet, split: Split, *, unknown: float | None = None
) -> list[Finding]:
    """Report elements that validation or test frames contain and hardly any training frame does.

    Args:
        data: the data set.
        split: the parts.
        unknown: typical distance of a reference from its prior, eV per atom of the element; None
            where that is not known.
    """
    findings = []
    if len(split.train) < _SMALL:
        findings.append(
            Finding(
                kind="few_frames",
                severity="warning",
                message=f"There are {len(split.train)} training frames, too few for more than "
                "AtomRef.",
                remedy="Import more, or fit AtomRef alone on the AtomRef page.",
            )
        )
    fractions = data.fractions()
    held_out = np.concatenate([split.validation, split.test])
    counts = (fractions[split.train] > 0).sum(axis=0)
    asked = fractions[held_out]
    poor = (asked > 0).any(axis=0) & (counts < _FEW)
    if not poor.any():
        return findings
    share = asked[:, poor].sum(axis=1)
    hit = share > 0
    cost = None if unknown is None else float(1000 * unknown * share[hit].mean())
    worst = np.flatnonzero(poor)[np.argsort(counts[poor], kind="stable")]
    named = [f"{SYMBOLS[i]} ({counts[i]})" for i in worst[:_NAMED]]
    more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
    is_costly = cost is not None and cost > _COSTLY
    priced = "" if cost is None else f", about {cost:,.0f} meV/atom each"
    findings.append(
        Finding(
            kind="few_per_element",
            severity="warning" if is_costly else "info",
            message=f"{int(hit.sum()):,} of {len(hit):,} validation and test frames contain an "
            f"element of fewer than {_FEW} training frames: {', '.join(named)}{more}. Its "
            f"reference energy is the prior's{priced}.",
            remedy="Add frames with these elements, or leave those frames out.",
            cost=cost,
            rows=held_out[hit].tolist(),
        )
    )
    return findings


def unknown_distance(
    fractions: NDArray[np.float64], deviation: NDArray[np.float64]
) -> float | None:
    """Return how far references typically are from their prior, eV per atom of the element.

    Args:
        fractions: composition fractions of the frames that they were fitted to, (n, 94).
        deviation: fitted references minus prior, (94,) eV/atom.
    """
    counts = (fractions > 0).sum(axis=0)
    known = counts >= _FEW
    return float(np.median(np.abs(deviation[known]))) if known.any() else None
