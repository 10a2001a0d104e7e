"""Structures for the viewer, in chemiscope's input format (https://chemiscope.org)."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.elements import SYMBOLS
from core.frames.schema import Frame


def structure_view(
    frames: Sequence[Frame], properties: Mapping[str, tuple[Sequence[float], str]]
) -> dict[str, Any]:
    """Return the chemiscope data set of some frames.

    Args:
        frames: the structures, in the order of the table beside the viewer.
        properties: name to (one value per frame, unit), shown with the selected structure.
    """
    return {
        "meta": {"name": " "},
        "structures": [_structure(frame) for frame in frames],
        "properties": {
            name: {"target": "structure", "values": list(map(float, values)), "units": unit}
            for name, (values, unit) in properties.items()
        },
    }


def _structure(frame: Frame) -> dict[str, Any]:
    positions = frame.frac_coords @ frame.lattice
    return {
        "size": len(positions),
        "names": [SYMBOLS[number - 1] for number in frame.atomic_numbers],
        **{axis: positions[:, i].tolist() for i, axis in enumerate("xyz")},
        "cell": frame.lattice.ravel().tolist(),
    }
