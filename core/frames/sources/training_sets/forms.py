"""The forms of other programs that train potentials, in the order in which they are tried."""

from typing import Final

from core.frames.sources.records import RecordSource
from core.frames.sources.training_sets.deepmd import DeepmdFolder, DeepmdHdf5
from core.frames.sources.training_sets.h5md import H5md
from core.frames.sources.training_sets.hdf5_groups import Hdf5Groups
from core.frames.sources.training_sets.mtp import MtpConfigurations
from core.frames.sources.training_sets.n2p2 import N2p2Data
from core.frames.sources.training_sets.npz import NumpyArrays
from core.frames.sources.training_sets.xsf import AenetStructures

TRAINING_FORMS: Final[tuple[type[RecordSource], ...]] = (
    *(DeepmdFolder, DeepmdHdf5, Hdf5Groups, H5md),
    *(MtpConfigurations, N2p2Data, NumpyArrays, AenetStructures),
)
"""Recognised by content, each by what the others do not have."""
