"""Quantum ESPRESSO's own XML, data-file-schema.xml or PREFIX.xml (https://github.com/QEF/qeschema)."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

import numpy as np
from ase.io.espresso import label_to_symbol
from ase.units import Bohr

from core.elements import INDEX
from core.frames.sources.atoms.code_outputs import functional_of_espresso
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.progress import Progress

# A document type, which may define entities that grow without end, would stand before the root.
_HEAD: Final = re.compile(rb"\s*(?:<\?[^>]*>\s*|<!--.*?-->\s*)*<qes:espresso\b", re.DOTALL)
_STATES: Final = {"step", "output"}
_USELESS: Final = {"ks_energies", "symmetries", "input"}
"""Elements that are large and forgotten as soon as they end."""


class EspressoXml(RecordSource):
    """The steps of a run of pw.x and its last state, in Hartree atomic units.

    The total energy is the free energy where states are smeared, as in the output of pw.x; stress
    has the sign of a pressure.
    """

    form = "espresso-xml"
    title = "Quantum ESPRESSO XML"
    mapping = MappingProxyType({"energy": "etot", "forces": "forces", "stress": "stress"})
    units = MappingProxyType({"energy": "Ha/cell", "forces": "Ha/bohr", "stress": "Ha/bohr³"})
    units_are_known = True
    is_calculation = True
    corrections = "none"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        head = head_of(path, 1 << 20).decode(errors="replace")
        dft = (re.findall(r"<dft>.*?</dft>", head, re.DOTALL) or [""])[0]
        name, dispersion = (
            (re.findall(rf"<{tag}>\s*([^<]*)", dft) or [""])[0]
            for tag in ("functional", "vdw_corr")
        )
        self.functional = functional_of_espresso(name, has_u="<dftU>" in dft, dispersion=dispersion)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as an XML of Quantum ESPRESSO."""
        return path.is_file() and _HEAD.match(head_of(path, 4096)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the steps, and the last state where it is another."""
        name, before = self.path.name, None
        if not self.recognises(self.path):
            yield Refused(where=name, why="it does not begin as an XML of Quantum ESPRESSO")
            return
        try:
            for number, state in enumerate(self._states(progress)):
                where = f"step {number} of {name}"
                try:
                    record = _record(state, where)
                except CellError as error:
                    yield Refused(where=where, why=str(error))
                    continue
                except (ValueError, TypeError, LookupError):
                    yield Refused(where=where, why="it is incomplete or damaged")
                    continue
                # A relaxation ends with its last step once more.
                if before is None or record.values["etot"] != before.values["etot"]:
                    yield record
                before = record
        except (ParseError, LookupError) as error:  # the latter for an encoding that is none
            yield Refused(where=f"the rest of {name}", why=f"the XML is damaged ({error})")
        except BrokenStreamError as error:
            yield Refused(where=f"the rest of {name}", why=str(error))

    def _states(self, progress: Progress) -> Iterator[Element]:
        parser: XMLPullParser[Element] = XMLPullParser(["end"])
        with open_bytes(self.path) as stream:
            while data := stream.read(1 << 18):
                parser.feed(data)
                progress(stream.share, f"{stream.share:.0%} of {self.path.name} read")
                for _, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                    if element.tag in _STATES:
                        yield element
                    if element.tag in _STATES | _USELESS:
                        element.clear()
        parser.close()


def _record(state: Element, where: str) -> Record:
    structure = state.find("atomic_structure")
    atoms = [] if structure is None else structure.findall("atomic_positions/atom")
    if structure is None or not atoms or structure.find("cell") is None:
        raise CellError("it has no structure")
    if (state.findtext(".//scf_conv/convergence_achieved") or "true").strip() != "true":
        raise CellError("its SCF run did not converge")
    energy = state.findtext("total_energy/etot")
    if energy is None:
        raise CellError("it has no energy")
    values: dict[str, Any] = {"etot": float(energy)}
    for key, columns, sign in (("forces", 3, 1), ("stress", 3, -1)):
        if rows := (state.findtext(key) or "").split():
            values[key] = sign * np.array(rows, dtype=np.float64).reshape(-1, columns)
    return Record(
        where=where,
        atomic_numbers=np.array([_number(atom.get("name", "")) for atom in atoms]),
        lattice=Bohr * _rows([structure.find(f"cell/a{axis}") for axis in (1, 2, 3)]),
        positions=Bohr * _rows(atoms),
        values=values,
    )


def _number(label: str) -> int:
    """Return the atomic number of a species, such as Fe1 or O_up."""
    symbol = label_to_symbol(label)
    if symbol not in INDEX:
        raise CellError(f"it contains {label[:20]!r}, which is not an element from H to Pu")
    return INDEX[symbol] + 1


def _rows(elements: list[Any]) -> np.ndarray:
    texts = [(element.text or "").split() for element in elements]
    return np.array(texts, dtype=np.float64).reshape(-1, 3)
