/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rs-shape --shm FILE --config FILE --state FILE
 *
 * Shapes by the configuration until SIGTERM or SIGINT, which take its trees down. SIGHUP: the configuration is new; one
 * that cannot be read leaves the old one in force. The state file is written anew each second. Exit 0 after a signal, 1
 * when something failed (one line on standard error says what), 2: usage.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privileges.h"
#include "shape.h"

#define CONFIG_MAX      (64 << 20)
#define TICKS_OF_SECOND (1000 / RS_SHAPE_TICK_MS)

static const char *shm_path, *config_path, *state_path;

static int complain(const char *what, int result)
{
    fprintf(stderr, "rs-shape: %s: %s\n", what, strerror(-result));
    return 1;
}

static int read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"shm", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'},
        {"state", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            shm_path = optarg;
        else if (option == 'c')
            config_path = optarg;
        else if (option == 't')
            state_path = optarg;
        else
            return -EINVAL;
    }
    return optind == argc && shm_path && config_path && state_path ? 0 : -EINVAL;
}

static int read_config(struct rs_shape_config **out)
{
    char error[RS_ERROR_SIZE] = "";
    FILE *file = fopen(config_path, "re");
    struct stat status;
    char *text = NULL;
    int result = -EINVAL;

    if (!file)
        return complain(config_path, -errno);
    if (fstat(fileno(file), &status) == 0 && status.st_size > 0 && status.st_size < CONFIG_MAX &&
        (text = malloc((size_t)status.st_size)) != NULL &&
        fread(text, 1, (size_t)status.st_size, file) == (size_t)status.st_size)
        result = rs_shape_parse(text, (size_t)status.st_size, out, error);
    free(text);
    fclose(file);
    if (result < 0)
        fprintf(stderr, "rs-shape: %s\n", error[0] ? error : "the configuration cannot be read");
    return result < 0;
}

static void write_state(const struct rs_shaper *shaper)
{
    char fresh[4096];
    FILE *file;

    snprintf(fresh, sizeof fresh, "%s.new", state_path);
    file = fopen(fresh, "we");
    if (!file)
        return;
    rs_shaper_write(shaper, file);
    if (fclose(file) == 0)
        rename(fresh, state_path);
}

/* Until a signal says stop (0), or the shared file is another one now (1). */
static int serve(const rs_shm *shm, struct rs_shaper *shaper, int signal_fd)
{
    struct pollfd wait = {.fd = signal_fd, .events = POLLIN};
    struct signalfd_siginfo info;
    struct rs_shape_config *config;
    uint64_t next_ms = rs_now_ms();

    for (uint32_t tick = 0;; tick++) {
        uint64_t now_ms = rs_now_ms();

        rs_shaper_tick(shaper, now_ms);
        if (tick % TICKS_OF_SECOND == 0) {
            write_state(shaper);
            if (rs_shm_is_replaced(shm))
                return 1;
        }
        next_ms = next_ms + RS_SHAPE_TICK_MS > now_ms ? next_ms + RS_SHAPE_TICK_MS : now_ms + RS_SHAPE_TICK_MS;
        now_ms = rs_now_ms();
        if (poll(&wait, 1, next_ms > now_ms ? (int)(next_ms - now_ms) : 0) <= 0)
            continue;
        if (read(signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo != SIGHUP)
            return 0;
        if (read_config(&config) == 0)
            rs_shaper_configure(shaper, config);
    }
}

int main(int argc, char **argv)
{
    struct rs_shape_config *config;
    struct rs_shaper *shaper;
    char error[RS_ERROR_SIZE];
    sigset_t signals;
    rs_shm *shm;
    int signal_fd, result;

    if (read_options(argc, argv) < 0) {
        fprintf(stderr, "usage: rs-shape --shm FILE --config FILE --state FILE\n");
        return 2;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (signal_fd < 0)
        return complain("signals", -errno);
    if (rs_shm_open(shm_path, 0, 0, &shm, error) < 0) {
        fprintf(stderr, "rs-shape: %s\n", error);
        return 1;
    }
    if (read_config(&config) != 0)
        return 1;
    if ((result = rs_keep_network_privileges()) < 0)
        return complain("capabilities", result);
    if ((result = rs_shaper_open(&shaper, shm)) < 0)
        return complain("netlink", result);
    rs_shaper_configure(shaper, config);
    result = serve(shm, shaper, signal_fd);
    if (result == 0) {
        rs_shaper_configure(shaper, NULL);
        unlink(state_path);
    }
    rs_shaper_close(shaper);
    rs_shm_close(shm);
    return result;
}
