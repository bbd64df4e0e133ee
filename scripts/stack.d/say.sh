# shellcheck shell=bash
# What scripts/stack and its neighbours say, all of it on stderr.

me=${0##*/}

die() {
  printf '%s: %s\n' "$me" "$*" >&2
  exit 1
}

say() {
  printf '%s: %s\n' "$me" "$*" >&2
}

# For somebody who watches; nothing in a pipe or a log.
progress() {
  [[ ! -t 2 ]] || say "$@"
}

need() {
  command -v "$1" >/dev/null || die "$1 is missing; install it: scripts/deps test"
}
