"""The lab of small data sets that these tests share."""

from tests.labelled_lab import (  # noqa: F401
    complete,
    complete_frames,
    energies_only,
    home,
    mixed,
    mixed_frames,
    one_thread,
    stock,
    use_home,
)
