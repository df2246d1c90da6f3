/* profiler.c - gperftools by name: what is not there is said to be unsupported. */
#include "debug/profiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_SECOND UINT64_C(1000000000)
/* Where tcmalloc would write profiles of its own accord: nowhere. */
#define HEAP_PREFIX "/dev/null/hypercached"

void profiler_init(profiler *of)
{
    memset(of, 0, sizeof *of);
    of->file = -1;
    (void)pthread_mutex_init(&of->lock, NULL);
}

void profiler_fini(profiler *of)
{
    profiler_cpu_stop(of);
    if (of->file >= 0) (void)close(of->file);
    (void)pthread_mutex_destroy(&of->lock);
}

/* A function of a library, as POSIX has it. */
static void look_up(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
}

/* ---- CPU; the lock is held ---- */

static bool load(profiler *of)
{
    if (of->start != NULL && of->stop != NULL) return true;
    void *library = dlopen("libprofiler.so.0", RTLD_NOW | RTLD_GLOBAL);
    if (library == NULL) return false;
    look_up(library, "ProfilerStart", &of->start);
    look_up(library, "ProfilerStop", &of->stop);
    return of->start != NULL && of->stop != NULL;
}

/* Says a line on stderr, which is for lines of the log alone: glibc lets us lend it another stream
 * meanwhile.  (The log itself writes to the descriptor.) */
static void stop_quietly(profiler *of)
{
    FILE *own = stderr, *nowhere = fopen("/dev/null", "we");
    if (nowhere != NULL) stderr = nowhere;
    of->stop();
    stderr = own;
    if (nowhere != NULL) (void)fclose(nowhere);
}

/* Its handlers may still be running when it stops, so it is never unloaded. */
static void end(profiler *of)
{
    if (atomic_load(&of->until_ns) == 0) return;
    stop_quietly(of);
    of->is_done = true;
    atomic_store(&of->until_ns, 0);
}

static hc_status begin(profiler *of, uint64_t now_ns, unsigned seconds)
{
    char path[48];
    if (atomic_load(&of->until_ns) != 0) return HC_ERR_BUSY;
    if (!load(of)) return HC_ERR_UNSUPPORTED;
    if (of->file < 0) of->file = memfd_create("profile", MFD_CLOEXEC);
    if (of->file < 0) return HC_ERR_IO;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", of->file);
    of->is_done = false;
    if (!of->start(path)) return HC_ERR_IO;
    atomic_store(&of->until_ns, now_ns + seconds * NS_PER_SECOND);
    return HC_OK;
}

hc_status profiler_cpu_start(profiler *of, uint64_t now_ns, unsigned seconds)
{
    (void)pthread_mutex_lock(&of->lock);
    hc_status status = begin(of, now_ns, seconds);
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

void profiler_tick(profiler *of, uint64_t now_ns)
{
    uint64_t until_ns = atomic_load_explicit(&of->until_ns, memory_order_relaxed);
    if (until_ns != 0 && now_ns >= until_ns) profiler_cpu_stop(of);
}

void profiler_cpu_stop(profiler *of)
{
    (void)pthread_mutex_lock(&of->lock);
    end(of);
    (void)pthread_mutex_unlock(&of->lock);
}

static hc_status file_read(int file, char **bytes_out, size_t *size_out)
{
    struct stat about;
    if (fstat(file, &about) != 0 || about.st_size < 0 || about.st_size > PROFILER_BYTES_MAX)
        return HC_ERR_IO;
    size_t size = (size_t)about.st_size;
    char *bytes = malloc(size + 1);
    if (bytes == NULL) return HC_ERR_NO_MEMORY;
    ssize_t got = pread(file, bytes, size, 0);
    if (got < 0 || (size_t)got != size) {
        free(bytes);
        return HC_ERR_IO;
    }
    *bytes_out = bytes;
    *size_out = size;
    return HC_OK;
}

hc_status profiler_cpu_get(profiler *of, char **bytes_out, size_t *size_out)
{
    hc_status status = HC_ERR_NOT_FOUND;
    (void)pthread_mutex_lock(&of->lock);
    if (atomic_load(&of->until_ns) != 0)
        status = HC_ERR_BUSY;
    else if (of->is_done)
        status = file_read(of->file, bytes_out, size_out);
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

/* ---- heap ---- */

typedef struct heap_calls {
    void (*start)(const char *prefix);
    void (*stop)(void);
    int (*runs)(void);
    char *(*get)(void);
} heap_calls;

/* In libtcmalloc alone, which is there from the start or never. */
static bool heap_find(heap_calls *to)
{
    look_up(RTLD_DEFAULT, "HeapProfilerStart", &to->start);
    look_up(RTLD_DEFAULT, "HeapProfilerStop", &to->stop);
    look_up(RTLD_DEFAULT, "IsHeapProfilerRunning", &to->runs);
    look_up(RTLD_DEFAULT, "GetHeapProfile", &to->get);
    return to->start != NULL && to->stop != NULL && to->runs != NULL && to->get != NULL;
}

hc_status profiler_heap_start(void)
{
    heap_calls heap;
    if (!heap_find(&heap)) return HC_ERR_UNSUPPORTED;
    if (heap.runs() != 0) return HC_ERR_BUSY;
    heap.start(HEAP_PREFIX);
    return HC_OK;
}

hc_status profiler_heap_get(char **text_out, size_t *size_out)
{
    heap_calls heap;
    if (!heap_find(&heap)) return HC_ERR_UNSUPPORTED;
    if (heap.runs() == 0) return HC_ERR_NOT_FOUND;
    *text_out = heap.get();
    if (*text_out == NULL) return HC_ERR_NO_MEMORY;
    *size_out = strlen(*text_out);
    return HC_OK;
}

void profiler_heap_stop(void)
{
    heap_calls heap;
    if (heap_find(&heap) && heap.runs() != 0) heap.stop();
}
