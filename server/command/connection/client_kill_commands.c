/*
 * client_kill_commands.c - CLIENT KILL: marks the sessions meant, then has the transport look.
 *
 * A marked session runs no further batch and is not listed any more, whenever its worker comes to
 * closing it.  The one who asks is answered first.
 */
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/pubsub.h"

enum { SHOWN_BYTES_MAX = 128 };

typedef enum client_type { CLIENT_ANY = 0, CLIENT_NORMAL, CLIENT_PUBSUB, CLIENT_OTHER } client_type;

typedef struct kill_wish {
    hc_span address, local_address; /* data NULL: any */
    int64_t id;                     /* 0: any */
    int64_t age_s_min;
    client_type type;
    bool spares_me;
} kill_wish;

static bool refuse_named(request *of, const char *what, hc_span name)
{
    int bytes = name.size < SHOWN_BYTES_MAX ? (int)name.size : SHOWN_BYTES_MAX;
    request_errorf(of, "ERR %s '%.*s'", what, bytes, (const char *)name.data);
    return false;
}

static bool take_type(request *of, hc_span name, client_type *type)
{
    static const struct {
        const char *name;
        client_type type;
    } types[] = {{"normal", CLIENT_NORMAL},
                 {"pubsub", CLIENT_PUBSUB},
                 {"master", CLIENT_OTHER},
                 {"slave", CLIENT_OTHER},
                 {"replica", CLIENT_OTHER}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!argument_is(name, types[i].name)) continue;
        *type = types[i].type;
        return true;
    }
    return refuse_named(of, "Unknown client type", name);
}

static bool take_number(request *of, hc_span text, const char *unreadable, const char *too_small,
                        int64_t *number)
{
    bool readable = integer_parse(text, number);
    if (readable && *number > 0) return true;
    request_error(of, readable ? too_small : unreadable);
    return false;
}

static bool take_option(request *of, hc_span name, hc_span value, kill_wish *wish)
{
    static const char bad_id[] = "ERR client-id should be greater than 0";
    if (argument_is(name, "id")) return take_number(of, value, bad_id, bad_id, &wish->id);
    if (argument_is(name, "type")) return take_type(of, value, &wish->type);
    if (argument_is(name, "maxage"))
        return take_number(of, value, "ERR maxage is not an integer or out of range",
                           "ERR maxage should be greater than 0", &wish->age_s_min);
    if (argument_is(name, "user")) {
        bool is_default = value.size == 7 && memcmp(value.data, "default", 7) == 0;
        return is_default || refuse_named(of, "No such user", value);
    }
    if (argument_is(name, "addr")) {
        wish->address = value;
        return true;
    }
    if (argument_is(name, "laddr")) {
        wish->local_address = value;
        return true;
    }
    if (argument_is(name, "skipme")) {
        wish->spares_me = argument_is(value, "yes");
        if (wish->spares_me || argument_is(value, "no")) return true;
    }
    request_error(of, ERROR_SYNTAX);
    return false;
}

static bool take_options(request *of, kill_wish *wish)
{
    wish->spares_me = true;
    for (size_t i = 2; i < of->argc; i += 2) {
        if (i + 1 == of->argc) {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
        if (!take_option(of, of->args[i], of->args[i + 1], wish)) return false;
    }
    return true;
}

static bool is_text(hc_span wanted, const char *text)
{
    return wanted.data == NULL ||
           (strlen(text) == wanted.size && memcmp(text, wanted.data, wanted.size) == 0);
}

/* sessions_lock is held. */
static bool is_meant(const kill_wish *wish, const session *one, uint64_t now_ns)
{
    if (atomic_load_explicit(&one->killed, memory_order_relaxed)) return false;
    if (wish->id != 0 && (uint64_t)wish->id != one->id) return false;
    if (wish->type == CLIENT_OTHER) return false;
    if (wish->type != CLIENT_ANY && pubsub_subscribed(one) != (wish->type == CLIENT_PUBSUB))
        return false;
    int64_t age_s = (int64_t)((now_ns - one->created_ns) / 1000000000u);
    return is_text(wish->address, one->address) &&
           is_text(wish->local_address, one->local_address) && age_s >= wish->age_s_min;
}

static size_t kill_meant(request *of, const kill_wish *wish)
{
    node *on = of->node;
    size_t count = 0;
    uint64_t now_ns = node_now_ns(on);
    pthread_mutex_lock(&on->sessions_lock);
    for (session *one = on->sessions; one != NULL; one = one->next) {
        bool is_me = one == of->session;
        if ((is_me && wish->spares_me) || !is_meant(wish, one, now_ns)) continue;
        count++;
        if (is_me) {
            one->close = true;
        } else {
            atomic_store_explicit(&one->killed, true, memory_order_relaxed);
            if (on->cut != NULL) on->cut(on->cut_ctx, one);
        }
    }
    pthread_mutex_unlock(&on->sessions_lock);
    return count;
}

void run_client_kill(request *of)
{
    kill_wish wish = {0};
    if (of->argc == 3) { /* the old form: an address */
        wish.address = of->args[2];
        if (kill_meant(of, &wish) > 0)
            reply_ok(of->reply);
        else
            request_error(of, "ERR No such client");
    } else if (take_options(of, &wish)) {
        of->reply->ops->integer(of->reply, (int64_t)kill_meant(of, &wish));
    }
}
