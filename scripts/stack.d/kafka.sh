# shellcheck shell=bash
# shellcheck disable=SC2154 # here, stack: set by scripts/stack
# Apache Kafka in KRaft mode: each node is broker and controller.

need_kafka() {
  local command
  for command in java openssl kcat; do need "$command"; done
}

kafka_configure() {
  local count=$1 n tls=$stack/kafka.tls password voters='' plain='' sasl='' proxied='' behind=''
  [[ $count == 1 || $count == 3 ]] || die "kafka=$count: one broker or three"
  kafka_lib=$(maven_kafka)
  kafka_id=$(openssl rand -hex 10)AA # 22 characters of base64: a KRaft id
  password=$(openssl rand -hex 16)
  make_tls "$tls"

  for ((n = 1; n <= count; n++)); do
    local dir=$stack/kafka.$n
    mkdir "$dir"
    reserve_ports "$dir" main sasl controller proxied behind
    voters+=,$n@127.0.0.1:$(port "$dir" controller)
    plain+=,127.0.0.1:$(port "$dir" main)
    sasl+=,localhost:$(port "$dir" sasl)
    proxied+=,127.0.0.1:$(port "$dir" proxied)
    behind+=,127.0.0.1:$(port "$dir" behind)
  done
  for ((n = 1; n <= count; n++)); do
    kafka_properties "$n" "$count" "${voters#,}" "$password" >"$stack/kafka.$n/server.properties"
    kafka_run "$n" "$count" "$password"
  done

  export_line KAFKA_BROKERS "${plain#,}"
  export_line KAFKA_SASL_SSL_BROKERS "${sasl#,}"
  export_line KAFKA_PROXIED_BROKERS "${proxied#,}"
  export_line KAFKA_BEHIND_PROXY_BROKERS "${behind#,}"
  export_line KAFKA_SSL_CA "$tls/ca.pem"
  export_line KAFKA_SASL_USERNAME pouch
  export_line KAFKA_SASL_PASSWORD "$password"
}

maven_kafka() {
  maven_folder kafka '56 MB' dependency:copy-dependencies -DincludeScope=runtime
}

kafka_properties() {
  local n=$1 count=$2 voters=$3 password=$4 dir=$stack/kafka.$1 isr=1
  ((count == 1)) || isr=2
  local plain sasl controller proxied behind
  plain=$(port "$dir" main) sasl=$(port "$dir" sasl) controller=$(port "$dir" controller)
  proxied=$(port "$dir" proxied) behind=$(port "$dir" behind)
  cat <<END
process.roles=broker,controller
node.id=$n
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$plain,SASL_SSL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$controller,PROXIED://127.0.0.1:$behind
advertised.listeners=PLAINTEXT://127.0.0.1:$plain,SASL_SSL://localhost:$sasl,PROXIED://127.0.0.1:$proxied
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data

# Topics are made on purpose, as on a production cluster.
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=$count
min.insync.replicas=$isr
offsets.topic.replication.factor=$count
transaction.state.log.replication.factor=$count
transaction.state.log.min.isr=$isr
# 50 each by default: seconds of work for the first group and the first transaction.
offsets.topic.num.partitions=6
transaction.state.log.num.partitions=6
group.initial.rebalance.delay.ms=0

# Whoever comes in clear text may do everything; the SASL user as long as no
# ACL says otherwise, so that a test can take a right away.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true

ssl.keystore.type=PEM
ssl.keystore.location=$stack/kafka.tls/server.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_pouch="$password";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
END
}

kafka_run() {
  local n=$1 count=$2 password=$3 dir=$stack/kafka.$1 heap=-Xmx1g
  ((count == 1)) || heap=-Xmx512m
  cp "$here/stack.d/kafka-log4j.properties" "$dir/log4j.properties"
  # The garbage collector is as Kafka's own start script sets it, since benches use this broker.
  write_run "$dir" java "$heap" -Xms256m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
    -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true \
    -Dlog4j.configuration=file:log4j.properties kafka.Kafka "$dir/server.properties" <<END
export CLASSPATH=$(printf '%q' "$kafka_lib/*")
[[ -e data/meta.properties ]] ||
  java -XX:TieredStopAtLevel=1 -Dlog4j.configuration=file:log4j.properties \\
    kafka.tools.StorageTool format -t $kafka_id -c server.properties \\
    --add-scram 'SCRAM-SHA-256=[name=pouch,password=$password]' \\
    --add-scram 'SCRAM-SHA-512=[name=pouch,password=$password]'
END
}

# Ready: it answers a metadata request, and knows every broker that runs.
kafka_ready() {
  local answer dir pid
  accepts "$(port "$1" main)" || return
  answer=$(kcat -L -b "127.0.0.1:$(port "$1" main)" -m 2 2>/dev/null) || return
  for dir in "$stack"/kafka.[0-9]*; do
    pid=$(server_pid "$dir") || continue
    is_stopped "$pid" || [[ $answer == *" at 127.0.0.1:$(port "$dir" main)"* ]] || return
  done
}

# A certificate authority for this stack alone, and a server certificate by it.
make_tls() {
  local dir=$1
  rm -rf "$dir"
  mkdir "$dir"
  (
    cd "$dir"
    new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
    new_key ca.key
    openssl req -x509 -new -key ca.key -subj '/CN=Pouch test CA' -days 30 -out ca.pem
    new_key server.key
    openssl req -new -key server.key -subj /CN=localhost -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.crt \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
    cat server.key server.crt ca.pem >server.pem
  ) 2>"$dir/log" || die "openssl could not make certificates; see $dir/log"
}
