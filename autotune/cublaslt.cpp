#include "autotune/cublaslt.h"

#include <cublasLt.h>

#include <cstdint>

#include "core/dynamic_library.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

#define DEEPGEMM_CUBLASLT_FUNCTIONS(X)    \
  X(cublasLtCreate)                       \
  X(cublasLtDestroy)                      \
  X(cublasLtGetVersion)                   \
  X(cublasLtMatmul)                       \
  X(cublasLtMatmulDescCreate)             \
  X(cublasLtMatmulDescDestroy)            \
  X(cublasLtMatmulDescSetAttribute)       \
  X(cublasLtMatrixLayoutCreate)           \
  X(cublasLtMatrixLayoutDestroy)          \
  X(cublasLtMatmulPreferenceCreate)       \
  X(cublasLtMatmulPreferenceDestroy)      \
  X(cublasLtMatmulPreferenceSetAttribute) \
  X(cublasLtMatmulAlgoGetHeuristic)

struct Functions {
#define DEEPGEMM_FUNCTION(name) decltype(&::name) name = nullptr;
  DEEPGEMM_CUBLASLT_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
};

constexpr std::size_t kWorkspaceBytes = 64 << 20;
constexpr std::size_t kFirstWithBlockScales = 120900;
constexpr const char* kNextStep =
    "Install the CUDA toolkit 12.9 or newer (or the Python package nvidia-cublas) and point "
    "CUDA_HOME at it.";

const Functions& functions() {
  static const Functions loaded = [] {
    static const core::DynamicLibrary library(
        {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"},
        "cuBLASLt, the reference that every kernel is checked against,", kNextStep);
    Functions f;
#define DEEPGEMM_FUNCTION(name) library.bind(f.name, #name);
    DEEPGEMM_CUBLASLT_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
    return f;
  }();
  return loaded;
}

void check(cublasStatus_t status, const char* action) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw core::EnvironmentError(
      std::string("cuBLASLt failed in ") + action + " with status " + std::to_string(status),
      "Run again; if it fails again, check the GPU with nvidia-smi.");
}

}  // namespace

struct CublasLt::State {
  cublasLtHandle_t handle = nullptr;
  core::DeviceBuffer workspace{kWorkspaceBytes};
  core::DeviceBuffer one{4};  // the tensor-wide scale
};

// cuBLASLt is column-major: it computes D^T [n, m] = B [n, k] * A^T [k, m], so our B is its A.
struct LibraryGemm::Plan {
  ~Plan() {
    const Functions& f = functions();
    if (description != nullptr) f.cublasLtMatmulDescDestroy(description);
    for (cublasLtMatrixLayout_t layout : {b, a, d}) {
      if (layout != nullptr) f.cublasLtMatrixLayoutDestroy(layout);
    }
    if (preference != nullptr) f.cublasLtMatmulPreferenceDestroy(preference);
  }

  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(functions().cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof(value)),
          "describing a product");
  }

  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t b = nullptr;
  cublasLtMatrixLayout_t a = nullptr;
  cublasLtMatrixLayout_t d = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
};

LibraryGemm::LibraryGemm(std::vector<std::unique_ptr<Plan>> plans) : plans_(std::move(plans)) {}
LibraryGemm::~LibraryGemm() = default;

void LibraryGemm::launch(const Operands& operands, void* d, const core::Stream& stream) const {
  if (!operands.grouped()) return enqueue(operands, d, stream);
  prepare(operands, d, stream);
  graph_->launch(stream);
}

void LibraryGemm::prepare(const Operands& operands, void* d, const core::Stream& stream) const {
  if (!operands.grouped() || (graph_ && graph_of_ == d)) return;
  enqueue(operands, d, stream);  // loads what it needs, which a capture could not
  graph_.emplace(stream, [&] { enqueue(operands, d, stream); });
  graph_of_ = d;
}

