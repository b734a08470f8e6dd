/* deepgemm runtime library: runs tuned FP8 matrix products from a bundle or a tuning database.
 *
 * C ABI. Needs the NVIDIA driver and a bundle written by deepgemm-db export (or a database written
 * by deepgemm-tune); no compiler, no NVRTC, but for DEEPGEMM_MISS_COMPILE.
 * All functions are thread-safe. The only exported symbols are the ones below.
 */
#ifndef DEEPGEMM_DEEPGEMM_H_
#define DEEPGEMM_DEEPGEMM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DEEPGEMM_API __attribute__((visibility("default")))
#else
#define DEEPGEMM_API
#endif

/* Result of every call. deepgemm_last_error() says what is wrong and what to do next. */
typedef enum deepgemm_status {
  DEEPGEMM_OK = 0,
  DEEPGEMM_NO_KERNEL = 1,    /* the database has no row for this problem */
  DEEPGEMM_BAD_ARGUMENT = 2, /* illegal shape, misaligned or null pointer */
  DEEPGEMM_BAD_DATABASE = 3, /* missing, corrupt, foreign or too new */
  DEEPGEMM_NO_DEVICE = 4,    /* no driver, no GPU or no context of one */
  DEEPGEMM_LAUNCH_FAILED = 5 /* the driver refused to load or launch the kernel */
} deepgemm_status;

/* How well the row that was found fits the problem. */
typedef enum deepgemm_match {
  DEEPGEMM_MATCH_NONE = 0,
  DEEPGEMM_MATCH_EXACT = 1,        /* a row is of this m */
  DEEPGEMM_MATCH_BUCKET = 2,       /* m lies in the interval of a row's m */
  DEEPGEMM_MATCH_OTHER_DEVICE = 3, /* the row was tuned on another kind of GPU */
  DEEPGEMM_MATCH_NEAREST = 4,      /* no row: that of the nearest n, k and m */
  DEEPGEMM_MATCH_FALLBACK = 5,     /* no row: the bundle's kernel for any shape */
  DEEPGEMM_MATCH_COMPILED = 6      /* no row: the untuned default, compiled here */
} deepgemm_match;

/* What to do with a problem that no row answers for. The first call decides nothing for later
 * ones: each call says it anew. What is compiled is kept in $XDG_CACHE_HOME/deepgemm or
 * ~/.cache/deepgemm; where that folder cannot be made or is open to others, each process compiles
 * anew. */
typedef enum deepgemm_miss {
  DEEPGEMM_MISS_ERROR = 0,    /* report DEEPGEMM_NO_KERNEL */
  DEEPGEMM_MISS_NEAREST = 1,  /* run the kernel of the nearest row */
  DEEPGEMM_MISS_FALLBACK = 2, /* run the bundle's fallback; databases have none */
  DEEPGEMM_MISS_COMPILE = 3,  /* compile the untuned default: seconds, once, and NVRTC is needed */
  DEEPGEMM_MISS_MAX_ENUM =
      0x7fffffff /* never passed: a wrong number is then refused, not undefined */
} deepgemm_miss;

/* How far a row may be trusted on this machine. What is compared is what this library knows without
 * opening more than the CUDA driver: its kernel sources, the driver's version, the GPU, and the
 * highest clocks of its board. What it does not see is never held against a row: a power limit that
 * was set, and NVRTC. It runs the kernels of a bundle as they were compiled, and opens no NVRTC
 * before DEEPGEMM_MISS_COMPILE needs it; nor does the answer change then. 'deepgemm-db explain'
 * compares both. */
typedef enum deepgemm_staleness {
  DEEPGEMM_CURRENT = 0, /* nothing that decides its time is known to differ */
  DEEPGEMM_VERIFY = 1,  /* another driver or other clocks: right to use, worth measuring again */
  DEEPGEMM_RETUNE = 2,  /* other kernel sources: right to use, no longer the best there is */
  DEEPGEMM_HINT = 3     /* another kind of GPU: right to use, nothing is known of its speed */
} deepgemm_staleness;

/* What is computed. A grouped product multiplies the rows of each group with a B of its own, all in
 * one launch: the experts of a layer. */
typedef enum deepgemm_operation {
  DEEPGEMM_DENSE = 0,
  DEEPGEMM_GROUPED_CONTIGUOUS = 1, /* the rows of all groups behind each other */
  DEEPGEMM_GROUPED_MASKED = 2,     /* room for as many rows in each group; the GPU knows how many
                                      are used */
  DEEPGEMM_OPERATION_MAX_ENUM = 0x7fffffff
} deepgemm_operation;

/* What dense products need not set is 0: C++14 and later see to it, elsewhere {m, n, k} or = {0}
 * does. */
#if defined(__cplusplus) && __cplusplus >= 201402L
#define DEEPGEMM_ELSE(value) = value
#else
#define DEEPGEMM_ELSE(value)
#endif

