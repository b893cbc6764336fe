/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shared file: made, attached, owned, replaced; orders and waiting between rsd and rs-fastpath. */

#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"

static int fail(char *error, const char *what, const char *path, int number)
{
    snprintf(error, RS_ERROR_SIZE, "%s %.100s: %s", what, path, strerror(number));
    return -number;
}

uint64_t rs_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t power_of_two(uint32_t least)
{
    uint32_t size = 1024;

    while (size < least)
        size *= 2;
    return size;
}

/* Sum of the sizes that both sides must agree on: a file made by another build is not taken for ours. */
static uint32_t layout_number(void)
{
    return (uint32_t)(sizeof(struct rs_shm_header) * 31 + sizeof(struct rs_worker_shared) * 37 +
                      sizeof(struct rs_ring) * 41 + sizeof(struct rs_usage_bank) * 43 +
                      sizeof(struct rs_ledger_slot) * 47 + sizeof(struct rs_host_slot) * 53 +
                      sizeof(struct rs_alias_slot) * 59 + sizeof(struct rs_opening) * 61);
}

static uint64_t place(uint64_t *end, uint64_t length)
{
    uint64_t at = (*end + 4095) & ~UINT64_C(4095);

    *end = at + length;
    return at;
}

static void plan_header(struct rs_shm_header *h, uint32_t queues, uint32_t flows)
{
    uint64_t end = sizeof *h;

    memset(h, 0, sizeof *h);
    memcpy(h->magic, RS_SHM_MAGIC, sizeof h->magic);
    h->abi = RS_ABI;
    h->layout = layout_number();
    h->queues = queues;
    h->flows = flows;
    h->ledger_slots = power_of_two(flows) * 2;
    h->classifier_length = (rs_classifier_size((flows + queues - 1) / queues) + 4095) & ~UINT64_C(4095);
    h->workers_at = place(&end, sizeof(struct rs_worker_shared) * queues);
    h->rings_at = place(&end, sizeof(struct rs_ring) * queues);
    h->banks_at = place(&end, sizeof(struct rs_usage_bank) * 2);
    h->ledger_at = place(&end, sizeof(struct rs_ledger_slot) * h->ledger_slots);
    h->hosts_at = place(&end, sizeof(struct rs_host_slot) * RS_HOST_SLOTS);
    h->aliases_at = place(&end, sizeof(struct rs_alias_slot) * RS_HOST_SLOTS);
    h->classifiers_at = place(&end, h->classifier_length * queues);
    h->openings_count = rs_flow_buckets((flows + queues - 1) / queues) * UINT64_C(1) * RS_FLOW_WAYS;
    h->openings_at = place(&end, sizeof(struct rs_opening) * h->openings_count * queues);
    h->length = place(&end, 0);
    h->interval_ms = RS_INTERVAL_MS;
    rs_counter_set(&h->active_epoch, 1);
}

/* queues 0: any geometry that this build would have made itself. */
static int is_usable(int fd, uint32_t queues, uint32_t flows, struct rs_shm_header *found)
{
    struct rs_shm_header planned;
    struct stat status;

    if (fstat(fd, &status) < 0 || pread(fd, found, sizeof *found, 0) != (ssize_t)sizeof *found)
        return 0;
    if (memcmp(found->magic, RS_SHM_MAGIC, sizeof found->magic) != 0 || found->queues < 1 ||
        found->queues > RS_QUEUES_MAX || found->flows < 1 || found->flows > 1u << 24)
        return 0;
    plan_header(&planned, queues ? queues : found->queues, queues ? flows : found->flows);
    return found->abi == planned.abi && found->layout == planned.layout && found->queues == planned.queues &&
           found->flows == planned.flows && found->classifier_length == planned.classifier_length &&
           found->length == planned.length && (uint64_t)status.st_size == planned.length;
}

