/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New connections for the forwarding benchmark: as little work per connection as a client and a server can do.
 *
 *   connections serve PORT                       answers each request with 64 bytes, until killed
 *   connections ask ADDRESS PORT FILE COUNT      opens COUNT connections, at most 32 at a time; each sends FILE, reads the
 *                                                answer and closes by RST (no TIME_WAIT); prints how many were answered
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 32
#define EVENTS 64

static char buffer[65536];

static void watch(int poll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
        exit(1);
}

static int serve(uint16_t port)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0), on = 1;
    struct epoll_event events[EVENTS];

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&local, sizeof local) < 0 || listen(listener, 4096) < 0)
        return 1;
    watch(poll, listener, EPOLLIN);
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                    watch(poll, fd, EPOLLIN);
            } else if (read(fd, buffer, sizeof buffer) <= 0 || write(fd, buffer, 64) < 0) {
                close(fd);
            }
        }
    }
}

static void begin(int poll, const struct sockaddr_in *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct linger reset = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (fd < 0 || (connect(fd, (const struct sockaddr *)server, sizeof *server) < 0 && errno != EINPROGRESS))
        exit(1);
    watch(poll, fd, EPOLLIN | EPOLLOUT | EPOLLET);
}

static int ask(const char *address, uint16_t port, const char *path, long wanted)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
    static char request[65536], is_sent[65536];
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(request, 1, sizeof request, file) : 0;
    long begun = 0, ended = 0, answered = 0;
    struct epoll_event events[EVENTS];
    int poll = epoll_create1(0);

    if (!length || inet_pton(AF_INET, address, &server.sin_addr) != 1)
        return 1;
    for (; begun < AT_ONCE && begun < wanted; begun++)
        begin(poll, &server);
    while (ended < wanted) {
        int count = epoll_wait(poll, events, EVENTS, 10000);

        if (count <= 0)
            return 1;
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (events[i].events & EPOLLIN || events[i].events & (EPOLLERR | EPOLLHUP)) {
                answered += read(fd, buffer, sizeof buffer) > 0;
                is_sent[fd] = 0;
                close(fd);
                ended++;
                if (begun < wanted) {
                    begun++;
                    begin(poll, &server);
                }
            } else if (!is_sent[fd]) {
                is_sent[fd] = 1;
                if (write(fd, request, length) != (ssize_t)length)
                    return 1;
            }
        }
    }
    printf("%ld\n", answered);
    return answered == wanted ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve((uint16_t)atoi(argv[2]));
    if (argc == 6 && strcmp(argv[1], "ask") == 0)
        return ask(argv[2], (uint16_t)atoi(argv[3]), argv[4], atol(argv[5]));
    return 2;
}
