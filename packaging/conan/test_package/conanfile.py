# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the stranger's project of the contract tests against the package."""

import os
from pathlib import Path

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout


class VmkitTestConan(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps", "CMakeToolchain"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def build(self):
        consumer = Path(self.recipe_folder).parents[2] / "tests" / "contract" / "consumer"
        cmake = CMake(self)
        cmake.configure(build_script_folder=str(consumer))
        cmake.build()

    def test(self):
        if can_run(self):
            # Not a Path, which would drop the "./" that the shell needs.
            self.run(os.path.join(self.cpp.build.bindir, "consumer"), env="conanrun")
