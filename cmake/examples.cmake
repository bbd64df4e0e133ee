# The examples in the tree, with the same flags and sanitizers as the library. Outside the tree
# they build by examples/CMakeLists.txt against the installed library.
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET GLOBAL jansson)
foreach(example worker client eavesdrop)
  add_executable(example_${example} examples/${example}.c)
  target_link_libraries(example_${example} PRIVATE pouch_static PkgConfig::jansson PkgConfig::rdkafka)
  set_target_properties(example_${example} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples OUTPUT_NAME ${example})
endforeach()
