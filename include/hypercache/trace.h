/*
 * trace.h - on whose behalf something is done, and how long each part of it took.
 *
 *     traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01     W3C Trace Context
 *                     the trace, and correlation id    the span         sampled
 *
 *     hc_trace_span span = {.context = mine, .kind = HC_TRACE_SERVER, .name = "GET", ...};
 *     hc_trace_number(&span, "hypercache.value_size", 32);
 *     hc_traces_add(traces, &span);                        any thread
 *
 *     count = hc_traces_read(traces, seen, spans, 16, &lost);   a reader is a number
 *     if (count > 0) seen = spans[count - 1].number;
 *
 * Finished spans are kept in a ring.  A reader holds nothing but the number it has seen: one that
 * is slower than the ring misses the oldest and is told how many, so that an exporter that hangs
 * costs neither memory nor time.
 *
 * Ownership: spans are plain values; names of attributes are static, all else is inside.
 * Threads:   calls on a ring may run together, but create and destroy.
 */
#ifndef HYPERCACHE_TRACE_H
#define HYPERCACHE_TRACE_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HC_TRACE_ID_BYTES 16u
#define HC_SPAN_ID_BYTES 8u

/* It goes along with a request to the node that runs it, and with what that sends to others.
 * All zero: nobody asked.  With a span_id of zeros it is for logs alone: no spans are made. */
typedef struct hc_trace_context {
    uint8_t trace_id[HC_TRACE_ID_BYTES];
    uint8_t span_id[HC_SPAN_ID_BYTES]; /* of the sender */
} hc_trace_context;

#define HC_CORRELATION_BYTES_MAX 128u /* of a caller's own name for a request */

/* ---- ids as text ---- */

#define HC_TRACE_ID_CHARS 33u /* with their NUL */
#define HC_SPAN_ID_CHARS 17u
#define HC_TRACEPARENT_CHARS 56u

HC_API
void hc_trace_id_text(const uint8_t id[HC_TRACE_ID_BYTES], char text[HC_TRACE_ID_CHARS]);
HC_API
void hc_span_id_text(const uint8_t id[HC_SPAN_ID_BYTES], char text[HC_SPAN_ID_CHARS]);
/* 32 hex digits of either case, as they are or in the groups of a UUID.  False: it is neither, or
 * all zero. */
HC_API
bool hc_trace_id_parse(hc_span text, uint8_t id[HC_TRACE_ID_BYTES]);
/* As strict as the recommendation: lower case, no id of zeros, a version that is known or longer
 * than the known one.  False: it is none, and nothing is written. */
HC_API
bool hc_traceparent_parse(hc_span text, hc_trace_context *context_out, bool *sampled_out);
HC_API
void hc_traceparent_text(const hc_trace_context *context, bool sampled,
                         char text[HC_TRACEPARENT_CHARS]);
/* Is there a span to go on with? */
static inline bool hc_trace_has_span(const hc_trace_context *context)
{
    uint8_t any = 0;
    for (unsigned i = 0; i < HC_SPAN_ID_BYTES; i++)
        any |= context->span_id[i];
    return any != 0;
}

/* ---- spans ---- */

typedef enum hc_trace_kind { /* numbered as in OTLP */
                             HC_TRACE_INTERNAL = 1,
                             HC_TRACE_SERVER = 2,
                             HC_TRACE_CLIENT = 3,
                             HC_TRACE_PRODUCER = 4,
                             HC_TRACE_CONSUMER = 5
} hc_trace_kind;

#define HC_TRACE_NAME_CHARS 48u
#define HC_TRACE_ATTRIBUTES_MAX 12u
#define HC_TRACE_TEXT_BYTES 384u /* of all texts of a span */

typedef struct hc_trace_attribute {
    const char *name; /* static; one of OpenTelemetry's, or hypercache.* */
    int64_t number;
    uint16_t text_at, text_bytes;
    bool is_text;
    uint8_t reserved[3];
} hc_trace_attribute;

typedef struct hc_trace_span {
    uint64_t number; /* from 1 on, in the order in which they ended; hc_traces_add sets it */
    hc_trace_context context;
    uint8_t parent_id[HC_SPAN_ID_BYTES]; /* all zero: a root */
    uint8_t kind;                        /* an hc_trace_kind */
    bool failed;
    uint16_t text_bytes;
    uint32_t attribute_count;
    int64_t start_ns; /* Unix, nanoseconds */
    uint64_t duration_ns;
    char name[HC_TRACE_NAME_CHARS]; /* what was done, never a key */
    hc_trace_attribute attributes[HC_TRACE_ATTRIBUTES_MAX];
    char text[HC_TRACE_TEXT_BYTES];
} hc_trace_span;

/* Copies `name`, cut to fit. */
HC_API
void hc_trace_name(hc_trace_span *of, hc_span name);
/* One attribute more; without room for it, it is left out.  A text that does not fit is cut. */
HC_API
void hc_trace_text(hc_trace_span *to, const char *name, hc_span text);
HC_API
void hc_trace_number(hc_trace_span *to, const char *name, int64_t number);
static inline hc_span hc_trace_text_of(const hc_trace_span *span, const hc_trace_attribute *of)
{
    return hc_span_make(span->text + of->text_at, of->text_bytes);
}

/* ---- the ring ---- */

typedef struct hc_traces hc_traces;
#define HC_TRACES_CAPACITY_MAX 65536u

/* A ring of `capacity` spans, 0: 2048.  Memory that no span was written to yet is not touched.  On
 * error *traces_out is NULL.
 *   HC_ERR_INVALID, HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_traces_create(const hc_host *host, uint32_t capacity, hc_traces **traces_out);
/* Accepts NULL. */
HC_API
void hc_traces_destroy(hc_traces *traces);
/* Cannot fail; `traces` NULL does nothing. */
HC_API
void hc_traces_add(hc_traces *traces, const hc_trace_span *span);
/* Copies at most `spans_max` spans with a number above `after`, oldest first, and returns how many.
 * *lost_out (may be NULL): how many after `after` the ring has lost. */
HC_API
size_t hc_traces_read(hc_traces *traces, uint64_t after, hc_trace_span *spans, size_t spans_max,
                      uint64_t *lost_out);
/* The number of the latest; 0: none yet. */
HC_API
uint64_t hc_traces_last(hc_traces *traces);

#ifdef __cplusplus
}
#endif
#endif
