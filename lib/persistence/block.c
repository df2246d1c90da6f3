/*
 * block.c - see block.h for the idea, docs/format/persistence.md for every byte.
 */
#include "persistence/block.h"

#include "base/hash.h"
#include "persistence/wire.h"

#define MAGIC_BYTES 8u
#define PAGE_SUM_AT (FILE_HEADER_BYTES - 16u)
#define BLOCK_MAGIC 0x4b424348u /* "HCBK" */
#define BLOCK_SUM_AT 60u

/* The high bit and the line ends show at once that a file went through a text transfer. */
static void magic_put(file_kind kind, uint8_t *to)
{
    const uint8_t magic[MAGIC_BYTES] = {0x89, 'H', 'C', (uint8_t)kind, '\r', '\n', 0x1a, '\n'};
    memcpy(to, magic, MAGIC_BYTES);
}

static void page_sum_put(const uint8_t *page, uint8_t *to)
{
    XXH128_hash_t sum = XXH3_128bits(page, PAGE_SUM_AT);
    wire_put_u64(to, sum.low64);
    wire_put_u64(to + 8, sum.high64);
}

void hci_file_header_put(const file_header *header, uint8_t *to)
{
    memset(to, 0, FILE_HEADER_BYTES);
    magic_put(header->kind, to);
    wire_put_u16(to + 8, FORMAT_MAJOR);
    wire_put_u16(to + 10, FORMAT_MINOR);
    wire_put_u16(to + 12, 0); /* least minor version that can read it */
    /* 16: flags that a reader must know, 24: flags that it need not */
    memcpy(to + 32, header->uuid, UUID_BYTES);
    wire_put_u64(to + 48, header->id);
    wire_put_u64(to + 56, (uint64_t)header->created_at_ms);
    wire_put_u64(to + 64, header->base_lsn);
    wire_put_u64(to + 72, header->previous.id);
    wire_put_u64(to + 80, header->previous.lsn);
    wire_put_u64(to + 88, header->previous.bytes);
    wire_put_u64(to + 96, header->previous.chain);
    wire_put_u32(to + 104, header->part);
    wire_put_u32(to + 108, header->parts);
    page_sum_put(to, to + PAGE_SUM_AT);
}

hc_status hci_file_header_get(const uint8_t *from, file_kind kind, file_header *out)
{
    uint8_t magic[MAGIC_BYTES], sum[16];
    *out = (file_header){.kind = kind};
    magic_put(kind, magic);
    page_sum_put(from, sum);
    if (memcmp(from, magic, sizeof magic) != 0) return HC_ERR_CORRUPT;
    if (memcmp(from + PAGE_SUM_AT, sum, sizeof sum) != 0) return HC_ERR_CORRUPT;
    if (wire_u16(from + 8) != FORMAT_MAJOR || wire_u16(from + 12) > FORMAT_MINOR) {
        return HC_ERR_UNSUPPORTED;
    }
    if (wire_u64(from + 16) != 0) return HC_ERR_UNSUPPORTED;
    memcpy(out->uuid, from + 32, UUID_BYTES);
    out->id = wire_u64(from + 48);
    out->created_at_ms = (int64_t)wire_u64(from + 56);
    out->base_lsn = wire_u64(from + 64);
    out->previous.id = wire_u64(from + 72);
    out->previous.lsn = wire_u64(from + 80);
    out->previous.bytes = wire_u64(from + 88);
    out->previous.chain = wire_u64(from + 96);
    out->part = wire_u32(from + 104);
    out->parts = wire_u32(from + 108);
    return HC_OK;
}

uint64_t hci_file_seed(const uint8_t *uuid, uint64_t id)
{
    return hci_hash(hc_span_make(uuid, UUID_BYTES), id);
}

uint64_t hci_block_sum(uint64_t seed, const hc_span *parts, size_t count)
{
    if (count == 1) return hci_hash(parts[0], seed);
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    (void)XXH3_64bits_reset_withSeed(&state, seed);
    for (size_t i = 0; i < count; i++) {
        (void)XXH3_64bits_update(&state, parts[i].data, parts[i].size);
    }
    return XXH3_64bits_digest(&state);
}

uint64_t hci_chain_next(uint64_t chain, uint64_t payload_sum)
{
    uint8_t bytes[16];
    wire_put_u64(bytes, chain);
    wire_put_u64(bytes + 8, payload_sum);
    return hci_hash(hc_span_make(bytes, sizeof bytes), 0);
}

void hci_block_header_put(const block_header *header, uint64_t seed, uint64_t file_id, uint8_t *to)
{
    memset(to, 0, BLOCK_HEADER_BYTES);
    wire_put_u32(to, BLOCK_MAGIC);
    to[4] = (uint8_t)header->type;
    to[5] = header->flags;
    wire_put_u16(to + 6, BLOCK_HEADER_BYTES);
    wire_put_u32(to + 8, header->raw_bytes);
    wire_put_u32(to + 12, header->stored_bytes);
    wire_put_u32(to + 16, header->records);
    wire_put_u32(to + 20, (uint32_t)file_id);
    wire_put_u64(to + 24, header->seq);
    wire_put_u64(to + 32, header->durable_lsn);
    wire_put_u64(to + 40, header->payload_sum);
    wire_put_u64(to + 48, header->chain);
    wire_put_u32(to + BLOCK_SUM_AT, (uint32_t)hci_hash(hc_span_make(to, BLOCK_SUM_AT), seed));
}

bool hci_block_header_get(const uint8_t *from, uint64_t seed, uint64_t file_id, block_header *out)
{
    *out = (block_header){.type = BLOCK_FRAME};
    if (wire_u32(from) != BLOCK_MAGIC || wire_u16(from + 6) != BLOCK_HEADER_BYTES) return false;
    uint32_t sum = (uint32_t)hci_hash(hc_span_make(from, BLOCK_SUM_AT), seed);
    if (wire_u32(from + BLOCK_SUM_AT) != sum || wire_u32(from + 20) != (uint32_t)file_id) {
        return false;
    }
    if (from[4] < BLOCK_FRAME || from[4] > BLOCK_MANIFEST || from[5] > BLOCK_ZSTD) return false;
    out->type = (block_type)from[4];
    out->flags = from[5];
    out->raw_bytes = wire_u32(from + 8);
    out->stored_bytes = wire_u32(from + 12);
    out->records = wire_u32(from + 16);
    out->seq = wire_u64(from + 24);
    out->durable_lsn = wire_u64(from + 32);
    out->payload_sum = wire_u64(from + 40);
    out->chain = wire_u64(from + 48);
    if (out->raw_bytes > BLOCK_RAW_BYTES_MAX || out->stored_bytes > BLOCK_RAW_BYTES_MAX) {
        return false;
    }
    return (out->flags & BLOCK_ZSTD) != 0 || out->raw_bytes == out->stored_bytes;
}
