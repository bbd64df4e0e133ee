# shellcheck shell=bash
# shellcheck disable=SC2154 # stack: set by scripts/stack
# A schema registry that speaks Confluent's API: Apicurio, schemas in memory.

need_registry() {
  local command
  for command in java curl; do need "$command"; done
}

registry_configure() {
  local dir=$stack/registry folder
  folder=$(maven_registry)
  mkdir "$dir"
  reserve_ports "$dir" main
  write_run "$dir" java -Xmx256m -Dquarkus.http.host=127.0.0.1 \
    "-Dquarkus.http.port=$(port "$dir" main)" -Dquarkus.log.level=WARN -Dquarkus.banner.enabled=false \
    -jar "$folder"/*-runner.jar </dev/null

  export_line SCHEMA_REGISTRY_URL "http://127.0.0.1:$(port "$dir" main)/apis/ccompat/v7"
}

maven_registry() {
  maven_folder registry '146 MB' dependency:unpack
}

registry_ready() {
  curl -sf -m 2 -o /dev/null "http://127.0.0.1:$(port "$1" main)/apis/ccompat/v7/subjects"
}
