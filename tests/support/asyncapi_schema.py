"""What AsyncAPI's own JSON Schema says of a document. It is in a package of npm, and kept where the other downloads are."""

import fcntl
import functools
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

import jsonschema

VERSION = "6.11.1"
SHA512 = "0375812ea00a1a8276fba15616da63065090d6814272ce06c45ef3b081af36aa7f9251941e3940dda01c67d5cc3292c613cccf7980f3db1f4598ee834ae2ab69"
MEMBER = "package/schemas/3.0.0-without-$id.json"
SECONDS = 240  # a bound for a registry that answers no more, since what waits for the lock waits as long


def kept():
    """The file, downloaded the first time."""
    cache = Path(os.environ.get("POUCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pouch")
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / f"asyncapi-3.0.0-{SHA512[:8]}.json"
    if file.exists():  # the lock is also held by whoever downloads a Kafka
        return file
    folder = os.open(cache, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not file.exists():
            download(file)
    finally:
        os.close(folder)
    return file


def download(file):
    with tempfile.TemporaryDirectory(dir=file.parent) as part:
        command = ["npm", "pack", "--silent", "--fetch-timeout", "60000", f"@asyncapi/specs@{VERSION}"]
        done = subprocess.run(command, cwd=part, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, f"the schema of AsyncAPI was not downloaded: {done.stderr}; with the network back, run the same command again"
        [package] = Path(part).iterdir()
        assert hashlib.sha512(package.read_bytes()).hexdigest() == SHA512, f"{package.name} is not what it was"
        with tarfile.open(package) as members:
            (Path(part) / "schema").write_bytes(members.extractfile(MEMBER).read())
        (Path(part) / "schema").rename(file)


@functools.cache
def validator():
    return jsonschema.Draft7Validator(json.loads(kept().read_text()))


def faults(document):
    """Where it is no AsyncAPI 3.0, each with the reason."""
    return [f"{error.json_path}: {error.message[:500]}" for error in validator().iter_errors(document)]
