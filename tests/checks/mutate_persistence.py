#!/usr/bin/python3
"""mutate_persistence.py - deliberate faults in lib/persistence; the crash test must turn red for each.

Each mutant is one source file with one piece of text replaced, linked in front of the library.
"""
import os
import pathlib
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
CC = os.environ.get("CC", "gcc")
SECONDS = os.environ.get("SECONDS_EACH", "60")
TEST = "test_every_crash_leaves_a_prefix_with_all_that_was_durable"

# what is done wrong, file, text, its replacement
MUTANTS = [
    ("a new log file's name is not synced", "log_segment.c",
     "if (status == HC_OK) status = hci_dir_sync(&p->dir);", ";"),
    ("a manifest's name is not synced", "manifest.c",
     "status = hci_dir_sync(dir);", "status = HC_OK;"),
    ("durable is told before the sync", "log_write.c",
     "hc_status status = hci_file_sync(&p->dir, log->file);",
     "durable_end_set(log); durable_tell(p); hc_status status = hci_file_sync(&p->dir, log->file);"),
    ("a failed sync is tried again", "log_write.c",
     "hc_status status = hci_file_sync(&p->dir, log->file);",
     "hc_status status = hci_file_sync(&p->dir, log->file);"
     " if (status != HC_OK) status = hci_file_sync(&p->dir, log->file);"),
    ("a new file gets its header before what is written again", "log_segment.c",
     "if (log->hidden_header != NULL && log->hidden_id == 0) {",
     "if (log->hidden_header != NULL && log->hidden_id == 0) {"
     " status = header_write(p, log->spare, &header);"),
    ("the log is not durable when a snapshot counts", "snapshot.c",
     "status = hc_persistence_sync(p);\n        return", "status = HC_OK;\n        return"),
    ("a snapshot is not synced", "snapshot.c",
     "if (status == HC_OK) status = hci_file_sync(&p->dir, w->file);", ";"),
    ("groups that were not committed count", "recover.c",
     "if (r->group != 0 && hci_log_group_open(&l->plan->scan, r->group)) return HC_OK;", ""),
    ("an append is made again over a snapshot", "replay_records.c",
     "if (hc_store_stat(store, r->key, &item) != HC_OK || item.value.size != r->offset) return HC_OK;",
     "if (hc_store_stat(store, r->key, &item) != HC_OK) return HC_OK;"),
]


def run(number, what, name, old, new):
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
                    BUILD / "obj/tests/unit/persistence/test_crash.o", BUILD / "obj/support.a",
                    BUILD / "libhypercache.a", "-lcmocka", "-lzstd", "-lm"], check=True)
    result = subprocess.run([program, TEST], env={**os.environ, "TEST_CRASH_SECONDS": SECONDS},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return "" if result.returncode != 0 else "the crash test stayed green"


def main():
    problems = 0
    for number, (what, name, old, new) in enumerate(MUTANTS):
        problem = run(number, what, name, old, new)
        print(f"{'caught' if not problem else 'MISSED: ' + problem:40} {what}", flush=True)
        problems += bool(problem)
    print(f"mutants: {len(MUTANTS)}, {problems} not caught")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
