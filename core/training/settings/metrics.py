"""Mean absolute errors of energy, force, stress and magnetic moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypedDict, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Metrics(TypedDict):
    """Mean absolute errors over some frames; None where there was no label to compare with."""

    n_frames: int
    energy_mae_mev_per_atom: float | None
    force_mae_mev_per_angstrom: float | None
    stress_mae_gpa: float | None
    magmom_mae_mub: float | None


class MetricInfo(NamedTuple):
    """How one metric is shown: its name and its unit."""

    label: str
    unit: str

    @property
    def short(self) -> str:
        """Name and unit for a narrow column of mean absolute errors."""
        name = self.label.removesuffix(" MAE").removesuffix(" energy")
        return f"{name.replace('Magnetic moment', 'Magmom')}, {self.unit}"


METRICS: dict[str, MetricInfo] = {
    "energy_mae_mev_per_atom": MetricInfo("Energy MAE", "meV/atom"),
    "force_mae_mev_per_angstrom": MetricInfo("Force MAE", "meV/Å"),
    "stress_mae_gpa": MetricInfo("Stress MAE", "GPa"),
    "magmom_mae_mub": MetricInfo("Magnetic moment MAE", "μB"),
}

STABILITY_METRICS: dict[str, MetricInfo] = {
    "decomposition_mae_mev_per_atom": MetricInfo("Decomposition energy MAE", "meV/atom"),
    "formation_mae_mev_per_atom": MetricInfo("Formation energy MAE", "meV/atom"),
}
"""The last two columns of the paper's Table 1: of materials, where a run was asked for them."""

TEST_METRICS: dict[str, MetricInfo] = METRICS | STABILITY_METRICS
"""All that the test of a run may hold."""

SCALES = dict(zip(METRICS, (1000.0, 1000.0, 1.0, 1.0), strict=True))
"""From the labels' units (eV/atom, eV/Å, GPa, μB) to the metrics'."""

LABEL_METRICS: dict[str, str] = dict(
    zip(("energy", "force", "stress", "magmom"), METRICS, strict=True)
)
"""The metric that belongs to each kind of label."""


def _zeros() -> dict[str, float]:
    return dict.fromkeys(METRICS, 0.0)


@dataclass(kw_only=True, slots=True)
class MetricSums:
    """Running sums from which `Metrics` follow.

    The energy MAE is over frames, the force and stress MAE over Cartesian components, the
    magnetic-moment MAE over atoms: as in the paper's code. Sums are float64.

    Attributes:
        n_frames: frames seen.
        totals: summed absolute errors in the label's unit, by metric.
        counts: numbers of compared values, by metric.
    """

    n_frames: int = 0
    totals: dict[str, float] = field(default_factory=_zeros)
    counts: dict[str, float] = field(default_factory=_zeros)

    def add(
        self, label: str, predicted: "NDArray[np.floating]", target: "NDArray[np.floating]"
    ) -> None:
        """Add the errors of one kind of label; NaN targets are missing labels and do not count.

        Args:
            label: energy, force, stress or magmom.
            predicted: any shape, eV/atom, eV/Å, GPa or μB.
            target: same shape.
        """
        import numpy as np  # noqa: PLC0415  a waiting run does without

        errors = np.abs(np.asarray(predicted, np.float64) - np.asarray(target, np.float64))
        labelled = ~np.isnan(target)
        metric = LABEL_METRICS[label]
        self.totals[metric] += float(errors[labelled].sum())
        self.counts[metric] += int(labelled.sum())

    def vector(self) -> "NDArray[np.float64]":
        """Return all sums in one vector, from which `from_vector` makes them again."""
        import numpy as np  # noqa: PLC0415  a waiting run does without

        sums = [numbers[metric] for numbers in (self.totals, self.counts) for metric in METRICS]
        return np.array([self.n_frames, *sums], dtype=np.float64)

    @classmethod
    def from_vector(cls, values: "NDArray[np.float64]") -> Self:
        """Rebuild sums, or the sum of several, from what `vector` returned."""
        n_frames, *sums = values.tolist()
        totals, counts = sums[: len(METRICS)], sums[len(METRICS) :]
        return cls(
            n_frames=int(n_frames),
            totals=dict(zip(METRICS, totals, strict=True)),
            counts=dict(zip(METRICS, counts, strict=True)),
        )

    def merge(self, other: "MetricSums") -> None:
        """Add the errors of other frames."""
        self.n_frames += other.n_frames
        for metric in METRICS:
            self.totals[metric] += other.totals[metric]
            self.counts[metric] += other.counts[metric]

    def result(self) -> Metrics:
        """Return the mean absolute errors so far."""
        means = {
            key: scale * self.totals[key] / self.counts[key] if self.counts[key] else None
            for key, scale in SCALES.items()
        }
        return cast("Metrics", {"n_frames": self.n_frames, **means})


def is_better(new: Mapping[str, Any], old: Mapping[str, Any] | None, label: str = "energy") -> bool:
    """Return whether an epoch is the best so far; without validation labels the last one is.

    Args:
        new: its validation metrics.
        old: those of the best so far.
        label: kind of label whose error counts.
    """
    error = new.get(LABEL_METRICS[label])
    best = None if old is None else old.get(LABEL_METRICS[label])
    return error is None or best is None or error < best
