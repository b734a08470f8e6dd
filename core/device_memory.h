// Device memory and streams with owners.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;

namespace deepgemm::core {

// Bytes of device memory, aligned to 256. Allocation throws EnvironmentError.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;

  void* data() const { return reinterpret_cast<void*>(address_); }
  template <typename T>
  T* as(std::size_t byte_offset = 0) const {
    return reinterpret_cast<T*>(address_ + byte_offset);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::uintptr_t address_ = 0;
  std::size_t bytes_ = 0;
};

// Synchronous copies; they wait for the work on all streams that block the default one.
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_to_device(void* device, const void* host, std::size_t bytes);
// `rows` rows of `row_bytes` between device buffers of different pitch.
void copy_rows(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
               std::size_t row_bytes, std::size_t rows);

std::size_t free_device_bytes();

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  CUstream_st* get() const { return stream_; }
  void fill(void* device, unsigned char value, std::size_t bytes) const;
  // Throws EnvironmentError where work on it has failed.
  void synchronize() const;
  // 0, or the CUresult of the work on it.
  int try_synchronize() const;

 private:
  CUstream_st* stream_ = nullptr;
};

}  // namespace deepgemm::core
