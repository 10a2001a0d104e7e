"""Outputs of codes as ASE's readers know them, of a few made-up steps each."""

import io

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

CELL = "4.000000 0.000000 0.000000", "0.000000 5.000000 0.000000", "0.000000 0.000000 6.000000"
POSITIONS = [[0.0, 0.0, 0.0], [2.0, 2.5, 3.0]]


def shifted(step: int) -> list[list[float]]:
    """Return positions in Å of Na and Cl, of which the second moves."""
    return [POSITIONS[0], [2.0 + 0.01 * step, 2.5, 3.0]]


def energy(step: int) -> float:
    """Return the energy of a step in the unit of its code."""
    return -6.0 - 0.5 * step


def forces(step: int) -> list[list[float]]:
    """Return the forces of a step in the unit of its code."""
    return [[0.1, 0.2 + 0.01 * step, 0.3], [-0.1, -0.2 - 0.01 * step, -0.3]]


def castep(n: int = 3) -> str:
    """Return an output of CASTEP's molecular dynamics, in eV and GPa."""
    text = """
 +-------------------------------------------------+
 | CCC   AA    SSS  TTTTT  EEEEE  PPPP             |
 | Welcome to Academic Release CASTEP version 22.11|
 +-------------------------------------------------+
 ************************************ Title ************************************

 ***************************** General Parameters ******************************
 type of calculation                            : molecular dynamics
 *********************** Exchange-Correlation Parameters ***********************
 using functional                               : Perdew Burke Ernzerhof
 *******************************************************************************
"""
    for step in range(n):
        begin = f"\n Starting MD iteration          {step} ...\n" if step else ""
        fractions = np.array(shifted(step)) / [4, 5, 6]
        atoms = "".join(
            f"            x  {symbol:>9} {1:>13}   {a:>9.6f}   {b:>9.6f}   {c:>9.6f}   x\n"
            for symbol, (a, b, c) in zip(("Na", "Cl"), fractions, strict=True)
        )
        rows = "".join(
            f" * {symbol:<9}       1        {a:>12.5f}  {b:>12.5f}  {c:>12.5f} *\n"
            for symbol, (a, b, c) in zip(("Na", "Cl"), forces(step), strict=True)
        )
        text += f"""{begin}
                           -------------------------------
                                      Unit Cell
                           -------------------------------
        Real Lattice(A)              Reciprocal Lattice(1/A)
     4.0000000     0.0000000     0.0000000        1.570796327   0.000000000   0.000000000
     0.0000000     5.0000000     0.0000000        0.000000000   1.256637061   0.000000000
     0.0000000     0.0000000     6.0000000        0.000000000   0.000000000   1.047197551

                           -------------------------------
                                     Cell Contents
                           -------------------------------
                         Total number of ions in cell =    2
                      Total number of species in cell =    2
                        Max number of any one species =    1

            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            x  Element         Atom        Fractional coordinates of atoms  x
            x                 Number           u          v          w      x
            x----------------------------------------------------------x
{atoms}            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx

Final energy, E             =  {energy(step):.8f}     eV
Final free energy (E-TS)    =  {energy(step):.8f}     eV
NB est. 0K energy (E-0.5TS)      =  {energy(step):.8f}     eV

 ******************************** Forces *********************************
 *                                                                       *
 *                   Cartesian components (eV/A)                         *
 * --------------------------------------------------------------------- *
 *                         x                    y                    z   *
 *                                                                       *
{rows} *                                                                       *
 *************************************************************************

 ***************** Stress Tensor *****************
 *                                               *
 *          Cartesian components (GPa)           *
 * --------------------------------------------- *
 *             x             y             z     *
 *                                               *
 *  x      1.000000      0.000000      0.000000  *
 *  y      0.000000      2.000000      0.000000  *
 *  z      0.000000      0.000000      3.000000  *
 *                                               *
 *  Pressure:   -2.0000                          *
 *                                               *
 *************************************************
"""
    return f"{text}\n Initialisation time =      0.60 s\n Finalisation time   =      0.05 s\n"


