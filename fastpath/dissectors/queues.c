/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message queues and calls between programs: MQTT (OASIS 3.1.1, 5), AMQP, CoAP (RFC 7252), STOMP, NATS, SMPP 3.4, XMPP (RFC
 * 6120), Thrift, Gearman, AJP 1.3, CORBA GIOP, Java RMI, JSON-RPC, HL7 MLLP, FIX, Ceph.
 */

#include <string.h>

#include "dissect.h"

static enum rs_state text(struct rs_dissect *d, const char *start, enum rs_protocol protocol)
{
    enum rs_state state = rs_starts(d, start);

    return state == RS_DECIDED ? rs_is(d, protocol) : state;
}

/* CONNECT: type 1, remaining length, protocol name "MQTT" or "MQIsdp". */
enum rs_state rs_dissect_mqtt(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 1;

    if (p[0] != 0x10)
        return rs_has_port(d, 1883) && (p[0] == 0x20 || p[0] >> 4 == 3 || p[0] == 0xc0 || p[0] == 0xd0) &&
                       d->length >= 2
                   ? rs_is(d, RS_P_MQTT)
                   : RS_EXCLUDED;
    while (at < d->length && at < 4 && (p[at] & 0x80) != 0)
        at++;
    at++;
    if (at + 6 > d->length)
        return RS_NEED_MORE;
    return memcmp(p + at, "\0\4MQTT", 6) == 0 || memcmp(p + at, "\0\6MQIs", 6) == 0 ? rs_is(d, RS_P_MQTT) : RS_EXCLUDED;
}

/* "AMQP" with version, or a frame in the middle: type, channel, size, and 0xce at its end. */
enum rs_state rs_dissect_amqp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size;

    if (p[0] == 'A')
        return text(d, "AMQP", RS_P_AMQP);
    if (p[0] < 1 || p[0] > 3)
        return RS_EXCLUDED;
    if (d->length < 12)
        return rs_has_port(d, 5672) ? RS_NEED_MORE : RS_EXCLUDED;
    size = rs_be32(p + 3);
    return p[0] == 1 && size < 65536 && size + 8 <= d->length && p[size + 7] == 0xce && rs_be16(p + 7) >= 10 &&
                   rs_be16(p + 7) <= 110
               ? rs_is(d, RS_P_AMQP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_coap(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint8_t token = p[0] & 15;

    if (!rs_has_port_in(d, 5683, 5684) && !rs_has_port_in(d, 61616, 61631))
        return RS_EXCLUDED;
    if (p[0] >> 6 != 1 || token > 8 || 4u + token > d->length)
        return RS_EXCLUDED;
    return p[1] <= 5 || (p[1] >= 0x40 && p[1] <= 0x5f) || (p[1] >= 0x80 && p[1] <= 0xa5) ? rs_is(d, RS_P_COAP)
                                                                                         : RS_EXCLUDED;
}

enum rs_state rs_dissect_stomp(struct rs_dissect *d)
{
    static const char *const frames[] = {"CONNECT\n",   "CONNECTED\n", "STOMP\n",
                                         "CONNECT\r\n", "STOMP\r\n",   "SUBSCRIBE\n"};
    enum rs_state answer = RS_EXCLUDED;

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        enum rs_state state = text(d, frames[i], RS_P_STOMP);

        if (state == RS_DECIDED)
            return state;
        answer = state == RS_NEED_MORE ? state : answer;
    }
    return answer;
}

enum rs_state rs_dissect_nats(struct rs_dissect *d)
{
    enum rs_state state = text(d, "INFO {\"server_id\"", RS_P_NATS);

    return state != RS_EXCLUDED ? state : text(d, "CONNECT {\"", RS_P_NATS);
}

/* Command length, id, status and sequence; a bind or its answer comes first. */
enum rs_state rs_dissect_smpp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t command;

    if (p[0] != 0)
        return RS_EXCLUDED;
    if (d->length < 16)
        return d->length < 6 || p[4] == 0 || p[4] == 0x80 ? RS_NEED_MORE : RS_EXCLUDED;
    command = rs_be32(p + 4) & 0x7fffffff;
    if (rs_be32(p) < 16 || rs_be32(p) >= 4096 ||
        (command != 1 && command != 2 && command != 9 && command != 4 && command != 21 && command != 6) ||
        rs_be32(p + 12) == 0 || rs_be32(p + 12) >= 0x7fffffff ||
        ((rs_be32(p + 4) & 0x80000000) == 0 && rs_be32(p + 8) != 0) ||
        (command != 21 && command != 6 && rs_be32(p) <= 18))
        return RS_EXCLUDED;
    return rs_be32(p) <= d->length ? rs_is(d, RS_P_SMPP) : RS_NEED_MORE;
}

enum rs_state rs_dissect_xmpp(struct rs_dissect *d)
{
    enum rs_state state;

