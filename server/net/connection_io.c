/*
 * connection_io.c - a turn: one read, all requests in it in batches, one send.
 *
 *     socket --read--> worker's input --parse--> batch --run--> worker's encoder --send--> socket
 *                          |  ^                                        |
 *             unfinished   v  | next turn                 not taken    v
 *                        connection.in                            connection.out
 *
 * The left and right ends of a turn are shared by all connections of the worker; a connection
 * holds bytes of its own only between turns.  An unfinished request that is larger than
 * CARRY_BYTES_MAX is read straight into connection.in and run from there.
 *
 * One whose value a store can take over (SET) comes into a block of its own for that, and then runs
 * alone; what it leaves in the store it must not share with later requests.
 *
 * Fairness: a turn ends after one read of INPUT_BYTES, after TURN_OUTPUT_BYTES of replies or, if
 * there are other clients, with the batch that passes TURN_NS; what is left (`more`) runs when the
 * loop comes round and the socket takes bytes again.  Of a large request or reply a turn moves
 * LARGE_READ_MAX or SEND_BYTES_MAX.  While others are served besides, all of that is a quarter
 * (connection_slice), and comes after them (worker_heavy.c).  A turn that moves a very large value
 * gives back as much of those that are gone (hc_store_bury).
 * Back-pressure: with more than output_soft_bytes unsent nothing is read or run for the client; nor
 * while it is paced, having published more than other workers have looked at yet (push_pace).
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/tracing.h"
#include "net/net_private.h"

#define FLUSH_BYTES (64u << 10)        /* of replies; sent before more are made */
#define TURN_OUTPUT_BYTES (512u << 10) /* of replies, in one turn of one connection */
#define STEAL_BYTES_MIN (32u << 10)    /* unsent; below, a copy is cheaper than a new buffer */
#define TURN_NS 120000u /* a batch that begins later waits for the next turn; see turn_is_late */
#define SEND_BYTES_MAX (128u << 10) /* in one call: a socket may take megabytes at once */
#define LARGE_READ_MIN (16u << 10)  /* bytes, into connection.in */
#define LARGE_READ_MAX (64u << 10)
#define SHARED_BYTES_MIN (256u << 10) /* still awaited; above, other clients get more turns */
#define HELD_BLOCK_MIN (256u << 10)   /* a smaller one stays until all in it was run */
#define SPARE_BYTES_MAX (4u << 20)    /* of a block that a worker keeps */
#define TAKEN_BYTES_MIN (4u << 20)    /* of an argument; a smaller one is copied to the store */
#define TAKEN_TAIL_BYTES (64u << 10)  /* for options behind it; address space, not memory */
#define TAKEN_TAIL_READ 4096u
#define HTTP_LOG_NS_MIN 60000000000u /* between two warnings of one worker */

static void session_note(_Atomic uint64_t *counter, size_t bytes)
{
    node_count(counter, bytes); /* it, too, has one writer */
}

/* ---- what a capture sees ---- */

static capture_talk talk_of(connection *c)
{
    return (capture_talk){.client = c->session.id,
                          .client_address = c->session.address,
                          .local_address = c->session.local_address,
                          .noted = c->captured};
}

static __attribute__((noinline)) void note_requests(connection *c, const request *requests,
                                                    size_t count)
{
    const net_options *o = &c->worker->net->options;
    capture_talk talk = talk_of(c);
    for (size_t i = 0; i < count; i++)
        o->capture_calls->request(o->capture, &talk, &requests[i]);
}

static __attribute__((noinline)) void note_sent(connection *c, const uint8_t *data, size_t size)
{
    const net_options *o = &c->worker->net->options;
    capture_talk talk = talk_of(c);
    o->capture_calls->reply(o->capture, &talk, o->node, data, size);
}

/* ---- output ---- */

size_t connection_send(connection *c, const uint8_t *data, size_t size)
{
    ssize_t sent;
    if (size > SEND_BYTES_MAX) size = SEND_BYTES_MAX;
    do {
        sent = send(c->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) c->state = CONNECTION_DEAD;
        return 0;
    }
    node_count(&c->worker->counters->output_bytes, (uint64_t)sent);
    node_count(&c->worker->counters->writes, 1);
    session_note(&c->session.output_bytes, (size_t)sent);
    if (capture_wants(c->worker->capture, c->session.id)) note_sent(c, data, (size_t)sent);
    return (size_t)sent;
}

