/* oci_config.c - config.json, made as container engines make it: few capabilities, what the kernel
 * shows of the machine masked, namespaces of its own but for the network (instances download
 * things). */
#include "plane/drivers/oci_config.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"

#define PIDS_MAX 4096
#define CPU_PERIOD_US 100000

/* What root inside may do: what Docker and Podman give, without making device files: then no
 * instance reaches a disk of the machine even where no control group forbids it. */
static const char *const capabilities[] = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",  "CAP_DAC_OVERRIDE",     "CAP_FOWNER",
    "CAP_FSETID",      "CAP_KILL",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",
    "CAP_SETFCAP",     "CAP_SETGID", "CAP_SETPCAP",          "CAP_SETUID",
    "CAP_SYS_CHROOT",
};

static const char *const masked_paths[] = {
    "/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats",   "/sys/firmware",     "/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* Mounts that every container has; options separated by blanks. */
static const struct {
    const char *path, *type, *source, *options;
} common_mounts[] = {
    { "/proc", "proc", "proc", "nosuid noexec nodev" },
    { "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k" },
    { "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777" },
    { "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev" },
    { "/run", "tmpfs", "tmpfs", "nosuid nodev mode=755" },
};

static cJSON *words(const char *text)
{
    cJSON *array = cJSON_CreateArray();
    while (array && *text) {
        size_t size = strcspn(text, " ");
        char *word = text_dup_size(text, size);
        (void)cJSON_AddItemToArray(array, cJSON_CreateString(word ? word : ""));
        free(word);
        text += size + (text[size] == ' ');
    }
    return array;
}

static cJSON *add_mount(cJSON *config, const char *path, const char *type, const char *source,
                        cJSON *options)
{
    cJSON *mount = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(mount, "destination", path);
    (void)cJSON_AddStringToObject(mount, "type", type);
    (void)cJSON_AddStringToObject(mount, "source", source);
    (void)cJSON_AddItemToObject(mount, "options", options);
    if (!cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(config, "mounts"), mount)) {
        cJSON_Delete(mount);
        return NULL;
    }
    return mount;
}

static void add_texts(cJSON *object, const char *name, const char *const *texts, size_t count)
{
    (void)cJSON_AddItemToObject(object, name, cJSON_CreateStringArray(texts, (int)count));
}

static void add_process(cJSON *config, cJSON *args)
{
    static const char *const sets[] = { "bounding", "effective", "inheritable", "permitted" };
    cJSON *process = cJSON_AddObjectToObject(config, "process");
    cJSON *user = cJSON_AddObjectToObject(process, "user");
    cJSON *caps = cJSON_AddObjectToObject(process, "capabilities");
    (void)cJSON_AddFalseToObject(process, "terminal");
    (void)cJSON_AddNumberToObject(user, "uid", 0);
    (void)cJSON_AddNumberToObject(user, "gid", 0);
    (void)cJSON_AddItemToObject(process, "args", args);
    (void)cJSON_AddStringToObject(process, "cwd", "/");
    (void)cJSON_AddArrayToObject(process, "env");
    (void)cJSON_AddFalseToObject(process, "noNewPrivileges"); /* sudo must work */
    for (size_t i = 0; i < COUNT(sets); i++)
        add_texts(caps, sets[i], capabilities, COUNT(capabilities));
}

/* Where no control group can count the processes of an ordinary user's instance, the kernel's limit
 * for a user does: nobody there has the right to go beyond. */
static void add_process_limit(cJSON *config)
{
    struct rlimit ours;
    cJSON *process = cJSON_GetObjectItemCaseSensitive(config, "process");
    if (getrlimit(RLIMIT_NPROC, &ours) != 0)
        return;
    cJSON *limit = cJSON_CreateObject();
    double most = (double)(ours.rlim_max < PIDS_MAX ? ours.rlim_max : PIDS_MAX);
    (void)cJSON_AddStringToObject(limit, "type", "RLIMIT_NPROC");
    (void)cJSON_AddNumberToObject(limit, "hard", most);
    (void)cJSON_AddNumberToObject(limit, "soft", most);
    (void)cJSON_AddItemToArray(cJSON_AddArrayToObject(process, "rlimits"), limit);
}

static void add_mapping(cJSON *linux_part, const char *name, int64_t self,
                        const struct oci_range *range)
{
    cJSON *mappings = cJSON_AddArrayToObject(linux_part, name);
    for (int i = 0; i < (range->count > 0 ? 2 : 1); i++) {
        cJSON *mapping = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(mapping, "containerID", i);
        (void)cJSON_AddNumberToObject(mapping, "hostID", (double)(i == 0 ? self : range->first));
        (void)cJSON_AddNumberToObject(mapping, "size", (double)(i == 0 ? 1 : range->count));
        (void)cJSON_AddItemToArray(mappings, mapping);
    }
}

