"""Relaxing any number of structures."""

from collections.abc import Sequence

from chgnet.model import CHGNet

from core.potential.compiled_prediction import compile_if_faster
from core.potential.prediction import HasStructure
from core.potential.relaxation.batched import relaxations
from core.potential.relaxation.evaluation import WANTED
from core.potential.relaxation.relaxed import Relaxed, RelaxSettings
from core.progress import Progress, silent

_USUAL_STEPS = 40
"""Steps that an ordinary structure takes, to judge whether compiling pays."""


def relax(
    model: CHGNet,
    structures: Sequence[HasStructure],
    settings: RelaxSettings | None = None,
    *,
    progress: Progress = silent,
    keep_trajectories: bool = False,
) -> list[Relaxed]:
    """Relax structures, in their order.

    Args:
        model: a CHGNet of the released architecture, on the device and in the type to be used.
        structures: the structures.
        settings: when a relaxation ends; by default as in chgnet's StructOptimizer.
        progress: reports the structures done, those under way in part; it may raise to stop.
        keep_trajectories: keep every geometry.

    Returns:
        What came of each structure; those that did not converge say why.
    """
    chosen = settings or RelaxSettings()
    results: dict[int, Relaxed] = {}
    n = len(structures)

    def watch(done: float) -> None:
        progress(done / n, f"Relaxing structures: {len(results):,} of {n:,}")

    n_atoms = sum(len(structure.atomic_numbers) for structure in structures)
    compile_if_faster(model, WANTED, n_atoms * min(_USUAL_STEPS, chosen.steps + 1))
    results.update(
        relaxations(model, structures, chosen, keep_trajectories=keep_trajectories, watch=watch)
    )
    return [results[row] for row in range(n)]
