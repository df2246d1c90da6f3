/*
 * client_commands.c - CLIENT: what is known of connections, and what they ask for themselves.
 *
 * CLIENT LIST walks the node's sessions under its lock and reads the fields session.h allows; a
 * connection that comes or goes waits for the walk, requests do not.
 */
#include <inttypes.h>
#include <string.h>

#include "command/client_name.h"
#include "command/command_args.h"
#include "command/command_text.h"
#include "command/handlers.h"
#include "command/pubsub.h"
#include "command/push.h"
#include "command/tracking.h"

enum { LIST_BYTES_MAX = 64 << 20 };

void run_client_id(request *of)
{
    of->reply->ops->integer(of->reply, (int64_t)of->session->id);
}

/* ---- names ---- */

static bool is_graphic(hc_span name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < '!' || name.data[i] > '~') return false;
    return true;
}

bool client_name_fits(request *of, hc_span name)
{
    if (!is_graphic(name)) {
        request_error(of, "ERR Client names cannot contain spaces, newlines or special "
                          "characters.");
        return false;
    }
    if (name.size > SESSION_NAME_BYTES_MAX) {
        request_errorf(of, "ERR Client names cannot be longer than %u bytes",
                       SESSION_NAME_BYTES_MAX);
        return false;
    }
    return true;
}

/* `chars` of `to` include the NUL. */
static void set_text(session *of, char *to, hc_span from)
{
    pthread_mutex_lock(&of->node->sessions_lock);
    if (from.size > 0) memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    pthread_mutex_unlock(&of->node->sessions_lock);
}

void client_name_set(session *of, hc_span name)
{
    set_text(of, of->name, name);
}

void run_client_setname(request *of)
{
    if (!client_name_fits(of, of->args[2])) return;
    client_name_set(of->session, of->args[2]);
    reply_ok(of->reply);
}

void run_client_getname(request *of)
{
    const char *name = of->session->name;
    if (name[0] == '\0')
        of->reply->ops->null(of->reply);
    else
        reply_text(of->reply, hc_span_make(name, strlen(name)));
}

void run_client_setinfo(request *of)
{
    bool is_name = argument_is(of->args[2], "lib-name");
    hc_span value = of->args[3];
    if (!is_name && !argument_is(of->args[2], "lib-ver")) {
        int bytes = of->args[2].size < 128 ? (int)of->args[2].size : 128;
        request_errorf(of, "ERR Unrecognized option '%.*s'", bytes, (const char *)of->args[2].data);
        return;
    }
    const char *what = is_name ? "lib-name" : "lib-ver";
    if (!is_graphic(value)) {
        request_errorf(of, "ERR %s cannot contain spaces, newlines or special characters.", what);
        return;
    }
    if (value.size > SESSION_LIBRARY_BYTES_MAX) value.size = SESSION_LIBRARY_BYTES_MAX;
    session *who = of->session;
    set_text(who, is_name ? who->library_name : who->library_version, value);
    reply_ok(of->reply);
}

/* ---- CLIENT INFO, CLIENT LIST ---- */

typedef struct flag_letters {
    char text[16];
    size_t used;
} flag_letters;

static void add_letter(flag_letters *to, char letter, bool holds)
{
    if (holds) to->text[to->used++] = letter;
}

/* In the order of Redis; "N" if there is none. */
static flag_letters letters_of(session *one)
{
    flag_letters of = {{0}, 0};
    const tracking_state caches = tracking_shown(one);
    add_letter(&of, 'O', atomic_load_explicit(&one->monitors, memory_order_relaxed));
    add_letter(&of, 'P', pubsub_subscribed(one));
    add_letter(&of, 'x', atomic_load_explicit(&one->queued_count, memory_order_relaxed) >= 0);
    add_letter(&of, 'b', session_is_parked(one));
    add_letter(&of, 't', caches.on);
    add_letter(&of, 'R', caches.broken);
    add_letter(&of, 'B', caches.bcast);
    add_letter(&of, 'd', atomic_load_explicit(&one->watch_broken, memory_order_relaxed));
    add_letter(&of, 'e', atomic_load_explicit(&one->no_evict, memory_order_relaxed));
    add_letter(&of, 'T', !session_touches(one));
    if (of.used == 0) add_letter(&of, 'N', true);
    return of;
}

