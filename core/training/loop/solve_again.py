"""AtomRef solved once more, with the trained network."""

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.elements import N_ELEMENTS
from core.potential.examples import load_examples
from core.potential.forward import Wanted
from core.potential.models import UNKNOWN
from core.potential.prediction import predict
from core.progress import chunk
from core.reference.fits.atomref import fit_residual
from core.training.loop.context import RunContext

_CHUNK = 512
"""Frames whose graphs are held at a time."""


def solve_atomref(
    context: RunContext,
    model: CHGNet,
    rows: NDArray[np.integer],
    *,
    prior: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the AtomRef that fits the energies less what a network adds to it.

    As `core.reference.fits.atomref.fit_residual` at its default strength, pulled toward the AtomRef
    that the run started with. DeePMD solves its energy bias after training likewise.

    Args:
        context: the run; each of its processes predicts its share of the frames.
        model: the model whose network is used.
        rows: training frames.
        prior: AtomRef at the start of the run, (94,) eV/atom.

    Returns:
        (94,) eV/atom.
    """
    frame_set = context.frame_set
    rows = rows[np.isfinite(frame_set.energies()[rows])]
    share = context.share_of(rows)
    own = context.stopping.agreed(lambda: _interactions(context, model, share))
    interaction = np.zeros(len(rows))
    interaction[np.searchsorted(rows, share)] = own
    interaction = context.team.add(interaction)
    if not len(rows):
        return prior
    fit = fit_residual(
        frame_set.fractions()[rows],
        frame_set.energies()[rows],
        interaction,
        prior=prior,
        functional=frame_set.card.functional or UNKNOWN,
    )
    return fit.energies.reshape(N_ELEMENTS)


def _interactions(
    context: RunContext, model: CHGNet, rows: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the interaction energies of frames that have a graph, (n,) eV/atom."""
    progress = context.report.progress("AtomRef once more", len(rows), context.stopping)
    found: list[float] = []
    for begin in range(0, len(rows), _CHUNK):
        examples = load_examples(context.frame_set, rows[begin : begin + _CHUNK])[:]
        predictions = predict(
            model,
            [example.graph for example in examples],
            Wanted.of([]),
            progress=chunk(progress, begin, len(examples), len(rows), "Predicting frames"),
        )
        found += [prediction.interaction for prediction in predictions]
    return np.array(found)
