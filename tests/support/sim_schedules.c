/* sim_schedules.c - the table, and trying one. */
#include "support/sim_schedules.h"

#include "replication/replication_internal.h"

const sim_schedule sim_schedules[] = {
    {HCI_RULE_G1_STUB, 0, "G1 stub", "a key is deleted while a holder is cut off; it comes back",
     sim_schedule_deleted_while_away},
    {HCI_RULE_G2_BOOT, HCI_RULE_G5_SYNC, "G2 boot",
     "a holder knows of a deletion and starts again from an older disk before the stub is dropped",
     sim_schedule_old_disk},
    {HCI_RULE_G3_HOLD, 0, "G3 hold",
     "a key is deleted while a holder is cut off; its stub goes before the holder comes back",
     sim_schedule_deleted_while_away},
    {HCI_RULE_G4_CONSULT, 0, "G4 consult",
     "most drop a stub above their floors, one that missed the deletion offers the key",
     sim_schedule_stub_gone_early},
    {HCI_RULE_G5_SYNC, 0, "G5 sync",
     "one of two that confirmed a write loses its memory and votes with the one that missed it",
     sim_schedule_empty_voter},
    {HCI_RULE_G6_ABSENCE, HCI_RULE_G3_HOLD, "G6 absence",
     "a holder is away for longer than stubs are kept, and comes back with what was deleted",
     sim_schedule_long_absence},
    {HCI_RULE_G7_FLUSH, 0, "G7 flush", "all is flushed while a holder is cut off; it comes back",
     sim_schedule_flushed_while_away},
    {HCI_RULE_C1_FRESH, 0, "C1 fresh",
     "the clock goes back; a proposal that was taken back and the next one get one version",
     sim_schedule_version_twice},
    {HCI_RULE_C2_ONE, 0, "C2 one",
     "two nodes that do not hear each other increment at a third, each from the same value",
     sim_schedule_two_successors},
    {HCI_RULE_C3_OWNER, 0, "C3 owner",
     "a proposal is committed, a voter hears nothing of it for long, another coordinator comes",
     sim_schedule_forgotten_vote},
    {HCI_RULE_C4_COMPLETE, 0, "C4 complete",
     "a coordinator answers its client and loses its memory before its voter hears",
     sim_schedule_dead_coordinator},
    {HCI_RULE_C5_PROOF, 0, "C5 proof",
     "a successor overtakes the commit of what it succeeds, is taken back, the coordinator dies",
     sim_schedule_unproven},
    {HCI_RULE_C6_SYNC, 0, "C6 sync",
     "a voter loses its memory and is asked for its vote again before it has its data",
     sim_schedule_voter_without_data},
    {HCI_RULE_JOINT, 0, "joint",
     "a write of the old ring is under way when the new one forms without one of its voters",
     sim_schedule_quorum_of_old},
    {HCI_RULE_CONFIRM, 0, "confirm", "an acting primary is cut off, answers, and loses its memory",
     sim_schedule_unconfirmed},
    {HCI_RULE_TIE, 0, "tie", "two nodes with one tag write one key in the same millisecond",
     sim_schedule_equal_versions},
};

size_t sim_schedules_count(void)
{
    return sizeof sim_schedules / sizeof sim_schedules[0];
}

uint64_t sim_schedule_breaks(const sim_schedule *of, uint32_t rules_off, const char **why_out)
{
    *why_out = NULL;
    for (uint64_t seed = 1; seed <= SIM_SCHEDULE_SEEDS; seed++) {
        *why_out = of->run(seed, rules_off);
        if (*why_out != NULL) return seed;
    }
    return 0;
}
