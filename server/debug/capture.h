/*
 * capture.h - what clients and the node said to each other lately: a bounded ring of frames.
 *
 *     net: bytes read, bytes sent --- capture_note ---> [ frame frame frame ... ]  the oldest go
 *                                                              |
 *     DEBUG CAPTURE, /api/debug/capture <--- capture_each, capture_pcap
 *
 * A frame is a request, or what one send took of replies.  What passwords and keys become is
 * decided by who notes them (command/request_frame.h).
 *
 * Cost:    off, one load and comparison a batch of requests and a send.
 * Threads: everything may be called from any thread; a talk belongs to its connection's.
 */
#ifndef HYPERCACHE_SERVER_DEBUG_CAPTURE_H
#define HYPERCACHE_SERVER_DEBUG_CAPTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include <hypercache/types.h>

#define CAPTURE_BYTES (1u << 20) /* default */
#define CAPTURE_BYTES_MIN (64u << 10)
#define CAPTURE_BYTES_MAX (64u << 20)
#define CAPTURE_FRAME_BYTES_MAX 32768u /* what is longer becomes several frames */
#define CAPTURE_KEPT_BYTES_MAX 8192u   /* of a frame; of the rest the size is kept */
#define CAPTURE_ADDRESS_CHARS 64u
#define CAPTURE_ALL 0u

/* A place of TCP, as pcap wants it. */
typedef struct capture_place {
    uint8_t address[16];
    uint16_t port;
    bool is_v6;
} capture_place;

typedef struct capture_frame {
    uint64_t number; /* from 1; gaps are frames that had to go */
    int64_t time_us; /* Unix */
    uint64_t client; /* its session's id */
    capture_place from, to;
    uint32_t sequence;     /* bytes of this side noted before */
    uint32_t acknowledged; /* of the other side */
    uint32_t size;         /* bytes said */
    uint32_t kept;         /* of those, the first */
    bool from_client;
} capture_frame;

/* What is noted of one connection. */
typedef struct capture_talk {
    uint64_t client;
    const char *client_address, *local_address; /* "127.0.0.1:5000", "[::1]:5000" */
    uint32_t *noted;                            /* two: bytes of the client, of the node */
} capture_talk;

typedef struct capture_status {
    bool running;
    uint64_t client; /* CAPTURE_ALL: every one */
    uint64_t frames, bytes, bytes_max;
    uint64_t dropped; /* frames that had to go */
} capture_status;

typedef struct capture {
    _Atomic uint64_t only; /* a session's id, CAPTURE_ALL, or CAPTURE_NOBODY */
    pthread_mutex_t lock;  /* guards what follows */
    uint8_t *ring;         /* NULL: none yet */
    size_t capacity, head, used;
    uint64_t frames, next_number;
    uint64_t client;
    bool running;
} capture;
#define CAPTURE_NOBODY UINT64_MAX

void capture_init(capture *of);
void capture_fini(capture *of);

/* Begins anew: earlier frames go.  `bytes` 0: CAPTURE_BYTES.
 *   HC_ERR_INVALID, HC_ERR_NO_MEMORY */
hc_status capture_start(capture *of, uint64_t client, size_t bytes);
void capture_stop(capture *of);  /* what was noted stays */
void capture_clear(capture *of); /* stops too, and gives the memory back */
capture_status capture_state(capture *of);

static inline bool capture_wants(const capture *of, uint64_t client)
{
    uint64_t only = atomic_load_explicit(&of->only, memory_order_relaxed);
    if (__builtin_expect(only == CAPTURE_NOBODY, 1)) return false;
    return only == CAPTURE_ALL || only == client;
}
/* `size` bytes were said, of which `kept` bytes at `data` are known. */
void capture_note(capture *of, const capture_talk *talk, bool from_client, const void *data,
                  size_t kept, size_t size);

/* Calls `visit` for the latest `count` frames, oldest first; data is borrowed until it returns, and
 * it must not call back.  Others wait meanwhile. */
void capture_each(capture *of, size_t count,
                  void (*visit)(void *ctx, const capture_frame *frame, const uint8_t *data),
                  void *ctx);

/* ---- capture_print.c ---- */

/* Where the texts below go. */
typedef struct capture_output {
    void *ctx;
    void (*add)(void *ctx, const void *bytes, size_t size);
} capture_output;

/* "127.0.0.1:5000" */
void capture_place_text(const capture_place *of, char text[CAPTURE_ADDRESS_CHARS]);
/* The frame's bytes as printable text, with \r \n \" \\ and \x00. */
void capture_data_text(const capture_frame *frame, const uint8_t *data, const capture_output *to);
/* A line a frame. */
void capture_text(capture *of, size_t count, const capture_output *to);
/* All frames as a pcap file: IP and TCP headers around the bytes, as if none was lost. */
void capture_pcap(capture *of, const capture_output *to);

#endif
