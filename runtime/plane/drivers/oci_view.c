/* oci_view.c - the layer between this machine and its instances.
 *
 * Two kinds of it, by who runs us:
 *  - root: the instance's root is the machine's root as far as permissions go, so the layer hides
 *    whatever ordinary users here could not read anyway (keys, password files, private folders):
 *    a folder by an opaque empty one, a file by a whiteout.
 *  - an ordinary user: files of the machine's root have no owner that exists in the user namespace.
 *    Nobody, not even the instance's root, may then write into its folders, and overlayfs cannot
 * copy them up (EOVERFLOW).  So the layer holds every folder again, ours, and those files of /etc
 * and /var that programs change in place. Both hide what the table below names. */
#include "plane/drivers/oci_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define DEPTH_MAX 64               /* folders below the top; deeper ones are shown as they are */
#define COPY_MAX ((size_t)1 << 20) /* bytes of a file that is copied for an ordinary user */

const char *const oci_view_tops[] = { "usr",  "etc", "var",   "opt",   "srv",    "bin",
                                      "sbin", "lib", "lib32", "lib64", "libx32", NULL };

/* What no instance sees, and why.  A row hides a folder's whole content, or a file.  Private files
 * and folders (closed to other users) are hidden without a row: the rows are for what would be
 * readable, for what will be made later, and for what must be hidden even if somebody opened it. */
static const struct {
    const char *pattern; /* fnmatch(3) with FNM_PATHNAME */
    const char *why;
} hidden[] = {
    { "/etc/shadow-", "password hashes" },
    { "/etc/gshadow-", "password hashes" },
    { "/etc/passwd-", "an older user list, with what it once held" },
    { "/etc/group-", "an older group list" },
    { "/etc/security/opasswd", "old password hashes" },
    { "/etc/ssh/ssh_host_*", "the machine's ssh identity" },
    { "/etc/ssh/ssh_host_rsa_key", "the same, if it is made later" },
    { "/etc/ssh/ssh_host_ecdsa_key", "the same, if it is made later" },
    { "/etc/ssh/ssh_host_ed25519_key", "the same, if it is made later" },
    { "/etc/ssl/private", "TLS keys" },
    { "/etc/pki/tls/private", "TLS keys" },
    { "/etc/letsencrypt", "TLS keys" },
    { "/etc/krb5.keytab", "the machine's Kerberos identity" },
    { "/etc/sudoers.d", "who may do what here; instances have their own" },
    { "/etc/wireguard", "VPN keys" },
    { "/etc/openvpn", "VPN keys" },
    { "/etc/ipsec.secrets", "VPN keys" },
    { "/etc/ppp", "dial-in passwords" },
    { "/etc/NetworkManager/system-connections", "Wi-Fi and VPN passwords" },
    { "/etc/wpa_supplicant", "Wi-Fi passwords" },
    { "/etc/netplan", "Wi-Fi passwords" },
    { "/etc/credstore", "credentials of services" },
    { "/etc/credstore.encrypted", "credentials of services" },
    { "/etc/kubernetes", "cluster keys" },
    { "/etc/rancher", "cluster keys" },
    { "/etc/docker/key.json", "the Docker daemon's identity" },
    { "/etc/mysql/debian.cnf", "a database password" },
    { "/etc/exim4/passwd.client", "mail passwords" },
    { "/etc/postfix/sasl*", "mail passwords" },
    { "/var/backups", "copies of password files" },
    { "/var/crash", "memory of other programs" },
    { "/var/home", "people's homes, where /home leads there" },
    { "/var/roothome", "root's home, where /root leads there" },
    { "/var/lib/cloud", "user data of a cloud machine, keys in it" },
    { "/var/lib/waagent", "secrets of a cloud machine" },
    { "/var/lib/containerd", "other containers" },
    { "/var/lib/containers", "other containers" },
    { "/var/lib/docker", "other containers" },
    { "/var/lib/incus", "other containers" },
    { "/var/lib/kubelet", "cluster keys" },
    { "/var/lib/libvirt", "other machines" },
    { "/var/lib/lxc", "other containers" },
    { "/var/lib/lxd", "other containers" },
    { "/var/lib/mysql", "databases" },
    { "/var/lib/postgresql", "databases" },
    { "/var/lib/redis", "databases" },
    { "/var/lib/rancher", "cluster keys" },
    { "/var/lib/samba/private", "password hashes" },
    { "/var/lib/sss", "cached identities" },
    { "/var/lib/systemd/coredump", "memory of other programs" },
    { "/var/lib/systemd/credential.secret", "the key of encrypted credentials" },
    { "/var/lib/systemd/random-seed", "the machine's randomness" },
    { "/var/log", "what happened on the machine" },
    { "/var/mail", "people's mail" },
    { "/var/snap", "data of other programs" },
    { "/var/spool/cron", "people's cron tables" },
    { "/var/spool/mail", "people's mail" },
    { "/var/spool/at", "people's jobs" },
    { "/var/spool/cups", "what people print" },
    { "/var/spool/postfix", "people's mail" },
    { "/var/tmp", "people's temporary files" },
};

