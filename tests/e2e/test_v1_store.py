"""/v1 and its store: opened once, opened again after it was away, and its trouble is never told as the caller's."""

import json

import httpx
import pytest
from conftest import wait_until
from gateway import Gateway
from prometheus_client.parser import text_string_to_metric_families

ANY = {"If-Match": "*"}


@pytest.fixture
def away(pouch, tmp_path):
    """A gateway whose store cannot be opened, since a file stands where its folder should be; and that file."""
    file = tmp_path / "store"
    file.write_text("")
    pouch.env["POUCH_STORE"] = f"sqlite://{file}"
    return Gateway(pouch).start(), file


def opens(gateway):
    families = text_string_to_metric_families(gateway.get("/metrics").text)
    [value] = [sample.value for family in families for sample in family.samples if sample.name == "pouch_gateway_store_opens_total"]
    return value


def call(gateway, method, path, body=None, **headers):
    return httpx.request(method, gateway.url + path, json=body, headers=headers, timeout=60)


def test_a_store_that_cannot_be_opened_is_not_the_callers_fault(away):
    gateway, file = away
    for method, path, body, headers in (("GET", "/v1/routes", None, {}), ("GET", "/v1/routes?stats=1h", None, {}), ("GET", "/v1/services", None, {}), ("GET", "/v1/traces", None, {}),
                                        ("POST", "/v1/routes", {"publisher": "p", "targets": ["t"]}, {}), ("PUT", "/v1/routes/p", {"targets": ["t"]}, ANY),
                                        ("DELETE", "/v1/routes/p", None, ANY), ("POST", "/v1/routes/p/disable", None, ANY), ("PUT", "/v1/services/s", {}, ANY),
                                        ("DELETE", "/v1/services/s", None, ANY), ("GET", "/v1/stats", None, {}), ("GET", "/asyncapi.json", None, {}),
                                        ("POST", "/v1/dead-letters/dismiss", {}, {}), ("POST", "/v1/dead-letters/redrive", {}, {})):
        said = call(gateway, method, path, body, **headers)
        assert said.status_code == 503 and said.headers["content-type"] == "application/problem+json", (method, path, said.status_code, said.text)
        problem = said.json()
        assert problem["code"] == "store" and "it is a file" in problem["detail"] and "--store" in problem["detail"], (path, problem)
        assert int(said.headers["retry-after"]) > 0
    assert gateway.get("/v1/routes?stats=never").status_code == 400, "what the caller has wrong stays theirs"
    file.unlink()
    wait_until(lambda: gateway.get("/v1/routes").status_code == 200, "the store being opened again")
    assert call(gateway, "PUT", "/v1/routes/p", {"targets": ["t"]}, **{"If-None-Match": "*"}).status_code == 201


def test_a_store_is_opened_once_and_not_for_each_call(pouch, tmp_path):
    pouch.env["POUCH_STORE"] = f"sqlite://{tmp_path}/store"
    gateway = Gateway(pouch).start()
    assert opens(gateway) == 1, "at the start"
    for _ in range(5):
        for path in ("/v1/routes", "/v1/routes?stats=1h", "/v1/services", "/v1/traces", "/v1/stats", "/asyncapi.json", "/v1/dead-letters", "/v1/dead-letters/stats"):
            assert gateway.get(path).status_code == 200, path
    assert opens(gateway) == 1, "for calls one after the other"
    pouch.ok("route", "add", "later", "t")
    assert [route["publisher"] for route in gateway.get("/v1/routes").json()["routes"]] == ["later"], "what others change is seen"


def test_each_change_bears_the_name_of_who_made_it(pouch, tmp_path):
    """Also where two callers have used one and the same store, one after the other."""
    pouch.env["POUCH_STORE"] = f"sqlite://{tmp_path}/store"
    made = {name: json.loads(pouch.ok("access", "new", name, "--scope", "*", "-o", "json")) for name in ("ann", "bob")}
    access = tmp_path / "access.yaml"
    access.write_text("keys:\n" + "".join(one["entry"] for one in made.values()))
    access.chmod(0o600)
    gateway = Gateway(pouch, "--access", access).start()
    for name, condition in (("ann", {"If-None-Match": "*"}), ("bob", {"If-None-Match": "*"}), ("ann", ANY)):
        said = call(gateway, "PUT", f"/v1/services/of-{name}", {}, Authorization=f"Bearer {made[name]['key']}", **condition)
        assert said.status_code < 300, said.text
    changes = json.loads(pouch.ok("changes", "-o", "json"))
    assert [(change["name"], change["who"]) for change in changes] == [("of-ann", "key:ann"), ("of-bob", "key:bob"), ("of-ann", "key:ann")]
