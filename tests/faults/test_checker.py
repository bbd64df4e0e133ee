"""The checker finds every fault that is planted in a history, and nothing else."""

import os
import random
import time
import uuid
import zlib

import checker
import history
import pytest

SEEDS = 40
CLIENTS, KEYS = 3, 5


def clean(rng, requests):
    """A history in which nothing is wrong: of each request all events, in a list of its own."""
    told, offsets, numbers, t = [], {}, {}, 0
    for _ in range(requests):
        by, key = f"client-{rng.randrange(CLIENTS)}", f"key-{rng.randrange(KEYS)}"
        number = numbers[by, key] = numbers.get((by, key), 0) + 1
        request_id, value = str(uuid.UUID(int=rng.getrandbits(128))), f"{rng.getrandbits(64):x}"
        partition = zlib.crc32(f"{by}/{key}".encode()) % 3
        offset = offsets[partition] = offsets.get(partition, -1) + rng.randint(1, 3)
        t += rng.randint(1, 1000)
        fails = rng.random() < 0.1
        outcome = {"code": "no_route"} if fails else {"value": value}
        events = [{"e": "invoke", "value": value, "key": f"{by}/{key}", "n": number}, {"e": "accepted", "at": f"inbox/{partition}/{offset}"}]
        events += [{"e": "letter", "code": "no_route"}] if fails else [{"e": "routed", "at": f"target/{partition}/{offset}", "stored": t}, {"e": "run", "value": value}]
        events += [{"e": "answer", "at": f"replies/0/{t}", **outcome}, {"e": "fail" if fails else "ok", **outcome}]
        told.append([{"t": t + n, "by": by, "id": request_id, **event} for n, event in enumerate(events)])
    return told


def of(events, *kinds):
    return next((event for event in events if event["e"] in kinds), None)


def drop(events, *kinds):
    events[:] = [event for event in events if event["e"] not in kinds]


# Each spoils what happened to one request.

def unended(events, _):
    drop(events, *checker.ENDS)


def ended_twice(events, _):
    events.append(dict(of(events, *checker.ENDS)))


def unasked(events, _):
    drop(events, "invoke")


def lost(events, _):
    drop(events, "answer", "letter")
    of(events, *checker.ENDS).update(e="info", code="timeout")


def crossed(events, rng):
    event = rng.choice([event for event in events if event["e"] != "invoke" and "value" in event])
    event["value"] += "0"


def twice(*kinds):
    def spoil(events, _):
        event = of(events, *kinds)
        events.append(event | ({"at": event["at"] + "9"} if "at" in event else {}))

    return spoil


# How each fault is planted, and what a request must have had for it.
PLANTS = {
    "unended": (unended, ()), "ended_twice": (ended_twice, ()), "unasked": (unasked, ()), "lost": (lost, ()),
    "crossed": (crossed, ("run",)), "run_twice": (twice("run"), ("run",)), "routed_twice": (twice("routed"), ("routed",)),
    "answered_twice": (twice("answer"), ()), "lettered_twice": (twice("letter"), ("letter",)),
}


def swap_neighbours(told, free, rng, wanted):
    """Pairs of a key, the later of which came first: the ids of the earlier ones."""
    by_key, found = {}, set()
    for events in told:
        by_key.setdefault(of(events, "invoke")["key"], []).append(events)
    chances = [(one, other) for mates in by_key.values() for one, other in zip(mates[::2], mates[1::2])
               if id(one) in free and id(other) in free and of(one, "routed") and of(other, "routed")]
    for one, other in rng.sample(chances, wanted):
        a, b = of(one, "routed"), of(other, "routed")
        a["at"], b["at"] = b["at"], a["at"]
        free -= {id(one), id(other)}
        found.add(a["id"])
    return found


def plant(told, rng, each):
    """Each kind of fault at random places, never two at one: ids by kind."""
    free = {id(events) for events in told}
    planted = {"reordered": swap_neighbours(told, free, rng, each)}
    for name, (spoil, needs) in PLANTS.items():
        chosen = rng.sample([events for events in told if id(events) in free and all(of(events, need) for need in needs)], each)
        free -= {id(events) for events in chosen}
        planted[name] = {events[0]["id"] for events in chosen}
        for events in chosen:
            spoil(events, rng)
    return planted


def flat(told, rng):
    """As from several files, one of which was read after the other."""
    events = [event for events in told for event in events]
    rng.shuffle(events)
    return events


