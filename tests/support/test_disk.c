/*
 * test_disk.c - files as two images and a map of dirty sectors; names as a list of pending changes.
 *
 * Images are shared, and copied by who writes to one that others have too: a crash leaves most
 * files as they are, and there are a million crashes.  Invariant: the bytes of an image behind its
 * file's size are zero.
 */
#include "support/test_disk.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "support/test_random.h"

#define SECTOR_BYTES 512u
#define NAMES_MAX 1024u
#define NAME_BYTES 128u
#define CHANGES_MAX 1024u

typedef struct image {
    uint32_t users;
    size_t capacity;
    uint8_t bytes[];
} image;

typedef struct inode {
    image *now, *durable; /* perhaps the same; NULL: empty */
    size_t size, durable_size, capacity;
    uint8_t *dirty; /* one byte a sector; NULL: none is */
    bool locked;
} inode;

typedef struct name_entry {
    char name[NAME_BYTES];
    uint32_t inode;
} name_entry;

typedef struct name_change {
    char name[NAME_BYTES];
    uint32_t inode; /* NO_INODE: the name goes */
    bool with_next; /* a rename is two changes that come together */
} name_change;
#define NO_INODE UINT32_MAX

struct hc_file {
    uint32_t inode;
    bool is_lock;
};

struct test_disk {
    hc_io io;
    test_disk_faults faults;
    test_random random;
    uint64_t calls;
    inode *inodes;
    uint32_t inode_count, inode_capacity;
    name_entry *names, *durable_names;
    uint32_t name_count, durable_name_count;
    name_change *changes;
    uint32_t change_count;
};

/* ---- inodes ---- */

