"""Whether frames lie in the domain of a pretrained model, by its own crystal features.

The domain is sampled by the embedded frames: structures of the Materials Project, relaxed, rattled
and strained, of all elements that the released models know. A frame is far from it if its nearest
neighbour is farther away than nearly all of these are from theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.frames.findings import Finding
from core.frames.registry import open_frame_set
from core.frames.schema import Frame
from core.frames.store import FrameSet
from core.potential.features import crystal_features
from core.potential.graph import convert
from core.potential.models import load_model, resolve_device
from core.potential.threads import compute_settings
from core.progress import Progress, part, silent
from core.transfer.features import features_of
from core.transfer.seen_elements import never_seen
from core.transfer.source_model import SourceModel

_HOME = "mp-frames-gga"
"""Data set whose frames sample the domain."""

_SAMPLE = 400
"""Frames of it."""

_FEWEST = 3
"""Frames from which there is a distance among them."""

_ASKED = 100
"""Frames of the data set that are compared."""

_FAR = 2.0
"""How many times farther away than 99 % of the domain's own frames."""

_MANY = 0.1
"""Share of far frames from which they are a warning."""


def unseen_findings(
    data: FrameSet, source: SourceModel, rows: NDArray[np.integer]
) -> list[Finding]:
    """Report elements that the pretrained model never saw.

    Args:
        data: the data set.
        source: the model.
        rows: rows that are checked.
    """
    fractions = data.fractions()
    unseen = never_seen(source.name, fractions[rows])
    if not unseen:
        return []
    columns = [SYMBOLS.index(symbol) for symbol in unseen]
    hit = rows[(fractions[rows][:, columns] > 0).any(axis=1)]
    return [
        Finding(
            kind="unseen_elements",
            severity="warning",
            message=f"{len(hit):,} of {len(rows):,} frames contain {', '.join(unseen)}, which the "
            "pretrained model never saw: it knows neither their energies nor their forces.",
            remedy="Leave these frames out, or expect to train on hundreds of them.",
            rows=hit.tolist(),
        )
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """Frames that sample what a model knows.

    Attributes:
        data: data set with the frames.
        rows: rows of it that may be sampled.
        is_training: whether the model was trained on them; the embedded frames stand in for the
            training sets of released models, which are not embedded.
    """

    data: FrameSet
    rows: NDArray[np.integer]
    is_training: bool

    @classmethod
    def embedded(cls) -> Self:
        """Return the embedded frames."""
        data = open_frame_set(_HOME)
        return cls(data, np.arange(len(data)), is_training=False)

    @property
    def text(self) -> str:
        """The domain in words."""
        n = min(len(self.rows), _SAMPLE)
        name = self.data.card.name
        return (
            f"{n:,} of its training frames in {name}"
            if self.is_training
            else f"{n:,} frames of {name}, which stand in for its training set"
        )

    def features(self, source: SourceModel, *, progress: Progress = silent) -> NDArray[np.floating]:
        """Return crystal features of a sample of the frames, (m, 64).

        Args:
            source: the model.
            progress: reports the structures that the network evaluates.
        """
        chosen = np.sort(np.random.default_rng(0).permutation(self.rows)[:_SAMPLE])
        found = features_of(
            self.data,
            source.name,
            chosen,
            device=source.device,
            threads=source.threads,
            progress=progress,
        )
        return found[np.isfinite(found).all(axis=1)]


def distances_of(
    frames: Sequence[Frame], source: SourceModel, domain: Domain, *, progress: Progress = silent
) -> NDArray[np.float64]:
    """Return how far structures lie from what a model knows, in units of its own distances, (n,).

    One is the distance to the nearest neighbour that 99 % of the domain's own frames stay below.

    Args:
        frames: structures that CHGNet can represent.
        source: the model.
        domain: what it knows.
        progress: receives the share that is done.
    """
    home = domain.features(source, progress=part(progress, 0.0, 0.8))
    if len(home) < _FEWEST:
        return np.full(len(frames), np.nan)
    graphs = [
        convert(frame.atomic_numbers, frame.frac_coords, frame.lattice, frame.pbc)
        for frame in frames
    ]
    where = resolve_device(source.device)
    with compute_settings(source.threads, where):
        model = load_model(source.name, where)
        features = crystal_features(model, graphs, progress=part(progress, 0.8, 1.0))
    return distance_to_domain(features, home)


def distance_to_domain(
    features: NDArray[np.floating], home: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return how far structures lie from the domain, in units of its own distances, (n,).

    Args:
        features: of the structures, (n, d).
        home: of frames of the domain, (m, d).
    """
    inner = _nearest(home, home, itself=True)
    return _nearest(features, home) / float(np.percentile(inner, 99))


def _nearest(
    first: NDArray[np.floating], second: NDArray[np.floating], *, itself: bool = False
) -> NDArray[np.float64]:
    distances = np.linalg.norm(first[:, None].astype(float) - second[None], axis=2)
    if itself:
        np.fill_diagonal(distances, np.inf)
    nearest: NDArray[np.float64] = distances.min(axis=1)
    return nearest


def domain_findings(
    data: FrameSet,
    source: SourceModel,
    rows: NDArray[np.integer],
    *,
    progress: Progress = silent,
) -> list[Finding]:
    """Report frames far from the domain of the pretrained model, on a sample of 100 frames.

    Args:
        data: the data set.
        source: the model.
        rows: rows that are checked.
        progress: reports the structures that the network evaluates.
    """
    asked = np.sort(np.random.default_rng(1).permutation(rows)[:_ASKED])
    home = Domain.embedded().features(source, progress=part(progress, 0.0, 0.8))
    ours = features_of(
        data,
        source.name,
        asked,
        device=source.device,
        threads=source.threads,
        progress=part(progress, 0.8, 1.0),
    )
    known = np.isfinite(ours).all(axis=1)
    if not known.any():
        return []
    asked = asked[known]
    distance = distance_to_domain(ours[known], home)
    far = asked[distance > _FAR]
    if not len(far):
        return []
    worst = data.frame(int(asked[np.argmax(distance)])).frame_id
    share = len(far) / len(asked)
    return [
        Finding(
            kind="domain",
            severity="warning" if share > _MANY else "info",
            message=f"{len(far)} of {len(asked)} sampled frames lie far from the Materials "
            f"Project's structures in the features of {source.name}, at most "
            f"{distance.max():.1f} times the usual distance ({worst}).",
            remedy="Look at them; the pretrained model is unreliable there, so training needs more "
            "frames of this kind.",
            rows=far.tolist() if len(asked) == len(rows) else (),
        )
    ]
