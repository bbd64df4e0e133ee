# shellcheck shell=bash
# shellcheck disable=SC2154 # here, stack: set by scripts/stack
# Apache Cassandra: one node, or three on 127.0.0.1 to 127.0.0.3, which have one port.

need_cassandra() {
  need java
}

cassandra_configure() {
  local count=$1 n points='' first=$stack/cassandra
  [[ $count == 1 || $count == 3 ]] || die "cassandra=$count: one node or three"
  if [[ $count == 1 ]]; then
    cassandra_node "$first" 127.0.0.1
  else
    first=$stack/cassandra.1
    for ((n = 1; n <= count; n++)); do
      cassandra_node "$stack/cassandra.$n" "127.0.0.$n" "$first"
      points+=,127.0.0.$n
    done
  fi
  points=${points#,}
  export_line CASSANDRA_CONTACT_POINTS "${points:-127.0.0.1}"
  export_line CASSANDRA_PORT "$(port "$first" main)"
}

# cassandra_node DIR ADDRESS [FIRST]: a node's folder, with FIRST's ports when that is another.
cassandra_node() {
  local dir=$1 address=$2 first=${3:-$1} lib
  lib=$(maven_cassandra)
  mkdir "$dir"
  if [[ $first == "$dir" ]]; then
    reserve_ports "$dir" main storage
  else
    cp "$first/ports" "$dir/ports"
  fi
  cp "$here/stack.d/cassandra-logback.xml" "$dir/logback.xml"
  cassandra_yaml "$dir" "$address" >"$dir/cassandra.yaml"
  cassandra_run "$dir" "$lib" "$address"
}

maven_cassandra() {
  maven_folder cassandra '66 MB' dependency:copy-dependencies -DincludeScope=runtime
}

cassandra_yaml() {
  local dir=$1 address=$2
  cat <<END
cluster_name: pouch
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:$(port "$dir" storage)"
auto_bootstrap: false
listen_address: $address
storage_port: $(port "$dir" storage)
rpc_address: $address
native_transport_port: $(port "$dir" main)

data_file_directories: ["$dir/data"]
commitlog_directory: "$dir/commitlog"
saved_caches_directory: "$dir/saved_caches"
hints_directory: "$dir/hints"
cdc_raw_directory: "$dir/cdc_raw"
# 2 to 10 seconds by default, which a busy machine needs for itself.
read_request_timeout: 30s
range_request_timeout: 30s
write_request_timeout: 30s
cas_contention_timeout: 30s
request_timeout: 30s
# A write is on disk before it is answered, also for kill -9; so more of them must wait at once than 32.
commitlog_sync: batch
concurrent_writes: 128
commitlog_segment_size: 8MiB
memtable_heap_space: 64MiB
memtable_offheap_space: 64MiB
key_cache_size: 8MiB
END
}

cassandra_run() {
  local dir=$1 lib=$2 before=$((${3##*.} - 1)) ring_delay=100 package access=()
  # Also how long a node asks the others who they are.
  ((!before)) || ring_delay=10000
  # What Java 17 keeps closed unless it is told; Cassandra's own list.
  for package in java.base/{jdk.internal.misc,java.lang.ref} java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/sun.rmi.{registry,server} java.sql/java.sql jdk.unsupported/sun.misc; do
    access+=(--add-exports "$package=ALL-UNNAMED")
  done
  for package in java.base/{java.{io,lang,lang.module,nio,util},sun.nio.ch} \
    java.base/jdk.internal.{loader,math,module,ref,reflect,util.jar} jdk.management/com.sun.management.internal; do
    access+=(--add-opens "$package=ALL-UNNAMED")
  done
  # The two waits for gossip are off: the first node has nobody to wait for, and the others wait here.
  write_run "$dir" java -Xmx768m -Xms256m -XX:+UseG1GC "${access[@]}" \
    "-Dcassandra.config=file://$dir/cassandra.yaml" "-Dcassandra.storagedir=$dir" -Dcassandra-foreground=yes \
    -Dcassandra.skip_wait_for_gossip_to_settle=0 "-Dcassandra.ring_delay_ms=$ring_delay" \
    -Djdk.attach.allowAttachSelf=true "-Dlogback.configurationFile=file:$dir/logback.xml" \
    -Djava.awt.headless=true org.apache.cassandra.service.CassandraDaemon <<END
export CLASSPATH=$(printf '%q' "$lib/*")
until ((!$before)) || (exec 3<>/dev/tcp/127.0.0.$before/$(port "$dir" main)) 2>/dev/null; do sleep 0.2; done
END
}

# Ready: it answers an OPTIONS frame of protocol 4 with a frame of its own; one of three knows the others too.
cassandra_ready() {
  local port byte address others
  port=$(port "$1" main) address=$(sed -n 's/^rpc_address: //p' "$1/cassandra.yaml")
  others=$(($(find "$stack" -maxdepth 1 -name 'cassandra.[0-9]*' -type d | wc -l) - 1))
  (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null || return
  exec {cql}<>"/dev/tcp/$address/$port" || return
  printf '\x04\x00\x00\x00\x05\x00\x00\x00\x00' >&"$cql"
  byte=$(timeout 2 head -c 1 <&"$cql" | od -An -tx1)
  exec {cql}>&-
  [[ $byte == *84* ]] && { ((others < 1)) || (($(cassandra_peers "$address" "$port") == others)); }
}

# How many others a node has in its ring: STARTUP and QUERY of protocol 4; each row is an address, 127.0.0.N.
cassandra_peers() {
  local cql rows
  exec {cql}<>"/dev/tcp/$1/$2" || return
  printf '\x04\x00\x00\x01\x01\x00\x00\x00\x16\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0' >&"$cql"
  printf '\x04\x00\x00\x02\x07\x00\x00\x00\x24\x00\x00\x00\x1dSELECT peer FROM system.peers\x00\x01\x00' >&"$cql"
  rows=$(timeout 1 cat <&"$cql" | od -An -v -tx1 | tr -d ' \n')
  exec {cql}>&-
  grep -o '000000047f0000' <<<"$rows" | wc -l
}
