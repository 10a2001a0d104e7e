"""AtomRef Lab: move a pretrained interatomic potential from one DFT functional to another.

The names in `__all__` are the public interface for notebooks and scripts. Each is imported when it
is first used, so that the command line waits for no library.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.api.data import check, datasets, import_data, open_data
    from core.api.models import calculator, evaluate, predict, relax
    from core.api.references import fit_atomref, open_pairs, shift
    from core.api.training import export, open_run, train
    from core.errors import LabError

__all__ = [
    "LabError",
    "calculator",
    "check",
    "datasets",
    "evaluate",
    "export",
    "fit_atomref",
    "import_data",
    "open_data",
    "open_pairs",
    "open_run",
    "predict",
    "relax",
    "shift",
    "train",
]

__version__ = "0.1.0"

_MODULES = {
    "api.data": ("check", "datasets", "import_data", "open_data"),
    "api.models": ("calculator", "evaluate", "predict", "relax"),
    "api.references": ("fit_atomref", "open_pairs", "shift"),
    "api.training": ("export", "open_run", "train"),
    "errors": ("LabError",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

# Read by OpenMP when torch loads it. Its threads would otherwise wait by spinning, and on a machine
# that does something else too, two of them then take many times as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names, for completion in a notebook."""
    return sorted({*globals(), *__all__})
