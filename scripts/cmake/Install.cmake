# What `cmake --install` puts where: the commands, the runtime library with its headers, and what
# other builds find it by. Everything is relative to the prefix, so the tree can be moved, and
# `cpack` makes a tarball of it. Component "commands" is the programs; "runtime" is what a program
# that serves needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS deepgemm deepgemm_static EXPORT deepgemm_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime
        NAMELINK_COMPONENT runtime
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime)
install(TARGETS deepgemm-tune deepgemm-bench deepgemm-db
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT commands)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/include/deepgemm
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/examples
        DESTINATION ${CMAKE_INSTALL_DATADIR}/deepgemm COMPONENT runtime)
# Tuned bundles, by kind of GPU.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/db/data/
        DESTINATION ${CMAKE_INSTALL_DATADIR}/deepgemm/bundles COMPONENT runtime
        OPTIONAL FILES_MATCHING PATTERN "*.dgdb")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
        ${PROJECT_SOURCE_DIR}/scripts/packaging/third-party-licenses.txt
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/deepgemm COMPONENT runtime)

# find_package(deepgemm) gives deepgemm::runtime and deepgemm::runtime_static. They have no
# dependencies: what they are made of is linked into them.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/deepgemm)
install(EXPORT deepgemm_targets FILE deepgemmConfig.cmake NAMESPACE deepgemm::
        DESTINATION ${package_folder} COMPONENT runtime)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/deepgemmConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/deepgemmConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT runtime)

# pkg-config: deepgemm, and deepgemm-static, because -ldeepgemm alone takes the shared object where
# both lie side by side. The prefix follows the file, wherever the tree is moved to.
file(RELATIVE_PATH prefix_from_file ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(libs_of_deepgemm "-L\${prefix}/${CMAKE_INSTALL_LIBDIR} -ldeepgemm")
set(libs_of_deepgemm-static
    "\${prefix}/${CMAKE_INSTALL_LIBDIR}/libdeepgemm.a -lstdc++ -lm -lpthread -ldl")
foreach(package deepgemm deepgemm-static)
  set(libs "${libs_of_${package}}")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${package}.pc @ONLY CONTENT
[[prefix=${pcfiledir}/@prefix_from_file@
Name: @package@
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Libs: @libs@
Cflags: -I${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
]])
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT runtime)
endforeach()

# cpack: one tarball that runs from wherever it is unpacked; of the preset portable, on any machine.
set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_FILE_NAME
    deepgemm-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
string(TOLOWER ${CPACK_PACKAGE_FILE_NAME} CPACK_PACKAGE_FILE_NAME)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
include(CPack)