void LibraryGemm::enqueue(const Operands& operands, void* d, const core::Stream& stream) const {
  const float alpha = 1;
  const float beta = 0;
  for (int g = 0; g < operands.groups(); ++g) {
    const Plan* const plan = plans_[static_cast<std::size_t>(g)].get();
    if (plan == nullptr) continue;
    const core::GemmOperands pointers = operands.group(g, d).operands;
    check(functions().cublasLtMatmul(plan->handle, plan->description, &alpha, pointers.b, plan->b,
                                     pointers.a, plan->a, &beta, pointers.d, plan->d, pointers.d,
                                     plan->d, &plan->algorithm, plan->workspace, kWorkspaceBytes,
                                     stream.get()),
          "a product");
  }
}

CublasLt::CublasLt() : state_(std::make_unique<State>()) {
  if (functions().cublasLtGetVersion() < kFirstWithBlockScales) {
    throw core::EnvironmentError("cuBLASLt " + version() + " is older than 12.9", kNextStep);
  }
  check(functions().cublasLtCreate(&state_->handle), "starting");
  const float one = 1;
  core::copy_to_device(state_->one.data(), &one, sizeof(one));
}

CublasLt::~CublasLt() {
  if (state_->handle != nullptr) functions().cublasLtDestroy(state_->handle);
}

std::string CublasLt::version() {
  const std::size_t v = functions().cublasLtGetVersion();
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
         std::to_string(v % 100);
}

std::unique_ptr<LibraryGemm> CublasLt::plan(LibraryRecipe recipe, const Operands& operands,
                                            std::string& why) const {
  std::vector<std::unique_ptr<LibraryGemm::Plan>> plans(
      static_cast<std::size_t>(operands.groups()));
  for (int g = 0; g < operands.groups(); ++g) {
    const GroupProduct group = operands.group(g, nullptr);
    if (group.segment.rows == 0) continue;
    auto& plan = plans[static_cast<std::size_t>(g)];
    plan = plan_group(recipe, group, why);
    if (plan == nullptr) return nullptr;
  }
  return std::unique_ptr<LibraryGemm>(new LibraryGemm(std::move(plans)));
}

std::unique_ptr<LibraryGemm::Plan> CublasLt::plan_group(LibraryRecipe recipe,
                                                        const GroupProduct& group,
                                                        std::string& why) const {
  const Functions& f = functions();
  const core::GemmProblem& p = group.problem;
  auto plan = std::make_unique<LibraryGemm::Plan>();
  plan->handle = state_->handle;
  plan->workspace = state_->workspace.data();
  check(f.cublasLtMatmulDescCreate(&plan->description, CUBLAS_COMPUTE_32F, CUDA_R_32F),
        "describing a product");
  plan->set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  plan->set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  if (recipe == LibraryRecipe::kBlockScaled) {
    plan->set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F);
    plan->set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F);
    plan->set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, group.padded_scale_b);
    plan->set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, group.packed_scale_a);
  } else {
    plan->set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
    plan->set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, state_->one.data());
    plan->set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, state_->one.data());
  }
  const auto m = static_cast<std::uint64_t>(group.padded_m());
  const auto n = static_cast<std::uint64_t>(p.n);
  const auto k = static_cast<std::uint64_t>(p.k);
  check(f.cublasLtMatrixLayoutCreate(&plan->b, CUDA_R_8F_E4M3, k, n, p.k), "a layout");
  check(f.cublasLtMatrixLayoutCreate(&plan->a, CUDA_R_8F_E4M3, k, m, p.k), "a layout");
  check(f.cublasLtMatrixLayoutCreate(&plan->d, CUDA_R_16BF, n, m, p.n), "a layout");
  check(f.cublasLtMatmulPreferenceCreate(&plan->preference), "a preference");
  check(f.cublasLtMatmulPreferenceSetAttribute(plan->preference,
                                               CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                               &kWorkspaceBytes, sizeof(kWorkspaceBytes)),
        "a preference");
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status =
      f.cublasLtMatmulAlgoGetHeuristic(plan->handle, plan->description, plan->b, plan->a, plan->d,
                                       plan->d, plan->preference, 1, &found, &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) {
    why = std::string("cuBLASLt has no algorithm for ") + core::to_string(p) +
          (recipe == LibraryRecipe::kBlockScaled ? " with block scales" : " with one scale") +
          " (status " + std::to_string(status) + ")";
    return nullptr;
  }
  plan->algorithm = found.algo;
  return plan;
}

}  // namespace deepgemm::autotune
