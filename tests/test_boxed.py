"""Reading in a process that is watched: limits end it, and errors are sentences."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core import boxed
from core.boxed import ask, ask_with_progress, count_read, reading, report_progress
from core.errors import LabError
from core.home import CHECKOUT, home


def read_well(path: str) -> tuple[str, str, int]:
    with reading(path):
        count_read()
        return Path(path).read_text(), str(home()), os.getpid()


def read_forever(path: str) -> None:
    boxed.SECONDS = 0.3
    with reading(path):
        for _ in range(3):
            count_read()
        # Holds the interpreter, as sympy does with a power of a power.
        pow(7, 10**9)


def read_into_memory(path: str) -> None:
    boxed.MEMORY = 64 << 20
    with reading(path):
        bytearray(os.urandom(1 << 20) * 1000)


def read_and_crash(path: str) -> None:
    with reading(path):
        os.kill(os.getpid(), signal.SIGSEGV)


def read_badly(path: str) -> None:
    with reading(path):
        {}["lattice"]


def refuse() -> None:
    raise LabError("The file is empty; choose another.")


def report() -> int:
    report_progress(0.5, "Reading")
    return 7


@pytest.fixture(autouse=True)
def _modules_of_tests(monkeypatch):
    monkeypatch.setattr(boxed, "CHECKOUT", f"{CHECKOUT}:{Path(__file__).parent}")
    monkeypatch.setattr(boxed, "_IDLE", [])
    yield
    boxed._end_all()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.cif"
    path.write_text("data_x")
    return str(path)


def test_threads_of_a_reader_wait_without_spinning(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    boxed._end_all()
    assert ask(os.getenv, "OMP_WAIT_POLICY") == "PASSIVE"
    boxed._end_all()
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert ask(os.getenv, "OMP_WAIT_POLICY") == "ACTIVE"
    boxed._end_all()


def test_a_process_that_stays_answers(file, monkeypatch, tmp_path):
    text, where, process = ask(read_well, file)
    assert (text, where) == ("data_x", str(home()))
    assert process != os.getpid()
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "other"))
    assert ask(read_well, file) == ("data_x", str(tmp_path / "other"), process)


def test_mistakes_and_progress_come_back():
    with pytest.raises(LabError, match=r"The file is empty; choose another\."):
        ask(refuse)
    reports = []
    assert ask_with_progress(lambda *each: reports.append(each), report) == 7
    assert reports == [(0.5, "Reading")]


def test_what_takes_too_long_is_ended(file):
    with pytest.raises(LabError, match=r"^x\.cif: .* after 3 rows.* took more than 0 s"):
        ask(read_forever, file)
    # The next question has another process.
    assert ask(read_well, file)[0] == "data_x"


def test_what_takes_too_much_memory_is_ended(file):
    with pytest.raises(LabError, match=r"^x\.cif: .* MB of memory"):
        ask(read_into_memory, file)


def test_a_crash_is_told(file):
    with pytest.raises(LabError, match=r"^x\.cif: reading it ended with SIGSEGV"):
        ask(read_and_crash, file)


def test_any_error_of_a_library_is_one_sentence(file):
    with pytest.raises(LabError, match=r"^x\.cif: cannot be read \(KeyError: 'lattice'\); check"):
        read_badly(file)


def watched(code: str) -> subprocess.CompletedProcess[str]:
    """Run code of a program that goes on watched."""
    start = "import os, sys, time\nfrom core.boxed import *\n"
    go_on = "go_on_watched(lambda text: sys.stderr.write(text))\n"
    return subprocess.run(
        [sys.executable, "-c", start + go_on + code],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_program_goes_on_watched(file):
    done = watched(f"with reading({file!r}): print('read')\nsys.exit(3)")
    assert (done.returncode, done.stdout, done.stderr) == (3, "read\n", "")


def test_a_program_that_crashes_is_told(file):
    done = watched(f"with reading({file!r}): os.kill(os.getpid(), 11)")
    assert done.returncode == 2
    assert done.stderr == "x.cif: reading it ended with SIGSEGV; the file may be damaged."


def test_what_a_program_had_not_finished_is_removed(file):
    code = (
        "from core.files import new_directory\nfrom core.home import datasets_dir\n"
        "with new_directory(datasets_dir() / 'unfinished') as partial:\n"
        "    (partial / 'frames').write_text('half')\n"
        f"    with reading({file!r}): os.kill(os.getpid(), 11)"
    )
    assert watched(code).returncode == 2
    assert not [path for path in (home() / "datasets").iterdir() if "unfinished" in path.name]


def test_a_signal_for_the_program_reaches_what_it_became():
    code = (
        "import sys, time\nfrom core.boxed import go_on_watched\ngo_on_watched(print)\n"
        "print('on', flush=True)\ntime.sleep(60)"
    )
    program = subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert program.stdout.readline() == b"on\n"
    program.terminate()
    assert program.wait() == 128 + signal.SIGTERM
    program.stdout.close()
