import pytest

from core.frames.functionals import (
    canonical_functional,
    covers,
    functional_of,
    functional_of_row,
    rank,
    same_functional,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("r2scan", "r2SCAN"),
        ("R2SCAN", "r2SCAN"),
        ("r²SCAN", "r2SCAN"),
        ("r2scan-d4", "r2SCAN-D4"),
        ("R2SCAN_D4", "r2SCAN-D4"),
        ("PBE+D3", "PBE-D3"),
        ("pbe-d3(bj)", "PBE-D3(BJ)"),
        ("PBE_D3BJ", "PBE-D3(BJ)"),
        ("pbe-ddsc", "PBE-dDsC"),
        ("PBE+U", "PBE+U"),
        ("pbe_u", "PBE+U"),
        ("PBE-D3+U", "PBE+U-D3"),
        ("GGA", "GGA"),
        ("GGA_U", "GGA+U"),
        ("GGA_GGA+U", "GGA/GGA+U"),
        ("scan+rvv10", "SCAN+rVV10"),
        ("OptB88vdW", "optB88-vdW"),
        ("vdW-DF2", "vdW-DF2"),
        ("vdw_df", "vdW-DF"),
        ("hse", "HSE06"),
        ("PBEsol", "PBEsol"),
        (" B97M ", "B97M"),
        ("GGA_GGA+U_R2SCAN", "GGA_GGA+U_R2SCAN"),
        ("my PBE", "my PBE"),
        ("r2scan-l", "r2SCAN-L"),
        ("SCAN-L", "SCAN-L"),
        ("r2SCAN-3c", "r2SCAN-3c"),
        ("r$^2$SCAN", "r2SCAN"),
        ("PBE-D3(0)", "PBE-D3(0)"),
        ("PBE-D3zero", "PBE-D3(0)"),
        ("PBE-D3(BJ)-ATM", "PBE-D3(BJ)-ATM"),
        ("PBE-vdWsurf", "PBE-vdWsurf"),
        ("PBE+vdW-TS", "PBE-TS"),
        ("PBE+SOC", "PBE+SOC"),
        ("PBE+D3+SOC+U", "PBE+U-D3+SOC"),
        ("meta-GGA", "meta-GGA"),
        ("PBEsol+D3", "PBEsol-D3"),
        ("HSE-06", "HSE06"),
        ("GGA(+U)", "GGA/GGA+U"),
        ("PBE(+U)", "PBE(+U)"),
    ],
)
def test_usual_spelling(text, name):
    assert canonical_functional(text) == name
    assert canonical_functional(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("energy_pbe", "PBE"),
        ("energy_pbe_u", "PBE+U"),
        ("energy_pbe_d3", "PBE-D3"),
        ("E_PBE+U (eV/atom)", "PBE+U"),
        ("energyPbe", "PBE"),
        ("energy_r2scan_rvv10_ev_per_atom", "r2SCAN+rVV10"),
        ("energy_gga", "GGA/GGA+U"),
        ("energy_gga+u", "GGA+U"),
        ("energy_pbe_r2scan", None),
        ("energy", None),
        ("B97M", None),
        ("energy_r2scan_l", "r2SCAN-L"),
        ("energy_r2scan_3c", "r2SCAN-3c"),
        ("energy_pbe_with_d3", "PBE-D3"),
        ("energy_pbe_without_d3", "PBE"),
        ("energy_meta_gga", "meta-GGA"),
        ("PBE energy (eV/f.u.)", "PBE"),
        ("r2scan_total_energy_uncorrected", "r2SCAN"),
        ("volume_pbe", "PBE"),
        ("energyR2scan", "r2SCAN"),
        ("totalEnergyPBE", "PBE"),
        ("energy_pbe (J/mol)", "PBE"),
        ("energy_pbe_kJmol", "PBE"),
        ("energy_pbe_mRy", "PBE"),
        ("PBE energy / eV per formula unit", "PBE"),
        ("MGGA_X_R2SCAN MGGA_C_R2SCAN", "r2SCAN"),
    ],
)
def test_functionals_in_names_of_columns(text, name):
    assert functional_of(text) == name


@pytest.mark.parametrize(
    "text",
    [
        *("CAM-B3LYP", "LC-PBE", "rev-PBE", "LDA-1/2", "PBE+U+V", "PBE+DMFT", "PBE-NL", "ωPBE"),
        *("RPA@PBE", "r2SCAN@PBE", "PBE hybrid", "vdW-DF-cx", "PBE+U (U=4)", "r++SCAN", "PBE+U+J"),
    ],
)
def test_no_functional_is_read_as_a_shorter_one(text):
    assert functional_of(f"energy {text}") is None
    assert functional_of_row(text) == canonical_functional(text) == text


def test_rows_name_functionals_in_phrases():
    assert functional_of_row("GGA Structure Optimization") == "GGA"
    assert functional_of_row("R2SCAN") == "r2SCAN"
    assert functional_of_row("GGA_GGA+U_R2SCAN") == "GGA_GGA+U_R2SCAN"


@pytest.mark.parametrize("given", ["PBE+U", "PBE-D3", "PBEsol", "revPBE", "PBE0", "GGA", "my PBE"])
def test_a_functional_matches_exactly_or_not_at_all(given):
    assert not same_functional("PBE", given)
    assert not covers("PBE", given)


def test_the_mixed_scheme_covers_its_parts():
    assert covers("GGA/GGA+U", "GGA")
    assert covers("GGA_GGA+U", "GGA_U")
    assert not covers("GGA", "GGA+U")
    assert not covers("GGA", "GGA/GGA+U")
    assert covers("pbe", " PBE ")
    assert covers("GGA/GGA+U", "PBE")
    assert covers("GGA/GGA+U", "PBE+U")
    assert not covers("GGA/GGA+U", "PBEsol")
    assert not covers("GGA", "PBE")


def test_a_dispersion_correction_without_a_name_is_any_that_is_asked_for():
    assert covers("PBE-D3(BJ)", "PBE-vdW")
    assert covers("r2SCAN+U-D4", "r2SCAN+U-vdW")
    assert not covers("PBE", "PBE-vdW")
    assert not covers("PBE+U", "PBE-vdW")
    assert not covers("r2SCAN-D4", "PBE-vdW")
    assert not covers("PBE-vdW", "PBE-D3")


def test_sources_rank_below_targets():
    names = ["HSE06", "r2SCAN", "SCAN", "PBEsol", "PBE", "LDA"]
    assert sorted(names, key=rank) == names[::-1]
    assert rank("PBE-D3") == rank("GGA/GGA+U") == rank("PBE")
    assert rank("r2SCAN-D4") == rank("r2SCAN")


def test_a_long_text_is_no_functional():
    text = "PBE " * 3_000_000
    assert functional_of(text) is None
    assert len(functional_of_row(text)) < 50
