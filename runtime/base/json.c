/* json.c - see json.h.  cJSON parses; what it lets pass (depth, NUL escapes, loose numbers and
 * white space, bytes that are no UTF-8) is found in one pass before it. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NUMBER_MAX 60 /* cJSON reads no more than 63 bytes of one */
#define NUMBER_TEXT_SIZE 64
#define SORT_ON_STACK 32

/* ---- parsing ---- */

/* What the first pass objects to: the offset, and a sentence's end; `problem` NULL: nothing. */
struct finding {
    size_t offset;
    const char *problem;
};

static const struct finding nothing_found = { 0 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Moves *at from the opening quote to behind the closing one. */
static struct finding check_string(const char *text, size_t size, size_t *at)
{
    size_t start = *at;
    for (size_t i = start + 1; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"') {
            *at = i + 1;
            return nothing_found;
        }
        if (c < 0x20)
            return (struct finding) { i, "a control character in a string" };
        if (c != '\\')
            continue;
        if (size - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
            return (struct finding) { i, "an escaped NUL" };
        i++;
    }
    return (struct finding) { start, "a string without an end" };
}

static size_t skip_digits(const char *text, size_t size, size_t at)
{
    while (at < size && is_digit(text[at]))
        at++;
    return at;
}

/* Moves *at behind the number that starts there, if it is one as RFC 8259 has it. */
static struct finding check_number(const char *text, size_t size, size_t *at)
{
    size_t start = *at;
    struct finding bad = { start, "a malformed number" };
    size_t whole = start + (text[start] == '-');
    size_t i = skip_digits(text, size, whole);
    if (i == whole || (i - whole > 1 && text[whole] == '0'))
        return bad;
    if (i < size && text[i] == '.') {
        size_t fraction = i + 1;
        i = skip_digits(text, size, fraction);
        if (i == fraction)
            return bad;
    }
    bool exponent = i < size && (text[i] == 'e' || text[i] == 'E');
    if (exponent) {
        size_t power = i + 1;
        power += power < size && (text[power] == '+' || text[power] == '-');
        i = skip_digits(text, size, power);
        if (i == power)
            return bad;
    }
    if (i - start > NUMBER_MAX)
        return (struct finding) { start, "a number that is too long" };
    if (exponent) { /* without one, 60 digits always fit into a double */
        char copy[NUMBER_MAX + 1];
        memcpy(copy, text + start, i - start);
        copy[i - start] = '\0';
        if (!isfinite(strtod(copy, NULL)))
            return (struct finding) { start, "a number that is too large" };
    }
    *at = i;
    return nothing_found;
}

static struct finding check_text(const char *text, size_t size)
{
    int depth = 0;
    size_t i = 0;
    while (i < size) {
        struct finding found = nothing_found;
        char c = text[i];
        if (c == '"') {
            found = check_string(text, size, &i);
        } else if (c == '-' || is_digit(c)) {
            found = check_number(text, size, &i);
        } else if ((unsigned char)c < 0x20 && !is_space(c)) {
            found = (struct finding) { i, "a control character" };
        } else {
            if ((c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
                found = (struct finding) { i, "nested too deep" };
            depth -= c == '}' || c == ']';
            i++;
        }
        if (found.problem)
            return found;
    }
    return nothing_found;
}

/* The offset of the first byte that is no UTF-8. Only asked when there is one: so by halves. */
static size_t first_bad_byte(const char *text, size_t size)
{
    size_t good = 0; /* text[0, good) is fine */
    for (size_t step = size; step > 0; step /= 2)
        while (good + step <= size) {
            size_t end = good + step;
            while (end < size && ((unsigned char)text[end] & 0xC0) == 0x80)
                end++; /* to the end of its character */
            if (!text_is_utf8(text + good, end - good))
                break;
            good = end;
        }
    return good;
}

int json_parse(const char *text, size_t size, const char *what, cJSON **out, struct error *err)
{
    struct finding found = check_text(text, size);
    if (!found.problem && !text_is_utf8(text, size))
        found = (struct finding) { first_bad_byte(text, size), "not UTF-8" };
    if (!found.problem && size > 0 && (unsigned char)text[0] == 0xEF)
        found = (struct finding) { 0, "a byte order mark" }; /* cJSON would skip it */
    if (found.problem)
        return error_set(err, ERROR_SYNTAX, "%s is not JSON: %s at byte %zu", what, found.problem,
                         found.offset);

    const char *end = NULL;
    errno = 0;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, size, &end, false);
    size_t offset = end && end >= text ? (size_t)(end - text) : 0;
    if (!tree && errno == ENOMEM)
        return error_set(err, ERROR_NO_MEMORY, "%s does not fit into memory", what);
    if (!tree)
        return error_set(err, ERROR_SYNTAX, "%s is not JSON: %s at byte %zu", what,
                         size == 0 ? "nothing there" : "malformed", offset);
    while (offset < size && is_space(text[offset]))
        offset++;
    if (offset < size) {
        cJSON_Delete(tree);
        return error_set(err, ERROR_SYNTAX, "%s is not JSON: something follows its end at byte %zu",
                         what, offset);
    }
    *out = tree;
    return 0;
}

/* ---- looking up and putting ---- */

/* The member whose name is the `size` bytes at `name`; NULL when there is none. */
static cJSON *member(const cJSON *object, const char *name, size_t size)
{
    if (!cJSON_IsObject(object))
        return NULL;
    for (cJSON *child = object->child; child; child = child->next)
        if (child->string && strncmp(child->string, name, size) == 0 && child->string[size] == '\0')
            return child;
    return NULL;
}

const cJSON *json_at(const cJSON *tree, const char *path)
{
    while (tree) {
        size_t size = strcspn(path, ".");
        tree = member(tree, path, size);
        if (path[size] == '\0')
            break;
        path += size + 1;
    }
    return cJSON_IsNull(tree) ? NULL : tree;
}

const char *json_string(const cJSON *tree, const char *path, const char *fallback)
{
    const cJSON *item = json_at(tree, path);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

bool json_bool(const cJSON *tree, const char *path, bool fallback)
{
    const cJSON *item = json_at(tree, path);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

int64_t json_int(const cJSON *tree, const char *path, int64_t fallback)
{
    const cJSON *item = json_at(tree, path);
    if (!cJSON_IsNumber(item))
        return fallback;
    double value = item->valuedouble;
    /* 2^63 is a double, INT64_MAX is not */
    if (!(value >= -0x1p63 && value < 0x1p63) || value != trunc(value))
        return fallback;
    return (int64_t)value;
}

/* Hangs `value` (taken) into `object` under `name`, in the place of `old` if there is one. */
static int set_member(cJSON *object, const char *name, cJSON *old, cJSON *value)
{
    if (!old) {
        if (cJSON_AddItemToObject(object, name, value))
            return 0;
        cJSON_Delete(value);
        return ERROR_NO_MEMORY;
    }
    /* cJSON_ReplaceItemViaPointer keeps the new item's name, which has none yet: give it the old.
     */
    if (value->string && !(value->type & cJSON_StringIsConst))
        cJSON_free(value->string); /* it was detached from another tree */
    value->string = old->string;
    value->type &= ~cJSON_StringIsConst;
    value->type |= old->type & cJSON_StringIsConst;
    old->string = NULL;
    (void)cJSON_ReplaceItemViaPointer(object, old, value);
    return 0;
}

int json_put(cJSON *tree, const char *path, cJSON *value)
{
    int rc = ERROR_NO_MEMORY;
    char *name = NULL;
    if (!value)
        return rc;
    for (;;) {
        size_t size = strcspn(path, ".");
        rc = ERROR_INVALID;
        if (!cJSON_IsObject(tree))
            break;
        rc = ERROR_NO_MEMORY;
        name = text_dup_size(path, size);
        if (!name)
            break;
        cJSON *old = member(tree, path, size);
        if (path[size] == '\0') {
            rc = set_member(tree, name, old, value);
            free(name);
            return rc;
        }
        if (!old || cJSON_IsNull(old)) {
            cJSON *object = cJSON_CreateObject();
            if (!object || set_member(tree, name, old, object) < 0)
                break;
            old = object;
        }
        free(name);
        name = NULL;
        tree = old;
        path += size + 1;
    }
    free(name);
    cJSON_Delete(value);
    return rc;
}

int json_put_string(cJSON *tree, const char *path, const char *text)
{
    return json_put(tree, path, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

/* ---- printing ---- */

struct style {
    bool sorted;
    bool pretty;
};

static void print_value(const cJSON *item, struct style style, int depth, struct buffer *out);

void json_quote(struct buffer *out, const char *text)
{
    buffer_char(out, '"');
    const char *start = text;
    const char *p = text;
    for (; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_append(out, start, (size_t)(p - start));
        start = p + 1;
        static const char special[] = "\"\\\b\f\n\r\t";
        static const char letters[] = "\"\\bfnrt";
        const char *at = strchr(special, c);
        if (at)
            buffer_append(out, (char[]) { '\\', letters[at - special] }, 2);
        else
            buffer_format(out, "\\u%04x", c);
    }
    buffer_append(out, start, (size_t)(p - start));
    buffer_char(out, '"');
}

static void new_line(struct style style, int depth, struct buffer *out)
{
    if (!style.pretty)
        return;
    buffer_char(out, '\n');
    for (int i = 0; i < depth; i++)
        buffer_append(out, "  ", 2);
}

static void print_member(const cJSON *item, struct style style, int depth, struct buffer *out)
{
    new_line(style, depth, out);
    json_quote(out, item->string ? item->string : "");
    buffer_append(out, ": ", style.pretty ? 2 : 1);
    print_value(item, style, depth, out);
}

/* A member and where it stood: members of one name keep their order. */
struct place {
    const cJSON *item;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    int order = strcmp(left->item->string ? left->item->string : "",
                       right->item->string ? right->item->string : "");
    if (order != 0)
        return order;
    return left->index < right->index ? -1 : left->index > right->index;
}

static void print_sorted(const cJSON *object, struct style style, int depth, struct buffer *out)
{
    struct place few[SORT_ON_STACK];
    size_t count = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        count++;
    struct place *places = count > COUNT(few) ? malloc(count * sizeof *places) : few;
    if (!places) {
        out->failed = out->failed ? out->failed : ERROR_NO_MEMORY;
        return;
    }
    size_t i = 0;
    for (const cJSON *child = object->child; child; child = child->next, i++)
        places[i] = (struct place) { child, i };
    qsort(places, count, sizeof *places, compare_places);
    for (i = 0; i < count; i++) {
        if (i > 0)
            buffer_char(out, ',');
        print_member(places[i].item, style, depth + 1, out);
    }
    if (places != few)
        free(places);
}

static void print_children(const cJSON *parent, struct style style, int depth, struct buffer *out)
{
    for (const cJSON *child = parent->child; child; child = child->next) {
        if (cJSON_IsObject(parent)) {
            print_member(child, style, depth + 1, out);
        } else {
            new_line(style, depth + 1, out);
            print_value(child, style, depth + 1, out);
        }
        if (child->next)
            buffer_char(out, ',');
    }
}

static void print_container(const cJSON *item, struct style style, int depth, struct buffer *out)
{
    bool object = cJSON_IsObject(item);
    buffer_char(out, object ? '{' : '[');
    if (item->child) {
        if (object && style.sorted)
            print_sorted(item, style, depth, out);
        else
            print_children(item, style, depth, out);
        new_line(style, depth, out);
    }
    buffer_char(out, object ? '}' : ']');
}

/* A number as cJSON prints it, but -0 is 0: they are equal. */
static bool number_text(const cJSON *item, char out[NUMBER_TEXT_SIZE])
{
    if (item->valuedouble == 0) {
        (void)text_copy(out, NUMBER_TEXT_SIZE, "0");
        return true;
    }
    return cJSON_PrintPreallocated((cJSON *)item, out, NUMBER_TEXT_SIZE, false);
}

/* Recursion is as deep as the tree: JSON_DEPTH_MAX for what was parsed, our own making otherwise.
 */
static void print_value(const cJSON *item, struct style style, int depth, struct buffer *out)
{
    if (cJSON_IsString(item)) {
        json_quote(out, item->valuestring ? item->valuestring : "");
    } else if (cJSON_IsNumber(item)) {
        char number[NUMBER_TEXT_SIZE];
        if (number_text(item, number))
            buffer_text(out, number);
        else
            out->failed = out->failed ? out->failed : ERROR_NO_MEMORY;
    } else if (cJSON_IsBool(item)) {
        buffer_text(out, cJSON_IsTrue(item) ? "true" : "false");
    } else if (cJSON_IsRaw(item)) {
        buffer_text(out, item->valuestring ? item->valuestring : "null");
    } else if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        print_container(item, style, depth, out);
    } else {
        buffer_text(out, "null");
    }
}

void json_print(const cJSON *tree, bool sorted, struct buffer *out)
{
    print_value(tree, (struct style) { .sorted = sorted }, 0, out);
}

static char *print_text(const cJSON *tree, struct style style)
{
    struct buffer out = { 0 };
    char *text = NULL;
    print_value(tree, style, 0, &out);
    return buffer_detach(&out, &text, NULL, NULL) < 0 ? NULL : text;
}

char *json_text(const cJSON *tree)
{
    return print_text(tree, (struct style) { 0 });
}

char *json_pretty(const cJSON *tree)
{
    return print_text(tree, (struct style) { .pretty = true });
}

/* ---- comparing ---- */

/* The member of `object` with this name; looks at `hint` first, which is where it stands when both
 * objects have one order: then comparing is linear. */
static const cJSON *find_near(const cJSON *object, const char *name, const cJSON *hint)
{
    if (hint && text_equal(hint->string, name))
        return hint;
    return name ? member(object, name, strlen(name)) : NULL;
}

static bool equal_objects(const cJSON *a, const cJSON *b)
{
    const cJSON *hint = b->child;
    size_t balance = 0;
    for (const cJSON *child = a->child; child; child = child->next, balance++) {
        const cJSON *other = find_near(b, child->string, hint);
        if (!other || !json_equal(child, other))
            return false;
        hint = other->next;
    }
    hint = a->child; /* with a name twice in `a`, something of `b` may not have been met */
    for (const cJSON *child = b->child; child; child = child->next, balance--) {
        const cJSON *other = find_near(a, child->string, hint);
        if (!other || balance == 0)
            return false;
        hint = other->next;
    }
    return balance == 0;
}

static bool equal_arrays(const cJSON *a, const cJSON *b)
{
    const cJSON *left = a->child;
    const cJSON *right = b->child;
    for (; left && right; left = left->next, right = right->next)
        if (!json_equal(left, right))
            return false;
    return !left && !right;
}

/* cJSON rounds the last bits away when it prints, so a number that went over the wire may come back
 * as its neighbour: numbers are equal when their texts are. */
static bool equal_numbers(const cJSON *a, const cJSON *b)
{
    char left[NUMBER_TEXT_SIZE];
    char right[NUMBER_TEXT_SIZE];
    if (a->valuedouble == b->valuedouble)
        return true;
    return number_text(a, left) && number_text(b, right) && strcmp(left, right) == 0;
}

bool json_equal(const cJSON *a, const cJSON *b)
{
    if (!a || !b)
        return a == b;
    int type = a->type & 0xFF;
    if (type != (b->type & 0xFF))
        return false;
    switch (type) {
    case cJSON_Number:
        return equal_numbers(a, b);
    case cJSON_String:
    case cJSON_Raw:
        return text_equal(a->valuestring, b->valuestring);
    case cJSON_Array:
        return equal_arrays(a, b);
    case cJSON_Object:
        return equal_objects(a, b);
    default:
        return true; /* true, false and null are types of their own */
    }
}

int json_sort(cJSON *array, int (*compare)(const cJSON *a, const cJSON *b))
{
    size_t count = (size_t)cJSON_GetArraySize(array);
    size_t used = 0;
    cJSON **items = calloc(count + 1, sizeof(cJSON *));
    if (!items)
        return ERROR_NO_MEMORY;
    for (; array->child && used < count; used++) {
        cJSON *item = cJSON_DetachItemViaPointer(array, array->child);
        size_t at = used;
        for (; at > 0 && compare(items[at - 1], item) > 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
    for (size_t i = 0; i < used; i++)
        (void)cJSON_AddItemToArray(array, items[i]);
    free((void *)items);
    return 0;
}

/* ---- errors ---- */

static void put_text(cJSON *object, const char *name, const char *text)
{
    if (text[0])
        cJSON_AddStringToObject(object, name, text);
}

/* Our own codes as words of the style of ARM's: "NotFound". */
static const char *code_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        { ERROR_NO_MEMORY, "OutOfMemory" }, { ERROR_IO, "InputOutput" },
        { ERROR_SYNTAX, "Syntax" },         { ERROR_RANGE, "OutOfRange" },
        { ERROR_INVALID, "Invalid" },       { ERROR_NOT_FOUND, "NotFound" },
        { ERROR_CONFLICT, "Conflict" },     { ERROR_DENIED, "Denied" },
        { ERROR_QUOTA, "Quota" },           { ERROR_TOO_LARGE, "TooLarge" },
        { ERROR_TOO_NEW, "TooNew" },        { ERROR_TIMEOUT, "Timeout" },
        { ERROR_CANCELLED, "Cancelled" },   { ERROR_UNAVAILABLE, "Unavailable" },
        { ERROR_REMOTE, "Remote" },         { ERROR_LIMIT, "Limit" },
        { ERROR_USAGE, "Usage" },
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (names[i].code == code)
            return names[i].name;
    return "Internal";
}

const char *json_error_code(const struct error *err)
{
    return err->name[0] ? err->name : code_name(err->code);
}

cJSON *json_error(const struct error *err)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "code", json_error_code(err));
    cJSON_AddStringToObject(object, "message", err->message);
    put_text(object, "target", err->target);
    put_text(object, "file", err->file);
    if (err->line > 0)
        cJSON_AddNumberToObject(object, "line", err->line);
    if (err->status > 0)
        cJSON_AddNumberToObject(object, "status", err->status);
    cJSON *details = NULL;
    if (err->details[0] &&
        json_parse(err->details, strlen(err->details), "details", &details, NULL) == 0)
        cJSON_AddItemToObject(object, "details", details);
    else
        put_text(object, "details", err->details);
    return object;
}