/* Keeps what the socket did not take: by the whole buffer if that is much. */
static void output_keep(connection *c, resp_encoder *e, size_t sent)
{
    size_t left = e->size - sent;
    if (c->out.tail == 0 && left >= STEAL_BYTES_MIN) {
        byte_queue_fini(&c->out);
        c->out =
            (byte_queue){.data = e->data, .head = sent, .tail = e->size, .capacity = e->capacity};
        e->data = NULL;
        e->capacity = 0;
    } else if (!byte_queue_append(&c->out, e->data + sent, left)) {
        c->state = CONNECTION_DEAD;
    }
}

/* Sends the replies made so far, behind those queued before. */
static void output_flush(connection *c)
{
    resp_encoder *e = &c->worker->encoder;
    if (e->size == 0 || c->state == CONNECTION_DEAD) return;
    c->worker->turn_output_bytes += e->size;
    if (__builtin_expect(e->lent_count > 0, 0)) {
        if (!connection_lend(c)) c->state = CONNECTION_DEAD;
    } else {
        bool waits = c->out.tail > 0 || durable_awaits(&c->session);
        size_t sent = waits ? 0 : connection_send(c, e->data, e->size);
        if (sent < e->size && c->state != CONNECTION_DEAD) output_keep(c, e, sent);
    }
    e->size = 0;
    e->bulk_at = RESP_NO_BULK;
    e->queued = byte_queue_size(&c->out);
}

/* Nothing more is run before more was sent. */
static bool output_is_full(const connection *c)
{
    return c->lent != NULL || byte_queue_size(&c->out) > c->worker->net->options.output_soft_bytes;
}

/* ---- messages nobody asked for ---- */

bool connection_overflows(connection *c)
{
    worker *w = c->worker;
    if (!push_overflowed(&c->session, node_now_ns(w->net->options.node))) return false;
    node_count(&w->counters->push_overflows, 1);
    net_log(w->net->options.host, HC_LOG_WARN, "push",
            "too much waited for a client that does not read: closed",
            (net_fact){.name = "client", .text = c->session.address}, NET_NO_FACT);
    return true;
}

void connection_push(connection *c)
{
    worker *w = c->worker;
    if (c->state != CONNECTION_OPEN) {
        push_refuse(&c->session); /* it is closing, and hears nothing more */
        return;
    }
    if (connection_overflows(c)) {
        c->state = CONNECTION_DEAD;
        return;
    }
    w->encoder.base.protocol = c->protocol;
    w->encoder.queued = byte_queue_size(&c->out);
    push_deliver(&c->session, &w->encoder.base, w->net->options.output_soft_bytes);
    if (w->encoder.failed) c->state = CONNECTION_DEAD;
    output_flush(c);
    c->stalled = output_is_full(c);
    resp_encoder_clear(&w->encoder);
}

/* ---- requests ---- */

/* Parses up to a batch of requests from data[*at ...) and moves *at behind them.  RESP_MORE: the
 * bytes are used up; RESP_REQUEST: there may be more requests. */
static resp_outcome batch_parse(connection *c, uint8_t *data, size_t size, size_t *at,
                                size_t *count_out)
{
    worker *w = c->worker;
    resp_scratch *scratch = &w->scratch;
    resp_outcome outcome = RESP_MORE;
    size_t count = 0;
    resp_scratch_clear(scratch);
    const hc_span *base = scratch->args;
    while (count < REQUEST_BATCH_MAX && *at < size) {
        /* An inline request runs alone: it could not be parsed again if the batch stopped. */
        if (count > 0 && resp_is_inline(data[*at])) break;
        size_t used, before = scratch->count;
        bool alone = resp_is_inline(data[*at]);
        outcome = resp_parse(&c->parser, data + *at, size - *at, scratch, &used);
        *at += used;
        if (outcome == RESP_EMPTY) {
            outcome = RESP_REQUEST;
            if (alone) break; /* what was put aside is one line */
            continue;
        }
        if (outcome != RESP_REQUEST) break;
        request *r = &w->requests[count];
        r->session = &c->session;
        r->args = scratch->args + before;
        r->argc = scratch->count - before;
        w->request_ends[count++] = *at;
        if (alone || c->in.block != NULL) break;
    }
    if (scratch->args != base) { /* it grew, perhaps for a request that is not whole yet */
        for (size_t i = 0, arg = 0; i < count; arg += w->requests[i++].argc)
            w->requests[i].args = scratch->args + arg;
    }
    *count_out = count;
    return outcome;
}

