# deepgemm_check_headers(NAME TARGET HEADERS…)
#
# Compiles each header alone, with what TARGET compiles with: a header includes what it uses. The
# public header is compiled as C as well.
function(deepgemm_check_headers name target)
  set(sources "")
  foreach(header ${ARGN})
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${header})
    set(source ${PROJECT_BINARY_DIR}/headers/${path}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@path@\"\n" @ONLY)
    list(APPEND sources ${source})
    if(path MATCHES "/include/")
      configure_file(${source} ${PROJECT_BINARY_DIR}/headers/${path}.c COPYONLY)
      list(APPEND sources ${PROJECT_BINARY_DIR}/headers/${path}.c)
    endif()
  endforeach()
  if(sources)
    add_library(${name} OBJECT ${sources})
    target_link_libraries(${name} PRIVATE
      ${target} $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
  endif()
endfunction()
