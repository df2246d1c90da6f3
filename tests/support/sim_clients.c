/*
 * sim_clients.c - a client draws a key and an operation, asks some node that runs, and waits for
 * the answer or until its patience ends; then nobody will ever know.
 *
 * What was refused did nothing: its operation is taken out of the history, so that a value of it,
 * seen by anybody, comes from nowhere.
 */
#include "support/sim_clients.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_KEYS 1024
#define BALLAST_BYTES 6000u
#define BALLAST_KEYS 900u
#define NO_INDEX SIZE_MAX

/* What update is told. */
enum { UPDATE_ADD = 1, UPDATE_CAS = 2 };
typedef struct update_order {
    int64_t kind, argument, expected;
} update_order;

typedef struct draw { /* one request before it is sent */
    hc_request request;
    sim_op op;
    int64_t value;
    update_order order;
} draw;

static uint32_t below(sim_clients *c, uint32_t bound)
{
    return (uint32_t)test_random_below(&c->random, bound);
}

static void wrong(sim_clients *c, const char *name, const char *what, int64_t a, int64_t b)
{
    if (c->broken[0] != 0) return;
    (void)snprintf(c->broken_name, sizeof c->broken_name, "%s", name);
    (void)snprintf(c->broken, sizeof c->broken, "%s (%lld, %lld)", what, (long long)a,
                   (long long)b);
}

/* ---- keys ---- */

static uint32_t key_new(sim_clients *c, sim_class class)
{
    static const char letters[SIM_CLASSES] = {'r', 'c', 'l', 'e', 'p', 'b'};
    if (c->key_count == SIM_KEYS_MAX) return c->current[class][0]; /* it is used longer */
    sim_key *key = &c->keys[c->key_count];
    *key = (sim_key){.class = class};
    (void)snprintf(key->name, sizeof key->name, "%c%u", letters[class], c->key_count);
    if (class <= SIM_CLASS_LEASE) {
        key->history = calloc(1, sizeof *key->history);
        assert(key->history != NULL);
        key->history->may_vanish = class == SIM_CLASS_LEASE || c->class_weights[SIM_CLASS_BALLAST];
    }
    return c->key_count++;
}

static uint32_t key_draw(sim_clients *c)
{
    uint32_t total = 0, class = 0;
    for (uint32_t i = 0; i < SIM_CLASSES; i++)
        total += c->class_weights[i];
    uint32_t at = below(c, total);
    for (; at >= c->class_weights[class]; class ++)
        at -= c->class_weights[class];
    uint32_t *current = &c->current[class][below(c, SIM_KEYS_AT_ONCE)];
    sim_key *key = &c->keys[*current];
    if (key->uses >= SIM_KEY_OPS_MAX) *current = key_new(c, (sim_class) class);
    c->keys[*current].uses++;
    return *current;
}

static hc_span key_span(const sim_key *key)
{
    return hc_span_make(key->name, strlen(key->name));
}

/* ---- what to ask ---- */

static int64_t value_new(sim_clients *c, uint32_t key)
{
    return ++c->values * VALUE_KEYS + (int64_t)key;
}

/* Something that was written to this key before, more or less. */
static int64_t value_guess(sim_clients *c, const sim_key *key)
{
    if (key->history == NULL || key->history->count == 0) return SIM_ABSENT;
    for (unsigned i = 0; i < 4; i++) {
        size_t back = below(c, 3), count = key->history->count;
        const sim_op *op = &key->history->ops[count > back ? count - 1 - back : 0];
        if (op->kind == SIM_WRITE || op->kind == SIM_CAS) return op->argument;
        if (op->kind == SIM_READ && op->returned_ns != SIM_PENDING) return op->result;
    }
    return SIM_ABSENT;
}

static void ask_update(draw *d, int64_t kind, int64_t argument, int64_t expected)
{
    d->request.kind = HC_REQUEST_UPDATE;
    d->order = (update_order){kind, argument, expected};
    d->op.kind = kind == UPDATE_ADD ? SIM_INCREMENT : SIM_CAS;
    d->op.argument = argument;
    d->op.expected = expected;
}

static void ask_set(draw *d, int64_t value)
{
    d->request.kind = HC_REQUEST_SET;
    d->op.kind = SIM_WRITE;
    d->op.argument = d->value = value;
}

static void ask_delete(draw *d)
{
    d->request.kind = HC_REQUEST_DELETE;
    d->op.kind = SIM_WRITE;
    d->op.argument = SIM_ABSENT;
}

