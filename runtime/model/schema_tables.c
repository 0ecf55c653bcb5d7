/* schema_tables.c - the rows: what can be said of each type of resource.  Source of paths, words
 * and bounds: FACTS.md sections 2, 6, 7 and 8. */
#include "model/schema.h"

#include "base/text.h"
#include "model/rules.h"

#define INNER "properties.properties."
#define TAGS_OURS 4 /* fleet, digest, protect, cache: they count too */

static const char *const sharing_words[] = { "personal", "shared", NULL };
static const char *const sharing_wire[] = { "Personal", "Shared", NULL };
static const char *const power_words[] = { "running", "stopped", NULL };

static const struct schema_field ssh_fields[] = {
    { .name = "public_key",
      .kind = SCHEMA_STRING,
      .change = SCHEMA_BY_REPLACE,
      .flags = SCHEMA_REQUIRED | SCHEMA_TRIMMED,
      .arm = "adminPublicKey",
      .min = 1,
      .max = 16384,
      .summary = "the public key that may log in as azureuser",
      .example = "file(\"keys/ada.pub\")" },
};

static const struct schema_type ssh_type = {
    .name = "ssh",
    .summary = "SSH access",
    .example = "ssh = { public_key = file(\"keys/ada.pub\") }",
    .fields = ssh_fields,
    .field_count = COUNT(ssh_fields),
};

static const struct schema_field schedule_fields[] = {
    { .name = "start",
      .kind = SCHEMA_CRON,
      .change = SCHEMA_BY_PUT,
      .summary = "when to start: minute hour day month weekday",
      .example = "\"0 8 * * 1-5\"" },
    { .name = "stop",
      .kind = SCHEMA_CRON,
      .change = SCHEMA_BY_PUT,
      .summary = "when to stop: minute hour day month weekday",
      .example = "\"0 19 * * 1-5\"" },
    { .name = "time_zone",
      .kind = SCHEMA_TIME_ZONE,
      .change = SCHEMA_BY_PUT,
      .fallback = "UTC",
      .summary = "Windows name of the time zone",
      .example = "\"W. Europe Standard Time\"" },
    { .name = "enabled",
      .kind = SCHEMA_BOOL,
      .change = SCHEMA_BY_PUT,
      .fallback = "true",
      .summary = "false keeps the schedule and switches it off",
      .example = "false" },
};

static const struct schema_type schedule_type = {
    .name = "schedule",
    .summary = "starts or stops an instance at certain times",
    .example = "{ stop = \"0 19 * * 1-5\", time_zone = \"W. Europe Standard Time\" }",
    .fields = schedule_fields,
    .field_count = COUNT(schedule_fields),
};

