/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of one packet through the stages; what they find is settled in decide.c. */

#include "classifier.h"

#include <errno.h>
#include <string.h>

#include "../dissectors/dns.h"
#include "../dissectors/http.h"

#define FORGOTTEN_S 30u /* nf_conntrack_udp_timeout: no connection of datagrams is forgotten sooner */

static uint16_t *stream_slot(struct rs_look *look)
{
    return &look->flow->detail.open.stream[!look->from_client];
}

static uint32_t stream_owner(const struct rs_look *look)
{
    return look->flow_number * 2 + !look->from_client + 1;
}

/* Who opened the flow: SYN tells; else the one at the well-known port is the server; else the first sender. */
static void choose_client(struct rs_look *look)
{
    const struct rs_view *v = &look->view;
    int source_is_client = 1;

    if (v->transport == RS_TCP && (v->tcp_flags & RS_TCP_SYN) != 0)
        source_is_client = (v->tcp_flags & RS_TCP_ACK) == 0;
    else if (v->source_port < 1024 && v->target_port >= 1024)
        source_is_client = 0;
    if (look->source_is_high == source_is_client)
        look->flow->flags |= RS_FLOW_CLIENT_IS_HIGH;
}

/* TCP: where this segment lies in its direction. 0 when it has nothing new, or the offset could not be told. */
static int place_segment(struct rs_look *look, uint32_t *offset)
{
    struct rs_flow_open *open = &look->flow->detail.open;
    uint32_t side = !look->from_client, flag = side == 0 ? RS_FLOW_BASE_CLIENT : RS_FLOW_BASE_SERVER;
    int32_t distance;

    if ((look->flow->flags & flag) == 0) {
        look->flow->flags |= (uint8_t)flag;
        open->base[side] = look->view.sequence;
    }
    distance = (int32_t)(look->view.sequence - open->base[side]);
    if (distance > (int32_t)RS_STREAM_BYTES && look->flow->payloads[side] == 0) {
        open->base[side] = look->view.sequence; /* the start was missed: take this for it */
        distance = 0;
    }
    if (distance < 0) { /* a keep-alive or something sent again */
        uint32_t overlap = (uint32_t)-distance;

        if (overlap >= look->view.payload_length)
            return 0;
        look->view.payload_offset += overlap;
        look->view.payload_length -= overlap;
        distance = 0;
    }
    *offset = (uint32_t)distance;
    return 1;
}

/* What the dissectors of this direction get to see; 0 when it is nothing new. */
static int assemble(struct rs_classifier *c, struct rs_look *look)
{
    struct rs_stream *stream;
    uint32_t offset, before;

    look->d.data = look->packet->data + look->view.payload_offset;
    look->d.length = look->view.payload_length;
    if (look->view.transport != RS_TCP)
        return 1;
    if (!place_segment(look, &offset))
        return 0;
    look->d.data = look->packet->data + look->view.payload_offset;
    look->d.length = look->view.payload_length;
    if (*stream_slot(look) == RS_NO_STREAM) {
        if (offset == 0)
            return 1; /* the usual case: no copy */
        *stream_slot(look) = rs_stream_take(&c->pool, stream_owner(look));
    }
    stream = rs_stream_get(&c->pool, *stream_slot(look), stream_owner(look));
    if (stream == NULL)
        return 0;
    before = rs_stream_ready(stream);
    rs_stream_add(stream, offset, look->d.data, look->d.length);
    look->d.data = stream->data;
    look->d.length = rs_stream_ready(stream);
    return look->d.length > before;
}

/* Keeps what was seen of a direction for which a dissector wants more. */
static void keep(struct rs_classifier *c, struct rs_look *look)
{
    struct rs_stream *stream;

    if (look->view.transport != RS_TCP || *stream_slot(look) != RS_NO_STREAM)
        return;
    *stream_slot(look) = rs_stream_take(&c->pool, stream_owner(look));
    stream = rs_stream_get(&c->pool, *stream_slot(look), stream_owner(look));
    rs_stream_add(stream, 0, look->d.data, look->d.length);
}

/* Asks one dissector; what it excludes itself from is not asked again. */
static enum rs_state ask_row(struct rs_look *look, uint32_t row)
{
    enum rs_state state = RS_EXCLUDED;

    if (look->view.transport == RS_TCP || look->d.length >= rs_rows[row].least)
        state = rs_rows[row].ask(&look->d);
    if (state == RS_EXCLUDED)
        look->flow->detail.open.excluded[row / 64] |= UINT64_C(1) << row % 64;
    return state;
}

/* Asks the dissectors that are still in the running. */
static enum rs_state ask_all(struct rs_classifier *c, struct rs_look *look)
{
    const struct rs_index *index = look->view.transport == RS_TCP ? &c->tcp : &c->udp;
    const uint64_t *side = index->side[!look->from_client], *first = index->first[look->d.data[0]],
                   *client = index->port[look->d.client_port % RS_PORT_CLASSES],
                   *server = index->port[look->d.server_port % RS_PORT_CLASSES];
    uint64_t *excluded = look->flow->detail.open.excluded;
    enum rs_state answer = RS_EXCLUDED;