static void add_namespaces(cJSON *linux_part, const struct oci_host *host)
{
    static const char *const types[] = { "pid", "mount", "ipc", "uts", "user" };
    cJSON *namespaces = cJSON_AddArrayToObject(linux_part, "namespaces");
    for (size_t i = 0; i < COUNT(types) - (host->rootless ? 0 : 1); i++) {
        cJSON *space = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(space, "type", types[i]);
        (void)cJSON_AddItemToArray(namespaces, space);
    }
    if (host->rootless) {
        static const struct oci_range none = { 0 };
        add_mapping(linux_part, "uidMappings", geteuid(), host->has_range ? &host->uids : &none);
        add_mapping(linux_part, "gidMappings", getegid(), host->has_range ? &host->gids : &none);
    }
}

/* Devices: the runtime makes the usual ones; as root the control group must allow no others. */
static void add_devices(cJSON *resources)
{
    static const struct {
        const char *type;
        int major, minor; /* -1: any */
        const char *access;
    } allowed[] = {
        { "c", -1, -1, "m" }, { "b", -1, -1, "m" },    { "c", 1, 3, "rwm" }, { "c", 1, 5, "rwm" },
        { "c", 1, 7, "rwm" }, { "c", 1, 8, "rwm" },    { "c", 1, 9, "rwm" }, { "c", 5, 0, "rwm" },
        { "c", 5, 2, "rwm" }, { "c", 136, -1, "rwm" },
    };
    cJSON *devices = cJSON_AddArrayToObject(resources, "devices");
    cJSON *all = cJSON_CreateObject();
    (void)cJSON_AddFalseToObject(all, "allow");
    (void)cJSON_AddStringToObject(all, "access", "rwm");
    (void)cJSON_AddItemToArray(devices, all);
    for (size_t i = 0; i < COUNT(allowed); i++) {
        cJSON *device = cJSON_CreateObject();
        (void)cJSON_AddTrueToObject(device, "allow");
        (void)cJSON_AddStringToObject(device, "type", allowed[i].type);
        if (allowed[i].major >= 0)
            (void)cJSON_AddNumberToObject(device, "major", allowed[i].major);
        if (allowed[i].minor >= 0)
            (void)cJSON_AddNumberToObject(device, "minor", allowed[i].minor);
        (void)cJSON_AddStringToObject(device, "access", allowed[i].access);
        (void)cJSON_AddItemToArray(devices, device);
    }
}

static void add_limits(cJSON *linux_part, const struct oci_config *c)
{
    const struct oci_host *host = c->host;
    cJSON *resources = cJSON_AddObjectToObject(linux_part, "resources");
    if (!host->rootless)
        add_devices(resources);
    if (host->limits == OCI_LIMITS_NONE)
        return;
    char *path = host->limits == OCI_LIMITS_CGROUPFS
                     ? text_format("/%s", c->cgroup)
                     : text_format("%s:moonfleet:%s",
                                   host->rootless ? "user.slice" : "system.slice", c->cgroup);
    (void)cJSON_AddStringToObject(linux_part, "cgroupsPath", path ? path : "");
    free(path);
    (void)cJSON_AddNumberToObject(cJSON_AddObjectToObject(resources, "pids"), "limit", PIDS_MAX);
    if (c->memory_bytes > 0) {
        int64_t limit = c->memory_bytes < host->memory_bytes ? c->memory_bytes : host->memory_bytes;
        (void)cJSON_AddNumberToObject(cJSON_AddObjectToObject(resources, "memory"), "limit",
                                      (double)limit);
    }
    if (c->cores > 0) {
        int cores = c->cores < host->cores ? c->cores : host->cores;
        cJSON *cpu = cJSON_AddObjectToObject(resources, "cpu");
        (void)cJSON_AddNumberToObject(cpu, "quota", (double)cores * CPU_PERIOD_US);
        (void)cJSON_AddNumberToObject(cpu, "period", CPU_PERIOD_US);
    }
}