static size_t sectors(size_t bytes)
{
    return (bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

static image *image_of(const image *from, size_t capacity)
{
    image *made = malloc(sizeof *made + capacity);
    assert_non_null(made);
    size_t known = from != NULL && from->capacity < capacity ? from->capacity : capacity;
    if (from == NULL) known = 0;
    made->users = 1;
    made->capacity = capacity;
    if (known > 0) memcpy(made->bytes, from->bytes, known);
    if (known < capacity) memset(made->bytes + known, 0, capacity - known);
    return made;
}

static void image_drop(image *of)
{
    if (of != NULL && --of->users == 0) free(of);
}

/* Makes it one's own, and as large as the inode has room for. */
static uint8_t *image_write(image **at, size_t capacity)
{
    if (*at == NULL || (*at)->users > 1 || (*at)->capacity < capacity) {
        image *made = image_of(*at, capacity);
        image_drop(*at);
        *at = made;
    }
    return (*at)->bytes;
}

static image *image_share(image *of)
{
    if (of != NULL) of->users++;
    return of;
}

static void inode_room(inode *of, size_t bytes)
{
    if (bytes > of->capacity) {
        size_t capacity = sectors(bytes < 4096 ? 4096 : bytes + bytes / 4) * SECTOR_BYTES;
        if (of->dirty != NULL) {
            of->dirty = realloc(of->dirty, capacity / SECTOR_BYTES);
            assert_non_null(of->dirty);
            memset(of->dirty + of->capacity / SECTOR_BYTES, 0,
                   (capacity - of->capacity) / SECTOR_BYTES);
        }
        of->capacity = capacity;
    }
}

static void dirty_note(inode *of, size_t from, size_t count)
{
    if (of->dirty == NULL) of->dirty = calloc(of->capacity / SECTOR_BYTES, 1);
    assert_non_null(of->dirty);
    memset(of->dirty + from, 1, count);
}

static void dirty_forget(inode *of)
{
    free(of->dirty);
    of->dirty = NULL;
}

static uint32_t inode_add(test_disk *disk)
{
    if (disk->inode_count == disk->inode_capacity) {
        disk->inode_capacity = disk->inode_capacity == 0 ? 16 : 2 * disk->inode_capacity;
        disk->inodes = realloc(disk->inodes, disk->inode_capacity * sizeof *disk->inodes);
        assert_non_null(disk->inodes);
    }
    disk->inodes[disk->inode_count] = (inode){.size = 0};
    return disk->inode_count++;
}

static void sectors_leak(test_random *random, inode *of, unsigned mood)
{
    uint8_t *durable = image_write(&of->durable, of->capacity);
    for (size_t i = 0; i < of->capacity / SECTOR_BYTES; i++) {
        if (!of->dirty[i]) continue;
        uint64_t fate = test_random_below(random, 8);
        if (mood == 0) fate = 7;
        if (mood == 1) fate = 0;
        size_t keep = fate == 1 ? (size_t)test_random_below(random, SECTOR_BYTES)
                                : (fate > 3 ? SECTOR_BYTES : 0);
        memcpy(durable + i * SECTOR_BYTES, of->now->bytes + i * SECTOR_BYTES, keep);
    }
}

/* Some of what is not synced reaches the disk. */
static void inode_leak(test_random *random, inode *of)
{
    size_t longest = of->size > of->durable_size ? of->size : of->durable_size;
    unsigned mood = (unsigned)test_random_below(random, 4); /* all, none, or some */
    if (of->dirty == NULL && of->size == of->durable_size) return;
    if (of->dirty != NULL) sectors_leak(random, of, mood);
    uint64_t size_fate = mood < 2 ? mood ^ 1 : test_random_below(random, 3);
    size_t low = of->size < of->durable_size ? of->size : of->durable_size;
    if (size_fate == 1) of->durable_size = of->size;
    if (size_fate == 2) {
        of->durable_size = low + (size_t)test_random_below(random, longest - low + 1);
    }
    /* bytes behind the durable end read as zero once it grows */
    uint8_t *durable = image_write(&of->durable, of->capacity);
    memset(durable + of->durable_size, 0, of->capacity - of->durable_size);
}

/* What is durable is all there is. */
static void inode_settle(inode *of)
{
    image *old = of->now;
    of->now = image_share(of->durable);
    image_drop(old);
    dirty_forget(of);
    of->size = of->durable_size;
}

/* ---- names ---- */

static uint32_t name_find(const name_entry *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i].name, name) == 0) return i;
    }
    return count;
}

static void name_put(name_entry *names, uint32_t *count, const char *name, uint32_t inode_number)
{
    uint32_t at = name_find(names, *count, name);
    if (inode_number == NO_INODE) {
        if (at < *count) names[at] = names[--*count];
        return;
    }
    if (at == *count) {
        assert_true(*count < NAMES_MAX);
        assert_true(strlen(name) < NAME_BYTES);
        strcpy(names[at].name, name);
        ++*count;
    }
    names[at].inode = inode_number;
}

static void name_change_add(test_disk *disk, const char *name, uint32_t inode_number,
                            bool with_next)
{
    name_put(disk->names, &disk->name_count, name, inode_number);
    assert_true(disk->change_count < CHANGES_MAX);
    name_change *change = &disk->changes[disk->change_count++];
    strcpy(change->name, name);
    change->inode = inode_number;
    change->with_next = with_next;
}

static void changes_apply(test_disk *disk, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        name_put(disk->durable_names, &disk->durable_name_count, disk->changes[i].name,
                 disk->changes[i].inode);
    }
    disk->change_count = 0;
}

/* ---- faults ---- */

/* HC_OK: the call goes on. */
static hc_status call_begin(test_disk *disk, bool is_sync)
{
    test_disk_faults *f = &disk->faults;
    if (f->dies_at > 0 && --f->dies_at == 0) f->dead = true;
    if (f->dead) return HC_ERR_IO;
    if (f->before != NULL) f->before(f->ctx, disk);
    disk->calls++;
    if (f->fail_at == 0 || (f->fail_sync_only && !is_sync)) return HC_OK;
    if (--f->fail_at > 0) return HC_OK;
    if (f->fail_count > 1) {
        f->fail_count--;
        f->fail_at = 1;
    }
    return f->fail_status;
}

