/*
 * net_private.h - how listeners, workers and connections hang together.
 *
 *     net 1--n worker 1--n listener
 *                     1--n connection (a list; each embeds its session)
 *
 * Owner of a file's functions: connection.c makes, watches and ends connections; connection_io.c
 * moves their bytes and runs their requests; listener.c accepts; worker.c is the loop around all.
 *
 * Threads: everything below a worker is touched by its thread alone, except the mailbox and the
 *          atomics of net.
 */
#ifndef HYPERCACHE_SERVER_NET_NET_PRIVATE_H
#define HYPERCACHE_SERVER_NET_NET_PRIVATE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "command/cluster/cluster_turn.h"
#include "command/durable.h"
#include "command/pause.h"
#include "command/push.h"
#include "command/session.h"
#include "http/http_service.h"
#include "net/byte_queue.h"
#include "net/mailbox.h"
#include "net/net.h"
#include "net/net_log.h"
#include "resp/resp_encoder.h"
#include "resp/resp_parser.h"

#define INPUT_BYTES (64u << 10) /* of a worker's shared buffer: most that one turn reads */
#define CARRY_BYTES_MAX                                                                            \
    4096u /* an unfinished request up to this goes through the shared buffer                       \
           */
/* Bytes of requests in one read from which on a client is heavy. */
#define HEAVY_READ_MIN (8u << 10)
#define ACCEPTS_PER_TURN 64u
#define ACCEPT_BACKOFF_MS 100u
#define CLOSE_MS_MAX 10000u /* for a closing client to take its last replies */
#define LINGER_MS_MAX 1000u /* for a refused client to stop sending */
#define TICK_MS 1000u
#define LAG_MS 1000u
#define PACED_PER_TURN 16u  /* of those who may go on, before others have their turn */
#define PACE_MS 1u          /* between two looks whether a publisher may go on */
#define PARKED_MS_MAX 1000u /* between looks at parked connections */
#define ANSWERS_KEPT 2u     /* who does not come back until then is no longer expected */
#define PUSHES_PER_TURN 64u /* connections that get messages before others have their turn */

typedef struct worker worker;

typedef enum connection_state {
    CONNECTION_OPEN = 0,  /* reads, runs, answers */
    CONNECTION_CLOSING,   /* sends what is queued, then ends */
    CONNECTION_LINGERING, /* all sent; reads and drops, lest a reset overtake the error message */
    CONNECTION_DEAD       /* to be destroyed by connection_settle */
} connection_state;

/* Large values on their way from where they lie in a store; see connection_lend.c. */
typedef struct lent {
    resp_lent *parts;
    size_t count;
    size_t next;   /* of the parts, the one to be sent */
    size_t before; /* bytes of connection.out that go first; what is behind them follows it */
    size_t sent;   /* bytes of its value */
} lent;

typedef struct connection {
    session session; /* first: worker.c finds the connection by it */
    worker *worker;
    struct event readable, writable;
    resp_parser parser;
    byte_queue in;  /* received, not run: an unfinished request, or with `more` whole ones */
    byte_queue out; /* answered, not sent */
    lent *lent;     /* NULL: none; else `out` is not empty, for the value's end is there */
    struct connection *next, *previous;
    struct connection *paced_next, *paced_previous;   /* in worker.paced_first .. paced_last */
    struct connection *await_next, *await_previous;   /* in worker.await_first .. await_last */
    struct connection *parked_next, *parked_previous; /* in worker.parked_first .. parked_last */
    uint64_t answered_at;     /* worker.answers then; 0: never, or it came back */
    uint64_t silent_since_ns; /* as of the last tick that had heard something */
    uint64_t deadline_ns;     /* of CLOSING and LINGERING */
    uint64_t heavy_turn;      /* the number, in the worker, of its latest turn as a heavy one */
    uint32_t captured[2];     /* bytes of the client and of ours that captures have noted */
    int fd;
    int protocol;
    connection_state state;
    bool reads, writes; /* events added */
    bool more;          /* `in` may hold whole requests: they run when the socket takes output */
    bool stalled;       /* too much unsent: not read until all is sent */
    bool ended;         /* nothing more will be read: end of input, or draining */
    bool lingers;       /* closing because of an error: see LINGERING */
    bool heard;         /* since the last tick */
    bool waits;         /* in the list of those whose session is paced */
    bool awaits;        /* in the list of those whose replies wait for the log */
    bool parked;        /* in the list of those whose next command is held back */
    bool hears;         /* counted in worker.hearing */
    bool told;          /* the session says that it has buffers */
    bool read_much;     /* its latest read brought HEAVY_READ_MIN or more */
    bool heavy;         /* its next turn moves much: see worker_heavy.c */
    bool pushed; /* messages are held back (push.h) and go out when the socket takes output */
} connection;

