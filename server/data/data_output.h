/*
 * data_output.h - what `hypercached data` prints: JSON, bytes of strangers made readable, a bar.
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_OUTPUT_H
#define HYPERCACHE_SERVER_DATA_DATA_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <hypercache/types.h>

/* ---- JSON, as it goes ---- */

typedef struct data_json {
    FILE *to;
    bool comma; /* before the next value */
} data_json;

/* `key` NULL: in an array, or the outermost. */
void data_json_open(data_json *of, const char *key, char bracket);
void data_json_close(data_json *of, char bracket);
void data_json_text(data_json *of, const char *key, hc_span text);
void data_json_string(data_json *of, const char *key, const char *text);
void data_json_number(data_json *of, const char *key, uint64_t number);
void data_json_real(data_json *of, const char *key, double number);
void data_json_bool(data_json *of, const char *key, bool value);

/* Bytes that may be anything, in quotes, unprintable ones as \xHH. */
void data_print_quoted(FILE *to, hc_span text);

/* ---- a bar, on a terminal alone ---- */

typedef struct data_bar {
    FILE *to;
    const char *what; /* NULL: none is shown */
    uint64_t next_ns; /* when it is drawn next */
    bool drawn;
} data_bar;

/* `what` is borrowed until the end. */
void data_bar_begin(data_bar *of, FILE *to, const char *what);
void data_bar_move(data_bar *of, uint64_t done, uint64_t all);
void data_bar_end(data_bar *of);

uint64_t data_now_ns(void); /* monotonic */
int64_t data_now_ms(void);  /* Unix time */

#endif
