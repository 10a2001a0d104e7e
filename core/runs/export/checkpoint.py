"""Taking a run's model out of the lab."""

import shutil
import tempfile
from pathlib import Path

from core.errors import LabError
from core.files import disk_errors
from core.runs.export.card import model_card
from core.runs.record.directory import Run

_ENDINGS = (".pth.tar", ".pth", ".pt", ".tar")


def card_path(path: Path) -> Path:
    """Return where the model card of an exported checkpoint goes: model.pth.tar has model.card.md.

    Args:
        path: the checkpoint's file.
    """
    ending = next((one for one in _ENDINGS if path.name.endswith(one)), "")
    return path.with_name(f"{path.name.removesuffix(ending)}.card.md")


def export_checkpoint(run: Run, path: Path) -> Path:
    """Copy a run's best checkpoint, which stock `CHGNet.from_file` loads, and write its model card.

    Args:
        run: a run that has at least one validated epoch.
        path: the new file; it appears whole or not at all, and replaces no other. The card goes
            beside it, see `card_path`.

    Returns:
        The model card's file.

    Raises:
        LabError: if there is no checkpoint yet, the file exists, or it cannot be written.
    """
    status = run.status()
    if not run.best_checkpoint.is_file():
        raise LabError(
            f"{run.id}: is {status.state} and has no validated epoch to export; let it train first."
        )
    card = card_path(path)
    for file in (path, card):
        if file.exists():
            raise LabError(f"{file}: exists already; name a new file.")
    with disk_errors(path), tempfile.TemporaryDirectory(dir=path.absolute().parent) as draft:
        text = Path(draft) / card.name
        text.write_text(model_card(run, file=path.name), encoding="utf-8")
        copy = Path(shutil.copyfile(run.best_checkpoint, Path(draft) / path.name))
        text.replace(card)
        copy.replace(path)
    return card
