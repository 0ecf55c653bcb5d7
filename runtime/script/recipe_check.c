/* recipe_check.c - what comes back from a recipe's child is checked before it is believed: the
 * recipe may have taken the child over. */
#include "script/recipe_check.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>

#include "base/json.h"
#include "base/text.h"

#define NAME_MAX_BYTES 256
#define MESSAGE_MAX_BYTES 1600
#define DATA_DEPTH_MAX 34
#define ITEMS_MAX 1000000 /* of a list at the top */
#define PROBLEMS_MAX 1100
#define PRINTS_MAX 1000
#define TRACE_MAX 10

typedef bool checks(const cJSON *item, const cJSON *document);

static int wrong(struct error *err, const char *what)
{
    return error_set(err, ERROR_INVALID,
                     "the recipe's process sent something that no recipe sends (%s)", what);
}

/* ---- leaves ---- */

/* Text of at most `max` bytes without control characters. */
static bool is_line(const cJSON *item, size_t max)
{
    if (!cJSON_IsString(item) || strlen(item->valuestring) > max)
        return false;
    for (const unsigned char *c = (const unsigned char *)item->valuestring; *c; c++) {
        if (*c < 0x20 || *c == 0x7F || (c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0))
            return false;
    }
    return true;
}

static bool is_name(const cJSON *item)
{
    return is_line(item, NAME_MAX_BYTES) && item->valuestring[0];
}

static bool is_place(const cJSON *item)
{
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(item, "line");
    return cJSON_IsObject(item) && cJSON_GetArraySize(item) == 2 &&
           is_name(cJSON_GetObjectItemCaseSensitive(item, "file")) && cJSON_IsNumber(line) &&
           line->valuedouble >= 0 && line->valuedouble <= INT_MAX &&
           floor(line->valuedouble) == line->valuedouble;
}

static bool is_text_or_null(const cJSON *item)
{
    return cJSON_IsString(item) || cJSON_IsNull(item);
}

/* ---- data ---- */

/* {"$user":…} and its kin: one member. */
static bool is_reference(const cJSON *item, const cJSON *document)
{
    static const char *const kinds[] = { "$user", "$group", "$service_principal" };
    const cJSON *member = item->child;
    if (!member || member->next)
        return false;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (text_equal(member->string, kinds[i]))
            return is_name(member);
    }
    int count = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(document, "scripts"));
    return text_equal(member->string, "$setup_script") && cJSON_IsNumber(member) &&
           member->valuedouble >= 0 && member->valuedouble < count &&
           floor(member->valuedouble) == member->valuedouble;
}

static bool is_data(const cJSON *item, const cJSON *document, int depth)
{
    if (depth > DATA_DEPTH_MAX)
        return false;
    if (cJSON_IsObject(item) && item->child && item->child->string[0] == '$')
        return is_reference(item, document);
    if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
        return true; /* json_parse() has seen to numbers and texts */
    for (const cJSON *member = item->child; member; member = member->next) {
        if (cJSON_IsObject(item) && member->string[0] == '$')
            return false;
        if (!is_data(member, document, depth + 1))
            return false;
    }
    return true;
}

static bool is_fields(const cJSON *item, const cJSON *document)
{
    return cJSON_IsObject(item) && !(item->child && item->child->string[0] == '$') &&
           is_data(item, document, 1);
}

/* ---- items ---- */

static const cJSON *member_of(const cJSON *item, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(item, name);
}

static bool is_fleet(const cJSON *item, const cJSON *document)
{
    return cJSON_IsNull(item) ||
           (cJSON_GetArraySize(item) == 3 && is_name(member_of(item, "name")) &&
            is_fields(member_of(item, "fields"), document) && is_place(member_of(item, "at")));
}

static bool is_declaration(const cJSON *item, const cJSON *document)
{
    const char *type = json_string(item, "type", NULL);
    return cJSON_GetArraySize(item) == 4 &&
           (text_equal(type, "instance") || text_equal(type, "grant") ||
            text_equal(type, "role")) &&
           is_name(member_of(item, "name")) && is_fields(member_of(item, "fields"), document) &&
           is_place(member_of(item, "at"));
}

static bool is_count(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= INT_MAX &&
           floor(item->valuedouble) == item->valuedouble;
}

/* Pairs of a rendered line and the template's. */
static bool is_lines(const cJSON *item)
{
    const cJSON *line;
    if (cJSON_IsNull(item))
        return true;
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) % 2 != 0)
        return false;
    cJSON_ArrayForEach(line, item)
    {
        if (!is_count(line))
            return false;
    }
    return true;
}

