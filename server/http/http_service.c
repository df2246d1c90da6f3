/* http_service.c - options and routes, taken once. */
#include <stdlib.h>

#include "http/http_private.h"

static const http_route_set *const own_sets[] = {
    &http_routes_cache,   &http_routes_batch,   &http_routes_stores,  &http_routes_node,
    &http_routes_cluster, &http_routes_command, &http_routes_console, &http_routes_events,
    &http_routes_debug,   &http_routes_traces,  &http_routes_openapi};

static bool options_take(http_service *to, const http_service_options *given)
{
    http_service_options *o = &to->options;
    *o = *given;
    if (o->body_bytes_max == 0) o->body_bytes_max = HTTP_BODY_BYTES;
    if (o->timeout_ms == 0) o->timeout_ms = HTTP_TIMEOUT_MS;
    for (size_t i = 0; i < o->host_count && i < HTTP_HOSTS_MAX; i++)
        to->hosts[i] = o->hosts[i];
    o->hosts = to->hosts;
    return o->node != NULL && o->set_count <= HTTP_SETS_MAX && o->host_count <= HTTP_HOSTS_MAX &&
           o->body_bytes_max <= HTTP_BODY_MAX;
}

hc_status http_service_create(const http_service_options *options, http_service **service_out)
{
    *service_out = NULL;
    http_service *of = calloc(1, sizeof *of);
    if (of == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = options_take(of, options) ? HC_OK : HC_ERR_INVALID;
    for (size_t i = 0; status == HC_OK && i < sizeof own_sets / sizeof own_sets[0]; i++)
        status = http_router_add(of, own_sets[i]);
    for (size_t i = 0; status == HC_OK && i < of->options.set_count; i++)
        status = http_router_add(of, &of->options.sets[i]);
    if (status != HC_OK) {
        free(of);
        return status;
    }
    *service_out = of;
    return HC_OK;
}

void http_service_destroy(http_service *of)
{
    free(of);
}

size_t http_service_routes(const http_service *of)
{
    return of->route_count;
}

const http_route *http_service_route(const http_service *of, size_t index)
{
    return of->routes[index].route;
}

unsigned http_service_connections(const http_service *of)
{
    return atomic_load_explicit(&of->connections, memory_order_relaxed);
}

const http_transport http_transport_calls = {.service_create = http_service_create,
                                             .service_destroy = http_service_destroy,
                                             .worker_create = http_worker_create,
                                             .worker_destroy = http_worker_destroy,
                                             .accept = http_worker_accept,
                                             .hears = http_worker_hears,
                                             .look = http_worker_look,
                                             .kill = http_worker_kill,
                                             .drain = http_worker_drain,
                                             .connections = http_worker_connections};
