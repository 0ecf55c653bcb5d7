/* schema_check.c - what a user wrote against the rows of a type: all mistakes, each a sentence. */
#include "model/schema.h"

#include <math.h>

#include "base/duration.h"
#include "base/text.h"
#include "model/rules.h"

#define PATH_SIZE 160
#define NAMES_MAX 64

struct checker {
    schema_problem_fn *problem;
    void *arg;
    size_t script_count;
    size_t count;         /* mistakes told */
    char path[PATH_SIZE]; /* where we are below the block: "schedules, entry 2: " or "" */
};

static void check_block(struct checker *checker, const struct schema_type *type,
                        const cJSON *fields, bool required);

__attribute__((format(printf, 2, 3))) static void tell(struct checker *checker, const char *format,
                                                       ...)
{
    char message[ERROR_MESSAGE_SIZE], sentence[ERROR_MESSAGE_SIZE - PATH_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    snprintf(message, sizeof message, "%s%s", checker->path, sentence);
    checker->count++;
    checker->problem(message, checker->arg);
}

/* "a number", "text", … of what is there instead. */
static const char *kind_of(const cJSON *value)
{
    if (cJSON_IsString(value))
        return "text";
    if (cJSON_IsNumber(value))
        return "a number";
    if (cJSON_IsBool(value))
        return "true or false";
    if (cJSON_IsObject(value) && value->child && value->child->string &&
        value->child->string[0] == '$') {
        static const struct {
            const char *member, *text;
        } references[] = {
            { "$user", "a user" },
            { "$group", "a group" },
            { "$service_principal", "a service principal" },
            { "$setup_script", "a setup script" },
        };
        for (size_t i = 0; i < COUNT(references); i++)
            if (text_equal(value->child->string, references[i].member))
                return references[i].text;
    }
    return cJSON_IsArray(value) ? "a list" : "a table";
}

static bool is_empty_table(const cJSON *value)
{
    return (cJSON_IsArray(value) || cJSON_IsObject(value)) && !value->child;
}

static void wrong_kind(struct checker *checker, const struct schema_field *field,
                       const char *expected, const cJSON *value)
{
    tell(checker, "%s is %s, not %s; for instance %s = %s", field->name, expected, kind_of(value),
         field->name, field->example);
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static void check_string(struct checker *checker, const struct schema_field *field,
                         const cJSON *value)
{
    if (!cJSON_IsString(value)) {
        wrong_kind(checker, field, "text", value);
        return;
    }
    size_t size = characters(value->valuestring);
    if ((field->flags & SCHEMA_TRIMMED) && is_blank(value->valuestring))
        tell(checker, "%s is empty", field->name);
    else if (field->max && (int64_t)size > field->max)
        tell(checker, "%s has %zu characters, at most %lld are allowed", field->name, size,
             (long long)field->max);
    else if (field->max && (int64_t)size < field->min)
        tell(checker, "%s has %zu characters, at least %lld are needed", field->name, size,
             (long long)field->min);
}

static void check_int(struct checker *checker, const struct schema_field *field, const cJSON *value)
{
    if (!cJSON_IsNumber(value) || value->valuedouble != floor(value->valuedouble))
        wrong_kind(checker, field, "a whole number", value);
    else if (field->max &&
             (value->valuedouble < (double)field->min || value->valuedouble > (double)field->max))
        tell(checker, "%s is %lld to %lld, not %.0f", field->name, (long long)field->min,
             (long long)field->max, value->valuedouble);
}

static void check_duration(struct checker *checker, const struct schema_field *field,
                           const cJSON *value)
{
    int64_t seconds = 0;
    if (!cJSON_IsString(value)) {
        wrong_kind(checker, field, "a duration in quotes", value);
    } else if (duration_parse(value->valuestring, &seconds, NULL) < 0) {
        tell(checker, "%s: '%s' is not a duration; write \"30m\", \"1h\", \"2d\" or ISO 8601",
             field->name, value->valuestring);
    } else if (field->max && (seconds < field->min || seconds > field->max)) {
        char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
        duration_text(field->min, low, sizeof low);
        duration_text(field->max, high, sizeof high);
        tell(checker, "%s is between %s and %s, not '%s'", field->name, low, high,
             value->valuestring);
    } else if (seconds % 60 != 0) {
        tell(checker, "%s is counted in whole minutes, '%s' is not", field->name,
             value->valuestring);
    }
}

static void check_enum(struct checker *checker, const struct schema_field *field,
                       const cJSON *value)
{
    char choices[PATH_SIZE];
    size_t count = 0;
    schema_kind_text(field, choices, sizeof choices);
    if (!cJSON_IsString(value)) {
        wrong_kind(checker, field, choices, value);
        return;
    }
    for (; field->choices[count]; count++)
        if (text_equal(value->valuestring, field->choices[count]))
            return;
    const char *near = text_nearest(value->valuestring, field->choices, count);
    if (near)
        tell(checker, "%s is %s, not '%s'; did you mean '%s'?", field->name, choices,
             value->valuestring, near);
    else
        tell(checker, "%s is %s, not '%s'", field->name, choices, value->valuestring);
}

static void check_tag(struct checker *checker, const struct schema_field *field, const cJSON *tag)
{
    const char *rule;
    if (!tag_name_valid(tag->string, &rule))
        tell(checker, "%s: '%s': %s", field->name, tag->string, rule);
    else if (text_starts_nocase(tag->string, TAG_PREFIX))
        tell(checker, "%s: '%s': names that begin with " TAG_PREFIX " are moonfleet's own",
             field->name, tag->string);
    else if (!cJSON_IsString(tag))
        tell(checker, "%s: the value of '%s' is text in quotes, not %s", field->name, tag->string,
             kind_of(tag));
    else if (characters(tag->valuestring) > TAG_VALUE_MAX)
        tell(checker, "%s: the value of '%s' has more than %d characters", field->name, tag->string,
             TAG_VALUE_MAX);
    for (const cJSON *other = tag->next; other; other = other->next)
        if (text_equal_nocase(other->string, tag->string))
            tell(checker, "%s: '%s' and '%s' are the same name, since case does not count",
                 field->name, tag->string, other->string);
}

static void check_map(struct checker *checker, const struct schema_field *field, const cJSON *value)
{
    const cJSON *entry;
    if (is_empty_table(value))
        return;
    if (!cJSON_IsObject(value) || value->child->string[0] == '$') {
        wrong_kind(checker, field, "a table of names and texts", value);
        return;
    }
    if (field->max && cJSON_GetArraySize(value) > field->max)
        tell(checker, "%s: %d are too many; a resource has at most %d, %d of them moonfleet's own",
             field->name, cJSON_GetArraySize(value), TAGS_MAX, (int)(TAGS_MAX - field->max));
    cJSON_ArrayForEach(entry, value) check_tag(checker, field, entry);
}

/* Checks one part of the block with its place in front of every message. */
static void check_part(struct checker *checker, const struct schema_field *field, int entry,
                       const cJSON *value)
{
    char saved[PATH_SIZE];
    size_t used = strlen(checker->path);
    memcpy(saved, checker->path, sizeof saved);
    if (entry > 0)
        snprintf(checker->path + used, sizeof checker->path - used, "%s, entry %d: ", field->name,
                 entry);
    else
        snprintf(checker->path + used, sizeof checker->path - used, "%s: ", field->name);
    check_block(checker, field->object, value, field->change != SCHEMA_NEVER);
    memcpy(checker->path, saved, sizeof saved);
}

/* An entry of `schedules` says either when to start or when to stop. */
static void check_schedule(struct checker *checker, const struct schema_field *field, int entry,
                           const cJSON *value)
{
    bool start = cJSON_GetObjectItemCaseSensitive(value, "start") != NULL;
    bool stop = cJSON_GetObjectItemCaseSensitive(value, "stop") != NULL;
    if (start && stop)
        tell(checker, "%s, entry %d: say either start or stop; make two entries of it", field->name,
             entry);
    else if (!start && !stop)
        tell(checker, "%s, entry %d: says neither start nor stop", field->name, entry);
}

static void check_list(struct checker *checker, const struct schema_field *field,
                       const cJSON *value)
{
    const cJSON *entry;
    int index = 0;
    if (is_empty_table(value))
        return;
    if (!cJSON_IsArray(value)) {
        wrong_kind(checker, field, "a list", value);
        return;
    }
    if (field->max && cJSON_GetArraySize(value) > field->max)
        tell(checker, "%s: %d are too many; an instance has at most %lld", field->name,
             cJSON_GetArraySize(value), (long long)field->max);
    cJSON_ArrayForEach(entry, value)
    {
        index++;
        if (!cJSON_IsObject(entry)) {
            tell(checker, "%s, entry %d: is a table such as %s, not %s", field->name, index,
                 field->object->example, kind_of(entry));
            continue;
        }
        check_part(checker, field, index, entry);
        check_schedule(checker, field, index, entry);
    }
}

static void check_object(struct checker *checker, const struct schema_field *field,
                         const cJSON *value)
{
    bool reference = cJSON_IsObject(value) && value->child && value->child->string[0] == '$';
    if (reference || (!cJSON_IsObject(value) && !is_empty_table(value)))
        wrong_kind(checker, field, "a table", value);
    else
        check_part(checker, field, 0, value);
}

static void check_principal(struct checker *checker, const struct schema_field *field,
                            const cJSON *value)
{
    const cJSON *user = cJSON_GetObjectItemCaseSensitive(value, "$user");
    if (!cJSON_IsString(user))
        wrong_kind(checker, field, "a user", value);
    else if (is_blank(user->valuestring))
        tell(checker, "%s: the name of the user is empty", field->name);
}

static void check_script(struct checker *checker, const struct schema_field *field,
                         const cJSON *value)
{
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(value, "$setup_script");
    if (!cJSON_IsNumber(index))
        wrong_kind(checker, field, "a setup script", value);
    else if (index->valuedouble < 0 || index->valuedouble >= (double)checker->script_count)
        tell(checker, "%s: names a setup script that is not there", field->name);
}

static void check_id(struct checker *checker, const struct schema_field *field, const cJSON *value)
{
    if (!cJSON_IsString(value))
        wrong_kind(checker, field, "a resource id", value);
    else if (!text_starts_nocase(value->valuestring, "/subscriptions/"))
        tell(checker, "%s: '%s' is not a resource id, which begins with /subscriptions/",
             field->name, value->valuestring);
}

static void check_cron(struct checker *checker, const struct schema_field *field,
                       const cJSON *value)
{
    struct error err = { 0 };
    if (!cJSON_IsString(value))
        wrong_kind(checker, field, "a cron expression", value);
    else if (cron_check(value->valuestring, &err) < 0)
        tell(checker, "%s: '%s': %s", field->name, value->valuestring, err.message);
}

static void check_time_zone(struct checker *checker, const struct schema_field *field,
                            const cJSON *value)
{
    size_t count;
    const char *const *zones = time_zones(&count);
    if (!cJSON_IsString(value)) {
        wrong_kind(checker, field, "the Windows name of a time zone", value);
        return;
    }
    if (time_zone_known(value->valuestring))
        return;
    const char *near = text_nearest(value->valuestring, zones, count);
    if (near)
        tell(checker, "%s: unknown time zone '%s', did you mean '%s'?", field->name,
             value->valuestring, near);
    else
        tell(checker, "%s: unknown time zone '%s'; Windows names are used, such as '%s'",
             field->name, value->valuestring, "W. Europe Standard Time");
}

static void check_identity_word(struct checker *checker, const struct schema_field *field,
                                const cJSON *value)
{
    if (!cJSON_IsString(value))
        wrong_kind(checker, field, "\"system\" or a list of resource ids", value);
    else if (!text_equal(value->valuestring, "system") &&
             !text_starts_nocase(value->valuestring, "/subscriptions/"))
        tell(checker, "%s: '%s' is neither \"system\" nor a resource id", field->name,
             value->valuestring);
}

static void check_identity(struct checker *checker, const struct schema_field *field,
                           const cJSON *value)
{
    const cJSON *entry;
    if (!cJSON_IsArray(value)) {
        if (!is_empty_table(value))
            check_identity_word(checker, field, value);
        return;
    }
    cJSON_ArrayForEach(entry, value) check_identity_word(checker, field, entry);
}

static bool is_principal(const cJSON *value)
{
    static const char *const kinds[] = { "$user", "$group", "$service_principal" };
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(value, kinds[i])))
            return true;
    return false;
}

