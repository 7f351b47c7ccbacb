// Tests of the rules themselves: each must be seen to fail on a planted violation, and not to fail on what only looks like one.
#include "tests/house/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/house/source_text.h"

namespace electra::house {
namespace {

struct Case {
  const char* name;
  const char* file;
  const char* text;
  const char* expected;  // "line: part of the rule", or empty when the house is content
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Rule : public testing::TestWithParam<Case> {};

TEST_P(Rule, says_what_the_table_says) {
  const Case& c = GetParam();
  const std::vector<Violation> found = check_source(c.file, c.text);
  if (std::string_view(c.expected).empty()) {
    EXPECT_EQ(to_text(found), "");
  } else {
    EXPECT_EQ(found.size(), 1u) << to_text(found);
    EXPECT_THAT(to_text(found), testing::HasSubstr(std::string(c.file) + ":" + c.expected));
  }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(House, Rule, testing::Values(
    // directions
    Case{"a_room_includes_itself",           "io/loop.cc",               "#include \"io/loop.h\"\n",                       ""},
    Case{"io_includes_meter_proto",          "io/loop.cc",               "#include \"meter-proto/base/bytes.h\"\n",        ""},
    Case{"io_not_the_engine",                "io/loop.cc",               "\n#include \"engine/state/types.h\"\n",          "2: io may not include \"engine/state/types.h\""},
    Case{"io_not_crypto",                    "io/loop.cc",               "#include \"crypto-offload/verifier.h\"\n",       "1: io may not include"},
    Case{"meter_proto_includes_nothing",     "meter-proto/base/a.cc",    "#include \"io/loop.h\"\n",                       "1: meter-proto may not include"},
    Case{"meter_proto_has_generated_code",   "meter-proto/strict/a.cc",  "#include \"electra/wire.pb.h\"\n",               ""},
    Case{"state_not_generated_code",         "engine/state/a.cc",        "#include \"electra/wire.pb.h\"\n",               "1: engine/state may not include"},
    Case{"state_not_crypto",                 "engine/state/a.cc",        "#include \"crypto-offload/verifier.h\"\n",       "1: engine/state may not include"},
    Case{"chain_includes_state",             "engine/chain/a.cc",        "#include \"engine/state/types.h\"\n",            ""},
    Case{"chain_includes_the_hash",          "engine/chain/a.cc",        "#include \"crypto-offload/hash.h\"\n",           ""},
    Case{"chain_includes_hashes",            "engine/chain/a.cc",        "#include \"crypto-offload/hash/sha256.h\"\n",    ""},
    Case{"chain_not_the_verifier",           "engine/chain/a.cc",        "#include \"crypto-offload/verifier.h\"\n",       "1: engine/chain may not include"},
    Case{"state_not_chain",                  "engine/state/a.cc",        "#include \"engine/chain/tree.h\"\n",             "1: engine/state may not include"},
    Case{"pipeline_includes_all_below",      "engine/pipeline/a.cc",     "#include \"io/loop.h\"\n#include \"engine/chain/a.h\"\n", ""},
    Case{"pipeline_not_api",                 "engine/pipeline/a.cc",     "#include \"engine/api/rest.h\"\n",               "1: engine/pipeline may not include"},
    Case{"pipeline_not_electrad",            "engine/pipeline/a.cc",     "#include \"engine/electrad/config.h\"\n",        "1: engine/pipeline may not include"},
    Case{"electrad_includes_the_engine",     "engine/electrad/a.cc",     "#include \"engine/api/rest.h\"\n",               ""},
    Case{"nobody_includes_tests",            "engine/electrad/a.cc",     "#include \"tests/io/fake.h\"\n",                 "1: engine/electrad may not include"},
    Case{"tests_include_all",                "tests/io/a.cc",            "#include \"engine/pipeline/gateway.h\"\n#include <sodium.h>\n", ""},
    Case{"angle_brackets_hide_nothing",      "io/loop.cc",               "#include <engine/state/types.h>\n",              "1: io may not include"},
    Case{"spaces_hide_nothing",              "io/loop.cc",               "  #  include   \"engine/state/types.h\"\n",      "1: io may not include"},
    Case{"includes_start_at_the_root",       "io/loop.cc",               "#include \"loop.h\"\n",                          "1: \"loop.h\" is not written from the root"},
    Case{"includes_do_not_climb",            "io/loop.cc",               "#include \"../engine/state/types.h\"\n",         "1: \"../engine/state/types.h\" is not written from the root"},
    Case{"a_comment_is_no_include",          "io/loop.cc",               "// #include \"engine/state/types.h\"\n/*\n#include \"engine/state/types.h\"\n*/\n", ""},
    // libraries
    Case{"liburing_stays_in_io",             "engine/pipeline/a.cc",     "#include <liburing.h>\n",                        "1: engine/pipeline may not use <liburing.h>"},
    Case{"io_uses_liburing",                 "io/loop.cc",               "#include <liburing.h>\n",                        ""},
    Case{"tbb_stays_in_the_pipeline",        "engine/electrad/a.cc",     "#include <tbb/flow_graph.h>\n",                  "1: engine/electrad may not use <tbb/flow_graph.h>"},
    Case{"yaml_stays_at_the_edge",           "engine/pipeline/a.cc",     "#include <yaml-cpp/yaml.h>\n",                   "1: engine/pipeline may not use"},
    // purity
    Case{"pure_rooms_compute",               "engine/state/a.cc",        "#include <vector>\n#include <map>\nint f(std::vector<int> v);\n", ""},
    Case{"no_clock_header",                  "engine/state/a.cc",        "#include <chrono>\n",                            "1: engine/state is pure: <chrono>"},
    Case{"no_thread_header",                 "engine/chain/a.cc",        "#include <thread>\n",                            "1: engine/chain is pure: <thread>"},
    Case{"no_random_header",                 "engine/state/a.cc",        "#include <random>\n",                            "1: engine/state is pure: <random>"},
    Case{"no_file_header",                   "engine/state/a.cc",        "#include <fstream>\n",                           "1: engine/state is pure: <fstream>"},
    Case{"no_hash_map_header",               "engine/state/a.cc",        "#include <unordered_map>\n",                     "1: engine/state is pure: <unordered_map>"},
    Case{"no_mathematics_header",            "engine/state/a.cc",        "#include <cmath>\n",                             "1: engine/state is pure: <cmath>"},
    Case{"no_socket_header",                 "engine/state/a.cc",        "#include <sys/socket.h>\n",                      "1: engine/state is pure: <sys/socket.h>"},
    Case{"no_network_client",                "engine/state/a.cc",        "#include \"meter-proto/client/tcp_client.h\"\n", "1: engine/state is pure: \"meter-proto/client/tcp_client.h\""},
    Case{"io_may_use_clocks",                "io/loop.cc",               "#include <chrono>\nfloat f();\n",                ""},
    Case{"no_float",                         "engine/state/a.cc",        "\n\nfloat price;\n",                             "3: engine/state is pure: no 'float'"},
    Case{"no_double",                        "engine/state/a.cc",        "auto x = static_cast<double>(y);\n",             "1: engine/state is pure: no 'double'"},
    Case{"no_hash_map",                      "engine/state/a.cc",        "std::unordered_map<int, int> m;\n",              "1: engine/state is pure: no 'std::unordered_map'"},
    Case{"no_mutex",                         "engine/chain/a.cc",        "std::mutex m;\n",                                "1: engine/chain is pure: no 'std::mutex'"},
    Case{"no_standard_hash",                 "engine/chain/a.cc",        "std::hash<int> h;\n",                            "1: engine/chain is pure: no 'std::hash'"},
    Case{"a_hash_of_our_own",                "engine/chain/a.cc",        "Bytes32 hash = node.hash;\n",                    ""},
    Case{"words_in_comments",                "engine/state/a.cc",        "// double entry, never float\nint a; /* a thread */\n", ""},
    Case{"words_in_strings",                 "engine/state/a.cc",        "auto a = \"double \\\" float\"; auto b = R\"x(float \")x\";\n", ""},
    Case{"words_inside_words",               "engine/state/a.cc",        "int double_entry; int floating;\n",              ""},
    Case{"digit_separators_open_no_literal", "engine/state/a.cc",        "int a = 1'000; float b = 1'0;\n",                "1: engine/state is pure: no 'float'"},
    Case{"a_quote_is_no_string",             "engine/state/a.cc",        "char a = '\"'; float b; char c = '\"';\n",       "1: engine/state is pure: no 'float'"},
    // headers
    Case{"a_header_opens_with_prose",        "io/loop.h",                "// A loop.\n#pragma once\n",                     ""},
    Case{"a_header_without_prose",           "io/loop.h",                "\n#pragma once\n",                               "1: a header opens with prose"},
    Case{"a_header_without_a_guard",         "io/loop.h",                "// A loop.\nint a;\n",                           "1: a header has #pragma once"}
), [](const testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });
// clang-format on

class PlantedHouse : public testing::Test {
 protected:
  PlantedHouse() {
    const char* test = testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = std::filesystem::path(testing::TempDir()) /
            (std::string("electra-house-") + test + "-" + std::to_string(::getpid()));
    std::filesystem::remove_all(root_);
  }
  ~PlantedHouse() override { std::filesystem::remove_all(root_); }

  void plant(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  std::filesystem::path root_;
};

TEST_F(PlantedHouse, is_walked_whole_and_its_faults_are_named_by_file_and_line) {
  plant("io/journal/writer.cc", "#include \"io/journal/writer.h\"\n#include \"engine/state/types.h\"\n");
  plant("engine/state/deep/er/a.cc", "double x;\n");
  plant("engine/state/fine.cc", "int x;\n");
  plant("engine/state/notes.md", "#include \"io/loop.h\"\n");
  plant("build/release/engine/state/a.cc", "double x;\n");
  int files_checked = 0;
  const auto found = check_house(root_.string(), files_checked);
  EXPECT_EQ(to_text(found),
            "engine/state/deep/er/a.cc:1: engine/state is pure: no 'double'\n"
            "io/journal/writer.cc:2: io may not include \"engine/state/types.h\"\n");
  EXPECT_EQ(files_checked, 3);
}

TEST_F(PlantedHouse, names_files_that_are_too_large) {
  plant("data/small.csv", "12345");
  plant("data/large.csv", "123456");
  plant("build/large.o", "123456");
  EXPECT_EQ(to_text(check_sizes(root_.string(), 5)), "data/large.csv:1: 6 bytes; the most is 5\n");
}

}  // namespace
}  // namespace electra::house
