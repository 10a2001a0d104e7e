"""Preflight: the starting point and the duration of a run, estimated before it is launched."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.examples import load_examples
from core.potential.forward import Wanted
from core.potential.graphs.making import bytes_of
from core.potential.graphs.store import IN_MEMORY, store_bytes
from core.potential.models import resolve_device
from core.potential.prediction import predict
from core.potential.tangent.rows import energy_rows
from core.potential.threads import compute_settings
from core.process import usable_cores
from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef
from core.training.loop.method_preview import Preflight
from core.training.scoring.evaluate import score
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from core.training.settings.partition import label_flags, partition
from core.training.settings.processes import usual_processes
from core.training.step.feed import make_feed
from core.training.step.loss import trained_labels
from core.training.step.optimizer import NoOptimizer
from core.training.step.setup import initial_model
from core.training.step.step import Stepper
from core.training.step.usable import trained_rows
from core.transfer.interaction import interaction_energies
from core.transfer.references import (
    FROM_RESIDUALS,
    composition_fit,
    method_atomref,
    unseen_elements,
)
from core.transfer.solved_model import MOST, copies_of
from core.transfer.source_model import SourceModel

_MOST_VALIDATION = 200
_MOST_TRAINING = 500
_TIMED = 8
"""Numbers of frames used here: enough for an estimate, few enough to take seconds."""


def preflight(config: RunConfig, *, progress: Progress = silent) -> Preflight:
    """Return what a run starts with, in seconds.

    At most 200 validation frames are predicted, and for `residual` and what starts with its
    AtomRef at most 500 training frames;
    interaction energies are cached, so a second preflight on the same data costs little.

    Args:
        config: the run's settings.
        progress: reports the interaction energies computed.

    Returns:
        The preflight.

    Raises:
        LabError: if settings, data and model do not fit together.
    """
    frame_set = open_frame_set(config.dataset)
    device = resolve_device(config.device)
    split, left_out = split_of(config, frame_set)
    train = split.train
    fitted_on = _sample(train, _MOST_TRAINING) if config.method in FROM_RESIDUALS else train
    with compute_settings(config.threads, device):
        atomref = method_atomref(
            config.method,
            frame_set,
            fitted_on,
            SourceModel(config.source_model, config.device, config.threads),
            strength=config.ridge_strength,
            own=config.atomref,
            progress=progress,
        )
        if len(fitted_on) < len(train):
            # The energies come from a sample; rank and counts are those of what the run will fit.
            whole = composition_fit(frame_set, train)
            atomref = replace(
                atomref, rank=whole.rank, condition=whole.condition, counts=whole.counts
            )
        model = initial_model(config, atomref.energies, device)
        probed = _sample(split.validation, _MOST_VALIDATION)
        errors = _energy_errors(config, frame_set, model, atomref, probed)
    counts = {kind: int(has[split.train].sum()) for kind, has in label_flags(frame_set).items()}
    return Preflight(
        n_train=len(split.train),
        n_validation=len(split.validation),
        n_test=len(split.test),
        n_atoms_mean=float(frame_set.n_atoms()[split.train].mean()),
        labels={kind: count for kind, count in counts.items() if count},
        atomref=atomref,
        energy_mae_mev_per_atom=_mae(errors),
        energy_mae_after_constant=_mae(_less_mean_of_others(errors)),
        n_probed=len(errors),
        n_fitted_on=len(fitted_on),
        rare=atomref.rare(),
        unseen=unseen_elements(frame_set, split.train),
        left_out=left_out,
        store_bytes=bytes_of(frame_set, np.arange(len(frame_set)))
        if len(split.train) > IN_MEMORY
        else None,
    )


def estimated_seconds(config: RunConfig) -> float | None:
    """Return a rough estimate of a run's duration on this machine, without time in the queue.

    One training step and one evaluation of a few frames are timed, and scaled by atoms.

    Args:
        config: the run's settings.

    Returns:
        Seconds; None if the frames that were timed have no label that counts.

    Raises:
        LabError: if settings, data and model do not fit together.
    """
    frame_set = open_frame_set(config.dataset)
    device = resolve_device(config.device)
    split, _ = split_of(config, frame_set)
    processes = config.processes or usual_processes(config)
    with compute_settings(config.threads, device, processes=processes):
        # AtomRef has no influence on the time.
        model = initial_model(config, np.zeros(N_ELEMENTS), device)
        return _estimate(config, frame_set, split, model, processes)


def split_of(config: RunConfig, frame_set: FrameSet) -> tuple[Split, dict[str, int]]:
    """Return the frames of a run, and the training frames left out of them, by reason.

    Args:
        config: the run's settings.
        frame_set: its data set.

    Raises:
        LabError: if there are no frames to train on, or fewer than wanted.
    """
    split = partition(config, frame_set)
    train, left_out = trained_rows(frame_set, split.train, config.loss)
    if not len(train):
        raise LabError(
            f"{config.dataset}: no training frame has both a label that is trained on and a "
            "structure that CHGNet can represent; choose other data or other loss ratios."
        )
    return replace(split, train=train), left_out


def _sample(rows: NDArray[np.integer], most: int) -> NDArray[np.integer]:
    """Choose up to `most` rows, the same ones every time."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def _energy_errors(
    config: RunConfig,
    frame_set: FrameSet,
    model: CHGNet,
    atomref: AtomRef,
    rows: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Return the untrained model's energy errors, eV/atom, on those rows that have an energy."""
    energies = frame_set.energies()[rows]
    rows, energies = rows[np.isfinite(energies)], energies[np.isfinite(energies)]
    if METHODS[config.method].start == "random":
        examples = load_examples(frame_set, rows)[:]
        graphs = [example.graph for example in examples]
        predictions = predict(model, graphs, Wanted.of(()))
        errors = [
            prediction.energy - example.energy
            for prediction, example in zip(predictions, examples, strict=True)
        ]
        return np.array(errors, dtype=np.float64)
    interaction = interaction_energies(
        frame_set, SourceModel(config.source_model, config.device, config.threads), rows=rows
    )
    errors = interaction + atomref.contribution(frame_set.fractions()[rows]) - energies
    return errors[np.isfinite(errors)]


