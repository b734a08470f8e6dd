# deepgemm_check_headers(NAME TARGET HEADERS…)
#
# Compiles each header alone, with what TARGET compiles with: a header includes what it uses.
function(deepgemm_check_headers name target)
  set(sources "")
  foreach(header ${ARGN})
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${header})
    set(source ${PROJECT_BINARY_DIR}/headers/${path}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@path@\"\n" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  if(sources)
    add_library(${name} OBJECT ${sources})
    target_link_libraries(${name} PRIVATE
      ${target} $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
    # The objects are of no use: no time for optimising and debug information.
    target_compile_options(${name} PRIVATE -O0 -g0)
  endif()
endfunction()
