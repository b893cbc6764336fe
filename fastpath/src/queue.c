/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NFQUEUE by netlink: linux/netfilter/nfnetlink_queue.h. */

#include "queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "netlink.h"

#define MESSAGE_BYTES 4096u
#define VERDICT_BYTES 48u /* netlink and netfilter header, verdict, mark */
#define SOCKET_BYTES  (8 << 20)
#define WAKE_MS       200 /* how often an idle thread looks at stop and says that it lives */

struct request { /* a packet to answer by the page or a reset, once its verdict is out */
    rs_packet packet;
    int interface; /* where the host is */
    struct rs_verdict verdict;
};

struct batch {
    _Alignas(8) uint8_t messages[RS_BATCH][MESSAGE_BYTES];
    _Alignas(8) uint8_t verdicts[RS_BATCH * VERDICT_BYTES];
    struct mmsghdr headers[RS_BATCH];
    struct iovec vectors[RS_BATCH];
    struct request requests[RS_BATCH];
    uint32_t request_count;
    struct rs_nl out;
};

int rs_queue_open(struct rs_queue *q)
{
    _Alignas(8) uint8_t buffer[512];
    struct rs_nl nl = {.data = buffer, .capacity = sizeof buffer};
    struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND};
    struct nfqnl_msg_config_params params = {.copy_range = htonl(RS_COPY_BYTES), .copy_mode = NFQNL_COPY_PACKET};
    struct timeval wake = {.tv_usec = WAKE_MS * 1000};
    uint32_t flags = NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN;
    int on = 1, result;

    q->fd = rs_nl_open(NETLINK_NETFILTER, 0, SOCKET_BYTES);
    if (q->fd < 0)
        return q->fd;
    /* A full socket drops messages; their packets stay queued until the queue is full and lets them pass. Being told
     * by ENOBUFS would change nothing. */
    setsockopt(q->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
    setsockopt(q->fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof wake);
    rs_nl_begin(&nl, NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG, NLM_F_ACK, AF_UNSPEC, q->number);
    rs_nl_put(&nl, NFQA_CFG_CMD, &bind, sizeof bind);
    rs_nl_begin(&nl, NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG, NLM_F_ACK, AF_UNSPEC, q->number);
    rs_nl_put(&nl, NFQA_CFG_PARAMS, &params, sizeof params);
    rs_nl_put_u32(&nl, NFQA_CFG_QUEUE_MAXLEN, RS_QUEUE_LENGTH);
    rs_nl_put_u32(&nl, NFQA_CFG_FLAGS, flags);
    rs_nl_put_u32(&nl, NFQA_CFG_MASK, flags);
    result = rs_nl_ask(q->fd, &nl, 2);
    if (result < 0) {
        close(q->fd);
        q->fd = -1;
        return result == -EPERM ? -EBUSY : result; /* the kernel's word for a queue that has a reader */
    }
    return 0;
}

void rs_queue_close(struct rs_queue *q)
{
    if (q->fd >= 0)
        close(q->fd); /* the kernel accepts what still waits */
    q->fd = -1;
}

static uint32_t read_u32(const struct nlattr *attribute)
{
    uint32_t value_be = 0;

    if (attribute && rs_nl_length(attribute) >= sizeof value_be)
        memcpy(&value_be, rs_nl_value(attribute), sizeof value_be);
    return ntohl(value_be);
}

static void put_verdict(struct rs_queue *q, struct batch *b, uint32_t id_be, uint32_t mark)
{
    struct nfqnl_msg_verdict_hdr verdict = {.verdict = htonl(NF_ACCEPT), .id = id_be};

    rs_nl_begin(&b->out, NFNL_SUBSYS_QUEUE, NFQNL_MSG_VERDICT, 0, AF_UNSPEC, q->number);
    rs_nl_put(&b->out, NFQA_VERDICT_HDR, &verdict, sizeof verdict);
    rs_nl_put_u32(&b->out, NFQA_MARK, mark);
}

