/*
 * config_value.h - one value from text and back, without knowing whose it is.
 *
 *     size       0, 512, 64KB, 100MB, 2GiB    KB and KiB alike are 1024, as caches count
 *     duration   0, 250ms, 30s, 15m, 2h, 7d   only 0 needs no unit
 *     bool       true false yes no on off
 *
 * Units and words are read in any case.
 *
 * Errors:  false, and a reason for people in `why`.
 * Threads: nothing is shared.
 */
#ifndef HYPERCACHE_SERVER_CONFIG_VALUE_H
#define HYPERCACHE_SERVER_CONFIG_VALUE_H

#include "config/config.h"

typedef struct config_why {
    char *text;
    size_t bytes;
} config_why;

bool config_bool_read(const char *text, bool *value_out, config_why why);
bool config_int_read(const char *text, int64_t *value_out, config_why why);
bool config_size_read(const char *text, int64_t *bytes_out, config_why why);
bool config_duration_read(const char *text, config_units plain, int64_t *ms_out, config_why why);
/* "0.01"; digits and one point, as they are written in the file. */
bool config_real_read(const char *text, double *value_out, config_why why);
bool config_word_read(const char *text, const config_word *words, int *value_out, config_why why);
bool config_text_read(const char *text, int64_t min, int64_t max, config_text value_out,
                      config_why why);
/* Items are divided by commas or blanks. */
bool config_list_read(const char *text, int64_t min, int64_t max, config_list *list_out,
                      config_why why);

void config_size_write(int64_t bytes, char *text, size_t text_bytes);
void config_duration_write(int64_t ms, char *text, size_t text_bytes);
void config_real_write(double value, char *text, size_t text_bytes);
const char *config_word_write(int value, const config_word *words);

#endif
