# deepgemm_embed(OUT_VARIABLE NAMESPACE ns FUNCTION name HEADER declaring_header FILES …)
#
# Writes a C++ file that defines `std::span<const EmbeddedFile> ns::name()`: the path of each file
# relative to the project (of files outside of it the name alone), and its text. The header declares it. The list is sorted, so that it
# hashes the same everywhere.
function(deepgemm_embed out)
  cmake_parse_arguments(ARG "" "NAMESPACE;FUNCTION;HEADER" "FILES" ${ARGN})
  list(SORT ARG_FILES)
  set(generated ${PROJECT_BINARY_DIR}/embedded/${ARG_FUNCTION}.cpp)
  string(REPLACE ";" "|" joined "${ARG_FILES}")
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${generated} -DNAMESPACE=${ARG_NAMESPACE}
            -DFUNCTION=${ARG_FUNCTION} -DHEADER=${ARG_HEADER} -DROOT=${PROJECT_SOURCE_DIR}
            "-DFILES=${joined}" -P ${PROJECT_SOURCE_DIR}/scripts/cmake/WriteEmbedded.cmake
    DEPENDS ${ARG_FILES} ${PROJECT_SOURCE_DIR}/scripts/cmake/WriteEmbedded.cmake
    VERBATIM)
  set(${out} ${generated} PARENT_SCOPE)
endfunction()
