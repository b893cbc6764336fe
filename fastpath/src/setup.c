/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lays a classifier out in the caller's memory, gives it tables, and reads it from outside. */

#include <errno.h>
#include <string.h>

#include "classifier.h"
#include "quic_crypto.h"

#define STREAMS_MIN 16u
#define STREAMS_MAX 128u /* 1 MB */
#define FLOWS_MAX   (1u << 26)

static uint64_t align64(uint64_t value)
{
    return (value + 63) & ~UINT64_C(63);
}

static uint32_t streams_for(uint32_t flows)
{
    uint32_t count = flows / 64;

    return count < STREAMS_MIN ? STREAMS_MIN : count > STREAMS_MAX ? STREAMS_MAX : count;
}

static void plan(rs_classifier *c, uint32_t flows)
{
    uint64_t places;

    memset(c, 0, sizeof *c);
    c->table.buckets = rs_flow_buckets(flows);
    c->pool.count = streams_for(flows);
    places = (uint64_t)c->table.buckets * RS_FLOW_WAYS;
    c->capacity = (uint32_t)places;
    c->index_at = align64(sizeof *c);
    c->flows_at = c->index_at + c->table.buckets * sizeof(struct rs_flow_bucket);
    c->streams_at = align64(c->flows_at + places * sizeof(struct rs_flow));
    c->learned_at = align64(c->streams_at + c->pool.count * sizeof(struct rs_stream));
    c->end = align64(c->learned_at + rs_learned_size(rs_learned_buckets(flows)));
}

size_t rs_classifier_size(uint32_t flows)
{
    rs_classifier c;

    plan(&c, flows);
    return c.end;
}

static int may_begin(const struct rs_row *row, uint8_t first)
{
    if (row->first_count != 0)
        return memchr(row->first, first, row->first_count) != NULL;
    return row->first_high == 0 || (first >= row->first_low && first <= row->first_high);
}

static void enter_ports(struct rs_index *index, uint32_t low, uint32_t high, uint32_t word, uint64_t bit)
{
    for (uint32_t port = low; port <= high && port < low + RS_PORT_CLASSES; port++)
        index->port[port % RS_PORT_CLASSES][word] |= bit;
}

static void enter_row(struct rs_index *index, uint32_t number)
{
    const struct rs_row *row = &rs_rows[number];
    uint32_t word = number / 64;
    uint64_t bit = UINT64_C(1) << number % 64;

    index->side[0][word] |= (row->flags & RS_ROW_CLIENT) != 0 ? bit : 0;
    index->side[1][word] |= (row->flags & RS_ROW_SERVER) != 0 ? bit : 0;
    for (uint32_t first = 0; first < 256; first++)
        index->first[first][word] |= may_begin(row, (uint8_t)first) ? bit : 0;
    if (row->ports[0].high == 0)
        enter_ports(index, 0, UINT16_MAX, word, bit);
    for (size_t i = 0; i < RS_ROW_PORTS && row->ports[i].high != 0; i++)
        enter_ports(index, row->ports[i].low, row->ports[i].high, word, bit);
}

static void choose_rows(rs_classifier *c)
{
    for (uint32_t row = 0; row < rs_rows_count; row++)
        enter_row((rs_rows[row].flags & RS_ROW_TCP) != 0 ? &c->tcp : &c->udp, row);
}

int rs_classifier_init(void *memory, size_t length, uint32_t flows, uint32_t seed, rs_classifier **out)
{
    rs_classifier *c = memory;
    uint8_t *base = memory;

    *out = NULL;
    if (flows == 0 || flows > FLOWS_MAX || ((uintptr_t)memory & 63) != 0)
        return -EINVAL;
    if (length < rs_classifier_size(flows))
        return -ENOMEM;
    plan(c, flows);
    c->table.seed = seed;
    c->table.index = (struct rs_flow_bucket *)(void *)(base + c->index_at);
    c->table.flows = (struct rs_flow *)(void *)(base + c->flows_at);
    c->pool.streams = (struct rs_stream *)(void *)(base + c->streams_at);
    c->learned = c->own_learned = (struct rs_learned *)(void *)(base + c->learned_at);
    c->learned->buckets = rs_learned_buckets(flows);
    c->learned->seed = seed ^ 0x5bd1e995u;
    choose_rows(c);
    if (rs_quic_crypto_open(&c->quic) < 0)
        return -ENOMEM;
    c->magic = RS_CLASSIFIER_MAGIC;
    *out = c;
    return 0;
}

void rs_classifier_close(rs_classifier *c)
{
    if (c == NULL)
        return;
    rs_quic_crypto_close(c->quic);
    rs_ndpi_close(c->ndpi);
    c->quic = NULL;
    c->ndpi = NULL;
    c->magic = 0;
}

uint32_t rs_classifier_capacity(const rs_classifier *c)
{
    return c->capacity;
}

