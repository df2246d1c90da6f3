/*
 * fuzz_data.c - any bytes as the files of a data directory: refused, or stores that can be used.
 *
 *     | mode u8 | bytes of manifest u16 | bytes of log u16 | the three bodies |
 *
 * mode 0: the bodies are the files.  Otherwise headers and checksums are put right, so that what
 * lies behind them is reached: bit 0 the manifest's block holds the first body, bit 1 the log's
 * frames hold the second (u16 size, records, ...), bit 2 the snapshot's blocks the third.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hypercache/persistence.h>

#include "persistence/block.h"
#include "persistence/persistence_private.h"

#define FILES_MAX 64u
#define FILE_BYTES_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a directory in memory ---- */

typedef struct memory_file {
    char name[96];
    uint8_t *bytes;
    size_t size;
} memory_file;
static memory_file files[FILES_MAX];
static size_t file_count;

struct hc_file {
    memory_file *file;
};

static memory_file *file_find(const char *path)
{
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].name, path) == 0) return &files[i];
    }
    return NULL;
}

static memory_file *file_add(const char *path)
{
    if (file_count == FILES_MAX) return NULL;
    memory_file *made = &files[file_count++];
    *made = (memory_file){.size = 0};
    strncpy(made->name, path, sizeof made->name - 1);
    return made;
}

static void file_write(memory_file *file, uint64_t at, const uint8_t *from, size_t bytes)
{
    if (at + bytes > file->size) {
        file->bytes = realloc(file->bytes, (size_t)at + bytes);
        if (file->bytes == NULL) abort();
        memset(file->bytes + file->size, 0, (size_t)at + bytes - file->size);
        file->size = (size_t)at + bytes;
    }
    if (bytes > 0) memcpy(file->bytes + at, from, bytes);
}

static hc_status io_open(void *ctx, const char *path, uint32_t flags, hc_file **file_out)
{
    (void)ctx;
    memory_file *file = file_find(path);
    *file_out = NULL;
    if (flags == HC_OPEN_CREATE) {
        if (file != NULL) return HC_ERR_EXISTS;
        file = file_add(path);
        if (file == NULL) return HC_ERR_NO_SPACE;
    }
    if (file == NULL) return HC_ERR_NOT_FOUND;
    *file_out = malloc(sizeof **file_out);
    if (*file_out == NULL) return HC_ERR_NO_MEMORY;
    (*file_out)->file = file;
    return HC_OK;
}

static void io_close(void *ctx, hc_file *file)
{
    (void)ctx;
    free(file);
}

static hc_status io_length(void *ctx, hc_file *file, uint64_t *bytes_out)
{
    (void)ctx;
    *bytes_out = file->file->size;
    return HC_OK;
}

static hc_status io_read(void *ctx, hc_file *file, void *buffer, size_t bytes, uint64_t offset,
                         size_t *read_out)
{
    (void)ctx;
    size_t left = offset < file->file->size ? file->file->size - (size_t)offset : 0;
    *read_out = bytes < left ? bytes : left;
    if (*read_out > 0) memcpy(buffer, file->file->bytes + offset, *read_out);
    return HC_OK;
}

static hc_status io_write(void *ctx, hc_file *file, const hc_span *parts, size_t count,
                          uint64_t offset)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        if (offset + parts[i].size > FILE_BYTES_MAX) return HC_ERR_NO_SPACE;
        file_write(file->file, offset, parts[i].data, parts[i].size);
        offset += parts[i].size;
    }
    return HC_OK;
}

static hc_status io_file_ok(void *ctx, hc_file *file)
{
    (void)ctx;
    (void)file;
    return HC_OK;
}

static hc_status io_size(void *ctx, hc_file *file, uint64_t bytes)
{
    (void)ctx;
    if (bytes > FILE_BYTES_MAX) return HC_ERR_NO_SPACE;
    file_write(file->file, bytes, NULL, 0);
    return HC_OK;
}

static hc_status io_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    memory_file *file = file_find(from), *old = file_find(to);
    if (file == NULL) return HC_ERR_NOT_FOUND;
    if (old != NULL) old->name[0] = '\0';
    strncpy(file->name, to, sizeof file->name - 1);
    return HC_OK;
}