static bool turn_is_over(const connection *c)
{
    return c->state != CONNECTION_OPEN || c->stalled || c->session.paced ||
           session_is_parked(&c->session) || durable_awaits(&c->session) ||
           cluster_awaits(&c->session) || c->worker->turn_output_bytes > TURN_OUTPUT_BYTES;
}

/* There are others, and it has had its time.  The session knows when its latest batch began, so a
 * turn of one batch, which is most of them, reads no clock for this. */
static bool turn_is_late(const connection *c, uint64_t since_ns)
{
    const worker *w = c->worker;
    if (w->connections->next == NULL) return false;
    return node_now_ns(w->net->options.node) - since_ns >= connection_slice(c, TURN_NS);
}

/* Returns how many of the `count` requests were run; the turn is not over yet. */
static size_t batch_run(connection *c, size_t count)
{
    worker *w = c->worker;
    size_t soft = w->net->options.output_soft_bytes;
    size_t ran = 0;
    if (count == 0) return 0;
    do {
        size_t now = request_run_batch(w->requests + ran, count - ran, soft);
        if (capture_wants(w->capture, c->session.id)) note_requests(c, w->requests + ran, now);
        ran += now;
        if (c->session.close) c->state = CONNECTION_CLOSING;
        if (w->encoder.failed) {
            net_log(w->net->options.host, HC_LOG_WARN, "output", "reply too large: client dropped",
                    (net_fact){.name = "client", .text = c->session.address}, NET_NO_FACT);
            c->state = CONNECTION_DEAD;
        }
        if (w->encoder.size < FLUSH_BYTES && w->encoder.queued == 0) continue;
        output_flush(c);
        c->stalled = output_is_full(c);
    } while (ran < count && !turn_is_over(c));
    return ran;
}

/* The client speaks another language. */
static void input_refuse(connection *c, resp_outcome outcome)
{
    worker *w = c->worker;
    const hc_host *host = w->net->options.host;
    node_count(&w->counters->protocol_errors, 1);
    net_fact client = {.name = "client", .text = c->session.address};
    if (outcome == RESP_ERROR) {
        size_t size = strlen(w->scratch.error);
        w->encoder.base.ops->error(&w->encoder.base, hc_span_make(w->scratch.error, size));
        c->lingers = true;
        c->state = CONNECTION_CLOSING;
        net_log(host, HC_LOG_DEBUG, "parse", "protocol error", client,
                (net_fact){.name = "error", .text = w->scratch.error});
        return;
    }
    c->state = CONNECTION_DEAD;
    if (outcome == RESP_NO_MEMORY) {
        net_log(host, HC_LOG_ERROR, "parse", "no memory for a request", client, NET_NO_FACT);
        return;
    }
    uint64_t now_ns = node_now_ns(w->net->options.node);
    if (w->http_logged_ns != 0 && now_ns - w->http_logged_ns < HTTP_LOG_NS_MIN) return;
    w->http_logged_ns = now_ns;
    net_log(host, HC_LOG_WARN, "parse",
            "possible security attack: POST or Host: on the RESP port, connection closed", client,
            NET_NO_FACT);
}

/* An inline request is changed by parsing, and cannot be parsed again if it is held back: so its
 * line is put aside. */
static bool inline_save(byte_queue *aside, const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    return end == NULL || byte_queue_append(aside, data, (size_t)(end - data) + 1);
}

