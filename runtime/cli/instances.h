/* instances.h - compute instances as commands see them: listed, filtered, named. */
#ifndef CLI_INSTANCES_H
#define CLI_INSTANCES_H

#include "cli/session.h"

/* One instance, read from what the plane listed. */
struct instance {
    cJSON *body; /* owned: the resource as it came; the texts below point into it */
    const char *name, *state, *size, *fleet;
    /* Object ids: of whom it was created for (NULL: nobody but its creator), who created it, and of
     * the one of both whose it is; NULL: unknown. */
    const char *assigned_id, *creator_id, *person_id;
    /* Their user principal names when known, else the ids; borrowed. */
    const char *assigned, *creator, *person;
    int64_t created_ms; /* Unix time; 0: unknown */
};

struct instances {
    struct instance *items; /* sorted by name */
    size_t count, capacity;
    cJSON *people; /* what the directory told; owned, names point into it */
};

/* Which ones.  All conditions must hold; names are exact or globs, case folded; none: any. */
struct instance_filter {
    const char *const *names;
    size_t name_count;
    const char *fleet, *state; /* or NULL */
    const char *person_id;     /* --mine: whose it is; or NULL */
    bool created_too;          /* … and what they created for others */
};

/* The filter of a command's arguments and of its --fleet, --state and --mine; *out_me (owned by the
 * caller) is what person_id points to. */
int instance_filter_of(const struct invocation *invocation, struct session *session,
                       struct instance_filter *out, char **out_me, struct error *err);

/* All instances that pass, in one list call; what fails leaves `out` empty. */
int instances_list(struct session *session, const struct instance_filter *filter,
                   struct instances *out, struct error *err);
/* Reads one body (taken) into the list. */
int instances_add(struct instances *list, cJSON *body, struct error *err);
/* Asks the directory who the persons and creators are; when it does not tell, their ids are shown.
 */
void instances_name_people(struct session *session, struct instances *list);
void instances_clear(struct instances *list);

/* Checks that every exact name of the filter was found: ERROR_NOT_FOUND with a suggestion from what
 * the workspace has. */
int instances_check_names(struct session *session, const struct instance_filter *filter,
                          const struct instances *list, struct error *err);

/* The stable summary that --json shows. */
cJSON *instance_json(const struct instance *instance);

bool instance_name_is_glob(const char *name);

/* Names of all instances, one a line, for the shells; nothing when no plane runs. */
int instances_complete(const struct invocation *invocation, struct error *err);

extern const struct command command_list, command_show, command_start, command_stop,
    command_restart, command_delete, command_logs, command_exec;

#endif
