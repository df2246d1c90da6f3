/*
 * descriptors.h - the process's limit of file descriptors, made to fit the clients.
 */
#ifndef HYPERCACHE_SERVER_DESCRIPTORS_H
#define HYPERCACHE_SERVER_DESCRIPTORS_H

/* Descriptors kept for what are no clients: listeners, loops, files. */
#define DESCRIPTORS_RESERVE(workers) (64u + 8u * (workers))

/* Raises the limit so that `clients` connections fit beside the reserve, as far as the system
 * lets it.  Returns how many clients can be served, `clients` at most, 1 at least. */
unsigned descriptors_provide(unsigned clients, unsigned workers);

#endif
