/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a queue thread decides, without a queue: marks in, marks out, on packets made here; the block page's segments; the
 * netlink reader on every truncation. RS_APPS names the compiled application database.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sys/socket.h>

#include "conntrack.h"
#include "crc32.h"
#include "netlink.h"
#include "page.h"
#include "policy.h"
#include "queue.h"
#include "worker.h"

static const uint8_t client[4] = {192, 0, 2, 10}, server[4] = {198, 51, 100, 10};
static rs_apps *apps;
static struct rs_worker worker;
static rs_shm *shm;

/* ---- packets ---- */

static uint8_t frame[2048];
static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x10};

static rs_packet tcp(int to_server, uint16_t port, uint8_t flags, uint32_t sequence, const char *payload)
{
    size_t length = strlen(payload);
    uint8_t *t = frame + 20;
    rs_packet packet = {.data = frame, .length = (uint32_t)(40 + length), .now_ms = 1000, .has_mac = 1};

    memset(frame, 0, 40);
    frame[0] = 0x45;
    frame[2] = (uint8_t)(packet.length >> 8);
    frame[3] = (uint8_t)packet.length;
    frame[8] = 64;
    frame[9] = 6;
    memcpy(frame + 12, to_server ? client : server, 4);
    memcpy(frame + 16, to_server ? server : client, 4);
    t[to_server ? 0 : 2] = 0x40;
    t[to_server ? 1 : 3] = (uint8_t)port;
    t[to_server ? 3 : 1] = 80;
    t[4] = (uint8_t)(sequence >> 24);
    t[6] = (uint8_t)(sequence >> 8);
    t[7] = (uint8_t)sequence;
    t[8] = 0x77; /* acknowledges 0x77000000 */
    t[12] = 0x50;
    t[13] = flags;
    memcpy(frame + 40, payload, length);
    memcpy(packet.mac, mac, 6);
    return packet;
}

/* ---- tables ---- */

static void *put(uint8_t **at, const void *data, size_t length)
{
    void *start = *at;

    if (length)
        memcpy(start, data, length);
    *at += (length + 7) & ~(size_t)7;
    return start;
}

/* One row (none when action < 0) for one application, 0 meaning every application. */
static struct rs_tables make_tables(uint32_t generation, int action, uint16_t app)
{
    static uint64_t memory[2][4096];
    static int turn;
    uint8_t *blob = (uint8_t *)memory[turn ^= 1], *at = blob + sizeof(struct rs_policy_header);
    uint32_t zeros[4] = {0}, words = (rs_apps_count(apps) + 64) / 64;
    uint64_t bits[(RS_APPS_MAX + 64) / 64] = {0};
    struct rs_policy_row row = {0, 0, 0, (uint32_t)action};
    uint8_t local[2][16] = {{[10] = 0xff, 0xff, 192, 0, 2, 0}, {[10] = 0xff, 0xff, 192, 0, 2, 255}};
    struct rs_policy_header h = {.magic = RS_POLICY_MAGIC,
                                 .version = RS_POLICY_VERSION,
                                 .order = RS_POLICY_ORDER,
                                 .generation = generation,
                                 .apps = rs_apps_count(apps),
                                 .apps_crc = rs_apps_crc(apps),
                                 .sets = 1,
                                 .v4 = 1,
                                 .v6 = 1,
                                 .appsets = action >= 0,
                                 .rows = action >= 0,
                                 .locals = 1};
    struct rs_tables tables = {.apps = apps, .numbering = 1, .generation = generation};
    char error[RS_ERROR_SIZE];

