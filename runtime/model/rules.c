/* rules.c - rules of the service, each with its sentence. */
#include "model/rules.h"

#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

#include "base/text.h"

static bool refuse(const char **out_rule, const char *rule)
{
    if (out_rule)
        *out_rule = rule;
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "-12" at the end: what the service's pattern forbids. */
static bool ends_in_hyphen_digits(const char *name, size_t size)
{
    size_t digits = 0;
    while (digits < size && is_digit(name[size - 1 - digits]))
        digits++;
    return digits > 0 && digits < size && name[size - 1 - digits] == '-';
}

bool compute_name_accepted(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    if (size < COMPUTE_NAME_MIN || size > COMPUTE_NAME_MAX || !is_letter(name[0]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '-')
            return false;
    return !ends_in_hyphen_digits(name, size);
}

bool compute_name_valid(const char *name, const char **out_rule)
{
    size_t size = name ? strlen(name) : 0;
    for (size_t i = 0; i < size; i++)
        if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '-')
            return refuse(out_rule, "the name of an instance has only letters, digits and hyphens");
    if (size < COMPUTE_NAME_MIN || size > COMPUTE_NAME_MAX)
        return refuse(out_rule, "the name of an instance has 3 to 24 characters");
    if (!is_letter(name[0]))
        return refuse(out_rule, "the name of an instance starts with a letter");
    if (name[size - 1] == '-')
        return refuse(out_rule, "the name of an instance must not end in a hyphen");
    if (ends_in_hyphen_digits(name, size))
        return refuse(out_rule, "the name of an instance must not end in a hyphen and digits");
    return true;
}

bool workspace_name_valid(const char *name, const char **out_rule)
{
    size_t size = name ? strlen(name) : 0;
    for (size_t i = 0; i < size; i++)
        if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '-' && name[i] != '_')
            return refuse(
                out_rule,
                "the name of a workspace has only letters, digits, hyphens and underscores");
    if (size < WORKSPACE_NAME_MIN || size > WORKSPACE_NAME_MAX)
        return refuse(out_rule, "the name of a workspace has 3 to 33 characters");
    if (name[0] == '-' || name[0] == '_')
        return refuse(out_rule, "the name of a workspace starts with a letter or a digit");
    return true;
}

bool fleet_name_valid(const char *name, const char **out_rule)
{
    size_t size = name ? strlen(name) : 0;
    if (size < 1 || size > FLEET_NAME_MAX)
        return refuse(out_rule, "the name of a fleet has 1 to 64 characters");
    for (size_t i = 0; i < size; i++)
        if (!is_letter(name[i]) && !is_digit(name[i]) && !strchr("-_.", name[i]))
            return refuse(out_rule,
                          "the name of a fleet has only letters, digits, '-', '_' and '.'");
    if (strchr("-_.", name[0]))
        return refuse(out_rule, "the name of a fleet starts with a letter or a digit");
    return true;
}

/* UTF-8 characters, not bytes. */
static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Labels of letters, digits and inner hyphens, two at least. */
static bool is_domain(const char *text)
{
    size_t labels = 0;
    for (const char *at = text;; at++) {
        size_t size = 0;
        while (is_letter(at[size]) || is_digit(at[size]) || at[size] == '-')
            size++;
        if (size == 0 || size > 63 || at[0] == '-' || at[size - 1] == '-')
            return false;
        labels++;
        at += size;
        if (*at != '.')
            return *at == '\0' && labels >= 2;
    }
}

bool upn_valid(const char *upn, const char **out_rule)
{
    const char *at = upn ? strchr(upn, '@') : NULL;
    if (!at || at == upn || !at[1])
        return refuse(out_rule, "a user principal name looks like name@domain");
    size_t size = (size_t)(at - upn);
    for (size_t i = 0; i < size; i++)
        if (!is_letter(upn[i]) && !is_digit(upn[i]) && !strchr("'.-_!#^~", upn[i]))
            return refuse(out_rule, "before the @, a user principal name has only letters, digits "
                                    "and ' . - _ ! # ^ ~");
    if (size > UPN_LOCAL_MAX)
        return refuse(out_rule, "a user principal name has at most 64 characters before the @");
    if (at[-1] == '.')
        return refuse(out_rule, "a user principal name has no full stop before the @");
    if (strlen(at + 1) > UPN_DOMAIN_MAX)
        return refuse(out_rule, "a user principal name has at most 48 characters behind the @");
    if (!is_domain(at + 1))
        return refuse(out_rule, "behind the @ of a user principal name stands a domain, such as "
                                "moonfleet.local");
    return true;
}

bool tag_name_valid(const char *name, const char **out_rule)
{
    if (!name || !*name)
        return refuse(out_rule, "the name of a tag must not be empty");
    if (strpbrk(name, "<>%&\\?/"))
        return refuse(out_rule, "the name of a tag must not have any of < > % & \\ ? /");
    if (count_characters(name) > TAG_NAME_MAX)
        return refuse(out_rule, "the name of a tag has at most 512 characters");
    return true;
}

/* ---- cron ---- */

