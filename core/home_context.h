// The context that a runtime's kernels live in, whatever the threads that call it have current.
#pragma once

namespace deepgemm::core {

// The calling thread's current context when it is made; where that thread has none, or one that was
// destroyed, device 0's primary one, which becomes current. A primary context is retained, so that
// it lives as long as this.
class HomeContext {
 public:
  // Throws EnvironmentError where there is no driver or no context can be had.
  HomeContext();
  ~HomeContext();
  HomeContext(const HomeContext&) = delete;
  HomeContext& operator=(const HomeContext&) = delete;

  bool is_current() const noexcept;  // on the calling thread

  // Makes it current on a calling thread that has no context; does nothing where the thread that
  // made this had one, as its program then sees to contexts itself.
  void enter_if_none() const;

 private:
  friend class HomeScope;

  void* context_ = nullptr;
  int device_ = 0;
  bool is_retained_ = false;
  bool was_none_ = false;
};

// Ordinal of the GPU that a home made now on this thread would be of. Makes nothing. Throws
// EnvironmentError where there is none.
int home_device();

// Makes a home current on the calling thread, and what was current before again when it goes.
class HomeScope {
 public:
  // Null: does nothing. Throws EnvironmentError where the driver refuses.
  explicit HomeScope(const HomeContext* home);
  ~HomeScope();
  HomeScope(const HomeScope&) = delete;
  HomeScope& operator=(const HomeScope&) = delete;

 private:
  void* before_ = nullptr;
  bool entered_ = false;
};

}  // namespace deepgemm::core