/* sessions_lock is held. */
static void describe(text *to, session *one, uint64_t now_ns)
{
    char name[COMMAND_NAME_CHARS] = "NULL";
    const command *last = atomic_load_explicit(&one->last, memory_order_relaxed);
    if (last != NULL) command_full_name(last, name);
    uint64_t last_ns = atomic_load_explicit(&one->last_ns, memory_order_relaxed);
    uint64_t idle_ns = now_ns > last_ns ? now_ns - last_ns : 0;
    size_t held = atomic_load_explicit(&one->input_bytes_held, memory_order_relaxed);
    size_t unused = atomic_load_explicit(&one->input_bytes_free, memory_order_relaxed);
    size_t unsent = atomic_load_explicit(&one->output_bytes_pending, memory_order_relaxed);
    size_t buffered = atomic_load_explicit(&one->output_bytes_held, memory_order_relaxed);
    size_t room = atomic_load_explicit(&one->output_bytes_room, memory_order_relaxed);
    size_t peak = atomic_load_explicit(&one->output_bytes_peak, memory_order_relaxed);
    size_t arguments = atomic_load_explicit(&one->argument_bytes, memory_order_relaxed);
    size_t messages = push_waiting_bytes(one), pending = unsent + messages;
    const tracking_state caches = tracking_shown(one);
    size_t queued = atomic_load_explicit(&one->queued_bytes, memory_order_relaxed);
    text_printf(to, "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRIu64 " idle=%" PRIu64,
                one->id, one->address, one->local_address, one->descriptor, one->name,
                (now_ns - one->created_ns) / 1000000000u, idle_ns / 1000000000u);
    text_printf(to, " flags=%s db=%d sub=%zu psub=%zu ssub=%zu", letters_of(one).text,
                atomic_load_explicit(&one->database, memory_order_relaxed),
                pubsub_count(one, PUBSUB_CHANNEL), pubsub_count(one, PUBSUB_PATTERN),
                pubsub_count(one, PUBSUB_SHARD));
    text_printf(to, " multi=%d watch=%zu",
                atomic_load_explicit(&one->queued_count, memory_order_relaxed),
                atomic_load_explicit(&one->watch_count, memory_order_relaxed));
    text_printf(to, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu", held, unused, arguments,
                queued);
    text_printf(to, " rbs=%zu rbp=%zu obl=%zu oll=%zu omem=%zu tot-mem=%zu", room, peak, buffered,
                push_waiting_count(one) + (unsent > buffered), pending,
                held + unused + arguments + queued + room + messages + sizeof *one);
    text_printf(to,
                " events=%s cmd=%s user=default redir=%" PRId64 " resp=%d lib-name=%s lib-ver=%s",
                pending > 0 ? "rw" : "r", name, caches.on ? (int64_t)caches.redirect : -1,
                atomic_load_explicit(&one->protocol, memory_order_relaxed), one->library_name,
                one->library_version);
    bool named = atomic_load_explicit(&one->database, memory_order_relaxed) == SESSION_NAMED;
    text_printf(to, "%s%s\n", named ? " store=" : "", named ? one->store_name : "");
}

static void reply_listing(request *of, text *listing)
{
    if (listing->failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        of->reply->ops->verbatim(of->reply, text_span(listing));
    text_fini(listing);
}

void run_client_info(request *of)
{
    text listing;
    text_init(&listing, LIST_BYTES_MAX);
    uint64_t now_ns = node_now_ns(of->node);
    pthread_mutex_lock(&of->node->sessions_lock);
    describe(&listing, of->session, now_ns);
    pthread_mutex_unlock(&of->node->sessions_lock);
    reply_listing(of, &listing);
}

typedef struct list_wish {
    const hc_span *ids; /* NULL: all */
    size_t id_count;
    bool by_type;
    enum { TYPE_NORMAL = 0, TYPE_PUBSUB = 1, TYPE_NOBODY } type;
} list_wish;

static bool take_list_options(request *of, list_wish *wish)
{
    static const char *const types[] = {"normal", "pubsub", "master", "slave", "replica"};
    if (of->argc == 2) return true;
    if (of->argc == 4 && argument_is(of->args[2], "type")) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (!argument_is(of->args[3], types[i])) continue;
            wish->by_type = true;
            if (i == TYPE_PUBSUB) wish->type = TYPE_PUBSUB;
            if (i >= TYPE_NOBODY) wish->type = TYPE_NOBODY;
            return true;
        }
        int bytes = of->args[3].size < 128 ? (int)of->args[3].size : 128;
        request_errorf(of, "ERR Unknown client type '%.*s'", bytes, (const char *)of->args[3].data);
        return false;
    }
    if (of->argc > 3 && argument_is(of->args[2], "id")) {
        wish->ids = &of->args[3];
        wish->id_count = of->argc - 3;
        for (size_t i = 0; i < wish->id_count; i++) {
            int64_t id;
            if (integer_parse(wish->ids[i], &id)) continue;
            request_error(of, "ERR Invalid client ID");
            return false;
        }
        return true;
    }
    request_error(of, ERROR_SYNTAX);
    return false;
}

