"""The order chain of examples/order-chain on a real Kafka, by its own scripts, checked from outside."""

import email
import json
import os
import random
import shutil
import sqlite3
import subprocess
import uuid
from types import SimpleNamespace

import independent
import pytest
from confluent_kafka.admin import AdminClient
from conftest import BUILD, POUCH, ROOT, wait_until

EXAMPLE = ROOT / "examples" / "order-chain"
BUILT = BUILD / "examples" / "order-chain"
INBOX, FIRST, SECOND = TOPICS = ("command-center-inbox", "service-1-topic", "service-2-topic")
ROUTES = {"initial-publisher": ("route-publisher-to-service1", [FIRST]), "service-1-publisher": ("route-service1-to-service2", [SECOND])}
ORDER = {"orderId": "order-7", "userId": "ada", "amount": 150, "items": ["tea", "tea", "cup"]}


@pytest.fixture
def chain(pouch, tmp_path):
    """The scripts beside the programs of this build, with a store and a folder for orders of their own, on fresh topics."""
    folder = tmp_path / "chain"
    folder.mkdir()
    for path in [EXAMPLE / "run-example", EXAMPLE / "create-topics", *(BUILT / name for name in ("publisher", "service_1", "service_2"))]:
        shutil.copy(path, folder)
    pouch.env.update(POUCH=str(POUCH), POUCH_STORE=f"sqlite://{tmp_path}/store", ORDER_CHAIN_DATA=str(tmp_path / "data"), POUCH_REQUEST_TIMEOUT="60s")
    admin = AdminClient({"bootstrap.servers": pouch.brokers})

    def gone():
        there = {name for name in admin.list_topics(timeout=60).topics if name.startswith(("service-", INBOX, "initial-publisher"))}
        if there:
            pouch.run("topic", "delete", *sorted(there), "--yes")
        return not there

    wait_until(gone, "the topics of another test being deleted")
    yield SimpleNamespace(pouch=pouch, run=folder / "run-example", data=tmp_path / "data", folder=folder)
    pouch.stop_all()
    wait_until(gone, "the topics being deleted")


def start(chain, *parts):
    says = {"command-center": "routing", "service-1": "taking requests", "service-2": "taking requests"}
    started = [(chain.pouch.start_other([chain.run, part], part), says[part]) for part in parts]
    for program, text in started:
        program.wait_for(text)


def publish(chain, *words):
    return subprocess.run([chain.run, "publisher", *words], env=chain.pouch.env, capture_output=True, text=True, timeout=120)


def orders(chain):
    with sqlite3.connect(chain.data / "orders.db") as db:
        return db.execute("SELECT request_id, order_id, user_id, amount, fulfilled, mailed FROM orders").fetchall()


def stock(chain):
    with sqlite3.connect(chain.data / "orders.db") as db:
        return dict(db.execute("SELECT item, stock FROM inventory"))


def effects(chain):
    """All that service 2 has done."""
    return orders(chain), stock(chain), {path.name: path.read_bytes() for path in (chain.data / "outbox").iterdir()}


def topics_of(chain):
    there = AdminClient({"bootstrap.servers": chain.pouch.brokers}).list_topics(timeout=60).topics
    return {name for name in there if not name.startswith("__")}


def everything_on(chain, *topics):
    there = topics_of(chain)
    return [record for topic in topics if topic in there for record in independent.read_all(chain.pouch.brokers, topic)]


def opened(chain, record):
    return json.loads(independent.open_sealed(chain.pouch.key, record.value()))


def rows_of(chain, request_id, n):
    def rows():
        done = chain.pouch.run("trace", request_id, "-o", "json")
        found = json.loads(done.stdout)["rows"] if done.returncode == 0 else []
        return found if len(found) >= n else None

    return wait_until(rows, f"{n} rows of {request_id}")


@pytest.mark.acceptance("B6", "B23")
def test_an_order_goes_through_the_chain_and_its_publisher_is_answered(chain):
    start(chain, "command-center", "service-1", "service-2")
    done = publish(chain, "149.9")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == "fulfilled" and answer["validationStatus"] == "valid"

    [(request_id, order_id, user, amount, fulfilled, mailed)] = orders(chain)
    assert request_id in done.stderr and order_id == answer["orderId"]
    assert (user, amount, fulfilled, mailed) == ("ada", 149.9, 1, 1)
    assert stock(chain) == {"tea": 99, "cup": 99}
    [path] = (chain.data / "outbox").iterdir()
    mail = email.message_from_bytes(path.read_bytes())
    assert path.name == f"{request_id}.eml" and mail["To"] == "ada@example.org" and order_id in mail["Subject"]
    assert "over 149.9 is" in mail.get_payload()

    names = [json.loads(record.value())["worker_name"] for record in everything_on(chain, FIRST, SECOND)]
    assert names == ["initial-publisher", "service-1-publisher"]
    [record] = everything_on(chain, SECOND)
    handed_on = opened(chain, record)
    assert handed_on == {**opened(chain, everything_on(chain, FIRST)[0]), "processedBy": "service-1", "validationStatus": "valid"}

    for program in chain.pouch.programs:
        assert program.stop() == 0, f"{program.name}: {program.stderr()[-2000:]}"
    hops = [(row["by"], row["topic"], row["target"], row["route"]) for row in rows_of(chain, request_id, 8) if row["by"] == "center"]
    assert hops == [("center", INBOX, FIRST, "route-publisher-to-service1"), ("center", INBOX, SECOND, "route-service1-to-service2")]


