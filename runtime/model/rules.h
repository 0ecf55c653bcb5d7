/* rules.h - rules of the service that people trip over: names, schedules, times, tags.
 * The sentences here are what a plan says.  Source: FACTS.md sections 1, 7, 8 and 12. */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define COMPUTE_NAME_MIN 3
#define COMPUTE_NAME_MAX 24
#define WORKSPACE_NAME_MIN 3
#define WORKSPACE_NAME_MAX 33
#define SCHEDULES_MAX 4 /* a compute instance */
#define IDLE_SHUTDOWN_MIN_S (15 * 60)
#define IDLE_SHUTDOWN_MAX_S (3 * 86400)
#define TAGS_MAX 50      /* a resource */
#define TAG_NAME_MAX 512 /* characters */
#define TAG_VALUE_MAX 256
#define SCRIPT_TIMEOUT_DEFAULT_S (15 * 60)
#define SCRIPT_TIMEOUT_MAX_S (24 * 3600)
#define SCRIPT_SIZE_MAX ((size_t)1 << 20) /* bytes of an inline script, before base64 */
#define SCRIPT_ARGUMENTS_MAX 16384        /* bytes of scriptArguments */
#define SHARE_PATH_MAX 1024               /* of a script in the workspace's file share */
#define ROLE_NAME_MAX 512
#define ROLE_ACTIONS_MAX 2000 /* of each kind; ours: a definition must fit a request */
#define FLEET_NAME_MAX 64     /* ours: it must fit a tag's value and read well in a table */
#define UPN_LOCAL_MAX 64      /* characters before the @ */
#define UPN_DOMAIN_MAX 48     /* … and behind it */
#define UPN_MAX (UPN_LOCAL_MAX + 1 + UPN_DOMAIN_MAX)
#define DISPLAY_NAME_MAX 256 /* characters, of a principal */

/* Names of compute instances: 3 to 24 characters; letters, digits and hyphens; a letter first; no
 * hyphen last; no ending of a hyphen and digits.  When it is not valid, *out_rule (may be NULL) is
 * a static sentence that states the rule which was broken. */
bool compute_name_valid(const char *name, const char **out_rule);

/* Is `name` what the service's own schema accepts?  (It lets a hyphen stand last; the studio does
 * not.) */
bool compute_name_accepted(const char *name);

/* Names of workspaces: 3 to 33 characters; letters, digits, hyphens, underscores; a letter or digit
 * first. */
bool workspace_name_valid(const char *name, const char **out_rule);

/* Names of fleets: 1 to FLEET_NAME_MAX of letters, digits, '-', '_', '.'; a letter or digit first.
 */
bool fleet_name_valid(const char *name, const char **out_rule);

/* Tag names: 1 to 512 characters without < > % & \ ? /  */
bool tag_name_valid(const char *name, const char **out_rule);

/* User principal names: up to 64 of letters, digits and ' . - _ ! # ^ ~, no full stop last, an @,
 * and a domain of up to 48 characters with a full stop in it.  (Entra's rules for accounts.) */
bool upn_valid(const char *upn, const char **out_rule);

/* Paths of scripts in a workspace's file share: "Users/ada/x.sh"; relative, in plain segments, none of
 * them "." or "..", ending in ".sh". */
bool share_path_valid(const char *path, const char **out_rule);

/* Windows time zones, any case: known?; the name as it is written; all of them, sorted. */
bool time_zone_known(const char *windows_name);
const char *time_zone_name(const char *windows_name); /* NULL: unknown */
const char *const *time_zones(size_t *out_count);

/* Five fields of NCronTab: minute hour day month weekday, with `*`, lists, ranges, steps, and
 * three-letter names of months and days.  ERROR_SYNTAX with a sentence that names the field. */
int cron_check(const char *expression, struct error *err);

/* Time limits on the wire are those of timeout(1): "20m", "90s", "2h". */
void script_timeout_text(int64_t seconds, char *out, size_t out_size);

#endif
