# `cmake --install` gives a package that find_package(vmkit) takes, and pkg-config.
include(CMakePackageConfigHelpers)

set(vmkit_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vmkit)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/vmkitConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/vmkitConfig.cmake" INSTALL_DESTINATION ${vmkit_package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/vmkitConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(EXPORT vmkitTargets NAMESPACE vmkit:: DESTINATION ${vmkit_package_dir} COMPONENT dev)
install(FILES "${PROJECT_BINARY_DIR}/vmkitConfig.cmake"
  "${PROJECT_BINARY_DIR}/vmkitConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindZstd.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindIsal.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/VmkitCodesign.cmake"
  "${PROJECT_SOURCE_DIR}/packaging/macos/vmkit.entitlements"
  DESTINATION ${vmkit_package_dir} COMPONENT dev)

# vmkit.pc. Who links the static libraries links what they use, always and dynamically: that is
# Requires and Libs. Who links the shared one does not, and no static one is there beside it that
# Requires.private could serve.
set(vmkit_pc_requires)
if(BUILD_SHARED_LIBS)
  set(vmkit_pc_libs -lvmkit)
else()
  list(TRANSFORM vmkit_modules PREPEND -lvmkit_ OUTPUT_VARIABLE vmkit_pc_libs)
  list(REVERSE vmkit_pc_libs)  # who uses before who is used
  list(APPEND vmkit_pc_libs ${CMAKE_THREAD_LIBS_INIT})
  set(vmkit_pc_requires libcrypto libcurl libarchive zlib libzstd)
  if(Isal_FOUND)
    list(APPEND vmkit_pc_requires libisal)
  endif()
  if(APPLE)
    list(APPEND vmkit_pc_libs -lobjc)
    foreach(framework IN ITEMS Foundation Virtualization vmnet Security CoreFoundation)
      list(APPEND vmkit_pc_libs -framework ${framework})
    endforeach()
  endif()
endif()
list(JOIN vmkit_pc_libs " " vmkit_pc_libs)
list(JOIN vmkit_pc_requires " " vmkit_pc_requires)
# Relative, so that the installed folder can be moved.
set(vmkit_pc_prefix "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH vmkit_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" vmkit_pc_prefix "\${pcfiledir}/${vmkit_pc_prefix}")
endif()
foreach(place IN ITEMS LIBDIR INCLUDEDIR)
  set(vmkit_pc_${place} "${CMAKE_INSTALL_${place}}")
  if(NOT IS_ABSOLUTE "${vmkit_pc_${place}}")
    string(PREPEND vmkit_pc_${place} "\${prefix}/")
  endif()
endforeach()
configure_file("${PROJECT_SOURCE_DIR}/cmake/vmkit.pc.in" "${PROJECT_BINARY_DIR}/vmkit.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/vmkit.pc"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

if(PROJECT_IS_TOP_LEVEL)
  include(VmkitDebian)
endif()
