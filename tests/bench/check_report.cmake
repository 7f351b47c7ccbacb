# Runs two shapes of electra-bench shortly and looks into what it reports.
# cmake -D PROGRAM=electra-bench -D DIRECTORY=… -P check_report.cmake
cmake_minimum_required(VERSION 3.25)
set(JSON ${DIRECTORY}/report.json)
set(MARKDOWN ${DIRECTORY}/report.md)

function(expect_figures place)
  foreach(figure ${ARGN})
    string(JSON value GET ${report} ${place} ${figure})
    if(NOT value GREATER 0)
      message(FATAL_ERROR "${place}: ${figure} is '${value}'")
    endif()
  endforeach()
endfunction()

file(REMOVE ${JSON} ${MARKDOWN})
execute_process(COMMAND ${PROGRAM} --quick --shape single_1 --shape hostile --directory ${DIRECTORY} --json ${JSON}
  --markdown ${MARKDOWN} --commit abc RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "ended with ${status}: ${text}${errors}")
endif()
file(READ ${JSON} report)

# A share of transfers brings transfers along.
set(expected single_1 transfers hostile)
set(found "")
string(JSON count LENGTH ${report} shapes)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON name GET ${report} shapes ${i} name)
  list(APPEND found ${name})
  expect_figures("shapes;${i}" per_second ratio p50_us p90_us p99_us p999_us p9999_us max_us bytes_written bytes_ratio
    rss_bytes rss_peak_bytes libsodium_verify_per_second disk_write_us seconds batch_mean batch_max journal_write_us)
  expect_figures("shapes;${i};cpu_us_per_message" decode verify execute process loader)
  string(JSON points LENGTH ${report} shapes ${i} latency_curve)
  if(points LESS 5)
    message(FATAL_ERROR "${name}: a latency curve of ${points} points")
  endif()
endforeach()
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "shapes: '${found}' instead of '${expected}'")
endif()
foreach(figure libsodium_verify_per_second disk_write_us backend_verify_per_second runs)
  string(JSON value GET ${report} ${figure})
  if(NOT value GREATER 0)
    message(FATAL_ERROR "${figure} is '${value}'")
  endif()
endforeach()
string(JSON refused GET ${report} shapes 2 refused)
if(NOT refused GREATER 0)
  message(FATAL_ERROR "nothing was forged")
endif()

file(READ ${MARKDOWN} table)
foreach(wanted "Commit: abc" "| `single_1` | ≤ 2.5 |" "| `hostile` | ≥ 0.45 |")
  string(FIND "${table}" "${wanted}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "the table has no '${wanted}': ${table}")
  endif()
endforeach()

# A run of one's own.
execute_process(COMMAND ${PROGRAM} --runs 1 --directory ${DIRECTORY} --json ${JSON} --load mix --skew zipf --senders 50
  --connections 5 --accounts 200 --messages 5000 --rate 20000 --backend sodium --slow-disk 1
  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "a run of one's own ended with ${status}: ${text}${errors}")
endif()
file(READ ${JSON} report)
string(JSON name GET ${report} shapes 0 name)
string(JSON messages GET ${report} shapes 0 messages)
string(JSON p50 GET ${report} shapes 0 p50_us)
if(NOT "${name} ${messages}" STREQUAL "free 5000" OR p50 LESS 1000)
  message(FATAL_ERROR "a run of one's own gave '${name} ${messages}', p50 ${p50} us")
endif()

# What does not exist.
foreach(wrong "--shape;nothing" "--backend;nothing" "--transport;udp" "--rate;fast" "--senders;3;--connections;4")
  execute_process(COMMAND ${PROGRAM} --quick --directory ${DIRECTORY} ${wrong} RESULT_VARIABLE status OUTPUT_QUIET
    ERROR_QUIET)
  if(status EQUAL 0)
    message(FATAL_ERROR "${wrong} was run")
  endif()
endforeach()
