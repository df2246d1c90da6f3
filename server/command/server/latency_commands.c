/*
 * latency_commands.c - LATENCY: histograms of commands, and the times something took too long.
 *
 * A histogram is told in Redis's steps: durations below 1024 ns, below twice that and so on, named
 * by their end in microseconds; steps that add nothing are left out.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/handlers.h"

enum {
    TEXT_BYTES_MAX = 64 << 10,
    GRAPH_COLUMNS = 80, /* samples shown, the latest */
    GRAPH_ROWS = 5,
    AGE_CHARS = 8,
    STEPS_MAX = 28 /* the last one ends beyond HISTOGRAM_NS_MAX */
};

/* ---- HISTOGRAM ---- */

/* Rows that are asked for and were counted.  Chosen once, for a row counted for the first time
 * meanwhile would be one too many. */
typedef struct chosen {
    const command *rows[NODE_COMMANDS_MAX];
    size_t count;
} chosen;

static void choose(request *of, chosen *these)
{
    for (size_t i = 0; i < command_row_count(); i++) {
        const command *row = command_row(i);
        bool wanted = of->argc == 2;
        for (size_t a = 2; a < of->argc && !wanted; a++)
            wanted = command_named(row, of->args[a]);
        histogram_sum sum;
        if (!wanted) continue;
        observer_sum(&of->node->observer, i, &sum);
        if (sum.total > 0) these->rows[these->count++] = row;
    }
}

/* The end of step `k` in microseconds, as Redis rounds it. */
static int64_t step_us(unsigned k)
{
    uint64_t ns = UINT64_C(1024) << k;
    return (int64_t)((ns + ns / 128 - 1) / 1000);
}

/* Durations below 1024 << k. */
static uint64_t count_below(const histogram_sum *sum, unsigned k)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram_bucket_ns(i) >= UINT64_C(1024) << k) break;
        count += sum->counts[i];
    }
    return k + 1 < STEPS_MAX ? count : sum->total;
}

static void reply_row(const request *of, const command *row)
{
    reply *to = of->reply;
    histogram_sum sum;
    uint64_t below[STEPS_MAX], steps = 0;
    observer_sum(&of->node->observer, command_index(row), &sum);
    for (unsigned k = 0; k < STEPS_MAX; k++) {
        below[k] = count_below(&sum, k);
        if (below[k] > (k > 0 ? below[k - 1] : 0)) steps++;
    }
    char name[COMMAND_NAME_CHARS];
    command_full_name(row, name);
    reply_text(to, hc_span_make(name, strlen(name)));
    to->ops->map(to, 2);
    reply_text(to, HC_SPAN("calls"));
    to->ops->integer(to, (int64_t)sum.total);
    reply_text(to, HC_SPAN("histogram_usec"));
    to->ops->map(to, steps);
    for (unsigned k = 0; k < STEPS_MAX; k++) {
        if (below[k] <= (k > 0 ? below[k - 1] : 0)) continue;
        to->ops->integer(to, step_us(k));
        to->ops->integer(to, (int64_t)below[k]);
    }
}

void run_latency_histogram(request *of)
{
    chosen these = {.count = 0};
    choose(of, &these);
    of->reply->ops->map(of->reply, these.count);
    for (size_t i = 0; i < these.count; i++)
        reply_row(of, these.rows[i]);
}

/* ---- LATEST, HISTORY, RESET ---- */

static void reply_chars(reply *to, const char *chars)
{
    reply_text(to, hc_span_make(chars, strlen(chars)));
}

void run_latency_latest(request *of)
{
    latency_event events[LATENCY_EVENTS_MAX];
    size_t count = 0;
    while (count < LATENCY_EVENTS_MAX &&
           latency_events_at(&of->node->observer.events, count, &events[count]))
        count++;
    of->reply->ops->array(of->reply, count);
    for (size_t i = 0; i < count; i++) {
        latency_sample last = latency_sample_at(&events[i], events[i].count - 1);
        of->reply->ops->array(of->reply, 4);
        reply_chars(of->reply, events[i].name);
        of->reply->ops->integer(of->reply, last.at_s);
        of->reply->ops->integer(of->reply, (int64_t)last.ms);
        of->reply->ops->integer(of->reply, (int64_t)events[i].ms_max);
    }
}

void run_latency_history(request *of)
{
    latency_event event = {.count = 0};
    (void)latency_events_find(&of->node->observer.events, of->args[2], &event);
    of->reply->ops->array(of->reply, event.count);
    for (size_t i = 0; i < event.count; i++) {
        latency_sample sample = latency_sample_at(&event, i);
        of->reply->ops->array(of->reply, 2);
        of->reply->ops->integer(of->reply, sample.at_s);
        of->reply->ops->integer(of->reply, (int64_t)sample.ms);
    }
}

void run_latency_reset(request *of)
{
    latency_events *events = &of->node->observer.events;
    size_t had = of->argc == 2 ? latency_events_reset(events, NULL) : 0;
    for (size_t i = 2; i < of->argc; i++)
        had += latency_events_reset(events, &of->args[i]);
    of->reply->ops->integer(of->reply, (int64_t)had);
}

/* ---- texts for people ---- */

