# Settings that every target of the project shares.
add_library(deepgemm_settings INTERFACE)
target_compile_features(deepgemm_settings INTERFACE cxx_std_20)
target_include_directories(deepgemm_settings INTERFACE ${PROJECT_SOURCE_DIR})
# __FILE__ names the path in the project, not the machine that built it.
target_compile_options(deepgemm_settings INTERFACE
  -Wall -Wextra -Wpedantic -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
# GCC 12 sees overlaps inside std::string that are not there (its bug 105651).
target_compile_options(deepgemm_settings INTERFACE
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# bin and lib as in an installed tree, and no path of this machine in them: both can be moved.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

if(DEEPGEMM_SANITIZE)
  target_compile_options(deepgemm_settings INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(deepgemm_settings INTERFACE -fsanitize=address,undefined)
endif()

if(DEEPGEMM_PORTABLE)
  target_link_options(deepgemm_settings INTERFACE -static-libstdc++ -static-libgcc)
endif()
