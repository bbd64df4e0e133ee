# bench/floor: the speed floor that bench/run compares with.
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET GLOBAL rdkafka)
add_executable(floor bench/floor.c)
target_link_libraries(floor PRIVATE PkgConfig::rdkafka)
# bench/store: how many trace rows a second reach the disk.
add_executable(store_bench EXCLUDE_FROM_ALL bench/store.c)
pouch_link_room(store_bench store)
target_include_directories(store_bench PRIVATE ${CMAKE_SOURCE_DIR}/lib)
# bench/cql: how many rows a second reach Cassandra; bench/cassandra runs it beside the Java driver.
add_executable(cql_bench EXCLUDE_FROM_ALL bench/cql.c)
pouch_link_room(cql_bench cql)
target_include_directories(cql_bench PRIVATE ${CMAKE_SOURCE_DIR}/lib)
# bench/http_load: posts one body over and over; bench/gateway measures with it.
add_executable(http_load EXCLUDE_FROM_ALL bench/http_load.c)
# bench/sse_load: thousands of clients of live events; tests/faults counts with it.
add_executable(sse_load bench/sse_load.c)
