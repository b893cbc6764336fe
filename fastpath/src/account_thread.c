/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accounting thread: ends of flows as conntrack tells them, and a dump of all flows every interval_ms. Dump and events
 * are never read interleaved: an end that is handled before a dump's older picture of the same flow would count it twice.
 */

#include <errno.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "netlink.h"
#include "tables.h"

#define SOCKET_BYTES (8 << 20)
#define ENDS         64u
#define END_BYTES    1024u
/* From the first end to the reading of all that came with it: one wake for many. The socket holds some 3,000. */
#define GATHER_MS 50

struct ends {
    _Alignas(8) uint8_t messages[ENDS][END_BYTES];
    struct mmsghdr headers[ENDS];
    struct iovec vectors[ENDS];
};

struct pass {
    rs_shm *shm;
    const rs_policy *policy;
    uint64_t now_ms, flows, line_flows[8], fast_flows[8];
};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void take_entry(void *context, const struct rs_ct *ct)
{
    struct pass *pass = context;

    rs_account_add(pass->shm, pass->policy, ct, 0, pass->now_ms);
    pass->flows++;
    pass->line_flows[ct->mark >> 12 & 7]++;
    pass->fast_flows[ct->mark >> 12 & 7] += ct->is_fast;
}

static void dump(rs_shm *shm, const struct rs_tables *tables, int fd)
{
    struct pass pass = {shm, tables ? tables->policy : NULL, rs_now_ms(), 0, {0}, {0}};
    uint64_t begin_us = now_us();

    rs_account_begin_round(shm);
    if (rs_ct_dump(fd, take_entry, &pass) == 0)
        rs_account_end_round(shm);
    rs_count(&shm->header->dumps, 1);
    rs_counter_set(&shm->header->dump_us, now_us() - begin_us);
    rs_counter_set(&shm->header->dump_flows, pass.flows);
    for (uint32_t line = 0; line < 8; line++) {
        rs_counter_set(&shm->header->lines[line].flows, pass.line_flows[line]);
        rs_counter_set(&shm->header->lines[line].fast_flows, pass.fast_flows[line]);
    }
}

/* Takes the ends that wait; -errno only where the socket is of no more use. */
static int take_ends(struct ends *e, rs_shm *shm, const struct rs_tables *tables, int fd)
{
    const rs_policy *policy = tables ? tables->policy : NULL;
    struct rs_ct ct;

    for (;;) {
        int count = recvmmsg(fd, e->headers, ENDS, MSG_DONTWAIT, NULL);
        uint64_t now_ms = rs_now_ms();

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (count < 0 && errno == ENOBUFS) /* ends were missed: two rounds later the ledger lets go of those flows */
            continue;
        if (count < 0)
            return -errno;
        for (int i = 0; i < count; i++) {
            const struct nlmsghdr *message = (const struct nlmsghdr *)e->messages[i];

            if (NLMSG_OK(message, e->headers[i].msg_len) &&
                message->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE) &&
                rs_ct_read(message, &ct) == 0)
                rs_account_add(shm, policy, &ct, 1, now_ms);
        }
    }
}

int rs_account_run(rs_shm *shm, struct rs_tables_box *box, int wake_fd, const _Atomic int *stop)
{
    struct rs_shm_header *h = shm->header;
    _Atomic uint32_t *turn = box->turns[box->readers - 1];
    int events = rs_nl_open(NETLINK_NETFILTER, NF_NETLINK_CONNTRACK_DESTROY, SOCKET_BYTES),
        table = rs_nl_open(NETLINK_NETFILTER, 0, 1 << 20), result = 0;
    struct pollfd wait[2] = {{.fd = events, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    static struct ends ends; /* one thread accounts */
    const struct timespec gather = {0, GATHER_MS * 1000000};
    uint64_t next_ms = rs_now_ms();

    for (uint32_t i = 0; i < ENDS; i++) {
        ends.vectors[i] = (struct iovec){ends.messages[i], END_BYTES};
        ends.headers[i].msg_hdr = (struct msghdr){.msg_iov = &ends.vectors[i], .msg_iovlen = 1};
    }
    if (events < 0 || table < 0)
        result = events < 0 ? events : table;
    while (result == 0 && !atomic_load(stop)) {
        uint64_t now_ms = rs_now_ms(), wakes;
        int is_wanted = rs_counter_get(&h->drain_wanted) > rs_counter_get(&h->active_epoch);
        const struct rs_tables *tables = rs_tables_enter(box, turn);

        if (is_wanted || now_ms >= next_ms) {
            uint32_t interval = atomic_load(&h->interval_ms);

            dump(shm, tables, table);
            next_ms = now_ms + (interval ? interval : RS_INTERVAL_MS);
        }
        result = take_ends(&ends, shm, tables, events);
        rs_tables_leave(turn);
        if (is_wanted)
            rs_account_flip(shm);
        if (result < 0 || poll(wait, 2, next_ms > now_ms ? (int)(next_ms - now_ms) : 0) <= 0)
            continue;
        if (wait[1].revents && read(wake_fd, &wakes, sizeof wakes) > 0) {
            if (atomic_load(&h->interval_ms) < next_ms - now_ms)
                next_ms = now_ms + atomic_load(&h->interval_ms);
        } else {
            nanosleep(&gather, NULL);
        }
    }
    if (events >= 0)
        close(events);
    if (table >= 0)
        close(table);
    return result;
}