static void check_one(struct checker *checker, const struct schema_field *field, const cJSON *value)
{
    if (!is_principal(value))
        wrong_kind(checker, field, "a user, a group or a service principal", value);
    else if (is_blank(value->child->valuestring))
        tell(checker, "%s: the name is empty", field->name);
}

static void check_anyone(struct checker *checker, const struct schema_field *field,
                         const cJSON *value)
{
    const cJSON *entry;
    if (is_empty_table(value))
        tell(checker, "%s names nobody", field->name);
    else if (!cJSON_IsArray(value))
        check_one(checker, field, value);
    else
        cJSON_ArrayForEach(entry, value) check_one(checker, field, entry);
}

static void check_texts(struct checker *checker, const struct schema_field *field,
                        const cJSON *value)
{
    const cJSON *entry;
    if (is_empty_table(value))
        return;
    if (!cJSON_IsArray(value)) {
        wrong_kind(checker, field, "a list of texts", value);
        return;
    }
    if (field->max && cJSON_GetArraySize(value) > field->max)
        tell(checker, "%s: %d are too many; at most %lld go", field->name,
             cJSON_GetArraySize(value), (long long)field->max);
    cJSON_ArrayForEach(entry, value)
    {
        if (!cJSON_IsString(entry) || is_blank(entry->valuestring)) {
            wrong_kind(checker, field, "a list of texts", cJSON_IsString(entry) ? value : entry);
            return;
        }
    }
}

