# The web console (console/), built by npm into C that room console is linked with.
option(POUCH_CONSOLE "Build the web console into the program (needs npm)" ON)
if(POUCH_CONSOLE)
  set(files ${CMAKE_BINARY_DIR}/generated/console_files.c)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/console/src/*)
  list(APPEND sources ${CMAKE_SOURCE_DIR}/cmake/console)
  foreach(name package.json package-lock.json tsconfig.json vite.config.ts index.html)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/console/${name})
  endforeach()
  add_custom_command(OUTPUT ${files} COMMAND ${CMAKE_SOURCE_DIR}/cmake/console ${files} DEPENDS ${sources} VERBATIM)
else()
  set(files ${CMAKE_BINARY_DIR}/generated/console_none.c)
  file(CONFIGURE OUTPUT ${files} CONTENT [[
#include <console/files.h>

const struct console_file console_files[1];
const size_t console_n_files = 0;
]] @ONLY)
endif()
target_sources(room_console PRIVATE ${files})
