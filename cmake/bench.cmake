# bench/floor: the speed floor that bench/run compares with.
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET GLOBAL rdkafka)
add_executable(floor bench/floor.c)
target_link_libraries(floor PRIVATE PkgConfig::rdkafka)
# bench/store: how many trace rows a second reach the disk.
add_executable(store_bench EXCLUDE_FROM_ALL bench/store.c)
pouch_link_room(store_bench store)
target_include_directories(store_bench PRIVATE ${CMAKE_SOURCE_DIR}/lib)