    for (uint32_t word = 0; word < RS_MASK_WORDS; word++) {
        uint64_t left;

        excluded[word] |= side[word] & ~(first[word] & (client[word] | server[word]));
        left = side[word] & ~excluded[word];
        if ((look->flow->flags & RS_FLOW_PARTIAL) != 0)
            left &= look->flow->row / 64 == word ? UINT64_C(1) << look->flow->row % 64 : 0;
        for (; left != 0; left &= left - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            enum rs_state state = ask_row(look, row);

            if (state == RS_DECIDED)
                return RS_DECIDED;
            if (state == RS_NEED_MORE && look->d.protocol != RS_P_UNKNOWN) {
                rs_decide_partial(c, look, row);
                return RS_NEED_MORE;
            }
            answer = state == RS_NEED_MORE ? state : answer;
        }
    }
    return answer;
}

static void prepare(struct rs_classifier *c, struct rs_look *look)
{
    struct rs_dissect *d = &look->d;
    struct rs_flow *f = look->flow;
    int client_is_high = (f->flags & RS_FLOW_CLIENT_IS_HIGH) != 0;

    d->client = client_is_high ? f->high : f->low;
    d->server = client_is_high ? f->low : f->high;
    d->client_port = client_is_high ? f->high_port : f->low_port;
    d->server_port = client_is_high ? f->low_port : f->high_port;
    d->transport = f->transport;
    d->from_client = look->from_client;
    d->index = f->payloads[!look->from_client];
    d->others = f->payloads[look->from_client];
    d->now_s = look->now_s;
    d->classifier = c;
    d->flow = f;
    d->protocol = d->application = RS_P_UNKNOWN;
    d->is_front = 0;
    d->host[0] = d->ja4[0] = 0;
}

/* The signatures of the database look at the first payload of each direction only. */
static int match_pattern(struct rs_classifier *c, struct rs_look *look)
{
    uint16_t app;

    if (c->apps == NULL || look->d.index != 0)
        return 0;
    app = rs_apps_match_payload(c->apps, look->view.transport, look->d.data, look->d.length);
    if (app == 0)
        return 0;
    rs_decide(c, look, RS_STAGE_PATTERN, 0, app);
    return 1;
}

static void ask_ndpi(struct rs_classifier *c, struct rs_look *look)
{
    uint16_t protocol, application;

    if (rs_ndpi_ask(c->ndpi, look, &protocol, &application))
        rs_decide(c, look, RS_STAGE_NDPI, protocol, application);
}

/* Some stacks probe an idle peer with a zero byte or two outside the stream's content, unpushed. */
static int is_probe(const struct rs_look *look)
{
    const uint8_t *p = look->packet->data + look->view.payload_offset;

    return look->view.transport == RS_TCP && look->view.payload_length <= 2 &&
           (look->view.tcp_flags & RS_TCP_PSH) == 0 && p[0] == 0 && p[look->view.payload_length - 1] == 0;
}

static void examine(struct rs_classifier *c, struct rs_look *look)
{
    struct rs_flow *f = look->flow;
    struct rs_flow_open *open = &f->detail.open;
    uint32_t side = !look->from_client, limit = f->transport == RS_TCP ? RS_PAYLOADS_TCP : RS_PAYLOADS_UDP;

    look->d.notes = &open->notes;
    if ((f->flags & RS_FLOW_GIVEN_UP) == 0 && assemble(c, look)) {
        enum rs_state state = ask_all(c, look);

        if (state == RS_DECIDED)
            rs_decide_dissected(c, look);
        else if ((f->flags & RS_FLOW_PARTIAL) == 0 && match_pattern(c, look))
            state = RS_DECIDED;
        if (state == RS_DECIDED)
            return;
        open->silent[side] = state == RS_EXCLUDED;
        if (state == RS_NEED_MORE)
            keep(c, look);
    }
    if (f->payloads[side] < UINT8_MAX)
        f->payloads[side]++;
    if (c->ndpi != NULL && (f->flags & RS_FLOW_PARTIAL) == 0)
        ask_ndpi(c, look);
    if ((f->flags & RS_FLOW_FINAL) == 0 &&
        ((open->silent[0] && open->silent[1]) || (uint32_t)f->payloads[0] + f->payloads[1] >= limit))
        rs_give_up(c, look);
}

/* SYN: where the direction's bytes begin. A server that sends several different ones means the last. */
static void note_syn(struct rs_look *look)
{
    struct rs_flow *f = look->flow;
    uint32_t side = !look->from_client;

    look->view.sequence++; /* data in the same segment (RFC 7413) follows the SYN */
    if ((f->flags & RS_FLOW_FINAL) != 0 || f->payloads[side] != 0)
        return;
    f->flags |= side == 0 ? RS_FLOW_BASE_CLIENT : RS_FLOW_BASE_SERVER;
    f->detail.open.base[side] = look->view.sequence;
}

