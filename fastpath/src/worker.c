/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judges packets of the first_packets chain; the meaning of the mark's bits is in docs/design/contracts.md. */

#include "worker.h"

#include <errno.h>
#include <string.h>

#include "behaviour.h"
#include "classifier.h"
#include "page.h"

#define DNS_PORT  53
#define HTTP_PORT 80

int rs_worker_init(struct rs_worker *w, rs_shm *shm, uint32_t index, struct rs_worker *first, uint32_t packets)
{
    const struct rs_shm_header *h = shm->header;
    uint8_t *memory = shm->classifiers + h->classifier_length * index;
    int result;

    memset(w, 0, sizeof *w);
    w->index = index;
    w->packets_limit = packets;
    w->shm = shm;
    w->shared = &shm->workers[index];
    w->ring = &shm->rings[index];
    atomic_store(&w->shared->turn, 0);
    atomic_store(&w->shared->adopted, 0);
    /* The process before may have been killed within a table: start with an empty one. Nothing is lost but the place
     * within the first packets; what was decided stands in the marks. */
    rs_shm_clear(shm, memory, h->classifier_length);
    result = rs_classifier_init(memory, h->classifier_length, (h->flows + h->queues - 1) / h->queues,
                                (uint32_t)(h->instance >> 17) + index, &w->classifier);
    if (result < 0)
        return result;
    rs_classifier_use_ja4(w->classifier, 1);
    w->sites.fd = -1;
    w->openings = shm->openings + h->openings_count * index;
    if (first) /* a DNS answer and the flow after it may meet different threads */
        rs_classifier_share(w->classifier, first->classifier);
    return result;
}

void rs_worker_turn(struct rs_worker *w, const struct rs_tables *t)
{
    int wants_sites = (int)atomic_load_explicit(&w->shm->header->wants_sites, memory_order_relaxed);

    rs_classifier_use_sites(w->classifier, wants_sites ? &w->sites : NULL);
    if (!t || !t->apps || t->apps == w->apps)
        return;
    rs_classifier_set_apps(w->classifier, t->apps);
    w->apps = t->apps;
    w->dns = rs_apps_find(t->apps, "dns");
    w->suspected[RS_SUSPECT_P2P] = rs_apps_find(t->apps, "encrypted_p2p");
    w->suspected[RS_SUSPECT_PROXY] = rs_apps_find(t->apps, "encrypted_proxy");
    atomic_store(&w->shared->adopted, t->numbering);
}

/* What is known of the flow when it comes to a decision. */
struct known {
    const rs_result *result; /* NULL: judged anew, not dissected */
    const struct rs_view *view;
    uint16_t application;
    uint8_t is_suspected; /* by behaviour, not by the classifier */
    int host_is_source, is_rejudged;
};

static void tell(struct rs_worker *w, const struct known *k, const rs_identity *host, const rs_decision *d,
                 uint64_t now_ms)
{
    const struct rs_view *v = k->view;
    const rs_result *r = k->result;
    rs_event event;

    memset(&event, 0, sizeof event);
    event.time_ms = now_ms;
    event.kind = d->action == RS_BLOCK ? RS_EVENT_BLOCKED : RS_EVENT_DECIDED;
    event.row = d->row;
    event.action = d->action;
    event.application = k->application;
    event.transport = v->transport;
    event.is_rejudged = (uint8_t)k->is_rejudged;
    memcpy(event.mac, host->mac, sizeof event.mac);
    if (r) {
        event.stage = k->is_suspected ? RS_STAGE_BEHAVIOUR : r->stage;
        event.protocol = r->protocol;
        memcpy(event.client, r->client, 16);
        memcpy(event.server, r->server, 16);
        event.client_port = r->client_port;
        event.server_port = r->server_port;
        memcpy(event.host, r->host, sizeof event.host);
    } else { /* without the flow table the LAN's end stands for the client */
        memcpy(event.client, k->host_is_source ? v->source : v->target, 16);
        memcpy(event.server, k->host_is_source ? v->target : v->source, 16);
        event.client_port = k->host_is_source ? v->source_port : v->target_port;
        event.server_port = k->host_is_source ? v->target_port : v->source_port;
    }
    rs_shm_put_event(w->ring, &event);
}

