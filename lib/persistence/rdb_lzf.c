/*
 * rdb_lzf.c - unpacking LZF, the light compression of Redis's strings.
 *
 *     000LLLLL                     L + 1 bytes follow as they are
 *     LLLooooo oooooooo            copy L + 2 bytes from o + 1 back (L 1..6)
 *     111ooooo LLLLLLLL oooooooo   copy L + 9 bytes from o + 1 back
 */
#include "persistence/rdb_private.h"

#include <string.h>

bool hci_lzf_unpack(hc_span packed, uint8_t *to, size_t raw_bytes)
{
    const uint8_t *at = packed.data, *end = packed.data + packed.size;
    size_t done = 0;
    while (at < end) {
        unsigned control = *at++;
        if (control < 32) {
            size_t run = control + 1;
            if ((size_t)(end - at) < run || raw_bytes - done < run) return false;
            memcpy(to + done, at, run);
            at += run;
            done += run;
            continue;
        }
        size_t run = control >> 5;
        if (run == 7) {
            if (at == end) return false;
            run += *at++;
        }
        run += 2;
        if (at == end) return false;
        size_t back = ((size_t)(control & 31) << 8 | *at++) + 1;
        if (back > done || raw_bytes - done < run) return false;
        for (size_t i = 0; i < run;
             i++, done++) /* the two may overlap: that is how runs are made */
            to[done] = to[done - back];
    }
    return done == raw_bytes;
}
