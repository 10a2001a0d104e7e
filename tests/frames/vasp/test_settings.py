import pytest

from core.frames.functionals import canonical_functional, functional_of_row
from core.frames.vasp.settings import Settings, element_of, unknown_elements

PBE = ["PAW_PBE Li_sv 10Sep2004"]


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({}, "PBE"),
        ({"GGA": "--", "METAGGA": "F"}, "PBE"),
        ({"GGA": "PS"}, "PBEsol"),
        ({"GGA": "Pe"}, "PBE"),
        ({"GGA": "RP"}, "RPBE"),
        ({"GGA": "91"}, "PW91"),
        ({"GGA": "CA"}, "LDA"),
        ({"METAGGA": "R2scan", "GGA": "--"}, "r2SCAN"),
        ({"METAGGA": "R2SCA"}, "r2SCAN"),
        ({"METAGGA": "R2SCAN"}, "r2SCAN"),
        ({"METAGGA": "SCAN", "LUSE_VDW": ".TRUE.", "BPARAM": "15.7"}, "SCAN+rVV10"),
        ({"GGA": "PE", "LSORBIT": "T", "IVDW": "12"}, "PBE-D3(BJ)+SOC"),
        ({"METAGGA": "--", "GGA": "PE"}, "PBE"),
        ({"LDAU": "T", "LDAUU": "5.3 0.0"}, "PBE+U"),
        ({"LDAU": "T", "LDAUU": "0.0 0.000"}, "PBE"),
        ({"LDAU": "T"}, "PBE+U"),
        ({"LDAU": "F", "LDAUU": "5.3"}, "PBE"),
        ({"METAGGA": "R2SCAN", "LDAU": "T", "LDAUU": "2.0", "IVDW": "13"}, "r2SCAN+U-D4"),
        ({"IVDW": "0"}, "PBE"),
        ({"IVDW": "11"}, "PBE-D3"),
        ({"IVDW": "12"}, "PBE-D3(BJ)"),
        ({"IVDW": "20"}, "PBE-TS"),
        ({"IVDW": "202"}, "PBE-MBD"),
        ({"IVDW": "4"}, "PBE-dDsC"),
        ({"IVDW": "99"}, "PBE-vdW"),
        ({"LVDW": "T"}, "PBE-D2"),
        ({"GGA": "BO", "LUSE_VDW": "T", "AGGAC": "0.0"}, "optB88-vdW"),
        ({"GGA": "RE", "LUSE_VDW": "T"}, "vdW-DF"),
        ({"GGA": "ML", "LUSE_VDW": "T", "ZAB_VDW": "-1.8867"}, "vdW-DF2"),
        ({"GGA": "MK", "LUSE_VDW": "T", "ZAB_VDW": "-1.8867"}, "rev-vdW-DF2"),
        ({"GGA": "BF", "LUSE_VDW": "T"}, "BEEF-vdW"),
        ({"LHFCALC": "T", "HFSCREEN": "0.2", "AEXX": "0.25"}, "HSE06"),
        ({"LHFCALC": "T", "HFSCREEN": "0.3"}, "HSE03"),
        ({"LHFCALC": "T", "HFSCREEN": "0.2", "GGA": "PS"}, "HSEsol"),
        ({"LHFCALC": "T", "AEXX": "0.25", "HFSCREEN": "0.0"}, "PBE0"),
        ({"LHFCALC": "T", "AEXX": "1.0"}, "HF"),
        ({"LHFCALC": "T", "GGA": "B3", "AEXX": "0.2"}, "B3LYP"),
        ({"LHFCALC": "T", "AEXX": "0.4"}, "PBEh40"),
        ({"LHFCALC": "T", "METAGGA": "R2SCAN"}, "r2SCAN0"),
    ],
)
def test_functional_by_the_tags(tags, name):
    settings = Settings(parameters=tags, titles=list(PBE))
    assert settings.functional() == name
    assert canonical_functional(name) == name
    assert functional_of_row(name) == name


@pytest.mark.parametrize(
    ("titles", "exchange", "name"),
    [
        (["PAW_PBE Fe 06Sep2000"], "", "PBE"),
        (["PAW Fe_pv 03Mar1998"], "", "LDA"),
        (["PAW_GGA Fe 03Mar1998"], "", "PW91"),
        (["US Fe"], "", None),
        (["US Fe"], "91", "PW91"),
        (["PAW_PBE Fe 06Sep2000", "PAW O 03Mar1998"], "", None),
        ([], "", None),
    ],
)
def test_functional_of_the_potcars_where_no_tag_is_set(titles, exchange, name):
    assert Settings(titles=titles, exchange=exchange).functional() == name


def test_dispersion_that_no_tag_shows_is_seen_by_its_energy():
    settings = Settings(titles=list(PBE))
    assert settings.functional(-9.1) == "PBE-vdW"
    assert settings.functional(-1e-6) == "PBE"
    assert settings.functional(9.1) == "PBE"
    assert Settings(titles=list(PBE), incar={"LDIPOL": "T"}).functional(-9.1) == "PBE"
    assert Settings(titles=list(PBE), incar={"IVDW": "2"}).functional(-9.1) == "PBE-TS"


def test_what_vasp_used_comes_before_what_the_user_set():
    settings = Settings(incar={"NELM": "7", "ISIF": "3"}, parameters={"NELM": "60", "ISIF": "****"})
    assert settings.most_electronic_steps == 60
    assert settings.number("ISIF") == 3
    assert settings.number("PSTRESS") == 0
    assert Settings().most_electronic_steps is None
    assert not Settings().is_unconverged(1000)


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"ICHARG": "11"}, "ICHARG = 11"),
        ({"ICHARG": "1"}, None),
        ({"ALGO": "GW0"}, "ALGO = GW0"),
        ({"ALGO": "Normal"}, None),
        ({}, None),
    ],
)
def test_energies_that_are_not_those_of_a_ground_state(tags, why):
    said = Settings(parameters=tags).other_energy
    assert (said is None) == (why is None)
    assert why is None or (said is not None and why in said)


@pytest.mark.parametrize(
    ("symbol", "title", "element"),
    [
        ("Li", "PAW_PBE Li_sv_GW 25Mar2010", "Li"),
        ("Zr_sv", "", "Zr"),
        ("r", "PAW_PBE Zr_sv 04Jan2005", "Zr"),
        ("r ", "", "Zr"),
        ("X", "", "Xe"),
        ("", "PAW_PBE H1.25 07Sep2000", "H"),
        ("", "PAW_PBE C_h_GW 28Sep2005", "C"),
        ("Am", "PAW_PBE Am 08May2007", "Am"),
        ("Q", "", "Q"),
    ],
)
def test_elements(symbol, title, element):
    assert element_of(symbol, title) == element


def test_unknown_elements():
    assert unknown_elements(["Li", "Am", "Q", "Am"]) == ["Am", "Q"]
