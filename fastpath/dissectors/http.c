/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1 (RFC 9112), CONNECT, proxy requests, WebDAV (RFC 4918), and HTTP/2 with prior knowledge (RFC 9113).
 * The request names the host; what runs over it is told by Host, by User-Agent or by content type.
 */

#include "http.h"

#include <string.h>
#include <strings.h>

#define HEAD_MAX 4096u

struct method {
    const char *name;
    uint8_t is_webdav;
};

static const struct method methods[] = {
    {"GET ", 0},         {"POST ", 0},        {"HEAD ", 0},         {"PUT ", 0},      {"OPTIONS ", 0},   {"DELETE ", 0},
    {"CONNECT ", 0},     {"PATCH ", 0},       {"TRACE ", 0},        {"PROPFIND ", 1}, {"PROPPATCH ", 1}, {"MKCOL ", 1},
    {"COPY ", 1},        {"MOVE ", 1},        {"LOCK ", 1},         {"UNLOCK ", 1},   {"REPORT ", 1},    {"SEARCH ", 1},
    {"RPC_CONNECT ", 0}, {"RPC_IN_DATA ", 0}, {"RPC_OUT_DATA ", 0},
};

static const struct {
    const char *token; /* anywhere in User-Agent */
    enum rs_protocol application;
} agents[] = {
    {"BitTorrent", RS_P_BITTORRENT}, {"uTorrent", RS_P_BITTORRENT},   {"Transmission/", RS_P_BITTORRENT},
    {"Azureus", RS_P_BITTORRENT},    {"libtorrent", RS_P_BITTORRENT}, {"qBittorrent", RS_P_BITTORRENT},
    {"MicroMessenger", RS_P_WECHAT}, {"WhatsApp", RS_P_WHATSAPP},     {"Valve/Steam", RS_P_STEAM},
    {"DingTalk", RS_P_DINGTALK},     {"Spotify", RS_P_SPOTIFY},       {"Viber", RS_P_VIBER},
    {"QYPlayer", RS_P_IQIYI},        {"QQGame", RS_P_TENCENTGAMES},
};

int rs_http_header(const struct rs_dissect *d, const char *name, const uint8_t **value, uint32_t *length)
{
    const uint8_t *p = d->data, *end = d->data + (d->length < HEAD_MAX ? d->length : HEAD_MAX);
    size_t size = strlen(name);

    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        const uint8_t *line = ++p, *stop;

        if (p >= end || *p == '\r' || *p == '\n')
            return 0;
        if ((line[0] | 0x20) != (name[0] | 0x20) || (size_t)(end - line) <= size ||
            strncasecmp((const char *)line, name, size) != 0 || line[size] != ':')
            continue;
        line += size + 1;
        while (line < end && *line == ' ')
            line++;
        stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL)
            return 0;
        if (stop > line && stop[-1] == '\r')
            stop--;
        *value = line;
        *length = (uint32_t)(stop - line);
        return 1;
    }
    return 0;
}

int rs_http_is_request(const uint8_t *p, uint32_t length)
{
    return (length >= 4 && memcmp(p, "GET ", 4) == 0) ||
           (length >= 5 && (memcmp(p, "POST ", 5) == 0 || memcmp(p, "HEAD ", 5) == 0));
}

/* The first known word of a User-Agent: one pass, as hardly any letter begins one. */
static enum rs_protocol by_agent(const uint8_t *value, uint32_t length)
{
    static const uint8_t begins[256] = {['A'] = 1, ['B'] = 1, ['D'] = 1, ['M'] = 1, ['Q'] = 1, ['S'] = 1,
                                        ['T'] = 1, ['V'] = 1, ['W'] = 1, ['l'] = 1, ['q'] = 1, ['u'] = 1};

    for (uint32_t at = 0; at < length; at++) {
        if (!begins[value[at]])
            continue;
        for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
            size_t size = strlen(agents[i].token);

            if (agents[i].token[0] == (char)value[at] && size <= length - at &&
                memcmp(value + at, agents[i].token, size) == 0)
                return agents[i].application;
        }
    }
    return RS_P_UNKNOWN;
}

static uint32_t first_line(const struct rs_dissect *d)
{
    const uint8_t *end = memchr(d->data, '\n', d->length < HEAD_MAX ? d->length : HEAD_MAX);

    return end == NULL ? 0 : (uint32_t)(end - d->data);
}

/* What a player or a printer asks for shows in the target, the headers or the body's type. */
static enum rs_protocol by_content(struct rs_dissect *d)
{
    const uint8_t *value;
    uint32_t length, line = first_line(d);

