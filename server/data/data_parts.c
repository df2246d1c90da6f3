/* data_parts.c - a file stands for itself, a folder for the manifest in it. */
#include "data/data_parts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/aof_manifest.h"
#include "data/data_file.h"

#define MANIFEST_END ".manifest"
#define FOLDER "appendonlydir"

typedef struct finder {
    data_parts *to;
    char *why;
    size_t why_bytes;
} finder;

__attribute__((format(printf, 3, 4))) static hc_status refuse(const finder *of, hc_status status,
                                                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(of->why, of->why_bytes, format, args);
    va_end(args);
    return status;
}

static hc_status part_add(const finder *of, const char *path, bool listed)
{
    data_parts *to = of->to;
    data_part *parts = realloc(to->parts, (to->count + 1) * sizeof *parts);
    if (parts == NULL) return refuse(of, HC_ERR_NO_MEMORY, "no memory");
    to->parts = parts;
    parts[to->count] = (data_part){.path = strdup(path), .listed = listed};
    if (parts[to->count].path == NULL) return refuse(of, HC_ERR_NO_MEMORY, "no memory");
    to->count++;
    return HC_OK;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size > end_size && strcmp(text + size - end_size, end) == 0;
}

/* ---- a manifest ---- */

static hc_status text_read(const finder *of, const char *path, uint8_t **text, size_t *bytes)
{
    data_file file;
    if (!data_file_open(&file, path)) {
        return refuse(of, HC_ERR_IO, "%s: %s", path, strerror(errno));
    }
    hc_status status = HC_OK;
    *text = NULL;
    *bytes = (size_t)file.source.bytes;
    if (file.source.bytes > AOF_MANIFEST_BYTES_MAX) {
        status = refuse(of, HC_ERR_CORRUPT, "%s: too long for a manifest", path);
    } else if ((*text = malloc(*bytes + 1)) == NULL) {
        status = refuse(of, HC_ERR_NO_MEMORY, "no memory");
    } else if (!file.source.read(&file, 0, *text, *bytes)) {
        status = refuse(of, HC_ERR_IO, "%s: cannot be read", path);
    }
    data_file_close(&file);
    return status;
}

/* Its files lie beside it. */
static hc_status manifest_add(const finder *of, const char *path)
{
    uint8_t *text = NULL;
    size_t bytes = 0;
    char why[128] = "no memory", beside[PATH_MAX];
    aof_manifest manifest = {0};
    hc_status status = text_read(of, path, &text, &bytes);
    if (status == HC_OK) {
        status = aof_manifest_read(&manifest, text, bytes, why, sizeof why);
        if (status != HC_OK) (void)refuse(of, status, "%s: %s", path, why);
    }
    const char *slash = strrchr(path, '/');
    int folder = slash != NULL ? (int)(slash - path) + 1 : 0;
    for (size_t i = 0; i < manifest.count && status == HC_OK; i++) {
        (void)snprintf(beside, sizeof beside, "%.*s%s", folder, path, manifest.parts[i].name);
        status = part_add(of, beside, true);
    }
    aof_manifest_fini(&manifest);
    free(text);
    return status;
}

/* HC_ERR_NOT_FOUND: there is none, and `why` is as it was. */
static hc_status folder_add(const finder *of, const char *folder)
{
    char found[PATH_MAX] = "";
    hc_status status = HC_ERR_NOT_FOUND;
    DIR *listing = opendir(folder);
    if (listing == NULL) return HC_ERR_NOT_FOUND;
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        if (!ends_with(entry->d_name, MANIFEST_END)) continue;
        if (status == HC_OK) {
            status = refuse(of, HC_ERR_INVALID, "%s: two manifests; name one", folder);
            break;
        }
        (void)snprintf(found, sizeof found, "%s/%s", folder, entry->d_name);
        status = HC_OK;
    }
    (void)closedir(listing);
    return status == HC_OK ? manifest_add(of, found) : status;
}

/* ---- the whole ---- */

static hc_status find(const finder *of, const char *path)
{
    struct stat about;
    char below[PATH_MAX];
    if (stat(path, &about) != 0) {
        return refuse(of, HC_ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(about.st_mode)) {
        return ends_with(path, MANIFEST_END) ? manifest_add(of, path) : part_add(of, path, false);
    }
    hc_status status = folder_add(of, path);
    if (status != HC_ERR_NOT_FOUND) return status;
    (void)snprintf(below, sizeof below, "%s/%s", path, FOLDER);
    status = folder_add(of, below);
    if (status != HC_ERR_NOT_FOUND) return status;
    return refuse(of, status,
                  "%s: no *" MANIFEST_END " in this folder nor in its " FOLDER "; name the RDB or "
                  "append-only file itself",
                  path);
}

hc_status data_parts_find(data_parts *to, const char *path, char *why, size_t why_bytes)
{
    *to = (data_parts){0};
    why[0] = '\0';
    const finder of = {.to = to, .why = why, .why_bytes = why_bytes};
    hc_status status = find(&of, path);
    if (status != HC_OK) data_parts_fini(to);
    return status;
}

void data_parts_fini(data_parts *of)
{
    for (size_t i = 0; i < of->count; i++)
        free(of->parts[i].path);
    free(of->parts);
    *of = (data_parts){0};
}
