"""The program as a child process: its options, its end, and what a failed start says."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

import standin
from standin import _binary

PACKAGE = Path(standin.__file__).resolve().parent.parent


def lives(pid: int) -> bool:
    try:
        # A process that has ended and that nobody waited for is still in the table.
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def until(condition, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_documents_may_be_dictionaries_and_their_files_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = {"description": "", "content": {"text/plain": {"example": "hello"}}}
    hi = {"get": {"operationId": "hi", "responses": {"200": answer}}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/hi": hi}}
    with standin.start(document) as server:
        assert urllib.request.urlopen(f"{server.url}/hi").read() == b"hello"
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_seed_and_validation_are_options(pets, client):
    answers = []
    for seed in (7, "7", 8):
        with standin.start([pets], seed=seed) as server:
            answers.append(client.names(server.url))
    assert answers[0] == answers[1] != answers[2]
    with standin.start(pets, validate="off") as server:
        assert client.ask(f"{server.url}/pets", {})[0] == 201


def test_a_start_that_fails_carries_what_the_program_printed(pets):
    with pytest.raises(standin.StartError, match=r"ended with exit code 2\n.*`nowhere\.yaml` cannot be read") as caught:
        standin.start("nowhere.yaml")
    assert caught.value.code == 2
    with pytest.raises(standin.StartError, match="--sead"):
        standin.start(pets, args=["--sead", "7"])


def test_a_start_without_a_program_names_what_is_missing():
    with pytest.raises(FileNotFoundError, match="STANDIN_BINARY names '/nowhere/standin', which is not a file"):
        standin.start(env={"STANDIN_BINARY": "/nowhere/standin"})


def test_a_program_that_is_not_installed_names_the_package_on_pypi(monkeypatch):
    monkeypatch.setattr(_binary, "_script_folders", lambda: iter(()))
    with pytest.raises(FileNotFoundError, match=":all: standin-sandbox`"):
        _binary.binary_path({})


def test_a_start_that_takes_too_long_is_ended(tmp_path):
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\necho "still loading" >&2\nexec sleep 60\n')
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(standin.StartError, match="did not start within 0.3 s\nstill loading"):
        standin.start(env={"STANDIN_BINARY": str(slow)}, start_timeout=0.3)


def test_options_that_have_a_wrong_type_are_refused(pets):
    with pytest.raises(TypeError, match="no standard input"):
        standin.start("-")
    with pytest.raises(TypeError, match="expected a text"):
        standin.start("a\0b")
    with pytest.raises(TypeError, match="`seed` has"):
        standin.start(pets, seed={})


def test_a_document_whose_name_looks_like_an_option_is_a_document(pets, tmp_path):
    (tmp_path / "--help").write_bytes(pets.read_bytes())
    with standin.start("--help", cwd=tmp_path) as server:
        assert len(server.operations()) == 3


def test_the_environment_does_not_change_what_the_library_needs(pets):
    env = {"STANDIN_CONTROL": "off", "STANDIN_PORT": "1", "STANDIN_LOG": "json", "STANDIN_CONTROL_TOKEN": "secret"}
    with standin.start(pets, env=env) as server:
        assert server.token == "secret"
        assert server.received() == []
        with pytest.raises(standin.ControlError) as refused:
            standin.connect(server.url, token="wrong").received()
        assert refused.value.status == 401


def test_stop_ends_the_program_and_tells_its_exit_code(pets, client, tmp_path):
    server = standin.start(pets, fail_on="unmatched", report={"junit": tmp_path / "report.xml"})
    assert lives(server.pid)
    client.ask(f"{server.url}/nothing")
    assert server.stop() is server.stop()
    assert server.stop().code == 1
    assert not lives(server.pid)
    assert "<testsuite" in (tmp_path / "report.xml").read_text()
    with pytest.raises(standin.ControlError, match="the sandbox has ended with exit code 1"):
        server.received()


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("", None),
        ("sys.exit(3)", None),
        ("raise RuntimeError", None),
        ("os._exit(0)", None),
        ("time.sleep(60)", signal.SIGKILL),
        ("time.sleep(60)", signal.SIGTERM),
    ],
    ids=["ends without stop", "exits", "has an error", "exits at once", "is killed", "gets SIGTERM"],
)
def test_no_server_is_left_when_its_parent(pets, code, end):
    script = f"import os, sys, time, standin\nprint(standin.start({str(pets)!r}).pid, flush=True)\n{code}"
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        pid = int(parent.stdout.readline())
        if end:
            parent.send_signal(end)
        parent.wait(10)
    assert until(lambda: not lives(pid))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_does_not_end_the_server(server):
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert lives(server.pid)
    assert server.received() == []


def test_the_module_runs_the_program():
    command = [sys.executable, "-m", "standin", "--version"]
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    assert subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.startswith("standin ")
    wrong = subprocess.run([*command[:3], "serve", "nowhere.yaml"], env=env, stderr=subprocess.DEVNULL, check=False)
    assert wrong.returncode == 2
