/*
 * reply.h - what a command says back, without knowing how it travels.
 *
 * A command calls these in the order of the answer; the transport that runs it (resp, http)
 * supplies the table.  Aggregates announce their size first and are followed by that many replies.
 * The shape for RESP2 (a map as a flat array, null as $-1 ...) is the encoder's business.
 *
 * Errors:  a reply that cannot be stored (no memory, output limit) makes the transport drop the
 *          connection afterwards; the command just carries on.
 * Threads: a reply belongs to the thread that runs the command.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_REPLY_H
#define HYPERCACHE_SERVER_COMMAND_REPLY_H

#include <hypercache/store.h>

typedef struct reply reply;

typedef struct reply_ops {
    void (*status)(reply *to, hc_span text); /* "OK"; CR and LF are replaced by blanks */
    void (*error)(reply *to, hc_span text);  /* "ERR ..." with its code; CR and LF likewise */
    void (*integer)(reply *to, int64_t value);
    void (*real)(reply *to, double value);
    void (*boolean)(reply *to, bool value); /* RESP2: :1, :0 */
    void (*null)(reply *to);
    void (*null_array)(reply *to);
    /* A string of `size` bytes which the caller writes to the place returned, before any other
     * call.  NULL: no room; the transport has noted it. */
    uint8_t *(*bulk)(reply *to, size_t size);
    /* Takes the latest `bulk` back, when no other call came after it: to begin again with another
     * size (hc_sink), or to answer with something else. */
    void (*bulk_cancel)(reply *to);
    /* A string that is sent from where it lies: takes the view over and releases it when it is
     * sent. False: not this time, and the view stays the caller's.  NULL: never. */
    bool (*lend)(reply *to, hc_view *view);
    void (*verbatim)(reply *to, hc_span text); /* RESP3 =txt:, RESP2 bulk */
    void (*array)(reply *to, size_t count);
    void (*map)(reply *to, size_t pairs);
    void (*set)(reply *to, size_t count);
    void (*push)(reply *to, size_t count);
    /* Bytes waiting to be sent; a batch stops early when this passes `output_soft_bytes`. */
    size_t (*pending)(const reply *to);
} reply_ops;

/* The transport embeds this as the first member of its own encoder. */
struct reply {
    const reply_ops *ops;
    int protocol; /* 2 or 3; HELLO changes it, from the next reply on */
};

/* Takes everything and keeps nothing; bulks have no room. */
extern const reply_ops reply_mute_ops;

/* Conveniences in reply.c. */
void reply_text(reply *to, hc_span text); /* a bulk string */
void reply_ok(reply *to);                 /* +OK */
void reply_errorf(reply *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
