"""Export of a run's model as a folder that the Hugging Face hub takes: weights, config and card."""

import json
from pathlib import Path
from typing import Any

from core.elements import SYMBOLS
from core.files import disk_errors, new_directory, write_whole
from core.runs.export.card import model_card
from core.runs.export.checkpoint import card_path, export_checkpoint
from core.runs.record.directory import Run
from core.runs.record.functionals import functional_named
from core.runs.record.machine import software

WEIGHTS = "model.pth.tar"
CONFIG = "config.json"
CARD = "README.md"

_TAGS = ("chgnet", "interatomic-potential", "materials-science", "chemistry", "density-functional")

_FROM_HUB = """\
## From the hub

```python
from chgnet.model import CHGNet
from huggingface_hub import hf_hub_download

model = CHGNet.from_file(hf_hub_download("USER/NAME", "model.pth.tar"))
```
"""


def export_hub(run: Run, folder: Path, functional: str | None = None) -> list[Path]:
    """Write a folder for the hub: `hf upload USER/NAME FOLDER` publishes it.

    It holds the weights as stock chgnet reads them, `config.json` (arguments of the network,
    AtomRef, functional, units, the run's settings), the model card with the hub's metadata, and the
    uncertainty of the energies where the run has one.

    Args:
        run: a run that has at least one validated epoch.
        folder: the new folder; it appears whole or not at all.
        functional: which of several functionals of the run; None for the first.

    Returns:
        The files.

    Raises:
        LabError: as `core.runs.export.checkpoint.export_checkpoint`.
    """
    chosen = None if functional is None else functional_named(run, functional)
    with disk_errors(folder), new_directory(folder) as draft:
        export_checkpoint(run, draft / WEIGHTS, functional)
        card_path(draft / WEIGHTS).unlink()
        config = model_config(draft / WEIGHTS)
        text = model_card(run, file=WEIGHTS, functional=chosen)
        card = f"{_metadata(config)}\n{text}\n{_FROM_HUB}"
        write_whole(draft / CONFIG, json.dumps(config, indent=2).encode())
        write_whole(draft / CARD, card.encode())
    return sorted(folder.iterdir())


def model_config(checkpoint: Path) -> dict[str, Any]:
    """Return what is to know of a checkpoint, beside its weights.

    Args:
        checkpoint: a checkpoint file of a run.

    Raises:
        LabError: if it cannot be read.
    """
    # Pages that only offer the export do without torch.
    from core.potential.models import atomref_of, load_model, read_extra  # noqa: PLC0415

    extra = read_extra(checkpoint)
    atomref = atomref_of(str(checkpoint)).tolist()
    return {
        "model_type": "chgnet",
        "weights": WEIGHTS,
        "model_args": json.loads(json.dumps(load_model(checkpoint).model_args)),
        "functional": extra.get("functional"),
        "corrections": extra.get("corrections"),
        "labels": extra.get("labels"),
        "elements": extra.get("elements"),
        "atomref_ev_per_atom": dict(zip(SYMBOLS, atomref, strict=True)),
        "units": {"energy": "eV/atom", "forces": "eV/Å", "stress": "GPa", "magmoms": "μB"},
        "training": extra.get("config"),
        "software": software(),
    }


def _metadata(config: dict[str, Any]) -> str:
    """Return the card's front matter; JSON strings are YAML as well."""
    functional = config["functional"]
    tags = [*_TAGS, *([functional] if functional else [])]
    lines = ["library_name: chgnet", "tags:", *(f"- {json.dumps(tag)}" for tag in tags)]
    return "\n".join(["---", *lines, "---", ""])
