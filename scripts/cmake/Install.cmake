# What `cmake --install` puts where: the commands, the runtime library with its headers, and what
# other builds find it by. Everything is relative to the prefix, so a tarball can be moved.
# Component "commands" is the programs; "runtime" is what a program that serves needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(deepgemm PROPERTIES EXPORT_NAME runtime)
install(TARGETS deepgemm EXPORT deepgemm_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime
        NAMELINK_COMPONENT runtime)
install(TARGETS deepgemm-tune deepgemm-bench deepgemm-db
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT commands)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/include/deepgemm
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT runtime)

# find_package(deepgemm) gives deepgemm::runtime. It has no dependencies: what it is made of is
# linked into it.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/deepgemm)
install(EXPORT deepgemm_targets FILE deepgemmConfig.cmake NAMESPACE deepgemm::
        DESTINATION ${package_folder} COMPONENT runtime)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/deepgemmConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/deepgemmConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT runtime)

# pkg-config. The prefix follows the file, wherever the tree is moved to.
file(RELATIVE_PATH prefix_from_file ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/deepgemm.pc @ONLY CONTENT
[[prefix=${pcfiledir}/@prefix_from_file@
Name: deepgemm
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Libs: -L${prefix}/@CMAKE_INSTALL_LIBDIR@ -ldeepgemm
Cflags: -I${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
]])
install(FILES ${PROJECT_BINARY_DIR}/deepgemm.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT runtime)
