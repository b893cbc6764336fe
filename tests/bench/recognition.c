/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recognition beside libndpi, in one process and on the same packets in memory: of the first eight of each flow those
 * that the kernel would queue (firmware/features/first_packets.py), as long as the flow is not decided.
 *
 *   recognition cost APPS ROUNDS CAPTURE...   a line a round: "ours NS peer NS packets N flows N", CPU time, in turn
 *   recognition memory APPS                   "ours REST FLOW peer REST FLOW", bytes: the module at rest, one flow
 *   recognition labels APPS CAPTURE           libndpi's label of each flow, in the order of their first packets
 *
 * libndpi is used as its own reader uses it: a flow is allocated, asked until it knows and wants no more, asked to guess
 * when it never knew, and freed. Finding the flow of a packet, which its caller does, is not in its time; it is in ours.
 * Each goes through all captures before the other does, so that neither empties the other's caches. The packets are in
 * the cache for both, as they are when recvmmsg has just written them; the clock, a system call, is read for several
 * captures together.
 */
#include <malloc.h>
#include <ndpi/ndpi_api.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "api.h"
#include "link.h"
#include "view.h"

#define FIRST 8u
#define TABLE_FLOWS 16384u /* as rs-fastpath has by itself */
#define SLOTS 65536u
#define BARE 80u /* a TCP packet that short without FIN, SYN, RST or PSH tells nothing */
#define DNS 53u
#define TOGETHER 16 /* captures: about half a megabyte of packets */

struct packet {
    uint8_t *data;
    uint32_t length, flow;
    uint64_t now_ms;
    int is_answer; /* of DNS: queued though the flow is decided */
};

struct capture {
    struct packet *packets;
    uint32_t count, room, flows;
};

/* Endpoints in an order of their own, transport. */
struct key {
    uint8_t bytes[37];
};

static rs_apps *apps;
static struct ndpi_detection_module_struct *module;
static struct key keys[SLOTS];
static uint32_t numbers[SLOTS], seen[SLOTS]; /* flow number + 1; packets of that flow */

static void die(const char *what)
{
    fprintf(stderr, "recognition: %s\n", what);
    exit(1);
}

static rs_classifier *fresh(uint32_t flows, void **memory)
{
    rs_classifier *classifier;
    size_t size = rs_classifier_size(flows);

    *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (*memory == MAP_FAILED || rs_classifier_init(*memory, size, flows, 1, &classifier) < 0)
        die("no memory");
    rs_classifier_set_apps(classifier, apps);
    return classifier;
}

static void drop(rs_classifier *classifier, uint32_t flows, void *memory)
{
    rs_classifier_close(classifier);
    munmap(memory, rs_classifier_size(flows));
}

static uint32_t flow_of(const rs_result *r, uint32_t *flows)
{
    struct key key = {0};
    int swapped = memcmp(r->client, r->server, 16) > 0 ||
                  (memcmp(r->client, r->server, 16) == 0 && r->client_port > r->server_port);
    uint32_t at = 2166136261u;

    memcpy(key.bytes, swapped ? r->server : r->client, 16);
    memcpy(key.bytes + 16, swapped ? r->client : r->server, 16);
    memcpy(key.bytes + 32, swapped ? &r->server_port : &r->client_port, 2);
    memcpy(key.bytes + 34, swapped ? &r->client_port : &r->server_port, 2);
    key.bytes[36] = r->transport;
    for (size_t i = 0; i < sizeof key.bytes; i++)
        at = (at ^ key.bytes[i]) * 16777619u;
    for (at %= SLOTS; numbers[at] != 0; at = (at + 1) % SLOTS)
        if (memcmp(&keys[at], &key, sizeof key) == 0)
            return numbers[at] - 1;
    if (*flows + 1 >= SLOTS)
        die("too many flows");
    keys[at] = key;
    numbers[at] = ++*flows;
    return numbers[at] - 1;
}

static int is_queued(const uint8_t *ip, uint32_t length, int *is_answer)
{
    struct rs_view v;

    rs_view_parse(&v, ip, length);
    *is_answer = v.transport == RS_UDP && v.source_port == DNS;
    if (v.transport != RS_TCP)
        return 1;
    return (v.tcp_flags & (RS_TCP_SYN | RS_TCP_ACK)) != (RS_TCP_SYN | RS_TCP_ACK) &&
           (length > BARE || (v.tcp_flags & (RS_TCP_FIN | RS_TCP_SYN | RS_TCP_RST | RS_TCP_PSH)) != 0);
}

