// Counts what a hot path must not do.
#pragma once

namespace deepgemm::db {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCountsHotPath = false;
#else
inline constexpr bool kCountsHotPath = true;
#endif

// Of the calling thread, since it started; zero where kCountsHotPath is false.
struct HotPathCounts {
  long allocations = 0;  // of operator new
  long locks = 0;        // of mutexes and shared mutexes
};
HotPathCounts hot_path_counts();

}  // namespace deepgemm::db