/* A fresh connection between the same ports as one before. Datagrams have no sign of it, but conntrack forgets them after a
 * silence. Silence alone says nothing: what is settled is not queued. */
static int is_reopened(const struct rs_look *look, uint32_t silent_s)
{
    const struct rs_view *v = &look->view;
    const struct rs_flow *f = look->flow;

    if (v->transport == RS_UDP)
        return (f->flags & RS_FLOW_FINAL) != 0 && look->packet->is_undecided && silent_s >= FORGOTTEN_S;
    return v->transport == RS_TCP && (v->tcp_flags & (RS_TCP_SYN | RS_TCP_ACK)) == RS_TCP_SYN &&
           ((f->payloads[0] | f->payloads[1]) != 0 || f->state == RS_DECIDED);
}

static void begin(struct rs_classifier *c, struct rs_look *look, struct rs_flow *old)
{
    rs_drop_buffers(c, old, look->flow_number);
    c->stats.flows_evicted += (old->flags & RS_FLOW_USED) != 0;
    c->stats.flows++;
    choose_client(look);
}

/* Datagrams that conntrack forgot may be the connection of before after all: its line failed, and its entries were dropped.
 * Then nothing in them begins one, and it is what it was. */
static int goes_on(struct rs_classifier *c, struct rs_look *look, const struct rs_flow *before)
{
    struct rs_flow *f = look->flow;

    if (before->state != RS_DECIDED || f->state != RS_NEED_MORE || (f->flags & RS_FLOW_PARTIAL) != 0)
        return 0;
    rs_drop_buffers(c, f, look->flow_number);
    *f = *before;
    f->packets++;
    look->from_client = look->source_is_high == ((f->flags & RS_FLOW_CLIENT_IS_HIGH) != 0);
    c->stats.flows--;
    c->stats.flows_evicted--;
    return 1;
}

static void fill(const struct rs_classifier *c, const struct rs_look *look, rs_result *r)
{
    const struct rs_flow *f = look->flow;

    rs_flow_result(f, r);
    r->flow = look->flow_number;
    r->from_client = look->from_client;
    r->payload_offset = look->view.payload_offset;
    r->payload_length = look->view.payload_length;
    r->is_http_request = look->from_client && r->protocol != 0 && r->protocol == c->numbers[RS_P_HTTP] &&
                         rs_http_is_request(look->packet->data + r->payload_offset, r->payload_length);
    if (look->d.host[0] != 0)
        memcpy(r->host, look->d.host, sizeof r->host);
    if (look->d.ja4[0] != 0)
        memcpy(r->ja4, look->d.ja4, sizeof r->ja4);
}

/* Answers to later questions of a DNS flow teach servers too. */
static void learn_later(const struct rs_classifier *c, struct rs_look *look)
{
    const struct rs_flow *f = look->flow;

    if (f->transport != RS_UDP || look->from_client || f->protocol != c->numbers[RS_P_DNS] || f->protocol == 0)
        return;
    rs_dns_learn(&look->d, look->packet->data + look->view.payload_offset, look->view.payload_length);
}

int rs_classifier_packet(rs_classifier *c, const rs_packet *packet, rs_result *result)
{
    struct rs_look look;
    struct rs_flow old;
    uint32_t silent_s;
    int is_new, is_again, rc;

    look.packet = packet;
    look.now_s = (uint32_t)(packet->now_ms / 1000);
    rc = rs_view_parse(&look.view, packet->data, packet->length);
    if (rc < 0) {
        c->stats.unreadable += rc == -EBADMSG;
        return rc;
    }
    c->stats.packets++;
    look.source_is_high = (uint8_t)rs_flow_source_is_high(&look.view);
    look.flow = rs_flow_find(&c->table, &look.view, look.now_s, &is_new, &old, &silent_s);
    look.flow_number = (uint32_t)(look.flow - c->table.flows);
    is_again = !is_new && is_reopened(&look, silent_s);
    if (is_again) {
        rs_flow_clear(look.flow, &old);
        is_new = 1;
    }
    if (is_new)
        begin(c, &look, &old);
    look.flow->packets++;
    look.from_client = look.source_is_high == ((look.flow->flags & RS_FLOW_CLIENT_IS_HIGH) != 0);
    prepare(c, &look);
    if (is_new)
        rs_decide_first(c, &look);
    if (look.view.transport == RS_TCP && (look.view.tcp_flags & RS_TCP_SYN) != 0)
        note_syn(&look);
    if (look.view.payload_length > 0) {
        if ((look.flow->flags & RS_FLOW_FINAL) == 0 && !is_probe(&look))
            examine(c, &look);
        else if ((look.flow->flags & RS_FLOW_FINAL) != 0)
            learn_later(c, &look);
    }
    if (is_again && look.view.transport == RS_UDP && goes_on(c, &look, &old))
        is_new = 0;
    fill(c, &look, result);
    result->is_new = (uint8_t)is_new;
    return 0;
}
