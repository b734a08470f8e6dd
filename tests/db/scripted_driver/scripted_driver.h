// A CUDA driver with one H100 and no kernels: it keeps what it is told, and shows each launch to
// whoever watches. The library opens it as it opens the real one; what runs on the host is the real
// thing, up to the last call.
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

struct Launch {
  const char* image;  // text of the module that the kernel is of
  CUstream stream;
  unsigned blocks;
  unsigned threads;
  unsigned shared_bytes;
  void** parameters;
};

// Called on the launching thread by every cuLaunchKernelEx. Set it before other threads launch.
void watch_launches(void (*observer)(const Launch&));

// What cuStreamIsCapturing says of every stream from now on.
void pretend_capture(bool on);

// How many modules were loaded, and are loaded now.
int modules_loaded();
int modules_alive();

}  // namespace deepgemm::scripted_driver
