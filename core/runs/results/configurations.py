"""Settings of runs side by side: what differs, and which runs have what."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import pandas as pd

from core.runs.record.directory import Run
from core.runs.results.comparison import label_of
from core.training.settings.config import RunConfig
from core.training.settings.flags import FLAGS

_UNSET = "not set"


def settings_of(config: RunConfig) -> dict[str, str]:
    """Return every setting of a run as text, by its name; those of the loss as "loss.energy"."""
    return {name: _text(attrgetter(name)(config)) for name in FLAGS}


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return the settings in which runs differ, with the values that occur.

    Args:
        runs: the runs. Their names, which are no settings, do not count.

    Returns:
        By setting, in the order of FLAGS: its values, numbers by size and text by letters.
    """
    settings = [settings_of(run.config) for run in runs]
    names = [name for name in (settings[0] if settings else {}) if name != "name"]
    values = {name: sorted({texts[name] for texts in settings}, key=_order) for name in names}
    return {name: different for name, different in values.items() if len(different) > 1}


def choices(runs: Sequence[Run]) -> list[str]:
    """Return the conditions that distinguish runs, such as "method = refit"."""
    return [f"{name} = {value}" for name, values in differing(runs).items() for value in values]


def matching(runs: Sequence[Run], *, words: str = "", conditions: Sequence[str] = ()) -> list[Run]:
    """Return the runs that match a filter.

    Args:
        runs: the runs.
        words: parts of the name or the id, all of which have to occur; case does not matter.
        conditions: as `choices` returns them; of several for one setting, one has to hold.
    """
    settings: dict[str, list[str]] = {}
    for condition in conditions:
        name, _, value = condition.partition(" = ")
        settings.setdefault(name, []).append(value)

    def matches(run: Run) -> bool:
        name, values = f"{run.config.name} {run.id}".lower(), settings_of(run.config)
        return all(word in name for word in words.lower().split()) and all(
            values.get(setting) in allowed for setting, allowed in settings.items()
        )

    return [run for run in runs if matches(run)]


def difference(first: Run, second: Run) -> pd.DataFrame:
    """Return the settings in which two runs differ.

    Args:
        first: a run.
        second: another.

    Returns:
        Columns `setting`, and the two runs' values under their labels.
    """
    values, others = settings_of(first.config), settings_of(second.config)
    rows = [(name, values[name], others[name]) for name in values if values[name] != others[name]]
    return pd.DataFrame(rows, columns=["setting", label_of(first), label_of(second)], dtype="str")


def _text(value: Any) -> str:
    if value is None or value in ("", (), {}):
        return _UNSET
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:g}" for name, number in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _order(text: str) -> tuple[int, float, str]:
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)