    memset(memory[turn], 0, sizeof memory[turn]);
    for (uint32_t n = 0; n <= rs_apps_count(apps); n++)
        if (app == 0 || n == app)
            bits[n / 64] |= UINT64_C(1) << (n % 64);
    put(&at, zeros, 8); /* set_start */
    put(&at, zeros, 4); /* v4_start, v4_set, v6_start, v6_set */
    put(&at, zeros, 4);
    put(&at, zeros, 16);
    put(&at, zeros, 4);
    if (action >= 0) {
        put(&at, bits, 8 * words);
        put(&at, &row, sizeof row);
    }
    put(&at, local, sizeof local);
    put(&at, "", 1);
    h.length = (uint32_t)(at - blob);
    memcpy(blob, &h, sizeof h);
    ((struct rs_policy_header *)blob)->crc = rs_crc32(0, blob + offsetof(struct rs_policy_header, generation),
                                                      h.length - offsetof(struct rs_policy_header, generation));
    if (rs_policy_open(blob, h.length, 1, &tables.policy, error) < 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return tables;
}

static uint32_t handle(const struct rs_tables *tables, rs_packet packet, uint32_t mark, struct rs_verdict *verdict)
{
    rs_worker_turn(&worker, tables);
    rs_worker_packet(&worker, tables, &packet, mark, verdict);
    assert(!(verdict->mark & RS_MARK_QUEUE));
    assert((verdict->mark & RS_MARK_WAN) == (mark & RS_MARK_WAN));
    return verdict->mark;
}

static uint32_t expected(uint32_t wan, uint16_t app, uint32_t action, uint32_t generation)
{
    return RS_MARK_DECIDED | generation << 24 | action << 20 | wan << 12 | app;
}

#define QUEUED(mark) ((mark) | RS_MARK_QUEUE)

static const char request[] = "GET /video HTTP/1.1\r\nHost: www.youku.com\r\nUser-Agent: test\r\n\r\n";

/* ---- the tests ---- */

static void test_a_flow_is_decided_and_told_once(void)
{
    uint16_t youku = rs_apps_find(apps, "youku");
    struct rs_tables tables = make_tables(5, -1, 0);
    struct rs_verdict v;
    rs_event events[8];

    assert(handle(&tables, tcp(1, 1, 0x02, 99, ""), QUEUED(0x2000), &v) == 0x2000);
    assert(handle(&tables, tcp(1, 1, 0x18, 100, request), QUEUED(0x2000), &v) == expected(2, youku, 0, 5));
    assert(v.wants_page == 0);
    assert(rs_shm_events(shm, events, 8) == 1);
    assert(events[0].kind == RS_EVENT_DECIDED && events[0].application == youku && events[0].row == -1);
    assert(events[0].server_port == 80 && strcmp(events[0].host, "www.youku.com") == 0);
    assert(memcmp(events[0].mac, mac, 6) == 0);
    rs_policy_close(tables.policy);
}

static void test_a_blocked_request_wants_the_page(void)
{
    uint16_t youku = rs_apps_find(apps, "youku");
    struct rs_tables tables = make_tables(6, RS_BLOCK, youku);
    struct rs_verdict v;
    rs_event events[8];

    assert(handle(&tables, tcp(1, 2, 0x02, 99, ""), QUEUED(0x1000), &v) == 0x1000);
    assert(handle(&tables, tcp(1, 2, 0x18, 100, request), QUEUED(0x1000), &v) == expected(1, youku, RS_BLOCK_PAGE, 6));
    assert(v.wants_page == 1 && v.application == youku);
    assert(rs_shm_events(shm, events, 8) == 1 && events[0].kind == RS_EVENT_BLOCKED && events[0].row == 0);
    rs_policy_close(tables.policy);
}

static void test_marks_of_older_generations_are_judged_anew(void)
{
    uint16_t youku = rs_apps_find(apps, "youku");
    struct rs_tables tables = make_tables(7, RS_BLOCK, youku);
    struct rs_verdict v;
    rs_event events[8];
    uint32_t old = expected(1, youku, RS_ALLOW, 6), other = expected(1, rs_apps_find(apps, "wechat"), RS_ALLOW, 6);

    assert(handle(&tables, tcp(0, 3, 0x10, 500, "data"), QUEUED(old), &v) == expected(1, youku, RS_BLOCK, 7));
    assert(rs_shm_events(shm, events, 8) == 1 && events[0].is_rejudged == 1);
    assert(events[0].client[15] == client[3] && events[0].server[15] == server[3]); /* though the server sent it */
    assert(handle(&tables, tcp(1, 4, 0x10, 500, "data"), QUEUED(other), &v) == (other & 0xf0ffffff) + (7u << 24));
    assert(handle(&tables, tcp(1, 4, 0x18, 500, request), QUEUED(old), &v) == expected(1, youku, RS_BLOCK_PAGE, 7));
    /* A page that was sent stays sent; what is free again is free. */
    old = expected(1, youku, RS_BLOCK_PAGE, 6);
    assert(handle(&tables, tcp(1, 5, 0x10, 500, "data"), QUEUED(old), &v) == expected(1, youku, RS_BLOCK_PAGE, 7));
    rs_policy_close(tables.policy);
    tables = make_tables(8, -1, 0);
    old = expected(1, youku, RS_BLOCK, 7);
    assert(handle(&tables, tcp(1, 5, 0x10, 500, "data"), QUEUED(old), &v) == expected(1, youku, RS_ALLOW, 8));
    /* Under the current generation nothing is asked again: the rules lag behind for a moment. */
    old = expected(3, youku, RS_BLOCK, 8);
    assert(handle(&tables, tcp(1, 5, 0x10, 500, "data"), QUEUED(old), &v) == old);
    /* A number of an older database means nothing: the flow is looked at again. */
    tables.foreign = UINT64_C(1) << 9;
    old = expected(1, 4, RS_ALLOW, 9);
    assert(handle(&tables, tcp(1, 6, 0x18, 100, request), QUEUED(old), &v) == expected(1, youku, RS_ALLOW, 8));
    rs_shm_events(shm, events, 8);
    rs_policy_close(tables.policy);
}

static void test_everything_blocked_needs_no_recognition(void)
{
    struct rs_tables tables = make_tables(9, RS_BLOCK, 0);
    struct rs_verdict v;
    rs_event events[8];
    rs_packet packet = tcp(1, 7, 0x02, 99, "");

    assert(handle(&tables, packet, QUEUED(0x1000), &v) == 0x1000); /* port 80: a request may come, and be answered */
    frame[23] = 90;
    assert(handle(&tables, packet, QUEUED(0x1000), &v) == expected(1, 0, RS_BLOCK, 9));
    rs_shm_events(shm, events, 8);
    rs_policy_close(tables.policy);
}

static void test_undecided_flows_end_as_unknown(void)
{
    struct rs_tables tables = make_tables(10, -1, 0);
    struct rs_verdict v;
    rs_event events[8];

    for (uint32_t n = 1; n <= RS_PACKETS; n++) {
        rs_packet packet = tcp(1, 8, n == 1 ? 0x02 : 0x10, 100, "");

        frame[22] = 0x5d; /* port 23888, which is nobody's */
        assert(handle(&tables, packet, QUEUED(0x1000), &v) == (n < RS_PACKETS ? 0x1000 : expected(1, 0, RS_ALLOW, 10)));
    }
    rs_shm_events(shm, events, 8);
    rs_policy_close(tables.policy);
}

static void test_without_tables_and_with_rubbish_packets_pass(void)
{
    struct rs_tables tables = make_tables(11, RS_BLOCK, 0), empty = {0};
    struct rs_verdict v;
    rs_packet packet = tcp(1, 9, 0x18, 100, request);

    assert(handle(NULL, packet, QUEUED(0x1000), &v) == 0x1000);
    assert(handle(&empty, packet, QUEUED(0x1000), &v) == 0x1000);
    for (uint32_t length = 0; length < 40; length++) { /* exact allocation: ASan sees one byte too far */
        uint8_t *copy = malloc(length ? length : 1);

        memcpy(copy, frame, length);
        packet.data = copy;
        packet.length = length;
        assert(handle(&tables, packet, QUEUED(0x1000), &v) == 0x1000);
        free(copy);
    }
    rs_policy_close(tables.policy);
}

static uint32_t checksum(const uint8_t *data, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++)
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void test_the_page_is_one_sound_segment(void)
{
    rs_packet packet = tcp(1, 10, 0x18, 0x1234, request);
    uint8_t out[RS_PAGE_BYTES];
    struct rs_view view, made;
    size_t length;
    char *end;

    frame[2] = 0x10; /* on the wire the request is 4 kB more than what was copied to us */
    assert(rs_view_parse(&view, frame, packet.length) == 0 && rs_page_is_request(frame + 40, packet.length - 40));
    length = rs_page_build(out, &packet, &view, "youku", "https://192.0.2.1/blocked");
    assert(length > 500 && length <= RS_PAGE_BYTES && rs_view_parse(&made, out, (uint32_t)length) == 0);
    assert(checksum(out, 20, 0) == 0xffff);
    assert(checksum(out + 20, length - 20, checksum(out + 12, 8, 6 + (uint32_t)length - 20)) == 0xffff);
    assert(made.source_port == 80 && made.target_port == 0x400a && made.sequence == 0x77000000);
    assert(memcmp(out + 28, (uint8_t[]){0, 0, 0x12, 0x34}, 2) == 0); /* acknowledges all of the request */
    assert(((uint32_t)out[28] << 24 | (uint32_t)out[29] << 16 | (uint32_t)out[30] << 8 | out[31]) ==
           0x1234 + 0x1000u + (packet.length & 0xff) - 40);
    end = strstr((char *)out + 40, "\r\n\r\n");
    assert(end && atoi(strstr((char *)out + 40, "Content-Length: ") + 16) ==
                      (int)(length - (size_t)((uint8_t *)end + 4 - out)));
    length = rs_page_build_reset(out, &packet, &view);
    assert(length == 40 && rs_view_parse(&made, out, 40) == 0 && made.tcp_flags == 0x04 && made.sequence == 0x1234);
    assert(memcmp(out + 12, client, 4) == 0 && memcmp(out + 16, server, 4) == 0);
    assert(!rs_page_is_request((const uint8_t *)"GET", 3) && !rs_page_is_request((const uint8_t *)"\x16\x03\x01", 3));
}

static void put_tuple(struct rs_nl *nl, uint16_t type, uint32_t source)
{
    _Alignas(4) uint8_t inner[256], part[64];
    struct rs_nl tuple = {.data = inner, .capacity = sizeof inner}, p = {.data = part, .capacity = sizeof part};
    uint8_t transport = 6;

    rs_nl_begin(&p, 0, 0, 0, 0, 0);
    rs_nl_put_u32(&p, CTA_IP_V4_SRC, source);
    rs_nl_put_u32(&p, CTA_IP_V4_DST, source + 1);
    rs_nl_begin(&tuple, 0, 0, 0, 0, 0);
    rs_nl_put(&tuple, CTA_TUPLE_IP, part + 20, p.length - 20);
    p.length = 0;
    rs_nl_begin(&p, 0, 0, 0, 0, 0);
    rs_nl_put(&p, CTA_PROTO_NUM, &transport, 1);
    rs_nl_put(&p, CTA_PROTO_SRC_PORT, "\x10\x01", 2);
    rs_nl_put(&tuple, CTA_TUPLE_PROTO, part + 20, p.length - 20);
    rs_nl_put(nl, type, inner + 20, tuple.length - 20);
}

static void test_conntrack_entries_are_read_or_refused(void)
{
    _Alignas(8) uint8_t buffer[1024];
    struct rs_nl nl = {.data = buffer, .capacity = sizeof buffer};
    struct rs_ct ct;

    rs_nl_begin(&nl, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, 0, 0, 0);
    put_tuple(&nl, CTA_TUPLE_ORIG, 0xc000020a);
    put_tuple(&nl, CTA_TUPLE_REPLY, 0xc6336401);
    rs_nl_put_u32(&nl, CTA_MARK, 0x80001005);
    rs_nl_put_u32(&nl, CTA_ID, 99);
    assert(rs_ct_read((struct nlmsghdr *)buffer, &ct) == 0);
    assert(ct.mark == 0x80001005 && ct.id == 99 && ct.transport == 6 && ct.original.source_port == 0x1001);
    assert(memcmp(ct.original.source + 12, client, 4) == 0 && !ct.has_counters);
    for (uint32_t length = NLMSG_HDRLEN; length < nl.length; length++) {
        uint8_t *copy = malloc(length);

        memcpy(copy, buffer, length);
        ((struct nlmsghdr *)copy)->nlmsg_len = length;
        assert(rs_ct_read((struct nlmsghdr *)copy, &ct) == (length >= nl.length - 16 ? 0 : -EINVAL));
        free(copy);
    }
}

/* ---- a kernel that has one packet, and at first no memory for what is sent ---- */

static _Alignas(8) uint8_t waiting[512];
static uint32_t waiting_length, refusals, verdicts;
static _Atomic int stop;

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    (void)fd, (void)flags, (void)timeout;
    assert(count > 0);
    if (waiting_length == 0) {
        atomic_store(&stop, 1);
        errno = EAGAIN;
        return -1;
    }
    memcpy(messages->msg_hdr.msg_iov->iov_base, waiting, waiting_length);
    messages->msg_len = waiting_length;
    waiting_length = 0;
    return 1;
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, __CONST_SOCKADDR_ARG to, socklen_t size)
{
    (void)fd, (void)data, (void)flags, (void)to, (void)size;
    if (refusals > 0) {
        refusals--;
        errno = ENOBUFS;
        return -1;
    }
    verdicts++;
    return (ssize_t)length;
}

