/* sandbox.c - limits, Landlock, CPU timers and the seccomp filter around a recipe's child. */
#include "script/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

/* The program, its libraries, the C heap (document, conversions): what Lua's own limit does not
 * count. */
#define ADDRESS_SPACE_EXTRA ((rlim_t)256 << 20)

/* Landlock's ABI as of version 6: headers of the distribution may be older than the kernel. */
struct landlock_ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};
#define LANDLOCK_VERSION_FLAG 1U
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

static int limit(int resource, rlim_t soft, rlim_t hard, const char *what, struct error *err)
{
    struct rlimit value = { soft, hard };
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY) {
        if (value.rlim_max > now.rlim_max)
            value.rlim_max = now.rlim_max;
        if (value.rlim_cur > value.rlim_max)
            value.rlim_cur = value.rlim_max;
    }
    if (setrlimit(resource, &value) != 0)
        return error_system(err, errno, "limiting %s", what);
    return 0;
}

#ifndef MOONFLEET_SANITIZE
/* Bytes of address space in use now. */
static rlim_t address_space(void)
{
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    return n > 0 ? (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}
#endif

static int limit_all(const struct sandbox_limits *limits, struct error *err)
{
    /* Whole seconds; the timers below are the exact limit, this one is behind them. */
    rlim_t seconds = (rlim_t)(limits->cpu_ms / 1000) + 2;
    int rc = limit(RLIMIT_CPU, seconds, seconds + 1, "CPU time", err);
#ifndef MOONFLEET_SANITIZE /* the sanitizers' shadow is terabytes of address space */
    if (rc == 0) {
        rlim_t bytes = address_space() + (rlim_t)limits->memory_bytes + ADDRESS_SPACE_EXTRA;
        rc = limit(RLIMIT_AS, bytes, bytes, "the address space", err);
    }
#endif
    if (rc == 0)
        rc = limit(RLIMIT_FSIZE, 0, 0, "file sizes", err);
    if (rc == 0)
        rc = limit(RLIMIT_CORE, 0, 0, "core dumps", err);
    if (rc == 0)
        rc = limit(RLIMIT_NPROC, 0, 0, "processes", err);
    return rc;
}

/* No right to any file, TCP port, abstract socket or foreign process.  A kernel without Landlock is
 * no error: the seccomp filter alone already forbids all of it. */
static int landlock(struct error *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);
    if (abi < 1)
        return 0;
    struct landlock_ruleset rules = { .handled_access_fs = (1U << 13) - 1 };
    size_t size = sizeof rules.handled_access_fs;
    if (abi >= 2)
        rules.handled_access_fs |= 1U << 13; /* refer */
    if (abi >= 3)
        rules.handled_access_fs |= 1U << 14; /* truncate */
    if (abi >= 5)
        rules.handled_access_fs |= 1U << 15; /* ioctl on devices */
    if (abi >= 4) {
        rules.handled_access_net = 3; /* bind and connect */
        size += sizeof rules.handled_access_net;
    }
    if (abi >= 6) {
        rules.scoped = 3; /* abstract sockets and signals */
        size += sizeof rules.scoped;
    }
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0U);
    if (fd < 0)
        return error_system(err, errno, "making a Landlock ruleset");
    long rc = syscall(SYS_landlock_restrict_self, fd, 0U);
    int saved = errno;
    (void)close(fd);
    return rc == 0 ? 0 : error_system(err, saved, "entering the Landlock domain");
}

int sandbox_drop(const struct sandbox_limits *limits, struct error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_system(err, errno, "giving up privileges");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return error_system(err, errno, "tying the child to its parent");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_system(err, errno, "forbidding dumps");
    int rc = limit_all(limits, err);
    if (rc == 0)
        rc = landlock(err);
    if (rc == 0) /* after Landlock, which needs a descriptor of its own for a moment */
        rc = limit(RLIMIT_NOFILE, (rlim_t)limits->socket_fd + 1, (rlim_t)limits->socket_fd + 1,
                   "open files", err);
    return rc;
}

/* ---- CPU time ---- */

/* A signal handler has no other way to know its host; set once, before the handler can run. */
static void (*cpu_callback)(void);

static void on_signal(int signo)
{
    (void)signo;
    if (cpu_callback)
        cpu_callback();
}

static int start_timer(int signo, int64_t ms, struct error *err)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
    struct itimerspec when = { .it_value = { .tv_sec = ms / 1000,
                                             .tv_nsec = (ms % 1000) * 1000000 } };
    timer_t timer;
    if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, NULL) != 0)
        return error_system(err, errno, "starting the CPU limit");
    return 0;
}

static int start_cpu_limit(const struct sandbox_limits *limits, struct error *err)
{
    cpu_callback = limits->on_cpu;
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    if (sigaction(SIGPROF, &action, NULL) != 0)
        return error_system(err, errno, "watching the CPU limit");
    int rc = start_timer(SIGPROF, limits->cpu_ms, err);
    if (rc == 0) /* by default SIGXCPU kills: no code of ours has to run for that */
        rc = start_timer(SIGXCPU, limits->cpu_ms + SANDBOX_GRACE_MS, err);
    return rc;
}

/* ---- system calls ---- */

/* What the C library needs to compute and to end. */
static const int allowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sysinfo),
#ifdef MOONFLEET_SANITIZE
    SCMP_SYS(sched_yield),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(mprotect),
    SCMP_SYS(mmap),
#endif
};

/* What a library may ask in passing: refused without killing. */
static const int refused[] = {
    SCMP_SYS(open),       SCMP_SYS(openat),    SCMP_SYS(stat),     SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(access),    SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(prlimit64),  SCMP_SYS(ioctl),     SCMP_SYS(lseek),    SCMP_SYS(close),
    SCMP_SYS(uname),      SCMP_SYS(getrlimit), SCMP_SYS(prctl),    SCMP_SYS(sched_getaffinity),
};

static int allow_calls(scmp_filter_ctx filter, int socket_fd)
{
    int rc = 0;
    for (size_t i = 0; i < COUNT(allowed) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < COUNT(refused) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    const struct scmp_arg_cmp socket = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)socket_fd, 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, socket);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, socket);
    /* abort() */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
#ifdef MOONFLEET_SANITIZE
    if (rc == 0) /* reports */
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)STDERR_FILENO, 0));
#else
    /* memory, but never memory that can be executed */
    const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, data);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, data);
#endif
    return rc;
}

static int filter_calls(int socket_fd, struct error *err)
{
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL)
        return 0; /* a kernel without filters: limits and Landlock remain */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the system call filter");
    int rc = allow_calls(filter, socket_fd);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? 0 : error_system(err, -rc, "loading the system call filter");
}

int sandbox_seal(const struct sandbox_limits *limits, struct error *err)
{
    int rc = start_cpu_limit(limits, err);
    return rc < 0 ? rc : filter_calls(limits->socket_fd, err);
}
