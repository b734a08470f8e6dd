#include "core/device_memory.h"

#include <utility>

#include "core/driver.h"

namespace deepgemm::core {

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  CUdeviceptr address = 0;
  check(driver().cuMemAlloc(&address, bytes == 0 ? 1 : bytes),
        "allocating " + std::to_string(bytes >> 20) + " MiB of GPU memory");
  address_ = address;
}

DeviceBuffer::~DeviceBuffer() {
  if (address_ != 0) driver().cuMemFree(address_);
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : address_(std::exchange(other.address_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void copy_to_host(void* host, const void* device, std::size_t bytes) {
  check(driver().cuMemcpyDtoH(host, reinterpret_cast<CUdeviceptr>(device), bytes),
        "copying from the GPU");
}

void copy_to_device(void* device, const void* host, std::size_t bytes) {
  check(driver().cuMemcpyHtoD(reinterpret_cast<CUdeviceptr>(device), host, bytes),
        "copying to the GPU");
}

void copy_rows(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
               std::size_t row_bytes, std::size_t rows) {
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.srcDevice = reinterpret_cast<CUdeviceptr>(from);
  copy.srcPitch = from_pitch;
  copy.dstDevice = reinterpret_cast<CUdeviceptr>(to);
  copy.dstPitch = to_pitch;
  copy.WidthInBytes = row_bytes;
  copy.Height = rows;
  check(driver().cuMemcpy2D(&copy), "copying on the GPU");
}

std::size_t free_device_bytes() {
  std::size_t free = 0;
  std::size_t total = 0;
  check(driver().cuMemGetInfo(&free, &total), "reading free GPU memory");
  return free;
}

Stream::Stream() { check(driver().cuStreamCreate(&stream_, CU_STREAM_DEFAULT), "a CUDA stream"); }

Stream::~Stream() { driver().cuStreamDestroy(stream_); }

void Stream::fill(void* device, unsigned char value, std::size_t bytes) const {
  check(driver().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(device), value, bytes, stream_),
        "filling GPU memory");
}

void Stream::synchronize() const {
  check(driver().cuStreamSynchronize(stream_), "running on the GPU");
}

int Stream::try_synchronize() const { return driver().cuStreamSynchronize(stream_); }

}  // namespace deepgemm::core
