# A Homebrew formula, for a tap: `brew install --HEAD TAP/vmkit`. It has not run yet: see docs/install.md.
# Whoever publishes it fills in homepage and head, and with a release url and sha256.
class Vmkit < Formula
  desc "Linux containers in virtual machines of their own, as a C++ library"
  homepage "https://example.com/vmkit"
  license "Apache-2.0"
  head "https://example.com/vmkit.git", branch: "main"

  depends_on "cmake" => :build
  depends_on "ninja" => :build
  depends_on "nlohmann-json" => :build
  depends_on "pkgconf" => :test
  depends_on "isa-l"
  depends_on "libarchive" # that of macOS has no headers
  depends_on "openssl@3"
  depends_on "zstd"

  uses_from_macos "curl"
  uses_from_macos "zlib"

  def install
    args = %w[-DBUILD_SHARED_LIBS=ON -DVMKIT_DEVELOPER_MODE=OFF -DVMKIT_EXAMPLES=OFF]
    # The agent that runs in a guest is a program for Linux: on a Mac it is built elsewhere.
    { "X86_64" => "x86_64", "ARM64" => "arm64" }.each do |option, architecture|
      agent = ENV["HOMEBREW_VMKIT_GUEST_AGENT_#{option}"]
      args << "-DVMKIT_GUEST_AGENT_#{option}=#{agent}" if agent
      opoo "no guest agent for #{architecture}" if OS.mac? && !agent
    end
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", *args, *std_cmake_args
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    (testpath/"test.cpp").write <<~CPP
      #include <vmkit/oci/reference.hpp>
      int main() {
        const auto reference = vmkit::oci::Reference::parse("alpine");
        return reference.to_string() == "docker.io/library/alpine:latest" ? 0 : 1;
      }
    CPP
    flags = shell_output("pkgconf --cflags --libs vmkit").split
    system ENV.cxx, "-std=c++20", "test.cpp", "-o", "test", *flags
    system "./test"
  end
end
