/*
 * engine.h - the one small interface through which every map is measured.
 *
 * An engine keeps copies of keys and values, answers a get by copying the value out, and replaces
 * on set.  Whatever a map's own idiom needs beyond that (a string object, a node) is inside it.
 */
#ifndef HYPERCACHE_BENCH_ENGINE_H
#define HYPERCACHE_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ENGINE_BATCH_MAX 64u

/* `count` gets, at most ENGINE_BATCH_MAX: keys one after the other, values `stride` bytes apart.
 * Returns how many were found. */
typedef size_t (*engine_get_many)(void *map, const uint8_t *keys, size_t key_bytes, size_t count,
                                  uint8_t *values, size_t stride);

typedef struct bench_engine {
    const char *name;
    void *(*create)(void);
    void (*destroy)(void *map);
    void (*set)(void *map, const uint8_t *key, size_t key_bytes, const uint8_t *value,
                size_t value_bytes);
    /* Copies the value to `value`, which has room; false when the key is absent. */
    bool (*get)(void *map, const uint8_t *key, size_t key_bytes, uint8_t *value);
    engine_get_many get_many;  /* one call for the batch; NULL: there is none */
    engine_get_many get_ahead; /* prefetch all, then get each; NULL: there is no prefetch */
} bench_engine;

/* maps.cc: other people's maps, NULL after the last. */
extern const bench_engine *const engine_peers[];

#ifdef __cplusplus
}
#endif

#endif
