# `cmake --install` gives a package that find_package(vmkit) takes.
include(CMakePackageConfigHelpers)

set(vmkit_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vmkit)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/vmkitConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/vmkitConfig.cmake" INSTALL_DESTINATION ${vmkit_package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/vmkitConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(EXPORT vmkitTargets NAMESPACE vmkit:: DESTINATION ${vmkit_package_dir})
install(FILES "${PROJECT_BINARY_DIR}/vmkitConfig.cmake"
  "${PROJECT_BINARY_DIR}/vmkitConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindZstd.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindIsal.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/VmkitCodesign.cmake"
  "${PROJECT_SOURCE_DIR}/packaging/macos/vmkit.entitlements"
  DESTINATION ${vmkit_package_dir})
