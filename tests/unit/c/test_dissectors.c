/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every dissector of rs_rows[]: each has a sample that it recognises; cut anywhere it reads nothing behind the cut and says
 * nothing else; in segments it says the same as in one. The input ends at an unreadable page.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static rs_classifier *classifier;
static int failures;

static void fail(const struct sample *s, const char *what, uint32_t cut)
{
    fprintf(stderr, "%s (%s): %s at byte %u\n", s->row, rs_protocol_ids[s->protocol], what, cut);
    failures++;
}

static void begin(struct asking *a, const struct sample *s)
{
    const struct rs_row *row = row_find(s->row);

    if (row == NULL) {
        fprintf(stderr, "%s: no such row\n", s->row);
        exit(1);
    }
    asking_begin(a, classifier, row, s->client_port ? s->client_port : CLIENT_PORT, s->port);
    a->d.from_client = !s->is_from_server;
    a->d.others = s->others;
}

/* Asks about the first `length` bytes as often as weak signs need. */
static enum rs_state ask(struct asking *a, const struct sample *s, const uint8_t *data, uint32_t length)
{
    enum rs_state state = RS_NEED_MORE;

    for (int i = 0; i < (s->times ? s->times : 1) && state == RS_NEED_MORE; i++)
        state = asking_next(a, guard_copy(data, length), length);
    return state;
}

static int is_as_sampled(const struct asking *a, const struct sample *s)
{
    return a->d.protocol == s->protocol && a->d.application == s->application &&
           strcmp(a->d.host, s->host ? s->host : "") == 0;
}

static void test_every_row_has_a_sample(void)
{
    for (uint32_t row = 0; row < rs_rows_count; row++) {
        const struct sample *s;
        uint32_t n = 0;

        while ((s = sample_at(n)) != NULL && strcmp(s->row, rs_rows[row].name) != 0)
            n++;
        if (s == NULL) {
            fprintf(stderr, "%s: the row has no sample\n", rs_rows[row].name);
            failures++;
        }
    }
}

static void test_samples_are_recognised(void)
{
    const struct sample *s;
    uint8_t data[SAMPLE_BYTES];
    struct asking a;

    for (uint32_t n = 0; (s = sample_at(n)) != NULL; n++) {
        uint32_t length = sample_fill(s, data);

        begin(&a, s);
        if (ask(&a, s, data, length) != RS_DECIDED)
            fail(s, "is not recognised", length);
        else if (!is_as_sampled(&a, s))
            fail(s, rs_protocol_ids[a.d.protocol], length);
    }
}

static void test_a_cut_sample_is_nothing_else(void)
{
    const struct sample *s;
    uint8_t data[SAMPLE_BYTES];
    struct asking a;

    for (uint32_t n = 0; (s = sample_at(n)) != NULL; n++) {
        uint32_t length = sample_fill(s, data);

        for (uint32_t cut = 0; cut < length; cut++) {
            begin(&a, s);
            if (ask(&a, s, data, cut) == RS_DECIDED && a.d.protocol != s->protocol)
                fail(s, rs_protocol_ids[a.d.protocol], cut);
        }
    }
}

/* TCP brings the stream in any portions: no beginning may exclude what the whole is, or a sender evades by a small segment. */
static void test_streams_are_recognised_in_portions(void)
{
    const struct sample *s;
    uint8_t data[SAMPLE_BYTES];
    struct asking a;

    for (uint32_t n = 0; (s = sample_at(n)) != NULL; n++) {
        uint32_t length = sample_fill(s, data);

        begin(&a, s);
        if (a.d.transport != RS_TCP || s->is_measured)
            continue;
        for (uint32_t cut = 1; cut <= length; cut++) {
            enum rs_state state = asking_next(&a, guard_copy(data, cut), cut);

            a.d.index = 0; /* what is asked here is the length, not the count of packets */
            if (state == RS_EXCLUDED || (cut == length && state != RS_DECIDED)) {
                fail(s, state == RS_EXCLUDED ? "is excluded" : "is not recognised byte by byte", cut);
                break;
            }
            if (state == RS_DECIDED) {
                if (a.d.protocol != s->protocol)
                    fail(s, rs_protocol_ids[a.d.protocol], cut);
                break;
            }
        }
    }
}