static uint64_t bytes_used(const test_disk *disk)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < disk->name_count; i++)
        bytes += disk->inodes[disk->names[i].inode].size;
    return bytes;
}

/* How much of a growth to `size` there is room for. */
static size_t size_granted(const test_disk *disk, const inode *of, size_t size)
{
    if (disk->faults.capacity_bytes == 0 || size <= of->size) return size;
    uint64_t used = bytes_used(disk);
    uint64_t left = disk->faults.capacity_bytes > used ? disk->faults.capacity_bytes - used : 0;
    return size - of->size <= left ? size : of->size + (size_t)left;
}

/* ---- the table ---- */

static hc_status disk_open(void *ctx, const char *path, uint32_t flags, hc_file **file_out)
{
    test_disk *disk = ctx;
    uint32_t at = name_find(disk->names, disk->name_count, path);
    *file_out = NULL;
    if (flags == HC_OPEN_CREATE) {
        if (at < disk->name_count) return HC_ERR_EXISTS;
        hc_status status = call_begin(disk, false);
        if (status != HC_OK) return status;
        name_change_add(disk, path, inode_add(disk), false);
        at = name_find(disk->names, disk->name_count, path);
    } else if (at == disk->name_count) {
        return HC_ERR_NOT_FOUND;
    }
    hc_file *file = malloc(sizeof *file);
    assert_non_null(file);
    *file = (hc_file){.inode = disk->names[at].inode};
    *file_out = file;
    return HC_OK;
}

static void disk_close(void *ctx, hc_file *file)
{
    test_disk *disk = ctx;
    if (file != NULL && file->is_lock) disk->inodes[file->inode].locked = false;
    free(file);
}

static hc_status disk_length(void *ctx, hc_file *file, uint64_t *bytes_out)
{
    test_disk *disk = ctx;
    *bytes_out = disk->inodes[file->inode].size;
    return HC_OK;
}

static hc_status disk_read(void *ctx, hc_file *file, void *buffer, size_t bytes, uint64_t offset,
                           size_t *read_out)
{
    test_disk *disk = ctx;
    const inode *of = &disk->inodes[file->inode];
    *read_out = 0;
    if (disk->faults.read_status != HC_OK) return disk->faults.read_status;
    if (offset >= of->size) return HC_OK;
    size_t left = of->size - (size_t)offset;
    *read_out = bytes < left ? bytes : left;
    if (*read_out == 0) return HC_OK;
    size_t held = of->now != NULL && of->now->capacity > offset
                      ? of->now->capacity - (size_t)offset
                      : 0; /* behind it the file is all zeros */
    size_t copied = *read_out < held ? *read_out : held;
    if (copied > 0) memcpy(buffer, of->now->bytes + offset, copied);
    if (copied < *read_out) memset((uint8_t *)buffer + copied, 0, *read_out - copied);
    return HC_OK;
}

static void inode_write(inode *of, size_t offset, const uint8_t *from, size_t bytes)
{
    if (bytes == 0) return;
    inode_room(of, offset + bytes);
    memcpy(image_write(&of->now, of->capacity) + offset, from, bytes);
    if (offset + bytes > of->size) of->size = offset + bytes;
    dirty_note(of, offset / SECTOR_BYTES,
               (offset + bytes - 1) / SECTOR_BYTES - offset / SECTOR_BYTES + 1);
}