/* Runs the whole requests in data[0 .. size); returns how many bytes are done with. */
static size_t input_run(connection *c, uint8_t *data, size_t size)
{
    worker *w = c->worker;
    size_t at = 0;
    uint64_t since_ns = 0; /* when the first batch began */
    resp_outcome outcome = RESP_REQUEST;
    c->more = false;
    session_park(&c->session, false);
    w->turn_output_bytes = 0;
    w->encoder.base.protocol = c->protocol;
    w->encoder.queued = byte_queue_size(&c->out);
    w->encoder.may_lend = c->lent == NULL;
    while (at < size && outcome == RESP_REQUEST && !turn_is_over(c)) {
        size_t count, before = at;
        if (since_ns != 0 && turn_is_late(c, since_ns)) break;
        byte_queue aside = {0};
        if (resp_is_inline(data[at]) && !inline_save(&aside, data + at, size - at)) {
            c->state = CONNECTION_DEAD;
            break;
        }
        if (tracing_on(w->net->options.node))
            c->session.received_ns = node_now_ns(w->net->options.node);
        outcome = batch_parse(c, data, size, &at, &count);
        size_t ran = batch_run(c, count);
        if (aside.tail > 0 && ran < count) memcpy(data + before, aside.data, aside.tail);
        if (aside.data != NULL) byte_queue_fini(&aside);
        if (since_ns == 0)
            since_ns = atomic_load_explicit(&c->session.last_ns, memory_order_relaxed);
        if (ran < count) { /* the rest is parsed again when its turn comes */
            at = ran == 0 ? before : w->request_ends[ran - 1];
            resp_parser_reset(&c->parser);
            c->more = true;
            outcome = RESP_REQUEST;
        }
        if (c->in.block != NULL) break;
    }
    if (outcome == RESP_REQUEST)
        c->more = at < size;
    else if (outcome != RESP_MORE && c->state == CONNECTION_OPEN)
        input_refuse(c, outcome);
    output_flush(c);
    c->protocol = w->encoder.base.protocol;
    c->stalled = output_is_full(c);
    resp_encoder_clear(&w->encoder);
    resp_scratch_clear(&w->scratch);
    return at;
}

/* ---- input ---- */

/* Reads; returns the bytes got, 0 if there is nothing to run. */
static size_t socket_read(connection *c, uint8_t *to, size_t room)
{
    ssize_t got = read(c->fd, to, room);
    if (got > 0) {
        c->heard = true;
        node_count(&c->worker->counters->input_bytes, (uint64_t)got);
        node_count(&c->worker->counters->reads, 1);
        session_note(&c->session.input_bytes, (size_t)got);
        return (size_t)got;
    }
    if (got == 0)
        c->ended = true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        c->state = CONNECTION_DEAD;
    return 0;
}

/* Through the worker's buffer, an unfinished request first. */
static void read_small(connection *c)
{
    uint8_t *input = c->worker->input;
    size_t carried = byte_queue_size(&c->in);
    assert(carried <= CARRY_BYTES_MAX);
    size_t room = c->heavy ? connection_slice(c, INPUT_BYTES) : INPUT_BYTES;
    if (room > INPUT_BYTES - carried) room = INPUT_BYTES - carried;
    size_t got = socket_read(c, input + carried, room);
    c->read_much = got >= HEAVY_READ_MIN;
    if (got == 0) return;
    if (carried > 0) memcpy(input, c->in.data + c->in.head, carried);
    size_t size = carried + got;
    size_t used = input_run(c, input, size);
    c->in.head = c->in.tail = 0;
    if (used == size && c->in.data == NULL) return; /* as almost always */
    if (used == size)
        byte_queue_fini(&c->in);
    else if (!byte_queue_append(&c->in, input + used, size - used))
        c->state = CONNECTION_DEAD;
}

/* Makes room in connection.in.  The worker's spare block, if it suits, is memory that need not be
 * fetched from the system page by page. */
static bool held_reserve(connection *c, size_t room)
{
    byte_queue *spare = &c->worker->spare;
    if (c->in.capacity - c->in.tail >= room) return true;
    if (c->in.block != NULL) return byte_queue_reserve(&c->in, room);
    if (spare->capacity >= byte_queue_size(&c->in) + room) {
        byte_queue_exchange(&c->in, spare);
        byte_queue_fini(spare);
        return true;
    }
    return byte_queue_reserve(&c->in, room);
}

/* What was run may be the store's now, so nothing stays there. */
static void held_leave_block(connection *c, size_t used)
{
    byte_queue rest = {0};
    size_t left = byte_queue_size(&c->in);
    if (used == 0 && left > 0) return; /* unfinished, or held back */
    if (!byte_queue_append(&rest, c->in.data + c->in.head, left)) c->state = CONNECTION_DEAD;
    if (c->session.arrived != NULL) connection_input_drop(c); /* else a transaction has it */
    c->in = rest;
}