typedef struct listener {
    worker *worker;
    struct event acceptable, retry; /* retry: a timer, while descriptors are short */
    int fd;
    bool http;                 /* of the HTTP API */
    bool short_of_descriptors; /* said so already */
} listener;

struct worker {
    net *net;
    unsigned index;
    struct event_base *base;
    node_counters *counters;
    const capture *capture; /* the net's, or one that never is on */
    pthread_t thread;
    bool started;
    bool attached; /* to the node's pushes */
    mailbox mailbox;
    _Atomic bool sweep; /* sessions were killed, perhaps ours */
    struct event mail, tick, drain_timeout, resume, unpark, lag, heavy;
    uint64_t lag_due_ns; /* when `lag` is to come; it comes every LAG_MS if it is measured */
    http_worker *http;   /* its connections of the HTTP API; NULL: none */
    listener listeners[2 * NET_BIND_MAX];
    size_t listener_count;
    connection *connections; /* newest first */
    connection *deferred;    /* of the heavy that are ready, who is next; see worker_heavy.c */
    bool deferred_writes;    /* ... and what for */
    const connection *heavy_latest;       /* not to be followed */
    uint64_t heavy_turns;                 /* so many were deferred */
    uint32_t mixed_turns;                 /* 0: only heavy ones are served at present */
    connection *paced_first, *paced_last; /* wait for other workers, see push_pace */
    connection *await_first, *await_last; /* wait for the log, the one of the lowest lsn first */
    /* see worker_await.c */
    uint64_t awaited;                       /* so many ever waited for the log */
    size_t awaiting;                        /* do now */
    size_t gathered;                        /* of those, for whom no sync was asked for */
    uint64_t gathering_ns;                  /* since when the first of them */
    uint64_t answers;                       /* times that some were answered */
    size_t returning[ANSWERS_KEPT];         /* by time: answered and not back yet */
    uint64_t turn_ns, busy_ns, learned;     /* of each_learn */
    uint64_t each_ns;                       /* that one of them keeps the loop */
    uint64_t lull_ns;                       /* since when nobody came; 0: one just did */
    bool patient;                           /* the loop may sleep though some gathered */
    bool sleeps;                            /* so durable_told is to wake it */
    connection *parked_first, *parked_last; /* see worker_park.c */
    size_t hearing;                         /* of those, that wait to be told */
    uint64_t unpark_ns;                     /* when the timer `unpark` is due */
    bool draining;
    resp_limits limits;       /* of all its connections */
    uint32_t idle_timeout_ms; /* 0: none */
    uint64_t http_logged_ns;  /* 0: never */

    /* One turn's tools, shared by all connections. */
    resp_scratch scratch;
    resp_encoder encoder;
    size_t turn_output_bytes;
    byte_queue spare; /* the block of the last large request, for the next; SPARE_BYTES_MAX */
    request requests[REQUEST_BATCH_MAX];
    size_t request_ends[REQUEST_BATCH_MAX]; /* bytes from the start of the turn's data */
    uint8_t input[INPUT_BYTES];
};

/* Where one of the ports is listened on. */
typedef struct port_addresses {
    struct sockaddr_storage addresses[NET_BIND_MAX];
    size_t count;
    uint16_t port;
} port_addresses;

struct net {
    net_options options; /* zeros replaced by defaults */
    _Atomic uint32_t idle_timeout_ms;
    _Atomic uint32_t request_bytes_max;
    port_addresses resp, http;
    http_service *http_service; /* NULL: no HTTP API */
    worker *workers;
    _Atomic unsigned connections;
    _Atomic unsigned clients_max;
};

