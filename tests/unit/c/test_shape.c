/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shaper without a kernel: its configuration, whose limit a host has, when maximums hold, and what it would send. */
#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shape.h"

#define HEAD "rs-shape 1\ndown br-lan\nline 1 eth0 10000000 20000000\n"
#define LIMITS                                                                                                         \
    HEAD "group sales 1 0 0 5000000 8000000\nlimit sales 0 4 0 0 0 1000000 2000000\nlimit boss - 2 1 64000 0 0 900000\n"            \
         "limit * - 4 0 0 0 0 0\n"

static struct rs_shape_config *parse(const char *text)
{
    struct rs_shape_config *config;
    char error[RS_ERROR_SIZE] = "";

    return rs_shape_parse(text, strlen(text), &config, error) == 0 ? config : NULL;
}

static void refused(const char *text, const char *reason)
{
    struct rs_shape_config *config;
    char error[RS_ERROR_SIZE] = "";

    assert(rs_shape_parse(text, strlen(text), &config, error) < 0 && config == NULL);
    assert(strstr(error, reason));
}

static void test_a_configuration_is_read(void)
{
    struct rs_shape_config *c = parse(LIMITS "smart 92 40\nfirst 50\ndefault 2\n");

    assert(c && strcmp(c->down, "br-lan") == 0 && strcmp(c->lines[1].device, "eth0") == 0 && !c->lines[2].device[0]);
    assert(c->lines[1].rate[RS_UP] == 10000000 && c->lines[1].rate[RS_DOWN] == 20000000);
    assert(c->group_count == 1 && strcmp(c->groups[0].name, "sales") == 0);
    assert(c->groups[0].rates[RS_DOWN].min == 5000000 && c->groups[0].rates[RS_DOWN].max == 8000000);
    assert(c->limit_count == 3 && c->limits[0].group == 1 && c->limits[1].group == 0 && c->limits[1].is_always);
    assert(c->limits[1].priority == 2 && c->limits[1].rates[RS_UP].min == 64000);
    assert(c->is_smart && c->full_percent == 92 && c->max_delay_ms == 40 && c->first_percent == 50);
    assert(c->default_limit == 3);
    rs_shape_free(c);
}

static void test_nonsense_is_refused_by_line_and_reason(void)
{
    refused("", "the end came too early");
    refused("rs-shape 2\n", "line 1: this is no configuration");
    refused("rs-shape 1\nline 1 eth0 1 1\n", "the end came too early");
    refused(HEAD "line 1 eth1 1000 1000\n", "line 4: a line is given twice");
    refused(HEAD "line 8 eth1 1000 1000\n", "line 4: a line needs");
    refused(HEAD "line 2 eth1 0 1000\n", "line 4: a line needs");
    refused(HEAD "line 2 averyverylongname 1000 1000\n", "too long");
    refused(HEAD "limit x 0 4 0 0 0 0 0\n", "line 4: there is no such group");
    refused(HEAD "limit x - 4 0 2000 1000 0 0\n", "minimums below maximums");
    refused(HEAD "limit x - 4 0 99999999999999999999 0 0 0\n", "a limit needs");
    refused(LIMITS "range 192.0.2.9 192.0.2.1 0\n", "out of order");
    refused(LIMITS "range 192.0.2.1 192.0.2.9 0\nrange 192.0.2.9 192.0.2.10 1\n", "out of order");
    refused(LIMITS "range 192.0.2.1 192.0.2.9 3\n", "a limit that exists");
    refused(LIMITS "mac 02:00:00:00:00:02 0\nmac 02:00:00:00:00:01 0\n", "out of order");
    refused(HEAD "default 0\n", "a limit that exists");
    refused(HEAD "hello\n", "line 4: unknown word");
}

static rs_identity host(uint8_t last, uint8_t mac)
{
    rs_identity h = {.address = {[10] = 0xff, 0xff, 192, 0, 2, last}, .mac = {2, 0, 0, 0, 0, mac}};

    if (!mac)
        memset(h.mac, 0, sizeof h.mac);
    return h;
}

