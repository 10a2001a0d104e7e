"""Published results, shown beside a run's own and always marked as the paper's, on its data.

Source: Huang, Deng, Zhong, Kaplan, Persson, Ceder, "Cross-functional transferability in
foundation machine learning interatomic potentials", npj Computational Materials (2025),
DOI 10.1038/s41524-025-01796-y, arXiv 2504.05565.
"""

from typing import NamedTuple

CITATION = (
    "Huang, Deng, Zhong, Kaplan, Persson, Ceder, npj Computational Materials (2025), "
    "doi:10.1038/s41524-025-01796-y"
)
DOI = "10.1038/s41524-025-01796-y"
DATASET = "MP-r2SCAN (238,247 frames)"


class PaperRow(NamedTuple):
    """Mean absolute errors of one method, on one partition of MP-r2SCAN.

    Attributes:
        method: key in `core.training.settings.methods.METHODS`.
        partition: train, validation or test.
        energy_mae_mev_per_atom: energy, meV/atom.
        force_mae_mev_per_angstrom: force components, meV/Å.
        stress_mae_gpa: stress components, GPa.
        magmom_mae_mub: magnetic moments, μB.
        decomposition_mae_mev_per_atom: decomposition energy, meV/atom, where published.
        formation_mae_mev_per_atom: formation energy, meV/atom, where published.
    """

    method: str
    partition: str
    energy_mae_mev_per_atom: float
    force_mae_mev_per_angstrom: float
    stress_mae_gpa: float
    magmom_mae_mub: float
    decomposition_mae_mev_per_atom: float | None = None
    formation_mae_mev_per_atom: float | None = None


TABLE_1: tuple[PaperRow, ...] = (
    PaperRow("scratch", "test", 27, 45, 0.239, 0.019, 37.44, 43.11),
    PaperRow("trainable", "test", 26, 54, 0.266, 0.027, 41.22, 52.43),
    PaperRow("frozen", "test", 26, 52, 0.257, 0.026, 38.54, 39.78),
    PaperRow("refit", "test", 17, 38, 0.167, 0.023, 23.66, 29.38),
)

METHOD_4_PARTITIONS: tuple[PaperRow, ...] = (
    PaperRow("refit", "train", 11.82, 24.55, 0.082, 0.021),
    PaperRow("refit", "validation", 15.48, 36.50, 0.161, 0.023),
    PaperRow("refit", "test", 16.76, 38.46, 0.167, 0.023),
)
"""Method 4 on all three partitions, from the model card of the released CHGNet r2SCAN model."""
