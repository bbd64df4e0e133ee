# One program a file in tests/unit/ROOM/test_*.c, linked with that room and what it stands on,
# never with a room below it. tests/mock/ROOM/ is the same for tests that run librdkafka's mock cluster.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
foreach(kind unit mock)
  foreach(room IN LISTS POUCH_LIB_ROOMS POUCH_APP_ROOMS)
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/${room}/test_*.c)
    foreach(source IN LISTS tests)
      get_filename_component(name ${source} NAME_WE)
      set(target ${kind}_${room}_${name})
      add_executable(${target} ${source})
      pouch_link_room(${target} ${room})
      target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR}/app ${CMAKE_SOURCE_DIR}/tests/support)
      target_compile_definitions(${target} PRIVATE POUCH_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      target_link_libraries(${target} PRIVATE PkgConfig::cmocka)
      if(room IN_LIST POUCH_APP_ROOMS) # rooms of the program use the library beside its rooms
        target_link_libraries(${target} PRIVATE pouch_static)
      endif()
      add_test(NAME ${kind}/${room}/${name} COMMAND ${target})
      set(cost 1) # those that wait the longest begin first
      if(kind STREQUAL mock)
        set(cost 10)
      endif()
      if(name MATCHES "stalled|awaited|group_start")
        set(cost 20)
      endif()
      set_tests_properties(${kind}/${room}/${name} PROPERTIES LABELS ${kind} TIMEOUT 900 COST ${cost}
        ENVIRONMENT XDG_STATE_HOME=${CMAKE_BINARY_DIR}/state)
      # Sanitizers bring an allocator of their own, and not everybody may mount a disk to fill it: what cannot be shown there is seen to be
      # skipped. Everywhere else a test that is skipped has failed (tests/support/support.h).
      if(POUCH_SANITIZE OR name STREQUAL "test_disk_full")
        set_tests_properties(${kind}/${room}/${name} PROPERTIES SKIP_RETURN_CODE 77)
      endif()
    endforeach()
  endforeach()
endforeach()

# The adapter in include/pouch/adapters is header only; its test brings the loop it is for.
if(TARGET mock_client_test_libevent)
  pkg_check_modules(libevent REQUIRED IMPORTED_TARGET libevent)
  target_link_libraries(mock_client_test_libevent PRIVATE PkgConfig::libevent)
endif()

# Sanitizers want to be the first to be loaded.
if(NOT POUCH_SANITIZE)
  add_library(pauses MODULE ${CMAKE_SOURCE_DIR}/tests/support/pauses.c)
  target_link_libraries(pauses PRIVATE ${CMAKE_DL_LIBS})
endif()