static void test_the_first_limit_counts_whatever_it_matches_by(void)
{
    struct rs_shape_config *c = parse(LIMITS "range 192.0.2.1 192.0.2.9 1\nrange 192.0.2.20 192.0.2.20 2\n"
                                             "mac 02:00:00:00:00:05 0\nmac 02:00:00:00:00:07 2\n");
    rs_identity one = host(1, 0), last = host(9, 0), behind = host(10, 0), by_mac = host(50, 5), both = host(3, 7);
    rs_identity six = {.address = {0x20, 1, 0xd, 0xb8, [15] = 1}};

    assert(c);
    assert(rs_shape_limit_of(c, &one) == 2 && rs_shape_limit_of(c, &last) == 2 && rs_shape_limit_of(c, &behind) == 0);
    assert(rs_shape_limit_of(c, &by_mac) == 1 && rs_shape_limit_of(c, &both) == 2);
    assert(rs_shape_limit_of(c, &six) == 0);
    memcpy(six.alias, one.address, 16); /* the same machine's IPv4 address tells */
    assert(rs_shape_limit_of(c, &six) == 2);
    c->default_limit = 3;
    assert(rs_shape_limit_of(c, &behind) == 3);
    rs_shape_free(c);
}

static void test_what_needs_another_tree(void)
{
    struct rs_shape_config *a = parse(LIMITS), *b = parse(LIMITS "default 1\nsmart 90 0\n");
    struct rs_shape_config *c = parse(HEAD "group rd 0 0 0 0 0\n"), *d = parse(LIMITS "line 2 eth1 1000 1000\n");

    assert(rs_shape_is_same_tree(a, b) && !rs_shape_is_same_tree(a, c) && !rs_shape_is_same_tree(a, d));
    rs_shape_free(a);
    rs_shape_free(b);
    rs_shape_free(c);
    rs_shape_free(d);
}

static int ticks_until(struct rs_congestion *state, const struct rs_load *load, int wanted)
{
    for (int tick = 1; tick <= 20; tick++)
        if (rs_shape_congested(state, load, 92) == wanted)
            return tick;
    return -1;
}

static void test_maximums_hold_while_two_contend_and_no_longer(void)
{
    struct rs_congestion state = {0};
    struct rs_load alone = {.rate_bps = 100, .used_bps = 99, .contenders = 1};
    struct rs_load two = {.rate_bps = 100, .used_bps = 95, .contenders = 2};
    struct rs_load held = {.rate_bps = 100, .used_bps = 30, .contenders = 2, .at_max = 2};
    struct rs_load idle = {.rate_bps = 100, .used_bps = 10};

    assert(ticks_until(&state, &alone, 1) == -1); /* one may have the whole line */
    assert(ticks_until(&state, &two, 1) == 2);
    assert(ticks_until(&state, &held, 0) == -1); /* the line is far from full because they are held */
    assert(ticks_until(&state, &alone, 0) == 2);
    assert(ticks_until(&state, &two, 1) == 2);
    assert(ticks_until(&state, &idle, 0) == 2);
    rs_shape_congested(&state, &two, 92);
    rs_shape_congested(&state, &idle, 92); /* a moment does not count */
    assert(!rs_shape_congested(&state, &two, 92));
}

static void test_a_slow_line_is_a_full_one(void)
{
    struct rs_congestion state = {0};
    struct rs_load slow = {.rate_bps = 100, .used_bps = 40, .contenders = 2, .is_slow = 1};

    assert(ticks_until(&state, &slow, 1) == 2);
}

static void test_guarantees_are_scaled_to_what_there_is(void)
{
    assert(rs_shape_scale(100000000, 0, 0) == 1024 && rs_shape_scale(100000000, 0, 98000000) == 1024);
    assert(rs_shape_scale(100000000, 50, 176000000) ==
           512); /* 10 % of the line is what goes first's, 2 % the others' */
}

