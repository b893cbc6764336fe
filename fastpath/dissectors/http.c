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
    {"Azureus", RS_P_BITTORRENT},     {"BitTorrent", RS_P_BITTORRENT},
    {"DingTalk", RS_P_DINGTALK},      {"MicroMessenger", RS_P_WECHAT},
    {"QQGame", RS_P_TENCENTGAMES},    {"QYPlayer", RS_P_IQIYI},
    {"Spotify", RS_P_SPOTIFY},        {"Transmission/", RS_P_BITTORRENT},
    {"Valve/Steam", RS_P_STEAM},      {"Viber", RS_P_VIBER},
    {"WhatsApp", RS_P_WHATSAPP},      {"libtorrent", RS_P_BITTORRENT},
    {"qBittorrent", RS_P_BITTORRENT}, {"uTorrent", RS_P_BITTORRENT},
};

#define AGENTS (sizeof agents / sizeof agents[0])

enum field { HOST, AGENT, SOAP_ACTION, ICY, CONTENT_TYPE, FIELDS };

struct head {
    uint32_t line; /* length of the first line, 0 when it is not whole */
    struct {
        const uint8_t *value; /* NULL: not there, or not whole */
        uint32_t length;
    } fields[FIELDS];
};

/* The one field that begins with the letter, FIELDS none. */
static enum field by_letter(uint8_t letter, const char **name)
{
    switch (letter | 0x20) {
    case 'h':
        *name = "Host:";
        return HOST;
    case 'u':
        *name = "User-Agent:";
        return AGENT;
    case 's':
        *name = "SOAPAction:";
        return SOAP_ACTION;
    case 'i':
        *name = "Icy-MetaData:";
        return ICY;
    case 'c':
        *name = "Content-Type:";
        return CONTENT_TYPE;
    default:
        return FIELDS;
    }
}

