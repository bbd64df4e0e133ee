# libpouch, shared and static, from the rooms of lib/.
set(objects "")
foreach(room IN LISTS POUCH_LIB_ROOMS)
  list(APPEND objects $<TARGET_OBJECTS:room_${room}>)
endforeach()

# The export map lists what the public headers declare with POUCH_API.
set(POUCH_MAP ${CMAKE_BINARY_DIR}/generated/libpouch.map)
file(GLOB public_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/pouch/*.h ${CMAKE_SOURCE_DIR}/include/pouch/*.h.in)
add_custom_command(OUTPUT ${POUCH_MAP}
  COMMAND ${CMAKE_SOURCE_DIR}/cmake/export-map ${POUCH_MAP} ${public_headers}
  DEPENDS ${public_headers} ${CMAKE_SOURCE_DIR}/cmake/export-map VERBATIM)
add_custom_target(export_map DEPENDS ${POUCH_MAP})

add_library(pouch_shared SHARED ${objects})
add_library(pouch_static STATIC ${objects})
add_dependencies(pouch_shared export_map)
set_target_properties(pouch_shared PROPERTIES OUTPUT_NAME pouch VERSION ${PROJECT_VERSION} SOVERSION 0
                      LINK_DEPENDS ${POUCH_MAP} LINKER_LANGUAGE C)
set_target_properties(pouch_static PROPERTIES OUTPUT_NAME pouch LINKER_LANGUAGE C)
target_link_options(pouch_shared PRIVATE -Wl,--version-script=${POUCH_MAP})
if(NOT POUCH_SANITIZE)
  target_link_options(pouch_shared PRIVATE -Wl,--no-undefined)
endif()

set(packages "")
foreach(package rdkafka libssl libcrypto yaml-0.1 jansson sqlite3 zlib)
  if(TARGET PkgConfig::${package})
    target_link_libraries(pouch_shared PRIVATE PkgConfig::${package})
    target_link_libraries(pouch_static PUBLIC PkgConfig::${package})
    string(APPEND packages " ${package}")
  endif()
endforeach()
target_link_libraries(pouch_shared PRIVATE Threads::Threads)
target_link_libraries(pouch_static PUBLIC Threads::Threads)
foreach(target pouch_shared pouch_static)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_BINARY_DIR}/generated)
endforeach()

# The prefix is filled in when it is known: cmake --install --prefix may name another than was configured. It is written
# where it is to be and nowhere in the build folder, since several may install from there at once, each with its prefix.
set(POUCH_REQUIRES "${packages}")
set(POUCH_PREFIX "@CMAKE_INSTALL_PREFIX@")
configure_file(cmake/libpouch.pc.in ${CMAKE_BINARY_DIR}/generated/libpouch.pc.in @ONLY)
install(CODE "set(pc \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig/libpouch.pc\")
configure_file(\"${CMAKE_BINARY_DIR}/generated/libpouch.pc.in\" \"\$ENV{DESTDIR}\${pc}\" @ONLY)
list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${pc}\")")
install(TARGETS pouch_shared pouch_static
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/pouch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/generated/pouch/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pouch)
