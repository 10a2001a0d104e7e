"""Export of a run's model to a file."""

import shutil
import tempfile
from pathlib import Path

from core.errors import LabError
from core.files import disk_errors
from core.runs.export.card import model_card
from core.runs.record.directory import Run

_ENDINGS = (".pth.tar", ".pth", ".pt", ".tar")


def card_path(path: Path) -> Path:
    """Return the path of an exported checkpoint's model card: model.card.md for model.pth.tar.

    Args:
        path: the checkpoint's file.
    """
    ending = next((ending for ending in _ENDINGS if path.name.endswith(ending)), "")
    return path.with_name(f"{path.name.removesuffix(ending)}.card.md")


def export_checkpoint(run: Run, path: Path) -> Path:
    """Copy a run's best checkpoint, which stock `CHGNet.from_file` loads, and write its model card.

    Args:
        run: a run that has at least one validated epoch.
        path: the new file; it is written completely or not at all, and replaces no other. The card
            is beside it, see `card_path`.

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
