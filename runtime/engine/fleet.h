/* fleet.h - a recipe's document as the fleet that is wanted: names checked, scripts prepared,
 * defaults laid under each declaration.  Pure: nothing is asked of a plane. */
#ifndef ENGINE_FLEET_H
#define ENGINE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>

#include "base/json.h"
#include "client/directory.h"
#include "engine/problems.h"
#include "model/schema.h"
#include "setup/secrets.h"

#define FLEET_INSTANCES_MAX 100000

/* One declared instance.  Texts and blocks are borrowed from the document, but for `key`. */
struct fleet_instance {
    const char *name;
    char *key;           /* the name, case folded; owned */
    const cJSON *fields; /* its own block */
    const char *file;
    int line;
    UT_hash_handle hh;
};

/* Somebody whom the recipe names, once. */
struct fleet_principal {
    char *key; /* kind and name, case folded; owned */
    enum directory_kind kind;
    const char *name; /* as first written */
    char *id;         /* object id, once resolved; owned; NULL */
    struct schema_principal view;
    const char *file; /* where it was first named */
    int line;
    const char *word, *by; /* what named it: "instance", "ds-ada" */
    UT_hash_handle hh;
};
const char *fleet_principal_word(enum directory_kind kind); /* "user", "group", … */

/* One declared custom role. */
struct fleet_role {
    const char *name;
    char *key; /* the name, case folded; owned */
    const cJSON *fields;
    const char *file;
    int line;
};

/* One role for one principal: a declaration with a list of them makes several. */
struct fleet_grant {
    const char *role;  /* as written */
    const char *scope; /* as written; NULL: the workspace */
    struct fleet_principal *principal;
    const char *file;
    int line;
};

struct fleet {
    const cJSON *document;
    const char *name; /* NULL: none declared */
    const char *file;
    int line;
    const char *workspace, *location; /* NULL: not said */
    const cJSON *tags_block; /* fleet's fields when they have tags, as the weakest layer; or NULL */
    const cJSON *defaults;   /* or NULL */
    struct fleet_instance *instances; /* in order of declaration, names unique */
    size_t count;
    struct fleet_role *roles; /* in order of declaration, names unique */
    size_t role_count;
    struct fleet_grant *grants; /* in order of declaration */
    size_t grant_count, grant_capacity;
    struct fleet_instance *by_name;     /* uthash by key */
    struct fleet_principal *principals; /* uthash by key */
    struct secrets *secrets;            /* of all scripts: what is not to be shown; owned */
    struct schema_script *scripts;      /* texts owned */
    size_t script_count;
    struct schema_refs refs; /* to be given to schema_desired() and schema_put() */
};

/* Reads the document (borrowed: outlives the fleet).  Mistakes go to `problems`; a fleet comes out
 * all the same, with what can be made sense of.  ERROR_NO_MEMORY, ERROR_INVALID when it is no
 * document at all, ERROR_TOO_LARGE. */
int fleet_new(const cJSON *document, const char *tenant, struct problems *problems,
              struct fleet **out, struct error *err);
void fleet_free(struct fleet *fleet);

/* The declared instance of that name in any case, or NULL. */
struct fleet_instance *fleet_find(const struct fleet *fleet, const char *name);

/* The declared role of that name in any case, or NULL. */
const struct fleet_role *fleet_find_role(const struct fleet *fleet, const char *name);

/* Its blocks, weakest first. */
struct schema_layers fleet_layers(const struct fleet *fleet, const struct fleet_instance *instance);

/* The principal of an object id, or NULL: for showing what is there now. */
const struct fleet_principal *fleet_principal_by_id(const struct fleet *fleet, const char *id);

/* Appends the case-folded form of a name; the caller frees; NULL: no memory. */
char *fleet_key(const char *name);

#endif
