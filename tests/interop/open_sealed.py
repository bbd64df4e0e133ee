#!/usr/bin/env python3
"""Seals and opens envelopes without any code of Pouch's: a second reading of docs/wire-format.md.

    open_sealed.py open KEY                      envelopes in, plaintexts out, a line each
    open_sealed.py seal KEY [--iv-bytes N] [--reply-topic T] [--publisher P]

KEY is 64 hex characters. The first line that does not open ends the program with exit 65.
"""

import argparse
import json
import os
import re
import sys
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
KID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
HEX = re.compile(r"([0-9A-Fa-f]{2})*")
SPACE = re.compile(r"[ \t\r\n]*")
DEPTH_MAX = 64
MEMBERS_MAX = 64
TAG_BYTES = 16


class Refused(Exception):
    """Not an envelope, or one that does not open."""


def refuse_constant(name):
    raise Refused(f"{name} is not JSON")


def depth(value):
    """Arrays and objects within one another; objects come as a tuple of pairs."""
    if isinstance(value, tuple):
        return 1 + max((depth(inner) for _, inner in value), default=0)
    if isinstance(value, list):
        return 1 + max((depth(inner) for inner in value), default=0)
    return 0


def raw_members(line):
    """The name and the value as it is written of each member of a valid JSON object."""
    decode = json.JSONDecoder().raw_decode
    at = line.index("{")
    while True:
        at = SPACE.match(line, at + 1).end()
        if line[at] == "}":
            return
        name, at = decode(line, at)
        at = SPACE.match(line, line.index(":", at) + 1).end()
        _, end = decode(line, at)
        yield name, line[at:end]
        at = SPACE.match(line, end).end()
        if line[at] == "}":
            return


def parse(line):
    """Each member's value as it is written; raises Refused for what is not one JSON object in UTF-8, or no safe one."""
    try:
        line = line.decode("utf-8")
        value = json.loads(line, object_pairs_hook=tuple, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as e:
        raise Refused(str(e)) from e
    if not isinstance(value, tuple) or depth(value) > DEPTH_MAX or len(value) > MEMBERS_MAX:
        raise Refused("no object, or too large")
    members = dict(raw_members(line))
    if len(members) < len(value):
        raise Refused("a name that comes twice: two readers might take two different ones")
    return members


def text(envelope, name, pattern):
    """A known member's text, checked; None when it is absent or null."""
    raw = envelope.get(name, "null")
    if raw == "null":
        return None
    if raw[0] != '"' or not pattern.fullmatch(raw[1:-1]) or raw in ('"."', '".."'):
        raise Refused(name)
    return raw[1:-1]


def open_envelope(line, key, kid=None):
    """The plaintext and the members of an envelope, by a key of that kid; raises Refused."""
    envelope = parse(line)
    read = {name: text(envelope, name, pattern)
            for name, pattern in (("request_id", UUID), ("data", HEX), ("iv", HEX), ("tag", HEX), ("replyTopic", NAME),
                                  ("worker_name", NAME), ("source_topic", NAME), ("kid", KID))}
    if None in (read["request_id"], read["data"], read["iv"], read["tag"]) or envelope.get("error", "null") != "null":
        raise Refused("not a sealed envelope")
    if read["kid"] not in (None, kid):
        raise Refused("sealed with another key")
    data, iv, tag = (bytes.fromhex(read[name]) for name in ("data", "iv", "tag"))
    if not 12 <= len(iv) <= 16 or len(tag) != TAG_BYTES:
        raise Refused("iv or tag")
    try:
        return AESGCM(key).decrypt(iv, data + tag, None), read
    except InvalidTag as e:
        raise Refused("does not open") from e


def seal_envelope(plaintext, key, iv_bytes=16, **names):
    """The members of an envelope around plaintext; names: replyTopic, worker_name, …"""
    iv = os.urandom(iv_bytes)
    sealed = AESGCM(key).encrypt(iv, plaintext, None)
    return {"request_id": str(uuid.uuid4()), "data": sealed[:-TAG_BYTES].hex(), "iv": iv.hex(),
            "tag": sealed[-TAG_BYTES:].hex(), **{name: value for name, value in names.items() if value}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["open", "seal"])
    parser.add_argument("key", type=bytes.fromhex)
    parser.add_argument("--iv-bytes", type=int, default=16)
    parser.add_argument("--reply-topic")
    parser.add_argument("--publisher")
    args = parser.parse_args()
    for number, line in enumerate(sys.stdin.buffer, 1):
        line = line.rstrip(b"\n")
        if args.what == "seal":
            out = json.dumps(seal_envelope(line, args.key, args.iv_bytes, replyTopic=args.reply_topic,
                                           worker_name=args.publisher), separators=(",", ":")).encode()
        else:
            try:
                out, _ = open_envelope(line, args.key)
            except Refused as e:
                print(f"line {number}: {e}", file=sys.stderr)
                return 65
        sys.stdout.buffer.write(out + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