static void load(struct capture *c, const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, error);
    struct pcap_pkthdr *header;
    const u_char *frame;
    void *memory;
    rs_classifier *classifier = fresh(SLOTS, &memory);

    if (pcap == NULL)
        die(error);
    memset(numbers, 0, sizeof numbers);
    memset(seen, 0, sizeof seen);
    while (pcap_next_ex(pcap, &header, &frame) == 1) {
        uint32_t length = header->caplen;
        const uint8_t *ip = rs_link_find_ip(pcap_datalink(pcap), frame, &length);
        rs_packet packet = {.data = ip, .length = length};
        struct packet *p;
        rs_result result;
        uint32_t flow;
        int is_answer;

        packet.now_ms = (uint64_t)header->ts.tv_sec * 1000 + (uint64_t)header->ts.tv_usec / 1000;
        if (ip == NULL || rs_classifier_packet(classifier, &packet, &result) < 0)
            continue;
        flow = flow_of(&result, &c->flows);
        if (seen[flow]++ >= FIRST || !is_queued(ip, length, &is_answer))
            continue;
        if (c->count == c->room) {
            c->room = c->room == 0 ? 256 : 2 * c->room;
            c->packets = realloc(c->packets, c->room * sizeof *c->packets);
        }
        p = &c->packets[c->count++];
        *p = (struct packet){malloc(length), length, flow, packet.now_ms, is_answer};
        memcpy(p->data, ip, length);
    }
    pcap_close(pcap);
    drop(classifier, SLOTS, memory);
}

