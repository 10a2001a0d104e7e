"""What a run did besides its steps, in words."""

from collections.abc import Mapping
from typing import Any


def solved_text(again: Mapping[str, Any] | None) -> str:
    """Return in one phrase what solving AtomRef again has changed; empty where it was not solved.

    Args:
        again: what the run's "end" event says under "atomref_after".
    """
    if not again:
        return ""
    change = (
        f"{again['before_mev_per_atom']:.1f} → {again['after_mev_per_atom']:.1f} meV/atom on "
        "validation frames"
    )
    return f"{change}, taken" if again["taken"] else f"{change}, not taken"
