/*
 * console.c - which file of the page has a path, and what a browser is told with each.
 *
 * The policy starts from nothing: what is not listed (frames, fonts, objects, other hosts, scripts
 * and styles in the markup) the browser refuses.  So a key that looks like markup stays text even
 * if the page had a mistake.
 */
#include "console/console.h"

#include <string.h>

const console_header console_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cache-Control", "no-cache"}, /* kept, and asked for by ETag each time */
};
const size_t console_header_count = sizeof console_headers / sizeof console_headers[0];

const console_file *console_find(hc_span path)
{
    for (size_t i = 0; i < console_file_count; i++) { /* a few dozen */
        const char *name = console_files[i].path;
        if (strlen(name) == path.size && memcmp(name, path.data, path.size) == 0)
            return &console_files[i];
    }
    return NULL;
}
