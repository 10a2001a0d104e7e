"""Options and arguments that several commands share, each defined once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from core.errors import LabError
from core.potential.relaxation.settings import RelaxSettings

_MODEL = (
    "A run (its best checkpoint; of several functionals the first, or RUN@FUNCTIONAL), "
    "chgnet-0.3.0, chgnet-r2scan, or a checkpoint file."
)

Metric = Literal["energy", "force", "stress", "magmom"]
HeldOut = Literal["validation", "test"]
LawForm = Literal["power", "offset", "auto"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")]

# Data
DatasetName = Annotated[str, typer.Argument(help="Name of the data set.")]
DatasetArgument = Annotated[str, typer.Argument(help="A data set of frames or of pairs.")]
FramesDataset = Annotated[str, typer.Option(help="Data set of frames.")]
SourceData = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A data set of frames or of pairs, or a table.")
]
TargetData = Annotated[
    str | None,
    typer.Argument(metavar="[TARGET]", help="The same frames in the target functional."),
]
SourceColumn = Annotated[str | None, typer.Option(help="Column of source energies.")]
TargetColumn = Annotated[str | None, typer.Option(help="Column of target energies.")]
EnergyColumn = Annotated[
    str | None, typer.Option(help="Pairs: the column of energies. Default: the target's.")
]
TableMapping = Annotated[
    list[str] | None,
    typer.Option("--map", help="FIELD=COLUMN for a table whose columns need naming."),
]
TableUnits = Annotated[
    list[str] | None,
    typer.Option("--unit", help="FIELD=UNIT for a table, where the column's name does not say it."),
]
References = Annotated[
    str,
    typer.Option(
        metavar="mp|own|isolated|FILE",
        help="The elements' energies: mp (Materials Project's, DFT), own (the data set's pure "
        "elements), isolated (its isolated atoms), or a file: a dictionary by element (JSON), or a "
        "CSV with columns symbol, energy (eV/atom) and, for several functionals, functional.",
    ),
]

# Structures
StructureFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", help="CIF, POSCAR, extended XYZ, JSON, or whatever else ASE reads."
    ),
]
Formula = Annotated[
    str | None,
    typer.Option(
        help="Instead of files: structures with this formula, or in a system such as Li-Fe-O."
    ),
]
FormulaDataset = Annotated[
    str, typer.Option("--dataset", help="Data set with the structures of --formula.")
]
OnlyStructures = Annotated[
    list[str] | None,
    typer.Option(
        "--structure",
        metavar="NAME",
        help="Only this one of the structures: a file's name, with the place in it from 0 where it "
        "holds several, such as 'steps.extxyz, 2'; of a formula the frame's. May be repeated.",
    ),
]

# Models and computing
ModelArguments = Annotated[list[str], typer.Argument(metavar="RUN|MODEL…", help=_MODEL)]
ModelOption = Annotated[str, typer.Option(metavar="RUN|MODEL", help=_MODEL)]
ModelOptions = Annotated[
    list[str],
    typer.Option(
        "--model", metavar="RUN|MODEL", help=f"{_MODEL} May be repeated, to compare models."
    ),
]
PriorModel = Annotated[
    str,
    typer.Option(
        metavar="RUN|MODEL", help="Pretrained model whose AtomRef is where the prior starts."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of what is drawn at random.")]

# Relaxation
RELAXATION = RelaxSettings()
"""When relaxations end by default."""

MaxForce = Annotated[
    float,
    typer.Option(help="Largest force, eV/Å, of an atom or a row of the cell, to end with."),
]
MaxSteps = Annotated[int, typer.Option(min=0, help="Largest number of relaxation steps.")]

# Runs, experiments, sweeps
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's id or directory.")]
ExperimentName = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Its id.")]
SweepName = Annotated[str, typer.Argument(metavar="SWEEP", help="Its id.")]
AtomRefName = Annotated[
    str,
    typer.Argument(help="A named AtomRef, a file of energies (JSON, CSV), or isolated:DATASET."),
]
Methods = Annotated[str, typer.Option(help="Methods, separated by commas; all: every one.")]
Seeds = Annotated[str, typer.Option(help="Seeds, separated by commas.")]
Sizes = Annotated[str, typer.Option(help="Numbers of training frames, separated by commas.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Start the runs and return, without waiting.")
]

OnProfile = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="PROFILE",
        help="Submit to a cluster with this profile of clusters.toml.",
        show_default="this machine",
    ),
]

# Scaling laws and plans
SweepArgument = Annotated[
    str | None,
    typer.Argument(
        help="An embedded sweep, the id of one, or an exported folder. Default: the first."
    ),
]
PointsOption = Annotated[
    Path | None,
    typer.Option(help="Table with the columns n_frames, error and, if any, seed; no SWEEP."),
]
PointsUnit = Annotated[str, typer.Option(help="With --points: unit of the errors.")]
MetricOption = Annotated[Metric, typer.Option(help="The label whose MAE is used.")]
SplitOption = Annotated[HeldOut, typer.Option(help="Frames the errors are of.")]
FormOption = Annotated[
    LawForm,
    typer.Option(
        help="Form of the law. power: a·N^−b; offset: a·N^−b + c; auto: whichever predicts the "
        "larger sizes better."
    ),
]
MinFrames = Annotated[
    int | None,
    typer.Option(
        help="Leave out smaller sizes. Default: of a table none, of a sweep those at which the "
        "untrained model has not settled, and those below a sixteenth of the largest.",
        min=0,
    ),
]
Hours = Annotated[float | None, typer.Option(help="Core-hours per calculation.")]
HoursPerAtom3 = Annotated[
    float | None, typer.Option("--atoms3", help="Core-hours per atom³, instead of --hours.")
]
Price = Annotated[float | None, typer.Option(help="Price per core-hour.")]
Currency = Annotated[str, typer.Option(help="Currency of the price.")]


def relax_settings(fmax: float, steps: int, *, relax_cell: bool = True) -> RelaxSettings:
    """Return when relaxations end, as asked for by --fmax and --steps.

    Raises:
        LabError: if the force is not larger than zero.
    """
    if not 0 < fmax < float("inf"):
        raise LabError("--fmax: give a force larger than 0 eV/Å, such as 0.05.")
    return RelaxSettings(fmax=fmax, steps=steps, relax_cell=relax_cell)
