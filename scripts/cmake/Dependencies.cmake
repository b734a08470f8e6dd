# What the project is built with. All of it comes from the distribution, except the CUDA headers,
# which come from a toolkit or from NVIDIA's Python packages (scripts/quickstart fetches those).
find_package(Threads REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)

# SQLite is linked statically everywhere: the runtime library needs no shared object of anybody's,
# and hides the copy it holds.
find_library(DEEPGEMM_SQLITE_STATIC libsqlite3.a DOC "SQLite as a static library")
find_library(DEEPGEMM_SQLITECPP_STATIC libSQLiteCpp.a DOC "SQLiteCpp as a static library")
if(NOT DEEPGEMM_SQLITE_STATIC OR NOT DEEPGEMM_SQLITECPP_STATIC)
  message(FATAL_ERROR "libsqlite3.a or libSQLiteCpp.a was not found. Install libsqlite3-dev and "
          "libsqlitecpp-dev, or name the files with -DDEEPGEMM_SQLITE_STATIC=FILE and "
          "-DDEEPGEMM_SQLITECPP_STATIC=FILE.")
endif()
add_library(deepgemm_sqlite INTERFACE)
target_link_libraries(deepgemm_sqlite INTERFACE
  ${DEEPGEMM_SQLITECPP_STATIC} ${DEEPGEMM_SQLITE_STATIC} Threads::Threads ${CMAKE_DL_LIBS} m)

# Draws the charts of HTML reports; it is embedded in the commands. Debian's libjs-chart.js.
find_file(DEEPGEMM_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js
          DOC "Chart.js 3.9, minified, as one file for browsers")
if(NOT DEEPGEMM_CHART_JS)
  message(FATAL_ERROR "Chart.js was not found. Install libjs-chart.js, or name a chart.min.js of version 3.9 "
          "with -DDEEPGEMM_CHART_JS=FILE.")
endif()

add_library(deepgemm_fmt INTERFACE)
add_library(deepgemm_spdlog INTERFACE)
if(DEEPGEMM_PORTABLE)
  target_link_libraries(deepgemm_fmt INTERFACE fmt::fmt-header-only)
  # Distributions let spdlog::spdlog_header_only link the shared fmt; only its headers are wanted.
  target_include_directories(deepgemm_spdlog SYSTEM INTERFACE
    $<TARGET_PROPERTY:spdlog::spdlog_header_only,INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(deepgemm_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
  target_link_libraries(deepgemm_spdlog INTERFACE deepgemm_fmt Threads::Threads)
else()
  target_link_libraries(deepgemm_fmt INTERFACE fmt::fmt)
  target_link_libraries(deepgemm_spdlog INTERFACE spdlog::spdlog)
endif()

# --- CUDA: headers only, the libraries are opened at run time ------------------------------------

# deepgemm_cuda_version(OUT FOLDER): CUDA_VERSION of headers that have all we need, else 0.
function(deepgemm_cuda_version out folder)
  set(${out} 0 PARENT_SCOPE)
  foreach(header cuda.h nvrtc.h cublasLt.h cupti.h)
    if(NOT EXISTS ${folder}/${header} AND NOT EXISTS ${folder}/../extras/CUPTI/include/${header})
      return()
    endif()
  endforeach()
  file(STRINGS ${folder}/cuda.h line REGEX "^#define CUDA_VERSION +[0-9]+" LIMIT_COUNT 1)
  if(line MATCHES "([0-9]+)")
    set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
  endif()
endfunction()

set(DEEPGEMM_CUDA_INCLUDE "" CACHE PATH "Folder of cuda.h, 12.9 or newer")
file(GLOB wheels ${PROJECT_SOURCE_DIR}/build/cuda/nvidia/*/include)
set(candidates $ENV{CUDA_HOME}/include $ENV{CUDA_PATH}/include /usr/local/cuda/include ${wheels})
if(DEEPGEMM_CUDA_INCLUDE)
  set(candidates ${DEEPGEMM_CUDA_INCLUDE})
endif()
foreach(candidate ${candidates})
  deepgemm_cuda_version(version ${candidate})
  if(version GREATER_EQUAL 12090)
    set(cuda_include ${candidate})
    break()
  endif()
endforeach()
if(NOT cuda_include)
  message(FATAL_ERROR "No CUDA headers 12.9 or newer (cuda.h, nvrtc.h, cublasLt.h, "
          "cupti.h) in: ${candidates}. Run scripts/quickstart --no-run, which fetches them, or install the CUDA "
          "toolkit and set CUDA_HOME.")
endif()
message(STATUS "CUDA headers: ${cuda_include} (${version})")
add_library(deepgemm_cuda_headers INTERFACE)
target_include_directories(deepgemm_cuda_headers SYSTEM INTERFACE ${cuda_include})
if(NOT EXISTS ${cuda_include}/cupti.h)
  target_include_directories(deepgemm_cuda_headers SYSTEM INTERFACE
    ${cuda_include}/../extras/CUPTI/include)
endif()

# CUPTI's headers lie beside the others in the wheels, in a folder of its own in a toolkit.
set(cupti_include ${cuda_include}/../extras/CUPTI/include)
if(EXISTS ${cupti_include}/cupti.h)
  target_include_directories(deepgemm_cuda_headers SYSTEM INTERFACE ${cupti_include})
elseif(NOT EXISTS ${cuda_include}/cupti.h)
  message(FATAL_ERROR "${cuda_include} has no cupti.h. Run scripts/quickstart --no-run, which "
          "fetches it, or install the CUDA toolkit with CUPTI and set CUDA_HOME.")
endif()

# Programs of the build tree find the wheels without help; the way there is relative. Old tags,
# because a RUNPATH does not count where AddressSanitizer calls dlopen for the program.
if(cuda_include IN_LIST wheels)
  file(RELATIVE_PATH way ${PROJECT_BINARY_DIR}/bin ${cuda_include}/../lib)
  set(CMAKE_BUILD_RPATH "$ORIGIN/${way}")
  add_link_options(LINKER:--disable-new-dtags)
endif()