/* Its IPv6 addresses, which stay, keep its class alive; but whose limit it has is told by where it is now. */
static void test_a_machine_that_moved_has_the_limit_of_its_new_place(void)
{
    struct rs_shape_config *c = parse(LIMITS "range 192.0.2.1 192.0.2.9 1\nrange 192.0.2.20 192.0.2.29 2\n");
    static const uint8_t guest[16] = {[10] = 0xff, 0xff, 192, 0, 2, 5}, staff[16] = {[10] = 0xff, 0xff, 192, 0, 2, 25};
    static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, mac[6] = {2, 0, 0, 0, 0, 7};
    static struct rs_shaped_hosts h;
    char folder[] = "/tmp/rs-shape-XXXXXX", path[64], error[RS_ERROR_SIZE];
    uint64_t now_ms = 1000;
    uint32_t machine = 0;
    rs_shm *shm;

    assert(c && mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fastpath.shm", folder);
    assert(rs_shm_open(path, 1, 64, &shm, error) == 0 && rs_shaped_hosts_init(&h, shm) == 0);
    rs_shaped_hosts_clear(&h);
    rs_host_note_line(shm, rs_host_see(shm, guest, mac, now_ms), 1);
    rs_host_note_line(shm, rs_host_see(shm, six, mac, now_ms), 1);
    rs_shaped_hosts_scan(&h, c, 1u << 1);
    assert(h.count == 1 && h.hosts[1].limit == 2);
    now_ms += 60000;
    rs_host_note_line(shm, rs_host_see(shm, staff, mac, now_ms), 1);
    rs_shaped_hosts_scan(&h, c, 1u << 1);
    now_ms += 11 * 60000; /* no longer two machines with one MAC */
    rs_host_see(shm, staff, mac, now_ms);
    rs_shaped_hosts_scan(&h, c, 1u << 1);
    for (uint32_t i = 0; i < RS_HOST_SLOTS; i++)
        if (memcmp(h.known[i].address, six, sizeof six) == 0 || memcmp(h.known[i].address, staff, sizeof staff) == 0) {
            assert(!machine || machine == h.known[i].slot); /* both families share one class */
            machine = h.known[i].slot;
        }
    assert(machine && h.hosts[machine].limit == 3);
    rs_shaped_hosts_free(&h);
    rs_shm_close(shm);
    rs_shape_free(c);
    unlink(path);
    rmdir(folder);
}

/* ---- in the kernel's place: what was sent last, each message of which is acknowledged ---- */

static _Alignas(8) uint8_t sent[4096];
static uint32_t sent_length;

ssize_t sendto(int fd, const void *data, size_t length, int flags, __CONST_SOCKADDR_ARG to, socklen_t size)
{
    (void)fd, (void)flags, (void)to, (void)size;
    assert(length <= sizeof sent);
    memcpy(sent, data, length);
    sent_length = (uint32_t)length;
    return (ssize_t)length;
}

ssize_t recv(int fd, void *out, size_t room, int flags)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)sent;
    uint8_t *at = out;

    (void)fd, (void)flags;
    for (uint32_t left = sent_length; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        struct nlmsghdr answer = {
            .nlmsg_len = NLMSG_LENGTH(sizeof(struct nlmsgerr)), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = message->nlmsg_seq};

        assert((size_t)(at - (uint8_t *)out) + answer.nlmsg_len <= room);
        memset(at, 0, answer.nlmsg_len);
        memcpy(at, &answer, sizeof answer);
        at += NLMSG_ALIGN(answer.nlmsg_len);
    }
    return at - (uint8_t *)out;
}

/* The kernel wants the protocol in network order, which is another one here and on the wire only on some processors. */
static void test_every_packet_of_a_lan_goes_through_the_device_between(void)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)sent;
    struct rs_tc tc = {.fd = -1};
    const struct tcmsg *filter = NULL;

    assert(rs_tc_redirect(&tc, 2, 3) == 0);
    for (uint32_t left = sent_length; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
        if (message->nlmsg_type == RTM_NEWTFILTER)
            filter = NLMSG_DATA(message);
    assert(filter && filter->tcm_ifindex == 2 && TC_H_MIN(filter->tcm_info) == htons(ETH_P_ALL));
}

int main(void)
{
    test_a_configuration_is_read();
    test_nonsense_is_refused_by_line_and_reason();
    test_the_first_limit_counts_whatever_it_matches_by();
    test_what_needs_another_tree();
    test_maximums_hold_while_two_contend_and_no_longer();
    test_a_slow_line_is_a_full_one();
    test_guarantees_are_scaled_to_what_there_is();
    test_a_machine_that_moved_has_the_limit_of_its_new_place();
    test_every_packet_of_a_lan_goes_through_the_device_between();
    return 0;
}
