/* test_oci.c - real containers of an OCI runtime: as whoever runs this, and, when that is root, as
 * ordinary users, too.  Skipped where no runtime works.
 *
 * This program is its own process 1 (`__init`), as moonfleet is. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "net/process.h"
#include "plane/driver.h"

#define SKIPPED 77

/* Set by main(): where everything of this run stands, and this program. */
static char *home;
static char program[4096];

/* The driver goes from test to test, for trying what runtimes can do takes longer than most of them. */
static struct loop *idle_loop;
static struct driver *idle_driver;

struct world {
    struct loop *loop;
    struct driver *driver;
    char *folder, *logs;
    char id[UUID_TEXT_SIZE];
    bool ended;
};

struct outcome {
    bool done;
    int rc;
    struct error err;
    int phases;
    enum driver_phase phase[4];
};

struct answer {
    bool done;
    int status;
    char text[16384];
};

/* ---- the world of a test ---- */

static struct oci_options options_of(const struct world *world)
{
    return (struct oci_options) { .folder = world->folder,
                                  .mask_folder = home,
                                  .program = program,
                                  .runtime = getenv("MOONFLEET_TEST_RUNTIME") };
}

static void on_machine_end(const char *id, void *arg)
{
    struct world *world = arg;
    world->ended = world->ended || text_equal(id, world->id);
}

static void open_driver(struct world *world)
{
    struct error err = { 0 };
    struct oci_options options = options_of(world);
    assert_int_equal(loop_new(clock_real(), &world->loop, NULL), 0);
    if (driver_oci_new(world->loop, &options, &world->driver, &err) < 0)
        fail_msg("%s", err.message);
}

static void close_driver(struct world *world)
{
    driver_free(world->driver);
    world->driver = NULL;
    loop_free(world->loop);
    world->loop = NULL;
}

static void on_phase(enum driver_phase phase, void *arg)
{
    struct outcome *outcome = arg;
    if (outcome->phases < 4)
        outcome->phase[outcome->phases] = phase;
    outcome->phases++;
}

static void on_done(int rc, const struct error *err, void *arg)
{
    struct outcome *outcome = arg;
    assert_false(outcome->done);
    outcome->done = true;
    outcome->rc = rc;
    if (err)
        outcome->err = *err;
}

static struct driver_callbacks callbacks_of(struct outcome *outcome)
{
    return (struct driver_callbacks) { .phase = on_phase, .done = on_done, .arg = outcome };
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    /* The characters are what overlayfs and shells trip over. */
    world->folder = text_format("%s/odd, na:me\\'s/instances", home);
    world->logs = text_format("%s/logs-%d", home, (int)random_below(1000000000));
    uuid_make(world->id);
    world->loop = idle_loop;
    world->driver = idle_driver;
    if (!world->driver)
        open_driver(world);
    *state = world;
    return 0;
}

static void remove_instance(struct world *world)
{
    struct outcome outcome = { 0 };
    struct driver_callbacks callbacks = callbacks_of(&outcome);
    assert_int_equal(world->driver->ops->remove(world->driver, world->id, &callbacks), 0);
    assert_int_equal(loop_run_until(world->loop, &outcome.done), 0);
    if (outcome.rc < 0)
        fail_msg("%s", outcome.err.message);
}

static int teardown(void **state)
{
    struct world *world = *state;
    remove_instance(world);
    world->driver->ended = NULL;
    idle_loop = world->loop;
    idle_driver = world->driver;
    free(world->folder);
    free(world->logs);
    free(world);
    return 0;
}

static struct driver_script script(const char *text, const char *arguments, int64_t timeout_s)
{
    return (struct driver_script) {
        .text = text,
        .size = text ? strlen(text) : 0,
        .arguments = arguments,
        .timeout_s = timeout_s,
        .directory = "/mnt/batch/tasks/shared/LS_root/mounts/clusters/box-1/code/Users"
    };
}

