import subprocess
import sys
from types import SimpleNamespace

import pytest

from core.potential import memory
from core.potential.memory import free_memory_is_kept, give_back_free_memory

# in a new process, since what one has free decides whether it takes more
SCRIPT = """
import ctypes
from pathlib import Path
from core.potential.memory import free_memory_is_kept

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 10**6

def use_and_free():
    block = ctypes.c_void_p(library.malloc(10**8))
    ctypes.memset(block, 1, 10**8)
    library.free(block)
    print(resident_mb() - before)

before = resident_mb()
with free_memory_is_kept():
    with free_memory_is_kept():
        use_and_free()
    print(resident_mb() - before)
print(resident_mb() - before)
use_and_free()
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or memory._glibc() is None, reason="needs glibc"
)
def test_free_memory_stays_until_the_last_user_ends():
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True
    ).stdout
    inside, outer, after, later = map(int, told.split())
    assert inside > 80
    assert outer > 80
    assert after < 40
    assert later < 40


@pytest.mark.parametrize(("most", "kept"), [(2**40, {2**30}), (2**25, {2**30, 2**25})])
def test_settings_are_put_back_after_an_error(monkeypatch, most, kept):
    set_to = {}

    def mallopt(name, value):
        # older ones take no more than this for mappings
        if name == memory._MMAP_THRESHOLD and value > most:
            return 0
        set_to[name] = value
        return 1

    library = SimpleNamespace(mallopt=mallopt, malloc_trim=lambda _: None)
    monkeypatch.setattr(memory, "_glibc", lambda: library)
    # a page that another test opened may still compute in this process
    monkeypatch.setattr(memory, "_users", 0)

    def fail():
        with free_memory_is_kept():
            assert set(set_to.values()) == kept
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert set_to == memory._USUAL


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    with free_memory_is_kept():
        give_back_free_memory()
