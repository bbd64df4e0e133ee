# tests/e2e/c/NAME.c: a program that tests run against a real Kafka, on the rooms of lib/ up to cluster.
# Each also runs on the mock cluster, shorter, as a test of its own.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/e2e/c/*.c)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(e2e_${name} ${source})
  pouch_link_room(e2e_${name} cluster)
  target_include_directories(e2e_${name} PRIVATE ${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR}/tests/support)
endforeach()
add_test(NAME mock/bus/group_million COMMAND e2e_group_million mock group-million 100000 0)
set_tests_properties(mock/bus/group_million PROPERTIES LABELS mock TIMEOUT 300)
