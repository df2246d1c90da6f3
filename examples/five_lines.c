/*
 * five_lines.c - open a store, set, get, close.
 *
 *     cc five_lines.c $(pkg-config --cflags --libs hypercache) && ./a.out
 *
 * Prints:
 *
 *     hello, world
 */
#include <hypercache/hypercache.h>
#include <stdio.h>

int main(void)
{
    char text[32];
    size_t size;
    hc_store *store;

    if (hc_store_create(NULL, NULL, &store) != HC_OK) return 1;
    hc_store_set(store, HC_SPAN("greeting"), HC_SPAN("hello, world"), NULL);
    if (hc_store_get(store, HC_SPAN("greeting"), text, sizeof text, &size) == HC_OK)
        printf("%.*s\n", (int)size, text);
    hc_store_destroy(store);
    return 0;
}
