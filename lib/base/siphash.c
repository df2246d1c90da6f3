/* siphash.c - four words of state, two rounds a word of input, four at the end. */
#include "base/siphash.h"

typedef struct sip_state {
    uint64_t v0, v1, v2, v3;
} sip_state;

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t load(const uint8_t *at)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)at[i] << 8 * i;
    return word;
}

static void store(uint8_t *to, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(word >> 8 * i);
}

static void rounds(sip_state *s, unsigned count)
{
    for (; count > 0; count--) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static void absorb(sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

void hci_siphash(const uint8_t key[HCI_SIPHASH_KEY_BYTES], hc_span bytes,
                 uint8_t out[HCI_SIPHASH_BYTES])
{
    uint64_t k0 = load(key), k1 = load(key + 8);
    sip_state s = {k0 ^ UINT64_C(0x736F6D6570736575), k1 ^ UINT64_C(0x646F72616E646F6D) ^ 0xEE,
                   k0 ^ UINT64_C(0x6C7967656E657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t whole = bytes.size / 8 * 8;
    for (size_t at = 0; at < whole; at += 8)
        absorb(&s, load(bytes.data + at));
    uint64_t last = (uint64_t)bytes.size << 56;
    for (size_t i = whole; i < bytes.size; i++)
        last |= (uint64_t)bytes.data[i] << 8 * (i - whole);
    absorb(&s, last);
    s.v2 ^= 0xEE;
    rounds(&s, 4);
    store(out, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    s.v1 ^= 0xDD;
    rounds(&s, 4);
    store(out + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