@pytest.mark.acceptance("B6", "B23")
def test_an_order_with_a_wrong_amount_gets_its_error_and_goes_no_further(chain):
    start(chain, "command-center", "service-1", "service-2")
    for amount in ("0", "-1", "10000", "1e9"):
        done = publish(chain, amount)
        assert done.returncode == 1 and done.stdout == "", amount
        assert "handler_error: the amount must be more than 0 and less than 10000" in done.stderr
    for amount in ("0.01", "9999.99"):
        assert publish(chain, amount).returncode == 0, amount
    assert sorted(row[3] for row in orders(chain)) == [0.01, 9999.99]
    assert len(everything_on(chain, SECOND)) == 2
    for payload in ([], {}, {"amount": "150"}, {"amount": None}, {"amount": 5}, {**ORDER, "userId": "a\nBcc: b"}, {**ORDER, "items": []}):
        done = chain.pouch.run("request", "--publisher", "initial-publisher", "-o", "json", stdin=json.dumps(payload))
        error = json.loads(done.stdout)["error"]
        assert done.returncode == 1 and error["code"] == "handler_error" and error["sealed"], payload
    assert len(orders(chain)) == 2


def service_2(chain, language):
    if language == "c":
        start(chain, "service-2")
        return
    for name in TOPICS:
        chain.pouch.run("topic", "create", name, "--partitions", "3")
    chain.pouch.worker(SECOND, "--pipe", f"python3 '{EXAMPLE / 'service_2.py'}' '{chain.data}'")


class Asker:
    """Sends orders that service 1 has seen, and reads what comes back: nothing of ours in between."""

    def __init__(self, chain):
        self.chain, self.replies = chain, chain.pouch.topic(f"r-{uuid.uuid4().hex[:8]}.replies", 1)
        self.reader = independent.reader(chain.pouch.brokers, self.replies)

    def ask(self, request_id=None, **members):
        payload = json.dumps({**ORDER, "processedBy": "service-1", "validationStatus": "valid", **members})
        record = independent.seal(self.chain.pouch.key, payload, 16, request_id, worker_name="service-1-publisher", replyTopic=self.replies)
        return self.deliver(record)

    def deliver(self, record):
        independent.produce(self.chain.pouch.brokers, SECOND, record, key=json.loads(record)["request_id"])
        [reply] = independent.read(self.reader, 1)
        answer = opened(self.chain, reply)
        answer.pop("timestamp")
        return record, answer


@pytest.fixture
def asker(chain):
    made = Asker(chain)
    yield made
    made.reader.close()


@pytest.mark.acceptance("B23")
@pytest.mark.parametrize("language", ["c", "python"])
def test_a_second_delivery_changes_nothing_and_gets_the_same_answer(chain, asker, language):
    service_2(chain, language)
    record, answer = asker.ask()
    assert answer["success"] and answer["payload"] == {"orderId": "order-7", "status": "fulfilled", "validationStatus": "valid"}
    before = effects(chain)
    assert before[1] == {"tea": 98, "cup": 99} and len(before[2]) == 1
    assert asker.deliver(record)[1] == answer
    assert effects(chain) == before
    # Another order of the same customer is another request.
    asker.ask()
    assert stock(chain) == {"tea": 96, "cup": 98} and len(effects(chain)[2]) == 2


@pytest.mark.acceptance("B23")
@pytest.mark.parametrize("language", ["c", "python"])
def test_what_is_out_of_stock_is_refused_whole_and_stays_refused(chain, asker, language):
    service_2(chain, language)
    record, answer = asker.ask(items=["tea"] + ["cup"] * 101)
    assert not answer["success"] and answer["error"] == "an item is out of stock"
    assert stock(chain) == {"tea": 100, "cup": 100} and list((chain.data / "outbox").iterdir()) == []
    with sqlite3.connect(chain.data / "orders.db") as db:
        db.execute("UPDATE inventory SET stock = 1000")
    assert asker.deliver(record)[1] == answer
    assert stock(chain) == {"tea": 1000, "cup": 1000}
    assert asker.ask(items=["no such item"])[1]["error"] == "an item is out of stock"


@pytest.mark.acceptance("B23")
def test_a_mail_that_was_not_written_is_written_at_the_next_delivery(chain, asker):
    """The state that a crash between the two steps leaves."""
    service_2(chain, "c")
    record, answer = asker.ask()
    [mail] = (chain.data / "outbox").iterdir()
    written = mail.read_bytes()
    mail.unlink()
    with sqlite3.connect(chain.data / "orders.db") as db:
        db.execute("UPDATE orders SET mailed = 0")
    assert asker.deliver(record)[1] == answer
    assert mail.read_bytes() == written and orders(chain)[0][5] == 1 and stock(chain) == {"tea": 98, "cup": 99}