static hc_status disk_write(void *ctx, hc_file *file, const hc_span *parts, size_t count,
                            uint64_t offset)
{
    test_disk *disk = ctx;
    hc_status status = call_begin(disk, false);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += parts[i].size;
    inode *of = &disk->inodes[file->inode];
    size_t granted = size_granted(disk, of, (size_t)offset + bytes);
    if (status == HC_OK && granted < (size_t)offset + bytes) status = HC_ERR_NO_SPACE;
    size_t left = granted > offset ? granted - (size_t)offset : 0;
    if (left > bytes) left = bytes;
    if (status != HC_OK) left = (size_t)test_random_below(&disk->random, left + 1);
    if (disk->faults.dead) left = 0;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t piece = parts[i].size < left ? parts[i].size : left;
        inode_write(of, (size_t)offset, parts[i].data, piece);
        offset += piece;
        left -= piece;
    }
    return status;
}

static void sync_good(inode *of)
{
    if (of->dirty != NULL) {
        uint8_t *durable = image_write(&of->durable, of->capacity);
        for (size_t i = 0; i < of->capacity / SECTOR_BYTES; i++) {
            if (!of->dirty[i]) continue;
            memcpy(durable + i * SECTOR_BYTES, of->now->bytes + i * SECTOR_BYTES, SECTOR_BYTES);
        }
        dirty_forget(of);
    }
    if (of->durable != NULL && of->durable_size > of->size) {
        uint8_t *durable = image_write(&of->durable, of->capacity);
        memset(durable + of->size, 0, of->capacity - of->size);
    }
    of->durable_size = of->size;
}

static void sync_failed(test_disk *disk, inode *of)
{
    inode_leak(&disk->random, of);
    dirty_forget(of);
    if (disk->faults.sync_failure == TEST_DISK_DROPS) inode_settle(of);
}

static hc_status disk_sync(void *ctx, hc_file *file)
{
    test_disk *disk = ctx;
    hc_status status = call_begin(disk, true);
    inode *of = &disk->inodes[file->inode];
    if (disk->faults.dead) return status;
    if (status != HC_OK) {
        sync_failed(disk, of);
        return disk->faults.lie == TEST_DISK_SYNC_RETRY ? HC_OK : status;
    }
    if (disk->faults.lie != TEST_DISK_NO_SYNC) sync_good(of);
    return HC_OK;
}

static hc_status disk_truncate(void *ctx, hc_file *file, uint64_t bytes)
{
    test_disk *disk = ctx;
    hc_status status = call_begin(disk, false);
    if (status != HC_OK) return status;
    inode *of = &disk->inodes[file->inode];
    if (size_granted(disk, of, (size_t)bytes) < bytes) return HC_ERR_NO_SPACE;
    inode_room(of, (size_t)bytes);
    if (bytes < of->size && of->now != NULL) {
        uint8_t *now = image_write(&of->now, of->capacity);
        memset(now + bytes, 0, of->size - (size_t)bytes);
    }
    of->size = (size_t)bytes;
    return HC_OK;
}

static hc_status disk_allocate(void *ctx, hc_file *file, uint64_t bytes)
{
    test_disk *disk = ctx;
    uint64_t size = disk->inodes[file->inode].size;
    return disk_truncate(ctx, file, bytes > size ? bytes : size);
}

static hc_status disk_rename(void *ctx, const char *from, const char *to)
{
    test_disk *disk = ctx;
    hc_status status = call_begin(disk, false);
    if (status != HC_OK) return status;
    uint32_t at = name_find(disk->names, disk->name_count, from);
    if (at == disk->name_count) return HC_ERR_NOT_FOUND;
    name_change_add(disk, to, disk->names[at].inode, true);
    name_change_add(disk, from, NO_INODE, false);
    return HC_OK;
}

static hc_status disk_unlink(void *ctx, const char *path)
{
    test_disk *disk = ctx;
    hc_status status = call_begin(disk, false);
    if (status != HC_OK) return status;
    if (name_find(disk->names, disk->name_count, path) == disk->name_count) return HC_ERR_NOT_FOUND;
    name_change_add(disk, path, NO_INODE, false);
    return HC_OK;
}

static hc_status disk_make_dir(void *ctx, const char *path)
{
    (void)ctx;
    (void)path;
    return HC_ERR_EXISTS; /* every directory is there */
}