static struct driver_instance instance_of(const struct world *world, const char *creation,
                                          const char *startup)
{
    return (struct driver_instance) { .id = world->id,
                                      .name = "box-1",
                                      .workspace = "ds-workspace",
                                      .resource_group = "moonfleet",
                                      .cores = 4,
                                      .memory_bytes = (int64_t)14 << 30,
                                      .creation = script(creation, NULL, 60),
                                      .startup = script(startup, NULL, 60),
                                      .log_folder = world->logs };
}

static struct outcome create(struct world *world, const struct driver_instance *instance)
{
    struct outcome outcome = { 0 };
    struct driver_callbacks callbacks = callbacks_of(&outcome);
    assert_int_equal(world->driver->ops->create(world->driver, instance, &callbacks), 0);
    assert_false(outcome.done); /* never from inside the call */
    assert_int_equal(loop_run_until(world->loop, &outcome.done), 0);
    return outcome;
}

static void create_well(struct world *world, const struct driver_instance *instance)
{
    struct outcome outcome = create(world, instance);
    if (outcome.rc < 0)
        fail_msg("%s", outcome.err.message);
}

static void start_well(struct world *world, const struct driver_instance *instance)
{
    struct outcome outcome = { 0 };
    struct driver_callbacks callbacks = callbacks_of(&outcome);
    assert_int_equal(world->driver->ops->start(world->driver, instance, &callbacks), 0);
    assert_int_equal(loop_run_until(world->loop, &outcome.done), 0);
    if (outcome.rc < 0)
        fail_msg("%s", outcome.err.message);
}

static void stop_well(struct world *world)
{
    struct outcome outcome = { 0 };
    struct driver_callbacks callbacks = callbacks_of(&outcome);
    assert_int_equal(world->driver->ops->stop(world->driver, world->id, &callbacks), 0);
    assert_int_equal(loop_run_until(world->loop, &outcome.done), 0);
    if (outcome.rc < 0)
        fail_msg("%s", outcome.err.message);
}

static void on_answer(struct process *process, int status, const struct buffer *output, void *arg)
{
    struct answer *answer = arg;
    (void)process;
    answer->status = status;
    (void)text_copy(answer->text, sizeof answer->text, output->data ? output->data : "");
    answer->done = true;
}

/* Runs a shell line inside the instance. */
static struct answer ask(struct world *world, const char *line)
{
    struct answer answer = { 0 };
    struct error err = { 0 };
    const char *const words[] = { "sh", "-c", line };
    const char *argv[32] = { 0 };
    struct process *process = NULL;
    cJSON *inner = cJSON_CreateStringArray(words, 3);
    cJSON *outer = NULL;
    if (world->driver->ops->exec(world->driver, world->id, inner, false, &outer, &err) < 0)
        fail_msg("%s", err.message);
    for (int i = 0; i < cJSON_GetArraySize(outer) && i < 31; i++)
        argv[i] = cJSON_GetArrayItem(outer, i)->valuestring;
    const struct process_options options = {
        .argv = argv, .stdin_fd = -1, .output_fd = -1, .capture = true
    };
    assert_int_equal(process_start(world->loop, &options, on_answer, &answer, &process, &err), 0);
    assert_int_equal(loop_run_until(world->loop, &answer.done), 0);
    cJSON_Delete(inner);
    cJSON_Delete(outer);
    return answer;
}

static void assert_answer(struct world *world, const char *line, const char *wanted)
{
    struct answer answer = ask(world, line);
    if (answer.status != 0)
        print_error("%s: wait status %d\n", line, answer.status);
    assert_string_equal(answer.text, wanted);
    assert_int_equal(answer.status, 0);
}

