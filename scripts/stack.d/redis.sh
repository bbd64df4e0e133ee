# shellcheck shell=bash
# shellcheck disable=SC2154 # stack: set by scripts/stack
# Redis, in memory only.

need_redis() {
  local command
  for command in redis-server redis-cli; do need "$command"; done
}

redis_configure() {
  local dir=$stack/redis
  mkdir "$dir"
  reserve_ports "$dir" main
  write_run "$dir" redis-server "$dir/redis.conf" </dev/null
  cat >"$dir/redis.conf" <<END
bind 127.0.0.1
port $(port "$dir" main)
dir "$dir"
save ""
appendonly no
END
  export_line REDIS_URL "redis://127.0.0.1:$(port "$dir" main)"
}

redis_ready() {
  [[ $(timeout 2 redis-cli -h 127.0.0.1 -p "$(port "$1" main)" PING 2>/dev/null) == PONG ]]
}
