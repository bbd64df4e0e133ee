"""What RFC 9112 and RFC 9110 ask of an origin server, section by section: bytes to send, and what has to come of them.

A rule ends in one of four ways. answered: the next request on the connection is answered too. last: it is not, and the connection ends.
refused: as last, and no handler has seen anything. unanswered: the client stops in the middle, and nothing comes back.

The names in capitals are those of the cases of Http11Probe (https://github.com/MDA2AV/Http11Probe, its 215 cases of February 2026) whose idea a rule
covers, among them all of its 113 with the level MUST; of the others there are missing the 9 that ask which optional features a server has, and 5 that want
an application which shows the cookies it got. Bytes and expectations are our own, and stricter where a server may choose."""

import json
from typing import NamedTuple

VALUE = {"n": 1}
BODY = json.dumps({"value": VALUE}, separators=(",", ":"))
LENGTH = f"Content-Length: {len(BODY)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
ASK = "/kafka/request/TOPIC"  # of the test, which has a worker that gives back what it gets
HOST = "Host: localhost\r\n"
JSON = "Content-Type: application/json\r\n"


def get(fields="", target="/livez", version="HTTP/1.1", host=HOST, method="GET"):
    return f"{method} {target} {version}\r\n{host}{fields}\r\n"


def post(fields, body="", version="HTTP/1.1", target=ASK):
    return f"POST {target} {version}\r\n{HOST}{JSON}{fields}\r\n{body}"


def in_chunks(*chunks, end="0\r\n\r\n"):
    return "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks) + end


def chunk_line(line):
    """The body behind a size line as it is given."""
    return f"{line}{BODY}\r\n0\r\n\r\n"


WHOLE = in_chunks(BODY)
EMBEDDED = post(LENGTH, BODY)  # a request that stands in a body, and must never be taken for one


class Rule(NamedTuple):
    section: str
    sent: str
    statuses: tuple  # of the answers to it
    kept: bool  # the next request is answered
    ends: bool = False  # the client sends nothing more
    says: str = ""  # stands in the last of the answers
    probe: tuple = ()

    def asks(self):
        """How many requests reach the worker, with the one that follows."""
        return self.kept + (self.sent.startswith("POST") and f" {ASK} " in self.sent and 200 in self.statuses)


def answered(section, sent, *probe, status=200, says=""):
    return Rule(section, sent, status if isinstance(status, tuple) else (status,), True, says=says, probe=probe)


def last(section, sent, *probe, status=200, says=""):
    return answered(section, sent, *probe, status=status, says=says)._replace(kept=False)


def refused(section, sent, *probe, status=400):
    return last(section, sent, *probe, status=status)


def unanswered(section, sent, *probe):
    return Rule(section, sent, (), False, ends=True, probe=probe)


