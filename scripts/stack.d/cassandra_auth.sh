# shellcheck shell=bash
# shellcheck disable=SC2154 # here, stack: set by scripts/stack
# Apache Cassandra that lets in nobody without TLS and a password; otherwise as cassandra.sh has it.

need_cassandra_auth() {
  local command
  for command in java openssl; do need "$command"; done
}

cassandra_auth_configure() {
  local dir=$stack/cassandra_auth tls=$stack/cassandra_auth.tls
  cassandra_node "$dir" 127.0.0.1
  make_tls "$tls"
  openssl pkcs12 -export -in "$tls/server.pem" -passout pass:pouch -out "$tls/server.p12" ||
    die "openssl could not make a key store from $tls/server.pem"
  cat >>"$dir/cassandra.yaml" <<END
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
client_encryption_options:
  enabled: true
  optional: false
  keystore: "$tls/server.p12"
  keystore_password: pouch
  store_type: PKCS12
END
  sed -i 's/-Dcassandra-foreground=yes/& -Dcassandra.superuser_setup_delay_ms=0/' "$dir/run"
  sed -i 's|  <root |  <logger name="org.apache.cassandra.auth.CassandraRoleManager" level="INFO"/>\n&|' "$dir/logback.xml"

  # The server's own first user, whose password everybody knows.
  export_line CASSANDRA_AUTH_CONTACT_POINTS 127.0.0.1
  export_line CASSANDRA_AUTH_PORT "$(port "$dir" main)"
  export_line CASSANDRA_AUTH_CA "$tls/ca.pem"
  export_line CASSANDRA_AUTH_USER cassandra
  export_line CASSANDRA_AUTH_PASSWORD cassandra
}

# Ready: it listens, and has said once that it has made its first user; a log-in would take a client.
cassandra_auth_ready() {
  accepts "$(port "$1" main)" && grep -q 'superuser role' "$1/log"
}
