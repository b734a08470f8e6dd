// A short text built in a fixed buffer: what a hot path says must not allocate.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

namespace deepgemm::db {

// memcpy for a few hundred bytes at most. Where a compiler knows such a bound but not the size, it
// writes `rep movs`, whose start alone takes longer than this.
inline void copy_short(char* to, const char* from, std::size_t size) {
  constexpr std::size_t kBlock = 16;
  if (size < kBlock) {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
    return;
  }
  for (std::size_t i = 0; i < size - kBlock; i += kBlock) std::memcpy(to + i, from + i, kBlock);
  // The last block overlaps the one before.
  std::memcpy(to + size - kBlock, from + size - kBlock, kBlock);
}

// Text that does not fit is cut.
class Clause {
 public:
  Clause& operator<<(std::string_view text) {
    const std::size_t room = text_.size() - size_;
    const std::size_t taken = text.size() < room ? text.size() : room;
    copy_short(text_.data() + size_, text.data(), taken);
    size_ += taken;
    return *this;
  }
  // A literal, whose size the compiler knows.
  template <std::size_t size>
  Clause& operator<<(const char (&text)[size]) {
    if (text_.size() - size_ < size) return *this << std::string_view(text, size - 1);
    std::memcpy(text_.data() + size_, text, size - 1);
    size_ += size - 1;
    return *this;
  }
  Clause& operator<<(std::int64_t number) {
    char* const begin = text_.data() + size_;
    const auto [end, error] = std::to_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc()) return *this << std::string_view(std::to_string(number));
    size_ += static_cast<std::size_t>(end - begin);
    return *this;
  }
  std::string_view view() const { return {text_.data(), size_}; }
  std::string str() const { return std::string(view()); }

 private:
  std::array<char, 255> text_;
  std::size_t size_ = 0;
};

}  // namespace deepgemm::db