@pytest.mark.acceptance("B23")
def test_both_languages_serve_one_shop(chain, asker):
    service_2(chain, "c")
    record, answer = asker.ask()
    chain.pouch.stop_all()
    before = effects(chain)
    service_2(chain, "python")
    assert asker.deliver(record)[1] == answer
    assert effects(chain) == before


@pytest.mark.acceptance("B23")
def test_the_whole_chain_works_with_service_2_in_python(chain):
    start(chain, "command-center", "service-1")
    service_2(chain, "python")
    done = publish(chain)
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "fulfilled", done.stderr
    assert len(orders(chain)) == 1 and stock(chain) == {"tea": 99, "cup": 99}


@pytest.mark.acceptance("B6")
def test_nothing_of_an_order_can_be_read_on_any_topic(chain):
    of_other_tests = {name for name in topics_of(chain) if not name.startswith(("internal.", "pouch"))}
    start(chain, "command-center", "service-1", "service-2")
    user, order = f"user-{uuid.uuid4().hex}", f"order-{uuid.uuid4().hex}"
    amounts = [round(whole + random.random(), 7) for whole in (77, 88888)]  # such as nothing else holds, times included
    for amount in amounts:
        payload = {**ORDER, "userId": user, "orderId": order, "amount": amount}
        done = chain.pouch.run("request", "--publisher", "initial-publisher", "-o", "json", stdin=json.dumps(payload))
        rows_of(chain, json.loads(done.stdout)["request_id"], 5)
    records = everything_on(chain, *topics_of(chain) - of_other_tests)
    assert {INBOX, FIRST, SECOND, "pouch-cli.replies"} <= {record.topic() for record in records}
    for record in records:
        whole = b" ".join([record.key() or b"", record.value() or b"", *(value or b"" for _, value in record.headers() or [])])
        for secret in (user, order, *map(str, amounts)):
            assert secret.encode() not in whole and secret.encode().hex().encode() not in whole, (record.topic(), secret)
    kept = b"".join(path.read_bytes() for path in (chain.pouch.folder / "store").iterdir())
    said = "".join(program.stdout() + program.stderr() for program in chain.pouch.programs)
    assert user.encode() not in kept and user not in said and str(amounts[0]) not in said


@pytest.mark.acceptance("B26")
def test_each_part_refuses_without_a_key(chain):
    for name in ("ENCRYPTION_KEY", "POUCH_KEY_FILE"):
        chain.pouch.env[name] = ""
    for part in ("command-center", "service-1", "service-2", "publisher"):
        done = subprocess.run([chain.run, part], env=chain.pouch.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 78 and done.stdout == "", part
        assert "there is no key" in done.stderr and "ENCRYPTION_KEY" in done.stderr and "pouch key new" in done.stderr
    there = AdminClient({"bootstrap.servers": chain.pouch.brokers}).list_topics(timeout=60).topics
    assert not set(TOPICS) & set(there), "and nothing was made"
    assert not (chain.pouch.folder / "store").exists()


@pytest.mark.acceptance("B26")
@pytest.mark.parametrize("words", [[], ["service-3"], ["service-1", "1"], ["publisher", "1", "2"]])
def test_what_is_no_part_of_the_chain_is_a_usage_error(chain, words):
    done = subprocess.run([chain.run, *words], env=chain.pouch.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "command-center|service-1|service-2|publisher" in done.stderr


@pytest.mark.acceptance("B23", "B26")
def test_topics_and_routes_are_made_once_and_a_disabled_route_stays_disabled(chain):
    start(chain, "command-center")
    routes = {row["publisher"]: (row["id"], row["targets"]) for row in json.loads(chain.pouch.ok("route", "list", "-o", "json"))}
    assert routes == ROUTES
    chain.pouch.ok("route", "disable", "initial-publisher")
    done = publish(chain)
    assert done.returncode == 1 and "route_disabled" in done.stderr
    assert json.loads(chain.pouch.ok("route", "show", "initial-publisher", "-o", "json"))["enabled"] is False


@pytest.mark.acceptance("B26")
def test_the_center_gets_no_key(chain):
    start(chain, "command-center")
    [center] = chain.pouch.programs
    environment = open(f"/proc/{center.process.pid}/environ", "rb").read()
    assert chain.pouch.key.encode() not in environment and b"ENCRYPTION_KEY" not in environment


def test_a_broker_that_is_not_there_is_told(chain):
    chain.pouch.env["POUCH_BROKERS"] = "127.0.0.1:1"
    done = publish(chain)
    assert done.returncode == os.EX_UNAVAILABLE and "127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("words", [["publisher", "many"], ["publisher", "1", "2"], ["service_2", "a", "b"]])
def test_what_a_program_does_not_take_is_a_usage_error(words):
    done = subprocess.run([BUILT / words[0], *words[1:]], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "usage:" in done.stderr


def test_a_folder_that_cannot_be_made_is_told(chain):
    chain.data.write_text("a file in the way")
    done = subprocess.run([BUILT / "service_2", chain.data], env=chain.pouch.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 73 and str(chain.data) in done.stderr
