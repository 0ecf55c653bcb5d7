/* Names to principals, against a scripted directory that reads the filters. */
#include "fake.h"

#include "client/directory.h"

#define USERS 40

/* What was asked, decoded: the filter, or the path when there is none. */
static char *filter_of(const struct asked *asked)
{
    const char *query = strchr(asked->target, '?');
    return query ? http_query_get(query + 1, "$filter") : NULL;
}

/* A directory of user0@x … user39@x (upn case differs), two groups "twins", one "team", one
 * principal. */
static fake_fn play_directory;
static void play_directory(struct fake *fake, const struct asked *asked, struct answer *out,
                           void *arg)
{
    struct buffer body = { 0 };
    char *filter = filter_of(asked);
    (void)fake, (void)arg;
    out->status = 200;
    out->delay_ms = 100;
    buffer_text(&body, "{\"value\":[");
    const char *comma = "";
    bool users = strstr(asked->target, "/v1.0/users?") != NULL;
    for (int i = 0; users && i < USERS; i++) {
        char name[32], quoted[40];
        snprintf(name, sizeof name, "user%d@x", i);
        snprintf(quoted, sizeof quoted, "'user%d@x'", i);
        if (filter && !text_starts(filter, "startsWith") && !strcasestr(filter, quoted))
            continue;
        buffer_format(&body,
                      "%s{\"id\":\"id-%d\",\"displayName\":\"User %d\",\"userPrincipalName\":"
                      "\"U%s\"}",
                      comma, i, i, name + 1);
        comma = ",";
    }
    if (strstr(asked->target, "/groups?") && filter && strstr(filter, "'twins'"))
        buffer_text(&body, "{\"id\":\"t1\",\"displayName\":\"Twins\"},"
                           "{\"id\":\"t2\",\"displayName\":\"twins\"}");
    if (strstr(asked->target, "/groups?") && (!filter || strstr(filter, "'team'")))
        buffer_text(&body, "{\"id\":\"g1\",\"displayName\":\"team\"}");
    if (strstr(asked->target, "/servicePrincipals?") && filter && strstr(filter, "'o''neil'"))
        buffer_text(&body, "{\"id\":\"sp1\",\"displayName\":\"o'neil\"}");
    buffer_text(&body, "]}");
    if (strstr(asked->target, "/users/00000000-0000-4000-8000-000000000101")) {
        buffer_reset(&body);
        buffer_text(&body, "{\"id\":\"00000000-0000-4000-8000-000000000101\"}");
    } else if (strstr(asked->target, "/users/")) {
        out->status = 404;
    }
    free(filter);
    assert_int_equal(buffer_detach(&body, &out->owned_body, NULL, NULL), 0);
}

struct resolved {
    bool done;
    int rc;
    struct {
        enum directory_outcome outcome;
        char id[64], near[64], ids[64];
    } answers[100];
    size_t count;
    struct error err;
};

static void on_resolved(int rc, const struct directory_answer *answers, size_t count,
                        const struct error *err, void *arg)
{
    struct resolved *resolved = arg;
    assert_false(resolved->done);
    resolved->done = true;
    resolved->rc = rc;
    resolved->count = count;
    if (rc < 0)
        resolved->err = *err;
    for (size_t i = 0; i < count; i++) {
        resolved->answers[i].outcome = answers[i].outcome;
        (void)text_copy(resolved->answers[i].id, 64, answers[i].id ? answers[i].id : "");
        (void)text_copy(resolved->answers[i].near, 64, answers[i].near ? answers[i].near : "");
        for (size_t j = 0; j < answers[i].ids_count; j++) {
            size_t used = strlen(resolved->answers[i].ids);
            snprintf(resolved->answers[i].ids + used, 64 - used, "%s ", answers[i].ids[j]);
        }
    }
}

static void resolve(struct fake *fake, const char *graph_url, const struct directory_name *names,
                    size_t count, struct resolved *resolved)
{
    struct directory directory = { .client = fake->client, .graph_url = graph_url };
    struct error err = { 0 };
    *resolved = (struct resolved) { 0 };
    assert_int_equal(directory_resolve(&directory, names, count, on_resolved, resolved, NULL, &err),
                     0);
    assert_false(resolved->done);
    assert_int_equal(loop_run_until(fake->loop, &resolved->done), 0);
}

static void start(struct fake *fake)
{
    fake_start(fake, NULL, NULL);
    fake->fn = play_directory;
}