/* A database of another numbering came: flows keep their application by its id. */
static void renumber(rs_classifier *c, const rs_apps *from, const rs_apps *to)
{
    for (uint32_t i = 0; i < c->capacity; i++) {
        struct rs_flow *f = &c->table.flows[i];

        if ((f->flags & RS_FLOW_USED) == 0)
            continue;
        f->application = rs_apps_find(to, rs_apps_id(from, f->application));
        f->protocol = rs_apps_find(to, rs_apps_id(from, f->protocol));
    }
}

void rs_classifier_set_apps(rs_classifier *c, const rs_apps *apps)
{
    if (c->apps != NULL && rs_apps_crc(c->apps) != rs_apps_crc(apps)) {
        renumber(c, c->apps, apps);
        rs_learned_forget(c->learned);
    }
    c->apps = apps;
    memset(c->protocols, 0, sizeof c->protocols);
    for (uint32_t p = 1; p < RS_P_COUNT; p++) {
        c->numbers[p] = rs_apps_find(apps, rs_protocol_ids[p]);
        c->protocols[c->numbers[p] / 64] |= UINT64_C(1) << c->numbers[p] % 64;
    }
    if (c->ndpi != NULL)
        rs_ndpi_set_apps(c->ndpi, apps);
}

void rs_classifier_share(rs_classifier *c, rs_classifier *with)
{
    c->learned = with->own_learned;
}

void rs_classifier_use_sites(struct rs_classifier *c, struct rs_sites *sites)
{
    c->sites = sites;
}

void rs_classifier_use_ja4(rs_classifier *c, int on)
{
    c->wants_ja4 = on != 0;
}

int rs_classifier_use_ndpi(rs_classifier *c, int on)
{
    if (on && c->ndpi == NULL) {
        int rc = rs_ndpi_open(&c->ndpi);

        if (rc < 0)
            return rc;
        if (c->apps != NULL)
            rs_ndpi_set_apps(c->ndpi, c->apps);
    } else if (!on) {
        rs_ndpi_close(c->ndpi);
        c->ndpi = NULL;
    }
    return 0;
}

void rs_classifier_learn(struct rs_classifier *c, const uint8_t client[16], const uint8_t server[16], uint16_t app,
                         uint32_t now_s, uint32_t ttl_s)
{
    rs_learned_add(c->learned, client, server, 0, app, now_s, ttl_s);
}

uint16_t rs_classifier_host_app(const struct rs_classifier *c, const char *host, uint32_t length)
{
    return c->apps == NULL ? 0 : rs_apps_match_host(c->apps, host, length);
}

void rs_classifier_read_stats(const rs_classifier *c, rs_classifier_stats *stats)
{
    *stats = c->stats;
    stats->streams_evicted = c->pool.evicted;
    stats->learned_evicted = c->learned->evicted;
}

void rs_flow_result(const struct rs_flow *flow, rs_result *r)
{
    int client_is_high = (flow->flags & RS_FLOW_CLIENT_IS_HIGH) != 0;

    memset(r, 0, offsetof(rs_result, host) + 1);
    r->ja4[0] = 0;
    r->state = flow->state;
    r->stage = flow->stage;
    r->transport = flow->transport;
    r->application = flow->application;
    r->protocol = flow->protocol;
    r->packets = flow->packets;
    memcpy(r->client, client_is_high ? flow->high : flow->low, 16);
    memcpy(r->server, client_is_high ? flow->low : flow->high, 16);
    r->client_port = client_is_high ? flow->high_port : flow->low_port;
    r->server_port = client_is_high ? flow->low_port : flow->high_port;
    if ((flow->flags & RS_FLOW_HAS_HOST) != 0) {
        memcpy(r->host, flow->detail.host, RS_FLOW_HOST);
        r->host[RS_FLOW_HOST - 1] = 0;
    }
}

const struct rs_flow *rs_classifier_flows(const void *memory, size_t length, uint32_t *count)
{
    const rs_classifier *c = memory;

    if (length < sizeof *c || c->magic != RS_CLASSIFIER_MAGIC ||
        c->flows_at + (uint64_t)c->capacity * sizeof(struct rs_flow) > length)
        return NULL;
    *count = c->capacity;
    return (const struct rs_flow *)(const void *)((const uint8_t *)memory + c->flows_at);
}

int rs_classifier_read_flow(const void *memory, size_t length, uint32_t flow, rs_result *result)
{
    uint32_t count = 0;
    const struct rs_flow *place = rs_classifier_flows(memory, length, &count);
    struct rs_flow first, second;

    if (!place || flow >= count)
        return -EINVAL;
    place += flow;
    memcpy(&first, place, sizeof first);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    memcpy(&second, place, sizeof second);
    if ((first.flags & RS_FLOW_USED) == 0 || memcmp(&first, &second, sizeof first) != 0)
        return 0;
    rs_flow_result(&first, result);
    result->flow = flow;
    return 1;
}
