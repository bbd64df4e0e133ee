# Man pages and completions, made from the tables of the program, in the places where they are looked for.
set(POUCH_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
    "Where zsh looks for completions; a Debian package says share/zsh/vendor-completions")
set(share ${CMAKE_BINARY_DIR}/share)

# SOURCE_DATE_EPOCH is heeded.
string(TIMESTAMP date "%Y-%m-%d" UTC)
pouch_program(man_pages tools/man.c tools/man_settings.c tools/settings_text.c tools/roff.c)
set_source_files_properties(tools/roff.c PROPERTIES COMPILE_DEFINITIONS POUCH_DATE="${date}")
add_custom_command(OUTPUT ${share}/man.made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${share}/man
  COMMAND ${CMAKE_COMMAND} -E make_directory ${share}/man/man1 ${share}/man/man5
  COMMAND man_pages ${share}/man
  COMMAND ${CMAKE_COMMAND} -E touch ${share}/man.made
  DEPENDS man_pages VERBATIM)
install(DIRECTORY ${share}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR})

function(pouch_completion shell name directory)
  add_custom_command(OUTPUT ${share}/${shell}/${name}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${share}/${shell}
    COMMAND pouch completion ${shell} > ${share}/${shell}/${name}
    DEPENDS pouch VERBATIM)
  add_custom_target(completion_${shell} ALL DEPENDS ${share}/${shell}/${name})
  install(FILES ${share}/${shell}/${name} DESTINATION ${directory})
endfunction()

add_custom_target(manual ALL DEPENDS ${share}/man.made)
pouch_completion(bash pouch ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
pouch_completion(zsh _pouch ${POUCH_ZSH_DIR})
pouch_completion(fish pouch.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