static void test_a_verdict_is_sent_until_the_kernel_takes_it(void)
{
    struct rs_nl nl = {.data = waiting, .capacity = sizeof waiting};
    struct nfqnl_msg_packet_hdr header = {.packet_id = htonl(7)};
    struct rs_tables tables = make_tables(12, -1, 0);
    struct rs_tables_box box = {.current = &tables};
    static struct rs_queue queue;
    rs_packet packet = tcp(1, 11, 0x02, 99, "");

    rs_nl_begin(&nl, NFNL_SUBSYS_QUEUE, NFQNL_MSG_PACKET, 0, AF_INET, 0);
    rs_nl_put(&nl, NFQA_PACKET_HDR, &header, sizeof header);
    rs_nl_put(&nl, NFQA_PAYLOAD, packet.data, packet.length);
    waiting_length = (uint32_t)nl.length;
    refusals = 3;
    queue = (struct rs_queue){.worker = worker, .tables = &box, .stop = &stop, .fd = -1};
    rs_queue_run(&queue);
    assert(refusals == 0 && verdicts == 1 && queue.result == 0);
    rs_policy_close(tables.policy);
}

static void *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    void *data = malloc(4 << 20);

    *length = file && data ? fread(data, 1, 4 << 20, file) : 0;
    if (file)
        fclose(file);
    return data;
}

