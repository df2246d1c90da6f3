/* data_output.c - see data_output.h. */
#include "data/data_output.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS 40u
#define BAR_INTERVAL_NS 100000000u

/* ---- JSON ---- */

/* What is no printable ASCII is `escape` and two digits. */
static void quoted(FILE *to, hc_span text, const char *escape)
{
    (void)fputc('"', to);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            (void)fprintf(to, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            (void)fprintf(to, "%s%02x", escape, c);
        else
            (void)fputc(c, to);
    }
    (void)fputc('"', to);
}

static void json_key(data_json *of, const char *key)
{
    if (of->comma) (void)fputs(", ", of->to);
    of->comma = true;
    if (key != NULL) (void)fprintf(of->to, "\"%s\": ", key);
}

void data_json_open(data_json *of, const char *key, char bracket)
{
    json_key(of, key);
    (void)fputc(bracket, of->to);
    of->comma = false;
}

void data_json_close(data_json *of, char bracket)
{
    (void)fputc(bracket, of->to);
    of->comma = true;
}

void data_json_text(data_json *of, const char *key, hc_span text)
{
    json_key(of, key);
    quoted(of->to, text, "\\u00"); /* so any key comes through, and can be told from others */
}

void data_json_string(data_json *of, const char *key, const char *text)
{
    data_json_text(of, key, hc_span_make(text, strlen(text)));
}

void data_json_number(data_json *of, const char *key, uint64_t number)
{
    json_key(of, key);
    (void)fprintf(of->to, "%" PRIu64, number);
}

void data_json_real(data_json *of, const char *key, double number)
{
    json_key(of, key);
    (void)fprintf(of->to, "%.3f", number);
}

void data_json_bool(data_json *of, const char *key, bool value)
{
    json_key(of, key);
    (void)fputs(value ? "true" : "false", of->to);
}

void data_print_quoted(FILE *to, hc_span text)
{
    quoted(to, text, "\\x");
}

/* ---- the bar ---- */

uint64_t data_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t data_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void data_bar_begin(data_bar *of, FILE *to, const char *what)
{
    *of = (data_bar){.to = to, .what = isatty(fileno(to)) ? what : NULL};
}

void data_bar_move(data_bar *of, uint64_t done, uint64_t all)
{
    if (of->what == NULL) return;
    uint64_t now_ns = data_now_ns();
    if (now_ns < of->next_ns && done < all) return;
    of->next_ns = now_ns + BAR_INTERVAL_NS;
    of->drawn = true;
    double part = all > 0 && done < all ? (double)done / (double)all : 1;
    char cells[BAR_CELLS + 1];
    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', (size_t)(part * BAR_CELLS));
    cells[BAR_CELLS] = '\0';
    (void)fprintf(of->to, "\r%s [%s] %3.0f %%", of->what, cells, part * 100);
    (void)fflush(of->to);
}

void data_bar_end(data_bar *of)
{
    if (of->drawn) (void)fputs("\r\x1b[K", of->to); /* the line is free again */
    of->drawn = false;
    of->what = NULL;
}