cJSON *oci_config_new(const struct oci_config *c)
{
    cJSON *config = cJSON_CreateObject();
    if (!config) {
        cJSON_Delete(c->args);
        return NULL;
    }
    (void)cJSON_AddStringToObject(config, "ociVersion", "1.0.2");
    add_process(config, c->args);
    if (c->host->rootless && c->host->limits == OCI_LIMITS_NONE)
        add_process_limit(config);
    cJSON *root = cJSON_AddObjectToObject(config, "root");
    (void)cJSON_AddStringToObject(root, "path", c->rootfs);
    (void)cJSON_AddFalseToObject(root, "readonly");
    (void)cJSON_AddStringToObject(config, "hostname", c->host_name);
    (void)cJSON_AddArrayToObject(config, "mounts");
    for (size_t i = 0; i < COUNT(common_mounts); i++)
        (void)add_mount(config, common_mounts[i].path, common_mounts[i].type,
                        common_mounts[i].source, words(common_mounts[i].options));
    /* Group 5 (tty) owns terminals, where it exists in the user namespace. */
    (void)add_mount(config, "/dev/pts", "devpts", "devpts",
                    words(!c->host->rootless || c->host->has_range
                              ? "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"
                              : "nosuid noexec newinstance ptmxmode=0666 mode=0620"));
    /* A user namespace that has no network of its own may not mount a new sysfs. */
    if (c->host->rootless)
        (void)add_mount(config, "/sys", "none", "/sys", words("rbind nosuid noexec nodev ro"));
    else
        (void)add_mount(config, "/sys", "sysfs", "sysfs", words("nosuid noexec nodev ro"));
    cJSON *linux_part = cJSON_AddObjectToObject(config, "linux");
    add_namespaces(linux_part, c->host);
    add_texts(linux_part, "maskedPaths", masked_paths, COUNT(masked_paths));
    add_texts(linux_part, "readonlyPaths", readonly_paths, COUNT(readonly_paths));
    add_limits(linux_part, c);
    (void)oci_config_env(config, "PATH", OCI_PATH);
    (void)oci_config_env(config, "HOME", "/root");
    (void)oci_config_env(config, "LANG", "C.UTF-8");
    return config;
}

int oci_config_bind(cJSON *config, const char *source, const char *path, bool writable)
{
    static const struct {
        unsigned long flag;
        const char *option;
    } kept[] = { { ST_NOEXEC, "noexec" }, { ST_NOATIME, "noatime" }, { ST_RDONLY, "ro" } };
    struct statvfs fs = { 0 };
    cJSON *options = words(writable ? "rbind nosuid nodev" : "rbind nosuid nodev ro");
    (void)statvfs(source,
                  &fs); /* what can't be looked at can't be mounted: the runtime will say so */
    for (size_t i = 0; i < COUNT(kept); i++) {
        if (fs.f_flag & kept[i].flag && (writable || kept[i].flag != ST_RDONLY))
            (void)cJSON_AddItemToArray(options, cJSON_CreateString(kept[i].option));
    }
    return add_mount(config, path, "none", source, options) ? 0 : ERROR_NO_MEMORY;
}

int oci_config_empty(cJSON *config, const char *path)
{
    return add_mount(config, path, "tmpfs", "tmpfs", words("nosuid noexec nodev mode=755 size=64k"))
               ? 0
               : ERROR_NO_MEMORY;
}

/* Appends a path the way overlayfs reads its options: ',' ends an option, ':' a lower folder. */
static void escape(struct buffer *out, const char *path)
{
    for (; *path; path++) {
        if (strchr(",:\\", *path))
            buffer_char(out, '\\');
        buffer_char(out, *path);
    }
}

static void add_option(cJSON *options, struct buffer *text)
{
    buffer_text(text, "");
    if (buffer_check(text, "a mount option", NULL) == 0 && text->data)
        (void)cJSON_AddItemToArray(options, cJSON_CreateString(text->data));
    buffer_reset(text);
}

int oci_config_overlay(cJSON *config, const struct oci_host *host, const char *top,
                       const char *folder, char *const *lowers, size_t count)
{
    static const char *const kinds[] = { "upper", "work" };
    struct buffer text = { 0 };
    cJSON *options = cJSON_CreateArray();
    buffer_text(&text, "lowerdir=");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_char(&text, ':');
        escape(&text, lowers[i]);
    }
    add_option(options, &text);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        buffer_format(&text, "%sdir=", kinds[i]);
        escape(&text, folder);
        buffer_format(&text, "/%s/%s", kinds[i], top);
        add_option(options, &text);
    }
    if (host->rootless)
        (void)cJSON_AddItemToArray(options, cJSON_CreateString("userxattr"));
    char *path = text_format("/%s", top);
    cJSON *mount = path ? add_mount(config, path, "overlay", "overlay", options) : NULL;
    int rc = buffer_check(&text, "a mount option", NULL);
    buffer_clear(&text);
    free(path);
    return rc < 0 || !mount ? ERROR_NO_MEMORY : 0;
}

int oci_config_env(cJSON *config, const char *name, const char *value)
{
    cJSON *process = cJSON_GetObjectItemCaseSensitive(config, "process");
    char *text = text_format("%s=%s", name, value);
    cJSON *item = text ? cJSON_CreateString(text) : NULL;
    free(text);
    return cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(process, "env"), item)
               ? 0
               : ERROR_NO_MEMORY;
}