static hc_status disk_sync_dir(void *ctx, const char *path)
{
    test_disk *disk = ctx;
    (void)path;
    hc_status status = call_begin(disk, false);
    if (status != HC_OK) return status;
    if (disk->faults.lie != TEST_DISK_NO_DIR_SYNC) changes_apply(disk, disk->change_count);
    return HC_OK;
}

static hc_status disk_list(void *ctx, const char *path, void (*visit)(void *to, const char *name),
                           void *to)
{
    test_disk *disk = ctx;
    size_t length = strlen(path);
    for (uint32_t i = 0; i < disk->name_count; i++) {
        const char *name = disk->names[i].name;
        if (strncmp(name, path, length) == 0 && name[length] == '/') visit(to, name + length + 1);
    }
    return HC_OK;
}

static hc_status disk_lock(void *ctx, const char *path, hc_file **file_out)
{
    test_disk *disk = ctx;
    if (name_find(disk->names, disk->name_count, path) == disk->name_count) {
        name_change_add(disk, path, inode_add(disk), false);
    }
    hc_status status = disk_open(ctx, path, HC_OPEN_WRITE, file_out);
    if (status != HC_OK) return status;
    inode *of = &disk->inodes[(*file_out)->inode];
    if (of->locked) {
        free(*file_out);
        *file_out = NULL;
        return HC_ERR_BUSY;
    }
    (*file_out)->is_lock = of->locked = true;
    return HC_OK;
}

static hc_status disk_free_space(void *ctx, const char *path, uint64_t *bytes_out)
{
    test_disk *disk = ctx;
    (void)path;
    uint64_t used = bytes_used(disk);
    uint64_t capacity = disk->faults.capacity_bytes;
    *bytes_out = capacity == 0 ? UINT64_C(1) << 40 : capacity > used ? capacity - used : 0;
    return HC_OK;
}

/* ---- disks ---- */

test_disk *test_disk_create(uint64_t seed)
{
    test_disk *disk = calloc(1, sizeof *disk);
    assert_non_null(disk);
    disk->names = malloc(NAMES_MAX * sizeof *disk->names);
    disk->durable_names = malloc(NAMES_MAX * sizeof *disk->durable_names);
    disk->changes = malloc(CHANGES_MAX * sizeof *disk->changes);
    assert_true(disk->names != NULL && disk->durable_names != NULL && disk->changes != NULL);
    test_random_init_quiet(&disk->random, seed);
    disk->io = (hc_io){.size = sizeof(hc_io),
                       .ctx = disk,
                       .open = disk_open,
                       .close = disk_close,
                       .length = disk_length,
                       .read = disk_read,
                       .write = disk_write,
                       .sync = disk_sync,
                       .allocate = disk_allocate,
                       .truncate = disk_truncate,
                       .rename = disk_rename,
                       .unlink = disk_unlink,
                       .make_dir = disk_make_dir,
                       .sync_dir = disk_sync_dir,
                       .list = disk_list,
                       .lock = disk_lock,
                       .free_space = disk_free_space};
    return disk;
}

void test_disk_destroy(test_disk *disk)
{
    if (disk == NULL) return;
    for (uint32_t i = 0; i < disk->inode_count; i++) {
        image_drop(disk->inodes[i].now);
        image_drop(disk->inodes[i].durable);
        free(disk->inodes[i].dirty);
    }
    free(disk->inodes);
    free(disk->names);
    free(disk->durable_names);
    free(disk->changes);
    free(disk);
}

const hc_io *test_disk_io(test_disk *disk)
{
    return &disk->io;
}

test_disk_faults *test_disk_faults_of(test_disk *disk)
{
    return &disk->faults;
}

uint64_t test_disk_calls(const test_disk *disk)
{
    return disk->calls;
}