/* Bytes of every kind that are no protocol: whatever the port, no dissector may be sure of them. */
static void test_noise_is_nothing(void)
{
    static const char words[] = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt";
    uint8_t data[3][600];
    struct asking a;

    memset(data[0], 0, sizeof data[0]);
    for (uint32_t i = 0; i < sizeof data[1]; i++) {
        data[1][i] = (uint8_t)(i * 151 + (i >> 3) * 89 + 0x6b);
        data[2][i] = (uint8_t)words[i % (sizeof words - 1)];
    }
    for (uint32_t row = 0; row < rs_rows_count; row++)
        for (int kind = 0; kind < 3; kind++)
            for (int from_client = 0; from_client < 2; from_client++) {
                asking_begin(&a, classifier, &rs_rows[row], CLIENT_PORT, 40001);
                a.d.from_client = (uint8_t)from_client;
                if (asking_next(&a, guard_copy(data[kind], sizeof data[kind]), sizeof data[kind]) == RS_DECIDED) {
                    fprintf(stderr, "%s: takes noise %d for %s\n", rs_rows[row].name, kind, rs_protocol_ids[a.d.protocol]);
                    failures++;
                }
            }
}

/* One thing wrong in each. */
static void test_near_misses_are_excluded(void)
{
    static const struct sample misses[] = {
        {"tls", 443, RS_P_TLS, BYTES("\x16\3\x09\0\x47\1\0\0\x43\3\3"), .pad = 80},            /* version 3.9 */
        {"tls", 443, RS_P_TLS, BYTES("\x16\3\1\x7f\xff\1\0\0\x43\3\3"), .pad = 80},            /* record too long */
        {"http", 80, RS_P_HTTP, BYTES("GET /index.html\r\n\r\n")},                             /* no version */
        {"http", 80, RS_P_HTTP, BYTES("GEM /index.html HTTP/1.1\r\n\r\n")},                    /* no method */
        {"dns", 53000, RS_P_DNS, BYTES("\x12\x34\1\0\0\x20\0\0\0\0\0\0\3www\0\0\1\0\1")},      /* 32 questions */
        {"dns_tcp", 53, RS_P_DNS, BYTES("\0\4\x12\x34\1\0\0\1\0\0\0\0\0\0")},                  /* shorter than a header */
        {"bittorrent", 6881, RS_P_BITTORRENT, BYTES("\x13" "BitTorrent protocoL"), .pad = 68},
        {"wireguard", 51821, RS_P_WIREGUARD, BYTES("\1\0\0\0"), .pad = 147},
        {"wireguard", 51820, RS_P_WIREGUARD, BYTES("\1\0\0\1"), .pad = 148},
        {"ssh", 22, RS_P_SSH, BYTES("SSH-9.0-none\r\n")},
        {"smtp", 25, RS_P_SMTP, BYTES("250 mail.example.org\r\n"), .is_from_server = 1},
        {"dhcp", 67, RS_P_DHCP, BYTES("\1\1\6"), THEN(236, "\x63\x82\x53\x64")},
        {"bacnet", 47808, RS_P_BACNET, BYTES("\x81\x0a\0\x0d"), .pad = 12},
        {"smb", 445, RS_P_SMBV23, BYTES("\0\0\0\x40\xfaSMB"), .pad = 68},
        {"mysql", 3306, RS_P_MYSQL, BYTES("\x4a\0\0\1\x0a" "8.0.30\0"), .pad = 78, .is_from_server = 1},
        {"mqtt", 1883, RS_P_MQTT, BYTES("\x10\x10\0\4MQXX\4\2\0\x3c\0\4test")},
        {"bgp", 179, RS_P_BGP, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x12\4")},
        {"ldap", 389, RS_P_LDAP, BYTES("\x30\x0c\2\0\1\x60\7\2\1\3\4\0\x80\0")},
        {"stun", 3478, RS_P_STUN, BYTES("\0\1\0\x04\x21\x12\xa4\x42" "ABCDEFGHIJKL")},        /* attributes are missing */
        {"rtp", 5006, RS_P_RTCP, BYTES("\x40\xc8\0\6"), .pad = 28, .client_port = 5004},        /* version 1 */
        {"modbus", 502, RS_P_MODBUS, BYTES("\0\1\0\1\0\6\1\3\0\0\0\1")},
        {"telegram", 443, RS_P_TELEGRAM, BYTES("\xef\x03"), .pad = 42},
    };
    uint8_t data[SAMPLE_BYTES];
    struct asking a;

    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
        uint32_t length = sample_fill(&misses[i], data);

        begin(&a, &misses[i]);
        if (ask(&a, &misses[i], data, length) != RS_EXCLUDED)
            fail(&misses[i], "is not excluded", length);
    }
}

