/* What the peer programs share: settings as name=value words, hex, and a TCP listener on 127.0.0.1. */
#ifndef PEER_H
#define PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PEER_MOST 64

/* The program's own words, as main got them. */
static int peer_argc;
static char **peer_argv;

static void peer_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("unusable: ", stdout);
  vprintf(format, arguments);
  putchar('\n');
  va_end(arguments);
  fflush(stdout);
  exit(2);
}

/* One line of output, at once, so that a test can wait for it. */
static void peer_say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  putchar('\n');
  va_end(arguments);
  fflush(stdout);
}

/* The value of the nth word that sets this name; NULL where there are fewer. */
static const char *peer_setting_at(const char *name, int nth) {
  size_t length = strlen(name);
  for (int i = 1; i < peer_argc; i++) {
    if (strncmp(peer_argv[i], name, length) != 0 || peer_argv[i][length] != '=') continue;
    if (nth-- == 0) return peer_argv[i] + length + 1;
  }
  return NULL;
}

static const char *peer_setting(const char *name, const char *otherwise) {
  const char *value = peer_setting_at(name, 0);
  return value ? value : otherwise;
}

/* Takes main's words; one that sets none of the names is a mistake of the test's. */
static void peer_settings(int argc, char **argv, const char *const *names) {
  peer_argc = argc;
  peer_argv = argv;
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < argc; i++) {
    const char *equals = strchr(argv[i], '=');
    int known = 0;
    for (const char *const *name = names; equals && *name; name++) {
      known |= strlen(*name) == (size_t) (equals - argv[i]) && strncmp(*name, argv[i], equals - argv[i]) == 0;
    }
    if (!known) peer_fail("setting %s", argv[i]);
  }
}

/* Cuts a list at its commas, in place; returns how many items there are. */
__attribute__((unused)) static int peer_items(char *list, char *items[PEER_MOST]) {
  int count = 0;
  for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
    if (count == PEER_MOST - 1) peer_fail("more than %d items", PEER_MOST - 1);
    items[count++] = item;
  }
  return count;
}

static size_t peer_hex(const char *hex, unsigned char *bytes, size_t most) {
  size_t length = strlen(hex) / 2;
  if (length > most || strlen(hex) % 2) peer_fail("hex of %zu bytes", length);
  for (size_t i = 0; i < length; i++) {
    unsigned value;
    if (sscanf(hex + 2 * i, "%2x", &value) != 1) peer_fail("hex digits at %zu", 2 * i);
    bytes[i] = (unsigned char) value;
  }
  return length;
}

/* A peer that says nothing must not hold a test's server for ever. */
static void peer_bound(int socket) {
  struct timeval limit = {.tv_sec = 20};
  int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  /* Both libraries write a flight in several pieces, which Nagle's algorithm would hold back. */
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

__attribute__((unused)) static int peer_listen(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *) &address, length) || listen(listener, 64)) {
    peer_fail("listening");
  }
  getsockname(listener, (struct sockaddr *) &address, &length);
  peer_say("listening port=%d", ntohs(address.sin_port));
  return listener;
}

__attribute__((unused)) static int peer_accept(int listener) {
  int connection = accept(listener, NULL, NULL);
  if (connection < 0) peer_fail("accepting");
  peer_bound(connection);
  return connection;
}

__attribute__((unused)) static int peer_connect(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((unsigned short) atoi(port));
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0 || connect(connection, (struct sockaddr *) &address, sizeof address)) {
    peer_fail("connecting to port %s", port);
  }
  peer_bound(connection);
  return connection;
}

#endif
