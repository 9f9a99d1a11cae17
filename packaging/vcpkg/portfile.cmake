# A vcpkg port as an overlay: `vcpkg install vmkit --overlay-ports=packaging/vcpkg` in this source
# tree, which it builds. It has not run yet: see docs/install.md. In a registry the next line becomes
# a vcpkg_from_git with the release's commit.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DVMKIT_DEVELOPER_MODE=OFF
    -DVMKIT_EXAMPLES=OFF
    -DVMKIT_OTHER_GUEST_AGENT=OFF
    -DCMAKE_DISABLE_FIND_PACKAGE_Isal=ON)  # vcpkg.json does not ask for it
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/vmkit)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
