"""Files that are known and from which no frames can be read, each with what to give instead."""

import re
from pathlib import Path
from typing import Final

from core.errors import LabError
from core.frames.sources.training_sets.hdf5 import ERRORS, groups, is_hdf5, open_hdf5
from core.frames.tables.compression import head_of, plain_suffix

_HEAD: Final = 1 << 16
_INSTEAD: Final = "frames need energies: give the output of the DFT calculation"
_WRITE: Final = (
    "write its frames as extended XYZ with energies and forces, as by "
    "ase.io.write('frames.extxyz', …)"
)
_CONVERT: Final = f"which is not read: {_WRITE}"

_STRUCTURES: Final = {
    "CIF": r"\A(?:\s*#[^\n]*\n|\s*\n)*\s*(?:data_|loop_|_)[\s\S]*^_cell_length_a\s",
    "a POSCAR": r"\A[^\n]*\n *-?[\d.]+ *\n(?: *(?:[-+\d.eE]+ +){2}[-+\d.eE]+ *\n){3}"
    r"(?:[ \w/]+\n)?[ \d]+\n",
    "a trajectory of VASP (XDATCAR)": r"^Direct configuration=",
    "a trajectory of LAMMPS": r"\AITEM: (?:TIMESTEP|UNITS|TIME)\b",
    "a structure of LAMMPS": r"^\s*\d+\s+atoms\s*$[\s\S]*\bxlo\s+xhi\b",
    "a structure of AtomEye": r"\A\s*Number of particles\s*=",
    "a structure of PDB": r"^(?:ATOM|HETATM) +\d+ +\S+",
    "a structure of DFTB+": r"\A\s*\d+\s+[SFC]\s*\n(?:\s*[A-Z][a-z]?\b)+\s*\n\s*1\s+1\s",
    "a structure of FHI-aims": r"\A(?:\s*#[^\n]*\n|\s*\n)*\s*(?:lattice_vector|atom|atom_frac)\s",
    "a structure of CASTEP": r"%BLOCK\s+(?:LATTICE_|POSITIONS_)",
    "a structure of WIEN2k": r"\A[^\n]*\n[A-Z] +LATTICE,NONEQUIV",
    "a grid of Gaussian's cube": r"\A[^\n]*\n[^\n]*\n\s*-?\d+(?:\s+-?\d+\.\d+){3}(?:\s+1)?\s*\n"
    r"\s*-?\d+(?:\s+-?\d+\.\d+){3}\s*\n",
    "a structure of ABACUS": r"\AATOMIC_SPECIES\s",
    "a PDF": r"\A%PDF",
    "a structure of Materials Studio": r"\A<\?xml[\s\S]{0,300}XSD",
}
"""What holds structures without labels, and what its text contains."""

_INPUTS: Final = {
    "an input of Quantum ESPRESSO": r"^\s*&(?:CONTROL|SYSTEM)\b",
    "an input of CP2K": r"^\s*&(?:GLOBAL|FORCE_EVAL)\b",
    "an input of Siesta, ONETEP or CASTEP": r"^\s*%block\s+\w",
    "an input of ABINIT": r"^\s*znucl\s+\d",
    "an input of Gaussian": r"\A(?:%\w+=[^\n]+\n)+\s*#",
}
"""Inputs of codes, which their outputs repeat."""