MESSAGES = [
    answered("9112 2.2", get(), "COMP-BASELINE", "SMUG-PIPELINE-SAFE"),
    answered("9112 2.2", "\r\n" + get(), "COMP-LEADING-CRLF"),
    refused("9112 2.2", "\r\n" * 40 + get()),
    refused("9112 2.2", "GET /livez HTTP/1.1\nHost: localhost\r\n\r\n", "RFC9112-2.2-BARE-LF-REQUEST-LINE"),
    refused("9112 2.2", "GET /livez HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", "RFC9112-2.2-BARE-LF-HEADER"),
    refused("9112 2.2", f"GET /livez HTTP/1.1\r\n{HOST}\n"),
    refused("9112 2.2", "GET /livez HTTP/1.1\rHost: localhost\r\n\r\n", "RFC9112-3-CR-ONLY-LINE-ENDING"),
    refused("9112 2.2", get("X: a\rb\r\n"), "SMUG-BARE-CR-HEADER-VALUE"),
    refused("9112 2.2", get("X: a\rTransfer-Encoding: chunked\r\n")),
    refused("9112 2.2", get(host=" X: y\r\n" + HOST), "COMP-WHITESPACE-BEFORE-HEADERS"),
    refused("9112 2.2", get(host=" \r\n" + HOST)),
    refused("9112 2.2", "   \r\n\r\n", "MAL-WHITESPACE-ONLY-LINE"),
    refused("9112 2.2", "\x80\x00\xff\x01\r\n\r\n", "MAL-BINARY-GARBAGE"),
    refused("9112 2.2", "\x16\x03\x01\x02\x00"),
    refused("9112 2.2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "MAL-H2-PREFACE", status=505),
    unanswered("9112 2.2", "", "MAL-EMPTY-REQUEST"),
    unanswered("9112 8", "GET /livez HTTP/1.1\r\nHost: loc", "MAL-INCOMPLETE-REQUEST"),
    answered("9112 2.3", get(version="HTTP/1.2"), "COMP-HTTP12-VERSION"),
    refused("9112 2.3", get(version="HTTP/9.9"), "RFC9112-2.3-INVALID-VERSION", status=505),
    refused("9112 2.3", get(version="HTTP/2.0"), status=505),
    refused("9112 2.3", get(version="HTTP/1"), "COMP-VERSION-MISSING-MINOR"),
    refused("9112 2.3", get(version="HTTP/01.01"), "COMP-VERSION-LEADING-ZEROS"),
    refused("9112 2.3", get(version="HTTP/1.10")),
    refused("9112 2.3", get(version="HTTP/ 1.1"), "COMP-VERSION-WHITESPACE"),
    refused("9112 2.3", get(version="http/1.1")),
    refused("9112 2.3", get(version="HTTP/1,1")),
    refused("9112 2.3", "GET /livez\r\n", "RFC9112-2.3-HTTP09-REQUEST"),
]

REQUEST_LINES = [
    refused("9112 3", "GET  /livez HTTP/1.1\r\n" + HOST + "\r\n", "RFC9112-3-MULTI-SP-REQUEST-LINE"),
    refused("9112 3", " " + get()),
    refused("9112 3", get(version="HTTP/1.1 ")),
    refused("9112 3", "GET\t/livez\tHTTP/1.1\r\n" + HOST + "\r\n", "COMP-REQUEST-LINE-TAB"),
    refused("9112 3", "GET HTTP/1.1\r\n" + HOST + "\r\n", "RFC9112-3-MISSING-TARGET"),
    refused("9112 3", "GET\r\n" + HOST + "\r\n"),
    refused("9112 3", get(target="/livez y")),
    refused("9112 3", get(target="/livez\x00"), "MAL-NUL-IN-URL"),
    refused("9112 3", get(target="/liv\xc3\xa9z"), "MAL-NON-ASCII-URL"),
    refused("9112 3", get(target="/\xc0\xaf"), "MAL-URL-OVERLONG-UTF8"),
    answered("3629 3", get(target="/%C0%AF"), status=400),
    answered("9110 5.5", get(target="/livez%00"), "MAL-URL-PERCENT-NULL", status=400),
    answered("9110 5.5", get(target="/livez%0d%0aX:%20y"), "MAL-URL-PERCENT-CRLF", status=400),
    refused("9112 3", get(target="/a\\..\\livez"), "MAL-URL-BACKSLASH"),
    answered("9112 3", get(target="/" + "a" * 7900), "COMP-LONG-URL-OK", status=404),
    refused("9112 3", get(target="/" + "a" * 70000), "MAL-LONG-URL", status=414),
    refused("9112 3.1", get(method="G@T")),
    refused("9112 3.1", get(method="")),
    answered("9110 9.1", get(method="BREW"), "COMP-UNKNOWN-METHOD", status=501),
    answered("9110 9.1", get(method="get"), "COMP-METHOD-CASE", status=501),
    answered("9112 3.1", get(method="A" * 1000), status=501),
    refused("9112 3.1", get(method="A" * 70000), "MAL-LONG-METHOD", status=414),
    refused("9112 3.2", get(target="/livez#top"), "RFC9112-3.2-FRAGMENT-IN-TARGET"),
    refused("9112 3.2", get(host=""), "RFC9112-7.1-MISSING-HOST"),
    refused("9112 3.2", get(host=HOST + "Host: b\r\n"), "RFC9110-5.4-DUPLICATE-HOST"),
    refused("9112 3.2", get(host=HOST + HOST), "COMP-DUPLICATE-HOST-SAME"),
    refused("9112 3.2", get(host="Host: a b\r\n")),
    refused("9112 3.2", get(host="Host: me@localhost\r\n"), "COMP-HOST-WITH-USERINFO"),
    refused("9112 3.2", get(host="Host: localhost/livez\r\n"), "COMP-HOST-WITH-PATH"),
    refused("9112 3.2", get(host="Host:\r\n"), "COMP-HOST-EMPTY-VALUE"),
    refused("9112 3.2", get(host="Host: a,b\r\n"), "SMUG-MULTIPLE-HOST-COMMA"),
    refused("9112 3.2", get(host="Host: localhost:8x\r\n")),
    refused("9112 3.2", get(host="Host: ::1\r\n")),
    answered("9112 3.2", get(host="Host: [::1]:80\r\n")),
    last("9112 3.2", get(host="", version="HTTP/1.0"), "COMP-HTTP10-NO-HOST", "COMP-HTTP10-DEFAULT-CLOSE"),
    refused("9112 3.2", get(host=HOST + HOST, version="HTTP/1.0")),
    answered("9112 3.2.2", get(target="http://localhost/livez"), "COMP-ABSOLUTE-FORM"),
    answered("9112 3.2.2", get(target="HTTP://localhost:80/livez?a")),
    answered("9112 3.2.2", get(target="http://elsewhere.example/statusz"), "SMUG-ABSOLUTE-URI-HOST-MISMATCH", status=403),
    answered("9112 3.2.2", get(target="http://localhost/statusz", host="Host: elsewhere.example\r\n")),
    refused("9112 3.2.2", get(target="http://me@localhost/livez")),
    refused("9112 3.2.2", get(target="http:///livez")),
    refused("9112 3.2.2", get(target="ftp://localhost/livez")),
    refused("9112 3.2.2", get(target="http://localhost/livez", host="")),
    refused("9112 3.2.3", get(target="localhost:80", method="CONNECT"), "COMP-METHOD-CONNECT"),
    refused("9112 3.2.3", get(target="localhost:80")),
    refused("9112 3.2.4", get(target="*"), "COMP-ASTERISK-WITH-GET"),
    answered("9112 3.2.4", get(target="*", method="OPTIONS"), "COMP-OPTIONS-STAR", status=204),
]

FIELDS = [
    refused("9112 5", get(": y\r\n"), "RFC9112-5-EMPTY-HEADER-NAME"),
    refused("9112 5", get("X[1]: y\r\n"), "RFC9112-5-INVALID-HEADER-NAME"),
    refused("9112 5", get("nonsense\r\n"), "RFC9112-5-HEADER-NO-COLON"),
    refused("9112 5", get("X\xe9: y\r\n"), "MAL-NON-ASCII-HEADER-NAME"),
    refused("9112 5", get("X\tY: z\r\n"), "NORM-TAB-IN-NAME"),
    refused("9112 5.1", get("X : y\r\n"), "RFC9110-5.6.2-SP-BEFORE-COLON"),
    refused("9112 5.1", get("X\t: y\r\n")),
    refused("9112 5.1", post("Content-Length : 17\r\n", BODY), "NORM-SP-BEFORE-COLON-CL"),
    refused("9112 5.1", post("Transfer-Encoding : chunked\r\n", WHOLE), "SMUG-TE-SP-BEFORE-COLON"),
    refused("9112 5.2", get("X: a\r\n b\r\n"), "RFC9112-5.1-OBS-FOLD"),
    refused("9112 5.2", get("X: a\r\n\tb\r\n")),
    refused("9112 5.2", post("Transfer-Encoding:\r\n chunked\r\n", WHOLE), "SMUG-TE-OBS-FOLD"),
    refused("9112 5.2", get("Transfer-Encoding:\r\n chunked\r\n", method="OPTIONS") + WHOLE, "SMUG-OPTIONS-TE-OBS-FOLD"),
    answered("9110 5.1", post("TRANSFER-ENCODING: chunked\r\n", WHOLE), "NORM-CASE-TE"),
    answered("9110 5.1", get("Content_Length: 5\r\n"), "NORM-UNDERSCORE-CL"),
    answered("9110 5.1", get("Transfer_Encoding: chunked\r\n"), "NORM-UNDERSCORE-TE", "SMUG-TRANSFER_ENCODING"),
    refused("9110 5.3", post(LENGTH + "Content-Type: text/plain\r\n", BODY), "COMP-DUPLICATE-CT"),
    refused("9110 5.3", get("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")),
    refused("9110 5.4", get(f"X: {'a' * 70000}\r\n"), "MAL-LONG-HEADER-VALUE", status=431),
    refused("9110 5.4", get(f"{'a' * 70000}: x\r\n"), "MAL-LONG-HEADER-NAME", status=431),
    refused("9110 5.4", get("X: y\r\n" * 1000), "MAL-MANY-HEADERS", status=431),
    refused("9110 5.5", get("X: a\x00b\r\n"), "MAL-NUL-IN-HEADER-VALUE"),
    refused("9110 5.5", get("X: a\x01\x08b\r\n"), "MAL-CONTROL-CHARS-HEADER"),
    refused("9110 5.5", get("X: a\x7f\r\n")),
    answered("9110 5.5", get("X: caf\xe9 \t\r\nY:\r\n")),
    answered("6265 5.4", get("Cookie: a=1; b=\r\n"), "COOK-PARSED-EMPTY-VAL"),
    answered("6265 5.4", get("Cookie:\r\n"), "COOK-EMPTY"),
    answered("6265 5.4", get("Cookie: ===;;;\r\n"), "COOK-MALFORMED"),
    answered("6265 5.4", get("Cookie: a=1\r\nCookie: b=2\r\n"), "COOK-MULTI-HEADER"),
    answered("6265 5.4", get(f"Cookie: {'; '.join(f'k{i}=v{i}' for i in range(1000))}\r\n"), "COOK-MANY-PAIRS"),
    refused("6265 5.4", get(f"Cookie: a={'x' * 65536}\r\n"), "COOK-OVERSIZED", status=431),
    refused("6265 5.4", get("Cookie: a=\x00\r\n"), "COOK-NUL"),
    refused("6265 5.4", get("Cookie: a=\x01\x02\r\n"), "COOK-CONTROL-CHARS"),
]

CODINGS = [
    refused("9112 6.1", post(LENGTH + CHUNKED, WHOLE), "SMUG-CL-TE-BOTH"),
    refused("9112 6.1", post(CHUNKED + LENGTH, WHOLE)),
    refused("9112 6.1", post("Content-Length: 4\r\n" + CHUNKED, "0\r\n\r\n"), "SMUG-CLTE-PIPELINE", "SMUG-CLTE-CONN-CLOSE"),
    refused("9112 6.1", post(CHUNKED + "Content-Length: 30\r\n", "0\r\n\r\n"), "SMUG-TECL-PIPELINE", "SMUG-TECL-CONN-CLOSE"),
    refused("9112 6.1", post("Content-Length: 6\r\n" + CHUNKED, "0\r\n\r\nX"), "SMUG-CLTE-DESYNC"),
    refused("9112 6.1", post(CHUNKED + "Content-Length: 30\r\n", "0\r\n\r\n" + "X" * 25), "SMUG-TECL-DESYNC"),
    *(refused("9112 6.1", post(f"Content-Length: {length}\r\n{coding}", f"0\r\n\r\n{inner}"), name) for length, coding, inner, name in (
        (5, CHUNKED, EMBEDDED, "SMUG-CLTE-SMUGGLED-GET"),
        (5, CHUNKED, get(method="HEAD"), "SMUG-CLTE-SMUGGLED-HEAD"),
        ("+5", CHUNKED, EMBEDDED, "SMUG-CLTE-SMUGGLED-GET-CL-PLUS"),
        ("5x", CHUNKED, EMBEDDED, "SMUG-CLTE-SMUGGLED-GET-CL-NON-NUMERIC"),
        (5, "Transfer-Encoding:\r\n chunked\r\n", EMBEDDED, "SMUG-CLTE-SMUGGLED-GET-TE-OBS-FOLD"),
        (5, "Transfer-Encoding: chunked \r\n", EMBEDDED, "SMUG-CLTE-SMUGGLED-GET-TE-TRAILING-SPACE"),
        (5, "Transfer-Encoding: , chunked\r\n", EMBEDDED, "SMUG-CLTE-SMUGGLED-GET-TE-LEADING-COMMA"),
        (5, "Transfer-Encoding: Chunked\r\n", EMBEDDED, "SMUG-CLTE-SMUGGLED-GET-TE-CASE-MISMATCH"),
        (5, CHUNKED + "Transfer-Encoding: identity\r\n", EMBEDDED, "SMUG-TE-DUPLICATE-HEADERS-SMUGGLED-GET"),
    )),
    refused("9112 6.1", post(f"{CHUNKED}Content-Length: 4\r\n", f"{len(EMBEDDED):x}\r\n{EMBEDDED}\r\n0\r\n\r\n"), "SMUG-TECL-SMUGGLED-GET"),
    refused("9112 6.1", post("Transfer-Encoding: xchunked\r\n" + LENGTH, BODY), "SMUG-TE-XCHUNKED"),
    refused("9112 6.1", post("Transfer-Encoding: chunked \r\n" + LENGTH, BODY), "SMUG-TE-TRAILING-SPACE"),
    refused("9112 6.1", post("Transfer-Encoding: identity\r\n" + LENGTH, BODY), "SMUG-TE-IDENTITY"),
    refused("9112 6.1", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n" + LENGTH, WHOLE), "SMUG-TE-DUPLICATE-HEADERS"),
    refused("9112 6.1", post(CHUNKED * 2, WHOLE)),
    refused("9112 6.1", post(CHUNKED, WHOLE, version="HTTP/1.0"), "SMUG-TE-HTTP10"),
    refused("9112 6.1", post("Transfer-Encoding: gzip, chunked\r\n", WHOLE), "COMP-UNKNOWN-TE-501", status=501),
    *(refused("9112 6.1", post(f"Transfer-Encoding: {coding}\r\n", WHOLE), *names) for coding, *names in (
        ("chunked, chunked", "SMUG-TE-DOUBLE-CHUNKED"), ("", "SMUG-TE-EMPTY-VALUE"), ("\x0bchunked", "SMUG-TE-VTAB"),
        ("\x0cchunked", "SMUG-TE-FORMFEED"), ("chunked\x00", "SMUG-TE-NULL"), ("chunked,", "SMUG-TE-TRAILING-COMMA"),
        (", chunked", "SMUG-TE-LEADING-COMMA"), ("chunked;q=1", "SMUG-CHUNKED-WITH-PARAMS"), ('"chunked"',), ("chu nked",),
    )),
    *(refused("9112 6.3", post(f"Transfer-Encoding: {coding}\r\n", WHOLE), *names) for coding, *names in (
        ("chunked, gzip", "SMUG-TE-NOT-FINAL-CHUNKED"), ("gzip",), ("gzip, identity",), ("xchunked",), ("identity",),
    )),
    answered("9112 6.1", post("Transfer-Encoding: Chunked\r\n", WHOLE), "SMUG-TE-CASE-MISMATCH"),
    answered("9112 6.1", post("Transfer-Encoding:\tchunked \r\n", WHOLE), "SMUG-TE-TAB-BEFORE-VALUE"),
]

LENGTHS = [
    answered("9112 6.2", post(LENGTH, BODY), "COMP-POST-CL-BODY"),
    answered("9112 6.2", post("Content-Length: 0\r\n"), "COMP-POST-CL-ZERO", status=400, says="invalid_payload"),
    answered("9112 6.3", post(""), "COMP-POST-NO-CL-NO-TE", status=400, says="invalid_payload"),
    answered("9112 6.2", get("Content-Length: 00\r\n"), "SMUG-CL-DOUBLE-ZERO"),
    answered("9112 6.2", post("Content-Length: 0017\r\n", BODY), "SMUG-CL-LEADING-ZEROS"),
    answered("9112 6.2", post("Content-Length: 017\r\n", BODY), "SMUG-CL-LEADING-ZEROS-OCTAL"),
    answered("9112 6.2", post("Content-Length: 17 \t\r\n", BODY), "SMUG-CL-TRAILING-SPACE"),
    answered("9112 6.2", post("Content-Length:   17\r\n", BODY), "SMUG-CL-EXTRA-LEADING-SP"),
    answered("9112 6.2", post("Content-Length:\t17\r\n", BODY), "MAL-CL-TAB-BEFORE-VALUE"),
    # What follows an empty body is the next request, whatever it is: here "XPOST", with a body that nobody wants.
    last("9112 6.2", post("Content-Length: 0\r\n", "X"), "SMUG-CL0-BODY-POISON", status=(400, 501)),
    unanswered("9112 6.2", post("Content-Length: 18\r\n", BODY), "COMP-POST-CL-UNDERSEND"),
    refused("9112 6.2", post("Content-Length: 999999999\r\n"), "MAL-POST-CL-HUGE-NO-BODY", status=413),
    refused("9110 8.6", post("Content-Length: 5\r\nContent-Length: 17\r\n", BODY), "SMUG-DUPLICATE-CL"),
    refused("9110 8.6", post(LENGTH * 2, BODY)),
    refused("9110 8.6", post(f"{LENGTH}Content-Length: 999\r\n", BODY + EMBEDDED), "SMUG-DUPLICATE-CL-SMUGGLED-GET"),
    *(refused("9110 8.6", post(f"Content-Length: {length}\r\n", BODY), *names) for length, *names in (
        ("17, 18", "SMUG-CL-COMMA-DIFFERENT"), ("17, 17", "SMUG-CL-COMMA-SAME"), ("17,17,17", "SMUG-CL-COMMA-TRIPLE"),
        ("seventeen", "RFC9112-6.1-CL-NON-NUMERIC"), ("17x",), ("+17", "RFC9112-6.1-CL-PLUS-SIGN"), ("-17", "SMUG-CL-NEGATIVE"),
        ("-0", "SMUG-CL-NEGATIVE-ZERO"), ("1_7", "SMUG-CL-UNDERSCORE"), ("0o21", "SMUG-CL-OCTAL"), ("0x11", "SMUG-CL-HEX-PREFIX"),
        ("1 7", "SMUG-CL-INTERNAL-SPACE"), ("", "MAL-CL-EMPTY"), ("18446744073709551633", "MAL-CL-OVERFLOW"), ("17.0",), ("\xb9\xb7",),
    )),
    # A body that nobody wants is not read, so the connection cannot go on.
    last("9110 9.3.1", get("Content-Length: 5\r\n") + "hello", "COMP-GET-WITH-CL-BODY", "SMUG-GET-CL-BODY-DESYNC"),
    last("9110 9.3.1", get(f"Content-Length: {len(EMBEDDED)}\r\n") + EMBEDDED),
    last("9110 9.3.1", get("Content-Length: 23\r\n") + "GET /livez HTTP/1.1\r\nX: ", "SMUG-GET-CL-PREFIX-DESYNC"),
    last("9110 9.3.2", get("Content-Length: 5\r\n", method="HEAD") + "hello", "SMUG-HEAD-CL-BODY"),
    last("9110 9.3.7", get("Content-Length: 5\r\n", method="OPTIONS") + "hello", "SMUG-OPTIONS-CL-BODY", "SMUG-OPTIONS-CL-BODY-DESYNC", status=204),
    last("9110 9.3.8", get("Content-Length: 5\r\n", method="TRACE") + "hello", "COMP-TRACE-WITH-BODY", status=405),
]

CHUNKS = [
    answered("9112 7.1", post(CHUNKED, WHOLE), "COMP-CHUNKED-BODY"),
    answered("9112 7.1", post(CHUNKED, in_chunks(*BODY)), "COMP-CHUNKED-MULTI"),
    answered("9112 7.1", post(CHUNKED, in_chunks()), "COMP-CHUNKED-EMPTY", status=400, says="invalid_payload"),
    answered("9112 7.1", post(CHUNKED, f"A\r\n{BODY[:10]}\r\n7\r\n{BODY[10:]}\r\n0\r\n\r\n"), "COMP-CHUNKED-HEX-UPPERCASE"),
    answered("9112 7.1", post(CHUNKED, chunk_line("00000011\r\n"))),
    answered("9112 7.1.1", post(CHUNKED, chunk_line("11;a;b=c;d=\"e;\\\"\r\n".replace('\\"', '\\""'))), "COMP-CHUNKED-EXTENSION"),
    answered("9112 7.1.2", post(CHUNKED, in_chunks(BODY, end="0\r\nX-Sum: 1\r\n\r\n")), "COMP-CHUNKED-TRAILER-VALID"),
    *(answered("9110 6.5.1", post(CHUNKED, in_chunks(BODY, end=f"0\r\n{field}\r\n\r\n")), f"SMUG-TRAILER-{name}") for name, field in (
        ("CL", "Content-Length: 500"), ("TE", "Transfer-Encoding: chunked"), ("HOST", "Host: elsewhere.example"),
        ("AUTH", "Authorization: Bearer none"), ("CONTENT-TYPE", "Content-Type: text/plain"),
    )),
    unanswered("9112 7.1", post(CHUNKED, f"11\r\n{BODY}\r\n"), "COMP-CHUNKED-NO-FINAL"),
    unanswered("9112 7.1", post(CHUNKED, f"11\r\n{BODY[:9]}")),
    *(refused("9112 7.1", post(CHUNKED, chunk_line(line)), *names) for line, *names in (
        ("0x11\r\n", "SMUG-CHUNK-HEX-PREFIX"), ("1_1\r\n", "SMUG-CHUNK-UNDERSCORE"), (" 11\r\n", "SMUG-CHUNK-LEADING-SP"),
        ("11 \r\n", "SMUG-CHUNK-SIZE-TRAILING-OWS"), ("-11\r\n", "SMUG-CHUNK-NEGATIVE"), ("+11\r\n", "SMUG-CHUNK-SIZE-PLUS"), ("\r\n",), ("g\r\n",),
        ("10000000000000011\r\n", "MAL-CHUNK-SIZE-OVERFLOW"), ("11\r", "SMUG-CHUNK-BARE-CR-TERM"), ("11\n",),
    )),
    refused("9112 7.1", post(CHUNKED, "fffffffffffffff\r\n"), status=413),
    refused("9112 7.1", post(CHUNKED, f"11\r\n{BODY}0\r\n\r\n"), "SMUG-CHUNK-MISSING-TRAILING-CRLF"),
    refused("9112 7.1", post(CHUNKED, f"5\r\n{BODY}\r\n0\r\n\r\n"), "SMUG-CHUNK-SPILL"),
    refused("9112 7.1", post(CHUNKED, f"11\r\n{BODY}\n0\r\n\r\n"), "SMUG-CHUNK-LF-TERM"),
    refused("9112 7.1", post(CHUNKED, "+0\r\n\r\nX"), "SMUG-CHUNK-INVALID-SIZE-DESYNC"),
    *(refused("9112 7.1.1", post(CHUNKED, chunk_line(line)), *names) for line, *names in (
        ("11;\r\n", "SMUG-CHUNK-BARE-SEMICOLON"), ("11;a\x00\r\n", "SMUG-CHUNK-EXT-CTRL"), ("11;a\rb\r\n", "SMUG-CHUNK-EXT-CR"),
        ("11;a\n", "SMUG-CHUNK-EXT-LF"), ("11;[a]=b\r\n", "SMUG-CHUNK-EXT-INVALID-TOKEN"), ('11;a="b\r\n',), ("11;a=\r\n",),
    )),
    refused("9112 7.1.1", post(CHUNKED, chunk_line(f"11;{'a' * 65536}\r\n")), "MAL-CHUNK-EXT-64K", status=431),
    refused("9112 7.1.2", post(CHUNKED, in_chunks(BODY, end="0\r\n\n")), "SMUG-CHUNK-LF-TRAILER"),
    refused("9112 7.1.2", post(CHUNKED, in_chunks(BODY, end="0\r\nX: a\r\n b\r\n\r\n"))),
    refused("9112 7.1.2", post(CHUNKED, in_chunks(BODY, end="0\r\nnonsense\r\n\r\n"))),
    refused("9112 7.1.2", post(CHUNKED, in_chunks(BODY, end=f"0\r\nX: {'a' * 65536}\r\n\r\n")), status=431),
]

CONNECTIONS = [
    answered("9112 9.3", get("Connection: keep-alive\r\n")),
    last("9112 9.3", get("Connection: keep-alive\r\n", version="HTTP/1.0")),
    last("9112 9.6", get("Connection: close\r\n"), "COMP-CONNECTION-CLOSE"),
    last("9112 9.6", get("Connection: x, Close ,y\r\n")),
    last("9112 9.6", post(LENGTH + "Connection: close\r\n", BODY)),
    answered("9112 9.3.2", get() + get(method="HEAD") + get(target="/nothing-here"), status=(200, 200, 404)),
    last("9112 9.6", get() + get("Connection: close\r\n") + get(), status=(200, 200)),
    *(answered("9110 7.8", get(fields), *names) for fields, *names in (
        ("Connection: Upgrade\r\nUpgrade: nonsense/7\r\n", "COMP-UPGRADE-UNKNOWN"),
        ("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "COMP-UPGRADE-MISSING-CONN"),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "COMP-UPGRADE-INVALID-VER"),
        ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",),
    )),
    answered("9110 7.8", post("Connection: Upgrade\r\nUpgrade: websocket\r\n" + LENGTH, BODY), "COMP-UPGRADE-POST"),
    last("9110 7.8", get("Connection: Upgrade\r\nUpgrade: websocket\r\n", version="HTTP/1.0"), "COMP-UPGRADE-HTTP10"),
]

# What holds of every answer is looked at in each of the others too: Date, Content-Type, no length in a 204, Allow in a 405, nothing behind HEAD.
SEMANTICS = [
    answered("9110 6.6.1", get(), "COMP-DATE-HEADER", "COMP-DATE-FORMAT", "COMP-CONTENT-TYPE"),
    answered("9110 9.3.2", get(method="HEAD"), "COMP-HEAD-NO-BODY"),
    answered("9110 9.3.7", get(method="OPTIONS"), "COMP-OPTIONS-ALLOW", "COMP-NO-CL-IN-204", status=204),
    answered("9110 9.3.8", get("Authorization: Bearer secret\r\n", method="TRACE"), "COMP-METHOD-TRACE", "COMP-TRACE-SENSITIVE", status=405),
    answered("9110 15.5.6", get(method="DELETE"), "COMP-405-ALLOW", status=405),
    answered("9110 10.1.1", post(LENGTH + "Expect: 100-continue\r\n", BODY), "SMUG-EXPECT-100-CL", "SMUG-EXPECT-100-CL-DESYNC"),
    answered("9110 10.1.1", get("Expect: 100-continue\r\n")),
    refused("9110 10.1.1", post(LENGTH + "Expect: 200-ok\r\n", BODY), "COMP-EXPECT-UNKNOWN", status=417),
    last("9110 10.1.1", post(LENGTH + "Expect: 100-continue\r\n", BODY, version="HTTP/1.0"), "COMP-NO-1XX-HTTP10"),
    answered("9110 12.5.1", get("Accept: nonsense/nothing;q=7\r\n"), "COMP-ACCEPT-NONSENSE"),
    answered("9110 13.2.1", get("If-Modified-Since: yesterday\r\nIf-None-Match: nonsense\r\n")),
    answered("9110 14.2", get("Range: bytes=abc\r\n"), "COMP-RANGE-INVALID"),
    answered("9110 14.2", get("Range: bytes=0-1,0-1,0-1,0-1\r\n"), "MAL-RANGE-OVERLAPPING"),
    answered("9110 14.2", post(LENGTH + "Range: bytes=0-1\r\n", BODY), "COMP-RANGE-POST"),
    refused("9110 15.5.16", post(LENGTH, BODY).replace(JSON, "Content-Type: text/x-nonsense\r\n"), "COMP-POST-UNSUPPORTED-CT", status=415),
]

RULES = MESSAGES + REQUEST_LINES + FIELDS + CODINGS + LENGTHS + CHUNKS + CONNECTIONS + SEMANTICS
