/* oci_files.c - passwd and its relatives, the sudo shim, and careful reading of what instances
 * write. */
#include "plane/drivers/oci_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

#define TEXT_MAX ((size_t)4 << 20)
#define JSON_MAX ((size_t)1 << 20)
#define FIRST_UID 1000
#define LAST_UID 59999

/* Becomes /usr/local/bin/sudo where the machine has none or where it could not work: root inside a
 * user namespace owns no setuid file of the machine. */
static const char sudo_shim[] =
    "#!/bin/sh\n"
    "# sudo, as far as setup scripts need it (Moonfleet): root becomes a user, or stays root.\n"
    "# Knows -u USER, -g (ignored), -i, -s, -H, -E, -n and other switches without effect here,\n"
    "# -D DIR, VAR=value, --, a command, or a script on stdin.  Its variables are sudo_...: the\n"
    "# caller may have exported others.\n"
    "fail() { echo \"sudo: $*\" >&2; exit 1; }\n"
    "sudo_user=root sudo_login= sudo_shell= sudo_keep= sudo_dir= sudo_names=\n"
    "while [ $# -gt 0 ]; do\n"
    "    case $1 in\n"
    "    --) shift; break ;;\n"
    "    -u | --user | -g | --group | -D | --chdir | -p | --prompt | -C | -h | --host | -r | -t | "
    "-T | -U | -R)\n"
    "        [ $# -gt 1 ] || fail \"option $1 needs a value\"\n"
    "        case $1 in -u | --user) sudo_user=$2 ;; -D | --chdir) sudo_dir=$2 ;; esac\n"
    "        shift 2 ;;\n"
    "    --user=*) sudo_user=${1#*=}; shift ;;\n"
    "    --chdir=*) sudo_dir=${1#*=}; shift ;;\n"
    "    --group=* | --prompt=* | --host=*) shift ;;\n"
    "    --preserve-env=*) sudo_names=\"$sudo_names $(echo \"${1#*=}\" | tr , ' ')\"; shift ;;\n"
    "    -i | --login) sudo_login=1; shift ;;\n"
    "    -s | --shell) sudo_shell=1; shift ;;\n"
    "    -E | --preserve-env) sudo_keep=1; shift ;;\n"
    "    -V | --version) echo 'Sudo of Moonfleet'; exit 0 ;;\n"
    "    -l | --list | -v | --validate | -k | -K | --reset-timestamp | --remove-timestamp)\n"
    "        [ $# -eq 1 ] && exit 0; shift ;;\n"
    "    -H | -n | -S | -A | -b | -P | -B | -N | --set-home | --non-interactive | --stdin | "
    "--askpass) shift ;;\n"
    "    --*) fail \"unknown option $1\" ;;\n"
    "    -[ugD]?*) # a value that is joined to its switch\n"
    "        sudo_switch=${1%\"${1#??}\"} sudo_value=${1#??}; shift\n"
    "        set -- \"$sudo_switch\" \"$sudo_value\" \"$@\" ;;\n"
    "    -[isEHnSAbPkK]?*) # several switches in one word\n"
    "        sudo_switch=${1%\"${1#??}\"} sudo_rest=-${1#??}; shift\n"
    "        set -- \"$sudo_switch\" \"$sudo_rest\" \"$@\" ;;\n"
    "    -*) fail \"unknown option $1\" ;;\n"
    "    [A-Za-z_]*=*)\n"
    "        case ${1%%=*} in *[!A-Za-z0-9_]*) break ;; esac\n"
    "        export \"$1\"; sudo_names=\"$sudo_names ${1%%=*}\"; shift ;;\n"
    "    *) break ;;\n"
    "    esac\n"
    "done\n"
    "case $sudo_user in\n"
    "'#'*) sudo_entry=$(awk -F: -v id=\"${sudo_user#?}\" '$3 == id { print; exit }' /etc/passwd) "
    ";;\n"
    "*) sudo_entry=$(awk -F: -v name=\"$sudo_user\" '$1 == name { print; exit }' /etc/passwd) "
    ";;\n"
    "esac\n"
    "[ -n \"$sudo_entry\" ] || fail \"unknown user: $sudo_user\"\n"
    "IFS=: read -r sudo_name sudo_x sudo_uid sudo_gid sudo_x sudo_home sudo_run <<ENTRY\n"
    "$sudo_entry\n"
    "ENTRY\n"
    "[ -x \"$sudo_run\" ] || sudo_run=/bin/sh\n"
    "sudo_me=$(id -u)\n"
    "[ $# -gt 0 ] || [ -n \"$sudo_login$sudo_shell\" ] || fail 'a command is needed'\n"
    "if [ -z \"$sudo_keep\" ]; then\n"
    "    for sudo_one in $(env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do\n"
    "        case \" $sudo_names TERM LANG LANGUAGE LC_ALL TZ DISPLAY COLORTERM \" in\n"
    "        *\" $sudo_one \"*) ;;\n"
    "        *) case $sudo_one in PATH | PWD | IFS) ;; *) unset \"$sudo_one\" ;; esac ;;\n"
    "        esac\n"
    "    done\n"
    "    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    "fi\n"
    "export PATH\n"
    "export HOME=\"$sudo_home\" USER=\"$sudo_name\" LOGNAME=\"$sudo_name\" SHELL=\"$sudo_run\"\n"
    "export SUDO_USER=\"$(id -un)\" SUDO_UID=\"$sudo_me\" SUDO_GID=\"$(id -g)\"\n"
    "if [ -n \"$sudo_login$sudo_shell\" ]; then\n"
    "    sudo_words=\n"
    "    for sudo_word in \"$@\"; do # as sudo does: one line, each word escaped\n"
    "        sudo_words=\"$sudo_words $(printf '%s' \"$sudo_word\" | sed "
    "'s/[^A-Za-z0-9_$-]/\\\\&/g')\"\n"
    "    done\n"
    "    sudo_given=$#\n"
    "    set -- \"$sudo_run\"\n"
    "    [ -z \"$sudo_login\" ] || set -- \"$@\" -l\n"
    "    [ \"$sudo_given\" -eq 0 ] || set -- \"$@\" -c \"${sudo_words# }\"\n"
    "fi\n"
    "[ -z \"$sudo_login\" ] || sudo_dir=${sudo_dir:-$sudo_home}\n"
    "[ -z \"$sudo_dir\" ] || cd \"$sudo_dir\" 2>/dev/null || cd / || exit 1\n"
    "if [ \"$sudo_uid\" = \"$sudo_me\" ]; then exec \"$@\"; fi\n"
    "[ \"$sudo_me\" = 0 ] || fail \"only root can become $sudo_name here\"\n"
    "exec setpriv --reuid \"$sudo_uid\" --regid \"$sudo_gid\" --init-groups -- \"$@\"\n";

