# Runs bench_verify shortly and looks into what it reports.
# cmake -D PROGRAM=bench_verify -D JSON=FILE -P check_report.cmake
cmake_minimum_required(VERSION 3.25)

function(expect_figures report list index)
  foreach(figure ${ARGN})
    string(JSON value GET ${report} ${list} ${index} ${figure})
    if(NOT value GREATER 0)
      message(FATAL_ERROR "${list} ${index}: ${figure} is '${value}'")
    endif()
  endforeach()
endfunction()

function(run_and_read out)
  file(REMOVE ${JSON})
  execute_process(COMMAND ${PROGRAM} --quick --runs 1 --json ${JSON} ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ${ARGN} ended with ${status}: ${text}")
  endif()
  file(READ ${JSON} report)
  set(${out} ${report} PARENT_SCOPE)
endfunction()

# Every case once, but for two that need AVX-512 IFMA.
set(expected known_10k known_100k known_10k_4kib batch_64 batch_8 batch_1 unknown_key two_cores sign_8 sha512_8
  sodium_verify openssl_verify sodium_sign openssl_sign sodium_sha512 openssl_sha512)
run_and_read(report)
set(found "")
string(JSON count LENGTH ${report} cases)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON name GET ${report} cases ${i} name)
  list(APPEND found ${name})
  expect_figures(${report} cases ${i} per_second ratio against_per_second)
endforeach()
set(everywhere ${expected})
list(REMOVE_ITEM everywhere sign_8 sha512_8)
if(NOT found STREQUAL expected AND NOT found STREQUAL everywhere)
  message(FATAL_ERROR "cases: '${found}' instead of '${expected}'")
endif()

set(cases_found ${found})

# A case alone, with the backend that every machine has.
run_and_read(report --case batch_8 --backend sodium)
string(JSON count LENGTH ${report} cases)
string(JSON name GET ${report} cases 0 name)
string(JSON backend GET ${report} backend)
string(JSON batch GET ${report} cases 0 batch)
if(NOT "${count} ${name} ${backend} ${batch}" STREQUAL "1 batch_8 sodium 8")
  message(FATAL_ERROR "--case batch_8 --backend sodium gave '${count} ${name} ${backend} ${batch}'")
endif()

# The matrix: seven rows of four numbers of keys, if there is memory for all.
run_and_read(report --matrix)
string(JSON count LENGTH ${report} matrix)
if(count LESS 4)
  message(FATAL_ERROR "the matrix has ${count} entries")
endif()
expect_figures(${report} matrix 0 per_second ratio keys)

# The stages, where there are 8 lanes: hash, scalars, points, comparison, their sum and all in one piece, for 3 sizes.
if("sha512_8" IN_LIST cases_found)
  run_and_read(report --stages)
  string(JSON count LENGTH ${report} stages)
  if(NOT count EQUAL 18)
    message(FATAL_ERROR "${count} stages")
  endif()
  foreach(i RANGE 17)
    expect_figures(${report} stages ${i} ns cycles)
  endforeach()
endif()

# What does not exist.
foreach(wrong "--case;nothing" "--backend;nothing")
  execute_process(COMMAND ${PROGRAM} --quick ${wrong} RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
  if(status EQUAL 0)
    message(FATAL_ERROR "${wrong} was run")
  endif()
endforeach()
