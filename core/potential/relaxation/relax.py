"""Relaxing any number of structures, each once for a model and settings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chgnet.model import CHGNet

from core.frames.schema import Frame
from core.potential.compiled_prediction import compile_if_faster
from core.potential.graph import HasStructure
from core.potential.models import load_model, model_fingerprint, resolve_device
from core.potential.relaxation.batched import Follow, as_frame, relaxations
from core.potential.relaxation.evaluation import WANTED
from core.potential.relaxation.kept import kept_relaxations
from core.potential.relaxation.relaxed import Relaxed
from core.potential.relaxation.settings import RelaxSettings
from core.potential.threads import compute_settings
from core.progress import Progress, silent

USUAL_STEPS = 30
"""Steps that an ordinary structure takes."""


def relax(
    model: CHGNet,
    structures: Sequence[HasStructure],
    settings: RelaxSettings | None = None,
    *,
    progress: Progress = silent,
    keep_trajectories: bool = False,
    follow: Follow | None = None,
) -> list[Relaxed]:
    """Relax structures, in their order.

    Results are kept in the lab's cache as they come, so that a call that was ended goes on where it
    was; equal structures are relaxed once.

    Args:
        model: a CHGNet of the released architecture, on the device and in the type to be used.
        structures: the structures.
        settings: when a relaxation ends; by default as in chgnet's StructOptimizer.
        progress: reports the structures done, those under way in part; it may raise to stop.
        keep_trajectories: keep every geometry.
        follow: called with every geometry of those that are relaxed now, by row.

    Returns:
        What came of each structure; those that did not converge say why.
    """
    chosen = settings or RelaxSettings()
    given = [as_frame(structure, row) for row, structure in enumerate(structures)]
    with kept_relaxations(model_fingerprint(model), chosen) as kept:
        keys = [kept.key(frame) for frame in given]
        different = dict(zip(keys, given, strict=True))
        found = {
            key: relaxed
            for key, frame in different.items()
            if (relaxed := kept.get(key, frame, with_trajectory=keep_trajectories))
        }
        missing = [key for key in different if key not in found]
        n, n_kept = len(different), len(found)

        def watch(done: float) -> None:
            kept.write()
            progress((n_kept + done) / n, f"Relaxing structures: {len(found):,} of {n:,}")

        def told(place: int, *point: Any) -> None:
            if follow is not None:
                follow(keys.index(missing[place]), *point)

        frames = [different[key] for key in missing]
        n_atoms = sum(len(frame) for frame in frames)
        compile_if_faster(model, WANTED, n_atoms * min(USUAL_STEPS, chosen.steps + 1))
        for place, relaxed in relaxations(
            model,
            frames,
            chosen,
            keep_trajectories=keep_trajectories,
            watch=watch,
            follow=None if follow is None else told,
        ):
            found[missing[place]] = relaxed
            kept.put(missing[place], relaxed)
    return [_named(found[key], frame) for key, frame in zip(keys, given, strict=True)]


def relax_with(
    model_name: str,
    structures: Sequence[HasStructure],
    settings: RelaxSettings | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
    keep_trajectories: bool = False,
    follow: Follow | None = None,
) -> list[Relaxed]:
    """Load a model and relax structures with it, as ``relax`` does.

    Args:
        model_name: a released model's name, or the path of a checkpoint.
        structures: the structures.
        settings: when a relaxation ends.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; None uses the physical cores.
        progress: as in ``relax``.
        keep_trajectories: keep every geometry.
        follow: as in ``relax``.

    Returns:
        As ``relax``.

    Raises:
        LabError: if the model cannot be loaded or the device is not available.
    """
    where = resolve_device(device)
    model = load_model(model_name, where)
    with compute_settings(threads, where):
        return relax(
            model,
            structures,
            settings,
            progress=progress,
            keep_trajectories=keep_trajectories,
            follow=follow,
        )


def _named(relaxed: Relaxed, given: Frame) -> Relaxed:
    """Return a result with the names of a structure that is equal to the one relaxed."""
    structure = replace(relaxed.structure, frame_id=given.frame_id, material_id=given.material_id)
    return replace(relaxed, structure=structure)