static const char sudoers[] = "Defaults env_reset\n"
                              "Defaults secure_path=\""
                              "/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                              "/usr/bin:/sbin:/bin"
                              "\"\n"
                              "root ALL=(ALL:ALL) ALL\n"
                              "%sudo ALL=(ALL:ALL) ALL\n" OCI_USER " ALL=(ALL:ALL) NOPASSWD: ALL\n"
                              "@includedir /etc/sudoers.d\n";

/* ---- writing ---- */

/* Makes the folders of `name` below `folder`; `path` is "<folder>/<name>" and changed on the way.
 */
static int make_above(char *path, size_t offset, struct error *err)
{
    for (char *slash = strchr(path + offset, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int rc = mkdir(path, 0755) < 0 && errno != EEXIST
                     ? error_system(err, errno, "making the folder '%s'", path)
                     : 0;
        *slash = '/';
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, text, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -1;
        text += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

int oci_files_write(const char *folder, const char *name, const char *text, size_t size,
                    mode_t mode, struct error *err)
{
    int fd = -1;
    char *path = file_join(folder, name);
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "no memory to write '%s'", name);
    int rc = make_above(path, strlen(folder) + 1, err);
    if (rc == 0) {
        (void)unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || write_all(fd, text, size) < 0 || fchmod(fd, mode) < 0)
            rc = error_system(err, errno, "writing '%s'", path);
    }
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = error_system(err, errno, "writing '%s'", path);
    free(path);
    return rc;
}

static int write_text(const char *folder, const char *name, const char *text, mode_t mode,
                      struct error *err)
{
    return oci_files_write(folder, name, text, strlen(text), mode, err);
}

static int write_buffer(const char *folder, const char *name, struct buffer *text, mode_t mode,
                        struct error *err)
{
    int rc = buffer_check(text, name, err);
    return rc < 0 ? rc : oci_files_write(folder, name, text->data, text->size, mode, err);
}

/* ---- who lives in it ---- */

/* The `index`th field of a line of passwd or group; the caller frees. */
static char *field(const char *line, size_t size, int index)
{
    const char *end = line + size;
    for (; index > 0 && line < end; index--) {
        const char *colon = memchr(line, ':', (size_t)(end - line));
        line = colon ? colon + 1 : end;
    }
    const char *colon = memchr(line, ':', (size_t)(end - line));
    return text_dup_size(line, (size_t)((colon ? colon : end) - line));
}

static bool has_id(const char *text, int64_t id)
{
    bool found = false;
    for (const char *line = text; line && *line && !found;) {
        size_t size = strcspn(line, "\n");
        char *number = field(line, size, 2);
        int64_t value = -1;
        found = number && text_to_int64(number, 0, UINT32_MAX, &value) == 0 && value == id;
        free(number);
        line += size + (line[size] == '\n');
    }
    return found;
}

/* Copies passwd or group without the row of azureuser, and makes the matching shadow file: nobody
 * has a password. */
static void copy_rows(const char *text, const char *shadow_rest, struct buffer *out,
                      struct buffer *shadow)
{
    for (const char *line = text; line && *line;) {
        size_t size = strcspn(line, "\n");
        char *name = field(line, size, 0);
        const char *colon = memchr(line, ':', size);
        const char *rest = colon ? memchr(colon + 1, ':', (size_t)(line + size - colon - 1)) : NULL;
        if (name && rest && !text_equal(name, OCI_USER)) {
            buffer_format(out, "%s:x", name);
            buffer_append(out, rest, (size_t)(line + size - rest));
            buffer_char(out, '\n');
            buffer_format(shadow, "%s:*:%s\n", name, shadow_rest);
        }
        free(name);
        line += size + (line[size] == '\n');
    }
}

struct identity {
    struct buffer passwd, group, shadow, gshadow;
    int64_t uid, gid;
};

static int make_identity(const struct oci_host *host, struct identity *identity, struct error *err)
{
    struct buffer users = { 0 };
    struct buffer groups = { 0 };
    bool single = host->rootless && !host->has_range;
    int rc = file_read("/etc/passwd", TEXT_MAX, &users, err);
    if (rc == 0)
        rc = file_read("/etc/group", TEXT_MAX, &groups, err);
    if (rc == 0) {
        int64_t id = single ? 0 : FIRST_UID;
        while (!single && id < LAST_UID && (has_id(users.data, id) || has_id(groups.data, id)))
            id++;
        identity->uid = identity->gid = id;
        copy_rows(users.data, "19000:0:99999:7:::", &identity->passwd, &identity->shadow);
        copy_rows(groups.data, ":", &identity->group, &identity->gshadow);
        buffer_format(&identity->passwd, "%s:x:%lld:%lld:Compute instance user:%s:%s\n", OCI_USER,
                      (long long)id, (long long)id, OCI_USER_HOME,
                      access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh");
        buffer_format(&identity->shadow, "%s:*:19000:0:99999:7:::\n", OCI_USER);
        buffer_format(&identity->group, "%s:x:%lld:\n", OCI_USER, (long long)id);
        buffer_format(&identity->gshadow, "%s:*::\n", OCI_USER);
    }
    buffer_clear(&users);
    buffer_clear(&groups);
    return rc;
}

/* The shadow files belong to the machine's group for them, so that its helpers work inside. */
static void give_to_shadow(const char *upper, const char *name)
{
    struct stat st;
    char *path = text_format("%s/etc/%s", upper, name);
    if (path && geteuid() == 0 && stat("/etc/shadow", &st) == 0)
        (void)lchown(path, 0, st.st_gid);
    free(path);
}

static int write_identity(const char *upper, struct identity *identity, struct error *err)
{
    int rc = write_buffer(upper, "etc/passwd", &identity->passwd, 0644, err);
    if (rc == 0)
        rc = write_buffer(upper, "etc/group", &identity->group, 0644, err);
    if (rc == 0)
        rc = write_buffer(upper, "etc/shadow", &identity->shadow, 0640, err);
    if (rc == 0)
        rc = write_buffer(upper, "etc/gshadow", &identity->gshadow, 0640, err);
    give_to_shadow(upper, "shadow");
    give_to_shadow(upper, "gshadow");
    return rc;
}

/* What a new user's home gets (/etc/skel: plain files of its first level). */
static void fill_home(const char *rootfs, const char *home)
{
    const struct dirent *entry = NULL;
    DIR *dir = opendir("/etc/skel");
    while (dir && (entry = readdir(dir))) {
        struct buffer text = { 0 };
        char *from = file_join("/etc/skel", entry->d_name);
        char *to = text_format("%s/%s", home + 1, entry->d_name);
        if (entry->d_type == DT_REG && from && to && file_read(from, 1 << 16, &text, NULL) == 0)
            (void)oci_files_write(rootfs, to, text.data ? text.data : "", text.size, 0644, NULL);
        buffer_clear(&text);
        free(from);
        free(to);
    }
    if (dir)
        (void)closedir(dir);
}

int oci_files_machine_id(const char *upper, struct error *err)
{
    char machine[UUID_TEXT_SIZE + 1];
    size_t size = 0;
    uuid_make(machine);
    for (size_t i = 0; machine[i]; i++) {
        if (machine[i] != '-')
            machine[size++] = machine[i];
    }
    machine[size++] = '\n';
    return oci_files_write(upper, "etc/machine-id", machine, size, 0444, err);
}

static int write_others(const struct oci_host *host, const char *upper, struct error *err)
{
    int rc = oci_files_machine_id(upper, err);
    if (rc == 0) /* the machine's own may name shares and their credentials */
        rc = write_text(upper, "etc/fstab", "", 0644, err);
    if (rc == 0)
        rc = write_text(upper, "etc/sudoers", sudoers, 0440, err);
    if (rc == 0 && !host->has_sudo)
        rc = write_text(upper, "usr/local/bin/sudo", sudo_shim, 0755, err);
    /* apt wants to become the user _apt, which owns nothing here or does not exist. */
    if (rc == 0 && host->rootless && file_is_dir("/etc/apt/apt.conf.d"))
        rc = write_text(upper, "etc/apt/apt.conf.d/99moonfleet", "APT::Sandbox::User \"root\";\n",
                        0644, err);
    return rc;
}

int oci_files_identity(const struct oci_host *host, const char *upper, const char *rootfs,
                       int64_t *out_uid, int64_t *out_gid, struct error *err)
{
    struct identity identity = { 0 };
    int rc = make_identity(host, &identity, err);
    if (rc == 0)
        rc = write_identity(upper, &identity, err);
    if (rc == 0)
        rc = write_others(host, upper, err);
    if (rc == 0) {
        fill_home(rootfs, "/root");
        fill_home(rootfs, OCI_USER_HOME);
        *out_uid = identity.uid;
        *out_gid = identity.gid;
    }
    buffer_clear(&identity.passwd);
    buffer_clear(&identity.group);
    buffer_clear(&identity.shadow);
    buffer_clear(&identity.gshadow);
    return rc;
}

cJSON *oci_files_network(const char *host_name)
{
    cJSON *files = cJSON_CreateObject();
    struct buffer hosts = { 0 };
    struct buffer resolver = { 0 };
    if (file_read("/etc/hosts", TEXT_MAX, &hosts, NULL) < 0)
        buffer_text(&hosts, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    if (hosts.size > 0 && hosts.data[hosts.size - 1] != '\n')
        buffer_char(&hosts, '\n');
    buffer_format(&hosts, "127.0.1.1 %s\n", host_name);
    /* Read through its symlink: /run, where it often leads, is not the machine's inside. */
    if (file_read("/etc/resolv.conf", TEXT_MAX, &resolver, NULL) == 0 && resolver.data)
        (void)cJSON_AddStringToObject(files, "/etc/resolv.conf", resolver.data);
    if (buffer_check(&hosts, "/etc/hosts", NULL) == 0)
        (void)cJSON_AddStringToObject(files, "/etc/hosts", hosts.data);
    char *name = text_format("%s\n", host_name);
    (void)cJSON_AddStringToObject(files, "/etc/hostname", name ? name : "");
    free(name);
    buffer_clear(&hosts);
    buffer_clear(&resolver);
    return files;
}

/* ---- reading what instances write ---- */

static int open_plain(const char *folder, const char *name, struct stat *st, struct error *err)
{
    memset(st, 0, sizeof *st);
    char *path = file_join(folder, name);
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "no memory to read '%s'", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    int rc = fd;
    if (fd < 0)
        rc = error_system(err, errno, "reading '%s'", path);
    else if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
        (void)close(fd);
        rc = error_set(err, ERROR_INVALID, "'%s' is not a plain file", path);
    }
    free(path);
    return rc;
}

static void read_from(int fd, off_t offset, size_t max, struct buffer *out)
{
    char bytes[4096];
    ssize_t got = 0;
    while (max > 0 &&
           (got = pread(fd, bytes, max < sizeof bytes ? max : sizeof bytes, offset)) > 0) {
        buffer_append(out, bytes, (size_t)got);
        offset += got;
        max -= (size_t)got;
    }
}

/* The lines of `bytes` as a terminal would show them in the end. */
static void append_lines(const char *bytes, size_t size, struct buffer *out)
{
    const char *at = bytes, *end = bytes + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline ? newline : end) - at);
        const char *state = text_last_state(at, &length);
        buffer_append(out, state, length);
        if (newline)
            buffer_char(out, '\n');
        at = newline ? newline + 1 : end;
    }
}

