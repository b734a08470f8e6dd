// The whole space is walked once, whoever asks first.
#include <gtest/gtest.h>

#include <thread>

#include "autotune/search_space.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using Runnable = SearchSpace::Runnable;

SearchSpace small() {
  SearchSpace space = SearchSpace::dense();
  space.fix("block_n", {64, 96});
  space.fix("raster_group", {8});
  return space;
}

const Runnable* walk(const SearchSpace& space) {
  return &space.runnable(h100(), core::Operation::kDense);
}

TEST(Walk, CopiesShareItAlsoThoseMadeBefore) {
  const SearchSpace space = small();
  const SearchSpace copy = space;
  const Runnable* const found = walk(copy);
  EXPECT_EQ(walk(space), found);
  SearchSpace narrower = space;
  narrower.fix("stages", {4});
  EXPECT_LT(walk(narrower)->configs.size(), found->configs.size());
  EXPECT_EQ(walk(space), found) << "it is not restricted";
}

TEST(Walk, ThreadsThatAskAtOnceGetTheSame) {
  const SearchSpace space = small();
  const SearchSpace copy = space;
  const Runnable* found[2];
  std::thread other([&] { found[0] = walk(copy); });
  found[1] = walk(space);
  other.join();
  EXPECT_EQ(found[0], found[1]);
  EXPECT_FALSE(found[0]->configs.empty());
}

TEST(Walk, AnswersOfOtherOperationsAndDevicesStay) {
  const SearchSpace space = small();
  const Runnable* const found = walk(space);
  core::DeviceInfo other = h100();
  other.shared_bytes_per_block /= 2;
  EXPECT_LT(space.runnable(other, core::Operation::kDense).configs.size(), found->configs.size());
  EXPECT_EQ(walk(space), found);
}

}  // namespace
}  // namespace deepgemm::autotune