static void take_packet(struct rs_queue *q, struct batch *b, const struct rs_tables *tables,
                        const struct nlmsghdr *message, uint64_t now_ms)
{
    const struct nlattr *a[NFQA_MAX + 1];
    size_t skip = NLMSG_LENGTH(sizeof(struct nfgenmsg));
    const struct nfqnl_msg_packet_hdr *header;
    rs_packet packet = {.now_ms = now_ms};
    struct rs_verdict verdict;
    uint32_t mark;

    if (message->nlmsg_len < skip)
        return;
    rs_nl_attributes((const uint8_t *)message + skip, message->nlmsg_len - skip, a, NFQA_MAX + 1);
    if (!a[NFQA_PACKET_HDR] || rs_nl_length(a[NFQA_PACKET_HDR]) < sizeof *header)
        return;
    header = rs_nl_value(a[NFQA_PACKET_HDR]);
    mark = read_u32(a[NFQA_MARK]);
    if (a[NFQA_PAYLOAD]) {
        packet.data = rs_nl_value(a[NFQA_PAYLOAD]);
        packet.length = (uint32_t)rs_nl_length(a[NFQA_PAYLOAD]);
    }
    if (a[NFQA_HWADDR] && rs_nl_length(a[NFQA_HWADDR]) >= sizeof(struct nfqnl_msg_packet_hw)) {
        const struct nfqnl_msg_packet_hw *hw = rs_nl_value(a[NFQA_HWADDR]);

        packet.has_mac = ntohs(hw->hw_addrlen) == sizeof packet.mac;
        memcpy(packet.mac, hw->hw_addr, sizeof packet.mac);
    }
    rs_worker_packet(&q->worker, tables, &packet, mark, &verdict);
    put_verdict(q, b, header->packet_id, verdict.mark);
    if (verdict.wants_page || verdict.wants_reset) {
        int host_is = verdict.wants_page ? NFQA_IFINDEX_INDEV : NFQA_IFINDEX_OUTDEV;

        b->requests[b->request_count++] = (struct request){packet, (int)read_u32(a[host_is]), verdict};
    }
}

/* A packet without its verdict holds its place in the queue for ever, and when all are held everything passes unjudged. The
 * kernel has taken none of them when it had no memory for the message. */
static void send_verdicts(const struct rs_queue *q, const struct rs_nl *verdicts)
{
    const struct timespec pause = {0, 1000000};
    int result = rs_nl_send(q->fd, verdicts);

    while ((result == -ENOBUFS || result == -ENOMEM) && !atomic_load_explicit(q->stop, memory_order_relaxed)) {
        nanosleep(&pause, NULL);
        result = rs_nl_send(q->fd, verdicts);
    }
}

static void answer_requests(struct rs_queue *q, struct batch *b, const struct rs_tables *tables)
{
    for (uint32_t i = 0; i < b->request_count; i++) {
        const struct request *r = &b->requests[i];

        if (r->verdict.wants_reset)
            rs_page_send_reset(&q->page, &r->packet, r->interface, r->verdict.mac);
        else if (rs_page_send(&q->page, &r->packet, r->interface, r->verdict.mark & RS_MARK_WAN,
                              rs_apps_id(tables->apps, r->verdict.application),
                              rs_policy_page_url(tables->policy)) == 0)
            rs_count(&q->worker.shared->pages, 1);
    }
}

static void take_batch(struct rs_queue *q, struct batch *b, uint32_t count)
{
    const struct rs_tables *tables = rs_tables_enter(q->tables, &q->worker.shared->turn);
    uint64_t now_ms = rs_now_ms();

    b->out.length = 0;
    b->request_count = 0;
    rs_worker_turn(&q->worker, tables);
    for (uint32_t i = 0; i < count; i++) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)b->messages[i];

        /* The kernel puts one packet in a datagram, which is why RS_BATCH verdicts always have room. */
        if (NLMSG_OK(message, b->headers[i].msg_len) &&
            message->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
            take_packet(q, b, tables, message, now_ms);
    }
    if (b->out.length) /* none when the thread only woke to take new tables over */
        send_verdicts(q, &b->out);
    answer_requests(q, b, tables);
    rs_tables_leave(&q->worker.shared->turn);
    rs_count(&q->worker.shared->batches, count > 0);
    rs_counter_set(&q->worker.shared->heartbeat_ms, now_ms);
}

void *rs_queue_run(void *argument)
{
    static _Thread_local struct batch batch;
    struct rs_queue *q = argument;
    struct batch *b = &batch;

    b->out = (struct rs_nl){.data = b->verdicts, .capacity = sizeof b->verdicts};
    for (uint32_t i = 0; i < RS_BATCH; i++) {
        b->vectors[i] = (struct iovec){b->messages[i], MESSAGE_BYTES};
        b->headers[i].msg_hdr = (struct msghdr){.msg_iov = &b->vectors[i], .msg_iovlen = 1};
    }
    while (!atomic_load_explicit(q->stop, memory_order_relaxed)) {
        int count = recvmmsg(q->fd, b->headers, RS_BATCH, MSG_WAITFORONE, NULL);

        if (count > 0 || errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
            take_batch(q, b, count > 0 ? (uint32_t)count : 0);
        } else {
            q->result = -errno;
            break;
        }
    }
    return NULL;
}
