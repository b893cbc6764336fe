/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rs-fastpath --shm FILE --queues K [--first-queue N] [--flows N] [--packets N] [--apps FILE] [--ndpi] [--no-accounting]
 *
 * Reads queues N..N+K-1 and judges their packets by the tables beside FILE. SIGHUP: look at what the header wants.
 * SIGTERM, SIGINT: end. Exit 0 after a signal, 1 when something failed (one line on standard error says what), 2: usage.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "account.h"
#include "privileges.h"
#include "queue.h"
#include "tables.h"

#define HEARTBEAT_MS 250

struct fastpath {
    rs_shm *shm;
    struct rs_tables_box tables;
    struct rs_queue queues[RS_QUEUES_MAX];
    pthread_t threads[RS_QUEUES_MAX], account_thread;
    _Atomic uint32_t account_turn;
    _Atomic int stop, account_result;
    int wake_fd;
    uint32_t queue_count, first_queue, flows, packets;
    int has_accounting, has_ndpi;
    const char *shm_path, *apps_path;
};

static struct fastpath self; /* large, and there is one */

static int complain(const char *what, int result)
{
    fprintf(stderr, "rs-fastpath: %s: %s\n", what, strerror(-result));
    return 1;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: rs-fastpath --shm FILE --queues 1..%u [--first-queue N] [--flows N] [--packets 1..64] "
            "[--apps FILE] [--ndpi] [--no-accounting]\n",
            RS_QUEUES_MAX);
    return 2;
}

static int read_number(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most)
        return -EINVAL;
    *out = (uint32_t)value;
    return 0;
}

static int read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"shm", required_argument, NULL, 's'},
        {"queues", required_argument, NULL, 'q'},
        {"flows", required_argument, NULL, 'f'},
        {"packets", required_argument, NULL, 'p'},
        {"apps", required_argument, NULL, 'a'},
        {"first-queue", required_argument, NULL, 'n'},
        {"no-accounting", no_argument, NULL, 'x'},
        {"ndpi", no_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    int option, result = 0;

    self.flows = 16384;
    self.packets = RS_PACKETS;
    self.has_accounting = 1;
    while (result == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            self.shm_path = optarg;
            break;
        case 'a':
            self.apps_path = optarg;
            break;
        case 'q':
            result = read_number(optarg, 1, RS_QUEUES_MAX, &self.queue_count);
            break;
        case 'n':
            result = read_number(optarg, 0, 65535 - RS_QUEUES_MAX, &self.first_queue);
            break;
        case 'f':
            result = read_number(optarg, 64, 1u << 24, &self.flows);
            break;
        case 'p':
            result = read_number(optarg, 1, 64, &self.packets);
            break;
        case 'd':
            self.has_ndpi = 1;
            break;
        case 'x':
            self.has_accounting = 0;
            break;
        default:
            result = -EINVAL;
        }
    }
    return result == 0 && optind == argc && self.shm_path && self.queue_count ? 0 : -EINVAL;
}

static void *run_accounting(void *unused)
{
    (void)unused;
    self.account_result = rs_account_run(self.shm, &self.tables, self.wake_fd, &self.stop);
    return NULL;
}

static int start(void)
{
    int result;

    for (uint32_t q = 0; q < self.queue_count; q++) {
        struct rs_queue *queue = &self.queues[q];

        queue->number = (uint16_t)(self.first_queue + q);
        queue->tables = &self.tables;
        queue->stop = &self.stop;
        self.tables.adopted[q] = &self.shm->workers[q].adopted;
        self.tables.turns[self.tables.readers++] = &self.shm->workers[q].turn;
        if ((result = rs_worker_init(&queue->worker, self.shm, q, q ? &self.queues[0].worker : NULL, self.packets)) < 0)
            return complain("flow table", result);
        if (self.has_ndpi && (result = rs_classifier_use_ndpi(queue->worker.classifier, 1)) < 0)
            return complain("libndpi", result);
        if ((result = rs_page_open(&queue->page)) < 0)
            return complain("raw socket", result);
    }
    self.tables.turns[self.tables.readers++] = &self.account_turn;
    if (rs_tables_load(&self.tables, self.shm, self.apps_path, 1) < 0)
        fprintf(stderr, "rs-fastpath: %s\n",
                self.shm->header->error);           /* goes on: packets pass until a good one comes */
    for (uint32_t q = 0; q < self.queue_count; q++) /* last: from here on packets wait for us */
        if ((result = rs_queue_open(&self.queues[q])) < 0)
            return complain("queue", result);
    for (uint32_t q = 0; q < self.queue_count; q++)
        if ((result = -pthread_create(&self.threads[q], NULL, rs_queue_run, &self.queues[q])) < 0)
            return complain("thread", result);
    if (self.has_accounting && (result = -pthread_create(&self.account_thread, NULL, run_accounting, NULL)) < 0)
        return complain("thread", result);
    return 0;
}

