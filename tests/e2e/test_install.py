"""What `cmake --install` gives: a program, a library, headers, and examples that build on them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, ROOT
from installed import output

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
COMPILERS = [["cc", "-x", "c", "-std=c11"], ["cc", "-x", "c", "-std=c17"], ["c++", "-x", "c++", "-std=c++11"], ["c++", "-x", "c++", "-std=c++20"]]


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_every_file_is_installed_where_it_is_looked_for(installed, tmp_path):
    output(["cmake", "--install", BUILD, "--prefix", "/usr"], env=dict(os.environ, DESTDIR=str(tmp_path)))
    libraries = installed.libraries.relative_to(installed.prefix)
    pages = {f"share/man/man1/pouch-{command.replace(' ', '-')}.1" for command in installed.commands()}
    assert files_below(tmp_path) == {f"usr/{name}" for name in {
        "bin/pouch",
        *(f"{libraries}/libpouch.{end}" for end in ("a", "so", "so.0", "so." + installed.pkg_config("--modversion")[0])),
        f"{libraries}/pkgconfig/libpouch.pc",
        *(f"include/{header}" for header in installed.headers()),
        "share/man/man1/pouch.1",
        *pages,
        "share/man/man5/pouch.yaml.5",
        "share/bash-completion/completions/pouch",
        "share/zsh/site-functions/_pouch",
        "share/fish/vendor_completions.d/pouch.fish",
    }}
    assert "prefix=/usr\n" in (tmp_path / "usr" / libraries / "pkgconfig" / "libpouch.pc").read_text()


@pytest.mark.acceptance("A26")
def test_the_installed_program_works(installed):
    version = re.search(r"project\(pouch VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert output([installed.program, "version"]).startswith(f"pouch {version} ")
    assert installed.pkg_config("--modversion") == [version]


def test_the_library_has_its_soname_and_links(installed):
    names = {path.name: path for path in installed.libraries.glob("libpouch.*")}
    assert {"libpouch.so", "libpouch.so.0", "libpouch.a"} <= set(names)
    assert names["libpouch.so"].resolve() == names["libpouch.so.0"].resolve()
    assert "Library soname: [libpouch.so.0]" in output(["readelf", "-d", names["libpouch.so"]])


def test_every_public_header_is_installed(installed):
    source = {str(path.relative_to(ROOT / "include")) for path in (ROOT / "include").rglob("*.h")}
    assert set(installed.headers()) == source | {"pouch/version.h"}


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda words: words[-1])
def test_each_header_compiles_alone(installed, compiler, tmp_path):
    flags = installed.pkg_config("--cflags")
    for header in installed.headers():
        source = tmp_path / "alone"
        # Twice, so that a missing guard shows.
        source.write_text(f"#include <{header}>\n#include <{header}>\nint main(void) {{ return 0; }}\n")
        output([*compiler, *WARNINGS, *flags, "-fsyntax-only", source])


USE = """
#include <pouch/pouch.h>
#include <stdio.h>
int main(void) {
    char key[65];
    if (pouch_key_generate(key)) return 1;
    puts(pouch_version());
    return 0;
}
"""


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda words: words[-1])
@pytest.mark.parametrize("kind", ["shared", "static"])
def test_a_program_links_by_pkg_config(installed, compiler, kind, tmp_path):
    source, program = tmp_path / "use", tmp_path / "program"
    source.write_text(USE)
    if kind == "shared":
        libraries = installed.pkg_config("--libs")
    else:
        # Only libpouch is static here: the others' own static needs are not ours to install.
        needs = installed.pkg_config("--print-requires-private")
        libraries = [f"-L{installed.libraries}", "-l:libpouch.a", "-pthread", *output(["pkg-config", "--libs", *needs]).split()]
        assert set(libraries) - {"-l:libpouch.a"} <= set(installed.pkg_config("--static", "--libs"))
    output([*compiler, *WARNINGS, *installed.pkg_config("--cflags"), source, "-o", program, "-x", "none", *libraries])
    needed = output(["readelf", "-d", program])
    assert ("libpouch.so.0" in needed) == (kind == "shared")
    assert output([program], env=dict(os.environ, LD_LIBRARY_PATH=str(installed.libraries))).strip() == installed.pkg_config("--modversion")[0]


@pytest.mark.parametrize("name", ["bin/pouch", "libpouch.so"])
def test_what_is_installed_is_hardened(installed, name):
    path = installed.prefix / name if "/" in name else installed.libraries / name
    header, dynamic, segments, symbols = (output(["readelf", "-W", flag, path]) for flag in ("-h", "-d", "-l", "--dyn-syms"))
    assert re.search(r"Type: +DYN", header), "position independent"
    if name == "bin/pouch":
        assert re.search(r"FLAGS_1.*\bPIE\b", dynamic)
    assert "GNU_RELRO" in segments and re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic)
    assert re.search(r"GNU_STACK .* RW +0x", segments), "the stack must not be executable"
    assert not re.search(r"LOAD .* RWE ", segments)
    assert "__stack_chk_fail" in symbols and re.search(r"__\w+_chk@", symbols.replace("__stack_chk", ""))
    assert not re.search(r"R(UN)?PATH", dynamic), "a path of the build folder must not stay"
    assert "TEXTREL" not in dynamic


@pytest.mark.acceptance("A25", "A26")
def test_the_examples_build_and_run_outside_the_tree(installed, pouch, example_topics, tmp_path):
    source, build = tmp_path / "examples", tmp_path / "build"
    shutil.copytree(ROOT / "examples", source)
    output(["cmake", "-S", source, "-B", build], env=installed.env)
    output(["cmake", "--build", build], env=installed.env)
    env = {"LD_LIBRARY_PATH": str(installed.libraries)}
    loaded = re.search(r"libpouch\.so\.0 => (\S+)", output(["ldd", build / "client"], env=dict(os.environ, **env))).group(1)
    assert Path(loaded).resolve().is_relative_to(installed.prefix)

    worker = pouch.start_other([build / "worker"], "worker", env).wait_for("taking requests")
    client = pouch.start_other([build / "client"], "client", env)
    assert client.process.wait(120) == 0, client.stdout() + client.stderr()
    out = client.stdout()
    assert re.search(r'"operation":"add","a":10,"b":5} -> {"result":15(\.0)?}', out)
    assert '{"userId":"7"} -> {"userId":"7","name":"Ada"}' in out
    assert "100 asked at once, 100 answered" in out
    assert "-> handler_error: division by zero" in out
    assert re.search(r'too short.*\n.* -> (timeout: |{"result":2)', out)
    assert worker.stop() == 0
    seen = output([build / "eavesdrop", pouch.brokers, "calculate", "1000"])
    assert seen.count('"request_id"') >= 102 and "operation" not in seen
    for name in ("publisher", "service_1", "service_2", "run-example", "create-topics"):
        assert os.access(build / "order-chain" / name, os.X_OK), name
    for name in ("citizen_check", "citizen_service", "run-example"):
        assert os.access(build / "citizen-check" / name, os.X_OK), name
