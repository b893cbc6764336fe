/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads, checks and swaps the pair of tables. */

#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The whole file in private memory; *length 0 and NULL when there is none. */
static void *read_file(const char *path, size_t *length, int *result)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *data = NULL;

    *length = 0;
    *result = fd < 0 ? (errno == ENOENT ? 0 : -errno) : 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) < 0 || status.st_size <= 0) {
        *result = -EINVAL;
    } else {
        /* A private mapping: the writer replaces the file by rename and never changes it in place. */
        data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            data = NULL;
            *result = -errno;
        } else {
            *length = (size_t)status.st_size;
        }
    }
    close(fd);
    return data;
}

static void free_apps(struct rs_tables *tables)
{
    rs_apps_close(tables->apps);
    if (tables->apps_data)
        munmap(tables->apps_data, tables->apps_length);
}

/* Whether every number of the old database means the same in the new one; more at the end do no harm. */
static int keeps_numbers(const rs_apps *old, const rs_apps *new)
{
    if (!old || !new || rs_apps_count(new) < rs_apps_count(old))
        return 0;
    for (uint32_t app = 1; app <= rs_apps_count(old); app++)
        if (strcmp(rs_apps_id(old, (uint16_t)app), rs_apps_id(new, (uint16_t)app)) != 0)
            return 0;
    return 1;
}

static int say(char *error, const char *path, int result)
{
    snprintf(error, RS_ERROR_SIZE, "%.90s: %s", path, strerror(-result));
    return result;
}

static int open_apps(struct rs_tables *t, const char *path, char *error)
{
    int result;

    t->apps_data = read_file(path, &t->apps_length, &result);
    if (result < 0)
        return say(error, path, result);
    return t->apps_data ? rs_apps_open(t->apps_data, t->apps_length, &t->apps, error) : 0;
}

static int open_policy(struct rs_tables *t, const char *path, uint32_t readers, char *error)
{
    size_t length;
    int result;
    void *data = read_file(path, &length, &result);

    if (result < 0)
        return say(error, path, result);
    if (!data)
        return 0;
    result = rs_policy_open(data, length, readers, &t->policy, error);
    munmap(data, length);
    if (result == 0 && rs_policy_apps_crc(t->policy) != (t->apps ? rs_apps_crc(t->apps) : 0)) {
        snprintf(error, RS_ERROR_SIZE, "policy table: made for another application database");
        result = -EINVAL;
    }
    if (result == 0)
        t->generation = rs_policy_generation(t->policy);
    return result;
}

static void note_numbering(struct rs_tables *t, const struct rs_tables *old, struct rs_shm_header *h)
{
    uint32_t crc = t->apps ? rs_apps_crc(t->apps) : 0;
    uint64_t mine = UINT64_C(1) << t->generation;

    if (crc == h->apps_crc || !h->apps_crc || (old && keeps_numbers(old->apps, t->apps)))
        t->foreign = rs_counter_get(&h->foreign_generations) & ~mine;
    else
        t->foreign = ~mine;
    rs_counter_set(&h->foreign_generations, t->foreign);
    h->apps_crc = crc;
}

/* Until every reader that may hold the old pair has ended its turn. Turns last a batch: a millisecond or so. */
static void wait_for_readers(const struct rs_tables_box *box)
{
    const struct timespec pause = {0, 200000};

    for (uint32_t r = 0; r < box->readers; r++) {
        uint32_t turn = atomic_load(box->turns[r]);

        while (turn & 1 && atomic_load(box->turns[r]) == turn)
            nanosleep(&pause, NULL);
    }
}

/* Until every classifier has taken its flows over to the new database, for which it reads the old one. An idle thread does
 * so when it next wakes. */
static void wait_for_adoption(const struct rs_tables_box *box, uint32_t numbering)
{
    const struct timespec pause = {0, 2000000};

    for (uint32_t r = 0; r + 1 < box->readers; r++)
        while (atomic_load(box->adopted[r]) != numbering)
            nanosleep(&pause, NULL);
}

static void swap(struct rs_tables_box *box, const struct rs_tables *tables, int has_started)
{
    struct rs_tables *old = (struct rs_tables *)atomic_exchange(&box->current, tables);

    wait_for_readers(box);
    if (!old)
        return;
    if (old->apps != tables->apps) {
        if (has_started && old->apps)
            wait_for_adoption(box, tables->numbering);
        free_apps(old);
    }
    rs_policy_close(old->policy);
    free(old);
}

static int refuse(rs_shm *shm, const char *error, uint64_t policy_serial, uint64_t apps_serial)
{
    struct rs_shm_header *h = shm->header;

    memcpy(h->error, error, RS_ERROR_SIZE);
    rs_counter_set(&h->refused_policy, policy_serial);
    if (rs_counter_get(&h->loaded_apps) != apps_serial)
        rs_counter_set(&h->refused_apps, apps_serial);
    rs_shm_changed(shm);
    return -EINVAL;
}

int rs_tables_load(struct rs_tables_box *box, rs_shm *shm, const char *apps_path, int is_start)
{
    struct rs_shm_header *h = shm->header;
    uint64_t policy_serial = rs_counter_get(&h->wanted_policy), apps_serial = rs_counter_get(&h->wanted_apps);
    const struct rs_tables *old = atomic_load(&box->current);
    char policy_path[4096 + 16], error[RS_ERROR_SIZE] = "out of memory";
    const char *slash = strrchr(shm->path, '/');
    int is_same = old && old->apps && rs_counter_get(&h->loaded_apps) == apps_serial, result = -ENOMEM;
    struct rs_tables *tables;

    if (is_start) { /* what a process before had loaded is not ours; what is refused now is tried again at the next signal */
        rs_counter_set(&h->loaded_policy, 0);
        rs_counter_set(&h->loaded_apps, 0);
    }
    if (!is_start && rs_counter_get(&h->loaded_policy) == policy_serial &&
        rs_counter_get(&h->loaded_apps) == apps_serial)
        return 0;
    snprintf(policy_path, sizeof policy_path, "%.*spolicy.bin", slash ? (int)(slash - shm->path + 1) : 0, shm->path);
    tables = calloc(1, sizeof *tables);
    if (!tables)
        return refuse(shm, error, policy_serial, apps_serial);
    if (is_same) {
        *tables = *old;
        tables->policy = NULL;
        result = 0;
    } else {
        tables->numbering = old ? old->numbering + 1 : 1;
        result = open_apps(tables, apps_path, error);
        if (result == 0 && old && old->apps && !tables->apps)
            result = say(error, apps_path, -ENOENT);
    }
    if (result == 0)
        result = open_policy(tables, policy_path, box->readers, error);
    if (result < 0) {
        rs_policy_close(tables->policy);
        if (!is_same)
            free_apps(tables);
        free(tables);
        return refuse(shm, error, policy_serial, apps_serial);
    }
    note_numbering(tables, old, h);
    swap(box, tables, !is_start);
    atomic_store(&h->generation, tables->generation);
    rs_counter_set(&h->loaded_policy, policy_serial);
    rs_counter_set(&h->loaded_apps, apps_serial);
    rs_shm_changed(shm);
    return 1;
}

void rs_tables_close(struct rs_tables_box *box)
{
    struct rs_tables *tables = (struct rs_tables *)atomic_exchange(&box->current, NULL);

    if (!tables)
        return;
    rs_policy_close(tables->policy);
    free_apps(tables);
    free(tables);
}
