// Stands between the program and the C++ and thread libraries.
#include "tests/db/scripted_driver/hot_path.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cstdlib>
#include <new>

namespace {

thread_local deepgemm::db::HotPathCounts counts;

}  // namespace

namespace deepgemm::db {

HotPathCounts hot_path_counts() { return counts; }

}  // namespace deepgemm::db

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void* operator new(std::size_t bytes) {
  ++counts.allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

// The library's own function, behind ours.
template <class Lock>
int forward(const char* name, Lock* lock) {
  ++counts.locks;
  return reinterpret_cast<int (*)(Lock*)>(dlsym(RTLD_NEXT, name))(lock);
}

}  // namespace

extern "C" {
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  return forward("pthread_mutex_lock", mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  return forward("pthread_rwlock_rdlock", lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  return forward("pthread_rwlock_wrlock", lock);
}
}

#endif
