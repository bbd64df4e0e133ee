"""/v1/dead-letters where there are many: in pages from the newest on, keeping nobody else waiting, and stopped with its gateway."""

import json
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor, wait

import httpx
import independent
from conftest import PATIENCE, ROOT, wait_until
from gateway import Gateway

sys.path.insert(0, str(ROOT / "tests" / "faults"))
from proxy import proxied  # noqa: E402

PRODUCE = 0  # of Kafka's kinds of requests
THREADS = 4  # of a gateway, for calls of one kind
BEHIND = 8  # calls for which there is none


class Letters:
    """A dead-letter topic of its own with n letters that came from one topic, and the store that knows what became of them."""

    def __init__(self, pouch, n, partitions=1, rare=0):
        self.pouch, self.n = pouch, n
        name = uuid.uuid4().hex[:8]
        self.letters, self.source = pouch.topic(f"dlq-{name}", partitions=partitions), pouch.topic(f"source-{name}", partitions=1)
        pouch.env |= {"POUCH_STORE": f"sqlite://{pouch.folder}/store", "POUCH_DLQ_TOPIC": self.letters}
        producer = independent.producer(pouch.brokers)
        envelope = independent.seal(pouch.key, "{}")
        for i in range(n):
            # The times are those of clocks that disagree: they run back within each hundred.
            headers = [("pouch-dlq-code", "rare" if i < rare else "handler_error"), ("pouch-dlq-source", f"{self.source}/0/{i}"),
                       ("pouch-dlq-failed-at", str(1700000000000 + i * 1000 - 2000 * (i % 100)))]
            producer.produce(self.letters, envelope, partition=i % partitions, headers=headers)
            producer.poll(0)
        assert producer.flush(60) == 0


def whole_page(gateway, query):
    """A page is cut short where reading takes more than 5 s, and says so."""
    def look():
        said = gateway.get(f"/v1/dead-letters?{query}")
        assert said.status_code == 200, said.text
        return said.json()["complete"] and said.json()

    return wait_until(look, "a page that is complete", 2 * PATIENCE)


def pages(gateway, query):
    cursor, all_pages = "", []
    while cursor is not None:
        all_pages.append(whole_page(gateway, query + (f"&cursor={cursor}" if cursor else "")))
        cursor = all_pages[-1]["cursor"]
    return all_pages


def places(letters):
    return [(letter["partition"], letter["offset"]) for letter in letters]


def test_pages_show_each_letter_once_the_newest_of_each_partition_first(pouch):
    there = Letters(pouch, 5000, partitions=3, rare=4)
    gateway = Gateway(pouch).start()
    seen = []
    for page in pages(gateway, "limit=500"):
        assert len(page["letters"]) <= 500
        seen += places(page["letters"])
    assert len(seen) == len(set(seen)) == there.n, "none twice, none missed"
    for partition in range(3):
        offsets = [offset for of, offset in seen if of == partition]
        assert offsets == sorted(offsets, reverse=True)
    first = whole_page(gateway, "limit=10")
    assert places(first["letters"]) == seen[:10] and first["matching"] < there.n, "a page does not read the whole topic"

    [rare, *_] = pages(gateway, "limit=3&reason=rare")
    assert len(rare["letters"]) == 3 and {letter["code"] for letter in rare["letters"]} == {"rare"}
    assert sum(len(page["letters"]) for page in pages(gateway, "limit=3&reason=rare")) == 4
    stats = wait_until(lambda: (said := gateway.get("/v1/dead-letters/stats").json())["complete"] and said, "all being counted", 2 * PATIENCE)
    assert stats["letters"] == there.n
    listed = json.loads(pouch.ok("dlq", "list", "--limit", "300", "-o", "json"))
    assert places(listed) == seen[:300], "the command shows the same order"

    for cursor in ("x", "1..2", "-1", "1.2.", "." + "1", "f" * 16, ".".join("1" * 257)):
        assert gateway.get(f"/v1/dead-letters?cursor={cursor}").status_code == 400, cursor
    assert gateway.get("/v1/dead-letters?cursor=0.0.0").json()["letters"] == []


def waiting(gateway):
    return gateway.get("/statusz").json()["waiting_work"]


def test_letters_that_cannot_be_read_keep_no_other_call_waiting(pouch, kafka):
    """Each is given up after 5 s, so there are enough of them to wait for half a minute."""
    Letters(pouch, 10)
    with proxied(kafka) as (proxy, brokers), ThreadPoolExecutor(6 * THREADS) as threads:
        gateway = Gateway(pouch.through(brokers))
        gateway.pouch.env |= {name: pouch.env[name] for name in ("POUCH_STORE", "POUCH_DLQ_TOPIC")}
        gateway.start()
        proxy.blackhole()
        asked = [threads.submit(gateway.get, "/v1/dead-letters") for _ in range(6 * THREADS)]
        wait_until(lambda: waiting(gateway) > 0, "more being asked than there are threads for it")
        assert gateway.get("/v1/routes").status_code == 200
        assert waiting(gateway) > 0, "it was answered while more of those were asked than there are threads for them"
        gateway.kill()
        wait(asked)


def test_a_redrive_that_is_running_is_stopped_with_its_gateway_and_tells_what_was_sent(pouch, kafka):
    there = Letters(pouch, 1500)
    with proxied(kafka) as (proxy, brokers), ThreadPoolExecutor(1) as thread:
        gateway = Gateway(pouch.through(brokers), "--drain", "20s")  # half of it to wait for brokers, half to tell of it
        gateway.pouch.env |= {name: pouch.env[name] for name in ("POUCH_STORE", "POUCH_DLQ_TOPIC")}
        gateway.start()
        proxy.hold(PRODUCE)
        asked = thread.submit(gateway.post, "/v1/dead-letters/redrive", {"topic": there.source, "dry_run": False})
        wait_until(lambda: there.source.encode() in proxy.kept, "letters being sent")
        assert gateway.program.stop() == 0
        said = asked.result()
        assert said.status_code == 200, said.text
        done = said.json()
        assert (done["send"], done["sent"], done["stopped"]) == (1500, 0, True) and 0 < done["failed"] < 1500, done
    assert json.loads(pouch.ok("dlq", "stats", "-o", "json"))["open"] == 1500, "what is not known to be stored is not written down as sent"


def test_calls_that_do_not_end_do_not_keep_the_gateway_from_ending_and_those_behind_them_are_told(pouch, kafka):
    pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/store"
    topic = pouch.topic()
    with proxied(kafka) as (proxy, brokers), ThreadPoolExecutor(THREADS + BEHIND) as threads:
        gateway = Gateway(pouch.through(brokers), "--drain", "1s")
        gateway.start()
        proxy.blackhole()
        asked = [threads.submit(gateway.get, f"/v1/topics/{topic}") for _ in range(THREADS + BEHIND)]
        wait_until(lambda: waiting(gateway) == BEHIND, "all of the threads being in a call, and the others waiting")
        assert gateway.program.stop() != 0
        assert "has not ended within drain" in gateway.program.stderr()
        ended = [one.exception() or (one.result().status_code, one.result().json()["code"]) for one in asked]
        assert ended.count((503, "closed")) == BEHIND, ended
        assert sum(isinstance(one, httpx.HTTPError) for one in ended) == THREADS, ended
