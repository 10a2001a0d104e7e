import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.potential import memory
from core.potential.memory import free_memory_is_kept, give_back_free_memory


def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or memory._glibc() is None, reason="needs glibc"
)
def test_free_memory_stays_until_the_last_user_ends():
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p

    def use_and_free():
        block = ctypes.c_void_p(library.malloc(10**8))
        ctypes.memset(block, 1, 10**8)
        library.free(block)

    before = resident_mb()
    with free_memory_is_kept():
        with free_memory_is_kept():
            use_and_free()
            assert resident_mb() > before + 80
        assert resident_mb() > before + 80
    assert resident_mb() < before + 40
    use_and_free()
    assert resident_mb() < before + 40


def test_settings_are_put_back_after_an_error(monkeypatch):
    set_to = {}
    library = SimpleNamespace(mallopt=set_to.__setitem__, malloc_trim=lambda _: None)
    monkeypatch.setattr(memory, "_glibc", lambda: library)

    def fail():
        with free_memory_is_kept():
            assert set(set_to.values()) == {2**30}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert set_to == memory._USUAL


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    with free_memory_is_kept():
        give_back_free_memory()
