/* cluster_private.h - for the files of the cluster in this folder. */
#ifndef HYPERCACHE_SERVER_COMMAND_CLUSTER_PRIVATE_H
#define HYPERCACHE_SERVER_COMMAND_CLUSTER_PRIVATE_H

#include <pthread.h>

#include "command/cluster.h"
#include "command/cluster/cluster_script.h"
#include "command/cluster/cluster_turn.h"

enum { CLUSTER_ALONE = 0, CLUSTER_EXPECTED, CLUSTER_ATTACHED };

/* How the answers of a command's parts become its reply. */
typedef enum cluster_job_kind {
    JOB_ERROR, /* no part: `error` */
    JOB_MOVED, /* no part: `moved` */
    JOB_GET,   /* the value, or null */
    JOB_OK,    /* "OK" */
    JOB_RAW,   /* as the handler answered on the acting primary */
    JOB_COUNT, /* how many keys there were */
    JOB_GETS,  /* an array, null for what is absent or no string */
    JOB_WATCH, /* "OK", and the session knows the versions */
    JOB_WAIT   /* the least `have` */
} cluster_job_kind;

#define CLUSTER_MOVED_CHARS (CLUSTER_HOST_CHARS + 24) /* "MOVED 16383 host:65535" */

#define ERROR_NOT_IN_CLUSTER "LOADING this node is not in its cluster yet"
#define ERROR_CROSS_SLOT "CROSSSLOT Keys in request don't hash to the same slot"

typedef struct cluster_job cluster_job;

struct cluster_part {
    cluster_job *job;
    hc_outcome outcome;
    hc_status status;
    hc_type type;
    uint32_t have, need;
    uint64_t version;     /* of the key; 0: it is absent */
    cluster_watch *watch; /* of WATCH */
    uint64_t write;       /* that the session remembers for WAIT; 0: none */
    uint64_t asked_ns;    /* of a job that is traced, with the next two */
    uint16_t owner;       /* a member of the view then; 0: this node */
    uint8_t span_id[HC_SPAN_ID_BYTES];
    hc_span value;  /* in `bytes`, or borrowed while it is answered at once */
    uint8_t *bytes; /* NULL: none */
};

struct cluster_job {
    cluster_turn *turn;
    cluster_job_kind kind;
    const command *command;
    const char *error;
    char moved[CLUSTER_MOVED_CHARS];
    reply *reply; /* while the batch runs */
    bool muted;
    bool writes;
    uint32_t have;          /* of WAIT without parts */
    hc_trace_context trace; /* of the command, for the nodes that have to do with it */
    hc_span correlation;    /* likewise; only while the command runs */
    uint64_t since_ns;      /* while tracing is on; 0: it is off */
    trace_run *run;         /* its spans; NULL: not traced */
    uint32_t part_count, left;
    cluster_part *parts; /* `one`, or allocated */
    cluster_part one;
};

struct cluster_turn {
    cluster_turn *next, *previous; /* of the worker's */
    cluster_turn *done_next;
    node *node;
    session *session; /* NULL: it is gone */
    unsigned worker;
    bool running; /* its batch is */
    uint32_t job_count;
    uint32_t rendered; /* of those, from the first one on */
    uint32_t open;     /* not answered yet; by whoever holds the answerer's lock */
    cluster_job jobs[REQUEST_BATCH_MAX]; /* last: not cleared */
};

typedef struct cluster_worker {
    cluster_turn *turns, *spare;
    pthread_mutex_t lock; /* guards what follows */
    cluster_turn *done_first, *done_last;
    void (*wake)(void *ctx);
    void *wake_ctx;
} cluster_worker;

struct cluster {
    _Atomic int state;
    pthread_mutex_t view_lock; /* guards the two below */
    const cluster_view *view;  /* NULL: none yet */
    uint64_t view_number;
    pthread_rwlock_t calls_lock; /* written to attach and detach */
    cluster_calls calls;
    cluster_worker *workers; /* as many as the node has */
};

/* NULL: there are none.  Else cluster_calls_let must follow. */
const cluster_calls *cluster_calls_hold(node *of);
void cluster_calls_let(node *of);

/* cluster_turn.c */
void cluster_workers_fini(cluster *of, unsigned count);
/* Holds the calls and their lock until cluster_pause or the end of the batch.  NULL: none. */
const cluster_calls *cluster_resume(session *of);
/* NULL: no memory. */
cluster_job *cluster_job_add(request *of, cluster_job_kind kind, uint32_t part_count);
/* One without parts is complete. */
void cluster_job_added(cluster_job *job);

/* cluster_plan.c */
void cluster_answer_error(request *of, const char *text); /* `text` is kept */
void cluster_answer_moved(request *of, const char *text);
/* NULL: the node may run what has these flags. */
const char *cluster_refusal(const request *of, uint32_t flags);
/* Adds a key unless it is among them; returns its place, CLUSTER_KEYS_MAX: there is no more. */
size_t cluster_key_add(hc_span *keys, size_t *count, hc_span key);
/* A part's question; a refusal is its answer. */
void cluster_ask(const cluster_calls *calls, cluster_part *part, hc_request q);
void cluster_ask_script(const cluster_calls *calls, cluster_part *part, hc_span key,
                        const cluster_script_parts *script, bool reads);
/* The job of a command on several keys of one slot. */
void cluster_ask_group(request *of, const cluster_calls *calls, const hc_span *keys, size_t count,
                       const cluster_script_parts *script, bool writes);

/* cluster_exec.c */
void cluster_take_exec(request *of);
void cluster_take_watch(request *of, const cluster_calls *calls);
void cluster_watch_render(const cluster_job *job);

/* cluster_wait.c */
uint64_t cluster_write_note(session *who, hc_span key); /* 0: no memory */
void cluster_write_known(session *who, uint64_t serial, uint64_t version);
void cluster_take_wait(request *of, const cluster_calls *calls);
void cluster_wait_render(const cluster_job *job, reply *to);

/* cluster_route.c */
/* False: its keys are not of one slot, or there are none. */
bool cluster_slot_of(const request *of, uint32_t *slot_out);
/* Is the client to ask elsewhere?  `text` is what to tell it then. */
bool cluster_moved(const request *of, char text[CLUSTER_MOVED_CHARS]);
bool cluster_moved_from(const session *who, uint32_t slot, char text[CLUSTER_MOVED_CHARS]);

/* cluster_spans.c: of a job that has a run */
/* Before the part's request goes out: its span. */
void cluster_part_trace(cluster_part *part, hc_request *q);
void cluster_part_traced(cluster_part *part);
void cluster_job_traced(cluster_job *job);

/* cluster_reply.c */
void cluster_job_render(const cluster_job *job, reply *to);
/* Plays one whole RESP3 reply.  False: `text` is none, and nothing was said. */
bool cluster_reply_replay(hc_span text, reply *to);

#endif
