/*
 * replication_internal.h - for tests: each rule of the protocol can be turned off, to see that
 * somebody notices.
 */
#ifndef HYPERCACHE_REPLICATION_INTERNAL_H
#define HYPERCACHE_REPLICATION_INTERNAL_H

#include <hypercache/replication.h>

enum hci_rule {
    HCI_RULE_G1_STUB = 1u << 0,      /* what is deleted leaves its version behind */
    HCI_RULE_G2_BOOT = 1u << 1,      /* a restart of a peer voids what it confirmed */
    HCI_RULE_G3_HOLD = 1u << 2,      /* stubs wait for all, and go early above a floor only */
    HCI_RULE_G4_CONSULT = 1u << 3,   /* a key below a peer's floor is asked about, not pushed */
    HCI_RULE_G5_SYNC = 1u << 4,      /* a restarted node does not vote before it has its data */
    HCI_RULE_G6_ABSENCE = 1u << 5,   /* nor does one that was away for long */
    HCI_RULE_G7_FLUSH = 1u << 6,     /* what is older than a flush is dead on arrival */
    HCI_RULE_C1_FRESH = 1u << 7,     /* proposals never reuse a version */
    HCI_RULE_C2_ONE = 1u << 8,       /* one successor at a time */
    HCI_RULE_C3_OWNER = 1u << 9,     /* only the coordinator takes a proposal back */
    HCI_RULE_C4_COMPLETE = 1u << 10, /* that of a dead coordinator is completed */
    HCI_RULE_C5_PROOF = 1u << 11,    /* a successor proves what it succeeds */
    HCI_RULE_C6_SYNC = 1u << 12,     /* data is not whole while a peer holds a proposal */
    HCI_RULE_JOINT = 1u << 13,       /* during a change, most of the old and of the new */
    HCI_RULE_CONFIRM = 1u << 14,     /* QUORUM and ALL wait for confirmations */
    HCI_RULE_TIE = 1u << 15,         /* of equal versions all choose the same */
    HCI_RULE_AGE = 1u << 16,         /* a write that was long under way is not fresh */
    HCI_RULE_SKEW = 1u << 17,        /* versions from a clock far ahead are refused */
    HCI_RULE_HINTS = 1u << 18        /* a peer that was away gets what it is owed */
};

/* Bits of hci_rule that do not hold from now on; 0: all hold. */
void hci_replica_rules_off(hc_replica *replica, uint32_t rules);

#endif
