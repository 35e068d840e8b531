import json
import urllib.request

import pytest


def ask(url, value=None):
    content = None if value is None else json.dumps(value).encode()
    headers = {"Content-Type": "application/json"} if content else {}
    with urllib.request.urlopen(urllib.request.Request(url, content, headers)) as response:
        return json.loads(response.read())


@pytest.mark.parametrize("number", range(20))
def test_a_pet_that_another_test_does_not_see(sandbox, number):
    before = ask(f"{sandbox.url}/pets")
    pet = ask(f"{sandbox.url}/pets", {"name": "Rex"})
    assert ask(f"{sandbox.url}/pets") == [*before, pet]
    sandbox.verify("createPet", body={"name": "Rex"}, times=1)


def test_fixtures_of_one_test_are_of_this_test_only(sandbox, standin):
    with sandbox.fixtures({"createPet": [{"body": {"id": 7, "name": "Bo"}}]}):
        assert ask(f"{sandbox.url}/pets", {"name": "Rex"}) == {"id": 7, "name": "Bo"}
    assert ask(f"{sandbox.url}/pets", {"name": "Rex"})["name"] == "Rex"


def test_the_server_is_shared(standin, worker_id, testrun_uid):
    session = standin.session(f"workers of {testrun_uid}")
    session.send("/pets", headers={"Worker": worker_id})
    assert session.received(operation="listPets")
