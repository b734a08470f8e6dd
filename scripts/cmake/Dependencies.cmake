# What the project is built with. All of it comes from the distribution, except the CUDA headers,
# which come from a toolkit or from NVIDIA's Python packages (scripts/quickstart fetches those).
find_package(Threads REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(SQLiteCpp REQUIRED)

add_library(deepgemm_fmt INTERFACE)
add_library(deepgemm_spdlog INTERFACE)
add_library(deepgemm_sqlite INTERFACE)
if(DEEPGEMM_PORTABLE)
  find_library(sqlite_static NAMES libsqlite3.a REQUIRED)
  find_library(sqlitecpp_static NAMES libSQLiteCpp.a REQUIRED)
  target_link_libraries(deepgemm_fmt INTERFACE fmt::fmt-header-only)
  target_link_libraries(deepgemm_spdlog INTERFACE spdlog::spdlog_header_only)
  target_link_libraries(deepgemm_sqlite INTERFACE ${sqlitecpp_static} ${sqlite_static}
                        Threads::Threads ${CMAKE_DL_LIBS} m)
else()
  target_link_libraries(deepgemm_fmt INTERFACE fmt::fmt)
  target_link_libraries(deepgemm_spdlog INTERFACE spdlog::spdlog)
  target_link_libraries(deepgemm_sqlite INTERFACE SQLiteCpp sqlite3)
endif()

# Headers only: the CUDA libraries themselves are opened at run time.
file(GLOB wheel_includes ${PROJECT_SOURCE_DIR}/build/cuda/nvidia/*/include
     ${PROJECT_BINARY_DIR}/cuda/nvidia/*/include)
find_path(DEEPGEMM_CUDA_INCLUDE cuda.h REQUIRED
  HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda ${wheel_includes}
  PATH_SUFFIXES include "" DOC "Folder of cuda.h, 12.9 or newer")
foreach(header nvrtc.h cublasLt.h)
  if(NOT EXISTS ${DEEPGEMM_CUDA_INCLUDE}/${header})
    message(FATAL_ERROR "${DEEPGEMM_CUDA_INCLUDE} has cuda.h but no ${header}: install the CUDA "
            "toolkit 12.9 or newer, or run scripts/quickstart, which fetches the headers.")
  endif()
endforeach()
add_library(deepgemm_cuda_headers INTERFACE)
target_include_directories(deepgemm_cuda_headers SYSTEM INTERFACE ${DEEPGEMM_CUDA_INCLUDE})
