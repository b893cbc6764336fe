/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settles what a flow is: from what a dissector found to the application, with what was learned and guessed before. */

#include <string.h>

#include "classifier.h"

#define FTP_DATA      20u
#define FTP_SESSION_S 3600u /* idle sessions are ended by servers long before */

void rs_drop_buffers(struct rs_classifier *c, struct rs_flow *flow, uint32_t flow_number)
{
    struct rs_flow_open *open = &flow->detail.open;

    if ((flow->flags & RS_FLOW_USED) == 0 || (flow->flags & RS_FLOW_FINAL) != 0)
        return;
    for (uint32_t side = 0; side < 2; side++)
        rs_stream_release(&c->pool, open->stream[side], flow_number * 2 + side + 1);
    if (c->ndpi != NULL)
        rs_ndpi_forget(c->ndpi, flow, flow_number);
}

/* From here on the flow keeps a host name instead of what the dissectors need. */
static void finish(struct rs_classifier *c, struct rs_look *look, enum rs_state state, enum rs_stage stage)
{
    struct rs_flow *f = look->flow;
    size_t length = strlen(look->d.host), skip = length < RS_FLOW_HOST ? 0 : length - (RS_FLOW_HOST - 1);

    rs_drop_buffers(c, f, look->flow_number);
    f->flags |= RS_FLOW_FINAL | RS_FLOW_HAS_HOST;
    f->flags &= (uint8_t)~RS_FLOW_PARTIAL;
    memset(&f->detail, 0, sizeof f->detail);
    memcpy(f->detail.host, look->d.host + skip, length - skip);
    f->state = (uint8_t)state;
    f->stage = (uint8_t)stage;
    if (f->payloads[!look->from_client] < UINT8_MAX)
        f->payloads[!look->from_client]++;
    if (state == RS_DECIDED)
        c->stats.decided[stage]++;
    else
        c->stats.given_up++;
}

static int is_protocol(const struct rs_classifier *c, uint16_t app)
{
    return (c->protocols[app / 64] >> app % 64 & 1) != 0;
}

/* What everybody uses says nothing about the next flow to the same server. */
static int is_telling(const struct rs_classifier *c, const struct rs_flow *f)
{
    return f->application != 0 &&
           (!is_protocol(c, f->application) || f->application == c->numbers[RS_P_BITTORRENT] ||
            f->application == c->numbers[RS_P_EDONKEY] || f->application == c->numbers[RS_P_OPENVPN] ||
            f->application == c->numbers[RS_P_TINC]);
}

static int is_web_port(uint16_t port)
{
    return port == 80 || port == 443 || port == 8080 || port == 8443;
}

/*
 * FTP (RFC 959, 2428) carries each file in a connection of its own between the two hosts of the session: from the server's
 * port 20, or to a port that the server named after the queue had let go of the session. So the session is remembered
 * under port 20, and a connection of the pair between two high ports that stand for nothing else is its data.
 */
static uint16_t ftp_data(const struct rs_classifier *c, const struct rs_look *look)
{
    const struct rs_dissect *d = &look->d;

    if (look->view.transport != RS_TCP)
        return 0;
    if (d->client_port == FTP_DATA)
        return rs_learned_find_pair(c->learned, d->server, d->client, FTP_DATA, look->now_s);
    if (d->client_port < 1024 || d->server_port < 1024 || is_web_port(d->server_port) ||
        (c->apps != NULL && rs_apps_match_port(c->apps, RS_TCP, d->server_port) != 0))
        return 0;
    return rs_learned_find_pair(c->learned, d->client, d->server, FTP_DATA, look->now_s);
}

void rs_decide(struct rs_classifier *c, struct rs_look *look, enum rs_stage stage, uint16_t protocol,
               uint16_t application)
{
    struct rs_flow *f = look->flow;

    f->protocol = protocol != 0 ? protocol : application;
    f->application = application != 0 ? application : protocol;
    if (is_telling(c, f) && f->protocol != c->numbers[RS_P_DNS])
        rs_learned_add(c->learned, NULL, look->d.server, look->d.server_port, f->application, look->now_s, 0);
    if (f->protocol != 0 && f->protocol == c->numbers[RS_P_FTP_CONTROL])
        rs_learned_add_pair(c->learned, look->d.client, look->d.server, FTP_DATA, c->numbers[RS_P_FTP_DATA],
                            look->now_s, FTP_SESSION_S);
    finish(c, look, RS_DECIDED, stage);
}

/* The application of a flow whose protocol is known but that named none. */
static uint16_t nameless(const struct rs_classifier *c, const struct rs_look *look, enum rs_stage *stage)
{
    uint16_t app;

    *stage = RS_STAGE_LEARNED;
    app = rs_learned_find(c->learned, look->d.client, look->d.server, 0, look->now_s);
    if (app == 0)
        app = rs_learned_find(c->learned, look->d.client, look->d.server, look->d.server_port, look->now_s);
    if (app != 0)
        return app;
    *stage = RS_STAGE_ADDRESS;
    return c->apps == NULL ? 0 : rs_apps_match_address(c->apps, look->d.server);
}

static int may_be_anything(const struct rs_look *look)
{
    enum rs_protocol p = look->d.protocol;

    return p == RS_P_TLS || p == RS_P_QUIC || p == RS_P_HTTP || p == RS_P_DTLS || p == RS_P_STUN || p == RS_P_RTP;
}

