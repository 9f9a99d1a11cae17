# SPDX-License-Identifier: Apache-2.0
"""A Conan 2 recipe that builds the source tree it lies in:
`conan create packaging/conan` with libraries of Conan Center, or with `-o "&:system_libraries=True"`
those of the system. docs/install.md says what of it has run.
"""

from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class VmkitConan(ConanFile):
    name = "vmkit"
    version = "0.1.0"
    description = "Linux containers in virtual machines of their own, as a C++ library"
    license = "Apache-2.0"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "system_libraries": [True, False]}
    default_options = {"shared": False, "system_libraries": False}

    def export_sources(self):
        root = Path(self.recipe_folder).parents[1]
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "guest/*", "include/*", "src/*",
                        "packaging/macos/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os not in ("Linux", "Macos"):
            raise ConanInvalidConfiguration("vmkit runs on Linux and macOS")

    def requirements(self):
        if not self.options.system_libraries:
            self.requires("libarchive/[>=3.6]")
            self.requires("libcurl/[>=7.88]")
            self.requires("nlohmann_json/[>=3.11]", visible=False)
            self.requires("openssl/[>=3 <4]")
            self.requires("zlib/[>=1.2.13]")
            self.requires("zstd/[>=1.5]")

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.variables["VMKIT_DEVELOPER_MODE"] = False
        toolchain.variables["VMKIT_EXAMPLES"] = False
        toolchain.variables["VMKIT_UNITY_BUILD"] = True
        toolchain.variables["VMKIT_OTHER_GUEST_AGENT"] = False
        toolchain.variables["CMAKE_DISABLE_FIND_PACKAGE_Isal"] = not self.options.system_libraries
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, Path(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        # vmkit's own CMake package, which knows its modules and what they need.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/vmkit"]
