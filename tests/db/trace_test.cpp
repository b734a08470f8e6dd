#include "db/trace.h"

#include <thread>
#include <vector>

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Trace, CountsEachProblem) {
  TempFolder folder;
  {
    Trace trace(folder / "t.csv");
    for (int i = 0; i < 5; ++i) trace.count(problem_of(64));
    trace.count(problem_of(65));
  }
  const std::string text = content(folder / "t.csv");
  EXPECT_EQ(text.find("op,groups,alignment,m,n,k,count\n"), 0U);
  EXPECT_NE(text.find("dense,1,1,64,2112,7168,5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("dense,1,1,65,2112,7168,1\n"), std::string::npos) << text;
  EXPECT_EQ(folder.files(), std::set<std::string>{"t.csv"});
}

TEST(Trace, IsThereAfterTheFirstCall) {
  TempFolder folder;
  Trace trace(folder / "t.csv");
  trace.count(problem_of(64));
  EXPECT_NE(content(folder / "t.csv").find("dense,1,1,64"), std::string::npos);
}

TEST(Trace, ManyThreadsLoseNothing) {
  TempFolder folder;
  {
    Trace trace(folder / "t.csv");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&trace] {
        for (int i = 0; i < 4000; ++i) trace.count(problem_of(1 + i % 1000));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::istringstream lines(content(folder / "t.csv"));
  int shapes = 0;
  for (std::string line; std::getline(lines, line);) shapes += line.ends_with(",16");
  EXPECT_EQ(shapes, 1000);
}

TEST(Trace, IsBounded) {
  TempFolder folder;
  {
    Trace trace(folder / "t.csv");
    for (int i = 0; i < static_cast<int>(Trace::kCapacity) + 10; ++i)
      trace.count(problem_of(1 + i));
  }
  EXPECT_NE(content(folder / "t.csv").find("# 10 calls of further shapes"), std::string::npos);
}

TEST(Trace, AFolderThatIsMissingBreaksNothing) {
  TempFolder folder;
  Trace trace(folder / "none" / "t.csv");
  trace.count(problem_of(64));
  trace.write();
  EXPECT_TRUE(folder.files().empty());
}

}  // namespace
}  // namespace deepgemm::db