/* Parts of /var whose files are replaced, never changed in place: not worth a copy. */
static const char *const not_copied[] = {
    "/var/lib/dpkg/info",
    "/var/lib/apt/lists",
    "/var/cache/apt/archives",
    "/var/cache/fontconfig",
};

struct walk {
    const struct oci_view_options *options;
    dev_t device; /* overlayfs doesn't cross mounts, so neither do we */
    int depth;
    char path[PATH_MAX];   /* on the machine: "/etc/ssl" */
    char target[PATH_MAX]; /* in the layer: "<out>/etc/ssl" */
    struct error *err;
};

static int read_folder(struct walk *walk);

bool oci_view_known(const char *top)
{
    for (const char *const *known = oci_view_tops; *known; known++) {
        if (text_equal(*known, top))
            return true;
    }
    return false;
}

bool oci_view_shown(const char *top)
{
    struct stat st;
    char path[64];
    (void)snprintf(path, sizeof path, "/%s", top);
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool oci_view_holds(const char *top, const char *path)
{
    size_t size = strlen(top);
    return path[0] == '/' && strncmp(path + 1, top, size) == 0 &&
           (path[size + 1] == '/' || path[size + 1] == '\0');
}

static bool is_hidden(const struct walk *walk)
{
    if (text_equal(walk->path, walk->options->mask_folder))
        return true;
    for (size_t i = 0; i < COUNT(hidden); i++) {
        if (fnmatch(hidden[i].pattern, walk->path, FNM_PATHNAME) == 0)
            return true;
    }
    return false;
}

/* Closed to this machine's other users? */
static bool is_private(const struct walk *walk, const struct stat *st)
{
    mode_t needed = S_ISDIR(st->st_mode) ? S_IROTH | S_IXOTH : S_IROTH;
    if (!walk->options->rootless)
        return (st->st_mode & needed) != needed;
    return access(walk->path, S_ISDIR(st->st_mode) ? R_OK | X_OK : R_OK) != 0;
}

static int failed(struct walk *walk, const char *what)
{
    return error_system(walk->err, errno, "%s '%s'", what, walk->target);
}

/* The folder in the layer, with what the machine says of it as far as we may. */
static int make_folder(struct walk *walk, const struct stat *st)
{
    struct stat old;
    if (lstat(walk->target, &old) == 0 && !S_ISDIR(old.st_mode) && unlink(walk->target) < 0)
        return failed(walk, "replacing");
    if (mkdir(walk->target, 0700) < 0 && errno != EEXIST)
        return failed(walk, "making the folder");
    mode_t mode = st->st_mode & 07777;
    if (walk->options->rootless)
        mode = (mode & 01777) | 0700;
    else if (lchown(walk->target, st->st_uid, st->st_gid) < 0)
        return failed(walk, "giving away the folder");
    if (chmod(walk->target, mode) < 0)
        return failed(walk, "setting the mode of");
    return 0;
}

/* For a layer that hides only: makes the folders above `path` on the way to something hidden. */
static int make_parents(struct walk *walk)
{
    size_t offset = strlen(walk->target) - strlen(walk->path);
    int rc = 0;
    for (char *slash = strchr(walk->path + 1, '/'); rc == 0 && slash;
         slash = strchr(slash + 1, '/')) {
        struct stat st;
        char *cut = walk->target + offset + (slash - walk->path);
        *slash = *cut = '\0';
        if (stat(walk->path, &st) < 0)
            rc = failed(walk, "looking at what is behind");
        else if (access(walk->target, F_OK) != 0)
            rc = make_folder(walk, &st);
        *slash = *cut = '/';
    }
    return rc;
}

static int hide_folder(struct walk *walk, const struct stat *st)
{
    const char *name = walk->options->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
    int rc = make_parents(walk);
    if (rc == 0)
        rc = make_folder(walk, st);
    if (rc == 0 && setxattr(walk->target, name, "y", 1, 0) < 0)
        return failed(walk, "hiding the folder behind");
    return rc;
}

static int hide_file(struct walk *walk)
{
    int rc = make_parents(walk);
    if (rc < 0)
        return rc;
    if (mknod(walk->target, S_IFCHR, makedev(0, 0)) == 0 || errno == EEXIST)
        return 0;
    /* An old kernel gives ordinary users no whiteouts; an empty file hides the bytes as well. */
    int fd = open(walk->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno != EEXIST)
        return failed(walk, "hiding the file behind");
    if (fd >= 0)
        (void)close(fd);
    return 0;
}

static bool is_copied(const struct walk *walk, const struct stat *st)
{
    if (!oci_view_holds("etc", walk->path) && !oci_view_holds("var", walk->path))
        return false;
    for (size_t i = 0; st->st_size > 0 && i < COUNT(not_copied); i++) {
        if (text_starts(walk->path, not_copied[i]))
            return false;
    }
    return (size_t)st->st_size <= COPY_MAX;
}

/* Copies a file of the machine unless the layer has the same already.  What can't be read is left
 * alone, but for an empty one: lock files are closed to others, and their content is no secret. */
static int copy_file(struct walk *walk, const struct stat *st)
{
    struct stat old;
    struct buffer bytes = { 0 };
    if (lstat(walk->target, &old) == 0 && S_ISREG(old.st_mode) && old.st_size == st->st_size &&
        old.st_mtim.tv_sec == st->st_mtim.tv_sec)
        return 0;
    if (st->st_size > 0 && file_read(walk->path, COPY_MAX, &bytes, NULL) < 0) {
        buffer_clear(&bytes);
        return 0;
    }
    int rc = 0;
    (void)unlink(walk->target);
    int fd = open(walk->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || (bytes.size > 0 && write(fd, bytes.data, bytes.size) != (ssize_t)bytes.size) ||
        fchmod(fd, (st->st_mode & 0777) | 0600) < 0)
        rc = failed(walk, "writing");
    const struct timespec times[2] = { st->st_mtim, st->st_mtim };
    if (fd >= 0) {
        (void)futimens(fd, times);
        (void)close(fd);
    }
    buffer_clear(&bytes);
    return rc;
}

static int look_at_folder(struct walk *walk, const struct stat *st)
{
    if (is_hidden(walk) || is_private(walk, st))
        return hide_folder(walk, st);
    if (walk->options->rootless) {
        int rc = make_folder(walk, st);
        if (rc < 0)
            return rc;
    }
    return st->st_dev == walk->device && walk->depth < DEPTH_MAX ? read_folder(walk) : 0;
}

static int look_at(struct walk *walk)
{
    struct stat st;
    if (lstat(walk->path, &st) < 0)
        return 0; /* it went away while we were looking */
    if (S_ISDIR(st.st_mode))
        return look_at_folder(walk, &st);
    if (is_hidden(walk))
        return hide_file(walk);
    if (!S_ISREG(st.st_mode))
        return 0;
    if (walk->options->rootless)
        return is_copied(walk, &st) ? copy_file(walk, &st) : 0;
    return st.st_size > 0 && is_private(walk, &st) ? hide_file(walk) : 0;
}

/* Steps into the entry `name`; false when its path would be too long to look at. */
static bool enter(struct walk *walk, const char *name)
{
    size_t path = strlen(walk->path);
    size_t target = strlen(walk->target);
    size_t size = strlen(name) + 2;
    if (path + size > sizeof walk->path || target + size > sizeof walk->target)
        return false;
    (void)snprintf(walk->path + path, size, "/%s", name);
    (void)snprintf(walk->target + target, size, "/%s", name);
    return true;
}

static int read_folder(struct walk *walk)
{
    size_t path = strlen(walk->path);
    size_t target = strlen(walk->target);
    const struct dirent *entry = NULL;
    int rc = 0;
    DIR *dir = opendir(walk->path);
    if (!dir)
        return 0; /* it went away */
    walk->depth++;
    while (rc == 0 && (entry = readdir(dir))) {
        /* A symlink has no secret, and what it leads to is looked at where it stands. */
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            (entry->d_type == DT_LNK && !text_starts(walk->path, "/etc")))
            continue;
        if (enter(walk, entry->d_name))
            rc = look_at(walk);
        walk->path[path] = '\0';
        walk->target[target] = '\0';
    }
    walk->depth--;
    (void)closedir(dir);
    return rc;
}

