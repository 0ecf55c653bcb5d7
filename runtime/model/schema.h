/* schema.h - what a resource type is made of: one table of fields a type, and everything that can
 * be told from it.
 *
 * Adding a field is adding a row: validation, the body sent, what is read back, the comparison, the
 * plan's lines, help, completions and editor annotations all read the row.  Pure: no I/O.
 *
 * Three forms of a value:
 *   recipe      what the user wrote, as JSON ("1h", {"$user":"ada@…"});
 *   canonical   one form for equal values (3600; {"id":"…"}): compared, shown;
 *   ARM         members of the body of a request or a reply.
 *
 * A field that no recipe says is left alone: it is neither sent nor compared, so removing a line
 * from a recipe removes nothing.  To empty a field say so: `tags = {}`, `schedules = {}`.  What ARM
 * leaves out, or has as null or [], equals the field's default. */
#ifndef MODEL_SCHEMA_H
#define MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

#define TAG_FLEET "moonfleet-fleet"     /* who owns it */
#define TAG_DIGEST "moonfleet-digest"   /* "1:<setup>:<startup>", see schema_digest_tag() */
#define TAG_PROTECT "moonfleet-protect" /* "true": never delete or re-create */
#define TAG_CACHE "moonfleet-cache"     /* "true": its creation script's result may be shared */
#define TAG_PREFIX "moonfleet-"

enum schema_kind {
    SCHEMA_STRING,
    SCHEMA_BOOL,
    SCHEMA_INT,
    SCHEMA_DURATION,  /* recipe: "1h"; canonical: seconds */
    SCHEMA_ENUM,      /* one of `choices` */
    SCHEMA_MAP,       /* names to strings */
    SCHEMA_LIST,      /* of objects with the fields of `object` */
    SCHEMA_OBJECT,    /* with the fields of `object` */
    SCHEMA_PRINCIPAL, /* user(…): {"$user":…} */
    SCHEMA_SCRIPT,    /* setup_script "…" {…}: {"$setup_script":index} */
    SCHEMA_ID,        /* an ARM resource id */
    SCHEMA_SIZE,      /* a VM size */
    SCHEMA_CRON,      /* five fields of NCronTab */
    SCHEMA_TIME_ZONE, /* a Windows time zone */
    SCHEMA_IDENTITY,  /* "system", an id, or a list of them */
    SCHEMA_TEXTS,     /* a list of texts; order and case do not count */
    SCHEMA_ANYONE,    /* a user, group or service principal, or a list of them */
    SCHEMA_SCOPE,     /* "workspace", "instance:NAME", …, or an id */
};

/* How a difference is put right. */
enum schema_change {
    SCHEMA_BY_PUT,     /* in place, by create-or-update */
    SCHEMA_BY_IDLE,    /* in place, by updateIdleShutdownSetting */
    SCHEMA_BY_POWER,   /* by start or stop */
    SCHEMA_BY_REPLACE, /* only by deleting and creating again */
    SCHEMA_NEVER,      /* not compared: says where, not what */
};

enum schema_flag {
    SCHEMA_REQUIRED = 1,
    SCHEMA_INVERTED = 2,   /* ARM says the opposite (disableLocalAuth) */
    SCHEMA_WRITE_ONLY = 4, /* the service does not give it back reliably: compared by digest */
    SCHEMA_MERGED = 8,     /* layers add up (tags); otherwise the strongest layer wins whole */
    SCHEMA_TRIMMED = 16,   /* white space around it does not count (a key read from a file) */
};

struct schema_type;

struct schema_field {
    const char *name; /* in recipes */
    enum schema_kind kind;
    enum schema_change change;
    unsigned flags;       /* enum schema_flag */
    const char *arm;      /* dotted path in the ARM body; NULL: not in it */
    const char *fallback; /* what the service makes of an unset one, for help; NULL: nothing */
    const char *const *choices; /* NULL-terminated recipe words of an ENUM */
    const char *const *wire;    /* ARM's words for them, in the same order */
    int64_t min, max;           /* seconds of a DURATION, value of an INT, entries of a MAP, LIST or
                                 * TEXTS, characters of a STRING; max 0: no bounds */
    const struct schema_type *object; /* of a LIST or OBJECT */
    const char *summary;              /* one line, for help */
    const char *example;              /* Lua, as the user would write the value */
};

struct schema_type {
    const char *name;    /* the word in recipes */
    const char *summary; /* one line */
    const char *example; /* Lua */
    bool named; /* a declaration `word("name") {…}`, or `word {…}`; false: a part of another
                          * type */
    const struct schema_field *fields;
    size_t field_count;
};

/* All types that a recipe can declare ("fleet", "instance", "grant", "role"), by name.  Static. */
const struct schema_type *const *schema_types(size_t *out_count);
const struct schema_type *schema_type_find(const char *name); /* NULL: none */
/* The type of a fleet's `defaults`: the fields of an instance. */
const struct schema_type *schema_instance(void);
const struct schema_type *schema_fleet(void);
const struct schema_type *schema_grant(void);
/* The fields of a role stand in a flat view of a role definition, see engine/role.c. */
const struct schema_type *schema_role(void);
const struct schema_field *schema_field_find(const struct schema_type *type, const char *name);

