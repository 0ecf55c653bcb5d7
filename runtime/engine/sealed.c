/* sealed.c - see sealed.h. */
#include "engine/sealed.h"

#include "base/text.h"

typedef int changes(const struct secrets *secrets, const char *text, size_t size,
                    struct buffer *out, struct error *err);

/* Replaces each script's text by what `change` makes of it. */
static int change_scripts(cJSON *document, const struct secrets *secrets, changes *change,
                          struct error *err)
{
    cJSON *script = NULL;
    cJSON_ArrayForEach(script, cJSON_GetObjectItemCaseSensitive(document, "scripts"))
    {
        struct buffer text = { 0 };
        const char *old = json_string(script, "text", "");
        int rc = change(secrets, old, strlen(old), &text, err);
        if (rc == 0 && json_put_string(script, "text", text.data ? text.data : "") < 0)
            rc = error_set(err, ERROR_NO_MEMORY, "no memory for a script");
        buffer_clear(&text);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Leaves out the values.  Secrets of one value cannot be told apart in a script: the later ones name
 * the first, and stay its equals. */
static void leave_out_values(cJSON *secrets)
{
    cJSON *secret = NULL, *later = NULL;
    cJSON_ArrayForEach(secret, secrets)
    {
        const char *value = json_string(secret, "value", NULL);
        for (later = secret->next; value && later; later = later->next)
            if (text_equal(json_string(later, "value", NULL), value) &&
                !cJSON_HasObjectItem(later, "same"))
                (void)cJSON_AddStringToObject(later, "same", json_string(secret, "name", ""));
        cJSON_DeleteItemFromObjectCaseSensitive(secret, "value");
    }
}

cJSON *sealed_document(const struct fleet *fleet)
{
    cJSON *copy = cJSON_Duplicate(fleet->document, true);
    if (!copy || secrets_count(fleet->secrets) == 0)
        return copy;
    leave_out_values(cJSON_GetObjectItemCaseSensitive(copy, "secrets"));
    if (change_scripts(copy, fleet->secrets, secrets_seal, NULL) == 0)
        return copy;
    cJSON_Delete(copy);
    return NULL;
}

static int put_value(cJSON *entry, const struct plan_target *target, struct secrets *secrets,
                     struct error *err)
{
    const char *name = json_string(entry, "name", "");
    const char *value =
        target->secret && secret_name_valid(name) ? target->secret(name, target->secret_arg) : NULL;
    if (!value)
        return error_set(
            err, ERROR_INVALID,
            "the saved plan leaves out the value of the secret '%.128s': give it as for "
            "the plan, by MOONFLEET_SECRET_%.128s or --secrets FILE",
            name, name);
    const char *same = json_string(entry, "same", NULL);
    if (same && secret_name_valid(same) &&
        !text_equal(target->secret(same, target->secret_arg), value))
        return error_set(err, ERROR_INVALID,
                         "the secrets '%.128s' and '%.128s' had one value when the plan was made, "
                         "and have two now: make the plan again",
                         same, name);
    int rc = secrets_add(secrets, name, value, strlen(value), err);
    if (rc == 0 && json_put_string(entry, "value", value) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory for a secret");
    return rc;
}

int sealed_open(cJSON *document, const struct plan_target *target, struct error *err)
{
    struct secrets *secrets = NULL;
    cJSON *entry = NULL;
    int rc = secrets_new(&secrets, err);
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(document, "secrets"))
    {
        if (rc == 0)
            rc = put_value(entry, target, secrets, err);
    }
    if (rc == 0 && secrets_count(secrets) > 0)
        rc = change_scripts(document, secrets, secrets_unseal, err);
    secrets_free(secrets);
    return rc;
}
