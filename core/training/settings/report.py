"""What a run did besides its steps, in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.training.settings.config import MATERIALS
from core.training.settings.later import Later
from core.training.settings.metrics import METRICS


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


def rate_text(found: Mapping[str, Any] | None) -> str:
    """Return in one phrase which learning rate was found; empty where none was looked for.

    Args:
        found: what the run's "start" event says under "rate".
    """
    if not found:
        return ""
    if found["suggestion"] is None:
        return "the given one, for the loss fell at no rate of the search"
    return (
        f"{found['suggestion']:.2g}, at which the loss fell most steeply "
        f"in {len(found['rates'])} steps"
    )


def later_text(later: Later) -> str:
    """Return in one phrase which loss ratios change; empty where none do."""
    if later.epoch is None:
        return ""
    ratios = ", ".join(f"{kind} {ratio:g}" for kind, ratio in later.loss.items())
    return f"{ratios} from epoch {later.epoch} on"


def weights_text(told: Mapping[str, Any] | None) -> str:
    """Return in one phrase how frames weigh; empty where all weigh the same.

    Args:
        told: what the run's "start" event says under "frame_weights".
    """
    if not told:
        return ""
    span = f"{told['least']:.2g} to {told['most']:.2g} times the mean"
    what = "every material the same" if told["of"] == MATERIALS else Path(told["of"]).name
    return f"{what}, {span}"


def rate_of(found: Mapping[str, Any] | None, given: float) -> float:
    """Return the learning rate that a run began with: the one found, or else the given one.

    Args:
        found: what the run's "start" event says under "rate".
        given: that of its settings.
    """
    rate = (found or {}).get("suggestion")
    return given if rate is None else float(rate)


def uncertainty_text(found: Mapping[str, Any] | None) -> str:
    """Return in one phrase how certain energies are; empty of a run that does not know it.

    Args:
        found: what the run's "end" event says under "uncertainty".
    """
    if not found:
        return ""
    text = f"calibrated on {found['materials']:,} materials, each predicted without its energies"
    if found.get("coverage") is None:
        return text
    return (
        f"{100 * found['coverage']:.0f} % of the 90 % intervals hold on {found['n_test']:,} test "
        f"frames (mean deviation {found['deviation_mev_per_atom']:.0f} meV/atom), {text}"
    )


def forgotten_rows(found: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return what a model has forgotten of the source functional, one row per measure.

    Args:
        found: what the run's "end" event says under "forgotten".

    Returns:
        By row: measure, before, after (values with units) and on (what it was measured on).
    """
    if not found:
        return []
    source = found["source"]
    labels = "predictions of the pretrained model" if source["pseudolabels"] else "its labels"
    on = f"{source['n_frames']} structures of {source['dataset']}, {labels}"
    rows = [
        _row(f"{info.label}, source functional", before, source["after"][key], info.unit, on)
        for key, info in METRICS.items()
        if (before := source["before"].get(key)) is not None
    ]
    for key, what in (("displaced", "displaced"), ("compressed", "compressed by 5 %")):
        if one := found.get(key):
            size = f"size of the forces {one['size_mev_per_angstrom']:.0f} meV/Å"
            on = f"{one['n_frames']} training structures, {what}; {size}"
            rows.append(_row("Change of forces", 0.0, one["after_mev_per_angstrom"], "meV/Å", on))
    if one := found.get("volumes"):
        on = f"{one['n_frames']} training structures, cell scaled"
        rows.append(
            _row("Change of the volume of least energy", 0.0, one["after_percent"], "%", on)
        )
    if one := found.get("dimers"):
        on = f"{one['n_pairs']} pairs of elements at 0.5 to 0.9 of their covalent distance"
        rows.append(
            {
                "measure": "Dimers that do not repel throughout",
                "before": str(one["falling_before"]),
                "after": str(one["falling_after"]),
                "on": on,
            }
        )
    return rows


def _row(measure: str, before: float, after: float, unit: str, on: str) -> dict[str, str]:
    return {
        "measure": measure,
        "before": f"{before:.3g} {unit}",
        "after": f"{after:.3g} {unit}",
        "on": on,
    }
