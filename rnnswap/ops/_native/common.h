/* What every native recurrence shares: instruction sets, instances, the thread team.
 *
 * A recurrence's loops stand in its kernel.h, which is written once and included for each
 * combination of element type and instruction set; its native.c picks one at run time. Plain C,
 * without Python's or torch's headers, so that one binary serves every CPU of an architecture.
 */
#ifndef RNNSWAP_COMMON_H
#define RNNSWAP_COMMON_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define RNNSWAP_EXPORT __declspec(dllexport)
#else
#define RNNSWAP_EXPORT __attribute__((visibility("default")))
#endif

#if defined(__GNUC__) && !defined(RNNSWAP_PORTABLE)
#define RNNSWAP_VECTORS 1
#define RNNSWAP_INLINE static inline __attribute__((always_inline))
#define RNNSWAP_UNUSED __attribute__((unused))
#else
#define RNNSWAP_VECTORS 0
#define RNNSWAP_INLINE static inline
#define RNNSWAP_UNUSED
#endif

#if RNNSWAP_VECTORS && defined(__x86_64__)
#define RNNSWAP_X86 1
#include <immintrin.h>
#else
#define RNNSWAP_X86 0
#endif

/* Functions between these two are compiled for more than the architecture's least CPU. */
#if defined(__clang__)
#define RNNSWAP_PRAGMA(x) _Pragma(#x)
#define RNNSWAP_TARGET_BEGIN(isa) \
    RNNSWAP_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#define RNNSWAP_TARGET_END _Pragma("clang attribute pop")
#elif RNNSWAP_VECTORS
#define RNNSWAP_PRAGMA(x) _Pragma(#x)
#define RNNSWAP_TARGET_BEGIN(isa) _Pragma("GCC push_options") RNNSWAP_PRAGMA(GCC target(isa))
#define RNNSWAP_TARGET_END _Pragma("GCC pop_options")
#endif

/* Levels of dispatch; 0 is what every CPU of the architecture has. */
enum { RNNSWAP_BASE = 0, RNNSWAP_AVX2 = 1, RNNSWAP_AVX512 = 2 };

RNNSWAP_UNUSED static int rnnswap_cpu_level(void) {
#if RNNSWAP_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        return RNNSWAP_AVX512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return RNNSWAP_AVX2;
    }
#endif
    return RNNSWAP_BASE;
}

/* Tell the system that this memory will all be written: where it is large it comes in large pages
 * then, which is three times as fast as in small ones. */
#if defined(__linux__)
#include <sys/mman.h>
RNNSWAP_UNUSED static void rnnswap_will_fill(void *memory, int64_t elements, int is_double) {
    const uintptr_t page = (uintptr_t)1 << 21, size = is_double ? sizeof(double) : sizeof(float);
    uintptr_t first = ((uintptr_t)memory + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)memory + (uintptr_t)elements * size) / page * page;
    if (memory && end >= first + 16 * page) { /* smaller ones the allocator keeps and reuses */
        madvise((void *)first, end - first, MADV_HUGEPAGE); /* if it cannot, nothing is lost */
    }
}
#else
RNNSWAP_UNUSED static void rnnswap_will_fill(void *memory, int64_t elements, int is_double) {
    (void)memory, (void)elements, (void)is_double;
}
#endif

/* Within a team of threads; without OpenMP there is one. */
#ifdef _OPENMP
#include <omp.h>
#define RNNSWAP_THREAD omp_get_thread_num()
#define RNNSWAP_THREADS omp_get_num_threads()
#define RNNSWAP_BARRIER _Pragma("omp barrier")
#else
#define RNNSWAP_THREAD 0
#define RNNSWAP_THREADS 1
#define RNNSWAP_BARRIER
#endif

/* What an exported function returns: all done, or nothing done for want of memory. */
enum { RNNSWAP_DONE = 0, RNNSWAP_NO_MEMORY = 1 };

/* Room for so many elements to work in, to be freed; null if there is none. */
RNNSWAP_UNUSED static void *rnnswap_room(int64_t elements, int is_double) {
    size_t line = 64, bytes = (size_t)elements * (is_double ? sizeof(double) : sizeof(float));
#if defined(_WIN32)
    return malloc(bytes + line);
#else
    void *room = NULL;
    return posix_memalign(&room, line, bytes + line) ? NULL : room;
#endif
}

#define RNNSWAP_PASTE_(a, b) a##_##b
#define RNNSWAP_PASTE(a, b) RNNSWAP_PASTE_(a, b)
/* The name of a function or type in the instance that is being compiled. */
#define NAME(x) RNNSWAP_PASTE(x, SUFFIX)

#endif
