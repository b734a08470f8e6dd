#pragma once

namespace deepgemm::core {

// Version of the library and of every command.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace deepgemm::core
