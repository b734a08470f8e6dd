# The runtime library on a CUDA driver that is a script, so that all of its host part runs without a
# GPU: as it is, and once more compiled for ThreadSanitizer.

# deepgemm_scripted_driver(NAME OPTIONS…): a libcuda.so.1, in a folder of its own. Who links it has
# it loaded already when the library opens the driver by that name.
function(deepgemm_scripted_driver name)
  add_library(${name} SHARED db/scripted_driver/scripted_driver.cpp)
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME cuda VERSION 1 SOVERSION 1 CXX_VISIBILITY_PRESET default
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/${name})
  target_link_libraries(${name} PRIVATE deepgemm_cuda_headers)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_compile_options(${name} PRIVATE ${ARGN})
  target_link_options(${name} PRIVATE ${ARGN})
endfunction()

set(serving_sources db/scripted_driver/serving_test.cpp db/scripted_driver/grouped_serving_test.cpp
    db/scripted_driver/devices_test.cpp db/scripted_driver/hot_path.cpp
    ${PROJECT_SOURCE_DIR}/db/c_api.cpp)

deepgemm_scripted_driver(scripted_driver)
deepgemm_test(serving_test unit SOURCES ${serving_sources}
              LIBRARIES deepgemm_db deepgemm_sqlite deepgemm_cuda_headers scripted_driver
                        ${CMAKE_DL_LIBS}
              PROPERTIES TIMEOUT 60)
add_executable(traced_server db/scripted_driver/traced_server.cpp)
target_link_libraries(traced_server PRIVATE deepgemm::runtime deepgemm_settings
                      deepgemm_cuda_headers scripted_driver)
target_compile_definitions(serving_test PRIVATE
  DEEPGEMM_TRACED_SERVER="$<TARGET_FILE:traced_server>")
add_dependencies(serving_test traced_server)

# --- ThreadSanitizer -----------------------------------------------------------------------------

set(tsan -fsanitize=thread -O1 -g1 -fno-omit-frame-pointer)
deepgemm_scripted_driver(scripted_driver_tsan ${tsan})
add_executable(serving_test_tsan ${serving_sources})
foreach(folder kernels core db)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  target_sources(serving_test_tsan PRIVATE ${sources})
endforeach()
get_target_property(embedded deepgemm_kernels SOURCES)
list(FILTER embedded INCLUDE REGEX "embedded")
target_sources(serving_test_tsan PRIVATE ${embedded})
set_source_files_properties(${embedded} PROPERTIES GENERATED TRUE)
add_dependencies(serving_test_tsan deepgemm_kernels)
target_link_libraries(serving_test_tsan PRIVATE deepgemm_sqlite deepgemm_cuda_headers
                      scripted_driver_tsan GTest::gtest GTest::gtest_main)
add_executable(planted_race db/scripted_driver/planted_race.cpp)
foreach(target serving_test_tsan planted_race)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_compile_options(${target} PRIVATE ${tsan})
  target_link_options(${target} PRIVATE -fsanitize=thread)
endforeach()
add_test(NAME thread_sanitizer
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/thread_sanitizer_test.py
                 $<TARGET_FILE:planted_race> $<TARGET_FILE:serving_test_tsan>)
set_tests_properties(thread_sanitizer PROPERTIES LABELS unit TIMEOUT 300 SKIP_RETURN_CODE 77)