static hc_status io_unlink(void *ctx, const char *path)
{
    (void)ctx;
    memory_file *file = file_find(path);
    if (file == NULL) return HC_ERR_NOT_FOUND;
    file->name[0] = '\0';
    return HC_OK;
}

static hc_status io_path_ok(void *ctx, const char *path)
{
    (void)ctx;
    (void)path;
    return HC_OK;
}

static hc_status io_list(void *ctx, const char *path, void (*visit)(void *to, const char *name),
                         void *to)
{
    (void)ctx;
    size_t length = strlen(path);
    for (size_t i = 0; i < file_count; i++) {
        const char *name = files[i].name;
        if (strncmp(name, path, length) == 0 && name[length] == '/') visit(to, name + length + 1);
    }
    return HC_OK;
}

static hc_status io_lock(void *ctx, const char *path, hc_file **file_out)
{
    if (file_find(path) == NULL && file_add(path) == NULL) return HC_ERR_NO_SPACE;
    return io_open(ctx, path, HC_OPEN_WRITE, file_out);
}

static hc_status io_free_space(void *ctx, const char *path, uint64_t *bytes_out)
{
    (void)ctx;
    (void)path;
    *bytes_out = 0;
    return HC_OK;
}

static const hc_io memory_io = {.size = sizeof(hc_io),
                                .open = io_open,
                                .close = io_close,
                                .length = io_length,
                                .read = io_read,
                                .write = io_write,
                                .sync = io_file_ok,
                                .allocate = io_size,
                                .truncate = io_size,
                                .rename = io_rename,
                                .unlink = io_unlink,
                                .make_dir = io_path_ok,
                                .sync_dir = io_path_ok,
                                .list = io_list,
                                .lock = io_lock,
                                .free_space = io_free_space};

/* ---- files from bytes ---- */

static const uint8_t uuid[UUID_BYTES] = {1, 2, 3};

typedef struct file_maker {
    memory_file *file;
    uint64_t seed, id, lsn, blocks, chain;
} file_maker;

static void maker_init(file_maker *m, memory_file *file, file_kind kind)
{
    uint8_t page[FILE_HEADER_BYTES];
    file_header header = {.kind = kind, .id = 1, .base_lsn = LSN_FIRST, .parts = 1};
    memcpy(header.uuid, uuid, UUID_BYTES);
    hci_file_header_put(&header, page);
    file_write(file, 0, page, sizeof page);
    *m = (file_maker){.file = file, .seed = hci_file_seed(uuid, 1), .id = 1, .lsn = LSN_FIRST};
}

static void block_add(file_maker *m, block_type type, const uint8_t *from, size_t bytes)
{
    uint8_t head[BLOCK_HEADER_BYTES];
    hc_span payload = hc_span_make(from, bytes);
    bool is_frame = type == BLOCK_FRAME;
    block_header header = {.type = type,
                           .raw_bytes = (uint32_t)bytes,
                           .stored_bytes = (uint32_t)bytes,
                           .seq = is_frame ? m->lsn : m->blocks,
                           .payload_sum = hci_block_sum(m->seed, &payload, 1)};
    m->chain = header.chain = hci_chain_next(m->chain, header.payload_sum);
    hci_block_header_put(&header, m->seed, m->id, head);
    uint64_t at = m->file->size;
    file_write(m->file, at, head, sizeof head);
    file_write(m->file, at + sizeof head, from, bytes);
    file_write(m->file, at + block_stride((uint32_t)bytes), NULL, 0);
    m->lsn += bytes;
    m->blocks++;
}

/* Each piece is `size u16, bytes`; sizes of frames are multiples of a record's alignment. */
static void blocks_add(file_maker *m, block_type type, const uint8_t *from, size_t size)
{
    while (size >= 2) {
        size_t bytes = wire_u16(from);
        if (bytes > size - 2) bytes = size - 2;
        bytes &= ~(size_t)(RECORD_ALIGN - 1);
        block_add(m, type, from + 2, bytes);
        from += 2 + bytes;
        size -= 2 + bytes;
    }
}

