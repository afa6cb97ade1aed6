# add_plugin(<name> SOURCES <files> [LIBS <targets>] [NEEDS <plugins>] [TESTS <files>])
#
# One plugin from one set of objects: a module build/<preset>/plugins/<name>.so, or, when <name> is
# in DUNLIN_STATIC_PLUGINS, a part of the server. The entry macro in the sources uses <name> with
# "_" for "-".
#
#   plugin-<name>-objects   the objects; unit tests link them
#   plugin-<name>           the module (not in a static build)
#
# NEEDS names plugins of this tree without which a static build of this one cannot start. TESTS are
# GoogleTest sources, built with the objects into unit-plugin-<name>.

set(DUNLIN_PLUGIN_OUTPUT ${CMAKE_BINARY_DIR}/plugins)
set(DUNLIN_PLUGIN_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/plugin-exports.map)

# Flags every loadable plugin is linked with; also used for the small plugins of the tests.
function(dunlin_plugin_link_flags target)
  target_link_options(${target} PRIVATE
    -Wl,-z,relro -Wl,-z,now -Wl,--version-script=${DUNLIN_PLUGIN_VERSION_SCRIPT})
  # A sanitizer's runtime is in the executable only, when clang links.
  if(NOT (DUNLIN_SANITIZER AND CMAKE_CXX_COMPILER_ID STREQUAL Clang))
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so"
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "" LINK_DEPENDS ${DUNLIN_PLUGIN_VERSION_SCRIPT})
endfunction()

function(add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;NEEDS;TESTS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_plugin(${name}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_library(plugin-${name}-objects OBJECT ${ARG_SOURCES})
  set_target_properties(plugin-${name}-objects PROPERTIES
    POSITION_INDEPENDENT_CODE ${PLUGIN_LOADER})
  target_link_libraries(plugin-${name}-objects PUBLIC dunlin-flags dunlin-sdk ${ARG_LIBS})

  if(name IN_LIST DUNLIN_STATIC_PLUGINS)
    foreach(need ${ARG_NEEDS})
      if(NOT need IN_LIST DUNLIN_STATIC_PLUGINS)
        message(FATAL_ERROR
          "the static plugin ${name} needs ${need}: add it to DUNLIN_STATIC_PLUGINS")
      endif()
    endforeach()
    target_compile_definitions(plugin-${name}-objects PRIVATE DUNLIN_STATIC_PLUGIN)
    set_property(GLOBAL APPEND PROPERTY DUNLIN_STATIC_PLUGINS_BUILT ${name})
  else()
    add_library(plugin-${name} MODULE)
    target_link_libraries(plugin-${name} PRIVATE plugin-${name}-objects)
    set_target_properties(plugin-${name} PROPERTIES
      OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${DUNLIN_PLUGIN_OUTPUT})
    dunlin_plugin_link_flags(plugin-${name})
    if(PLUGIN_LOADER)
      install(TARGETS plugin-${name} LIBRARY DESTINATION lib/dunlin/plugins)
    else()
      set_target_properties(plugin-${name} plugin-${name}-objects PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
    set_property(GLOBAL APPEND PROPERTY DUNLIN_PLUGIN_MODULES plugin-${name})
  endif()

  if(ARG_TESTS AND DUNLIN_TESTS)
    list(TRANSFORM ARG_TESTS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ REGEX "^[^/]")
    # Tests exist only below the place where testing was enabled, which comes after the plugins.
    cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL
      dunlin_unit_test plugin-${name} SOURCES ${ARG_TESTS} LIBS plugin-${name}-objects)
  endif()
endfunction()

# Writes static_plugins.cpp, the array of the entries that are linked in (maybe none), as the
# library dunlin-static-plugins. To be called once, after every add_plugin().
function(dunlin_write_static_plugins)
  get_property(names GLOBAL PROPERTY DUNLIN_STATIC_PLUGINS_BUILT)
  foreach(name ${DUNLIN_STATIC_PLUGINS})
    if(NOT name IN_LIST names)
      message(FATAL_ERROR "DUNLIN_STATIC_PLUGINS names ${name}, but there is no such plugin")
    endif()
  endforeach()
  set(declarations "")
  set(entries "")
  foreach(name ${names})
    string(REPLACE "-" "_" identifier ${name})
    string(APPEND declarations
      "extern \"C\" const dunlin_entry* dunlin_plugin_v1_${identifier}();\n")
    string(APPEND entries "    dunlin_plugin_v1_${identifier},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/static_plugins.cpp @ONLY CONTENT
"// Generated: the plugins linked into this server.
#include \"core/plugin/static_plugins.hpp\"

@declarations@
extern \"C\" const dunlin_entry_fn dunlin_static_plugins[] = {
@entries@    nullptr,
};
")
  add_library(dunlin-static-plugins STATIC ${CMAKE_BINARY_DIR}/static_plugins.cpp)
  target_link_libraries(dunlin-static-plugins PUBLIC dunlin-flags dunlin-sdk)
  foreach(name ${names})
    target_link_libraries(dunlin-static-plugins PUBLIC plugin-${name}-objects)
  endforeach()
  if(TARGET dunlin-server)
    target_link_libraries(dunlin-server PRIVATE dunlin-static-plugins)
  endif()
endfunction()
