# Settings that every target of the project shares.
add_library(deepgemm_settings INTERFACE)
target_compile_features(deepgemm_settings INTERFACE cxx_std_20)
target_include_directories(deepgemm_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(deepgemm_settings INTERFACE -Wall -Wextra -Wpedantic)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(DEEPGEMM_SANITIZE)
  target_compile_options(deepgemm_settings INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(deepgemm_settings INTERFACE -fsanitize=address,undefined)
endif()

if(DEEPGEMM_PORTABLE)
  target_link_options(deepgemm_settings INTERFACE -static-libstdc++ -static-libgcc)
endif()
