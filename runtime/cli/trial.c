/* trial.c - see trial.h. */
#include "cli/trial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "net/process.h"

#define ABOUT_MAX ((size_t)1 << 20)

/* ---- the house ---- */

int house_open(const struct invocation *invocation, struct house *out, struct error *err)
{
    *out = (struct house) { .invocation = invocation };
    int rc = file_home(FILE_DATA_HOME, &out->data, err);
    if (rc == 0 && !(out->folder = file_join(out->data, "instances")))
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    return rc == 0 ? loop_new(clock_real(), &out->loop, err) : rc;
}

static void on_signal(void *arg)
{
    struct house *house = arg;
    house->interrupted = true;
    house->over = true;
}

int house_open_driver(struct house *house, struct error *err)
{
    static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
    const struct oci_options options = { .folder = house->folder,
                                         .mask_folder = house->data,
                                         .program = house->invocation->program };
    if (house->driver)
        return 0;
    int rc = file_make_dirs(house->data, 0700, err);
    if (rc == 0)
        rc = driver_oci_new(house->loop, &options, &house->driver, err);
    if (rc < 0)
        return error_wrap(err, rc, "containers do not work here ('moonfleet doctor' tells more)");
    for (size_t i = 0; rc == 0 && i < COUNT(caught); i++)
        rc = loop_signal_new(house->loop, caught[i], on_signal, house, &house->signals[i]);
    return rc < 0 ? error_set(err, rc, "no memory") : 0;
}

void house_close(struct house *house)
{
    for (size_t i = 0; i < COUNT(house->signals); i++)
        loop_signal_free(house->signals[i]);
    driver_free(house->driver);
    loop_free(house->loop);
    free(house->folder);
    free(house->data);
    *house = (struct house) { 0 };
}

static void on_phase(enum driver_phase phase, void *arg)
{
    struct house *house = arg;
    if (phase == DRIVER_USER_SETTING_UP && house->phase)
        house->phase(house->phase_arg);
}

static void on_done(int rc, const struct error *err, void *arg)
{
    struct house *house = arg;
    house->rc = rc;
    house->over = true;
    if (err && house->err)
        *house->err = *err;
}

struct driver_callbacks house_callbacks(struct house *house, struct error *err)
{
    house->over = false;
    house->rc = 0;
    house->err = err;
    return (struct driver_callbacks) { .phase = on_phase, .done = on_done, .arg = house };
}

int house_wait(struct house *house, int started, struct error *err)
{
    if (started < 0)
        return error_set(err, started, "the container cannot be worked on");
    if (!house->interrupted && loop_run_until(house->loop, &house->over) < 0)
        return error_set(err, ERROR_INTERNAL, "a container's end was never told");
    house->err = NULL;
    if (house->interrupted)
        return error_set(err, ERROR_CANCELLED, "interrupted");
    return house->rc;
}

/* Its own flags: the call that it overtakes still ends. */
struct removal {
    bool over;
    int rc;
    struct error *err;
};

static void on_removed(int rc, const struct error *err, void *arg)
{
    struct removal *removal = arg;
    removal->rc = rc;
    removal->over = true;
    if (err && removal->err)
        *removal->err = *err;
}

int house_remove(struct house *house, const char *id, struct error *err)
{
    struct removal removal = { .err = err };
    const struct driver_callbacks callbacks = { .done = on_removed, .arg = &removal };
    int rc = house->driver->ops->remove(house->driver, id, &callbacks);
    if (rc < 0)
        return error_set(err, rc, "'%s' cannot be removed now", id);
    if (loop_run_until(house->loop, &removal.over) < 0)
        return error_set(err, ERROR_INTERNAL, "a removal's end was never told");
    return removal.rc;
}

/* ---- which trials there are ---- */

static cJSON *read_about(const char *folder, const char *id)
{
    struct buffer text = { 0 };
    cJSON *tree = NULL;
    char *path = text_format("%s/%s/trial.json", folder, id);
    if (path && file_read(path, ABOUT_MAX, &text, NULL) == 0 && text.data)
        (void)json_parse(text.data, text.size, "trial.json", &tree, NULL);
    buffer_clear(&text);
    free(path);
    if (tree && (!cJSON_IsObject(tree) || json_put_string(tree, "id", id) < 0)) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    return tree;
}

/* In the order of their making; by id within a millisecond. */
static int by_age(const cJSON *a, const cJSON *b)
{
    int order = strcmp(json_string(a, "created", ""), json_string(b, "created", ""));
    return order ? order : strcmp(json_string(a, "id", ""), json_string(b, "id", ""));
}

int house_trials(const struct house *house, cJSON **out, struct error *err)
{
    const struct dirent *entry = NULL;
    cJSON *trials = cJSON_CreateArray();
    if (!trials)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    DIR *dir = opendir(house->folder);
    while (dir && (entry = readdir(dir))) {
        cJSON *about = text_starts(entry->d_name, TRIAL_PREFIX)
                           ? read_about(house->folder, entry->d_name)
                           : NULL;
        if (about)
            (void)cJSON_AddItemToArray(trials, about);
    }
    if (dir)
        (void)closedir(dir);
    (void)json_sort(trials, by_age);
    *out = trials;
    return 0;
}