/* {"$secret":name} */
static bool is_secret(const cJSON *item)
{
    return cJSON_IsObject(item) && cJSON_GetArraySize(item) == 1 &&
           text_equal(item->child->string, "$secret") && is_name(item->child);
}

static bool is_script(const cJSON *item, const cJSON *document)
{
    const cJSON *path = member_of(item, "path"), *args = member_of(item, "args"), *arg;
    const cJSON *secrets = member_of(item, "secrets");
    bool shared = text_equal(json_string(item, "source", NULL), "workspace");
    (void)document;
    if (!shared && !text_equal(json_string(item, "source", NULL), "inline"))
        return false;
    if (cJSON_GetArraySize(item) != 9 || !is_lines(member_of(item, "lines")) ||
        (shared && !is_name(path)) || !cJSON_IsArray(secrets) ||
        !(cJSON_IsNull(path) || is_name(path)) || !cJSON_IsString(member_of(item, "text")) ||
        !is_text_or_null(member_of(item, "timeout")) || !is_place(member_of(item, "at")) ||
        !cJSON_IsArray(args) || !cJSON_IsBool(member_of(item, "cache")))
        return false;
    cJSON_ArrayForEach(arg, args)
    {
        if (!cJSON_IsString(arg) && !is_secret(arg))
            return false;
    }
    cJSON_ArrayForEach(arg, secrets)
    {
        if (!is_name(arg))
            return false;
    }
    return true;
}

static bool is_parameter(const cJSON *item, const cJSON *document)
{
    return cJSON_GetArraySize(item) == 5 && is_name(member_of(item, "name")) &&
           is_text_or_null(member_of(item, "description")) && member_of(item, "value") &&
           is_data(member_of(item, "value"), document, 1) && member_of(item, "default") &&
           is_data(member_of(item, "default"), document, 1) && is_place(member_of(item, "at"));
}

static bool is_output(const cJSON *item, const cJSON *document)
{
    return cJSON_GetArraySize(item) == 3 && is_name(member_of(item, "name")) &&
           member_of(item, "value") && is_data(member_of(item, "value"), document, 1) &&
           is_place(member_of(item, "at"));
}

static bool is_print(const cJSON *item, const cJSON *document)
{
    (void)document;
    return is_line(item, MESSAGE_MAX_BYTES);
}