/* Packets that the kernel dropped for us: there is no netlink message that tells, only this file. */
static void read_queue_drops(void)
{
    FILE *file = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
    unsigned number, portid, total, mode, range, dropped, user_dropped;
    uint64_t sum = 0;

    if (!file)
        return;
    while (fscanf(file, "%u %u %u %u %u %u %u %*u %*u", &number, &portid, &total, &mode, &range, &dropped,
                  &user_dropped) == 7)
        if (number >= self.first_queue && number < self.first_queue + self.queue_count)
            sum += (uint64_t)dropped + user_dropped;
    fclose(file);
    rs_counter_set(&self.shm->header->queue_dropped, sum);
}

static int has_failed(void)
{
    for (uint32_t q = 0; q < self.queue_count; q++)
        if (self.queues[q].result < 0)
            return complain("queue", self.queues[q].result);
    return self.account_result < 0 ? complain("accounting", self.account_result) : 0;
}

/* Until a signal says stop (0) or a thread has failed (1). */
static int serve(int signal_fd)
{
    struct pollfd wait = {.fd = signal_fd, .events = POLLIN};

    for (uint32_t beat = 0;; beat++) {
        struct signalfd_siginfo info;
        uint64_t one = 1;

        rs_counter_set(&self.shm->header->heartbeat_ms, rs_now_ms());
        if (beat % 8 == 0)
            read_queue_drops();
        if (has_failed())
            return 1;
        if (poll(&wait, 1, HEARTBEAT_MS) <= 0 || read(signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo != SIGHUP)
            return 0;
        rs_tables_load(&self.tables, self.shm, self.apps_path, 0);
        if (write(self.wake_fd, &one, sizeof one) <
            0) /* the accounting thread looks too; a full counter wakes as well */
            continue;
    }
}

int main(int argc, char **argv)
{
    static char default_apps[4096 + 16];
    char error[RS_ERROR_SIZE];
    const char *slash;
    sigset_t signals;
    int signal_fd, result;

    if (read_options(argc, argv) < 0)
        return usage();
    slash = strrchr(self.shm_path, '/');
    snprintf(default_apps, sizeof default_apps, "%.*sapps.bin", slash ? (int)(slash - self.shm_path + 1) : 0,
             self.shm_path);
    if (!self.apps_path)
        self.apps_path = default_apps;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before any thread and before anybody can know our pid */
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    self.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0 || self.wake_fd < 0)
        return complain("signals", -errno);
    if (rs_shm_open(self.shm_path, self.queue_count, self.flows, &self.shm, error) < 0) {
        fprintf(stderr, "rs-fastpath: %s\n", error);
        return 1;
    }
    if ((result = rs_shm_own(self.shm)) < 0)
        return complain("another rs-fastpath runs with this file", result);
    if ((result = rs_keep_network_privileges()) < 0)
        return complain("capabilities", result);
    rs_account_recover(self.shm);
    rs_hosts_mend(self.shm);
    rs_count(&self.shm->header->starts, 1);
    if (start() != 0)
        return 1; /* exit ends the threads that run already */
    result = serve(signal_fd);
    atomic_store(&self.stop, 1);
    for (uint32_t q = 0; q < self.queue_count; q++) {
        pthread_join(self.threads[q], NULL);
        rs_queue_close(&self.queues[q]);
        rs_page_close(&self.queues[q].page);
        rs_classifier_close(self.queues[q].worker.classifier);
    }
    if (self.has_accounting) {
        uint64_t one = 1;

        if (write(self.wake_fd, &one, sizeof one) > 0)
            pthread_join(self.account_thread, NULL);
    }
    rs_tables_close(&self.tables);
    rs_shm_close(self.shm);
    return result;
}
