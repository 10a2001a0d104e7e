"""Every AtomRef that has a name: chgnet's own and the kept ones; and putting one into a model."""

from pathlib import Path

import numpy as np
import orjson

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.potential.chgnet_atomref import CHGNET_ATOMREFS, FUNCTIONALS, chgnet_atomref
from core.potential.models import (
    get_atomref,
    load_model,
    save_model,
    set_atomref,
    source_functional,
)
from core.reference.fits.atomref import AtomRef
from core.reference.fits.library import saved_atomrefs


def named_atomrefs() -> dict[str, AtomRef]:
    """Return chgnet's AtomRef, then the kept ones, by name."""
    own = {
        name: AtomRef(
            functional=FUNCTIONALS[name],
            method="given",
            energies=chgnet_atomref(name),
            counts=np.zeros(N_ELEMENTS, dtype=int),
            n=0,
            rank=0,
            condition=np.inf,
            labels="dft",
            corrections="MP2020" if FUNCTIONALS[name] != "r2SCAN" else "none",
        )
        for name in CHGNET_ATOMREFS
    }
    return own | saved_atomrefs()


def find_atomref(name: str) -> AtomRef:
    """Return an AtomRef by its name, or from a JSON file.

    Raises:
        LabError: There is none.
    """
    known = named_atomrefs()
    if name in known:
        return known[name]
    if Path(name).is_file():
        return AtomRef.read(Path(name))
    raise LabError(f"{name}: is neither a named AtomRef nor a file; named are: {', '.join(known)}.")


def write_into_model(atomref: AtomRef, model_name: str, out: Path) -> None:
    """Write a checkpoint of a model whose `composition_model` is this AtomRef.

    Stock `CHGNet.from_file` loads it. Elements that the AtomRef does not know keep the model's own
    reference.

    Args:
        atomref: The AtomRef.
        model_name: A released model's name, or the path of a checkpoint.
        out: The file to write; it appears whole or not at all.

    Raises:
        LabError: No such model, or the file cannot be written.
    """
    model = load_model(model_name)
    energies = np.where(atomref.known, atomref.energies, get_atomref(model))
    set_atomref(model, energies)
    extra = {
        "functional": atomref.functional,
        "source_model": model_name if not Path(model_name).is_file() else Path(model_name).name,
        "source_functional": source_functional(model_name),
        "atomref": orjson.loads(atomref.to_json()),
    }
    try:
        save_model(out, model, extra)
    except OSError as error:
        raise LabError(
            f"{out} cannot be written ({error.strerror}); choose a directory that exists."
        ) from None
