"""Envelopes against a second, independent reading of the format: open_sealed.py beside this file."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from conftest import POUCH, ROOT, clean_environment  # noqa: E402
from open_sealed import Refused, open_envelope, seal_envelope  # noqa: E402

KEY = "8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f9276"
PAYLOADS = ['{"operation":"add","a":10,"b":5}', "null", "true", "0", "-1.5e-7", '""', '"Jl. Merdeka №123 🇮🇩 \\"x\\" \\u0000"',
            "[[[[[1]]]]]", "{}", "[]", json.dumps({"big": "x" * 100_000})]


def pouch(*words, lines, key=KEY):
    env = dict(clean_environment(), ENCRYPTION_KEY=key)
    return subprocess.run([POUCH, *words], input="".join(line + "\n" for line in lines).encode(), capture_output=True,
                          env=env, timeout=120)


def outcome(line):
    """What opening a line should come to: the plaintext, or None."""
    try:
        return open_envelope(line, bytes.fromhex(KEY))[0]
    except Refused:
        return None


def opened_by_pouch(lines):
    """The same of each of the lines, by `pouch open`."""
    done = subprocess.run([POUCH, "open"], input=b"".join(line + b"\n" for line in lines), capture_output=True, timeout=120,
                          env=dict(clean_environment(), ENCRYPTION_KEY=KEY))
    refused = {int(number) for number in re.findall(r"line (\d+):", done.stderr.decode())}
    assert done.returncode == (65 if refused else 0), done.stderr.decode()
    plain = iter(done.stdout.split(b"\n")[:-1])
    return [None if number in refused else next(plain) for number in range(1, len(lines) + 1)]


@pytest.mark.acceptance("A6", "A7", "A8")
@pytest.mark.parametrize("iv_bytes", [12, 16])
def test_what_pouch_seals_opens_elsewhere(iv_bytes):
    done = pouch("seal", "--iv-bytes", str(iv_bytes), "--publisher", "bank", "--reply-topic", "client-1.replies", lines=PAYLOADS)
    assert done.returncode == 0, done.stderr.decode()
    envelopes = done.stdout.splitlines()
    assert len(envelopes) == len(PAYLOADS)
    ids, ivs = set(), set()
    for envelope, payload in zip(envelopes, PAYLOADS):
        plain, read = open_envelope(envelope, bytes.fromhex(KEY))
        assert plain.decode() == payload
        assert set(json.loads(envelope)) == {"request_id", "worker_name", "data", "iv", "tag", "replyTopic"}
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", read["request_id"])
        assert re.fullmatch(rf"[0-9a-f]{{{2 * iv_bytes}}}", read["iv"])
        assert re.fullmatch(r"[0-9a-f]{32}", read["tag"])
        assert re.fullmatch(r"[0-9a-f]*", read["data"])
        assert (read["worker_name"], read["replyTopic"]) == ("bank", "client-1.replies")
        ids.add(read["request_id"])
        ivs.add(read["iv"])
    assert len(ids) == len(ivs) == len(PAYLOADS)


@pytest.mark.acceptance("A6", "A8")
@pytest.mark.parametrize("iv_bytes", range(12, 17))
def test_what_is_sealed_elsewhere_opens(iv_bytes):
    lines = [json.dumps(seal_envelope(payload.encode(), bytes.fromhex(KEY), iv_bytes, replyTopic="r")) for payload in PAYLOADS]
    done = pouch("open", lines=lines)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == PAYLOADS


@pytest.mark.acceptance("A8")
def test_hex_of_either_case_any_order_and_unknown_members_are_taken():
    envelope = seal_envelope(b'{"a":1}', bytes.fromhex(KEY), 12)
    upper = {name: value.upper() if name in ("data", "iv", "tag") else value for name, value in envelope.items()}
    turned = dict(reversed(list(envelope.items())), mac="x", more={"data": [1, {"iv": None}]}, replyTopic=None)
    lines = [json.dumps(upper), json.dumps(turned, separators=(" , ", " : ")), " \t" + json.dumps(envelope) + " "]
    done = pouch("open", lines=lines)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == ['{"a":1}'] * 3


@pytest.mark.acceptance("A6", "A8")
def test_a_peers_vectors_open_in_both_readings():
    vectors = [json.loads(line) for line in (ROOT / "tests" / "vectors" / "envelopes.jsonl").read_text().splitlines()]
    assert len(vectors) == 60
    lines = [vector["envelope"].encode() for vector in vectors]
    expected = [vector["plaintext"].encode() for vector in vectors]
    assert [outcome(line) for line in lines] == expected
    assert opened_by_pouch(lines) == expected


@pytest.mark.acceptance("A6")
def test_a_line_that_does_not_open_is_told_and_the_rest_goes_on():
    good = json.dumps(seal_envelope(b"1", bytes.fromhex(KEY)))
    foreign = json.dumps(seal_envelope(b"2", bytes(32)))
    done = pouch("open", lines=[good, foreign, "{}", good])
    assert done.returncode == 65
    assert done.stdout.decode().splitlines() == ["1", "1"]
    assert re.findall(r"line (\d+)", done.stderr.decode()) == ["2", "3"]


FRAGMENTS = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"null", b"true", b"NaN", b"-", b"0", b"1e5", b"1.", b"01",
             b"\\u005f", b"\\ud800", b"\\u00", b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xc3\xa9", b"\xc0\xaf", b"\xed\xa0\x80",
             b"\xf0\x9f\x98\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"g", b"F", b',"iv":null', b',"kid":"k"', b',"x":{"x":1,"x":2}',
             b',"replyTopic":"a b"', b',"request\\u005fid":"x"', b',"error":{"code":"x"}', b',"error":null', b"[" * 63, b"]" * 63]


def mutate(dice, line):
    """One to three small changes: a piece put in, left out, doubled, moved or overwritten."""
    for _ in range(dice.randint(1, 3)):
        at, n = dice.randrange(len(line)), dice.randint(1, 12)
        piece = line[at:at + n]
        line = dice.choice([
            lambda: line[:at] + dice.choice(FRAGMENTS) + line[at:],
            lambda: line[:at] + dice.choice(FRAGMENTS) + line[at + 1:],
            lambda: line[:at] + line[at + n:],
            lambda: line[:at] + piece + line[at:],
            lambda: line[:-1] + b',"x":' + dice.choice(FRAGMENTS) + b"}",
            lambda: line[:-1] + dice.choice(FRAGMENTS) + b"}",
            lambda: line.replace(b"_", b"\\u005f", 1),
            lambda: line.replace(b":", b" : ", 1),
        ])()
        if not line.strip():
            return b"{}"
    return line


@pytest.mark.acceptance("A8")
def test_both_readings_agree_on_every_mutation():
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    base = json.dumps(seal_envelope(b'{"a":1}', bytes.fromhex(KEY), 12, replyTopic="r", worker_name="w"), separators=(",", ":")).encode()
    lines = [mutate(dice, base) for _ in range(20_000)]
    expected = [outcome(line) for line in lines]
    assert sum(plain is not None for plain in expected) > 1000  # it is not all noise
    for line, want, got in zip(lines, expected, opened_by_pouch(lines)):
        assert got == want, f"seed {seed}: {line!r}"