@pytest.fixture
def seeds():
    """FAULTS_SEED=N repeats one."""
    given = os.environ.get("FAULTS_SEED")
    first = time.time_ns() % 10**9
    return [int(given)] if given else range(first, first + SEEDS)


def test_a_history_without_a_fault_has_none(seeds):
    for seed in seeds:
        rng = random.Random(seed)
        wrong, figures = checker.check(flat(clean(rng, 300), rng))
        assert not any(wrong.values()), f"seed {seed}: {wrong}"
        assert figures["calls"] == figures["accepted"] == 300 == sum(figures["ended"].values())


def test_every_planted_fault_is_found_and_nothing_else(seeds):
    for seed in seeds:
        rng = random.Random(seed)
        told = clean(rng, 400)
        planted = plant(told, rng, rng.randint(1, 6))
        wrong, figures = checker.check(flat(told, rng))
        assert wrong == planted, f"seed {seed}"
        assert set(planted) == {*checker.NEVER, *checker.COUNTED.values()} and all(figures[name] == len(ids) for name, ids in planted.items())


def test_what_was_stored_after_its_call_had_ended_has_no_place_in_an_order_and_all_else_has(seeds):
    for seed in seeds:
        rng = random.Random(seed)
        told = clean(rng, 400)
        free, each = {id(events) for events in told}, rng.randint(1, 6)
        late, reordered = swap_neighbours(told, free, rng, each), swap_neighbours(told, free, rng, each)
        for events in told:
            if events[0]["id"] in late:
                of(events, "routed")["stored"] = of(events, *checker.ENDS)["t"] + 1
        wrong, figures = checker.check(flat(told, rng))
        assert wrong["reordered"] == reordered, f"seed {seed}"
        assert figures["reordered_late"] == figures["routed_late"] == len(late), f"seed {seed}"


def test_what_was_done_again_is_counted_each_time():
    begin = [{"t": 0, "by": "a", "e": "invoke", "id": "1", "value": "v"}, {"t": 9, "by": "a", "e": "ok", "id": "1", "value": "v"}]
    _, figures = checker.check([*begin, *3 * [{"t": 1, "by": "w", "e": "run", "id": "1", "value": "v"}]])
    assert figures["run_twice"] == 1 and figures["run_again"] == 2


def test_calls_of_a_client_that_was_killed_need_no_end():
    asked = [{"t": 0, "by": who, "e": "invoke", "id": who, "value": who} for who in ("killed", "lives")]
    wrong, _ = checker.check([*asked, {"t": 1, "by": "test", "e": "killed", "who": "killed"}])
    assert wrong["unended"] == {"lives"}


def test_recovery_is_timed_from_when_all_was_well_again():
    def ok(t):
        return {"t": t * 10**9, "by": "a", "e": "ok", "id": str(t), "value": ""}

    def mended(t):
        return {"t": t * 10**9, "by": "test", "e": "mark", "what": "mended"}

    _, figures = checker.check([ok(1), ok(2), mended(10), ok(13), ok(14), mended(15)])
    assert figures["resumed_s"] == [3, None] and figures["longest_gap_s"] == 11


def test_the_half_line_of_a_killed_process_is_passed_over(tmp_path):
    written = history.History(tmp_path / "one", "one")
    written.note("invoke", id="1", value="v")
    written.close()
    with (tmp_path / "one").open("a") as file:
        file.write('{"t":1,"by":"one","e":"in')
    assert [event["e"] for event in history.read(tmp_path / "one")] == ["invoke"]


def test_the_command_ends_with_1_when_a_promise_was_broken(tmp_path, capsys, monkeypatch):
    rng = random.Random(1)
    told = clean(rng, 50)
    for spoil, code in ((None, 0), (lost, 1)):
        if spoil:
            spoil(told[7], rng)
        path = tmp_path / f"history-{code}"
        written = history.History(path, "test")
        for event in flat(told, rng):
            written.note(event["e"], **{name: value for name, value in event.items() if name not in ("by", "e")})
        written.close()
        monkeypatch.setattr("sys.argv", ["checker.py", str(path)])
        with pytest.raises(SystemExit) as ended:
            checker.main()
        assert ended.value.code == code
        assert ("lost: " + told[7][0]["id"] in capsys.readouterr().err) == bool(code)
