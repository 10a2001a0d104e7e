"""Reports by the names of what they are about."""

import time
from collections.abc import Callable, Sequence

from core.errors import LabError
from core.progress import Progress, part
from core.report.document import Report, Section
from core.report.experiment import experiment_section, logbook_section
from core.report.run import run_section
from core.report.sweep import sweep_section
from core.runs.groups.experiment import Experiment
from core.runs.groups.sweep import Sweep
from core.runs.record.listing import find_run, list_runs


def report_on(
    names: Sequence[str],
    *,
    analysed: Callable[[str], Section | None] = lambda _: None,
    progress: Progress | None = None,
) -> Report:
    """Return a report.

    Args:
        names: ids of runs, experiments and sweeps, and what `analysed` knows; none stand for the
            list of all runs.
        analysed: returns the section about an analysis by its name, None for any other name.
        progress: receives the share done of the predictions behind parity figures; None takes
            those that have been computed before.

    Raises:
        LabError: if there is no such run, experiment or sweep, or no run at all.
    """
    if not names:
        runs = list_runs()
        if not runs:
            raise LabError("There is no run to report on; start one with `atomref train`.")
        return Report(title="Logbook", sections=[logbook_section(runs)], written=time.time())
    names = list(dict.fromkeys(names))
    sections = [
        analysed(name)
        or _section(
            name,
            None if progress is None else part(progress, i / len(names), (i + 1) / len(names)),
        )
        for i, name in enumerate(names)
    ]
    title = sections[0].title if len(sections) == 1 else f"{len(sections)} results"
    return Report(title=title, sections=sections, written=time.time())


def _section(name: str, progress: Progress | None) -> Section:
    for experiment in Experiment.load_all():
        if experiment.id == name:
            return experiment_section(experiment)
    for sweep in Sweep.load_all():
        if sweep.id == name:
            return sweep_section(sweep)
    try:
        run = find_run(name)
    except LabError:
        raise LabError(
            f"{name}: is no run, experiment, sweep or analysis; `atomref runs list`, `atomref "
            "experiment list` and `atomref sweep list` show the first three."
        ) from None
    return run_section(run, progress)
