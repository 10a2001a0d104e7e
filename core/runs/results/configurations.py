"""Settings of runs beside one another: what differs, and which runs have what."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.runs.record.directory import Run
from core.runs.results.comparison import label_of
from core.training.settings.config import RunConfig

if TYPE_CHECKING:
    import pandas as pd

_NO_SETTING = {"version"}
_UNSET = "not set"


def settings_of(config: RunConfig) -> dict[str, str]:
    """Return every setting of a run as text, by its name; those of the loss as "loss.energy"."""
    told: dict[str, str] = {}
    for name, value in config.model_dump().items():
        if name == "loss":
            told |= {f"loss.{inner}": _text(one) for inner, one in value.items()}
        elif name not in _NO_SETTING:
            told[name] = _text(value)
    return told


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return the settings in which some runs differ, with the values that occur.

    Args:
        runs: the runs. Their names, which are no settings, do not count.

    Returns:
        By setting, in the order of `RunConfig`: its values, numbers by size and text by letters.
    """
    known = [settings_of(run.config) for run in runs]
    names = [name for name in (known[0] if known else {}) if name != "name"]
    values = {name: sorted({one[name] for one in known}, key=_order) for name in names}
    return {name: found for name, found in values.items() if len(found) > 1}


def choices(runs: Sequence[Run]) -> list[str]:
    """Return the conditions that tell some runs apart, such as "method = refit"."""
    return [f"{name} = {value}" for name, found in differing(runs).items() for value in found]


def matching(runs: Sequence[Run], *, words: str = "", conditions: Sequence[str] = ()) -> list[Run]:
    """Return those of some runs that fit a filter.

    Args:
        runs: the runs.
        words: parts of the name or the id that all have to occur, in any case of letters.
        conditions: as `choices` gives them; of several for one setting, one has to hold.
    """
    wanted = words.lower().split()
    settings: dict[str, list[str]] = {}
    for condition in conditions:
        name, _, value = condition.partition(" = ")
        settings.setdefault(name, []).append(value)

    def fits(run: Run) -> bool:
        name, own = f"{run.config.name} {run.id}".lower(), settings_of(run.config)
        return all(word in name for word in wanted) and all(
            own.get(setting) in values for setting, values in settings.items()
        )

    return [run for run in runs if fits(run)]


def difference(first: Run, second: Run) -> "pd.DataFrame":
    """Return the settings in which two runs differ.

    Args:
        first: a run.
        second: another.

    Returns:
        Columns `setting`, and the two runs' values under their labels.
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    one, other = settings_of(first.config), settings_of(second.config)
    rows = [(name, one[name], other[name]) for name in one if one[name] != other[name]]
    return pd.DataFrame(rows, columns=["setting", label_of(first), label_of(second)], dtype="str")


def _text(value: Any) -> str:
    if value is None or value in ("", (), {}):
        return _UNSET
    if isinstance(value, dict):
        return ", ".join(f"{name} {one:g}" for name, one in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _order(text: str) -> tuple[int, float, str]:
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)
