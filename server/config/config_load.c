/*
 * config_load.c - the sources in order, each overriding the one before.
 *
 *     default < --config F (or HYPERCACHE_CONFIG) < HYPERCACHE_SECTION_KEY < --section.key
 *
 * The command line is walked twice: first for what is to be done and which file is to be read,
 * then, after file and environment, for the keys.
 */
#include <ctype.h>
#include <string.h>

#include "config/config.h"
#include "config/config_apply.h"

#define PREFIX "HYPERCACHE_"
#define NAME_BYTES 96u

void config_apply(config *cfg, const char *name, const char *where, const char *text,
                  config_origin origin, config_problems *problems)
{
    const config_key *key = config_find(name);
    if (key == NULL) {
        const char *later = config_later(name), *near = config_nearest_section(name);
        if (near == NULL) near = config_nearest(name);
        if (config_is_of_stores(name)) {
            config_problem(problems, "%s: %.96s: stores are listed in the file only", where, name);
        } else if (later != NULL) {
            config_problem(problems, "%s: %.96s: %s is not available in this version", where, name,
                           later);
        } else if (near != NULL) {
            config_problem(problems, "%s: unknown key %.96s; did you mean %s?", where, name, near);
        } else {
            config_problem(problems,
                           "%s: unknown key %.96s; `hypercached config default` lists all", where,
                           name);
        }
        return;
    }
    char why[512];
    if (!config_set(cfg, key, CONFIG_UNITS_ASKED, text, origin, why, sizeof why)) {
        config_problem(problems, "%s: %s: %s", where, key->full, why);
    }
}

/* ---- environment ---- */

static void variable_name(const config_key *key, char *name, size_t name_bytes)
{
    (void)snprintf(name, name_bytes, PREFIX "%s_%s", key->section, key->name);
    for (char *at = name; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
}

/* Kubernetes gives every container such variables for a service called "hypercache...". */
static bool from_kubernetes(const char *name, const char *value)
{
    size_t size = strlen(name);
    static const char *const ends[] = {"_SERVICE_HOST", "_SERVICE_PORT", "_TCP_ADDR", "_TCP_PORT",
                                       "_TCP_PROTO"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);
        if (size >= end && strcmp(name + size - end, ends[i]) == 0) return true;
    }
    return strstr(name, "_SERVICE_PORT_") != NULL || strncmp(value, "tcp://", 6) == 0;
}

/* HYPERCACHE_NETWORK_RESP_PORT -> network.resp_port: the first '_' ends the section. */
static void key_name(const char *variable, char *name, size_t name_bytes)
{
    (void)snprintf(name, name_bytes, "%s", variable + strlen(PREFIX));
    for (char *at = name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    char *first = strchr(name, '_');
    if (first != NULL) *first = '.';
}

static void unknown_variable(const char *variable, config_problems *problems)
{
    char name[NAME_BYTES], right[NAME_BYTES];
    key_name(variable, name, sizeof name);
    const char *later = config_later(name), *near = config_nearest(name);
    if (config_is_of_stores(name)) {
        config_problem(problems, "%s: stores are listed in the file only", variable);
    } else if (later != NULL) {
        config_problem(problems, "%s: %s is not available in this version", variable, later);
    } else if (near != NULL) {
        variable_name(config_find(near), right, sizeof right);
        config_problem(problems, "%s: unknown variable; did you mean %s?", variable, right);
    } else {
        config_problem(problems,
                       "%s: unknown variable; `hypercached config default` lists all keys",
                       variable);
    }
}

void config_read_environment(config *cfg, char *const *environment, config_problems *problems)
{
    for (char *const *at = environment; *at != NULL; at++) {
        const char *equals = strchr(*at, '=');
        if (strncmp(*at, PREFIX, strlen(PREFIX)) != 0 || equals == NULL) continue;
        char variable[NAME_BYTES], candidate[NAME_BYTES];
        (void)snprintf(variable, sizeof variable, "%.*s", (int)(equals - *at), *at);
        if (strcmp(variable, PREFIX "CONFIG") == 0) continue;
        const config_key *key = NULL;
        for (size_t i = 0; i < CONFIG_KEY_COUNT && key == NULL; i++) {
            variable_name(&config_keys[i], candidate, sizeof candidate);
            if (strcmp(variable, candidate) == 0) key = &config_keys[i];
        }
        if (key != NULL) {
            config_apply(cfg, key->full, variable, equals + 1,
                         (config_origin){CONFIG_FROM_ENVIRONMENT, 0}, problems);
        } else if (!from_kubernetes(variable, equals + 1)) {
            unknown_variable(variable, problems);
        }
    }
}

/* ---- flags ---- */

typedef struct walk {
    config *cfg; /* NULL: look for action and file only */
    config_action *action;
    const char **path;
    config_problems *problems;
} walk;

/* Names of long flags may be written with '-' for '_'. */
static const config_key *flag_key(const char *flag)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s", flag);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '-') *at = '_';
    }
    const config_key *key = config_find(name);
    for (size_t i = 0; i < CONFIG_KEY_COUNT && key == NULL; i++) {
        const char *short_flag = config_keys[i].short_flag;
        if (short_flag != NULL && strcmp(short_flag, flag) == 0) key = &config_keys[i];
    }
    return key;
}

