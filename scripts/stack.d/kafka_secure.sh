# shellcheck shell=bash
# shellcheck disable=SC2154 # here, stack: set by scripts/stack
# One Apache Kafka that allows nobody anything without an ACL; otherwise as kafka.sh has it.

need_kafka_secure() {
  need_kafka
}

kafka_secure_configure() {
  local dir=$stack/kafka_secure tls=$stack/kafka_secure.tls password
  kafka_lib=$(maven_kafka)
  kafka_id=$(openssl rand -hex 10)AA
  password=$(openssl rand -hex 16)
  make_tls "$tls"
  make_client_tls "$tls"
  rm -rf "$dir"
  mkdir "$dir"
  reserve_ports "$dir" main ssl controller plain
  kafka_secure_properties "$dir" "$tls" >"$dir/server.properties"
  kafka_secure_run "$dir" "$password"

  export_line KAFKA_SECURE_BROKERS "localhost:$(port "$dir" main)"
  export_line KAFKA_SECURE_SSL_BROKERS "localhost:$(port "$dir" ssl)"
  export_line KAFKA_SECURE_CA "$tls/ca.pem"
  export_line KAFKA_SECURE_CERTIFICATE "$tls/client.crt"
  export_line KAFKA_SECURE_KEY "$tls/client.key"
  export_line KAFKA_SECURE_KEY_PASSWORD_FILE "$tls/client.password"
  export_line KAFKA_SECURE_USERNAME admin
  export_line KAFKA_SECURE_PASSWORD "$password"
}

# The first listener wants SCRAM over TLS, the second a certificate of ours; `admin` may do everything.
kafka_secure_properties() {
  local dir=$1 tls=$2 main ssl controller plain
  main=$(port "$dir" main) ssl=$(port "$dir" ssl) controller=$(port "$dir" controller) plain=$(port "$dir" plain)
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=SASL_SSL://127.0.0.1:$main,SSL://127.0.0.1:$ssl,CONTROLLER://127.0.0.1:$controller,BROKER://127.0.0.1:$plain
advertised.listeners=SASL_SSL://localhost:$main,SSL://localhost:$ssl,BROKER://127.0.0.1:$plain
listener.security.protocol.map=SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT
inter.broker.listener.name=BROKER
log.dirs=$dir/data

auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin

ssl.keystore.type=PEM
ssl.keystore.location=$tls/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$tls/ca.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
# Whoever logged in longer ago must do so again, so that a changed password is soon asked for.
connections.max.reauth.ms=10000
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
END
}

kafka_secure_run() {
  local dir=$1 password=$2
  cp "$here/stack.d/kafka-log4j.properties" "$dir/log4j.properties"
  write_run "$dir" java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.awt.headless=true \
    -Dlog4j.configuration=file:log4j.properties kafka.Kafka "$dir/server.properties" <<END
export CLASSPATH=$(printf '%q' "$kafka_lib/*")
[[ -e data/meta.properties ]] ||
  java -XX:TieredStopAtLevel=1 -Dlog4j.configuration=file:log4j.properties \\
    kafka.tools.StorageTool format -t $kafka_id -c server.properties \\
    --add-scram 'SCRAM-SHA-512=[name=admin,password=$password]'
END
}

kafka_secure_ready() {
  accepts "$(port "$1" main)" && kcat -L -b "127.0.0.1:$(port "$1" plain)" -m 2 >/dev/null 2>&1
}

# A client's certificate by the authority in DIR; its key is locked by a password in a file.
make_client_tls() {
  local dir=$1
  (
    umask 077
    cd "$dir"
    openssl rand -hex 16 >client.password
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass file:client.password -out client.key
    openssl req -new -key client.key -passin file:client.password -subj /CN=service -out client.csr
    openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out client.crt \
      -extfile <(printf 'extendedKeyUsage=clientAuth\n')
  ) 2>>"$dir/log" || die "openssl could not make a client's certificate; see $dir/log"
}
