/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another process never reads half of an old and half of a new number, whether the writer works, pauses or was killed. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "counter.h"

#define STEP     UINT64_C(0x7fffffff1) /* carries into the upper half each time, and leaves the lower one small or large */
#define TURNS    40
#define PAUSE_NS 5000000

struct shared {
    rs_counter own;         /* as this machine has it */
    struct rs_halves halves; /* as the machines have it that do not load 64 bits at once */
};

static void write_until_killed(struct shared *shared)
{
    for (;;) {
        rs_count(&shared->own, STEP);
        rs_halves_set(&shared->halves, rs_halves_get(&shared->halves) + STEP);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What only grows must not be seen to shrink; nor may it leap, for a turn is too short to count beyond `most`. */
static void read_while_written(const struct shared *shared, uint64_t most)
{
    uint64_t own = rs_counter_get(&shared->own), halves = rs_halves_get(&shared->halves);

    for (uint64_t end = now_ns() + PAUSE_NS; now_ns() < end;)
        for (int i = 0; i < 1000; i++) {
            uint64_t next = rs_counter_get(&shared->own);

            assert(next >= own && next - own < most);
            own = next;
            next = rs_halves_get(&shared->halves);
            assert(next >= halves && next - halves < most);
            halves = next;
        }
}

static void test_two_processes(void)
{
    struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert(shared != MAP_FAILED);
    for (int turn = 0; turn < TURNS; turn++) {
        pid_t child = fork();

        if (child == 0)
            write_until_killed(shared);
        read_while_written(shared, STEP * 1000000000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    assert(rs_counter_get(&shared->own) > STEP && rs_halves_get(&shared->halves) > STEP);
    munmap(shared, 4096);
}

/* Between any two stores the number lies between the old and the new one, up or down. */
static void test_every_moment_of_a_store(void)
{
    const uint64_t numbers[] = {0, 1, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(0x1ffffffff), UINT64_C(5) << 32, UINT64_MAX};
    const unsigned count = sizeof numbers / sizeof numbers[0];

    for (unsigned i = 0; i < count * count; i++) {
        uint64_t old = numbers[i / count], new = numbers[i % count], low = old < new ? old : new, seen;
        struct rs_halves halves = {(uint32_t)(old >> 32), (uint32_t)old, (uint32_t)(new >> 32)};

        seen = rs_halves_get(&halves);
        assert(seen >= low && seen <= (old ^ new ^ low));
        halves.low = (uint32_t)new;
        seen = rs_halves_get(&halves);
        assert(seen >= low && seen <= (old ^ new ^ low));
        rs_halves_set(&halves, new);
        assert(rs_halves_get(&halves) == new);
    }
}

int main(void)
{
    test_every_moment_of_a_store();
    test_two_processes();
    return 0;
}
