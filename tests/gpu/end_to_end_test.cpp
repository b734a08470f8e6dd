// The whole way: tune with the real command, then run from the database in a fresh process.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

namespace fs = std::filesystem;

// Runs a program to its end; stdout and stderr go to `log`. Returns its exit code, -1 on a signal.
int run(const std::vector<std::string>& words, const fs::path& log) {
  const pid_t child = fork();
  if (child == 0) {
    const int file = open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    dup2(file, 1);
    dup2(file, 2);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

float decode_e4m3(unsigned char bits) {
  const int exponent = bits >> 3 & 15;
  const int mantissa = bits & 7;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                        : std::ldexp(1.0f + mantissa / 8.0f, exponent - 7);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

// Operands on the host, in the order in which runtime_client reads them.
struct HostOperands {
  HostOperands(int m_, int n_, int k_) : m(m_), n(n_), k(k_) {
    std::mt19937 random(7);
    const auto bytes = [&](std::size_t count) {
      std::vector<unsigned char> out(count);
      // Magnitudes below 64, no NaN.
      for (auto& b : out) b = static_cast<unsigned char>((random() & 0x80) | random() % 0x68);
      return out;
    };
    const auto scales = [&](std::size_t count) {
      std::vector<float> out(count);
      for (auto& s : out) {
        s = std::ldexp(1.0f + static_cast<float>(random() % 1000) / 1000.0f,
                       static_cast<int>(random() % 6) - 8);
      }
      return out;
    };
    a = bytes(static_cast<std::size_t>(m) * k);
    b = bytes(static_cast<std::size_t>(n) * k);
    scale_a = scales(static_cast<std::size_t>(blocks(k)) * stride());
    scale_b = scales(static_cast<std::size_t>(blocks(n)) * blocks(k));
  }

  static int blocks(int extent) { return (extent + 127) / 128; }
  int stride() const { return (m + 3) / 4 * 4; }

  void write(const fs::path& path) const {
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](const auto& v) {
      file.write(reinterpret_cast<const char*>(v.data()),
                 static_cast<long>(v.size() * sizeof(v[0])));
    };
    put(a);
    put(b);
    put(scale_a);
    put(scale_b);
  }

  double exact(int row, int column) const {
    double sum = 0;
    for (int kb = 0; kb < blocks(k); ++kb) {
      double partial = 0;
      for (int i = kb * 128; i < std::min(kb * 128 + 128, k); ++i) {
        partial += static_cast<double>(decode_e4m3(a[static_cast<std::size_t>(row) * k + i])) *
                   decode_e4m3(b[static_cast<std::size_t>(column) * k + i]);
      }
      sum += partial * scale_a[static_cast<std::size_t>(kb) * stride() + row] *
             scale_b[static_cast<std::size_t>(column / 128) * blocks(k) + kb];
    }
    return sum;
  }

  int m, n, k;
  std::vector<unsigned char> a, b;
  std::vector<float> scale_a, scale_b;
};

class EndToEndTest : public GpuTest {
 protected:
  // Skips without touching the GPU from this process: the command needs CUPTI for itself.
  void SetUp() override {
    if (access("/dev/nvidia0", R_OK) != 0) GTEST_SKIP() << "needs a Hopper GPU";
    std::string pattern = (fs::temp_directory_path() / "deepgemm-e2e-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    const fs::path self = fs::read_symlink("/proc/self/exe").parent_path();
    client_ = self / "runtime_client";
    tune_ = self.parent_path() / "bin" / "deepgemm-tune";
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  void tune(const std::string& shape) {
    const int code = run(
        {tune_, shape, "--db", folder_ / "t.db", "--effort", "quick", "--cache", folder_ / "cache"},
        folder_ / "log");
    ASSERT_EQ(code, 0) << read_text(folder_ / "log");
  }

  // Runs the product in a fresh process and compares every element of some rows with float64.
  void run_and_compare(int m, int n, int k, const std::string& expected_match) {
    const HostOperands operands(m, n, k);
    operands.write(folder_ / "in");
    const std::string shape = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    const int code =
        run({client_, folder_ / "t.db", shape, folder_ / "in", folder_ / "out"}, folder_ / "log");
    const std::string log = read_text(folder_ / "log");
    ASSERT_EQ(code, 0) << log;
    EXPECT_NE(log.find(expected_match), std::string::npos) << log;
    for (const char* library : {"libnvrtc", "libcublasLt", "libcupti"}) {
      EXPECT_NE(log.find(std::string(library) + " absent"), std::string::npos) << log;
    }
    compare(operands, read_text(folder_ / "out"));
  }

  static void compare(const HostOperands& operands, const std::string& result) {
    ASSERT_EQ(result.size(), 2u * operands.m * operands.n);
    double difference = 0;
    double magnitude = 0;
    for (const int row : {0, operands.m / 2, operands.m - 1}) {
      for (int column = 0; column < operands.n; ++column) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, result.data() + 2 * (static_cast<long>(row) * operands.n + column), 2);
        const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
        float value = 0;
        std::memcpy(&value, &wide, 4);
        const double exact = operands.exact(row, column);
        difference += (value - exact) * (value - exact);
        magnitude += exact * exact;
      }
    }
    EXPECT_LT(std::sqrt(difference / magnitude), 3e-3);
  }

  fs::path folder_;
  fs::path client_;
  fs::path tune_;
};

TEST_F(EndToEndTest, WhatWasTunedRunsInAFreshProcessWithoutNvrtc) {
  ASSERT_NO_FATAL_FAILURE(tune("64x520x1040"));
  run_and_compare(64, 520, 1040, "match 1");
  // An m that was not tuned is answered by the row whose interval it lies in, which says so.
  run_and_compare(33, 520, 1040, "match 2");
}

}  // namespace
}  // namespace deepgemm::gpu_test