/* D[m, n] = A[m, k] * B[n, k]^T with 1x128 scales of A and 128x128 scales of B.
 * m >= 1, n a multiple of 8, k a multiple of 16.
 *
 * Of a grouped product m is the number of rows that is expected of a group: of grouped-contiguous
 * ones the mean, of grouped-masked ones 1.2 times the mean, as who states it before the rows are
 * known leaves room. It only chooses the kernel: every kernel is right for any number of rows, so
 * one m may stand for many calls. */
typedef struct deepgemm_problem {
  int64_t m;
  int64_t n;
  int64_t k;
  deepgemm_operation operation DEEPGEMM_ELSE(DEEPGEMM_DENSE);
  int32_t groups DEEPGEMM_ELSE(0);    /* 1 to 512; dense: 0 or 1 */
  int32_t alignment DEEPGEMM_ELSE(0); /* grouped-contiguous: each group's rows start at a multiple
                                         of it, which is 4, 8, 16, 32, 64 or 128; 0 means 128.
                                         Else 0 or 1 */
} deepgemm_problem;

/* Device pointers. a, b, scale_a and d are aligned to 16 bytes, scale_b and rows to 4.
 *
 * Grouped: b is [groups, n, k], scale_b [groups][ceil(n/128)][ceil(k/128)], and extent below is
 * row_extent, at least 1.
 *
 * Grouped-contiguous: a is [extent, k], d [extent, n], scale_a [ceil(k/128)][extent rounded up to a
 * multiple of 4]. rows is int32 [extent], the group of each row, negative for padding. The rows of
 * a group lie together, groups in any order; a group may have none. Padding belongs beside groups,
 * where D is never written and no time is spent, however much there is. What lies between two rows
 * of one group is computed and stored as if it were that group's, a gap of whole tiles, too.
 *
 * Grouped-masked: a is [groups, extent, k], d [groups, extent, n], scale_a
 * [groups][ceil(k/128)][extent rounded up to a multiple of 4]. rows is int32 [groups]: how many
 * rows of each group are used, 0 to extent. D's others are never written.
 *
 * Rows of A and of its scales that no group uses may hold anything: they may be loaded with the
 * group's before them, but nothing of them reaches D.
 *
 * rows is read by the GPU when the kernel runs: a captured graph may be replayed with other rows.
 * So no call can check it on the way. Whatever it holds, nothing is written outside d:
 *  - a count below 0 is taken as 0, one above extent as extent;
 *  - a row of a group that does not exist is padding, as one of any negative number is;
 *  - a group that starts at a multiple of 4 that is none of alignment is right all the same;
 *  - one that starts at no multiple of 4 gets wrong numbers, or ends the launch with a fault;
 *  - where rows of one group lie apart with another's between them, each row from the first to the
 *    last of either may get the numbers of either.
 * deepgemm_check finds all of these but the negative numbers, which are legal. A row_extent below 1
 * is refused by every call. */
typedef struct deepgemm_operands {
  const void* a;        /* e4m3 [m, k] row-major */
  const void* b;        /* e4m3 [n, k] row-major */
  const float* scale_a; /* [ceil(k/128)][lda], M-major: lda is m rounded up to a multiple of 4 */
  const float* scale_b; /* [ceil(n/128)][ceil(k/128)] */
  void* d;              /* bf16 [m, n] row-major */
  const int32_t* rows DEEPGEMM_ELSE(0); /* grouped only */
  int64_t row_extent DEEPGEMM_ELSE(0);  /* grouped only: rows of all groups with padding, or the
                                           rows that each group has room for (max_m) */
} deepgemm_operands;

/* What would run, and why. Texts that do not fit are cut. */
typedef struct deepgemm_found {
  deepgemm_match match;
  char reason[256];    /* one sentence */
  char config[256];    /* "block_m=128,block_n=112,..." */
  char kernel_key[80]; /* content address of the cubin */
  double time_us;      /* median measured, or time predicted, of the row; 0 where there is none */
  int measured;        /* 0: the row was only ranked on a device profile */
  deepgemm_staleness staleness;
  char staleness_reason[256]; /* one clause; empty for DEEPGEMM_CURRENT. Of DEEPGEMM_MATCH_NONE
                                 DEEPGEMM_RETUNE where all rows have kernels of another launch */
  char source[256];           /* path of the bundle or database that answered */
} deepgemm_found;

typedef struct deepgemm_runtime deepgemm_runtime;

/* Version of the library, "0.1.0". */
DEEPGEMM_API const char* deepgemm_version(void);

/* About the last failure on the calling thread; empty if there was none, never null. Valid until
 * the next failing call of that thread. */
DEEPGEMM_API const char* deepgemm_last_error(void);