/* The whole log; the caller frees. */
static char *log_text(const struct world *world, const char *name)
{
    struct buffer text = { 0 };
    struct error err = { 0 };
    char *out = NULL;
    char *path = file_join(world->logs, name);
    if (file_read(path, (size_t)128 << 20, &text, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(buffer_detach(&text, &out, NULL, NULL), 0);
    free(path);
    return out;
}

static void assert_log(const struct world *world, const char *name, const char *wanted)
{
    char *text = log_text(world, name);
    assert_string_equal(text, wanted);
    free(text);
}

static cJSON *log_about(const struct world *world, const char *name)
{
    cJSON *tree = NULL;
    char *text = log_text(world, name);
    assert_int_equal(json_parse(text, strlen(text), name, &tree, NULL), 0);
    free(text);
    return tree;
}

/* ---- creating ---- */

static void runs_the_scripts_as_root_with_their_environment(void **state)
{
    struct world *world = *state;
    struct driver_instance instance =
        instance_of(world,
                    "#!/bin/sh\n"
                    "id -u; hostname; pwd\n"
                    "echo $CI_NAME $CI_WORKSPACE $CI_RESOURCE_GROUP $CI_LOCAL_UBUNTU_USER $HOME\n"
                    "for one in \"$@\"; do echo \"<$one>\"; done\n"
                    "echo from stderr >&2\n",
                    "echo again in ${BASH:-sh}\n");
    instance.creation.arguments = "one 'two words' \"three's\" $HOME";
    struct outcome outcome = create(world, &instance);
    if (outcome.rc < 0)
        fail_msg("%s", outcome.err.message);
    assert_int_equal(outcome.phases, 2);
    assert_int_equal(outcome.phase[0], DRIVER_SETTING_UP);
    assert_int_equal(outcome.phase[1], DRIVER_USER_SETTING_UP);
    assert_log(world, "0001-creation.log",
               "0\nbox-1\n/mnt/batch/tasks/shared/LS_root/mounts/clusters/box-1/code/Users\n"
               "box-1 ds-workspace moonfleet azureuser /root\n"
               "<one>\n<two words>\n<three's>\n<$HOME>\nfrom stderr\n");
    assert_log(world, "0002-startup.log",
               access("/bin/bash", X_OK) == 0 ? "again in /bin/bash\n" : "again in sh\n");
    cJSON *about = log_about(world, "0001-creation.json");
    assert_string_equal(json_string(about, "kind", ""), "creation");
    assert_string_equal(json_string(about, "arguments", ""), instance.creation.arguments);
    assert_int_equal(json_int(about, "exitStatus", -1), 0);
    assert_false(json_bool(about, "timedOut", true));
    int64_t start = 0;
    int64_t end = 0;
    assert_int_equal(time_parse(json_string(about, "startTime", ""), &start), 0);
    assert_int_equal(time_parse(json_string(about, "endTime", ""), &end), 0);
    assert_true(end >= start);
    assert_int_equal(strlen(json_string(about, "digest", "")), 64);
    cJSON_Delete(about);
}

static void is_ready_at_once_without_scripts(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    struct outcome outcome = create(world, &instance);
    assert_int_equal(outcome.rc, 0);
    assert_int_equal(outcome.phases, 1);
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 1);
    assert_answer(world, "id -u; hostname; cat /etc/hostname; grep -c box-1 /etc/hosts",
                  "0\nbox-1\nbox-1\n1\n");
    /* Creating it again finds the work done. */
    outcome = create(world, &instance);
    assert_int_equal(outcome.rc, 0);
}

static void keeps_its_files_and_gives_the_machine_none(void **state)
{
    struct world *world = *state;
    char *name = text_format("moonfleet-test-%s", world->id);
    char *creation = text_format("for d in /etc /usr/local/bin /var/lib /opt /home/azureuser /root "
                                 "/tmp; do echo mine >$d/%s || exit 1; done\n",
                                 name);
    char *look = text_format("cat /etc/%s /usr/local/bin/%s /var/lib/%s /opt/%s /home/azureuser/%s "
                             "/root/%s /tmp/%s",
                             name, name, name, name, name, name, name);
    char *on_host = text_format("/etc/%s", name);
    char *on_host_too = text_format("/usr/local/bin/%s", name);
    struct driver_instance instance = instance_of(world, creation, "echo start\n");
    create_well(world, &instance);
    stop_well(world);
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 0);
    assert_false(file_exists(on_host));
    assert_false(file_exists(on_host_too));
    start_well(world, &instance);
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 1);
    assert_answer(world, look, "mine\nmine\nmine\nmine\nmine\nmine\nmine\n");
    assert_log(world, "0003-startup.log", "start\n"); /* and no second creation */
    assert_answer(world, "ls -d /run/moonfleet-logs/*creation.log",
                  "/run/moonfleet-logs/0001-creation.log\n");
    free(on_host_too);
    free(on_host);
    free(look);
    free(creation);
    free(name);
}