static bool is_wished(const list_wish *wish, const session *one)
{
    if (atomic_load_explicit(&one->killed, memory_order_relaxed)) return false;
    if (wish->by_type) return wish->type == (pubsub_subscribed(one) ? TYPE_PUBSUB : TYPE_NORMAL);
    if (wish->ids == NULL) return true;
    for (size_t i = 0; i < wish->id_count; i++) {
        int64_t id;
        if (integer_parse(wish->ids[i], &id) && id > 0 && (uint64_t)id == one->id) return true;
    }
    return false;
}

void run_client_list(request *of)
{
    list_wish wish = {0};
    if (!take_list_options(of, &wish)) return;
    text listing;
    text_init(&listing, LIST_BYTES_MAX);
    uint64_t now_ns = node_now_ns(of->node);
    pthread_mutex_lock(&of->node->sessions_lock);
    for (session *one = of->node->sessions; one != NULL; one = one->next)
        if (is_wished(&wish, one)) describe(&listing, one, now_ns);
    pthread_mutex_unlock(&of->node->sessions_lock);
    reply_listing(of, &listing);
}

/* ---- wishes of a connection ---- */

/* "on" or "off"; false, and answered with the error, for anything else. */
static bool take_switch(request *of, bool *on_out)
{
    *on_out = argument_is(of->args[2], "on");
    if (*on_out || argument_is(of->args[2], "off")) return true;
    request_error(of, ERROR_SYNTAX);
    return false;
}

void run_client_no_evict(request *of)
{
    bool on;
    if (!take_switch(of, &on)) return;
    atomic_store_explicit(&of->session->no_evict, on, memory_order_relaxed);
    reply_ok(of->reply);
}

void run_client_no_touch(request *of)
{
    bool on;
    if (!take_switch(of, &on)) return;
    atomic_store_explicit(&of->session->no_touch, on, memory_order_relaxed);
    reply_ok(of->reply);
}

void run_client_reply(request *of)
{
    if (argument_is(of->args[2], "on")) {
        request_unmute(of);
        reply_ok(of->reply);
    } else if (argument_is(of->args[2], "off")) {
        of->session->replies = SESSION_REPLIES_OFF;
    } else if (argument_is(of->args[2], "skip")) {
        if (of->session->replies == SESSION_REPLIES_ON && of->session->muted == NULL)
            of->session->replies = SESSION_REPLIES_SKIP_NEXT;
    } else {
        request_error(of, ERROR_SYNTAX);
    }
}

void run_client_help(request *of)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Say whether the keys of the next command are tracked (OPTIN, OPTOUT).",
        "GETNAME",
        "    Return the name of the current connection.",
        "GETREDIR",
        "    Return the ID of the connection that gets this one's invalidations.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Close the connection from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close connections. Options are:",
        "    * ADDR <ip:port>, LADDR <ip:port>, ID <id>, USER <name>",
        "      Connections from, or to, an address; with a number; of a user.",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "    * MAXAGE <seconds>",
        "      Connections that are at least so old.",
        "    * SKIPME (YES|NO)",
        "      Spare the current connection (default: yes).",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> [...]]",
        "    Return information about client connections.",
        "PAUSE <milliseconds> [WRITE|ALL]",
        "    Hold back commands of all clients, or those that may write.",
        "NO-EVICT (ON|OFF)",
        "    Note whether this connection may be closed to save memory.",
        "NO-TOUCH (ON|OFF)",
        "    Note whether commands of this connection count as uses of keys.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETINFO <LIB-NAME|LIB-VER> <value>",
        "    Note the client library of the current connection.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        ("TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] "
         "[NOLOOP]"),
        "    Say whether this connection is told when keys that it has read change.",
        "TRACKINGINFO",
        "    Describe what this connection is told.",
        "UNBLOCK <id> [TIMEOUT|ERROR]",
        "    Let go of a connection that waits for others: here none does.",
        "UNPAUSE",
        "    End what PAUSE began.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
