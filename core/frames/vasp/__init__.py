"""VASP's output files, read step by step: settings, functionals, vasprun.xml, OUTCAR, folders."""
