/*
 * descriptors.c - the soft limit is raised to what is needed, the hard limit too where we may.
 */
#include "descriptors.h"

#include <sys/resource.h>

unsigned descriptors_provide(unsigned clients, unsigned workers)
{
    rlim_t reserve = DESCRIPTORS_RESERVE(workers);
    rlim_t need = clients + reserve;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return clients;
    if (limit.rlim_cur >= need) return clients; /* RLIM_INFINITY is the greatest */
    struct rlimit wish = {need, limit.rlim_max > need ? limit.rlim_max : need};
    if (setrlimit(RLIMIT_NOFILE, &wish) == 0) return clients;
    wish = (struct rlimit){limit.rlim_max < need ? limit.rlim_max : need, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &wish) == 0) limit = wish;
    return limit.rlim_cur > reserve ? (unsigned)(limit.rlim_cur - reserve) : 1;
}
