"""Runs that differ in their seed alone: how much their predictions differ is chance."""

from core.runs.record.directory import Run
from core.runs.record.listing import list_runs
from core.runs.results.configurations import settings_of

_NO_SETTINGS = frozenset({"name", "seed"})


def siblings(run: Run) -> list[Run]:
    """Return the runs with a model that differ from a run in seed and name alone, itself first.

    Args:
        run: a run with a model.
    """
    own = _settings(run)
    others = [
        one
        for one in list_runs()
        if one.id != run.id
        and one.config.seed != run.config.seed
        and one.best_checkpoint.is_file()
        and _settings(one) == own
    ]
    return [run, *others]


def _settings(run: Run) -> dict[str, str]:
    return {
        name: text for name, text in settings_of(run.config).items() if name not in _NO_SETTINGS
    }
