#include "core/yield_schedule.h"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace deepgemm::core {
namespace {

constexpr Elf64_Half kMachineCuda = 190;  // EM_CUDA

// One SASS instruction. Its control bits lie in the upper word.
struct Instruction {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  // Of registers alone, under no predicate.
  bool is_ffma() const { return (low & 0xffff) == 0x7223; }
  unsigned written() const { return low >> 16 & 0xff; }
  unsigned operand(int i) const { return low >> (24 + 8 * i) & 0xff; }  // i: 0 or 1
};
static_assert(sizeof(Instruction) == 16);

constexpr unsigned kZeroRegister = 255;

constexpr std::uint64_t kStay = 1ull << 45;  // 0: another warp may have the next issue slot
constexpr std::uint64_t reuse_bit(int operand) { return 1ull << (58 + operand); }

// Other instructions that may lie between two FFMA of one run: what ptxas mixes into it.
constexpr std::size_t kWidestGap = 12;
// Fewer are no promotion.
constexpr std::size_t kShortestRun = 8;

template <class T>
std::optional<T> read_at(const std::vector<char>& image, std::uint64_t offset) {
  if (offset > image.size() || image.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, image.data() + offset, sizeof(T));
  return value;
}

// The sections of the image that hold machine code.
std::vector<Elf64_Shdr> code_sections(const std::vector<char>& image) {
  const auto header = read_at<Elf64_Ehdr>(image, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return {};
  if (header->e_machine != kMachineCuda || header->e_shentsize != sizeof(Elf64_Shdr)) return {};
  std::vector<Elf64_Shdr> sections;
  for (int i = 0; i < header->e_shnum; ++i) {
    const auto section = read_at<Elf64_Shdr>(image, header->e_shoff + i * sizeof(Elf64_Shdr));
    if (!section) return {};
    const bool is_code =
        section->sh_type == SHT_PROGBITS && (section->sh_flags & SHF_EXECINSTR) != 0;
    if (!is_code) continue;
    if (section->sh_offset > image.size() || image.size() - section->sh_offset < section->sh_size) {
      return {};
    }
    sections.push_back(*section);
  }
  return sections;
}

// Whether `operand` of code[at] can stay where it is for the instruction behind it.
bool is_read_again(std::span<const Instruction> code, std::size_t at, int operand) {
  if (at + 1 == code.size() || !code[at + 1].is_ffma()) return false;
  const unsigned name = code[at].operand(operand);
  return name != kZeroRegister && code[at].written() != name &&
         code[at + 1].operand(operand) == name;
}

// `run`: where in `code` its FFMA are.
void schedule_run(std::span<Instruction> code, std::span<const std::size_t> run) {
  for (std::size_t i = 0; i < run.size(); ++i) {
    const bool stays = (i + 1) % kFfmaPerTurn != 0;
    std::uint64_t hints = stays ? kStay : 0;
    for (const int operand : {0, 1}) {
      if (stays && is_read_again(code, run[i], operand)) hints |= reuse_bit(operand);
    }
    std::uint64_t& high = code[run[i]].high;
    high = (high & ~(kStay | reuse_bit(0) | reuse_bit(1))) | hints;
  }
}

int schedule_code(std::span<Instruction> code) {
  int scheduled = 0;
  std::vector<std::size_t> run;
  const auto end_run = [&] {
    if (run.size() >= kShortestRun) {
      schedule_run(code, run);
      scheduled += static_cast<int>(run.size());
    }
    run.clear();
  };
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (!code[at].is_ffma()) continue;
    if (!run.empty() && at - run.back() > kWidestGap + 1) end_run();
    run.push_back(at);
  }
  end_run();
  return scheduled;
}

}  // namespace

bool yields_pay(const GemmConfig& config) {
  return config.math_warpgroups >= 2 && config.block_n >= 128;
}

int schedule_yields(std::vector<char>& cubin, const GemmConfig& config) {
  if (!yields_pay(config)) return 0;
  int scheduled = 0;
  for (const Elf64_Shdr& section : code_sections(cubin)) {
    std::vector<Instruction> code(section.sh_size / sizeof(Instruction));
    char* const bytes = cubin.data() + section.sh_offset;
    std::memcpy(code.data(), bytes, code.size() * sizeof(Instruction));
    scheduled += schedule_code(code);
    std::memcpy(bytes, code.data(), code.size() * sizeof(Instruction));
  }
  return scheduled;
}

}  // namespace deepgemm::core
