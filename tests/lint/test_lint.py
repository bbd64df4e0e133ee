"""The rules of the tree, as tests: rooms, libraries, exports, names, sizes, format, documents."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("POUCH_BUILD", ROOT / "build" / "release"))

# Which headers a package of rooms.txt brings.
PACKAGE_HEADERS = {
    "hiredis": ["hiredis/"],
    "jansson": ["jansson.h"],
    "yaml-0.1": ["yaml.h"],
    "libcrypto": ["openssl/"],
    "libpcre2-8": ["pcre2.h"],
    "libjwt": ["jwt.h"],
    "libssl": ["openssl/ssl.h"],
    "rdkafka": ["librdkafka/"],
    "libcurl": ["curl/"],
    "libevent_core": ["event2/"],
    "libevent_openssl": ["event2/bufferevent_ssl.h"],
    "ncurses": ["ncurses.h", "curses.h", "term.h"],
    "sqlite3": ["sqlite3.h"],
    "zlib": ["zlib.h"],
}
FUNCTION_LINES = 70
FILE_LINES = 700
COLUMNS = 120


def rooms():
    found = {}
    for line in (ROOT / "rooms.txt").read_text().splitlines():
        if line.startswith(("lib/", "app/")):
            path, needs, packages = (part.strip() for part in line.split(":"))
            found[path] = (needs.split(), packages.split())
    return found


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in out.splitlines() if (ROOT / name).is_file()]


def c_sources():
    return tracked("lib/*.c", "lib/*.h", "app/*.c", "app/*.h")


def all_c():
    return tracked("*.c", "*.h")


def test_a_room_names_only_rooms_above_it():
    seen = {"public"}
    for path, (needs, _) in rooms().items():
        assert set(needs) <= seen, f"{path} names a room that does not stand above it"
        seen.add(path.split("/")[1])


def test_every_folder_is_a_room():
    folders = {str(path.relative_to(ROOT).parent) for path in c_sources()} - {"app"}
    assert folders <= set(rooms())


@pytest.mark.parametrize("path", sorted(rooms()))
def test_a_room_includes_only_what_it_may(path):
    needs, packages = rooms()[path]
    name = path.split("/")[1]
    allowed_rooms = set(needs) | {name}
    room_names = {other.split("/")[1] for other in rooms()}
    allowed_headers = [header for package in packages for header in PACKAGE_HEADERS[package]]
    foreign = [header for headers in PACKAGE_HEADERS.values() for header in headers if header not in allowed_headers]
    for source in tracked(f"{path}/*"):
        for include in re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', source.read_text(), re.M):
            first = include.split("/")[0]
            where = f"{source.relative_to(ROOT)} includes {include}"
            if first in room_names and "/" in include:
                assert first in allowed_rooms, where
            assert not any(include.startswith(header) for header in foreign), where


def test_the_library_exports_just_what_the_public_headers_declare():
    declared = set()
    for header in tracked("include/pouch/*.h", "include/pouch/*.in"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        declared |= set(re.findall(r"POUCH_API [^;(]*?[ *\n](pouch_\w+)\(", text))
    library = BUILD / "libpouch.so"
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    exported = {line.split()[2].split("@")[0] for line in out.splitlines() if line.split()[1] in "TWBDRV"}
    assert exported == declared


def test_the_library_defines_no_name_that_could_clash_with_an_application():
    out = subprocess.run(["nm", "--defined-only", "-g", BUILD / "libpouch.a"], check=True, capture_output=True, text=True).stdout
    names = {fields[2] for fields in map(str.split, out.splitlines()) if len(fields) == 3}
    assert names
    assert not [name for name in names if not name.startswith(("pouch_", "pl_"))]


def test_names_of_the_program_begin_with_their_room():
    for source in tracked("app/*/*.h"):
        room = source.parent.name
        text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.S)
        names = re.findall(r"^(?:POUCH_MUST_CHECK )?[a-z][\w ]*?[ *](\w+)\([^;{]*\)[^;{]*;", text, re.M)
        wrong = [name for name in names if not name.startswith(room + "_") and not name.startswith("__")]
        assert not wrong, f"{source.relative_to(ROOT)}: {wrong}"


def test_no_name_begins_with_an_underscore():
    for source in all_c():
        text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.S)
        assert not re.findall(r"^(?:static )?\w[\w ]*[ *](_\w+)\([^;]*\) \{", text, re.M), source


def test_functions_fit_a_screen_and_files_are_about_one_thing():
    long = []
    for source in c_sources():
        lines = source.read_text().splitlines()
        if len(lines) > FILE_LINES:
            long.append(f"{source.relative_to(ROOT)}: {len(lines)} lines")
        start = None
        for number, line in enumerate(lines, 1):
            if re.match(r"^[a-z].*\) \{$", line) or (line == "{" and start is None):
                start = number
            elif line == "}" and start:
                if number - start > FUNCTION_LINES:
                    long.append(f"{source.relative_to(ROOT)}:{start}: {number - start} lines")
                start = None
    assert not long, "\n".join(long)


def test_nothing_unfinished_and_no_machine_is_named():
    patterns = re.compile(r"\b(TODO|FIXME|XXX)\b|/work/|/root/|/home/[a-z]")
    for source in tracked("*.c", "*.h", "*.py", "*.md", "*.sh", "*.cmake", "scripts/*", ".ci/*", "bench/*"):
        if source == Path(__file__).resolve():
            continue
        found = patterns.search(source.read_text(errors="replace"))
        assert not found, f"{source.relative_to(ROOT)}: {found.group(0)}"


def test_the_format_is_that_of_clang_format():
    assert shutil.which("clang-format-14"), "scripts/deps test installs clang-format-14"
    subprocess.run(["clang-format-14", "--dry-run", "-Werror", *map(str, all_c())], cwd=ROOT, check=True)


def test_no_comment_is_wider_than_the_code():
    """clang-format leaves them alone."""
    wide = [f"{source.relative_to(ROOT)}:{number}" for source in all_c() for number, line in enumerate(source.read_text().splitlines(), 1)
            if len(line) > COLUMNS and re.match(r"\s*(/\*|\*|//)|.*/\*.*\*/$", line)]
    assert not wide, wide


def test_the_documents_that_are_made_from_the_sources_are_current():
    subprocess.run([ROOT / "scripts" / "gen-docs", "--check"], cwd=ROOT, check=True)


def test_links_in_the_documents_lead_somewhere():
    for document in tracked("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
            if "://" not in target and not target.startswith("mailto:"):
                assert (document.parent / target).exists(), f"{document.relative_to(ROOT)} -> {target}"
