/*
 * relax.h - hints to the core about memory that threads pass to each other.
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

/* This line will be written to soon: it is taken from the core that had it last, beforehand.
 * gcc's own prefetch asks for a copy to read, unless it is built for newer processors only. */
static inline void hci_prefetch_write(const void *line)
{
#if defined(__x86_64__)
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

#endif
