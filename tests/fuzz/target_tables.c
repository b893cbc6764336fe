/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not a packet of a flow: the application database, conntrack's messages, and the request that a page answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nfnetlink_conntrack.h>

#include "apps.h"
#include "conntrack.h"
#include "crc32.h"
#include "fuzz.h"
#include "netlink.h"
#include "page.h"

/* ---- apps: a database that is accepted must be safe to ask; what is compared first is put right here ---- */

static void ask_apps(const rs_apps *apps)
{
    static const char *const hosts[] = {"", ".", "www.youku.com", "a.b.c.d.e.example.org.", "..x"};
    static const uint8_t addresses[][16] = {
        {[10] = 0xff, 0xff, 198, 51, 100, 10}, {[10] = 0xff, 0xff}, {0x20, 1, 0x0d, 0xb8}};

    for (uint32_t app = 0; app <= rs_apps_count(apps) + 1; app++)
        CHECK(rs_apps_find(apps, rs_apps_id(apps, (uint16_t)app)) <= rs_apps_count(apps) &&
              strlen(rs_apps_category(apps, (uint16_t)app)) < 1u << 20);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        CHECK(rs_apps_match_host(apps, hosts[i], strlen(hosts[i])) <= rs_apps_count(apps));
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        CHECK(rs_apps_match_address(apps, addresses[i]) <= rs_apps_count(apps));
    for (uint32_t port = 0; port < 65536; port += 771)
        CHECK(rs_apps_match_port(apps, port & 1 ? RS_TCP : RS_UDP, (uint16_t)port) <= rs_apps_count(apps));
    for (uint32_t first = 0; first < 256; first++) {
        uint8_t *payload = fuzz_copy((uint8_t[]){(uint8_t)first, 1, 2, 3}, 4);

        for (uint32_t length = 0; length <= 4; length++)
            CHECK(rs_apps_match_payload(apps, RS_TCP, payload, length) <= rs_apps_count(apps));
        free(payload);
    }
}

static void apps_run(const uint8_t *data, size_t length)
{
    char error[RS_ERROR_SIZE];
    struct rs_apps_header *header = (struct rs_apps_header *)(void *)fuzz_copy(data, length);
    rs_apps *apps;

    if (length >= sizeof *header) {
        memcpy(header->magic, RS_APPS_MAGIC, sizeof header->magic);
        header->version = RS_APPS_VERSION;
        header->order = RS_APPS_ORDER;
        header->length = (uint32_t)length;
        header->crc = rs_crc32(0, &header->ids_crc, length - offsetof(struct rs_apps_header, ids_crc));
    }
    if (rs_apps_open(header, length, &apps, error) == 0) {
        rs_classifier *c = fuzz_classifier();

        ask_apps(apps);
        rs_classifier_set_apps(c, apps);
        rs_classifier_set_apps(c, fuzz_apps());
        rs_apps_close(apps);
    }
    free(header);
}

/* ---- conntrack ---- */

static void conntrack_run(const uint8_t *data, size_t length)
{
    struct nlmsghdr *message;
    struct rs_ct ct;
    struct rs_ct_side side;

    if (length < sizeof *message)
        return;
    message = (struct nlmsghdr *)(void *)fuzz_copy(data, length);
    message->nlmsg_len = (uint32_t)length; /* NLMSG_OK has compared it with what was received */
    if (rs_ct_read(message, &ct) == 0) {
        rs_ct_find_side(NULL, &ct, &side);
        rs_ct_is_loopback(&ct);
        CHECK(rs_ct_key(&ct) != 0);
    }
    free(message);
}