static void check_scope(struct checker *checker, const struct schema_field *field,
                        const cJSON *value)
{
    if (!cJSON_IsString(value) || is_blank(value->valuestring))
        wrong_kind(checker, field, "a scope in quotes", value);
}

static void check_value(struct checker *checker, const struct schema_field *field,
                        const cJSON *value)
{
    switch (field->kind) {
    case SCHEMA_STRING:
    case SCHEMA_SIZE:
        check_string(checker, field, value);
        break;
    case SCHEMA_BOOL:
        if (!cJSON_IsBool(value))
            wrong_kind(checker, field, "true or false", value);
        break;
    case SCHEMA_INT:
        check_int(checker, field, value);
        break;
    case SCHEMA_DURATION:
        check_duration(checker, field, value);
        break;
    case SCHEMA_ENUM:
        check_enum(checker, field, value);
        break;
    case SCHEMA_MAP:
        check_map(checker, field, value);
        break;
    case SCHEMA_LIST:
        check_list(checker, field, value);
        break;
    case SCHEMA_OBJECT:
        check_object(checker, field, value);
        break;
    case SCHEMA_PRINCIPAL:
        check_principal(checker, field, value);
        break;
    case SCHEMA_SCRIPT:
        check_script(checker, field, value);
        break;
    case SCHEMA_ID:
        check_id(checker, field, value);
        break;
    case SCHEMA_CRON:
        check_cron(checker, field, value);
        break;
    case SCHEMA_TIME_ZONE:
        check_time_zone(checker, field, value);
        break;
    case SCHEMA_IDENTITY:
        check_identity(checker, field, value);
        break;
    case SCHEMA_TEXTS:
        check_texts(checker, field, value);
        break;
    case SCHEMA_ANYONE:
        check_anyone(checker, field, value);
        break;
    case SCHEMA_SCOPE:
        check_scope(checker, field, value);
        break;
    }
}

