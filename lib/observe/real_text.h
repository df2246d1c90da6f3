/* real_text.h - a number as JSON, and the page of metrics, have it. */
#ifndef HYPERCACHE_OBSERVE_REAL_TEXT_H
#define HYPERCACHE_OBSERVE_REAL_TEXT_H

#include <stddef.h>

#define HCI_REAL_CHARS 40u

/* Writes the shortest of 15..17 digits that reads back as the same number, with '.' whatever the
 * process's locale has; returns how many characters, no NUL behind them.  `value` is finite. */
size_t hci_real_text(double value, char text[HCI_REAL_CHARS]);

#endif
