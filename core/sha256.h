// SHA-256, FIPS 180-4. Content addresses of kernels and integrity of stored cubins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace deepgemm::core {

class Sha256 {
 public:
  void update(std::span<const char> bytes);
  // A field of a composite key: its length goes first, so that "ab" + "c" differs from "a" + "bc".
  void update_field(std::string_view text);
  // 64 hexadecimal digits. The object is spent afterwards.
  std::string hex();

 private:
  void compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_bytes_ = 0;
};

std::string sha256_hex(std::span<const char> bytes);

}  // namespace deepgemm::core
