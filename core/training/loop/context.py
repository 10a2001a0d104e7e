"""What the parts of a training run share: settings, data, processes, and the files they write."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.frames.schema import Structures
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.examples import Examples, load_examples
from core.potential.models import save_model
from core.training.loop import checkpoint
from core.training.loop.checkpoint import Position, Saved
from core.training.loop.events import Reporter
from core.training.loop.stopping import Stopping
from core.training.scoring.error_rows import ErrorRows
from core.training.scoring.evaluate import error_sums
from core.training.settings.config import RunConfig
from core.training.settings.metrics import Metrics
from core.training.step.feed import Feed, Level
from core.training.step.parallel import Team, shares
from core.training.step.step import Stepper


@dataclass(kw_only=True)
class RunState:
    """A run between two steps.

    Attributes:
        feed: the batches of training frames.
        validation: validation frames of this process.
        stepper: model, optimiser and training step.
        position: how far the run is.
        start: content of the "start" event.
        level_validation: validation frames of this process of each further functional.
        saved: when `last.pt` was written, by `time.monotonic`.
    """

    feed: Feed
    validation: Examples
    stepper: Stepper
    position: Position
    start: dict[str, Any]
    level_validation: Sequence[Examples] = ()
    saved: float = field(default_factory=time.monotonic)


@dataclass(kw_only=True, frozen=True)
class RunContext:
    """What does not change during a run.

    Attributes:
        config: settings.
        frame_set: data set.
        split: rows of the training, validation and test frames.
        checkpoints: directory for checkpoints and errors of single frames.
        report: emits events.
        stopping: asks whether to stop.
        device: where this process computes.
        threads: its CPU threads.
        team: the processes that train together.
    """

    config: RunConfig
    frame_set: FrameSet
    split: Split
    checkpoints: Path
    report: Reporter
    stopping: Stopping
    device: torch.device
    threads: int
    team: Team

    def examples(self, rows: NDArray[np.integer], data: Structures | None = None) -> Examples:
        """Return frames with their graphs, reporting the structures converted.

        Args:
            rows: rows of the data set.
            data: the data set; None for the run's.
        """
        progress = self.report.progress("structures", len(rows), self.stopping)
        return load_examples(self.frame_set if data is None else data, rows, progress)

    def share_of(
        self, rows: NDArray[np.integer], data: FrameSet | None = None
    ) -> NDArray[np.integer]:
        """Return the rows that this process evaluates; the cost of a row is its atoms."""
        costs = (self.frame_set if data is None else data).n_atoms()[rows].tolist()
        return rows[shares(costs, self.team.size)[self.team.rank]]

    def errors(
        self,
        model: CHGNet,
        examples: Examples,
        rows: NDArray[np.integer],
        data: FrameSet | None = None,
    ) -> ErrorRows:
        """Return the errors on these rows, each of which is an example of one process."""
        local_sums = self.stopping.agreed(
            lambda: error_sums(model, examples, progress=self.stopping.here)
        )
        sums = np.zeros((len(rows), local_sums.shape[1]))
        sums[np.searchsorted(rows, examples.rows)] = local_sums
        fingerprint = (self.frame_set if data is None else data).fingerprint
        return ErrorRows(fingerprint=fingerprint, rows=rows, sums=self.team.add(sums))

    def save_errors(self, errors: ErrorRows, name: str) -> Metrics:
        """Write errors of single frames, and return their means."""
        if self.team.leads:
            errors.save(self.checkpoints / name)
        return errors.metrics()

    def save_state(self, state: RunState) -> None:
        """Write `last.pt`, from which the run can be resumed."""
        if not self.team.leads:
            return
        average, anchor = state.stepper.average, state.stepper.anchor
        checkpoint.save(
            self.checkpoints / checkpoint.LAST,
            Saved(
                model=state.stepper.model,
                optimizer=state.stepper.optimizer.state_dict(),
                position=state.position,
                baseline=torch.from_numpy(state.stepper.baseline),
                start=state.start,
                average=None if average is None else average.model.state_dict(),
                n_updates=0 if average is None else average.n_updates,
                anchor=None if anchor is None else anchor.start,
                replay=state.feed.saved_replay(),
                levels=state.feed.saved_levels(),
            ),
            config=self.config,
            fingerprint=self.frame_set.fingerprint,
        )
        state.saved = time.monotonic()

    def save_model(
        self,
        model: CHGNet,
        state: RunState,
        name: str,
        *,
        epoch: int,
        validation: Metrics,
        level: Level | None = None,
    ) -> None:
        """Write the model after this many epochs to a file, with a description of its training.

        Args:
            model: the model.
            state: the run.
            name: name of the file.
            epoch: number of epochs.
            validation: the model's errors.
            level: the further functional that it is of; None for the first.
        """
        if not self.team.leads:
            return
        card = (self.frame_set if level is None else level.data).card
        elements = state.start.get("elements") if level is None else level.elements()
        extra = {
            "functional": card.functional,
            "corrections": card.corrections,
            "labels": card.labels,
            "config": self.config.model_dump(),
            "elements": elements,
            "epoch": epoch,
            "validation": validation,
        }
        save_model(self.checkpoints / name, model, extra)
