"""Which Python `make` takes: interpreters are scripts here, which answer as the probe would."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "find-python"


def asked(tmp_path, answers, *given):
    """Run the script with these interpreters: (folder, name) to what the probe says there."""
    folders = []
    for (folder, name), answer in answers.items():
        python = tmp_path / folder / name
        python.parent.mkdir(exist_ok=True)
        python.write_text(f"#!/bin/sh\necho {answer}\n" if answer else "#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
        folders.append(str(python.parent))
    return subprocess.run(
        ["/bin/sh", SCRIPT, *given],
        env={"PATH": ":".join(dict.fromkeys(folders))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        # The first on the PATH, by the order of names.
        ({("a", "python3"): "900 1", ("b", "python3.11"): "1000 1"}, "b/python3.11"),
        ({("a", "python3.11"): "1000 1", ("b", "python3.11"): "900 1"}, "a/python3.11"),
        # One that is much faster, unless it cannot compile.
        ({("a", "python3.11"): "1000 1", ("b", "python3.11"): "600 1"}, "b/python3.11"),
        ({("a", "python3.11"): "1000 1", ("b", "python3.11"): "600 0"}, "a/python3.11"),
        # What does not run, is too old or lacks venv is passed over.
        (
            {("a", "python3.11"): "", ("a", "python3.12"): "version", ("a", "python"): "9 0"},
            "a/python",
        ),
        ({("a", "python3.11"): "venv", ("b", "python3"): "9 0"}, "b/python3"),
    ],
)
def test_the_first_or_a_much_faster_one(tmp_path, answers, taken):
    assert asked(tmp_path, answers).stdout == f"{tmp_path / taken}\n"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({("a", "python3"): "version"}, "needs Python 3.11 or 3.12, and none was found"),
        ({("a", "python3"): "venv"}, "a/python3 lacks the venv module"),
    ],
)
def test_where_there_is_none_one_line_says_why(tmp_path, answers, told):
    done = asked(tmp_path, answers)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_one_that_is_given(tmp_path):
    answers = {("a", "python3.11"): "9 1", ("b", "old"): "version", ("b", "bare"): "venv"}
    assert asked(tmp_path, answers, sys.executable).stdout == f"{sys.executable}\n"
    for name, told in (("old", "another version"), ("bare", "venv"), ("none", "does not run")):
        done = asked(tmp_path, answers, str(tmp_path / "b" / name))
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