static void changes_what_it_sees_of_the_machine(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    create_well(world, &instance);
    assert_answer(world,
                  "set -e; rm /usr/bin/env; ! test -e /usr/bin/env; d=/usr/share/doc/$(ls "
                  "/usr/share/doc | head -1); "
                  "rm -r $d; ! test -e $d; mkdir $d; ls $d; sed -i s/root/root/ /etc/passwd; "
                  "echo x >>/etc/hosts; mkdir -p /var/lib/new/deep; useradd -m zed; id -un zed",
                  "zed\n");
    assert_true(file_exists("/usr/bin/env"));
}

/* ---- secrets ---- */

static void hides_what_is_the_machines_own(void **state)
{
    static const char *const empty[] = {
        "/etc/ssl/private", "/var/log",       "/var/backups", "/var/tmp",
        "/var/spool/cron",  "/etc/sudoers.d", "/tmp",         "/var/mail"
    };
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    create_well(world, &instance);
    for (size_t i = 0; i < COUNT(empty); i++) {
        char *line = text_format("ls -A %s 2>/dev/null; :", empty[i]);
        assert_answer(world, line, "");
        free(line);
    }
    assert_answer(world, "ls /home", "azureuser\n");
    assert_answer(world, "cut -d: -f2 /etc/shadow | sort -u", "*\n");
    assert_answer(world, "cut -d: -f2 /etc/gshadow | sort -u", "*\n");
    assert_answer(world, "ls /etc/shadow- /etc/gshadow- /etc/ssh/ssh_host_* 2>/dev/null; :", "");
    char *line = text_format("ls -A '%s' 2>/dev/null; :", home); /* at most an empty folder */
    assert_answer(world, line, "");
    free(line);
    assert_answer(world, "ls -A /root | grep -v -e .bashrc -e .profile -e .bash_logout; :", "");
    /* A file that other users of the machine can't read has no bytes inside. */
    assert_answer(
        world,
        "find /etc /var /opt /srv -xdev -type f ! -perm -004 -size +0 2>/dev/null "
        "| grep -v -e /etc/shadow -e /etc/gshadow -e /etc/sudoers -e '^/etc/.*[.]moonfleet' "
        "| while read -r f; do test -r \"$f\" && test -e \"$f\" && echo \"$f\"; done; :",
        "");
    /* The machine's other processes aren't there either. */
    assert_answer(world, "test $(ls -d /proc/[0-9]* | wc -l) -lt 8 && echo few", "few\n");
}

static void hides_files_that_other_users_cannot_read(void **state)
{
    static const struct {
        const char *name;
        mode_t mode;
        bool seen;
    } cases[] = { { "private", 0640, false }, { "public", 0644, true } };
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    char *paths[COUNT(cases)];
    if (geteuid() != 0) /* nobody else can put something there */
        skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        paths[i] = text_format("/srv/moonfleet-test-%s-%s", world->id, cases[i].name);
        assert_int_equal(file_write(paths[i], "secret", 6, cases[i].mode, NULL), 0);
    }
    close_driver(world);
    open_driver(world);
    create_well(world, &instance);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *line = text_format("cat %s 2>/dev/null; :", paths[i]);
        struct answer answer = ask(world, line);
        (void)unlink(paths[i]);
        assert_string_equal(answer.text, cases[i].seen ? "secret" : "");
        free(line);
        free(paths[i]);
    }
}

static void has_no_power_over_the_machine(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    create_well(world, &instance);
    assert_int_not_equal(ask(world, "mount -t tmpfs none /mnt").status, 0);
    assert_int_not_equal(ask(world, "mknod /tmp/disk b 8 0").status, 0);
    assert_int_not_equal(ask(world, "echo 1 >/proc/sys/kernel/sysrq").status, 0);
    assert_int_not_equal(ask(world, "echo x >/run/moonfleet-init").status, 0);
    assert_int_not_equal(ask(world, "mkdir /sys/fs/cgroup/moonfleet-escape").status, 0);
}

