"""The training loop."""

import math
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from chgnet.model import CHGNet

from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.examples import load_examples
from core.potential.models import get_atomref, load_model, resolve_device, set_atomref
from core.potential.threads import compute_settings
from core.training.loop import checkpoint
from core.training.loop.certainty import calibrate
from core.training.loop.context import RunContext, RunState
from core.training.loop.events import Emit, Reporter
from core.training.loop.levels import by_functional, keep, tested, validated
from core.training.loop.memory import peak_memory_mb
from core.training.loop.outcome import Outcome
from core.training.loop.schedule import learning_rate, marks
from core.training.loop.solve_again import solve_atomref
from core.training.loop.start import compile_if_worthwhile, start
from core.training.loop.stopping import ShouldStop, StopError, Stopping
from core.training.scoring import error_rows
from core.training.scoring.force_drift import force_drift
from core.training.scoring.forgetting import forgotten
from core.training.settings.config import RunConfig
from core.training.settings.energies_only import trains_energies_only
from core.training.settings.methods import METHODS
from core.training.settings.metrics import is_better
from core.training.settings.partition import partition
from core.training.settings.report import rate_of
from core.training.step.batching import batches
from core.training.step.loader import load
from core.training.step.parallel import SINGLE_PROCESS, Team

_SAVE_SECONDS = 600.0
"""Longest time within an epoch between two writes of `last.pt`, so that a crash in an epoch of
hours does not cost hours."""


def fit(
    config: RunConfig,
    frame_set: FrameSet,
    *,
    checkpoints: Path,
    emit: Emit,
    should_stop: ShouldStop,
    resume: bool = False,
    team: Team = SINGLE_PROCESS,
    split: Split | None = None,
) -> Outcome:
    """Train a model.

    The learning rate follows a cosine schedule; the loss is the Huber loss of the available labels.
    After each epoch the model is validated. `last.pt` holds the whole state of the run (resumed on
    the CPU bit for bit), `best.pth.tar` the model with the lowest validation MAE of the kind that
    `config.best_by` names (without such labels: the last one), which is tested once at the end.

    Args:
        config: settings.
        frame_set: the data set that `config.dataset` names.
        checkpoints: directory for checkpoints and the errors of single frames; created if missing.
        emit: takes events, dictionaries with "kind" (start, prepare, compile, plan, memory,
            step, epoch, end) and "time" that JSON can hold.
        should_stop: called before every step and between batches of frames elsewhere; once it
            returns True, `last.pt` is written and the run ends as cancelled.
        resume: whether to resume from `last.pt` if it exists.
        team: the processes that train together. All of them call this with the same settings; only
            the first one emits and writes.
        split: rows to train, validate and test on; None for those of the settings.

    Returns:
        How the run ended, the same in all processes.

    Raises:
        LabError: if settings, data and model do not fit together, or training diverges.
        TeamError: if another process of the team has ended.
    """
    device = team.place(resolve_device(config.device))
    checkpoints.mkdir(parents=True, exist_ok=True)
    with compute_settings(config.threads, device, processes=team.local_size) as threads:
        torch.manual_seed(config.seed)
        context = RunContext(
            config=config,
            frame_set=frame_set,
            split=partition(config, frame_set) if split is None else split,
            checkpoints=checkpoints,
            report=Reporter(emit, leads=team.leads),
            stopping=Stopping(team, should_stop),
            device=device,
            threads=threads,
            team=team,
        )
        state: RunState | None = None
        try:
            state = start(context, resume=resume)
            compile_if_worthwhile(context, state)
            return _Loop(context, state).run()
        except StopError:
            if state is None:
                return Outcome(state="cancelled")
            context.save_state(state)
            best = state.position
            return Outcome(
                state="cancelled", best_epoch=best.best_epoch, validation=best.best_validation
            )


