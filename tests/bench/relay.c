/* The floor of the bench: relays bytes between each client and a connection of its own to the backend, on one
 * thread, by epoll, recv and send, and does nothing else. What a proxy costs above this is its own.
 * Usage: relay PORT BACKEND_PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 16384, BUFFER_BYTES = 65536, EVENTS_MAX = 1024 };

static int other_of[DESCRIPTORS_MAX];
static char buffer[BUFFER_BYTES];

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void watch(int epoll, int descriptor) {
  int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static void take_client(int epoll, int listener, int backend_port) {
  int client = accept(listener, NULL, NULL);
  if (client < 0) return;
  int upstream = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = loopback(backend_port);
  if (client >= DESCRIPTORS_MAX || upstream >= DESCRIPTORS_MAX || upstream < 0 ||
      connect(upstream, (struct sockaddr*)&address, sizeof(address)) != 0) {
    close(client);
    if (upstream >= 0) close(upstream);
    return;
  }
  other_of[client] = upstream;
  other_of[upstream] = client;
  watch(epoll, client);
  watch(epoll, upstream);
}

static void relay(int from) {
  int to = other_of[from];
  if (to < 0) return;   /* closed in this round */
  ssize_t got = recv(from, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got > 0 && send(to, buffer, (size_t)got, MSG_NOSIGNAL) == got) return;
  other_of[from] = other_of[to] = -1;
  close(from);
  close(to);
}

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "usage: relay PORT BACKEND_PORT\n"), 2;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  struct sockaddr_in address = loopback(atoi(argv[1]));
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) != 0 || listen(listener, 4096) != 0) {
    return perror("relay"), 1;
  }
  memset(other_of, -1, sizeof(other_of));
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  static struct epoll_event events[EVENTS_MAX];
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == listener) {
        take_client(epoll, listener, atoi(argv[2]));
      } else {
        relay(events[i].data.fd);
      }
    }
  }
}
