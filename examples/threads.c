/*
 * threads.c - one store, several threads, no lock of our own.
 *
 * Four threads count their visits in one shared counter and remember their last visit in a key of
 * their own.  Single calls are atomic; several calls become one step between hc_store_begin and
 * hc_store_end, as in `move`, which takes from one account and gives to another.
 *
 * Prints:
 *
 *     visits: 400000
 *     worker 0 was last seen at visit 99999
 *     worker 1 was last seen at visit 99999
 *     worker 2 was last seen at visit 99999
 *     worker 3 was last seen at visit 99999
 *     both accounts together: 1000
 */
#include <hypercache/hypercache.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS 4
#define VISITS 100000
#define TEXT_BYTES 32

typedef struct worker {
    hc_store *store;
    int number;
    hc_status status; /* the first error, or HC_OK */
    pthread_t thread;
} worker;

/* The text of `key` into `text`, which gets a NUL. */
static hc_status get_text(hc_store *store, hc_span key, char text[TEXT_BYTES])
{
    size_t size;
    hc_status status = hc_store_get(store, key, text, TEXT_BYTES - 1, &size);
    text[status == HC_OK ? size : 0] = '\0';
    return status;
}

static long txn_number(hc_txn *txn, hc_span key)
{
    char text[TEXT_BYTES] = "";
    hc_item item;
    if (hc_txn_get(txn, key, &item) == HC_OK && item.value.size < sizeof text)
        snprintf(text, sizeof text, "%.*s", (int)item.value.size, (const char *)item.value.data);
    return strtol(text, NULL, 10);
}

static hc_status txn_put(hc_txn *txn, hc_span key, long number)
{
    char text[TEXT_BYTES];
    int size = snprintf(text, sizeof text, "%ld", number);
    return hc_txn_set(txn, key, hc_span_make(text, (size_t)size), NULL);
}

/* Nobody ever sees the amount in both accounts or in neither. */
static hc_status move(hc_store *store, hc_span from, hc_span to, long amount)
{
    const hc_span keys[] = {from, to};
    hc_txn txn;
    hc_store_begin(store, keys, 2, &txn);
    long had = txn_number(&txn, from);
    hc_status status = txn_put(&txn, from, had - amount);
    if (status == HC_OK) status = txn_put(&txn, to, txn_number(&txn, to) + amount);
    hc_store_end(&txn);
    return status;
}

static void *work(void *argument)
{
    worker *self = argument;
    char name[TEXT_BYTES], text[TEXT_BYTES];
    hc_span key = hc_span_make(name, (size_t)snprintf(name, sizeof name, "last:%d", self->number));
    for (int visit = 0; visit < VISITS && self->status == HC_OK; visit++) {
        int64_t total;
        self->status = hc_store_increment(self->store, HC_SPAN("visits"), 1, &total);
        if (self->status != HC_OK) break;
        int size = snprintf(text, sizeof text, "%d", visit);
        self->status = hc_store_set(self->store, key, hc_span_make(text, (size_t)size), NULL);
        if (self->status != HC_OK || visit % 1000 != 0) continue;
        self->status = move(self->store, HC_SPAN("account:a"), HC_SPAN("account:b"), 1);
    }
    return NULL;
}

static int report(hc_store *store, const worker *workers)
{
    char text[TEXT_BYTES], other[TEXT_BYTES];
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].status != HC_OK) {
            fprintf(stderr, "worker %d: %s\n", i, hc_status_text(workers[i].status));
            return 1;
        }
    get_text(store, HC_SPAN("visits"), text);
    printf("visits: %s\n", text);
    for (int i = 0; i < WORKERS; i++) {
        char name[TEXT_BYTES];
        int size = snprintf(name, sizeof name, "last:%d", i);
        get_text(store, hc_span_make(name, (size_t)size), text);
        printf("worker %d was last seen at visit %s\n", i, text);
    }
    get_text(store, HC_SPAN("account:a"), text);
    get_text(store, HC_SPAN("account:b"), other);
    printf("both accounts together: %ld\n", strtol(text, NULL, 10) + strtol(other, NULL, 10));
    return 0;
}

int main(void)
{
    worker workers[WORKERS] = {0};
    hc_store *store;
    if (hc_store_create(NULL, NULL, &store) != HC_OK) return 1;
    hc_store_set(store, HC_SPAN("account:a"), HC_SPAN("1000"), NULL);
    int started = 0, result = 1;
    for (; started < WORKERS; started++) {
        workers[started] = (worker){.store = store, .number = started};
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) break;
    }
    for (int i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    if (started == WORKERS) result = report(store, workers);
    hc_store_destroy(store);
    return result;
}
