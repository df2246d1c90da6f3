/*
 * utf8.h - which bytes are a character (RFC 3629, table 3-7 of Unicode).
 */
#ifndef HYPERCACHE_BASE_UTF8_H
#define HYPERCACHE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define HCI_UTF8_UNKNOWN "\xef\xbf\xbd" /* U+FFFD, in place of what is none */

/* Bytes of the character at `text`, of which `left` >= 1 are there; 0 when there is none. */
size_t hci_utf8_size(const uint8_t *text, size_t left);

#endif
