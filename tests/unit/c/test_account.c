/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accounting: every byte once. A child accounts flows whose counters grow and is killed at any moment, 200 times; the parent
 * drains in between, now and then without acknowledging. What all acknowledged drains say must be what the flows counted.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "mix.h"
#include "policy.h"

#define FLOWS 64u
#define KILLS 200

static rs_usage rows[RS_USAGE_SLOTS];

static struct rs_ct make_flow(uint32_t n, uint64_t up, uint64_t down)
{
    struct rs_ct ct;

    memset(&ct, 0, sizeof ct);
    ct.original.source[10] = ct.original.source[11] = 0xff;
    ct.original.source[12] = 10;
    ct.original.source[15] = (uint8_t)(n % 8);
    ct.reply.source[15] = 1;
    ct.original.source_port = (uint16_t)(1000 + n);
    ct.transport = 6;
    ct.id = n * 77;
    ct.mark = 1u << 31 | (n % 5) << 12 | (n % 3);
    ct.has_counters = 1;
    ct.original.bytes = up;
    ct.original.packets = up / 100;
    ct.reply.bytes = down;
    ct.reply.packets = down / 100;
    return ct;
}

static rs_shm *open_file(const char *path)
{
    char error[RS_ERROR_SIZE];
    rs_shm *shm;
    int result = rs_shm_open(path, 1, 1024, &shm, error);

    if (result < 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return shm;
}

struct sums {
    uint64_t up, down, up_packets, connections;
};

static void add_rows(struct sums *sums, int count)
{
    for (int i = 0; i < count; i++) {
        sums->up += rows[i].up_bytes;
        sums->down += rows[i].down_bytes;
        sums->up_packets += rows[i].up_packets;
        sums->connections += rows[i].connections;
    }
}

/* As rsd: ask, take, store, acknowledge; is_lazy: dies before the acknowledgement. There is no thread here to flip. */
static void drain(rs_shm *shm, struct sums *sums, int is_lazy)
{
    uint64_t instance, epoch;
    int count;

    rs_counter_set(&shm->header->drain_wanted, rs_counter_get(&shm->header->active_epoch) + 1);
    rs_account_flip(shm);
    count = rs_shm_drain(shm, rows, RS_USAGE_SLOTS, 0, &instance, &epoch);
    assert(count >= 0);
    if (is_lazy)
        return;
    add_rows(sums, count);
    rs_shm_drained(shm, epoch);
}

static void account_until_killed(rs_shm *shm, uint64_t (*counters)[2])
{
    rs_account_recover(shm);
    for (uint32_t n = 0;; n = (n + 1) % FLOWS) {
        struct rs_ct ct;

        counters[n][0] += 100 + n; /* the kernel's counters: they outlive whoever reads them */
        counters[n][1] += 1000;
        ct = make_flow(n, counters[n][0], counters[n][1]);
        rs_account_add(shm, NULL, &ct, 0, 1000);
        if (n == 13) {
            rs_counter_set(&shm->header->drain_wanted, rs_counter_get(&shm->header->active_epoch) + 1);
            rs_account_flip(shm);
        }
    }
}

static void test_killed_at_any_moment(const char *path)
{
    uint64_t(*counters)[2] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rs_shm *shm = open_file(path);
    struct sums sums = {0}, wanted = {0};

    for (int kill_number = 0; kill_number < KILLS; kill_number++) {
        const struct timespec pause = {0, 100000 + rand() % 3000000};
        pid_t child = fork();

        if (child == 0)
            account_until_killed(shm, counters);
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        rs_account_recover(shm);
        drain(shm, &sums, kill_number % 3 == 0);
    }
    for (uint32_t n = 0; n < FLOWS; n++) {
        struct rs_ct ct = make_flow(n, counters[n][0], counters[n][1]);

        wanted.up += counters[n][0];
        wanted.down += counters[n][1];
        wanted.up_packets += counters[n][0] / 100;
        wanted.connections += counters[n][0] > 0;
        rs_account_add(shm, NULL, &ct, counters[n][0] > 0, 1000);
    }
    drain(shm, &sums, 0);
    drain(shm, &sums, 0);
    assert(sums.up == wanted.up && sums.down == wanted.down);
    assert(sums.up_packets == wanted.up_packets && sums.connections == wanted.connections);
    for (uint32_t i = 0; i < shm->header->ledger_slots; i++)
        assert(shm->ledger[i].key == 0);
    printf("%llu bytes accounted once through %d kills\n", (unsigned long long)wanted.up, KILLS);
    rs_shm_close(shm);
    munmap(counters, 4096);
}

/* More flows than the ledger has room for: those without are accounted whole at their end. */
static void test_a_full_ledger_loses_nothing(const char *path)
{
    rs_shm *shm = open_file(path);
    uint32_t flows = shm->header->ledger_slots * 2;
    struct sums sums = {0};

    drain(shm, &sums, 0);
    memset(&sums, 0, sizeof sums);
    for (uint32_t n = 0; n < flows; n++) {
        struct rs_ct ct = make_flow(n, 500, 600);

        rs_account_add(shm, NULL, &ct, 0, 1);
    }
    assert(rs_counter_get(&shm->header->ledger_full) > 0);
    for (uint32_t n = 0; n < flows; n++) {
        struct rs_ct ct = make_flow(n, 1500, 1600);

        rs_account_add(shm, NULL, &ct, 1, 2);
    }
    drain(shm, &sums, 0);
    assert(sums.up == 1500ull * flows && sums.down == 1600ull * flows && sums.connections == flows);
    rs_shm_close(shm);
}

static void test_a_missed_end_frees_the_slot_two_rounds_later(const char *path)
{
    rs_shm *shm = open_file(path);
    struct rs_ct ct = make_flow(1, 10, 10);
    struct sums sums = {0};

    for (int round = 0; round < 3; round++) {
        rs_account_begin_round(shm);
        if (round == 0)
            rs_account_add(shm, NULL, &ct, 0, 1);
        rs_account_end_round(shm);
        assert((rs_ledger_find(shm, rs_ct_key(&ct)) != NULL) == (round < 2));
    }
    drain(shm, &sums, 0);
    assert(sums.up == 10);
    rs_shm_close(shm);
}

/* What has no room in a bank is counted as lost, nothing else is. */
static void test_a_full_bank_counts_what_it_loses(const char *path)
{
    rs_shm *shm = open_file(path);
    uint64_t before = rs_counter_get(&shm->header->usage_lost);
    struct sums sums = {0};
    uint64_t given = 0;

    for (uint32_t n = 0; n < RS_USAGE_SLOTS + 100; n++) {
        struct rs_ct ct = make_flow(n, 100, 0);

        ct.mark = 1u << 31 | (n & 0xfff) | (n >> 12) << 12; /* 4,096 applications on four lines, and some more */
        rs_account_add(shm, NULL, &ct, 1, 1);
        given += 100;
    }
    drain(shm, &sums, 0);
    assert(sums.up == RS_USAGE_SLOTS * 100 && sums.up + rs_counter_get(&shm->header->usage_lost) - before == given);
    rs_shm_close(shm);
}

/* Addresses that meet in one place of the index, were it not for a number that nobody on the LAN knows. */
static void test_chosen_addresses_make_no_chain(const char *path)
{
    static const uint8_t everywhere[1][2][16] = {{{0}, {255, 255, 255, 255, 255, 255, 255, 255}}};
    struct rs_policy_header blob = {.locals = 1};
    struct rs_policy policy = {.blob = &blob, .locals = everywhere};
    rs_shm *shm = open_file(path);
    struct sums sums = {0};
    uint32_t chosen = 0, longest = 0, run = 0;

    drain(shm, &sums, 0);
    for (uint32_t n = 0; chosen < 64; n++) {
        struct rs_ct ct = make_flow(0, 100, 100);

        ct.mark = 1u << 31 | 1;
        memcpy(ct.original.source, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0", 12);
        memcpy(ct.original.source + 12, &n, sizeof n);
        if (rs_mix(rs_hash_address(ct.original.source), UINT64_C(0x9e3779b97f4a7c15) ^ 1 << 8) % RS_USAGE_INDEX != 7)
            continue;
        ct.id = ++chosen;
        rs_account_add(shm, &policy, &ct, 1, 1);
    }
    for (uint32_t place = 0; place < RS_USAGE_INDEX; place++) {
        run = shm->banks[rs_counter_get(&shm->header->active_epoch) & 1]->index[place] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    assert(longest > 0 && longest < 16);
    drain(shm, &sums, 0);
    rs_shm_close(shm);
}

/* rsd has attached anew between taking the rows and acknowledging them: the old file's epoch means nothing in the new one. */
static void test_an_acknowledgement_of_another_file_is_none(const char *path)
{
    rs_shm *shm = open_file(path);
    struct rs_ct ct = make_flow(1, 700, 800);
    struct sums sums = {0};

    drain(shm, &sums, 0);
    rs_shm_drained(shm, rs_counter_get(&shm->header->active_epoch) + 40000);
    memset(&sums, 0, sizeof sums);
    rs_account_add(shm, NULL, &ct, 1, 1);
    drain(shm, &sums, 0);
    assert(sums.up == 700 && sums.down == 800);
    rs_shm_close(shm);
}

/* The database was refused when rs-fastpath started; what is announced now is another policy for it. */
static void test_an_old_refusal_does_not_answer_a_new_table(const char *path)
{
    rs_shm *shm = open_file(path);
    struct rs_shm_header *h = shm->header;
    char error[RS_ERROR_SIZE];

    rs_counter_set(&h->wanted_apps, 3);
    rs_counter_set(&h->refused_apps, 3);
    rs_counter_set(&h->wanted_policy, 8);
    rs_counter_set(&h->refused_policy, 7);
    assert(rs_shm_wait_loaded(shm, 1, error) == -ETIMEDOUT);
    rs_counter_set(&h->refused_policy, 8);
    assert(rs_shm_wait_loaded(shm, 1, error) == -EINVAL);
    rs_shm_close(shm);
}

static void test_files_of_other_geometry(const char *path)
{
    char error[RS_ERROR_SIZE];
    rs_shm *old, *fresh, *attached;

    assert(rs_shm_open("/nonexistent/file", 1, 1024, &old, error) == -ENOENT && error[0]);
    old = open_file(path);
    assert(rs_shm_open(path, 0, 0, &attached, error) == 0 && attached->header->flows == 1024);
    rs_shm_close(attached);
    assert(rs_shm_open(path, 2, 2048, &fresh, error) == 0);
    assert(rs_shm_is_replaced(old) == 1 && rs_shm_is_replaced(fresh) == 0);
    assert(old->header->queues == 1); /* still whole for who has it mapped */
    rs_shm_close(old);
    assert(truncate(path, 100) == 0);
    assert(rs_shm_open(path, 0, 0, &attached, error) == -ENOENT);
    rs_shm_close(fresh);
}

int main(void)
{
    char folder[] = "/tmp/rs-account-XXXXXX", path[64];

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/fastpath.shm", folder);
    test_killed_at_any_moment(path);
    test_a_full_ledger_loses_nothing(path);
    test_a_missed_end_frees_the_slot_two_rounds_later(path);
    test_a_full_bank_counts_what_it_loses(path);
    test_chosen_addresses_make_no_chain(path);
    test_an_acknowledgement_of_another_file_is_none(path);
    test_an_old_refusal_does_not_answer_a_new_table(path);
    test_files_of_other_geometry(path);
    unlink(path);
    rmdir(folder);
    return 0;
}
