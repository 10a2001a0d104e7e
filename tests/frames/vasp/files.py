"""Small files in VASP's layouts, with values that a test chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

KBAR = np.array([[1.0, 4.0, 6.0], [4.0, 2.0, 5.0], [6.0, 5.0, 3.0]])
"""A stress of which each number has a place of its own."""


@dataclass(kw_only=True)
class MadeStep:
    """An ionic step; energies are those of the electronic loop, in eV."""

    zero: float = -10.0
    free: float = -10.2
    added: float = 0.0
    lattice: np.ndarray = field(default_factory=lambda: np.diag([4.0, 5.0, 6.0]))
    frac_coords: np.ndarray = field(
        default_factory=lambda: np.array([[0.0, 0.0, 0.0], [0.5, 0.25, 0.5]])
    )
    forces: np.ndarray | None = field(
        default_factory=lambda: np.array([[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]])
    )
    stress: np.ndarray | None = field(default_factory=KBAR.copy)
    magmoms: np.ndarray | None = None
    n_electronic: int = 5


def vasprun(
    steps: Sequence[MadeStep],
    *,
    elements: Sequence[tuple[str, str]] = (
        ("Li", "PAW_PBE Li_sv 10Sep2004"),
        ("F", "PAW_PBE F 08Apr2002"),
    ),
    incar: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    is_shifted: bool = True,
    has_pressure_work: bool = True,
    learned: Sequence[MadeStep] = (),
) -> str:
    """Return a vasprun.xml.

    Args:
        steps: the ionic steps.
        elements: symbol and title of the POTCAR of each atom.
        incar: tags that the user set.
        parameters: tags that VASP used.
        is_shifted: whether energies of whole steps have VASP 5's shifted labels.
        has_pressure_work: whether they contain P·V.
        learned: steps of a machine-learned force field, at the end.
    """
    used = {"NELM": "60", "PSTRESS": "0.0", "GGA": "--", "ISPIN": "1"} | dict(parameters or {})
    lines = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        "<modeling>",
        ' <generator>\n  <i name="program" type="string">vasp </i>\n </generator>',
        " <incar>",
        *(
            f'  <i type="string" name="{name}"> {value}</i>'
            for name, value in (incar or {}).items()
        ),
        " </incar>",
        ' <kpoints>\n  <varray name="kpointlist" >\n   <v> 0.0 0.0 0.0 </v>\n  </varray>',
        '  <varray name="weights" >\n   <v> 1.0 </v>\n  </varray>\n </kpoints>',
        ' <parameters>\n  <separator name="electronic" >',
        *(f'   <i name="{name}"> {value}</i>' for name, value in used.items()),
        "  </separator>",
        '  <separator name="response functions" >',
        '   <i type="int" name="NELM">     1</i>\n   <i type="int" name="KINTER">******</i>',
        "  </separator>\n </parameters>",
        ' <atominfo>\n  <array name="atoms" >\n   <field type="string">element</field>\n   <set>',
        *(
            f"    <rc><c>{symbol:2s}</c><c>{number + 1:4d}</c></rc>"
            for number, (symbol, _) in enumerate(elements)
        ),
        '   </set>\n  </array>\n  <array name="atomtypes" >\n   <set>',
        *(
            f"    <rc><c>   1</c><c>{symbol:2s}</c><c> 1.0</c><c> 1.0</c><c> {title:40s}</c></rc>"
            for symbol, title in elements
        ),
        "   </set>\n  </array>\n </atominfo>",
        _structure(steps[0], 'name="initialpos" ') if steps else "",
    ]
    for step in steps:
        volume = abs(np.linalg.det(step.lattice))
        work = float(used["PSTRESS"]) * volume / 1602.17733 if has_pressure_work else 0.0
        lines.append(" <calculation>")
        for number in range(step.n_electronic):
            shift = float(step.n_electronic - 1 - number)
            terms = '    <i name="alphaZ"> 1.0</i>\n' if shift == 0 or number == 0 else ""
            lines.append(
                f"  <scstep>\n   <energy>\n{terms}"
                + _energies(step.free + shift, step.zero + shift, is_shifted=False)
                + "\n   </energy>\n  </scstep>"
            )
        lines += [
            *_labels(
                step,
                step.free + step.added + work,
                step.zero + step.added + work,
                is_shifted=is_shifted,
            ),
            " </calculation>",
        ]
    for step in learned:
        lines += _labels(step, step.free, step.zero, is_shifted=False)
    if steps:
        lines.append(_structure(steps[-1], 'name="finalpos" '))
    return "\n".join([*lines, "</modeling>", ""])


def _labels(step: MadeStep, free: float, zero: float, *, is_shifted: bool) -> list[str]:
    return [
        _structure(step),
        *([] if step.forces is None else [_array("forces", step.forces)]),
        *([] if step.stress is None else [_array("stress", step.stress)]),
        "  <energy>\n" + _energies(free, zero, is_shifted=is_shifted) + "\n  </energy>",
    ]


def _energies(free: float, zero: float, *, is_shifted: bool) -> str:
    plain = 2 * zero - free
    named = (
        {"e_fr_energy": free, "e_wo_entrp": zero, "e_0_energy": free - plain}
        if is_shifted
        else {"e_fr_energy": free, "e_wo_entrp": plain, "e_0_energy": zero}
    )
    return "\n".join(f'    <i name="{name}">{value:16.8f} </i>' for name, value in named.items())


def _structure(step: MadeStep, name: str = "") -> str:
    return (
        f"  <structure {name}>\n   <crystal>\n{_array('basis', step.lattice)}\n   </crystal>\n"
        f"{_array('positions', step.frac_coords)}\n  </structure>"
    )


def _array(name: str, rows: np.ndarray) -> str:
    texts = ["   <v>" + "".join(f"{number:16.8f}" for number in row) + " </v>" for row in rows]
    return "\n".join([f'  <varray name="{name}" >', *texts, "  </varray>"])


def outcar(
    steps: Sequence[MadeStep],
    *,
    titles: Sequence[str] = ("PAW_PBE Li_sv 10Sep2004", "PAW_PBE F 08Apr2002"),
    counts: Sequence[int] = (1, 1),
    tags: Mapping[str, str] | None = None,
    incar: Mapping[str, str] | None = None,
    is_whole: bool = True,
    is_old: bool = False,
    unconverged_says_so: bool = False,
) -> str:
    """Return an OUTCAR.

    Args:
        steps: the ionic steps.
        titles: titles of the POTCARs.
        counts: atoms of each.
        tags: tags that VASP shows.
        incar: tags that it repeats from the INCAR, as VASP 6.
        is_whole: whether it ends with the times that VASP took.
        is_old: whether the energy stands before the forces, as in VASP 4.
        unconverged_says_so: whether a loop that ends at NELM says so, as in VASP 6.
    """
    used = {"NELM": "    60;   NELMIN=  2", "PSTRESS": "    0.0 pullay stress"} | dict(tags or {})
    most = int(used["NELM"].split(";")[0])
    lines = [
        " vasp.6.3.2 27Jun22 (build Aug 12 2022 00:53:59) complex",
        " executed on             LinuxIFC date 2023.06.05  09:45:29",
        " INCAR:",
        *(f"   {name} = {value}" for name, value in (incar or {}).items()),
        *(f" POTCAR:    {title}" for title in titles),
    ]
    for title in titles:
        lines += [f"   VRHFIN ={title.split()[1]}: s", "   LEXCH  = PE", f"   TITEL  = {title}"]
    lines += [
        f"   ions per type =           {'  '.join(map(str, counts))}",
        *(f"   {name:6s} = {value}" for name, value in used.items()),
        "   METAGGA=      F    non-selfconsistent MetaGGA calc.",
    ]
    for number, step in enumerate(steps):
        shown = most if unconverged_says_so else step.n_electronic
        for electronic in range(step.n_electronic):
            shift = float(step.n_electronic - 1 - electronic)
            lines += [
                f"{'-' * 39} Iteration {number + 1:6d}({electronic + 1:4d})  {'-' * 39}",
                "  free energy    TOTEN  =  0.0 eV",
                "  energy without entropy " + _both(step, shift),
            ]
        reached = (
            "EDIFF was not reached (unconverged)"
            if unconverged_says_so and step.n_electronic >= shown
            else "because EDIFF is reached"
        )
        lines.append(f"{'-' * 24} aborting loop {reached} {'-' * 40}")
        for axis, moments in zip("xyz", _moments(step), strict=False):
            lines += [
                f" magnetization ({axis})",
                "",
                "# of ion       s       p       d       tot",
                "-" * 42,
                *(
                    f"{atom + 1:5d}    {0:9.3f}{0:8.3f}{0:8.3f}{one:8.3f}"
                    for atom, one in enumerate(moments)
                ),
                # of one atom no total is printed
                *(["-" * 50, f"tot   0.0   0.0  0.0  {sum(moments):8.3f}"] * (len(moments) > 1)),
                "",
            ]
        energy = [
            "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
            "  " + "-" * 51,
            f"  free  energy   TOTEN  = {step.free + step.added:18.8f} eV",
            "",
            "  energy  without entropy" + _both(step, step.added),
        ]
        lines += energy if is_old else []
        if step.stress is not None:
            six = step.stress[[0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 0]]
            lines += [
                "  FORCE on cell =-STRESS in cart. coord.  units (eV):",
                "  in kB  " + "".join(f"{one:12.5f}" for one in six),
            ]
        lines += [
            " VOLUME and BASIS-vectors are now :",
            "      direct lattice vectors                 reciprocal lattice vectors",
            *(
                "   " + "".join(f"{one:13.9f}" for one in (*row, 0.0, 0.0, 0.0))
                for row in step.lattice
            ),
        ]
        if step.forces is not None:
            both = np.hstack([step.frac_coords @ step.lattice, step.forces])
            lines += [
                " POSITION                                       TOTAL-FORCE (eV/Angst)",
                " " + "-" * 83,
                *(
                    "".join(f"{one:13.5f}" for one in row[:3])
                    + "    "
                    + "".join(f"{one:14.6f}" for one in row[3:])
                    for row in both
                ),
                " " + "-" * 83,
                "    total drift:                                0.0      0.0      0.0",
            ]
        lines += [] if is_old else energy
    if is_whole:
        lines += [" General timing and accounting informations for this job:", " " + "=" * 56]
    return "\n".join([*lines, ""])


def _both(step: MadeStep, added: float) -> str:
    plain, zero = 2 * step.zero - step.free + added, step.zero + added
    return f"={plain:18.8f}  energy(sigma->0) ={zero:18.8f}"


def _moments(step: MadeStep) -> list[np.ndarray]:
    if step.magmoms is None:
        return []
    return [step.magmoms] if step.magmoms.ndim == 1 else list(step.magmoms.T)