static void unknown_field(struct checker *checker, const struct schema_type *type, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (; count < type->field_count && count < NAMES_MAX; count++)
        names[count] = type->fields[count].name;
    const char *near = text_nearest(name, names, count);
    if (near)
        tell(checker, "unknown field '%s', did you mean '%s'?", name, near);
    else if (type->named)
        tell(checker, "unknown field '%s'; `moonfleet help %s` lists the fields there are", name,
             type->name);
    else
        tell(checker, "unknown field '%s'; for instance %s", name, type->example);
}

static void check_block(struct checker *checker, const struct schema_type *type,
                        const cJSON *fields, bool required)
{
    const cJSON *value;
    cJSON_ArrayForEach(value, fields)
    {
        if (!value->string) {
            tell(checker, "a value without a name; write name = value");
            continue;
        }
        const struct schema_field *field = schema_field_find(type, value->string);
        if (!field)
            unknown_field(checker, type, value->string);
        else if (!cJSON_IsNull(value))
            check_value(checker, field, value);
    }
    /* What an instance requires may stand in the fleet's defaults: the engine looks there. */
    for (size_t i = 0; required && !type->named && i < type->field_count; i++)
        if ((type->fields[i].flags & SCHEMA_REQUIRED) &&
            !cJSON_GetObjectItemCaseSensitive(fields, type->fields[i].name))
            tell(checker, "%s is missing", type->fields[i].name);
}

size_t schema_check(const struct schema_type *type, const cJSON *fields, size_t script_count,
                    schema_problem_fn *problem, void *arg)
{
    struct checker checker = { .problem = problem, .arg = arg, .script_count = script_count };
    check_block(&checker, type, fields, false);
    return checker.count;
}