/* True time on all clocks that are right. */
static void ask_lease(sim_clients *c, draw *d, sim_key *key)
{
    uint64_t now = sim_world_now(c->world), until = now + (100 + below(c, 3000)) * SIM_MS;
    d->request.expires_at_ms = SIM_WALL_START_MS + (int64_t)(until / SIM_MS);
    if (until > key->lease_until_ns) key->lease_until_ns = until;
}

static void ask(sim_clients *c, uint32_t number, draw *d)
{
    sim_key *key = &c->keys[number];
    uint32_t die = below(c, 10);
    d->request.kind = HC_REQUEST_GET;
    d->op.kind = SIM_READ;
    switch (key->class) {
    case SIM_CLASS_REGISTER:
        if (die < 3) ask_set(d, value_new(c, number));
        if (die == 3) ask_delete(d);
        if (die == 4) ask_update(d, UPDATE_CAS, value_new(c, number), SIM_ABSENT);
        if (die == 5) ask_update(d, UPDATE_CAS, value_new(c, number), value_guess(c, key));
        break;
    case SIM_CLASS_COUNTER:
        if (die < 7) ask_update(d, UPDATE_ADD, 1, 0);
        break;
    case SIM_CLASS_LOCK:
        if (die < 5) ask_update(d, UPDATE_CAS, value_new(c, number), SIM_ABSENT);
        if (die >= 5 && die < 8) ask_delete(d);
        break;
    case SIM_CLASS_LEASE:
        if (die < 2) ask_set(d, value_new(c, number));
        if (die < 2) ask_lease(c, d, key);
        break;
    case SIM_CLASS_PLAIN:
        if (die < 4) ask_set(d, value_new(c, number));
        if (die == 4) ask_delete(d);
        break;
    default:
        ask_set(d, value_new(c, number));
    }
    d->request.level = key->class <= SIM_CLASS_LEASE ? HC_LEVEL_QUORUM : HC_LEVEL_ONE;
}

/* ---- sending it ---- */

static void op_record(sim_clients *c, sim_client *client, draw *d, uint32_t key)
{
    sim_history *history = c->keys[key].history;
    client->op = client->flush = NO_INDEX;
    if (history == NULL || history->count == SIM_HISTORY_OPS_MAX) return;
    d->op.client = client->number;
    d->op.invoked_ns = sim_world_now(c->world);
    d->op.returned_ns = SIM_PENDING;
    client->op = history->count;
    history->ops[history->count++] = d->op;
}

static void op_undo(sim_clients *c, sim_client *client)
{
    static const sim_op nothing = {.kind = SIM_READ, .returned_ns = SIM_PENDING};
    if (client->op != NO_INDEX) c->keys[client->key].history->ops[client->op] = nothing;
    if (client->flush != NO_INDEX) c->flushes[client->flush] = nothing;
    client->op = client->flush = NO_INDEX;
}

static void next_at(sim_clients *c, sim_client *client, uint64_t wait_ns)
{
    client->waits = false;
    client->until_ns = sim_world_now(c->world) + wait_ns;
    sim_world_timer(c->world, client->number, client->until_ns);
}

static void think(sim_clients *c, sim_client *client)
{
    next_at(c, client, (1 + below(c, 2 * c->think_ms)) * SIM_MS);
}

static void send(sim_clients *c, sim_client *client, draw *d)
{
    static uint8_t ballast[BALLAST_BYTES];
    static const char *const names[] = {"get", "set", "delete", "update", "flush"};
    sim_node *at = &c->world->nodes[client->node];
    const sim_key *key = &c->keys[client->key];
    char name[24];
    d->request.size = sizeof d->request;
    d->request.id = (uint64_t)client->number << 32 | ++client->seq;
    d->request.key = key_span(key);
    if (d->request.kind == HC_REQUEST_SET) d->request.value = hc_span_make(&d->value, 8);
    if (d->request.kind == HC_REQUEST_UPDATE)
        d->request.value = hc_span_make(&d->order, sizeof d->order);
    if (key->class == SIM_CLASS_BALLAST) {
        int size = snprintf(name, sizeof name, "ballast%u", below(c, BALLAST_KEYS));
        d->request.key = hc_span_make(name, (size_t)size);
        d->request.value = hc_span_make(ballast, sizeof ballast);
    }
    if (d->request.kind == HC_REQUEST_FLUSH) d->request.key = hc_span_make(NULL, 0);
    client->waits = true;
    client->until_ns = sim_world_now(c->world) + SIM_CLIENT_PATIENCE_NS;
    sim_world_timer(c->world, client->number, client->until_ns);
    sim_log_add(&c->world->log, sim_world_now(c->world), "client", client->number,
                "%s %s %lld if %lld at node %u, #%llu", names[d->request.kind], key->name,
                (long long)d->op.argument, (long long)d->op.expected, client->node,
                (unsigned long long)client->seq);
    if (!sim_node_request(at, &d->request)) {
        c->refused_at_once++;
        op_undo(c, client);
        client->answered = client->seq;
        think(c, client);
    }
}

