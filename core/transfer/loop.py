"""The training loop."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from core.errors import LabError
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.compiled import worth_compiling
from core.potential.models import (
    get_atomref,
    load_model,
    new_model,
    resolve_device,
    save_model,
    set_atomref,
)
from core.transfer import state
from core.transfer.config import RunConfig
from core.transfer.data import Example, ExampleCache, ProgressCallback, batches, partition
from core.transfer.evaluate import score
from core.transfer.loss import trained_labels
from core.transfer.methods import METHODS
from core.transfer.metrics import Metrics
from core.transfer.references import method_atomref, unseen_elements
from core.transfer.runtime import compute_settings
from core.transfer.schedule import learning_rate, marks
from core.transfer.step import Stepper

Emit = Callable[[dict[str, Any]], None]

_NAMED = 20
"""Left-out frames that the "start" event names."""

_CANDIDATES = 8
"""Batches among which one serves as the example that the step is compiled for."""

_SAVE_SECONDS = 600.0
"""Within an epoch, `last.pt` is written no later than this after the one before, so that a crash
in an epoch of hours does not cost hours."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: "finished", or "cancelled" if `should_stop` said so.
        best_epoch: epoch with the lowest validation energy MAE, from 1.
        validation: its validation metrics.
        test: its test metrics; None if the run did not finish.
    """

    state: Literal["finished", "cancelled"]
    best_epoch: int | None
    validation: Metrics | None
    test: Metrics | None


class _StopError(Exception):
    """Raised wherever the run notices that it is to stop."""


def fit(
    config: RunConfig,
    frame_set: FrameSet,
    *,
    checkpoints: Path,
    emit: Emit,
    should_stop: Callable[[], bool],
    resume: bool = False,
) -> Outcome:
    """Train a model.

    Adam with a cosine schedule, Huber loss on the labels that exist. After each epoch the model is
    validated; `last.pt` holds everything to go on (on the CPU, bit for bit), `best.pth.tar` the
    model with the lowest validation energy MAE (without validation energies: the last one), which
    at the end is tested once.

    Args:
        config: what to do.
        frame_set: the data set that `config.dataset` names.
        checkpoints: directory for the two checkpoints; made if missing.
        emit: takes events, dictionaries with "kind" (start, prepare, compile, step, epoch, end)
            and "time" that JSON can hold.
        should_stop: asked before every step and between batches of frames elsewhere; once it says
            yes, `last.pt` is written and the run ends as cancelled.
        resume: go on from `last.pt` if it is there.

    Returns:
        How the run ended.

    Raises:
        LabError: if settings, data and model do not fit together, or training diverges.
    """
    device = resolve_device(config.device)
    checkpoints.mkdir(parents=True, exist_ok=True)
    with compute_settings(config.threads, device) as threads:
        torch.manual_seed(config.seed)
        run = _Run(
            config=config,
            frame_set=frame_set,
            checkpoints=checkpoints,
            emit=emit,
            should_stop=should_stop,
            device=device,
            threads=threads,
        )
        return run.run(resume=resume)


@dataclass(kw_only=True)
class _Run:
    """One run in progress."""

    config: RunConfig
    frame_set: FrameSet
    checkpoints: Path
    emit: Emit
    should_stop: Callable[[], bool]
    device: torch.device
    threads: int
    position: state.Position = field(default_factory=state.Position)
    stepper: Stepper | None = None
    start: dict[str, Any] = field(default_factory=dict)
    train: list[Example] = field(default_factory=list)
    validation: list[Example] = field(default_factory=list)
    _told: float = field(default_factory=time.monotonic)
    _saved: float = field(default_factory=time.monotonic)

    def run(self, *, resume: bool) -> Outcome:
        """Train from the beginning or from `last.pt`, test, and say how it went."""
        last = self.checkpoints / state.LAST
        try:
            split = partition(self.config, self.frame_set)
            cache = self._load_frames(split)
            go_on = resume and last.exists()
            stepper = self._go_on(last) if go_on else self._begin(split, cache)
            self._compile(stepper)
            while self.position.epoch < self.config.epochs:
                self._epoch(stepper)
            return self._finish(split)
        except _StopError:
            if self.stepper is not None:
                self._save(self.stepper)
            best = self.position
            return Outcome(
                state="cancelled",
                best_epoch=best.best_epoch,
                validation=best.best_validation,
                test=None,
            )

    def _load_frames(self, split: Split) -> ExampleCache:
        cache = ExampleCache(frame_set=self.frame_set)
        self.train = [
            one
            for one in cache.get(split.train, self._telling("structures"))
            if trained_labels([one], self.config.loss)
        ]
        self.validation = cache.get(split.validation, self._telling("structures"))
        if not self.train:
            raise LabError(
                f"No training frame of data set {self.config.dataset} has a label whose loss ratio "
                "is above zero; raise the ratio of a label that the data set has."
            )
        return cache

    def _begin(self, split: Split, cache: ExampleCache) -> Stepper:
        for name in (state.LAST, state.BEST):
            (self.checkpoints / name).unlink(missing_ok=True)
        method = METHODS[self.config.method]
        atomref = method_atomref(
            self.config.method,
            self.frame_set,
            split.train,
            self.config.source_model,
            ridge_strength=self.config.ridge_strength,
            device=self.config.device,
            threads=self.threads,
            progress=self._telling("interaction energies"),
        )
        random = method.start == "random"
        model = new_model(self.config.seed) if random else load_model(self.config.source_model)
        set_atomref(model, atomref.energies, trainable=method.trainable_atomref)
        stepper = Stepper(model.to(self.device), self.config.loss)
        self.start = {
            "n_train": len(self.train),
            "n_validation": len(self.validation),
            "n_test": len(split.test),
            "n_left_out": len(cache.left_out),
            "left_out": list(cache.left_out)[:_NAMED],
            "labels": trained_labels(self.train, self.config.loss),
            "atomref": {
                "method": atomref.method,
                "rank": atomref.rank,
                "condition": atomref.condition if math.isfinite(atomref.condition) else None,
                "unseen": unseen_elements(self.frame_set, split.train),
                "rare": atomref.rare(),
            },
            "validation": score(model, self.validation, progress=self._halting),
        }
        self.stepper = stepper
        self._tell_start()
        return stepper

    def _go_on(self, last: Path) -> Stepper:
        saved = state.load(last, config=self.config, fingerprint=self.frame_set.fingerprint)
        trainable = METHODS[self.config.method].trainable_atomref
        set_atomref(saved.model, get_atomref(saved.model), trainable=trainable)
        stepper = Stepper(
            saved.model.to(self.device), self.config.loss, baseline=saved.baseline.numpy()
        )
        stepper.optimizer.load_state_dict(saved.optimizer)
        self.position, self.start, self.stepper = saved.position, saved.start, stepper
        self._tell_start()
        return stepper

    def _compile(self, stepper: Stepper) -> None:
        """Compile the step where the run is long enough, and tell which step it takes.

        The decision and the example follow from settings and data alone, so that a resumed run
        computes exactly as it did before.
        """
        size = self.config.batch_size
        steps = self.config.epochs * math.ceil(len(self.train) / size)
        cost = size * sum(one.graph.cost for one in self.train) / len(self.train)
        if worth_compiling(steps, cost):
            self._tell("prepare", what="compiled step", done=0, total=1)
            order = batches(len(self.train), size, seed=self.config.seed, epoch=0)
            some = [[self.train[row] for row in rows] for rows in order[:_CANDIDATES]]
            # those with the most kinds of label first: a batch that lacks one is computed eagerly
            some.sort(key=lambda one: -len(trained_labels(one, self.config.loss)))
            stepper.compile([stepper.prepare(one) for one in some])
            self._tell("compile", eager_because=stepper.eager_because)

    def _epoch(self, stepper: Stepper) -> None:
        """Train the rest of an epoch, validate, and write both checkpoints."""
        at = self.position
        order = batches(
            len(self.train), self.config.batch_size, seed=self.config.seed, epoch=at.epoch
        )
        reports = set(marks(len(order)))
        for rows in order[at.step :]:
            self._halting()
            began = time.perf_counter()
            rate = self._rate(at.step, len(order))
            sums = (at.epoch_sums, at.tenth_sums)
            at.tenth_loss += stepper.step(
                stepper.prepare([self.train[row] for row in rows]), rate, sums
            )
            at.tenth_steps += 1
            at.step += 1
            at.epoch_seconds += time.perf_counter() - began
            if at.step in reports:
                self._tell(
                    "step",
                    epoch=at.epoch + at.step / len(order),
                    step=at.epoch * len(order) + at.step,
                    steps=self.config.epochs * len(order),
                    train=at.tenth_sums.result(),
                    loss=at.tenth_loss / at.tenth_steps,
                    learning_rate=rate,
                )
                at.clear_tenth()
                if time.monotonic() - self._saved >= _SAVE_SECONDS:
                    self._save(stepper)
        began = time.perf_counter()
        validation = score(stepper.model, self.validation, progress=self._halting)
        seconds = at.epoch_seconds + time.perf_counter() - began
        self._tell(
            "epoch",
            epoch=at.epoch + 1,
            step=(at.epoch + 1) * len(order),
            train=at.epoch_sums.result(),
            validation=validation,
            learning_rate=self._rate(len(order) - 1, len(order)),
            seconds=seconds,
            frames_per_second=len(self.train) / at.epoch_seconds,
        )
        at.epoch += 1
        at.seconds += seconds
        if _better(validation, at.best_validation):
            at.best_epoch, at.best_validation = at.epoch, validation
            save_model(self.checkpoints / state.BEST, stepper.model, self._extra())
        at.clear_epoch()
        self._save(stepper)

    def _finish(self, split: Split) -> Outcome:
        """Test the best model."""
        best = load_model(self.checkpoints / state.BEST, self.device)
        cache = ExampleCache(frame_set=self.frame_set)
        began = time.perf_counter()
        test = score(best, cache.get(split.test, self._halting), progress=self._halting)
        at = self.position
        self._tell(
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

    def _save(self, stepper: Stepper) -> None:
        state.save(
            self.checkpoints / state.LAST,
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
            epochs=self.config.epochs,
        )

    def _tell(self, kind: str, **content: Any) -> None:
        self.emit({"kind": kind, "time": time.time(), **content})

    def _tell_start(self) -> None:
        steps = math.ceil(len(self.train) / self.config.batch_size)
        self._tell(
            "start",
            **self.start,
            device=str(self.device),
            threads=self.threads,
            step=self.position.epoch * steps + self.position.step,
            steps=self.config.epochs * steps,
        )

    def _telling(self, what: str) -> ProgressCallback:
        """Return a progress callback that tells at most once a second, and stops when asked to."""

        def tell(done: int, total: int) -> None:
            self._halting()
            if time.monotonic() - self._told >= 1:
                self._told = time.monotonic()
                self._tell("prepare", what=what, done=done, total=total)

        return tell

    def _halting(self, *_: int) -> None:
        if self.should_stop():
            raise _StopError


def _better(new: Metrics, old: Metrics | None) -> bool:
    """Tell whether an epoch is the best so far; without validation energies the last one is."""
    error = new["energy_mae_mev_per_atom"]
    best = None if old is None else old["energy_mae_mev_per_atom"]
    return error is None or best is None or error < best