def castep_steps(form: str, n: int = 3) -> str:
    """Return CASTEP's .md or .geom as ASE writes it, in eV and eV/Å."""
    images = []
    for step in range(n):
        atoms = Atoms("NaCl", shifted(step), cell=[4, 5, 6], pbc=True)
        atoms.set_velocities(np.zeros((2, 3)))
        atoms.calc = SinglePointCalculator(
            atoms,
            free_energy=energy(step),
            forces=np.array(forces(step)),
            stress=np.array([0.01, 0.02, 0.03, 0, 0, 0]),
        )
        images.append(atoms)
    file = io.StringIO()
    ase.io.write(file, images, format=form)
    return file.getvalue()


def gpaw(n: int = 3) -> str:
    """Return a text of GPAW, in eV."""
    text = """
  ___ ___ ___ _ _ _
 |   |   |_  | | | |
 | | | | | . | | | |
 |__ |  _|___|_____|  23.9.1
 |___|_|

Input parameters:
  xc: PBE

Reference energy: -26313.685229
"""
    for step in range(n):
        atoms = "".join(
            f"   {i} {symbol}     {x:.6f}    {y:.6f}    {z:.6f}    ( 0.0000,  0.0000,  0.0000)\n"
            for i, (symbol, (x, y, z)) in enumerate(zip(("Na", "Cl"), shifted(step), strict=True))
        )
        rows = "".join(
            f"  {i} {symbol} {x:10.5f} {y:10.5f} {z:10.5f}\n"
            for i, (symbol, (x, y, z)) in enumerate(zip(("Na", "Cl"), forces(step), strict=True))
        )
        text += f"""
Positions:
{atoms}
Unit cell:
           periodic     x           y           z      points  spacing
  1. axis:    yes    4.000000    0.000000    0.000000    21     0.1905
  2. axis:    yes    0.000000    5.000000    0.000000    26     0.1923
  3. axis:    yes    0.000000    0.000000    6.000000    32     0.1875

Energy contributions relative to reference atoms: (reference = -26313.685229)

Kinetic:        +23.028630
Entropy (-ST):   +0.000000
--------------------------
Free energy:    {energy(step):.6f}
Extrapolated:   {energy(step):.6f}

Forces in eV/Ang:
{rows}
Stress tensor:
     0.010000     0.000000     0.000000
     0.000000     0.020000     0.000000
     0.000000     0.000000     0.030000
"""
    return text


def orca(n: int = 3) -> str:
    """Return an optimization of ORCA, in Hartree and bohr."""
    text = "                                 * O   R   C   A *\n"
    for step in range(n):
        text += f"""
         *                GEOMETRY OPTIMIZATION CYCLE{step + 1:4d}            *
---------------------------------
CARTESIAN COORDINATES (ANGSTROEM)
---------------------------------
"""
        for symbol, (x, y, z) in zip(("H", "F"), shifted(step), strict=True):
            text += f"  {symbol:<3}   {x:12.6f} {y:12.6f} {z:12.6f}\n"
        text += f"""
Number of atoms                             ...      2

-------------------------   --------------------
FINAL SINGLE POINT ENERGY       {energy(step):.12f}
-------------------------   --------------------

                      ORCA SCF GRADIENT CALCULATION
------------------
CARTESIAN GRADIENT
------------------

"""
        for i, (x, y, z) in enumerate(forces(step), start=1):
            text += f"   {i}   {'HF'[i - 1]}   :   {-x:.9f}   {-y:.9f}   {-z:.9f}\n"
        if step < n - 1:
            text += "\n                      ORCA GEOMETRY RELAXATION STEP\n"
    text += "\n          ***        THE OPTIMIZATION HAS CONVERGED     ***\n"
    return f"{text}\n                             ****ORCA TERMINATED NORMALLY****\n"


def gaussian(n: int = 3, orientation: str = "Input") -> str:
    """Return an optimization of Gaussian, in Hartree and bohr."""
    line = " " + "-" * 69 + "\n"
    text = " Entering Gaussian System, Link 0=g16\n # PBEPBE/6-31G(d) opt\n"
    for step in range(n):
        text += f"{'':25} {orientation} orientation:\n{line}"
        text += " Center     Atomic      Atomic             Coordinates (Angstroms)\n"
        text += f" Number     Number       Type             X           Y           Z\n{line}"
        for i, (number, (x, y, z)) in enumerate(zip((1, 9), shifted(step), strict=True), start=1):
            text += f"      {i}          {number}           0    {x:12.6f}{y:12.6f}{z:12.6f}\n"
        text += f"{line} SCF Done:  E(RPBE-PBE) =  {energy(step):.10f}     A.U. after    9 cycles\n"
        text += f"{line} Center     Atomic                   Forces (Hartrees/Bohr)\n"
        text += f" Number     Number              X              Y              Z\n{line}"
        for i, (number, (x, y, z)) in enumerate(zip((1, 9), forces(step), strict=True), start=1):
            text += f"      {i}        {number}    {x:15.9f}{y:15.9f}{z:15.9f}\n"
        text += line
    return f"{text} Normal termination of Gaussian 16 at Sun Nov 29 12:00:00 2026.\n"


