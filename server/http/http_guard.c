/*
 * http_guard.c - who may ask: what a page of another site makes a browser send is refused.
 *
 * A browser on this machine reaches ports that no stranger does.  Two ways lead a page of theirs
 * here: it sends a request across (then Origin names their site, or Sec-Fetch-Site says
 * cross-site), or it has its own name resolve to our address (then Host is their name).  So:
 *
 *     Host    over a loopback address: an address, localhost, or a name of network.http_hosts
 *     Origin  if there is one: the same host as Host
 *
 * Reading across sites needs no refusal: no CORS header is ever sent, so the page sees nothing.  It
 * is refused all the same, for it may cost something.
 */
#include <string.h>

#include "http/http_private.h"

/* "host:port", "[::1]:port" -> the host. */
static hc_span host_of(hc_span authority)
{
    if (authority.size == 0) return authority;
    if (authority.data[0] == '[') {
        const uint8_t *end = memchr(authority.data, ']', authority.size);
        return end != NULL ? hc_span_make(authority.data, (size_t)(end - authority.data) + 1)
                           : authority;
    }
    const uint8_t *colon = memchr(authority.data, ':', authority.size);
    if (colon != NULL) authority.size = (size_t)(colon - authority.data);
    return authority;
}

/* Digits and dots, or in brackets: nobody but us can have it resolve to us. */
static bool is_address(hc_span host)
{
    if (host.size == 0) return false;
    if (host.data[0] == '[') return true;
    for (size_t i = 0; i < host.size; i++)
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9')) return false;
    return true;
}

static bool name_is_ours(const http_service_options *options, hc_span host)
{
    static const char suffix[] = ".localhost";
    if (is_address(host) || http_word_is(host, "localhost")) return true;
    if (host.size > sizeof suffix - 1 &&
        http_word_is(hc_span_make(host.data + host.size - (sizeof suffix - 1), sizeof suffix - 1),
                     suffix))
        return true;
    for (size_t i = 0; i < options->host_count; i++) {
        const char *known = options->hosts[i];
        if (strcmp(known, "*") == 0) return true;
        if (strlen(known) == host.size &&
            strncasecmp(known, (const char *)host.data, host.size) == 0)
            return true;
    }
    return false;
}

static bool is_loopback(const char *local_address)
{
    return strncmp(local_address, "127.", 4) == 0 || strncmp(local_address, "[::1]", 5) == 0;
}

static bool same_text(hc_span a, hc_span b)
{
    return a.size == b.size &&
           (a.size == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0);
}

/* "http://host:port" of the same authority as Host. */
static bool origin_is_ours(hc_span origin, hc_span host)
{
    for (size_t i = 0; i + 2 < origin.size; i++) {
        if (memcmp(origin.data + i, "://", 3) != 0) continue;
        return same_text(hc_span_make(origin.data + i + 3, origin.size - i - 3), host);
    }
    return false; /* "null" */
}

bool http_guard_passes(http_exchange *x)
{
    const http_head *head = x->head;
    bool found;
    hc_span host = host_of(head->host);
    if (head->host.size > 0 && is_loopback(x->connection->session.local_address) &&
        !name_is_ours(&x->worker->service->options, host)) {
        exchange_error(x, 403, "HOST_REFUSED",
                       "this host name is not known here; see network.http_hosts");
        return false;
    }
    hc_span origin = http_head_find(head, "origin", &found);
    if (found && !origin_is_ours(origin, head->host)) {
        exchange_error(x, 403, "ORIGIN_REFUSED", "requests from pages of other sites are refused");
        return false;
    }
    hc_span site = http_head_find(head, "sec-fetch-site", &found);
    hc_span mode = http_head_find(head, "sec-fetch-mode", &found);
    /* A link from elsewhere to the console is no harm. */
    if (http_word_is(site, "cross-site") &&
        !(head->method == HTTP_GET && http_word_is(mode, "navigate"))) {
        exchange_error(x, 403, "ORIGIN_REFUSED", "requests from pages of other sites are refused");
        return false;
    }
    return true;
}
