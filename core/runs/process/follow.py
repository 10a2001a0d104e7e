"""A further node of a run on several ones: `python -m core.runs.process.follow DIR`.

It starts the training processes of its node, which are told by those of the first node when to
stop. The job ends it with the run.
"""

import sys
from pathlib import Path

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.runs.process.lifecycle import lease_here
from core.runs.process.team import follow
from core.runs.process.worker import processes_of
from core.runs.record.directory import Run


def main(path: Path) -> int:
    """Train on this node; return the exit status."""
    run = Run(path, lease_here())
    try:
        failures = follow(run, processes_of(run, open_frame_set(run.config.dataset)))
    except LabError as error:
        failures = [str(error)]
    for text in failures:
        sys.stderr.write(f"{text}\n")
    return 2 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
