/*
 * console.h - the files of the console page, compiled into the program.
 *
 *     page/index.html      GET /
 *     page/style.css       GET /console/style.css
 *     page/vendor/x.js     GET /console/vendor/x.js
 *
 * embed.sh turns the folder page/ into the table below when the program is built, so nothing is
 * read from disk and there is nothing to install.
 *
 * Serving:   whoever serves a file sends its type, its ETag and all of console_headers, and answers
 *            304 when If-None-Match names the ETag.  The page asks this server only, and its policy
 *            makes the browser refuse anything else: no other host, no script or style in the
 *            markup.
 * Threads:   constants; any thread.
 */
#ifndef HYPERCACHE_SERVER_CONSOLE_CONSOLE_H
#define HYPERCACHE_SERVER_CONSOLE_CONSOLE_H

#include <hypercache/types.h>

typedef struct console_file {
    const char *path;         /* of the URL, from "/" on */
    const char *content_type; /* "text/html; charset=utf-8" */
    const char *etag;         /* with its quotes; changes with the bytes */
    const uint8_t *bytes;
    size_t size;
} console_file;

typedef struct console_header {
    const char *name, *value;
} console_header;

/* Made by embed.sh, ordered by path. */
extern const console_file console_files[];
extern const size_t console_file_count;

/* Of every answer with one of these files. */
extern const console_header console_headers[];
extern const size_t console_header_count;

/* NULL: none of that path.  `path` is as in the URL, without query and fragment. */
const console_file *console_find(hc_span path);

#endif
