"""Export of a run's model to a file."""

import shutil
import tempfile
from pathlib import Path

from core.errors import LabError
from core.files import beside, disk_errors
from core.runs.export.card import model_card
from core.runs.record.directory import Run
from core.runs.record.functionals import functional_named
from core.transfer.uncertainty import uncertainty_path


def card_path(path: Path) -> Path:
    """Return the path of an exported checkpoint's model card: model.card.md for model.pth.tar.

    Args:
        path: the checkpoint's file.
    """
    return beside(path, ".card.md")


def export_checkpoint(run: Run, path: Path, functional: str | None = None) -> Path:
    """Copy a run's best checkpoint, which stock `CHGNet.from_file` loads, and write its model card.

    Args:
        run: a run that has at least one validated epoch.
        path: the new file; it is written completely or not at all, and replaces no other. The card
            is beside it, see `card_path`, and the uncertainty of its energies where the run has
            one, see `core.transfer.uncertainty.uncertainty_path`.
        functional: which of several functionals of the run; None for the first.

    Returns:
        The model card's file.

    Raises:
        LabError: if there is no checkpoint yet, the run has not learnt the functional, the file
            exists, or it cannot be written.
    """
    status = run.status()
    chosen = None if functional is None else functional_named(run, functional)
    best = run.best_checkpoint if chosen is None else chosen.checkpoint
    if not best.is_file():
        raise LabError(
            f"{run.id}: is {status.state} and has no validated epoch to export; let it train first."
        )
    card, uncertainty = card_path(path), uncertainty_path(path)
    own = uncertainty_path(best)
    for file in (path, card, uncertainty):
        if file.exists():
            raise LabError(f"{file}: exists already; name a new file.")
    with disk_errors(path), tempfile.TemporaryDirectory(dir=path.absolute().parent) as draft:
        text = Path(draft) / card.name
        text.write_text(model_card(run, file=path.name, functional=chosen), encoding="utf-8")
        copy = Path(shutil.copyfile(best, Path(draft) / path.name))
        if own.is_file():
            shutil.copyfile(own, Path(draft) / uncertainty.name).replace(uncertainty)
        text.replace(card)
        copy.replace(path)
    return card