static void put_tuple(struct rs_nl *nl, uint16_t type, int is_v6)
{
    _Alignas(8) uint8_t inner[256], part[128];
    static const uint8_t address[16] = {0x20, 1, 0x0d, 0xb8, [15] = 10};
    struct rs_nl tuple = {.data = inner, .capacity = sizeof inner}, p = {.data = part, .capacity = sizeof part};
    uint8_t transport = RS_TCP;

    rs_nl_begin(&tuple, 0, 0, 0, 0, 0);
    rs_nl_begin(&p, 0, 0, 0, 0, 0);
    rs_nl_put(&p, is_v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, address, is_v6 ? 16 : 4);
    rs_nl_put(&p, is_v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, address, is_v6 ? 16 : 4);
    rs_nl_put(&tuple, CTA_TUPLE_IP, part + 20, p.length - 20);
    p.length = 0;
    rs_nl_begin(&p, 0, 0, 0, 0, 0);
    rs_nl_put(&p, CTA_PROTO_NUM, &transport, 1);
    rs_nl_put(&p, CTA_PROTO_SRC_PORT, "\x9c\x40", 2);
    rs_nl_put(&p, CTA_PROTO_DST_PORT, "\1\xbb", 2);
    rs_nl_put(&tuple, CTA_TUPLE_PROTO, part + 20, p.length - 20);
    rs_nl_put(nl, type, inner + 20, tuple.length - 20);
}

static void conntrack_seed(void)
{
    for (int is_v6 = 0; is_v6 < 2; is_v6++) {
        _Alignas(8) uint8_t buffer[1024], part[128];
        struct rs_nl nl = {.data = buffer, .capacity = sizeof buffer}, p = {.data = part, .capacity = sizeof part};

        rs_nl_begin(&p, 0, 0, 0, 0, 0);
        rs_nl_put(&p, CTA_COUNTERS_PACKETS, "\0\0\0\0\0\0\0\1", 8);
        rs_nl_put(&p, CTA_COUNTERS_BYTES, "\0\0\0\0\0\0\1\0", 8);
        rs_nl_begin(&nl, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, 0, 0, 0);
        put_tuple(&nl, CTA_TUPLE_ORIG, is_v6);
        put_tuple(&nl, CTA_TUPLE_REPLY, is_v6);
        rs_nl_put(&nl, CTA_COUNTERS_ORIG, part + 20, p.length - 20);
        rs_nl_put(&nl, CTA_TIMESTAMP, part + 20, p.length - 20);
        rs_nl_put_u32(&nl, CTA_MARK, 0x80001005);
        rs_nl_put_u32(&nl, CTA_ID, 99);
        seed_write(buffer, nl.length);
    }
}

/* ---- request: a byte of choice, then a packet that is answered by the page ---- */

static void request_run(const uint8_t *data, size_t length)
{
    rs_packet packet = {0};
    struct rs_view view;
    uint8_t *copy;

    if (length < 1)
        return;
    copy = fuzz_copy(data + 1, length - 1);
    packet.data = copy;
    packet.length = (uint32_t)length - 1;
    if (rs_view_parse(&view, packet.data, packet.length) == 0) {
        uint8_t *payload = fuzz_copy(copy + view.payload_offset, view.payload_length), *page = malloc(RS_PAGE_BYTES);

        rs_page_is_request(payload, view.payload_length);
        if (view.transport == RS_TCP) {
            CHECK(rs_page_build(page, &packet, &view, "wechat", data[0] & 1 ? "https://192.0.2.1/blocked" : "") <=
                  RS_PAGE_BYTES);
            CHECK(rs_page_build_reset(page, &packet, &view) <= 60);
        }
        free(page);
        free(payload);
    }
    free(copy);
}

static void request_seed(void)
{
    uint8_t out[256] = {1};
    struct parcel parcel = {.data = "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                            .length = 27,
                            .client_port = CLIENT_PORT,
                            .port = 80,
                            .transport = RS_TCP,
                            .server = 10};

    seed_write(out, 1 + packet_write(out + 1, &parcel));
    parcel.is_v6 = 1;
    seed_write(out, 1 + packet_write(out + 1, &parcel));
}

const struct target target_apps = {"apps", apps_run, NULL};
const struct target target_conntrack = {"conntrack", conntrack_run, conntrack_seed};
const struct target target_request = {"request", request_run, request_seed};