/* Drops what was run.  A large block of which little is used any more becomes the spare. */
static void held_take(connection *c, size_t used)
{
    byte_queue *spare = &c->worker->spare;
    c->in.head += used;
    size_t left = byte_queue_size(&c->in);
    byte_queue rest = {0}, block = c->in;
    if (block.block != NULL) {
        held_leave_block(c, used);
        return;
    }
    if (left > 0 && (block.capacity <= HELD_BLOCK_MIN || left > block.capacity / 4)) return;
    if (!byte_queue_append(&rest, block.data + block.head, left)) return; /* stays where it is */
    c->in = rest;
    block.head = block.tail = 0;
    if (block.capacity > spare->capacity && block.capacity <= SPARE_BYTES_MAX) {
        byte_queue smaller = *spare;
        *spare = block;
        block = smaller;
    }
    byte_queue_fini(&block);
}

/* Runs what connection.in holds, in place. */
static void run_held(connection *c)
{
    c->session.arrived = c->in.block;
    held_take(c, input_run(c, c->in.data + c->in.head, byte_queue_size(&c->in)));
    c->session.arrived = NULL;
}

/* Is a value awaited that the store may take over? */
static bool awaits_taken(const connection *c, size_t needs)
{
    if (needs <= TAKEN_BYTES_MIN || c->in.block != NULL || c->parser.args_seen == 0) return false;
    resp_mark name = c->parser.marks[0];
    return command_takes_block(hc_span_make(c->in.data + c->in.head + name.offset, name.size));
}

/* Into connection.in; the room grows with what arrived, whatever the request declares. */
static void read_large(connection *c)
{
    size_t room = resp_parser_needs(&c->parser, byte_queue_size(&c->in));
    if (awaits_taken(c, room)) /* refused: the usual way */
        (void)byte_queue_to_block(&c->in, c->worker->net->options.host, room + TAKEN_TAIL_BYTES);
    if (c->in.block != NULL)
        room = room > 1 ? room : TAKEN_TAIL_READ;
    else if (room < LARGE_READ_MIN)
        room = LARGE_READ_MIN;
    size_t slice = room > SHARED_BYTES_MIN ? connection_slice(c, LARGE_READ_MAX) : LARGE_READ_MAX;
    if (room > slice) room = slice;
    if (!held_reserve(c, room)) {
        input_refuse(c, RESP_NO_MEMORY);
        return;
    }
    size_t got = socket_read(c, c->in.data + c->in.tail, room);
    if (got == 0) return;
    c->in.tail += got;
    if (c->in.block != NULL) (void)hc_store_bury(c->session.store, got);
    run_held(c);
}

void connection_read(connection *c)
{
    if (c->state == CONNECTION_LINGERING) {
        (void)socket_read(c, c->worker->input, INPUT_BYTES);
        if (c->ended) c->state = CONNECTION_DEAD;
    } else if (byte_queue_size(&c->in) <= CARRY_BYTES_MAX) {
        read_small(c);
    } else {
        read_large(c);
    }
}

void connection_write(connection *c)
{
    if (durable_awaits(&c->session)) return;
    if (c->lent != NULL && !connection_lent_send(c)) return;
    size_t size = byte_queue_size(&c->out);
    if (size > 0) {
        byte_queue_take(&c->out, connection_send(c, c->out.data + c->out.head, size));
        if (c->out.tail > 0 || c->state == CONNECTION_DEAD) return;
    }
    c->stalled = false;
    if (c->state == CONNECTION_OPEN && push_waits(&c->session)) connection_push(c);
    bool held_back =
        c->session.paced || session_is_parked(&c->session) || cluster_awaits(&c->session);
    if (c->state == CONNECTION_OPEN && c->more && !c->stalled && !held_back) run_held(c);
}

void connection_answered(connection *c)
{
    resp_encoder *e = &c->worker->encoder;
    e->base.protocol = c->protocol;
    e->queued = byte_queue_size(&c->out);
    cluster_turn_render(&c->session, &e->base);
    if (e->failed) c->state = CONNECTION_DEAD;
    output_flush(c);
    c->stalled = output_is_full(c);
    resp_encoder_clear(e);
    bool held_back = c->session.paced || c->stalled || durable_awaits(&c->session);
    if (c->state == CONNECTION_OPEN && c->more && !held_back) run_held(c);
}

bool connection_left(const connection *c)
{
    struct pollfd look = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) > 0;
}

void connection_unpark(connection *c)
{
    session_park(&c->session, false);
    bool held_back = c->stalled || c->session.paced || cluster_awaits(&c->session);
    if (c->state == CONNECTION_OPEN && c->more && !held_back) run_held(c);
}
