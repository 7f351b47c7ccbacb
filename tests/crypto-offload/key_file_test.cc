#include "crypto-offload/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace electra::crypto {
namespace {

namespace fs = std::filesystem;

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string pattern = (fs::temp_directory_path() / "electra-key-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ / "meter.key";
    for (std::size_t i = 0; i < seed_.size(); ++i) seed_[i] = static_cast<std::uint8_t>(i * 9 + 1);
  }
  ~KeyFile() override { fs::remove_all(directory_); }

  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  // The error of loading, which begins with the path; empty if it loads.
  std::string load_error() {
    const auto loaded = load_key_file(path_);
    if (loaded) return "";
    EXPECT_TRUE(loaded.error().starts_with(path_.string() + ": ")) << loaded.error();
    return loaded.error().substr(path_.string().size() + 2);
  }

  fs::path directory_, path_;
  Bytes32 seed_{};
};

TEST_F(KeyFile, LoadsWhatWasStored) {
  ASSERT_TRUE(store_key_file(path_, seed_).has_value());
  EXPECT_EQ(load_key_file(path_).value(), seed_);
}

TEST_F(KeyFile, IsOneLineOfHexForItsOwnerOnly) {
  const mode_t before = ::umask(0);
  const bool stored = store_key_file(path_, seed_).has_value();
  ::umask(before);
  ASSERT_TRUE(stored);
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  std::ifstream in(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), to_hex(seed_) + "\n");
}

TEST_F(KeyFile, IsNeverOverwritten) {
  ASSERT_TRUE(store_key_file(path_, seed_).has_value());
  const auto again = store_key_file(path_, Bytes32{});
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().find("never overwritten"), std::string::npos) << again.error();
  EXPECT_EQ(load_key_file(path_).value(), seed_);
}

TEST_F(KeyFile, NamesAFolderThatIsMissing) {
  const auto stored = store_key_file(directory_ / "no" / "meter.key", seed_);
  ASSERT_FALSE(stored.has_value());
  EXPECT_NE(stored.error().find("No such file or directory"), std::string::npos) << stored.error();
}

TEST_F(KeyFile, IsRefusedWhenOthersMayUseIt) {
  for (const mode_t mode : {0640u, 0604u, 0660u, 0644u, 0610u, 0601u, 0622u}) {
    write(to_hex(seed_) + "\n", mode);
    const std::string error = load_error();
    EXPECT_TRUE(error.starts_with("the key file has mode 0")) << error;
    EXPECT_NE(error.find("chmod 600"), std::string::npos) << error;
  }
  write(to_hex(seed_) + "\n", 0400);
  EXPECT_EQ(load_error(), "");
}

TEST_F(KeyFile, IsRefusedUnlessItIsOneLineOfSixtyFourHexDigits) {
  const std::string hex = to_hex(seed_);
  struct Case {
    const char* what;
    std::string text;
    const char* error;  // a part of it; "" = loads
  };
  for (const Case& c : {
           Case{"with newline", hex + "\n", ""},
           Case{"without newline", hex, ""},
           Case{"upper case", "ABCDEF" + hex.substr(6), ""},
           Case{"empty", "", "this one has 0 bytes"},
           Case{"a digit short", hex.substr(1) + "\n", "not every character"},
           Case{"two digits short", hex.substr(2) + "\n", "this one has 63 bytes"},
           Case{"a digit more", hex + "0\n", "this one has more"},
           Case{"two lines", hex + "\n" + hex + "\n", "this one has more"},
           Case{"carriage return", hex + "\r\n", "this one has more"},
           Case{"leading blank", " " + hex, "65 bytes"},
           Case{"prefix", "0x" + hex.substr(2), "not every character"},
           Case{"no hex digit", "g" + hex.substr(1), "not every character"},
       }) {
    write(c.text);
    const std::string error = load_error();
    if (*c.error == '\0') {
      EXPECT_EQ(error, "") << c.what;
    } else {
      EXPECT_NE(error.find(c.error), std::string::npos) << c.what << ": " << error;
      EXPECT_NE(error.find("64 hex digits"), std::string::npos) << c.what << ": " << error;
    }
  }
}

TEST_F(KeyFile, ErrorsNeverShowTheKey) {
  const std::string hex = to_hex(seed_);
  write(hex.substr(0, 63) + "g\n");
  EXPECT_EQ(load_error().find(hex.substr(0, 8)), std::string::npos);
}

TEST_F(KeyFile, IsRefusedWhenItIsMissingOrNoFile) {
  EXPECT_NE(load_error().find("No such file or directory"), std::string::npos);
  fs::create_directory(path_);
  EXPECT_NE(load_error().find("not a regular file"), std::string::npos);
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(load_error().find("not a regular file"), std::string::npos);
}

}  // namespace
}  // namespace electra::crypto
