// Shape of the kernel that only moves bytes. Read by the host and by NVRTC.
#pragma once

namespace deepgemm::kernels {

// Bytes of one bulk copy in, copies in flight, bytes of one bulk copy out. Chosen by measurement on
// an H100 from 0.5 to 480 MB: 48 reads of 4 KB take up to 1.3x as long, and more writes in flight
// slow the reads beside them.
inline constexpr int kFloorReadBytes = 24576;
inline constexpr int kFloorReads = 6;
inline constexpr int kFloorWriteBytes = 16384;

inline constexpr int kFloorThreads = 64;  // a warp that reads and a warp that writes

struct FloorStorage {
  alignas(128) unsigned char reads[kFloorReads][kFloorReadBytes];
  alignas(128) unsigned char write[kFloorWriteBytes];
  alignas(8) unsigned long long arrived[kFloorReads];
};

}  // namespace deepgemm::kernels