static const struct schema_field instance_fields[] = {
    { .name = "size",
      .kind = SCHEMA_SIZE,
      .change = SCHEMA_BY_REPLACE,
      .flags = SCHEMA_REQUIRED,
      .arm = INNER "vmSize",
      .summary = "VM size",
      .example = "\"Standard_DS3_v2\"" },
    { .name = "assigned_to",
      .kind = SCHEMA_PRINCIPAL,
      .change = SCHEMA_BY_REPLACE,
      .arm = INNER "personalComputeInstanceSettings.assignedUser",
      .summary = "the person it is created on behalf of",
      .example = "user(\"ada@example.com\")" },
    { .name = "setup",
      .kind = SCHEMA_SCRIPT,
      .change = SCHEMA_BY_REPLACE,
      .flags = SCHEMA_WRITE_ONLY,
      .arm = INNER "setupScripts.scripts.creationScript",
      .summary = "script that runs as root once, when the instance is created",
      .example = "setup_script \"setup/python.sh\" { timeout = \"20m\" }" },
    { .name = "startup",
      .kind = SCHEMA_SCRIPT,
      .change = SCHEMA_BY_REPLACE,
      .flags = SCHEMA_WRITE_ONLY,
      .arm = INNER "setupScripts.scripts.startupScript",
      .summary = "script that runs as root on every start, the first included",
      .example = "setup_script \"setup/mount.sh\" {}" },
    { .name = "ssh",
      .kind = SCHEMA_OBJECT,
      .change = SCHEMA_BY_REPLACE,
      .arm = INNER "sshSettings",
      .object = &ssh_type,
      .summary = "SSH access; switched on at creation or never",
      .example = "{ public_key = file(\"keys/ada.pub\") }" },
    { .name = "idle_shutdown",
      .kind = SCHEMA_DURATION,
      .change = SCHEMA_BY_IDLE,
      .arm = INNER "idleTimeBeforeShutdown",
      .min = IDLE_SHUTDOWN_MIN_S,
      .max = IDLE_SHUTDOWN_MAX_S,
      .summary = "stop after so long without activity, 15 minutes to 3 days",
      .example = "\"1h\"" },
    { .name = "schedules",
      .kind = SCHEMA_LIST,
      .change = SCHEMA_BY_PUT,
      .arm = INNER "schedules.computeStartStop",
      .max = SCHEDULES_MAX,
      .object = &schedule_type,
      .summary = "when to start and stop, at most 4",
      .example = "{ { stop = \"0 19 * * 1-5\", time_zone = \"W. Europe Standard Time\" } }" },
    { .name = "tags",
      .kind = SCHEMA_MAP,
      .change = SCHEMA_BY_PUT,
      .flags = SCHEMA_MERGED,
      .arm = "tags",
      .max = TAGS_MAX - TAGS_OURS,
      .summary = "the tags it has, and no others (added to those of the fleet)",
      .example = "{ cost_center = \"4711\" }" },
    { .name = "description",
      .kind = SCHEMA_STRING,
      .change = SCHEMA_BY_PUT,
      .arm = "properties.description",
      .max = 1024,
      .summary = "a sentence about it",
      .example = "\"Ada's workbench\"" },
    { .name = "application_sharing",
      .kind = SCHEMA_ENUM,
      .change = SCHEMA_BY_PUT,
      .arm = INNER "applicationSharingPolicy",
      .fallback = "shared",
      .choices = sharing_words,
      .wire = sharing_wire,
      .summary = "who may open its applications: its person, or every user of the workspace",
      .example = "\"personal\"" },
    { .name = "identity",
      .kind = SCHEMA_IDENTITY,
      .change = SCHEMA_BY_PUT,
      .arm = "identity",
      .summary = "managed identity: \"system\", ids of user-assigned ones, or both in a list",
      .example = "\"system\"" },
    { .name = "subnet",
      .kind = SCHEMA_ID,
      .change = SCHEMA_BY_REPLACE,
      .arm = INNER "subnet.id",
      .summary = "resource id of the subnet it stands in",
      .example = "\"/subscriptions/…/virtualNetworks/v/subnets/s\"" },
    { .name = "public_ip",
      .kind = SCHEMA_BOOL,
      .change = SCHEMA_BY_REPLACE,
      .arm = INNER "enableNodePublicIp",
      .fallback = "true",
      .summary = "does it have a public address?",
      .example = "false" },
    { .name = "local_auth",
      .kind = SCHEMA_BOOL,
      .change = SCHEMA_BY_REPLACE,
      .flags = SCHEMA_INVERTED,
      .arm = "properties.disableLocalAuth",
      .fallback = "true",
      .summary = "may one sign in with local credentials?",
      .example = "false" },
    { .name = "sso",
      .kind = SCHEMA_BOOL,
      .change = SCHEMA_BY_PUT,
      .arm = INNER "enableSSO",
      .fallback = "true",
      .summary = "single sign-on for its applications",
      .example = "false" },
    { .name = "power",
      .kind = SCHEMA_ENUM,
      .change = SCHEMA_BY_POWER,
      .arm = INNER "state",
      .choices = power_words,
      .wire = power_words,
      .summary = "should it run? left alone when not said",
      .example = "\"stopped\"" },
    { .name = "protect",
      .kind = SCHEMA_BOOL,
      .change = SCHEMA_BY_PUT,
      .arm = "tags." TAG_PROTECT,
      .fallback = "false",
      .summary = "never delete or re-create it",
      .example = "true" },
};

static const struct schema_type instance_type = {
    .name = "instance",
    .summary = "a compute instance: a machine for one person",
    .example = "instance \"ds-ada\" {\n"
               "  size        = \"Standard_DS3_v2\",\n"
               "  assigned_to = user \"ada@example.com\",\n"
               "}\n",
    .named = true,
    .fields = instance_fields,
    .field_count = COUNT(instance_fields),
};

