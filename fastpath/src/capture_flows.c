/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flows of a capture and their report; endpoints are written as text and sorted as text. */

#include "capture_flows.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINT 64

static const char *const stage_names[] = {"none", "learned", "dissector", "pattern", "address", "port", "ndpi"};

static int is_same(const rs_result *a, const rs_result *b)
{
    int straight = memcmp(a->client, b->client, 16) == 0 && a->client_port == b->client_port &&
                   memcmp(a->server, b->server, 16) == 0 && a->server_port == b->server_port;
    int crossed = memcmp(a->client, b->server, 16) == 0 && a->client_port == b->server_port &&
                  memcmp(a->server, b->client, 16) == 0 && a->server_port == b->client_port;

    return a->transport == b->transport && (straight || crossed);
}

static uint32_t hash_side(const uint8_t *address, uint16_t port)
{
    uint32_t h = 2166136261u ^ port;

    for (int i = 0; i < 16; i++)
        h = (h ^ address[i]) * 16777619u;
    return h;
}

static uint32_t hash_flow(const rs_result *r)
{
    return (hash_side(r->client, r->client_port) + hash_side(r->server, r->server_port)) ^ r->transport;
}

static void *grow(void *old, size_t size)
{
    void *bigger = realloc(old, size);

    if (bigger == NULL) {
        fprintf(stderr, "rs-classify: out of memory\n");
        exit(2);
    }
    return bigger;
}

static void rehash(struct rs_capture_flows *all)
{
    all->slot_count = all->slot_count == 0 ? 1024 : all->slot_count * 2;
    all->slots = grow(all->slots, all->slot_count * sizeof *all->slots);
    memset(all->slots, 0, all->slot_count * sizeof *all->slots);
    for (uint32_t i = 0; i < all->count; i++) {
        uint32_t at = hash_flow(&all->flows[i].last) & (all->slot_count - 1);

        while (all->slots[at] != 0)
            at = (at + 1) & (all->slot_count - 1);
        all->slots[at] = i + 1;
    }
}

static struct rs_capture_flow *find(struct rs_capture_flows *all, const rs_result *r)
{
    uint32_t at;

    if (all->count * 2 >= all->slot_count)
        rehash(all);
    at = hash_flow(r) & (all->slot_count - 1);
    for (; all->slots[at] != 0; at = (at + 1) & (all->slot_count - 1))
        if (is_same(&all->flows[all->slots[at] - 1].last, r))
            return &all->flows[all->slots[at] - 1];
    if (all->count == all->room) {
        all->room = all->room == 0 ? 256 : all->room * 2;
        all->flows = grow(all->flows, all->room * sizeof *all->flows);
    }
    all->slots[at] = ++all->count;
    memset(&all->flows[all->count - 1], 0, sizeof *all->flows);
    return &all->flows[all->count - 1];
}

/* A later connection between the same ports does not take back what an earlier one told. */
static int says_more(const rs_result *next, const rs_result *last)
{
    return last->transport == 0 || next->state == RS_DECIDED || last->state != RS_DECIDED;
}

void rs_capture_flows_add(struct rs_capture_flows *all, const rs_result *result)
{
    struct rs_capture_flow *f = find(all, result);

    f->packets++;
    f->bytes += result->payload_length;
    if (says_more(result, &f->last)) {
        rs_result before = f->last;

        f->last = *result;
        if (result->host[0] == 0)
            memcpy(f->last.host, before.host, sizeof before.host);
        if (result->ja4[0] == 0)
            memcpy(f->last.ja4, before.ja4, sizeof before.ja4);
    }
    if (result->state == RS_DECIDED && f->decided_after == 0) {
        f->decided_after = f->packets;
        f->decided_bytes = f->bytes;
    }
}

static void write_endpoint(char *out, const uint8_t *address, uint16_t port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN] = "";

    if (memcmp(address, mapped, sizeof mapped) == 0) {
        inet_ntop(AF_INET, address + 12, text, sizeof text);
        snprintf(out, ENDPOINT, "%s:%u", text, port);
    } else {
        char *zero;

        inet_ntop(AF_INET6, address, text, sizeof text);
        zero = strstr(text, "::") == NULL ? strstr(text, ":0:") : NULL;
        if (zero != NULL) /* a single group of zeros is shortened too: the form that other tools of the field print */
            memmove(zero + 1, zero + 2, strlen(zero + 2) + 1);
        snprintf(out, ENDPOINT, "[%s]:%u", text, port);
    }
}

static void write_transport(FILE *out, uint8_t transport)
{
    static const struct {
        uint8_t number;
        const char *name;
    } names[] = {{1, "ICMP"}, {2, "IGMP"},    {6, "TCP"},   {17, "UDP"},  {47, "GRE"},  {50, "ESP"},
                 {51, "AH"},  {58, "ICMPV6"}, {89, "OSPF"}, {113, "PGM"}, {132, "SCTP"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == transport) {
            fputs(names[i].name, out);
            return;
        }
    fprintf(out, "%u", transport);
}

/* Host names come from the network: only what needs no escaping in JSON is written as it is. */
static void write_host(FILE *out, const char *host)
{
    for (const unsigned char *p = (const unsigned char *)host; *p != 0; p++) {
        if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\')
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    }
}

void rs_capture_flows_print(const struct rs_capture_flows *all, const rs_apps *apps, FILE *out)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct rs_capture_flow *f = &all->flows[i];
        char client[ENDPOINT], server[ENDPOINT];
        int in_order;

        write_endpoint(client, f->last.client, f->last.client_port);
        write_endpoint(server, f->last.server, f->last.server_port);
        in_order = strcmp(client, server) <= 0;
        fputs("{\"transport\":\"", out);
        write_transport(out, f->last.transport);
        fprintf(
            out,
            "\",\"a\":\"%s\",\"b\":\"%s\",\"application\":\"%s\",\"protocol\":\"%s\",\"category\":\"%s\",\"host\":\"",
            in_order ? client : server, in_order ? server : client, rs_apps_id(apps, f->last.application),
            rs_apps_id(apps, f->last.protocol), rs_apps_category(apps, f->last.application));
        write_host(out, f->last.host);
        fprintf(out,
                "\",\"ja4\":\"%s\",\"stage\":\"%s\",\"packets\":%u,\"decided_after\":%u,\"decided_bytes\":%" PRIu64
                "}\n",
                f->last.ja4, stage_names[f->last.stage < 7 ? f->last.stage : 0], f->packets, f->decided_after,
                f->decided_bytes);
    }
}

void rs_capture_flows_free(struct rs_capture_flows *all)
{
    free(all->flows);
    free(all->slots);
    memset(all, 0, sizeof *all);
}