_CODES: Final = {
    "Siesta": r"Siesta Version|WELCOME TO SIESTA|^siesta: ",
    "exciting": r"\bEXCITING\b.*started",
    "Elk": r"Elk code started|\| Elk version",
    "WIEN2k": r"^:(?:ENE|VOL|LABEL\d)\b",
    "FLEUR": r"<fleurOutput\b",
    "CRYSTAL": r"CRYSTAL *(?:9[258]|0[369]|14|17|23)\b",
    "Octopus": r"\|0\) ~ \(0\) \||<>.*Octopus",
    "TURBOMOLE": r"TURBOMOLE",
    "Q-Chem": r"Welcome to Q-Chem",
    "Psi4": r"Psi4: An Open-Source",
    "PySCF": r"^#INFO:.*PySCF|converged SCF energy =",
    "Molpro": r"PROGRAM SYSTEM MOLPRO",
    "MOPAC": r"\bMOPAC\b",
    "DMol3": r"\bDMol3?\b",
    "DFTB+": r"DFTB\+ release",
    "xTB": r"x T B\b",
    "ADF or BAND": r"Amsterdam Density Functional|A D F|\* +B A N D|\bAMS 20\d\d",
    "OpenMX": r"\bOpenMX\b",
    "FPLO": r"\bFPLO\b",
    "BigDFT": r"BigDFT",
    "LAMMPS": r"\ALAMMPS \(",
    "Phonopy": r"\Aphonopy:",
    "ABACUS": r"\bABACUS\b|\AMDSTEP:",
    "PWmat": r"Iteration *=.*Etot,Ep,Ek",
    "Gaussian in a formatted checkpoint (the log is read)": r"^Number of atoms +I +\d",
    "ORCA in .engrad (the output is read)": r"^# The current gradient in Eh/bohr",
    "CPMD": r"PROGRAM CPMD|The CPMD consortium",
    "EPW": r"Program EPW",
    "GAMESS": r"GAMESS VERSION|Firefly version",
    "GULP": r"GENERAL UTILITY LATTICE PROGRAM",
    "Molcas": r"OpenMolcas|MOLCAS",
    "ONETEP": r"\bONETEP\b",
    "Qbox or Qball": r"<fpmd:simulation|qball version",
    "Wannier90": r"WANNIER90",
    "Yambo": r"\b[Yy]ambo\b",
    "SPARC": r"\* +SPARC \(version",
    "JDFTx": r"\* JDFTx ",
    "a calculation of magnetic resonance (.magres)": r"\A#\$magres",
    "VASP on the screen (the vasprun.xml or the OUTCAR beside it is read)": r"^ *vasp\.\d\.",
}
"""Codes whose outputs are not read, and what these contain."""

_TABLES: Final = frozenset({".csv", ".tsv", ".parquet", ".xlsx", ".json", ".jsonl"})
"""Files whose text may hold such text in its cells."""

_NO_TABLES: Final = frozenset({".out", ".log", ".xml", ".html", ".yaml", ".yml", ".in", ".inp"})
"""Files whose text is no table, even if a line of it looks like the head of one."""

_NUMPY, _NETCDF, _AFF = b"\x93NUMPY", b"CDF", b"AFFormat"


def refuse_without_labels(path: Path) -> None:
    """Refuse a file that no form recognises and that is no table either, if it is known.

    Raises:
        LabError: if it is.
    """
    name, head = path.name, head_of(path, _HEAD)
    if path.is_dir():
        raise LabError(
            f"{name} is a folder without outputs of VASP or systems of DeePMD in it; name the "
            "files in it, or those that match a pattern, as with --glob '**/*.xyz'."
        )
    if is_hdf5(path):
        raise LabError(f"{name} is HDF5 {_contents(path)}, {_CONVERT}.")
    if head.startswith(_NUMPY):
        raise LabError(
            f"{name} is one array of numpy; give the .npz with elements, positions, energies, or "
            "the folder of the DeePMD system that it belongs to."
        )
    if head.startswith((_NETCDF, _AFF)):
        raise LabError(f"{name} is a binary file of another program, {_CONVERT}.")
    if b"\0" in head or plain_suffix(path) in _TABLES:
        return
    text = head.decode(errors="replace").replace("\r\n", "\n")
    kind = _kind(text, _STRUCTURES)
    code = None if kind else _kind(text, _CODES)
    if code is not None:
        raise LabError(f"{name} is an output of {code}, {_CONVERT}.")
    if (kind := kind or _kind(text, _INPUTS)) is not None:
        raise LabError(f"{name} is {kind}, which has no energies, and {_INSTEAD}.")
    if plain_suffix(path) in _NO_TABLES and text.strip():
        raise LabError(f"{name} is text of no form that is read: {_WRITE}.")


def _kind(text: str, marks: dict[str, str]) -> str | None:
    return next((kind for kind, mark in marks.items() if re.search(mark, text, re.MULTILINE)), None)


def _contents(path: Path) -> str:
    """Return what a file of HDF5 holds, in words."""
    try:
        with open_hdf5(path) as file:
            names = [*file][:5] or [group.name for group in groups(file)][:5]
    except ERRORS:
        return "that is damaged"
    shown = ", ".join(name[:40] for name in names)
    return f"with {shown}, without elements and positions side by side" if names else "and empty"