/* Moves the capture to begin at a time; a day after its end, when nothing of it is remembered, the next may begin. */
static uint64_t follow(struct capture *c, uint64_t start_ms)
{
    uint64_t first = c->count == 0 ? 0 : c->packets[0].now_ms, last = start_ms;

    for (uint32_t i = 0; i < c->count; i++) {
        c->packets[i].now_ms = c->packets[i].now_ms < first ? start_ms : c->packets[i].now_ms - first + start_ms;
        last = c->packets[i].now_ms > last ? c->packets[i].now_ms : last;
    }
    return last + 86400000;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void touch(const struct capture *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        for (uint32_t at = 0; at < c->packets[i].length; at += 64)
            (void)*(volatile uint8_t *)&c->packets[i].data[at];
}

static void ours(const struct capture *c, rs_classifier *classifier)
{
    uint8_t *is_decided = calloc(c->flows + 1, 1);
    rs_result result;

    for (uint32_t i = 0; i < c->count; i++) {
        const struct packet *p = &c->packets[i];
        rs_packet packet = {.data = p->data, .length = p->length, .now_ms = p->now_ms};

        if (is_decided[p->flow] && !p->is_answer)
            continue;
        rs_classifier_packet(classifier, &packet, &result);
        is_decided[p->flow] = result.state != RS_NEED_MORE;
    }
    free(is_decided);
}

struct asked {
    struct ndpi_flow_struct *flow;
    ndpi_protocol found;
    int is_done;
};

static int knows(const struct asked *a)
{
    return a->found.app_protocol != NDPI_PROTOCOL_UNKNOWN || a->found.master_protocol != NDPI_PROTOCOL_UNKNOWN;
}

static void ask(struct asked *a, const struct packet *p)
{
    if (a->is_done)
        return;
    if (a->flow == NULL) {
        a->flow = ndpi_flow_malloc(ndpi_detection_get_sizeof_ndpi_flow_struct());
        memset(a->flow, 0, ndpi_detection_get_sizeof_ndpi_flow_struct());
    }
    a->found = ndpi_detection_process_packet(module, a->flow, p->data, (uint16_t)p->length, p->now_ms);
    a->is_done = knows(a) && !ndpi_extra_dissection_possible(module, a->flow);
}

static void end(struct asked *a)
{
    uint8_t guessed = 0;

    if (a->flow != NULL && !knows(a))
        a->found = ndpi_detection_giveup(module, a->flow, 1, &guessed);
    ndpi_free_flow(a->flow);
}

static void peer(const struct capture *c)
{
    struct asked *all = calloc(c->flows + 1, sizeof *all);

    for (uint32_t i = 0; i < c->count; i++)
        ask(&all[c->packets[i].flow], &c->packets[i]);
    for (uint32_t i = 0; i < c->flows; i++)
        end(&all[i]);
    free(all);
}

/* All captures, by ours with a classifier, by libndpi without; CPU time. */
static uint64_t pass(const struct capture *captures, int files, rs_classifier *classifier)
{
    uint64_t spent = 0;

    for (int i = 0; i < files; i += TOGETHER) {
        int end = i + TOGETHER < files ? i + TOGETHER : files;
        uint64_t start;

        for (int k = i; k < end; k++)
            touch(&captures[k]);
        start = cpu_ns();
        for (int k = i; k < end; k++)
            classifier != NULL ? ours(&captures[k], classifier) : peer(&captures[k]);
        spent += cpu_ns() - start;
    }
    return spent;
}

static int cost(int rounds, int files, char **paths)
{
    struct capture *captures = calloc((size_t)files, sizeof *captures);
    uint64_t start_ms = 1000000;
    unsigned long packets = 0, flows = 0;

    for (int i = 0; i < files; i++) {
        load(&captures[i], paths[i]);
        start_ms = follow(&captures[i], start_ms);
        packets += captures[i].count;
        flows += captures[i].flows;
    }
    for (int round = 0; round <= rounds; round++) { /* the first one warms */
        uint64_t us, them;
        void *memory;
        rs_classifier *classifier = fresh(TABLE_FLOWS, &memory);

        us = pass(captures, files, classifier);
        them = pass(captures, files, NULL);
        drop(classifier, TABLE_FLOWS, memory);
        if (round > 0)
            printf("ours %llu peer %llu packets %lu flows %lu\n", (unsigned long long)us, (unsigned long long)them,
                   packets, flows);
    }
    return 0;
}

static int labels(const char *path)
{
    struct capture c = {0};
    struct asked *all;
    char name[64];

    load(&c, path);
    all = calloc(c.flows + 1, sizeof *all);
    for (uint32_t i = 0; i < c.count; i++)
        ask(&all[c.packets[i].flow], &c.packets[i]);
    for (uint32_t i = 0; i < c.flows; i++) {
        end(&all[i]);
        puts(ndpi_protocol2name(module, all[i].found, name, sizeof name));
    }
    return 0;
}

static void open_ndpi(void)
{
    NDPI_PROTOCOL_BITMASK all;

    module = ndpi_init_detection_module(ndpi_no_prefs);
    if (module == NULL)
        die("libndpi does not start");
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module, &all);
    ndpi_finalize_initialization(module);
}

static int memory(size_t database)
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, small = rs_classifier_size(1024),
           large = rs_classifier_size(65536);

    open_ndpi();
    printf("ours %zu %zu peer %zu %u\n", small + database, (large - small) / (65536 - 1024),
           mallinfo2().uordblks + mallinfo2().hblkhd - before, ndpi_detection_get_sizeof_ndpi_flow_struct());
    return 0;
}

static size_t open_apps(const char *path)
{
    char error[RS_ERROR_SIZE];
    FILE *file = fopen(path, "rb");
    long size = 0;
    void *data;

    if (file == NULL || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) <= 0)
        die("cannot read the application database");
    rewind(file);
    data = aligned_alloc(64, ((size_t)size + 63) / 64 * 64);
    if (fread(data, 1, (size_t)size, file) != (size_t)size || rs_apps_open(data, (size_t)size, &apps, error) < 0)
        die("the application database is not one");
    fclose(file);
    return (size_t)size;
}

int main(int argc, char **argv)
{
    size_t database = argc > 2 ? open_apps(argv[2]) : 0;

    if (argc == 3 && strcmp(argv[1], "memory") == 0)
        return memory(database);
    if (argc < 4)
        die("usage: recognition cost APPS ROUNDS CAPTURE... | memory APPS | labels APPS CAPTURE");
    open_ndpi();
    return strcmp(argv[1], "labels") == 0 ? labels(argv[3]) : cost(atoi(argv[3]), argc - 4, argv + 4);
}
