# The examples in the tree, with the same flags and sanitizers as the library. Outside the tree
# they build by examples/CMakeLists.txt against the installed library.
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET GLOBAL jansson)

# pouch_example(FOLDER NAME SOURCE…): build/…/examples/FOLDER/NAME; the target is example_NAME.
function(pouch_example folder name)
  list(TRANSFORM ARGN PREPEND examples/${folder}/)
  add_executable(example_${name} ${ARGN})
  target_link_libraries(example_${name} PRIVATE pouch_static PkgConfig::jansson PkgConfig::rdkafka PkgConfig::sqlite3)
  set_target_properties(example_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples/${folder} OUTPUT_NAME ${name})
endfunction()

pouch_example(. worker worker.c)
pouch_example(. client client.c)
pouch_example(. eavesdrop eavesdrop.c)
pouch_example(. traces traces.c)
pouch_example(order-chain publisher publisher.c)
pouch_example(order-chain service_1 service_1.c)
pouch_example(order-chain service_2 service_2.c shop.c)
pouch_example(citizen-check citizen_check citizen_check.c)
pouch_example(citizen-check citizen_service citizen_service.c)