static inline struct timeval timeval_of_ms(uint32_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/* listener.c */
/* Opens a listening socket for an address.  -1: errno tells.  `shared` false: alone on its port and
 * not listening, lest a client be let in and cut off; so net_start finds out whether another
 * process listens there. */
int listener_socket(const struct sockaddr_storage *address, bool shared);
/* Takes over `fd`. */
hc_status listener_open(listener *on, worker *of, int fd, bool http);
void listener_close(listener *on);
/* For connections accepted from now on; 0: off.  Any thread. */
void listener_keepalive(int fd, uint32_t keepalive_ms);
/* "127.0.0.1:6379", "[::1]:6379" */
void address_text(const struct sockaddr_storage *address, char text[SESSION_ADDRESS_CHARS]);

/* worker.c */
hc_status worker_init(worker *of, net *in, unsigned index);
void worker_fini(worker *of);
void *worker_main(void *of); /* the thread */
/* Sees to it that ticks come while there are deadlines. */
void worker_tick_need(worker *of);
/* Ends the loop of a worker that drains and has no connection left. */
void worker_done_look(worker *of);

/* Lets it wait for its turn among those whose session is paced; and takes it out again. */
void worker_pace(connection *which);
void worker_unpace(connection *which); /* also one that does not wait */

/* worker_await.c */
/* Keeps the replies of a connection until the log has what they tell of; see durable.h. */
void worker_await(connection *which);
void worker_unawait(connection *which); /* also one that does not wait */
/* More may be durable now. */
void worker_await_look(worker *of);
/* The same between two turns of the loop; `awaited` as it was before the last, in which the loop
 * perhaps slept. */
void worker_await_turn(worker *of, uint64_t awaited, bool slept);
/* May the loop sleep?  Then durable_told wakes it, until worker_wakes. */
bool worker_sleeps(worker *of);
void worker_wakes(worker *of);

/* worker_park.c */
/* Lets a connection whose session is parked wait for its time. */
void worker_park(connection *which);
void worker_unpark(connection *which); /* also one that does not wait */
/* Lets those go on that may.  `timed`: those that left are ended. */
void worker_park_look(worker *of, bool timed);
/* durable_told is to wake this worker, or not any more. */
void worker_tell_wishes(worker *of);

/* worker_heavy.c */
void worker_heavy_init(worker *of);
/* Before each turn: keeps account of whether others are served beside the heavy ones. */
void worker_turn_begin(connection *which);
/* A heavy one is ready: it has its turn after the others.  False: at once. */
bool worker_defer(connection *which, bool writes);
void worker_undefer(const connection *which); /* it ends; also one that was not deferred */

/* connection.c */
/* Reads and runs, or writes, if it still wants to.  `of` may be gone afterwards. */
void connection_turn(connection *of, bool writes);
/* Takes over `fd`.  Drops the client when memory is short. */
void connection_open(worker *of, int fd, const struct sockaddr_storage *from);
void connection_destroy(connection *of);
/* Frees connection.in; a large block by and by. */
void connection_input_drop(connection *of);
/* After anything was done for a connection: ends it if it is over, else waits for what it needs
 * next.  `of` may be gone afterwards. */
void connection_settle(connection *of);
/* Takes no more input, runs what had been received, then closes.  `of` may be gone afterwards. */
void connection_finish(connection *of);
/* Ends it if its time is over.  `of` may be gone afterwards. */
void connection_tick(connection *of, uint64_t now_ns);

/* connection_io.c: none of them destroys; connection_settle must follow. */
void connection_read(connection *of);
void connection_write(connection *of);
/* Goes on with what a pause or a WAIT held back, if its time has come. */
void connection_unpark(connection *of);
/* Sends what the cluster has answered, and goes on. */
void connection_answered(connection *of);
/* The client of a connection that reads nothing at present is gone. */
bool connection_left(const connection *of);
/* Sends messages that were posted to the session. */
void connection_push(connection *of);
/* What the encoder holds, with values that were lent, goes to `out`.  False: no memory. */
bool connection_lend(connection *of);
/* Sends a slice of what stands before `out`'s last bytes.  True: `out` is all that is left. */
bool connection_lent_send(connection *of);
void connection_unlend(connection *of); /* also one to whom nothing is lent */
size_t connection_unsent(const connection *of);
/* How much of something a heavy turn does, bytes or time: `alone`, or a quarter beside others. */
static inline size_t connection_slice(const connection *of, size_t alone)
{
    return of->worker->mixed_turns > 0 ? alone / 4 : alone;
}
/* Returns how many bytes the socket took, and marks the connection dead if it is. */
size_t connection_send(connection *of, const uint8_t *data, size_t size);
/* Too many wait: logged and counted; the caller ends it. */
bool connection_overflows(connection *of);

#endif
