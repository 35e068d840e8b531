"""The control API as methods, against the real program."""

from __future__ import annotations

import threading

import pytest

import standin


def test_sessions_have_separate_state_by_url_header_and_cookie(server, client):
    first, second, third = (server.session(name) for name in ("first", "second", "third"))
    assert client.create(first.url, "Rex") == 201
    assert client.create(server.url, "Bo", second.headers) == 201
    cookie = {"Cookie": "=".join(third.cookie)}
    assert client.create(server.url, "Cy", cookie) == 201
    assert "Rex" in client.names(first.url)
    assert {"Rex", "Bo", "Cy"} & {*client.names(server.url, second.headers)} == {"Bo"}
    assert {"Rex", "Bo", "Cy"} & {*client.names(third.url)} == {"Cy"}


@pytest.mark.parametrize(
    "name",
    ["a/b", "../../x", "ünï 日本 🐕", "?#&=%2F%", '{"a":1}', "'; drop --", "%00", "...", " a ", "a" * 200],
)
def test_a_name_is_escaped(server, client, name):
    session = server.session(name)
    assert client.create(session.url, "Rex") == 201
    assert client.create(server.url, "Bo", {"Cookie": "=".join(session.cookie)}) == 201
    assert [exchange["session"] for exchange in session.received()] == [name, name]
    assert len(server.received()) == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("..", "clients remove it"),
        ("a\nb", "control"),
        ("a\0", "control"),
        ("\ud800", "Unicode"),
        ("ü" * 101, "202 bytes"),
    ],
)
def test_a_name_that_no_session_can_have_is_refused(name, why):
    with pytest.raises(ValueError, match=why):
        standin.connect("http://127.0.0.1:1").session(name)


def test_a_name_that_is_no_text_or_fits_no_header_field_is_refused():
    server = standin.connect("http://127.0.0.1:1")
    with pytest.raises(TypeError, match="None: it is not a string"):
        server.session(None)
    for name in ("ü", " a"):
        with pytest.raises(ValueError, match="a header field cannot carry"):
            _ = server.session(name).headers


def test_verify_names_the_requests_that_nearly_match(server, client):
    session = server.session("verify")
    client.create(session.url, "Jon")
    verdict = session.verify("createPet", body={"name": "Jon"}, times=1)
    assert (verdict.passed, verdict.count, len(verdict.requests)) == (True, 1, 1)
    with pytest.raises(standin.VerificationError) as caught:
        session.verify("createPet", body={"name": "Rex"}, at_least=1)
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value).splitlines() == [
        'expected calls of `createPet` with body {"name": "Rex"}, at least 1 time',
        "found 0 matching calls",
        'request 1, POST /pets: `body/name` is "Jon", expected "Rex"',
    ]
    assert not session.calls("createPet", at_most=0).passed
    with pytest.raises(standin.VerificationError, match="call 1 of the sequence"):
        session.verify(sequence=[{"operation": "createPet"}, {"operation": "getPet"}])
    with pytest.raises(standin.ControlError, match="no document has the operation `createPat`") as refused:
        session.verify("createPat")
    assert refused.value.status == 422


def test_verify_waits_for_calls_that_are_still_to_come(server, client):
    session = server.session("later")
    timer = threading.Timer(0.1, client.create, (session.url, "Rex"))
    timer.start()
    assert session.verify("createPet", within="5s").count == 1
    timer.join()


def test_without_a_session_verify_and_received_are_about_all(server, client):
    client.create(server.session("a").url, "Rex")
    client.create(server.session("b").url, "Rex")
    assert server.verify("createPet", times=2).count == 2
    assert len(server.received()) == 2


def test_fixtures_apply_to_their_session_and_are_taken_back(server, client):
    mine, other = server.session("mine"), server.session("other")
    with mine.fixtures({"createPet": [{"status": 503}]}) as added:
        assert len(added.fixtures) == 1
        assert client.create(mine.url, "Rex") == 503
        assert client.create(other.url, "Rex") == 201
    added.remove()
    assert client.create(mine.url, "Rex") == 201
    with pytest.raises(standin.ControlError, match="statos"):
        mine.fixtures({"createPet": [{"statos": 503}]})
    mine.fixtures({"createPet": [{"status": 503}]})
    mine.clear_fixtures()
    assert client.create(mine.url, "Rex") == 201


def test_state_is_read_replaced_and_kept_in_snapshots(server, client):
    session = server.session("state")
    session.state.replace("pets", [{"id": 1, "name": "Rex"}])
    assert client.names(session.url) == ["Rex"]
    assert session.state.get("pets", 1) == {"id": 1, "name": "Rex"}
    assert session.state.get("pets", 2) is None
    with pytest.raises(standin.ControlError, match="there is no collection `pats`"):
        session.state.get("pats", 1)
    snapshot = session.snapshot("a/b ü")
    assert session.state.add("pets", {"id": 2, "name": "Bo"})["name"] == "Bo"
    session.state.put("pets", 1, {"id": 1, "name": "Max"})
    changes = snapshot.changes()
    assert (len(changes["added"]), len(changes["changed"])) == (1, 1)
    snapshot.restore()
    assert client.names(session.url) == ["Rex"]
    session.state.delete("pets", 1)
    exported = session.state.export()
    session.reset()
    assert session.state.list("pets") != []
    session.state.replace_all(exported)
    assert session.state.list("pets") == []
    assert [collection["name"] for collection in session.state.collections()] == ["/pets"]
    snapshot.delete()
    with pytest.raises(standin.ControlError) as refused:
        snapshot.restore()
    assert refused.value.status == 404


def test_explain_and_send_describe_one_request(server):
    session = server.session("explain")
    assert "name" in str(session.explain("/pets", "POST", body={})["violations"])
    assert session.received() == []
    assert session.send("/pets/999999")["response"]["status"] == 404
    assert len(session.received(status="4XX")) == 1


def test_a_server_lists_operations_and_coverage_and_loads_again(server, client):
    client.create(server.url, "Rex")
    assert [operation["operation"] for operation in server.operations()] == ["listPets", "createPet", "getPet"]
    assert "createPet" in str(server.coverage())
    assert server.reload()["changed"] == []


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert server.received() == []


@pytest.mark.parametrize("url", ["localhost:4010", "nothing", "", "http://", "http://a:b", None, "ftp://a"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="expected a URL"):
        standin.connect(url)


def test_an_address_without_a_server_is_an_error_that_says_so():
    with pytest.raises(standin.ControlError, match=r"the sandbox at http://127\.0\.0\.1:1 cannot be reached"):
        standin.connect("http://127.0.0.1:1").received()
