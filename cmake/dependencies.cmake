# Libraries of the system, looked up once so that their imported targets (and SYSTEM headers) are known in every folder.
# The Debian packages that hold them are listed in scripts/packages.txt.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing)  # PkgConfig::LIBURING
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)   # PkgConfig::SODIUM
find_package(Protobuf REQUIRED)                                # protobuf::libprotobuf, protobuf::protoc
find_package(ZLIB REQUIRED)                                    # ZLIB::ZLIB
find_package(fmt REQUIRED)                                     # fmt::fmt
find_package(spdlog REQUIRED)                                  # spdlog::spdlog
find_package(yaml-cpp REQUIRED)                                # yaml-cpp
find_package(CLI11 REQUIRED)                                   # CLI11::CLI11
find_package(nlohmann_json REQUIRED)                           # nlohmann_json::nlohmann_json
if(ELECTRA_TBB)
  find_package(TBB REQUIRED)                                   # TBB::tbb
endif()
if(ELECTRA_TESTS)
  find_package(GTest REQUIRED)                                 # GTest::gtest, GTest::gmock, GTest::gtest_main
endif()
if(ELECTRA_BENCH)
  find_package(benchmark REQUIRED)                             # benchmark::benchmark
  find_package(OpenSSL REQUIRED)                               # OpenSSL::Crypto, a peer to compare with
endif()
