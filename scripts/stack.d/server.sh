# shellcheck shell=bash
# shellcheck disable=SC2154 # here, stacks, stack, stack_lock: set by scripts/stack
# One server: a folder with `run` (started in it, becomes the server), `ports`,
# `pid`, `log` and data. Each kind (kafka.sh, …) says how to configure it and
# when it is ready.

start_limit=300 # seconds; cold disks and busy machines, not a usual start

# --- ports ---

# reserve_ports DIR NAME…: a free port for each name, written to DIR/ports.
reserve_ports() {
  local dir=$1 name
  shift
  (
    flock 9 # two stacks that choose at once choose differently
    for name in "$@"; do
      printf '%s=%s\n' "$name" "$(free_port)" >>"$dir/ports"
    done
  ) 9<"$stacks"
}

# Below the range the kernel gives to outgoing connections: a killed server
# still finds its port free when it is started again.
free_port() {
  local taken port
  taken=" $(ports_in_use | tr '\n' ' ') "
  while :; do
    port=$((20000 + RANDOM % 12000))
    [[ $taken == *" $port "* ]] || break
  done
  printf '%s\n' "$port"
}

ports_in_use() {
  local address rest
  while read -r _ address rest; do
    [[ $address != *:* ]] || printf '%d\n' "$((16#${address##*:}))"
  done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  cat "$stacks"/*/*/ports 2>/dev/null | cut -d= -f2 || true # the first server finds no such file
}

port() {
  sed -n "s/^$2=//p" "$1/ports"
}

accepts() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# --- processes ---

# The pid of a server that runs. A number in a file may by now be somebody
# else's process, so the moment when it began must be the same too.
server_pid() {
  local pid began
  { read -r pid began <"$1/pid"; } 2>/dev/null || return 1
  [[ $began && $(began_at "$pid") == "$began" ]] || return 1
  printf '%s\n' "$pid"
}

# When the process began, in ticks since the machine did (proc(5), the 22nd
# field of stat); nothing for one that has ended. Its name may have blanks.
began_at() {
  local line
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
  # shellcheck disable=SC2086 # the words of the line
  set -- ${line##*) }
  [[ $1 == [ZX] ]] || printf '%s\n' "${20}"
}

is_stopped() {
  grep -q '^State:.T' "/proc/$1/status" 2>/dev/null
}

start_servers() {
  local server fresh=()
  for server in "$@"; do
    server_pid "$stack/$server" >/dev/null || fresh+=("$server")
  done
  ((${#fresh[@]} == 0)) || progress "starting ${fresh[*]}"
  for server in "${fresh[@]}"; do launch "$stack/$server"; done
  wait_ready "$@"
}

# In a session of its own, so that Ctrl-C in this terminal is not for it, and
# without our lock, which it would hold as long as it runs. It says itself who
# it is, however many processes lie between it and us.
launch() {
  local began=$SECONDS
  rm -f "$1/pid"
  setsid --fork "$1/run" </dev/null >>"$1/log" 2>&1 {stack_lock}<&-
  until [[ -s $1/pid ]]; do
    ((SECONDS - began < start_limit)) || fail_with_log "${1##*/}" "did not begin within $start_limit s"
    sleep 0.02
  done
}

# Waits for all of them together: one that ends is reported at once, however
# long another takes.
wait_ready() {
  local server pending=("$@") silent began=$SECONDS
  while ((${#pending[@]})); do
    silent=()
    for server in "${pending[@]}"; do
      if "${server%%.*}_ready" "$stack/$server"; then
        ((SECONDS == began)) || progress "$server is up after $((SECONDS - began)) s"
      else
        may_become_ready "$server" "$began"
        silent+=("$server")
      fi
    done
    pending=("${silent[@]}")
    ((${#pending[@]} == 0)) || sleep 0.1
  done
}

may_become_ready() {
  local server=$1 began=$2 pid
  pid=$(server_pid "$stack/$server") || fail_with_log "$server" 'ended while it started'
  ! is_stopped "$pid" || die "$server is frozen; let it go on: $(command_line kill -CONT "$server")"
  ((SECONDS - began < start_limit)) || fail_with_log "$server" "does not answer after $start_limit s"
}

fail_with_log() {
  local log=$stack/$1/log
  tail -n 20 "$log" >&2
  die "$1 $2; above is the end of $log. Mend the cause and run the same command again, or: $(command_line down)"
}

signal_servers() {
  local signal=$1 server pid pids=()
  shift
  for server in "$@"; do
    pid=$(server_pid "$stack/$server") || continue
    kill -s "$signal" "$pid" 2>/dev/null || true # it may go at this very moment
    pids+=("$pid")
  done
  [[ $signal == KILL || $signal == TERM ]] || return 0
  for pid in "${pids[@]}"; do wait_end "$pid"; done
}

wait_end() {
  local deadline=$((SECONDS + 60))
  until has_ended "$1"; do
    ((SECONDS < deadline)) || die "process $1 does not end; see what it waits for: ps -L -o pid,stat,wchan,cmd -p $1"
    sleep 0.02
  done
}

# Its last thread has, so that ports and file locks are free; a zombie that
# nobody collects counts.
has_ended() {
  local threads=("/proc/$1/task"/*)
  [[ ! -e /proc/$1 ]] || { ((${#threads[@]} == 1)) && grep -q '^State:.Z' "/proc/$1/status"; } 2>/dev/null
}

# --- help for the kinds ---

# write_run DIR COMMAND…: DIR/run becomes this command. Its stdin may give lines to run before.
write_run() {
  local dir=$1
  shift
  {
    printf '#!/usr/bin/env bash\nset -e\ncd %q\n' "$dir"
    declare -f began_at
    printf '%s\n' 'printf "%s %s\n" "$$" "$(began_at "$$")" >pid'
    cat
    printf 'exec'
    printf ' %q' "$@"
    printf '\n'
  } >"$dir/run"
  chmod +x "$dir/run"
}

# Quoted only where a shell would need it, so that other readers need no shell.
export_line() {
  local value=$2
  [[ $value =~ ^[A-Za-z0-9_./:@,-]+$ ]] || value=$(printf %q "$value")
  printf 'export %s=%s\n' "$1" "$value"
}
