/* data.c - the table of verbs: their words, their flags, who does them. */
#include "data/data.h"

#include <string.h>

#include "data/data_verbs.h"

typedef struct data_verb {
    const char *name;
    size_t paths;           /* words that it needs */
    unsigned flags, needed; /* data_flag: taken, and not to be left out */
    data_result (*run)(const data_options *options);
    const char *usage, *help;
} data_verb;

static const data_verb verbs[] = {
    {"info", 1, DATA_FLAG_JSON, 0, data_info, "DIR [--json]", "what is in a data directory"},
    {"verify", 1, DATA_FLAG_JSON, 0, data_verify, "DIR [--json]",
     "reads every byte; lists what is damaged"},
    {"salvage", 2, DATA_FLAG_JSON, 0, data_salvage, "DIR TO [--json]",
     "what can still be read of DIR, into a new directory"},
    {"backup", 2, DATA_FLAG_JSON, 0, data_backup, "DIR TO [--json]",
     "a verified copy of a directory that no server has open"},
    {"restore", 2, DATA_FLAG_JSON, 0, data_restore, "FROM TO [--json]",
     "verifies a backup and copies it to a new directory"},
    {"import", 1,
     DATA_FLAG_JSON | DATA_FLAG_DIR | DATA_FLAG_SKIP | DATA_FLAG_TRUNCATE | DATA_FLAG_MERGE |
         DATA_FLAG_DATABASE,
     DATA_FLAG_DIR, data_import,
     "FILE|DIR --data-dir D [--skip] [--truncate] [--merge] [--database N] [--json]",
     "Redis's RDB file or append-only files, into a data directory"},
    {"export", 0,
     DATA_FLAG_JSON | DATA_FLAG_DIR | DATA_FLAG_TO | DATA_FLAG_SKIP | DATA_FLAG_DATABASE |
         DATA_FLAG_STORE,
     DATA_FLAG_DIR | DATA_FLAG_TO, data_export,
     "--data-dir D --to FILE.rdb [--database N | --store NAME] [--skip] [--json]",
     "an RDB file that Redis 5 and later load"},
};

void data_print_usage(FILE *to)
{
    (void)fputs("usage:\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        (void)fprintf(to, "  hypercached data %s %s\n      %s\n", verbs[i].name, verbs[i].usage,
                      verbs[i].help);
    }
    (void)fputs("\nNo server may have the directory open. Exit status: 0 good, 1 the data is "
                "damaged or\nholds what is not kept here, 2 anything else.\n",
                to);
}

static data_result run(const data_verb *verb, int argc, char *const *argv, FILE *out, FILE *err)
{
    data_options options = {.verb = verb->name, .out = out, .err = err};
    if (!data_options_read(&options, verb->flags, argc, argv)) return DATA_FAILED;
    bool both = options.store != NULL && options.database != DATA_ALL_DATABASES;
    if (options.path_count == verb->paths && (options.given & verb->needed) == verb->needed &&
        !both)
        return verb->run(&options);
    (void)fprintf(err, "usage: hypercached data %s %s\n", verb->name, verb->usage);
    return DATA_FAILED;
}

data_result data_run(int argc, char *const *argv, FILE *out, FILE *err)
{
    const char *name = argc > 0 ? argv[0] : "";
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) return run(&verbs[i], argc - 1, argv + 1, out, err);
    }
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    data_print_usage(help ? out : err);
    return help ? DATA_GOOD : DATA_FAILED;
}