    if (rs_http_header(d, "SOAPAction", &value, &length))
        return RS_P_SOAP;
    if (rs_http_header(d, "Icy-MetaData", &value, &length))
        return RS_P_ICECAST;
    if (rs_http_header(d, "Content-Type", &value, &length)) {
        if (rs_find(value, length, "application/json-rpc") != NULL)
            return RS_P_JSON_RPC;
        if (rs_find(value, length, "application/ipp") != NULL)
            return RS_P_IPP;
    }
    if (rs_contains(d, 0, line, ".m3u8"))
        return RS_P_HLS;
    return rs_contains(d, 0, line, ".mpd ") || rs_contains(d, 0, line, ".mpd?") ? RS_P_MPEGDASH : RS_P_UNKNOWN;
}

static void application(struct rs_dissect *d)
{
    const uint8_t *value;
    uint32_t length;

    if (rs_http_header(d, "User-Agent", &value, &length))
        d->application = by_agent(value, length);
    if (d->application != RS_P_UNKNOWN)
        return;
    if (rs_contains(d, 0, first_line(d), "info_hash=")) /* a tracker's */
        d->application = RS_P_BITTORRENT;
    else
        d->application = by_content(d);
}

/* Target "http://name/..." of a request to a proxy. */
static int proxy_target(struct rs_dissect *d, uint32_t at, uint32_t line)
{
    uint32_t end = at + 7;

    if (line < at + 8 || strncasecmp((const char *)d->data + at, "http://", 7) != 0)
        return 0;
    while (end < line && d->data[end] != '/' && d->data[end] != ' ')
        end++;
    return rs_take_host(d, d->data + at + 7, end - at - 7);
}

static enum rs_state request(struct rs_dissect *d, const struct method *method)
{
    uint32_t at = (uint32_t)strlen(method->name), line = first_line(d), length;
    const uint8_t *value;

    if (line == 0 && d->length < HEAD_MAX)
        return RS_NEED_MORE;
    if (!rs_contains(d, at, line, " HTTP/") && !rs_contains(d, at, line, " RTSP/"))
        return rs_contains(d, at, line, "HTTP/") ? rs_is(d, RS_P_HTTP) : RS_EXCLUDED;
    if (rs_contains(d, at, line, " RTSP/"))
        return rs_is(d, RS_P_RTSP);
    d->protocol = RS_P_HTTP;
    if (strcmp(method->name, "CONNECT ") == 0) {
        const uint8_t *end = memchr(d->data + at, ' ', line - at);

        d->protocol = RS_P_HTTP_CONNECT;
        if (end != NULL)
            rs_take_host(d, d->data + at, (uint32_t)(end - d->data) - at);
        return RS_DECIDED;
    }
    if (!rs_http_header(d, "Host", &value, &length)) {
        int complete =
            rs_contains(d, line > 0 ? line - 1 : 0, d->length, "\n\r\n") || rs_contains(d, line, d->length, "\n\n");

        if (!complete && d->length < HEAD_MAX)
            return RS_NEED_MORE;
    } else {
        rs_take_host(d, value, length);
    }
    if (proxy_target(d, at, line) && d->server_port != 80)
        d->protocol = RS_P_HTTP_PROXY;
    application(d);
    if (d->application == RS_P_UNKNOWN && method->is_webdav)
        d->application = RS_P_WEBDAV;
    return RS_DECIDED;
}

enum rs_state rs_dissect_http(struct rs_dissect *d)
{
    enum rs_state answer = RS_EXCLUDED;

    if (d->data[0] < 'C' || d->data[0] > 'U')
        return RS_EXCLUDED;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        enum rs_state state = rs_starts(d, methods[i].name);

        if (state == RS_DECIDED)
            return request(d, &methods[i]);
        if (state == RS_NEED_MORE)
            answer = RS_NEED_MORE;
    }
    return answer;
}

/* The capture or the queue saw only the answer: the name cannot be known, the protocol is. */
enum rs_state rs_dissect_http_answer(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "HTTP/1.");

    if (state != RS_DECIDED)
        return state;
    if (d->length < 9)
        return RS_NEED_MORE;
    if (d->data[8] != ' ')
        return RS_EXCLUDED;
    d->protocol = RS_P_HTTP;
    return d->others > 0 || d->index > 0 ? RS_DECIDED : RS_NEED_MORE;
}

enum rs_state rs_dissect_http2(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    return state == RS_DECIDED ? rs_is(d, RS_P_HTTP2) : state;
}