static void test_users_are_asked_for_in_batches_all_at_once(void **state)
{
    struct directory_name names[2 * USERS];
    char texts[USERS][32];
    struct resolved resolved;
    struct fake fake;
    (void)state;
    for (size_t i = 0; i < USERS; i++) {
        snprintf(texts[i], sizeof texts[i], "user%zu@X", i);
        names[i] = names[USERS + i] = (struct directory_name) { DIRECTORY_USER, texts[i] };
    }
    start(&fake);
    resolve(&fake, NULL, names, COUNT(names), &resolved);
    assert_int_equal(resolved.rc, 0);
    assert_int_equal(resolved.count, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        char id[32];
        snprintf(id, sizeof id, "id-%zu", i % USERS);
        assert_int_equal(resolved.answers[i].outcome, DIRECTORY_FOUND);
        assert_string_equal(resolved.answers[i].id, id);
    }
    assert_int_equal(fake.asked_count, 3); /* 40 names, each once, by 15 */
    assert_int_equal(loop_now_ms(fake.loop) - fake.asked[0].at_ms, 100);
    char *filter = filter_of(&fake.asked[0]);
    assert_true(text_starts(filter, "userPrincipalName in ('user0@X','user1@X',"));
    free(filter);
    fake_stop(&fake);
}

static void test_quotes_are_doubled(void **state)
{
    static const struct directory_name names[] = {
        { DIRECTORY_SERVICE_PRINCIPAL, "o'neil" },
        { DIRECTORY_USER, "x' or startsWith(displayName,'a&$top=5#" },
    };
    struct resolved resolved;
    struct fake fake;
    (void)state;
    start(&fake);
    resolve(&fake, NULL, names, COUNT(names), &resolved);
    assert_int_equal(resolved.answers[0].outcome, DIRECTORY_FOUND);
    assert_string_equal(resolved.answers[0].id, "sp1");
    assert_int_equal(resolved.answers[1].outcome, DIRECTORY_MISSING);
    bool seen = false;
    for (size_t i = 0; i < fake.asked_count; i++) {
        char *filter = filter_of(&fake.asked[i]);
        seen |=
            text_equal(filter, "userPrincipalName eq 'x'' or startsWith(displayName,''a&$top=5#'");
        free(filter);
    }
    assert_true(seen);
    fake_stop(&fake);
}

static void test_missing_names_come_with_a_similar_one(void **state)
{
    static const struct directory_name names[] = {
        { DIRECTORY_USER, "usr17@x" },  /* same first letters */
        { DIRECTORY_USER, "suer17@x" }, /* a slip in the first letters */
        { DIRECTORY_USER, "nobody-at-all@elsewhere" },
        { DIRECTORY_GROUP, "tema" },
        { DIRECTORY_USER, "" },
    };
    struct resolved resolved;
    struct fake fake;
    (void)state;
    start(&fake);
    resolve(&fake, NULL, names, COUNT(names), &resolved);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(resolved.answers[i].outcome, DIRECTORY_MISSING);
    assert_string_equal(resolved.answers[0].near, "User17@x");
    assert_string_equal(resolved.answers[1].near, "User17@x");
    assert_string_equal(resolved.answers[2].near, "");
    assert_string_equal(resolved.answers[3].near, "team");
    assert_string_equal(resolved.answers[4].near, "");
    fake_stop(&fake);
}

static void test_a_name_that_several_have_is_ambiguous(void **state)
{
    static const struct directory_name names[] = { { DIRECTORY_GROUP, "twins" },
                                                   { DIRECTORY_GROUP, "team" } };
    struct resolved resolved;
    struct fake fake;
    (void)state;
    start(&fake);
    resolve(&fake, NULL, names, COUNT(names), &resolved);
    assert_int_equal(resolved.answers[0].outcome, DIRECTORY_AMBIGUOUS);
    assert_string_equal(resolved.answers[0].ids, "t1 t2 ");
    assert_int_equal(resolved.answers[1].outcome, DIRECTORY_FOUND);
    assert_string_equal(resolved.answers[1].id, "g1");
    fake_stop(&fake);
}

