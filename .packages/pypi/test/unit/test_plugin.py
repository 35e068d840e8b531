"""The fixtures of pytest, in projects that pytest runs."""

from __future__ import annotations

import os

import pytest

TEST = """
import json, urllib.request
import pytest

def create(base, name):
    content = json.dumps({"name": name}).encode()
    request = urllib.request.Request(base + "/pets", content, {"Content-Type": "application/json"})
    return urllib.request.urlopen(request).status
"""


@pytest.fixture
def project(pytester, pets, monkeypatch):
    for name in ("STANDIN_URL", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(__import__("standin").__file__)))
    pytester.path.joinpath("pets.yaml").write_bytes(pets.read_bytes())

    def run(ini, test, *args):
        pytester.makeini("[pytest]\n" + ini)
        pytester.makepyfile(TEST + test)
        # The tests of this package find the plugin on the path; a wheel has an entry point.
        plugin = () if _installed() else ("-p", "standin.pytest_plugin")
        return pytester.runpytest_subprocess(*plugin, *args)

    return run


def _installed() -> bool:
    from importlib.metadata import entry_points

    found = entry_points()
    groups = found.select(group="pytest11") if hasattr(found, "select") else found.get("pytest11", ())
    return any(entry.name == "standin" for entry in groups)


SETTINGS = "standin_documents = pets.yaml\nstandin_state = true\n"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_journal_is_in_the_report_of_a_test_that_fails(project, workers):
    result = project(SETTINGS, "def test(sandbox):\n    create(sandbox.url, 'Jon')\n    sandbox.verify('createPet', body={'name': 'Rex'})\n", "-n", workers)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert '`body/name` is "Jon", expected "Rex"' in text
    assert "#1 POST /pets → 201 (createPet)" in text
    assert 'sent     {"name":"Jon"}' in text.replace('": "', '":"')


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_server_that_cannot_start_fails_the_test_with_the_reason(project, workers):
    result = project("standin_documents = pets.yml\n", "def test(sandbox):\n    pass\n", "-n", workers)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*`pets.yml` cannot be read*"])
    result.stdout.no_fnmatch_line("*another exception occurred*")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_the_sandbox_reports_at_its_end_fails_the_run(project, workers):
    test = "def test(sandbox):\n    with pytest.raises(OSError):\n        create(sandbox.url + '/nothing', 'Rex')\n"
    result = project(SETTINGS + "standin_fail_on = unmatched\nstandin_report = junit report.xml\n", test, "-n", workers)
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*sandbox ended with exit code 1*"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_workers_share_a_server_and_nothing_starts_without_a_test_that_asks(project, workers, tmp_path):
    test = f"""
@pytest.mark.parametrize('number', range(8))
def test(sandbox, standin, number):
    open({str(tmp_path)!r} + '/' + standin.url.rpartition(':')[2], 'w').close()
    assert create(sandbox.url, 'Rex') == 201
    assert sandbox.verify('createPet', times=1)
"""
    project(SETTINGS, test, "-n", workers).assert_outcomes(passed=8)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_options_can_be_computed(project, workers):
    test = """
@pytest.fixture(scope='session')
def standin_options(standin_options):
    return {**standin_options, 'validate': 'off'}

@pytest.mark.parametrize('number', range(4))
def test(sandbox, number):
    assert create(sandbox.url, 7) == 201
"""
    project(SETTINGS, test, "-n", workers).assert_outcomes(passed=4)


def test_a_running_sandbox_can_be_used(project, server):
    test = f"def test(standin):\n    assert standin.url == {server.url!r}\n"
    project("", test, "--standin-url", server.url).assert_outcomes(passed=1)


def test_projects_without_the_fixtures_start_nothing(project, monkeypatch):
    monkeypatch.setenv("STANDIN_BINARY", "/nowhere")
    project(SETTINGS, "def test():\n    pass\n").assert_outcomes(passed=1)


def test_a_report_without_a_file_is_an_error(project):
    result = project(SETTINGS + "standin_report = junit\n", "def test(sandbox):\n    pass\n")
    result.stderr.fnmatch_lines(["*`standin_report` has pairs*"])
