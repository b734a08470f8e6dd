// What the tuner and its worker say to each other, as bytes: one list of fields per struct, passed
// in the same order by who writes and who reads. Both ends are one executable on one machine, so
// numbers travel as they lie in memory.
#pragma once

#include <concepts>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "autotune/executor.h"

namespace deepgemm::autotune::wire {

// Bytes that are no message: the other end is broken, or another version.
struct Garbled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

class Writer {
 public:
  template <Plain T>
  void operator()(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void operator()(const std::string& text) { sequence(text); }
  template <Plain T>
  void operator()(const std::vector<T>& values) {
    sequence(values);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <typename Values>
  void sequence(const Values& values) {
    (*this)(values.size());
    if (values.empty()) return;
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  }

  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}  // which must outlive it

  template <Plain T>
  void operator()(T& value) {
    take(&value, sizeof(value));
  }
  void operator()(std::string& text) { sequence(text); }
  template <Plain T>
  void operator()(std::vector<T>& values) {
    sequence(values);
  }
  // Throws Garbled where something is left.
  void end() const {
    if (at_ != bytes_.size()) throw Garbled("a message is longer than it should be");
  }

 private:
  void take(void* to, std::size_t count) {
    if (count > bytes_.size() - at_) throw Garbled("a message ends too early");
    std::memcpy(to, bytes_.data() + at_, count);
    at_ += count;
  }
  template <typename Values>
  void sequence(Values& values) {
    std::size_t count = 0;
    take(&count, sizeof(count));
    if (count > (bytes_.size() - at_) / sizeof(values[0])) {
      throw Garbled("a message ends too early");
    }
    values.resize(count);
    if (count > 0) take(values.data(), count * sizeof(values[0]));
  }

  const std::string& bytes_;
  std::size_t at_ = 0;
};

template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

template <typename Pass, Plain T>
void pass(Pass& p, T& value) {
  p(value);
}

template <typename Pass, Is<std::string> T>
void pass(Pass& p, T& text) {
  p(text);
}

template <typename Pass, typename... Fields>
void pass_all(Pass& p, Fields&... fields) {
  (p(fields), ...);
}

template <typename Pass, Is<core::GemmProblem> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.operation, x.m, x.n, x.k, x.groups, x.recipe, x.output, x.alignment);
}

template <typename Pass, Is<core::GroupDraw> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.skew, x.max_m, x.rows);
}

template <typename Pass, Is<core::GemmConfig> T>
void pass(Pass& p, T& x) {
  for (const core::ConfigField& field : core::kConfigFields) p(x.*field.member);
}

template <typename Pass, Is<core::Cubin> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.key, x.entry, x.image, x.build.registers, x.build.spill_bytes, x.build.shared_bytes,
           x.build.compile_seconds);
  pass(p, x.config);
}

template <typename Pass, Is<Check> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.outcome, x.detail);
  auto& v = x.verification;
  pass_all(p, v.reference, v.relative_error, v.max_error, v.relative_error_f64,
           v.reference_error_f64, v.unwritten, v.canaries_touched, v.repeatable, v.bits_hash);
}

template <typename Pass, Is<Round> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.times_us, x.sm_clock_mhz, x.slowed);
}

template <typename Pass, Is<Workbench::Admission> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.id, x.failure, x.outcome);
}

template <typename Pass, Is<core::Environment> T>
void pass(Pass& p, T& x) {
  pass_all(p, x.device_id, x.device_name, x.device_uuid, x.sms, x.driver, x.nvrtc,
           x.library_version, x.cublaslt, x.sources_hash);
  for (const core::ClockLimit& limit : core::kClockLimits) pass_all(p, x.*limit.member);
}

template <typename Pass, typename T>
void pass(Pass& p, const std::vector<T>& values) {
  p(values);
}
template <typename Pass, typename T>
void pass(Pass& p, std::vector<T>& values) {
  p(values);
}

// The bytes of some values, one after the other.
template <typename... Values>
std::string pack(const Values&... values) {
  Writer writer;
  (pass(writer, values), ...);
  return writer.bytes();
}

// Reads what pack wrote. Throws Garbled.
template <typename... Values>
void unpack(const std::string& bytes, Values&... values) {
  Reader reader(bytes);
  (pass(reader, values), ...);
  reader.end();
}

}  // namespace deepgemm::autotune::wire