class _Loop:
    """The epochs of a run, and its test.

    Args:
        context: the run.
        state: its state, which the loop changes.
    """

    def __init__(self, context: RunContext, state: RunState) -> None:
        self._context = context
        self._config = context.config
        self._report = context.report
        self._state = state
        self._position = state.position
        self._stepper = state.stepper

    def run(self) -> Outcome:
        """Train the remaining epochs and test the best model."""
        while not self._is_over():
            n_steps = self._train_epoch()
            self._validate(n_steps)
        return self._test()

    @property
    def _epochs(self) -> int:
        """Total number of epochs, as far as known."""
        return self._position.epochs or self._config.epochs

    def _is_over(self) -> bool:
        """Return whether all epochs are done, or validation has not improved for too long."""
        at, patience = self._position, self._config.patience
        waited = 0 if at.best_epoch is None else at.epoch - at.best_epoch
        return at.epoch >= self._epochs or (patience is not None and waited >= patience)

    def _train_epoch(self) -> int:
        """Train the rest of an epoch, and return its number of steps."""
        at, state, stepper = self._position, self._state, self._stepper
        config, feed = self._config, state.feed
        order = batches(feed.train.costs, config.batch_size, seed=config.seed, epoch=at.epoch)
        tenths, epoch = set(marks(len(order))), at.epoch
        stepper.ratios = config.later.ratios(config.loss, epoch)
        prepared_batches = load(
            list(enumerate(order))[at.step :],
            lambda item: stepper.prepare(feed.batch(item[1], epoch, item[0])),
            self._context.device,
        )
        piece_cost = stepper.piece_cost
        began = time.perf_counter()
        with closing(prepared_batches):
            for prepared in prepared_batches:
                self._context.stopping.together()
                rate = self._rate(at.step, len(order))
                sums = (at.epoch_sums, at.tenth_sums)
                at.tenth_loss += stepper.step(
                    prepared, rate, sums, at.tenth_gradients, at.other_sums
                )
                if stepper.piece_cost < piece_cost:
                    piece_cost = stepper.piece_cost
                    self._report("memory", piece_cost=piece_cost)
                at.tenth_steps += 1
                at.step += 1
                at.epoch_seconds += time.perf_counter() - began
                if at.step in tenths:
                    self._fix_epochs(len(order))
                    self._report_tenth(rate, len(order))
                    if time.monotonic() - state.saved >= _SAVE_SECONDS:
                        self._context.save_state(state)
                began = time.perf_counter()
        return len(order)

    def _fix_epochs(self, steps_per_epoch: int) -> None:
        """Fix the number of epochs that fit into the time limit, from the first tenth of one."""
        at, minutes = self._position, self._config.minutes
        if minutes is None or at.epochs is not None:
            return
        validation_seconds = self._state.start["validation_seconds"]
        seconds = at.epoch_seconds / at.step * steps_per_epoch + validation_seconds
        fitting = min(self._config.epochs, max(1, int(60 * minutes / seconds)))
        at.epochs = self._context.team.share(fitting)
        self._report(
            "plan",
            epochs=at.epochs,
            step=at.epoch * steps_per_epoch + at.step,
            steps=at.epochs * steps_per_epoch,
        )

    def _report_tenth(self, rate: float, steps_per_epoch: int) -> None:
        at = self._position
        self._report(
            "step",
            epoch=at.epoch + at.step / steps_per_epoch,
            step=at.epoch * steps_per_epoch + at.step,
            steps=self._epochs * steps_per_epoch,
            train=at.tenth_sums.result(),
            loss=at.tenth_loss / at.tenth_steps,
            learning_rate=rate,
            gradients={probe: norm / at.tenth_steps for probe, norm in at.tenth_gradients.items()},
        )
        at.clear_tenth()

    def _validate(self, n_steps: int) -> None:
        """Validate after an epoch, and write the checkpoints."""
        at, state, context = self._position, self._state, self._context
        began = time.perf_counter()
        model = self._stepper.result
        errors = context.errors(model, state.validation, context.split.validation)
        validation = errors.metrics()
        levels, of_levels = state.feed.levels, validated(context, state)
        seconds = at.epoch_seconds + time.perf_counter() - began
        self._report(
            "epoch",
            epoch=at.epoch + 1,
            step=(at.epoch + 1) * n_steps,
            train=at.epoch_sums.result(),
            validation=validation,
            learning_rate=self._rate(n_steps - 1, n_steps),
            seconds=seconds,
            frames_per_second=len(state.feed.train) / at.epoch_seconds,
            memory_mb=peak_memory_mb(context.device),
            source_functional={
                name: sums.result()
                for name, sums in at.other_sums.items()
                if name not in {level.origin for level in levels}
            },
            functionals=by_functional(
                levels,
                [
                    {"train": at.train_errors(level.origin), "validation": found.metrics()}
                    for level, found in zip(levels, of_levels, strict=True)
                ],
            ),
        )
        at.epoch += 1
        at.seconds += seconds
        names = []
        if is_better(validation, at.best_validation, self._config.best_by):
            at.best_epoch, at.best_validation = at.epoch, validation
            context.save_errors(errors, error_rows.VALIDATION)
            names.append(checkpoint.BEST)
        if at.epoch % (self._config.keep_every or math.inf) == 0:
            names.append(checkpoint.kept_name(at.epoch))
        for name in names:
            context.save_model(model, state, name, epoch=at.epoch, validation=validation)
        keep(context, state, of_levels, names, epoch=at.epoch)
        at.clear_epoch()
        context.save_state(state)

    def _test(self) -> Outcome:
        """Test the best model."""
        context, at = self._context, self._position
        # the first process may still be writing it
        context.stopping.together()
        best = load_model(context.checkpoints / checkpoint.BEST, context.device)
        began = time.perf_counter()
        again = self._solve_again(best) if self._config.atomref_after == "solved" else None
        rows = context.share_of(context.split.test)
        examples = context.stopping.agreed(
            lambda: load_examples(context.frame_set, rows, context.stopping.here)
        )
        errors = context.errors(best, examples, context.split.test)
        test = context.save_errors(errors, error_rows.TEST)
        levels = self._state.feed.levels
        of_levels = by_functional(levels, [tested(context, level) for level in levels])
        drift = self._force_drift(best) if context.team.leads else None
        lost = self._forgotten(best) if context.team.leads else None
        certain = calibrate(context, best) if context.team.leads else None
        self._report(
            "end",
            best_epoch=at.best_epoch,
            validation=at.best_validation,
            test=test,
            functionals=of_levels,
            force_drift=drift,
            atomref_after=again,
            forgotten=lost,
            uncertainty=certain,
            seconds=at.seconds + time.perf_counter() - began,
        )
        return Outcome(
            state="finished",
            best_epoch=at.best_epoch,
            validation=at.best_validation,
            test=test,
        )

    def _solve_again(self, best: CHGNet) -> dict[str, Any] | None:
        """Solve the AtomRef of the best model again, and keep it if validation gains.

        The result follows from the network and the data alone, so a run that is stopped here and
        resumed finds the same.
        """
        context, at, state = self._context, self._position, self._state
        train, before = state.feed.train, at.best_validation
        if before is None or before["energy_mae_mev_per_atom"] is None:
            return None
        kept = get_atomref(best)
        solved = solve_atomref(context, best, train.rows, prior=self._stepper.baseline)
        set_atomref(best, solved)
        errors = context.errors(best, state.validation, context.split.validation)
        after = errors.metrics()
        taken = is_better(after, before)
        if taken and at.best_epoch is not None:
            at.best_validation = context.save_errors(errors, error_rows.VALIDATION)
            context.save_model(
                best, state, checkpoint.BEST, epoch=at.best_epoch, validation=at.best_validation
            )
        else:
            set_atomref(best, kept)
        return {
            "taken": taken,
            "before_mev_per_atom": before["energy_mae_mev_per_atom"],
            "after_mev_per_atom": after["energy_mae_mev_per_atom"],
        }

    def _force_drift(self, best: CHGNet) -> dict[str, float | int] | None:
        """Measure how far forces have moved, where only energies were trained on."""
        context, config = self._context, self._config
        if not trains_energies_only(config, self._state.start["labels"]):
            return None
        return force_drift(
            context.frame_set,
            self._state.feed.train.rows,
            pretrained=load_model(config.source_model, context.device),
            trained=best,
        )

    def _forgotten(self, best: CHGNet) -> dict[str, Any] | None:
        """Measure what the best model has forgotten of the source functional."""
        context, config = self._context, self._config
        if METHODS[config.method].start == "random":
            return None
        return forgotten(
            context.frame_set,
            self._state.feed.train.rows,
            pretrained=load_model(config.source_model, context.device),
            trained=best,
            replay=self._state.feed.replay,
        )

    def _rate(self, step: int, steps_per_epoch: int) -> float:
        return learning_rate(
            rate_of(self._state.start.get("rate"), self._config.learning_rate),
            epoch=self._position.epoch,
            step=step,
            steps_per_epoch=steps_per_epoch,
            epochs=self._epochs,
            warmup_epochs=self._config.warmup_epochs,
        )