/* ---- azureuser ---- */

static void becomes_azureuser_by_sudo(void **state)
{
    static const struct {
        const char *line, *wanted;
    } cases[] = {
        { "sudo -u azureuser -i <<'EOF'\necho $HOME $USER $LOGNAME; pwd; echo ~\nEOF\n",
          "/home/azureuser azureuser azureuser\n/home/azureuser\n/home/azureuser\n" },
        { "sudo -u azureuser -i sh -c 'echo \"a  b\" >f; cat f'", "a  b\n" },
        { "sudo -Hu azureuser env X=1 sh -c 'echo $X $HOME'", "1 /home/azureuser\n" },
        { "sudo -n -u azureuser X=2 sh -c 'echo $X'", "2\n" },
        { "export X=3; sudo -E -u azureuser sh -c 'echo $X'", "3\n" },
        { "export X=3; sudo -u azureuser sh -c 'echo x$X'", "x\n" },
        { "sudo sh -c 'id -u'", "0\n" },
        { "sudo -- sh -c 'echo \"$1\"' sh -u", "-u\n" },
        { "sudo -u nobody-at-all true 2>/dev/null; echo $?", "1\n" },
        { "sudo -u azureuser sh -c 'exit 7'; echo $?", "7\n" },
    };
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    create_well(world, &instance);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_answer(world, cases[i].line, cases[i].wanted);
    assert_answer(world, "sudo -u azureuser -i id -u", ask(world, "id -u azureuser").text);
    assert_answer(world,
                  "sudo -u azureuser -i touch cloudfiles/code/Users/x; cd "
                  "/mnt/batch/tasks/shared/LS_root/mounts/clusters/box-1/code/Users && ls",
                  "x\n");
}

static void gives_azureuser_the_key(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    instance.ssh_public_key = "ssh-ed25519 AAAA ada";
    create_well(world, &instance);
    assert_answer(world, "sudo -u azureuser -i cat .ssh/authorized_keys", "ssh-ed25519 AAAA ada\n");
    assert_answer(world, "stat -c %a ~azureuser/.ssh/authorized_keys", "600\n");
}

/* ---- failing ---- */

static void tells_how_a_script_failed(void **state)
{
    static const struct {
        const char *text, *message, *log;
    } cases[] = {
        { "#!/bin/sh\necho first\necho last\nexit 3\n", "exit status 3", "first\nlast" },
        { "#!/bin/sh\nkill -9 $$\n", "killed by signal 9", "" },
        { "#!/no/such/shell\n", "exit status 127", "'#!/no/such/shell', and there is no" },
        { "#!/bin/sh\r\ntrue\r\n", "exit status 127",
          "'#!/bin/sh', and there is no such program as" },
        { "no-such-command\nexit $?\n", "exit status 127", "no-such-command" },
    };
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct driver_instance instance = instance_of(world, cases[i].text, "echo never\n");
        struct outcome outcome = create(world, &instance);
        assert_int_equal(outcome.rc, ERROR_REMOTE);
        assert_int_equal(outcome.err.code, ERROR_REMOTE);
        assert_string_equal(outcome.err.name, "SetupScriptFailed");
        assert_non_null(strstr(outcome.err.message, "the creation script"));
        assert_non_null(strstr(outcome.err.message, cases[i].message));
        assert_non_null(strstr(outcome.err.message, cases[i].log));
        assert_int_equal(outcome.phase[1], DRIVER_USER_SETTING_UP);
        /* It can be looked into. */
        assert_answer(world, "echo here; ls /run/moonfleet-logs | grep -c startup; :", "here\n0\n");
        remove_instance(world);
        assert_int_equal(file_remove_tree(world->logs, NULL), 0);
    }
}

static void runs_a_failed_creation_again_but_not_a_good_one(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(
        world, "echo run; test -e /tmp/second || { touch /tmp/second; exit 5; }\n", NULL);
    assert_int_equal(create(world, &instance).rc, ERROR_REMOTE);
    stop_well(world);
    start_well(world, &instance); /* it came to its end: a start does not repeat it */
    stop_well(world);
    create_well(world, &instance);
    assert_log(world, "0002-creation.log", "run\n");
    stop_well(world);
    create_well(world, &instance);
    char *path = file_join(world->logs, "0003-creation.log");
    assert_false(file_exists(path));
    free(path);
}

