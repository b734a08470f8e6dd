/* One product from a bundle, in C: A and B hold ones, so every element of D must be k.
 *
 *   one_product BUNDLE [M N K]     default: 64 2112 7168
 *
 *   cc one_product.c $(pkg-config --cflags --libs deepgemm) -ldl -o one_product
 *
 * Exit codes: 0 right, 1 wrong or refused, 2 usage or no such row or bundle, 3 no GPU or no driver.
 */
#include <deepgemm/deepgemm.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What the example needs of the driver beside the library. A real program has cuda.h, or pointers
 * from a framework. */
typedef unsigned long long device_pointer;
static int (*allocate)(device_pointer*, size_t);
static int (*fill_bytes)(device_pointer, unsigned char, size_t);
static int (*fill_words)(device_pointer, unsigned, size_t);
static int (*copy_to_host)(void*, device_pointer, size_t);
static int (*get_device)(int*);
static int (*get_name)(char*, int, int);

static void load_driver(void) {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW);
  if (driver == NULL) {
    fprintf(stderr, "one_product: libcuda.so.1 is missing. Install the NVIDIA driver.\n");
    exit(3);
  }
  *(void**)&allocate = dlsym(driver, "cuMemAlloc_v2");
  *(void**)&fill_bytes = dlsym(driver, "cuMemsetD8_v2");
  *(void**)&fill_words = dlsym(driver, "cuMemsetD32_v2");
  *(void**)&copy_to_host = dlsym(driver, "cuMemcpyDtoH_v2");
  *(void**)&get_device = dlsym(driver, "cuCtxGetDevice");
  *(void**)&get_name = dlsym(driver, "cuDeviceGetName");
}

static void require(deepgemm_status status) {
  if (status == DEEPGEMM_OK) return;
  fprintf(stderr, "one_product: %s\n", deepgemm_last_error());
  exit(status == DEEPGEMM_NO_DEVICE ? 3 : status == DEEPGEMM_LAUNCH_FAILED ? 1 : 2);
}

static void* buffer(size_t bytes) {
  device_pointer address = 0;
  if (allocate(&address, bytes) != 0) {
    fprintf(stderr, "one_product: the GPU has no %zu bytes left. Take a smaller shape.\n", bytes);
    exit(3);
  }
  return (void*)(size_t)address;
}

static void* ones_e4m3(size_t count) {
  void* data = buffer(count);
  fill_bytes((device_pointer)(size_t)data, 0x38, count); /* 1.0 in e4m3 */
  return data;
}

static float* ones_float(size_t count) {
  void* data = buffer(4 * count);
  fill_words((device_pointer)(size_t)data, 0x3f800000, count); /* 1.0f */
  return (float*)data;
}

static float bf16_to_float(unsigned short bits) {
  union {
    unsigned bits;
    float value;
  } wide;
  wide.bits = (unsigned)bits << 16;
  return wide.value;
}

/* What the bundle says of the problem: which row, how well it fits, how far it may be trusted. */
static void print_answer(const deepgemm_found* found) {
  static const char* const matches[] = {"none",    "exact",    "bucket",  "other device",
                                        "nearest", "fallback", "compiled"};
  static const char* const grades[] = {"current", "verify", "re-tune", "hint"};
  char gpu[256] = "";
  int device = 0;
  if (get_device(&device) == 0) get_name(gpu, sizeof gpu, device);
  printf("GPU        %s\n", gpu);
  printf("bundle     %s\n", found->source);
  printf("match      %s: %s\n", matches[found->match], found->reason);
  printf("config     %s\n", found->config);
  printf("staleness  %s%s%s\n", grades[found->staleness], found->staleness_reason[0] ? ": " : "",
         found->staleness_reason);
  if (found->time_us > 0) {
    printf("tuned      %.2f us%s\n", found->time_us, found->measured ? "" : ", only predicted");
  }
}

int main(int argc, char** argv) {
  deepgemm_problem problem = {64, 2112, 7168};
  deepgemm_runtime* runtime = NULL;
  deepgemm_found found;
  if (argc != 2 && argc != 5) {
    fprintf(stderr, "one_product: 1 or 4 arguments are needed. Run: one_product BUNDLE [M N K]\n");
    return 2;
  }
  if (argc == 5) {
    problem.m = atoll(argv[2]);
    problem.n = atoll(argv[3]);
    problem.k = atoll(argv[4]);
  }

  /* Opening makes a context current where the thread has none. */
  require(deepgemm_open((const char* const*)&argv[1], 1, &runtime));
  require(deepgemm_find(runtime, &problem, DEEPGEMM_MISS_FALLBACK, &found));
  load_driver();
  print_answer(&found);
  const size_t m = (size_t)problem.m, n = (size_t)problem.n, k = (size_t)problem.k;
  const size_t k_blocks = (k + 127) / 128, n_blocks = (n + 127) / 128, lda = (m + 3) / 4 * 4;
  deepgemm_operands operands;
  operands.a = ones_e4m3(m * k);
  operands.b = ones_e4m3(n * k);
  operands.scale_a = ones_float(k_blocks * lda);
  operands.scale_b = ones_float(n_blocks * k_blocks);
  operands.d = buffer(2 * m * n);
  require(deepgemm_gemm(runtime, &problem, &operands, DEEPGEMM_MISS_FALLBACK, NULL));

  unsigned short* d = malloc(2 * m * n);
  if (d == NULL || copy_to_host(d, (device_pointer)(size_t)operands.d, 2 * m * n) != 0) {
    fprintf(stderr, "one_product: the result cannot be read. Check the GPU with nvidia-smi.\n");
    return 1;
  }
  size_t wrong = 0;
  for (size_t i = 0; i < m * n; ++i) {
    wrong += fabsf(bf16_to_float(d[i]) - (float)k) > (float)k / 128;
  }
  printf("result     D[0][0] = %g, %zu of %zu elements are wrong\n", bf16_to_float(d[0]), wrong,
         m * n);
  free(d);
  deepgemm_close(runtime);
  return wrong == 0 ? 0 : 1;
}