int oci_files_tail(const char *folder, const char *name, size_t max, struct buffer *out,
                   struct error *err)
{
    struct stat st;
    struct buffer bytes = { 0 };
    int fd = open_plain(folder, name, &st, err);
    if (fd < 0)
        return fd;
    off_t start = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
    read_from(fd, start, max, &bytes);
    (void)close(fd);
    while (bytes.size > 0 && bytes.data[bytes.size - 1] == '\n')
        bytes.size--;
    char *cut = start > 0 && bytes.size > 0 ? memchr(bytes.data, '\n', bytes.size) : NULL;
    if (cut)
        buffer_consume(&bytes, (size_t)(cut + 1 - bytes.data));
    if (bytes.size > 0) {
        text_mend(bytes.data, bytes.size);
        append_lines(bytes.data, bytes.size, out);
    }
    int rc = buffer_check(&bytes, name, err);
    buffer_clear(&bytes);
    return rc < 0 ? rc : buffer_check(out, name, err);
}

int oci_files_json(const char *folder, const char *name, cJSON **out, struct error *err)
{
    struct stat st;
    struct buffer text = { 0 };
    int fd = open_plain(folder, name, &st, err);
    if (fd < 0)
        return fd;
    read_from(fd, 0, JSON_MAX, &text);
    (void)close(fd);
    int rc = json_parse(text.data ? text.data : "", text.size, name, out, err);
    buffer_clear(&text);
    return rc;
}
