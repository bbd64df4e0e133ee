# shellcheck shell=bash
# shellcheck disable=SC2154 # here: set by scripts/stack
# Downloads that are kept, one folder each, outside the repository.

cache=${POUCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pouch}
[[ $cache == /* ]] || cache=$PWD/$cache

# maven_folder NAME SIZE GOAL…: the folder with what stack.d/NAME.xml asks for,
# downloaded the first time. Named by what the pom says, so another version is
# another folder; a download that was cut short never gets the name.
maven_folder() {
  local name=$1 size=$2 pom=$here/stack.d/$1.xml version folder
  shift 2
  version=$(grep -m 1 -oP '<version>\K[^<]+' "$pom")
  folder=$cache/$name-$version-$(key <"$pom")
  [[ -d $folder ]] || maven_download "$pom" "$folder" "$size" "$@" || return
  printf '%s\n' "$folder"
}

maven_download() {
  local pom=$1 folder=$2 size=$3
  shift 3
  mkdir -p "$cache"
  (
    flock 9
    [[ ! -d $folder ]] || exit 0 # somebody else was quicker
    say "downloading $(basename "$pom" .xml) from Maven ($size, once, into $folder)"
    rm -rf "$folder.part"
    mkdir "$folder.part"
    # A repository of its own: two Mavens may not share one, and it is not needed afterwards.
    if ! mvn -q -B -C -f "$pom" -Dmaven.repo.local="$folder.part/.repository" \
      "$@" -DoutputDirectory="$folder.part" >"$folder.log" 2>&1; then
      sed 's/\x1b\[[0-9;]*m//g' "$folder.log" | grep -m 4 ERROR >&2 || tail -n 15 "$folder.log" >&2
      die "the download failed (all of it: $folder.log); with the network back, run the same command again"
    fi
    rm -rf "$folder.part/.repository" "$folder.log"
    mv "$folder.part" "$folder"
  ) 9<"$cache" # on the folder itself: no lock file to leave behind
}

# A short name for what comes on stdin.
key() {
  sha256sum | cut -c1-8
}
