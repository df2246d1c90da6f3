/*
 * real_text.c - the C library's text, less its locale.
 *
 * The process's locale may use another decimal point, of any length: every character that belongs
 * to no number is part of it.
 */
#include "observe/real_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t hci_real_text(double value, char text[HCI_REAL_CHARS])
{
    char local[HCI_REAL_CHARS];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(local, sizeof local, "%.*g", digits, value);
        double back = strtod(local, NULL);
        if (!(back < value) && !(back > value)) break;
    }
    size_t size = 0;
    bool in_point = false;
    for (const char *at = local; *at != '\0'; at++) {
        bool is_point = strchr("0123456789+-e", *at) == NULL;
        if (!is_point || !in_point) text[size++] = is_point ? '.' : *at;
        in_point = is_point;
    }
    return size;
}