static const struct schema_field fleet_fields[] = {
    { .name = "workspace",
      .kind = SCHEMA_STRING,
      .change = SCHEMA_NEVER,
      .min = WORKSPACE_NAME_MIN,
      .max = WORKSPACE_NAME_MAX,
      .summary = "the workspace it stands in; the context's own when left out",
      .example = "\"ds-workspace\"" },
    { .name = "location",
      .kind = SCHEMA_STRING,
      .change = SCHEMA_NEVER,
      .min = 1,
      .max = 64,
      .summary = "the region; the workspace's own when left out",
      .example = "\"westeurope\"" },
    { .name = "defaults",
      .kind = SCHEMA_OBJECT,
      .change = SCHEMA_NEVER,
      .object = &instance_type,
      .summary = "fields of every instance below, unless it says otherwise",
      .example = "{ size = \"Standard_DS3_v2\", idle_shutdown = \"1h\" }" },
    { .name = "tags",
      .kind = SCHEMA_MAP,
      .change = SCHEMA_NEVER,
      .flags = SCHEMA_MERGED,
      .max = TAGS_MAX - TAGS_OURS,
      .summary = "tags of everything in the fleet",
      .example = "{ cost_center = \"4711\" }" },
};

static const struct schema_type fleet_type = {
    .name = "fleet",
    .summary = "the named set of resources that this recipe owns",
    .example = "fleet \"ds\" {\n"
               "  defaults = { size = \"Standard_DS3_v2\", idle_shutdown = \"1h\" },\n"
               "}\n",
    .named = true,
    .fields = fleet_fields,
    .field_count = COUNT(fleet_fields),
};

static const struct schema_field grant_fields[] = {
    { .name = "role",
      .kind = SCHEMA_STRING,
      .change = SCHEMA_BY_REPLACE,
      .arm = "properties.roleDefinitionId",
      .flags = SCHEMA_REQUIRED,
      .min = 1,
      .max = 512,
      .summary = "the role that is given: a built-in or custom one's name or id, or one of this "
                 "recipe",
      .example = "\"AzureML Compute Operator\"" },
    { .name = "to",
      .kind = SCHEMA_ANYONE,
      .change = SCHEMA_BY_REPLACE,
      .arm = "properties.principalId",
      .flags = SCHEMA_REQUIRED,
      .summary = "who is given it; a list makes one grant for each",
      .example = "group(\"data-scientists\")" },
    { .name = "scope",
      .kind = SCHEMA_SCOPE,
      .change = SCHEMA_BY_REPLACE,
      .arm = "properties.scope",
      .fallback = "workspace",
      .summary = "where: workspace, instance:NAME, resource-group, subscription, or an id",
      .example = "\"instance:ds-ada\"" },
};

static const struct schema_type grant_type = {
    .name = "grant",
    .summary = "gives a role to somebody: a role assignment",
    .example = "grant { role = \"AzureML Compute Operator\", to = group \"data-scientists\" }\n",
    .named = true,
    .fields = grant_fields,
    .field_count = COUNT(grant_fields),
};

static const struct schema_field role_fields[] = {
    { .name = "actions",
      .kind = SCHEMA_TEXTS,
      .change = SCHEMA_BY_PUT,
      .arm = "actions",
      .max = ROLE_ACTIONS_MAX,
      .summary = "what may be done, short (\"computes/start\") or whole, with wildcards",
      .example = "{ \"computes/start\", \"computes/stop\" }" },
    { .name = "not_actions",
      .kind = SCHEMA_TEXTS,
      .change = SCHEMA_BY_PUT,
      .arm = "notActions",
      .max = ROLE_ACTIONS_MAX,
      .summary = "what of these actions this role does not give",
      .example = "{ \"computes/delete\" }" },
    { .name = "data_actions",
      .kind = SCHEMA_TEXTS,
      .change = SCHEMA_BY_PUT,
      .arm = "dataActions",
      .max = ROLE_ACTIONS_MAX,
      .summary = "the same for data",
      .example = "{ \"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read\" }" },
    { .name = "not_data_actions",
      .kind = SCHEMA_TEXTS,
      .change = SCHEMA_BY_PUT,
      .arm = "notDataActions",
      .max = ROLE_ACTIONS_MAX,
      .summary = "what of these data actions this role does not give",
      .example = "{ \"Microsoft.Storage/*/delete\" }" },
    { .name = "description",
      .kind = SCHEMA_STRING,
      .change = SCHEMA_BY_PUT,
      .arm = "description",
      .max = 1024,
      .summary = "a sentence about it",
      .example = "\"May start and stop instances\"" },
    { .name = "assignable_scopes",
      .kind = SCHEMA_TEXTS,
      .change = SCHEMA_BY_PUT,
      .arm = "assignableScopes",
      .max = 100,
      .fallback = "resource-group",
      .summary = "where it may be given; one of them holds the workspace",
      .example = "{ \"resource-group\" }" },
};

