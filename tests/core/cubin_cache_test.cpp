#include "core/cubin_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "core/error.h"

namespace deepgemm::core {
namespace {

namespace fs = std::filesystem;

class CubinCacheTest : public testing::Test {
 protected:
  CubinCacheTest() {
    std::string pattern = (fs::temp_directory_path() / "deepgemm-cache-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~CubinCacheTest() override { fs::remove_all(root_); }

  Cubin sample() const {
    // Zero bytes, newlines and a length that is no multiple of anything.
    return {"0123abcd",
            "entry",
            {.block_n = 24},
            {'\0', '\n', 'E', '\n', '\0', 7, 9},
            {168, 0, 99, 1.5}};
  }

  // What is said against the folder; "" where it is taken.
  std::string refusal() const {
    try {
      const CubinCache cache(root_ / "cache");
      return "";
    } catch (const EnvironmentError& error) {
      return error.what();
    }
  }

  fs::path root_;
};

TEST_F(CubinCacheTest, GivesBackWhatItWasGiven) {
  const CubinCache cache(root_ / "cache");
  ASSERT_EQ(cache.save(sample()), "");
  const auto loaded = cache.load("0123abcd");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->entry, "entry");
  EXPECT_EQ(loaded->config, sample().config);
  EXPECT_EQ(loaded->image, sample().image);
  EXPECT_EQ(loaded->build.registers, 168);
  EXPECT_EQ(loaded->build.shared_bytes, 99);
  EXPECT_FALSE(cache.load("ffff"));
}

TEST_F(CubinCacheTest, IsPrivate) {
  const CubinCache cache(root_ / "cache");
  struct stat status {};
  ASSERT_EQ(stat((root_ / "cache").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  fs::permissions(root_ / "cache", fs::perms::all);
  EXPECT_EQ(refusal(), "The kernel cache " + (root_ / "cache").string() +
                           " is not a folder private to this user");
}

TEST_F(CubinCacheTest, RefusesAFileInPlaceOfTheFolder) {
  std::ofstream(root_ / "cache") << "x";
  EXPECT_EQ(refusal(), "The kernel cache " + (root_ / "cache").string() +
                           " is not a folder private to this user");
}

TEST_F(CubinCacheTest, DropsDamagedEntries) {
  const CubinCache cache(root_ / "cache");
  const fs::path file = root_ / "cache" / "0123abcd.cubin";
  for (int damage = 0; damage < 3; ++damage) {
    ASSERT_EQ(cache.save(sample()), "");
    if (damage == 0) fs::resize_file(file, fs::file_size(file) - 1);
    if (damage == 1) std::ofstream(file, std::ios::app) << "x";
    if (damage == 2)
      std::fstream(file, std::ios::in | std::ios::out).seekp(-2, std::ios::end) << '!';
    EXPECT_FALSE(cache.load("0123abcd")) << damage;
    EXPECT_FALSE(fs::exists(file)) << damage;
  }
}

TEST_F(CubinCacheTest, AnEntryUnderAnotherNameIsNotThatKernel) {
  const CubinCache cache(root_ / "cache");
  ASSERT_EQ(cache.save(sample()), "");
  fs::copy_file(root_ / "cache" / "0123abcd.cubin", root_ / "cache" / "beef.cubin");
  EXPECT_FALSE(cache.load("beef"));
}

}  // namespace
}  // namespace deepgemm::core