struct cron_field {
    const char *name;
    int min, max;
    const char *const *words; /* three letters each, from `min` on; or NULL */
    int word_count;
};

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                      "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const struct cron_field cron_fields[] = {
    { "minute", 0, 59, NULL, 0 },           { "hour", 0, 23, NULL, 0 },
    { "day of the month", 1, 31, NULL, 0 }, { "month", 1, 12, months, 12 },
    { "day of the week", 0, 6, days, 7 },
};

/* A number or a word at *text; moves *text on; -1 when there is neither. */
static int read_value(const struct cron_field *field, const char **text)
{
    for (int i = 0; i < field->word_count; i++) {
        if (strncasecmp(*text, field->words[i], 3) == 0 && !is_letter((*text)[3])) {
            *text += 3;
            return field->min + i;
        }
    }
    int value = -1;
    for (int digits = 0; is_digit(**text) && digits < 4; digits++, (*text)++)
        value = (value < 0 ? 0 : value) * 10 + (**text - '0');
    return value;
}

static int bad_value(const struct cron_field *field, const char *part, struct error *err)
{
    return error_set(err, ERROR_SYNTAX, "'%s' is not a %s (%d to %d)", part, field->name,
                     field->min, field->max);
}

/* One of a list: "*", "5", "1-5", "8-18/2", "*" "/15", "mon-fri". */
static int check_item(const struct cron_field *field, const char *item, struct error *err)
{
    const char *at = item;
    if (*at == '*') {
        at++;
    } else {
        int low = read_value(field, &at);
        if (low < field->min || low > field->max)
            return bad_value(field, item, err);
        if (*at == '-') {
            at++;
            int high = read_value(field, &at);
            if (high < field->min || high > field->max)
                return bad_value(field, item, err);
            if (high < low)
                return error_set(err, ERROR_SYNTAX, "the range '%s' of the %s runs backwards", item,
                                 field->name);
        }
    }
    if (*at == '/') {
        at++;
        struct cron_field step = { field->name, 1, field->max, NULL, 0 };
        int value = read_value(&step, &at);
        if (value < step.min || value > step.max)
            return error_set(err, ERROR_SYNTAX, "'%s' has a step that is not 1 to %d", item,
                             step.max);
    }
    return *at ? bad_value(field, item, err) : 0;
}

static int check_field(const struct cron_field *field, const char *text, size_t size,
                       struct error *err)
{
    size_t start = 0;
    for (size_t i = 0; i <= size; i++) {
        char item[24];
        if (i < size && text[i] != ',')
            continue;
        if (i - start == 0 || i - start >= sizeof item)
            return error_set(err, ERROR_SYNTAX, "the %s '%.*s' is malformed", field->name,
                             (int)size, text);
        memcpy(item, text + start, i - start);
        item[i - start] = '\0';
        int rc = check_item(field, item, err);
        if (rc < 0)
            return rc;
        start = i + 1;
    }
    return 0;
}

int cron_check(const char *expression, struct error *err)
{
    size_t count = 0;
    for (const char *at = expression; *at;) {
        at += strspn(at, " \t");
        size_t size = strcspn(at, " \t");
        if (size == 0)
            break;
        if (count < COUNT(cron_fields)) {
            int rc = check_field(&cron_fields[count], at, size, err);
            if (rc < 0)
                return rc;
        }
        count++;
        at += size;
    }
    if (count != COUNT(cron_fields))
        return error_set(err, ERROR_SYNTAX,
                         "a cron expression has five fields (minute, hour, day, month, weekday), "
                         "this one has %zu",
                         count);
    return 0;
}

/* Is every segment one that leads further down? */
static bool leads_down(const char *path)
{
    while (*path) {
        size_t size = strcspn(path, "/");
        if (size == 0 || (path[0] == '.' && (size == 1 || (size == 2 && path[1] == '.'))))
            return false;
        path += size;
        if (*path == '/' && !*++path)
            return false;
    }
    return true;
}

bool share_path_valid(const char *path, const char **out_rule)
{
    const char *rule = NULL;
    bool plain = true;
    for (const char *c = path; *c; c++)
        plain = plain && (unsigned char)*c >= 0x20 && *c != 0x7f && *c != '\\';
    if (strlen(path) > SHARE_PATH_MAX)
        rule = "a path in the file share is at most 1024 bytes long";
    else if (!text_ends(path, ".sh") || text_ends(path, "/.sh") || text_equal(path, ".sh"))
        rule = "a script in the file share ends in .sh";
    else if (!plain || !text_is_utf8(path, strlen(path)))
        rule = "a path in the file share is plain text, with '/' between its folders";
    else if (path[0] == '/' || !leads_down(path))
        rule = "a path in the file share begins at its top, as in \"Users/ada/setup.sh\", without "
               "'.' and '..'";
    if (rule && out_rule)
        *out_rule = rule;
    return !rule;
}

void script_timeout_text(int64_t seconds, char *out, size_t out_size)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    for (size_t i = 0; i < COUNT(units); i++) {
        if (seconds % units[i].seconds == 0 && (seconds > 0 || i == COUNT(units) - 1)) {
            snprintf(out, out_size, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
            return;
        }
    }
}
