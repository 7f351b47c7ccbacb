# Language, warnings, optimisation and sanitizers: the same for every target of the house.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Never -march=native: one binary runs on every x86-64; faster instructions are chosen at run time, by CPUID.
# NDEBUG silences the assert() of library headers only: ELECTRA_ASSERT does not look at it and stays on in every build.
# -O2, because the array warnings of g++ 12 are wrong at -O3; a file that gains from -O3 asks for it where it is listed.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -g1")
if(NOT ELECTRA_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
endif()
add_compile_options(-Wall -Wextra -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 warns about its own std::string when a literal is added in front of one (GCC bug 105651, mended in 13).
  add_compile_options(-Wno-restrict)
endif()

if(ELECTRA_SANITIZE STREQUAL "address")
  # vptr asks for run-time type information of TBB's classes, which Debian's library does not export.
  set(ELECTRA_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
elseif(ELECTRA_SANITIZE STREQUAL "thread")
  if(ELECTRA_TBB)
    message(FATAL_ERROR "TSan reports false races in the uninstrumented TBB of the system: add -DELECTRA_TBB=OFF")
  endif()
  set(ELECTRA_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
elseif(ELECTRA_SANITIZE)
  message(FATAL_ERROR "ELECTRA_SANITIZE is '${ELECTRA_SANITIZE}'; it may be empty, address or thread")
endif()
if(ELECTRA_SANITIZE_FLAGS)
  add_compile_options(${ELECTRA_SANITIZE_FLAGS})
  add_link_options(${ELECTRA_SANITIZE_FLAGS})
  add_compile_definitions(ELECTRA_SANITIZED=1)  # tests make fewer rounds, never fewer checks
endif()

if(ELECTRA_TBB)
  add_compile_definitions(ELECTRA_TBB=1)
else()
  add_compile_definitions(ELECTRA_TBB=0)
endif()
