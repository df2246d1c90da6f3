/*
 * net.h - the RESP and HTTP ports: listeners, worker threads, connections and their limits.
 *
 *     net_options options = {.host = host, .node = node, .port = 6379, .workers = 2};
 *     net *net;
 *     if (net_start(&options, &net) != HC_OK) ...  (the log says why)
 *     ... wait for SIGTERM ...
 *     net_stop(net);
 *
 * Each worker has its own event loop and its own listeners (SO_REUSEPORT), so a connection lives
 * and dies on one thread and no lock is taken on its way.
 *
 * Memory:  an idle connection owns no buffer.  Input grows with the bytes that arrived; output is
 *          bounded: past output_soft_bytes a client that does not read is neither read nor served.
 * Threads: start and stop belong to one thread; the rest may be called from any.
 */
#ifndef HYPERCACHE_SERVER_NET_NET_H
#define HYPERCACHE_SERVER_NET_NET_H

#include "command/node.h"
#include "http/http_service.h"

typedef struct net net;

#define NET_BIND_MAX 16u             /* addresses */
#define NET_CLIENTS_MAX 10000u       /* default */
#define NET_DRAIN_MS 5000u           /* default */
#define NET_OUTPUT_SOFT (1u << 20)   /* default, bytes */
#define NET_OUTPUT_HARD (1u << 30)   /* default, bytes: one reply may be 512 MiB */
#define NET_REQUEST_BYTES (1u << 30) /* default and most */

/* Notes a request that has run, and what was sent (command/request_frame.h). */
typedef struct net_capture_calls {
    void (*request)(capture *to, const capture_talk *talk, const request *of);
    void (*reply)(capture *to, const capture_talk *talk, const node *on, const void *data,
                  size_t size);
} net_capture_calls;

typedef struct net_options {
    const hc_host *host;     /* borrowed until net_stop returns; takes the log lines; may be NULL */
    node *node;              /* borrowed likewise */
    const char *const *bind; /* numeric IPv4 or IPv6 addresses; NULL: 127.0.0.1 and ::1 */
    size_t bind_count;       /* 0..NET_BIND_MAX */
    uint16_t port;           /* 0: the system chooses, see net_port */
    unsigned workers;        /* threads, at most those the node was made for; 0: 1 */
    unsigned clients_max;    /* connections; 0: NET_CLIENTS_MAX */
    uint32_t idle_timeout_ms;  /* a silent client is closed; 0: never */
    uint32_t keepalive_ms;     /* silence until the system asks whether a peer is there; 0: never */
    uint32_t drain_timeout_ms; /* how long net_stop waits for slow clients; 0: NET_DRAIN_MS */
    size_t request_bytes_max;  /* of one request as sent; 0: NET_REQUEST_BYTES */
    size_t output_soft_bytes;  /* unsent replies past which a client has to wait;
                                  0: NET_OUTPUT_SOFT */
    size_t output_hard_bytes;  /* of one turn's replies, past which it is dropped;
                                  0: NET_OUTPUT_HARD */
    const http_service_options *http; /* the HTTP API; copied; NULL: none */
    const http_transport *http_calls; /* how it is reached, if there is one */
    uint16_t http_port;               /* 0: the system chooses, see net_http_port */
    hc_metric *loop_lag; /* a histogram with a lane a worker, see worker.c; NULL: not measured */
    capture *capture; /* borrowed; what clients and we say is noted while it is on; NULL: never */
    const net_capture_calls *capture_calls; /* how, if there is one */
    bool *http_failed_out; /* NULL, or set when it was the HTTP port that could not be had */
} net_options;

/* Binds every address, starts the workers; clients are served when it returns.  An IPv6 address is
 * skipped with a log line where the system has no IPv6, as long as another address remains.  On
 * error *net_out is NULL and nothing is left behind.
 *   HC_ERR_INVALID    an option or an address
 *   HC_ERR_IO         the system refused; the log names address and reason
 *   HC_ERR_EXISTS     another process listens there
 *   HC_ERR_NO_MEMORY */
hc_status net_start(const net_options *options, net **net_out);

/* Stops accepting, serves what had been received, sends the replies, closes and ends the threads;
 * clients that do not take their replies within drain_timeout_ms are cut off.  Accepts NULL. */
void net_stop(net *of);

/* The port listened on. */
uint16_t net_port(const net *of);
uint16_t net_http_port(const net *of); /* 0: there is no HTTP API */

/* Connections open now. */
unsigned net_connections(const net *of);

/* Changes the limit for connections to come; those open stay.  0: NET_CLIENTS_MAX. */
void net_set_clients_max(net *of, unsigned clients_max);

/* Change the option of that name.  The idle timeout holds for all connections at once, keepalive
 * for those accepted from then on, the size of a request for what is read from then on. */
void net_set_idle_timeout(net *of, uint32_t idle_timeout_ms);
void net_set_keepalive(net *of, uint32_t keepalive_ms);
void net_set_request_bytes_max(net *of, size_t request_bytes_max);

/* Asks the workers to close the client with this session id.  False: too many such requests wait
 * already. */
bool net_kill_client(net *of, uint64_t session_id);

#endif
