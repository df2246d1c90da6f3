/*
 * peer_identity.c - what survives a restart, in the folder `cluster` below the data directory:
 *
 *     identity   "hypercache-cluster 1\nnode <40 hex>\nboot <number>\nring <number>\n"
 *     members    hc_membership_image: the cluster is found again without a seed
 *     flush-<id> "hypercache-flush 1\n<version>\n": the last flush of that store, so that what an
 *                old disk has of before it stays dead when all nodes start again
 *
 * Each is written aside and renamed; all but the members are synced, too: a damaged image of those
 * is as good as none.  The boot id is the wall clock's milliseconds or one
 * more than the last, whichever is greater: it grows with each start also when the disk is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "peer/peer_private.h"

enum { PATH_CHARS = 4096, IMAGE_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 512 };

static bool path_of(const char *data_dir, const char *name, char path[PATH_CHARS])
{
    int wrote =
        snprintf(path, PATH_CHARS, "%s/cluster%s%s", data_dir, name[0] != '\0' ? "/" : "", name);
    return wrote > 0 && wrote < (int)PATH_CHARS;
}

bool peer_was_here(const char *data_dir)
{
    char path[PATH_CHARS];
    struct stat look;
    return path_of(data_dir, "identity", path) && stat(path, &look) == 0;
}

/* ---- files ---- */

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

static bool folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) (void)close(fd);
    return ok;
}

static bool file_replace(const peer *of, const char *name, const uint8_t *bytes, size_t size,
                         bool synced)
{
    char folder[PATH_CHARS], path[PATH_CHARS], aside[PATH_CHARS];
    char temporary[32];
    (void)snprintf(temporary, sizeof temporary, "%s.new", name);
    if (!path_of(of->options.data_dir, "", folder) || !path_of(of->options.data_dir, name, path) ||
        !path_of(of->options.data_dir, temporary, aside))
        return false;
    if (mkdir(of->options.data_dir, 0750) != 0 && errno != EEXIST) return false;
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) return false;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return false;
    bool ok = write_all(fd, bytes, size) && (!synced || fsync(fd) == 0);
    ok = close(fd) == 0 && ok;
    return ok && rename(aside, path) == 0 && (!synced || folder_sync(folder));
}

/* NULL: there is none (errno ENOENT), or it cannot be read.  To be freed. */
static uint8_t *file_read(const peer *of, const char *name, size_t bytes_max, size_t *size_out)
{
    char path[PATH_CHARS];
    *size_out = 0;
    if (!path_of(of->options.data_dir, name, path)) return NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) return NULL;
    uint8_t *bytes = malloc(bytes_max + 1);
    if (bytes != NULL) *size_out = fread(bytes, 1, bytes_max, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (bytes == NULL || !failed) return bytes;
    free(bytes);
    errno = EIO;
    return NULL;
}

/* ---- identity ---- */

static void node_id_make(const peer *of, hc_node_id *out)
{
    const peer_options *o = &of->options;
    if (!o->name_is_own) {
        node_random(o->node, out->bytes, sizeof out->bytes);
        return;
    }
    for (size_t i = 0; i < sizeof out->bytes; i += sizeof(uint32_t)) {
        uint64_t part =
            XXH3_64bits_withSeed(o->node_name, strlen(o->node_name), of->cluster_id + i);
        memcpy(out->bytes + i, &part, sizeof(uint32_t));
    }
}

static bool identity_read(peer *of, const char *text)
{
    char hex[CLUSTER_ID_CHARS + 1];
    uint64_t boot;
    unsigned ring;
    if (sscanf(text, "hypercache-cluster 1\nnode %40[0-9a-f]\nboot %" SCNu64 "\nring %u", hex,
               &boot, &ring) != 3)
        return false;
    if (!cluster_id_parse(hc_span_make(hex, strlen(hex)), &of->identity.node)) return false;
    of->identity.boot_id = boot;
    of->identity.ring = (hc_member_ring)ring;
    return ring <= HC_RING_OUT;
}

