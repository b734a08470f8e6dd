// A short text built in a fixed buffer: what a hot path says must not allocate.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace deepgemm::db {

// Text that does not fit is cut.
class Clause {
 public:
  Clause& operator<<(std::string_view text) {
    const std::size_t room = text_.size() - size_;
    const std::size_t taken = text.size() < room ? text.size() : room;
    std::memcpy(text_.data() + size_, text.data(), taken);
    size_ += taken;
    return *this;
  }
  Clause& operator<<(std::int64_t number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return *this << std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
  }
  std::string_view view() const { return {text_.data(), size_}; }
  std::string str() const { return std::string(view()); }

 private:
  std::array<char, 255> text_;
  std::size_t size_ = 0;
};

}  // namespace deepgemm::db