static bool node_pick(sim_clients *c, sim_client *client)
{
    sim_node *at = &c->world->nodes[client->node];
    if (sim_node_up(at) && below(c, 20) != 0) return true;
    client->node = below(c, c->world->count);
    return sim_node_up(&c->world->nodes[client->node]);
}

static void request_next(sim_clients *c, sim_client *client)
{
    draw d = {0};
    if (!node_pick(c, client)) {
        think(c, client);
        return;
    }
    client->key = key_draw(c);
    if (c->flushes_too && below(c, 400) == 0 && c->flush_count < SIM_FLUSHES_MAX) {
        d.request.kind = HC_REQUEST_FLUSH;
        d.request.level = HC_LEVEL_QUORUM;
        client->op = NO_INDEX;
        client->flush = c->flush_count;
        c->flushes[c->flush_count++] = (sim_op){.kind = SIM_WRITE,
                                                .client = client->number,
                                                .invoked_ns = sim_world_now(c->world),
                                                .returned_ns = SIM_PENDING,
                                                .argument = SIM_ABSENT};
    } else {
        ask(c, client->key, &d);
        op_record(c, client, &d, client->key);
    }
    send(c, client, &d);
}

void sim_clients_timer(sim_clients *c, uint32_t timer)
{
    sim_client *client = &c->clients[timer];
    if (client->waits) { /* its patience is over */
        c->unanswered++;
        client->answered = client->seq;
        client->waits = false;
        client->node = below(c, c->world->count);
        sim_log_add(&c->world->log, sim_world_now(c->world), "client", client->number,
                    "gives up #%llu", (unsigned long long)client->seq);
    }
    if (!c->stopped) request_next(c, client);
}

/* ---- answers ---- */

static int64_t value_of(hc_span value)
{
    int64_t number = -1;
    if (value.size == sizeof number) memcpy(&number, value.data, sizeof number);
    return number;
}

/* A read of whatever class: its value was written to this key by somebody, and is not long over. */
static void read_check(sim_clients *c, const sim_key *key, uint32_t number, int64_t value)
{
    uint64_t now = sim_world_now(c->world);
    if (key->class == SIM_CLASS_COUNTER || key->class == SIM_CLASS_BALLAST) return;
    if (value % VALUE_KEYS != (int64_t)number || value / VALUE_KEYS > c->values)
        wrong(c, "I3", "a value from nowhere: key, value", number, value);
    if (c->leases_exact && key->class == SIM_CLASS_LEASE &&
        now > key->lease_until_ns + 500 * SIM_MS)
        wrong(c, "I11", "expired, but read: key, ms late", number,
              (int64_t)((now - key->lease_until_ns) / SIM_MS));
}

static void op_answer(sim_clients *c, sim_client *client, const hc_reply *reply)
{
    sim_key *key = &c->keys[client->key];
    int64_t value = reply->value.size > 0 ? value_of(reply->value) : SIM_ABSENT;
    uint64_t now = sim_world_now(c->world);
    if (client->flush != NO_INDEX) {
        c->flushes[client->flush].returned_ns = now;
        return;
    }
    if (client->op == NO_INDEX) { /* level ONE, or a history that is full */
        if (reply->outcome == HC_OUTCOME_DONE && value != SIM_ABSENT)
            read_check(c, key, client->key, value);
        return;
    }
    sim_op *op = &key->history->ops[client->op];
    op->returned_ns = now;
    if (op->kind == SIM_READ || op->kind == SIM_CAS || op->kind == SIM_INCREMENT)
        op->result = value;
    if (op->kind == SIM_READ && value != SIM_ABSENT) read_check(c, key, client->key, value);
    bool wrote = op->kind != SIM_READ && !(op->kind == SIM_CAS && value == 0);
    if (wrote && reply->version > key->acked_version) key->acked_version = reply->version;
}

