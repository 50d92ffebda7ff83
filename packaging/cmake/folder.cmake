# sluice_folder(NAME SEES a b LINKS lib...): the library of one folder of src/.
# sluice_tests(): one test program per folder of tests/unit, and one for tests/flow.

add_library(sluice_flags INTERFACE)
target_include_directories(sluice_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(SLUICE_SANITIZE)
  set(frames -fno-omit-frame-pointer -momit-leaf-frame-pointer)   # for quick traces of the stack
else()
  set(frames -fno-plt)   # all functions are bound at the start anyway (-z now)
endif()
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Woverloaded-virtual -Wimplicit-fallthrough
  ${frames} -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_compile_definitions(sluice_flags INTERFACE SLUICE_VERSION="${PROJECT_VERSION}")
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
endif()

# The large headers are parsed once: half the time of a sanitizer's build. A release is built without, so that a file that
# forgets an #include does not pass.
function(sluice_precompile target)
  if(NOT SLUICE_SANITIZE OR SLUICE_FUZZ)
    return()
  endif()
  target_compile_options(${target} PRIVATE -fpch-preprocess)   # for ccache
  if(target STREQUAL sluice_base)
    target_precompile_headers(${target} PRIVATE
      <fmt/format.h> <algorithm> <array> <atomic> <chrono> <cstdint> <functional> <map> <memory> <optional> <span>
      <string> <string_view> <unordered_map> <utility> <variant> <vector>)
  else()
    target_precompile_headers(${target} REUSE_FROM sluice_base)
  endif()
endfunction()

function(sluice_folder name)
  cmake_parse_arguments(F "" "" "SEES;LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  if(sources)
    add_library(sluice_${name} STATIC ${sources})
    set(scope PUBLIC)
    sluice_precompile(sluice_${name})
  else()
    add_library(sluice_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM F_SEES PREPEND sluice_)
  target_link_libraries(sluice_${name} ${scope} sluice_flags ${F_SEES} ${F_LINKS})
endfunction()

# sluice_plugins(OUTPUT FOLDER): each FOLDER/NAME.c as OUTPUT/NAME.so, a plugin as users build theirs.
function(sluice_plugins output folder)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_library(plugin_${name} MODULE ${source})
    set_target_properties(plugin_${name} PROPERTIES
      PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${output}
      C_VISIBILITY_PRESET hidden)
    target_include_directories(plugin_${name} PRIVATE ${CMAKE_SOURCE_DIR}/plugins/include)
    target_compile_options(plugin_${name} PRIVATE -Wall -Wextra -Werror -Wshadow)
  endforeach()
endfunction()

function(sluice_tests)
  add_library(sluice_test INTERFACE)
  target_include_directories(sluice_test INTERFACE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(sluice_test INTERFACE SLUICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             SLUICE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  # What is tested is built as its preset says; the tests themselves need no speed.
  target_compile_options(sluice_test INTERFACE -Og -fpch-preprocess)
  target_link_libraries(sluice_test INTERFACE GTest::gtest GTest::gtest_main)
  # One parse of the large headers for all test programs: a fifth of their build time.
  add_executable(sluice_test_headers ${CMAKE_SOURCE_DIR}/tests/headers.cc)
  target_link_libraries(sluice_test_headers PRIVATE sluice_test sluice_base)
  target_precompile_headers(sluice_test_headers PRIVATE
    <gtest/gtest.h> <fmt/format.h> <array> <chrono> <cstdint> <functional> <map> <memory> <optional> <span>
    <string> <string_view> <thread> <unordered_map> <variant> <vector>)
  sluice_plugins(test-plugins ${CMAKE_SOURCE_DIR}/tests/unit/plugin/modules)
  file(GLOB folders RELATIVE ${CMAKE_SOURCE_DIR}/tests/unit CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*)
  foreach(folder ${folders})
    if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/unit/${folder})
      sluice_test_program(test_${folder} unit/${folder} sluice_${folder})
    endif()
  endforeach()
  target_sources(test_control PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/net/certificates.cc)
  target_sources(test_upstream PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/net/certificates.cc)
  target_sources(test_export PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/redis/server.cc)
  sluice_test_program(test_flow flow sluice_cli)
  pkg_check_modules(CJOSE IMPORTED_TARGET cjose)   # an oracle for tokens, where it is installed
  if(CJOSE_FOUND)
    target_link_libraries(test_policy PRIVATE PkgConfig::CJOSE)
    target_compile_definitions(test_policy PRIVATE SLUICE_WITH_CJOSE)
  endif()
  file(GLOB modules CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/plugin/modules/*.c)
  foreach(module ${modules})
    get_filename_component(name ${module} NAME_WE)
    add_dependencies(test_plugin plugin_${name})
    add_dependencies(test_snapshot plugin_${name})
  endforeach()
endfunction()

function(sluice_test_program program folder library)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${program} ${sources})
  target_link_libraries(${program} PRIVATE ${library} sluice_test)
  target_precompile_headers(${program} REUSE_FROM sluice_test_headers)
  add_test(NAME ${program} COMMAND ${program} --gtest_brief=1)
endfunction()

function(sluice_fuzz_targets)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cc)
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE sluice_snapshot)
  endforeach()
endfunction()
