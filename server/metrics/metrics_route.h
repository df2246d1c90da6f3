/*
 * metrics_route.h - GET /metrics.
 */
#ifndef HYPERCACHE_SERVER_METRICS_METRICS_ROUTE_H
#define HYPERCACHE_SERVER_METRICS_METRICS_ROUTE_H

#include "http/http_route.h"
#include "metrics/exposition.h"

/* For http_service_options.sets; borrows the exposition. */
http_route_set metrics_routes(exposition *of);

#endif
