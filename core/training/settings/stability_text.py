"""What a run says of its stability."""

from collections.abc import Mapping
from typing import Any

from core.progress import duration_text


def stability_text(event: Mapping[str, Any]) -> str:
    """Return a run's "stability" event in a sentence without its period; empty without one."""
    if not event:
        return ""
    if event["why"]:
        return f"stability could not be judged: {event['why'].rstrip('.')}"
    compared = (
        f"{event['n']:,} materials compared on hulls of {event['n_phases']:,} phases in "
        f"{duration_text(event['seconds'])}"
    )
    parts = [compared]
    if event["f1"] is not None:
        parts.append(f"F1 of the stable ones {event['f1']:.2f}")
    if event["n_left_out"]:
        parts.append(f"{event['n_left_out']:,} left out")
    if event["n_not_converged"]:
        parts.append(f"{event['n_not_converged']:,} relaxations did not converge")
    return "; ".join(parts)