const cJSON *house_kept(const cJSON *trials, const char *name)
{
    const cJSON *about = NULL;
    cJSON_ArrayForEach(about, trials)
    {
        if (json_bool(about, "kept", false) && text_equal(json_string(about, "name", NULL), name))
            return about;
    }
    return NULL;
}

/* Takes the lock of a trial; -1 when somebody holds it or it is gone. */
static int take_lock(const char *folder, const char *id, bool wait)
{
    char *path = text_format("%s/%s/lock", folder, id);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd >= 0 && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
        (void)close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

static void sweep_one(struct house *house, const char *id, bool wait)
{
    struct error err = { 0 };
    int lock = take_lock(house->folder, id, wait);
    cJSON *about = lock >= 0 ? read_about(house->folder, id) : NULL;
    if (about && !json_bool(about, "kept", false) && house_open_driver(house, &err) == 0)
        (void)house_remove(house, id, &err);
    cJSON_Delete(about);
    if (lock >= 0)
        (void)close(lock);
}

void house_sweep(struct house *house)
{
    cJSON *trials = NULL;
    const cJSON *about = NULL;
    if (house_trials(house, &trials, NULL) < 0)
        return;
    cJSON_ArrayForEach(about, trials)
    {
        if (!json_bool(about, "kept", false))
            sweep_one(house, json_string(about, "id", ""), false);
    }
    cJSON_Delete(trials);
}

/* ---- one trial ---- */

int trial_save(struct trial *trial, struct error *err)
{
    char *path = file_join(trial->folder, "trial.json");
    char *text = json_text(trial->about);
    int rc = path && text ? file_write(path, text, strlen(text), 0600, err)
                          : error_set(err, ERROR_NO_MEMORY, "no memory");
    free(text);
    free(path);
    return rc;
}

static int make_lock(struct trial *trial, struct error *err)
{
    char *path = file_join(trial->folder, "lock");
    trial->lock = path ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    int rc = trial->lock < 0 || flock(trial->lock, LOCK_EX | LOCK_NB) < 0
                 ? error_system(err, path ? errno : ENOMEM, "making '%s'", trial->folder)
                 : 0;
    free(path);
    return rc;
}

static void on_guard_ended(struct process *process, int status, const struct buffer *output,
                           void *arg)
{
    struct trial *trial = arg;
    (void)process, (void)status, (void)output;
    trial->guard = NULL;
}

/* A process that outlives us by a moment, whatever ends us. */
static int start_guard(struct trial *trial, struct error *err)
{
    const char *const argv[] = {
        trial->house->invocation->program, "setup", "try", "--guard", trial->id, NULL
    };
    int ends[2] = { -1, -1 };
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_system(err, errno, "making a pipe");
    const struct process_options options = {
        .argv = argv, .stdin_fd = ends[0], .output_fd = -1, .new_session = true
    };
    int rc = process_start(trial->house->loop, &options, on_guard_ended, trial, &trial->guard, err);
    (void)close(ends[0]);
    trial->guard_pipe = ends[1];
    return rc;
}

int trial_begin(struct house *house, cJSON *about, struct trial *out, struct error *err)
{
    unsigned char bytes[4];
    char now[TIME_TEXT_SIZE];
    *out = (struct trial) { .house = house, .about = about, .lock = -1, .guard_pipe = -1 };
    random_bytes(bytes, sizeof bytes);
    (void)snprintf(out->id, sizeof out->id, TRIAL_PREFIX "%02x%02x%02x%02x", bytes[0], bytes[1],
                   bytes[2], bytes[3]);
    time_format(clock_unix_ms(clock_real()), now);
    out->folder = file_join(house->folder, out->id);
    out->logs = out->folder ? file_join(out->folder, "logs") : NULL;
    if (!about || !out->logs || json_put_string(about, "created", now) < 0)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    int rc = file_make_dirs(out->folder, 0755, err);
    if (rc == 0)
        rc = make_lock(out, err);
    if (rc == 0)
        rc = trial_save(out, err);
    return rc == 0 ? start_guard(out, err) : rc;
}

int trial_end(struct trial *trial, struct error *err)
{
    int rc = 0;
    if (trial->folder && !trial->kept)
        rc = house_remove(trial->house, trial->id, err);
    if (trial->lock >= 0)
        (void)close(trial->lock);
    if (trial->guard_pipe >= 0)
        (void)close(trial->guard_pipe); /* it finds nothing to do, and ends */
    process_abandon(trial->guard);
    cJSON_Delete(trial->about);
    free(trial->logs);
    free(trial->folder);
    *trial = (struct trial) { .lock = -1, .guard_pipe = -1 };
    return rc;
}

int trial_guard(const struct invocation *invocation, const char *id, struct error *err)
{
    struct house house;
    char byte = 0;
    ssize_t got = 0;
    while ((got = read(STDIN_FILENO, &byte, 1)) > 0 || (got < 0 && errno == EINTR))
        ;
    int rc = house_open(invocation, &house, err);
    if (rc == 0)
        sweep_one(&house, id, true);
    house_close(&house);
    return rc < 0 ? rc : EXIT_DONE;
}