/* What the table names and the machine hasn't got yet is hidden as well: it may come while
 * instances run.  A whiteout hides a folder too. */
static int hide_missing(struct walk *walk, const char *top)
{
    size_t target = strlen(walk->target) - strlen(walk->path);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(hidden); i++) {
        const char *path = hidden[i].pattern;
        const char *name = strrchr(path, '/');
        struct stat st;
        if (!oci_view_holds(top, path) || strpbrk(path, "*?[") || lstat(path, &st) == 0)
            continue;
        (void)snprintf(walk->path, sizeof walk->path, "%.*s", (int)(name - path), path);
        if (lstat(walk->path, &st) < 0 || !S_ISDIR(st.st_mode) || is_hidden(walk))
            continue;
        walk->target[target] = '\0';
        walk->path[0] = '\0';
        if (enter(walk, path + 1))
            rc = hide_file(walk);
    }
    return rc;
}

int oci_view_write(const struct oci_view_options *options, const char *top, struct error *err)
{
    struct walk *walk = calloc(1, sizeof *walk);
    struct stat st;
    int rc = 0;
    if (!walk)
        return error_set(err, ERROR_NO_MEMORY, "no memory to look at /%s", top);
    walk->options = options;
    walk->err = err;
    (void)snprintf(walk->path, sizeof walk->path, "/%s", top);
    int size = snprintf(walk->target, sizeof walk->target, "%s/%s", options->out, top);
    if (size < 0 || (size_t)size >= sizeof walk->target)
        rc = error_set(err, ERROR_TOO_LARGE, "the path '%s' is too long", options->out);
    else if (stat(walk->path, &st) < 0)
        rc = error_system(err, errno, "looking at '%s'", walk->path);
    else if ((rc = file_make_dirs(walk->target, 0755, err)) == 0) {
        walk->device = st.st_dev;
        rc = make_folder(walk, &st);
    }
    if (rc == 0)
        rc = read_folder(walk);
    if (rc == 0)
        rc = hide_missing(walk, top);
    free(walk);
    return rc;
}

int oci_view_main(int argc, char **argv)
{
    struct error err = { 0 };
    if (argc < 3) {
        (void)fprintf(stderr, "usage: __init --base OUT 0|1 MASK TOP...\n");
        return 64;
    }
    const struct oci_view_options options = { .out = argv[0],
                                              .rootless = text_equal(argv[1], "1"),
                                              .mask_folder = argv[2][0] ? argv[2] : NULL };
    for (int i = 3; i < argc; i++) {
        if (oci_view_write(&options, argv[i], &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    return 0;
}
