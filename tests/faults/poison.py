"""Records that are no requests, each of which must become a dead letter and hold up nobody."""

import re
import uuid


def some_id():
    return str(uuid.uuid4()).encode()


POISON = {
    "not JSON": b"not json",
    "empty": b"",
    "null": None,
    "a number": b"42",
    "duplicate keys": b'{"request_id":"%s","request_id":"%s","data":"","iv":"","tag":""}' % (some_id(), some_id()),
    "a hidden duplicate": b'{"request_id":"%s","request\\u005fid":"x"}' % some_id(),
    "deep nesting": b'{"a":' + b"[" * 10000 + b"]" * 10000 + b"}",
    "bad UTF-8": b'{"request_id":"\xff\xfe"}',
    "NUL": b'{"request_id":"\x00"}',
    "no tag": b'{"request_id":"%s","data":"00","iv":"%s"}' % (some_id(), b"0" * 24),
    "odd IV": b'{"request_id":"%s","data":"00","iv":"000","tag":"%s"}' % (some_id(), b"0" * 32),
    "bad tag": b'{"request_id":"%s","data":"00","iv":"%s","tag":"%s"}' % (some_id(), b"0" * 24, b"0" * 32),
    "bad hex": b'{"request_id":"%s","data":"zz","iv":"%s","tag":"%s"}' % (some_id(), b"0" * 24, b"0" * 32),
    "the largest record": b'{"x":"' + b"y" * 1047900 + b'"}',
}


def id_in(value):
    """The last that could be taken for a request's id; None: there is none."""
    found = re.findall(rb'"request(?:_|\\u005f)id":"([^"]*)"', value or b"")
    return found[-1].decode(errors="replace") if found else None