/* What the table says of first bytes and ports is what the dissector does: nothing it would have answered is withheld. */
static int is_withheld(const struct rs_row *row, uint8_t first, uint16_t client_port, uint16_t port)
{
    const struct rs_index *index = (row->flags & RS_ROW_TCP) != 0 ? &classifier->tcp : &classifier->udp;
    uint32_t word = (uint32_t)(row - rs_rows) / 64;

    return ((index->first[first][word] & (index->port[client_port % RS_PORT_CLASSES][word] |
                                          index->port[port % RS_PORT_CLASSES][word])) >>
                (row - rs_rows) % 64 & 1) == 0;
}

static void test_only_what_is_excluded_is_withheld(void)
{
    static const uint32_t cuts[] = {1, 2, 3, 5, 8, 13, 21, 60, SAMPLE_BYTES};
    uint8_t data[SAMPLE_BYTES];
    const struct sample *s;
    struct asking a;

    for (uint32_t number = 0; (s = sample_at(number)) != NULL; number++) {
        const struct rs_row *row = row_find(s->row);
        uint32_t length = sample_fill(s, data);
        uint16_t client_port = s->client_port != 0 ? s->client_port : CLIENT_PORT;

        if (is_withheld(row, data[0], client_port, s->port))
            fail(s, "is withheld", length);
        for (uint32_t i = 0; i < 256 * 2 * (sizeof cuts / sizeof *cuts); i++) {
            uint32_t cut = cuts[i / 512] < length ? cuts[i / 512] : length;
            uint16_t port = (i & 256) != 0 ? (uint16_t)(s->port + 1 + i % 255) : s->port;

            data[0] = (uint8_t)i;
            asking_begin(&a, classifier, row, port == s->port ? client_port : 1, port);
            a.d.from_client = !s->is_from_server;
            a.d.others = s->others;
            if (is_withheld(row, data[0], a.d.client_port, port) &&
                asking_next(&a, guard_copy(data, cut), cut) != RS_EXCLUDED)
                fail(s, "is withheld though not excluded", i);
        }
    }
}

static void test_rtp_needs_numbers_that_grow(void)
{
    uint8_t packet[172] = {0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    struct asking a;

    for (int step = 0; step < 2; step++) {
        enum rs_state state = RS_NEED_MORE;

        asking_begin(&a, classifier, row_find("rtp"), 5004, 5006);
        for (int i = 0; i < 3; i++) {
            packet[3] = (uint8_t)(i * step);
            state = asking_next(&a, guard_copy(packet, sizeof packet), sizeof packet);
        }
        assert(state == (step ? RS_DECIDED : RS_NEED_MORE));
    }
    assert(a.d.protocol == RS_P_RTP);
}

static void test_hosts_never_leave_their_room(void)
{
    char request[400];
    struct asking a;

    for (int length = 80; length < 120; length++) {
        int n = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: [%0*d]\r\n\r\n", length, 1);

        asking_begin(&a, classifier, row_find("http"), CLIENT_PORT, 80);
        assert(asking_next(&a, guard_copy(request, (uint32_t)n), (uint32_t)n) == RS_DECIDED);
        assert(strnlen(a.d.host, RS_HOST_SIZE) < RS_HOST_SIZE);
        n = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %0*d.com\r\n\r\n", length, 1);
        asking_begin(&a, classifier, row_find("http"), CLIENT_PORT, 80);
        assert(asking_next(&a, guard_copy(request, (uint32_t)n), (uint32_t)n) == RS_DECIDED);
        assert(strcmp(a.d.host + strlen(a.d.host) - 5, "1.com") == 0);
    }
}

static void test_hosts_hold_only_what_a_name_may(void)
{
    static const char *const requests[] = {"GET / HTTP/1.1\r\nHost: [<script>]\r\n\r\n", "GET / HTTP/1.1\r\nHost: [a\1]\r\n\r\n",
                                           "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"};
    struct asking a;

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        uint32_t length = (uint32_t)strlen(requests[i]);

        asking_begin(&a, classifier, row_find("http"), CLIENT_PORT, 80);
        assert(asking_next(&a, guard_copy(requests[i], length), length) == RS_DECIDED);
        assert(a.d.host[0] == 0);
    }
}

int main(void)
{
    classifier = classifier_make(64, NULL);
    test_every_row_has_a_sample();
    test_samples_are_recognised();
    test_a_cut_sample_is_nothing_else();
    test_streams_are_recognised_in_portions();
    test_noise_is_nothing();
    test_near_misses_are_excluded();
    test_only_what_is_excluded_is_withheld();
    if (failures == 0) {
        test_rtp_needs_numbers_that_grow();
        test_hosts_never_leave_their_room();
        test_hosts_hold_only_what_a_name_may();
    }
    classifier_free(classifier);
    return failures != 0;
}
