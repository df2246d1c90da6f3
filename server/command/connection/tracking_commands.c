/*
 * tracking_commands.c - CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR.
 *
 * Options are looked at in Redis's order, so that of several faults the same one is told.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/tracking.h"

enum { SHOWN_BYTES_MAX = 128 };

typedef struct options {
    tracking_wish wish;
    hc_span *prefixes; /* room for all arguments */
    int64_t redirect;
} options;

static bool client_exists(node *of, int64_t id)
{
    bool found = false;
    pthread_mutex_lock(&of->sessions_lock);
    for (const session *one = of->sessions; one != NULL && !found; one = one->next)
        found = id > 0 && one->id == (uint64_t)id;
    pthread_mutex_unlock(&of->sessions_lock);
    return found;
}

static bool take_redirect(request *of, hc_span argument, options *to)
{
    if (to->redirect != 0) {
        request_error(of, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!request_integer(of, argument, &to->redirect)) return false;
    if (client_exists(of->node, to->redirect)) return true;
    request_error(of, "ERR The client ID you want redirect to does not exist");
    return false;
}

static bool take_options(request *of, options *to)
{
    for (size_t i = 3; i < of->argc; i++) {
        bool more = i + 1 < of->argc;
        if (more && argument_is(of->args[i], "redirect")) {
            if (!take_redirect(of, of->args[++i], to)) return false;
        } else if (more && argument_is(of->args[i], "prefix")) {
            to->prefixes[to->wish.prefix_count++] = of->args[++i];
        } else if (argument_is(of->args[i], "bcast")) {
            to->wish.bcast = true;
        } else if (argument_is(of->args[i], "optin")) {
            to->wish.optin = true;
        } else if (argument_is(of->args[i], "optout")) {
            to->wish.optout = true;
        } else if (argument_is(of->args[i], "noloop")) {
            to->wish.noloop = true;
        } else {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
    }
    to->wish.redirect = (uint64_t)to->redirect;
    to->wish.prefixes = to->prefixes;
    return true;
}

/* Do the options go with each other, and with what is on already? */
static bool options_fit(request *of, const tracking_wish *wish)
{
    const tracking_state now = tracking_state_of(of->session);
    const char *fault = NULL;
    if (!wish->bcast && wish->prefix_count > 0)
        fault = "ERR PREFIX option requires BCAST mode to be enabled";
    else if (now.on && now.bcast != wish->bcast)
        fault = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, "
                "and then re-enabling it with a different mode.";
    else if (wish->bcast && (wish->optin || wish->optout))
        fault = "ERR OPTIN and OPTOUT are not compatible with BCAST";
    else if (wish->optin && wish->optout)
        fault = "ERR You can't specify both OPTIN mode and OPTOUT mode";
    else if ((wish->optin && now.optout) || (wish->optout && now.optin))
        fault = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, "
                "and then re-enabling it with a different mode.";
    if (fault != NULL) request_error(of, fault);
    return fault == NULL;
}

static bool overlap(hc_span a, hc_span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    return common == 0 || memcmp(a.data, b.data, common) == 0;
}

static void refuse_overlap(request *of, hc_span prefix, const char *with, hc_span other)
{
    int bytes = prefix.size < SHOWN_BYTES_MAX ? (int)prefix.size : SHOWN_BYTES_MAX;
    int other_bytes = other.size < SHOWN_BYTES_MAX ? (int)other.size : SHOWN_BYTES_MAX;
    request_errorf(of,
                   "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client "
                   "must not overlap.",
                   bytes, (const char *)prefix.data, with, other_bytes, (const char *)other.data);
}

static bool prefixes_fit(request *of, const tracking_wish *wish)
{
    for (size_t i = 0; i < wish->prefix_count; i++) {
        hc_span with;
        if (tracking_overlap(of->session, wish->prefixes[i], &with)) {
            refuse_overlap(of, wish->prefixes[i], "an existing", with);
            return false;
        }
        for (size_t j = i + 1; j < wish->prefix_count; j++) {
            if (!overlap(wish->prefixes[i], wish->prefixes[j])) continue;
            refuse_overlap(of, wish->prefixes[i], "another provided", wish->prefixes[j]);
            return false;
        }
    }
    return true;
}

static void turn_on(request *of, const tracking_wish *wish)
{
    if (wish->prefix_count > TRACKING_PREFIXES_MAX) {
        request_error(of, "ERR too many prefixes");
        return;
    }
    if (!options_fit(of, wish) || !prefixes_fit(of, wish)) return;
    hc_status status = tracking_on(of->session, wish);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_NOT_FOUND)
        request_error(of, "ERR The client ID you want redirect to does not exist");
    else if (status == HC_ERR_LIMIT)
        request_error(of, "ERR too many prefixes");
    else
        request_error(of, ERROR_NO_MEMORY);
}

void run_client_tracking(request *of)
{
    options to = {.redirect = 0};
    to.prefixes = malloc(of->argc * sizeof *to.prefixes);
    if (to.prefixes == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    if (take_options(of, &to)) {
        if (argument_is(of->args[2], "on")) {
            turn_on(of, &to.wish);
        } else if (argument_is(of->args[2], "off")) {
            tracking_off(of->session);
            reply_ok(of->reply);
        } else {
            request_error(of, ERROR_SYNTAX);
        }
    }
    free(to.prefixes);
}

void run_client_caching(request *of)
{
    const tracking_state now = tracking_state_of(of->session);
    bool yes = argument_is(of->args[2], "yes"), no = argument_is(of->args[2], "no");
    if (!now.on) {
        request_error(of, "ERR CLIENT CACHING can be called only when the client is in tracking "
                          "mode with OPTIN or OPTOUT mode enabled");
    } else if (yes && !now.optin) {
        request_error(of, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN "
                          "mode.");
    } else if (no && !now.optout) {
        request_error(of, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT "
                          "mode.");
    } else if (yes || no) {
        tracking_cache_next(of->session);
        reply_ok(of->reply);
    } else {
        request_error(of, ERROR_SYNTAX);
    }
}

static int64_t redirect_of(const tracking_state *now)
{
    return now->on ? (int64_t)now->redirect : -1;
}

void run_client_getredir(request *of)
{
    const tracking_state now = tracking_state_of(of->session);
    of->reply->ops->integer(of->reply, redirect_of(&now));
}

static void reply_prefix(void *ctx, hc_span prefix)
{
    reply_text(ctx, prefix);
}

void run_client_trackinginfo(request *of)
{
    reply *to = of->reply;
    const tracking_state now = tracking_state_of(of->session);
    const struct {
        bool holds;
        const char *name;
    } flags[] = {{now.on, "on"},
                 {!now.on, "off"},
                 {now.bcast, "bcast"},
                 {now.optin, "optin"},
                 {now.optin && now.caching, "caching-yes"},
                 {now.optout, "optout"},
                 {now.optout && now.caching, "caching-no"},
                 {now.noloop, "noloop"},
                 {now.broken, "broken_redirect"}};
    size_t count = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        count += flags[i].holds;
    to->ops->map(to, 3);
    reply_text(to, HC_SPAN("flags"));
    to->ops->set(to, count);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (flags[i].holds) reply_text(to, hc_span_make(flags[i].name, strlen(flags[i].name)));
    reply_text(to, HC_SPAN("redirect"));
    to->ops->integer(to, redirect_of(&now));
    reply_text(to, HC_SPAN("prefixes"));
    to->ops->array(to, tracking_prefixes(of->session, NULL, NULL));
    (void)tracking_prefixes(of->session, reply_prefix, to);
}
