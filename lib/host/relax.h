/*
 * relax.h - what to do between two looks at a word that another thread is about to change.
 */
#ifndef HYPERCACHE_HOST_RELAX_H
#define HYPERCACHE_HOST_RELAX_H

/* Tells the core that this is a spin loop: it saves power and leaves room to its sibling. */
static inline void hci_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield" ::: "memory");
#else
    __asm__ __volatile__("" ::: "memory");
#endif
}

#endif