def _less_mean_of_others(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(errors)
    return (errors - errors.mean()) * n / (n - 1) if n > 1 else errors[:0]


def _mae(errors: NDArray[np.float64]) -> float | None:
    """Return the mean absolute value of errors in eV/atom, in meV/atom."""
    return 1000 * float(np.abs(errors).mean()) if len(errors) else None


def _estimate(
    config: RunConfig, frame_set: FrameSet, split: Split, model: CHGNet, processes: int
) -> float | None:
    """Scale the time of one training step and one evaluation of a few frames by atoms."""
    rows = np.random.default_rng(config.seed).permutation(split.train)
    began = time.perf_counter()
    candidates = load_examples(frame_set, rows[: min(_TIMED, config.batch_size)])
    conversion = (time.perf_counter() - began) / max(len(candidates), 1) * len(frame_set)
    if store_bytes(frame_set, len(split.train)) is None:
        conversion = 0.0
    examples = [example for example in candidates if trained_labels([example], config.loss)]
    if not examples:
        return None
    # The first step warms up.
    feed = make_feed(config, candidates, model if config.teacher.weight else None)
    stepper = Stepper(
        model,
        config.loss,
        optimizer=NoOptimizer(),
        weights=feed.weights,
        pretrained=feed.pretrained,
    )
    stepper.step(stepper.prepare(feed.completed(examples[:1], 0, 0)), 0.0, ())
    atoms = sum(example.n_atoms for example in examples)

    def step() -> None:
        stepper.step(stepper.prepare(feed.completed(examples, 0, 0)), 0.0, ())

    # replayed frames, and those of further functionals, cost about as much as the others
    beside = config.replay.ratio if config.replay.dataset else 0
    beside += sum(map(config.functionals.ratio, config.functionals.datasets))
    training = _clock(step) / atoms * (1 + beside)
    evaluation = _clock(lambda: score(model, examples)) / atoms
    n_atoms = frame_set.n_atoms()
    n_train, n_validation, n_test = (
        int(n_atoms[part].sum()) for part in (split.train, split.validation, split.test)
    )
    epoch = training * n_train + evaluation * n_validation
    closed = 0.0
    if METHODS[config.method].closed_form:
        graphs = [example.graph for example in examples]
        share = min(1.0, MOST / len(split.train))
        passes = 2 + copies_of(len(split.train))
        closed = _clock(lambda: energy_rows(model, graphs)) / atoms * n_train * share * passes
    epochs = config.epochs
    if config.minutes is not None:
        epochs = min(epochs, max(1, int(60 * config.minutes * processes / epoch)))
    return (
        closed
        + conversion / usable_cores()
        + (epochs * epoch + evaluation * (n_validation + n_test)) / processes
    )


def _clock(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