static void reply_page(request *of, text *page)
{
    if (page->failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        of->reply->ops->verbatim(of->reply, text_span(page));
    text_fini(page);
}

/* "15s", "3m", "2h", "9d" */
static void age_text(int64_t seconds, char chars[AGE_CHARS])
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t u = 0;
    while (units[u].seconds > 1 && seconds < units[u].seconds)
        u++;
    int64_t number = seconds / units[u].seconds;
    char digits[AGE_CHARS];
    size_t used = 0;
    for (number = number < 0 ? 0 : number; used < AGE_CHARS - 2; number /= 10) {
        digits[used++] = (char)('0' + number % 10);
        if (number < 10) break;
    }
    for (size_t i = 0; i < used; i++)
        chars[i] = digits[used - 1 - i];
    chars[used] = units[u].unit;
    chars[used + 1] = '\0';
}

/* Bars of the last samples, their age written downwards below each. */
static void draw(text *to, const latency_event *event, int64_t now_s)
{
    size_t columns = event->count < GRAPH_COLUMNS ? event->count : GRAPH_COLUMNS;
    size_t first = event->count - columns;
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < columns; i++) {
        uint64_t ms = latency_sample_at(event, first + i).ms;
        low = ms < low ? ms : low;
        high = ms > high ? ms : high;
    }
    text_printf(to, "%s - high %" PRIu64 " ms, low %" PRIu64 " ms (all time high %" PRIu64 " ms)\n",
                event->name, high, low, event->ms_max);
    for (size_t i = 0; i < GRAPH_COLUMNS; i++)
        text_add(to, "-", 1);
    text_add(to, "\n", 1);
    for (uint64_t row = GRAPH_ROWS; row > 0; row--) {
        for (size_t i = 0; i < columns; i++) {
            uint64_t ms = latency_sample_at(event, first + i).ms;
            uint64_t height = high > 0 ? 1 + ms * (GRAPH_ROWS - 1) / high : 1;
            text_add(to, height > row ? "|" : height == row ? "#" : " ", 1);
        }
        text_add(to, "\n", 1);
    }
    text_add(to, "\n", 1);
    for (size_t line = 0; line < 4; line++) {
        for (size_t i = 0; i < columns; i++) {
            char age[AGE_CHARS] = "";
            age_text(now_s - latency_sample_at(event, first + i).at_s, age);
            text_add(to, line < strlen(age) ? &age[line] : " ", 1);
        }
        text_add(to, "\n", 1);
    }
}

void run_latency_graph(request *of)
{
    latency_event event;
    if (!latency_events_find(&of->node->observer.events, of->args[2], &event)) {
        int bytes = of->args[2].size < 128 ? (int)of->args[2].size : 128;
        request_errorf(of, "ERR No samples available for event '%.*s'", bytes,
                       (const char *)of->args[2].data);
        return;
    }
    text page;
    text_init(&page, TEXT_BYTES_MAX);
    draw(&page, &event, node_now_ms(of->node) / 1000);
    reply_page(of, &page);
}

static void judge(text *to, const latency_event *event)
{
    uint64_t sum = 0;
    assert(event->count > 0); /* else it would not be there */
    for (size_t i = 0; i < event->count; i++)
        sum += latency_sample_at(event, i).ms;
    int64_t span_s =
        latency_sample_at(event, event->count - 1).at_s - latency_sample_at(event, 0).at_s;
    text_printf(
        to, "%s: %zu times in %" PRId64 " s, %" PRIu64 " ms on average, %" PRIu64 " ms at worst.\n",
        event->name, event->count, span_s, sum / event->count, event->ms_max);
}

void run_latency_doctor(request *of)
{
    observer *to = &of->node->observer;
    text page;
    text_init(&page, TEXT_BYTES_MAX);
    latency_event event;
    size_t count = 0;
    for (; latency_events_at(&to->events, count, &event); count++)
        judge(&page, &event);
    uint64_t threshold_ms = atomic_load(&to->event_ms);
    if (count > 0)
        text_printf(&page, "\nSLOWLOG GET names the commands; LATENCY HISTORY <event> the times. "
                           "KEYS, MGET of many keys and large values are usual causes: SCAN "
                           "and smaller values help. If even small commands are slow, look for "
                           "swapping, a busy neighbour or too few cores for the threads.\n");
    else if (threshold_ms == 0)
        text_printf(&page, "Nothing is watched: latency-monitor-threshold is 0. CONFIG SET "
                           "latency-monitor-threshold <milliseconds> watches from then on.\n");
    else
        text_printf(&page, "Nothing took %" PRIu64 " ms or longer since this was last reset.\n",
                    threshold_ms);
    reply_page(of, &page);
}

void run_latency_help(request *of)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return what can be said about the events noted.",
        "GRAPH <event>",
        "    Return a drawing of the latest samples of <event>.",
        "HISTOGRAM [<command> ...]",
        "    Return how often these commands, or all, took how long, in microseconds.",
        "HISTORY <event>",
        "    Return the samples of <event>: time and milliseconds.",
        "LATEST",
        "    Return the latest sample and the worst of every event.",
        "RESET [<event> ...]",
        "    Forget the samples of these events, or of all.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
