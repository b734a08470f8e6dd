// Where bundles lie: file systems without locks, files that are none, links, odd paths.
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

#include "db/bundle_seal.h"
#include "db/catalog.h"
#include "tests/db/small_bundle.h"

namespace deepgemm::db {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As on a file system that has no POSIX locks: SQLite asks the system through this from now on.
int refuse_locks(int descriptor, int command, long argument) {
  if (command == F_SETLK || command == F_SETLKW || command == F_GETLK) {
    errno = ENOLCK;
    return -1;
  }
  return fcntl(descriptor, command, argument);
}

void take_locks_away() {
  sqlite3_vfs* const files = sqlite3_vfs_find(nullptr);
  files->xSetSystemCall(files, "fcntl", reinterpret_cast<sqlite3_syscall_ptr>(refuse_locks));
}

TEST(BundleAccess, ABundleOpensWhereTheFileSystemHasNoLocks) {
  TempFolder folder;
  const auto path = bundle(folder, "b.dgdb", {64, 128});
  const std::string said = in_child([&] {
    take_locks_away();
    return failure_of([&] {
             const Catalog catalog(path, environment_of());
             const IndexedKernel& kernel = catalog.index().kernels.at(0);
             if (catalog.cubin(kernel).key != kernel.key) throw std::runtime_error("other kernel");
           }) +
           failure_to_open(path, OpenMode::kReadOnly) + failure_to_open(path, OpenMode::kInspect);
  });
  EXPECT_EQ(said, "");
  // The same says that nothing else opens there.
  TuningDb(folder / "t.db", OpenMode::kTune).record(winner_of(64), environment_of());
  EXPECT_NE(in_child([&] {
              take_locks_away();
              return failure_to_open(folder / "t.db", OpenMode::kReadOnly);
            }),
            "");
}

// Of a database that once had this name, say.
TEST(BundleAccess, AJournalBesideABundleDoesNothing) {
  TempFolder folder;
  const auto path = bundle(folder, "b.dgdb", {64});
  const std::string before = bytes_of(path);
  for (const std::string suffix : {"-journal", "-wal"}) {
    write_text(path.string() + suffix, std::string(2048, 'x'));
    for (const OpenMode mode : {OpenMode::kReadOnly, OpenMode::kInspect}) {
      EXPECT_EQ(failure_to_open(path, mode), "") << suffix;
    }
    EXPECT_EQ(bytes_of(path), before);
    std::filesystem::remove(path.string() + suffix);
  }
}

TEST(BundleAccess, APathMayBeginWithTwoSlashes) {
  TempFolder folder;
  const auto path = bundle(folder, "b.dgdb", {64});
  EXPECT_EQ(failure_to_open("/" + path.string(), OpenMode::kReadOnly), "");
  EXPECT_EQ(Catalog("/" + path.string(), environment_of()).index().families.size(), 1U);
}

TEST(BundleAccess, WhatOnlyLooksLikeABundleIsNotReplaced) {
  TempFolder folder;
  tamper(folder / "mine.db", "CREATE TABLE bundle (of TEXT)");
  const auto real = bundle(folder, "b.dgdb", {64});
  const std::string bytes = bytes_of(real);
  write_text(folder / "notes.txt", "mine\n" + bytes.substr(bytes.size() - 160));
  for (const std::string name : {"mine.db", "notes.txt"}) {
    const std::string before = bytes_of(folder / name);
    const std::string failure = failure_of([&] { bundle(folder, name, {64}); });
    EXPECT_NE(failure.find("exists and is no bundle, so it is not overwritten"), std::string::npos)
        << failure;
    EXPECT_EQ(bytes_of(folder / name), before);
  }
}

TEST(BundleAccess, ADamagedBundleIsReplaced) {
  TempFolder folder;
  const auto path = bundle(folder, "b.dgdb", {64});
  std::string bytes = bytes_of(path);
  bytes[bytes.size() / 2] ^= 1;
  std::filesystem::remove(path);
  write_text(path, bytes);
  ASSERT_NE(failure_to_open(path, OpenMode::kReadOnly), "");
  EXPECT_EQ(failure_of([&] { bundle(folder, "b.dgdb", {64}); }), "");
  EXPECT_EQ(failure_to_open(path, OpenMode::kReadOnly), "");
}

// Of an export with this process number that was killed, as in each start of a container.
TEST(BundleAccess, ADraftThatWasLeftIsNoObstacle) {
  TempFolder folder;
  const std::string draft = (folder / "b.dgdb").string() + ".part-" + std::to_string(getpid());
  for (int serial = 0; serial < 1000; ++serial) {
    write_text(draft + "-" + std::to_string(serial), "half a bundle");
  }
  EXPECT_EQ(failure_of([&] { bundle(folder, "b.dgdb", {64}); }), "");
  EXPECT_EQ(failure_to_open(folder / "b.dgdb", OpenMode::kReadOnly), "");
}

TEST(BundleAccess, TheFileBehindASymbolicLinkIsReplaced) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "real");
  bundle(folder, "real/b.dgdb", {64});
  std::filesystem::create_symlink("real/b.dgdb", folder / "link.dgdb");
  bundle(folder, "link.dgdb", {64, 128});
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.dgdb"));
  EXPECT_EQ(TuningDb(folder / "real/b.dgdb", OpenMode::kReadOnly).winners().size(), 2U);
}

}  // namespace
}  // namespace deepgemm::db
