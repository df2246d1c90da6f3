#!/usr/bin/python3
"""mutate_persistence.py - deliberate faults in lib/persistence; a test must turn red for each.

Each mutant is one source file with one piece of text replaced, linked in front of the library.  Each
breaks one of the rules that the tests hold (docs/durability.md):

    I1  what was told durable is there after a crash
    I2  what is there is a prefix of the order of writes, groups whole
    I3  nothing old comes back
    I4  recovering again, or after a crash while recovering, gives the same
    I5  a damaged byte is told or does no harm
    I6  a disk that fails or is full damages nothing
    I7  memory and files stay bounded

MUTANTS_JOBS=2 how many at once; SECONDS_EACH=60 how long a crash test looks for the fault.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
CC = os.environ.get("CC", "gcc")
SECONDS = os.environ.get("SECONDS_EACH", "60")
HANG_S = 120  # the other tests are done in seconds
JOBS = int(os.environ.get("MUTANTS_JOBS", "2"))
CRASH = ("test_crash", "test_every_crash_leaves_a_prefix_with_all_that_was_durable")
FLIPS = ("test_damage", "test_a_flipped_bit_is_reported_or_harmless")
FILES = ("test_persistence", "test_files_and_memory_stay_bounded_while_snapshots_come")

# rule, what is done wrong, file, text, its replacement, the test that must see it
MUTANTS = [
    ("I1", "a new log file's name is not synced", "log_segment.c",
     "if (status == HC_OK) status = hci_dir_sync(&p->dir);", ";", CRASH),
    ("I1", "a manifest's name is not synced", "manifest.c",
     "status = hci_dir_sync(dir);", "status = HC_OK;", CRASH),
    ("I1", "durable is told before the sync", "log_write.c",
     "hc_status status = hci_file_sync(&p->dir, log->file);",
     "durable_end_set(log); durable_tell(p); hc_status status = hci_file_sync(&p->dir, log->file);", CRASH),
    ("I6", "a failed sync is tried again", "log_write.c",
     "hc_status status = hci_file_sync(&p->dir, log->file);",
     "hc_status status = hci_file_sync(&p->dir, log->file);"
     " if (status != HC_OK) status = hci_file_sync(&p->dir, log->file);", CRASH),
    ("I4", "a new file gets its header before what is written again", "log_segment.c",
     "if (log->hidden_header != NULL && log->hidden_id == 0) {",
     "if (log->hidden_header != NULL && log->hidden_id == 0) {"
     " status = header_write(p, log->spare, &header);", CRASH),
    ("I2", "the log is not durable when a snapshot counts", "snapshot.c",
     "status = hc_persistence_sync(p);\n        return", "status = HC_OK;\n        return", CRASH),
    ("I1", "a snapshot is not synced", "snapshot.c",
     "if (status == HC_OK) status = hci_file_sync(&p->dir, w->part[i].file);", ";", CRASH),
    ("I2", "groups that were not committed count", "load.c",
     "if (r->group != 0 && hci_log_group_open(&w->l->plan->scan, r->group)) return HC_OK;", "", CRASH),
    ("I3", "an append is made again over a snapshot", "replay_records.c",
     "if (hc_store_stat(store, r->key, &item) != HC_OK || item.value.size != r->offset) return HC_OK;",
     "if (hc_store_stat(store, r->key, &item) != HC_OK) return HC_OK;", CRASH),
    ("I1", "what a sync did not cover is released from the ring", "log_write.c",
     "hci_ring_release(&log->ring, log->written_lsn);",
     "hci_ring_release(&log->ring, ring_head(&log->ring)); log->written_lsn = ring_head(&log->ring);", CRASH),
    ("I3", "a deletion is not replayed", "replay_records.c",
     "case RECORD_DELETE:", "case RECORD_DELETE: return HC_OK;", CRASH),
    ("I4", "recovery tells durable what it has not written yet", "log_write.c",
     "hc_status status = frames_write(p, true);\n    if (status == HC_OK) status = hci_segment_show(p);",
     "hc_status status = hci_segment_show(p);", CRASH),
    ("I5", "the payload of a snapshot's block is not checked", "snapshot_read.c",
     "if (sum != b->payload_sum) return HC_ERR_NOT_FOUND;", "(void)sum;", FLIPS),
    ("I5", "damage in the log is taken for a torn end", "log_read.c",
     "if (!out->gap) status = evidence_gather(s, out->stop_id, offset);", ";", FLIPS),
    ("I6", "what a failed sync left open is not written again", "log_segment.c",
     "log->written_lsn = header.base_lsn;",
     "if (log->written_lsn < header.base_lsn) log->written_lsn = header.base_lsn;", CRASH),
    ("I7", "files of old generations stay", "retention.c",
     "(void)hci_dir_unlink(&p->dir, name);", "(void)name;", FILES),
    ("I1", "the log goes on from a mark that a process left unsynced", "log_read.c",
     "if (r.block.raw_bytes == 0) continue;", ";", CRASH),
    ("I1", "the log goes on from a file that a process had only begun", "log_read.c",
     "base_lsn >= lsn", "base_lsn > lsn", CRASH),
    ("I7", "the ring is not given back", "log_write.c",
     "hci_ring_release(&log->ring, log->written_lsn);", ";", FILES),
]


def run(number):
    _, _, name, old, new, (program_name, test) = MUTANTS[number]
    source = pathlib.Path("lib/persistence", name)
    text = source.read_text()
    if old not in text:
        return f"the text to replace is not in {name}"
    folder = BUILD / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    mutant = folder / f"mutant_{number}.c"
    mutant.write_text(text.replace(old, new))
    program = folder / f"mutant_{number}"
    subprocess.run([CC, "-std=c11", "-O1", "-w", "-pthread", "-Iinclude", "-Ilib", "-o", program, mutant,
                    BUILD / f"obj/tests/unit/persistence/{program_name}.o", BUILD / "obj/support.a",
                    BUILD / "libhypercache.a", "-lcmocka", "-ljansson", "-lzstd", "-lm"], check=True)
    try:
        result = subprocess.run([program, test], env={**os.environ, "TEST_CRASH_SECONDS": SECONDS},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                timeout=int(SECONDS) + HANG_S)
    except subprocess.TimeoutExpired:
        return ""  # it does not end: that is seen, too
    return "" if result.returncode != 0 else f"{program_name} stayed green"


def main():
    problems = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = pool.map(run, range(len(MUTANTS)))
        for (rule, what, *_), problem in zip(MUTANTS, results):
            print(f"{'caught' if not problem else 'MISSED: ' + problem:40} {rule} {what}", flush=True)
            problems += bool(problem)
    print(f"mutants: {len(MUTANTS)}, {problems} not caught")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