static bool is_problem(const cJSON *item, const cJSON *document)
{
    const cJSON *trace = member_of(item, "trace"), *frame;
    (void)document;
    if (cJSON_GetArraySize(item) != (trace ? 3 : 2) ||
        !is_line(member_of(item, "message"), MESSAGE_MAX_BYTES) || !is_place(member_of(item, "at")))
        return false;
    if (trace && (!cJSON_IsArray(trace) || cJSON_GetArraySize(trace) > TRACE_MAX))
        return false;
    cJSON_ArrayForEach(frame, trace)
    {
        if (!is_place(frame))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

static int check_list(const cJSON *document, const char *name, int max, checks *check,
                      struct error *err)
{
    const cJSON *list = member_of(document, name), *item;
    int count = 0;
    if (!cJSON_IsArray(list))
        return wrong(err, name);
    cJSON_ArrayForEach(item, list)
    {
        if (++count > max || !check(item, document))
            return wrong(err, name);
    }
    return 0;
}

int recipe_check_document(const cJSON *document, const char *name, struct error *err)
{
    static const struct {
        const char *name;
        int max;
        checks *check;
    } lists[] = {
        { "declarations", ITEMS_MAX, is_declaration },
        { "scripts", ITEMS_MAX, is_script },
        { "parameters", ITEMS_MAX, is_parameter },
        { "outputs", ITEMS_MAX, is_output },
        { "prints", PRINTS_MAX, is_print },
        { "problems", PROBLEMS_MAX, is_problem },
    };
    if (!cJSON_IsObject(document) || cJSON_GetArraySize(document) != 3 + (int)COUNT(lists))
        return wrong(err, "another document");
    if (!text_equal(json_string(document, "recipe", NULL), name))
        return wrong(err, "recipe");
    if (!is_fleet(member_of(document, "fleet"), document))
        return wrong(err, "fleet");
    if (!cJSON_IsBool(member_of(document, "stopped")))
        return wrong(err, "stopped");
    for (size_t i = 0; i < COUNT(lists); i++) {
        int rc = check_list(document, lists[i].name, lists[i].max, lists[i].check, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_raw(const cJSON *item, const cJSON *document)
{
    (void)document;
    return cJSON_GetArraySize(item) == 2 && is_count(member_of(item, "line")) &&
           is_count(member_of(item, "column"));
}

static bool is_choices(const cJSON *item, const cJSON *document)
{
    return cJSON_IsNull(item) || (cJSON_IsArray(item) && is_data(item, document, 1));
}

static bool is_template_parameter(const cJSON *item, const cJSON *document)
{
    return cJSON_GetArraySize(item) == 8 && is_name(member_of(item, "name")) &&
           is_name(member_of(item, "type")) && member_of(item, "value") &&
           is_data(member_of(item, "value"), document, 1) && member_of(item, "default") &&
           is_data(member_of(item, "default"), document, 1) &&
           is_text_or_null(member_of(item, "description")) &&
           is_choices(member_of(item, "choices"), document) &&
           cJSON_IsBool(member_of(item, "required")) && is_count(member_of(item, "line"));
}

static bool is_template_problem(const cJSON *item, const cJSON *document)
{
    (void)document;
    return cJSON_GetArraySize(item) == 3 &&
           is_line(member_of(item, "message"), MESSAGE_MAX_BYTES) &&
           is_place(member_of(item, "at")) && is_count(member_of(item, "column"));
}

int recipe_check_rendering(const cJSON *document, const char *name, struct error *err)
{
    if (!cJSON_IsObject(document) || cJSON_GetArraySize(document) != 7 ||
        !text_equal(json_string(document, "script", NULL), name))
        return wrong(err, "another document");
    if (!is_text_or_null(member_of(document, "text")) ||
        !is_text_or_null(member_of(document, "base64")))
        return wrong(err, "text");
    if (!is_lines(member_of(document, "lines")))
        return wrong(err, "lines");
    int rc = check_list(document, "raw", ITEMS_MAX, is_raw, err);
    if (rc == 0)
        rc = check_list(document, "parameters", ITEMS_MAX, is_template_parameter, err);
    return rc < 0 ? rc : check_list(document, "problems", PROBLEMS_MAX, is_template_problem, err);
}

int recipe_check_failure(const char *json, size_t size, struct error *err)
{
    static const int codes[] = { ERROR_SYNTAX, ERROR_LIMIT, ERROR_TOO_LARGE, ERROR_INTERNAL };
    cJSON *failure = NULL;
    if (json_parse(json, size, "a failure", &failure, NULL) < 0)
        return wrong(err, "a failure");
    int64_t code = json_int(failure, "code", 0), line = json_int(failure, "line", -1);
    const cJSON *message = member_of(failure, "message"), *file = member_of(failure, "file");
    bool known = false;
    for (size_t i = 0; i < COUNT(codes); i++)
        known = known || code == codes[i];
    int rc;
    if (known && is_line(message, ERROR_MESSAGE_SIZE) && is_name(file) && line >= 0 &&
        line <= INT_MAX) {
        rc = error_set(err, (int)code, "%s", message->valuestring);
        error_at(err, file->valuestring, (int)line);
    } else {
        rc = wrong(err, "a failure");
    }
    cJSON_Delete(failure);
    return rc;
}

/* ---- the environment ---- */

static bool looks_like_a_credential(const char *name)
{
    static const char *const parts[] = { "SECRET",  "PASSWORD", "PASSWD",     "PASSPHRASE",
                                         "TOKEN",   "APIKEY",   "CREDENTIAL", "CONNECTION_STRING",
                                         "CONNSTR", "AUTH",     "COOKIE" };
    static const char *const ends[] = { "_KEY", "_PASS", "_PWD", "_PAT", "_SAS" };
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (strcasestr(name, parts[i]))
            return true;
    }
    size_t size = strlen(name);
    for (size_t i = 0; i < COUNT(ends); i++) {
        size_t end = strlen(ends[i]);
        if (text_equal_nocase(name, ends[i] + 1) ||
            (size > end && text_equal_nocase(name + size - end, ends[i])))
            return true;
    }
    return strcasestr(name, "_KEY_") != NULL;
}

int recipe_check_env(const char *name, struct error *err)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return error_set(err, ERROR_INVALID, "this is not the name of an environment variable");
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_')
            return error_set(err, ERROR_INVALID, "this is not the name of an environment variable");
    }
    if (looks_like_a_credential(name))
        return error_set(err, ERROR_DENIED,
                         "variables that look like credentials are kept from recipes; use a "
                         "parameter for what is none");
    return 0;
}
