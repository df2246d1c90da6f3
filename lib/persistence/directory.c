/*
 * directory.c - the names in the directory and what they mean.
 *
 *     LOCK                            held by the process that has it open
 *     MANIFEST-<16 hex>               the list of files that count; the greatest intact one
 *     log-<16 hex>.hcl                log files, numbered in the order they were begun
 *     snap-<16 hex>-<3 dec>.hcs       parts of a snapshot
 *     reserve                         room for the day the disk is full
 *     *.tmp                           being written; removed at the next start
 */
#include "persistence/persistence_private.h"

#define HEX_DIGITS 16u

hc_status hci_dir_init(persist_dir *dir, const hci_host *host, const char *path)
{
    *dir = (persist_dir){.host = host};
    size_t length = path == NULL ? 0 : strlen(path);
    if (length == 0 || length + 1 + NAME_BYTES_MAX > sizeof dir->path) return HC_ERR_INVALID;
    memcpy(dir->path, path, length + 1);
    return HC_OK;
}

static const char *path_of(const persist_dir *dir, const char *name, char *to)
{
    size_t length = strlen(dir->path);
    memcpy(to, dir->path, length);
    to[length] = '/';
    memcpy(to + length + 1, name, strlen(name) + 1);
    return to;
}

hc_status hci_dir_open(const persist_dir *dir, const char *name, uint32_t flags, hc_file **out)
{
    char path[HC_PATH_BYTES_MAX];
    return dir->host->io.open(dir->host->io.ctx, path_of(dir, name, path), flags, out);
}

hc_status hci_dir_lock(const persist_dir *dir, hc_file **out)
{
    char path[HC_PATH_BYTES_MAX];
    return dir->host->io.lock(dir->host->io.ctx, path_of(dir, "LOCK", path), out);
}

hc_status hci_dir_unlink(const persist_dir *dir, const char *name)
{
    char path[HC_PATH_BYTES_MAX];
    return dir->host->io.unlink(dir->host->io.ctx, path_of(dir, name, path));
}

hc_status hci_dir_rename(const persist_dir *dir, const char *from, const char *to)
{
    char from_path[HC_PATH_BYTES_MAX], to_path[HC_PATH_BYTES_MAX];
    return dir->host->io.rename(dir->host->io.ctx, path_of(dir, from, from_path),
                                path_of(dir, to, to_path));
}

hc_status hci_dir_sync(const persist_dir *dir)
{
    return dir->host->io.sync_dir(dir->host->io.ctx, dir->path);
}

hc_status hci_file_read(const persist_dir *dir, hc_file *file, void *to, size_t bytes,
                        uint64_t offset)
{
    size_t read = 0;
    hc_status status = dir->host->io.read(dir->host->io.ctx, file, to, bytes, offset, &read);
    if (status != HC_OK) return status;
    return read == bytes ? HC_OK : HC_ERR_CORRUPT;
}

/* ---- names ---- */

static char *hex_put(char *to, uint64_t number)
{
    for (unsigned i = 0; i < HEX_DIGITS; i++) {
        to[i] = "0123456789abcdef"[number >> (4 * (HEX_DIGITS - 1 - i)) & 15];
    }
    return to + HEX_DIGITS;
}

static const char *hex_get(const char *from, uint64_t *number_out)
{
    *number_out = 0;
    for (unsigned i = 0; i < HEX_DIGITS; i++) {
        char c = from[i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else {
            return NULL;
        }
        *number_out = *number_out << 4 | digit;
    }
    return from + HEX_DIGITS;
}

static char *text_put(char *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length + 1);
    return to + length;
}

void hci_name_log(char *to, uint64_t id)
{
    (void)text_put(hex_put(text_put(to, "log-"), id), ".hcl");
}

void hci_name_snapshot(char *to, uint64_t id, uint32_t part)
{
    to = text_put(hex_put(text_put(to, "snap-"), id), "-");
    for (uint32_t unit = 100; unit > 0; unit /= 10)
        *to++ = (char)('0' + part / unit % 10);
    (void)text_put(to, ".hcs");
}

void hci_name_manifest(char *to, uint64_t number)
{
    *hex_put(text_put(to, "MANIFEST-"), number) = '\0';
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static name_kind name_parse(const char *name, uint64_t *number_out, uint32_t *part_out)
{
    size_t length = strlen(name);
    *number_out = 0;
    *part_out = 0;
    if (length >= NAME_BYTES_MAX) return NAME_OTHER;
    if (strcmp(name, "LOCK") == 0) return NAME_LOCK;
    if (strcmp(name, "reserve") == 0) return NAME_RESERVE;
    const char *rest = NULL;
    if (starts_with(name, "log-")) {
        rest = hex_get(name + 4, number_out);
        return rest != NULL && strcmp(rest, ".hcl") == 0 ? NAME_LOG : NAME_OTHER;
    }
    if (starts_with(name, "MANIFEST-")) {
        rest = hex_get(name + 9, number_out);
        if (rest == NULL) return NAME_OTHER;
        if (strcmp(rest, ".tmp") == 0) return NAME_TEMPORARY;
        return *rest == '\0' ? NAME_MANIFEST : NAME_OTHER;
    }
    if (!starts_with(name, "snap-")) return NAME_OTHER;
    rest = hex_get(name + 5, number_out);
    if (rest == NULL || *rest != '-' || strlen(rest) != 8 || strcmp(rest + 4, ".hcs") != 0) {
        return NAME_OTHER;
    }
    for (unsigned i = 1; i <= 3; i++) {
        if (rest[i] < '0' || rest[i] > '9') return NAME_OTHER;
        *part_out = *part_out * 10 + (uint32_t)(rest[i] - '0');
    }
    return NAME_SNAPSHOT;
}

name_kind hci_name_parse(const char *name, uint64_t *number_out, uint32_t *part_out)
{
    name_kind kind = name_parse(name, number_out, part_out);
    return *number_out > INT64_MAX ? NAME_OTHER
                                   : kind; /* no number of ours: they count up from 1 */
}

/* ---- what is there ---- */

static void list_visit(void *to, const char *name)
{
    dir_listing *l = to;
    dir_entry entry = {0};
    if (l->status != HC_OK) return;
    entry.kind = hci_name_parse(name, &entry.number, &entry.part);
    if (entry.kind == NAME_OTHER) return;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 64 : 2 * l->capacity;
        dir_entry *grown =
            hci_resize(l->host, l->entries, l->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            l->status = HC_ERR_NO_MEMORY;
            return;
        }
        l->entries = grown;
        l->capacity = capacity;
    }
    size_t at = l->count++;
    for (; at > 0; at--) { /* a few hundred at most, and most come in order */
        const dir_entry *before = &l->entries[at - 1];
        if (before->kind < entry.kind ||
            (before->kind == entry.kind &&
             (before->number < entry.number ||
              (before->number == entry.number && before->part <= entry.part)))) {
            break;
        }
        l->entries[at] = *before;
    }
    l->entries[at] = entry;
}

hc_status hci_dir_list(const persist_dir *dir, dir_listing *out)
{
    *out = (dir_listing){.host = dir->host};
    hc_status status = dir->host->io.list(dir->host->io.ctx, dir->path, list_visit, out);
    return status != HC_OK ? status : out->status;
}

void hci_dir_listing_fini(dir_listing *listing)
{
    if (listing->entries == NULL) return;
    hci_release(listing->host, listing->entries, listing->capacity * sizeof *listing->entries);
    *listing = (dir_listing){.host = listing->host};
}