void sim_clients_reply(sim_clients *c, sim_node *at, const hc_reply *reply)
{
    static const char *const names[SIM_OUTCOMES] = {
        "done", "absent", "no replicas", "UNCERTAIN", "try again", "down", "clock", "refused"};
    uint32_t number = (uint32_t)(reply->id >> 32);
    uint64_t seq = reply->id & UINT32_MAX;
    assert(number < c->count);
    sim_client *client = &c->clients[number];
    assert((unsigned)reply->outcome < SIM_OUTCOMES && seq <= client->seq);
    sim_log_add(&c->world->log, sim_world_now(c->world), "node", at->number,
                "to client %u #%llu: %s %lld, version %llx, %u of %u", number,
                (unsigned long long)seq, names[reply->outcome],
                reply->value.size > 0 ? (long long)value_of(reply->value) : -1,
                (unsigned long long)reply->version, reply->have, reply->need);
    uint64_t *replied = &client->replied[seq % SIM_REPLIES_KEPT];
    if (*replied == seq) wrong(c, "I12", "two replies: client, request", number, (int64_t)seq);
    *replied = seq;
    if (seq <= client->answered) return; /* too late: the client has given up */
    client->answered = seq;
    c->outcomes[reply->outcome]++;
    switch (reply->outcome) {
    case HC_OUTCOME_DONE:
    case HC_OUTCOME_ABSENT:
        op_answer(c, client, reply);
        break;
    case HC_OUTCOME_UNCERTAIN:
        break;
    default:
        op_undo(c, client);
    }
    think(c, client);
}

hc_status sim_clients_update(hc_update *update)
{
    static int64_t answer, value; /* borrowed until the next update */
    update_order order;
    if (update->arguments.size != sizeof order) return HC_ERR_INVALID;
    memcpy(&order, update->arguments.data, sizeof order);
    int64_t now = update->present ? value_of(update->value) : SIM_ABSENT;
    update->action = HC_UPDATE_STORE;
    if (order.kind == UPDATE_ADD) {
        answer = value = (now == SIM_ABSENT ? 0 : now) + order.argument;
    } else {
        answer = now == order.expected;
        value = order.argument;
        if (!answer) update->action = HC_UPDATE_KEEP;
    }
    if (update->action == HC_UPDATE_STORE) update->value = hc_span_make(&value, sizeof value);
    update->answer = hc_span_make(&answer, sizeof answer);
    return HC_OK;
}

/* ---- the whole ---- */

void sim_clients_init(sim_clients *c, sim_world *world, uint64_t seed, uint32_t count)
{
    assert(count <= SIM_CLIENTS_MAX);
    *c = (sim_clients){.world = world, .count = count, .think_ms = 20};
    test_random_init_quiet(&c->random, seed);
    c->class_weights[SIM_CLASS_REGISTER] = 6;
    c->class_weights[SIM_CLASS_COUNTER] = 3;
    c->class_weights[SIM_CLASS_LOCK] = 2;
    c->class_weights[SIM_CLASS_LEASE] = 2;
    c->class_weights[SIM_CLASS_PLAIN] = 2;
    for (uint32_t i = 0; i < count; i++)
        c->clients[i].number = i;
}

void sim_clients_start(sim_clients *c)
{
    for (uint32_t class = 0; class < SIM_CLASSES; class ++) {
        for (uint32_t i = 0; i < SIM_KEYS_AT_ONCE; i++)
            c->current[class][i] = key_new(c, (sim_class) class);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        c->clients[i].node = below(c, c->world->options.nodes);
        think(c, &c->clients[i]);
    }
}

void sim_clients_fini(sim_clients *c)
{
    for (uint32_t i = 0; i < c->key_count; i++)
        free(c->keys[i].history);
}

void sim_clients_stop(sim_clients *c)
{
    c->stopped = true;
}

bool sim_clients_idle(const sim_clients *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->clients[i].waits) return false;
    }
    return true;
}

void sim_clients_read(sim_clients *c, uint32_t number, uint32_t key, uint32_t node)
{
    sim_client *client = &c->clients[number];
    assert(c->stopped && !client->waits);
    draw d = {.request = {.kind = HC_REQUEST_GET, .level = HC_LEVEL_QUORUM},
              .op = {.kind = SIM_READ}};
    client->key = key;
    client->node = node;
    op_record(c, client, &d, key);
    send(c, client, &d);
}

void sim_clients_history(const sim_clients *c, uint32_t key, sim_history *out)
{
    *out = *c->keys[key].history;
    uint64_t first = out->count > 0 ? out->ops[0].invoked_ns : 0;
    for (size_t i = 0; i < c->flush_count && out->count < SIM_HISTORY_OPS_MAX; i++) {
        sim_op flush = c->flushes[i];
        if (flush.returned_ns < first || flush.kind == SIM_READ) continue;
        out->ops[out->count++] = flush;
    }
}