/* Opens bundles or databases read-only, for the device of the calling thread's current CUDA
 * context, or, where there is none, for device 0 in its primary context. A primary context is
 * retained until the runtime is closed; one that the program made must live as long.
 *
 * Kernels are loaded into that context and run in no other. Later calls expect it to be current on
 * their thread (where opening found none, it is made current on a thread that has none). Where
 * another one is: a stream of the runtime's context runs there, if the driver takes it; the default
 * stream, or one of another context, is refused as DEEPGEMM_LAUNCH_FAILED and nothing runs;
 * deepgemm_prepare and a first call load into the runtime's own and leave the thread's as it was.
 * For several GPUs open one runtime in each one's context; each finds the rows of its own kind.
 *
 * Of several files the first one's rows count most, as a user's over the system's; where it has no
 * row for an m, the next one's do, but not below the largest m of rows that export merged by what
 * was measured: these serve all m up to it. Of several rows of one problem in one database the
 * least stale measured one counts, then one that a whole search chose, then the newest; a row of
 * what only a newer deepgemm knows, or of a kernel that another version launches in another way, is
 * passed over. Of a bundle, the index is checked now and each kernel when it is loaded. What a
 * tuner records after the opening is not seen. *runtime is null unless the result is DEEPGEMM_OK.
 *
 * Where the environment variable DEEPGEMM_TRACE names a file (%p: the process number; a relative
 * path is meant from the folder of the first opening), the shapes of all products of the process,
 * on whatever GPU, are counted there, for deepgemm-db coverage. The file is replaced as a
 * whole when the process exits, whether runtimes are closed or not, and, at most once a second, by
 * a call for a product that finds a shape, or an eighth more calls of one, that are not in it.
 * So a process that is killed leaves every shape of up to a second before its last call, with
 * counts that lack less than an eighth and that second's. Forked children write nothing. */
DEEPGEMM_API deepgemm_status deepgemm_open(const char* const* paths, int count,
                                           deepgemm_runtime** runtime);

/* Unloads all kernels; nothing that was launched may still run. Null is ignored. */
DEEPGEMM_API void deepgemm_close(deepgemm_runtime* runtime);

/* Says what would run; loads and compiles nothing. DEEPGEMM_NO_KERNEL also fills *found. */
DEEPGEMM_API deepgemm_status deepgemm_find(deepgemm_runtime* runtime,
                                           const deepgemm_problem* problem, deepgemm_miss miss,
                                           deepgemm_found* found);

/* Loads the kernels of these problems ahead; after it products of them read no file, and are legal
 * during CUDA graph capture. Problems that nothing answers for are passed over, and the first
 * of them is reported as DEEPGEMM_NO_KERNEL after the others were loaded. */
DEEPGEMM_API deepgemm_status deepgemm_prepare(deepgemm_runtime* runtime,
                                              const deepgemm_problem* problems, int count,
                                              deepgemm_miss miss);

/* Enqueues the product on `stream` (a CUstream or cudaStream_t; null is the default stream) and
 * returns before it ran. The first call for a kernel loads it, unless it was prepared; every
 * other call allocates nothing, takes no lock (with DEEPGEMM_MISS_COMPILE a shared one on a miss)
 * and touches no file, but where it writes the trace (see deepgemm_open).
 *
 * Where the environment variable DEEPGEMM_CHECK is set to 1 when the runtime is opened, each call
 * for a grouped product does what deepgemm_check does first. */
DEEPGEMM_API deepgemm_status deepgemm_gemm(deepgemm_runtime* runtime,
                                           const deepgemm_problem* problem,
                                           const deepgemm_operands* operands, deepgemm_miss miss,
                                           void* stream);

/* The same product, whose blocks may start while the kernel before it on the stream still runs
 * (CUDA's programmatic dependent launch): the launch and the kernel's set-up then cost no time
 * between the two. Results and order are those of deepgemm_gemm: no operand is touched before that
 * kernel has ended, so it may write any of them. For chains of short products, as in decoding;
 * while its blocks wait they hold SMs that other streams might use. In a captured graph the edge to
 * the kernel before is a programmatic one, which takes a driver of CUDA 12.3 or newer.
 * DEEPGEMM_CHECK=1 waits for the stream, and so ends the overlap.
 *
 * All kernels of this library let the next one start early, if that one is launched so. A kernel of
 * yours that is must wait (cudaGridDependencySynchronize, griddepcontrol.wait) in each of its
 * blocks, whatever it touches: products behind it rely on that. */
DEEPGEMM_API deepgemm_status deepgemm_gemm_overlapped(deepgemm_runtime* runtime,
                                                      const deepgemm_problem* problem,
                                                      const deepgemm_operands* operands,
                                                      deepgemm_miss miss, void* stream);

/* Checks the rows of a grouped product: waits for what is on `stream`, reads them back and reports
 * DEEPGEMM_BAD_ARGUMENT for a group that does not exist, a group that starts at no multiple of the
 * problem's alignment, one whose rows lie apart with another's between them, or a count that is
 * negative or above row_extent. While the stream is being captured there is nothing to read: then,
 * and for dense products, it checks what deepgemm_gemm checks. DEEPGEMM_LAUNCH_FAILED where another
 * context than that of deepgemm_open is current. For debugging: it is slow. */
DEEPGEMM_API deepgemm_status deepgemm_check(deepgemm_runtime* runtime,
                                            const deepgemm_problem* problem,
                                            const deepgemm_operands* operands, void* stream);

#ifdef __cplusplus
}
#endif

#endif