/* Writes a new file beside and renames it, so that who still maps the old one is never cut short. */
static int make_file(const char *path, uint32_t queues, uint32_t flows)
{
    struct rs_shm_header header;
    char temporary[4096 + 8];
    int fd, result = 0;

    plan_header(&header, queues, flows);
    if (getrandom(&header.instance, sizeof header.instance, 0) != (ssize_t)sizeof header.instance)
        return -errno;
    snprintf(temporary, sizeof temporary, "%s.new", path);
    fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)header.length) < 0 || pwrite(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        rename(temporary, path) < 0)
        result = -errno;
    close(fd);
    return result;
}

/* A POSIX lock, not flock: it names its holder and goes with the process, however that ends. */
static pid_t owner_of(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

/* The opened file in fd, whose header was found usable. */
static int map_file(const char *path, int fd, const struct rs_shm_header *found, rs_shm **out, char *error)
{
    rs_shm *shm = calloc(1, sizeof *shm);
    uint8_t *base;

    if (!shm)
        return fail(error, "attach", path, ENOMEM);
    base = mmap(NULL, found->length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        free(shm);
        return fail(error, "map", path, errno);
    }
    shm->header = (struct rs_shm_header *)base;
    shm->workers = (struct rs_worker_shared *)(base + found->workers_at);
    shm->rings = (struct rs_ring *)(base + found->rings_at);
    shm->banks[0] = (struct rs_usage_bank *)(base + found->banks_at);
    shm->banks[1] = shm->banks[0] + 1;
    shm->ledger = (struct rs_ledger_slot *)(base + found->ledger_at);
    shm->hosts = (struct rs_host_slot *)(base + found->hosts_at);
    shm->aliases = (struct rs_alias_slot *)(base + found->aliases_at);
    shm->classifiers = base + found->classifiers_at;
    shm->openings = (struct rs_opening *)(base + found->openings_at);
    shm->length = found->length;
    shm->fd = fd;
    snprintf(shm->path, sizeof shm->path, "%s", path);
    *out = shm;
    return 0;
}

int rs_shm_open(const char *path, uint32_t queues, uint32_t flows, rs_shm **out, char *error)
{
    struct rs_shm_header found;
    int fd, result;

    *out = NULL;
    if (queues > RS_QUEUES_MAX || (queues && (flows < 1 || flows > 1u << 24)) || strlen(path) >= 4096)
        return fail(error, "open", path, EINVAL);
    for (;;) { /* again after each replacement: the second open sees the finished file */
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (queues ? O_CREAT : 0), 0600);
        if (fd < 0)
            return fail(error, "open", path, errno);
        flock(fd, LOCK_EX);
        if (is_usable(fd, queues, flows, &found)) {
            flock(fd, LOCK_UN);
            result = map_file(path, fd, &found, out, error);
            if (result < 0)
                close(fd);
            return result;
        }
        result = !queues ? -ENOENT : owner_of(fd) ? -EBUSY : make_file(path, queues, flows);
        close(fd); /* releases the flock */
        if (result < 0)
            return fail(error, "open", path, -result);
    }
}

void rs_shm_close(rs_shm *shm)
{
    if (!shm)
        return;
    munmap(shm->header, shm->length);
    close(shm->fd);
    free(shm);
}

uint32_t rs_shm_next(const rs_shm *shm, const void *array, size_t size, uint32_t count, uint32_t slot, uint32_t *stop)
{
    off_t at = (off_t)((const uint8_t *)array - (const uint8_t *)shm->header), data, hole;

    if (slot < *stop || slot >= count)
        return slot;
    data = lseek(shm->fd, at + (off_t)(slot * size), SEEK_DATA);
    if (data < 0 && errno != ENXIO) { /* this file system does not tell */
        *stop = count;
        return slot;
    }
    if (data < 0 || data >= at + (off_t)(count * size))
        return count;
    hole = lseek(shm->fd, data, SEEK_HOLE);
    *stop =
        hole < 0 || hole >= at + (off_t)(count * size) ? count : (uint32_t)(((size_t)(hole - at) + size - 1) / size);
    return (uint32_t)((size_t)(data - at) / size);
}