static void ends_a_script_at_its_time_limit(void **state)
{
    struct world *world = *state;
    struct driver_instance instance =
        instance_of(world, "#!/bin/sh\necho begun\nsleep 1000 &\nsleep 999\n", NULL);
    instance.creation.timeout_s = 1;
    struct outcome outcome = create(world, &instance);
    assert_int_equal(outcome.rc, ERROR_REMOTE);
    assert_non_null(strstr(outcome.err.message, "time limit of 1s"));
    assert_non_null(strstr(outcome.err.message, "begun"));
    cJSON *about = log_about(world, "0001-creation.json");
    assert_true(json_bool(about, "timedOut", false));
    cJSON_Delete(about);
    assert_answer(world, "grep -l sleep /proc/[0-9]*/comm; :", "");
}

static void keeps_only_so_much_of_a_log(void **state)
{
    struct world *world = *state;
    struct driver_instance instance =
        instance_of(world, "head -c 70000000 /dev/zero\necho end\n", NULL);
    create_well(world, &instance);
    struct stat st;
    char *path = file_join(world->logs, "0001-creation.log");
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 64 << 20, (64 << 20) + 100);
    free(path);
}

static void leaves_daemons_running(void **state)
{
    struct world *world = *state;
    struct driver_instance instance =
        instance_of(world, "(while sleep 0.1; do echo more; done) &\necho $! >/tmp/daemon\n", NULL);
    create_well(world, &instance);
    assert_answer(world, "kill -0 $(cat /tmp/daemon) && echo alive", "alive\n");
    cJSON *about = log_about(world, "0001-creation.json");
    assert_non_null(json_at(about, "endTime"));
    cJSON_Delete(about);
}

/* ---- lasting ---- */

/* A creation whose script waits for /tmp/go; comes back when the script is running. */
static struct outcome *create_waiting(struct world *world, const struct driver_instance *instance)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    struct driver_callbacks callbacks = callbacks_of(outcome);
    assert_int_equal(world->driver->ops->create(world->driver, instance, &callbacks), 0);
    while (outcome->phases < 2 && !outcome->done) {
        struct answer tick = { 0 };
        const char *const argv[] = { "sleep", "0.02", NULL };
        const struct process_options options = { .argv = argv, .stdin_fd = -1, .output_fd = -1 };
        struct process *process = NULL;
        assert_int_equal(process_start(world->loop, &options, on_answer, &tick, &process, NULL), 0);
        assert_int_equal(loop_run_until(world->loop, &tick.done), 0);
    }
    assert_false(outcome->done);
    return outcome;
}

static const char waiting[] =
    "echo once\nwhile ! test -e /tmp/go; do sleep 0.05; done\necho gone\n";

static void goes_on_where_a_dead_plane_left_it(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, waiting, "echo up\n");
    struct outcome *before = create_waiting(world, &instance);
    close_driver(world); /* nothing more is heard of that call */
    open_driver(world);
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 1);
    struct outcome after = { 0 };
    struct driver_callbacks callbacks = callbacks_of(&after);
    assert_int_equal(world->driver->ops->create(world->driver, &instance, &callbacks), 0);
    (void)ask(world, "touch /tmp/go");
    assert_int_equal(loop_run_until(world->loop, &after.done), 0);
    assert_int_equal(after.rc, 0);
    assert_false(before->done);
    assert_log(world, "0001-creation.log", "once\ngone\n");
    assert_log(world, "0002-startup.log", "up\n");
    free(before);
}

static void finds_what_ended_while_nobody_watched(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, "exit 9\n", NULL);
    assert_int_equal(create(world, &instance).rc, ERROR_REMOTE);
    close_driver(world);
    open_driver(world);
    struct outcome outcome = create(world, &instance);
    assert_int_equal(outcome.rc, ERROR_REMOTE);
    assert_non_null(strstr(outcome.err.message, "exit status 9"));
}