static uint32_t decided_mark(const struct rs_tables *t, uint32_t mark, uint16_t application, uint32_t action,
                             uint32_t lane)
{
    return (mark & RS_MARK_WAN) | (application & RS_MARK_APP) | lane << RS_MARK_PRIORITY_SHIFT |
           action << RS_MARK_ACTION_SHIFT | t->generation << RS_MARK_GENERATION_SHIFT | RS_MARK_DECIDED;
}

/* The mark of a decided flow; a blocked request is answered by the page, and the flow's packets are then dropped unheard. */
static void settle(struct rs_worker *w, const struct rs_tables *t, const rs_packet *packet, const struct known *k,
                   const rs_identity *host, const rs_decision *d, uint32_t mark, struct rs_verdict *out)
{
    const struct rs_view *v = k->view;
    uint32_t action = d->action;

    out->application = k->application;
    if (action == RS_BLOCK) {
        rs_count(&w->shared->blocked, 1);
        if (k->host_is_source && v->transport == RS_TCP &&
            rs_page_is_request(packet->data + v->payload_offset, v->payload_length)) {
            out->wants_page = 1;
            action = RS_BLOCK_PAGE;
        }
        out->wants_reset = !k->host_is_source && v->transport == RS_TCP;
        memcpy(out->mac, host->mac, sizeof out->mac);
    }
    out->mark = decided_mark(t, mark, k->application, action, d->lane);
    tell(w, k, host, d, packet->now_ms);
}

static void rejudge(struct rs_worker *w, const struct rs_tables *t, const rs_packet *packet, const struct rs_view *v,
                    uint32_t mark, struct rs_verdict *out)
{
    uint32_t before = mark >> RS_MARK_ACTION_SHIFT & 15;
    struct known known = {.view = v, .application = mark & RS_MARK_APP, .is_rejudged = 1};
    rs_identity host;
    rs_decision decision;

    known.host_is_source = rs_policy_is_local(t->policy, v->source);
    rs_shm_identity(w->shm, known.host_is_source ? v->source : v->target, &host);
    rs_policy_decide(t->policy, w->index, &host, known.application, &decision);
    rs_count(&w->shared->rejudged, 1);
    if (decision.action == RS_BLOCK && before == RS_ALLOW)
        settle(w, t, packet, &known, &host, &decision, mark, out);
    else /* as before, or free again: nothing to tell. A page that was sent stays sent. */
        out->mark =
            decided_mark(t, mark, known.application, decision.action == RS_BLOCK ? before : RS_ALLOW, decision.lane);
}

/* The application that a flow without a name has by what its host does; 0 none. */
static uint16_t suspect(struct rs_worker *w, const struct rs_tables *t, const rs_identity *host, const rs_result *r,
                        uint64_t now_ms)
{
    struct rs_opening *opening = &w->openings[r->flow];
    struct rs_host_slot *slot = rs_host_find(w->shm, host->address);

    if (slot == NULL || memcmp(host->address, r->client, sizeof r->client) != 0 || rs_opening_of(opening, r) == NULL ||
        rs_policy_is_local(t->policy, r->server))
        return 0;
    return w->suspected[rs_behaviour_of(slot, opening, r, now_ms, &opening->confidence)];
}