void rs_shm_clear(rs_shm *shm, void *start, size_t length)
{
    uint8_t *from = start, *to = from + length;
    uint8_t *first = (uint8_t *)(((uintptr_t)from + 4095) & ~(uintptr_t)4095);
    uint8_t *last = (uint8_t *)((uintptr_t)to & ~(uintptr_t)4095);

    if (first >= last || fallocate(shm->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   (off_t)(first - (uint8_t *)shm->header), last - first) < 0) {
        memset(start, 0, length);
        return;
    }
    memset(from, 0, (size_t)(first - from));
    memset(last, 0, (size_t)(to - last));
}

int rs_shm_is_replaced(const rs_shm *shm)
{
    struct stat mine, now;

    return fstat(shm->fd, &mine) < 0 || stat(shm->path, &now) < 0 || mine.st_ino != now.st_ino ||
           mine.st_dev != now.st_dev;
}

int rs_shm_own(rs_shm *shm)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

    if (fcntl(shm->fd, F_SETLK, &lock) < 0)
        return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
    return 0;
}

int rs_shm_owner(const rs_shm *shm)
{
    return owner_of(shm->fd);
}

void rs_shm_changed(rs_shm *shm)
{
    atomic_fetch_add(&shm->header->changes, 1);
    syscall(SYS_futex, &shm->header->changes, FUTEX_WAKE, 64, NULL, NULL, 0);
}

int rs_shm_wait_change(rs_shm *shm, uint32_t seen, int timeout_ms)
{
    struct timespec wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

    if (syscall(SYS_futex, &shm->header->changes, FUTEX_WAIT, seen, &wait, NULL, 0) < 0 && errno == ETIMEDOUT)
        return -ETIMEDOUT;
    return 0;
}

int rs_shm_wake(const rs_shm *shm)
{
    pid_t pid = owner_of(shm->fd);

    if (pid <= 0 || kill(pid, SIGHUP) < 0)
        return -ESRCH;
    return 0;
}

int rs_shm_announce(rs_shm *shm, int with_apps)
{
    if (with_apps)
        rs_count(&shm->header->wanted_apps, 1);
    rs_count(&shm->header->wanted_policy, 1);
    return rs_shm_wake(shm);
}

int rs_shm_wait_loaded(rs_shm *shm, int timeout_ms, char *error)
{
    struct rs_shm_header *h = shm->header;
    uint64_t deadline = rs_now_ms() + (uint64_t)timeout_ms, now;

    for (;;) {
        uint32_t seen = atomic_load(&h->changes);
        uint64_t policy = rs_counter_get(&h->wanted_policy), apps = rs_counter_get(&h->wanted_apps);

        if (rs_counter_get(&h->loaded_policy) >= policy && rs_counter_get(&h->loaded_apps) >= apps)
            return 0;
        if (rs_counter_get(&h->refused_policy) >= policy) { /* announced last, with either table */
            memcpy(error, h->error, RS_ERROR_SIZE);
            error[RS_ERROR_SIZE - 1] = 0;
            return -EINVAL;
        }
        now = rs_now_ms();
        if (now >= deadline) {
            snprintf(error, RS_ERROR_SIZE, "the fastpath does not answer");
            return -ETIMEDOUT;
        }
        rs_shm_wait_change(shm, seen, (int)(deadline - now));
    }
}

void rs_shm_set_delay(rs_shm *shm, uint32_t line, uint32_t delay_ms)
{
    atomic_store(&shm->header->line_delay_ms[line & 7], delay_ms);
}

void rs_shm_want_sites(rs_shm *shm, int on)
{
    atomic_store(&shm->header->wants_sites, on != 0);
}

void rs_shm_set_interval(rs_shm *shm, uint32_t interval_ms)
{
    atomic_store(&shm->header->interval_ms, interval_ms);
    rs_shm_wake(shm);
}