static pid_t init_pid(const struct world *world)
{
    struct buffer text = { 0 };
    int64_t pid = 0;
    char *path = text_format("%s/%s/bundle/pid", world->folder, world->id);
    assert_int_equal(file_read(path, 64, &text, NULL), 0);
    assert_int_equal(text_to_int64(text.data, 2, INT32_MAX, &pid), 0);
    buffer_clear(&text);
    free(path);
    return (pid_t)pid;
}

static void notices_a_killed_machine(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, "echo kept >/root/file\n", NULL);
    world->driver->ended = on_machine_end;
    world->driver->ended_arg = world;
    create_well(world, &instance);
    assert_int_equal(kill(init_pid(world), SIGKILL), 0);
    assert_int_equal(loop_run_until(world->loop, &world->ended), 0);
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 0);
    start_well(world, &instance);
    assert_answer(world, "cat /root/file", "kept\n");
}

static void says_when_a_machine_dies_during_setup(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, waiting, NULL);
    struct outcome *outcome = create_waiting(world, &instance);
    assert_int_equal(kill(init_pid(world), SIGKILL), 0);
    assert_int_equal(loop_run_until(world->loop, &outcome->done), 0);
    assert_int_equal(outcome->rc, ERROR_IO);
    cJSON *about = log_about(world, "0001-creation.json");
    assert_non_null(json_at(about, "endTime")); /* the log is complete: nobody writes it any more */
    cJSON_Delete(about);
    free(outcome);
}

static void does_not_take_another_process_for_its_own(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, NULL, NULL);
    create_well(world, &instance);
    stop_well(world);
    char *path = text_format("%s/%s/bundle/pid", world->folder, world->id);
    char *own = text_format("%d", (int)getpid());
    assert_int_equal(file_write(path, own, strlen(own), 0600, NULL), 0);
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 0);
    free(own);
    free(path);
}

/* ---- removing ---- */

static void removes_everything(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(
        world,
        "mkdir -p /var/lib/a/b; chmod 0 /var/lib/a; touch /home/azureuser/mine; "
        "chown -R azureuser /home/azureuser; mkdir /root/closed; chmod 0 /root/closed; "
        "sudo -u azureuser -i sh -c 'mkdir -m 700 secret; touch secret/x; chmod 0 secret'\n",
        NULL);
    create_well(world, &instance);
    remove_instance(world);
    char *folder = file_join(world->folder, world->id);
    char *state_folder = text_format("%s/.runtime/moonfleet-%s", world->folder, world->id);
    char *rest = text_format("%s/.remove-%s", world->folder, world->id);
    assert_false(file_exists(folder));
    assert_false(file_exists(state_folder));
    assert_false(file_exists(rest));
    assert_int_equal(world->driver->ops->running(world->driver, world->id, NULL), 0);
    free(rest);
    free(state_folder);
    free(folder);
    remove_instance(world); /* harmless for what isn't there */
}

static void overtakes_a_creation(void **state)
{
    struct world *world = *state;
    struct driver_instance instance = instance_of(world, waiting, NULL);
    struct outcome *outcome = create_waiting(world, &instance);
    remove_instance(world);
    assert_true(outcome->done);
    assert_int_equal(outcome->rc, ERROR_CANCELLED);
    char *folder = file_join(world->folder, world->id);
    assert_false(file_exists(folder));
    free(folder);
    free(outcome);
}

static void refuses_names_that_lead_elsewhere(void **state)
{
    static const char *const names[] = { "", "..", "a/b", ".base", "a b" };
    struct world *world = *state;
    struct outcome outcome = { 0 };
    struct driver_callbacks callbacks = callbacks_of(&outcome);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(world->driver->ops->remove(world->driver, names[i], &callbacks) < 0);
}

/* ---- other users ---- */