/* The inodes that a name leads to, copied; `crashed`: as a crash leaves them. */
static void inodes_take(test_disk *to, const test_disk *from, bool crashed)
{
    for (uint32_t i = 0; i < to->name_count; i++) {
        const inode *old = &from->inodes[to->names[i].inode];
        uint32_t number = inode_add(to);
        inode *made = &to->inodes[number];
        to->names[i].inode = to->durable_names[i].inode = number;
        *made = *old;
        made->locked = false;
        made->now = image_share(old->now);
        made->durable = image_share(old->durable);
        if (old->dirty != NULL) {
            made->dirty = malloc(old->capacity / SECTOR_BYTES);
            assert_non_null(made->dirty);
            memcpy(made->dirty, old->dirty, old->capacity / SECTOR_BYTES);
        }
        if (crashed) {
            inode_leak(&to->random, made);
            inode_settle(made);
        } /* else what is not durable stays so */
    }
}

/* Some changes of names reached the disk: the first few, or any. */
static void changes_leak(test_disk *after, const test_disk *disk)
{
    uint32_t kept = (uint32_t)test_random_below(&after->random, disk->change_count + 1u);
    bool is_any = test_random_below(&after->random, 3) == 0;
    bool is_kept = false;
    for (uint32_t i = 0; i < disk->change_count; i++) {
        const name_change *change = &disk->changes[i];
        bool is_second = i > 0 && disk->changes[i - 1].with_next; /* comes with the one before */
        if (!is_second) is_kept = is_any ? test_random_below(&after->random, 2) == 0 : i < kept;
        if (is_kept) name_put(after->names, &after->name_count, change->name, change->inode);
    }
}

test_disk *test_disk_crash(const test_disk *disk, uint64_t seed)
{
    test_disk *after = test_disk_create(seed);
    after->name_count = disk->durable_name_count;
    memcpy(after->names, disk->durable_names, sizeof(name_entry) * disk->durable_name_count);
    changes_leak(after, disk);
    after->durable_name_count = after->name_count;
    memcpy(after->durable_names, after->names, sizeof(name_entry) * after->name_count);
    inodes_take(after, disk, true);
    return after;
}

test_disk *test_disk_copy(const test_disk *disk)
{
    test_disk *after = test_disk_create(disk->calls + 1);
    after->name_count = after->durable_name_count = disk->name_count;
    memcpy(after->names, disk->names, sizeof(name_entry) * disk->name_count);
    memcpy(after->durable_names, disk->names, sizeof(name_entry) * disk->name_count);
    inodes_take(after, disk, false);
    return after;
}

uint64_t test_disk_bytes(const test_disk *disk)
{
    return bytes_used(disk);
}

const char *test_disk_flip(test_disk *disk, uint64_t at, unsigned bit, uint64_t *offset_out)
{
    for (uint32_t i = 0; i < disk->name_count; i++) {
        inode *of = &disk->inodes[disk->names[i].inode];
        if (at < of->size) {
            bool is_one = of->now == of->durable;
            image_write(&of->now, of->capacity)[at] ^= (uint8_t)(1u << bit);
            if (!is_one) image_write(&of->durable, of->capacity)[at] ^= (uint8_t)(1u << bit);
            if (is_one) {
                image_drop(of->durable);
                of->durable = image_share(of->now);
            }
            *offset_out = at;
            return disk->names[i].name;
        }
        at -= of->size;
    }
    return NULL;
}

uint8_t *test_disk_file(test_disk *disk, const char *name, size_t *bytes_out)
{
    uint32_t at = name_find(disk->names, disk->name_count, name);
    assert_true(at < disk->name_count);
    inode *of = &disk->inodes[disk->names[at].inode];
    *bytes_out = of->size;
    return image_write(&of->now, of->capacity);
}

size_t test_disk_file_count(const test_disk *disk)
{
    return disk->name_count;
}

const char *test_disk_file_name(const test_disk *disk, size_t index)
{
    return disk->names[index].name;
}
