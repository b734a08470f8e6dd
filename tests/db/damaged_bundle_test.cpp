#include <algorithm>

#include "db/catalog.h"
#include "tests/db/small_bundle.h"

namespace deepgemm::db {
namespace {

// The file's fault, in words: which file, what is wrong with it, and what to do.
void expect_blamed(const std::string& failure, const std::filesystem::path& file,
                   const std::vector<std::string>& verdicts) {
  const bool is_said =
      std::any_of(verdicts.begin(), verdicts.end(), [&](const std::string& verdict) {
        return failure.starts_with("usage: " + file.string() + " is " + verdict);
      });
  EXPECT_TRUE(is_said) << '"' << failure << '"';
  EXPECT_TRUE(
      failure.ends_with(" / Restore a copy of it, or move it away and tune again.") ||
      failure.ends_with(" / Copy it again from where it was exported, or export it anew.") ||
      failure.ends_with(" / Pass a database that deepgemm-tune wrote."))
      << failure;
}

// Any answer that a damaged bundle still gives must be the intact one's.
TEST(Catalog, OfADamagedBundleNothingWrongIsAnswered) {
  TempFolder folder;
  const auto intact = bundle(folder, "intact.dgdb", {1, 16, 64, 128});
  std::ifstream stream(intact, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  const Catalog whole(intact, environment_of());
  const auto damaged = folder / "damaged.dgdb";
  int opened = 0;
  int refused_images = 0;
  unsigned random = 1;
  const auto next = [&random](std::size_t below) {
    random = random * 1664525U + 1013904223U;
    return static_cast<std::size_t>(random >> 8) % below;
  };
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = content;
    if (round % 10 == 0) {
      bytes.resize(next(bytes.size()));
    } else {
      for (std::size_t flip = 0; flip <= next(3); ++flip) {
        bytes[next(bytes.size())] ^= static_cast<char>(1 << next(8));
      }
    }
    std::ofstream(damaged, std::ios::binary) << bytes;
    const std::string failure = failure_of([&] {
      const Catalog catalog(damaged, environment_of());
      ++opened;
      ASSERT_EQ(encode(catalog.index()), encode(whole.index())) << round;
      for (const IndexedKernel& kernel : catalog.index().kernels) {
        const std::string refusal = failure_of([&] {
          const core::Cubin cubin = catalog.cubin(kernel);
          EXPECT_EQ(cubin.image, whole.cubin(kernel).image) << round;
          EXPECT_EQ(cubin.entry, whole.cubin(kernel).entry) << round;
        });
        if (refusal.empty()) continue;
        ++refused_images;
        expect_blamed(refusal, damaged, {"damaged: "});
      }
    });
    if (!failure.empty()) expect_blamed(failure, damaged, {"damaged: ", "not a database", "empty"});
    // The tools hold the whole file against its checksum.
    expect_blamed(failure_to_open(damaged, OpenMode::kReadOnly), damaged,
                  {"a damaged bundle: its checksum does not fit", "damaged: ",
                   "a bundle that is incomplete: its end is missing", "not a database", "empty"});
    std::filesystem::remove(damaged);
  }
  // Both ways to notice were taken, and neither always.
  EXPECT_GT(opened, 100);
  EXPECT_LT(opened, 900);
  EXPECT_GT(refused_images, 0);
}

}  // namespace
}  // namespace deepgemm::db