static const struct schema_type role_type = {
    .name = "role",
    .summary = "a custom role: a set of actions that grants can give",
    .example = "role \"Instance Starter\" {\n"
               "  actions = { \"computes/read\", \"computes/start\", \"computes/stop\" },\n"
               "}\n",
    .named = true,
    .fields = role_fields,
    .field_count = COUNT(role_fields),
};

static const struct schema_type *const types[] = { &fleet_type, &grant_type, &instance_type,
                                                   &role_type };

const struct schema_type *const *schema_types(size_t *out_count)
{
    *out_count = COUNT(types);
    return types;
}

const struct schema_type *schema_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (text_equal(types[i]->name, name))
            return types[i];
    return NULL;
}

const struct schema_type *schema_instance(void)
{
    return &instance_type;
}

const struct schema_type *schema_fleet(void)
{
    return &fleet_type;
}

const struct schema_type *schema_grant(void)
{
    return &grant_type;
}

const struct schema_type *schema_role(void)
{
    return &role_type;
}

const struct schema_field *schema_field_find(const struct schema_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (text_equal(type->fields[i].name, name))
            return &type->fields[i];
    return NULL;
}

/* ---- as help shows them ---- */

static const struct {
    enum schema_kind kind;
    const char *text, *lua;
} kinds[] = {
    { SCHEMA_STRING, "text", "string" },
    { SCHEMA_BOOL, "true | false", "boolean" },
    { SCHEMA_INT, "number", "integer" },
    { SCHEMA_DURATION, "duration", "string" },
    { SCHEMA_MAP, "names and texts", "table<string, string>" },
    { SCHEMA_PRINCIPAL, "user", "recipe.user" },
    { SCHEMA_SCRIPT, "setup script", "recipe.setup_script" },
    { SCHEMA_ID, "resource id", "string" },
    { SCHEMA_SIZE, "VM size", "string" },
    { SCHEMA_CRON, "cron expression", "string" },
    { SCHEMA_TIME_ZONE, "Windows time zone", "string" },
    { SCHEMA_IDENTITY, "\"system\" | list of ids", "string|string[]" },
    { SCHEMA_TEXTS, "list of texts", "string[]" },
    { SCHEMA_ANYONE, "user | group | service principal", "recipe.principal|recipe.principal[]" },
    { SCHEMA_SCOPE, "scope", "string" },
};

static void choices_text(const struct schema_field *field, char *out, size_t out_size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; field->choices[i] && used < out_size; i++) {
        int size =
            snprintf(out + used, out_size - used, "%s\"%s\"", i ? " | " : "", field->choices[i]);
        used += size > 0 ? (size_t)size : 0;
    }
}

void schema_kind_text(const struct schema_field *field, char *out, size_t out_size)
{
    if (field->kind == SCHEMA_ENUM) {
        choices_text(field, out, out_size);
        return;
    }
    if (field->kind == SCHEMA_LIST || field->kind == SCHEMA_OBJECT) {
        snprintf(out, out_size, field->kind == SCHEMA_LIST ? "list of %ss" : "fields of %s",
                 field->object->name);
        return;
    }
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].kind == field->kind)
            (void)text_copy(out, out_size, kinds[i].text);
}

void schema_kind_lua(const struct schema_field *field, char *out, size_t out_size)
{
    if (field->kind == SCHEMA_ENUM) {
        choices_text(field, out, out_size);
        return;
    }
    if (field->kind == SCHEMA_LIST || field->kind == SCHEMA_OBJECT) {
        snprintf(out, out_size, "recipe.%s%s", field->object->name,
                 field->kind == SCHEMA_LIST ? "[]" : "");
        return;
    }
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].kind == field->kind)
            (void)text_copy(out, out_size, kinds[i].lua);
}

const char *schema_change_text(const struct schema_field *field)
{
    switch (field->change) {
    case SCHEMA_BY_PUT:
    case SCHEMA_BY_IDLE:
        return "in place";
    case SCHEMA_BY_POWER:
        return "by start and stop";
    case SCHEMA_BY_REPLACE:
        return "by re-creation";
    case SCHEMA_NEVER:
        break;
    }
    return "not compared";
}