hc_status peer_identity_load(peer *of, char *why, size_t why_bytes)
{
    size_t size;
    uint8_t *text = file_read(of, "identity", TEXT_BYTES_MAX, &size);
    bool missing = text == NULL && errno == ENOENT;
    bool ok = missing;
    of->identity.is_new = missing;
    if (text != NULL) {
        text[size] = '\0';
        ok = identity_read(of, (const char *)text);
        free(text);
    }
    if (!ok) {
        (void)snprintf(why, why_bytes,
                       "%s/cluster/identity cannot be read; remove it to start as "
                       "a new node",
                       of->options.data_dir);
        return HC_ERR_CORRUPT;
    }
    if (missing) {
        node_id_make(of, &of->identity.node);
        of->identity.ring = HC_RING_JOINING;
    }
    if (of->identity.ring != HC_RING_ACTIVE) of->identity.ring = HC_RING_JOINING;
    uint64_t now_ms = (uint64_t)node_now_ms(of->options.node);
    of->identity.boot_id = of->identity.boot_id + 1 > now_ms ? of->identity.boot_id + 1 : now_ms;
    if (peer_identity_store(of, of->identity.ring)) return HC_OK;
    (void)snprintf(why, why_bytes, "cannot write %s/cluster/identity: %s", of->options.data_dir,
                   strerror(errno));
    return HC_ERR_IO;
}

bool peer_identity_store(peer *of, hc_member_ring ring)
{
    char text[TEXT_BYTES_MAX], hex[CLUSTER_ID_CHARS + 1];
    cluster_id_text(&of->identity.node, hex);
    int wrote =
        snprintf(text, sizeof text, "hypercache-cluster 1\nnode %s\nboot %" PRIu64 "\nring %u\n",
                 hex, of->identity.boot_id, (unsigned)ring);
    of->identity.ring = ring;
    return file_replace(of, "identity", (const uint8_t *)text, (size_t)wrote, true);
}

/* ---- members ---- */

void peer_image_load(peer *of)
{
    of->image = file_read(of, "members", IMAGE_BYTES_MAX, &of->image_bytes);
    if (of->image == NULL) of->image_bytes = 0;
}

void peer_image_store(peer *of, bool synced)
{
    size_t size = hc_membership_image(of->members, NULL, 0);
    uint8_t *image = malloc(size + 1);
    if (image == NULL) return;
    size = hc_membership_image(of->members, image, size);
    if (of->image != NULL && size == of->image_bytes && memcmp(image, of->image, size) == 0) {
        free(image);
        return;
    }
    if (!file_replace(of, "members", image, size, synced))
        peer_log(of, HC_LOG_WARN, HC_TOPIC_GOSSIP, "members",
                 "cannot write the list of members; a restart would need a seed",
                 (peer_fact){.name = "error", .text = strerror(errno)}, PEER_NO_FACT);
    free(of->image);
    of->image = image;
    of->image_bytes = size;
}

/* ---- flushes ---- */

enum { FLUSH_NAME_CHARS = 32 };

static void flush_name(uint64_t store_id, char name[FLUSH_NAME_CHARS])
{
    (void)snprintf(name, FLUSH_NAME_CHARS, "flush-%016" PRIx64, store_id);
}

uint64_t peer_flush_load(const peer *of, uint64_t store_id)
{
    char name[FLUSH_NAME_CHARS];
    size_t size;
    uint64_t version = 0;
    flush_name(store_id, name);
    uint8_t *text = file_read(of, name, TEXT_BYTES_MAX, &size);
    if (text == NULL) return 0;
    text[size] = '\0';
    if (sscanf((const char *)text, "hypercache-flush 1\n%" SCNu64, &version) != 1) version = 0;
    free(text);
    return version;
}

bool peer_flush_store(const peer *of, uint64_t store_id, uint64_t version)
{
    char name[FLUSH_NAME_CHARS], text[TEXT_BYTES_MAX];
    flush_name(store_id, name);
    int wrote = snprintf(text, sizeof text, "hypercache-flush 1\n%" PRIu64 "\n", version);
    return file_replace(of, name, (const uint8_t *)text, (size_t)wrote, true);
}