int main(void)
{
    char folder[] = "/tmp/rs-queue-XXXXXX", path[64], error[RS_ERROR_SIZE] = "";
    const char *database = getenv("RS_APPS");
    size_t length = 0;
    void *data = read_whole(database ? database : "build/apps.bin", &length);

    if (!mkdtemp(folder) || rs_apps_open(data, length, &apps, error) < 0) {
        fprintf(stderr, "RS_APPS: %s\n", error);
        return 1;
    }
    snprintf(path, sizeof path, "%s/fastpath.shm", folder);
    assert(rs_shm_open(path, 1, 1024, &shm, error) == 0);
    assert(rs_worker_init(&worker, shm, 0, NULL, RS_PACKETS) == 0);
    test_a_flow_is_decided_and_told_once();
    test_a_blocked_request_wants_the_page();
    test_marks_of_older_generations_are_judged_anew();
    test_everything_blocked_needs_no_recognition();
    test_undecided_flows_end_as_unknown();
    test_without_tables_and_with_rubbish_packets_pass();
    test_the_page_is_one_sound_segment();
    test_conntrack_entries_are_read_or_refused();
    test_a_verdict_is_sent_until_the_kernel_takes_it();
    rs_classifier_close(worker.classifier);
    rs_shm_close(shm);
    rs_apps_close(apps);
    free(data);
    unlink(path);
    rmdir(folder);
    return 0;
}
