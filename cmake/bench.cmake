# bench/floor: the speed floor that bench/run compares with.
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET GLOBAL rdkafka)
add_executable(floor bench/floor.c)
target_link_libraries(floor PRIVATE PkgConfig::rdkafka)
