import json
from io import BytesIO

import pytest

from core import access
from core.access import Person
from core.errors import LabError
from core.frames.registry import delete_dataset
from core.frames.sources.opening import files_named
from core.frames.uploads import keep_upload
from core.runs.process import local
from core.training.settings.config import RunConfig

GB = 1 << 30


@pytest.fixture(autouse=True)
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setitem(access._asking, "who", access.user_of_machine)
    access._UPLOADS.clear()
    return tmp_path


def ask_as(role, name="ann@example.org"):
    access.identify(lambda: Person(name, role))


def write_rules(lab, text):
    (lab / access.RULES).write_text(text)


def new_run():
    return local.create(RunConfig(dataset="mp-frames-r2scan", epochs=1))


def test_the_user_of_the_machine_may_do_everything(lab):
    run = new_run()
    assert run.status().launched_by == access.user_of_machine().name
    local.cancel(run)
    local.delete(run)
    assert not (lab / "activity.jsonl").exists()


def test_nobody_is_let_in_who_is_not_named(lab):
    assert access.rules().role_of("ann@example.org") == "none"
    write_rules(
        lab, 'others = "look"\n[people]\n"Bob@example.org" = "delete"\n"*@b.org" = "launch"'
    )
    rules = access.rules()
    assert rules.role_of("bob@EXAMPLE.org") == "delete"
    assert rules.role_of("eve@b.org") == "launch"
    assert rules.role_of("eve@b.org.evil.org") == "look"


@pytest.mark.parametrize("text", ["people = 3", 'others = "all"', "[", "unknown = 1"])
def test_rules_that_cannot_be_read_let_nobody_in(lab, text):
    write_rules(lab, text)
    with pytest.raises(LabError, match=r"access\.toml"):
        access.rules()


def test_who_may_only_look_changes_nothing(lab):
    ask_as("look")
    with pytest.raises(LabError, match=r"may not launch a run .* “launch”, and yours is “look”"):
        new_run()
    with pytest.raises(LabError, match="may not upload"):
        keep_upload("a.csv", BytesIO(b"x"))
    assert list(lab.glob("runs/*")) == []


def test_what_is_others_needs_the_highest_role(lab):
    ask_as("launch", "bob")
    run = new_run()
    assert run.status().launched_by == "bob"
    ask_as("launch", "ann")
    for act in (local.cancel, local.pause, local.delete):
        with pytest.raises(LabError, match="“delete”"):
            act(run)
    with pytest.raises(LabError, match="may not delete data set"):
        delete_dataset("mp-frames-r2scan")
    ask_as("delete", "eve")
    local.cancel(run)
    local.delete(run)
    recorded = [json.loads(line) for line in (lab / "activity.jsonl").read_text().splitlines()]
    assert [entry["person"] for entry in recorded] == ["bob", "eve", "eve"]
    assert recorded[-1]["what"] == f"delete {run.id}"


def test_runs_are_limited_per_person_and_in_all(lab):
    write_rules(lab, "[limits]\nqueued_runs = 1\nqueued_runs_in_all = 2")
    ask_as("launch", "ann")
    new_run()
    with pytest.raises(LabError, match="ann has 1 runs that wait or train, and at most 1"):
        new_run()
    ask_as("launch", "bob")
    new_run()
    ask_as("launch", "eve")
    with pytest.raises(LabError, match="this lab has 2 runs"):
        new_run()


def test_uploads_are_limited_per_person_and_in_all(lab):
    write_rules(lab, "[limits]\nupload_gb = 1e-6\nupload_gb_in_all = 1.5e-6")
    ask_as("launch", "ann")
    keep_upload("a.csv", BytesIO(b"a" * 900))
    keep_upload("a.csv", BytesIO(b"a" * 900))  # the same again
    with pytest.raises(LabError, match=r"ann would have uploaded .* at most 1e-06 GB"):
        keep_upload("b.csv", BytesIO(b"b" * 900))
    ask_as("launch", "bob")
    with pytest.raises(LabError, match="everybody together would"):
        keep_upload("c.csv", BytesIO(b"c" * 900))


def test_disk_is_limited(lab):
    write_rules(lab, "[limits]\nfree_gb = 1e9")
    ask_as("launch", "ann")
    with pytest.raises(LabError, match="stay free"):
        new_run()
    write_rules(lab, "[limits]\ndisk_gb = 1e-9")
    new_run()
    with pytest.raises(LabError, match="The runs of ann take"):
        new_run()


def test_files_of_the_server_are_read_from_its_folders_alone(lab, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "a.csv"
    other.write_text("a\n")
    assert files_named(str(other)) == [other]
    ask_as("delete")
    for name in (other, lab / access.RULES, lab / "runs/../access.key", other.parent / "*.csv"):
        with pytest.raises(LabError, match="upload the file"):
            files_named(str(name))
    write_rules(lab, f'folders = ["{other.parent}"]')
    assert files_named(str(other)) == [other]
    assert files_named(str(other.parent / "*.csv")) == [other]


def test_each_role_has_a_secret_of_its_own(lab):
    tokens = {role: access.token_of(role) for role in access.RANKS}
    assert len(set(tokens.values())) == len(tokens)
    assert {access.role_of_token(token) for token in tokens.values()} == set(tokens)
    assert access.role_of_token("") == access.role_of_token("é" * 32) == "none"
    assert (lab / "access.key").stat().st_mode & 0o777 == 0o600
    before = access.token_of("look")
    (lab / "access.key").unlink()
    assert access.token_of("look") != before