/* Runs all of this again as another user; in the child nothing of cmocka's survives the exec. */
static void run_as(const struct passwd *user)
{
    char *folder = text_format("%s-%s", home, user->pw_name);
    char *copy = file_join(folder, "test");
    struct buffer bytes = { 0 };
    int status = 0;
    assert_int_equal(file_make_dirs(folder, 0755, NULL), 0);
    assert_int_equal(file_read(program, (size_t)1 << 30, &bytes, NULL), 0);
    assert_int_equal(file_write(copy, bytes.data, bytes.size, 0755, NULL), 0);
    buffer_clear(&bytes);
    assert_int_equal(chown(folder, user->pw_uid, user->pw_gid), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0 ||
            chdir("/") < 0 || setenv("MOONFLEET_TEST_HOME", folder, 1) < 0 ||
            setenv("HOME", folder, 1) < 0 || unsetenv("XDG_RUNTIME_DIR") < 0)
            _exit(70);
        (void)execl(copy, copy, (char *)NULL);
        _exit(71);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(copy);
    free(folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        skip();
    assert_int_equal(status, 0);
}

static void works_for_a_user_with_one_id(void **state)
{
    const struct passwd *user = getpwnam("nobody");
    (void)state;
    if (geteuid() == 0 && user)
        run_as(user);
    else
        skip();
}

static void works_for_a_user_with_many_ids(void **state)
{
    struct buffer text = { 0 };
    const struct passwd *user = NULL;
    (void)state;
    if (geteuid() == 0 && file_read("/etc/subuid", 1 << 20, &text, NULL) == 0 && text.data) {
        text.data[strcspn(text.data, ":")] = '\0';
        user = getpwnam(text.data);
    }
    buffer_clear(&text);
    if (user && user->pw_uid != 0)
        run_as(user);
    else
        skip();
}

/* ---- the program ---- */

static int cannot_run(void)
{
    struct error err = { 0 };
    cJSON *rows = NULL;
    char *folder = text_format("%s/odd, na:me\\'s/instances", home);
    const struct world world = { .folder = folder };
    struct oci_options options = options_of(&world);
    int rc = driver_oci_probe(&options, &rows, &err);
    if (rc < 0)
        print_message("skipped: %s\n", err.message);
    char *text = json_pretty(rows);
    print_message("%s\n", text ? text : "");
    free(text);
    cJSON_Delete(rows);
    free(folder);
    return rc < 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    if (argc > 1 && text_equal(argv[1], "__init"))
        return driver_oci_init(argc, argv);
    const struct CMUnitTest tests[] = {
        TEST(runs_the_scripts_as_root_with_their_environment),
        TEST(is_ready_at_once_without_scripts),
        TEST(keeps_its_files_and_gives_the_machine_none),
        TEST(changes_what_it_sees_of_the_machine),
        TEST(hides_what_is_the_machines_own),
        TEST(hides_files_that_other_users_cannot_read),
        TEST(has_no_power_over_the_machine),
        TEST(becomes_azureuser_by_sudo),
        TEST(gives_azureuser_the_key),
        TEST(tells_how_a_script_failed),
        TEST(runs_a_failed_creation_again_but_not_a_good_one),
        TEST(ends_a_script_at_its_time_limit),
        TEST(keeps_only_so_much_of_a_log),
        TEST(leaves_daemons_running),
        TEST(goes_on_where_a_dead_plane_left_it),
        TEST(finds_what_ended_while_nobody_watched),
        TEST(notices_a_killed_machine),
        TEST(says_when_a_machine_dies_during_setup),
        TEST(does_not_take_another_process_for_its_own),
        TEST(removes_everything),
        TEST(overtakes_a_creation),
        TEST(refuses_names_that_lead_elsewhere),
        cmocka_unit_test(works_for_a_user_with_one_id),
        cmocka_unit_test(works_for_a_user_with_many_ids),
    };
    char template[] = "/tmp/moonfleet-oci-XXXXXX";
    const char *given = getenv("MOONFLEET_TEST_HOME");
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    home = strdup(given ? given : mkdtemp(template));
    if (size < 0 || !home || chmod(home, 0755) < 0)
        return 1;
    int failed = cannot_run() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
    driver_free(idle_driver);
    loop_free(idle_loop);
    (void)!chmod(home, 0755);
    if (!given)
        (void)file_remove_tree(home, NULL);
    free(home);
    return failed > SKIPPED ? 1 : failed;
}
