"""What a run says of itself in words."""

from core.training.settings.report import uncertainty_text


def test_coverage_is_told_where_there_are_test_frames():
    said = {"materials": 70, "factor": 1.1, "noise_mev_per_atom": 20.0, "n_test": 0}
    assert uncertainty_text(None) == ""
    assert "calibrated on 70 materials" in uncertainty_text(said)
    text = uncertainty_text(
        said | {"n_test": 140, "coverage": 0.914, "deviation_mev_per_atom": 61.2}
    )
    assert text.startswith("91 % of the 90 % intervals hold on 140 test frames (mean deviation 61")