static void unknown_flag(const char *flag, config_problems *problems)
{
    static const struct {
        const char *flag, *key;
    } later_flags[] = {
#define ROW(flag, key) {flag, key},
        CONFIG_LATER_FLAGS(ROW)
#undef ROW
    };
    const char *later = config_later(flag);
    for (size_t i = 0; i < sizeof later_flags / sizeof later_flags[0]; i++) {
        if (strcmp(later_flags[i].flag, flag) == 0) later = config_later(later_flags[i].key);
    }
    const char *near = strchr(flag, '.') == NULL ? config_nearest_flag(flag) : NULL;
    if (near == NULL) near = config_nearest(flag);
    if (config_is_of_stores(flag)) {
        config_problem(problems, "--%s: stores are listed in the file only", flag);
    } else if (later != NULL) {
        config_problem(problems, "--%s: %s is not available in this version", flag, later);
    } else if (near != NULL) {
        config_problem(problems, "--%s: unknown flag; did you mean --%s?", flag, near);
    } else {
        config_problem(problems, "--%s: unknown flag; see `hypercached --help`", flag);
    }
}

/* Takes the flag at argv[i], with its value, and returns how many arguments that was. */
static int flag_take(const walk *w, int argc, char *const *argv, int i)
{
    const char *text = argv[i] + 2, *equals = strchr(text, '=');
    char flag[NAME_BYTES], where[NAME_BYTES + 2];
    size_t size = equals != NULL ? (size_t)(equals - text) : strlen(text);
    (void)snprintf(flag, sizeof flag, "%.*s", (int)(size < NAME_BYTES ? size : NAME_BYTES), text);
    (void)snprintf(where, sizeof where, "--%s", flag);
    bool help = strcmp(flag, "help") == 0, version = strcmp(flag, "version") == 0;
    if (help || version) {
        *w->action = help ? CONFIG_HELP : CONFIG_VERSION;
        return 1;
    }
    bool file = strcmp(flag, "config") == 0;
    const config_key *key = file ? NULL : flag_key(flag);
    bool known = file || key != NULL;
    const char *next = i + 1 < argc ? argv[i + 1] : NULL;
    if (!known && next != NULL && next[0] == '-') next = NULL; /* may be a flag: read it as one */
    const char *value = equals != NULL ? equals + 1 : next;
    if (file && value != NULL) *w->path = value;
    if (w->cfg != NULL) {
        if (!known) {
            unknown_flag(flag, w->problems);
        } else if (value == NULL) {
            config_problem(w->problems, "%s needs a value", where);
        } else if (key != NULL) {
            config_apply(w->cfg, key->full, where, value, (config_origin){CONFIG_FROM_FLAG, 0},
                         w->problems);
        }
    }
    return equals != NULL || value == NULL ? 1 : 2;
}

/* `config validate|show|default [FILE]`; returns how many arguments that was. */
static int subcommand_take(const walk *w, int argc, char *const *argv, int i)
{
    static const struct {
        const char *name;
        config_action action;
    } rows[] = {{"validate", CONFIG_VALIDATE}, {"show", CONFIG_SHOW}, {"default", CONFIG_DEFAULT}};
    const char *name = i + 1 < argc ? argv[i + 1] : "";
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        if (strcmp(rows[row].name, name) != 0) continue;
        *w->action = rows[row].action;
        bool file = i + 2 < argc && argv[i + 2][0] != '-' && rows[row].action != CONFIG_DEFAULT;
        if (file) *w->path = argv[i + 2];
        return file ? 3 : 2;
    }
    if (w->cfg != NULL) config_problem(w->problems, "config: say validate, show or default");
    return name[0] == '\0' || name[0] == '-' ? 1 : 2;
}

static void walk_arguments(const walk *w, int argc, char *const *argv)
{
    for (int i = 1; i < argc;) {
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0') {
            i += flag_take(w, argc, argv, i);
        } else if (strcmp(argv[i], "-h") == 0) {
            *w->action = CONFIG_HELP;
            i++;
        } else if (i == 1 && strcmp(argv[i], "config") == 0) {
            i += subcommand_take(w, argc, argv, i);
        } else {
            if (w->cfg != NULL) {
                config_problem(w->problems, "unknown argument '%.64s'; see `hypercached --help`",
                               argv[i]);
            }
            i++;
        }
    }
}

void config_read_flags(config *cfg, int argc, char *const *argv, config_problems *problems)
{
    config_action action;
    const char *path;
    walk_arguments(&(walk){cfg, &action, &path, problems}, argc, argv);
}

bool config_load(config *cfg, int argc, char *const *argv, char *const *environment,
                 config_action *action_out, config_problems *problems)
{
    const char *path = NULL;
    config_defaults(cfg);
    *action_out = CONFIG_RUN;
    walk_arguments(&(walk){NULL, action_out, &path, problems}, argc, argv);
    if (*action_out == CONFIG_HELP || *action_out == CONFIG_VERSION) return true;
    if (*action_out != CONFIG_DEFAULT) {
        static const char variable[] = PREFIX "CONFIG=";
        for (char *const *at = environment; path == NULL && *at != NULL; at++) {
            const char *value = *at + sizeof variable - 1;
            bool is_it = strncmp(*at, variable, sizeof variable - 1) == 0;
            if (is_it && value[0] != '\0') path = value;
        }
        if (path != NULL) config_read_file(cfg, path, problems);
        config_read_environment(cfg, environment, problems);
    }
    config_read_flags(cfg, argc, argv, problems);
    if (problems->count == 0) config_check(cfg, problems);
    return problems->count == 0;
}
