/*
 * fence.h - between a write of one's own and a look at what others wrote, where both sides do both
 * and one of them must see the other (Dekker).
 *
 *     reader   counts itself        writer   changes the key
 *              fence                         fence
 *              reads the key                 anyone counted?
 *
 * ThreadSanitizer knows no fences, and would only warn that it does not.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_FENCE_H
#define HYPERCACHE_SERVER_COMMAND_FENCE_H

#include <stdatomic.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define FENCE_IS_UNKNOWN
#endif
#elif defined(__SANITIZE_THREAD__)
#define FENCE_IS_UNKNOWN
#endif

static inline void fence(void)
{
#ifdef FENCE_IS_UNKNOWN
    atomic_signal_fence(memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
