/* dunlin.random/1: randomness. Cryptographically strong in production, seeded in simulation. */
#ifndef DUNLIN_EXT_RANDOM_H
#define DUNLIN_EXT_RANDOM_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_RANDOM "dunlin.random/1"

typedef struct dunlin_random {
    uint32_t struct_size, reserved;

    /* Fills `out`; never fails.  [any] */
    void (*bytes)(const dunlin_host *host, uint8_t *out, size_t n);
    /* Uniform in [0, bound); `bound` 0 stands for 2^64.  [any] */
    uint64_t (*below)(const dunlin_host *host, uint64_t bound);
} dunlin_random;

#ifdef __cplusplus
}
#endif
#endif