    if (d->data[0] != '<')
        return RS_EXCLUDED;
    if (d->length < 40)
        return RS_NEED_MORE;
    state = rs_starts(d, "<stream:stream ");
    if (state != RS_DECIDED && !rs_contains(d, 0, 300, "<stream:stream ") &&
        !rs_contains(d, 0, 300, "http://etherx.jabber.org/streams"))
        return RS_EXCLUDED;
    return rs_is(d, RS_P_JABBER);
}

static enum rs_state thrift_name(struct rs_dissect *d, uint32_t end)
{
    return end <= d->length ? rs_is(d, RS_P_THRIFT) : d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
}

/* Binary protocol: 0x8001 and a message type; compact: 0x82 and version 1; each then has a method name. */
enum rs_state rs_dissect_thrift(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = d->transport == RS_TCP && p[0] == 0 ? 4 : 0;

    if (d->length < at + 9)
        return d->transport == RS_TCP && (p[0] == 0 || p[0] == 0x80 || p[0] == 0x82) ? RS_NEED_MORE : RS_EXCLUDED;
    if (at != 0 && rs_be32(p) + 4 < d->length)
        return RS_EXCLUDED;
    p += at;
    if (p[0] == 0x80 && p[1] == 1 && p[2] == 0 && p[3] >= 1 && p[3] <= 4) {
        uint32_t name = rs_be32(p + 4);

        return name >= 1 && name < 64 && ((p[8] >= 'a' && p[8] <= 'z') || (p[8] >= 'A' && p[8] <= 'Z'))
                   ? thrift_name(d, at + 8 + name)
                   : RS_EXCLUDED;
    }
    return p[0] == 0x82 && (p[1] & 0x1f) == 1 && p[1] >> 5 >= 1 && p[1] >> 5 <= 4 && p[3] >= 1 && p[3] < 64 &&
                   p[4] >= 'A' && p[4] <= 'z'
               ? thrift_name(d, at + 4u + p[3])
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_gearman(struct rs_dissect *d)
{
    enum rs_state state = rs_starts_at(d, 0, "\0REQ", 4);

    if (state == RS_EXCLUDED)
        state = rs_starts_at(d, 0, "\0RES", 4);
    if (state != RS_DECIDED)
        return state;
    if (d->length < 12)
        return RS_NEED_MORE;
    return rs_be32(d->data + 4) >= 1 && rs_be32(d->data + 4) <= 42 ? rs_is(d, RS_P_GEARMAN) : RS_EXCLUDED;
}

enum rs_state rs_dissect_ajp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 5)
        return p[0] == 0x12 || p[0] == 'A' ? RS_NEED_MORE : RS_EXCLUDED;
    if (rs_be16(p) == 0x1234)
        return p[4] == 2 || p[4] == 7 || p[4] == 8 || p[4] == 10 ? rs_is(d, RS_P_AJP) : RS_EXCLUDED;
    return p[0] == 'A' && p[1] == 'B' && p[4] >= 3 && p[4] <= 9 && rs_be16(p + 2) < 8192 && rs_has_port(d, 8009)
               ? rs_is(d, RS_P_AJP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_corba(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "GIOP\1");

    if (state == RS_EXCLUDED)
        state = rs_starts(d, "ZIOP\1");
    if (state == RS_EXCLUDED && d->transport == RS_UDP)
        state = rs_starts(d, "MIOP");
    return state == RS_DECIDED ? rs_is(d, RS_P_CORBA) : state;
}

enum rs_state rs_dissect_jrmi(struct rs_dissect *d)
{
    enum rs_state state = rs_starts_at(d, 0, "JRMI\0", 5);

    if (state != RS_DECIDED)
        return state;
    if (d->length < 7)
        return RS_NEED_MORE;
    return d->data[6] == 'K' || d->data[6] == 'L' || d->data[6] == 'M' ? rs_is(d, RS_P_JRMI) : RS_EXCLUDED;
}

enum rs_state rs_dissect_json_rpc(struct rs_dissect *d)
{
    if (d->data[0] != '{' && d->data[0] != '[')
        return RS_EXCLUDED;
    if (rs_contains(d, 0, 512, "\"jsonrpc\""))
        return rs_is(d, RS_P_JSON_RPC);
    return d->length < 24 ? RS_NEED_MORE : RS_EXCLUDED;
}

enum rs_state rs_dissect_hl7(struct rs_dissect *d)
{
    return text(d, "\x0bMSH|", RS_P_HL7);
}

enum rs_state rs_dissect_fix(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "8=FIX");

    if (state == RS_EXCLUDED)
        state = rs_starts(d, "8=O\x01");
    if (state == RS_EXCLUDED && d->data[0] <= 0x3f) { /* a compressed feed begins in the middle: "=O" SOH "9=" */
        state = rs_starts_at(d, 1,
                             "=O\x01"
                             "9=",
                             5);
        if (state == RS_NEED_MORE && d->data[0] != 0x38)
            state = RS_EXCLUDED;
    }
    return state == RS_DECIDED ? rs_is(d, RS_P_FIX) : state;
}

enum rs_state rs_dissect_ceph(struct rs_dissect *d)
{
    return text(d, "ceph v", RS_P_CEPH);
}
