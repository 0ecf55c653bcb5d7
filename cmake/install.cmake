# What `cmake --install` puts in place: the program, and what is printed from its command table:
# the man page and the completions of bash, zsh and fish.
set(generated_dir ${CMAKE_BINARY_DIR}/generated)
set(generated_files "")
foreach(kind IN ITEMS bash zsh fish man)
  set(output ${generated_dir}/moonfleet.${kind})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated_dir}
    COMMAND moonfleet __complete ${kind} > ${output}
    DEPENDS moonfleet
    VERBATIM)
  list(APPEND generated_files ${output})
endforeach()
add_custom_target(completions ALL DEPENDS ${generated_files})

install(TARGETS moonfleet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${generated_dir}/moonfleet.man RENAME moonfleet.1
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${generated_dir}/moonfleet.bash RENAME moonfleet
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${generated_dir}/moonfleet.zsh RENAME _moonfleet
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${generated_dir}/moonfleet.fish RENAME moonfleet.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
