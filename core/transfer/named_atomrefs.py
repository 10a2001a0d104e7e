"""AtomRef with a name, from chgnet and from the library; and writing one into a model."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from core import access
from core.elements import N_ELEMENTS
from core.errors import LabError
from core.files import disk_errors, small_content
from core.frames.column_names import UNKNOWN
from core.frames.registry import find_dataset
from core.frames.store import FrameSet
from core.potential.chgnet_atomref import CHGNET_ATOMREFS, FUNCTIONALS, chgnet_atomref
from core.reference.fits.atomref import AtomRef
from core.reference.fits.isolated import ISOLATED
from core.reference.fits.library import (
    energies_of,
    given_atomref,
    own_energies,
    read_atomref,
    saved_atomrefs,
)


def named_atomrefs() -> dict[str, AtomRef]:
    """Return chgnet's AtomRef, then the saved ones, by name."""
    chgnet = {
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
    return chgnet | saved_atomrefs()


def find_atomref(name: str, *, functional: str = "") -> AtomRef:
    """Return an AtomRef by its name, from a file, or of isolated atoms ("isolated:DATASET").

    Args:
        name: the name or the file, as of `core.reference.fits.library`.
        functional: functional of a table from elsewhere.

    Raises:
        LabError: if there is none.
    """
    # chgnet's own wait for torch.
    saved = saved_atomrefs()
    if name in saved:
        return saved[name]
    if name in CHGNET_ATOMREFS:
        return named_atomrefs()[name]
    if Path(name).is_file():
        access.check_file(name)
        with disk_errors(Path(name)):
            content = small_content(Path(name))
        return read_atomref(content, name=name, functional=functional or UNKNOWN)
    if name.startswith(f"{ISOLATED}:"):
        dataset = name.removeprefix(f"{ISOLATED}:")
        card = find_dataset(dataset).card
        energies = own_energies(name, functional=card.functional or UNKNOWN)
        found = given_atomref(energies, functional or card.functional or UNKNOWN)
        return replace(found, labels=card.labels, corrections=card.corrections)
    raise LabError(
        f"{name}: is neither a named AtomRef nor a file; names are: "
        f"{', '.join({**CHGNET_ATOMREFS, **saved})}, and "
        f"{ISOLATED}:DATASET for the isolated atoms of a data set."
    )


def energies_named(name: str, *, functional: str, data: FrameSet | None = None) -> dict[str, float]:
    """Return reference energies by symbol, eV/atom: chgnet's own, or as of `own_energies`.

    Args:
        name: name, file, or "isolated".
        functional: functional whose energies are taken from a table of several.
        data: the data set whose isolated atoms may be asked for.

    Raises:
        LabError: if there is nothing of this name.
    """
    if name in CHGNET_ATOMREFS:
        return energies_of(named_atomrefs()[name])
    return own_energies(name, functional=functional, data=data)


def write_into_model(atomref: AtomRef, model_name: str, out: Path) -> None:
    """Write a checkpoint of a model whose `composition_model` is this AtomRef.

    Stock `CHGNet.from_file` loads it. Elements without a reference in the AtomRef keep the model's
    own.

    Args:
        atomref: the AtomRef.
        model_name: a released model's name, or the path of a checkpoint.
        out: the file to write; it appears whole or not at all.

    Raises:
        LabError: if there is no such model, or the file cannot be written.
    """
    from core.potential.models import (  # noqa: PLC0415  imports torch
        get_atomref,
        load_model,
        save_model,
        set_atomref,
        source_functional,
    )

    model = load_model(model_name)
    energies = np.where(atomref.has_energy, atomref.energies, get_atomref(model))
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


def model_bytes(atomref: AtomRef, model_name: str) -> bytes:
    """Return the checkpoint that `write_into_model` writes, for a download."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.pth.tar"
        write_into_model(atomref, model_name, path)
        return path.read_bytes()
