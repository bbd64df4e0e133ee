# Warnings are errors in our own builds; the hardening flags follow the OpenSSF compiler
# options guide, less what gcc 12 and clang 14 do not know.
add_compile_options(-Wall -Wextra -Wconversion -Wformat=2 -Wimplicit-fallthrough -Wshadow -Wstrict-prototypes
                    -Wmissing-prototypes -Werror=format-security -fvisibility=hidden)
option(POUCH_WERROR "Warnings are errors" ON)
if(POUCH_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fno-delete-null-pointer-checks
                    -fno-strict-overflow -fno-strict-aliasing)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-fcf-protection=full)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wtrampolines -ftrivial-auto-var-init=zero)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
add_compile_definitions(_GNU_SOURCE)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(POUCH_SANITIZE)
  add_compile_options(-fsanitize=${POUCH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${POUCH_SANITIZE})
endif()
