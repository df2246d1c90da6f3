/*
 * metrics_route.c - the page in the form that the scraper's Accept header asks for.
 */
#include "metrics/metrics_route.h"

#include "http/http_exchange.h"

static bool append(void *ctx, const char *text, size_t bytes)
{
    http_bytes *to = ctx;
    http_bytes_add(to, text, bytes);
    return !to->failed;
}

static void get_metrics(http_exchange *x)
{
    exposition *of = exchange_ctx(x);
    bool open = exchange_accepts(x, "application/openmetrics-text");
    hc_metrics_format format = open ? HC_METRICS_OPENMETRICS : HC_METRICS_TEXT;
    http_bytes *to = exchange_text(x, 200, hc_metrics_content_type(format));
    (void)hc_metrics_write(exposition_metrics(of), format, append, to);
}

static const http_route rows[] = {
    {HTTP_GET, "/metrics", get_metrics, 0,
     "All metrics as Prometheus text 0.0.4, or OpenMetrics if Accept names it", NULL, NULL, "200"},
};

http_route_set metrics_routes(exposition *of)
{
    return (http_route_set){.rows = rows, .count = sizeof rows / sizeof *rows, .ctx = of};
}
