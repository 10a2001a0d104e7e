"""The training loop."""

import math
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.examples import Examples, load_examples
from core.potential.models import get_atomref, load_model, resolve_device, save_model
from core.potential.threads import compute_settings
from core.training.loop import checkpoint
from core.training.loop.events import Emit, Teller
from core.training.loop.memory import peak_memory_mb
from core.training.loop.outcome import Outcome
from core.training.loop.schedule import learning_rate, marks
from core.training.loop.stopping import ShouldStop, StopError, Stopping
from core.training.scoring import error_rows
from core.training.scoring.error_rows import ErrorRows
from core.training.scoring.evaluate import error_sums
from core.training.settings.config import RunConfig
from core.training.settings.metrics import Metrics, is_better
from core.training.settings.partition import partition, trained_flags
from core.training.step.batching import batches
from core.training.step.compilation import compile_step, worth_it
from core.training.step.loader import load
from core.training.step.optimizer import make_optimizer
from core.training.step.parallel import ALONE, Team, shares
from core.training.step.setup import first_atomref, first_model, made_trainable
from core.training.step.step import Stepper

_NAMED = 20
"""Left-out frames that the "start" event names."""

_SAVE_SECONDS = 600.0
"""Within an epoch, `last.pt` is written no later than this after the one before, so that a crash
in an epoch of hours does not cost hours."""


def fit(
    config: RunConfig,
    frame_set: FrameSet,
    *,
    checkpoints: Path,
    emit: Emit,
    should_stop: ShouldStop,
    resume: bool = False,
    team: Team = ALONE,
) -> Outcome:
    """Train a model.

    A cosine schedule, Huber loss on the labels that exist. After each epoch the model is
    validated; `last.pt` holds everything to go on (on the CPU, bit for bit), `best.pth.tar` the
    model with the lowest validation energy MAE (without validation energies: the last one), which
    at the end is tested once.

    Args:
        config: what to do.
        frame_set: the data set that `config.dataset` names.
        checkpoints: directory for them and the errors of single frames; made if missing.
        emit: takes events, dictionaries with "kind" (start, prepare, compile, plan, memory,
            step, epoch, end) and "time" that JSON can hold.
        should_stop: asked before every step and between batches of frames elsewhere; once it says
            yes, `last.pt` is written and the run ends as cancelled.
        resume: go on from `last.pt` if it is there.
        team: the processes that train together. All of them call this with the same settings; only
            the first one emits and writes.

    Returns:
        How the run ended, the same in all processes.

    Raises:
        LabError: if settings, data and model do not fit together, or training diverges.
        TeamError: if another process of the team has ended.
    """
    device = team.place(resolve_device(config.device))
    checkpoints.mkdir(parents=True, exist_ok=True)
    with compute_settings(config.threads, device, processes=team.size) as threads:
        torch.manual_seed(config.seed)
        run = _Run(
            config=config,
            frame_set=frame_set,
            checkpoints=checkpoints,
            tell=Teller(emit, leads=team.leads),
            stopping=Stopping(team, should_stop),
            device=device,
            threads=threads,
            team=team,
        )
        return run.run(resume=resume)


