# The runtime library: kernels + core + db behind the C ABI, with SQLite inside. Both forms need
# nothing but the C and C++ run time, and define no global symbol but deepgemm_*.

add_library(deepgemm_c_api OBJECT db/c_api.cpp)
target_link_libraries(deepgemm_c_api PRIVATE deepgemm_db)
set(deepgemm_headers
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/core/include> $<INSTALL_INTERFACE:include>)

# --- libdeepgemm.so: everything but the ABI is local ---------------------------------------------

set(exports ${PROJECT_SOURCE_DIR}/scripts/cmake/exports.map)
add_library(deepgemm SHARED $<TARGET_OBJECTS:deepgemm_c_api>)
target_include_directories(deepgemm INTERFACE ${deepgemm_headers})
target_link_libraries(deepgemm PRIVATE deepgemm_db)
set_target_properties(deepgemm PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
                      LINKER_LANGUAGE CXX LINK_DEPENDS ${exports} EXPORT_NAME runtime)
target_link_options(deepgemm PRIVATE
  "LINKER:--version-script=${exports}" "LINKER:--exclude-libs,ALL")
add_library(deepgemm::runtime ALIAS deepgemm)

# --- libdeepgemm.a: one object, in which everything but the ABI is local -------------------------

# An archive of plain objects would show SQLite to the program, which may hold another one. So the
# parts are linked into one object first. --force-group-allocation: what several objects define
# (inline functions) is merged now; a group with a local name would clash with the program's copy.
#
# g++ marks some data of inline functions as unique in the process, and no tool makes that local.
foreach(part deepgemm_c_api deepgemm_db deepgemm_core deepgemm_kernels)
  target_compile_options(${part} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
endforeach()
set(parts $<TARGET_FILE:deepgemm_db> $<TARGET_FILE:deepgemm_core> $<TARGET_FILE:deepgemm_kernels>
    ${DEEPGEMM_SQLITECPP_STATIC} ${DEEPGEMM_SQLITE_STATIC})
set(whole ${PROJECT_BINARY_DIR}/lib/deepgemm_whole.o)
set(local ${PROJECT_BINARY_DIR}/lib/deepgemm_local.o)
add_custom_command(
  OUTPUT ${local}
  COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${whole}
          $<TARGET_OBJECTS:deepgemm_c_api> --start-group ${parts} --end-group
  COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=deepgemm_*" ${whole} ${local}
  COMMAND ${CMAKE_COMMAND} -E rm ${whole}
  DEPENDS deepgemm_c_api $<TARGET_OBJECTS:deepgemm_c_api> deepgemm_db deepgemm_core deepgemm_kernels
          ${DEEPGEMM_SQLITECPP_STATIC} ${DEEPGEMM_SQLITE_STATIC}
  COMMAND_EXPAND_LISTS VERBATIM)
set_source_files_properties(${local} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_library(deepgemm_static STATIC ${local})
target_include_directories(deepgemm_static INTERFACE ${deepgemm_headers})
# Linked as C, with the C++ run time by name: a program in C need not enable C++ for it.
target_link_libraries(deepgemm_static INTERFACE stdc++ m pthread ${CMAKE_DL_LIBS})
set_target_properties(deepgemm_static PROPERTIES OUTPUT_NAME deepgemm LINKER_LANGUAGE C
                      EXPORT_NAME runtime_static)
add_library(deepgemm::runtime_static ALIAS deepgemm_static)
