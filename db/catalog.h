// One database or bundle as the runtime sees it: the index that look-ups need, and the images of
// kernels.
#pragma once

#include <filesystem>
#include <memory>

#include "core/store.h"
#include "db/bundle_index.h"

namespace deepgemm::db {

// For one thread at a time; the index never changes.
class Catalog {
 public:
  // Of a bundle only the index is read, and held against its checksum; of a database every winner:
  // of several of one problem the index has the one that suits a machine like `here` best.
  // Throws UsageError for what is missing, corrupt, foreign or too new, EnvironmentError for what
  // may not be read.
  Catalog(const std::filesystem::path& path, const core::Environment& here);
  ~Catalog();
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;

  const std::filesystem::path& path() const { return path_; }
  const Index& index() const { return index_; }
  // Families, with m = 1, of which there are only rows that this version cannot launch: the index
  // has none of them.
  const std::vector<core::GemmProblem>& passed_over() const { return passed_over_; }

  // The image of one of the index's kernels. Throws UsageError where it is missing or not the one
  // that the index vouches for.
  core::Cubin cubin(const IndexedKernel& kernel) const;

 private:
  class Source;
  std::filesystem::path path_;
  std::unique_ptr<Source> source_;
  Index index_;
  std::vector<core::GemmProblem> passed_over_;
};

}  // namespace deepgemm::db