static void judge(struct rs_worker *w, const struct rs_tables *t, const rs_packet *packet, const struct rs_view *v,
                  uint32_t mark, struct rs_verdict *out)
{
    struct known known = {.view = v};
    rs_packet asked = *packet;
    rs_identity host;
    rs_decision decision;
    rs_result r;
    int is_last;

    asked.is_undecided = !(mark & RS_MARK_DECIDED);
    if (rs_classifier_packet(w->classifier, &asked, &r) < 0) {
        rs_count(&w->shared->unreadable, 1);
        return;
    }
    known.result = &r;
    /* One DNS flow may ask for many names; it is never the application that was first asked for. */
    known.application = r.application && r.protocol != w->dns ? r.application : r.protocol;
    known.host_is_source = rs_policy_is_local(t->policy, v->source);
    if (known.host_is_source && rs_policy_is_local(t->policy, v->target)) /* between two LANs: who opened the flow */
        known.host_is_source = r.from_client;
    rs_shm_identity(w->shm, known.host_is_source ? v->source : v->target, &host);
    is_last = r.packets >= w->packets_limit;
    if (r.payload_length > 0 && (r.state != RS_DECIDED || r.ja4[0] != 0))
        rs_opening_note(&w->openings[r.flow], &r, packet);
    if (r.state == RS_NEED_MORE && !is_last) {
        rs_policy_decide(t->policy, w->index, &host, known.application, &decision);
        /* Blocked whatever it turns out to be: at once, but a page can only answer a request. */
        if (!decision.is_certain || decision.action != RS_BLOCK ||
            (r.transport == RS_TCP && r.server_port == HTTP_PORT))
            return;
    }
    if (known.application == 0) {
        known.application = suspect(w, t, &host, &r, packet->now_ms);
        known.is_suspected = known.application != 0;
    }
    rs_policy_decide(t->policy, w->index, &host, known.application, &decision);
    rs_count(r.state == RS_EXCLUDED ? &w->shared->excluded : &w->shared->decided, 1);
    settle(w, t, packet, &known, &host, &decision, mark, out);
}

/* The LAN host of a packet is known from here on, and by which line it goes. */
static void note_host(struct rs_worker *w, const struct rs_tables *t, const rs_packet *packet, const struct rs_view *v,
                      uint32_t mark)
{
    struct rs_host_slot *slot = NULL;

    if (rs_policy_is_local(t->policy, v->source))
        slot = rs_host_see(w->shm, v->source, packet->has_mac ? packet->mac : NULL, packet->now_ms);
    else if (rs_policy_is_local(t->policy, v->target))
        slot = rs_host_find(w->shm, v->target);
    if (slot)
        rs_host_note_line(w->shm, slot, (mark & RS_MARK_WAN) >> RS_MARK_WAN_SHIFT);
}

void rs_worker_packet(struct rs_worker *w, const struct rs_tables *t, const rs_packet *packet, uint32_t mark,
                      struct rs_verdict *out)
{
    struct rs_view view;
    rs_result result;
    int error;

    mark &= ~RS_MARK_QUEUE;
    memset(out, 0, sizeof *out);
    out->mark = mark & RS_MARK_DECIDED ? mark : mark & (RS_MARK_WAN | RS_MARK_PRIORITY);
    rs_count(&w->shared->packets, 1);
    if (!t || !t->apps || !t->policy)
        return;
    if ((error = rs_view_parse(&view, packet->data, packet->length)) < 0) {
        rs_count(&w->shared->unreadable, error == -EBADMSG);
        return;
    }
    note_host(w, t, packet, &view, mark);
    if (view.transport == RS_UDP && view.source_port == DNS_PORT) { /* only for what it teaches */
        out->mark = mark;
        rs_classifier_packet(w->classifier, packet, &result);
        rs_sites_tell(&w->sites, (uint32_t)(packet->now_ms / 1000));
        return;
    }
    if (mark & RS_MARK_DECIDED && !(t->foreign >> (mark >> RS_MARK_GENERATION_SHIFT & 63) & 1)) {
        if ((mark >> RS_MARK_GENERATION_SHIFT & 63) != t->generation)
            rejudge(w, t, packet, &view, mark, out);
        return;
    }
    judge(w, t, packet, &view, mark, out);
    rs_sites_tell(&w->sites, (uint32_t)(packet->now_ms / 1000)); /* names may be asked by TCP */
}