/* One pass over the lines; of a field that comes twice the first counts. */
static void read_head(const struct rs_dissect *d, struct head *head)
{
    const uint8_t *end = d->data + (d->length < HEAD_MAX ? d->length : HEAD_MAX), *line = d->data, *stop;

    memset(head, 0, sizeof *head);
    while (line < end && *line != '\r' && *line != '\n' && (stop = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        const char *name;
        enum field field = line == d->data ? FIELDS : by_letter(*line, &name);

        if (line == d->data)
            head->line = (uint32_t)(stop - line);
        if (field < FIELDS && head->fields[field].value == NULL && (size_t)(stop - line) >= strlen(name) &&
            line[strlen(name) - 1] == ':' && strncasecmp((const char *)line, name, strlen(name)) == 0) {
            const uint8_t *value = line + strlen(name), *last = stop > value && stop[-1] == '\r' ? stop - 1 : stop;

            while (value < last && *value == ' ')
                value++;
            head->fields[field].value = value;
            head->fields[field].length = (uint32_t)(last - value);
        }
        line = stop + 1;
    }
}

int rs_http_is_request(const uint8_t *p, uint32_t length)
{
    return (length >= 4 && memcmp(p, "GET ", 4) == 0) ||
           (length >= 5 && (memcmp(p, "POST ", 5) == 0 || memcmp(p, "HEAD ", 5) == 0));
}

/* The first known word of a User-Agent: one pass, as hardly any letter begins one. */
static enum rs_protocol by_agent(const uint8_t *value, uint32_t length)
{
    static const uint8_t begins[256] = {['A'] = 1, ['B'] = 2, ['D'] = 3,  ['M'] = 4,  ['Q'] = 5,  ['S'] = 7,
                                        ['T'] = 8, ['V'] = 9, ['W'] = 11, ['l'] = 12, ['q'] = 13, ['u'] = 14};

    for (uint32_t at = 0; at + 1 < length; at++) {
        if (!begins[value[at]])
            continue;
        for (size_t i = begins[value[at]] - 1; i < AGENTS && agents[i].token[0] == (char)value[at]; i++) {
            if (agents[i].token[1] == (char)value[at + 1] && strlen(agents[i].token) <= length - at &&
                memcmp(value + at, agents[i].token, strlen(agents[i].token)) == 0)
                return agents[i].application;
        }
    }
    return RS_P_UNKNOWN;
}

static enum rs_protocol by_file(const struct rs_dissect *d, uint32_t line)
{
    const uint8_t *p = d->data, *end = d->data + line;
    enum rs_protocol found = RS_P_UNKNOWN;

    for (; end - p >= 5 && (p = memchr(p, '.', (size_t)(end - p) - 4)) != NULL; p++) {
        if (memcmp(p, ".m3u8", 5) == 0)
            return RS_P_HLS;
        if (memcmp(p, ".mpd ", 5) == 0 || memcmp(p, ".mpd?", 5) == 0)
            found = RS_P_MPEGDASH;
    }
    return found;
}

/* What runs over it shows in the agent, the target, the headers or the body's type. */
static enum rs_protocol application(const struct rs_dissect *d, const struct head *head)
{
    const uint8_t *type = head->fields[CONTENT_TYPE].value, *query = memchr(d->data, '?', head->line);
    uint32_t length = head->fields[CONTENT_TYPE].length;
    enum rs_protocol found = by_agent(head->fields[AGENT].value, head->fields[AGENT].length);

    if (found != RS_P_UNKNOWN)
        return found;
    if (query != NULL && rs_contains(d, (uint32_t)(query - d->data), head->line, "info_hash=")) /* a tracker's */
        return RS_P_BITTORRENT;
    if (head->fields[SOAP_ACTION].value != NULL)
        return RS_P_SOAP;
    if (head->fields[ICY].value != NULL)
        return RS_P_ICECAST;
    if (type != NULL && rs_find(type, length, "application/json-rpc") != NULL)
        return RS_P_JSON_RPC;
    if (type != NULL && rs_find(type, length, "application/ipp") != NULL)
        return RS_P_IPP;
    return by_file(d, head->line);
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

/* The usual case: the line ends in " HTTP/1.1". */
static int ends_in_version(const struct rs_dissect *d, uint32_t at, uint32_t line)
{
    uint32_t end = line > 0 && d->data[line - 1] == '\r' ? line - 1 : line;

    return end >= at + 9 && memcmp(d->data + end - 9, " HTTP/", 6) == 0;
}

static enum rs_state request(struct rs_dissect *d, const struct method *method)
{
    uint32_t at = (uint32_t)strlen(method->name), line;
    struct head head;

    read_head(d, &head);
    line = head.line;
    if (line == 0 && d->length < HEAD_MAX)
        return RS_NEED_MORE;
    if (!ends_in_version(d, at, line)) {
        if (rs_contains(d, at, line, " RTSP/"))
            return rs_is(d, RS_P_RTSP);
        if (!rs_contains(d, at, line, " HTTP/"))
            return rs_contains(d, at, line, "HTTP/") ? rs_is(d, RS_P_HTTP) : RS_EXCLUDED;
    }
    d->protocol = RS_P_HTTP;
    if (strcmp(method->name, "CONNECT ") == 0) {
        const uint8_t *end = memchr(d->data + at, ' ', line - at);

        d->protocol = RS_P_HTTP_CONNECT;
        if (end != NULL)
            rs_take_host(d, d->data + at, (uint32_t)(end - d->data) - at);
        return RS_DECIDED;
    }
    if (head.fields[HOST].value == NULL) {
        int complete =
            rs_contains(d, line > 0 ? line - 1 : 0, d->length, "\n\r\n") || rs_contains(d, line, d->length, "\n\n");

        if (!complete && d->length < HEAD_MAX)
            return RS_NEED_MORE;
    } else {
        rs_take_host(d, head.fields[HOST].value, head.fields[HOST].length);
    }
    if (proxy_target(d, at, line) && d->server_port != 80)
        d->protocol = RS_P_HTTP_PROXY;
    d->application = application(d, &head);
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