/* For help: "duration", "\"personal\" | \"shared\"", "list of schedules". */
void schema_kind_text(const struct schema_field *field, char *out, size_t out_size);
/* For editors: "string", "\"personal\" | \"shared\"", "recipe.schedule[]" (LuaLS). */
void schema_kind_lua(const struct schema_field *field, char *out, size_t out_size);
/* "in place", "by re-creation", …: static. */
const char *schema_change_text(const struct schema_field *field);

/* ---- checking ---- */

/* Told for each mistake, a sentence without its place. */
typedef void schema_problem_fn(const char *message, void *arg);

/* Checks what a user wrote in one block: unknown fields with a suggestion, kinds, bounds, choices,
 * all of them.  `script_count` bounds {"$setup_script":i}.  Returns the number of mistakes. */
size_t schema_check(const struct schema_type *type, const cJSON *fields, size_t script_count,
                    schema_problem_fn *problem, void *arg);

/* ---- values ---- */

/* A setup script, ready for the wire.  Texts are borrowed. */
struct schema_script {
    const char *label;     /* for people: its path, or "inline script" */
    bool shared;           /* it stands in the workspace's file share */
    const char *data;      /* the script, base64; shared: its path there */
    const char *arguments; /* one shell-quoted string; NULL: none */
    const char *timeout;   /* "20m"; NULL: the service's own (15 minutes) */
    const char *digest;    /* of text, arguments and timeout */
    bool cache;            /* its result does not depend on the instance */
};

struct schema_principal {
    const char *id;   /* object id */
    const char *name; /* as the recipe has it */
};

/* What references in a recipe stand for. */
struct schema_refs {
    const struct schema_script *scripts;
    size_t script_count;
    /* The principal of a reference ({"$user":…}); NULL when it is not resolved.  May be NULL. */
    const struct schema_principal *(*principal)(const cJSON *reference, void *arg);
    void *arg;
    const char *tenant;
};

/* Blocks that say a field, weakest first (fleet's tags, defaults, the instance's own); NULLs are
 * fine. */
struct schema_layers {
    const cJSON *blocks[3];
};

/* The recipe's value of `field` in the strongest layer that says it; NULL: none does. Borrowed. */
const cJSON *schema_said(const struct schema_field *field, const struct schema_layers *layers);

/* Canonical value of what checked recipe blocks say; NULL: nothing said, or an unresolved principal
 * (or no memory).  The caller's. */
cJSON *schema_desired(const struct schema_field *field, const struct schema_layers *layers,
                      const struct schema_refs *refs);
/* Canonical value of what an ARM body has; NULL: unset.  The caller's. */
cJSON *schema_actual(const struct schema_field *field, const cJSON *body);
/* Equal for the service's purposes: case, order and defaults as the field has them.  `desired` is
 * not NULL; `actual` may be. */
bool schema_equal(const struct schema_field *field, const cJSON *desired, const cJSON *actual);
/* Puts a canonical value into an ARM body.  ERROR_NO_MEMORY. */
int schema_put(const struct schema_field *field, const cJSON *desired,
               const struct schema_refs *refs, cJSON *body);
/* For plan lines: appends the value as people read it ("1h", "cost_center=4711", "unset" for NULL).
 */
void schema_text(const struct schema_field *field, const cJSON *value, struct buffer *out);

/* The value of TAG_DIGEST for two script digests (NULL: not declared, keeps what `old_tag` has;
 * NULL there too: "-").  The caller frees; NULL: no memory. */
char *schema_digest_tag(const char *setup, const char *startup, const char *old_tag);

/* A tag's value by name, case folded; NULL: none. */
const char *schema_tag(const cJSON *body, const char *name);
/* Puts a tag, replacing one whose name differs in case only; NULL value: removes it. */
int schema_tag_put(cJSON *body, const char *name, const char *value);

/* ---- bodies of compute instances ---- */

/* A body for creating: {"properties":{"computeType":"ComputeInstance","properties":{}}} with
 * `location`. The caller's; NULL: no memory. */
cJSON *schema_instance_body(const char *location);
/* Takes what only the service may say out of a body that it returned, so that it can be sent back.
 */
void schema_instance_strip(cJSON *body);

/* What a listed or fetched compute instance is doing. */
enum instance_phase {
    INSTANCE_STEADY,  /* comparable */
    INSTANCE_MOVING,  /* an operation is under way: wait, then compare */
    INSTANCE_LEAVING, /* it is being deleted */
    INSTANCE_BROKEN,  /* its creation failed: nothing of a person's is on it */
};
enum instance_phase instance_phase(const cJSON *body);
/* Does it run (or is it on the way up)?  false: Stopped or stopping, or not known. */
bool instance_runs(const cJSON *body);
bool instance_is(const cJSON *body); /* computeType ComputeInstance? */

#endif
