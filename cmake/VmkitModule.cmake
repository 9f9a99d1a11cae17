# vmkit_add_module(NAME
#   HEADERS   public headers below include/vmkit/NAME/, by their file name
#   SOURCES   files in the module's own folder
#   DEPENDS   the modules it may include and link (the arrows of ARCHITECTURE.md)
#   LIBRARIES foreign libraries, for its sources only
#   HEADER_ONLY_LIBRARIES the same, which a consumer of the package never needs)
# makes the static library vmkit_NAME, known as vmkit::NAME; or, with BUILD_SHARED_LIBS, a part of the
# shared library vmkit, which vmkit::NAME then stands for.

include(VmkitShared)

# Compile options of everything we build ourselves; nothing of it reaches a consumer.
function(vmkit_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF OBJCXX_STANDARD 20 OBJCXX_STANDARD_REQUIRED ON POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden OBJCXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(VMKIT_DEVELOPER_MODE)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror>
      $<$<COMPILE_LANGUAGE:OBJCXX>:-Wall -Wextra -Wshadow -Werror -Wno-unused-parameter>)
  endif()
  if(VMKIT_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${VMKIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    # AddressSanitizer finds these too, and they make up a fifth of what there is to compile.
    if(VMKIT_SANITIZE MATCHES "address,undefined")
      target_compile_options(${target} PRIVATE -fno-sanitize=null,object-size)
    endif()
    target_link_options(${target} PUBLIC
      $<BUILD_INTERFACE:-fsanitize=${VMKIT_SANITIZE}>)
  endif()
endfunction()

function(vmkit_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
    "HEADERS;SOURCES;DEPENDS;LIBRARIES;HEADER_ONLY_LIBRARIES")
  set(target vmkit_${name})
  if(BUILD_SHARED_LIBS)
    add_library(${target} OBJECT ${arg_SOURCES})
    vmkit_export_public_api(${target})
  else()
    add_library(${target} STATIC ${arg_SOURCES})
    add_library(vmkit::${name} ALIAS ${target})
  endif()
  vmkit_compile_options(${target})
  # Sources that stand together are compiled together, where the time to build counts most. Without
  # that, as scripts/check-macos does it, an include that is missing is noticed.
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ${VMKIT_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 12)
  if(VMKIT_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ takes an Impl with members of its source's own types for one in a header.
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  elseif(VMKIT_UNITY_BUILD)
    # clang warns of a local name that some other source of the batch has at namespace scope.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-shadow>)
  endif()
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  if(arg_HEADERS)
    list(TRANSFORM arg_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/vmkit/${name}/")
    target_sources(${target} PUBLIC FILE_SET HEADERS
      BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${arg_HEADERS})
  else()
    target_include_directories(${target} PUBLIC
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>")
  endif()
  list(TRANSFORM arg_DEPENDS PREPEND vmkit_)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_LIBRARIES})
  foreach(library IN LISTS arg_HEADER_ONLY_LIBRARIES)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${library}>)
  endforeach()
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS ${VMKIT_DEVELOPER_MODE})
  if(BUILD_SHARED_LIBS)
    vmkit_add_shared_module(${name} ${arg_HEADERS})
    return()
  endif()
  set(headers_to_install)
  if(arg_HEADERS)
    set(headers_to_install
      FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
  endif()
  install(TARGETS ${target} EXPORT vmkitTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev ${headers_to_install})
endfunction()
