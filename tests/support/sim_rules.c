/* sim_rules.c - names for the bits of replication_internal.h. */
#include "support/sim_rules.h"

#include "replication/replication_internal.h"

#include <assert.h>

static const struct {
    uint32_t bit;
    const char *name;
} rules[] = {
    {HCI_RULE_G1_STUB, "G1 stub"},
    {HCI_RULE_G2_BOOT, "G2 boot"},
    {HCI_RULE_G3_HOLD, "G3 hold"},
    {HCI_RULE_G4_CONSULT, "G4 consult"},
    {HCI_RULE_G5_SYNC, "G5 sync"},
    {HCI_RULE_G6_ABSENCE, "G6 absence"},
    {HCI_RULE_G7_FLUSH, "G7 flush"},
    {HCI_RULE_C1_FRESH, "C1 fresh"},
    {HCI_RULE_C2_ONE, "C2 one"},
    {HCI_RULE_C3_OWNER, "C3 owner"},
    {HCI_RULE_C4_COMPLETE, "C4 complete"},
    {HCI_RULE_C5_PROOF, "C5 proof"},
    {HCI_RULE_C6_SYNC, "C6 sync"},
    {HCI_RULE_JOINT, "joint"},
    {HCI_RULE_CONFIRM, "confirm"},
    {HCI_RULE_TIE, "tie"},
    {HCI_RULE_HINTS, "hints"},
    {HCI_RULE_AGE, "age"},
    {HCI_RULE_SKEW, "skew"},
};

unsigned sim_rules_count(void)
{
    return sizeof rules / sizeof rules[0];
}

const char *sim_rule_name(unsigned rule)
{
    assert(rule < sim_rules_count());
    return rules[rule].name;
}

void sim_rules_off(hc_replica *replica, uint32_t numbers)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < sim_rules_count(); i++)
        bits |= numbers >> i & 1 ? rules[i].bit : 0;
    hci_replica_rules_off(replica, bits);
}
