// A CUDA driver with an H100, an H20 and no kernels: it keeps what it is told, and shows each
// launch to whoever watches. The library opens it as it opens the real one; what runs on the host
// is the real thing, up to the last call. What it does with several contexts is what driver 580 did
// on a host of two H100.
#pragma once

#include <cuda.h>

namespace deepgemm::scripted_driver {

// What cuTensorMapEncodeTiled was asked for, of two-dimensional tensors.
struct Tensor {
  const void* data;
  cuuint64_t columns;
  cuuint64_t rows;
  cuuint32_t box_columns;
  cuuint32_t box_rows;
};
static_assert(sizeof(Tensor) <= sizeof(CUtensorMap));

// What a stream's handle points to: the context that it is of, or null for one of whichever is
// current. The null stream is of the current context, too.
struct StreamHandle {
  CUcontext context = nullptr;
};

struct Launch {
  const char* image;  // text of the module that the kernel is of
  int device;         // that it was loaded to, and runs on
  CUstream stream;
  unsigned blocks;
  unsigned threads;
  unsigned shared_bytes;
  bool overlapped;  // may start before the kernel before it has ended
  void** parameters;
};

// Called on the launching thread by every cuLaunchKernelEx. Set it before other threads launch.
void watch_launches(void (*observer)(const Launch&));

// What cuStreamIsCapturing says of every stream from now on.
void pretend_capture(bool on);

// How many modules were loaded, and are loaded now; of both devices, and to one.
int modules_loaded();
int modules_alive();
int modules_alive(int device);

}  // namespace deepgemm::scripted_driver