@dataclass(kw_only=True)
class _Run:
    """One run in progress."""

    config: RunConfig
    frame_set: FrameSet
    checkpoints: Path
    tell: Teller
    stopping: Stopping
    device: torch.device
    threads: int
    team: Team
    position: checkpoint.Position = field(default_factory=checkpoint.Position)
    stepper: Stepper | None = None
    start: dict[str, Any] = field(default_factory=dict)
    split: Split = field(init=False)
    train: Examples = field(init=False)
    validation: Examples = field(init=False)
    _saved: float = field(default_factory=time.monotonic)

    def run(self, *, resume: bool) -> Outcome:
        """Train from the beginning or from `last.pt`, test, and say how it went."""
        last = self.checkpoints / checkpoint.LAST
        try:
            self.split = partition(self.config, self.frame_set)
            left_out = self.stopping.agreed(self._load_frames)
            go_on = self.team.share(resume and last.exists())
            stepper = self._go_on(last) if go_on else self._begin(left_out)
            if worth_it(self.config, self.train, self.team):
                self.tell("prepare", what="compiled step", done=0, total=1)
                compile_step(stepper, self.config, self.train, self.team)
            self.tell("compile", eager_because=stepper.eager_because)
            while not self._is_over():
                self._epoch(stepper)
            return self._finish()
        except StopError:
            if self.stepper is not None:
                self._save(self.stepper)
            best = self.position
            return Outcome(
                state="cancelled",
                best_epoch=best.best_epoch,
                validation=best.best_validation,
                test=None,
            )

    def _load_frames(self) -> dict[str, str]:
        """Take the frames that are trained and validated on; return those left out, and why."""
        flags = trained_flags(self.frame_set, self.config.loss)
        labelled = np.any(list(flags.values()), axis=0)[self.split.train]
        self.train = self._examples(self.split.train[labelled])
        if not len(self.train):
            raise LabError(
                f"No training frame of data set {self.config.dataset} has a label whose loss ratio "
                "is above zero; raise the ratio of a label that the data set has."
            )
        self.validation = self._examples(self._share(self.split.validation))
        return {**self.train.left_out, **self.validation.left_out}

    def _examples(self, rows: NDArray[np.integer]) -> Examples:
        progress = self.tell.progress("structures", len(rows), self.stopping)
        return load_examples(self.frame_set, rows, progress)

    def _begin(self, left_out: dict[str, str]) -> Stepper:
        atomref = self.stopping.led(self._prepare)
        model = first_model(self.config, np.array(atomref["energies"]), self.device)
        stepper = self._stepper(model)
        left_out = {name: why for part in self.team.gather(left_out) for name, why in part.items()}
        began = time.perf_counter()
        errors = self._score(model, self.validation, self.split.validation)
        validation = self._keep(errors, error_rows.UNTRAINED)
        flags = trained_flags(self.frame_set, self.config.loss)
        self.start = {
            "n_train": len(self.train),
            "n_validation": validation["n_frames"],
            "n_test": len(self.split.test),
            "n_left_out": len(left_out),
            "left_out": list(left_out)[:_NAMED],
            "labels": [kind for kind, has in flags.items() if has[self.train.rows].any()],
            "atomref": atomref["told"],
            "validation": validation,
            "validation_seconds": time.perf_counter() - began,
        }
        self.stepper = stepper
        self._tell_start()
        return stepper

    def _prepare(self) -> dict[str, Any]:
        for name in (checkpoint.LAST, checkpoint.BEST):
            (self.checkpoints / name).unlink(missing_ok=True)
        return first_atomref(
            self.config,
            self.frame_set,
            self.split.train,
            # the other processes wait meanwhile
            threads=self.threads * self.team.size,
            progress=self.tell.progress(
                "interaction energies", len(self.split.train), self.stopping
            ),
        )

    def _go_on(self, last: Path) -> Stepper:
        saved = checkpoint.load(last, config=self.config, fingerprint=self.frame_set.fingerprint)
        model = made_trainable(self.config, saved.model, get_atomref(saved.model), self.device)
        stepper = self._stepper(model, baseline=saved.baseline.numpy())
        stepper.optimizer.load_state_dict(saved.optimizer)
        self.position, self.start, self.stepper = saved.position, saved.start, stepper
        self._tell_start()
        return stepper

    def _stepper(self, model: CHGNet, *, baseline: NDArray[np.float64] | None = None) -> Stepper:
        optimizer = make_optimizer(model, self.config)
        return Stepper(
            model, self.config.loss, baseline=baseline, team=self.team, optimizer=optimizer
        )

    @property
    def _epochs(self) -> int:
        """Epochs in all, as far as is known."""
        return self.position.epochs or self.config.epochs

    def _is_over(self) -> bool:
        """Tell whether all epochs are done, or validation has not improved for too long."""
        at, patience = self.position, self.config.patience
        waited = 0 if at.best_epoch is None else at.epoch - at.best_epoch
        return at.epoch >= self._epochs or (patience is not None and waited >= patience)

    def _plan(self, steps_per_epoch: int) -> None:
        """Settle how many epochs fit into the time, by what has been done of the first one."""
        at, minutes = self.position, self.config.minutes
        if minutes is None or at.epochs is not None:
            return
        seconds = at.epoch_seconds / at.step * steps_per_epoch + self.start["validation_seconds"]
        fit_in = min(self.config.epochs, max(1, int(60 * minutes / seconds)))
        at.epochs = self.team.share(fit_in)
        self.tell(
            "plan",
            epochs=at.epochs,
            step=at.epoch * steps_per_epoch + at.step,
            steps=at.epochs * steps_per_epoch,
        )

    def _epoch(self, stepper: Stepper) -> None:
        """Train the rest of an epoch, validate, and write both checkpoints."""
        at = self.position
        order = batches(
            self.train.costs, self.config.batch_size, seed=self.config.seed, epoch=at.epoch
        )
        reports = set(marks(len(order)))
        reading = load(
            order[at.step :],
            lambda rows: stepper.prepare([self.train[row] for row in rows]),
            self.device,
        )
        piece_cost = stepper.piece_cost
        began = time.perf_counter()
        with closing(reading) as loaded:
            for prepared in loaded:
                self.stopping.together()
                rate = self._rate(at.step, len(order))
                sums = (at.epoch_sums, at.tenth_sums)
                at.tenth_loss += stepper.step(prepared, rate, sums, at.tenth_gradients)
                if stepper.piece_cost < piece_cost:
                    piece_cost = stepper.piece_cost
                    self.tell("memory", piece_cost=piece_cost)
                at.tenth_steps += 1
                at.step += 1
                at.epoch_seconds += time.perf_counter() - began
                if at.step in reports:
                    self._plan(len(order))
                    self.tell(
                        "step",
                        epoch=at.epoch + at.step / len(order),
                        step=at.epoch * len(order) + at.step,
                        steps=self._epochs * len(order),
                        train=at.tenth_sums.result(),
                        loss=at.tenth_loss / at.tenth_steps,
                        learning_rate=rate,
                        gradients={
                            probe: norm / at.tenth_steps
                            for probe, norm in at.tenth_gradients.items()
                        },
                    )
                    at.clear_tenth()
                    if time.monotonic() - self._saved >= _SAVE_SECONDS:
                        self._save(stepper)
                began = time.perf_counter()
        began = time.perf_counter()
        errors = self._score(stepper.model, self.validation, self.split.validation)
        validation = errors.metrics()
        seconds = at.epoch_seconds + time.perf_counter() - began
        self.tell(
            "epoch",
            epoch=at.epoch + 1,
            step=(at.epoch + 1) * len(order),
            train=at.epoch_sums.result(),
            validation=validation,
            learning_rate=self._rate(len(order) - 1, len(order)),
            seconds=seconds,
            frames_per_second=len(self.train) / at.epoch_seconds,
            memory_mb=peak_memory_mb(self.device),
        )
        at.epoch += 1
        at.seconds += seconds
        if is_better(validation, at.best_validation):
            at.best_epoch, at.best_validation = at.epoch, validation
            self._keep(errors, error_rows.VALIDATION)
            if self.team.leads:
                save_model(self.checkpoints / checkpoint.BEST, stepper.model, self._extra())
        if self.team.leads and at.epoch % (self.config.keep_every or math.inf) == 0:
            extra = {**self._extra(), "epoch": at.epoch, "validation": validation}
            save_model(self.checkpoints / checkpoint.kept_name(at.epoch), stepper.model, extra)
        at.clear_epoch()
        self._save(stepper)

    def _finish(self) -> Outcome:
        """Test the best model."""
        # the first process may still be writing it
        self.stopping.together()
        best = load_model(self.checkpoints / checkpoint.BEST, self.device)
        began = time.perf_counter()
        rows = self._share(self.split.test)
        examples = self.stopping.agreed(
            lambda: load_examples(self.frame_set, rows, self.stopping.here)
        )
        errors = self._score(best, examples, self.split.test)
        test, at = self._keep(errors, error_rows.TEST), self.position
        self.tell(
            "end",
            best_epoch=at.best_epoch,
            validation=at.best_validation,
            test=test,
            seconds=at.seconds + time.perf_counter() - began,
        )
        return Outcome(
            state="finished",
            best_epoch=at.best_epoch,
            validation=at.best_validation,
            test=test,
        )

    def _share(self, rows: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the rows that this process validates or tests on; their atoms are their cost."""
        costs = self.frame_set.n_atoms()[rows].tolist()
        return rows[shares(costs, self.team.size)[self.team.rank]]

    def _score(self, model: CHGNet, examples: Examples, rows: NDArray[np.integer]) -> ErrorRows:
        """Return the errors on these rows, each of which some process has as an example."""
        here, data = self.stopping.here, self.frame_set.fingerprint
        own = self.stopping.agreed(lambda: error_sums(model, examples, progress=here))
        sums = np.zeros((len(rows), own.shape[1]))
        sums[np.searchsorted(rows, examples.rows)] = own
        return ErrorRows(fingerprint=data, rows=rows, sums=self.team.add(sums))

    def _keep(self, errors: ErrorRows, name: str) -> Metrics:
        if self.team.leads:
            errors.save(self.checkpoints / name)
        return errors.metrics()

    def _save(self, stepper: Stepper) -> None:
        if not self.team.leads:
            return
        checkpoint.save(
            self.checkpoints / checkpoint.LAST,
            config=self.config,
            fingerprint=self.frame_set.fingerprint,
            model=stepper.model,
            optimizer=stepper.optimizer,
            position=self.position,
            baseline=torch.from_numpy(stepper.baseline),
            start=self.start,
        )
        self._saved = time.monotonic()

    def _extra(self) -> dict[str, Any]:
        card = self.frame_set.card
        return {
            "functional": card.functional,
            "corrections": card.corrections,
            "labels": card.labels,
            "config": self.config.model_dump(),
            "epoch": self.position.best_epoch,
            "validation": self.position.best_validation,
        }

    def _rate(self, step: int, steps_per_epoch: int) -> float:
        return learning_rate(
            self.config.learning_rate,
            epoch=self.position.epoch,
            step=step,
            steps_per_epoch=steps_per_epoch,
            epochs=self._epochs,
            warmup_epochs=self.config.warmup_epochs,
        )

    def _tell_start(self) -> None:
        steps = math.ceil(len(self.train) / self.config.batch_size)
        self.tell(
            "start",
            **self.start,
            device=self.device.type,
            processes=self.team.size,
            threads=self.threads,
            step=self.position.epoch * steps + self.position.step,
            steps=self._epochs * steps,
        )