static void manifest_add(const file_maker *snapshot)
{
    static hci_host host;
    persist_dir dir;
    manifest m;
    hc_host with = {.size = sizeof with, .io = &memory_io};
    if (hci_host_resolve(&with, &host) != HC_OK || hci_dir_init(&dir, &host, "d") != HC_OK) abort();
    if (hci_manifest_init(&m, &host) != HC_OK) abort();
    m.number = m.log_first = 1;
    m.log_first_lsn = LSN_FIRST;
    memcpy(m.uuid, uuid, UUID_BYTES);
    m.snapshot = (manifest_snapshot){.id = 1, .lsn_from = LSN_FIRST, .lsn_to = LSN_FIRST};
    m.snapshot.parts = 1;
    m.snapshot.part[0] = (snapshot_part){
        .bytes = snapshot->file->size, .blocks = snapshot->blocks, .chain = snapshot->chain};
    if (hci_store_entry_set(&host, &m.stores[0], HC_SPAN("s"), HC_SPAN(""), HC_STRATEGY_HYBRID) !=
            HC_OK ||
        hci_manifest_write(&dir, &m) != HC_OK) {
        abort();
    }
    hci_manifest_fini(&m, &host);
}

static void directory_make(const uint8_t *data, size_t size)
{
    unsigned mode = data[0];
    size_t manifest_bytes = wire_u16(data + 1), log_bytes = wire_u16(data + 3);
    const uint8_t *body = data + 5;
    size -= 5;
    if (manifest_bytes > size) manifest_bytes = size;
    if (log_bytes > size - manifest_bytes) log_bytes = size - manifest_bytes;
    const uint8_t *log_body = body + manifest_bytes, *snapshot_body = log_body + log_bytes;
    size_t snapshot_bytes = size - manifest_bytes - log_bytes;
    file_maker log, snapshot, m;
    maker_init(&log, file_add("d/log-0000000000000001.hcl"), FILE_LOG);
    maker_init(&snapshot, file_add("d/snap-0000000000000001-000.hcs"), FILE_SNAPSHOT);
    if (mode & 2) {
        blocks_add(&log, BLOCK_FRAME, log_body, log_bytes);
    } else if (mode == 0) {
        file_write(log.file, 0, log_body, log_bytes);
    }
    if (mode & 4) {
        blocks_add(&snapshot, BLOCK_DATA, snapshot_body, snapshot_bytes);
    } else if (mode == 0) {
        file_write(snapshot.file, 0, snapshot_body, snapshot_bytes);
    }
    block_add(&snapshot, BLOCK_END, NULL, 0);
    if (mode & 1) {
        maker_init(&m, file_add("d/MANIFEST-0000000000000001"), FILE_MANIFEST);
        block_add(&m, BLOCK_MANIFEST, body, manifest_bytes);
    } else if (mode == 0) {
        file_write(file_add("d/MANIFEST-0000000000000001"), 0, body, manifest_bytes);
    } else {
        manifest_add(&snapshot);
    }
}

/* ---- use ---- */

static hc_store *store;

static hc_status store_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    (void)ctx;
    (void)info;
    *store_out = store; /* one for all: there are few in the fuzzer's memory */
    return HC_OK;
}

static void open_and_recover(const hc_host *host)
{
    hc_persistence *p;
    const hc_recovery recovery = {.size = sizeof recovery, .open = store_open};
    hc_persistence_options options = {.size = sizeof options,
                                      .directory = "d",
                                      .ring_bytes = 256u << 10,
                                      .segment_bytes = 64u << 10,
                                      .reserve_bytes = UINT64_MAX};
    if (hc_persistence_open(host, &options, &p) != HC_OK) return;
    (void)hc_persistence_recover(p, &recovery);
    (void)hc_persistence_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5) return 0;
    const hc_host host = {.size = sizeof host, .io = &memory_io};
    hc_store_options options = {.size = sizeof options, .shards = 1, .seed = 1};
    options.max_memory_bytes = 16u << 20;
    if (store == NULL && hc_store_create(NULL, &options, &store) != HC_OK) abort();
    hc_persistence_check check = {.size = sizeof check};
    directory_make(data, size);
    hc_status status = hc_persistence_verify(&host, "d", NULL, &check);
    if (status == HC_OK || status == HC_ERR_CORRUPT) {
        open_and_recover(&host);
    }
    hc_store_flush(store);
    for (size_t i = 0; i < file_count; i++)
        free(files[i].bytes);
    file_count = 0;
    return 0;
}
