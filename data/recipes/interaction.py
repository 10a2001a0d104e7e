"""Make data/interaction: what the released networks add to AtomRef in the embedded structures.

Run ``python data/recipes/interaction.py`` in the repository root after the recipe of the
structures. The labels of the embedded data are the released models' own energies, so that nothing
is predicted again: each is the label less the model's AtomRef. The name of a file is the data
set's fingerprint in a directory of the model's, as `core.potential.row_cache` looks for it.
"""

import shutil

import numpy as np
from numpy.typing import NDArray

from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.home import EMBEDDED_DIR
from core.potential.models import atomref_of, load_model, model_fingerprint

INTERACTION = EMBEDDED_DIR / "interaction"

LABELS = {
    "chgnet-0.3.0": ("mp-frames-gga", "energy_gga_chgnet"),
    "chgnet-r2scan": ("mp-frames-r2scan", "energy_r2scan_chgnet"),
}
"""By model, the frames and the column of `mp-structures` with its energies."""


def interaction_energies(dataset: str, model: str) -> NDArray[np.float64]:
    """Return a model's interaction energies of an embedded data set, (n,) eV/atom."""
    frames, column = LABELS[model]
    data = open_dataset(dataset)
    # Both sets of frames have the same structures.
    labelled = data.energy(column) if isinstance(data, PairSet) else open_dataset(frames).energies()
    return labelled - data.fractions() @ atomref_of(model)


def main() -> None:
    """Compute the files again, in place of those that are there."""
    shutil.rmtree(INTERACTION, ignore_errors=True)
    for model in LABELS:
        directory = INTERACTION / model_fingerprint(load_model(model))
        directory.mkdir(parents=True)
        for dataset in ("mp-frames-gga", "mp-frames-r2scan", "mp-structures"):
            values = interaction_energies(dataset, model)
            name = f"{open_dataset(dataset).fingerprint}.npz"
            np.savez_compressed(directory / name, rows=np.arange(len(values)), values=values)


if __name__ == "__main__":
    main()