void rs_decide_dissected(struct rs_classifier *c, struct rs_look *look)
{
    uint16_t protocol = c->numbers[look->d.protocol], application = 0;
    enum rs_stage stage = RS_STAGE_DISSECTOR;

    /* A relay's name says whose servers, an attribute that it is a call; a resolver's name, but it is asked for DNSCrypt. */
    if (look->d.protocol == RS_P_STUN || look->d.application == RS_P_DNSCRYPT)
        application = c->numbers[look->d.application];
    if (look->d.is_front) { /* whom it stands for was asked of DNS just before */
        application = rs_learned_find(c->learned, look->d.client, look->d.server, 0, look->now_s);
        stage = application != 0 ? RS_STAGE_LEARNED : stage;
    }
    if (application == 0 && look->d.host[0] != 0)
        application = rs_classifier_host_app(c, look->d.host, (uint32_t)strlen(look->d.host));
    if (application == 0)
        application = c->numbers[look->d.application];
    if (application == 0 && look->d.host[0] == 0 && may_be_anything(look))
        application = nameless(c, look, &stage);
    if (application == 0)
        stage = RS_STAGE_DISSECTOR;
    rs_decide(c, look, stage, protocol, application);
}

void rs_decide_partial(struct rs_classifier *c, struct rs_look *look, uint32_t row)
{
    struct rs_flow *f = look->flow;
    enum rs_stage stage;

    if ((f->flags & RS_FLOW_PARTIAL) == 0) {
        uint16_t app = look->d.application != RS_P_UNKNOWN ? c->numbers[look->d.application] : 0;

        if (app == 0)
            app = nameless(c, look, &stage);
        else
            stage = RS_STAGE_DISSECTOR;
        f->flags |= RS_FLOW_PARTIAL;
        f->row = (uint16_t)row;
        f->protocol = c->numbers[look->d.protocol];
        f->application = app != 0 ? app : f->protocol;
        f->stage = (uint8_t)(app != 0 ? stage : RS_STAGE_DISSECTOR);
    }
}

/* The own stages are at their end; what is sure so far stands. */
void rs_give_up(struct rs_classifier *c, struct rs_look *look)
{
    struct rs_flow *f = look->flow;
    enum rs_stage stage = f->stage;

    if ((f->flags & RS_FLOW_PARTIAL) != 0 || f->state == RS_DECIDED) {
        finish(c, look, RS_DECIDED, stage);
        return;
    }
    if (c->ndpi != NULL && f->payloads[0] + f->payloads[1] < RS_PAYLOADS_NDPI) {
        f->flags |= RS_FLOW_GIVEN_UP;
        return;
    }
    f->application = nameless(c, look, &stage);
    if (f->application == 0 && c->apps != NULL) { /* a port that a dissector has not confirmed means nothing */
        stage = RS_STAGE_PORT;
        f->application = rs_apps_match_port(c->apps, f->transport, look->d.server_port);
        if (is_protocol(c, f->application))
            f->application = 0;
    }
    f->protocol = f->application;
    finish(c, look, f->application != 0 ? RS_DECIDED : RS_EXCLUDED, f->application != 0 ? stage : RS_STAGE_NONE);
}

static const struct {
    uint8_t transport;
    enum rs_protocol protocol;
} transports[] = {
    {1, RS_P_ICMP},     {2, RS_P_IGMP},   {4, RS_P_IP_IN_IP}, {8, RS_P_EGP},     {41, RS_P_IP_IN_IP},
    {47, RS_P_GRE},     {50, RS_P_IPSEC}, {51, RS_P_IPSEC},   {58, RS_P_ICMPV6}, {89, RS_P_OSPF},
    {103, RS_P_IP_PIM}, {112, RS_P_VRRP}, {113, RS_P_PGM},    {132, RS_P_SCTP},
};

static uint16_t web_protocol(const struct rs_classifier *c, const struct rs_look *look)
{
    uint16_t port = look->d.server_port;

    if (port == 443 || port == 8443)
        return c->numbers[look->view.transport == RS_TCP ? RS_P_TLS : RS_P_QUIC];
    if (port == 80 || port == 8080)
        return c->numbers[RS_P_HTTP];
    return 0;
}

/* Before any payload: the transport, a learned server, else a guess that is not yet a decision. */
void rs_decide_first(struct rs_classifier *c, struct rs_look *look)
{
    struct rs_flow *f = look->flow;
    uint16_t app = 0;

    if (f->transport != RS_TCP && f->transport != RS_UDP) {
        for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++)
            if (transports[i].transport == f->transport)
                f->application = f->protocol = c->numbers[transports[i].protocol];
        finish(c, look, f->application != 0 ? RS_DECIDED : RS_EXCLUDED,
               f->application != 0 ? RS_STAGE_DISSECTOR : RS_STAGE_NONE);
        return;
    }
    app = rs_learned_find(c->learned, look->d.client, look->d.server, 0, look->now_s);
    if (app == 0 && !is_web_port(look->d.server_port))
        app = rs_learned_find(c->learned, look->d.client, look->d.server, look->d.server_port, look->now_s);
    if (app == 0)
        app = ftp_data(c, look);
    if (app != 0) {
        f->application = app;
        f->protocol = web_protocol(c, look);
        f->protocol = f->protocol != 0 ? f->protocol : app;
        f->state = RS_DECIDED;
        f->stage = RS_STAGE_LEARNED;
    } else if (c->apps != NULL) {
        f->application = f->protocol = rs_apps_match_port(c->apps, f->transport, look->d.server_port);
        f->stage = f->application != 0 ? RS_STAGE_PORT : RS_STAGE_NONE;
        app = rs_apps_match_address(c->apps, look->d.server);
        if (app != 0) {
            f->application = app;
            f->protocol = f->protocol != 0 ? f->protocol : app;
            f->stage = RS_STAGE_ADDRESS;
        }
    }
}