static void test_object_ids_are_looked_up_as_such(void **state)
{
    static const struct directory_name names[] = {
        { DIRECTORY_USER, "00000000-0000-4000-8000-000000000101" },
        { DIRECTORY_USER, "00000000-0000-4000-8000-000000000999" },
    };
    struct resolved resolved;
    struct fake fake;
    (void)state;
    start(&fake);
    resolve(&fake, NULL, names, COUNT(names), &resolved);
    assert_int_equal(resolved.rc, 0);
    assert_string_equal(resolved.answers[0].id, names[0].name);
    assert_int_equal(resolved.answers[1].outcome, DIRECTORY_MISSING);
    fake_stop(&fake);
}

static void test_graph_is_another_host(void **state)
{
    static const struct directory_name names[] = { { DIRECTORY_GROUP, "team" } };
    struct arm_client_options options = { .token = "arm" };
    struct resolved resolved;
    struct fake fake;
    (void)state;
    fake_start(&fake, &options, "https://plane.test:443");
    fake.fn = play_directory;
    resolve(&fake, "https://graph.test/", names, COUNT(names), &resolved);
    assert_int_equal(resolved.answers[0].outcome, DIRECTORY_FOUND);
    assert_true(text_starts(fake.asked[0].target, "https://graph.test/v1.0/groups?"));
    assert_null(fake.asked[0].authorization); /* ARM's token is not Graph's */
    fake_stop(&fake);
}

static fake_fn refuse;
static void refuse(struct fake *fake, const struct asked *asked, struct answer *out, void *arg)
{
    (void)asked, (void)arg;
    out->status = fake->asked_count == 0 ? 403 : 200;
    out->delay_ms = fake->asked_count == 0 ? 10 : 1000;
    out->body = "{\"error\":{\"code\":\"Authorization_RequestDenied\",\"message\":\"no\"}}";
}

static void test_refusal_ends_the_whole_lookup_once(void **state)
{
    static const struct directory_name names[] = { { DIRECTORY_GROUP, "a" },
                                                   { DIRECTORY_GROUP, "b" },
                                                   { DIRECTORY_USER, "c" } };
    struct resolved resolved;
    struct fake fake;
    (void)state;
    start(&fake);
    fake.fn = refuse;
    resolve(&fake, NULL, names, COUNT(names), &resolved);
    assert_int_equal(resolved.rc, ERROR_DENIED);
    assert_string_equal(resolved.err.name, "Authorization_RequestDenied");
    assert_int_equal(resolved.count, 0);
    assert_int_equal(fake.cancelled, 2);
    fake_stop(&fake);
}

static void test_nothing_asked_is_answered_from_the_loop(void **state)
{
    struct resolved resolved;
    struct fake fake;
    (void)state;
    start(&fake);
    resolve(&fake, NULL, NULL, 0, &resolved);
    assert_int_equal(resolved.rc, 0);
    assert_int_equal(fake.asked_count, 0);
    fake_stop(&fake);
}

static void test_cancelled_lookup_says_nothing(void **state)
{
    static const struct directory_name names[] = { { DIRECTORY_GROUP, "team" },
                                                   { DIRECTORY_USER, "typo@x" } };
    const int64_t stages_ms[] = { 0, 50, 150 };
    (void)state;
    for (size_t i = 0; i < COUNT(stages_ms); i++) {
        for (size_t count = 0; count <= COUNT(names); count += COUNT(names)) {
            struct directory_lookup *lookup = NULL;
            struct resolved resolved = { 0 };
            struct error err = { 0 };
            struct fake fake;
            bool never = false;
            start(&fake);
            struct directory directory = { .client = fake.client };
            assert_int_equal(
                directory_resolve(&directory, names, count, on_resolved, &resolved, &lookup, &err),
                0);
            for (int64_t ms = 0; ms < stages_ms[i] && count > 0; ms += 10) {
                loop_poll(fake.loop);
                clock_advance(&fake.clock, 10);
            }
            directory_cancel(lookup);
            assert_true(loop_run_until(fake.loop, &never) < 0);
            assert_false(resolved.done);
            fake_stop(&fake);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users_are_asked_for_in_batches_all_at_once),
        cmocka_unit_test(test_quotes_are_doubled),
        cmocka_unit_test(test_missing_names_come_with_a_similar_one),
        cmocka_unit_test(test_a_name_that_several_have_is_ambiguous),
        cmocka_unit_test(test_object_ids_are_looked_up_as_such),
        cmocka_unit_test(test_graph_is_another_host),
        cmocka_unit_test(test_refusal_ends_the_whole_lookup_once),
        cmocka_unit_test(test_nothing_asked_is_answered_from_the_loop),
        cmocka_unit_test(test_cancelled_lookup_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
