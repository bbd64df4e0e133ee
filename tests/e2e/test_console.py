"""The web console in a browser: every page, what can be done there by the keyboard alone, who sees what, and how it looks.

A picture of each page, light, dark and narrow, is left in the folder `console` of the build.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
import uuid

import fronts
import httpx
import independent
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import BUILD, PATIENCE, Pouch, running, wait_until
from gateway import Gateway
from listener import Listener
from playwright.sync_api import expect, sync_playwright

PICTURES = BUILD / "console"
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
ORDER = json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]})
LONG = "Answers whether a person lives at an address; its name is as long as such names are: " + "national-population-and-address-register" * 3
expect.set_options(timeout=PATIENCE * 1000)


# ---- what is looked at ----


class Registry(fronts.Handler):
    """As much of a schema registry as the console has shown; the commands are tested with a real one."""

    answers = {"/subjects": ["orders-value"], "/subjects/orders-value/versions": [1], "/config/orders-value": {"compatibilityLevel": "FULL"},
               "/subjects/orders-value/versions/1": {"subject": "orders-value", "version": 1, "id": 7, "schema": ORDER}}

    def do_GET(self):
        answer = self.answers.get(self.path.partition("?")[0], {"error_code": 40401, "message": "not found"})
        status = 404 if isinstance(answer, dict) and "error_code" in answer else 200
        self.say(status, json.dumps(answer).encode(), Content_Type="application/vnd.schemaregistry.v1+json")


@contextlib.contextmanager
def schema_registry():
    server = fronts.Server(("127.0.0.1", 0), Registry).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.stop()


class Estate:
    """A center, a worker that answers and one that fails, a gateway, and a request through each."""

    def __init__(self, pouch, registry):
        self.pouch, mark = pouch, uuid.uuid4().hex[:6]
        self.inbox, self.population, self.tax, dlq = topics = [f"console-{mark}.{name}" for name in ("inbox", "population", "tax", "letters")]
        for topic in topics:
            pouch.topic(topic, partitions=1)
        pouch.env |= {"POUCH_STORE": f"sqlite://{pouch.folder}/store", "POUCH_DLQ_TOPIC": dlq, "SCHEMA_REGISTRY_URL": registry,
                      "POUCH_TOPIC_CATALOG": self.tenants(mark)}
        pouch.ok("service", "add", "population-register", "--version", "2.1", "--tag", "registry", "--tag", "gov", "--endpoint", "https://register.example",
                 "--description", LONG)
        pouch.ok("route", "add", "population", self.population, "--service", "population-register")
        pouch.ok("route", "add", "tax", self.tax)
        self.center = Listener(pouch.start("center", "--inbox", self.inbox, "--listen", "127.0.0.1:0"))
        pouch.worker(self.population, "--pipe", "cat")
        pouch.worker(self.tax, "--exec", "echo 'the register is closed' >&2; exit 1")
        self.done = self.ask("population")
        self.failed = self.ask("tax")
        self.ask("nobody")
        self.gateway = self.start_gateway(name="gateway")

    def tenants(self, mark):
        """A catalogue of two tenants: one has half of its topics, the other none; and a third has topics, and is not listed."""
        catalog = self.pouch.folder / "catalog.yaml"
        text = f"tenants: [acme{mark}, bravo{mark}]\ndefaults: {{partitions: 1, replication: 1}}\ntopics:\n  chat.{{tenant}}: {{}}\n  news.{{tenant}}: {{}}\n"
        catalog.write_text(text)
        for topic in (f"chat.acme{mark}", f"chat.former{mark}", f"news.former{mark}"):
            self.pouch.topic(topic, partitions=1)
        return str(catalog)

    def start_gateway(self, *words, name, env=None):
        return Gateway(self.pouch, *words, name=name, env={"POUCH_GATEWAY_PROCESSES": self.center.url, **(env or {})}).start()

    def ask(self, publisher):
        said = self.pouch.run("request", "--publisher", publisher, "--inbox", self.inbox, "--timeout", "60s", "-o", "json", stdin='{"iban":"canary"}')
        return json.loads(said.stdout)["request_id"]

    def routes(self):
        return {route["publisher"]: route for route in json.loads(self.pouch.ok("route", "list", "-o", "json"))}


@pytest.fixture(scope="module")
def broker():
    """Of our own: pages show all topics and groups that there are, and looking through those of other tests takes minutes."""
    with running(f"test-console-{os.getpid()}", "kafka") as exports:
        yield exports


@pytest.fixture(scope="module")
def estate(broker, tmp_path_factory):
    pouch = Pouch(broker["KAFKA_BROKERS"], tmp_path_factory.mktemp("console"))
    with schema_registry() as registry:
        try:
            yield Estate(pouch, registry)
        finally:
            pouch.stop_all()


@pytest.fixture(scope="module")
def chromium():
    assert (program := shutil.which("chromium")), "scripts/deps test installs chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, estate):
    """A page of the console; what it complains of fails the test."""
    with new_page(chromium, estate.gateway) as page:
        yield page


@contextlib.contextmanager
def new_page(chromium, gateway, expected=()):
    """`expected`: statuses that the browser may report, since the test brings them about."""
    context = chromium.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce", base_url=f"{gateway.url}/console/")
    context.set_default_timeout(PATIENCE * 1000)
    page, complaints = context.new_page(), []
    page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    unexpected = [text for text in complaints if not any(f"status of {status} " in text for status in expected)]
    assert not unexpected, unexpected


def visit(page, place, ready):
    page.goto(f"#/{place}")
    expect(page.get_by_text(ready).first).to_be_visible()


def press(page, target, key="Enter"):
    """By keyboard: focus as Tab would give it, which needs that Tab can, and a key."""
    expect(target).to_be_enabled()
    target.focus()
    assert target.evaluate("element => element === document.activeElement && element.tabIndex >= 0")
    page.keyboard.press(key)


def fill(page, label, text):
    field = page.get_by_label(label, exact=True)
    press(page, field, "ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


# ---- how it looks ----

# A page, and what is there once it has loaded.
PAGES = {
    "overview": "Busiest publishers",
    "routes": "All routes",
    "routes/population": "History",
    "services": "Find by name, tag or endpoint",
    "services/population-register": "Named by",
    "requests": "Requests that were found",
    "letters": "By reason",
    "topics": "Consumer groups",
    "tenants": "orphan",
    "schemas/orders-value": "FULL",
    "gateways": "Listens on",
    "events": "live",
}


@pytest.mark.acceptance("B29")
@pytest.mark.parametrize("place", PAGES)
def test_a_page_is_there_in_each_light_and_width_and_axe_finds_nothing(page, place):
    visit(page, place, PAGES[place])
    assert_looks_well(page, place.partition("/")[0] + ("-one" if "/" in place else ""))


def test_the_way_of_a_request_and_a_letter_are_pages_too(page, estate):
    visit(page, f"requests/{estate.failed}", "From → to")
    assert_looks_well(page, "request")
    visit(page, "letters/0/0", "Next step")
    assert_looks_well(page, "letter")


def assert_looks_well(page, name):
    PICTURES.mkdir(exist_ok=True)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    page.evaluate(Axe().axe_script)
    # All rules once; what differs in the dark are colours alone.
    for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.screenshot(path=PICTURES / f"{name}-{scheme}.png", full_page=True)
        found = page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **rules})["violations"]
        assert not found, [(one["id"], one["impact"], [node["html"] for node in one["nodes"]]) for one in found]
    page.set_viewport_size(NARROW)
    page.screenshot(path=PICTURES / f"{name}-narrow.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert "canary" not in page.content()
    page.set_viewport_size(WIDE)


def test_light_and_dark_are_chosen_and_kept(page):
    visit(page, "overview", "Requests a second")
    page.get_by_label("Colours").focus()
    grounds = set()
    for theme in ("light", "dark"):
        page.get_by_label("Colours").select_option(theme)
        page.reload()
        expect(page.get_by_label("Colours")).to_have_value(theme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


# ---- what can be done ----


@pytest.mark.acceptance("B29")
def test_tab_goes_from_the_first_link_through_all_pages(page):
    visit(page, "overview", "Busiest publishers")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.innerText").strip())
    assert seen == ["Skip to the page", "Pouch", "Overview", "Routes", "Services", "Requests", "Dead letters", "Topics", "Tenants", "Schemas", "Gateways", "Events"]


@pytest.mark.acceptance("B29", "B7")
def test_a_route_is_added_changed_switched_off_and_removed_by_keyboard(page, estate):
    visit(page, "routes", "All routes")
    press(page, page.get_by_role("button", name="Add a route"))
    fill(page, "Publisher", "customs")
    fill(page, "Targets, one a line", estate.population)
    page.keyboard.press("Tab")
    press(page, page.get_by_role("button", name="Add", exact=True))
    expect(page.get_by_role("link", name="customs", exact=True)).to_be_visible()
    assert estate.routes()["customs"]["targets"] == [estate.population]

    press(page, page.get_by_role("button", name="Disable the route of customs"))
    expect(page.get_by_role("button", name="Enable the route of customs")).to_be_visible()
    assert not estate.routes()["customs"]["enabled"]

    press(page, page.get_by_role("link", name="customs", exact=True))
    press(page, page.get_by_role("button", name="Edit"))
    fill(page, "Targets, one a line", f"{estate.population} 90\n{estate.tax} 10")
    press(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_text(f"{estate.population} 90 %, {estate.tax} 10 %")).to_be_visible()
    assert estate.routes()["customs"]["weights"] == {estate.population: 90, estate.tax: 10}

    press(page, page.get_by_role("button", name="Roll back to version").last)
    press(page, page.get_by_role("button", name="Roll back", exact=True))
    expect(page.get_by_role("dialog")).to_have_count(0)
    wait_until(lambda: estate.routes()["customs"]["targets"] == [estate.population] and estate.routes()["customs"]["enabled"], "the route being as it was")

    press(page, page.get_by_role("button", name="Remove"))
    remove = page.get_by_role("dialog").get_by_role("button", name="Remove")
    expect(remove).to_be_disabled()
    fill(page, "Type customs to confirm", "customs")
    press(page, remove)
    expect(page.get_by_role("heading", name="Routes", exact=True)).to_be_visible()
    assert "customs" not in estate.routes()


@pytest.mark.acceptance("B29", "B7", "B12")
def test_a_service_is_added_changed_and_removed_by_keyboard(page, estate):
    visit(page, "services", "All services")
    press(page, page.get_by_role("button", name="Add a service"))
    fill(page, "Name", "harbour")
    fill(page, "Tags, separated by commas", "sea, gov")
    page.keyboard.press("Enter")
    press(page, page.get_by_role("link", name="harbour", exact=True))
    press(page, page.get_by_role("button", name="Edit"))
    fill(page, "Endpoint", "https://harbour.example")
    page.keyboard.press("Enter")
    expect(page.get_by_text("https://harbour.example")).to_be_visible()
    [made] = json.loads(estate.pouch.ok("service", "list", "--tag", "sea", "-o", "json"))
    assert (made["name"], made["endpoint"], made["tags"]) == ("harbour", "https://harbour.example", ["gov", "sea"])
    press(page, page.get_by_role("button", name="Remove"))
    fill(page, "Type harbour to confirm", "harbour")
    press(page, page.get_by_role("dialog").get_by_role("button", name="Remove"))
    expect(page.get_by_role("heading", name="Services", exact=True)).to_be_visible()
    assert json.loads(estate.pouch.ok("service", "list", "--tag", "sea", "-o", "json")) == []


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(chromium, estate):
    estate.pouch.ok("route", "add", "meanwhile", estate.population)
    with new_page(chromium, estate.gateway, expected=[412]) as page:
        visit(page, "routes/meanwhile", "History")
        press(page, page.get_by_role("button", name="Edit"))
        fill(page, "Service (may be empty)", "mine")
        estate.pouch.ok("route", "add", "meanwhile", estate.tax, "--replace")
        press(page, page.get_by_role("button", name="Save"))
        expect(page.get_by_role("alert").filter(has_text=re.compile("version|changed"))).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("button", name="Edit")).to_be_focused()
    assert estate.routes()["meanwhile"]["targets"] == [estate.tax]
    estate.pouch.ok("route", "remove", "meanwhile")


@pytest.mark.acceptance("B29")
def test_a_request_is_found_by_its_id_and_by_its_publisher(page, estate):
    visit(page, "requests", "Requests that were found")
    fill(page, "Request id", estate.failed)
    page.keyboard.press("Enter")
    hops = page.get_by_role("group", name="Hops").get_by_role("row")  # not those of the list, which may still be there
    expect(hops.filter(has_text="handler_error").first).to_be_visible()
    assert {row.split("\t")[0] for row in hops.all_inner_texts()[1:]} >= {"client", "center", "worker"}

    visit(page, "requests?publisher=population", estate.done)
    expect(page.get_by_role("link", name=estate.failed)).to_have_count(0)
    page.get_by_label("Failed only").focus()
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Find", exact=True))
    expect(page.get_by_text("Nothing was found")).to_be_visible()


@pytest.mark.acceptance("B29", "C28")
def test_dead_letters_go_again_after_a_look_and_a_typed_word(page, estate):
    visit(page, "letters?publisher=nobody", "By reason")
    before = letters(estate)
    press(page, page.get_by_role("button", name="Send these again"))
    expect(page.get_by_text("1 letter would be sent again")).to_be_visible()
    send = page.get_by_role("dialog").get_by_role("button", name="Send 1 again")
    expect(send).to_be_disabled()
    assert letters(estate) == before
    fill(page, "Type 1 to confirm", "1")
    press(page, send)
    expect(page.get_by_text("1 letter sent again.")).to_be_visible()
    press(page, page.get_by_role("button", name="Close", exact=True).last)
    wait_until(lambda: letters(estate) == before + 1, "the center writing the next letter, since there is still no route")


@pytest.mark.acceptance("B29", "D23")
def test_a_dead_letter_is_dismissed_after_a_look_and_a_typed_word(page, estate):
    before = letters(estate)
    visit(page, f"letters?request={estate.ask('nobody')}", "By reason")
    press(page, page.get_by_role("button", name="Dismiss these"))
    expect(page.get_by_text("1 letter would be dismissed")).to_be_visible()
    assert_looks_well(page, "dismiss")
    dismiss = page.get_by_role("dialog").get_by_role("button", name="Dismiss 1")
    expect(dismiss).to_be_disabled()
    assert letters(estate) == before + 1
    fill(page, "Type 1 to confirm", "1")
    press(page, dismiss)
    expect(page.get_by_text("1 letter dismissed.")).to_be_visible()
    press(page, page.get_by_role("button", name="Close", exact=True).last)
    expect(page.get_by_text("No dead letter is like that.")).to_be_visible()
    assert letters(estate) == before


@pytest.mark.acceptance("B29", "D23")
def test_old_dead_letters_are_deleted_for_good_after_a_look_and_a_typed_word(chromium, estate):
    """Of a topic of its own, with letters that are two days old."""
    topic = f"{estate.inbox}.old-letters"
    estate.pouch.topic(topic, partitions=1)
    old = int(time.time() * 1000) - 2 * 24 * 3600 * 1000
    producer = independent.producer(estate.pouch.brokers)
    for letter in independent.read_all(estate.pouch.brokers, estate.pouch.env["POUCH_DLQ_TOPIC"])[:2]:
        headers = [(name, str(old).encode() if name == "pouch-dlq-failed-at" else value) for name, value in letter.headers()]
        producer.produce(topic, letter.value(), letter.key(), headers=headers, timestamp=old)
    assert producer.flush(30) == 0
    gateway = estate.start_gateway(name="purging", env={"POUCH_DLQ_TOPIC": topic})
    with new_page(chromium, gateway) as page:
        visit(page, "letters", "By reason")
        press(page, page.get_by_role("button", name="Delete old ones"))
        expect(page.get_by_text("None is as old as that")).to_be_visible()
        page.get_by_label("Older than").select_option("1d")
        expect(page.get_by_text("2 letters would be deleted for good")).to_be_visible()
        fill(page, "Type 2 to confirm", "2")
        press(page, page.get_by_role("dialog").get_by_role("button", name="Delete 2 for good"))
        expect(page.get_by_text("2 letters deleted.")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text("There are no dead letters")).to_be_visible()
    gateway.program.stop()
    assert independent.read_all(estate.pouch.brokers, topic) == []


def test_dead_letters_that_were_not_all_looked_at_are_no_whole(page):
    def cut_short(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "complete": False})

    page.route(re.compile(r"/v1/dead-letters(/stats)?(\?|$)"), cut_short)
    visit(page, "letters", "By reason")
    expect(page.get_by_text("Looking through the older ones takes long")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^the newest: \d+ letters?$"))).to_be_visible()


def letters(estate):
    return json.loads(estate.pouch.ok("dlq", "stats", "-o", "json"))["letters"]


@pytest.mark.acceptance("B29")
def test_events_are_shown_as_they_come_whatever_their_names(page, estate):
    visit(page, "events", "live")
    for name in ("price_changed", "news"):
        said = estate.gateway.post("/kafka/sse/broadcast/payments", {"event": name, "data": {"cents": 1200}})
        assert said.status_code < 300, said.text
    shown = page.get_by_role("list", name="Events, the newest first").get_by_role("listitem")
    expect(shown.filter(has_text="price_changed")).to_contain_text('{"cents":1200}')
    expect(shown.first).to_contain_text("news")
    press(page, page.get_by_role("button", name="Pause"))
    expect(page.get_by_text("paused", exact=True)).to_be_visible()


@pytest.mark.acceptance("C7", "C9", "C31")
def test_an_event_source_is_let_in_by_a_ticket(page, estate):
    visit(page, "overview", "Busiest publishers")
    heard = page.evaluate("""async () => {
        const { ticket } = await (await fetch("/v1/tickets", { method: "POST" })).json();
        const source = new EventSource(`/kafka/events?channels=alerts&ticket=${encodeURIComponent(ticket)}`);
        const next = (name) => new Promise((heard) => source.addEventListener(name, heard, { once: true }));
        await next("connected");
        const alert = next("alert");
        const body = JSON.stringify({ event: "alert", data: "line one\\nline two" });
        await fetch("/kafka/sse/broadcast/alerts", { method: "POST", headers: { "content-type": "application/json" }, body });
        const { data, lastEventId } = await alert;
        source.close();
        return { data, lastEventId };
    }""")
    assert heard["data"] in ("line one\nline two", json.dumps("line one\nline two")) and heard["lastEventId"].isdigit()


# ---- who sees what ----


def new_key():
    secret = "pouch_" + secrets.token_urlsafe(32)
    return secret, hashlib.sha256(secret.encode()).hexdigest()


@pytest.mark.acceptance("C31", "B29")
def test_a_key_opens_the_console_and_shows_what_its_scopes_allow(chromium, estate, tmp_path):
    secret, digest = new_key()
    access = tmp_path / "access.yaml"
    access.write_text(f"keys:\n  - name: looker\n    sha256: {digest}\n    scopes: [\"read.routes\", \"read.health\"]\n")
    access.chmod(0o600)
    gateway = estate.start_gateway("--access", access, name="guarded")
    with new_page(chromium, gateway, expected=[401, 403]) as page:
        page.goto("#/routes")
        for text in (new_key()[0], secret):
            fill(page, "API key", text)
            page.keyboard.press("Enter")
            if text != secret:
                expect(page.get_by_role("alert")).to_contain_text("does not take this key")
                assert_looks_well(page, "signin")
        expect(page.get_by_role("link", name="population", exact=True)).to_be_visible()
        expect(page.get_by_text("key:looker")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("Add|Disable"))).to_have_count(0)
        visit(page, "services/population-register", "Named by")
        expect(page.get_by_role("button", name=re.compile("Edit|Remove"))).to_have_count(0)
        visit(page, "letters", "No permission")
        expect(page.get_by_role("button", name=re.compile("again|Dismiss|Delete"))).to_have_count(0)
        page.reload()
        expect(page.get_by_text("No permission").first).to_be_visible()
        press(page, page.get_by_role("button", name="Sign out"))
        expect(page.get_by_label("API key")).to_be_visible()
        assert page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])") == '[{},{},""]'
    assert secret not in gateway.program.stderr()
    gateway.program.stop()


# ---- the files ----


@pytest.mark.acceptance("B29")
def test_files_are_small_kept_for_ever_or_asked_for_again_and_load_nothing_from_elsewhere(estate):
    page = estate.gateway.get("/console/")
    assert estate.gateway.get("/console").headers["location"] == "console/"
    assert (estate.gateway.get("/").status_code, estate.gateway.get("/").headers["location"]) == (307, "console/")
    names = re.findall(r'(?:src|href)="\./([^"]+)"', page.text)
    assert len(names) == 3 and not re.search(r'(?:src|href)="(?!\./)', page.text) and "<script>" not in page.text
    for name in ("", *names):
        plain = httpx.get(f"{estate.gateway.url}/console/{name}", headers={"accept-encoding": "identity"})
        small = estate.gateway.get(f"/console/{name}")
        assert "content-encoding" not in plain.headers and small.headers["content-encoding"] == "gzip"
        assert plain.content == small.content and plain.headers["vary"] == "Accept-Encoding"
        assert plain.headers["cache-control"] == ("public, max-age=31536000, immutable" if name else "no-cache")
        policy = plain.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "unsafe" not in policy
        known = estate.gateway.get(f"/console/{name}", headers={"if-none-match": plain.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
    assert estate.gateway.get("/console/no-such.js").status_code == 404
