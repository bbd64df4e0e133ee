# tests/e2e/c/NAME.c: a program that tests run against a real Kafka, on the rooms of lib/ up to cluster; cql_NAME.c: against
# a real Cassandra, on cql. Those for Kafka also run on the mock cluster, shorter, as tests of their own.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/e2e/c/*.c)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(e2e_${name} ${source})
  if(name MATCHES "^cql_")
    pouch_link_room(e2e_${name} cql)
  else()
    pouch_link_room(e2e_${name} cluster)
  endif()
  target_include_directories(e2e_${name} PRIVATE ${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR}/tests/support)
endforeach()
add_test(NAME mock/bus/group_million COMMAND e2e_group_million mock group-million 100000 0)
set_tests_properties(mock/bus/group_million PROPERTIES LABELS mock TIMEOUT 900)
# The load of tests/faults: a client that writes down what became of each of its calls.
add_executable(faults_asker ${CMAKE_SOURCE_DIR}/tests/faults/asker.c)
target_link_libraries(faults_asker PRIVATE pouch_static)