def nwchem(n: int = 3, *, with_forces: bool = True) -> str:
    """Return an optimization of NWChem, in Hartree and bohr."""
    text = "\n              Northwest Computational Chemistry Package (NWChem) 7.0.2\n"
    for step in range(n):
        text += """
                             Geometry "geometry" -> "geometry"
                             ---------------------------------

 Output coordinates in angstroms (scale by  1.889725989 to convert to a.u.)

  No.       Tag          Charge          X              Y              Z
 ---- ---------------- ---------- -------------- -------------- --------------
"""
        for i, (symbol, (x, y, z)) in enumerate(zip("HF", shifted(step), strict=True), start=1):
            text += (
                f"    {i} {symbol}  {9.0 if i == 2 else 1.0:.4f} {x:14.8f} {y:14.8f} {z:14.8f}\n"
            )
        text += f"""
      Atomic Mass

                                 NWChem DFT Module
                                 -----------------

         Total DFT energy =    {energy(step):.12f}

"""
        if with_forces:
            text += """                            DFT ENERGY GRADIENTS

    atom               coordinates                        gradient
                 x          y          z           x          y          z
"""
            bohr = 0.529177210903
            both = zip(shifted(step), forces(step), strict=True)
            for i, ((x, y, z), (u, v, w)) in enumerate(both, start=1):
                at = f"{x / bohr:.6f} {y / bohr:.6f} {z / bohr:.6f}"
                text += f"   {i} {'HF'[i - 1]}  {at}  {-u:.6f} {-v:.6f} {-w:.6f}\n"
            text += "\n"
    return f"{text} Total times  cpu:        1.0s     wall:        1.0s\n"


def espresso(n: int = 3) -> str:
    """Return an MD of pw.x, in Ry, Ry/bohr and kbar."""
    text = """
     Program PWSCF v.7.3 starts on 29Nov2026 at 12: 0: 0

     bravais-lattice index     =            0
     lattice parameter (alat)  =       7.5589  a.u.
     number of atoms/cell      =            2
     number of atomic types    =            2
     Exchange-correlation= PBE

     celldm(1)=   7.558904  celldm(2)=   0.000000  celldm(3)=   0.000000

     crystal axes: (cart. coord. in units of alat)
               a(1) = (   1.000000   0.000000   0.000000 )
               a(2) = (   0.000000   1.250000   0.000000 )
               a(3) = (   0.000000   0.000000   1.500000 )

   Cartesian axes

     site n.     atom                  positions (alat units)
         1           Na  tau(   1) = (   0.0000000   0.0000000   0.0000000  )
         2           Cl  tau(   2) = (   0.5000000   0.6250000   0.7500000  )
"""
    for step in range(n):
        if step:
            (x, y, z), (u, v, w) = shifted(step)
            text += f"""
ATOMIC_POSITIONS (angstrom)
Na            {x:.10f}        {y:.10f}        {z:.10f}
Cl            {u:.10f}        {v:.10f}        {w:.10f}

"""
        text += f"""
     End of self-consistent calculation

!    total energy              =      {energy(step):.8f} Ry

     Forces acting on atoms (cartesian axes, Ry/au):

"""
        for i, (x, y, z) in enumerate(forces(step), start=1):
            at = f"     atom    {i} type  {i}   force = {x:14.8f}{y:14.8f}{z:14.8f}"
            text += f"{at}\n"
        text += """
     Total force =     0.500000     Total SCF correction =     0.000000

     Computing stress (Cartesian axis) and pressure

          total   stress  (Ry/bohr**3)                   (kbar)     P=       -2.00
   0.00006798   0.00000000   0.00000000           10.00        0.00        0.00
   0.00000000   0.00013596   0.00000000            0.00       20.00        0.00
   0.00000000   0.00000000   0.00020393            0.00        0.00       30.00

"""
    return f"{text}\n     JOB DONE.\n"
