"""The catalogue: names that commands can take, facts in known forms, messages that help."""

import re

import pytest

from core.errors import LabError
from core.frames.catalogue.entries import ENTRIES, find_entry
from core.frames.functionals import canonical_functional
from core.frames.registry import check_name


def test_keys_are_names_of_data_sets():
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        check_name(entry.key)
        assert find_entry(entry.key) is entry


def test_facts_have_the_forms_that_the_lab_reads():
    for entry in ENTRIES:
        assert canonical_functional(entry.functional) == entry.functional, entry.key
        assert entry.page.startswith("https://"), entry.key
        assert re.fullmatch(r"10\.\d+/\S+", entry.doi), entry.key
        for name, checksum in entry.checksums.items():
            assert re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", checksum), name


def test_the_paper_s_two_sets_are_those_of_the_paper():
    mptrj, r2scan = find_entry("mptrj-2022.9"), find_entry("mp-r2scan")
    assert (mptrj.record, mptrj.n_frames) == ("23713842", 1_580_395)
    # figshare writes binary gigabytes.
    assert mptrj.size / 2**30 == pytest.approx(11.35, abs=0.005)
    assert (mptrj.functional, mptrj.corrections) == ("GGA/GGA+U", "MP2020")
    assert (r2scan.record, r2scan.version, r2scan.n_frames) == ("28245650", "2", 238_247)
    assert (r2scan.functional, r2scan.corrections) == ("r2SCAN", "none")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(LabError, match=r"no open data set 'mptrj'.*mptrj-2022\.9"):
        find_entry("mptrj")
