# Functions every folder uses to declare what it builds, so that flags are decided in one place.

include(DunlinPlugin)

# Without loader and TLS the server is fully static: whatever is found must be an archive.
if(NOT PLUGIN_LOADER AND NOT DUNLIN_TLS)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(OPENSSL_USE_STATIC_LIBS ON)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_program(DUNLIN_CCACHE ccache)
if(DUNLIN_CCACHE)
  # What ccache asks for before it caches objects made with a precompiled header.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${DUNLIN_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(dunlin-flags INTERFACE)
target_compile_options(dunlin-flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -fvisibility=hidden $<$<BOOL:${PLUGIN_LOADER}>:-fno-plt>
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
target_include_directories(dunlin-flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(dunlin-flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)
# Without the loader everything is one small program: nothing needs to be at any address, and what
# is not used goes.
if(NOT PLUGIN_LOADER)
  target_compile_options(dunlin-flags INTERFACE -fno-pie -ffunction-sections -fdata-sections)
endif()
# A shared libfmt would bring the shared C++ library along, beside the one that is linked in.
add_library(dunlin-fmt INTERFACE)
if(PLUGIN_LOADER)
  target_link_libraries(dunlin-fmt INTERFACE fmt::fmt)
else()
  target_link_libraries(dunlin-fmt INTERFACE fmt::fmt-header-only)
endif()
if(DUNLIN_SANITIZER)
  target_compile_options(dunlin-flags INTERFACE
    -fsanitize=${DUNLIN_SANITIZER} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dunlin-flags INTERFACE -fsanitize=${DUNLIN_SANITIZER})
endif()

# dunlin_together(<target> [<files>]): in a clean build several files of the target are compiled as
# one, which reads the headers they share once. The <files> stay alone: names in them are taken in
# another one. Files include what they use all the same: the presets without it show.
function(dunlin_together target)
  if(NOT DUNLIN_TOGETHER)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  # These see a file's own names in its neighbours; the other presets have them on.
  target_compile_options(${target} PRIVATE -Wno-shadow -Wno-subobject-linkage)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# libsodium as an archive: few functions of it are used, and a shared library would cost every
# server several hundred kilobytes of resident memory.
find_path(SODIUM_INCLUDE_DIR sodium.h REQUIRED)
find_library(SODIUM_LIBRARY NAMES libsodium.a sodium REQUIRED)
add_library(dunlin-sodium INTERFACE)
target_include_directories(dunlin-sodium SYSTEM INTERFACE ${SODIUM_INCLUDE_DIR})
target_link_libraries(dunlin-sodium INTERFACE ${SODIUM_LIBRARY})

# dunlin_room(<name> SOURCES <files> LIBS <targets> [ALONE <files>]): one folder of core/ as a
# static library dunlin-<name>. ALONE as in dunlin_together().
function(dunlin_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;ALONE" ${ARGN})
  add_library(dunlin-${name} STATIC ${ARG_SOURCES})
  set_target_properties(dunlin-${name} PROPERTIES POSITION_INDEPENDENT_CODE ${PLUGIN_LOADER})
  target_link_libraries(dunlin-${name} PUBLIC dunlin-flags ${ARG_LIBS})
  dunlin_together(dunlin-${name} ${ARG_ALONE})
  set_property(GLOBAL APPEND PROPERTY DUNLIN_ROOMS dunlin-${name})
endfunction()

# dunlin_test_code(<target>): code that only tests run is optimised lightly, because compiling it
# takes most of a clean build.
function(dunlin_test_code target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O1>)
endfunction()

# dunlin_googletest(<target>): the target is a test program's code. The headers of GoogleTest are
# precompiled once for all of them.
function(dunlin_googletest target)
  find_package(GTest REQUIRED)
  dunlin_test_code(${target})
  target_link_libraries(${target} PRIVATE dunlin-flags GTest::gmock GTest::gtest)
  if(NOT DUNLIN_TOGETHER)
    return()
  endif()
  if(NOT TARGET dunlin-googletest)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/googletest.cpp CONTENT "")
    add_library(dunlin-googletest OBJECT ${CMAKE_BINARY_DIR}/googletest.cpp)
    dunlin_test_code(dunlin-googletest)
    target_link_libraries(dunlin-googletest PRIVATE dunlin-flags GTest::gmock GTest::gtest)
    target_precompile_headers(dunlin-googletest PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM dunlin-googletest)
  if(DUNLIN_CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# dunlin_unit_test(<area> SOURCES <files> LIBS <targets> [LABELS <labels>] [ALONE <files>]): one
# GoogleTest program per area. ALONE as in dunlin_together().
function(dunlin_unit_test area)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS;ALONE" ${ARGN})
  include(GoogleTest)
  add_executable(unit-${area} ${ARG_SOURCES})
  dunlin_googletest(unit-${area})
  dunlin_together(unit-${area} ${ARG_ALONE})
  target_link_libraries(unit-${area} PRIVATE ${ARG_LIBS} GTest::gtest_main)
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  gtest_discover_tests(unit-${area} TEST_PREFIX "${area}." DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 120)
endfunction()

# dunlin_fuzz_target(<name> SOURCES <files> LIBS <targets> CORPUS <dir>): a libFuzzer program, and a
# test that runs it
# briefly over its seed corpus.
function(dunlin_fuzz_target name)
  if(NOT DUNLIN_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LIBS" ${ARGN})
  add_executable(fuzz-${name} ${ARG_SOURCES})
  target_link_libraries(fuzz-${name} PRIVATE ${ARG_LIBS})
  target_compile_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${name})
  add_test(NAME fuzz.${name} COMMAND fuzz-${name} -max_total_time=$ENV{DUNLIN_FUZZ_SECONDS}
    -runs=200000 -max_len=4096 -timeout=10 ${CMAKE_BINARY_DIR}/corpus/${name} ${ARG_CORPUS})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 600)
endfunction()
